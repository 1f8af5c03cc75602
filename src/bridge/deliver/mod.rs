//! Delivers messages: takes the next one from a queue, renders it, chooses who sends it, and starts it.
//!
//! Consecutive lines of an IRC user are merged into one post. Each is a delivery of its own in ledger and
//! queue. When the first one is started, its continuations are recorded as merged in the same transaction,
//! and share its outcome from then on. To allow merging, deliveries to a room start only at the end of a
//! turn.

mod account;
pub(super) mod direct;
mod doubtful;
pub(super) mod reconcile;
pub(super) mod sender;
mod settle;

pub(super) use settle::{
    ack_partial, defer, mark_sent, on_rejected, reject, resume, settle_dropped, settle_rejected,
};

use std::sync::Arc;
use std::time::Duration;

use super::account_io::AccountCommand;
use super::context::Ctx;
use super::directory::LinkDirectory;
use super::endpoints::EndpointState;
use super::endpoints::queue::StartedDelivery;
use super::endpoints::room::{MergeWait, RoomEndpoint};
use super::event::{Command, PuppetCommand};
use crate::domain::{
    Delivery, DeliveryId, EndpointId, MessagePart, Network, RenderedMessage, Sender,
};
use crate::protocol::{irc, letschat};
use crate::store::StoreError;
use crate::translate;
use crate::translate::{MergeLines, RESENT_PREFIX, continues};
use doubtful::{Doubts, settle_doubtful};
use sender::SenderChoice;

/// The reason if nobody may send it.
const KICKED_REASON: &str = "an operator removed you from the channel";

/// Starts the next delivery to a channel or room, if possible.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn start_next(endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    // Deliveries that nobody may send are rejected on the way.
    while let Some(delivery) = try_start_next(endpoint, ctx)? {
        settle::reject_delivery(delivery, endpoint, KICKED_REASON, ctx)?;
    }
    Ok(())
}

/// Starts the next delivery, if possible. Returns it if nobody may send it.
fn try_start_next(
    endpoint: EndpointId,
    ctx: &mut Ctx<'_>,
) -> Result<Option<DeliveryId>, StoreError> {
    let doubts = settle_doubtful(endpoint, ctx)?;
    let Some(queue) = ctx.endpoints.queue_mut(endpoint) else { return Ok(None) };
    if doubts == Doubts::Waiting || !queue.check_ready(ctx.store)? {
        return Ok(None);
    }
    let merged = if doubts == Doubts::Resolved { 0 } else { mergeable_count(endpoint, ctx) };
    match wait_for_more_lines(endpoint, merged, ctx) {
        LineWait::Over => {}
        LineWait::Waiting => return Ok(None),
        LineWait::Starting(after) => {
            let timer = letschat::LetsChatCommand::SetTimer { endpoint, after };
            ctx.commands.push(Command::LetsChat(timer));
            return Ok(None);
        }
    }
    let choice = match ctx.endpoints.get(endpoint) {
        Some(EndpointState::Room(_)) => SenderChoice::As(account::choose(endpoint, ctx)?),
        _ => sender::choose(endpoint, ctx)?,
    };
    let (sender, nobody) = match choice {
        SenderChoice::As(sender) => (sender, false),
        SenderChoice::Nobody => (Sender::Bot, true),
    };
    let merged = if is_name_before_text(endpoint, &sender, ctx) { 1 } else { merged };
    let Some(rendered) = render(endpoint, merged, &sender, ctx) else { return Ok(None) };
    let started = start(endpoint, (sender, rendered), merged, ctx)?;
    match started {
        Some(started) if nobody => Ok(Some(started.id)),
        Some(started) => {
            send(endpoint, started, ctx);
            Ok(None)
        }
        None => Ok(None),
    }
}

/// Whether the next delivery is only the name of its author, before the text: an account needs none, so that it
/// posts the text for both.
fn is_name_before_text(endpoint: EndpointId, sender: &Sender, ctx: &Ctx<'_>) -> bool {
    let Some(queue) = ctx.endpoints.queue(endpoint) else { return false };
    let is_name = |head: &Delivery| head.part == MessagePart::Name;
    let is_text = |next: &Delivery| next.part == MessagePart::Text;
    matches!(sender, Sender::Account(_))
        && queue.head().is_some_and(is_name)
        && queue.followers().next().is_some_and(is_text)
}

/// Whether the next delivery waits for lines that continue it.
enum LineWait {
    /// It can be sent.
    Over,
    /// It waits, and a timer runs.
    Waiting,
    /// It waits, and a timer must be started.
    Starting(Duration),
}

/// How many deliveries after the first continue it. Only posts are merged, not lines on IRC.
fn mergeable_count(endpoint: EndpointId, ctx: &Ctx<'_>) -> usize {
    let Some(room) = ctx.endpoints.room(endpoint) else { return 0 };
    let Some(mut last) = room.queue.head() else { return 0 };
    let following = room.queue.followers().take_while(|next| {
        let is_continued = is_continued(last, next, ctx);
        last = next;
        is_continued
    });
    following.count()
}

fn is_continued(last: &Delivery, next: &Delivery, ctx: &Ctx<'_>) -> bool {
    let is_whole = last.part == MessagePart::Whole && next.part == MessagePart::Whole;
    let source = ctx.endpoints.source_name(last.message.source).filter(|_| is_whole);
    source.is_some_and(|source| {
        let format = ctx.routes.format(last.message.source, last.to);
        continues(&last.message, &next.message, source, format)
    })
}

/// Whether the next delivery to a room should wait for more lines, with this many merged already.
fn wait_for_more_lines(endpoint: EndpointId, merged: usize, ctx: &mut Ctx<'_>) -> LineWait {
    let Some(room) = ctx.endpoints.room(endpoint) else { return LineWait::Over };
    let Some(first) = room.queue.head() else { return LineWait::Over };
    let merge_lines = ctx.routes.format(first.message.source, endpoint).room.merge_lines;
    if !may_be_continued(room, first, merged, ctx) {
        return LineWait::Over;
    }
    let Some(room) = ctx.endpoints.room_mut(endpoint) else { return LineWait::Over };
    let Some(first) = room.queue.head() else { return LineWait::Over };
    let wait = match merge_lines {
        MergeLines::Never => None,
        MergeLines::Within(wait) => (room.merge_wait != MergeWait::Expired).then_some(wait),
        MergeLines::Queued => {
            let detector = room.paste_detector.as_mut();
            detector.and_then(|detector| detector.wait(&first.message, first.id, ctx.now))
        }
    };
    let Some(wait) = wait else { return LineWait::Over };
    match std::mem::replace(&mut room.merge_wait, MergeWait::Waiting) {
        MergeWait::Waiting => LineWait::Waiting,
        MergeWait::Idle | MergeWait::Expired => LineWait::Starting(wait),
    }
}

/// Whether the last of the merged lines can be continued: a line that does not continue itself cannot, and
/// nothing may stand after it.
fn may_be_continued(room: &RoomEndpoint, first: &Delivery, merged: usize, ctx: &Ctx<'_>) -> bool {
    let last = room.queue.followers().take(merged).last().unwrap_or(first);
    is_continued(last, last, ctx) && room.queue.followers().nth(merged).is_none()
}

/// Records that the next delivery is in flight, as `rendered` by `sender`, with this many others merged into
/// it.
fn start(
    endpoint: EndpointId,
    (sender, rendered): (Sender, RenderedMessage),
    merged: usize,
    ctx: &mut Ctx<'_>,
) -> Result<Option<StartedDelivery>, StoreError> {
    let Some(state) = ctx.endpoints.get_mut(endpoint) else { return Ok(None) };
    if let EndpointState::Room(room) = state {
        room.merge_wait = MergeWait::Idle;
        if let Some(detector) = &mut room.paste_detector {
            detector.on_sent();
        }
    }
    let queue = state.queue_mut();
    let Some(first) = queue.head() else { return Ok(None) };
    let rendered = match sender {
        Sender::Bot | Sender::Account(_) => rendered,
        Sender::Relaymsg(_) | Sender::Puppet(_) => {
            translate::under_own_nick(rendered, &first.message, ctx.now)
        }
    };
    queue.start((sender, rendered), merged, ctx.now, ctx.store)
}

/// The next delivery to a channel or room, merged with this many followers, as `sender` sends it.
fn render(
    endpoint: EndpointId,
    merged: usize,
    sender: &Sender,
    ctx: &Ctx<'_>,
) -> Option<RenderedMessage> {
    let state = ctx.endpoints.get(endpoint)?;
    let Delivery { message, part, .. } = state.queue().head()?;
    let directory = LinkDirectory::new(message.source, endpoint, ctx)?;
    let format = ctx.routes.format(message.source, endpoint);
    match state {
        EndpointState::Channel(_) => {
            let links = ctx.routes.public_links();
            Some(translate::to_irc(message, *part, format, &directory, links, ctx.now))
        }
        EndpointState::Room(room) => {
            let others = room.queue.followers().take(merged);
            let more = others.filter(|it| it.part == MessagePart::Whole).map(|it| &it.message);
            if let Sender::Account(_) = sender {
                return Some(translate::by_own_account(message, more, format, &directory, ctx.now));
            }
            Some(translate::to_letschat(message, more, *part, format, &directory, ctx.now))
        }
        EndpointState::User(_) => None,
    }
}

/// Sends a delivery to a channel or room by its sender.
fn send(endpoint: EndpointId, started: StartedDelivery, ctx: &mut Ctx<'_>) {
    match ctx.endpoints.get(endpoint) {
        Some(EndpointState::Channel(channel)) => {
            let network = channel.network.clone();
            send_to_channel(network, endpoint, started, ctx);
        }
        Some(EndpointState::Room(room)) => {
            let (delivery, text) = (started.id, started.rendered.full_text());
            if let Sender::Account(user) = started.sender {
                let room = room.room_id.clone().unwrap_or_default();
                let post = AccountCommand::Post { user, delivery, endpoint, room, text };
                ctx.commands.push(Command::Account(post));
                return;
            }
            let post = letschat::LetsChatCommand::Post { delivery, endpoint, text };
            ctx.commands.push(Command::LetsChat(post));
        }
        Some(EndpointState::User(_)) | None => {}
    }
}

fn send_to_channel(
    network: Network,
    endpoint: EndpointId,
    started: StartedDelivery,
    ctx: &mut Ctx<'_>,
) {
    let StartedDelivery { id: delivery, rendered, is_resend, acked_before, sender } = started;
    let (mut prefix, mut body) = (rendered.prefix.clone(), rendered.body.clone());
    if let Some(channel) = ctx.endpoints.channel_mut(endpoint).filter(|_| is_resend) {
        // If each line is acknowledged, only the first can have arrived already.
        let acks_each_line =
            channel.join_info.is_some_and(|joined| joined.has_echoes) && sender == Sender::Bot;
        if acks_each_line {
            body.insert_str(0, RESENT_PREFIX);
        } else {
            prefix.push_str(RESENT_PREFIX);
            channel.queue.set_mark_in_prefix();
        }
    }
    let relay_nick = match &sender {
        Sender::Relaymsg(nick) => Some(Arc::clone(nick)),
        Sender::Bot | Sender::Puppet(_) | Sender::Account(_) => None,
    };
    let kind = rendered.kind;
    let command =
        irc::IrcCommand::SendMessage { delivery, endpoint, kind, prefix, body, relay_nick };
    ctx.commands.push(match sender {
        // No account of Let's Chat speaks in a channel.
        Sender::Bot | Sender::Relaymsg(_) | Sender::Account(_) => Command::Irc(network, command),
        Sender::Puppet(user) => {
            let puppets = ctx.senders.puppets_mut(&network);
            puppets.expect_echo((delivery, endpoint), user.clone(), rendered, acked_before);
            Command::Puppets(network, PuppetCommand::Send(user, command))
        }
    });
}

/// The remote side has acknowledged the delivery.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn ack(
    id: DeliveryId,
    endpoint: EndpointId,
    remote_id: Option<&str>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(state) = ctx.endpoints.get_mut(endpoint) else { return Ok(()) };
    let settled = match state {
        EndpointState::Room(room) => room.queue.ack_post(id, remote_id, ctx.now, ctx.store)?,
        _ => state.queue_mut().ack(id, remote_id, ctx.now, ctx.store)?,
    };
    if let EndpointState::User(user) = state {
        user.ack_timeouts = 0;
        for delivery in &settled {
            ctx.store.erase_text(delivery.id)?;
        }
    }
    for delivery in &settled {
        ctx.endpoints.quota.remove(&delivery.message);
        let arrived = ctx.links.on_delivered(delivery, ctx.now);
        if ctx.links.is_canary_end(endpoint) {
            ctx.report_to_canary(delivery, None);
        } else if let Some((direction, took)) = arrived {
            ctx.stats.latency.of(direction).observe(took);
        }
    }
    ctx.count_traffic(endpoint, |traffic| traffic.delivered += settled.len() as u64);
    ctx.schedule(endpoint);
    Ok(())
}
