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
use crate::bridge::{Bridge, Order, PuppetOrder, Turn};
use crate::domain::{LetsChatUserId, Network};
use crate::protocol::irc;

/// How long somebody must be gone: a page that is loaded anew is back at once.
const GONE: SignedDuration = SignedDuration::from_mins(2);

/// What people are told of whoever is away.
const AWAY: &str = "not in Let's Chat at the moment";

impl Puppets {
    /// `account` is there. Says whether their puppet is to show it.
    fn returns(&mut self, account: &LetsChatUserId) -> bool {
        let Some(puppet) = self.people.get_mut(account) else { return false };
        puppet.perhaps_away = None;
        std::mem::take(&mut puppet.away)
    }

    /// Who was last heard of so long ago that they may be away.
    fn perhaps_away(&self, now: Timestamp) -> Vec<LetsChatUserId> {
        let long = |since: Timestamp| now.duration_since(since) >= GONE;
        let due = self.people.iter().filter(|(_, it)| it.perhaps_away.is_some_and(long));
        due.map(|(account, _)| account.clone()).collect()
    }

    /// They are, or not. Says whether their puppet is to show it.
    fn decide(&mut self, account: &LetsChatUserId, away: bool) -> bool {
        let Some(puppet) = self.people.get_mut(account) else { return false };
        puppet.perhaps_away = None;
        let shows = away && !puppet.away && !puppet.nicks.is_empty();
        puppet.away |= shows;
        shows
    }
}

impl Bridge {
    /// `account` has come into a room.
    pub(in crate::bridge) fn is_here(&mut self, account: &LetsChatUserId, turn: &mut Turn<'_>) {
        for (network, puppets) in self.voices.all_puppets() {
            if puppets.returns(account) {
                turn.orders.push(tell(network, account, None));
            }
        }
    }

    /// `account` speaks on `network`: they are there, and may be gone a while later.
    pub(in crate::bridge) fn is_speaking(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        turn: &mut Turn<'_>,
    ) {
        let puppets = self.voices.puppets(network);
        if puppets.returns(account) {
            turn.orders.push(tell(network, account, None));
        }
        if let Some(puppet) = puppets.people.get_mut(account) {
            puppet.perhaps_away = Some(turn.now);
        }
    }

    /// `account` has left a room; everybody may have, where it is `None`.
    pub(in crate::bridge) fn may_be_away(
        &mut self,
        account: Option<&LetsChatUserId>,
        now: Timestamp,
    ) {
        for (_, puppets) in self.voices.all_puppets() {
            let people = puppets.people.iter_mut();
            let meant = people.filter(|(whose, _)| account.is_none_or(|account| *whose == account));
            meant.for_each(|(_, puppet)| puppet.perhaps_away = Some(now));
        }
    }

    /// Shows who has been gone for long enough. Without Let's Chat nobody knows.
    pub(in crate::bridge) fn tell_away(&mut self, turn: &mut Turn<'_>) {
        if !self.spots.values().any(|spot| spot.place.network().is_none() && spot.lane.is_open()) {
            return;
        }
        let Self { voices, spots, .. } = self;
        for (network, puppets) in voices.all_puppets().filter(|(_, it)| it.shows_away) {
            for account in puppets.perhaps_away(turn.now) {
                let mut left = false;
                let here = spots.values().any(|spot| {
                    let present = spot.guests.is_present(&account.0);
                    left |= present == Some(false);
                    present == Some(true)
                });
                if puppets.decide(&account, left && !here) {
                    turn.orders.push(tell(network, &account, Some(AWAY.to_owned())));
                }
            }
        }
    }
}

fn tell(network: &Network, account: &LetsChatUserId, why: Option<String>) -> Order {
    let order = PuppetOrder::Tell(account.clone(), irc::IrcCommand::SetAway(why));
    Order::Puppets(network.clone(), order)
}
