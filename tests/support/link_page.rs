//! The page where people link their accounts, served beside a Let's Chat, with a bridge that only answers the page.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use letsbridge::config;
use letsbridge::domain::{LinkAction, LinkOffer, LinkRefusal, LinkReply, LinkRequest};
use letsbridge::store::Store;
use letsbridge::web::{LinkCall, LinkDesk, WebServer};
use letsbridge_testkit::letschat::{self, LetsChat, NewUser};
use tempfile::TempDir;

/// The code of the only page.
pub(crate) const CODE: &str = "AZaz09-_AZaz09-_AZaz09";

/// The password of david on Let's Chat.
pub(crate) const PASSWORD: &str = "Pass+word/4730";

/// How many passwords and tokens may be tried.
const MAX_TRIES: usize = 5;

/// A web server, the Let's Chat where it signs people in, and what the bridge knows of the page.
pub(crate) struct LinkWorld {
    pub(crate) letschat: LetsChat,
    pub(crate) server: WebServer,
    pub(crate) public: String,
    pub(crate) bridge: Arc<Mutex<LinkBridge>>,
    _directory: TempDir,
}

/// What the bridge knows of the page, and what it was asked.
#[derive(Debug)]
pub(crate) struct LinkBridge {
    pub(crate) offer: LinkOffer,
    pub(crate) browser: Option<String>,
    pub(crate) refuses: Option<LinkRefusal>,
    pub(crate) fails: Option<String>,
    /// Gives up each request, as a bridge that ends.
    pub(crate) is_silent: bool,
    pub(crate) is_used: bool,
    pub(crate) actions: Vec<LinkAction>,
}

impl LinkWorld {
    /// A page for dave, at `public`; `{port}` is a free port in it.
    pub(crate) async fn new(public: &str, web: &str) -> Self {
        Self::with(public, web, true).await
    }

    /// The same, or with a bridge that links no accounts.
    pub(crate) async fn with(public: &str, web: &str, has_desk: bool) -> Self {
        // Only installs what other clients bring with them.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let david =
            NewUser { password: Some(PASSWORD.to_owned()), ..NewUser::new("david", "David") };
        let users = vec![NewUser::new("bridge", "bridge"), david];
        let letschat = LetsChat::start(letschat::Setup { users, ..letschat::Setup::default() });
        let letschat = letschat.await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let port = match public.contains("{port}") {
            true => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
            false => 0,
        };
        let public = public.replace("{port}", &port.to_string());
        let toml = format!(
            "state_dir = \"state\"\n[irc.office]\nservers = [\"127.0.0.1:6667\"]\ntls = false\nnick = \"bridge\"\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n[[link]]\nchannel = \"office/#tea\"\nroom = \"tea\"\n\
             [web]\npublic_url = {public:?}\nlisten = \"127.0.0.1:{port}\"\n{web}\n",
            letschat.url(),
            letschat.token("bridge"),
        );
        let path = directory.path().join("bridge.toml");
        std::fs::write(&path, toml).unwrap();
        private(&path);
        let (settings, _) = config::load(&path, std::iter::empty()).unwrap();
        drop(Store::open(&settings.state_dir).unwrap());
        let bridge = Arc::new(Mutex::new(LinkBridge::default()));
        let (desk, mut calls) = LinkDesk::channel();
        let server = WebServer::start(&settings, has_desk.then_some(desk)).await.unwrap().unwrap();
        let answering = bridge.clone();
        tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                // Puppets have another page.
                let LinkCall::Link(request, reply) = call else { continue };
                let answer = lock(&answering).answer(request);
                if let Some(answer) = answer {
                    drop(reply.send(answer));
                }
            }
        });
        Self { letschat, server, public, bridge, _directory: directory }
    }

    pub(crate) fn bridge(&self) -> MutexGuard<'_, LinkBridge> {
        lock(&self.bridge)
    }
}

impl Default for LinkBridge {
    fn default() -> Self {
        let offer = LinkOffer {
            nick: "dave".to_owned(),
            network: "office".to_owned(),
            made: Some("dave.irc".to_owned()),
            own: None,
            expires_at: Timestamp::now() + SignedDuration::from_mins(15),
        };
        Self {
            offer,
            browser: None,
            refuses: None,
            fails: None,
            is_silent: false,
            is_used: false,
            actions: Vec::new(),
        }
    }
}

impl LinkBridge {
    fn answer(&mut self, LinkRequest { code, browser, action }: LinkRequest) -> Option<LinkReply> {
        self.actions.push(action.clone());
        if self.is_silent {
            return None;
        }
        let refusal = match () {
            () if code != CODE => Some(LinkRefusal::Unknown),
            () if self.refuses.is_some() => self.refuses,
            () if self.is_used => Some(LinkRefusal::Used),
            () if *self.browser.get_or_insert(browser.clone()) != browser => {
                Some(LinkRefusal::OtherBrowser)
            }
            () if self.count(&LinkAction::Try) > MAX_TRIES => Some(LinkRefusal::TooManyTries),
            () => None,
        };
        if let Some(refusal) = refusal {
            return Some(LinkReply::Refused(refusal));
        }
        let reply = match (action, self.fails.clone()) {
            (LinkAction::View | LinkAction::Try, _) => {
                return Some(LinkReply::Offer(self.offer.clone()));
            }
            (_, Some(reason)) => return Some(LinkReply::Failed(reason)),
            (LinkAction::Attach { username, .. } | LinkAction::TakeOver { username, .. }, _) => {
                LinkReply::Linked { username }
            }
            (LinkAction::Unlink, _) => LinkReply::Unlinked,
        };
        self.is_used = true;
        Some(reply)
    }

    /// How often something was asked.
    pub(crate) fn count(&self, action: &LinkAction) -> usize {
        self.actions.iter().filter(|asked| *asked == action).count()
    }

    /// What was asked that changes something.
    pub(crate) fn changes(&self) -> Vec<LinkAction> {
        let is_change = |it: &&LinkAction| !matches!(it, LinkAction::View | LinkAction::Try);
        self.actions.iter().filter(is_change).cloned().collect()
    }
}

fn lock(bridge: &Mutex<LinkBridge>) -> MutexGuard<'_, LinkBridge> {
    bridge.lock().unwrap()
}

/// Only its owner may read a file with a token.
fn private(path: &std::path::Path) {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}
