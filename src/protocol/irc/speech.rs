use std::collections::VecDeque;

use super::line::Line;
use crate::domain::{PlaceId, Ticket};

/// What a PING says that asks whether the lines before it were read.
const FENCE: &str = "said-";

/// Deliveries on their way to the server.
///
/// The lines of a delivery are followed by a PING of ours: a server reads in order, so its PONG
/// says that the lines before were read, and any objection to them has come before it.
///
/// ```text
///         lines        last line, PING             PONG
///  queue ───────▶ ... ─────────────────▶ fenced ─────────▶ Said | Refused
/// ```
#[derive(Debug, Default)]
pub(super) struct Speech {
    queue: VecDeque<Saying>,
    fenced: VecDeque<Fenced>,
}

/// A delivery some of whose lines are still to be sent.
#[derive(Debug)]
struct Saying {
    fenced: Fenced,
    lines: VecDeque<Line>,
}

/// A delivery whose lines have all been sent, with its PING behind them.
#[derive(Debug)]
struct Fenced {
    ticket: Ticket,
    place: PlaceId,
    /// What the server objected.
    objection: Option<String>,
}

/// What the server made of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) ticket: Ticket,
    pub(super) place: PlaceId,
    pub(super) objection: Option<String>,
}

impl Speech {
    pub(super) fn push(&mut self, ticket: Ticket, place: PlaceId, lines: Vec<Line>) {
        let fenced = Fenced { ticket, place, objection: None };
        self.queue.push_back(Saying { fenced, lines: lines.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next line. Channels take turns, so that a long text in one does not hold up another.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        let mut saying = self.queue.pop_front()?;
        let line = saying.lines.pop_front();
        if line.is_some() && !saying.lines.is_empty() {
            self.queue.push_back(saying);
            return line;
        }
        if line.is_some() {
            // Its PING comes right behind the last line.
            self.queue.push_front(saying);
            return line;
        }
        let ping = Line::new("PING", &[&format!("{FENCE}{}", saying.fenced.ticket.0)]);
        self.fenced.push_back(saying.fenced);
        Some(ping.expect("digits make a line"))
    }

    /// The server objects to what we said in `place`.
    pub(super) fn object(&mut self, place: PlaceId, why: &str) {
        let sayings = self.queue.iter_mut().map(|saying| &mut saying.fenced);
        // The oldest that is under way there: one is, at most.
        let target = self.fenced.iter_mut().chain(sayings).find(|fenced| fenced.place == place);
        if let Some(fenced) = target {
            fenced.objection.get_or_insert_with(|| why.to_owned());
        }
    }

    /// The server has read our PING `token`.
    pub(super) fn pong(&mut self, token: &str) -> Option<Verdict> {
        let ticket = Ticket(token.strip_prefix(FENCE)?.parse().ok()?);
        let at = self.fenced.iter().position(|fenced| fenced.ticket == ticket)?;
        let Fenced { ticket, place, objection } = self.fenced.remove(at)?;
        Some(Verdict { ticket, place, objection })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::new("PRIVMSG", &["#tea", text]).expect("a line")
    }

    fn told(speech: &mut Speech) -> Vec<String> {
        std::iter::from_fn(|| speech.next_line()).map(|line| line.to_string()).collect()
    }

    #[test]
    fn channels_take_turns() {
        let mut speech = Speech::default();
        speech.push(Ticket(1), PlaceId(1), vec![line("a1"), line("a2"), line("a3")]);
        speech.push(Ticket(2), PlaceId(2), vec![line("b1")]);
        let said: Vec<String> = told(&mut speech);
        let said: Vec<&str> =
            said.iter().map(|l| l.rsplit([':', ' ']).next().expect("a word")).collect();
        assert_eq!(said, ["a1", "b1", "said-2", "a2", "a3", "said-1"]);
    }

    #[test]
    fn an_objection_before_the_fence_is_the_verdict() {
        let mut speech = Speech::default();
        speech.push(Ticket(1), PlaceId(1), vec![line("a")]);
        speech.push(Ticket(2), PlaceId(2), vec![line("b")]);
        told(&mut speech);
        speech.object(PlaceId(2), "Cannot send to channel");
        speech.object(PlaceId(2), "and again");
        assert_eq!(speech.pong("said-1").map(|v| v.objection), Some(None));
        assert_eq!(
            speech.pong("said-2").and_then(|v| v.objection).as_deref(),
            Some("Cannot send to channel")
        );
        assert_eq!(speech.pong("said-2"), None, "told once");
        assert_eq!(speech.pong("other"), None);
    }
}
