//! Who said what was refused is told, once, where they said it.
//!
//! What was refused stands in the store as not told yet, so that neither a restart nor a lost
//! connection keeps it from being told, or has it told twice. Several refusals within a moment are
//! told as one number, and nobody is told more often than every few minutes: somebody on IRC by a
//! NOTICE to their nick alone, those in a room by one line there, which is mirrored nowhere.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{Bridge, Order, Turn};
use crate::domain::{Casemapping, Delivery, Endpoint, EndpointId, MessageKind, Network};
use crate::protocol::irc;
use crate::store::{StoreError, UnreportedFailure};
use crate::translate::{Words, called};

/// How long refusals are gathered before the first is told.
const GATHERING: SignedDuration = SignedDuration::from_secs(5);

/// How long nobody is told again.
const QUIET: SignedDuration = SignedDuration::from_mins(5);

/// How many names, and how many bytes of a text or a reason, are shown.
const NAMES: usize = 5;
const SHOWN: usize = 60;

/// When somebody is told next.
#[derive(Debug)]
pub(super) struct Refusals {
    /// When to look for those that are to be told; `None` where there are none.
    due: Option<Timestamp>,
    /// Until when these are not told again.
    quiet: HashMap<Audience, Timestamp>,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Audience {
    /// Somebody on a network, by their nick in lower case.
    Nick(Network, String),
    /// Those in a room.
    Room(EndpointId),
}

impl Default for Refusals {
    /// Perhaps the last run has left some.
    fn default() -> Self {
        Self { due: Some(Timestamp::MIN), quiet: HashMap::new() }
    }
}

impl Refusals {
    /// Something was refused of which somebody is to be told.
    fn note(&mut self, now: Timestamp) {
        let due = self.due.filter(|due| *due != Timestamp::MIN);
        self.due = Some(due.unwrap_or(now + GATHERING));
    }

    /// Whether some are to be told now.
    fn is_due(&mut self, now: Timestamp) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = None;
            self.quiet.retain(|_, until| *until > now);
        }
        due
    }

    /// Whether `audience` may be told now; if not, it is when it may.
    fn may_hear(&mut self, audience: Audience, now: Timestamp) -> bool {
        if let Some(until) = self.quiet.get(&audience) {
            self.due = Some(self.due.map_or(*until, |due| due.min(*until)));
            return false;
        }
        self.quiet.insert(audience, now + QUIET);
        true
    }
}

impl Bridge {
    /// `delivery` was refused: whoever said it is to be told. Not a program, nor one who said it as a
    /// notice: neither expects an answer, and two programs could answer each other for ever.
    pub(super) fn is_refused(
        &mut self,
        delivery: &Delivery,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let author = &delivery.message.author;
        let answerable = !author.is_bridge() && !author.bot;
        if !self.policy.announce || !answerable || delivery.message.kind == MessageKind::Notice {
            return Ok(());
        }
        self.refusals.note(turn.now);
        turn.store.mark_unreported(delivery.id)
    }

    /// Tells those who are to be told by now.
    pub(super) fn tell_refusals(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        if !self.refusals.is_due(turn.now) {
            return Ok(());
        }
        let mut audiences: HashMap<Audience, Vec<UnreportedFailure>> = HashMap::new();
        for untold in turn.store.unreported_failures()? {
            match self.spots.get(&untold.source).map(|spot| &spot.place) {
                Some(Endpoint::Channel { network, .. }) => {
                    let nick = Casemapping::default().fold(&untold.author);
                    audiences
                        .entry(Audience::Nick(network.clone(), nick))
                        .or_default()
                        .push(untold);
                }
                Some(Endpoint::Room(_)) => {
                    audiences.entry(Audience::Room(untold.source)).or_default().push(untold);
                }
                // Whoever wrote in private is told otherwise.
                None if self.direct.tells()
                    && turn.store.user_of_endpoint(untold.source)?.is_some() => {}
                // No longer linked: nobody is there to be told.
                None => turn.store.mark_reported(&untold)?,
            }
        }
        for (audience, refused) in audiences {
            self.tell_audience(audience, &refused, turn)?;
        }
        Ok(())
    }

    fn tell_audience(
        &mut self,
        audience: Audience,
        refused: &[UnreportedFailure],
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Audience::Nick(network, _) = &audience
            && !self.alive.contains_key(network)
        {
            self.refusals.note(turn.now);
            return Ok(());
        }
        if !self.refusals.may_hear(audience.clone(), turn.now) {
            return Ok(());
        }
        for untold in refused {
            turn.store.mark_reported(untold)?;
        }
        match audience {
            Audience::Nick(network, _) => {
                let Some(UnreportedFailure { author, .. }) = refused.first() else { return Ok(()) };
                tell_nick(&network, author, self.to_nick(refused), turn);
                Ok(())
            }
            Audience::Room(room) => {
                let Some(UnreportedFailure { to, .. }) = refused.first() else { return Ok(()) };
                self.say(*to, &[room], self.to_room(refused), turn)
            }
        }
    }

    /// `your message "tea?" did not reach room tea: Bad Request`.
    fn to_nick(&self, refused: &[UnreportedFailure]) -> String {
        let each = refused.iter().map(|untold| {
            let (from, to) = (self.spelled(untold.source), self.spelled(untold.to));
            match untold.count {
                1 => format!("your message \"{}\" did not reach {to}", short(&untold.excerpt)),
                count => format!("{count} of your messages in {from} did not reach {to}"),
            }
        });
        format!("{}: {}", each.collect::<Vec<_>>().join(", "), reasons(refused))
    }

    /// `@bob: 3 messages were not delivered to #tea on office: Cannot send to channel`.
    fn to_room(&self, refused: &[UnreportedFailure]) -> String {
        let mut names: Vec<&str> = refused.iter().map(|untold| untold.author.as_str()).collect();
        names.dedup();
        let more = if names.len() > NAMES { " and others" } else { "" };
        names.truncate(NAMES);
        let names = names.into_iter().map(mention).collect::<Vec<_>>().join(", ");
        let what = match refused.iter().map(|untold| untold.count).sum() {
            1_u64 => format!("the message \"{}\" was", short(&refused[0].excerpt)),
            count => format!("{count} messages were"),
        };
        let mut places: Vec<String> =
            refused.iter().map(|untold| self.spelled(untold.to)).collect();
        places.sort();
        places.dedup();
        let places = places.join(", ");
        format!("{names}{more}: {what} not delivered to {places}: {}", reasons(refused))
    }

    /// What people call `place`.
    pub(super) fn spelled(&self, place: EndpointId) -> String {
        match self.spots.get(&place).map(|spot| &spot.place) {
            Some(Endpoint::Channel { network, name }) => format!("{name} on {network}"),
            Some(Endpoint::Room(room)) => format!("room {room}"),
            None => "a place that is no longer linked".to_owned(),
        }
    }
}

/// Tells whoever goes by `nick`, and nobody else.
pub(super) fn tell_nick(
    network: &Network,
    nick: &str,
    words: impl Into<Words>,
    turn: &mut Turn<'_>,
) {
    let (nick, text) = (nick.to_owned(), words.into().into_string());
    turn.orders.push(Order::Irc(network.clone(), irc::IrcCommand::SendNotice { nick, text }));
}

/// `@all` would call everybody in the room (WIRE.md, "What its web page makes of text"); whoever goes
/// by that name is not called.
fn mention(name: &str) -> String {
    let name = called(name);
    if name.eq_ignore_ascii_case("all") { name.into_owned() } else { format!("@{name}") }
}

fn reasons(refused: &[UnreportedFailure]) -> String {
    let mut seen = HashSet::new();
    let reasons = refused.iter().map(|untold| untold.reason.as_str());
    let reasons: Vec<String> = reasons.filter(|it| seen.insert(*it)).take(2).map(short).collect();
    reasons.join("; ")
}

/// The beginning of `text`, in one line.
pub(super) fn short(text: &str) -> String {
    let line = Words::from(text).into_string();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_in_one_line_and_not_whole() {
        assert_eq!(short("a\r\n b"), "a b");
        assert_eq!(short(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn nobody_is_told_twice_within_minutes() {
        let mut refusals = Refusals { due: None, ..Refusals::default() };
        let at = |second| Timestamp::from_second(second).expect("a time");
        let ann = || Audience::Nick(Network::new("office"), "ann".to_owned());
        refusals.note(at(100));
        refusals.note(at(104));
        assert!(!refusals.is_due(at(104)));
        assert!(refusals.is_due(at(105)) && !refusals.is_due(at(106)));
        assert!(refusals.may_hear(ann(), at(105)));
        assert!(!refusals.may_hear(ann(), at(110)));
        assert!(!refusals.is_due(at(404)) && refusals.is_due(at(405)));
        assert!(refusals.may_hear(ann(), at(405)));
    }
}
