//! Whose turn it is: the lock, and the row of the active node.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::ClusterConfig;
use super::error::PostgresError;
use super::local::Position;
use super::session::Session;
use super::status::{NodeStatus, SeenNode};

/// The lock of the active node.
const LOCK: i64 = 0x4C74_7342_0000_0001;

/// The row of the active node, and which store it is of.
#[derive(Debug, Clone)]
pub(super) struct LeaderRow {
    pub(super) position: Position,
    pub(super) node: Option<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) released: bool,
    /// How long ago it last gave a sign of life.
    pub(super) beat_ago: Duration,
    pub(super) cluster: String,
    pub(super) schema_version: i64,
    pub(super) moved_to: Option<String>,
}

/// Tries to get the lock, which the connection has until it ends or [`unlock`]s.
pub(super) async fn try_lock(session: &Session) -> Result<bool, PostgresError> {
    // Once only: it would have to be given back as often.
    let sql = "SELECT CASE WHEN EXISTS (
                   SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
                       AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = $1
               ) THEN true ELSE pg_try_advisory_lock($1) END";
    Ok(session.query_one(sql, &[&LOCK]).await?.get(0))
}

/// Ends the connection of that number if it has the lock, and waits for its end. One whose commit waits for a standby of the
/// server would have it until that is back, although its node is gone.
pub(super) async fn end_holder(session: &Session, pid: i32) -> Result<(), PostgresError> {
    let sql = "SELECT pg_terminate_backend(pid, 1000) FROM pg_locks
               WHERE locktype = 'advisory' AND granted AND objsubid = 1
                   AND (classid::bigint << 32 | objid::bigint) = $1 AND pid = $2";
    session.query(sql, &[&LOCK, &pid]).await.map(drop)
}

/// Gives the lock back.
pub(super) async fn unlock(session: &Session) -> Result<(), PostgresError> {
    session.query("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.map(drop)
}

/// The first half of the locks of the nodes' names, of which [`LOCK`] is none: it is one number.
const NAME_LOCKS: i32 = 0x4C74_7342;

/// Tries to get the lock of this node's name, which the connection has until it ends.
pub(super) async fn try_lock_name(session: &Session, node: &str) -> Result<bool, PostgresError> {
    let sql = "SELECT pg_try_advisory_lock($1, hashtext($2))";
    Ok(session.query_one(sql, &[&NAME_LOCKS, &node]).await?.get(0))
}

/// Reads the row of the active node.
pub(super) async fn read_leader(session: &Session) -> Result<LeaderRow, PostgresError> {
    let sql = "SELECT epoch, turn, node, (extract(epoch FROM since) * 1000)::bigint, released,
                   (extract(epoch FROM clock_timestamp() - beat_at) * 1000)::bigint,
                   cluster, schema_version, moved_to
               FROM letsbridge.leader, letsbridge.meta";
    let row = session.query_one(sql, &[]).await?;
    let since: Option<i64> = row.get(3);
    Ok(LeaderRow {
        position: Position { epoch: row.get(0), turn: row.get(1) },
        node: row.get(2),
        since: since.and_then(|at| Timestamp::from_millisecond(at).ok()),
        released: row.get(4),
        beat_ago: millis(row.get::<_, Option<i64>>(5).unwrap_or(i64::MAX)),
        cluster: row.get(6),
        schema_version: row.get(7),
        moved_to: row.get(8),
    })
}

/// Begins the reign of this node, which has the lock and all turns up to that position. Its first turn changes nothing.
/// Returns where it begins; `None` if the position is another one.
///
/// Its number is not just the next one: a server that was restored, or has lost commits, would give that to two reigns, and
/// what a node has of the one would pass for the other.
pub(super) async fn take_over(
    session: &Session,
    position: Position,
    node: &str,
    nothing: &[u8],
) -> Result<Option<Position>, PostgresError> {
    let sql = "WITH taken AS (
                   UPDATE letsbridge.leader SET epoch = epoch + 1 + (random() * 1000000000)::bigint, turn = turn + 1, node = $3, since = clock_timestamp(),
                       beat_at = clock_timestamp(), released = false
                   WHERE epoch = $1 AND turn = $2 RETURNING epoch, turn)
               INSERT INTO letsbridge.change (turn, epoch, rows) SELECT turn, epoch, $4 FROM taken
               RETURNING epoch, turn";
    let rows = session.query(sql, &[&position.epoch, &position.turn, &node, &nothing]).await?;
    Ok(rows.first().map(|row| Position { epoch: row.get(0), turn: row.get(1) }))
}

/// Gives a sign of life; false if the reign is over.
pub(super) async fn beat(session: &Session, epoch: i64) -> Result<bool, PostgresError> {
    let pid = session.pid();
    Ok(session.query_one("SELECT letsbridge.beat($1, $2)", &[&epoch, &pid]).await?.get(0))
}

/// Ends the reign: the next node need not wait.
pub(super) async fn release(session: &Session, epoch: i64) -> Result<(), PostgresError> {
    let sql = "UPDATE letsbridge.leader SET released = true WHERE epoch = $1";
    session.query(sql, &[&epoch]).await?;
    unlock(session).await
}

/// How many turns stay for those who follow, and for how long.
const KEPT_TURNS: i64 = 10_000;
const KEPT_FOR: &str = "1 hour";

/// How many turns are forgotten at once.
const FORGOTTEN_AT_ONCE: i64 = 20_000;

/// Forgets changes that nobody needs any more: who is further behind copies everything.
pub(super) async fn forget_changes(session: &Session, last: i64) -> Result<(), PostgresError> {
    // The oldest ones are the first ones: no index says when they were.
    let sql = "DELETE FROM letsbridge.change c USING (
                   SELECT turn FROM letsbridge.change ORDER BY turn LIMIT $3) AS oldest
               WHERE c.turn = oldest.turn AND c.turn <= $1
                   AND c.at < clock_timestamp() - $2::text::interval";
    let before = last.saturating_sub(KEPT_TURNS);
    session.query(sql, &[&before, &KEPT_FOR, &FORGOTTEN_AT_ONCE]).await.map(drop)
}

/// Says that this node is there.
pub(super) async fn announce(
    session: &Session,
    config: &ClusterConfig,
    (started, turn): (Timestamp, i64),
) -> Result<(), PostgresError> {
    let sql = "INSERT INTO letsbridge.node (name, started, seen_at, version, turn)
               VALUES ($1, to_timestamp($2::bigint / 1000.0), clock_timestamp(), $3, $4)
               ON CONFLICT (name) DO UPDATE SET started = EXCLUDED.started, seen_at = EXCLUDED.seen_at,
                   version = EXCLUDED.version, turn = EXCLUDED.turn";
    let started = started.as_millisecond();
    session.query(sql, &[&config.node, &started, &config.program, &turn]).await.map(drop)
}

/// The nodes that have been seen, by name.
pub(super) async fn read_nodes(session: &Session) -> Result<Vec<SeenNode>, PostgresError> {
    let sql = "SELECT n.name, (extract(epoch FROM n.started) * 1000)::bigint,
                   (extract(epoch FROM n.seen_at) * 1000)::bigint,
                   (extract(epoch FROM clock_timestamp() - n.seen_at) * 1000)::bigint, n.version, n.turn,
                   l.node IS NOT DISTINCT FROM n.name AND NOT l.released
               FROM letsbridge.node n, letsbridge.leader l ORDER BY n.name";
    let time = |row: &Row, at| Timestamp::from_millisecond(row.get(at)).unwrap_or_default();
    let node = |row: &Row| SeenNode {
        name: row.get(0),
        started: time(row, 1),
        seen_at: time(row, 2),
        seen_ago: millis(row.get(3)),
        version: row.get(4),
        turn: row.get::<_, i64>(5).unsigned_abs(),
        active: row.get(6),
    };
    Ok(session.query(sql, &[]).await?.iter().map(node).collect())
}

impl NodeStatus {
    /// What PostgreSQL says of the active node.
    pub(super) fn set_leader(&mut self, leader: &LeaderRow, local: Position) {
        self.active_node.clone_from(&leader.node);
        self.active_since = leader.since;
        self.released = leader.released;
        self.turn = local.turn.max(0).unsigned_abs();
        self.behind = leader.position.turn.saturating_sub(local.turn.max(0)).max(0).unsigned_abs();
    }
}

fn millis(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.max(0).unsigned_abs())
}
