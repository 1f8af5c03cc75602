//! Follows the connections of a channel through its log: who comes, changes the nick, speaks, and leaves.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::bots::LastCommand;
use super::sightings::{LogCredentials, NetworkSightings, NickId, NickStay, SightingId};
use crate::domain::{LogEntry, LogEvent, LogSpeaker, MessageKind};

/// How long somebody counts as there without a sign of life, in a log that shows who comes.
const LONG_SILENCE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// The same in a log that does not.
const SHORT_SILENCE: SignedDuration = SignedDuration::from_mins(30);
/// How long ago somebody came, at most, in a log that shows who comes.
const SHOWS_JOINS: SignedDuration = SignedDuration::from_hours(24 * 60);
/// How long a connection that is dead already may still be shown.
const DEAD_TAIL: SignedDuration = SignedDuration::from_mins(15);
/// How many nicks of one connection are kept until it ends.
const MAX_STAYS: usize = 16;
/// How many connections may be open in a channel.
const MAX_OPEN: usize = 50_000;

/// A connection as one channel shows it.
#[derive(Debug, Clone)]
struct ChannelConnection {
    credentials: LogCredentials,
    /// Its first nick, as far as is known.
    first_nick: NickId,
    /// The last one is open.
    stays: Vec<NickStay>,
    /// The nick before these.
    before: Option<SightingId>,
}

/// How a stay ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// They left the channel, or have another nick.
    Left,
    /// Their connection ended, perhaps some time ago.
    Quit,
    /// The log does not say when; they were last seen before.
    Unseen,
}

/// Reads the log of one channel, in order of time, for what it shows of people.
#[derive(Debug)]
pub(super) struct ChannelConnections {
    /// What this channel shows.
    network: NetworkSightings,
    open: BTreeMap<NickId, ChannelConnection>,
    last_join: Option<Timestamp>,
    command: LastCommand,
}

impl ChannelConnections {
    pub(super) fn new() -> Self {
        let network = NetworkSightings::default();
        Self { network, open: BTreeMap::new(), last_join: None, command: LastCommand::default() }
    }

    /// Reads the next entry.
    pub(super) fn read(&mut self, entry: &LogEntry) {
        let at = entry.at;
        match &entry.event {
            LogEvent::Message { by, kind, text } => self.hear(at, by, *kind, text),
            LogEvent::Join(who) => self.join(at, who),
            LogEvent::Part { who, .. } => self.leave(at, who, Ending::Left),
            LogEvent::Quit { who, .. } => self.leave(at, who, Ending::Quit),
            LogEvent::Kick { nick, by, .. } => {
                self.touch(at, by);
                let who = LogSpeaker { nick: nick.clone(), ..LogSpeaker::default() };
                self.leave(at, &who, Ending::Left);
            }
            LogEvent::Nick { from, to } => self.rename(at, from, to),
            LogEvent::Mode { by, .. } | LogEvent::Topic { by: Some(by), .. } => self.touch(at, by),
            LogEvent::Topic { by: None, .. } | LogEvent::Client(_) => {}
        }
    }

    /// Ends all connections, where they were last seen. What was seen of people.
    pub(super) fn finish(mut self) -> NetworkSightings {
        self.end_all();
        self.network
    }

    fn hear(&mut self, at: Timestamp, by: &LogSpeaker, kind: MessageKind, text: &str) {
        let Some(nick) = self.sight(at, by) else {
            self.network.lines_of_others += 1;
            return;
        };
        let speech = &mut self.network.facts_mut(nick).speech;
        speech.hear((at, &by.nick), (kind, text), &self.command);
        self.command.hear(at, &by.nick, text);
        if let Some(stay) = self.open.get_mut(&nick).and_then(|it| it.stays.last_mut()) {
            stay.lines += 1;
            stay.said = Some((stay.said.map_or(at, |it| it.0), at));
        }
    }

    fn join(&mut self, at: Timestamp, who: &LogSpeaker) {
        self.last_join = Some(at);
        if let Some(nick) = self.network.nick(&who.nick) {
            // That they left was not seen.
            self.end(nick, at, Ending::Unseen);
            self.begin(nick, at, credentials_of(who));
        }
    }

    fn leave(&mut self, at: Timestamp, who: &LogSpeaker, ending: Ending) {
        if let Some(nick) = self.sight(at, who) {
            self.end(nick, at, ending);
        }
    }

    fn rename(&mut self, at: Timestamp, from: &LogSpeaker, to: &str) {
        let (Some(old), Some(new)) = (self.sight(at, from), self.network.nick(to)) else { return };
        if old == new {
            return;
        }
        let Some(mut connection) = self.open.remove(&old) else { return };
        self.end(new, at, Ending::Unseen);
        if let Some(stay) = connection.stays.last_mut() {
            stay.until = at;
        }
        if connection.stays.len() >= MAX_STAYS {
            self.keep_stays(&mut connection);
        }
        connection.stays.push(NickStay { nick: new, since: at, until: at, lines: 0, said: None });
        self.open.insert(new, connection);
    }

    /// Somebody who acted without speaking. It may be a server.
    fn touch(&mut self, at: Timestamp, nick: &str) {
        if let Some(nick) = self.network.known(nick)
            && let Some(stay) = self.open.get_mut(&nick).and_then(|it| it.stays.last_mut())
        {
            stay.until = stay.until.max(at);
        }
    }

    /// Somebody is there, with an open connection from now on at the latest.
    fn sight(&mut self, at: Timestamp, who: &LogSpeaker) -> Option<NickId> {
        let nick = self.network.nick(&who.nick)?;
        let credentials = credentials_of(who);
        let silence = match self.last_join {
            Some(last) if at.duration_since(last) <= SHOWS_JOINS => LONG_SILENCE,
            _ => SHORT_SILENCE,
        };
        let goes_on = self.open.get(&nick).is_some_and(|connection| {
            let seen = connection.stays.last().map_or(at, |stay| stay.until);
            at.duration_since(seen) <= silence && connection.credentials.may_be(&credentials)
        });
        if !goes_on {
            self.end(nick, at, Ending::Unseen);
            self.begin(nick, at, credentials);
        } else if let Some(connection) = self.open.get_mut(&nick) {
            connection.credentials.learn(&credentials);
            if let Some(stay) = connection.stays.last_mut() {
                stay.until = stay.until.max(at);
            }
        }
        Some(nick)
    }

    fn begin(&mut self, nick: NickId, at: Timestamp, credentials: LogCredentials) {
        if self.open.len() >= MAX_OPEN {
            self.end_all();
        }
        let stay = NickStay { nick, since: at, until: at, lines: 0, said: None };
        let connection =
            ChannelConnection { credentials, first_nick: nick, stays: vec![stay], before: None };
        self.open.insert(nick, connection);
    }

    fn end(&mut self, nick: NickId, at: Timestamp, ending: Ending) {
        let Some(mut connection) = self.open.remove(&nick) else { return };
        if let Some(stay) = connection.stays.last_mut() {
            match ending {
                Ending::Left => stay.until = at,
                Ending::Quit => {
                    let said = stay.said.map_or(stay.since, |it| it.1);
                    stay.until = said.max(stay.since).max(at - DEAD_TAIL).min(at);
                }
                Ending::Unseen => {}
            }
        }
        self.keep_stays(&mut connection);
    }

    fn end_all(&mut self) {
        for mut connection in std::mem::take(&mut self.open).into_values() {
            self.keep_stays(&mut connection);
        }
    }

    /// Puts the stays of a connection among the sightings.
    fn keep_stays(&mut self, connection: &mut ChannelConnection) {
        for stay in connection.stays.drain(..) {
            let first = Some(connection.first_nick);
            let id = self.network.add_stay(&stay, &connection.credentials, first);
            if let Some(before) = connection.before {
                self.network.add_change(before, id, stay.since);
            }
            connection.before = Some(id);
        }
    }
}

fn credentials_of(who: &LogSpeaker) -> LogCredentials {
    LogCredentials::new(who.userhost.as_deref(), who.account.as_deref())
}
