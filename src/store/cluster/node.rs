//! A node: waits until it is the active one, then commits what the store gives it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::super::{DB_FILE, Store, StoreError, claim_and_lock};
use super::ClusterConfig;
use super::additions::Additions;
use super::follow::{Follower, Reign};
use super::lead::Leader;
use super::lease::Lease;
use super::local::CopyMark;
use super::open_copy::{StateLock, open_copy};
use super::replicated::Replicated;
use super::request::Request;
use super::shape::{TableShape, read_shapes};
use super::shared_files::SharedFiles;
use super::status::{NodeRole, NodeStatus};
use super::worker::Worker;
use super::write::TurnWriter;

/// How often the active node gives a sign of life.
const BEAT_INTERVAL: Duration = Duration::from_millis(500);

/// How long after a failure a node connects again.
const CONNECT_INTERVAL: Duration = Duration::from_millis(250);

/// A node that is not active: it tries to reach PostgreSQL, or follows the active node. It works in a thread of its own,
/// which ends when this is dropped.
#[derive(Debug)]
pub struct ClusterNode {
    status: watch::Receiver<NodeStatus>,
    requests: mpsc::UnboundedSender<Request>,
    active: oneshot::Receiver<Result<Activated, StoreError>>,
    worker: Worker,
    directory: Option<PathBuf>,
    lock: Option<StateLock>,
}

/// What a node has once it is active.
#[derive(Debug)]
struct Activated {
    connection: Connection,
    shapes: Vec<TableShape>,
    mark: CopyMark,
    lease: Lease,
}

impl ClusterNode {
    /// Starts a node with its local copy in `directory`, which is made if necessary. Does not wait for PostgreSQL.
    ///
    /// # Errors
    /// When the directory cannot be used or is in use, or holds the store of a bridge that runs alone.
    pub fn new(config: ClusterConfig, directory: &Path) -> Result<Self, StoreError> {
        let (directory, lock) = claim_and_lock(directory)?;
        let connection = open_copy(&directory)?;
        Self::start(config, connection, Some((directory, lock)))
    }

    /// Starts a node with a local copy in memory.
    pub(in super::super) fn in_memory(
        config: ClusterConfig,
        connection: Connection,
    ) -> Result<Self, StoreError> {
        super::super::set_up(&connection)?;
        Self::start(config, connection, None)
    }

    fn start(
        config: ClusterConfig,
        connection: Connection,
        place: Option<(PathBuf, StateLock)>,
    ) -> Result<Self, StoreError> {
        let shapes = read_shapes(&connection)?;
        let (status, status_receiver) = watch::channel(NodeStatus::connecting(&config.node));
        let (requests, requested) = mpsc::unbounded_channel();
        let (activated, active) = oneshot::channel();
        let (directory, lock) = place.unzip();
        let files = directory.as_deref().map(|directory| SharedFiles::new(&config, directory));
        let started = Timestamp::now();
        let follower = Follower { config, shapes, connection, files, status, started };
        let database = directory.as_ref().map(|directory| directory.join(DB_FILE));
        let worker = Worker::start(move || run(follower, activated, (requested, database)))?;
        Ok(Self { status: status_receiver, requests, active, worker, directory, lock })
    }

    /// What the node does. Goes on to tell after [`Self::wait_until_active`] has returned, until the store is dropped.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NodeStatus> {
        self.status.clone()
    }

    /// Like [`Self::wait_until_active`], for who is not asynchronous.
    pub(in super::super) fn block_until_active(self) -> Result<(Store, Lease), StoreError> {
        let runtime = super::worker::runtime()?;
        // A thread of its own, because the caller's may be one of a runtime.
        let waiting = std::thread::spawn(move || runtime.block_on(self.wait_until_active()));
        waiting.join().unwrap_or(Err(StoreError::NotActive))
    }

    /// Waits until this node is the active one. Returns the store, and the right to speak. Drop it to stop waiting.
    ///
    /// # Errors
    /// When PostgreSQL refuses the node ([`StoreError::is_lasting`]) or the local copy cannot be written. Not when
    /// PostgreSQL cannot be reached: that is waited for.
    pub async fn wait_until_active(self) -> Result<(Store, Lease), StoreError> {
        let Self { requests, active, worker, directory, lock, .. } = self;
        let activation = Activation { active, _worker: worker };
        let (activated, worker) = activation.wait().await?;
        let Activated { mut connection, shapes, mark, lease } = activated;
        let durability = Replicated::new(&mut connection, (shapes, mark), (requests, worker))?;
        let store = Store::replicated(connection, Box::new(durability), (directory, lock))?;
        Ok((store, lease))
    }
}

/// Fields are dropped in this order: the thread is told to end, then waited for.
struct Activation {
    active: oneshot::Receiver<Result<Activated, StoreError>>,
    _worker: Worker,
}

impl Activation {
    async fn wait(mut self) -> Result<(Activated, Worker), StoreError> {
        let activated = (&mut self.active).await.unwrap_or(Err(StoreError::NotActive))?;
        Ok((activated, self._worker))
    }
}

type Requests = mpsc::UnboundedReceiver<Request>;

/// The work of the thread.
async fn run(
    follower: Follower,
    mut activated: oneshot::Sender<Result<Activated, StoreError>>,
    (mut requests, database): (Requests, Option<PathBuf>),
) {
    let mut follower = follower;
    let reign = tokio::select! {
        reign = become_active(&mut follower) => reign,
        () = activated.closed() => return,
    };
    let reign = match reign {
        Ok(reign) => reign,
        Err(error) => return drop(activated.send(Err(error))),
    };
    let known = match Additions::known(&follower.shapes, &follower.connection) {
        Ok(known) => known,
        Err(error) => return drop(activated.send(Err(error.into()))),
    };
    let Follower { config, shapes, connection, files, status, started } = follower;
    let Reign { session, mark, sent } = reign;
    let lease = Lease::expired();
    lease.extend(sent);
    let writer = TurnWriter::new(&shapes);
    let prepared = writer.prepare(&session).await;
    let mut leader = Leader {
        config,
        writer,
        pid: session.pid(),
        session: prepared.is_ok().then_some(session),
        mark: mark.clone(),
        pending: None,
        unsynced: Vec::new(),
        lease: lease.clone(),
        files,
        status,
        started,
        added: Vec::new(),
        known,
        is_replaced: false,
        beats: 0,
        last_beat: None,
    };
    if activated.send(Ok(Activated { connection, shapes, mark, lease })).is_err() {
        // Nobody waits any more: the next node may begin at once.
        return drop(leader.release().await);
    }
    serve(&mut leader, &mut requests, database).await;
    if let Some(session) = leader.session.take() {
        session.close().await;
    }
    leader.lease.end();
}

/// Waits until the node is active. Failures that may pass are waited for.
async fn become_active(follower: &mut Follower) -> Result<Reign, StoreError> {
    let mut is_first = true;
    loop {
        let error = match follower.wait(is_first).await {
            Ok(reign) => return Ok(reign),
            Err(error) => error,
        };
        let was_connected = !matches!(follower.status.borrow().role, NodeRole::Connecting { .. });
        is_first &= !was_connected;
        if !may_pass(&error, is_first) {
            return Err(error);
        }
        let problem = Some(error.to_string());
        let is_new = follower.status.send_if_modified(|status| {
            let role = NodeRole::Connecting { problem: problem.clone() };
            let is_new = status.role != role;
            status.set_role(role);
            is_new
        });
        if is_new {
            tracing::warn!(%error, "cannot follow PostgreSQL; trying again");
        }
        sleep(CONNECT_INTERVAL).await;
    }
}

/// Whether a waiting node tries again after this error. A server that has let it in once is given time, also if it does
/// not any more: it may be another one now, which is about to become the primary server.
fn may_pass(error: &StoreError, is_first: bool) -> bool {
    use super::PostgresError::{
        Login, MovedAway, NameTaken, NotACopy, Pooler, ReadOnly, Rights, Tls, TooNew, TooOld,
        Unknown, Url,
    };
    match error {
        StoreError::Postgres(
            Url(_) | TooNew { .. } | MovedAway { .. } | NotACopy { .. } | Unknown { .. },
        ) => false,
        StoreError::Postgres(
            Login { .. }
            | Tls { .. }
            | Rights { .. }
            | ReadOnly { .. }
            | Pooler { .. }
            | TooOld { .. }
            | NameTaken { .. },
        ) => !is_first,
        error => error.is_transient(),
    }
}

/// Does what the store asks, and gives signs of life, until the store is dropped or has handed over.
async fn serve(leader: &mut Leader, requests: &mut Requests, database: Option<PathBuf>) {
    let mut beats = interval(BEAT_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut copy = LocalAdditions { database, connection: None };
    loop {
        tokio::select! {
            biased;
            request = requests.recv() => match request {
                None => return,
                Some(Request::Commit(turn, reply, settled)) => {
                    let outcome = leader.commit(&turn).await;
                    let outcome = outcome.map(|()| std::mem::take(&mut leader.added));
                    // The store may be gone.
                    let _ = reply.send(outcome);
                    if let Some(settled) = settled {
                        settled.call();
                    }
                }
                Some(Request::Release(reply)) => {
                    let _ = reply.send(leader.release().await);
                }
                #[cfg(test)]
                Some(Request::Digests(reply)) => {
                    let _ = reply.send(leader.digests().await);
                }
            },
            _ = beats.tick() => {}
        }
        // Also while one request follows another.
        if leader.is_beat_due(Instant::now(), BEAT_INTERVAL) && !leader.is_replaced {
            leader.beat().await;
            copy.write(leader);
        }
    }
}

/// Writes what others have added to the local copy while no turn does.
struct LocalAdditions {
    database: Option<PathBuf>,
    connection: Option<Connection>,
}

impl LocalAdditions {
    /// Writes what is there, unless the store is just writing: then it takes it itself with the next turn.
    fn write(&mut self, leader: &mut Leader) {
        let Some(path) = &self.database else { return };
        if leader.added.is_empty() {
            return;
        }
        if self.connection.is_none() {
            self.connection = Connection::open(path).ok();
        }
        let Some(connection) = &self.connection else { return };
        let written = connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| leader.added.iter().try_for_each(|added| added.insert(connection)));
        if written.is_ok() {
            leader.added.clear();
        }
    }
}
