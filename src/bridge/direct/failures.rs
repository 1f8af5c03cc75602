//! Notifies senders of direct messages that were not delivered, as soon as they are present.
//!
//! Until then, the failure is stored as unreported, so that it survives a restart.

use jiff::SignedDuration;

use super::deliver::MAX_IN_FLIGHT;
use super::replies;
use crate::bridge::{Bridge, Ctx, Peer};
use crate::domain::{Delivery, UserRef};
use crate::store::{StoreError, UnreportedFailure};

/// How often to retry notifying absent senders.
const REPORT_RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

impl Bridge {
    /// The delivery was rejected: its sender is to be notified.
    pub(super) fn record_dm_failure(
        &mut self,
        delivery: &Delivery,
        reason: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let user = self.direct.recipients.get(&delivery.to).map(|recipient| &recipient.user);
        let peer = user.and_then(UserRef::network);
        let peer = peer.map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()));
        tracing::warn!(%peer, delivery = delivery.id.0, reason = reason, "private message rejected");
        self.stats.traffic_mut(peer).rejected += 1;
        self.queue_quota.remove(&delivery.message);
        self.direct.report_at = Some(ctx.now);
        ctx.store.mark_unreported(delivery.id)
    }

    /// Handles a tick.
    pub(in crate::bridge) fn tick_direct(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        self.schedule_direct(ctx)?;
        if !self.direct.is_enabled() || self.direct.report_at.is_none_or(|at| at > ctx.now) {
            return Ok(());
        }
        self.direct.report_at = None;
        let mut told = 0;
        for failure in ctx.store.unreported_failures()? {
            let Some(sender) = ctx.store.user_of_endpoint(failure.source)? else { continue };
            if told < MAX_IN_FLIGHT && self.notify_dm_sender(&sender, &failure, ctx)? {
                told += 1;
                ctx.store.mark_direct_reported(&failure)?;
            } else {
                self.direct.report_at = Some(ctx.now + REPORT_RETRY_INTERVAL);
            }
        }
        Ok(())
    }

    /// Notifies the sender of failures. Returns whether they are present, or never will be.
    fn notify_dm_sender(
        &self,
        sender: &UserRef,
        failure: &UnreportedFailure,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        // The current user of the nick may be somebody else.
        if matches!(sender, UserRef::Nick(..))
            && self.direct.endpoints_by_user.endpoint(sender).is_none()
        {
            return Ok(true);
        }
        let recipient = ctx.store.user_of_endpoint(failure.to)?;
        let name = match (&recipient, self.direct.endpoints_by_user.name(failure.to)) {
            (_, Some(name)) => name,
            (Some(UserRef::Account(_, name) | UserRef::Nick(_, name)), None) => name.as_ref(),
            (Some(UserRef::LetsChat(_)) | None, None) => "a Let's Chat user",
        };
        let text =
            replies::delivery_failed_text(name, &failure.excerpt, failure.count, &failure.reason);
        Ok(self.notify_user(sender, &text, ctx))
    }
}
