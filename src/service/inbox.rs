//! What waits for the engine: a queue for each connection, of which each is served in turn.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::engine::Item;

/// How much of one connection may wait for the engine. When it falls behind, the socket is read no
/// faster than it works.
const WAITING: usize = 1_024;

/// The queues, whose items are taken in turn: who says much delays only itself.
///
/// What comes through one queue keeps its order. Whoever tells of the same network, such as the
/// connections of people there, goes through the same queue: what one of them has begun to say is told
/// before another hears it.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queues: Vec<mpsc::Receiver<Item>>,
    /// Whose turn it is.
    turn: usize,
    /// What was waited for.
    first: Option<Item>,
}

impl Inbox {
    /// Another queue.
    pub(super) fn queue(&mut self) -> mpsc::Sender<Item> {
        let (sender, queue) = mpsc::channel(WAITING);
        self.queues.push(queue);
        sender
    }

    /// Waits until there is something to take, or `interrupted` is there. Says whether there will ever
    /// be: nobody is left otherwise.
    pub(super) fn wait(&mut self, runtime: &Handle, interrupted: impl Future) -> bool {
        if self.first.is_none() {
            self.first = self.take();
        }
        if self.first.is_some() {
            return true;
        }
        let mut interrupted = pin!(interrupted);
        runtime.block_on(poll_fn(|cx| {
            let mut open = false;
            for queue in &mut self.queues {
                match queue.poll_recv(cx) {
                    Poll::Ready(Some(item)) => {
                        self.first = Some(item);
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

    /// The next item, if one is there: from the queue whose turn it is, or the next that has one.
    pub(super) fn take(&mut self) -> Option<Item> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        for _ in 0..self.queues.len() {
            let turn = self.turn;
            self.turn = (turn + 1) % self.queues.len();
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
    use crate::bridge::{Happening, Peer};

    fn said(by: &str) -> Item {
        Item::Trouble(Peer::LetsChat, by.to_owned())
    }

    fn taken(inbox: &mut Inbox) -> String {
        let take = || match inbox.take()? {
            Item::Trouble(_, by) => Some(by),
            item => panic!("{item:?}"),
        };
        std::iter::from_fn(take).collect()
    }

    #[test]
    fn one_that_says_much_is_taken_in_turn_with_the_others_and_in_its_own_order() {
        let mut inbox = Inbox::default();
        let [much, little, none] = [(); 3].map(|()| inbox.queue());
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
    fn one_that_says_more_than_is_taken_waits_itself() {
        let mut inbox = Inbox::default();
        let [much, little] = [(); 2].map(|()| inbox.queue());
        while much.try_send(said("1")).is_ok() {}
        little.try_send(said("a")).unwrap();
        let before: Vec<bool> = [inbox.take(), inbox.take()]
            .map(|item| matches!(item, Some(Item::Trouble(_, by)) if by == "a"))
            .to_vec();
        assert_eq!(before, [false, true]);
    }

    #[test]
    fn it_waits_for_the_first_and_ends_when_nobody_is_left() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut inbox = Inbox::default();
        let [one, other] = [(); 2].map(|()| inbox.queue());
        let speaker = std::thread::spawn(move || {
            other.blocking_send(Item::Happened(Happening::Tick)).unwrap();
            drop(one);
        });
        let never = std::future::pending::<()>;
        assert!(inbox.wait(runtime.handle(), never()));
        assert!(matches!(inbox.take(), Some(Item::Happened(Happening::Tick))));
        assert!(!inbox.wait(runtime.handle(), never()));
        speaker.join().unwrap();
    }

    #[test]
    fn it_can_be_interrupted_while_it_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut inbox = Inbox::default();
        let _one = inbox.queue();
        assert!(inbox.wait(runtime.handle(), std::future::ready(())));
        assert!(inbox.take().is_none());
    }
}
