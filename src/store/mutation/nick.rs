//! Changes to the nicks that our connections had, and to those reserved for puppets.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::{NickOwner, Transaction};
use crate::domain::{LetsChatUserId, Network};

/// A change of the nicks that our connections had, or of those reserved for puppets.
#[derive(Debug)]
pub(in crate::store) enum NickMutation {
    /// A period of a nick begins; periods that ended before `prune_before` are forgotten.
    Start { owner: NickOwner, nick: String, now: Timestamp, prune_before: Timestamp },
    /// The last period of the owner lasts until now.
    Extend { owner: NickOwner, now: Timestamp },
    /// A nick is reserved for the puppet of a user, or for their messages sent with RELAYMSG.
    Reserve { network: Network, user: LetsChatUserId, relaymsg: bool, nick: String },
}

impl NickMutation {
    pub(super) fn execute(&self, db: Transaction<'_>) -> Result<()> {
        match self {
            Self::Start { owner, nick, now, prune_before } => {
                start(db, owner, nick, *now, *prune_before)
            }
            Self::Extend { owner, now } => extend(db, owner, *now),
            Self::Reserve { network, user, relaymsg, nick } => {
                reserve(db, network, user, *relaymsg, nick)
            }
        }
    }
}

/// Begins a period of `nick`, and forgets periods that ended before `prune_before`.
fn start(
    db: Transaction<'_>,
    owner: &NickOwner,
    nick: &str,
    now: Timestamp,
    prune_before: Timestamp,
) -> Result<()> {
    db.execute(
        "DELETE FROM nick_history WHERE network = ?1 AND until < ?2",
        params![owner.network.as_str(), prune_before.as_millisecond()],
    )?;
    db.execute(
        "INSERT INTO nick_history (network, nick, since, until, user) VALUES (?1, ?2, ?3, ?3, ?4)",
        params![owner.network.as_str(), nick, now.as_millisecond(), user_id(owner)],
    )
}

/// Extends the last period of the owner to `now`.
fn extend(db: Transaction<'_>, owner: &NickOwner, now: Timestamp) -> Result<()> {
    db.execute(
        "UPDATE nick_history SET until = MAX(until, ?2)
         WHERE id = (SELECT id FROM nick_history WHERE network = ?1 AND user IS ?3
                     ORDER BY since DESC, id DESC LIMIT 1)",
        params![owner.network.as_str(), now.as_millisecond(), user_id(owner)],
    )
}

/// Reserves `nick` for the puppet of `user`, or for their messages sent with RELAYMSG.
fn reserve(
    db: Transaction<'_>,
    network: &Network,
    user: &LetsChatUserId,
    relaymsg: bool,
    nick: &str,
) -> Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO puppet_nick (network, user, relaymsg, nick)
         VALUES (?1, ?2, ?3, ?4)",
        params![network.as_str(), user.0, relaymsg, nick],
    )
}

fn user_id(owner: &NickOwner) -> Option<&str> {
    owner.user.as_ref().map(|user| user.0.as_ref())
}
