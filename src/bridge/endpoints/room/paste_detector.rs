//! Detects pastes: consecutive lines of one author on their way to a room.
//!
//! The first line is posted at once. The following ones wait for each other in order to be merged into one
//! post: shortly if they arrive at once, longer if the client sends the rest of a paste slowly because of
//! flood control.
//!
//! It is a paste if a line arrives while two others of the run are not posted yet. People who type, and bots
//! that wait for each line to arrive, never do that, so their lines are not delayed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{DeliveryId, EndpointId, Message};

/// Lines further apart are not part of a run.
const MAX_GAP: SignedDuration = SignedDuration::from_secs(3);

/// Nobody types two lines this fast.
const PASTE_GAP: SignedDuration = SignedDuration::from_millis(500);

/// After this many lines at once, clients start to pause.
const BURST_LINES: u32 = 4;

/// How long a line waits for the next one, and the first of them at most, while lines arrive at once.
const AT_ONCE: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(700), SignedDuration::from_secs(2));

/// After a burst, since most clients then send the rest with pauses.
const BURST: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(2_500), SignedDuration::from_secs(3));

/// While lines arrive at the pace of a client's flood control.
const PACED: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(2_500), SignedDuration::from_secs(15));

/// The recent lines of an author.
#[derive(Debug)]
pub(in crate::bridge) struct PasteDetector {
    source: EndpointId,
    author: String,
    /// The delivery of the first line.
    first: DeliveryId,
    lines: u32,
    last: Timestamp,
    gap: SignedDuration,
    pasted: bool,
    /// Since when some of it is being held.
    held: Option<Timestamp>,
}

impl PasteDetector {
    /// The run that `message`, a delivery to a room, continues or starts. `crowded`: two other deliveries to
    /// the room are not posted yet.
    pub(in crate::bridge) fn with(
        run: Option<Self>,
        message: &Message,
        (delivery, crowded): (DeliveryId, bool),
        now: Timestamp,
    ) -> Self {
        let continues = |run: &Self| {
            run.source == message.source
                && run.author == message.author.name
                && now.duration_since(run.last) <= MAX_GAP
        };
        match run.filter(continues) {
            Some(run) => {
                let gap = now.duration_since(run.last);
                let lines = run.lines.saturating_add(1);
                let pasted = run.pasted || (crowded && gap <= PASTE_GAP);
                Self { lines, gap, pasted, last: now, ..run }
            }
            None => Self {
                source: message.source,
                author: message.author.name.clone(),
                first: delivery,
                lines: 1,
                last: now,
                gap: SignedDuration::ZERO,
                pasted: false,
                held: None,
            },
        }
    }

    /// How long `message` must wait for more of its run; `None` for not at all.
    pub(in crate::bridge) fn wait(
        &mut self,
        message: &Message,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Option<Duration> {
        let part = self.source == message.source && self.author == message.author.name;
        if !part || !self.pasted || delivery <= self.first {
            return None;
        }
        let (silence, longest) = match self.gap > PASTE_GAP {
            true => PACED,
            false if self.lines >= BURST_LINES => BURST,
            false => AT_ONCE,
        };
        let held = *self.held.get_or_insert(now);
        let due = (self.last + silence).min(held + longest);
        (due > now).then(|| due.duration_since(now).unsigned_abs())
    }

    /// What was held has been sent.
    pub(in crate::bridge) fn on_sent(&mut self) {
        self.held = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, MessageKind};

    fn message(author: &str) -> Message {
        Message {
            source: EndpointId(1),
            author: Author::named(author),
            kind: MessageKind::Text,
            body: "x".to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// A run of lines at these times in milliseconds; from `crowded` on, two others were not posted yet. Also
    /// returns the last line and its time.
    fn run(times: &[i64], crowded: usize) -> (PasteDetector, DeliveryId, Timestamp) {
        let at = |time: &i64| Timestamp::from_millisecond(*time).expect("a time");
        let lines = times.iter().map(at).enumerate();
        let run = lines.fold(None, |run, (line, time)| {
            let delivery = DeliveryId(i64::try_from(line).expect("few") + 1);
            Some(PasteDetector::with(run, &message("ann"), (delivery, line >= crowded), time))
        });
        let last = times.last().expect("a line");
        (run.expect("a line"), DeliveryId(times.len().try_into().expect("few")), at(last))
    }

    #[test]
    fn only_what_is_pasted_waits_and_never_the_first_line() {
        const NEVER: usize = usize::MAX;
        for (times, crowded, waits) in [
            (&[0][..], NEVER, None),
            (&[0, 100], NEVER, None),
            (&[0, 5, 10, 15, 20, 25], NEVER, None),
            (&[0, 2_000, 4_000, 6_000], NEVER, None),
            (&[0, 2_000, 4_000, 6_000], 2, None),
            (&[0, 0, 0], 2, Some(700)),
            (&[0, 0, 0, 0], 2, Some(2_500)),
            (&[0, 300, 600, 900, 1_200], 3, Some(2_500)),
            (&[0, 0, 0, 0, 0, 2_200], 2, Some(2_500)),
            (&[0, 0, 0, 3_200], 2, None),
        ] {
            let (mut run, delivery, now) = run(times, crowded);
            let wait = run.wait(&message("ann"), delivery, now);
            assert_eq!(wait, waits.map(Duration::from_millis), "{times:?}");
            assert_eq!(run.wait(&message("ann"), run.first, now), None, "{times:?}");
            assert_eq!(run.wait(&message("bob"), delivery, now), None, "{times:?}");
        }
    }

    #[test]
    fn nothing_waits_for_ever() {
        let (mut run, delivery, mut now) = run(&[0, 0, 0], 2);
        let started = now;
        while run.wait(&message("ann"), delivery, now).is_some() {
            now += SignedDuration::from_millis(100);
            run = PasteDetector::with(
                Some(run),
                &message("ann"),
                (DeliveryId(delivery.0 + 1), true),
                now,
            );
        }
        assert_eq!(now.duration_since(started), SignedDuration::from_secs(3));
    }
}
