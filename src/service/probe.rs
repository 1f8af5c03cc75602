//! Checks both sides by actually logging in, for `letsbridge check`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time;

use super::connector::Connector;
use super::irc::{IrcConnection, NetworkPlan};
use super::letschat::{LetsChatConnection, LetsChatPlan};
use super::messages::EngineInput;
use super::sts::StsStore;
use super::supervisor::Connection;
use crate::bridge::{Event, Peer};
use crate::config::{HostPort, LetsChatSettings, NetworkSettings, Settings};
use crate::domain::{ChannelMember, Endpoint, EndpointId};
use crate::net::ConnectionEnd;
use crate::net::rest::{RestClient, RestError};
use crate::net::tls;
use crate::protocol::irc;
use crate::protocol::letschat;

/// Time limit per server.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(45);

/// Time limit for leaving.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of the check.
#[derive(Debug, Default)]
pub struct ProbeReport {
    /// Each server that was tried, in order within a network.
    pub servers: Vec<ServerReport>,
    /// Whether Let's Chat has direct messages enabled, if they are needed.
    pub direct_messages: Option<bool>,
    /// For each endpoint, whether it could be joined.
    pub endpoints: HashMap<Endpoint, Result<(), String>>,
    /// The nicks in each channel that was joined.
    pub members: HashMap<Endpoint, Vec<String>>,
}

/// The result for one server.
#[derive(Debug)]
pub struct ServerReport {
    /// Its network, or Let's Chat.
    pub peer: Peer,
    /// Its address, if the network has several servers.
    pub server: Option<HostPort>,
    /// The name we are logged in as, or why the login failed; `None` if there was no answer in time.
    pub login: Option<Result<String, String>>,
    /// The account we are logged in to, or why not; `None` if none is configured.
    pub account: Option<Result<String, String>>,
}

impl ProbeReport {
    /// The result for `endpoint`, or why it was not tried.
    pub fn endpoint_result(&self, endpoint: &Endpoint) -> Result<(), String> {
        let peer = peer_of(endpoint);
        if let Some(found) = self.endpoints.get(endpoint) {
            return found.clone();
        }
        let answers = self.servers.iter().filter(|visit| visit.peer == peer);
        let mut answers = answers.filter_map(|visit| visit.login.as_ref()).peekable();
        if answers.peek().is_some() && answers.all(Result::is_err) {
            return Err(format!("not tried: no connection to {peer}"));
        }
        Err(format!("{peer} did not answer in time"))
    }
}

/// Connects to all servers in `settings`, joins all endpoints, and leaves again.
pub async fn probe(settings: &Settings) -> ProbeReport {
    let endpoints: Vec<(EndpointId, Endpoint)> =
        (0..).map(EndpointId).zip(settings.endpoints().cloned()).collect();
    let sts = Arc::new(StsStore::open_read_only(&settings.state_dir));
    let mut looks = JoinSet::new();
    for network in &settings.networks {
        looks.spawn(probe_network(network.clone(), endpoints.clone(), Arc::clone(&sts)));
    }
    let whispering = settings.networks.iter().any(|network| network.direct_messages);
    looks.spawn(probe_letschat(settings.letschat.clone(), endpoints, whispering));
    let mut report = ProbeReport::default();
    while let Some(found) = looks.join_next().await {
        let found = found.expect("a check does not panic");
        report.servers.extend(found.servers);
        report.direct_messages = report.direct_messages.or(found.direct_messages);
        report.endpoints.extend(found.endpoints);
        report.members.extend(found.members);
    }
    report
}

/// Checks the servers of a network one after the other, because they may share a connection limit. The
/// channels are joined on the first that accepts us.
async fn probe_network(
    network: NetworkSettings,
    endpoints: Vec<(EndpointId, Endpoint)>,
    sts: Arc<StsStore>,
) -> ProbeReport {
    let mut report = ProbeReport::default();
    let several = network.servers.len() > 1;
    for server in &network.servers {
        let alone = NetworkSettings { servers: vec![server.clone()], ..network.clone() };
        let seated = report.servers.iter().any(|visit| matches!(visit.login, Some(Ok(_))));
        let wanted = if seated { &[] } else { &endpoints[..] };
        let seen = ProbeProgress::new(Peer::Irc(network.network.clone()), wanted);
        let found = run_probe(seen, |inbox, stopped| {
            let connector = Connector::new(&alone, Arc::clone(&sts), None);
            IrcConnection::new(NetworkPlan::fixed(alone, wanted), connector, inbox, stopped)
        });
        let ProbeResult { server: visit, endpoints: found, members, .. } = found.await;
        report.servers.push(ServerReport { server: several.then(|| server.clone()), ..visit });
        report.endpoints.extend(found);
        report.members.extend(members);
    }
    report
}

/// Logs in to Let's Chat alone, and leaves again.
pub async fn probe_letschat_login(letschat: &LetsChatSettings) -> Option<ServerReport> {
    probe_letschat(letschat.clone(), Vec::new(), false).await.servers.pop()
}

async fn probe_letschat(
    letschat: LetsChatSettings,
    endpoints: Vec<(EndpointId, Endpoint)>,
    whispering: bool,
) -> ProbeReport {
    let seen = ProbeProgress {
        awaits_direct_messages: whispering,
        ..ProbeProgress::new(Peer::LetsChat, &endpoints)
    };
    let found = run_probe(seen, |inbox, stopped| {
        let plan = LetsChatPlan::fixed(&letschat, &endpoints, whispering);
        LetsChatConnection::new(letschat.clone(), plan, inbox, stopped)
    });
    let ProbeResult { server: mut visit, direct_messages: whispers, endpoints, members } =
        found.await;
    if matches!(visit.login, Some(Err(_)))
        && let Some(reason) = rest_login_error(&letschat).await
    {
        visit.login = Some(Err(reason.to_string()));
    }
    ProbeReport { servers: vec![visit], direct_messages: whispers, endpoints, members }
}

/// Runs one session until everything is `seen`, and leaves.
async fn run_probe<P: Connection + Send + 'static>(
    mut seen: ProbeProgress,
    party: impl FnOnce(mpsc::Sender<EngineInput>, watch::Receiver<bool>) -> P,
) -> ProbeResult {
    let (inbox, mut outlet) = mpsc::channel(1_024);
    let (stop, stopped) = watch::channel(false);
    let mut sessions = JoinSet::new();
    sessions.spawn(run_once(party(inbox, stopped)));
    let look = async {
        while !seen.is_complete() {
            tokio::select! {
                Some(item) = outlet.recv() => seen.on_input(item),
                Some(Ok(ended)) = sessions.join_next() => seen.on_end(ended),
                else => break,
            }
        }
    };
    // Whatever has not been answered by then is missing in the report.
    let _ = time::timeout(PROBE_TIMEOUT, look).await;
    seen.settle();
    seen.quit();
    stop.send_replace(true);
    let leave = async { while sessions.join_next().await.is_some() {} };
    let listen = async { while outlet.recv().await.is_some() {} };
    let _ = time::timeout(QUIT_TIMEOUT, async { tokio::join!(leave, listen) }).await;
    seen.result
}

/// Uses the REST API to find out why the login failed: the websocket gives the same error for a wrong, a
/// revoked and an unknown token (docs/letschat-protocol.md, section 2).
async fn rest_login_error(letschat: &LetsChatSettings) -> Option<RestError> {
    let tls = tls::client_config(&letschat.tls_trust).ok()?;
    let account = match RestClient::new(&letschat.url, &letschat.token, &tls) {
        Ok(rest) => rest.account().await.map(|_| ()),
        Err(error) => Err(error),
    };
    // If the server is down, the websocket's error is more specific.
    account
        .err()
        .filter(|reason| !matches!(reason, RestError::Unreachable(_) | RestError::Unavailable(_)))
}

fn peer_of(endpoint: &Endpoint) -> Peer {
    endpoint.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
}

/// Runs one session, and another one if the server requires TLS.
async fn run_once(mut connection: impl Connection) -> Result<ConnectionEnd, String> {
    let mut ended = connection.run_session().await;
    if connection.rejection().0.is_some_and(|rejection| rejection.is_welcome_at_once()) {
        ended = connection.run_session().await;
    }
    match (ended, connection.rejection().0) {
        (Ok(ConnectionEnd::Closed(_) | ConnectionEnd::Lost(_)), Some(rejection)) => {
            Err(rejection.in_full())
        }
        (ended, _) => ended,
    }
}

/// The result for one server.
struct ProbeResult {
    server: ServerReport,
    direct_messages: Option<bool>,
    endpoints: HashMap<Endpoint, Result<(), String>>,
    members: HashMap<Endpoint, Vec<String>>,
}

/// The progress with one server.
struct ProbeProgress {
    /// The endpoints to check.
    endpoints: HashMap<EndpointId, Endpoint>,
    /// Whether we wait to learn if direct messages are enabled; if they are not, there is no answer.
    awaits_direct_messages: bool,
    /// The channels joined.
    joined: Vec<EndpointId>,
    result: ProbeResult,
    commands: Option<CommandSender>,
}

/// The command queue of a session.
enum CommandSender {
    Irc(mpsc::Sender<irc::IrcCommand>),
    LetsChat(mpsc::Sender<letschat::LetsChatCommand>),
}

impl ProbeProgress {
    fn new(peer: Peer, endpoints: &[(EndpointId, Endpoint)]) -> Self {
        let own_endpoints = endpoints.iter().filter(|(_, endpoint)| peer_of(endpoint) == peer);
        let names = own_endpoints.cloned().collect();
        let visit = ServerReport { peer, server: None, login: None, account: None };
        let found = ProbeResult {
            server: visit,
            direct_messages: None,
            endpoints: HashMap::new(),
            members: HashMap::new(),
        };
        Self {
            endpoints: names,
            awaits_direct_messages: false,
            joined: Vec::new(),
            result: found,
            commands: None,
        }
    }

    fn on_input(&mut self, item: EngineInput) {
        match item {
            EngineInput::IrcConnected(_, commands) => {
                self.commands = Some(CommandSender::Irc(commands));
            }
            EngineInput::LetsChatConnected(commands) => {
                self.commands = Some(CommandSender::LetsChat(commands));
            }
            EngineInput::Event(Event::Irc(_, event)) => match event {
                irc::IrcEvent::Registered { nick } => self.on_login(nick),
                irc::IrcEvent::LoggedIn { account } => {
                    self.result.server.account = Some(Ok(account));
                }
                irc::IrcEvent::LoginFailed { reason } => {
                    self.result.server.account = Some(Err(reason));
                }
                irc::IrcEvent::Joined { endpoint, .. } => self.joined.push(endpoint),
                irc::IrcEvent::MaySpeak { endpoint, reason } => {
                    self.on_endpoint(endpoint, reason.map_or(Ok(()), Err));
                }
                irc::IrcEvent::NotJoined { endpoint, reason } => {
                    self.on_endpoint(endpoint, Err(reason));
                }
                irc::IrcEvent::Membership(irc::MembershipEvent::Names {
                    endpoint,
                    members,
                    ..
                }) => self.on_members(endpoint, &members),
                _ => {}
            },
            EngineInput::Event(Event::LetsChat(event)) => match event {
                letschat::LetsChatEvent::LoggedIn(account) => self.on_login(account.username),
                letschat::LetsChatEvent::DirectMessagesEnabled(carries) => {
                    self.result.direct_messages = Some(carries);
                    self.awaits_direct_messages = false;
                }
                letschat::LetsChatEvent::Joined { endpoint, .. } => {
                    self.on_endpoint(endpoint, Ok(()));
                }
                letschat::LetsChatEvent::NotJoined { endpoint, reason } => {
                    self.on_endpoint(endpoint, Err(reason));
                }
                _ => {}
            },
            // The rest does not come from connections.
            _ => {}
        }
    }

    fn on_login(&mut self, name: String) {
        // The end of the session may be processed first.
        self.result.server.login.get_or_insert(Ok(name));
    }

    /// If a server does not report a channel's modes, having joined must be enough.
    fn settle(&mut self) {
        for endpoint in std::mem::take(&mut self.joined) {
            if self
                .endpoints
                .get(&endpoint)
                .is_some_and(|it| !self.result.endpoints.contains_key(it))
            {
                self.on_endpoint(endpoint, Ok(()));
            }
        }
    }

    fn on_endpoint(&mut self, endpoint: EndpointId, found: Result<(), String>) {
        if let Some(endpoint) = self.endpoints.get(&endpoint) {
            self.result.endpoints.insert(endpoint.clone(), found);
        }
    }

    fn on_members(&mut self, endpoint: EndpointId, members: &[ChannelMember]) {
        if let Some(endpoint) = self.endpoints.get(&endpoint) {
            let nicks = members.iter().map(|member| member.user.nick.clone()).collect();
            self.result.members.insert(endpoint.clone(), nicks);
        }
    }

    /// Whether we are logged in and have tried all endpoints, or were rejected.
    fn is_complete(&self) -> bool {
        match &self.result.server.login {
            None => false,
            Some(Err(_)) => true,
            Some(Ok(_)) => {
                let tried = |endpoint| self.result.endpoints.contains_key(endpoint);
                !self.awaits_direct_messages && self.endpoints.values().all(tried)
            }
        }
    }

    /// The session ended early: the remaining endpoints get no result.
    fn on_end(&mut self, ended: Result<ConnectionEnd, String>) {
        match ended {
            Err(reason) | Ok(ConnectionEnd::Closed(reason) | ConnectionEnd::Lost(reason)) => {
                self.result.server.login = Some(Err(reason));
            }
            Ok(ConnectionEnd::Cancelled | ConnectionEnd::Released) => {}
        }
    }

    fn quit(&self) {
        // The session may have ended.
        match &self.commands {
            Some(CommandSender::Irc(commands)) => {
                let _ = commands.try_send(irc::IrcCommand::Quit("check finished".to_owned()));
            }
            Some(CommandSender::LetsChat(commands)) => {
                let _ = commands.try_send(letschat::LetsChatCommand::Leave);
            }
            None => {}
        }
    }
}
