//! The engine's inputs: one queue per connection, served in turn.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::messages::EngineInput;

/// Capacity of a connection's queue. If the engine falls behind, the socket is read only as fast as it works.
const QUEUE_CAPACITY: usize = 1_024;

/// Queues served in turn, so that a busy connection delays only itself.
///
/// Each queue keeps its order. All connections to the same network, including puppets, share a queue. So the
/// start of a puppet's send is processed before the bot receives the echo.
#[derive(Debug)]
pub(super) struct Inbox {
    queues: Vec<mpsc::Receiver<EngineInput>>,
    /// Queues that were added.
    new_queues: mpsc::UnboundedReceiver<mpsc::Receiver<EngineInput>>,
    /// The next queue to serve.
    next_queue: usize,
    /// An input already taken while waiting.
    peeked: Option<EngineInput>,
}

/// Adds queues to an inbox.
#[derive(Debug)]
pub(super) struct QueueAdder {
    added: mpsc::UnboundedSender<mpsc::Receiver<EngineInput>>,
    senders: QueueSenders,
}

/// The open queues of an inbox. Does not keep them open.
#[derive(Debug, Clone, Default)]
pub(super) struct QueueSenders(Arc<Mutex<Vec<mpsc::WeakSender<EngineInput>>>>);

impl QueueAdder {
    /// Adds a queue.
    pub(super) fn add_queue(&self) -> mpsc::Sender<EngineInput> {
        let (sender, queue) = mpsc::channel(QUEUE_CAPACITY);
        let mut senders = self.senders.lock();
        senders.retain(|sender| sender.upgrade().is_some());
        senders.push(sender.downgrade());
        // Fails only when the engine is gone.
        let _ = self.added.send(queue);
        sender
    }

    /// The queues, also those that are added later.
    pub(super) fn senders(&self) -> QueueSenders {
        self.senders.clone()
    }
}

impl QueueSenders {
    /// The open queue with the most room.
    pub(super) fn emptiest(&self) -> Option<mpsc::Sender<EngineInput>> {
        let senders = self.lock();
        let open = senders.iter().filter_map(mpsc::WeakSender::upgrade);
        open.max_by_key(mpsc::Sender::capacity)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<mpsc::WeakSender<EngineInput>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// An inbox without queues, and what adds them.
    pub(super) fn new() -> (QueueAdder, Self) {
        let (added, new_queues) = mpsc::unbounded_channel();
        let inbox = Self { queues: Vec::new(), new_queues, next_queue: 0, peeked: None };
        (QueueAdder { added, senders: QueueSenders::default() }, inbox)
    }

    /// Takes the queues that were added, and drops those that are closed.
    fn take_new_queues(&mut self) {
        while let Ok(queue) = self.new_queues.try_recv() {
            self.queues.retain(|queue| !queue.is_closed() || !queue.is_empty());
            self.queues.push(queue);
        }
    }

    /// Whether an input is available.
    pub(super) fn peek(&mut self) -> bool {
        if self.peeked.is_none() {
            self.peeked = self.take_next();
        }
        self.peeked.is_some()
    }

    /// Waits until an input is available, or `interrupted` is ready. Returns false once all senders are gone.
    pub(super) fn wait(&mut self, runtime: &Handle, interrupted: impl Future) -> bool {
        if self.peek() {
            return true;
        }
        let mut interrupted = pin!(interrupted);
        runtime.block_on(poll_fn(|cx| {
            let mut open = false;
            while let Poll::Ready(Some(queue)) = self.new_queues.poll_recv(cx) {
                self.queues.push(queue);
            }
            open |= !self.new_queues.is_closed();
            for queue in &mut self.queues {
                match queue.poll_recv(cx) {
                    Poll::Ready(Some(item)) => {
                        self.peeked = Some(item);
                        return Poll::Ready(true);
                    }
                    Poll::Ready(None) => {}
                    Poll::Pending => open = true,
                }
            }
            match interrupted.as_mut().poll(cx) {
                Poll::Pending if open => Poll::Pending,
                _ => Poll::Ready(open),
            }
        }))
    }

    /// The next available input, serving the queues in turn.
    pub(super) fn take_next(&mut self) -> Option<EngineInput> {
        if let Some(first) = self.peeked.take() {
            return Some(first);
        }
        self.take_new_queues();
        for _ in 0..self.queues.len() {
            let turn = self.next_queue;
            self.next_queue = (turn + 1) % self.queues.len();
            if let Ok(item) = self.queues[turn].try_recv() {
                return Some(item);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::bridge::{Event, Peer};

    fn said(by: &str) -> EngineInput {
        EngineInput::ConnectionProblem(Peer::LetsChat, by.to_owned())
    }

    fn taken(inbox: &mut Inbox) -> String {
        let take = || match inbox.take_next()? {
            EngineInput::ConnectionProblem(_, by) => Some(by),
            item => panic!("{item:?}"),
        };
        std::iter::from_fn(take).collect()
    }

    #[test]
    fn queues_are_served_in_turn_and_in_order() {
        let (queues, mut inbox) = Inbox::new();
        let [much, little, none] = [(); 3].map(|()| queues.add_queue());
        for by in ["1", "2", "3", "4", "5"] {
            much.try_send(said(by)).unwrap();
        }
        little.try_send(said("a")).unwrap();
        little.try_send(said("b")).unwrap();
        assert_eq!(taken(&mut inbox), "1a2b345");
        drop(none);
        assert_eq!(taken(&mut inbox), "");
    }

    #[test]
    fn full_queue_delays_only_its_sender() {
        let (queues, mut inbox) = Inbox::new();
        let [much, little] = [(); 2].map(|()| queues.add_queue());
        while much.try_send(said("1")).is_ok() {}
        little.try_send(said("a")).unwrap();
        let before: Vec<bool> = [inbox.take_next(), inbox.take_next()]
            .map(|item| matches!(item, Some(EngineInput::ConnectionProblem(_, by)) if by == "a"))
            .to_vec();
        assert_eq!(before, [false, true]);
    }

    #[test]
    fn wait_ends_when_all_senders_are_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (queues, mut inbox) = Inbox::new();
        let [one, other] = [(); 2].map(|()| queues.add_queue());
        let speaker = std::thread::spawn(move || {
            other.blocking_send(EngineInput::Event(Event::Tick)).unwrap();
            drop((one, queues));
        });
        let never = std::future::pending::<()>;
        assert!(inbox.wait(runtime.handle(), never()));
        assert!(matches!(inbox.take_next(), Some(EngineInput::Event(Event::Tick))));
        assert!(!inbox.wait(runtime.handle(), never()));
        speaker.join().unwrap();
    }

    #[test]
    fn queues_come_and_go() {
        let (queues, mut inbox) = Inbox::new();
        let one = queues.add_queue();
        one.try_send(said("1")).unwrap();
        drop(one);
        assert_eq!(taken(&mut inbox), "1");
        let other = queues.add_queue();
        other.try_send(said("2")).unwrap();
        assert_eq!(taken(&mut inbox), "2");
        assert_eq!(inbox.queues.len(), 1, "the closed one is dropped");
    }

    #[test]
    fn wait_can_be_interrupted() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (queues, mut inbox) = Inbox::new();
        let _one = queues.add_queue();
        assert!(inbox.wait(runtime.handle(), std::future::ready(())));
        assert!(inbox.take_next().is_none());
    }
}
