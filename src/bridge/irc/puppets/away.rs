//! Whose puppet is away: its person has left every room in which the bridge saw them.
//!
//! ```text
//!        has left the last room, and said nothing, for so long
//!   here ──────────────────────────────────────────────────────▶ away
//!     ▲                                                            │
//!     └────────────── comes into a room, or speaks ────────────────┘
//! ```
//!
//! Whoever speaks without having been in a room, as programs do, is not said to be away.

use jiff::{SignedDuration, Timestamp};

use super::Puppets;
use crate::bridge::{Bridge, Command, Ctx, PuppetCommand};
use crate::domain::{LetsChatUserId, Network};
use crate::protocol::irc;

/// How long somebody must be gone: a page that is loaded anew is back at once.
const AWAY_DELAY: SignedDuration = SignedDuration::from_mins(2);

/// What people are told of whoever is away.
const AWAY_MESSAGE: &str = "not in any Let's Chat room";

impl Puppets {
    /// `account` is there. Says whether their puppet is to show it.
    fn mark_present(&mut self, account: &LetsChatUserId) -> bool {
        let Some(puppet) = self.by_user.get_mut(account) else { return false };
        puppet.maybe_away_since = None;
        std::mem::take(&mut puppet.away)
    }

    /// Who was last heard of so long ago that they may be away.
    fn due_away_checks(&self, now: Timestamp) -> Vec<LetsChatUserId> {
        let long = |since: Timestamp| now.duration_since(since) >= AWAY_DELAY;
        let due = self.by_user.iter().filter(|(_, it)| it.maybe_away_since.is_some_and(long));
        due.map(|(account, _)| account.clone()).collect()
    }

    /// They are, or not. Says whether their puppet is to show it.
    fn set_away(&mut self, account: &LetsChatUserId, away: bool) -> bool {
        let Some(puppet) = self.by_user.get_mut(account) else { return false };
        puppet.maybe_away_since = None;
        let shows = away && !puppet.away && !puppet.nicks.is_empty();
        puppet.away |= shows;
        shows
    }
}

impl Bridge {
    /// `account` has come into a room.
    pub(in crate::bridge) fn on_user_present(
        &mut self,
        account: &LetsChatUserId,
        turn: &mut Ctx<'_>,
    ) {
        for (network, puppets) in self.senders.all_puppets_mut() {
            if puppets.mark_present(account) {
                turn.commands.push(away_command(network, account, None));
            }
        }
    }

    /// `account` speaks on `network`: they are there, and may be gone a while later.
    pub(in crate::bridge) fn on_user_spoke(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        turn: &mut Ctx<'_>,
    ) {
        let puppets = self.senders.puppets_mut(network);
        if puppets.mark_present(account) {
            turn.commands.push(away_command(network, account, None));
        }
        if let Some(puppet) = puppets.by_user.get_mut(account) {
            puppet.maybe_away_since = Some(turn.now);
        }
    }

    /// `account` has left a room; everybody may have, where it is `None`.
    pub(in crate::bridge) fn start_away_delay(
        &mut self,
        account: Option<&LetsChatUserId>,
        now: Timestamp,
    ) {
        for (_, puppets) in self.senders.all_puppets_mut() {
            let people = puppets.by_user.iter_mut();
            let meant = people.filter(|(whose, _)| account.is_none_or(|account| *whose == account));
            meant.for_each(|(_, puppet)| puppet.maybe_away_since = Some(now));
        }
    }

    /// Shows who has been gone for long enough. Without Let's Chat nobody knows.
    pub(in crate::bridge) fn show_away(&mut self, turn: &mut Ctx<'_>) {
        if !self
            .endpoints
            .values()
            .any(|spot| spot.endpoint.network().is_none() && spot.queue.is_open())
        {
            return;
        }
        let Self { senders: voices, endpoints: spots, .. } = self;
        for (network, puppets) in voices.all_puppets_mut().filter(|(_, it)| it.show_away) {
            for account in puppets.due_away_checks(turn.now) {
                let mut left = false;
                let here = spots.values().any(|spot| {
                    let present = spot.room_members.is_present(&account.0);
                    left |= present == Some(false);
                    present == Some(true)
                });
                if puppets.set_away(&account, left && !here) {
                    turn.commands.push(away_command(
                        network,
                        &account,
                        Some(AWAY_MESSAGE.to_owned()),
                    ));
                }
            }
        }
    }
}

fn away_command(network: &Network, account: &LetsChatUserId, why: Option<String>) -> Command {
    let order = PuppetCommand::Send(account.clone(), irc::IrcCommand::SetAway(why));
    Command::Puppets(network.clone(), order)
}
