//! Which nick represents which Let's Chat user; nicks are never shared or reassigned.

use rusqlite::{OptionalExtension, params};

use super::columns::fold_nick;
use super::mutation::{Mutation, NickMutation};
use super::{Store, StoreError};
use crate::domain::{LetsChatUserId, Network};

impl Store {
    /// Reserves the first of `nicks` that no other user has on `network` for `user`. A nick reserved for them
    /// before is preferred, if it is among `nicks`. RELAYMSG nicks and puppet nicks are separate sets.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn reserve_nick(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        relaymsg: bool,
        nicks: impl Iterator<Item = String> + Clone,
    ) -> Result<Option<String>, StoreError> {
        let reserved: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT nick FROM puppet_nick WHERE network = ?1 AND user = ?2 AND relaymsg = ?3",
            )?
            .query_row(params![network.as_str(), user.0, relaymsg], |row| row.get(0))
            .optional()?;
        if let Some(reserved) = reserved
            && let Some(nick) = nicks.clone().find(|nick| fold_nick(nick) == reserved)
        {
            return Ok(Some(nick));
        }
        for nick in nicks {
            let holder: Option<String> = self
                .connection
                .prepare_cached("SELECT user FROM puppet_nick WHERE network = ?1 AND nick = ?2")?
                .query_row(params![network.as_str(), fold_nick(&nick)], |row| row.get(0))
                .optional()?;
            if holder.is_none() {
                let (network, user) = (network.clone(), user.clone());
                let reserved = fold_nick(&nick);
                let change = NickMutation::Reserve { network, user, relaymsg, nick: reserved };
                self.apply(Mutation::Nick(change))?;
                return Ok(Some(nick));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_nick_belongs_to_one_user() {
        let mut store = Store::in_memory().expect("a store in memory");
        let office = Network::new("office");
        let mut nick = |account: &str, nicks: &[&str]| {
            let nicks = nicks.iter().map(ToString::to_string);
            store
                .reserve_nick(&office, &LetsChatUserId(account.into()), false, nicks)
                .expect("works")
        };
        assert_eq!(nick("u1", &["a_b", "a_b2"]).as_deref(), Some("a_b"));
        assert_eq!(nick("u2", &["A_b", "a_b2"]).as_deref(), Some("a_b2"));
        assert_eq!(nick("u2", &["a_b", "a_b2"]).as_deref(), Some("a_b2"), "theirs before");
        assert_eq!(nick("u3", &["a_b", "a_b2"]), None);
        assert_eq!(nick("u1", &["ann", "ann2"]).as_deref(), Some("ann"), "of another template");
        assert_eq!(nick("u4", &["ann"]), None);
        let nicks = ["ann", "ann/lc"].iter().map(ToString::to_string);
        let lent = store.reserve_nick(&office, &LetsChatUserId("u4".into()), true, nicks);
        assert_eq!(lent.expect("works").as_deref(), Some("ann/lc"), "one that the server lends");
    }
}
