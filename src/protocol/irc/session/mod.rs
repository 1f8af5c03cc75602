//! The conversation with one IRC server, from socket open to socket close.

mod door;
mod join;
mod nick;
mod notice;
mod numeric;
mod past;
mod people;
mod receive;
mod roll;
mod talk;
mod whisper;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use irc::proto::Prefix;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::batches::Batches;
use super::budget::Budget;
use super::census::WhoPoll;
use super::channel::Channels;
use super::ctcp::CtcpResponder;
use super::isupport::Isupport;
use super::line::{Charsets, Line};
use super::multiline::OpenMultilines;
use super::nick::Regain;
use super::pacing::{Lesson, Pacer, Weight};
use super::past::HistoryRequests;
use super::people::Users;
use super::registration::{RawCommand, Registration};
use super::roll::JoinCheck;
use super::services::Nickserv;
use super::speech::{Next, Speech};
use super::turned_away::TurnedAway;
use super::whispers::Whispers;
use super::{ChannelTarget, Event, IrcIdentity, Order, Pace, ReceivedLine, Talk};
use crate::domain::EndpointId;
use crate::protocol::liveness::{Liveness, LivenessCheck};
use crate::protocol::{Input, Machine, Output};

/// How long the server may be silent before we ask whether it is there, and then before we leave.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to let us in, whatever it says meanwhile.
const LOGIN_CAP: Duration = Duration::from_secs(300);

/// How often we tell that the server is there, at most.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// How long the server may take to let us go.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(3);

/// How many bytes of a JOIN are channel names and keys.
const JOIN_BYTES: usize = 400;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// As whom.
    pub identity: IrcIdentity,
    /// Where.
    pub seats: Vec<ChannelTarget>,
    /// Whom to ask for an invitation to a channel that only takes those who have one.
    pub invited_by: Option<String>,
    /// Whether it is there to speak alone: what others say and do there is not told.
    pub deaf: bool,
    /// What a gateway tells of whom it speaks for (`WEBIRC`), before anything else.
    pub webirc: Option<Webirc>,
    /// How fast.
    pub pace: Pace,
    /// What the server has taught us about that before.
    pub lesson: Lesson,
    /// Where its chance begins: the jitter of its waits.
    pub seed: u64,
    /// What the time is now, for those who ask.
    pub clock: Timestamp,
    /// Whether nobody can listen in: the lines go over TLS.
    pub secure: bool,
    /// Whether passwords may be said even where somebody can listen in.
    pub may_say_passwords: bool,
    /// What nobody can guess, new for each session: the login by SCRAM needs it.
    pub nonce: String,
}

/// What a gateway tells a server that trusts it of whom it speaks for
/// (<https://ircv3.net/specs/extensions/webirc>).
#[derive(Debug, Clone)]
pub struct Webirc {
    /// The gateway's password.
    pub password: SecretString,
    /// What the gateway is called.
    pub gateway: String,
    /// The host of whom it speaks for.
    pub host: String,
    /// The address of whom it speaks for; it does not begin with a colon.
    pub address: String,
}

/// The conversation with one IRC server, from socket open to socket close.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    deaf: bool,
    /// Our nick, as the server has it.
    nick: String,
    /// `user@host`, as others see us, once the server has shown it.
    address: Option<String>,
    registration: Registration,
    nickserv: Nickserv,
    /// The account that the server knows us by.
    account: Option<String>,
    /// What to send once we are let in.
    commands: Vec<SecretString>,
    regain: Regain,
    /// The server has said all that it says at first, and nothing has come of that yet.
    greeted: bool,
    known_as_bot: bool,
    turned_away: Option<TurnedAway>,
    isupport: Isupport,
    /// How lines are written, where that is not in UTF-8 throughout.
    charsets: Option<Charsets>,
    channels: Channels,
    /// Channels that we were sent to instead of one of ours, and have not come into.
    forwards: Vec<String>,
    /// Whom to ask for an invitation.
    invited_by: Option<String>,
    batches: Batches,
    telling: OpenMultilines,
    /// What was said in channels that we are not in yet, where what was said before can be asked for:
    /// it is told behind that we are in.
    early: Vec<(EndpointId, Talk)>,
    /// What was said under our nick, and may be the line of ours that is under way there in other words.
    strangers: Vec<(EndpointId, Talk)>,
    /// The server has refused no batch of ours.
    batches_go: bool,
    /// That the server lends nicks was told.
    lends_told: bool,
    control: VecDeque<Line>,
    /// The channels for which we have asked for another topic.
    retitling: Vec<EndpointId>,
    speech: Speech,
    whispers: Whispers,
    past: HistoryRequests,
    courtesy: CtcpResponder,
    people: Users,
    census: WhoPoll,
    budget: Budget,
    roll: JoinCheck,
    pacer: Pacer,
    liveness: Liveness,
    /// When we were last given anything.
    acted_at: Instant,
    /// When we last told that the server is there.
    alive_at: Instant,
    /// The server has let us in.
    let_in: bool,
    output: VecDeque<Output<Line, Event>>,
}

/// ```text
///              001                 services have answered              Quit
///  Registering ────▶ Identifying ───────────────────────▶ Seated ───────────▶ Leaving ──▶ closed
///       └─────────────────┴────────── 465 ─────────────────┴────▶ Banned ── ERROR ─────────▲
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Registering {
        until: Instant,
    },
    Identifying,
    Seated,
    Leaving {
        until: Instant,
    },
    /// The server has said that it does not want us, but not why.
    Banned {
        until: Instant,
    },
}

impl Session {
    /// Begins to register.
    #[must_use]
    pub fn new(now: Instant, plan: Plan) -> Self {
        let Plan { identity, secure, may_say_passwords, nonce, .. } = plan;
        let trust = (secure, may_say_passwords);
        let (mut registration, words) = Registration::start(&identity, trust, nonce);
        let webirc = plan.webirc.filter(|_| {
            let may_say = secure || may_say_passwords;
            if !may_say {
                registration.withhold();
            }
            may_say
        });
        let nickserv = Nickserv::new(identity.services, secure || may_say_passwords);
        let mut session = Self {
            phase: Phase::Registering { until: now + LOGIN_CAP },
            deaf: plan.deaf,
            regain: Regain::new(&identity.nick, plan.seed),
            nick: identity.nick,
            address: None,
            registration,
            nickserv,
            account: None,
            commands: identity.connect_commands,
            greeted: false,
            known_as_bot: false,
            turned_away: None,
            isupport: Isupport::default(),
            charsets: None,
            channels: Channels::new(plan.seats, plan.seed),
            forwards: Vec::new(),
            invited_by: plan.invited_by,
            batches: Batches::default(),
            telling: OpenMultilines::default(),
            early: Vec::new(),
            strangers: Vec::new(),
            batches_go: true,
            lends_told: false,
            control: VecDeque::new(),
            retitling: Vec::new(),
            speech: Speech::default(),
            whispers: Whispers::default(),
            past: HistoryRequests::default(),
            courtesy: CtcpResponder::new(now, plan.clock),
            people: Users::default(),
            census: WhoPoll::default(),
            budget: Budget::new(now),
            roll: JoinCheck::new(now),
            pacer: Pacer::new(plan.pace, plan.lesson, now),
            liveness: Liveness::new(now, PATIENCE, PATIENCE),
            acted_at: now,
            alive_at: now,
            let_in: false,
            output: VecDeque::new(),
        };
        if let Some(webirc) = webirc {
            session.send_all(vec![webirc.words()]);
        }
        session.send_all(words);
        session.pump(now);
        session
    }

    /// The same, over a connection whose lines are written as `charsets` say.
    #[must_use]
    pub fn writing(self, charsets: Charsets) -> Self {
        Self { charsets: Some(charsets), ..self }
    }

    /// What the server has taught us about how fast we may speak.
    #[must_use]
    pub fn lesson(&self) -> Lesson {
        self.pacer.lesson()
    }

    fn quit(&mut self, now: Instant, why: String) {
        self.phase = Phase::Leaving { until: now + GOODBYE_PATIENCE };
        self.send_all(vec![("QUIT", vec![why])]);
    }

    fn tick(&mut self, now: Instant) {
        self.tick_phase(now);
        match self.liveness.check(now) {
            LivenessCheck::Dead if self.is_registering() => {
                self.close("the server did not let us in, and has fallen silent".to_owned());
            }
            LivenessCheck::Dead => self.close("the server has fallen silent".to_owned()),
            LivenessCheck::Ping => self.ping(now),
            LivenessCheck::Wait => {}
        }
        for place in self.channels.tick(now) {
            let why = "the server did not answer our JOIN".to_owned();
            self.output.push_back(Output::Event(Event::Closed { place, why }));
        }
        self.tick_login(now);
        self.tick_regain(now);
        self.tick_speech(now);
        let overdue = self.past.tick(now);
        self.report_history(overdue);
        self.census.tick(now);
        self.check_joins(now);
        self.join(now);
    }

    /// Ends what has its time, also with a server that leaves no moment without a line.
    fn tick_phase(&mut self, now: Instant) {
        match self.phase {
            Phase::Registering { until } if now >= until => {
                self.close("the server did not let us in".to_owned());
            }
            Phase::Leaving { until } if now >= until => self.close("left".to_owned()),
            Phase::Banned { until } if now >= until => self.on_link_closed(String::new()),
            _ => {}
        }
    }

    /// Asks whether the server is there, ahead of all that waits: its time counts from now on.
    fn ping(&mut self, now: Instant) {
        if let Ok(line) = Line::new("PING", &["alive"]) {
            self.pacer.spend(line.len(), None, now);
            self.output.push_back(Output::Transmit(line));
        }
    }

    /// Sends what the pace allows: what keeps the connection going first, then talk, then questions
    /// that can wait.
    fn pump(&mut self, now: Instant) {
        while self.pacer.may(Weight::Light, now) {
            let receipt = self.receipt();
            let control = self.control.pop_front().map(Next::aside);
            let next = control
                .or_else(|| self.speech.next_line(receipt, &self.pacer, now))
                .or_else(|| self.next_who(now).map(Next::aside));
            let Some(Next { lines, place, speaking }) = next else { return };
            let speaking = speaking.zip(place);
            let speaking = speaking.map(|(ticket, place)| Event::Speaking { ticket, place });
            self.output.extend(speaking.map(Output::Event));
            for line in lines {
                self.pacer.spend(line.len(), place, now);
                self.output.push_back(Output::Transmit(line));
            }
        }
    }

    fn send_all(&mut self, all: Vec<RawCommand>) {
        for (command, params) in all {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            match Line::new(command, &params) {
                Ok(line) => self.control.push_back(line),
                Err(error) => tracing::error!(command, %error, "a line that cannot be sent"),
            }
        }
    }

    fn tell_alive(&mut self, now: Instant) {
        if self.phase == Phase::Seated && now >= self.alive_at + SIGN_OF_LIFE {
            self.alive_at = now;
            self.output.push_back(Output::Event(Event::Alive));
        }
    }

    fn close(&mut self, why: String) {
        self.output.push_back(Output::Close(why));
    }

    fn is_registering(&self) -> bool {
        matches!(self.phase, Phase::Registering { .. })
    }

    fn is_us(&self, source: Option<&Prefix>) -> bool {
        matches!(source, Some(Prefix::Nickname(nick, ..)) if self.is_me(nick))
    }

    fn is_me(&self, nick: &str) -> bool {
        self.isupport.casemapping.same(nick, &self.nick)
    }
}

impl Machine for Session {
    type Received = ReceivedLine;
    type Transmit = Line;
    type Command = Order;
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: Input<ReceivedLine, Order>) {
        self.acted_at = now;
        match input {
            Input::Receive(heard) => {
                self.liveness.on_received(now);
                self.tick_phase(now);
                self.tell_alive(now);
                if matches!(heard, ReceivedLine::FallbackCharset(_)) {
                    self.output.push_back(Output::Event(Event::Guessed));
                }
                match heard.parse() {
                    Ok(message) => self.receive(now, message),
                    // A line we cannot read is still a sign of life, and the next may make sense.
                    Err(error) => tracing::warn!(%error, "a line that makes no sense"),
                }
            }
            Input::Command(Order::Say { ticket, place, kind, prefix, body, relay }) => {
                self.say(ticket, place, kind, (&prefix, &body), relay.as_deref());
            }
            Input::Command(Order::Past { place, since, now, msgid, by_line }) => {
                self.fetch_history(place, (since, now), msgid, by_line);
            }
            Input::Command(Order::Whisper { ticket, place, whom, kind, prefix, body }) => {
                self.whisper((ticket, place), whom, kind, (&prefix, &body));
            }
            Input::Command(Order::Notice { nick, text }) => self.notice(&nick, &text),
            Input::Command(Order::Topic { place, topic }) => self.set_topic(place, &topic),
            Input::Command(Order::Away(why)) => {
                self.send_all(vec![("AWAY", why.into_iter().collect())]);
            }
            Input::Command(Order::Sit(seat)) => {
                self.channels.add(seat);
                self.join(now);
            }
            Input::Command(Order::Quit(why)) => self.quit(now, why),
            Input::Timeout => self.tick(now),
            Input::Resumed => {
                self.liveness.on_ping_sent(now);
                self.ping(now);
            }
        }
        self.take_back_whispers();
        self.report_membership();
        self.send_history_requests(now);
        self.pump(now);
        if let Some(why) = self.budget.overdrawn(self.people.held(), self.control.len()) {
            self.control.clear();
            self.close(why);
        }
    }

    fn poll_output(&mut self) -> Option<Output<Line, Event>> {
        loop {
            let output = self.output.pop_front()?;
            if !(self.deaf && is_of_others(&output)) {
                return Some(output);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let door = match self.phase {
            Phase::Registering { until } | Phase::Leaving { until } | Phase::Banned { until } => {
                Some(until)
            }
            Phase::Identifying | Phase::Seated => None,
        };
        let weight = |place| self.pacer.weight(place, self.acted_at);
        let urgency =
            if self.control.is_empty() { self.speech.urgency(weight) } else { Some(Weight::Light) };
        let pace = urgency.and_then(|urgency| self.pacer.free_at(urgency));
        let rested = self.census.is_ready(self.acted_at).then(|| self.pacer.rested_at()).flatten();
        let [channels, past] = [self.channels.deadline(), self.past.deadline()];
        let [login, services] = [self.registration.deadline(), self.nickserv.deadline()];
        let [nick, census] = [self.regain.deadline(), self.census.deadline()];
        let roll = (self.phase == Phase::Seated).then(|| self.roll.deadline());
        let speech = self.speech.deadline();
        let alive = Some(self.liveness.deadline());
        [door, login, services, nick, alive, roll, pace, rested, census, channels, past, speech]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The longest `user@host` that a server shows: 10 and 63 bytes (RFC 2812 §1.2.1 and usage).
const LONGEST_ADDRESS: usize = 10 + 1 + 63;

impl Webirc {
    fn words(&self) -> RawCommand {
        let Self { gateway, host, address, .. } = self;
        let password = self.password.expose_secret().to_owned();
        ("WEBIRC", vec![password, gateway.clone(), host.clone(), address.clone()])
    }
}

/// Whether it tells what others say and do.
fn is_of_others(output: &Output<Line, Event>) -> bool {
    let Output::Event(event) = output else { return false };
    matches!(
        event,
        Event::Heard { .. } | Event::Presence(_) | Event::Topic { .. } | Event::Modes { .. }
    )
}

/// What an error numeric says in words.
fn last(arguments: &[String]) -> &str {
    arguments.last().map_or("no reason given", String::as_str)
}
