//! Notifies senders of direct messages that were not delivered, as soon as they are present.
//!
//! Until then, the failure is stored as unreported, so that it survives a restart.

use jiff::SignedDuration;

use super::deliver::MAX_IN_FLIGHT;
use super::{DirectMessages, replies};
use crate::bridge::context::Ctx;
use crate::domain::UserRef;
use crate::store::{StoreError, UnreportedFailure};

/// How often to retry notifying absent senders.
const REPORT_RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

impl DirectMessages {
    /// A direct message was rejected: its sender is to be notified.
    pub(in crate::bridge) fn on_failure_recorded(&mut self, ctx: &Ctx<'_>) {
        self.report_at = Some(ctx.now);
    }

    /// About every second: notifies the senders of messages that were rejected, if that is due.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn report_due(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        // Senders of suppressed messages were notified each time.
        self.loop_guard.take_expired(ctx.now);
        if !self.is_enabled() || self.report_at.is_none_or(|at| at > ctx.now) {
            return Ok(());
        }
        self.report_at = None;
        let mut reported = 0;
        for failure in ctx.store.unreported_failures()? {
            let Some(sender) = ctx.store.user_of_endpoint(failure.source)? else { continue };
            if reported < MAX_IN_FLIGHT && self.report(&sender, &failure, ctx)? {
                reported += 1;
                ctx.store.mark_direct_reported(&failure)?;
            } else {
                self.report_at = Some(ctx.now + REPORT_RETRY_INTERVAL);
            }
        }
        Ok(())
    }

    /// Notifies the sender of failures. Returns whether they are present, or never will be.
    fn report(
        &self,
        sender: &UserRef,
        failure: &UnreportedFailure,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        // The current user of the nick may be somebody else.
        if matches!(sender, UserRef::Nick(..)) && self.known_users.endpoint(sender).is_none() {
            return Ok(true);
        }
        let recipient = ctx.store.user_of_endpoint(failure.to)?;
        let name = match (&recipient, self.known_users.name(failure.to)) {
            (_, Some(name)) => name,
            (Some(UserRef::Account(_, name) | UserRef::Nick(_, name)), None) => name.as_ref(),
            (Some(UserRef::LetsChat(_)) | None, None) => "a Let's Chat user",
        };
        let text =
            replies::delivery_failed_text(name, &failure.excerpt, failure.count, &failure.reason);
        Ok(self.notify_user(sender, &text, ctx))
    }
}
