//! Renders messages for IRC.

use std::borrow::Cow;

use jiff::Timestamp;

use super::action::detect_action;
use super::addresses::{self, Instead};
use super::directory::Directory;
use super::format::{ChannelFormat, Emotes, LinkFormat, LongMessages};
use super::rules::Side;
use super::template::TemplateField;
use super::{
    PublicLinks, channel_refs, clean, display_names, emotes, long_messages, mentions, public_links,
    timestamp,
};
use crate::domain::{Endpoint, Message, MessagePart, RenderedMessage};

/// Goes before a message that is resent although it may have arrived, to explain a duplicate.
pub const RESENT_PREFIX: &str = "(resent) ";

/// Renders `part` of `message` for IRC at `now`: the author's name before each line, and the time before that
/// for a late message. With `links`, URLs that require an account are replaced by public links. They are only
/// for messages from a room ([`PublicLinks`]).
#[must_use]
pub fn to_irc(
    message: &Message,
    part: MessagePart,
    format: &LinkFormat,
    directory: &dyn Directory,
    links: Option<&PublicLinks>,
    now: Timestamp,
) -> RenderedMessage {
    let side = Side::of(directory.source());
    let detected = detect_action(format.rules.with_extracted_nick(message, side), side);
    let prefix = match part {
        MessagePart::Whole => author_prefix(&detected, format, directory, now),
        MessagePart::Name => {
            let name = author_prefix(&detected, format, directory, now);
            let body = display_names::standalone_name(&name, &detected.author);
            return clean::rendered_message(detected.kind, String::new(), &body, true);
        }
        MessagePart::Text => String::new(),
    };
    let text = render_text(&detected, format, directory, links, now);
    let ChannelFormat { max_lines: lines, long_messages: long, .. } = format.channel;
    let whole = || links.map(|links| links.paste_link(message, now));
    let room_link = || room_url(format, directory);
    let longest = longest_address(&prefix, directory, links.is_some());
    let text =
        addresses::shorten_urls(text, longest, || match (whole(), side, directory.source()) {
            (Some(link), ..) => Instead::Link(link),
            (None, Side::LetsChat, _) => room_link().map_or(Instead::Nothing, Instead::There),
            (None, _, Endpoint::Channel { network, name }) => {
                Instead::There(format!("{name} on {network}"))
            }
            (None, ..) => Instead::Nothing,
        });
    let body = match side {
        // Between channels: it was several messages originally.
        Side::Irc => text.into_owned(),
        Side::LetsChat => match long {
            LongMessages::All => text.into_owned(),
            LongMessages::Link => {
                long_messages::truncate(text, lines, || whole().or_else(room_link))
            }
            LongMessages::Cut => long_messages::truncate(text, lines, || None),
        },
    };
    clean::rendered_message(detected.kind, prefix, &body, side == Side::Irc)
}

/// Changes a rendered message for a sender that has the author's own nick: without a prefix, except for the
/// time of a late message.
#[must_use]
pub fn under_own_nick(
    rendered: RenderedMessage,
    message: &Message,
    now: Timestamp,
) -> RenderedMessage {
    RenderedMessage { prefix: timestamp::timestamp_prefix(message.sent_at, now), ..rendered }
}

fn author_prefix(
    message: &Message,
    format: &LinkFormat,
    directory: &dyn Directory,
    now: Timestamp,
) -> String {
    let Message { author, kind, sent_at, .. } = message;
    if author.is_bridge() {
        return String::new();
    }
    let ChannelFormat { prefixes: names, anti_ping, color_nicks, .. } = &format.channel;
    let anti_ping = *anti_ping && format.user_map.is_in_channel(author, directory);
    let shown = |name: Cow<'_, str>| {
        let name = if anti_ping { display_names::defuse_ping(&name) } else { name.into_owned() };
        Cow::Owned(if *color_nicks { display_names::color_nick(&author.name, &name) } else { name })
    };
    let template = names.for_kind(*kind);
    let endpoint = directory.source();
    let value = |field, longest| {
        let value = display_names::field_value(field, author, endpoint, || {
            timestamp::format_timestamp(*sent_at, now)
        });
        let value = Cow::Owned(clean::truncate(&value, longest).into_owned());
        if matches!(field, TemplateField::Name | TemplateField::DisplayName) {
            shown(value)
        } else {
            value
        }
    };
    let filled = template.render_bounded(value);
    if template.includes_time() {
        filled
    } else {
        timestamp::timestamp_prefix(*sent_at, now) + &filled
    }
}

/// Room in a line for more than the prefix, and for longer nicks than ours.
const SPARE: usize = 64;

/// The longest URL, in bytes, that fits into a line after `prefix`. With a public link available, somewhat
/// shorter URLs count as too long.
fn longest_address(prefix: &str, directory: &dyn Directory, linked: bool) -> usize {
    let usual = addresses::MAX_LEN;
    let holds = directory.line().map_or(usual, |line| line.saturating_sub(prefix.len() + SPARE));
    if linked { holds.min(usual) } else { holds }
}

/// The address where users with an account can read the room.
fn room_url(format: &LinkFormat, directory: &dyn Directory) -> Option<String> {
    let letschat = format.room.letschat_url.as_ref()?;
    Some(match directory.room_id() {
        Some(id) => format!("{letschat}#!/room/{id}"),
        None => letschat.to_string(),
    })
}

/// Renders the text of `message` for a channel.
fn render_text<'m>(
    message: &'m Message,
    format: &LinkFormat,
    directory: &dyn Directory,
    links: Option<&PublicLinks>,
    now: Timestamp,
) -> Cow<'m, str> {
    let side = Side::of(directory.source());
    let text = clean::sanitize_text(&message.body, side == Side::Irc);
    if message.author.is_bridge() {
        return text;
    }
    let text = format.rules.apply_rewrites(text, side);
    if side == Side::Irc {
        return text;
    }
    let text = match (links, &format.room.letschat_url) {
        (Some(links), _) => match links.rewrite_file_urls(&text, now) {
            Cow::Borrowed(_) => text,
            Cow::Owned(linked) => Cow::Owned(linked),
        },
        (None, Some(letschat)) => match public_links::rewrite_to_letschat_urls(&text, letschat) {
            Cow::Borrowed(_) => text,
            Cow::Owned(linked) => Cow::Owned(linked),
        },
        (None, None) => text,
    };
    let text = channel_refs::rewrite_channel_refs(text, |room| {
        directory.channel_for_room(room.strip_prefix('#')?).map(str::to_owned)
    });
    let text = match format.channel.mentions {
        true => {
            mentions::rewrite_for_channel(text, |user| format.user_map.nick_of(user, directory))
        }
        false => text,
    };
    match format.channel.emotes {
        Emotes::Shortcodes => text,
        Emotes::Unicode => emotes::to_unicode(text),
    }
}
