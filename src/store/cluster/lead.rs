//! The active node: commits turns, gives signs of life, and finds out what has become of a commit without an answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::StoreError;
use super::ClusterConfig;
use super::additions::{AddedRows, Additions};
use super::error::PostgresError;
use super::lease::{self, Lease};
use super::local::CopyMark;
use super::reign::{
    announce, beat, end_holder, forget_changes, read_leader, read_nodes, release, try_lock,
    try_lock_name,
};
use super::session::Session;
use super::shared_files::SharedFiles;
use super::status::{NodeRole, NodeStatus};
use super::write::{Turn, TurnWriter};

/// After how many signs of life the others are looked at, and after how many the house is kept.
const LOOK_AFTER: u64 = 2;
const KEEP_HOUSE_AFTER: u64 = 20;

/// So many turns in a row may get lost if the server crashes: they are kept, and written again.
const MAX_UNSYNCED: usize = 16;

/// The active node.
pub(super) struct Leader {
    pub(super) config: ClusterConfig,
    pub(super) writer: TurnWriter,
    /// `None` while the connection is lost.
    pub(super) session: Option<Session>,
    /// The number of the last connection that had the lock.
    pub(super) pid: i32,
    /// The last turn that is confirmed.
    pub(super) mark: CopyMark,
    /// The turn that was sent and may be committed.
    pub(super) pending: Option<Arc<Turn>>,
    /// The turns, one after the other up to the last one, that a crash of the server may take, or a failover.
    pub(super) unsynced: Vec<Arc<Turn>>,
    pub(super) lease: Lease,
    pub(super) files: Option<SharedFiles>,
    pub(super) status: watch::Sender<NodeStatus>,
    pub(super) started: Timestamp,
    /// What others have added and the local copy does not have yet.
    pub(super) added: Vec<AddedRows>,
    pub(super) known: Additions,
    /// Whether another node has taken over.
    pub(super) is_replaced: bool,
    pub(super) beats: u64,
    /// When the last sign of life was given, or tried.
    pub(super) last_beat: Option<Instant>,
}

impl Leader {
    /// Commits a turn, once more if the connection was lost meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotActive`] if another node has taken over. When PostgreSQL cannot be reached, the same turn may be
    /// given again.
    pub(super) async fn commit(&mut self, turn: &Arc<Turn>) -> Result<(), StoreError> {
        let mut outcome = self.try_commit(turn).await;
        if let Err(StoreError::Postgres(error)) = &outcome
            && error.is_transient()
        {
            tracing::debug!(%error, turn = turn.number, "the turn is sent again");
            outcome = self.try_commit(turn).await;
        }
        self.note_problem(outcome.as_ref().err());
        outcome
    }

    async fn try_commit(&mut self, turn: &Arc<Turn>) -> Result<(), StoreError> {
        if self.session.is_none() {
            self.regain().await?;
        }
        if self.is_replaced {
            return Err(StoreError::NotActive);
        }
        if self.mark.position.turn == turn.number {
            return Ok(());
        }
        let Some(session) = &self.session else { return Err(StoreError::NotActive) };
        self.pending = Some(Arc::clone(turn));
        let sent = lease::now();
        let epoch = self.mark.position.epoch;
        let durable = !turn.is_recoverable || self.unsynced.len() >= MAX_UNSYNCED;
        if let Err(error) = self.writer.write(session, epoch, (turn, durable)).await {
            // What has become of it is found out by the next connection.
            self.session = None;
            return Err(error.into());
        }
        if durable {
            // Only these have come as far as commits must: a server that was replaced by another one confirms the others.
            self.lease.extend(sent);
            self.unsynced.clear();
        } else {
            self.unsynced.push(Arc::clone(turn));
        }
        self.mark.position = TurnWriter::after(self.mark.position, turn);
        self.pending = None;
        Ok(())
    }

    /// Connects again, and goes on with the reign if no other node has taken over meanwhile.
    async fn regain(&mut self) -> Result<(), StoreError> {
        if self.is_replaced {
            return Err(StoreError::NotActive);
        }
        // A server that lets nobody in for a while is no reason to stop.
        let later = |error: PostgresError| match error {
            PostgresError::TooNew { .. } | PostgresError::Unreachable { .. } => error,
            error => PostgresError::Unreachable {
                server: self.config.url.server(),
                reason: error.to_string(),
            },
        };
        let session = Session::open(&self.config).await.map_err(later)?;
        let mut is_locked = try_lock(&session).await?;
        if !is_locked {
            end_holder(&session, self.pid).await?;
            is_locked = try_lock(&session).await?;
        }
        if is_locked {
            self.pid = session.pid();
        }
        let leader = read_leader(&session).await?;
        let ours = self.mark.position;
        let turn = leader.position.turn;
        let is_ours = leader.cluster == self.mark.cluster
            && leader.position.epoch == ours.epoch
            && !leader.released;
        if !is_ours {
            let node = leader.node.unwrap_or_default();
            return Err(self.replaced(&format!("the node {node} has taken over")));
        }
        if !is_locked {
            return Err(PostgresError::Unreachable {
                server: session.server().to_owned(),
                reason: "the connection before still has the lock".to_owned(),
            }
            .into());
        }
        self.find_pending(turn)?;
        // It was free together with the other lock, unless a node with the same name has been started meanwhile: that waits.
        let _ = try_lock_name(&session, &self.config.node).await?;
        self.writer.prepare(&session).await?;
        self.write_again(&session, turn).await?;
        let sent = lease::now();
        if !beat(&session, ours.epoch).await? {
            return Err(self.replaced("its reign is over"));
        }
        self.lease.extend(sent);
        self.forget_synced();
        self.session = Some(session);
        tracing::info!(
            turn = self.mark.position.turn,
            "connected to PostgreSQL again; no other node has taken over"
        );
        Ok(())
    }

    /// Finds out what has become of the turn without an answer: PostgreSQL is at turn `turn`.
    fn find_pending(&mut self, turn: i64) -> Result<(), StoreError> {
        let ours = self.mark.position.turn;
        if let Some(pending) = self.pending.take_if(|pending| pending.number == turn) {
            self.mark.position.turn = turn;
            // It is seen here also if the server gave up waiting for its standby, which may become the primary server next.
            self.unsynced.push(pending);
        } else if turn != ours && !self.unsynced.iter().any(|it| it.number == turn + 1) {
            let lost = format!(
                "PostgreSQL is at turn {turn}, and this node at {ours}: the server has lost commits, as a standby may that was not \
                 synchronous"
            );
            return Err(self.replaced(&lost));
        }
        Ok(())
    }

    /// Writes the turns again that a crash of the server has taken: it is at turn `last`.
    async fn write_again(&mut self, session: &Session, last: i64) -> Result<(), StoreError> {
        let epoch = self.mark.position.epoch;
        for turn in self.unsynced.iter().filter(|turn| turn.number > last) {
            self.writer.write(session, epoch, (turn, true)).await?;
            tracing::debug!(
                turn = turn.number,
                "PostgreSQL has lost this turn: it is written again"
            );
        }
        Ok(())
    }

    /// A sign of life was confirmed: what must be as safe as that is, and what came before it.
    fn forget_synced(&mut self) {
        let last = self.unsynced.iter().rposition(|turn| !turn.is_recoverable);
        self.unsynced.drain(..last.map_or(0, |at| at + 1));
    }

    /// Another node is active now, or will be.
    fn replaced(&mut self, reason: &str) -> StoreError {
        if !std::mem::replace(&mut self.is_replaced, true) {
            tracing::error!(reason, "this node is not the active one any more");
        }
        self.lease.end();
        self.session = None;
        self.status.send_modify(|status| status.set_role(NodeRole::Ended));
        StoreError::NotActive
    }

    /// Whether it is time for a sign of life.
    pub(super) fn is_beat_due(&self, now: Instant, interval: Duration) -> bool {
        self.last_beat.is_none_or(|last| now.duration_since(last) >= interval)
    }

    /// Gives a sign of life, and looks at what others have written.
    pub(super) async fn beat(&mut self) {
        self.last_beat = Some(Instant::now());
        let outcome = self.try_beat().await;
        if let Err(error) = &outcome {
            self.session = None;
            tracing::debug!(%error, "no sign of life reaches PostgreSQL");
        }
        self.note_problem(outcome.as_ref().err());
    }

    async fn try_beat(&mut self) -> Result<(), StoreError> {
        if self.session.is_none() {
            self.regain().await?;
        }
        let Some(session) = &self.session else { return Ok(()) };
        let sent = lease::now();
        if !beat(session, self.mark.position.epoch).await? {
            return Err(self.replaced("its reign is over"));
        }
        self.lease.extend(sent);
        self.beats += 1;
        self.added.extend(self.known.read_new(session).await?);
        if self.beats.is_multiple_of(LOOK_AFTER) {
            let turn = self.mark.position.turn;
            announce(session, &self.config, (self.started, turn)).await?;
            let nodes = read_nodes(session).await?;
            self.status.send_modify(|status| {
                status.nodes = nodes;
                status.turn = turn.max(0).unsigned_abs();
            });
        }
        if self.beats.is_multiple_of(KEEP_HOUSE_AFTER) {
            self.keep_house().await?;
        }
        Ok(())
    }

    /// What need not be done often.
    async fn keep_house(&mut self) -> Result<(), StoreError> {
        let Some(session) = &self.session else { return Ok(()) };
        let position = self.mark.position;
        forget_changes(session, position.turn).await?;
        if let Some(files) = &mut self.files
            && let Err(error) = files.send(session, position.epoch).await
        {
            match error {
                StoreError::Postgres(error) => return Err(error.into()),
                error => tracing::warn!(%error, "cannot read a file that the other nodes need"),
            }
        }
        Ok(())
    }

    /// Hands over to the next node, if need be over another connection.
    ///
    /// # Errors
    /// When PostgreSQL does not hear of it.
    pub(super) async fn release(&mut self) -> Result<(), StoreError> {
        self.lease.end();
        if self.is_replaced {
            return Ok(());
        }
        let mut released = self.try_release().await;
        if released.as_ref().is_err_and(StoreError::is_transient) {
            released = self.try_release().await;
        }
        released?;
        self.is_replaced = true;
        self.status.send_modify(|status| {
            status.released = true;
            status.set_role(NodeRole::Ended);
        });
        Ok(())
    }

    async fn try_release(&mut self) -> Result<(), StoreError> {
        if self.session.is_none() {
            self.regain().await?;
        }
        let session = self.session.take().ok_or(StoreError::NotActive)?;
        let epoch = self.mark.position.epoch;
        if let Some(files) = &mut self.files {
            // The next node has them from before, if this fails.
            let _ = files.send(&session, epoch).await;
        }
        release(&session, epoch).await?;
        session.close().await;
        Ok(())
    }

    fn note_problem(&self, error: Option<&StoreError>) {
        let problem = error.map(ToString::to_string);
        self.status.send_if_modified(|status| match &mut status.role {
            NodeRole::Active { problem: known } if *known != problem => {
                *known = problem;
                true
            }
            _ => false,
        });
    }

    /// What PostgreSQL has.
    #[cfg(test)]
    pub(super) async fn digests(&self) -> Result<Vec<super::digest::CopiedTable>, StoreError> {
        let lost = || PostgresError::Refused { server: self.config.url.server() };
        let session = self.session.as_ref().ok_or_else(lost)?;
        let mut meter = super::meter::CopyMeter::unread();
        Ok(super::full_copy::digests(session, &self.writer.shapes(), &mut meter).await?)
    }
}
