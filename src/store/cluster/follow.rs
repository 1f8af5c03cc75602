//! A node that waits: follows PostgreSQL into its local copy, and takes over when the lock is free.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::super::{StoreError, schema};
use super::ClusterConfig;
use super::additions::Additions;
use super::changes::TurnChanges;
use super::error::PostgresError;
use super::fill::fill_changed_tables;
use super::full_copy::copy_all;
use super::lease::{self, GRACE};
use super::local::{CopyMark, Position, apply, read_mark, write_position};
use super::meter::CopyMeter;
use super::migrate::{StoreMeta, check_version, migrate, read_meta};
use super::reign::{
    LeaderRow, announce, read_leader, read_nodes, take_over, try_lock, try_lock_name,
};
use super::session::Session;
use super::shape::TableShape;
use super::shared_files::SharedFiles;
use super::status::{NodeRole, NodeStatus};

/// How often a waiting node looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How many turns are read at once.
const TURNS_AT_ONCE: i64 = 200;

/// For how long a node that has released the lock leaves it to the others, if there are any.
const AFTER_YOU: Duration = Duration::from_secs(5);

/// For how long a node that has just connected leaves the lock to the node that was active: it tries again twice in that time.
const HEAD_START: Duration = Duration::from_secs(1);

/// For how long a node that finds its name taken tries again: longer than the server keeps a connection that was cut off.
const NAME_PATIENCE: Duration = Duration::from_secs(5);

/// A node that is not active.
pub(super) struct Follower {
    pub(super) config: ClusterConfig,
    pub(super) shapes: Vec<TableShape>,
    pub(super) connection: Connection,
    pub(super) files: Option<SharedFiles>,
    pub(super) status: watch::Sender<NodeStatus>,
    pub(super) started: Timestamp,
}

/// The node has become active.
pub(super) struct Reign {
    pub(super) session: Session,
    pub(super) mark: CopyMark,
    /// When the statement was sent that has begun it.
    pub(super) sent: lease::BootTime,
}

impl Follower {
    /// Waits until this node is active.
    ///
    /// # Errors
    /// When PostgreSQL cannot be reached or refuses, or the local copy cannot be written.
    pub(super) async fn wait(&mut self, is_first: bool) -> Result<Reign, StoreError> {
        let session = Session::open(&self.config).await?;
        if is_first {
            session.check_pooler(&self.config).await?;
        }
        self.claim_name(&session).await?;
        let meta = self.meta(&session).await?;
        // What a node says of itself while it waits need not last.
        session.set_durable(false).await?;
        self.status.send_modify(|status| status.set_role(NodeRole::Waiting));
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let connected_at = Instant::now();
        let mut locked_at = None;
        loop {
            ticks.tick().await;
            if locked_at.is_none()
                && self.may_lock(&session, connected_at).await?
                && try_lock(&session).await?
            {
                locked_at = Some(Instant::now());
            }
            let leader = self.read_leader(&session).await?;
            let position = self.follow(&session, &leader).await?;
            self.report(&session, &leader, position).await?;
            let Some(locked_at) = locked_at else { continue };
            if position.turn != leader.position.turn {
                continue;
            }
            if !leader.released && locked_at.elapsed() < GRACE {
                self.status.send_modify(|status| status.set_role(NodeRole::TakingOver));
                sleep_until((locked_at + GRACE).min(Instant::now() + LOOK_INTERVAL)).await;
                continue;
            }
            session.set_durable(true).await?;
            if meta.schema_version < i64::from(schema::VERSION) {
                migrate(&session, &self.shapes).await?;
                fill_changed_tables(&session, &self.shapes, &self.connection).await?;
            }
            return self.begin(session, &leader).await;
        }
    }

    /// Takes the name of this node. A connection of this node that was cut off still has it for a moment.
    async fn claim_name(&self, session: &Session) -> Result<(), StoreError> {
        let until = Instant::now() + NAME_PATIENCE;
        while !try_lock_name(session, &self.config.node).await? {
            if Instant::now() >= until {
                let (server, node) = (session.server().to_owned(), self.config.node.clone());
                return Err(PostgresError::NameTaken { server, node }.into());
            }
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    /// Which store it is. Makes one if there is none.
    async fn meta(&self, session: &Session) -> Result<StoreMeta, StoreError> {
        Ok(match read_meta(session).await? {
            Some(meta) => meta,
            None => migrate(session, &self.shapes).await?,
        })
    }

    /// Whether this node may try to become active: it has a copy; if PostgreSQL was away, the active node comes first; and
    /// if this one was active itself until now and has handed over, others do.
    async fn may_lock(&self, session: &Session, connected_at: Instant) -> Result<bool, StoreError> {
        let leader = read_leader(session).await?;
        let Some(mark) = read_mark(&self.connection)? else { return Ok(false) };
        if mark.cluster != leader.cluster || mark.position.turn < 0 {
            return Ok(false);
        }
        let was_active = leader.node.as_deref() == Some(&self.config.node);
        if !leader.released && !was_active && connected_at.elapsed() < HEAD_START {
            return Ok(false);
        }
        if !leader.released || !was_active || leader.beat_ago >= AFTER_YOU {
            return Ok(true);
        }
        let nodes = read_nodes(session).await?;
        let recent = Duration::from_secs(2);
        Ok(!nodes.iter().any(|node| node.name != self.config.node && node.seen_ago < recent))
    }

    async fn read_leader(&self, session: &Session) -> Result<LeaderRow, StoreError> {
        let leader = read_leader(session).await?;
        check_version(session.server(), leader.schema_version)?;
        if let Some(node) = leader.moved_to {
            let server = session.server().to_owned();
            return Err(PostgresError::MovedAway { server, node }.into());
        }
        Ok(leader)
    }

    /// Brings the local copy to where PostgreSQL is. Returns how far it is.
    async fn follow(
        &mut self,
        session: &Session,
        leader: &LeaderRow,
    ) -> Result<Position, StoreError> {
        let mark = read_mark(&self.connection)?;
        let position = match mark {
            Some(mark) if mark.cluster == leader.cluster => {
                self.follow_from(session, mark.position, leader).await?
            }
            Some(_) => {
                tracing::info!("the local copy is of another store: it is replaced");
                None
            }
            None => None,
        };
        let position = match position {
            Some(position) => position,
            None => self.copy_all(session).await?,
        };
        self.fetch_the_rest(session).await?;
        Ok(position)
    }

    /// Applies the turns after `position`. `None` if PostgreSQL does not have them any more, or has another history.
    async fn follow_from(
        &mut self,
        session: &Session,
        mut position: Position,
        leader: &LeaderRow,
    ) -> Result<Option<Position>, StoreError> {
        if position.turn == 0 && leader.position.turn == 0 {
            return Ok(Some(position));
        }
        self.connection.pragma_update(None, "foreign_keys", false)?;
        // The turn that is here already says whether it is the same history.
        let sql = "SELECT turn, epoch, CASE WHEN turn = $1 THEN ''::bytea ELSE rows END FROM letsbridge.change
                   WHERE turn >= $1 ORDER BY turn LIMIT $2";
        loop {
            let turns = session.query(sql, &[&position.turn, &TURNS_AT_ONCE]).await?;
            let Some((known, new)) = turns.split_first() else { return Ok(None) };
            let known = Position { turn: known.get(0), epoch: known.get(1) };
            if known != position {
                return Ok(None);
            }
            if new.is_empty() {
                return Ok(Some(position));
            }
            let transaction = self.connection.transaction()?;
            for turn in new {
                let unreadable = || PostgresError::Unknown {
                    server: session.server().to_owned(),
                    reason: "a turn cannot be read".to_owned(),
                };
                let changes = TurnChanges::decode(turn.get(2)).ok_or_else(unreadable)?;
                apply(&transaction, &changes)?;
                position = Position { turn: turn.get(0), epoch: turn.get(1) };
            }
            write_position(&transaction, position)?;
            transaction.commit()?;
        }
    }

    /// Copies everything, and keeps the session alive meanwhile.
    async fn copy_all(&mut self, session: &Session) -> Result<Position, StoreError> {
        tracing::info!(server = session.server(), "copying the store from PostgreSQL");
        let mut meter = CopyMeter::unread();
        let copied = copy_all(&self.config, &self.shapes, &self.connection, &mut meter);
        let mut copied = std::pin::pin!(copied);
        let (mark, tables) = loop {
            tokio::select! {
                copied = &mut copied => break copied?,
                () = tokio::time::sleep(Duration::from_secs(1)) => session.batch("SELECT 1").await?,
            }
        };
        let rows: u64 = tables.iter().map(|table| table.rows).sum();
        tracing::info!(rows, turn = mark.position.turn, "the store is copied from PostgreSQL");
        Ok(mark.position)
    }

    /// Fetches what is no part of the turns.
    async fn fetch_the_rest(&mut self, session: &Session) -> Result<(), StoreError> {
        let mut known = Additions::known(&self.shapes, &self.connection)?;
        for added in known.read_new(session).await? {
            added.insert(&self.connection)?;
        }
        match &mut self.files {
            Some(files) => files.fetch(session).await,
            None => Ok(()),
        }
    }

    async fn report(
        &self,
        session: &Session,
        leader: &LeaderRow,
        position: Position,
    ) -> Result<(), StoreError> {
        announce(session, &self.config, (self.started, position.turn)).await?;
        let nodes = read_nodes(session).await?;
        self.status.send_modify(|status| {
            status.set_leader(leader, position);
            status.nodes = nodes;
        });
        Ok(())
    }

    /// Begins the reign of this node, which has the lock and all turns.
    async fn begin(&mut self, session: Session, leader: &LeaderRow) -> Result<Reign, StoreError> {
        let nothing = TurnChanges::default().encode();
        let sent = lease::now();
        let begun = take_over(&session, leader.position, &self.config.node, &nothing).await?;
        // It cannot be another one: this session has the lock.
        let position =
            begun.ok_or_else(|| PostgresError::Refused { server: session.server().to_owned() })?;
        if let Some(files) = &mut self.files {
            files.settle(&session, position.epoch).await?;
        }
        write_position(&self.connection, position)?;
        let mark = CopyMark { cluster: leader.cluster.clone(), position };
        let leader = read_leader(&session).await?;
        let nodes = read_nodes(&session).await?;
        self.status.send_modify(|status| {
            status.set_leader(&leader, position);
            status.nodes = nodes;
            status.set_role(NodeRole::Active { problem: None });
        });
        Ok(Reign { session, mark, sent })
    }
}
