use std::time::Instant;

use irc::proto::Prefix;
use jiff::Timestamp;

use super::{JOIN_BYTES, Phase, Session};
use crate::protocol::Output;
use crate::protocol::irc::Event;

/// Getting in, and out.
impl Session {
    pub(super) fn registered(&mut self, now: Instant, nick: &str) {
        if self.is_registering() {
            self.phase = Phase::Seated;
            self.nick = nick.to_owned();
            self.people.we_are(nick);
            self.output.push_back(Output::Event(Event::Registered { nick: nick.to_owned() }));
            self.join(now);
        }
    }

    /// Asks for the channels that we are out of, many in one line.
    pub(super) fn join(&mut self, now: Instant) {
        if self.phase != Phase::Seated {
            return;
        }
        let mut lines: Vec<(String, String)> = Vec::new();
        for seat in self.channels.ask_all(now) {
            let key = seat.key.as_ref().map_or("", secrecy::ExposeSecret::expose_secret);
            match lines.last_mut() {
                Some((names, keys))
                    if names.len() + keys.len() + seat.name.len() + key.len() < JOIN_BYTES =>
                {
                    names.extend([",", &seat.name]);
                    if !key.is_empty() {
                        keys.extend([",", key]);
                    }
                }
                _ => lines.push((seat.name.clone(), key.to_owned())),
            }
        }
        for (names, keys) in lines {
            let params = if keys.is_empty() { vec![names] } else { vec![names, keys] };
            self.send_all(vec![("JOIN", params)]);
        }
    }

    pub(super) fn joining(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        name: &str,
        time: Option<Timestamp>,
    ) {
        if let Some(Prefix::Nickname(_, user, host)) = source
            && !host.is_empty()
        {
            self.address = Some(format!("{user}@{host}"));
        }
        self.channels.entering(name, time, now);
        if let Some(place) = self.channels.place(name) {
            self.people.forget(place);
        }
    }

    /// The server has listed everybody in a channel: if we have just come in, we are in.
    pub(super) fn listed(&mut self, name: &str) {
        let (past, echoes) = (self.keeps_past(), self.registration.has("echo-message"));
        let joined = self.channels.listed(name);
        let fresh = joined.is_some();
        let joined = joined.map(|(place, time)| Event::Joined { place, time, past, echoes });
        self.output.extend(joined.map(Output::Event));
        if let Some(place) = self.channels.place(name).filter(|_| self.channels.is_in(name)) {
            self.named_all(place, fresh);
        }
    }

    pub(super) fn out(&mut self, now: Instant, name: &str, why: &str) {
        let place = self.channels.out(name, now);
        let why = why.to_owned();
        if let Some(place) = place {
            self.people.forget(place);
            self.census.forget(place);
            self.output.push_back(Output::Event(Event::Closed { place, why }));
        }
    }

    pub(super) fn next_nick(&mut self, impossible: bool) {
        if self.is_registering() {
            let words = self.registration.nick_refused(impossible);
            self.send_all(vec![words]);
        }
    }
}
