//! The administrator's own rules: what is left out, and what is told otherwise than it was said.

use std::borrow::Cow;

use regex::Regex;

use super::mirc::{self, Formatting};
use super::who::Who;
use crate::domain::{Author, MessageKind, Message, Endpoint};

/// A side of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The channel's.
    Irc,
    /// The room's.
    LetsChat,
}

impl Side {
    /// The one that `place` is on.
    #[must_use]
    pub fn of(place: &Endpoint) -> Self {
        if place.network().is_some() { Self::Irc } else { Self::LetsChat }
    }
}

/// What is left out, and what is told otherwise than it was said.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What is not mirrored.
    pub ignore: Vec<Ignore>,
    /// What is replaced in a text, one after the other.
    pub rewrite: Vec<Rewrite>,
    /// Who speaks for others.
    pub unwrap: Vec<Unwrap>,
}

/// What is not mirrored: what fits all of this.
#[derive(Debug, Clone)]
pub struct Ignore {
    /// The side that it was said on; either, where that does not matter.
    pub on: Option<Side>,
    /// Whoever is all of these.
    pub who: Vec<Who>,
    /// What was said has this in it.
    pub text: Option<Regex>,
}

/// Something that is replaced in a text.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The side that it was said on; either, where that does not matter.
    pub on: Option<Side>,
    /// What is replaced, wherever it stands.
    pub text: Regex,
    /// By what; `$1` and `$name` stand for what was found.
    pub with: String,
}

/// Somebody who tells what others have said elsewhere: another bridge.
#[derive(Debug, Clone)]
pub struct Unwrap {
    /// The side that it speaks on; either, where that does not matter.
    pub on: Option<Side>,
    /// Whoever is all of these.
    pub who: Vec<Who>,
    /// How it says so: a pattern with a group `nick` and a group `text`.
    pub text: Regex,
}

impl Rules {
    /// Whether `message`, said in `place`, is not to be mirrored.
    #[must_use]
    pub fn ignores(&self, message: &Message, place: &Endpoint) -> bool {
        if self.ignore.is_empty() || message.author.is_bridge() {
            return false;
        }
        let side = Side::of(place);
        let message = self.unwrapped(message, side);
        let text = mirc::strip(&message.body, Formatting::Plain);
        self.ignore.iter().any(|rule| {
            rule.on.is_none_or(|on| on == side)
                && rule.who.iter().all(|who| who.is(&message.author))
                && rule.text.as_ref().is_none_or(|pattern| pattern.is_match(&text))
        })
    }

    /// `message` as whoever really said it would have said it.
    pub(super) fn unwrapped<'m>(&self, message: &'m Message, side: Side) -> Cow<'m, Message> {
        let speaks = |rule: &&Unwrap| {
            rule.on.is_none_or(|on| on == side)
                && rule.who.iter().all(|who| who.is(&message.author))
        };
        for rule in self.unwrap.iter().filter(speaks) {
            let plain = mirc::strip(&message.body, Formatting::Plain);
            let Some(found) = rule.text.captures(&plain) else { continue };
            let group = |name| found.name(name).map_or("", |group| group.as_str().trim());
            if group("nick").is_empty() {
                continue;
            }
            return Cow::Owned(Message {
                author: Author::named(group("nick")),
                kind: MessageKind::Text,
                body: group("text").to_owned(),
                ..message.clone()
            });
        }
        Cow::Borrowed(message)
    }

    /// `text`, said on `side`, with everything replaced that is to be.
    pub(super) fn rewritten<'t>(&self, text: Cow<'t, str>, side: Side) -> Cow<'t, str> {
        let mut text = text;
        for rule in self.rewrite.iter().filter(|rule| rule.on.is_none_or(|on| on == side)) {
            if let Cow::Owned(replaced) = rule.text.replace_all(&text, rule.with.as_str()) {
                text = Cow::Owned(replaced);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Casemapping, Mask, Network, EndpointId};

    fn channel() -> Endpoint {
        Endpoint::channel(&Network::new("office"), "#tea")
    }

    fn message(author: &str, body: &str) -> Message {
        Message {
            source: EndpointId(1),
            author: Author {
                userhost: Some(format!("{author}@host.example")),
                ..Author::named(author)
            },
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn pattern(text: &str) -> Regex {
        Regex::new(text).expect(text)
    }

    fn ignoring(on: Option<Side>, who: Vec<Who>, text: Option<&str>) -> Rules {
        let text = text.map(pattern);
        Rules { ignore: vec![Ignore { on, who, text }], ..Rules::default() }
    }

    #[test]
    fn what_fits_all_of_a_rule_is_ignored() {
        let spam = || vec![Who::Name("spam".to_owned())];
        let mask = vec![Who::Mask(Mask::new(Casemapping::Rfc1459, "*!spam@*"))];
        for (rules, author, body, ignored) in [
            (ignoring(None, spam(), None), "Spam", "hi", true),
            (ignoring(None, spam(), None), "ann", "hi", false),
            (ignoring(None, mask, None), "spam", "hi", true),
            (ignoring(None, vec![], Some("^!")), "ann", "\x02!\x02help", true),
            (ignoring(None, vec![], Some("^!")), "ann", "help!", false),
            (ignoring(None, spam(), Some("^!")), "spam", "hi", false),
            (ignoring(None, spam(), Some("^!")), "ann", "!hi", false),
            (ignoring(Some(Side::LetsChat), spam(), None), "spam", "hi", false),
            (ignoring(Some(Side::Irc), spam(), None), "spam", "hi", true),
            (Rules::default(), "spam", "hi", false),
        ] {
            assert_eq!(
                rules.ignores(&message(author, body), &channel()),
                ignored,
                "{rules:?} {body}"
            );
        }
    }

    #[test]
    fn texts_are_replaced_one_after_the_other() {
        let rewrite =
            |on, text, with: &str| Rewrite { on, text: pattern(text), with: with.to_owned() };
        let rules = Rules {
            rewrite: vec![
                rewrite(None, r"\bTEA-(\d+)", "https://bugs.example/$1"),
                rewrite(Some(Side::LetsChat), "https", "http"),
                rewrite(Some(Side::Irc), "example", "example.org"),
            ],
            ..Rules::default()
        };
        let on = |side| rules.rewritten("see TEA-7 and TEA-8".into(), side).into_owned();
        assert_eq!(on(Side::Irc), "see https://bugs.example.org/7 and https://bugs.example.org/8");
        assert_eq!(on(Side::LetsChat), "see http://bugs.example/7 and http://bugs.example/8");
        assert!(matches!(rules.rewritten("hi".into(), Side::Irc), Cow::Borrowed("hi")));
    }

    #[test]
    fn who_speaks_for_others_is_not_who_spoke() {
        let text = pattern(r"^<(?<nick>[^>]+)> (?<text>.*)$");
        let who = vec![Who::Name("relay".to_owned())];
        let unwrap = vec![Unwrap { on: Some(Side::Irc), who, text }];
        let rules = Rules { unwrap, ..ignoring(None, vec![Who::Name("eve".to_owned())], None) };
        let unwrapped = |author, body| {
            let message = message(author, body);
            let Message { author, body, .. } = rules.unwrapped(&message, Side::Irc).into_owned();
            (author.name, body)
        };
        let said = |author: &str, body: &str| (author.to_owned(), body.to_owned());
        assert_eq!(unwrapped("relay", "<\x0304bob\x03> hi <x>"), said("bob", "hi <x>"));
        assert_eq!(unwrapped("relay", "bob has joined"), said("relay", "bob has joined"));
        assert_eq!(unwrapped("ann", "<bob> hi"), said("ann", "<bob> hi"));
        assert!(rules.ignores(&message("relay", "<eve> hi"), &channel()));
        assert!(!rules.ignores(&message("relay", "<bob> hi"), &channel()));
    }
}
