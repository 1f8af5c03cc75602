//! Sets puppets away when their users have left all rooms.
//!
//! ```text
//!         has left the last room, and not spoken, for a while
//!   here ─────────────────────────────────────────────────────▶ away
//!     ▲                                                          │
//!     └───────────────── joins a room, or speaks ────────────────┘
//! ```
//!
//! Users who post without ever being in a room, such as bots, are not set away.

use jiff::{SignedDuration, Timestamp};

use super::Puppets;
use crate::bridge::{Bridge, Command, Ctx, PuppetCommand};
use crate::domain::{LetsChatUserId, Network};
use crate::protocol::irc;

/// How long a user must be gone; a reloaded page returns at once.
const AWAY_DELAY: SignedDuration = SignedDuration::from_mins(2);

/// The AWAY message.
const AWAY_MESSAGE: &str = "not in any Let's Chat room";

impl Puppets {
    /// The user is present. Returns whether their puppet must be updated.
    fn mark_present(&mut self, account: &LetsChatUserId) -> bool {
        let Some(puppet) = self.by_user.get_mut(account) else { return false };
        puppet.maybe_away_since = None;
        std::mem::take(&mut puppet.away)
    }

    /// Users who were last seen long enough ago to be away.
    fn due_away_checks(&self, now: Timestamp) -> Vec<LetsChatUserId> {
        let long = |since: Timestamp| now.duration_since(since) >= AWAY_DELAY;
        let due = self.by_user.iter().filter(|(_, it)| it.maybe_away_since.is_some_and(long));
        due.map(|(account, _)| account.clone()).collect()
    }

    /// Sets the away status. Returns whether the puppet must be updated.
    fn set_away(&mut self, account: &LetsChatUserId, away: bool) -> bool {
        let Some(puppet) = self.by_user.get_mut(account) else { return false };
        puppet.maybe_away_since = None;
        let shows = away && !puppet.away && !puppet.nicks.is_empty();
        puppet.away |= shows;
        shows
    }
}

impl Bridge {
    /// The user has joined a room.
    pub(in crate::bridge) fn on_user_present(
        &mut self,
        account: &LetsChatUserId,
        ctx: &mut Ctx<'_>,
    ) {
        for (network, puppets) in self.senders.all_puppets_mut() {
            if puppets.mark_present(account) {
                ctx.commands.push(away_command(network, account, None));
            }
        }
    }

    /// The user posts, so they are present; they may leave soon without notice.
    pub(in crate::bridge) fn on_user_spoke(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        ctx: &mut Ctx<'_>,
    ) {
        let puppets = self.senders.puppets_mut(network);
        if puppets.mark_present(account) {
            ctx.commands.push(away_command(network, account, None));
        }
        if let Some(puppet) = puppets.by_user.get_mut(account) {
            puppet.maybe_away_since = Some(ctx.now);
        }
    }

    /// The user has left a room; `None` if all users may have.
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

    /// Sets users away who have been gone long enough. Without Let's Chat, nothing is known.
    pub(in crate::bridge) fn show_away(&mut self, ctx: &mut Ctx<'_>) {
        if !self
            .endpoints
            .values()
            .any(|state| state.endpoint.network().is_none() && state.queue.is_open())
        {
            return;
        }
        let Self { senders: voices, endpoints, .. } = self;
        for (network, puppets) in voices.all_puppets_mut().filter(|(_, it)| it.show_away) {
            for account in puppets.due_away_checks(ctx.now) {
                let mut left = false;
                let here = endpoints.values().any(|state| {
                    let present = state.room_members.is_present(&account.0);
                    left |= present == Some(false);
                    present == Some(true)
                });
                if puppets.set_away(&account, left && !here) {
                    ctx.commands.push(away_command(
                        network,
                        &account,
                        Some(AWAY_MESSAGE.to_owned()),
                    ));
                }
            }
        }
    }
}

fn away_command(network: &Network, account: &LetsChatUserId, reason: Option<String>) -> Command {
    let command = PuppetCommand::Send(account.clone(), irc::IrcCommand::SetAway(reason));
    Command::Puppets(network.clone(), command)
}
