//! What waits to be written to one client.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A line as it goes on the wire, tags and CR LF included; shared by all who get it.
pub(super) type EncodedLine = Arc<[u8]>;

/// The lines waiting for one client. The state puts them in, the client's connection takes them
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
    cut_signal: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct Queue {
    lines: Vec<QueuedLine>,
    bytes: usize,
    state: OutboxState,
    /// How long each line waits.
    delay: Duration,
    /// Nothing is due before.
    held_until: Option<Instant>,
    /// The replies to the current command, where they are wanted together.
    replies: Option<Vec<EncodedLine>>,
}

/// A line, and when it may go.
#[derive(Debug)]
pub(super) struct QueuedLine {
    pub(super) due: Option<Instant>,
    pub(super) line: EncodedLine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutboxState {
    Open,
    Finishing,
    Cut,
}

/// What the connection is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Write these.
    Lines(Vec<QueuedLine>),
    /// End: all has been written.
    Finished,
}

impl Outbox {
    /// An empty one of at most `capacity` bytes, which holds each line for `delay`.
    pub(super) fn new(most: usize, delay: Duration) -> Self {
        let queue = Queue {
            lines: Vec::new(),
            bytes: 0,
            state: OutboxState::Open,
            delay,
            held_until: None,
            replies: None,
        };
        Self {
            queue: Mutex::new(queue),
            wake: Notify::new(),
            cut_signal: Notify::new(),
            capacity: most,
        }
    }

    /// Puts a line in. Too many, and the connection is cut: the client does not read.
    pub(super) fn push(&self, line: EncodedLine) {
        let mut queue = self.lock();
        match &mut queue.replies {
            Some(answers) => answers.push(line),
            None => self.put(queue, line),
        }
    }

    /// Puts a line in that is no reply to the current command.
    pub(super) fn push_unlabeled(&self, line: EncodedLine) {
        self.put(self.lock(), line);
    }

    fn put(&self, mut queue: MutexGuard<'_, Queue>, line: EncodedLine) {
        queue.bytes += line.len();
        let full = queue.bytes > self.capacity;
        queue.push(line);
        drop(queue);
        if full {
            self.cut();
        }
        self.wake.notify_one();
    }

    /// From here on, lines are replies, which are collected.
    pub(super) fn collect_replies(&self) {
        self.lock().replies = Some(Vec::new());
    }

    /// The lines put in since [`collect_replies`](Self::collect_replies).
    pub(super) fn collected_replies(&self) -> Vec<EncodedLine> {
        self.lock().replies.take().unwrap_or_default()
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
        for line in queue.replies.take().unwrap_or_default() {
            queue.push(line);
        }
        if queue.state == OutboxState::Open {
            queue.state = OutboxState::Finishing;
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Ends the connection at once; what waits is lost.
    pub(super) fn cut(&self) {
        let mut queue = self.lock();
        queue.state = OutboxState::Cut;
        queue.lines.clear();
        drop(queue);
        self.cut_signal.notify_one();
    }

    /// Whether the connection is to end.
    pub(super) fn is_closing(&self) -> bool {
        self.lock().state != OutboxState::Open
    }

    /// Waits until the connection is to end at once.
    pub(super) async fn until_cut(&self) {
        self.cut_signal.notified().await;
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
    fn push(&mut self, line: EncodedLine) {
        if self.state != OutboxState::Open {
            return;
        }
        if !self.delay.is_zero() {
            self.held_until = self.held_until.max(Some(Instant::now() + self.delay));
        }
        self.lines.push(QueuedLine { due: self.held_until, line });
    }

    fn take(&mut self) -> Option<Next> {
        if !self.lines.is_empty() {
            self.bytes = 0;
            return Some(Next::Lines(std::mem::take(&mut self.lines)));
        }
        (self.state == OutboxState::Finishing).then_some(Next::Finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> EncodedLine {
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

    #[tokio::test(start_paused = true)]
    async fn lines_are_delayed_together_and_not_one_after_the_other() {
        let delay = Duration::from_secs(5);
        let outbox = Outbox::new(100, delay);
        outbox.push(line("a"));
        outbox.push(line("b"));
        let Next::Lines(lines) = outbox.next().await else { panic!("two lines wait") };
        let due = lines.iter().map(|line| line.due).collect::<Vec<_>>();
        assert_eq!(due, [Some(Instant::now() + delay); 2]);
    }

    #[tokio::test]
    async fn a_cut_loses_what_waits() {
        let outbox = Outbox::new(100, Duration::ZERO);
        outbox.push(line("a"));
        outbox.cut();
        outbox.until_cut().await;
        assert!(outbox.lock().lines.is_empty());
    }

    #[tokio::test]
    async fn who_does_not_read_is_cut() {
        let outbox = Outbox::new(3, Duration::ZERO);
        outbox.push(line("ab"));
        assert!(!outbox.is_closing());
        outbox.push(line("cd"));
        assert!(outbox.is_closing());
        outbox.until_cut().await;
    }

    #[tokio::test]
    async fn answers_are_gathered_and_the_rest_goes_on() {
        let outbox = Outbox::new(100, Duration::ZERO);
        outbox.collect_replies();
        outbox.push(line("answer"));
        outbox.push_unlabeled(line("news"));
        assert_eq!(outbox.collected_replies(), [line("answer")]);
        assert!(matches!(outbox.next().await, Next::Lines(lines) if *lines[0].line == *b"news"));
    }
}
