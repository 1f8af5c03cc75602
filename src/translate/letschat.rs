use std::borrow::Cow;

use jiff::Timestamp;

use super::action::acted;
use super::company::Company;
use super::imitation::{self, BRIDGE};
use super::manners::{Join, Manners, Names};
use super::mentions::May;
use super::mirc::Formatting;
use super::names::INVISIBLE;
use super::rules::Side;
use super::{clean, late, mentions, mirc, names, paste, pictures, places};
use crate::domain::{MessageKind, Message, MessagePart, Endpoint, RenderedMessage};

/// How to say `part` of `message` in a Let's Chat room at `told_at`; with its time where it is late.
/// `more` are messages that go on with what it says ([`goes_on`]), and are said together with it.
#[must_use]
pub fn to_letschat<'m>(
    message: &Message,
    more: impl Iterator<Item = &'m Message>,
    part: MessagePart,
    manners: &Manners,
    company: &dyn Company,
    told_at: Timestamp,
) -> RenderedMessage {
    let side = Side::of(company.said_in());
    let first = acted(manners.rules.unwrapped(message, side), side);
    let mut prefix = match part {
        MessagePart::Whole | MessagePart::Name => prefix(&first, &manners.room.names, company, told_at),
        MessagePart::Text => String::new(),
    };
    let mut body = String::new();
    if part == MessagePart::Name {
        prefix = names::alone(&prefix, &first.author);
    } else {
        body.push_str(&text(message, &first, manners, company));
        for message in more {
            let message_of = manners.rules.unwrapped(message, side);
            body.push('\n');
            body.push_str(&text(message, &message_of, manners, company));
        }
        if !first.author.is_bridge() {
            body = harmless(body, &prefix, &manners.room.names);
        }
    }
    // A room knows one way of saying something.
    let mut speech = clean::speech(MessageKind::Text, prefix, &body, false);
    let (alone, letschat) = (speech.prefix.trim().is_empty(), manners.room.letschat.as_ref());
    if side == Side::Irc && alone && pictures::leads_home(&speech.body, letschat) {
        // So it is no picture of the server's own.
        speech.body.insert(0, INVISIBLE);
    }
    speech
}

/// Whether `message`, said in `place`, is posted in two parts, the name and the text: the page shows a
/// picture only where nothing else stands beside its address.
#[must_use]
pub fn comes_apart(message: &Message, place: &Endpoint, manners: &Manners) -> bool {
    let side = Side::of(place);
    if !manners.room.pictures || message.kind != MessageKind::Text || !message.body.contains("://") {
        return false;
    }
    let message = manners.rules.unwrapped(message, side);
    let text = mirc::strip(&message.body, manners.room.formatting);
    pictures::is_picture(&text) && !pictures::leads_home(&text, manners.room.letschat.as_ref())
}

/// Whether `message`, said in `place`, is for programs on the other side, and is told there in two parts,
/// the name and the text, so that they find in it what they look for. Only a single line: in what stands
/// without a name, the next could pass for somebody else's.
#[must_use]
pub fn passes_through(message: &Message, place: &Endpoint, manners: &Manners) -> bool {
    let Some(pattern) = &manners.passthrough else { return false };
    let message = manners.rules.unwrapped(message, Side::of(place));
    let text = mirc::strip(&message.body, Formatting::Plain);
    message.kind == MessageKind::Text
        && !message.author.is_bridge()
        && !text.contains(['\n', '\r'])
        && pattern.is_match(&text)
}

/// Whether `next` goes on with what `last` says, so that both are one message in a room.
#[must_use]
pub fn goes_on(last: &Message, next: &Message, place: &Endpoint, manners: &Manners) -> bool {
    if manners.room.join == Join::Never {
        return false;
    }
    let side = Side::of(place);
    let unwrapped = |message| manners.rules.unwrapped(message, side);
    side == Side::Irc && paste::goes_on(&unwrapped(last), &unwrapped(next))
}

/// What stands before the text of `message`.
fn prefix(message: &Message, names: &Names, company: &dyn Company, told_at: Timestamp) -> String {
    let Message { author, kind, sent_at: said_at, .. } = message;
    if author.is_bridge() {
        return BRIDGE.to_owned();
    }
    let template = names.of(*kind);
    let place = company.said_in();
    let filled = template.fill_short(|field, longest| {
        let value = names::value(field, author, place, || late::stamp(*said_at, told_at));
        Cow::Owned(clean::shortened(&value, longest).into_owned())
    });
    if template.tells_time() { filled } else { late::time(*said_at, told_at) + &filled }
}

/// The text of `message` for a room; `said` is the same as whoever really said it would have.
fn text<'m>(
    message: &Message,
    said: &'m Message,
    manners: &'m Manners,
    company: &'m dyn Company,
) -> Cow<'m, str> {
    let side = Side::of(company.said_in());
    if said.author.is_bridge() {
        return mentions::in_notice(clean::text(&said.body, false));
    }
    let room = &manners.room;
    let may = May {
        notify: side == Side::LetsChat || room.may_notify.wrote(message),
        notify_all: room.may_notify_all.wrote(message),
    };
    let people = &manners.people;
    if side == Side::LetsChat {
        let text = manners.rules.rewritten(clean::text(&said.body, false), side);
        return mentions::in_room(text, may, |_| None);
    }
    let user = |name: &str| people.user_of(name, company).filter(|_| room.mentions);
    let text = clean::formatted(&said.body, room.formatting);
    let text = names::restore(text, |name| user(name).is_some() || company.nick(name).is_some());
    let text = manners.rules.rewritten(text, side);
    let text = places::rename(text, |channel| Some(format!("#{}", company.room_of(channel)?)));
    let text = if may.notify { mentions::address(text, user) } else { text };
    mentions::in_room(text, may, user)
}

/// `body` so that, behind `prefix`, none of its lines can be taken for somebody else's.
fn harmless(body: String, prefix: &str, names: &Names) -> String {
    if !body.contains('\n') {
        return body;
    }
    let mut lines = body.split('\n');
    let mut harmless = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        harmless.push('\n');
        if imitation::is_likely(line, names) {
            harmless.push_str(prefix);
        }
        harmless.push_str(line);
    }
    harmless
}
