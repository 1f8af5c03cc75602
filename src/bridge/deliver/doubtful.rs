//! Decides deliveries of which a restored state does not know whether they were made.

use jiff::Timestamp;

use crate::bridge::context::Ctx;
use crate::bridge::directory::LinkDirectory;
use crate::bridge::endpoints::EndpointState;
use crate::bridge::notices;
use crate::bridge::notices::{count_messages, format_span};
use crate::bridge::restored::Finding;
use crate::bridge::restored::copies::Linked;
use crate::bridge::restored::sightings::Doubtful;
use crate::domain::{Delivery, EndpointId, Message, MessagePart, RenderedMessage, Sender};
use crate::store::StoreError;
use crate::translate;

/// Why a delivery was dropped.
const RESTORED: &str = "the bridge was restored from a backup, and it may have arrived before";

/// Whether the next delivery may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubts {
    /// Nothing is doubtful.
    None,
    /// It was looked for, and is not there. Others must not be merged with it.
    Resolved,
    /// Its source is still being read.
    Waiting,
}

/// The messages from one endpoint that were dropped.
struct Dropped {
    source: EndpointId,
    count: u64,
    from: Timestamp,
    to: Timestamp,
}

/// Settles the doubtful deliveries at the head of the queue. People are told of those that may be missing.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn settle_doubtful(
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
) -> Result<Doubts, StoreError> {
    if ctx.restored.mark().is_none() {
        return Ok(Doubts::None);
    }
    let mut dropped = Vec::new();
    let doubts = loop {
        let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { break Doubts::None };
        if !queue.check_ready(ctx.store)? {
            forget_if_settled(endpoint, ctx)?;
            break Doubts::None;
        }
        let Some(head) = queue.head().cloned() else { break Doubts::None };
        if !ctx.restored.is_doubtful(head.message.sent_at) {
            break Doubts::None;
        }
        if are_being_read(head.message.source, ctx) {
            ctx.restored.waiting.insert(endpoint);
            break Doubts::Waiting;
        }
        match decide(endpoint, &head, ctx) {
            Finding::Missing => break Doubts::Resolved,
            Finding::Arrived(id) => count_as_delivered(endpoint, (&head, id.as_deref()), ctx)?,
            Finding::Unclear => drop_doubtful(endpoint, &head, &mut dropped, ctx)?,
        }
    };
    for dropped in dropped {
        report(endpoint, &dropped, ctx)?;
    }
    Ok(doubts)
}

/// Whether `source`, or an endpoint that its messages may be copies from, is still being read.
fn are_being_read(source: EndpointId, ctx: &Ctx<'_>) -> bool {
    let linked = ctx.endpoints.mirrors(source);
    [source].iter().chain(&linked).any(|endpoint| is_being_read(*endpoint, ctx))
}

/// Whether more of the messages of `source` is about to arrive. With a full queue, its reading may be paused.
fn is_being_read(source: EndpointId, ctx: &Ctx<'_>) -> bool {
    let is_reading = match ctx.endpoints.get(source) {
        Some(EndpointState::Channel(channel)) => channel.catchup().is_some(),
        Some(EndpointState::Room(room)) => room.catchup_budget.is_some(),
        Some(EndpointState::User(_)) | None => false,
    };
    is_reading && !ctx.restored.is_read(source) && ctx.endpoints.quota.has_room()
}

/// Looks for the delivery in what its endpoint shows.
fn decide(endpoint: EndpointId, head: &Delivery, ctx: &mut Ctx<'_>) -> Finding {
    let Delivery { message, part, .. } = head;
    if *part == MessagePart::Text
        && let Some(finding) = ctx.restored.take_name_decision(endpoint, message)
    {
        return finding;
    }
    // The text of both parts, since the name alone says nothing.
    let part = if *part == MessagePart::Name { MessagePart::Text } else { *part };
    let Some((rendered, own)) = render_both(endpoint, head, part, ctx) else {
        return Finding::Unclear;
    };
    let author = &message.author;
    let doubtful = Doubtful {
        source: message.source,
        rendered: &rendered,
        own_words: &own.body,
        names: [Some(author.name.as_str()), author.display_name.as_deref()]
            .into_iter()
            .flatten()
            .collect(),
        sent_at: message.sent_at,
    };
    let finding = if find_copy(endpoint, message, ctx) {
        Finding::Arrived(None)
    } else {
        ctx.restored.sightings(endpoint).find(&doubtful)
    };
    if head.part == MessagePart::Name {
        ctx.restored.set_name_decision(endpoint, message, &finding);
    }
    finding
}

/// Finds out whether the message is the bridge's own copy of another, sent under a name that the backup does not know.
fn find_copy(to: EndpointId, message: &Message, ctx: &mut Ctx<'_>) -> bool {
    let source = message.source;
    let is_room = |endpoint| ctx.endpoints.room(endpoint).is_some();
    let is_other_side = |endpoint| is_room(endpoint) != is_room(source);
    let linked = |endpoint| Linked { endpoint, is_other_side: is_other_side(endpoint) };
    let linked: Vec<Linked> = ctx.endpoints.mirrors(source).into_iter().map(linked).collect();
    let first = message.body.lines().next().unwrap_or_default();
    let has_prefix = ctx.routes.formats_to(source).any(|format| {
        let prefixes =
            if is_room(source) { &format.room.prefixes } else { &format.channel.prefixes };
        translate::could_be_mirrored(message.kind, first, prefixes)
    });
    ctx.restored.find_copy(message, to, &linked, has_prefix)
}

/// The delivery as the bridge would have sent it in time, and as an account or puppet would have.
fn render_both(
    endpoint: EndpointId,
    head: &Delivery,
    part: MessagePart,
    ctx: &Ctx<'_>,
) -> Option<(RenderedMessage, RenderedMessage)> {
    let message = &head.message;
    let directory = LinkDirectory::new(message.source, endpoint, ctx)?;
    let format = ctx.routes.format(message.source, endpoint);
    let then = message.sent_at;
    if ctx.endpoints.room(endpoint).is_some() {
        let more = std::iter::empty;
        let rendered = translate::to_letschat(message, more(), part, format, &directory, then);
        let own = translate::by_own_account(message, more(), format, &directory, then);
        return Some((rendered, own));
    }
    let links = ctx.routes.public_links();
    let rendered = translate::to_irc(message, part, format, &directory, links, then);
    let own = translate::under_own_nick(rendered.clone(), message, then);
    Some((rendered, own))
}

/// The delivery was made before the restoration.
fn count_as_delivered(
    endpoint: EndpointId,
    (head, remote_id): (&Delivery, Option<&str>),
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let rendered = RenderedMessage {
        kind: head.message.kind,
        prefix: String::new(),
        body: head.message.body.clone(),
    };
    let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { return Ok(()) };
    queue.start((Sender::Bot, rendered), 0, ctx.now, ctx.store)?;
    queue.ack(head.id, remote_id, ctx.now, ctx.store)?;
    ctx.endpoints.quota.remove(&head.message);
    ctx.links.on_settled(head);
    ctx.count_traffic(endpoint, |traffic| traffic.reconciled += 1);
    Ok(())
}

/// The delivery may have been made before the restoration.
fn drop_doubtful(
    endpoint: EndpointId,
    head: &Delivery,
    dropped: &mut Vec<Dropped>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { return Ok(()) };
    queue.drop_head(RESTORED, ctx.now, ctx.store)?;
    ctx.endpoints.quota.remove(&head.message);
    ctx.links.on_settled(head);
    let Delivery { message, part, .. } = head;
    if message.author.is_bridge() || *part == MessagePart::Name {
        return Ok(());
    }
    ctx.count_traffic(message.source, |traffic| traffic.skipped += 1);
    let (source, at) = (message.source, message.sent_at);
    match dropped.iter_mut().find(|it| it.source == source) {
        Some(it) => {
            it.count += 1;
            (it.from, it.to) = (it.from.min(at), it.to.max(at));
        }
        None => dropped.push(Dropped { source, count: 1, from: at, to: at }),
    }
    Ok(())
}

/// Tells people which messages may be missing.
fn report(endpoint: EndpointId, dropped: &Dropped, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Dropped { source, count, from, to } = *dropped;
    let name = ctx.endpoints.display_name(source);
    let there = ctx.endpoints.display_name(endpoint);
    tracing::warn!(
        from = name,
        to = there,
        messages = count,
        first = %from,
        last = %to,
        "restored from a backup: messages of the time since that may have been mirrored before are not repeated"
    );
    let text = format!(
        "the bridge was restored from a backup: {} from {name}, sent {}, may be missing here",
        count_messages(count),
        format_span(from, to),
    );
    notices::notify(source, &[endpoint], text, ctx)
}

/// Frees what is known of the endpoint, and of those linked with it, once nothing doubtful can come.
fn forget_if_settled(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    for endpoint in [endpoint].into_iter().chain(ctx.endpoints.mirrors(endpoint)) {
        if ctx.restored.remembers(endpoint) && is_settled(endpoint, ctx)? {
            ctx.restored.forget(endpoint);
        }
    }
    Ok(())
}

/// Whether nothing doubtful can come to the endpoint or from it any more: what it shows tells both what has arrived, and
/// what is a copy.
fn is_settled(endpoint: EndpointId, ctx: &Ctx<'_>) -> Result<bool, StoreError> {
    let Some(mark) = ctx.restored.mark() else { return Ok(true) };
    for endpoint in [endpoint].into_iter().chain(ctx.endpoints.mirrors(endpoint)) {
        if !ctx.restored.is_read(endpoint)
            || ctx.store.has_open_delivery_until(endpoint, mark.restored_at)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}
