//! The session with one IRC server, for the lifetime of a connection.

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
use super::wire::charsets::Charsets;
use super::wire::isupport::Isupport;
use super::wire::line::Line;
use super::{ChannelTarget, IncomingMessage, IrcCommand, IrcEvent, IrcIdentity, ReceivedLine};
use crate::domain::{EndpointId, FloodControl};
use crate::protocol::liveness::{Liveness, LivenessCheck};
use crate::protocol::{Input, Machine, Output};

/// How long the server may be silent before we send PING, and then before we disconnect.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for registration as a whole.
const MAX_REGISTRATION_TIME: Duration = Duration::from_secs(300);

/// Minimum time between two [`IrcEvent::Alive`].
const ALIVE_EVENT_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait for the server to close after QUIT.
pub(in crate::protocol::irc) const QUIT_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum bytes of names and keys in one JOIN.
pub(in crate::protocol::irc) const MAX_LEN_JOIN_PARAMS: usize = 400;

/// The configuration of a session.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Nick, account and passwords.
    pub identity: IrcIdentity,
    /// The channels to join.
    pub channels: Vec<ChannelTarget>,
    /// The nick to ask for invitations to invite-only channels.
    pub request_invite_from: Option<String>,
    /// Whether it only sends: messages and events of others are not reported.
    pub send_only: bool,
    /// What a gateway sends about its user (`WEBIRC`), before everything else.
    pub webirc: Option<Webirc>,
    /// The rate limit.
    pub flood_control: FloodControl,
    /// What was learned about the rate limit on earlier connections.
    pub learned_pace: LearnedPace,
    /// Seed for the jitter of delays.
    pub seed: u64,
    /// The current time, for CTCP replies.
    pub started_at: Timestamp,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
    /// Whether passwords may be sent without encryption.
    pub may_say_passwords: bool,
    /// Random and unique per session; needed for SCRAM.
    pub nonce: String,
}

/// What a gateway tells a server that trusts it about its user
/// (<https://ircv3.net/specs/extensions/webirc>).
#[derive(Debug, Clone)]
pub struct Webirc {
    /// The gateway's password.
    pub password: SecretString,
    /// The gateway's name.
    pub gateway: String,
    /// The user's host name.
    pub host: String,
    /// The user's IP address; must not start with a colon.
    pub ip: String,
}

/// The session with one IRC server, for the lifetime of a connection.
#[derive(Debug)]
pub struct IrcSession {
    pub(in crate::protocol::irc) phase: IrcSessionPhase,
    pub(in crate::protocol::irc) send_only: bool,
    /// Our nick, according to the server.
    pub(in crate::protocol::irc) nick: String,
    /// Our `user@host` as others see it, once the server has shown it.
    pub(in crate::protocol::irc) userhost: Option<String>,
    pub(in crate::protocol::irc) registration: Registration,
    pub(in crate::protocol::irc) nickserv: Nickserv,
    /// The account we are logged in to.
    pub(in crate::protocol::irc) account: Option<String>,
    /// Lines to send after registration.
    pub(in crate::protocol::irc) connect_commands: Vec<SecretString>,
    pub(in crate::protocol::irc) regain: Regain,
    /// The MOTD is complete, but has not been acted on yet.
    pub(in crate::protocol::irc) motd_ended: bool,
    pub(in crate::protocol::irc) bot_mode_set: bool,
    pub(in crate::protocol::irc) disconnect_reason: Option<DisconnectReason>,
    pub(in crate::protocol::irc) isupport: Isupport,
    /// Charsets, unless everything is UTF-8.
    pub(in crate::protocol::irc) charsets: Option<Charsets>,
    pub(in crate::protocol::irc) channels: Channels,
    /// Channels that we were forwarded to and have not joined yet.
    pub(in crate::protocol::irc) forwards: Vec<String>,
    /// The nick to ask for invitations.
    pub(in crate::protocol::irc) request_invite_from: Option<String>,
    pub(in crate::protocol::irc) batches: Batches,
    pub(in crate::protocol::irc) open_multilines: OpenMultilines,
    /// Messages in channels that are still being joined, if history is available. They are reported after
    /// [`IrcEvent::Joined`].
    pub(in crate::protocol::irc) early_messages: Vec<(EndpointId, IncomingMessage)>,
    /// Lines under our nick that may be an altered echo of the line in flight.
    pub(in crate::protocol::irc) unclaimed_lines: Vec<(EndpointId, IncomingMessage)>,
    /// The server has not rejected a multi-line batch.
    pub(in crate::protocol::irc) batches_accepted: bool,
    /// RELAYMSG support was reported.
    pub(in crate::protocol::irc) relaymsg_reported: bool,
    pub(in crate::protocol::irc) control_queue: VecDeque<Line>,
    /// Channels with a topic change in flight.
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
    /// When we last received input.
    pub(in crate::protocol::irc) last_input_at: Instant,
    /// When we last sent [`IrcEvent::Alive`].
    pub(in crate::protocol::irc) alive_reported_at: Instant,
    /// Registration is complete.
    pub(in crate::protocol::irc) registered: bool,
    pub(in crate::protocol::irc) output: VecDeque<Output<Line, IrcEvent>>,
}

/// ```text
///              001                 services have answered             Quit
///  Registering ────▶ Identifying ─────────────────────▶ Online ──────────▶ Quitting ──▶ closed
///       └─────────────────┴────────── 465 ─────────────────┴────▶ Banned ── ERROR ────────▲
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
    /// The server has banned us, and the reason should follow.
    Banned {
        deadline: Instant,
    },
}

impl IrcSession {
    /// Starts to register.
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
            pacer: Pacer::new(plan.flood_control, plan.learned_pace, now),
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

    /// Sets the charsets of the connection.
    #[must_use]
    pub fn writing(self, charsets: Charsets) -> Self {
        Self { charsets: Some(charsets), ..self }
    }

    /// What was learned about the server's rate limit.
    #[must_use]
    pub fn learned_pace(&self) -> LearnedPace {
        self.pacer.learned()
    }

    fn quit(&mut self, now: Instant, reason: String) {
        self.phase = IrcSessionPhase::Quitting { deadline: now + QUIT_TIMEOUT };
        self.enqueue_control(vec![("QUIT", vec![reason])]);
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
        for endpoint in self.channels.tick(now) {
            let reason = "the server did not answer JOIN".to_owned();
            self.output.push_back(Output::Event(IrcEvent::NotJoined { endpoint, reason }));
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

    /// Handles phase timeouts, also when the server never stops sending.
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

    /// Sends PING ahead of all queued lines; its timeout starts now.
    fn send_ping(&mut self, now: Instant) {
        if let Ok(line) = Line::new("PING", &["alive"]) {
            self.pacer.spend(line.len(), None, now);
            self.output.push_back(Output::Transmit(line));
        }
    }

    /// Sends what the rate limit allows: first what keeps the connection alive, then messages, then queries.
    fn send_ready(&mut self, now: Instant) {
        while self.pacer.can_send(Priority::High, now) {
            let receipt = self.best_receipt();
            let control = self.control_queue.pop_front().map(NextLines::control);
            let next = control
                .or_else(|| self.send_queue.next_line(receipt, &self.pacer, now))
                .or_else(|| self.next_who(now).map(NextLines::control));
            let Some(NextLines { lines, endpoint, delivery: speaking }) = next else {
                return;
            };
            let speaking = speaking.zip(endpoint);
            let speaking =
                speaking.map(|(delivery, endpoint)| IrcEvent::SendStarted { delivery, endpoint });
            self.output.extend(speaking.map(Output::Event));
            for line in lines {
                self.pacer.spend(line.len(), endpoint, now);
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

    pub(in crate::protocol::irc) fn close(&mut self, reason: String) {
        self.output.push_back(Output::Close(reason));
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
                    // An unparsable line still shows that the connection is alive.
                    Err(error) => tracing::warn!(%error, "unparsable line ignored"),
                }
            }
            Input::Command(IrcCommand::SendMessage {
                delivery,
                endpoint,
                kind,
                prefix,
                body,
                relay_nick: relay,
            }) => {
                self.send_message(delivery, endpoint, kind, (&prefix, &body), relay.as_deref());
            }
            Input::Command(IrcCommand::FetchHistory {
                endpoint,
                since,
                now,
                msgid,
                by_msgid: by_line,
            }) => {
                self.fetch_history(endpoint, (since, now), msgid, by_line);
            }
            Input::Command(IrcCommand::SendDirect {
                delivery,
                endpoint,
                recipient,
                kind,
                prefix,
                body,
            }) => {
                self.send_direct((delivery, endpoint), recipient, kind, (&prefix, &body));
            }
            Input::Command(IrcCommand::SendNotice { nick, text }) => self.send_notice(&nick, &text),
            Input::Command(IrcCommand::SetTopic { endpoint, topic }) => {
                self.set_topic(endpoint, &topic);
            }
            Input::Command(IrcCommand::SetAway(reason)) => {
                self.enqueue_control(vec![("AWAY", reason.into_iter().collect())]);
            }
            Input::Command(IrcCommand::Join(target)) => {
                self.channels.add(target);
                self.join_pending(now);
            }
            Input::Command(IrcCommand::Quit(reason)) => self.quit(now, reason),
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
        if let Some(reason) =
            self.quota.take_exceeded(self.users.held_bytes(), self.control_queue.len())
        {
            self.control_queue.clear();
            self.close(reason);
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
        let weight = |endpoint| self.pacer.priority(endpoint, self.last_input_at);
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
        let rendered = self.send_queue.deadline();
        let alive = Some(self.liveness.deadline());
        [door, login, services, nick, alive, roll, pace, rested, census, channels, past, rendered]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The longest `user@host` that a server shows: 10 and 63 bytes (RFC 2812 §1.2.1 and common practice).
pub(in crate::protocol::irc) const MAX_LEN_USERHOST: usize = 10 + 1 + 63;

impl Webirc {
    fn to_command(&self) -> RawCommand {
        let Self { gateway, host, ip: address, .. } = self;
        let password = self.password.expose_secret().to_owned();
        ("WEBIRC", vec![password, gateway.clone(), host.clone(), address.clone()])
    }
}

/// Whether an output is about messages or events of others.
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

/// The text of an error numeric.
pub(in crate::protocol::irc) fn last_argument(arguments: &[String]) -> &str {
    arguments.last().map_or("no reason given", String::as_str)
}
