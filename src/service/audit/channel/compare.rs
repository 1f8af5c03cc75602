//! A channel's lines beside the ledger's rows: what is missing, twice, or out of order.
//!
//! A delivery is found by the id of its last line, where the server told us one, or else by its words.
//! Those of its lines that come before the last are known by their words alone.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};

use super::findings::{LineId, Lines, Lost, Misheard, Misplaced, Twin, Unheard};
use super::recognise::{Step, is_part, step};
use crate::domain::{DeliveryId, DeliveryState, MessageKind, RenderedMessage};
use crate::protocol::irc;
use crate::service::audit::{CLOCKS, TOLD};
use crate::store::SentDelivery;
use crate::translate::RESENT_PREFIX;

/// How many of our own lines are remembered, to find another that says the same.
const REMEMBERED: usize = 5_000;

/// Lines of different people that were said within this time may be heard in another order: they
/// come by different servers of the network.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(2);

/// A line of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) id: LineId,
    /// By the network's clock.
    pub(super) time: Timestamp,
    pub(super) nick: String,
    pub(super) kind: MessageKind,
    /// Free of formatting.
    pub(super) text: String,
    /// What it is known by without its id, and the how-many-eth of that kind it is.
    pub(super) trace: (i64, u32),
}

/// Whose a line is, as far as the ledger tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Ours: the last of this delivery, or else said under our nick.
    Ours(Option<DeliveryId>),
    /// Somebody's, who was heard; and where it stands in the order of hearing, if it has an id.
    Heard(Option<i64>),
    /// Somebody's, who was not heard.
    Unheard,
}

/// A channel beside the ledger.
#[derive(Debug)]
pub(super) struct Comparison {
    /// What was said before this, by the network's clock, need not be known.
    since: Timestamp,
    /// How far that clock is ahead of ours.
    ahead: SignedDuration,
    /// How far the bridge has heard the channel.
    cursor: Timestamp,
    /// Deliveries that were not found yet, in their order.
    expected: VecDeque<Expected>,
    /// The last delivery that was ever expected, and when it was said to us.
    last: Option<(DeliveryId, Timestamp)>,
    /// The delivery of the highest number that was found so far, and when it was said.
    latest: Option<(DeliveryId, Timestamp)>,
    /// The lowest number that was found so far.
    earliest: Option<DeliveryId>,
    /// The line that was heard last of all so far: its place in that order, and when it was said.
    heard_last: Option<(i64, Timestamp, LineId)>,
    /// Our last lines, by the hash of what they say.
    said: VecDeque<(u64, LineId)>,
    suspects: Vec<Suspect>,
    /// Suspects that no twin was found for, by the hash of what they say.
    single: HashMap<u64, Vec<usize>>,
    lines: Lines,
}

/// A delivery that was not found yet.
#[derive(Debug)]
struct Expected {
    spoken: SentDelivery,
    /// Without formatting.
    speech: Option<RenderedMessage>,
    /// How many bytes of the body were found.
    said: usize,
    /// Lines that say all of it under another id than its own.
    copies: Vec<Double>,
}

#[derive(Debug)]
struct Double {
    line: LineId,
    said: Timestamp,
    again: bool,
}

/// A line that the ledger does not know.
#[derive(Debug)]
struct Suspect {
    line: Line,
    /// Another line of ours that says the same.
    twin: Option<LineId>,
}

impl Comparison {
    /// Nothing is compared yet. The ledger knows everything since `since`, by our clock, than which
    /// the network's is `ahead`; the bridge has heard the channel up to `cursor`.
    pub(super) fn new(since: Timestamp, ahead: SignedDuration, cursor: Timestamp) -> Self {
        Self {
            since: since + ahead,
            ahead,
            cursor,
            expected: VecDeque::new(),
            last: None,
            latest: None,
            earliest: None,
            heard_last: None,
            said: VecDeque::new(),
            suspects: Vec::new(),
            single: HashMap::new(),
            lines: Lines::default(),
        }
    }

    /// Whether more deliveries are to be [expected](Self::expect) before a line said at `time` is taken
    /// in, if there are any.
    pub(super) fn wants(&self, time: Timestamp) -> bool {
        self.last.is_none_or(|(_, said_at)| said_at <= time - self.ahead + CLOCKS)
    }

    /// The last delivery that was ever expected.
    pub(super) fn last(&self) -> DeliveryId {
        self.last.map_or(DeliveryId(0), |(ticket, _)| ticket)
    }

    /// The next delivery in the ledger.
    pub(super) fn expect(&mut self, spoken: SentDelivery) {
        self.last = Some((spoken.id, spoken.sent_at));
        let plain = |RenderedMessage { kind, prefix, body }: &RenderedMessage| {
            let (prefix, body) = (irc::strip_formatting(prefix), irc::strip_formatting(body));
            RenderedMessage { kind: *kind, prefix, body }
        };
        let speech = spoken.rendered.as_ref().map(plain);
        self.expected.push_back(Expected { spoken, speech, said: 0, copies: Vec::new() });
    }

    /// The next line of the channel.
    pub(super) fn take(&mut self, line: Line, whose: Whose) {
        match whose {
            Whose::Ours(delivery) => {
                if !self.recognise(&line, delivery) && line.time > self.since {
                    self.suspect(line, true);
                }
            }
            Whose::Heard(number) => self.hear(line, number),
            Whose::Unheard if line.time <= self.since => {}
            Whose::Unheard if line.time > self.cursor => self.lines.unread.add(line.time),
            Whose::Unheard => self.suspect(line, false),
        }
    }

    fn hear(&mut self, line: Line, number: Option<i64>) {
        if line.time <= self.since {
            return;
        }
        self.lines.heard += 1;
        let Some(number) = number else { return };
        match &self.heard_last {
            Some((last, said, before)) if *last > number => {
                if line.time.duration_since(*said) > AT_ONCE {
                    let (said, before) = (line.time, before.clone());
                    self.lines.misheard.push(Misheard { line: line.id, said, before });
                }
            }
            _ => self.heard_last = Some((number, line.time, line.id)),
        }
    }

    /// A line of ours; the last of `delivery`, if the ledger says so. Says whether we know what it
    /// belongs to.
    fn recognise(&mut self, line: &Line, delivery: Option<DeliveryId>) -> bool {
        if let Some(ticket) = delivery {
            let at = self.expected.iter().position(|it| it.spoken.id == ticket);
            if let Some(expected) = at.and_then(|at| self.expected.remove(at)) {
                self.arrived(line, expected);
            }
            // Or it is from before what is compared.
            return true;
        }
        let now = line.time - self.ahead;
        let found = self.expected.iter_mut().enumerate().find_map(|(at, expected)| {
            if !expected.may_be_said_at(now) {
                return None;
            }
            let step = step(expected.speech.as_ref()?, expected.said, line.kind, &line.text)?;
            Some((at, step, expected))
        });
        let Some((at, Step { end, again }, expected)) = found else {
            return self.is_behind_a_gap(line);
        };
        let whole = expected.speech.as_ref().is_some_and(|speech| end == speech.body.len());
        if !whole {
            expected.said = end;
            self.remember(line);
        } else if expected.spoken.remote_id.is_some() {
            expected.copies.push(Double { line: line.id.clone(), said: line.time, again });
            self.remember(line);
        } else if let Some(expected) = self.expected.remove(at) {
            self.arrived(line, expected);
        }
        true
    }

    /// Whether `line` is one of a delivery of which those before it are missing; it is noted then.
    fn is_behind_a_gap(&mut self, line: &Line) -> bool {
        let now = line.time - self.ahead;
        let words = words(&line.text);
        let is_new = !self.said.iter().any(|(said, _)| *said == words);
        let among = |it: &Expected| {
            let speech = it.speech.as_ref();
            it.may_be_said_at(now) && speech.is_some_and(|it| is_part(it, &line.text, false))
        };
        let found = is_new && self.expected.iter().any(among);
        if found {
            self.remember(line);
        }
        found
    }

    /// `line` is the last of what was `expected`.
    fn arrived(&mut self, line: &Line, expected: Expected) {
        let Expected { spoken, speech, said, copies } = expected;
        let of_line = speech.as_ref().and_then(|it| step(it, said, line.kind, &line.text));
        let whole = match (&speech, of_line) {
            (Some(speech), Some(Step { end, .. })) => end == speech.body.len(),
            // The server may have changed the words of a single line.
            (Some(speech), None) => said == 0 && !is_part(speech, &line.text, true),
            (None, _) => true,
        };
        if whole {
            self.lines.said += u64::from(spoken.state == DeliveryState::Delivered);
        } else if self.is_required(&spoken) {
            self.lose(&spoken, true);
        }
        let again = of_line.is_some_and(|step| step.again);
        for copy in copies {
            self.twice(copy, again, line.id.clone());
        }
        self.order(spoken.id, line.id.clone(), line.time);
        self.remember(line);
    }

    fn order(&mut self, ticket: DeliveryId, line: LineId, said: Timestamp) {
        self.earliest = Some(self.earliest.map_or(ticket, |earliest| earliest.min(ticket)));
        match self.latest {
            // What was said in the same millisecond stands in no order.
            Some((behind, before)) if behind > ticket => {
                if said > before {
                    self.lines.misplaced.push(Misplaced { ticket, line, said, behind });
                }
            }
            _ => self.latest = Some((ticket, said)),
        }
    }

    /// `copy` says what `of` says, which says itself that it may say it `again`, or not.
    fn twice(&mut self, Double { line, said, again: marked }: Double, again: bool, of: LineId) {
        let told = if marked || again { &mut self.lines.again } else { &mut self.lines.repeated };
        told.push(Twin { line, said, of });
    }

    fn lose(&mut self, spoken: &SentDelivery, partly: bool) {
        let (ticket, line) = (spoken.id, spoken.remote_id.clone());
        let settled = spoken.settled_at.unwrap_or(spoken.started_at);
        self.lines.lost.push(Lost { ticket, line, settled, partly });
    }

    /// Whether the channel must hold it.
    fn is_required(&self, spoken: &SentDelivery) -> bool {
        spoken.state == DeliveryState::Delivered && spoken.started_at >= self.since - self.ahead
    }

    /// Remembers what a line of ours says.
    fn remember(&mut self, line: &Line) {
        let words = words(&line.text);
        for suspect in self.single.remove(&words).unwrap_or_default() {
            self.suspects[suspect].twin = Some(line.id.clone());
        }
        if self.said.len() >= REMEMBERED {
            self.said.pop_front();
        }
        self.said.push_back((words, line.id.clone()));
    }

    fn suspect(&mut self, line: Line, ours: bool) {
        let words = words(&line.text);
        let twin = ours.then(|| self.said.iter().rev().find(|(said, _)| *said == words)).flatten();
        let suspect = Suspect { twin: twin.map(|(_, line)| line.clone()), line };
        if self.suspects.len() >= TOLD {
            // So many are no matter of a moment.
            return self.condemn(suspect);
        }
        if ours && suspect.twin.is_none() {
            self.single.entry(words).or_default().push(self.suspects.len());
        }
        self.suspects.push(suspect);
    }

    /// The ledger does not know a line, and never will.
    fn condemn(&mut self, Suspect { line, twin }: Suspect) {
        let Line { id, time: said, nick: author, text, .. } = line;
        match twin {
            Some(of) => self.twice(Double { line: id, said, again: is_marked(&text) }, false, of),
            None => self.lines.unheard.push(Unheard { line: id, said, author }),
        }
    }

    /// The channel is read to its end. What the server keeps of it begins at `kept`, if that is after
    /// what is compared.
    pub(super) fn close(&mut self, kept: Option<Timestamp>) {
        for mut expected in std::mem::take(&mut self.expected) {
            let before = |kept| expected.spoken.started_at + self.ahead < kept + CLOCKS;
            let first = self.earliest.is_none_or(|earliest| expected.spoken.id < earliest);
            if !expected.copies.is_empty() {
                // The server calls it otherwise now.
                let Double { line, said, .. } = expected.copies.remove(0);
                self.lines.said += u64::from(expected.spoken.state == DeliveryState::Delivered);
                self.order(expected.spoken.id, line.clone(), said);
                for copy in expected.copies {
                    self.twice(copy, false, line.clone());
                }
            } else if !self.is_required(&expected.spoken) {
                self.expected.push_back(expected);
            } else if first && kept.is_some_and(before) {
                self.lines.no_longer_kept += 1;
            } else {
                self.lose(&expected.spoken, expected.said > 0);
            }
        }
    }

    /// Whether anything was found that the ledger must be asked about again.
    pub(super) fn is_suspicious(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Says what was found, once the ledger was asked again: `whose` tells whose it says that a line
    /// is now, and `cursor` how far the channel is heard now.
    pub(super) fn conclude(
        mut self,
        cursor: Timestamp,
        mut whose: impl FnMut(&Line) -> Whose,
    ) -> Lines {
        self.cursor = self.cursor.max(cursor);
        self.single.clear();
        for suspect in std::mem::take(&mut self.suspects) {
            match whose(&suspect.line) {
                Whose::Heard(number) => self.hear(suspect.line, number),
                Whose::Ours(delivery) if self.recognise(&suspect.line, delivery) => {}
                Whose::Ours(_) | Whose::Unheard => {
                    if suspect.twin.is_none() && suspect.line.time > self.cursor {
                        self.lines.unread.add(suspect.line.time);
                    } else {
                        self.condemn(suspect);
                    }
                }
            }
        }
        self.lines
    }
}

impl Expected {
    /// Whether a line said at `time`, by our clock, may be one of its own.
    fn may_be_said_at(&self, time: Timestamp) -> bool {
        let SentDelivery { sent_at: said_at, started_at: begun, settled_at: settled, .. } =
            &self.spoken;
        let from = (*said_at).min(*begun) - CLOCKS;
        time >= from && settled.is_none_or(|settled| time <= settled + CLOCKS)
    }
}

/// A hash of what a text says, whether it says that it may say it again or not.
fn words(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.replacen(RESENT_PREFIX, "", 1).hash(&mut hasher);
    hasher.finish()
}

fn is_marked(text: &str) -> bool {
    text.contains(RESENT_PREFIX)
}

#[cfg(test)]
mod tests;
