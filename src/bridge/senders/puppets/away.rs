//! Whether the users of puppets are away.

use jiff::{SignedDuration, Timestamp};

use super::Puppets;
use crate::domain::LetsChatUserId;

/// How long a user must be gone; a reloaded page returns at once.
const AWAY_DELAY: SignedDuration = SignedDuration::from_mins(2);

impl Puppets {
    /// The user is present. Returns whether their puppet must be updated.
    pub(in crate::bridge) fn mark_present(&mut self, account: &LetsChatUserId) -> bool {
        let Some(puppet) = self.by_user.get_mut(account) else { return false };
        puppet.maybe_away_since = None;
        std::mem::take(&mut puppet.away)
    }

    /// Users who were last seen long enough ago to be away.
    pub(in crate::bridge) fn due_away_checks(&self, now: Timestamp) -> Vec<LetsChatUserId> {
        let long = |since: Timestamp| now.duration_since(since) >= AWAY_DELAY;
        let due = self.by_user.iter().filter(|(_, it)| it.maybe_away_since.is_some_and(long));
        due.map(|(account, _)| account.clone()).collect()
    }

    /// Sets the away status. Returns whether the puppet must be updated.
    pub(in crate::bridge) fn set_away(&mut self, account: &LetsChatUserId, away: bool) -> bool {
        let Some(puppet) = self.by_user.get_mut(account) else { return false };
        puppet.maybe_away_since = None;
        let shows = away && !puppet.away && !puppet.nicks.is_empty();
        puppet.away |= shows;
        shows
    }

    /// Another process has set the puppet away.
    pub(in crate::bridge) fn restore_away(&mut self, account: &LetsChatUserId) {
        self.set_away(account, true);
    }

    /// The user posts, so they are present; they may leave soon without notice. Returns whether their puppet
    /// must be updated.
    pub(in crate::bridge) fn on_user_spoke(
        &mut self,
        account: &LetsChatUserId,
        now: Timestamp,
    ) -> bool {
        let is_back = self.mark_present(account);
        if let Some(puppet) = self.by_user.get_mut(account) {
            puppet.maybe_away_since = Some(now);
        }
        is_back
    }

    /// The user has left a room; `None` if all users may have.
    pub(in crate::bridge) fn start_away_delay(
        &mut self,
        account: Option<&LetsChatUserId>,
        now: Timestamp,
    ) {
        for (user, puppet) in &mut self.by_user {
            if account.is_none_or(|account| user == account) {
                puppet.maybe_away_since = Some(now);
            }
        }
    }
}
