use std::time::Instant;

use irc::proto::Prefix;

use super::{Phase, Session};
use crate::protocol::Output;
use crate::protocol::irc::Event;
use crate::protocol::irc::nick::Means;

/// What we are called, and what we would rather be called.
impl Session {
    /// The server will not have a nick: the next is tried on the way in, and later the one that we
    /// have is kept.
    pub(super) fn nick_refused(&mut self, now: Instant, impossible: bool, why: &str) {
        if self.is_registering() {
            let words = self.registration.nick_refused(impossible, why);
            self.negotiated(words);
        } else {
            self.regain.refused(now);
        }
    }

    /// We go by `nick` from now on.
    pub(super) fn we_are_called(&mut self, now: Instant, nick: &str) {
        nick.clone_into(&mut self.nick);
        self.people.set_own_nick(nick);
        let means = self.means_to_regain();
        let words = self.regain.renamed(nick, self.isupport.casemapping, &means, now);
        self.send_all(words);
        self.output.push_back(Output::Event(Event::Renamed { nick: nick.to_owned() }));
    }

    /// Whoever went by this nick does so no longer.
    pub(super) fn gave_up(&mut self, now: Instant, source: Option<&Prefix>) {
        if let Some(Prefix::Nickname(nick, ..)) = source {
            let nick = nick.clone();
            self.is_there(now, &nick, false);
        }
    }

    /// Whether somebody goes by `nick`, as the server says; perhaps in the form `nick!user@host`.
    pub(super) fn is_there(&mut self, now: Instant, nick: &str, there: bool) {
        let nick = nick.split('!').next().unwrap_or_default();
        if !self.regain.wants(nick, self.isupport.casemapping) {
            return;
        }
        let words = if there {
            let means = self.means_to_regain();
            self.regain.taken(&means, now)
        } else {
            self.regain.free(now)
        };
        self.send_all(words);
    }

    /// Of those that we asked about, these are there.
    pub(super) fn are_there(&mut self, now: Instant, nicks: &str) {
        let wished = self.regain.wished().to_owned();
        let casemapping = self.isupport.casemapping;
        let there = nicks.split_ascii_whitespace().any(|nick| casemapping.same(nick, &wished));
        self.is_there(now, &wished, there);
    }

    /// The server has said all that it says at first.
    pub(super) fn greeted(&mut self, now: Instant) {
        self.greeted = true;
        self.begin_to_regain(now);
    }

    /// Begins to get the wished nick back, once we know what the server can do, and it us.
    pub(super) fn begin_to_regain(&mut self, now: Instant) {
        // A bouncer keeps its nick itself, and others may sit behind it.
        if self.phase != Phase::Seated || !self.greeted || self.registration.is_bouncer() {
            return;
        }
        self.greeted = false;
        let means = self.means_to_regain();
        let (most, casemapping) = (self.isupport.nicklen, self.isupport.casemapping);
        let words = self.regain.begin(&self.nick, most, casemapping, &means, now);
        self.send_all(words);
    }

    pub(super) fn tick_nick(&mut self, now: Instant) {
        let words = self.regain.tick(now);
        self.send_all(words);
    }

    fn means_to_regain(&self) -> Means {
        let known = self.account.is_some();
        let services = self.nickserv.regain(self.regain.wished()).filter(|_| known);
        Means { monitor: self.isupport.monitor, services }
    }
}
