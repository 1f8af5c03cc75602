//! Renders messages for Let's Chat.

use std::borrow::Cow;

use jiff::Timestamp;

use super::action::detect_action;
use super::directory::Directory;
use super::display_names::ZERO_WIDTH_SPACE;
use super::format::{LinkFormat, MergeLines, Prefixes};
use super::imitation::{self, BRIDGE_PREFIX};
use super::mentions::MentionRights;
use super::mirc::Formatting;
use super::rules::Side;
use super::{
    channel_refs, clean, display_names, inline_images, long_messages, mentions, mirc, timestamp,
};
use crate::domain::{Endpoint, Message, MessageKind, MessagePart, RenderedMessage};

/// Renders `part` of `message` for a room at `now`, with a timestamp if it is late. The messages `more`
/// continue it ([`continues`]) and are merged into the same post.
#[must_use]
pub fn to_letschat<'m>(
    message: &Message,
    more: impl Iterator<Item = &'m Message>,
    part: MessagePart,
    format: &LinkFormat,
    directory: &dyn Directory,
    now: Timestamp,
) -> RenderedMessage {
    let side = Side::of(directory.source());
    let first = detect_action(format.rules.with_extracted_nick(message, side), side);
    let mut prefix = match part {
        MessagePart::Whole | MessagePart::Name => {
            author_prefix(&first, &format.room.prefixes, directory, now)
        }
        MessagePart::Text => String::new(),
    };
    let mut body = String::new();
    if part == MessagePart::Name {
        prefix = display_names::standalone_name(&prefix, &first.author);
    } else {
        body.push_str(&render_text(message, &first, format, directory));
        for message in more {
            let message_of = format.rules.with_extracted_nick(message, side);
            body.push('\n');
            body.push_str(&render_text(message, &message_of, format, directory));
        }
        if !first.author.is_bridge() {
            body = prevent_spoofing(body, &prefix, &format.room.prefixes);
        }
    }
    // Rooms have one kind of message only.
    let mut rendered = clean::rendered_message(MessageKind::Text, prefix, &body, false);
    let alone = rendered.prefix.trim().is_empty();
    let letschat = format.room.letschat_url.as_ref();
    if side == Side::Irc && alone && inline_images::targets_letschat(&rendered.body, letschat) {
        // Keeps the server from showing one of its own URLs as an image.
        rendered.body.insert(0, ZERO_WIDTH_SPACE);
    }
    rendered
}

/// Renders `message` for a room in which its author's own account posts it: text without their name. Actions and
/// notices keep it, since Let's Chat has no such kinds of messages.
#[must_use]
pub fn by_own_account<'m>(
    message: &Message,
    more: impl Iterator<Item = &'m Message>,
    format: &LinkFormat,
    directory: &dyn Directory,
    now: Timestamp,
) -> RenderedMessage {
    if message.kind != MessageKind::Text {
        return to_letschat(message, more, MessagePart::Whole, format, directory, now);
    }
    let rendered = to_letschat(message, more, MessagePart::Text, format, directory, now);
    RenderedMessage { prefix: timestamp::timestamp_prefix(message.sent_at, now), ..rendered }
}

/// Whether `message` from `endpoint` is posted in two parts, name and text. Let's Chat shows an image only if
/// its URL stands alone in a post.
#[must_use]
pub fn needs_split(message: &Message, endpoint: &Endpoint, format: &LinkFormat) -> bool {
    let side = Side::of(endpoint);
    if !format.room.inline_images
        || message.kind != MessageKind::Text
        || !message.body.contains("://")
    {
        return false;
    }
    let message = format.rules.with_extracted_nick(message, side);
    let text = mirc::convert_formatting(&message.body, format.room.formatting);
    inline_images::is_image_url(&text)
        && !inline_images::targets_letschat(&text, format.room.letschat_url.as_ref())
}

/// Whether `message` from `endpoint` is for bots in the room, and therefore posted in two parts, so that they
/// can parse the text. Only for single lines: further lines without a name could impersonate others.
#[must_use]
pub fn is_passthrough(message: &Message, endpoint: &Endpoint, format: &LinkFormat) -> bool {
    let Some(pattern) = &format.passthrough else { return false };
    let message = format.rules.with_extracted_nick(message, Side::of(endpoint));
    let text = mirc::convert_formatting(&message.body, Formatting::Strip);
    message.kind == MessageKind::Text
        && !message.author.is_bridge()
        && !text.contains(['\n', '\r'])
        && pattern.is_match(&text)
}

/// Whether `next` continues `last`, so that both become one post.
#[must_use]
pub fn continues(last: &Message, next: &Message, endpoint: &Endpoint, format: &LinkFormat) -> bool {
    if format.room.merge_lines == MergeLines::Never {
        return false;
    }
    let side = Side::of(endpoint);
    let unwrapped = |message| format.rules.with_extracted_nick(message, side);
    side == Side::Irc && long_messages::is_continuation(&unwrapped(last), &unwrapped(next))
}

/// The prefix of `message`.
fn author_prefix(
    message: &Message,
    names: &Prefixes,
    directory: &dyn Directory,
    now: Timestamp,
) -> String {
    let Message { author, kind, sent_at, .. } = message;
    if author.is_bridge() {
        return BRIDGE_PREFIX.to_owned();
    }
    let template = names.for_kind(*kind);
    let endpoint = directory.source();
    let filled = template.render_bounded(|field, longest| {
        let value = display_names::field_value(field, author, endpoint, || {
            timestamp::format_timestamp(*sent_at, now)
        });
        Cow::Owned(clean::truncate(&value, longest).into_owned())
    });
    if template.includes_time() {
        filled
    } else {
        timestamp::timestamp_prefix(*sent_at, now) + &filled
    }
}

/// Renders the text of `message` for a room; `original` is the message after extraction of the actual author.
fn render_text<'m>(
    message: &Message,
    original: &'m Message,
    format: &'m LinkFormat,
    directory: &'m dyn Directory,
) -> Cow<'m, str> {
    let side = Side::of(directory.source());
    if original.author.is_bridge() {
        return mentions::rewrite_for_notice(clean::sanitize_text(&original.body, false));
    }
    let room = &format.room;
    let may = MentionRights {
        users: side == Side::LetsChat || room.allow_mentions_from.contains_author(message),
        all: room.allow_all_mention_from.contains_author(message),
    };
    let people = &format.user_map;
    if side == Side::LetsChat {
        let text = format.rules.apply_rewrites(clean::sanitize_text(&original.body, false), side);
        return mentions::rewrite_for_room(text, may, |_| None);
    }
    let user = |name: &str| people.user_of(name, directory).filter(|_| room.mentions);
    let text = clean::formatted(&original.body, room.formatting);
    let text = display_names::restore_names(text, |name| {
        user(name).is_some() || directory.find_nick(name).is_some()
    });
    let text = format.rules.apply_rewrites(text, side);
    let text = channel_refs::rewrite_channel_refs(text, |channel| {
        Some(format!("#{}", directory.room_for_channel(channel)?))
    });
    let text = if may.users { mentions::address_to_mention(text, user) } else { text };
    mentions::rewrite_for_room(text, may, user)
}

/// Changes `body` so that none of its lines can be taken for another user's message.
fn prevent_spoofing(body: String, prefix: &str, names: &Prefixes) -> String {
    if !body.contains('\n') {
        return body;
    }
    let mut lines = body.split('\n');
    let mut harmless = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        harmless.push('\n');
        if imitation::could_impersonate(line, names) {
            harmless.push_str(prefix);
        }
        harmless.push_str(line);
    }
    harmless
}
