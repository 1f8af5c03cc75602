//! What a session knows that a server does not tell again, handed to another process with the connection.
//!
//! ```text
//!  this process                                   the next one
//!  Online ── HandOver ─▶ settling ── Release ──▶  resume ──▶ Online
//!                            │ not in time
//!                            └──▶ Quitting
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{IrcSession, IrcSessionPhase, SessionConfig};
use crate::domain::MessageKind;
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::budget::MAX_QUEUED_LINES;
use crate::protocol::irc::channels::kept::KeptChannel;
use crate::protocol::irc::channels::users::KeptUsers;
use crate::protocol::irc::login::Registration;
use crate::protocol::irc::login::caps::KeptCaps;
use crate::protocol::irc::login::regain::KeptRegain;
use crate::protocol::irc::send::pacing::KeptPace;
use crate::protocol::irc::wire::isupport::IsupportTokens;
use crate::protocol::irc::wire::line::Line;

/// How long a session may take to come to a point where another process can take it over.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// The message of QUIT when that does not succeed.
const NOT_HANDED_OVER: &str = "the bridge is restarting";

/// The message of PART for a channel that the next process does not know.
const NO_LONGER_LINKED: &str = "no longer linked";

/// What a session knows that its server does not tell again. It contains lines that are still to be sent, with the
/// passwords in them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    nick: String,
    userhost: Option<String>,
    /// The name and the software of the server.
    server: Option<(String, String)>,
    account: Option<String>,
    /// Whether SASL has logged us in.
    is_logged_in: bool,
    caps: KeptCaps,
    isupport: IsupportTokens,
    is_bot_mode_set: bool,
    are_batches_accepted: bool,
    /// Where services were seen.
    services_host: Option<String>,
    /// Whether we are set away.
    is_away: bool,
    regain: KeptRegain,
    pace: KeptPace,
    channels: Vec<KeptChannel>,
    users: KeptUsers,
    /// Lines that the rate limit has held back.
    queued: Vec<String>,
}

/// Without the lines.
impl fmt::Debug for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SessionState");
        shown.field("nick", &self.nick).field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl SessionState {
    /// Whether the server has announced that everything is UTF-8.
    #[must_use]
    pub fn is_utf8_only(&self) -> bool {
        self.isupport.iter().any(|token| token == "UTF8ONLY")
    }

    /// Who is in its channels.
    #[must_use]
    pub fn users(&self) -> &KeptUsers {
        &self.users
    }

    /// Whether it is in the channel with this name in the configuration, or should be.
    #[must_use]
    pub fn has_channel(&self, name: &str) -> bool {
        self.channels.iter().any(|channel| channel.is_named(name))
    }

    /// Forgets who is in its channels: another connection to the network knows.
    pub fn forget_users(&mut self) {
        self.users = KeptUsers::default();
    }
}

impl IrcSession {
    /// Another process is to take the connection over, as soon as nothing is half said.
    pub(super) fn begin_hand_over(&mut self, now: Instant) {
        if self.phase == IrcSessionPhase::Online {
            self.hand_over_by = Some(now + SETTLE_TIMEOUT);
        } else {
            self.quit(now, NOT_HANDED_OVER.to_owned());
        }
    }

    /// Releases the connection if it is to be handed over and nothing is half said, or says goodbye if that takes too
    /// long.
    pub(super) fn hand_over_if_settled(&mut self, now: Instant) {
        let Some(deadline) = self.hand_over_by else { return };
        if self.phase == IrcSessionPhase::Online && self.is_settled() {
            self.hand_over_by = None;
            self.output.push_back(Output::Release);
        } else if now >= deadline {
            self.hand_over_by = None;
            self.quit(now, NOT_HANDED_OVER.to_owned());
        }
    }

    /// Whether the server owes us nothing that another process could not understand.
    fn is_settled(&self) -> bool {
        self.registration.is_settled()
            && !self.batches.is_any_open()
            && !self.history_requests.is_any_open()
    }

    /// What another process needs to continue the session after [`Output::Release`].
    #[must_use]
    pub fn keep(&self, now: Instant) -> SessionState {
        let (caps, is_logged_in) = self.registration.keep();
        let name_of = |endpoint| self.channels.configured_name(endpoint);
        SessionState {
            nick: self.nick.clone(),
            userhost: self.userhost.clone(),
            server: self.server.clone(),
            account: self.account.clone(),
            is_logged_in,
            caps,
            isupport: self.isupport_tokens.clone(),
            is_bot_mode_set: self.bot_mode_set,
            are_batches_accepted: self.batches_accepted,
            services_host: self.nickserv.host().map(str::to_owned),
            is_away: self.is_away,
            regain: self.regain.keep(now),
            pace: self.pacer.keep(now),
            channels: self.channels.keep(now),
            users: self.users.keep(name_of, now),
            queued: self.control_queue.iter().map(|line| line.as_str().to_owned()).collect(),
        }
    }

    /// Continues a session that another process has released. Reports what a login and joins would, with
    /// [`IrcEvent::StillJoined`] for the channels that we are in: nothing was missed there. Where the state does not say
    /// who is in a channel, `others` may.
    #[must_use]
    pub fn resume(
        now: Instant,
        config: SessionConfig,
        state: SessionState,
        others: Option<&KeptUsers>,
    ) -> Self {
        let SessionConfig { identity, is_tls, may_say_passwords, nonce, .. } = &config;
        let passwords = (*is_tls, *may_say_passwords);
        let known = (state.caps, state.is_logged_in);
        let registration = Registration::resume(identity, passwords, nonce.clone(), known);
        let mut session = Self::assemble(now, config, registration);
        session.phase = IrcSessionPhase::Online;
        session.registered = true;
        session.set_server((state.nick, state.userhost), state.server, state.isupport);
        session.nickserv.set_host(state.services_host);
        session.bot_mode_set = state.is_bot_mode_set;
        session.batches_accepted = state.are_batches_accepted;
        session.is_away = state.is_away;
        session.pacer.restore(&state.pace, now);
        session.report_resumed(state.account);
        let taken_over = session.channels.restore(state.channels, now);
        for endpoint in &taken_over.inside {
            session.report_still_joined(*endpoint);
        }
        let users = if state.users.is_empty() { others } else { Some(&state.users) };
        if let Some(users) = users {
            let channels = &session.channels;
            let inside = |name: &str| {
                channels.configured_endpoint(name).filter(|it| taken_over.inside.contains(it))
            };
            session.users.restore(users, inside, now);
        }
        session.report_membership();
        let queued = state.queued.into_iter().take(MAX_QUEUED_LINES).filter_map(Line::restore);
        session.control_queue = queued.collect::<VecDeque<_>>();
        for name in taken_over.gone {
            session.enqueue_control(vec![("PART", vec![name, NO_LONGER_LINKED.to_owned()])]);
        }
        for endpoint in taken_over.entered {
            let name = session.channels.name_of(endpoint).map(str::to_owned);
            session.enqueue_control(name.map(|name| ("NAMES", vec![name])).into_iter().collect());
        }
        taken_over.inside.into_iter().for_each(|endpoint| session.ask_about(endpoint));
        session.continue_working(&state.regain, now);
        session
    }

    /// What the server has said of itself and of us.
    fn set_server(
        &mut self,
        (nick, userhost): (String, Option<String>),
        server: Option<(String, String)>,
        isupport: IsupportTokens,
    ) {
        (self.nick, self.userhost) = (nick, userhost);
        isupport.iter().for_each(|token| self.isupport.parse_token(token));
        self.isupport_tokens = isupport;
        self.channels.set_casemapping(self.isupport.casemapping);
        self.users.set_casemapping(self.isupport.casemapping);
        self.users.set_own_nick(&self.nick);
        if let Some((name, version)) = server {
            self.on_server_version(&name, &version);
        }
    }

    /// Reports what a login would.
    fn report_resumed(&mut self, account: Option<String>) {
        self.output.push_back(Output::Event(IrcEvent::Registered { nick: self.nick.clone() }));
        if let Some(account) = account.clone() {
            self.output.push_back(Output::Event(IrcEvent::LoggedIn { account }));
        }
        self.account = account;
        if self.is_away {
            self.output.push_back(Output::Event(IrcEvent::StillAway));
        }
        self.report_relaymsg();
    }

    fn report_still_joined(&mut self, endpoint: crate::domain::EndpointId) {
        let Some(name) = self.channels.name_of(endpoint) else { return };
        let line = self.text_budget(name, MessageKind::Action).bytes;
        self.output.push_back(Output::Event(IrcEvent::StillJoined {
            endpoint,
            has_history: self.has_history(),
            has_echoes: self.registration.has_cap("echo-message"),
            line,
        }));
    }

    /// Does what is due now, and asks whether the server hears us.
    fn continue_working(&mut self, regain: &KeptRegain, now: Instant) {
        self.reject_impossible_channels(now);
        self.join_pending(now);
        self.motd_ended = true;
        self.start_regain(now);
        self.regain.restore(regain, now);
        self.liveness.on_ping_sent(now);
        self.send_ping(now);
        self.send_ready(now);
    }
}
