//! The store of the active node: turns are committed in PostgreSQL, then in the local copy.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use rusqlite::Connection;
use tokio::sync::mpsc::UnboundedSender;

use super::super::StoreError;
use super::super::durability::{Durability, SettledHook, Turns};
use super::additions::AddedRows;
use super::local::{CopyMark, mark_ahead, write_position};
use super::recorder::Recorder;
use super::request::{Reply, Request};
use super::shape::TableShape;
use super::worker::Worker;
use super::write::Turn;

/// Commits in PostgreSQL.
#[derive(Debug)]
pub(super) struct Replicated {
    recorder: Recorder,
    mark: CopyMark,
    /// What others have added and the local copy gets with the next commit.
    added: Vec<AddedRows>,
    /// The turn that PostgreSQL may not have yet.
    pending: Option<PendingTurn>,
    settled: Option<SettledHook>,
    /// Whether PostgreSQL has the open transaction already, which the local copy could not commit.
    is_durable: bool,
    requests: UnboundedSender<Request>,
    /// Ends once nobody can ask it any more.
    _worker: Worker,
    #[cfg(test)]
    shapes: Vec<TableShape>,
}

#[derive(Debug)]
struct PendingTurn {
    turn: Arc<Turn>,
    /// Where the worker answers with what others have added and the local copy does not have yet; `None` if it was not asked, or has
    /// failed.
    answer: Option<Receiver<CommitAnswer>>,
}

type CommitAnswer = Result<Vec<AddedRows>, StoreError>;

impl Replicated {
    /// Notes from now on what is changed on `connection`, which is at that mark.
    pub(super) fn new(
        connection: &mut Connection,
        (shapes, mark): (Vec<TableShape>, CopyMark),
        (requests, worker): (UnboundedSender<Request>, Worker),
    ) -> rusqlite::Result<Self> {
        let recorder = Recorder::attach(connection, &shapes)?;
        Ok(Self {
            recorder,
            mark,
            added: Vec::new(),
            pending: None,
            settled: None,
            is_durable: false,
            requests,
            _worker: worker,
            #[cfg(test)]
            shapes,
        })
    }

    /// Asks the worker, and waits for its answer.
    fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let (reply, answer): (_, Receiver<Result<T, StoreError>>) = sync_channel(1);
        // It ends early only if it fails.
        let ended = |_| StoreError::NotActive;
        self.requests.send(request(reply)).map_err(|_| StoreError::NotActive)?;
        answer.recv().map_err(ended)?
    }

    /// Asks the worker to commit what the open transaction has changed since the last turn.
    fn begin(
        &mut self,
        connection: &Connection,
        is_recoverable: bool,
        settled: Option<SettledHook>,
    ) -> Result<(), StoreError> {
        let changes = self.recorder.changes(connection)?;
        self.recorder.clear(connection)?;
        let number = self.mark.position.turn + 1;
        let turn = Arc::new(Turn { number, changes, is_recoverable });
        self.pending = Some(PendingTurn { turn, answer: None });
        self.request_commit(settled)
    }

    fn request_commit(&mut self, settled: Option<SettledHook>) -> Result<(), StoreError> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let (reply, answer) = sync_channel(1);
        let request = Request::Commit(Arc::clone(&pending.turn), reply, settled);
        self.requests.send(request).map_err(|_| StoreError::NotActive)?;
        pending.answer = Some(answer);
        Ok(())
    }

    /// The worker has answered.
    fn conclude(&mut self, answer: CommitAnswer) -> Result<(), StoreError> {
        self.added.extend(answer?);
        if let Some(pending) = self.pending.take() {
            self.mark.position.turn = pending.turn.number;
        }
        Ok(())
    }
}

impl Durability for Replicated {
    fn make_durable(
        &mut self,
        connection: &Connection,
        is_recoverable: bool,
    ) -> Result<(), StoreError> {
        self.settle()?;
        if !self.is_durable {
            self.begin(connection, is_recoverable, None)?;
            self.settle()?;
            self.is_durable = true;
        }
        Ok(())
    }

    fn prepare_commit(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.settle()?;
        for added in &self.added {
            added.insert(connection)?;
        }
        write_position(connection, self.mark.position)?;
        Ok(self.recorder.clear(connection)?)
    }

    fn turns(&self) -> Option<Turns> {
        let number = |turn: i64| turn.max(0).unsigned_abs();
        let durable = number(self.mark.position.turn);
        let last = self.pending.as_ref().map_or(durable, |pending| number(pending.turn.number));
        Some(Turns { last, durable })
    }

    fn on_settled(&mut self, settled: SettledHook) {
        self.settled = Some(settled);
    }

    fn hand_over(
        &mut self,
        connection: &Connection,
        is_recoverable: bool,
    ) -> Result<(), StoreError> {
        self.begin(connection, is_recoverable, self.settled.clone())
    }

    fn poll(&mut self) -> Result<(), StoreError> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let Some(waiting) = &pending.answer else { return Ok(()) };
        let answer = match waiting.try_recv() {
            Err(TryRecvError::Empty) => return Ok(()),
            answer => answer.unwrap_or(Err(StoreError::NotActive)),
        };
        pending.answer = None;
        self.conclude(answer)
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        if self.pending.as_ref().is_some_and(|pending| pending.answer.is_none()) {
            self.request_commit(None)?;
        }
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let Some(waiting) = pending.answer.take() else { return Ok(()) };
        self.conclude(waiting.recv().unwrap_or(Err(StoreError::NotActive)))
    }

    fn committed(&mut self, connection: &Connection) {
        self.is_durable = false;
        self.added.clear();
        #[cfg(test)]
        self.assert_same(connection);
        let _ = connection;
    }

    fn begin_outside_of_turn(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        mark_ahead(connection)?;
        Ok(true)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        self.ask(Request::Release)
    }
}

#[cfg(test)]
impl Replicated {
    /// Checks that PostgreSQL and the local copy are the same, unless the connection is just lost.
    fn assert_same(&self, connection: &Connection) {
        let there = match self.ask(Request::Digests) {
            Ok(there) => there,
            Err(error) if error.is_transient() => return,
            Err(error) => panic!("{error}"),
        };
        let mut meter = super::meter::CopyMeter::unread();
        let here =
            super::digest::local_digests(connection, &self.shapes, &mut meter).expect("reads");
        assert_eq!(there, here, "PostgreSQL and the local copy differ");
    }
}
