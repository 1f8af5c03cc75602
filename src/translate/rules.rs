//! The administrator's rules for ignoring and rewriting messages.

use std::borrow::Cow;

use regex::Regex;

use super::mirc::{self, Formatting};
use super::user_match::UserMatcher;
use crate::domain::{Author, Endpoint, Message, MessageKind};

/// A side of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The channel.
    Irc,
    /// The room.
    LetsChat,
}

impl Side {
    /// The side of `endpoint`.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Self {
        if endpoint.network().is_some() { Self::Irc } else { Self::LetsChat }
    }
}

/// The rules of a link.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Which messages are not mirrored.
    pub ignore: Vec<IgnoreRule>,
    /// Replacements in texts, applied in order.
    pub rewrite: Vec<RewriteRule>,
    /// Which users relay messages of others.
    pub extract_nicks: Vec<ExtractNicksRule>,
}

/// Matches messages that are not mirrored; all conditions must hold.
#[derive(Debug, Clone)]
pub struct IgnoreRule {
    /// The source's side; `None` for both.
    pub side: Option<Side>,
    /// Matchers that the author must satisfy, all of them.
    pub users: Vec<UserMatcher>,
    /// A pattern to find in the text.
    pub pattern: Option<Regex>,
}

/// A replacement in texts.
#[derive(Debug, Clone)]
pub struct RewriteRule {
    /// The source's side; `None` for both.
    pub side: Option<Side>,
    /// The pattern to replace, at every match.
    pub pattern: Regex,
    /// The replacement; `$1` and `$name` refer to groups.
    pub replacement: String,
}

/// A user that relays messages of others: another bridge.
#[derive(Debug, Clone)]
pub struct ExtractNicksRule {
    /// The source's side; `None` for both.
    pub side: Option<Side>,
    /// Matchers that the relaying user must satisfy, all of them.
    pub users: Vec<UserMatcher>,
    /// A pattern for the text, with the groups `nick` and `text`.
    pub pattern: Regex,
}

impl Rules {
    /// Whether `message` from `endpoint` is to be ignored.
    #[must_use]
    pub fn ignores(&self, message: &Message, endpoint: &Endpoint) -> bool {
        if self.ignore.is_empty() || message.author.is_bridge() {
            return false;
        }
        let side = Side::of(endpoint);
        let message = self.with_extracted_nick(message, side);
        let text = mirc::convert_formatting(&message.body, Formatting::Strip);
        self.ignore.iter().any(|rule| {
            rule.side.is_none_or(|on| on == side)
                && rule.users.iter().all(|who| who.matches(&message.author))
                && rule.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&text))
        })
    }

    /// Whether another bridge on IRC relayed the message, so that its author is somebody else.
    #[must_use]
    pub fn is_relayed_from_irc(&self, message: &Message) -> bool {
        matches!(self.with_extracted_nick(message, Side::Irc), Cow::Owned(_))
    }

    /// The message with its actual author and text, if another bridge relayed it.
    pub(super) fn with_extracted_nick<'m>(
        &self,
        message: &'m Message,
        side: Side,
    ) -> Cow<'m, Message> {
        let speaks = |rule: &&ExtractNicksRule| {
            rule.side.is_none_or(|on| on == side)
                && rule.users.iter().all(|who| who.matches(&message.author))
        };
        for rule in self.extract_nicks.iter().filter(speaks) {
            let plain = mirc::convert_formatting(&message.body, Formatting::Strip);
            let Some(found) = rule.pattern.captures(&plain) else { continue };
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

    /// Applies all replacements for messages from `side`.
    pub(super) fn apply_rewrites<'t>(&self, text: Cow<'t, str>, side: Side) -> Cow<'t, str> {
        let mut text = text;
        for rule in self.rewrite.iter().filter(|rule| rule.side.is_none_or(|on| on == side)) {
            if let Cow::Owned(replaced) = rule.pattern.replace_all(&text, rule.replacement.as_str())
            {
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
    use crate::domain::{Casemapping, EndpointId, Mask, Network};

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

    fn ignoring(on: Option<Side>, who: Vec<UserMatcher>, text: Option<&str>) -> Rules {
        let text = text.map(pattern);
        Rules {
            ignore: vec![IgnoreRule { side: on, users: who, pattern: text }],
            ..Rules::default()
        }
    }

    #[test]
    fn message_matching_all_conditions_is_ignored() {
        let spam = || vec![UserMatcher::Name("spam".to_owned())];
        let mask = vec![UserMatcher::Mask(Mask::new(Casemapping::Rfc1459, "*!spam@*"))];
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
    fn rewrite_rules_apply_in_order() {
        let rewrite = |on, text, with: &str| RewriteRule {
            side: on,
            pattern: pattern(text),
            replacement: with.to_owned(),
        };
        let rules = Rules {
            rewrite: vec![
                rewrite(None, r"\bTEA-(\d+)", "https://bugs.example/$1"),
                rewrite(Some(Side::LetsChat), "https", "http"),
                rewrite(Some(Side::Irc), "example", "example.org"),
            ],
            ..Rules::default()
        };
        let on = |side| rules.apply_rewrites("see TEA-7 and TEA-8".into(), side).into_owned();
        assert_eq!(on(Side::Irc), "see https://bugs.example.org/7 and https://bugs.example.org/8");
        assert_eq!(on(Side::LetsChat), "see http://bugs.example/7 and http://bugs.example/8");
        assert!(matches!(rules.apply_rewrites("hi".into(), Side::Irc), Cow::Borrowed("hi")));
    }

    #[test]
    fn nick_is_extracted_from_a_relayed_message() {
        let text = pattern(r"^<(?<nick>[^>]+)> (?<text>.*)$");
        let who = vec![UserMatcher::Name("relay".to_owned())];
        let unwrap = vec![ExtractNicksRule { side: Some(Side::Irc), users: who, pattern: text }];
        let rules = Rules {
            extract_nicks: unwrap,
            ..ignoring(None, vec![UserMatcher::Name("eve".to_owned())], None)
        };
        let unwrapped = |author, body| {
            let message = message(author, body);
            let Message { author, body, .. } =
                rules.with_extracted_nick(&message, Side::Irc).into_owned();
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
