//! A connection to PostgreSQL, with the settings that make it end soon after its node has stopped.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ClusterConfig;
use super::error::{PostgresError, is_passing};
use super::url::ClusterUrl;

/// How long PostgreSQL may take for an answer. After that, the connection is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// What `letsbridge.refuse` says: it is not this node's turn.
pub(super) const REFUSED: &str = "LB001";

/// How many statements stay prepared. Turns that change other tables than usual have statements of their own.
const PREPARED: usize = 500;

/// What a session of a node is set to. A node that is stopped or cut off loses its connection, and with it the lock, within
/// three seconds. Rows are found by
/// their keys, whatever the server thinks of tables that have just been made.
const SETTINGS: &str = "
    SET idle_session_timeout = '3s';
    SET idle_in_transaction_session_timeout = '3s';
    SET statement_timeout = '10s';
    SET tcp_keepalives_idle = 1;
    SET tcp_keepalives_interval = 1;
    SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = '3s';
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET plan_cache_mode = force_generic_plan;
    SET jit = off;
    SET client_min_messages = warning;
";

/// How a session of the active node commits: at least to the disk, and further if the server's own setting says so.
const DURABLE: &str = "
    RESET synchronous_commit;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');
";

/// The settings for one long reading of everything, or writing.
const SETTINGS_OF_A_COPY: &str = "
    SET idle_session_timeout = 0;
    SET idle_in_transaction_session_timeout = '60s';
    SET statement_timeout = 0;
    SET tcp_user_timeout = '60s';
    SET enable_seqscan = on;
";

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    server: ServerNames,
    /// The one host that it is connected to.
    host: tokio_postgres::Config,
    /// The number of the server's process that serves it.
    pid: i32,
    version: String,
    prepared: RefCell<HashMap<String, Statement>>,
    connection: JoinHandle<()>,
}

/// How the server is named in errors.
#[derive(Debug, Clone)]
pub(super) struct ServerNames {
    server: String,
    database: String,
    user: String,
}

/// What a server says of itself.
#[derive(Debug, Clone)]
struct ServerFacts {
    /// 150018 for 15.18.
    version_number: i32,
    version: String,
    in_recovery: bool,
    read_only: bool,
    pid: i32,
}

impl Session {
    /// Connects, and checks that the server can be used.
    ///
    /// # Errors
    /// When it cannot be reached, or does not let us in, or cannot be used.
    pub(super) async fn open(config: &ClusterConfig) -> Result<Self, PostgresError> {
        let mut session = Self::connect(config).await?;
        let facts = session.facts().await?;
        check(&facts, &session.server.server)?;
        session.pid = facts.pid;
        session.version = facts.version;
        session.batch(SETTINGS).await?;
        session.batch(DURABLE).await?;
        Ok(session)
    }

    /// What this session commits may get lost if the server crashes, and waits for no other one; or not any more.
    pub(super) async fn set_durable(&self, durable: bool) -> Result<(), PostgresError> {
        self.batch(if durable { DURABLE } else { "SET synchronous_commit = off" }).await
    }

    /// Like [`Self::open`], for a long reading or writing.
    pub(super) async fn open_for_copy(config: &ClusterConfig) -> Result<Self, PostgresError> {
        let session = Self::open(config).await?;
        session.batch(SETTINGS_OF_A_COPY).await?;
        Ok(session)
    }

    /// Connects to the first host that lets us in. One that takes the connection and says nothing is given up like one that
    /// takes none: another host may have become the primary server because of that.
    async fn connect(config: &ClusterConfig) -> Result<Self, PostgresError> {
        let mut error = None;
        for host in config.url.hosts() {
            match Self::connect_to(host, config).await {
                Ok(session) => return Ok(session),
                Err(failure) => error = Some(failure),
            }
        }
        Err(error.unwrap_or_else(|| ServerNames::of(&config.url).silent()))
    }

    /// Connects to the one host of these settings.
    async fn connect_to(
        host: tokio_postgres::Config,
        config: &ClusterConfig,
    ) -> Result<Self, PostgresError> {
        let server = ServerNames::of(&config.url);
        let connected = async {
            Ok(match &config.tls {
                None => {
                    let (client, connection) = host.connect(NoTls).await?;
                    // What ends it is seen by who asks it something.
                    (client, tokio::spawn(async move { drop(connection.await) }))
                }
                Some(tls) => {
                    let tls = MakeRustlsConnect::new(rustls::ClientConfig::clone(tls));
                    let (client, connection) = host.connect(tls).await?;
                    (client, tokio::spawn(async move { drop(connection.await) }))
                }
            })
        };
        let (client, connection) = match timeout(ANSWER_TIMEOUT, connected).await {
            Ok(connected) => connected.map_err(|error| server.error(&error))?,
            Err(_) => return Err(server.silent()),
        };
        let (pid, version, prepared) = Default::default();
        Ok(Self { client, server, host, pid, version, prepared, connection })
    }

    /// Asks for what a server says of itself, in one round trip and without a prepared statement.
    async fn facts(&self) -> Result<ServerFacts, PostgresError> {
        let sql = "SELECT current_setting('server_version_num'), current_setting('server_version'),
                       pg_is_in_recovery(), current_setting('transaction_read_only'), pg_backend_pid()";
        let answers = self.answer(self.client.simple_query(sql)).await?;
        let row = answers.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let text = |at| row.and_then(|row| row.get(at)).unwrap_or_default();
        Ok(ServerFacts {
            version_number: text(0).parse().unwrap_or_default(),
            version: text(1).to_owned(),
            in_recovery: text(2) == "t",
            read_only: text(3) == "on",
            pid: text(4).parse().unwrap_or_default(),
        })
    }

    /// Whether something between us and the server changes the server's process under a connection. Another connection
    /// that is in a transaction would get the process of this one, which is idle.
    pub(super) async fn check_pooler(&self, config: &ClusterConfig) -> Result<(), PostgresError> {
        // The same host: to try one before it that is gone would take longer than this session may be idle.
        let other = Self::connect_to(self.host.clone(), config).await?;
        other.batch("BEGIN").await?;
        let others = other.facts().await?.pid;
        let ours = self.facts().await?.pid;
        other.batch("COMMIT").await?;
        other.close().await;
        if others == self.pid || ours != self.pid {
            return Err(PostgresError::Pooler { server: self.server.server.clone() });
        }
        Ok(())
    }

    /// The number of the server's process.
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// How the server is named.
    pub(super) fn server(&self) -> &str {
        &self.server.server
    }

    /// The version that the server says it has.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The error that our user has not the rights that it needs.
    pub(super) fn lacks(&self, reason: String) -> PostgresError {
        self.server.lacks(reason)
    }

    /// Executes statements without parameters.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), PostgresError> {
        self.answer(self.client.batch_execute(sql)).await
    }

    /// Executes a statement, which is prepared once, and returns its rows.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, PostgresError> {
        let statement = self.prepare(sql).await?;
        self.answer(self.client.query(&statement, parameters)).await
    }

    /// Executes a statement that returns one row.
    pub(super) async fn query_one(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, PostgresError> {
        let statement = self.prepare(sql).await?;
        self.answer(self.client.query_one(&statement, parameters)).await
    }

    /// Prepares a statement, once.
    pub(super) async fn prepare(&self, sql: &str) -> Result<Statement, PostgresError> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.answer(self.client.prepare(sql)).await?;
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= PREPARED {
            prepared.clear();
        }
        prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The statements' own interface, for what is sent without waiting for answers.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for an answer, but not for ever.
    pub(super) async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, PostgresError> {
        match timeout(ANSWER_TIMEOUT, answer).await {
            Ok(answer) => answer.map_err(|error| self.server.error(&error)),
            Err(_) => Err(self.server.silent()),
        }
    }

    /// How errors of this connection are told.
    pub(super) fn error(&self, error: &tokio_postgres::Error) -> PostgresError {
        self.server.error(error)
    }

    /// Ends the connection properly.
    pub(super) async fn close(self) {
        drop(self.client);
        let _ = timeout(GOODBYE, self.connection).await;
    }
}

impl ServerNames {
    pub(super) fn of(url: &ClusterUrl) -> Self {
        Self {
            server: url.server(),
            database: url.database().to_owned(),
            user: url.user().to_owned(),
        }
    }

    fn lacks(&self, reason: String) -> PostgresError {
        let Self { server, database, user } = self.clone();
        PostgresError::Rights { server, database, user, reason }
    }

    /// The error that the server has not answered in time.
    fn silent(&self) -> PostgresError {
        let reason = format!("no answer for {} s", ANSWER_TIMEOUT.as_secs());
        PostgresError::Unreachable { server: self.server.clone(), reason }
    }

    /// The error with what can be done about it.
    fn error(&self, error: &tokio_postgres::Error) -> PostgresError {
        let server = self.server.clone();
        let Some(refusal) = error.as_db_error() else {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            let reason = format!("{error}{cause}");
            if is_refused_tls(error) {
                return PostgresError::Tls { server, reason };
            }
            // Its kinds have no names but these words: a password is missing, or a way to log in is not known.
            let is_login = ["invalid configuration", "authentication error"]
                .iter()
                .any(|words| reason.starts_with(words));
            return match is_login {
                true => PostgresError::Login { server, reason },
                false => PostgresError::Unreachable { server, reason },
            };
        };
        let code = refusal.code();
        let reason = refusal.message().to_owned();
        let logins = [
            SqlState::INVALID_PASSWORD,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            SqlState::INVALID_CATALOG_NAME,
        ];
        if logins.contains(code) {
            return PostgresError::Login { server, reason };
        }
        if *code == SqlState::INSUFFICIENT_PRIVILEGE {
            return self.lacks(reason);
        }
        if code.code() == REFUSED {
            return PostgresError::Refused { server };
        }
        let reason = format!("{reason} ({})", code.code());
        PostgresError::Statement { server, reason, transient: is_passing(code) }
    }
}

/// Whether there is no TLS, or it is not trusted. Not whether the connection has ended meanwhile.
fn is_refused_tls(error: &tokio_postgres::Error) -> bool {
    let Some(cause) = error.source() else { return false };
    let within = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    within.is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
        // It has no name but these words.
        || cause.to_string() == "server does not support TLS"
}

/// The oldest version with `idle_session_timeout`.
const OLDEST: i32 = 140_000;

fn check(facts: &ServerFacts, server: &str) -> Result<(), PostgresError> {
    let server = server.to_owned();
    if facts.version_number < OLDEST {
        return Err(PostgresError::TooOld { server, found: facts.version.clone() });
    }
    if facts.in_recovery {
        return Err(PostgresError::ReadOnly { server, reason: "it is a standby" });
    }
    if facts.read_only {
        let reason = "`default_transaction_read_only` is on";
        return Err(PostgresError::ReadOnly { server, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_cannot_be_used_are_refused_with_words() {
        let facts = |version_number, in_recovery, read_only| ServerFacts {
            version_number,
            version: "11.22 (Debian)".to_owned(),
            in_recovery,
            read_only,
            pid: 1,
        };
        check(&facts(140_000, false, false), "db").expect("can be used");
        for (facts, words) in [
            (facts(110_022, false, false), "has version 11.22 (Debian): letsbridge needs 14"),
            (facts(150_018, true, true), "it is a standby"),
            (facts(150_018, false, true), "default_transaction_read_only"),
        ] {
            let error = check(&facts, "db").expect_err("cannot be used");
            assert!(error.is_lasting(), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
