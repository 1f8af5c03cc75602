//! What waits to be written to one client.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A line as it goes on the wire, tags and CR LF included; shared by all who hear it.
pub(super) type Wire = Arc<[u8]>;

/// The lines waiting for one client. The world puts them in, the client's connection takes them
/// out.
///
/// ```text
/// Open ──finish──▶ Finishing ──(all is written)──▶ the connection ends
///   └──────cut─────────┴────▶ Cut ───────────────▶ the connection ends, what waits is lost
/// ```
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    severed: Notify,
    most: usize,
}

#[derive(Debug)]
struct Queue {
    lines: Vec<Waiting>,
    bytes: usize,
    state: State,
    /// How long each line waits.
    delay: Duration,
    /// Nothing is due before.
    held_until: Option<Instant>,
    /// The answers to the command under way, where they are wanted together.
    answers: Option<Vec<Wire>>,
}

/// A line, and when it may go.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) due: Option<Instant>,
    pub(super) line: Wire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finishing,
    Cut,
}

/// What the connection is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Write these.
    Lines(Vec<Waiting>),
    /// End: all has been written.
    Finished,
}

impl Outbox {
    /// An empty one, which holds at most `most` bytes, each line for `delay`.
    pub(super) fn new(most: usize, delay: Duration) -> Self {
        let queue = Queue {
            lines: Vec::new(),
            bytes: 0,
            state: State::Open,
            delay,
            held_until: None,
            answers: None,
        };
        Self { queue: Mutex::new(queue), wake: Notify::new(), severed: Notify::new(), most }
    }

    /// Puts a line in. Too many, and the connection is cut: the client does not read.
    pub(super) fn push(&self, line: Wire) {
        let mut queue = self.lock();
        match &mut queue.answers {
            Some(answers) => answers.push(line),
            None => self.put(queue, line),
        }
    }

    /// Puts a line in that is no answer to the command under way.
    pub(super) fn push_apart(&self, line: Wire) {
        self.put(self.lock(), line);
    }

    fn put(&self, mut queue: MutexGuard<'_, Queue>, line: Wire) {
        queue.bytes += line.len();
        let full = queue.bytes > self.most;
        queue.push(line);
        drop(queue);
        if full {
            self.cut();
        }
        self.wake.notify_one();
    }

    /// From here on, lines are answers, and kept until they are gathered.
    pub(super) fn gather(&self) {
        self.lock().answers = Some(Vec::new());
    }

    /// The lines put in since [`gather`](Self::gather).
    pub(super) fn gathered(&self) -> Vec<Wire> {
        self.lock().answers.take().unwrap_or_default()
    }

    /// From here on, each line waits for `delay`.
    pub(super) fn delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Lets nothing go before `at`, nor anything that comes later.
    pub(super) fn hold_until(&self, at: Instant) {
        let mut queue = self.lock();
        queue.held_until = queue.held_until.max(Some(at));
    }

    /// Ends the connection once all is written.
    pub(super) fn finish(&self) {
        let mut queue = self.lock();
        for line in queue.answers.take().unwrap_or_default() {
            queue.push(line);
        }
        if queue.state == State::Open {
            queue.state = State::Finishing;
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Ends the connection at once; what waits is lost.
    pub(super) fn cut(&self) {
        let mut queue = self.lock();
        queue.state = State::Cut;
        queue.lines.clear();
        drop(queue);
        self.severed.notify_one();
    }

    /// Whether the connection is to end.
    pub(super) fn is_over(&self) -> bool {
        self.lock().state != State::Open
    }

    /// Waits until the connection is to end at once.
    pub(super) async fn severed(&self) {
        self.severed.notified().await;
    }

    /// Waits for something to write.
    pub(super) async fn next(&self) -> Next {
        loop {
            // Before the look, so that what comes after it wakes us.
            let woken = self.wake.notified();
            if let Some(next) = self.lock().take() {
                return next;
            }
            woken.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics with an outbox in hand")
    }
}

impl Queue {
    fn push(&mut self, line: Wire) {
        if self.state != State::Open {
            return;
        }
        if !self.delay.is_zero() {
            self.held_until = self.held_until.max(Some(Instant::now() + self.delay));
        }
        self.lines.push(Waiting { due: self.held_until, line });
    }

    fn take(&mut self) -> Option<Next> {
        if !self.lines.is_empty() {
            self.bytes = 0;
            return Some(Next::Lines(std::mem::take(&mut self.lines)));
        }
        (self.state == State::Finishing).then_some(Next::Finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Wire {
        text.as_bytes().into()
    }

    #[tokio::test]
    async fn all_is_written_before_the_end() {
        let outbox = Outbox::new(100, Duration::ZERO);
        outbox.push(line("a"));
        outbox.finish();
        outbox.push(line("too late"));
        assert!(matches!(outbox.next().await, Next::Lines(lines) if lines.len() == 1));
        assert!(matches!(outbox.next().await, Next::Finished));
    }

    #[tokio::test]
    async fn a_cut_loses_what_waits() {
        let outbox = Outbox::new(100, Duration::ZERO);
        outbox.push(line("a"));
        outbox.cut();
        outbox.severed().await;
        assert!(outbox.lock().lines.is_empty());
    }

    #[tokio::test]
    async fn who_does_not_read_is_cut() {
        let outbox = Outbox::new(3, Duration::ZERO);
        outbox.push(line("ab"));
        assert!(!outbox.is_over());
        outbox.push(line("cd"));
        assert!(outbox.is_over());
        outbox.severed().await;
    }

    #[tokio::test]
    async fn answers_are_gathered_and_the_rest_goes_on() {
        let outbox = Outbox::new(100, Duration::ZERO);
        outbox.gather();
        outbox.push(line("answer"));
        outbox.push_apart(line("news"));
        assert_eq!(outbox.gathered(), [line("answer")]);
        assert!(matches!(outbox.next().await, Next::Lines(lines) if *lines[0].line == *b"news"));
    }
}
