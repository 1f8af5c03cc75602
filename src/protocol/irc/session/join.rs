use std::time::Instant;

use irc::proto::Prefix;
use jiff::Timestamp;

use super::{JOIN_BYTES, Phase, Session, last};
use crate::domain::{EndpointId, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::Event;
use crate::protocol::irc::refusal::{Outlook, Refusal};

/// More forwards than happen at once.
const MOST_FORWARDS: usize = 64;

/// Longer than any channel's name.
const LONGEST_CHANNEL: usize = 512;

/// Into channels, and out.
impl Session {
    /// Asks for the channels that we are out of, many in one line.
    pub(super) fn join(&mut self, now: Instant) {
        if self.phase != Phase::Seated {
            return;
        }
        let mut lines: Vec<(String, String)> = Vec::new();
        let most = self.isupport.max_join_targets.unwrap_or(usize::MAX);
        let mut named = 0;
        for (name, seat) in self.channels.start_joins(now) {
            let key = seat.key.as_ref().map_or("", secrecy::ExposeSecret::expose_secret);
            match lines.last_mut() {
                Some((names, keys))
                    if named < most
                        && names.len() + keys.len() + name.len() + key.len() < JOIN_BYTES =>
                {
                    named += 1;
                    names.extend([",", name]);
                    if !key.is_empty() {
                        keys.extend([",", key]);
                    }
                }
                _ => {
                    named = 1;
                    lines.push((name.to_owned(), key.to_owned()));
                }
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
        self.channels.on_own_join(name, time, now);
        match self.channels.endpoint_of(name) {
            Some(place) => self.people.remove_channel(place),
            None => self.astray(name),
        }
    }

    /// The server has listed everybody in a channel: if we have just come in, we are in.
    pub(super) fn listed(&mut self, now: Instant, name: &str) {
        let (past, echoes) = (self.has_history(), self.registration.has_cap("echo-message"));
        self.tell_lends();
        let joined = self.channels.on_end_of_names(name);
        let fresh = joined.is_some();
        if let Some((place, time)) = joined {
            let line = self.budget(name, MessageKind::Action).bytes;
            self.output.push_back(Output::Event(Event::Joined { place, time, past, echoes, line }));
            let early = self.early.extract_if(.., |(said_in, _)| *said_in == place);
            let heard = early.map(|(place, talk)| Output::Event(Event::Heard { place, talk }));
            self.output.extend(heard);
        }
        if let Some((place, _)) = joined {
            self.ask_modes(place);
        }
        if let Some(place) =
            self.channels.endpoint_of(name).filter(|_| self.channels.is_joined(name))
        {
            self.on_names_complete(now, place, fresh);
            self.on_suspect_names(now, place);
        }
    }

    /// The server will not have us in a channel.
    pub(super) fn out(&mut self, now: Instant, name: &str, refusal: Refusal) {
        let Refusal { why, outlook } = refusal;
        let Some(place) = self.channels.on_not_joined(name, outlook, now) else { return };
        self.people.remove_channel(place);
        self.census.remove(place);
        self.early.retain(|(said_in, _)| *said_in != place);
        self.output.push_back(Output::Event(Event::Closed { place, why }));
        if outlook == Outlook::Invitation {
            self.ask_for_invitation(place);
        }
    }

    /// An operator of the channel does not want us there.
    pub(super) fn put_out(&mut self, name: &str) {
        let place = self.channels.endpoint_of(name);
        self.output.extend(place.map(|place| Output::Event(Event::PutOut { place })));
    }

    /// The server answers our JOIN by the numeric `code`.
    pub(super) fn refused(&mut self, now: Instant, code: &str, arguments: &[String]) {
        let name = arguments.get(1).map_or("", String::as_str);
        if let Some(refusal) = Refusal::read(code, last(arguments)) {
            // It has another name there by now.
            if code == "403" && self.channels.disown(name) {
                return self.join(now);
            }
            if code == "474" {
                self.put_out(name);
            }
            self.out(now, name, refusal);
        }
    }

    /// ERR_LINKCHANNEL: the server lets us into another channel than the one that we asked for.
    pub(super) fn forwarded(&mut self, now: Instant, name: &str, to: &str) {
        if self.channels.endpoint_of(name).is_none() {
            return;
        }
        // Another of ours is one that we want to be in.
        if self.channels.endpoint_of(to).is_none()
            && self.forwards.len() < MOST_FORWARDS
            && to.len() <= LONGEST_CHANNEL
        {
            self.forwards.push(to.to_owned());
        }
        let why = format!("we were sent to {to} instead");
        self.out(now, name, Refusal { why, outlook: Outlook::Late });
    }

    /// We are in a channel that is not ours. Where we were sent there, we leave; elsewhere somebody
    /// else may have a use for it: a bouncer's other user, an operator.
    pub(super) fn astray(&mut self, name: &str) {
        let same = |to: &String| self.isupport.casemapping.same(to, name);
        if let Some(at) = self.forwards.iter().position(same) {
            self.forwards.swap_remove(at);
            tracing::info!(channel = name, "sent to a channel that is not linked: left");
            self.send_all(vec![("PART", vec![name.to_owned()])]);
        }
    }

    /// Somebody has invited us.
    pub(super) fn invited(&mut self, now: Instant, name: &str) {
        if self.channels.on_invite(name, now) {
            tracing::info!(channel = name, "invited");
            self.join(now);
        }
    }

    /// ERR_TOOMANYTARGETS: the server wants to be asked for one channel at a time.
    pub(super) fn join_singly(&mut self, now: Instant) {
        self.isupport.max_join_targets = Some(1);
        self.channels.cancel_joins();
        self.join(now);
    }

    /// We are logged in to an account: some channels were waiting for that.
    pub(super) fn let_in_by_account(&mut self, now: Instant) {
        self.channels.on_logged_in(now);
        self.join(now);
    }

    fn ask_for_invitation(&mut self, place: EndpointId) {
        let (Some(whom), Some(name)) = (&self.invited_by, self.channels.name_of(place)) else {
            return;
        };
        let words = vec![whom.clone(), format!("INVITE {name}")];
        self.send_all(vec![("PRIVMSG", words)]);
    }
}
