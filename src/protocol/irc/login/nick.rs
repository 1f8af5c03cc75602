//! Handles changes of our nick.

use std::time::Instant;

use irc::proto::Prefix;

use super::nick_candidates::RegainMethod;
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::session::{IrcSession, IrcSessionPhase};

/// Our nick, and regaining the configured one.
impl IrcSession {
    /// The server rejected a nick. During registration, the next one is tried; later, the current one is
    /// kept.
    pub(in crate::protocol::irc) fn on_nick_rejected(
        &mut self,
        now: Instant,
        impossible: bool,
        reason: &str,
    ) {
        if self.is_registering() {
            let commands = self.registration.on_nick_rejected(impossible, reason);
            self.apply_login_events(commands);
        } else {
            self.regain.on_rejected(now);
        }
    }

    /// Our nick is now `nick`.
    pub(in crate::protocol::irc) fn on_own_nick_changed(&mut self, now: Instant, nick: &str) {
        nick.clone_into(&mut self.nick);
        self.users.set_own_nick(nick);
        let method = self.regain_method();
        let commands = self.regain.on_nick_changed(nick, self.isupport.casemapping, &method, now);
        self.enqueue_control(commands);
        self.output.push_back(Output::Event(IrcEvent::NickChanged { nick: nick.to_owned() }));
    }

    /// A user has given up this nick.
    pub(in crate::protocol::irc) fn on_nick_released(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
    ) {
        if let Some(Prefix::Nickname(nick, ..)) = source {
            let nick = nick.clone();
            self.on_nick_presence(now, &nick, false);
        }
    }

    /// The server reports whether `nick`, perhaps as `nick!user@host`, is in use.
    pub(in crate::protocol::irc) fn on_nick_presence(
        &mut self,
        now: Instant,
        nick: &str,
        in_use: bool,
    ) {
        let nick = nick.split('!').next().unwrap_or_default();
        if !self.regain.is_wanted(nick, self.isupport.casemapping) {
            return;
        }
        let commands = if in_use {
            let method = self.regain_method();
            self.regain.on_in_use(&method, now)
        } else {
            self.regain.on_free(now)
        };
        self.enqueue_control(commands);
    }

    /// MONITOR reports these nicks as online, or as offline.
    pub(in crate::protocol::irc) fn on_monitored_nicks(
        &mut self,
        now: Instant,
        nicks: &str,
        online: bool,
    ) {
        for nick in nicks.split(',') {
            self.on_nick_presence(now, nick, online);
        }
    }

    /// The ISON reply: those of the nicks that are in use.
    pub(in crate::protocol::irc) fn on_ison_reply(&mut self, now: Instant, nicks: &str) {
        let wanted = self.regain.wanted().to_owned();
        let casemapping = self.isupport.casemapping;
        let in_use = nicks.split_ascii_whitespace().any(|nick| casemapping.same(nick, &wanted));
        self.on_nick_presence(now, &wanted, in_use);
    }

    /// The MOTD is complete.
    pub(in crate::protocol::irc) fn on_end_of_motd(&mut self, now: Instant) {
        self.motd_ended = true;
        self.start_regain(now);
    }

    /// Starts to regain the configured nick, once ISUPPORT and our login are known.
    pub(in crate::protocol::irc) fn start_regain(&mut self, now: Instant) {
        // A bouncer manages its nick itself, and may have other clients.
        if self.phase != IrcSessionPhase::Online
            || !self.motd_ended
            || self.registration.is_bouncer()
        {
            return;
        }
        self.motd_ended = false;
        let method = self.regain_method();
        let (most, casemapping) = (self.isupport.nicklen, self.isupport.casemapping);
        let commands = self.regain.start(&self.nick, most, casemapping, &method, now);
        self.enqueue_control(commands);
    }

    pub(in crate::protocol::irc) fn tick_regain(&mut self, now: Instant) {
        let commands = self.regain.tick(now);
        self.enqueue_control(commands);
    }

    fn regain_method(&self) -> RegainMethod {
        let known = self.account.is_some();
        let services = self.nickserv.regain_command(self.regain.wanted()).filter(|_| known);
        RegainMethod { monitor: self.isupport.monitor, services }
    }
}
