//! What somebody says to the bridge alone: for whom it is, and how it is told to them.

use jiff::Timestamp;

use super::company::Nobody;
use super::manners::{Long, Manners};
use super::rules::Side;
use super::{to_irc, to_letschat};
use crate::domain::{Message, MessagePart, Endpoint, RenderedMessage};

/// For whom it is what somebody has said to the bridge alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressed<'t> {
    /// For the bridge: what can it do?
    Help,
    /// For the bridge: who is there?
    Who,
    /// For whoever is called so: `!msg NAME TEXT`, `@NAME TEXT`.
    To {
        /// The name.
        name: &'t str,
        /// What they are to be told; empty where nothing was said.
        text: &'t str,
    },
    /// The same, if anybody is called so; else all of it is meant for whoever it is written to:
    /// `NAME: TEXT`.
    Perhaps {
        /// The name.
        name: &'t str,
        /// What they are to be told.
        text: &'t str,
    },
    /// For whoever it is written to, who is not named.
    Unnamed,
}

impl<'t> Addressed<'t> {
    /// Reads `text`, written to an account or a nick of ours that is called `bridge`.
    #[must_use]
    pub fn read(text: &'t str, bridge: &str) -> Self {
        let text = text.trim();
        let (first, rest) = split_word(text);
        if first.eq_ignore_ascii_case("!msg") {
            let (name, text) = split_word(rest);
            return Self::To { name: name.trim_start_matches('@'), text };
        }
        let question = if rest.is_empty() { first } else { asked(first, rest, bridge) };
        match question.to_ascii_lowercase().as_str() {
            "!help" | "help" => return Self::Help,
            "!who" => return Self::Who,
            _ => {}
        }
        // What is no command of ours, and may be a slip of one, is for nobody's eyes.
        if first.len() > 1 && first.starts_with('!') && first[1..].starts_with(char::is_alphabetic)
        {
            return Self::Help;
        }
        if let Some(name) = first.strip_prefix('@').filter(|name| !name.is_empty()) {
            return Self::To { name: name.trim_end_matches([':', ',']), text: rest };
        }
        match first.strip_suffix([':', ',']).filter(|name| !name.is_empty() && !rest.is_empty()) {
            Some(name) => Self::Perhaps { name, text: rest },
            None => Self::Unnamed,
        }
    }
}

/// What `@bridge help` asks; nothing where it is somebody else who is named.
fn asked<'t>(first: &str, rest: &'t str, bridge: &str) -> &'t str {
    let name = first.trim_start_matches('@').trim_end_matches([':', ',']);
    match rest {
        _ if !name.eq_ignore_ascii_case(bridge) => "",
        "help" | "!help" => "!help",
        "who" | "!who" => "!who",
        _ => "",
    }
}

/// The first word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// How to tell `message` at `told_at` to somebody alone, who knows whoever wrote it from `place`. With
/// `whence` before it, where names alone would not say who that is.
#[must_use]
pub fn in_private(
    message: &Message,
    place: &Endpoint,
    manners: &Manners,
    whence: Option<&str>,
    told_at: Timestamp,
) -> RenderedMessage {
    let company = Nobody(place);
    let mut speech = match Side::of(place) {
        // All of it: what is for one alone has no link that anybody could follow.
        Side::LetsChat => {
            let mut manners = manners.clone();
            manners.channel.long = Long::All;
            to_irc(message, MessagePart::Whole, &manners, &company, None, told_at)
        }
        Side::Irc => {
            let nothing = std::iter::empty();
            to_letschat(message, nothing, MessagePart::Whole, manners, &company, told_at)
        }
    };
    if let Some(whence) = whence {
        speech.prefix = format!("[{whence}] {}", speech.prefix);
    }
    speech
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, MessageKind, Network, EndpointId};

    fn to<'t>(name: &'t str, text: &'t str) -> Addressed<'t> {
        Addressed::To { name, text }
    }

    #[test]
    fn whoever_is_named_is_meant() {
        for (text, addressed) in [
            ("!msg bob hello there", to("bob", "hello there")),
            ("!MSG  @bob   hello", to("bob", "hello")),
            ("!msg bob", to("bob", "")),
            ("!msg", to("", "")),
            ("@ann hello", to("ann", "hello")),
            ("@ann: hello", to("ann", "hello")),
            ("@office/ann[m]\nhello\nyou", to("office/ann[m]", "hello\nyou")),
            ("@ann", to("ann", "")),
            ("bob: hello", Addressed::Perhaps { name: "bob", text: "hello" }),
            ("bob, hello", Addressed::Perhaps { name: "bob", text: "hello" }),
            ("hello bob", Addressed::Unnamed),
            ("hello:", Addressed::Unnamed),
            (": hello", Addressed::Unnamed),
            ("@ hello", Addressed::Unnamed),
            ("", Addressed::Unnamed),
        ] {
            assert_eq!(Addressed::read(text, "bridge"), addressed, "{text:?}");
        }
    }

    #[test]
    fn the_bridge_itself_is_asked() {
        for (text, addressed) in [
            ("!help", Addressed::Help),
            ("help", Addressed::Help),
            ("@bridge help", Addressed::Help),
            ("Bridge: !help", Addressed::Help),
            ("!who", Addressed::Who),
            ("@bridge who", Addressed::Who),
            ("who", Addressed::Unnamed),
            ("help me", Addressed::Unnamed),
            ("!mgs bob a secret", Addressed::Help),
            ("!status", Addressed::Help),
            ("!!", Addressed::Unnamed),
            ("!", Addressed::Unnamed),
            ("@ann help", to("ann", "help")),
        ] {
            assert_eq!(Addressed::read(text, "bridge"), addressed, "{text:?}");
        }
    }

    #[test]
    fn it_is_told_whole_and_by_whom() {
        let message = |body: &str| Message {
            source: EndpointId(1),
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        };
        let manners = Manners::default();
        let channel = Endpoint::channel(&Network::new("office"), "#tea");
        let tell = |body: &str, place: &Endpoint, whence| {
            in_private(&message(body), place, &manners, whence, Timestamp::UNIX_EPOCH).full_text()
        };
        assert_eq!(tell("\u{2}hi\u{2} @bob", &channel, None), "<ann> hi @bob");
        assert_eq!(tell("hi", &channel, Some("office")), "[office] <ann> hi");
        let long = "a\nb\nc\nd\ne\nf";
        assert_eq!(tell(long, &Endpoint::room("tea"), None), format!("<ann> {long}"));
    }
}
