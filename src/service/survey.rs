//! Logs in to an IRC network, and lists its channels or joins those of the links, for `letsbridge init`.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time;

use super::connector::{Connected, Connector};
use super::irc;
use super::probe::{PROBE_TIMEOUT, ProbeReport, ServerReport};
use super::sts::StsStore;
use super::supervisor::RejectedAttempt;
use crate::bridge::Peer;
use crate::config::{NetworkSettings, Settings};
use crate::domain::{Endpoint, EndpointId};
use crate::net;
use crate::net::ConnectionEnd;
use crate::protocol::irc::{
    IrcCommand, IrcEvent, IrcSession, LearnedPace, Line, ParsedLine, ReceivedLine,
};
use crate::protocol::{Input, Machine, Output};

/// How long to wait for the next line of the list. Some servers answer nothing to a client that asks right after
/// its login.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of lines of the list to read.
const MAX_LISTED: usize = 100_000;

/// The maximum number of channels to keep: those with the most users.
const MAX_KEPT: usize = 200;

/// The channels of a network that are not secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelList {
    /// The names and the numbers of users, the largest channels first.
    pub channels: Vec<(String, u32)>,
    /// How many channels the server listed.
    pub total: usize,
}

impl ChannelList {
    fn add(&mut self, name: &str, users: u32) {
        // Channels with & belong to one server. A terminal would obey control characters.
        if !name.starts_with(['#', '+', '!']) || name.contains(char::is_control) {
            return;
        }
        self.total += 1;
        self.channels.push((name.to_owned(), users));
        if self.channels.len() >= 2 * MAX_KEPT {
            self.keep_largest();
        }
    }

    fn keep_largest(&mut self) {
        self.channels.sort_by_key(|(name, users)| (Reverse(*users), name.clone()));
        self.channels.truncate(MAX_KEPT);
    }
}

/// Logs in to the first network of `settings`, lists its channels if `lists`, joins `channels`, and leaves. The list
/// is empty if the server gives none.
pub async fn survey(
    settings: &Settings,
    lists: bool,
    channels: &[Endpoint],
) -> (ProbeReport, ChannelList) {
    let network = &settings.networks[0];
    let sts = Arc::new(StsStore::open_read_only(&settings.state_dir));
    let mut connector = Connector::new(network, sts, None);
    let mut found = SurveyResult::new(network, lists, channels);
    let visits = async {
        // A second visit, if the server requires TLS.
        for _ in 0..2 {
            match visit(network, &mut connector, &mut found).await {
                Ok(()) => break,
                Err(VisitError::TryAgain) => {}
                Err(VisitError::Rejected(reason)) => {
                    found.server.login = Some(Err(reason));
                    break;
                }
                Err(VisitError::Ended(reason)) => {
                    found.on_end(reason);
                    break;
                }
            }
        }
    };
    // Whatever has not been answered by then is missing in the report.
    let _ = time::timeout(PROBE_TIMEOUT, visits).await;
    found.channels.keep_largest();
    found.settle();
    let SurveyResult { server, endpoints, channels, .. } = found;
    let members = HashMap::new();
    (ProbeReport { servers: vec![server], direct_messages: None, endpoints, members }, channels)
}

struct SurveyResult {
    /// Whether to list the channels.
    lists: bool,
    /// The channels to join.
    wanted: Vec<(EndpointId, Endpoint)>,
    /// Those that are joined.
    joined: Vec<EndpointId>,
    server: ServerReport,
    channels: ChannelList,
    endpoints: HashMap<Endpoint, Result<(), String>>,
}

impl SurveyResult {
    fn new(network: &NetworkSettings, lists: bool, channels: &[Endpoint]) -> Self {
        let network = &network.network;
        let is_here = |channel: &&Endpoint| channel.network() == Some(network);
        Self {
            lists,
            wanted: (0..).map(EndpointId).zip(channels.iter().filter(is_here).cloned()).collect(),
            joined: Vec::new(),
            server: ServerReport {
                peer: Peer::Irc(network.clone()),
                server: None,
                login: None,
                account: None,
            },
            channels: ChannelList::default(),
            endpoints: HashMap::new(),
        }
    }

    fn on_event(&mut self, event: SurveyEvent, commands: &mpsc::Sender<IrcCommand>) {
        match event {
            SurveyEvent::Listed(channels) => {
                self.channels = channels;
                if self.wanted.is_empty() {
                    quit(commands);
                }
            }
            SurveyEvent::Irc(IrcEvent::Registered { nick }) => {
                self.server.login = Some(Ok(nick));
            }
            SurveyEvent::Irc(IrcEvent::LoggedIn { account }) => {
                self.server.account = Some(Ok(account));
            }
            SurveyEvent::Irc(IrcEvent::LoginFailed { reason }) => {
                self.server.account = Some(Err(reason));
            }
            SurveyEvent::Irc(IrcEvent::Joined { endpoint, .. }) => self.joined.push(endpoint),
            SurveyEvent::Irc(IrcEvent::MaySpeak { endpoint, reason }) => {
                self.on_channel(endpoint, reason.map_or(Ok(()), Err), commands);
            }
            SurveyEvent::Irc(IrcEvent::NotJoined { endpoint, reason }) => {
                self.on_channel(endpoint, Err(reason), commands);
            }
            SurveyEvent::Irc(_) => {}
        }
    }

    fn on_channel(
        &mut self,
        endpoint: EndpointId,
        result: Result<(), String>,
        commands: &mpsc::Sender<IrcCommand>,
    ) {
        let Some((_, channel)) = self.wanted.iter().find(|(id, _)| *id == endpoint) else { return };
        self.endpoints.insert(channel.clone(), result);
        if self.has_tried_all() {
            quit(commands);
        }
    }

    fn has_tried_all(&self) -> bool {
        self.wanted.iter().all(|(_, channel)| self.endpoints.contains_key(channel))
    }

    /// The connection ended, perhaps before everything was found out.
    fn on_end(&mut self, reason: String) {
        if self.has_tried_all() {
            self.server.login.get_or_insert(Err(reason));
        } else {
            self.server.login = Some(Err(reason));
        }
    }

    /// If the server does not report a channel's modes, having joined must be enough.
    fn settle(&mut self) {
        for (_, channel) in self.wanted.iter().filter(|(id, _)| self.joined.contains(id)) {
            self.endpoints.entry(channel.clone()).or_insert(Ok(()));
        }
    }
}

fn quit(commands: &mpsc::Sender<IrcCommand>) {
    // The session may have ended.
    let _ = commands.try_send(IrcCommand::Quit("survey finished".to_owned()));
}

enum VisitError {
    /// The server wants TLS at another port.
    TryAgain,
    /// The server rejected us, for this reason.
    Rejected(String),
    /// The connection failed or ended, for this reason, perhaps after the login.
    Ended(String),
}

/// Runs one session, until the channels are listed or joined.
async fn visit(
    network: &NetworkSettings,
    connector: &mut Connector,
    found: &mut SurveyResult,
) -> Result<(), VisitError> {
    let Connected { stream, server, is_tls, .. } =
        connector.connect().await.map_err(VisitError::Ended)?;
    let charsets = irc::charsets(network);
    let pace = LearnedPace::new(now());
    let targets = irc::channel_targets(network, &found.wanted, &[]);
    let config = irc::session_config(network, &targets, pace, (is_tls, &server));
    let session = IrcSession::new(now(), config).writing(charsets.clone());
    let mut session = ListingSession::new(session, found.lists);
    let mut lines = net::framed_lines(stream, charsets);
    let (events, mut outlet) = mpsc::channel(1_024);
    let (commands, mut orders) = mpsc::channel(1);
    let run = async {
        let ended = net::drive(&mut session, &mut lines, &mut orders, &events, |event| event).await;
        drop(events);
        ended
    };
    let listen = async {
        while let Some(event) = outlet.recv().await {
            found.on_event(event, &commands);
        }
    };
    let (ended, ()) = tokio::join!(run, listen);
    if let Some(reason) = session.inner.disconnect_reason() {
        connector.on_session_end(&server, Some(reason));
        let away = RejectedAttempt::from(reason);
        return Err(match away.is_welcome_at_once() {
            true => VisitError::TryAgain,
            false => VisitError::Rejected(away.in_full()),
        });
    }
    match ended {
        ConnectionEnd::Cancelled | ConnectionEnd::Released => Ok(()),
        ConnectionEnd::Closed(reason) | ConnectionEnd::Lost(reason) => {
            Err(VisitError::Ended(reason))
        }
    }
}

/// An event of a [`ListingSession`].
#[derive(Debug)]
enum SurveyEvent {
    Irc(IrcEvent),
    /// The list is complete, or will not come.
    Listed(ChannelList),
}

/// ```text
/// NotAsked ──registered: LIST──▶ Asked ──end of list, refusal, timeout──▶ Done
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListState {
    NotAsked,
    /// Until then the next line must come.
    Asked(Instant),
    Done,
}

/// A session that asks for the channels once it is registered.
struct ListingSession {
    inner: IrcSession,
    /// Whether to ask at all.
    lists: bool,
    state: ListState,
    channels: ChannelList,
    /// How many lines of the list were read.
    listed: usize,
    output: VecDeque<Output<Line, SurveyEvent>>,
    last_input_at: Instant,
}

impl ListingSession {
    fn new(inner: IrcSession, lists: bool) -> Self {
        Self {
            inner,
            lists,
            state: ListState::NotAsked,
            channels: ChannelList::default(),
            listed: 0,
            output: VecDeque::new(),
            last_input_at: now(),
        }
    }

    fn on_line(&mut self, line: &ReceivedLine) {
        let (ReceivedLine::Utf8(text) | ReceivedLine::FallbackCharset(text)) = line else { return };
        let Ok(line) = ParsedLine::parse(text) else { return };
        match (line.command, line.parameters.as_slice()) {
            // RPL_LIST
            ("322", [_, name, users, ..]) => {
                self.channels.add(name, users.parse().unwrap_or(0));
                self.listed += 1;
                self.state = ListState::Asked(self.last_input_at + LIST_TIMEOUT);
                if self.listed >= MAX_LISTED {
                    self.finish();
                }
            }
            // RPL_LISTEND; ERR_NOPRIVILEGES, which names no command
            ("323" | "481", _) => self.finish(),
            // RPL_TRYAGAIN and ERR_UNKNOWNCOMMAND for LIST
            ("263" | "421", [_, command, ..]) if command.eq_ignore_ascii_case("LIST") => {
                self.finish();
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        self.state = ListState::Done;
        let channels = std::mem::take(&mut self.channels);
        self.output.push_back(Output::Event(SurveyEvent::Listed(channels)));
    }

    fn on_registered(&mut self) {
        if !self.lists {
            return self.finish();
        }
        let list = Line::new("LIST", &[]).expect("a command alone is a line");
        self.output.push_back(Output::Transmit(list));
        self.state = ListState::Asked(self.last_input_at + LIST_TIMEOUT);
    }
}

impl Machine for ListingSession {
    type Received = ReceivedLine;
    type Transmit = Line;
    type Command = IrcCommand;
    type Event = SurveyEvent;

    fn size(heard: &ReceivedLine) -> usize {
        IrcSession::size(heard)
    }

    fn handle_input(&mut self, now: Instant, input: Input<ReceivedLine, IrcCommand>) {
        self.last_input_at = now;
        match (&input, self.state) {
            (Input::Receive(line), ListState::Asked(_)) => self.on_line(line),
            (Input::Timeout, ListState::Asked(until)) if until <= now => self.finish(),
            _ => {}
        }
        self.inner.handle_input(now, input);
    }

    fn poll_output(&mut self) -> Option<Output<Line, SurveyEvent>> {
        if let Some(output) = self.output.pop_front() {
            return Some(output);
        }
        Some(match self.inner.poll_output()? {
            Output::Transmit(line) => Output::Transmit(line),
            Output::Release => Output::Release,
            Output::Close(reason) => Output::Close(reason),
            Output::Event(event) => {
                if matches!(event, IrcEvent::Registered { .. }) && self.state == ListState::NotAsked
                {
                    self.on_registered();
                }
                Output::Event(SurveyEvent::Irc(event))
            }
        })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let list = match self.state {
            ListState::Asked(until) => Some(until),
            ListState::NotAsked | ListState::Done => None,
        };
        list.into_iter().chain(self.inner.poll_timeout()).min()
    }
}

fn now() -> Instant {
    time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_channels_of_a_long_list_are_kept() {
        let mut list = ChannelList::default();
        for number in 0..50_000 {
            list.add(&format!("#c{number}"), number % 1_000);
            assert!(list.channels.len() < 2 * MAX_KEPT);
        }
        list.add("#\x1b[2Jevil", 9_999);
        list.add("nothing", 9_999);
        list.keep_largest();
        assert_eq!((list.total, list.channels.len()), (50_000, MAX_KEPT));
        assert_eq!(list.channels[0], ("#c10999".to_owned(), 999));
        assert!(list.channels.iter().all(|(_, users)| *users >= 995));
    }
}
