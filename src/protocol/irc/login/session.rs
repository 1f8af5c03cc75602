//! Registration and login, and rejection by the server.

use std::time::Instant;

use irc::proto::{Prefix, Response};
use secrecy::ExposeSecret;

use super::nickserv::{Fact, NickservReply};
use super::{LoginEvent, RawCommand};
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::errors::disconnect::{DisconnectKind, DisconnectReason};
use crate::protocol::irc::session::{IrcSession, IrcSessionPhase, QUIT_TIMEOUT, last_argument};
use crate::protocol::irc::wire::parse::ParsedLine;

/// Registration, login, and rejection by the server.
impl IrcSession {
    /// Why the server rejected or disconnected us, if it did.
    #[must_use]
    pub fn disconnect_reason(&self) -> Option<&DisconnectReason> {
        self.disconnect_reason.as_ref()
    }

    /// Whether registration was completed.
    #[must_use]
    pub fn was_registered(&self) -> bool {
        self.registered
    }

    pub(in crate::protocol::irc) fn on_welcome(&mut self, now: Instant, nick: &str) {
        if !self.is_registering() {
            return;
        }
        if let Some(rejection) = self.registration.on_welcome() {
            return self.reject(rejection);
        }
        self.phase = IrcSessionPhase::Identifying;
        self.registered = true;
        if crate::protocol::irc::channels::user_events::is_valid_nick(nick) {
            nick.clone_into(&mut self.nick);
        }
        self.users.set_own_nick(&self.nick);
        self.output.push_back(Output::Event(IrcEvent::Registered { nick: self.nick.clone() }));
        self.send_connect_commands();
        // A bouncer has an account of its own.
        let known = self.account.is_some() || self.registration.is_logged_in();
        if !known && !self.registration.is_bouncer() {
            let commands = self.nickserv.identify(now);
            self.enqueue_control(commands);
            if self.nickserv.is_withheld() {
                let reason = DisconnectReason::new(DisconnectKind::InTheClear, "");
                let reason = format!("{reason}; {}", reason.help().unwrap_or_default());
                self.output.push_back(Output::Event(IrcEvent::LoginFailed { reason }));
            }
        }
        self.go_online(now);
    }

    /// Joins the channels, once services have answered.
    fn go_online(&mut self, now: Instant) {
        if self.phase == IrcSessionPhase::Identifying && !self.nickserv.is_identifying() {
            self.phase = IrcSessionPhase::Online;
            self.join_pending(now);
            self.start_regain(now);
        }
    }

    /// Sends these lines and applies the results of the login.
    pub(in crate::protocol::irc) fn apply_login_events(&mut self, commands: Vec<RawCommand>) {
        self.enqueue_control(commands);
        for result in self.registration.take_events() {
            match result {
                LoginEvent::Rejected(rejection) => self.reject(rejection),
                LoginEvent::Sts(sts) => self.output.push_back(Output::Event(IrcEvent::Sts(sts))),
                LoginEvent::LoginFailed(reason) => {
                    self.output.push_back(Output::Event(IrcEvent::LoginFailed { reason }));
                }
            }
        }
    }

    /// The server reports our account, or that we are logged out.
    pub(in crate::protocol::irc) fn on_account(&mut self, now: Instant, account: Option<&str>) {
        if let Some(account) = account
            && self.account.as_deref() != Some(account)
        {
            let account = account.to_owned();
            self.output.push_back(Output::Event(IrcEvent::LoggedIn { account }));
        }
        self.account = account.map(str::to_owned);
        if account.is_some() {
            self.nickserv.finish();
            self.go_online(now);
            self.retry_joins_after_login(now);
        } else {
            let commands = self.registration.on_logged_out(now);
            self.apply_login_events(commands);
        }
    }

    pub(in crate::protocol::irc) fn on_authenticate(&mut self, now: Instant, chunk: &str) {
        let commands = self.registration.on_authenticate(chunk, now);
        self.apply_login_events(commands);
    }

    pub(in crate::protocol::irc) fn on_sasl_numeric(
        &mut self,
        now: Instant,
        response: Response,
        arguments: &[String],
    ) {
        let commands = self.registration.on_sasl_numeric(response as u16, arguments, now);
        self.apply_login_events(commands);
    }

    /// A private NOTICE was received, perhaps from services.
    pub(in crate::protocol::irc) fn on_private_notice(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        text: &str,
    ) {
        let Some(Prefix::Nickname(nick, _, host)) = source else { return };
        if !self.nickserv.is_services_nick(nick, self.isupport.casemapping) {
            return;
        }
        let answer = if self.nickserv.are_at(host) { self.nickserv.on_text(text) } else { None };
        match answer {
            Some(answer) => self.on_services_reply(now, answer),
            None if self.account.is_none() && self.phase == IrcSessionPhase::Online => {
                let commands = self.nickserv.on_prompt(text, now);
                self.enqueue_control(commands);
            }
            None => {}
        }
    }

    /// A WHOIS numeric was received.
    pub(in crate::protocol::irc) fn shown(&mut self, nick: &str, fact: Fact<'_>) {
        self.nickserv.shown(nick, fact, self.isupport.casemapping);
    }

    /// A WHOIS reply is complete.
    pub(in crate::protocol::irc) fn all_shown(&mut self, now: Instant, nick: &str) {
        match self.nickserv.all_shown(now, nick, self.isupport.casemapping) {
            Ok(commands) => self.enqueue_control(commands.into_iter().collect()),
            Err(answer) => self.on_services_reply(now, answer),
        }
    }

    pub(in crate::protocol::irc) fn on_services_reply(
        &mut self,
        now: Instant,
        answer: NickservReply,
    ) {
        match answer {
            NickservReply::LoggedIn => {
                let account = self.nickserv.account().to_owned();
                self.on_account(now, Some(&account));
            }
            NickservReply::Failed(reason) => {
                self.output.push_back(Output::Event(IrcEvent::LoginFailed { reason }));
                self.go_online(now);
            }
        }
    }

    /// There is no such nick: services may be down.
    pub(in crate::protocol::irc) fn on_no_such_nick(&mut self, now: Instant, nick: &str) {
        if self.nickserv.is_services_nick(nick, self.isupport.casemapping) && self.nickserv.finish()
        {
            let reason = format!("{nick} is not online");
            self.on_services_reply(now, NickservReply::Failed(reason));
        }
    }

    pub(in crate::protocol::irc) fn tick_login(&mut self, now: Instant) {
        let commands = self.registration.tick(now);
        self.apply_login_events(commands);
        if let Some(answer) = self.nickserv.tick(now) {
            self.on_services_reply(now, answer);
        }
    }

    /// The server rejects us with a numeric.
    pub(in crate::protocol::irc) fn reject_by_numeric(
        &mut self,
        reason: DisconnectKind,
        arguments: &[String],
    ) {
        self.reject(DisconnectReason::new(reason, last_argument(arguments)));
    }

    /// The server has banned us; the ERROR that follows says why.
    pub(in crate::protocol::irc) fn on_banned(&mut self, now: Instant, arguments: &[String]) {
        self.phase = IrcSessionPhase::Banned { deadline: now + QUIT_TIMEOUT };
        self.disconnect_reason =
            Some(DisconnectReason::new(DisconnectKind::Banned, last_argument(arguments)));
    }

    /// The server has closed the link, or should have by now.
    pub(in crate::protocol::irc) fn on_link_closed(&mut self, reason: String) {
        let leaving = matches!(self.phase, IrcSessionPhase::Quitting { .. });
        let rejection = match (self.disconnect_reason.take(), DisconnectReason::parse(&reason)) {
            // Either may have the more specific reason.
            (Some(banned), Some(rejection)) => {
                let text = format!("{}; {}", banned.text, rejection.text);
                Some(DisconnectReason { text, ..rejection })
            }
            // Rejected before we sent anything that could be the cause, so it may be permanent.
            (None, None) if !self.registered => {
                Some(DisconnectReason::parse_registration_error(&reason))
            }
            (banned, rejection) => rejection.or(banned),
        };
        match rejection.filter(|_| !leaving) {
            Some(rejection) => self.reject(rejection),
            None => self.close(reason),
        }
    }

    fn reject(&mut self, rejection: DisconnectReason) {
        // If the server lacks a password that we withheld, that is the reason.
        let lacks = !self.registered && self.registration.is_withheld();
        let moves = matches!(rejection.kind, DisconnectKind::StsUpgrade { .. });
        let rejection = if lacks && !moves {
            DisconnectReason::new(DisconnectKind::InTheClear, "")
        } else {
            rejection
        };
        self.close(rejection.to_string());
        self.disconnect_reason = Some(rejection);
    }

    /// Sets the bot mode, if the server has one
    /// (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(in crate::protocol::irc) fn set_bot_mode(&mut self) {
        let Some(mode) = self.isupport.bot_mode.filter(|_| !self.bot_mode_set) else { return };
        // A bouncer may have other clients, who are people.
        if !self.is_registering() && !self.registration.is_bouncer() {
            self.bot_mode_set = true;
            self.enqueue_control(vec![("MODE", vec![self.nick.clone(), format!("+{mode}")])]);
        }
    }

    /// Sends the configured commands, which the configuration has parsed.
    fn send_connect_commands(&mut self) {
        for command in &self.connect_commands {
            let command = command.expose_secret().replace("{nick}", &self.nick);
            match ParsedLine::parse(&command).ok().map(|parts| parts.to_line()) {
                Some(Ok(line)) => self.control_queue.push_back(line),
                // Do not log the command: it may contain a password.
                _ => tracing::error!("invalid on_connect command skipped"),
            }
        }
    }
}
