//! Changes to the services accounts with which puppets log in.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::Transaction;
use crate::domain::{LetsChatUserId, Network};

/// One change to the logins of puppets.
#[derive(Debug)]
pub(in crate::store) enum PuppetLoginMutation {
    Put { row: PuppetLoginRow, now: Timestamp },
    Remove { network: Network, user: LetsChatUserId },
}

/// A login as it is written: its secrets are encrypted.
#[derive(Debug)]
pub(in crate::store) struct PuppetLoginRow {
    pub(in crate::store) network: Network,
    pub(in crate::store) user: LetsChatUserId,
    pub(in crate::store) username: String,
    pub(in crate::store) account: Option<String>,
    pub(in crate::store) state: i64,
    pub(in crate::store) password: Option<Vec<u8>>,
    pub(in crate::store) certificate: Option<Vec<u8>>,
}

impl PuppetLoginMutation {
    /// Executes the change in the open transaction.
    pub(super) fn execute(&self, db: Transaction<'_>) -> Result<()> {
        match self {
            Self::Put { row, now } => put(db, row, *now),
            Self::Remove { network, user } => remove(db, network, user),
        }
    }
}

/// Adds or replaces the login of a user on a network.
fn put(db: Transaction<'_>, row: &PuppetLoginRow, now: Timestamp) -> Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO puppet_login
             (network, user, username, account, state, password, certificate, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            row.network.as_str(),
            row.user.0,
            row.username,
            row.account,
            row.state,
            row.password,
            row.certificate,
            now.as_millisecond(),
        ],
    )
}

/// Forgets the login of a user on a network.
fn remove(db: Transaction<'_>, network: &Network, user: &LetsChatUserId) -> Result<()> {
    db.execute(
        "DELETE FROM puppet_login WHERE network = ?1 AND user = ?2",
        params![network.as_str(), user.0],
    )
}
