//! Posts the bridge's own notices through the same outbox as everything else.

pub(super) mod failures;
pub(super) mod introduction;
pub(super) mod outage;
pub(super) mod status;

use jiff::{SignedDuration, Timestamp};

use super::context::Ctx;
use super::event::Command;
use super::ingest;
use super::loop_guard::ExpiredMute;
use crate::domain::{Author, EndpointId, Message, MessageKind, Network};
use crate::protocol::irc;
use crate::store::StoreError;
use crate::translate::NoticeText;

/// `from 09:41:02 to 09:52:10 UTC`, with dates if they differ.
pub(super) fn format_span(from: Timestamp, to: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    let format = if day(from) == day(to) { "%H:%M:%S" } else { "%F %H:%M:%S" };
    format!("from {} to {} UTC", from.strftime(format), to.strftime(format))
}

/// `30 seconds`, `5 minutes`.
fn format_pause(pause: SignedDuration) -> String {
    match pause.as_secs() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}

/// `1 message`, `2 messages`.
pub(super) fn count_messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// Posts a notice to all other endpoints of the group to which messages of this one are mirrored, if notices are
/// enabled.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify_mirrors(
    endpoint: EndpointId,
    text: impl Into<NoticeText>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let mirrors = carried_mirrors(endpoint, ctx);
    notify(endpoint, &mirrors, text, ctx)
}

/// The other endpoints of the group to which messages of this one are mirrored.
fn carried_mirrors(endpoint: EndpointId, ctx: &Ctx<'_>) -> Vec<EndpointId> {
    let mut mirrors = ctx.endpoints.mirrors(endpoint);
    mirrors.retain(|to| ctx.links.is_carried(endpoint, *to));
    mirrors
}

/// Posts a notice to the channels of the group only, when the rooms already know.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify_mirrored_channels(
    endpoint: EndpointId,
    text: impl Into<NoticeText>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let mut channels = carried_mirrors(endpoint, ctx);
    channels.retain(|id| ctx.endpoints.channel(*id).is_some());
    notify(endpoint, &channels, text, ctx)
}

/// Posts a notice to this endpoint, and to those to which its messages are mirrored.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify_group(
    endpoint: EndpointId,
    text: impl Into<NoticeText>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let mut group = carried_mirrors(endpoint, ctx);
    group.push(endpoint);
    notify(endpoint, &group, text, ctx)
}

/// Notifies the other endpoints that this many messages of `endpoint` were skipped.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify_skipped(
    endpoint: EndpointId,
    skipped: u64,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let name = ctx.endpoints.display_name(endpoint);
    tracing::warn!(
        endpoint = name,
        skipped,
        "messages skipped: older or more than catch-up allows"
    );
    let messages = count_messages(skipped);
    let text = format!("skipped {messages} from {name}, sent while the bridge was disconnected");
    notify_mirrors(endpoint, text, ctx)
}

/// Notifies everybody that an author is muted, because they only repeat another one.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify_mute(
    (author, source): (&str, EndpointId),
    (other, other_endpoint): (&str, EndpointId),
    pause: SignedDuration,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let here = ctx.endpoints.display_name(source);
    let there = ctx.endpoints.display_name(other_endpoint);
    let pause = format_pause(pause);
    tracing::warn!(author, endpoint = %here, %other, other_endpoint = %there, pause, "bot loop detected; author muted");
    let text = format!(
        "bot loop detected: {author} ({here}) only repeats {other} ({there}). Messages from \
         {author} are not mirrored for {pause}"
    );
    notify_group(source, text, ctx)
}

/// Reports how many messages were suppressed by mutes that have expired.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify_expired_mutes(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for ExpiredMute { name, endpoint, suppressed } in ctx.loop_guard.take_expired(ctx.now) {
        tracing::info!(%name, suppressed, "author unmuted");
        let messages = count_messages(suppressed);
        let text = format!("mirroring {name} again; {messages} skipped");
        // In direct messages, the author was notified each time.
        if ctx.endpoints.link(endpoint).is_some() {
            notify_group(endpoint, text, ctx)?;
        }
    }
    Ok(())
}

/// Posts a notice about `endpoint` to exactly these endpoints, if notices are enabled.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn notify(
    endpoint: EndpointId,
    to: &[EndpointId],
    text: impl Into<NoticeText>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if !ctx.policy.notices || to.is_empty() {
        return Ok(());
    }
    post_notice(endpoint, to, text, ctx)
}

/// Posts a notice to exactly these endpoints, even if notices are disabled, because it was requested.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn post_notice(
    endpoint: EndpointId,
    to: &[EndpointId],
    text: impl Into<NoticeText>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let message = Message {
        source: endpoint,
        author: Author::bridge(),
        kind: MessageKind::Notice,
        body: text.into().into_string(),
        sent_at: ctx.now,
    };
    let Some(id) = ctx.store.record(&message, None)? else { return Ok(()) };
    ingest::fan_out(id, &message, to, ctx)
}

/// Sends a NOTICE to this nick.
pub(super) fn notify_nick(
    network: &Network,
    nick: &str,
    text: impl Into<NoticeText>,
    ctx: &mut Ctx<'_>,
) {
    let command =
        irc::IrcCommand::SendNotice { nick: nick.to_owned(), text: text.into().into_string() };
    ctx.commands.push(Command::Irc(network.clone(), command));
}
