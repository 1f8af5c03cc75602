//! The engine's inputs: one queue per connection, served in turn.

use std::future::poll_fn;
use std::pin::pin;
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
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queues: Vec<mpsc::Receiver<EngineInput>>,
    /// The next queue to serve.
    next_queue: usize,
    /// An input already taken while waiting.
    peeked: Option<EngineInput>,
}

impl Inbox {
    /// Adds a queue.
    pub(super) fn add_queue(&mut self) -> mpsc::Sender<EngineInput> {
        let (sender, queue) = mpsc::channel(QUEUE_CAPACITY);
        self.queues.push(queue);
        sender
    }

    /// Waits until an input is available, or `interrupted` is ready. Returns false once all senders are gone.
    pub(super) fn wait(&mut self, runtime: &Handle, interrupted: impl Future) -> bool {
        if self.peeked.is_none() {
            self.peeked = self.take_next();
        }
        if self.peeked.is_some() {
            return true;
        }
        let mut interrupted = pin!(interrupted);
        runtime.block_on(poll_fn(|cx| {
            let mut open = false;
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
        let mut inbox = Inbox::default();
        let [much, little, none] = [(); 3].map(|()| inbox.add_queue());
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
        let mut inbox = Inbox::default();
        let [much, little] = [(); 2].map(|()| inbox.add_queue());
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
        let mut inbox = Inbox::default();
        let [one, other] = [(); 2].map(|()| inbox.add_queue());
        let speaker = std::thread::spawn(move || {
            other.blocking_send(EngineInput::Event(Event::Tick)).unwrap();
            drop(one);
        });
        let never = std::future::pending::<()>;
        assert!(inbox.wait(runtime.handle(), never()));
        assert!(matches!(inbox.take_next(), Some(EngineInput::Event(Event::Tick))));
        assert!(!inbox.wait(runtime.handle(), never()));
        speaker.join().unwrap();
    }

    #[test]
    fn wait_can_be_interrupted() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut inbox = Inbox::default();
        let _one = inbox.add_queue();
        assert!(inbox.wait(runtime.handle(), std::future::ready(())));
        assert!(inbox.take_next().is_none());
    }
}
