//! Deliveries on their way to the server, and how we learn that they have arrived.

mod saying;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::line::Line;
use super::objection::Objection;
use crate::domain::{Kind, PlaceId, Ticket};

pub(super) use saying::Utterance;
use saying::{FENCE, Saying};

/// How the server tells us that it has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    /// It answers the line's label: with the line itself, if it echoes.
    Label {
        /// Whether it does.
        echo: bool,
    },
    /// It sends the line back.
    Echo,
    /// Only by reading a PING behind the lines.
    Fence,
}

/// What the server knows a line by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The server's id for it, where it gives one (IRCv3 `msgid`).
    pub msgid: Option<String>,
    /// When it was said, where the server says so (IRCv3 `server-time`).
    pub time: Option<Timestamp>,
}

/// What the server made of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) ticket: Ticket,
    pub(super) place: PlaceId,
    pub(super) outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has so much of the body; the rest follows.
    Partly { end: usize, mark: Mark },
    /// It has all of it.
    Said { mark: Mark },
    /// It will not have it.
    Refused(String),
    /// It will not have it now, but perhaps after this time.
    Later { why: String, after: Duration },
}

impl From<Objection> for Outcome {
    fn from(Objection { why, later }: Objection) -> Self {
        match later {
            Some(after) => Self::Later { why, after },
            None => Self::Refused(why),
        }
    }
}

/// Which line the server means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meant<'a> {
    /// The one with this label.
    Label(&'a str),
    /// One of those to this place.
    Place(PlaceId),
    /// It does not say.
    Some,
}

/// How long a receipt may take before we ask by a PING whether there will be one.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(5);

/// How long the PONG may take before we give up on the server.
const FENCE_PATIENCE: Duration = Duration::from_secs(120);

/// How long an echo may take behind a bouncer, which answers a PING ahead of its server.
const BOUNCER_PATIENCE: Duration = Duration::from_secs(30);

/// How often a delivery may be put off.
const MOST_LATER: u32 = 5;

/// Deliveries on their way to the server.
///
/// Where the server gives receipts, one line of a delivery is under way at a time, so that at most
/// one is ever in doubt and nothing is said behind a line that was refused. A receipt that does not
/// come is asked for by a PING: a server reads in order, so its PONG says that the line was read.
/// Where there are no receipts, the lines are sent one behind the other with a PING at their end;
/// its PONG says that all were read, and any objection to them has come before it.
///
/// ```text
///         line               receipt, lines left: Partly
///  ready ──────▶ Sent ────────────────────────────────────▶ ready
///                 │  └── receipt of the last line ────────▶ Said
///                 │ no receipt in time: PING
///                 ▼          PONG
///               Fenced ───────────────────────────────────▶ Said | Partly | Refused | Later
///                 │ PONG of a bouncer
///                 ▼          receipt, or none in time
///               Grace ────────────────────────────────────▶ Said | Partly | Refused
/// ```
#[derive(Debug, Default)]
pub(super) struct Speech {
    ready: VecDeque<Saying>,
    pings: VecDeque<Line>,
    waiting: HashMap<PlaceId, Waiting>,
    due: BTreeSet<(Instant, PlaceId)>,
    /// Who was put off, until when.
    held: BTreeSet<(Instant, PlaceId)>,
    /// How often in a row.
    put_off: HashMap<PlaceId, (Ticket, u32)>,
}

/// A delivery that waits for the server.
#[derive(Debug)]
struct Waiting {
    saying: Saying,
    stage: Stage,
    due: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sent,
    Fenced,
    Grace,
}

/// What time has brought.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) verdicts: Vec<Verdict>,
    /// Where it may be tried again.
    pub(super) again: Vec<PlaceId>,
    /// A PING was not answered.
    pub(super) stalled: bool,
}

/// A line to be sent now.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) line: Line,
    /// The delivery that it is the first, or the next, line of.
    pub(super) speaking: Option<(Ticket, PlaceId)>,
}

impl Speech {
    pub(super) fn push(&mut self, ticket: Ticket, place: PlaceId, lines: Vec<Utterance>) {
        self.ready.push_back(Saying::new(ticket, place, lines));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.pings.is_empty()
    }

    /// The next line. Channels take turns, so that a long text in one does not hold up another.
    pub(super) fn next_line(&mut self, receipt: Receipt, now: Instant) -> Option<Next> {
        if let Some(line) = self.pings.pop_front() {
            return Some(Next { line, speaking: None });
        }
        let mut saying = self.ready.pop_front()?;
        let line = saying.send(receipt)?;
        let speaking = Some((saying.ticket, saying.place));
        if !saying.is_fenced() {
            self.wait(saying, Stage::Sent, now + RECEIPT_PATIENCE);
        } else if saying.is_all_sent() {
            self.pings.push_back(ping(&saying));
            self.wait(saying, Stage::Fenced, now + FENCE_PATIENCE);
        } else {
            self.ready.push_back(saying);
        }
        Some(Next { line, speaking })
    }

    /// A line of ours came back from `place`.
    pub(super) fn echoed(
        &mut self,
        place: PlaceId,
        label: Option<&str>,
        (kind, text): (Kind, &str),
        mark: Mark,
    ) -> Option<Verdict> {
        let saying = &mut self.waiting.get_mut(&place)?.saying;
        if !saying.echoed(label, kind, text) {
            return None;
        }
        let outcome = saying.accept(mark);
        self.resolve(place, outcome, None)
    }

    /// The server has answered `label` in full, without the line itself.
    pub(super) fn answered(&mut self, label: &str, now: Instant) -> Option<Verdict> {
        let place = self.labeled(label)?;
        let outcome = self.waiting.get_mut(&place)?.saying.answered();
        self.resolve(place, outcome, Some(now))
    }

    /// The server objects.
    pub(super) fn object(
        &mut self,
        meant: Meant<'_>,
        objection: Objection,
        now: Instant,
    ) -> Option<Verdict> {
        let place = match meant {
            Meant::Label(label) => self.labeled(label)?,
            Meant::Place(place) => place,
            // A server reads in order: the line that has waited longest.
            Meant::Some => self.oldest()?,
        };
        let Some(waiting) = self.waiting.get_mut(&place) else {
            let mut begun = self.ready.iter_mut().filter(|it| it.is_begun() && it.is_fenced());
            begun.find(|saying| saying.place == place)?.object(objection);
            return None;
        };
        if waiting.saying.is_fenced() {
            waiting.saying.object(objection);
            return None;
        }
        let outcome = waiting.saying.refuse(objection);
        self.resolve(place, outcome, Some(now))
    }

    /// The server has read our PING `token`.
    pub(super) fn pong(&mut self, token: &str, bouncer: bool, now: Instant) -> Option<Verdict> {
        token.strip_prefix(FENCE)?;
        let fenced = self.waiting.values_mut().filter(|waiting| waiting.stage == Stage::Fenced);
        let waiting = fenced.into_iter().find(|waiting| waiting.saying.fence() == token)?;
        let place = waiting.saying.place;
        if bouncer && !waiting.saying.is_fenced() && !waiting.saying.has_strangers() {
            let Waiting { saying, .. } = self.take(place)?;
            self.wait(saying, Stage::Grace, now + BOUNCER_PATIENCE);
            return None;
        }
        let outcome = waiting.saying.fenced();
        self.resolve(place, outcome, Some(now))
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Passed {
        let mut passed = Passed::default();
        while let Some((_, place)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            let Some(Waiting { mut saying, stage, .. }) = self.take(place) else { break };
            match stage {
                Stage::Sent => {
                    self.pings.push_back(ping(&saying));
                    self.wait(saying, Stage::Fenced, now + FENCE_PATIENCE);
                }
                Stage::Grace => {
                    let outcome = saying.fenced();
                    self.wait(saying, stage, now);
                    passed.verdicts.extend(self.resolve(place, outcome, Some(now)));
                }
                Stage::Fenced => passed.stalled = true,
            }
        }
        while let Some((until, place)) = self.held.first().copied().filter(|(at, _)| *at <= now) {
            self.held.remove(&(until, place));
            passed.again.push(place);
        }
        passed
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = |set: &BTreeSet<(Instant, PlaceId)>| set.first().map(|(at, _)| *at);
        [first(&self.due), first(&self.held)].into_iter().flatten().min()
    }

    fn labeled(&self, label: &str) -> Option<PlaceId> {
        let mut waiting = self.waiting.values().map(|waiting| &waiting.saying);
        waiting.find(|it| !it.is_fenced() && it.label() == label).map(|saying| saying.place)
    }

    fn oldest(&self) -> Option<PlaceId> {
        let begun = self.ready.iter().find(|saying| saying.is_begun() && saying.is_fenced());
        // Those that wait were sent before those of which lines are left, and their dues in turn.
        self.due.first().map(|(_, place)| *place).or_else(|| begun.map(|saying| saying.place))
    }

    fn wait(&mut self, saying: Saying, stage: Stage, due: Instant) {
        let place = saying.place;
        self.take(place);
        self.due.insert((due, place));
        self.waiting.insert(place, Waiting { saying, stage, due });
    }

    fn take(&mut self, place: PlaceId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&place)?;
        self.due.remove(&(waiting.due, place));
        Some(waiting)
    }

    /// `outcome` ends the waiting at `place`.
    fn resolve(
        &mut self,
        place: PlaceId,
        mut outcome: Outcome,
        now: Option<Instant>,
    ) -> Option<Verdict> {
        let Waiting { saying, .. } = self.take(place)?;
        let ticket = saying.ticket;
        match &mut outcome {
            Outcome::Partly { .. } => self.ready.push_back(saying),
            Outcome::Later { why, after } => {
                let put_off = self.put_off.entry(place).or_insert((ticket, 0));
                let times = if put_off.0 == ticket { put_off.1 + 1 } else { 1 };
                *put_off = (ticket, times);
                if times > MOST_LATER {
                    outcome = Outcome::Refused(std::mem::take(why));
                } else {
                    self.held.extend(now.map(|now| (now + *after, place)));
                }
            }
            Outcome::Said { .. } | Outcome::Refused(_) => {}
        }
        if matches!(outcome, Outcome::Said { .. } | Outcome::Refused(_)) {
            self.put_off.remove(&place);
        }
        Some(Verdict { ticket, place, outcome })
    }
}

fn ping(saying: &Saying) -> Line {
    Line::new("PING", &[&saying.fence()]).expect("letters, digits and dots make a line")
}
