//! The session with one IRC server, for the lifetime of a connection.

mod config;
mod handlers;
mod machine;
mod numerics;
mod state;
mod transmit;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use irc::proto::Prefix;
use secrecy::SecretString;

use super::budget::ServerQuota;
use super::channels::Channels;
use super::channels::join_check::JoinCheck;
use super::channels::questions::ChannelQuestions;
use super::channels::rights::ChannelModes;
use super::channels::users::Users;
use super::channels::who_poll::WhoPoll;
use super::errors::disconnect::DisconnectReason;
use super::login::Registration;
use super::login::nick_candidates::Regain;
use super::login::nickserv::Nickserv;
use super::receive::chathistory::HistoryRequests;
use super::receive::ctcp::CtcpResponder;
use super::send::direct_targets::DirectTargets;
use super::send::multiline::OpenMultilines;
use super::send::pacing::{LearnedPace, Pacer};
use super::send::queue::SendQueue;
use super::wire::batch::Batches;
use super::wire::charsets::Charsets;
use super::wire::isupport::{Isupport, IsupportTokens};
use super::wire::line::Line;
use super::{IncomingMessage, IrcEvent};
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::liveness::Liveness;

pub use self::config::{SessionConfig, Webirc};
pub use self::state::SessionState;

/// How long after its last answer we send PING, and how long the server may be silent then before we disconnect.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for registration as a whole.
const MAX_REGISTRATION_TIME: Duration = Duration::from_secs(300);

/// Minimum time between two [`IrcEvent::Alive`].
const ALIVE_EVENT_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait for the server to close after QUIT.
pub(in crate::protocol::irc) const QUIT_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum bytes of names and keys in one JOIN.
pub(in crate::protocol::irc) const MAX_LEN_JOIN_PARAMS: usize = 400;

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
    /// The name and the software of the server, once it has said them.
    pub(in crate::protocol::irc) server: Option<(String, String)>,
    /// The account we are logged in to.
    pub(in crate::protocol::irc) account: Option<String>,
    /// Lines to send after registration.
    pub(in crate::protocol::irc) connect_commands: Vec<SecretString>,
    pub(in crate::protocol::irc) regain: Regain,
    /// The MOTD is complete, but has not been acted on yet.
    pub(in crate::protocol::irc) motd_ended: bool,
    pub(in crate::protocol::irc) bot_mode_set: bool,
    /// We have set ourselves away.
    pub(in crate::protocol::irc) is_away: bool,
    pub(in crate::protocol::irc) disconnect_reason: Option<DisconnectReason>,
    pub(in crate::protocol::irc) isupport: Isupport,
    /// The same as the server sent it.
    pub(in crate::protocol::irc) isupport_tokens: IsupportTokens,
    /// Charsets, unless everything is UTF-8.
    pub(in crate::protocol::irc) charsets: Option<Charsets>,
    pub(in crate::protocol::irc) channels: Channels,
    /// The modes of channels that we are in.
    pub(in crate::protocol::irc) channel_modes: ChannelModes,
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
    /// What is still to be asked about channels that were taken over.
    pub(in crate::protocol::irc) questions: ChannelQuestions,
    pub(in crate::protocol::irc) quota: ServerQuota,
    pub(in crate::protocol::irc) join_check: JoinCheck,
    pub(in crate::protocol::irc) pacer: Pacer,
    pub(in crate::protocol::irc) liveness: Liveness,
    /// When we last received input.
    pub(in crate::protocol::irc) last_input_at: Instant,
    /// When we last sent [`IrcEvent::Alive`].
    pub(in crate::protocol::irc) alive_reported_at: Instant,
    /// When we last sent [`IrcEvent::PingAnswered`].
    pub(in crate::protocol::irc) answer_reported_at: Option<Instant>,
    /// Until when the connection is to be handed over, if it is.
    pub(in crate::protocol::irc) hand_over_by: Option<Instant>,
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

impl IrcSessionPhase {
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Registering { deadline }
            | Self::Quitting { deadline }
            | Self::Banned { deadline } => Some(deadline),
            Self::Identifying | Self::Online => None,
        }
    }
}

impl IrcSession {
    /// Starts to register.
    #[must_use]
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        let SessionConfig { identity, is_tls, may_say_passwords, nonce, .. } = &config;
        let (mut registration, commands) =
            Registration::start(identity, (*is_tls, *may_say_passwords), nonce.clone());
        let may_say_passwords = *is_tls || *may_say_passwords;
        if config.webirc.is_some() && !may_say_passwords {
            registration.withhold();
        }
        let webirc = config.webirc.clone().filter(|_| may_say_passwords);
        let mut session = Self::assemble(now, config, registration);
        if let Some(webirc) = webirc {
            session.enqueue_control(vec![webirc.to_command()]);
        }
        session.enqueue_control(commands);
        session.send_ready(now);
        session
    }

    /// A session that has sent nothing yet.
    fn assemble(now: Instant, config: SessionConfig, registration: Registration) -> Self {
        let SessionConfig { identity, is_tls, may_say_passwords, .. } = config;
        Self {
            phase: IrcSessionPhase::Registering { deadline: now + MAX_REGISTRATION_TIME },
            send_only: config.send_only,
            regain: Regain::new(&identity.nick, config.seed),
            nick: identity.nick,
            userhost: None,
            registration,
            nickserv: Nickserv::new(identity.services, is_tls || may_say_passwords),
            server: None,
            account: None,
            connect_commands: identity.connect_commands,
            motd_ended: false,
            bot_mode_set: false,
            is_away: false,
            disconnect_reason: None,
            isupport: Isupport::default(),
            isupport_tokens: IsupportTokens::default(),
            charsets: None,
            channels: Channels::new(config.channels, config.seed),
            channel_modes: ChannelModes::default(),
            forwards: Vec::new(),
            request_invite_from: config.request_invite_from,
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
            ctcp_responder: CtcpResponder::new(now, config.started_at),
            users: Users::default(),
            who_poll: WhoPoll::default(),
            questions: ChannelQuestions::default(),
            quota: ServerQuota::new(now),
            join_check: JoinCheck::new(now),
            pacer: Pacer::new(config.flood_control, config.learned_pace, now),
            liveness: Liveness::new(now, SILENCE_TIMEOUT, SILENCE_TIMEOUT),
            last_input_at: now,
            alive_reported_at: now,
            answer_reported_at: None,
            hand_over_by: None,
            registered: false,
            output: VecDeque::new(),
        }
    }

    /// Sets the charsets of the connection.
    #[must_use]
    pub fn writing(self, charsets: Charsets) -> Self {
        let charsets = charsets.assuming_utf8(self.isupport.utf8_only);
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

    fn report_alive(&mut self, now: Instant) {
        if self.phase == IrcSessionPhase::Online
            && now >= self.alive_reported_at + ALIVE_EVENT_INTERVAL
        {
            self.alive_reported_at = now;
            self.output.push_back(Output::Event(IrcEvent::Alive));
        }
    }

    /// The server has answered a PING, of which many may be sent.
    pub(in crate::protocol::irc) fn report_answer(&mut self, now: Instant) {
        self.liveness.on_received(now);
        if self.answer_reported_at.is_none_or(|at| now >= at + ALIVE_EVENT_INTERVAL) {
            self.answer_reported_at = Some(now);
            let next_within = self.liveness.answer_period();
            self.output.push_back(Output::Event(IrcEvent::PingAnswered { next_within }));
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

/// The longest `user@host` that a server shows: 10 and 63 bytes (RFC 2812 §1.2.1 and common practice).
pub(in crate::protocol::irc) const MAX_LEN_USERHOST: usize = 10 + 1 + 63;

/// The text of an error numeric.
pub(in crate::protocol::irc) fn last_argument(arguments: &[String]) -> &str {
    arguments.last().map_or("no reason given", String::as_str)
}
