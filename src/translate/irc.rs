use std::borrow::Cow;

use jiff::Timestamp;

use super::company::Company;
use super::manners::{ChannelManners, Emotes, Long, Manners};
use super::rules::Side;
use super::template::Field;
use super::{Links, emotes, late, mentions, names, paste, places};
use crate::domain::{Message, Part, Speech};

/// What stands before a text that is said again because nobody can tell whether it arrived. People
/// who see it twice see why, and read on.
pub const AGAIN: &str = "(again) ";

/// How to say `part` of `message` on IRC at `told_at`: the author's name before each line, and the time before
/// that where it is late. With `links`, what only leads somewhere for who has an account becomes a link
/// for everyone; they are for what was said in a room, and for nothing else ([`Links`]).
#[must_use]
pub fn to_irc(
    message: &Message,
    part: Part,
    manners: &Manners,
    company: &dyn Company,
    links: Option<&Links>,
    told_at: Timestamp,
) -> Speech {
    let side = Side::of(company.said_in());
    let said = manners.rules.unwrapped(message, side);
    let prefix = match part {
        Part::Whole => prefix(&said, manners, company, told_at),
        Part::Name => {
            let name = prefix(&said, manners, company, told_at);
            let body = names::alone(&name, &said.author);
            return Speech { kind: said.kind, prefix: String::new(), body };
        }
        Part::Text => String::new(),
    };
    let text = text(&said, manners, company, links, told_at);
    let ChannelManners { lines, long, .. } = manners.channel;
    let body = match side {
        // A channel knows no long messages: it was several.
        Side::Irc => text.into_owned(),
        Side::LetsChat if long == Long::All => text.into_owned(),
        Side::LetsChat => {
            paste::shorten(text, lines, long, || links.map(|links| links.paste(message, told_at)))
        }
    };
    Speech { kind: said.kind, prefix, body }
}

/// `speech`, which is how to say `message` at `told_at`, for whoever says it under a nick of their own:
/// with nothing before it but the time, where it is late.
#[must_use]
pub fn in_person(speech: Speech, message: &Message, told_at: Timestamp) -> Speech {
    Speech { prefix: late::time(message.said_at, told_at), ..speech }
}

fn prefix(
    message: &Message,
    manners: &Manners,
    company: &dyn Company,
    told_at: Timestamp,
) -> String {
    let Message { author, kind, said_at, .. } = message;
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
    let value = |field| match field {
        Field::Name => shown(names::clean(&author.name)),
        Field::DisplayName => shown(names::display(author)),
        Field::Account => names::clean(author.account.as_deref().unwrap_or_default()),
        Field::Network => names::network(company.said_in()),
        Field::Channel => names::place(company.said_in()),
        Field::Time => Cow::Owned(late::stamp(*said_at, told_at)),
    };
    let filled = template.fill(value);
    if template.tells_time() { filled } else { late::time(*said_at, told_at) + &filled }
}

/// The text of `message` for a channel.
fn text<'m>(
    message: &'m Message,
    manners: &Manners,
    company: &dyn Company,
    links: Option<&Links>,
    told_at: Timestamp,
) -> Cow<'m, str> {
    let text = Cow::Borrowed(message.body.as_str());
    if message.author.is_bridge() {
        return text;
    }
    let side = Side::of(company.said_in());
    let text = harmless(manners.rules.rewritten(text, side));
    if side == Side::Irc {
        return text;
    }
    let text = match links {
        Some(links) => match links.in_text(&text, told_at) {
            Cow::Borrowed(_) => text,
            Cow::Owned(linked) => Cow::Owned(linked),
        },
        None => text,
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

/// `text` without what would make a request to people's clients of it (CTCP).
fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\u{1}') { Cow::Owned(text.replace('\u{1}', "␁")) } else { text }
}
