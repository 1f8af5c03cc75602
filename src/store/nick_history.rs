//! The nicks that we had on each network, and when: a line by one of them is our own.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::mutation::{Mutation, NickOwner};
use super::{Store, StoreError};
use crate::domain::{Casemapping, LetsChatUserId, Network};

/// How far the network's clock may be from ours.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// How much later than its last sign of life a connection may still have been there.
const LAST_SEEN_GRACE: SignedDuration = SignedDuration::from_mins(3);

/// Nicks that we had longer ago than this are in no history that we would ask for.
const NICK_RETENTION: SignedDuration = SignedDuration::from_hours(24 * 90);

impl Store {
    /// Notes that from `now` on we go by `nick` on `network`, or the connection does that somebody of
    /// Let's Chat has there.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn start_nick(
        &mut self,
        network: &Network,
        account: Option<&LetsChatUserId>,
        nick: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owner = NickOwner { network: network.clone(), user: account.cloned() };
        self.apply(Mutation::StartNick {
            owner,
            nick: fold_nick(nick),
            now,
            prune_before: now - NICK_RETENTION,
        })
    }

    /// Notes that at `now` the last nick that we, or they, had on `network` is still so.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn extend_nick(
        &mut self,
        network: &Network,
        account: Option<&LetsChatUserId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owner = NickOwner { network: network.clone(), user: account.cloned() };
        self.apply(Mutation::ExtendNick { owner, now })
    }

    /// Whether we, or a connection of somebody of Let's Chat, went by `nick` on `network` at `time`.
    ///
    /// # Errors
    /// When the disk does not do its part.
    pub fn owned_nick(
        &self,
        network: &Network,
        nick: &str,
        time: Timestamp,
    ) -> Result<bool, StoreError> {
        let (since, until) = (time + MAX_CLOCK_SKEW, time - MAX_CLOCK_SKEW - LAST_SEEN_GRACE);
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM nick
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

fn fold_nick(nick: &str) -> String {
    Casemapping::default().fold(nick)
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
