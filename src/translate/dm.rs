//! Parses direct messages to the bridge, and renders them for their recipients.

use jiff::Timestamp;

use super::directory::EmptyDirectory;
use super::format::{LinkFormat, LongMessages};
use super::rules::Side;
use super::{to_irc, to_letschat};
use crate::domain::{Endpoint, Message, MessagePart, RenderedMessage};

/// The addressee of a direct message to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmAddress<'t> {
    /// The bridge: a request for help.
    Help,
    /// The bridge: a request for the list of users.
    Who,
    /// The user with this name: `!msg NAME TEXT`, `@NAME TEXT`.
    To {
        /// The name.
        name: &'t str,
        /// The text; may be empty.
        text: &'t str,
    },
    /// The user with this name, if there is one; otherwise, all of it is meant for the implicit recipient:
    /// `NAME: TEXT`.
    MaybeTo {
        /// The name.
        name: &'t str,
        /// The text.
        text: &'t str,
    },
    /// The implicit recipient, without a name.
    Implicit,
}

impl<'t> DmAddress<'t> {
    /// Parses `text`, sent to the bridge's user or nick `bridge`.
    #[must_use]
    pub fn parse(text: &'t str, bridge: &str) -> Self {
        let text = text.trim();
        let (first, rest) = split_word(text);
        if first.eq_ignore_ascii_case("!msg") {
            let (name, text) = split_word(rest);
            return Self::To { name: name.trim_start_matches('@'), text };
        }
        let question = if rest.is_empty() { first } else { bot_command_word(first, rest, bridge) };
        match question.to_ascii_lowercase().as_str() {
            "!help" | "help" => return Self::Help,
            "!who" => return Self::Who,
            _ => {}
        }
        // An unknown command is probably mistyped, and not meant for anybody else.
        if first.len() > 1 && first.starts_with('!') && first[1..].starts_with(char::is_alphabetic)
        {
            return Self::Help;
        }
        if let Some(name) = first.strip_prefix('@').filter(|name| !name.is_empty()) {
            return Self::To { name: name.trim_end_matches([':', ',']), text: rest };
        }
        match first.strip_suffix([':', ',']).filter(|name| !name.is_empty() && !rest.is_empty()) {
            Some(name) => Self::MaybeTo { name, text: rest },
            None => Self::Implicit,
        }
    }
}

/// The command in `@bridge help`; empty if another name is addressed.
fn bot_command_word<'t>(first: &str, rest: &'t str, bridge: &str) -> &'t str {
    let name = first.trim_start_matches('@').trim_end_matches([':', ',']);
    match rest {
        _ if !name.eq_ignore_ascii_case(bridge) => "",
        "help" | "!help" => "!help",
        "who" | "!who" => "!who",
        _ => "",
    }
}

/// The first word, and the rest.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// Renders a direct message at `now` for its recipient, who sees the author as a user of `endpoint`. `origin`
/// goes first, if the name alone would be ambiguous.
#[must_use]
pub fn render_dm(
    message: &Message,
    endpoint: &Endpoint,
    format: &LinkFormat,
    origin: Option<&str>,
    now: Timestamp,
) -> RenderedMessage {
    let directory = EmptyDirectory(endpoint);
    let mut rendered = match Side::of(endpoint) {
        // Not truncated: a direct message has no public link.
        Side::LetsChat => {
            let mut format = format.clone();
            format.channel.long_messages = LongMessages::All;
            to_irc(message, MessagePart::Whole, &format, &directory, None, now)
        }
        Side::Irc => {
            let nothing = std::iter::empty();
            to_letschat(message, nothing, MessagePart::Whole, format, &directory, now)
        }
    };
    if let Some(origin) = origin {
        rendered.prefix = format!("[{origin}] {}", rendered.prefix);
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, EndpointId, MessageKind, Network};

    fn to<'t>(name: &'t str, text: &'t str) -> DmAddress<'t> {
        DmAddress::To { name, text }
    }

    #[test]
    fn recipient_is_parsed_from_the_text() {
        for (text, addressed) in [
            ("!msg bob hello there", to("bob", "hello there")),
            ("!MSG  @bob   hello", to("bob", "hello")),
            ("!msg bob", to("bob", "")),
            ("!msg", to("", "")),
            ("@ann hello", to("ann", "hello")),
            ("@ann: hello", to("ann", "hello")),
            ("@office/ann[m]\nhello\nyou", to("office/ann[m]", "hello\nyou")),
            ("@ann", to("ann", "")),
            ("bob: hello", DmAddress::MaybeTo { name: "bob", text: "hello" }),
            ("bob, hello", DmAddress::MaybeTo { name: "bob", text: "hello" }),
            ("hello bob", DmAddress::Implicit),
            ("hello:", DmAddress::Implicit),
            (": hello", DmAddress::Implicit),
            ("@ hello", DmAddress::Implicit),
            ("", DmAddress::Implicit),
        ] {
            assert_eq!(DmAddress::parse(text, "bridge"), addressed, "{text:?}");
        }
    }

    #[test]
    fn help_and_who_are_for_the_bridge() {
        for (text, addressed) in [
            ("!help", DmAddress::Help),
            ("help", DmAddress::Help),
            ("@bridge help", DmAddress::Help),
            ("Bridge: !help", DmAddress::Help),
            ("!who", DmAddress::Who),
            ("@bridge who", DmAddress::Who),
            ("who", DmAddress::Implicit),
            ("help me", DmAddress::Implicit),
            ("!mgs bob a secret", DmAddress::Help),
            ("!status", DmAddress::Help),
            ("!!", DmAddress::Implicit),
            ("!", DmAddress::Implicit),
            ("@ann help", to("ann", "help")),
        ] {
            assert_eq!(DmAddress::parse(text, "bridge"), addressed, "{text:?}");
        }
    }

    #[test]
    fn dm_is_rendered_untruncated_with_its_author() {
        let message = |body: &str| Message {
            source: EndpointId(1),
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: body.to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        };
        let format = LinkFormat::default();
        let channel = Endpoint::channel(&Network::new("office"), "#tea");
        let tell = |body: &str, endpoint: &Endpoint, whence| {
            render_dm(&message(body), endpoint, &format, whence, Timestamp::UNIX_EPOCH).full_text()
        };
        assert_eq!(tell("\u{2}hi\u{2} @bob", &channel, None), "<ann> hi @bob");
        assert_eq!(tell("hi", &channel, Some("office")), "[office] <ann> hi");
        let long = "a\nb\nc\nd\ne\nf";
        assert_eq!(tell(long, &Endpoint::room("tea"), None), format!("<ann> {long}"));
    }
}
