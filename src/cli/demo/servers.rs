//! The demo's two servers: an IRC server and a Let's Chat, in memory, on this machine only.

use std::net::{Ipv4Addr, SocketAddr};

use letsbridge_testkit::irc;
use letsbridge_testkit::irc::{Caps, IrcServer, VirtualUser};
use letsbridge_testkit::letschat;
use letsbridge_testkit::letschat::{AccountView, LetsChat, NewRoom, NewUser};

use super::DemoError;

/// The names and topics of the channels and rooms. A channel and its room have the same name. The page and the
/// terminal begin with the first.
pub(super) const CHANNELS: &[(&str, &str)] = &[
    ("lobby", "Say hello to the other side"),
    ("kitchen", "Tea, biscuits, and who left the fridge open"),
    ("dev", "Development"),
];

/// A channel and its room, bridged as the others, that the page does not show: there the people of IRC say hello
/// before a visitor comes.
pub(super) const HALL: &str = "hall";

/// The user name of the bridge in Let's Chat, and its nick on IRC.
pub(super) const BOT_NAME: &str = "letsbridge";

/// The user names and display names that visitors of the page can choose.
pub(super) const USERS: &[(&str, &str)] = &[("ann", "Ann"), ("bob", "Bob"), ("carla", "Carla")];

/// How the mail addresses of the accounts end that the bridge makes. Who takes one over gives it their own.
pub(super) const MADE_EMAIL: &str = "@irc.invalid";

/// The nick of a visitor of the page, unless somebody else has it.
pub(super) const VISITOR: &str = "dave";

/// Where everybody on IRC comes from: the bridge tells them apart by their nicks.
const IRC_HOST: &str = "people.example";

/// How many messages each channel and each room keeps.
const KEPT_MESSAGES: usize = 2_000;

/// How many uploaded files are kept.
const KEPT_FILES: usize = 20;

/// Both servers.
#[derive(Debug)]
pub(super) struct DemoServers {
    pub(super) irc: IrcServer,
    pub(super) letschat: LetsChat,
}

impl DemoServers {
    /// Starts both, on these ports of loopback.
    pub(super) async fn start(irc_port: u16, letschat_port: u16) -> Result<Self, DemoError> {
        let irc = IrcServer::start(irc_setup(irc_port)).await;
        let irc = irc.map_err(|error| DemoError::port(irc_port, "--irc-port", error))?;
        let letschat = LetsChat::start(letschat_setup(letschat_port)).await;
        let letschat =
            letschat.map_err(|error| DemoError::port(letschat_port, "--letschat-port", error))?;
        Ok(Self { irc, letschat })
    }

    /// Sets the topics of the channels, by a user who stays until the bridge is there.
    pub(super) fn set_topics(&self) -> Option<VirtualUser> {
        let host = self.irc.try_virtual_user("host")?;
        for (name, topic) in CHANNELS {
            host.join(&format!("#{name}"));
            host.send_line(&format!("TOPIC #{name} :{topic}"));
        }
        Some(host)
    }

    /// Whether the bridge is in the first channel.
    pub(super) fn bridge_is_on_irc(&self) -> bool {
        let members = self.irc.members(&format!("#{}", CHANNELS[0].0));
        members.iter().any(|member| member.trim_start_matches(['@', '+']) == BOT_NAME)
    }

    /// The account of Let's Chat with this id.
    pub(super) fn account(&self, id: &str) -> Option<AccountView> {
        self.letschat.accounts().into_iter().find(|account| account.id == id)
    }

    /// Whether the bridge is in the first room.
    pub(super) fn bridge_is_in_letschat(&self) -> bool {
        self.letschat.is_present(CHANNELS[0].0, BOT_NAME)
    }
}

/// Where a channel and its room are in [`CHANNELS`].
pub(super) fn place_of(name: &str) -> Option<usize> {
    let slug = name.trim_start_matches('#');
    CHANNELS.iter().position(|(known, _)| known.eq_ignore_ascii_case(slug))
}

/// A port of loopback.
pub(super) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn irc_setup(port: u16) -> irc::Setup {
    irc::Setup {
        bind: loopback(port),
        name: "irc.demo.example".to_owned(),
        network: "Demo".to_owned(),
        caps: Caps::all(),
        host_of: |_| IRC_HOST.to_owned(),
        history: KEPT_MESSAGES,
        transcript: 0,
        motd: vec![
            "The IRC side of letsbridge's demo.".to_owned(),
            "Join #lobby, #kitchen or #dev: messages there appear in Let's Chat.".to_owned(),
        ],
        ..irc::Setup::default()
    }
}

fn letschat_setup(port: u16) -> letschat::Setup {
    let person = |(username, name): &(&str, &str)| NewUser::new(username, name);
    letschat::Setup {
        bind: loopback(port),
        users: [(BOT_NAME, "IRC")].iter().chain(USERS).map(person).collect(),
        rooms: CHANNELS
            .iter()
            .chain(&[(HALL, "Where the people of IRC said hello")])
            .map(|(slug, about)| NewRoom {
                description: Some((*about).to_owned()),
                ..NewRoom::new(slug)
            })
            .collect(),
        max_posts: KEPT_MESSAGES,
        max_files: KEPT_FILES,
        page: true,
        page_excludes: vec![BOT_NAME.to_owned()],
        ..letschat::Setup::default()
    }
}
