//! The nicks the bridge and its puppets have had on each network, used to recognise their own lines.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::columns::fold_nick;
use super::mutation::{Mutation, NickMutation, NickOwner};
use super::{Store, StoreError};
use crate::domain::{LetsChatUserId, Network};

/// How far the server's clock may differ from ours.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// How long after it was last seen a connection may still have existed.
const LAST_SEEN_GRACE: SignedDuration = SignedDuration::from_mins(3);

/// Older nicks appear in no history that the bridge requests.
const NICK_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 90);

impl Store {
    /// Records that the bot, or a puppet, has `nick` on `network` from `now` on.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn start_nick(
        &mut self,
        network: &Network,
        account: Option<&LetsChatUserId>,
        nick: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owner = NickOwner { network: network.clone(), user: account.cloned() };
        self.apply(Mutation::Nick(NickMutation::Start {
            owner,
            nick: fold_nick(nick),
            now,
            prune_before: now - NICK_RETENTION,
        }))
    }

    /// Records that the current nick of the bot or puppet on `network` is still in use at `now`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn extend_nick(
        &mut self,
        network: &Network,
        account: Option<&LetsChatUserId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owner = NickOwner { network: network.clone(), user: account.cloned() };
        self.apply(Mutation::Nick(NickMutation::Extend { owner, now }))
    }

    /// Whether the bot or a puppet had `nick` on `network` at `time`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn owned_nick(
        &self,
        network: &Network,
        nick: &str,
        time: Timestamp,
    ) -> Result<bool, StoreError> {
        let since = time + MAX_CLOCK_SKEW;
        let until = time - MAX_CLOCK_SKEW - LAST_SEEN_GRACE;
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM nick_history
                     WHERE network = ?1 AND nick = ?2 AND since <= ?3 AND until >= ?4)",
            )?
            .query_row(
                params![
                    network.as_str(),
                    fold_nick(nick),
                    since.as_millisecond(),
                    until.as_millisecond()
                ],
                |row| row.get(0),
            )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nick_is_owned_only_during_its_period() {
        let mut store = Store::in_memory().expect("a store in memory");
        let (office, home) = (Network::new("office"), Network::new("home"));
        let at = |minute| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        store.start_nick(&office, None, "Bridge", at(100)).expect("works");
        store.extend_nick(&office, None, at(200)).expect("works");
        store.start_nick(&office, None, "bridge_", at(300)).expect("works");
        let ann = LetsChatUserId("u1".into());
        store.start_nick(&office, Some(&ann), "ann|lc", at(310)).expect("works");
        store.extend_nick(&office, None, at(400)).expect("works");
        for (network, nick, minute, ours) in [
            (&office, "bridge", 150, true),
            (&office, "bridge", 203, true),
            (&office, "bridge", 90, false),
            (&office, "bridge", 250, false),
            (&office, "bridge_", 150, false),
            (&office, "bridge_", 350, true),
            (&office, "ANN|lc", 311, true),
            (&office, "ann|lc", 350, false),
            (&home, "bridge", 150, false),
        ] {
            let had = store.owned_nick(network, nick, at(minute)).expect("works");
            assert_eq!(had, ours, "{network} {nick} {minute}");
        }
    }
}
