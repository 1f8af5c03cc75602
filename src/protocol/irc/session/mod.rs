//! The conversation with one IRC server, from socket open to socket close.

mod handlers;
mod numerics;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use irc::proto::Prefix;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::budget::ServerQuota;
use super::channels::Channels;
use super::channels::join_check::JoinCheck;
use super::channels::users::Users;
use super::channels::who_poll::WhoPoll;
use super::errors::disconnect::DisconnectReason;
use super::login::nick_candidates::Regain;
use super::login::nickserv::Nickserv;
use super::login::{RawCommand, Registration};
use super::receive::chathistory::HistoryRequests;
use super::receive::ctcp::CtcpResponder;
use super::send::direct_targets::DirectTargets;
use super::send::multiline::OpenMultilines;
use super::send::pacing::{LearnedPace, Pacer, Priority};
use super::send::queue::{NextLines, SendQueue};
use super::wire::batch::Batches;
use super::wire::isupport::Isupport;
use super::wire::line::{Charsets, Line};
use super::{
    ChannelTarget, IncomingMessage, IrcCommand, IrcEvent, IrcIdentity, Pace, ReceivedLine,
};
use crate::domain::EndpointId;
use crate::protocol::liveness::{Liveness, LivenessCheck};
use crate::protocol::{Input, Machine, Output};

/// How long the server may be silent before we ask whether it is there, and then before we leave.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long it may take to let us in, whatever it says meanwhile.
const MAX_REGISTRATION_TIME: Duration = Duration::from_secs(300);

/// How often we tell that the server is there, at most.
const ALIVE_EVENT_INTERVAL: Duration = Duration::from_secs(5);

/// How long the server may take to let us go.
pub(in crate::protocol::irc) const QUIT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many bytes of a JOIN are channel names and keys.
pub(in crate::protocol::irc) const MAX_LEN_JOIN_PARAMS: usize = 400;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// As whom.
    pub identity: IrcIdentity,
    /// Where.
    pub channels: Vec<ChannelTarget>,
    /// Whom to ask for an invitation to a channel that only takes those who have one.
    pub request_invite_from: Option<String>,
    /// Whether it is there to speak alone: what others say and do there is not told.
    pub send_only: bool,
    /// What a gateway tells of whom it speaks for (`WEBIRC`), before anything else.
    pub webirc: Option<Webirc>,
    /// How fast.
    pub pace: Pace,
    /// What the server has taught us about that before.
    pub learned_pace: LearnedPace,
    /// Where its chance begins: the jitter of its waits.
    pub seed: u64,
    /// What the time is now, for those who ask.
    pub started_at: Timestamp,
    /// Whether nobody can listen in: the lines go over TLS.
    pub is_tls: bool,
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
    pub ip: String,
}

/// The conversation with one IRC server, from socket open to socket close.
#[derive(Debug)]
pub struct IrcSession {
    pub(in crate::protocol::irc) phase: IrcSessionPhase,
    pub(in crate::protocol::irc) send_only: bool,
    /// Our nick, as the server has it.
    pub(in crate::protocol::irc) nick: String,
    /// `user@host`, as others see us, once the server has shown it.
    pub(in crate::protocol::irc) userhost: Option<String>,
    pub(in crate::protocol::irc) registration: Registration,
    pub(in crate::protocol::irc) nickserv: Nickserv,
    /// The account that the server knows us by.
    pub(in crate::protocol::irc) account: Option<String>,
    /// What to send once we are let in.
    pub(in crate::protocol::irc) connect_commands: Vec<SecretString>,
    pub(in crate::protocol::irc) regain: Regain,
    /// The server has said all that it says at first, and nothing has come of that yet.
    pub(in crate::protocol::irc) motd_ended: bool,
    pub(in crate::protocol::irc) bot_mode_set: bool,
    pub(in crate::protocol::irc) disconnect_reason: Option<DisconnectReason>,
    pub(in crate::protocol::irc) isupport: Isupport,
    /// How lines are written, where that is not in UTF-8 throughout.
    pub(in crate::protocol::irc) charsets: Option<Charsets>,
    pub(in crate::protocol::irc) channels: Channels,
    /// Channels that we were sent to instead of one of ours, and have not come into.
    pub(in crate::protocol::irc) forwards: Vec<String>,
    /// Whom to ask for an invitation.
    pub(in crate::protocol::irc) request_invite_from: Option<String>,
    pub(in crate::protocol::irc) batches: Batches,
    pub(in crate::protocol::irc) open_multilines: OpenMultilines,
    /// What was said in channels that we are not in yet, where what was said before can be asked for:
    /// it is told behind that we are in.
    pub(in crate::protocol::irc) early_messages: Vec<(EndpointId, IncomingMessage)>,
    /// What was said under our nick, and may be the line of ours that is under way there in other words.
    pub(in crate::protocol::irc) unclaimed_lines: Vec<(EndpointId, IncomingMessage)>,
    /// The server has refused no batch of ours.
    pub(in crate::protocol::irc) batches_accepted: bool,
    /// That the server lends nicks was told.
    pub(in crate::protocol::irc) relaymsg_reported: bool,
    pub(in crate::protocol::irc) control_queue: VecDeque<Line>,
    /// The channels for which we have asked for another topic.
    pub(in crate::protocol::irc) pending_topics: Vec<EndpointId>,
    pub(in crate::protocol::irc) send_queue: SendQueue,
    pub(in crate::protocol::irc) direct_targets: DirectTargets,
    pub(in crate::protocol::irc) history_requests: HistoryRequests,
    pub(in crate::protocol::irc) ctcp_responder: CtcpResponder,
    pub(in crate::protocol::irc) users: Users,
    pub(in crate::protocol::irc) who_poll: WhoPoll,
    pub(in crate::protocol::irc) quota: ServerQuota,
    pub(in crate::protocol::irc) join_check: JoinCheck,
    pub(in crate::protocol::irc) pacer: Pacer,
    pub(in crate::protocol::irc) liveness: Liveness,
    /// When we were last given anything.
    pub(in crate::protocol::irc) last_input_at: Instant,
    /// When we last told that the server is there.
    pub(in crate::protocol::irc) alive_reported_at: Instant,
    /// The server has let us in.
    pub(in crate::protocol::irc) registered: bool,
    pub(in crate::protocol::irc) output: VecDeque<Output<Line, IrcEvent>>,
}

/// ```text
///              001                 services have answered              Quit
///  Registering ────▶ Identifying ───────────────────────▶ Seated ───────────▶ Leaving ──▶ closed
///       └─────────────────┴────────── 465 ─────────────────┴────▶ Banned ── ERROR ─────────▲
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum IrcSessionPhase {
    Registering {
        deadline: Instant,
    },
    Identifying,
    Online,
    Quitting {
        deadline: Instant,
    },
    /// The server has said that it does not want us, but not why.
    Banned {
        deadline: Instant,
    },
}

impl IrcSession {
    /// Begins to register.
    #[must_use]
    pub fn new(now: Instant, plan: SessionConfig) -> Self {
        let SessionConfig { identity, is_tls: secure, may_say_passwords, nonce, .. } = plan;
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
            phase: IrcSessionPhase::Registering { deadline: now + MAX_REGISTRATION_TIME },
            send_only: plan.send_only,
            regain: Regain::new(&identity.nick, plan.seed),
            nick: identity.nick,
            userhost: None,
            registration,
            nickserv,
            account: None,
            connect_commands: identity.connect_commands,
            motd_ended: false,
            bot_mode_set: false,
            disconnect_reason: None,
            isupport: Isupport::default(),
            charsets: None,
            channels: Channels::new(plan.channels, plan.seed),
            forwards: Vec::new(),
            request_invite_from: plan.request_invite_from,
            batches: Batches::default(),
            open_multilines: OpenMultilines::default(),
            early_messages: Vec::new(),
            unclaimed_lines: Vec::new(),
            batches_accepted: true,
            relaymsg_reported: false,
            control_queue: VecDeque::new(),
            pending_topics: Vec::new(),
            send_queue: SendQueue::default(),
            direct_targets: DirectTargets::default(),
            history_requests: HistoryRequests::default(),
            ctcp_responder: CtcpResponder::new(now, plan.started_at),
            users: Users::default(),
            who_poll: WhoPoll::default(),
            quota: ServerQuota::new(now),
            join_check: JoinCheck::new(now),
            pacer: Pacer::new(plan.pace, plan.learned_pace, now),
            liveness: Liveness::new(now, SILENCE_TIMEOUT, SILENCE_TIMEOUT),
            last_input_at: now,
            alive_reported_at: now,
            registered: false,
            output: VecDeque::new(),
        };
        if let Some(webirc) = webirc {
            session.enqueue_control(vec![webirc.to_command()]);
        }
        session.enqueue_control(words);
        session.send_ready(now);
        session
    }

    /// The same, over a connection whose lines are written as `charsets` say.
    #[must_use]
    pub fn writing(self, charsets: Charsets) -> Self {
        Self { charsets: Some(charsets), ..self }
    }

    /// What the server has taught us about how fast we may speak.
    #[must_use]
    pub fn learned_pace(&self) -> LearnedPace {
        self.pacer.learned()
    }

    fn quit(&mut self, now: Instant, why: String) {
        self.phase = IrcSessionPhase::Quitting { deadline: now + QUIT_TIMEOUT };
        self.enqueue_control(vec![("QUIT", vec![why])]);
    }

    fn tick(&mut self, now: Instant) {
        self.check_phase_deadline(now);
        match self.liveness.check(now) {
            LivenessCheck::Dead if self.is_registering() => {
                self.close("ping timeout during registration".to_owned());
            }
            LivenessCheck::Dead => self.close("ping timeout".to_owned()),
            LivenessCheck::Ping => self.send_ping(now),
            LivenessCheck::Wait => {}
        }
        for place in self.channels.tick(now) {
            let why = "the server did not answer JOIN".to_owned();
            self.output
                .push_back(Output::Event(IrcEvent::NotJoined { endpoint: place, reason: why }));
        }
        self.tick_login(now);
        self.tick_regain(now);
        self.tick_send_queue(now);
        let overdue = self.history_requests.tick(now);
        self.report_history(overdue);
        self.who_poll.tick(now);
        self.check_joins(now);
        self.join_pending(now);
    }

    /// Ends what has its time, also with a server that leaves no moment without a line.
    fn check_phase_deadline(&mut self, now: Instant) {
        match self.phase {
            IrcSessionPhase::Registering { deadline: until } if now >= until => {
                self.close("registration timed out".to_owned());
            }
            IrcSessionPhase::Quitting { deadline: until } if now >= until => {
                self.close("left".to_owned());
            }
            IrcSessionPhase::Banned { deadline: until } if now >= until => {
                self.on_link_closed(String::new());
            }
            _ => {}
        }
    }

    /// Asks whether the server is there, ahead of all that waits: its time counts from now on.
    fn send_ping(&mut self, now: Instant) {
        if let Ok(line) = Line::new("PING", &["alive"]) {
            self.pacer.spend(line.len(), None, now);
            self.output.push_back(Output::Transmit(line));
        }
    }

    /// Sends what the pace allows: what keeps the connection going first, then talk, then questions
    /// that can wait.
    fn send_ready(&mut self, now: Instant) {
        while self.pacer.can_send(Priority::High, now) {
            let receipt = self.best_receipt();
            let control = self.control_queue.pop_front().map(NextLines::control);
            let next = control
                .or_else(|| self.send_queue.next_line(receipt, &self.pacer, now))
                .or_else(|| self.next_who(now).map(NextLines::control));
            let Some(NextLines { lines, endpoint: place, delivery: speaking }) = next else {
                return;
            };
            let speaking = speaking.zip(place);
            let speaking = speaking
                .map(|(ticket, place)| IrcEvent::SendStarted { delivery: ticket, endpoint: place });
            self.output.extend(speaking.map(Output::Event));
            for line in lines {
                self.pacer.spend(line.len(), place, now);
                self.output.push_back(Output::Transmit(line));
            }
        }
    }

    pub(in crate::protocol::irc) fn enqueue_control(&mut self, all: Vec<RawCommand>) {
        for (command, params) in all {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            match Line::new(command, &params) {
                Ok(line) => self.control_queue.push_back(line),
                Err(error) => tracing::error!(command, %error, "invalid outgoing line dropped"),
            }
        }
    }

    fn report_alive(&mut self, now: Instant) {
        if self.phase == IrcSessionPhase::Online
            && now >= self.alive_reported_at + ALIVE_EVENT_INTERVAL
        {
            self.alive_reported_at = now;
            self.output.push_back(Output::Event(IrcEvent::Alive));
        }
    }

    pub(in crate::protocol::irc) fn close(&mut self, why: String) {
        self.output.push_back(Output::Close(why));
    }

    pub(in crate::protocol::irc) fn is_registering(&self) -> bool {
        matches!(self.phase, IrcSessionPhase::Registering { .. })
    }

    pub(in crate::protocol::irc) fn is_us(&self, source: Option<&Prefix>) -> bool {
        matches!(source, Some(Prefix::Nickname(nick, ..)) if self.is_me(nick))
    }

    pub(in crate::protocol::irc) fn is_me(&self, nick: &str) -> bool {
        self.isupport.casemapping.same(nick, &self.nick)
    }
}

impl Machine for IrcSession {
    type Received = ReceivedLine;
    type Transmit = Line;
    type Command = IrcCommand;
    type Event = IrcEvent;

    fn handle_input(&mut self, now: Instant, input: Input<ReceivedLine, IrcCommand>) {
        self.last_input_at = now;
        match input {
            Input::Receive(heard) => {
                self.liveness.on_received(now);
                self.check_phase_deadline(now);
                self.report_alive(now);
                if matches!(heard, ReceivedLine::FallbackCharset(_)) {
                    self.output.push_back(Output::Event(IrcEvent::FallbackCharsetUsed));
                }
                match heard.parse() {
                    Ok(message) => self.on_line(now, message),
                    // A line we cannot read is still a sign of life, and the next may make sense.
                    Err(error) => tracing::warn!(%error, "unparsable line ignored"),
                }
            }
            Input::Command(IrcCommand::SendMessage {
                delivery: ticket,
                endpoint: place,
                kind,
                prefix,
                body,
                relay_nick: relay,
            }) => {
                self.send_message(ticket, place, kind, (&prefix, &body), relay.as_deref());
            }
            Input::Command(IrcCommand::FetchHistory {
                endpoint: place,
                since,
                now,
                msgid,
                by_msgid: by_line,
            }) => {
                self.fetch_history(place, (since, now), msgid, by_line);
            }
            Input::Command(IrcCommand::SendDirect {
                delivery: ticket,
                endpoint: place,
                recipient: whom,
                kind,
                prefix,
                body,
            }) => {
                self.send_direct((ticket, place), whom, kind, (&prefix, &body));
            }
            Input::Command(IrcCommand::SendNotice { nick, text }) => self.send_notice(&nick, &text),
            Input::Command(IrcCommand::SetTopic { endpoint: place, topic }) => {
                self.set_topic(place, &topic);
            }
            Input::Command(IrcCommand::SetAway(why)) => {
                self.enqueue_control(vec![("AWAY", why.into_iter().collect())]);
            }
            Input::Command(IrcCommand::Join(seat)) => {
                self.channels.add(seat);
                self.join_pending(now);
            }
            Input::Command(IrcCommand::Quit(why)) => self.quit(now, why),
            Input::Timeout => self.tick(now),
            Input::Resumed => {
                self.liveness.on_ping_sent(now);
                self.send_ping(now);
            }
        }
        self.cancel_gone_directs();
        self.report_membership();
        self.send_history_requests(now);
        self.send_ready(now);
        if let Some(why) =
            self.quota.take_exceeded(self.users.held_bytes(), self.control_queue.len())
        {
            self.control_queue.clear();
            self.close(why);
        }
    }

    fn poll_output(&mut self) -> Option<Output<Line, IrcEvent>> {
        loop {
            let output = self.output.pop_front()?;
            if !(self.send_only && is_about_others(&output)) {
                return Some(output);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let door = match self.phase {
            IrcSessionPhase::Registering { deadline: until }
            | IrcSessionPhase::Quitting { deadline: until }
            | IrcSessionPhase::Banned { deadline: until } => Some(until),
            IrcSessionPhase::Identifying | IrcSessionPhase::Online => None,
        };
        let weight = |place| self.pacer.priority(place, self.last_input_at);
        let urgency = if self.control_queue.is_empty() {
            self.send_queue.priority(weight)
        } else {
            Some(Priority::High)
        };
        let pace = urgency.and_then(|urgency| self.pacer.ready_at(urgency));
        let rested =
            self.who_poll.is_ready(self.last_input_at).then(|| self.pacer.full_at()).flatten();
        let [channels, past] = [self.channels.deadline(), self.history_requests.deadline()];
        let [login, services] = [self.registration.deadline(), self.nickserv.deadline()];
        let [nick, census] = [self.regain.deadline(), self.who_poll.deadline()];
        let roll = (self.phase == IrcSessionPhase::Online).then(|| self.join_check.deadline());
        let speech = self.send_queue.deadline();
        let alive = Some(self.liveness.deadline());
        [door, login, services, nick, alive, roll, pace, rested, census, channels, past, speech]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The longest `user@host` that a server shows: 10 and 63 bytes (RFC 2812 §1.2.1 and usage).
pub(in crate::protocol::irc) const MAX_LEN_USERHOST: usize = 10 + 1 + 63;

impl Webirc {
    fn to_command(&self) -> RawCommand {
        let Self { gateway, host, ip: address, .. } = self;
        let password = self.password.expose_secret().to_owned();
        ("WEBIRC", vec![password, gateway.clone(), host.clone(), address.clone()])
    }
}

/// Whether it tells what others say and do.
fn is_about_others(output: &Output<Line, IrcEvent>) -> bool {
    let Output::Event(event) = output else { return false };
    matches!(
        event,
        IrcEvent::Message { .. }
            | IrcEvent::Membership(_)
            | IrcEvent::Topic { .. }
            | IrcEvent::ModesChanged { .. }
    )
}

/// What an error numeric says in words.
pub(in crate::protocol::irc) fn last_argument(arguments: &[String]) -> &str {
    arguments.last().map_or("no reason given", String::as_str)
}
