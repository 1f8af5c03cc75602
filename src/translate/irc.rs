use std::borrow::Cow;

use jiff::Timestamp;

use super::action::acted;
use super::addresses::{self, Instead};
use super::company::Company;
use super::manners::{ChannelManners, Emotes, Long, Manners};
use super::rules::Side;
use super::template::Field;
use super::{Links, clean, emotes, late, links, mentions, names, paste, places};
use crate::domain::{Message, MessagePart, Endpoint, RenderedMessage};

/// What stands before a text that is said again because nobody can tell whether it arrived. People
/// who see it twice see why, and read on.
pub const AGAIN: &str = "(again) ";

/// How to say `part` of `message` on IRC at `told_at`: the author's name before each line, and the time before
/// that where it is late. With `links`, what only leads somewhere for who has an account becomes a link
/// for everyone; they are for what was said in a room, and for nothing else ([`Links`]).
#[must_use]
pub fn to_irc(
    message: &Message,
    part: MessagePart,
    manners: &Manners,
    company: &dyn Company,
    links: Option<&Links>,
    told_at: Timestamp,
) -> RenderedMessage {
    let side = Side::of(company.said_in());
    let said = acted(manners.rules.unwrapped(message, side), side);
    let prefix = match part {
        MessagePart::Whole => prefix(&said, manners, company, told_at),
        MessagePart::Name => {
            let name = prefix(&said, manners, company, told_at);
            let body = names::alone(&name, &said.author);
            return clean::speech(said.kind, String::new(), &body, true);
        }
        MessagePart::Text => String::new(),
    };
    let text = text(&said, manners, company, links, told_at);
    let ChannelManners { lines, long, .. } = manners.channel;
    let whole = || links.map(|links| links.paste(message, told_at));
    let there = || room_address(manners, company);
    let longest = longest_address(&prefix, company, links.is_some());
    let text = addresses::short(text, longest, || match (whole(), side, company.said_in()) {
        (Some(link), ..) => Instead::Link(link),
        (None, Side::LetsChat, _) => there().map_or(Instead::Nothing, Instead::There),
        (None, _, Endpoint::Channel { network, name }) => {
            Instead::There(format!("{name} on {network}"))
        }
        (None, ..) => Instead::Nothing,
    });
    let body = match side {
        // A channel knows no long messages: it was several.
        Side::Irc => text.into_owned(),
        Side::LetsChat => match long {
            Long::All => text.into_owned(),
            Long::Link => paste::shorten(text, lines, || whole().or_else(there)),
            Long::Cut => paste::shorten(text, lines, || None),
        },
    };
    clean::speech(said.kind, prefix, &body, side == Side::Irc)
}

/// `speech`, which is how to say `message` at `told_at`, for whoever says it under a nick of their own:
/// with nothing before it but the time, where it is late.
#[must_use]
pub fn in_person(speech: RenderedMessage, message: &Message, told_at: Timestamp) -> RenderedMessage {
    RenderedMessage { prefix: late::time(message.sent_at, told_at), ..speech }
}

fn prefix(
    message: &Message,
    manners: &Manners,
    company: &dyn Company,
    told_at: Timestamp,
) -> String {
    let Message { author, kind, sent_at: said_at, .. } = message;
    if author.is_bridge() {
        return String::new();
    }
    let ChannelManners { names, quiet, colours, .. } = &manners.channel;
    let quiet = *quiet && manners.people.is_there(author, company);
    let shown = |name: Cow<'_, str>| {
        let name = if quiet { names::quiet(&name) } else { name.into_owned() };
        Cow::Owned(if *colours { names::colour(&author.name, &name) } else { name })
    };
    let template = names.of(*kind);
    let place = company.said_in();
    let value = |field, longest| {
        let value = names::value(field, author, place, || late::stamp(*said_at, told_at));
        let value = Cow::Owned(clean::shortened(&value, longest).into_owned());
        if matches!(field, Field::Name | Field::DisplayName) { shown(value) } else { value }
    };
    let filled = template.fill_short(value);
    if template.tells_time() { filled } else { late::time(*said_at, told_at) + &filled }
}

/// What may come before the text of a line besides the prefix, and how much longer than ours the names of
/// those may be whose lines they are.
const SPARE: usize = 64;

/// The longest address in bytes that a line behind `prefix` holds. Where there is a link to it, one that is
/// nearly as long is one, too.
fn longest_address(prefix: &str, company: &dyn Company, linked: bool) -> usize {
    let usual = addresses::LONGEST;
    let holds = company.line().map_or(usual, |line| line.saturating_sub(prefix.len() + SPARE));
    if linked { holds.min(usual) } else { holds }
}

/// Where whoever has an account reads what was said in the room.
fn room_address(manners: &Manners, company: &dyn Company) -> Option<String> {
    let letschat = manners.room.letschat.as_ref()?;
    Some(match company.room_id() {
        Some(id) => format!("{letschat}#!/room/{id}"),
        None => letschat.to_string(),
    })
}

/// The text of `message` for a channel.
fn text<'m>(
    message: &'m Message,
    manners: &Manners,
    company: &dyn Company,
    links: Option<&Links>,
    told_at: Timestamp,
) -> Cow<'m, str> {
    let side = Side::of(company.said_in());
    let text = clean::text(&message.body, side == Side::Irc);
    if message.author.is_bridge() {
        return text;
    }
    let text = manners.rules.rewritten(text, side);
    if side == Side::Irc {
        return text;
    }
    let text = match (links, &manners.room.letschat) {
        (Some(links), _) => match links.in_text(&text, told_at) {
            Cow::Borrowed(_) => text,
            Cow::Owned(linked) => Cow::Owned(linked),
        },
        (None, Some(letschat)) => match links::at_home(&text, letschat) {
            Cow::Borrowed(_) => text,
            Cow::Owned(linked) => Cow::Owned(linked),
        },
        (None, None) => text,
    };
    let text =
        places::rename(text, |room| company.channel_of(room.strip_prefix('#')?).map(str::to_owned));
    let text = match manners.channel.mentions {
        true => mentions::in_channel(text, |user| manners.people.nick_of(user, company)),
        false => text,
    };
    match manners.channel.emotes {
        Emotes::Names => text,
        Emotes::Unicode => emotes::unicode(text),
    }
}
