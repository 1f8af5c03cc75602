//! The store of the active node: a turn is committed in PostgreSQL, then in the local copy.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rusqlite::Connection;
use tokio::sync::mpsc::UnboundedSender;

use super::super::StoreError;
use super::super::durability::Durability;
use super::additions::AddedRows;
use super::local::{CopyMark, Position, mark_ahead, write_position};
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
    /// What others have added and the local copy gets with this turn.
    added: Vec<AddedRows>,
    /// The turn that is being committed.
    pending: Option<PendingTurn>,
    requests: UnboundedSender<Request>,
    /// Ends once nobody can ask it any more.
    _worker: Worker,
    #[cfg(test)]
    shapes: Vec<TableShape>,
}

#[derive(Debug)]
struct PendingTurn {
    turn: Arc<Turn>,
    /// Whether PostgreSQL has it.
    is_durable: bool,
}

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

    fn make_durable(
        &mut self,
        connection: &Connection,
        is_recoverable: bool,
    ) -> Result<(), StoreError> {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => {
                let number = self.mark.position.turn + 1;
                let changes = self.recorder.changes(connection)?;
                let turn = Arc::new(Turn::new(number, changes, is_recoverable));
                PendingTurn { turn, is_durable: false }
            }
        };
        let turn = Arc::clone(&pending.turn);
        let is_durable = pending.is_durable;
        self.pending = Some(pending);
        if is_durable {
            return Ok(());
        }
        let added = self.ask(|reply| Request::Commit(turn, reply))?;
        self.added.extend(added);
        if let Some(pending) = &mut self.pending {
            pending.is_durable = true;
        }
        Ok(())
    }

    fn next_position(&self) -> Position {
        let turn = self.pending.as_ref().map_or(self.mark.position.turn, |it| it.turn.number);
        Position { turn, ..self.mark.position }
    }
}

impl Durability for Replicated {
    fn commit(&mut self, connection: &Connection, is_recoverable: bool) -> Result<(), StoreError> {
        self.make_durable(connection, is_recoverable)?;
        for added in &self.added {
            added.insert(connection)?;
        }
        write_position(connection, self.next_position())?;
        Ok(self.recorder.clear(connection)?)
    }

    fn committed(&mut self, connection: &Connection) {
        self.mark.position = self.next_position();
        self.pending = None;
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
