//! Posts the bridge's own notices through the same outbox as everything else.

pub(super) mod loops;
pub(super) mod outage;
pub(super) mod status;

use std::sync::Arc;

use jiff::Timestamp;

use super::{Bridge, Ctx};
use crate::domain::{Author, Endpoint, EndpointId, Message, MessageKind};
use crate::store::StoreError;
use crate::translate::NoticeText;

/// `from 09:41:02 to 09:52:10 UTC`, with dates if they differ.
pub(in crate::bridge) fn format_span(from: Timestamp, to: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    let format = if day(from) == day(to) { "%H:%M:%S" } else { "%F %H:%M:%S" };
    format!("from {} to {} UTC", from.strftime(format), to.strftime(format))
}

/// `1 message`, `2 messages`.
pub(in crate::bridge) fn count_messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

impl Bridge {
    /// Posts a notice to all other endpoints of the group, if notices are enabled.
    pub(in crate::bridge) fn notify_mirrors(
        &mut self,
        endpoint: EndpointId,
        words: impl Into<NoticeText>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get(&endpoint) else { return Ok(()) };
        let mirrors = Arc::clone(&state.mirrors);
        self.notify(endpoint, &mirrors, words, ctx)
    }

    /// Posts a notice to the channels only, when the rooms already know.
    pub(in crate::bridge) fn notify_mirrored_channels(
        &mut self,
        endpoint: EndpointId,
        words: impl Into<NoticeText>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(state) = self.endpoints.get(&endpoint) else { return Ok(()) };
        let is_channel = |id: &EndpointId| {
            self.endpoints
                .get(id)
                .is_some_and(|state| matches!(state.endpoint, Endpoint::Channel { .. }))
        };
        let channels: Vec<EndpointId> = state.mirrors.iter().copied().filter(is_channel).collect();
        self.notify(endpoint, &channels, words, ctx)
    }

    /// Notifies the other endpoints that this many messages of `endpoint` were skipped.
    pub(in crate::bridge) fn notify_skipped(
        &mut self,
        endpoint: EndpointId,
        skipped: u64,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let (messages, name) = (count_messages(skipped), self.display_name(endpoint));
        tracing::warn!(
            endpoint = name,
            skipped = skipped,
            "messages skipped: older or more than catch-up allows"
        );
        let words =
            format!("skipped {messages} from {name}, sent while the bridge was disconnected");
        self.notify_mirrors(endpoint, words, ctx)
    }

    /// Posts a notice about `endpoint` to exactly these endpoints, if notices are enabled.
    pub(in crate::bridge) fn notify(
        &mut self,
        endpoint: EndpointId,
        to: &[EndpointId],
        words: impl Into<NoticeText>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !self.policy.notices || to.is_empty() {
            return Ok(());
        }
        self.post_notice(endpoint, to, words, ctx)
    }

    /// Posts a notice to exactly these endpoints, even if notices are disabled, because it was requested.
    pub(in crate::bridge) fn post_notice(
        &mut self,
        endpoint: EndpointId,
        to: &[EndpointId],
        words: impl Into<NoticeText>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let message = Message {
            source: endpoint,
            author: Author::bridge(),
            kind: MessageKind::Notice,
            body: words.into().into_string(),
            sent_at: ctx.now,
        };
        let Some(id) = ctx.store.record(&message, None)? else { return Ok(()) };
        self.fan_out(id, &message, to, ctx)
    }
}
