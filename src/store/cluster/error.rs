//! Why PostgreSQL cannot be used, and what to do about it.

use std::path::PathBuf;

use thiserror::Error;
use tokio_postgres::error::SqlState;

/// Why PostgreSQL cannot be used as the store.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// The URL is none that can be used.
    #[error("`[store] url`: {0}")]
    Url(String),
    /// The server does not let us in.
    #[error(
        "PostgreSQL at {server} refuses the login: {reason}; check user, password and database in `[store] url`, and pg_hba.conf"
    )]
    Login {
        /// The server, as the URL names it.
        server: String,
        /// What it says.
        reason: String,
    },
    /// TLS is missing, or the certificate is not the right one.
    #[error(
        "PostgreSQL at {server} has not the TLS that `sslmode` demands: {reason}; check `sslmode` and `sslrootcert` in \
         `[store] url`, and the certificate of the server"
    )]
    Tls {
        /// The server, as the URL names it.
        server: String,
        /// What is wrong.
        reason: String,
    },
    /// The user has not the rights that it needs.
    #[error(
        "PostgreSQL at {server} does not allow what letsbridge needs: {reason}; let an administrator of the database run \
         `GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {database} TO {user}`, or `ALTER SCHEMA letsbridge OWNER TO {user}` if \
         the schema is there already"
    )]
    Rights {
        /// The server, as the URL names it.
        server: String,
        /// The database.
        database: String,
        /// Our user there.
        user: String,
        /// What it says.
        reason: String,
    },
    /// A newer letsbridge wrote what is there.
    #[error(
        "the store in PostgreSQL at {server} has schema version {found}, newer than the supported {known}: upgrade letsbridge on \
         this node"
    )]
    TooNew {
        /// The server.
        server: String,
        /// Its version.
        found: i64,
        /// This program's version.
        known: u32,
    },
    /// What is there is not what letsbridge makes.
    #[error(
        "the schema `letsbridge` in PostgreSQL at {server} is not as letsbridge makes it ({reason}): use another database, or \
         restore it from a backup of PostgreSQL"
    )]
    Unknown {
        /// The server.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not take writes.
    #[error(
        "PostgreSQL at {server} takes no writes ({reason}): name the primary server in `[store] url`; with several hosts, add \
         `target_session_attrs=read-write` to it"
    )]
    ReadOnly {
        /// The server.
        server: String,
        /// How it says so.
        reason: &'static str,
    },
    /// Between us and the server stands something that shares its connections.
    #[error(
        "between letsbridge and PostgreSQL at {server} stands a connection pooler that changes the connection under it: connect \
         to the server itself, or use the pooler in session mode (PgBouncer: `pool_mode = session`)"
    )]
    Pooler {
        /// The server.
        server: String,
    },
    /// The server is too old.
    #[error("PostgreSQL at {server} has version {found}: letsbridge needs 14 or newer")]
    TooOld {
        /// The server.
        server: String,
        /// Its version.
        found: String,
    },
    /// The store was moved out of PostgreSQL.
    #[error(
        "the store in PostgreSQL at {server} was copied to SQLite on {node} and is not used any more: run letsbridge there \
         without `[store] url`, or copy it to PostgreSQL again (`letsbridge store copy --to postgresql`)"
    )]
    MovedAway {
        /// The server.
        server: String,
        /// The node where it is now.
        node: String,
    },
    /// Another program is the node of this name.
    #[error(
        "a node named {node} is connected to PostgreSQL at {server} already: give each node a name of its own (`[store] node`), \
         and run one bridge on a machine"
    )]
    NameTaken {
        /// The server.
        server: String,
        /// The name.
        node: String,
    },
    /// The target of a copy has something already.
    #[error("{place} holds a store already: {advice}")]
    Occupied {
        /// What is occupied.
        place: String,
        /// What to do.
        advice: &'static str,
    },
    /// The source of a copy has nothing.
    #[error("{place} holds no store that could be copied")]
    Empty {
        /// What is empty.
        place: String,
    },
    /// A node is active.
    #[error("the node {node} is active: stop letsbridge on all nodes first")]
    InUse {
        /// Its name.
        node: String,
    },
    /// A copy is not like what was copied.
    #[error("the copy of the table {table} is not like the original; nothing was changed")]
    Unlike {
        /// The table.
        table: String,
    },
    /// The store in the state directory is not that of a node.
    #[error(
        "{path} holds the store of a bridge that runs alone, and `[store] url` is set: copy it to PostgreSQL first \
         (`letsbridge store copy --to postgresql`), or move it away if the store in PostgreSQL is the one to go on with"
    )]
    NotACopy {
        /// The database file.
        path: PathBuf,
    },
    /// The server is not reached, or does not answer.
    #[error("PostgreSQL at {server} cannot be reached: {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server refuses the turn: it does not follow the last one. Whether another node has taken over is found out next.
    #[error("PostgreSQL at {server} refuses the turn: another one was the last")]
    Refused {
        /// The server.
        server: String,
    },
    /// The server refuses a statement.
    #[error("PostgreSQL at {server}: {reason}")]
    Statement {
        /// The server.
        server: String,
        /// What it says.
        reason: String,
        /// Whether it may take the statement later.
        transient: bool,
    },
}

impl PostgresError {
    /// Whether retrying can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::ReadOnly { .. } | Self::Refused { .. } => true,
            Self::Statement { transient, .. } => *transient,
            _ => false,
        }
    }

    /// Whether a restart cannot help and an operator must act.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::ReadOnly { .. }) || !self.is_transient()
    }
}

/// Whether a statement that failed with this may succeed later.
pub(super) fn is_passing(code: &SqlState) -> bool {
    // Connection, transaction rollback, resources, intervention, system: see appendix A of PostgreSQL's manual.
    let classes = ["08", "40", "53", "57", "58"];
    classes.contains(&code.code().get(..2).unwrap_or_default())
        || [SqlState::LOCK_NOT_AVAILABLE, SqlState::READ_ONLY_SQL_TRANSACTION].contains(code)
}
