use std::time::Instant;

use super::{Phase, Session};
use crate::domain::EndpointId;
use crate::protocol::irc::refusal::Refusal;

/// Whether we are where we think we are.
impl Session {
    /// Asks the server where we are, once in a while.
    pub(super) fn call_roll(&mut self, now: Instant) {
        if self.phase == Phase::Seated && self.roll.is_due(now) {
            self.send_all(vec![("WHOIS", vec![self.nick.clone()])]);
        }
    }

    /// RPL_WHOISCHANNELS: `names` are channels that `nick` is in, with marks before them.
    pub(super) fn sits_in(&mut self, nick: &str, names: &str) {
        if !self.is_me(nick) {
            return;
        }
        for name in names.split_ascii_whitespace() {
            // What is a mark here may begin a channel's name there: the longest that is one of ours.
            let ends = name.char_indices().map(|(at, _)| &name[at..]);
            let place = ends.into_iter().find_map(|name| self.channels.place(name));
            place.into_iter().for_each(|place| self.roll.see(place));
        }
    }

    /// RPL_ENDOFWHOIS: that is all. Where the server has not seen us, we look for ourselves: it may
    /// hide some channels.
    pub(super) fn sits_nowhere_else(&mut self, now: Instant, nick: &str) {
        if !self.is_me(nick) {
            return;
        }
        let Some(seen) = self.roll.seen() else { return };
        let missing: Vec<EndpointId> =
            self.channels.places_in().filter(|place| !seen.contains(place)).collect();
        for place in missing {
            self.look_for_us(now, place);
        }
    }

    /// The server says something that makes no sense if we are in `name`.
    pub(super) fn doubt(&mut self, now: Instant, name: &str) {
        let place = self.channels.place(name).filter(|_| self.channels.is_in(name));
        place.into_iter().for_each(|place| self.look_for_us(now, place));
    }

    fn look_for_us(&mut self, now: Instant, place: EndpointId) {
        let Some(name) = self.channels.name(place).map(str::to_owned) else { return };
        if self.roll.doubt(place, now) {
            self.send_all(vec![("NAMES", vec![name])]);
        }
    }

    /// Everybody in a channel was listed: if that was in doubt, we are there too, or not in it.
    pub(super) fn looked(&mut self, now: Instant, place: EndpointId) {
        if !self.roll.settle(place) || self.people.are_we_in(place) {
            return;
        }
        if let Some(name) = self.channels.name(place).map(str::to_owned) {
            let why = "the server no longer lists us in it".to_owned();
            self.out(now, &name, Refusal::soon(why));
        }
    }
}
