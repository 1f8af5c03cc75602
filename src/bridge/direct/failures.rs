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
        why: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let party = self.direct.recipients.get(&delivery.to).map(|reader| &reader.user);
        let peer = party.and_then(UserRef::network);
        let peer = peer.map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()));
        tracing::warn!(%peer, delivery = delivery.id.0, reason = why, "private message rejected");
        self.stats.traffic_mut(peer).rejected += 1;
        self.queue_quota.remove(&delivery.message);
        self.direct.report_at = Some(turn.now);
        turn.store.mark_unreported(delivery.id)
    }

    /// Handles a tick.
    pub(in crate::bridge) fn tick_direct(&mut self, turn: &mut Ctx<'_>) -> Result<(), StoreError> {
        self.schedule_direct(turn)?;
        if !self.direct.is_enabled() || self.direct.report_at.is_none_or(|at| at > turn.now) {
            return Ok(());
        }
        self.direct.report_at = None;
        let mut told = 0;
        for untold in turn.store.unreported_failures()? {
            let Some(writer) = turn.store.user_of_endpoint(untold.source)? else { continue };
            if told < MAX_IN_FLIGHT && self.notify_dm_sender(&writer, &untold, turn)? {
                told += 1;
                turn.store.told_in_private(&untold)?;
            } else {
                self.direct.report_at = Some(turn.now + REPORT_RETRY_INTERVAL);
            }
        }
        Ok(())
    }

    /// Notifies the sender of failures. Returns whether they are present, or never will be.
    fn notify_dm_sender(
        &self,
        writer: &UserRef,
        untold: &UnreportedFailure,
        turn: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        // The current user of the nick may be somebody else.
        if matches!(writer, UserRef::Nick(..))
            && self.direct.endpoints_by_user.place(writer).is_none()
        {
            return Ok(true);
        }
        let reader = turn.store.user_of_endpoint(untold.to)?;
        let name = match (&reader, self.direct.endpoints_by_user.name(untold.to)) {
            (_, Some(name)) => name,
            (Some(UserRef::Account(_, name) | UserRef::Nick(_, name)), None) => name.as_ref(),
            (Some(UserRef::LetsChat(_)) | None, None) => "a Let's Chat user",
        };
        let text =
            replies::delivery_failed_text(name, &untold.excerpt, untold.count, &untold.reason);
        Ok(self.notify_user(writer, &text, turn))
    }
}
