//! What the text of one value means: pure functions, each with words for what does not fit.

mod address;
mod irc;
mod letschat;
mod log;
mod looks;
mod time;
mod web;

use serde::de::{DeserializeOwned, IntoDeserializer};

pub(super) use address::{address, host_port, pin, prefix, proxy, url};
pub(super) use irc::{
    account, channel, channel_key, charset, command, fallback_charset, identify, network_name,
    nick, nick_template, realname, services, services_host, username, webirc_host,
};
pub(super) use letschat::{room, token};
pub(super) use log::level;
pub(super) use looks::{
    emotes, follow, formatting, ignore, join, long, passthrough, rewrite, show, template, unwrap,
    who,
};
pub(super) use time::{catch_up, duration, keep};
pub(super) use web::{listen, net, size, size_or_none};

/// Why a value does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    /// What was found.
    pub(super) found: String,
    /// What would do.
    pub(super) remedy: String,
    /// Whether it is of another kind than what is wanted here: a number for text, say.
    pub(super) misfit: bool,
}

impl Flaw {
    pub(super) fn new(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { found: found.into(), remedy: remedy.into(), misfit: false }
    }

    /// The value is of another kind than what is wanted.
    pub(super) fn misfit(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { misfit: true, ..Self::new(found, remedy) }
    }

    /// `text` is not what is wanted: `"x" is not host:port`.
    pub(super) fn of(text: &str, found: &str, remedy: impl Into<String>) -> Self {
        Self::new(format!("{} {found}", shown(text)), remedy)
    }
}

/// `text` in quotes, fit for one line of a terminal.
pub(super) fn shown(text: &str) -> String {
    const ENOUGH: usize = 80;
    // Written for the name of its file, or pasted anywhere else, a token stays a secret.
    if text.split('/').any(|part| token(part).is_ok()) {
        return "\"…\"".to_owned();
    }
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// One of the words that `T` derives its variants from.
pub(super) fn choice<T: DeserializeOwned>(text: &str) -> Result<T, Flaw> {
    T::deserialize(text.into_deserializer()).map_err(|Choices(words)| {
        let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
        Flaw::of(text, "is not known here", format!("it can be {}", words.join(" or ")))
    })
}

/// The words that would have done.
#[derive(Debug)]
struct Choices(&'static [&'static str]);

impl std::fmt::Display for Choices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Choices {}

impl serde::de::Error for Choices {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// Checks a reader of values in tables.
#[cfg(test)]
mod check {
    use super::Flaw;

    #[track_caller]
    pub(super) fn reads<T: PartialEq + std::fmt::Debug>(
        read: impl Fn(&str) -> Result<T, Flaw>,
        text: &str,
        value: T,
    ) {
        assert_eq!(read(text), Ok(value), "{text:?}");
    }

    #[track_caller]
    pub(super) fn refuses<T: std::fmt::Debug>(
        read: impl Fn(&str) -> Result<T, Flaw>,
        text: &str,
        found: &str,
    ) {
        let flaw = read(text).expect_err(text);
        assert_eq!(flaw.found, found, "{text:?}");
        assert!(!flaw.remedy.is_empty(), "{text:?}");
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::check::{reads, refuses};
    use super::*;
    use crate::config::{LogFormat, Pace};

    #[test]
    fn a_choice_is_one_of_its_words() {
        reads(choice, "ngircd", Pace::Ngircd);
        reads(choice, "json", LogFormat::Json);
        refuses(choice::<Pace>, "Fast", "\"Fast\" is not known here");
        let flaw = choice::<LogFormat>("text").expect_err("text");
        assert_eq!(flaw.remedy, "it can be \"auto\" or \"human\" or \"json\"");
    }

    #[test]
    fn a_token_is_not_shown_wherever_it_was_pasted() {
        let token = base64::engine::general_purpose::STANDARD.encode(format!(
            "{}:{}",
            "0a".repeat(12),
            "f9".repeat(24)
        ));
        assert_eq!(shown(&token), "\"…\"");
        assert_eq!(shown(&format!("/etc/{token}")), "\"…\"");
        assert_eq!(shown(&token[1..]), format!("{:?}…", &token[1..81]));
    }

    #[test]
    fn what_is_shown_fits_a_line() {
        assert_eq!(shown("ü\n"), "\"ü\\n\"");
        assert_eq!(shown(&"ü".repeat(81)).chars().count(), 83);
    }
}
