//! The teller of stories: a whole bridge between servers we write the lines for, on a clock we own.
//!
//! ```text
//! irc < …     the IRC server sends this          lc < …     Let's Chat sends this
//! irc <+ …    the same, and more at once
//! irc > …     the bridge has sent this           lc > …     the bridge has sent this
//!                                                lc too long  … more at once than the bridge takes
//! irc lost    the connection ends                lc lost    the same
//! irc back    a new connection is there          lc back    the same
//! irc lost and back, lc lost and back            both, and the bridge learns of it at once with what
//!                                                was said before it by <+
//! irc closed: … , lc closed: …                   the bridge has hung up, for this reason
//! paused 9s   the bridge stands still for so long, and is there again: no time passes for a machine
//! wait 25s    time passes                        restart    the process dies and comes back
//! stop        the bridge is asked to stop
//! bob < …     the IRC server says this to the connection that bob of Let's Chat has of his own; it is
//!             otherwise told of as `irc` is, and `bob called …` says for which nick it was wished for
//! ```
//!
//! The teller numbers the calls to Let's Chat. `lc > 42#["…"]` is a call, and `lc < 43#[…]` answers the
//! latest call that has no answer yet. Where another one is answered, the story names the call:
//! `lc > 42#a["…"]`, `lc < 43#a[…]`. `lc refuses "…"`, `lc refuses #a "…"`: Let's Chat rejects this
//! post for good.
//!
//! A story fails on the first line that is not so, and on anything the bridge said that the story
//! does not tell; but only those of a world that is [`World::curious`] tell of how it asks who is
//! where. What they need not tell of is counted: more of it than [`WHO`], [`MODES`] and [`PINGS`] allow
//! fails the story. With several networks, `irc` is the first and `irc2`, `irc3` are the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use letsbridge::bridge::{
    Bridge, BridgeConfig, BridgePolicy, Command, Event, GapStats, NickPolicy, NickSource, Peer,
    PuppetCommand, PuppetEnd, Stats,
};
use letsbridge::domain::{
    ChannelMember, Endpoint, EndpointId, FloodControl, LetsChatUserId, Network,
};
use letsbridge::protocol::irc::{self, ReceivedLine};
use letsbridge::protocol::letschat;
use letsbridge::protocol::{Input, Machine, Output};
use letsbridge::store::Store;
use letsbridge::translate::PublicLinks;
use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat};
use secrecy::SecretBox;

use crate::calls::{self, Calls};

/// How the bridge asks who is where.
const QUESTIONS: [&str; 3] = ["WHO ", "WHOIS ", "NAMES "];

/// Whether the line asks who is where.
fn is_question(line: &str) -> bool {
    QUESTIONS.iter().any(|it| line.starts_with(it)) && line != "WHOIS NickServ"
}

/// Whether the line asks which modes a channel has.
fn asks_modes(line: &str) -> bool {
    line.starts_with("MODE ") && line.split(' ').count() == 2
}

/// How often the bridge is told that time has passed.
const TICK: Duration = Duration::from_secs(1);

/// A bridge, its store, its connections, and what it has said.
pub(crate) struct World {
    now: Instant,
    clock: Timestamp,
    conversations: Vec<Vec<Endpoint>>,
    policy: BridgePolicy,
    manners: Arc<LinkFormat>,
    asks_people: bool,
    whispering: bool,
    drop: bool,
    linked: bool,
    nicks: Vec<(Endpoint, NickPolicy)>,
    flood_control: FloodControl,
    curious: bool,
    /// What the network has taught the last session.
    lesson: Option<irc::LearnedPace>,
    invited_by: Option<String>,
    identity: irc::IrcIdentity,
    secure: bool,
    store: Store,
    bridge: Bridge,
    networks: Vec<Wire<irc::IrcSession>>,
    /// The connections that people have of their own, on the first network.
    puppets: Vec<Puppet>,
    letschat: Wire<letschat::LetsChatSession>,
    calls: Calls,
}

fn links() -> PublicLinks {
    let url = |text: &str| text.parse().unwrap();
    let key = SecretBox::new(Box::new([7; 32]));
    PublicLinks::new(key, url("https://bridge.example/"), url("https://chat.example/"))
}

/// Somebody's connection: where it is to sit.
struct Puppet {
    account: LetsChatUserId,
    nick: String,
    seats: Vec<irc::ChannelTarget>,
    wire: Wire<irc::IrcSession>,
    /// The server has put it out.
    turned_away: bool,
}

/// One connection: its machine while it is there, and what was sent over it.
struct Wire<M> {
    name: String,
    machine: Option<M>,
    sent: VecDeque<String>,
    /// When the connection began.
    since: Instant,
    /// How many lines of each kind it has sent that the story need not tell of.
    unheard: BTreeMap<&'static str, u32>,
}

/// Lines of one kind that stories need not tell of, and how many of them one connection may send.
#[derive(Clone, Copy)]
struct Silence {
    what: &'static str,
    /// So many at any time.
    at_once: u32,
    /// One more for each of these that has passed since the connection began.
    every: Duration,
}

/// Who is where: WHO, WHOIS and NAMES.
const WHO: Silence = Silence { what: "question", at_once: 4, every: Duration::from_secs(60) };

/// Which modes a channel has.
const MODES: Silence = Silence { what: "MODE", at_once: 6, every: Duration::from_secs(60) };

/// Whether the other side is alive.
const PINGS: Silence = Silence { what: "ping", at_once: 2, every: Duration::from_secs(20) };

impl<M> Wire<M> {
    /// A new connection, which has sent nothing.
    fn connect(&mut self, machine: M, now: Instant) {
        self.machine = Some(machine);
        self.since = now;
        self.unheard.clear();
    }

    /// Drops lines that the story need not tell of. Panics if there are too many of them.
    #[track_caller]
    fn hush(&mut self, now: Instant, kind: Silence, is_dropped: impl Fn(&str) -> bool) {
        let before = self.sent.len();
        self.sent.retain(|line| !is_dropped(line));
        let lines = u32::try_from(before - self.sent.len()).unwrap();
        if lines == 0 {
            return;
        }
        let sent = self.unheard.entry(kind.what).or_default();
        *sent += lines;
        let passed = now.saturating_duration_since(self.since);
        let bound = u64::from(kind.at_once) + passed.as_secs() / kind.every.as_secs();
        let (name, what) = (&self.name, kind.what);
        assert!(u64::from(*sent) <= bound, "{name}: {sent} {what} lines in {passed:?}");
    }
}

impl World {
    /// A world of these conversations, each like `office/#tea tea`, before any connection is there.
    pub(crate) fn new(conversations: &[&str]) -> Self {
        let conversations: Vec<Vec<Endpoint>> =
            conversations.iter().map(|it| it.split(' ').map(place).collect()).collect();
        let mut networks: Vec<Network> = Vec::new();
        for network in conversations.iter().flatten().filter_map(Endpoint::network) {
            if !networks.contains(network) {
                networks.push(network.clone());
            }
        }
        let mut store = Store::in_memory().unwrap();
        let start = "2026-11-22T12:00:00Z".parse().unwrap();
        let config = BridgeConfig { groups: conversations.clone(), ..BridgeConfig::default() };
        let bridge = Bridge::new(config, start, &mut store).unwrap();
        let mut world = Self {
            now: Instant::now(),
            clock: start,
            conversations,
            policy: BridgePolicy::default(),
            manners: Arc::new(LinkFormat { room: RoomFormat::default(), ..LinkFormat::default() }),
            asks_people: false,
            whispering: false,
            drop: false,
            linked: false,
            nicks: Vec::new(),
            // Most stories answer at the moment at which the bridge speaks.
            flood_control: FloodControl::Off,
            curious: false,
            lesson: None,
            invited_by: None,
            identity: irc::IrcIdentity {
                realname: "A bridge".to_owned(),
                ..irc::IrcIdentity::named("bridge")
            },
            secure: true,
            store,
            bridge,
            networks: networks.iter().map(|it| Wire::new(it.as_str())).collect(),
            puppets: Vec::new(),
            letschat: Wire::new("letschat"),
            calls: Calls::default(),
        };
        world.restart();
        world
    }

    /// The same under the flood control that the bridge is shipped with.
    pub(crate) fn paced(mut self) -> Self {
        self.flood_control = FloodControl::default();
        self
    }

    /// The same where the bridge is answered who is there.
    pub(crate) fn curious(mut self) -> Self {
        self.curious = true;
        self
    }

    /// The same where `whom` may invite the bridge.
    pub(crate) fn invited_by(mut self, whom: &str) -> Self {
        self.invited_by = Some(whom.to_owned());
        self
    }

    /// Who is in the channel as far as the bridge knows: `@nick (user@host, account, real name, away,
    /// bot)`, as much as is known of each.
    pub(crate) fn people(&self, channel: &str) -> Vec<String> {
        let (place, _) = self.bridge.endpoints().find(|(_, it)| **it == place(channel)).unwrap();
        let mut people: Vec<String> =
            self.bridge.roster(place).unwrap().iter().map(shown).collect();
        people.sort();
        people
    }

    /// The same where the bridge comes as what `change` makes of who it is.
    pub(crate) fn coming_as(mut self, change: impl FnOnce(&mut irc::IrcIdentity)) -> Self {
        change(&mut self.identity);
        self
    }

    /// The same where everybody can listen in to what goes to IRC.
    pub(crate) fn in_the_clear(mut self) -> Self {
        self.secure = false;
        self
    }

    /// The same under another policy.
    pub(crate) fn under(mut self, policy: BridgePolicy) -> Self {
        self.policy = policy;
        self.restart();
        self
    }

    /// The same where lines are never joined: each is a post of its own, as it came.
    pub(crate) fn never_joining(mut self) -> Self {
        let room = RoomFormat { merge_lines: MergeLines::Never, ..RoomFormat::default() };
        self.manners = Arc::new(LinkFormat { room, ..LinkFormat::default() });
        self.restart();
        self
    }

    /// The same in other manners than those that the bridge is shipped with.
    pub(crate) fn mannered(mut self, manners: LinkFormat) -> Self {
        self.manners = Arc::new(manners);
        self.restart();
        self
    }

    /// The same where whoever is in the rooms is asked for.
    pub(crate) fn asking_people(mut self) -> Self {
        self.asks_people = true;
        self
    }

    /// The same where people can talk in private.
    pub(crate) fn whispering(mut self) -> Self {
        self.whispering = true;
        self.restart();
        self
    }

    /// The same where nothing is said again that may have arrived.
    pub(crate) fn dropping(mut self) -> Self {
        self.drop = true;
        self.restart();
        self
    }

    /// The same where files become links for people without an account.
    pub(crate) fn linking(mut self) -> Self {
        self.linked = true;
        self.restart();
        self
    }

    /// The same where people of Let's Chat are heard under nicks of their own.
    pub(crate) fn under_nicks(self, source: NickSource, template: &str) -> Self {
        let channels = self.conversations.iter().flatten().filter(|it| it.network().is_some());
        let channels: Vec<Endpoint> = channels.cloned().collect();
        channels.into_iter().fold(self, |world, channel| world.nicked(channel, source, template))
    }

    /// The same in this channel.
    pub(crate) fn under_nicks_in(self, channel: &str, source: NickSource, template: &str) -> Self {
        self.nicked(place(channel), source, template)
    }

    fn nicked(mut self, channel: Endpoint, source: NickSource, template: &str) -> Self {
        self.nicks.push((channel, NickPolicy { source, template: template.to_owned() }));
        self.restart();
        self
    }

    /// A link to the file `id`, as the bridge makes it now.
    pub(crate) fn link(&self, id: &str, name: &str) -> String {
        links().file_link(id, name, self.clock).unwrap()
    }

    /// Tells a story from here on that goes on in the next.
    #[track_caller]
    pub(crate) fn tell_on(&mut self, story: &str) {
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line);
        }
    }

    /// Tells a story from here on, and holds the bridge to it.
    #[track_caller]
    pub(crate) fn tell(&mut self, story: &str) {
        self.tell_on(story);
        let untold = self.networks.iter_mut().flat_map(|wire| wire.sent.drain(..));
        let puppets = self.puppets.iter_mut().flat_map(|it| it.wire.sent.drain(..));
        let untold = untold.chain(puppets);
        let untold: Vec<String> = untold.chain(self.letschat.sent.drain(..)).collect();
        assert_eq!(untold, [""; 0], "the story does not tell of this");
    }

    /// What the bridge has counted of what it did not hear.
    pub(crate) fn gaps(&self) -> GapStats {
        self.counters().gaps
    }

    /// What the bridge has counted.
    pub(crate) fn counters(&self) -> &Stats {
        self.bridge.stats()
    }

    /// What the bridge has said on the first network and to Let's Chat, for a teller who answers.
    pub(crate) fn sent(&mut self) -> (Vec<String>, Vec<String>) {
        let sent: Vec<String> = self.letschat.sent.drain(..).collect();
        self.calls.take(&sent);
        (self.networks[0].sent.drain(..).collect(), sent)
    }

    #[track_caller]
    fn line(&mut self, line: &str) {
        let (who, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (who, rest) {
            ("wait", time) => self.wait(time),
            ("paused", time) => self.paused(time),
            ("restart", "") => self.restart(),
            ("stop", "") => self.happen(Event::Stop),
            ("lc", _) => self.letschat_line(line, rest),
            _ if !who.starts_with("irc") => self.puppet_line(who, line, rest),
            _ => {
                let index = match who.strip_prefix("irc").expect("irc or lc") {
                    "" => 0,
                    number => number.parse::<usize>().expect("a number") - 1,
                };
                self.irc_line(index, line, rest);
            }
        }
        if !rest.starts_with("<+ ") {
            self.settle();
        }
    }

    #[track_caller]
    fn irc_line(&mut self, index: usize, line: &str, rest: &str) {
        let now = self.now;
        let wire = &mut self.networks[index];
        let network = Network::new(&wire.name);
        if let Some(frame) = rest.strip_prefix("< ").or_else(|| rest.strip_prefix("<+ ")) {
            let heard = ReceivedLine::Utf8(unescape(frame));
            wire.machine.as_mut().expect("a connection").handle_input(now, Input::Receive(heard));
        } else if let Some(frame) = rest.strip_prefix("> ") {
            assert_eq!(wire.sent.pop_front(), Some(unescape(frame)), "in: {line}");
        } else if rest.starts_with("closed: ") {
            assert_eq!(wire.sent.pop_front().as_deref(), Some(rest), "in: {line}");
        } else if rest == "lost" {
            wire.machine = None;
            self.happen(Event::ConnectionLost(Peer::Irc(network)));
        } else if rest == "back" {
            let session = self.irc_session(&network);
            self.networks[index].connect(session, now);
        } else if rest == "lost and back" {
            let mut happenings = self.drained();
            happenings.push(Event::ConnectionLost(Peer::Irc(network.clone())));
            let session = self.irc_session(&network);
            self.networks[index].connect(session, now);
            self.turn(happenings);
        } else {
            panic!("what does this line mean? {line}");
        }
    }

    #[track_caller]
    fn puppet_line(&mut self, who: &str, line: &str, rest: &str) {
        let network = Network::new(&self.networks[0].name);
        let (now, clock, flood_control) = (self.now, self.clock, self.flood_control);
        let puppet = self.puppets.iter_mut().find(|it| it.wire.name == who);
        let puppet = puppet.unwrap_or_else(|| panic!("nobody was called: {line}"));
        let wire = &mut puppet.wire;
        if let Some(frame) = rest.strip_prefix("< ") {
            let heard = ReceivedLine::Utf8(unescape(frame));
            wire.machine.as_mut().expect("a connection").handle_input(now, Input::Receive(heard));
        } else if let Some(frame) = rest.strip_prefix("> ") {
            assert_eq!(wire.sent.pop_front(), Some(unescape(frame)), "in: {line}");
        } else if rest.starts_with("called ") || rest.starts_with("closed: ") {
            assert_eq!(wire.sent.pop_front().as_deref(), Some(rest), "in: {line}");
        } else if rest == "lost" {
            wire.machine = None;
            let lost = puppet.lost(network);
            self.happen(lost);
        } else if rest == "back" {
            let session = puppet.session((now, clock), flood_control);
            puppet.wire.connect(session, now);
        } else if rest == "lost and back" {
            let mut happenings = self.drained();
            let puppet = self.puppets.iter_mut().find(|it| it.wire.name == who).unwrap();
            happenings.push(puppet.lost(network));
            let session = puppet.session((now, clock), flood_control);
            puppet.wire.connect(session, now);
            self.turn(happenings);
        } else {
            panic!("what does this line mean? {line}");
        }
    }

    #[track_caller]
    fn letschat_line(&mut self, line: &str, rest: &str) {
        let wire = &mut self.letschat;
        if let Some(frame) = rest.strip_prefix("< ").or_else(|| rest.strip_prefix("<+ ")) {
            let machine = wire.machine.as_mut().expect("a connection");
            let frame = self.calls.answer(frame, &wire.sent, line);
            machine.handle_input(
                self.now,
                Input::Receive(letschat::ReceivedFrame::Text(frame.into())),
            );
        } else if let Some(call) = rest.strip_prefix("> 42#") {
            self.calls.tell(call, wire.sent.pop_front().as_deref(), line);
        } else if let Some(frame) = rest.strip_prefix("> ") {
            assert_eq!(calls::number(frame), None, "the teller numbers the calls: {line}");
            assert_eq!(wire.sent.pop_front().as_deref(), Some(frame), "in: {line}");
        } else if rest.starts_with("closed: ") {
            assert_eq!(wire.sent.pop_front().as_deref(), Some(rest), "in: {line}");
        } else if rest == "too long" {
            let machine = wire.machine.as_mut().expect("a connection");
            machine.handle_input(self.now, Input::Receive(letschat::ReceivedFrame::TooLarge));
        } else if rest == "lost" {
            wire.machine = None;
            self.calls = Calls::default();
            self.happen(Event::ConnectionLost(Peer::LetsChat));
        } else if rest == "back" {
            self.calls = Calls::default();
            let session = self.letschat_session();
            self.letschat.connect(session, self.now);
        } else if rest == "lost and back" {
            let mut happenings = self.drained();
            happenings.push(Event::ConnectionLost(Peer::LetsChat));
            let session = self.letschat_session();
            self.letschat.connect(session, self.now);
            self.calls = Calls::default();
            self.turn(happenings);
        } else if let Some(refusal) = rest.strip_prefix("refuses ") {
            let (name, why) = match refusal.strip_prefix('#') {
                Some(named) => named.split_once(' ').expect("a call and a reason"),
                None => ("", refusal),
            };
            let number = self.calls.close(name, &self.letschat.sent, line);
            self.refuse(&number, why);
        } else {
            panic!("what does this line mean? {line}");
        }
    }

    /// Let's Chat rejects the post with this number. It holds nothing like it when the bridge looks for
    /// it, and rejects it again.
    #[track_caller]
    fn refuse(&mut self, number: &str, why: &str) {
        self.answer(number, why);
        for _ in 0..2 {
            let listed = self.letschat.sent.pop_front().expect("the post is looked for");
            assert!(listed.contains("messages:list"), "{listed}");
            self.answer(calls::number(&listed).unwrap(), "[]");
            self.wait("1s");
            self.settle();
        }
        let again = self.letschat.sent.pop_front().expect("it is posted again");
        assert!(again.contains("messages:create"), "{again}");
        self.answer(calls::number(&again).unwrap(), why);
    }

    #[track_caller]
    fn answer(&mut self, number: &str, answer: &str) {
        let frame = format!("43{number}[{answer}]");
        self.letschat
            .machine
            .as_mut()
            .expect("a connection")
            .handle_input(self.now, Input::Receive(letschat::ReceivedFrame::Text(frame.into())));
        self.settle();
    }

    /// So many seconds pass, in which all servers are there and say nothing else.
    pub(crate) fn quietly(&mut self, seconds: u32) {
        const STEP: u32 = 5;
        for _ in 0..seconds.div_ceil(STEP) {
            self.wait(&format!("{STEP}s"));
            let puppets = self.puppets.iter_mut().map(|it| &mut it.wire);
            for wire in self.networks.iter_mut().chain(puppets) {
                let pong = ReceivedLine::Utf8(":irc.example PONG irc.example alive".to_owned());
                wire.machine
                    .iter_mut()
                    .for_each(|it| it.handle_input(self.now, Input::Receive(pong.clone())));
                wire.hush(self.now, PINGS, |line| line == "PING alive");
            }
            if let Some(machine) = &mut self.letschat.machine {
                machine.handle_input(
                    self.now,
                    Input::Receive(letschat::ReceivedFrame::Text("3".into())),
                );
            }
            self.letschat.hush(self.now, PINGS, |frame| frame == "2");
            self.settle();
        }
    }

    /// Moves the clock from deadline to deadline, as a driver would, and from second to second, as the
    /// bridge is told.
    fn paused(&mut self, time: &str) {
        let seconds = time.strip_suffix('s').and_then(|s| s.parse().ok());
        self.clock += Duration::from_secs(seconds.expect("a pause is like 25s"));
        let puppets = self.puppets.iter_mut().map(|puppet| &mut puppet.wire);
        for wire in self.networks.iter_mut().chain(puppets) {
            resume(wire, self.now);
        }
        resume(&mut self.letschat, self.now);
        self.happen(Event::Tick);
    }

    #[track_caller]
    fn wait(&mut self, time: &str) {
        let seconds = time.strip_suffix('s').and_then(|s| s.parse().ok());
        let end = self.now + Duration::from_secs(seconds.expect("a wait is like 25s"));
        let mut second = self.now + TICK;
        loop {
            let puppets = self.puppets.iter().map(|puppet| &puppet.wire);
            let irc = self.networks.iter().chain(puppets);
            let irc = irc.filter_map(|wire| wire.machine.as_ref()?.poll_timeout());
            let letschat = self.letschat.machine.as_ref().and_then(Machine::poll_timeout);
            let next = irc.chain(letschat).min().map_or(second, |at| at.min(second));
            if next > end {
                break;
            }
            self.pass(next);
            if next == second {
                self.happen(Event::Tick);
                second += TICK;
            }
            let puppets = self.puppets.iter_mut().map(|puppet| &mut puppet.wire);
            for wire in self.networks.iter_mut().chain(puppets) {
                tick(wire, next);
            }
            tick(&mut self.letschat, next);
            self.settle();
        }
        self.pass(end);
    }

    fn pass(&mut self, until: Instant) {
        let passed = until.saturating_duration_since(self.now);
        self.clock += jiff::SignedDuration::try_from(passed).unwrap();
        self.now = self.now.max(until);
    }

    /// The process is killed and started again: what was committed is all that it knows.
    fn restart(&mut self) {
        for wire in &mut self.networks {
            wire.machine = None;
        }
        self.puppets.clear();
        self.letschat.machine = None;
        self.calls = Calls::default();
        let networks = self.networks.iter().map(|wire| Network::new(&wire.name));
        let dropping = networks.filter(|_| self.drop).collect();
        let whispering: Vec<Network> = self
            .networks
            .iter()
            .filter(|_| self.whispering)
            .map(|wire| Network::new(&wire.name))
            .collect();
        let config = BridgeConfig {
            groups: self.conversations.clone(),
            policy: BridgePolicy { drop_unconfirmed: dropping, ..self.policy.clone() },
            format: Arc::clone(&self.manners),
            link_formats: Vec::new(),
            public_links: self.linked.then(links),
            nick_policies: self.nicks.clone(),
            direct_messages: whispering,
        };
        self.bridge = Bridge::new(config, self.clock, &mut self.store).unwrap();
    }

    fn happen(&mut self, happening: Event) {
        self.turn(vec![happening]);
    }

    fn turn(&mut self, happenings: Vec<Event>) {
        let mut orders = Vec::new();
        for happening in happenings {
            self.bridge.apply(self.clock, happening, &mut self.store, &mut orders).unwrap();
        }
        self.bridge.end_turn(self.clock, &mut self.store, &mut orders).unwrap();
        self.store.commit().unwrap();
        for order in orders {
            match order {
                Command::Irc(network, order) => {
                    let wire = self.networks.iter_mut().find(|wire| wire.name == network.as_str());
                    if let Some(machine) = wire.and_then(|wire| wire.machine.as_mut()) {
                        machine.handle_input(self.now, Input::Command(order));
                    }
                }
                Command::Puppets(
                    _,
                    PuppetCommand::Connect { user: account, nick, username: name, endpoint: place },
                ) => {
                    self.call(account, nick, &name, place);
                }
                Command::Puppets(_, PuppetCommand::Send(account, order)) => {
                    let puppet = self.puppets.iter_mut().find(|it| it.account == account);
                    if let Some(machine) = puppet.and_then(|it| it.wire.machine.as_mut()) {
                        machine.handle_input(self.now, Input::Command(order));
                    }
                }
                Command::LetsChat(order) => {
                    if let Some(machine) = self.letschat.machine.as_mut() {
                        machine.handle_input(self.now, Input::Command(order));
                    }
                }
            }
        }
    }

    fn call(&mut self, account: LetsChatUserId, nick: String, name: &str, place: EndpointId) {
        let seat =
            self.bridge.endpoints().find(|(id, _)| *id == place).map(|(_, name)| name.clone());
        let Some(Endpoint::Channel { name: channel, .. }) = seat else { panic!("a channel") };
        let seat = irc::ChannelTarget { endpoint: place, name: channel.to_string(), key: None };
        if !self.puppets.iter().any(|it| it.account == account) {
            let wire = Wire::new(name);
            self.puppets.push(Puppet {
                account: account.clone(),
                nick: nick.clone(),
                seats: Vec::new(),
                wire,
                turned_away: false,
            });
        }
        let puppet = self.puppets.iter_mut().find(|it| it.account == account).unwrap();
        match &mut puppet.wire.machine {
            Some(machine) => {
                machine.handle_input(self.now, Input::Command(irc::IrcCommand::Join(seat)));
            }
            None => {
                puppet.wire.sent.push_back(format!("called {nick}"));
                puppet.seats = vec![seat];
            }
        }
    }

    /// Drains all machines into the bridge and the wires until all is quiet.
    fn settle(&mut self) {
        loop {
            let happenings = self.drained();
            if happenings.is_empty() {
                return;
            }
            self.turn(happenings);
        }
    }

    /// What the machines have to tell the bridge; what they have sent is noted.
    fn drained(&mut self) -> Vec<Event> {
        let mut happenings = Vec::new();
        for wire in &mut self.networks {
            let network = Network::new(&wire.name);
            self.lesson = wire.machine.as_ref().map(irc::IrcSession::learned_pace).or(self.lesson);
            drain(wire, ToString::to_string, |event| {
                happenings.push(Event::Irc(network.clone(), event));
            });
            wire.hush(self.now, MODES, asks_modes);
            if !self.curious {
                wire.hush(self.now, WHO, is_question);
            }
        }
        let network = Network::new(&self.networks[0].name);
        for puppet in &mut self.puppets {
            let account = &puppet.account;
            let machine = puppet.wire.machine.as_ref();
            puppet.turned_away |= machine.is_some_and(|it| it.disconnect_reason().is_some());
            drain(&mut puppet.wire, ToString::to_string, |event| {
                let (network, account) = (network.clone(), account.clone());
                happenings.push(Event::Puppet(network, account, Box::new(event)));
            });
            if !self.curious {
                puppet.wire.hush(self.now, WHO, is_question);
            }
        }
        drain(&mut self.letschat, Clone::clone, |event| {
            happenings.push(Event::LetsChat(event));
        });
        happenings
    }

    fn irc_session(&self, network: &Network) -> irc::IrcSession {
        let mut seats: Vec<irc::ChannelTarget> = Vec::new();
        for (place, name) in self.bridge.endpoints() {
            if let Endpoint::Channel { network: on, name } = name
                && on == network
            {
                seats.push(irc::ChannelTarget {
                    endpoint: place,
                    name: name.to_string(),
                    key: None,
                });
            }
        }
        seats.sort_by_key(|seat| seat.endpoint);
        let lesson = self.lesson.unwrap_or_else(|| irc::LearnedPace::new(self.now));
        let (flood_control, clock, invited_by) =
            (self.flood_control, self.clock, self.invited_by.clone());
        irc::IrcSession::new(
            self.now,
            irc::SessionConfig {
                identity: self.identity.clone(),
                channels: seats,
                request_invite_from: invited_by,
                flood_control,
                learned_pace: lesson,
                seed: 1,
                started_at: clock,
                is_tls: self.secure,
                may_say_passwords: false,
                nonce: "nonce".to_owned(),
                send_only: false,
                webirc: None,
            },
        )
    }

    fn letschat_session(&self) -> letschat::LetsChatSession {
        let mut seats: Vec<letschat::RoomTarget> = Vec::new();
        for (place, name) in self.bridge.endpoints() {
            if let Endpoint::Room(name) = name {
                seats.push(letschat::RoomTarget {
                    endpoint: place,
                    name: name.to_string(),
                    password: None,
                });
            }
        }
        seats.sort_by_key(|seat| seat.endpoint);
        let session = letschat::LetsChatSession::new(self.now, seats, 1)
            .with_direct_messages(self.whispering);
        if self.asks_people { session.with_user_lists() } else { session }
    }
}

impl Puppet {
    fn lost(&mut self, network: Network) -> Event {
        let away = std::mem::take(&mut self.turned_away);
        let end = if away { PuppetEnd::Rejected } else { PuppetEnd::ConnectionLost };
        Event::PuppetDisconnected(network, self.account.clone(), end)
    }

    fn session(
        &self,
        (now, clock): (Instant, Timestamp),
        flood_control: FloodControl,
    ) -> irc::IrcSession {
        let name = &self.wire.name;
        let identity = irc::IrcIdentity {
            username: name.clone(),
            realname: name.clone(),
            ..irc::IrcIdentity::named(&self.nick)
        };
        let plan = irc::SessionConfig {
            identity,
            channels: self.seats.clone(),
            request_invite_from: None,
            send_only: true,
            webirc: None,
            flood_control,
            learned_pace: irc::LearnedPace::new(now),
            seed: 1,
            started_at: clock,
            is_tls: false,
            may_say_passwords: false,
            nonce: "nonce".to_owned(),
        };
        irc::IrcSession::new(now, plan)
    }
}

impl<M> Wire<M> {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            machine: None,
            sent: VecDeque::new(),
            since: Instant::now(),
            unheard: BTreeMap::new(),
        }
    }
}

fn tick<M: Machine>(wire: &mut Wire<M>, now: Instant) {
    if let Some(machine) = &mut wire.machine {
        machine.handle_input(now, Input::Timeout);
    }
}

fn resume<M: Machine>(wire: &mut Wire<M>, now: Instant) {
    if let Some(machine) = &mut wire.machine {
        machine.handle_input(now, Input::Resumed);
    }
}

fn drain<M: Machine>(
    wire: &mut Wire<M>,
    text: impl Fn(&M::Transmit) -> String,
    mut event: impl FnMut(M::Event),
) {
    let mut closed = false;
    while let Some(output) = wire.machine.as_mut().and_then(Machine::poll_output) {
        match output {
            Output::Transmit(frame) => wire.sent.push_back(text(&frame)),
            Output::Event(it) => event(it),
            Output::Close(why) => {
                wire.sent.push_back(format!("closed: {why}"));
                closed = true;
            }
        }
    }
    if closed {
        wire.machine = None;
    }
}

fn shown(member: &ChannelMember) -> String {
    let ChannelMember { user: person, prefixes: ranks, .. } = member;
    let known = [&person.userhost, &person.account, &person.realname];
    let known = known.into_iter().flatten().map(String::as_str);
    let known: Vec<&str> =
        known.chain(person.away.then_some("away")).chain(person.bot.then_some("bot")).collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    format!("{ranks}{}{known}", person.nick)
}

fn place(name: &str) -> Endpoint {
    match name.split_once('/') {
        Some((network, channel)) => Endpoint::channel(&Network::new(network), channel),
        None => Endpoint::room(name),
    }
}

/// `\x01` and the like as themselves, so that a story can show what cannot be seen.
fn unescape(text: &str) -> String {
    text.replace("\\x01", "\u{1}").replace("\\x00", "\0").replace("\\u200b", "\u{200b}")
}

#[test]
#[should_panic(expected = "office: 5 question lines in 0ns")]
fn a_flood_of_questions_fails_a_story_that_does_not_tell_of_them() {
    let mut wire = Wire::<irc::IrcSession>::new("office");
    wire.sent.extend((0..5).map(|_| "WHO #tea %tcuhnfar,1".to_owned()));
    wire.hush(wire.since, WHO, is_question);
}
