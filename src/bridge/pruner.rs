//! Forgets old messages and people, in small batches.

use jiff::{SignedDuration, Timestamp};

use super::accounts;
use super::context::Ctx;
use crate::store::StoreError;

/// Retention is extended by this much, because the networks' clocks may differ from ours.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// How many messages are pruned at once, few enough not to delay others.
const MAX_PRUNE_BATCH: u32 = 500;

/// How often that is done.
const PRUNE_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// How long people of IRC without an account on Let's Chat are remembered after they last spoke.
const PEOPLE_RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Forgets messages that are older than the ledger keeps, and people who have been silent for long.
#[derive(Debug)]
pub(super) struct Pruner {
    /// When that was last done.
    pruned_at: Timestamp,
}

impl Default for Pruner {
    fn default() -> Self {
        Self { pruned_at: Timestamp::MIN }
    }
}

impl Pruner {
    /// About every second: forgets a batch, if it is time.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn tick(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        if ctx.now.duration_since(self.pruned_at) < PRUNE_INTERVAL {
            return Ok(());
        }
        self.pruned_at = ctx.now;
        let forgotten = ctx.store.prune_people(ctx.now - PEOPLE_RETENTION)?;
        ctx.senders.accounts.people.forget(&forgotten);
        accounts::let_go(ctx)?;
        let Some(retention) = ctx.policy.retention else { return Ok(()) };
        ctx.store.prune(ctx.now - retention - MAX_CLOCK_SKEW, MAX_PRUNE_BATCH)
    }
}
