//! Parses single values. Each function returns the value, or the problem and how to fix it.

mod accounts;
mod address;
mod admin;
mod format;
mod irc;
mod letschat;
mod log;
mod store;
mod time;
mod value;
mod web;

use std::str::FromStr;

use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::domain::UnknownWord;

pub(super) use accounts::{
    account_email, account_username, email, letschat_sender_mode, sender_mode,
};
pub(super) use address::{
    base_url, certificate_pin, host_port, ip_address, ipv6_prefix, proxy_url,
};
pub(super) use admin::{admin_token, host_name};
pub(super) use format::{
    announcement, emotes, extract_nicks_rule, filled_too_long, formatting, ignore_rule,
    long_messages, merge_lines, passthrough, rewrite_rule, template, topic_sync, user_matcher,
    user_name, verbosity,
};
pub(super) use irc::{
    account_name, channel_key, channel_name, charset, fallback_charset, identify_template,
    network_name, nick, nick_template, raw_command, realname, services_host, services_target,
    username, webirc_host,
};
pub(super) use letschat::{room, token, token_user};
pub(super) use log::log_filter;
pub(super) use store::{node_name, postgres_url, root_certificate_of};
pub(super) use time::{catch_up_policy, duration, duration_or_forever};
pub(super) use value::{as_str, wrong_type};
pub(super) use web::{byte_size, byte_size_or_none, ip_net, listen_address};

/// Why a value is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueError {
    /// The problem.
    pub(super) problem: String,
    /// How to fix it.
    pub(super) help: String,
    /// Whether the value has the wrong type: for example a number instead of text.
    pub(super) is_type_error: bool,
}

impl ValueError {
    pub(super) fn new(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: found.into(), help: remedy.into(), is_type_error: false }
    }

    /// The value has the wrong type.
    pub(super) fn type_error(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { is_type_error: true, ..Self::new(found, remedy) }
    }

    /// The problem is about `text`, which it starts with: `"x" is not host:port`.
    pub(super) fn quoting(text: &str, found: &str, remedy: impl Into<String>) -> Self {
        Self::new(format!("{} {found}", quote(text)), remedy)
    }
}

/// Quotes `text` for one line of a terminal.
pub(super) fn quote(text: &str) -> String {
    const MAX_LEN: usize = 80;
    // A token may be in the wrong key, for example as a file name. It stays secret.
    if text.split('/').any(|part| token(part).is_ok()) {
        return "\"…\"".to_owned();
    }
    match text.char_indices().nth(MAX_LEN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Parses the name of a variant of `T`.
pub(super) fn enum_value<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    T::deserialize(text.into_deserializer()).map_err(|UnknownVariant(words)| {
        let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
        ValueError::quoting(text, "is not a valid value", format!("use {}", words.join(" or ")))
    })
}

/// Parses one of the words of a type of the domain.
pub(super) fn known_word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, ValueError> {
    text.parse().map_err(|unknown: UnknownWord| {
        ValueError::quoting(text, "is not a valid value", unknown.to_string())
    })
}

/// The names of all variants.
#[derive(Debug)]
struct UnknownVariant(&'static [&'static str]);

impl std::fmt::Display for UnknownVariant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for UnknownVariant {}

impl serde::de::Error for UnknownVariant {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// Assertions for parsers.
#[cfg(test)]
mod check {
    use super::ValueError;

    #[track_caller]
    pub(super) fn assert_parses<T: PartialEq + std::fmt::Debug>(
        read: impl Fn(&str) -> Result<T, ValueError>,
        text: &str,
        value: T,
    ) {
        assert_eq!(read(text), Ok(value), "{text:?}");
    }

    #[track_caller]
    pub(super) fn assert_rejects<T: std::fmt::Debug>(
        read: impl Fn(&str) -> Result<T, ValueError>,
        text: &str,
        found: &str,
    ) {
        let flaw = read(text).expect_err(text);
        assert_eq!(flaw.problem, found, "{text:?}");
        assert!(!flaw.help.is_empty(), "{text:?}");
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::check::{assert_parses, assert_rejects};
    use super::*;
    use crate::config::LogOutput;
    use crate::domain::FloodControl;

    #[test]
    fn enum_value_accepts_only_its_variants() {
        assert_parses(known_word, "ngircd", FloodControl::Ngircd);
        assert_parses(enum_value, "json", LogOutput::Json);
        assert_rejects(known_word::<FloodControl>, "Fast", "\"Fast\" is not a valid value");
        let flaw = enum_value::<LogOutput>("text").expect_err("text");
        assert_eq!(flaw.help, "use \"auto\" or \"human\" or \"json\"");
    }

    #[test]
    fn quote_redacts_tokens() {
        let token = base64::engine::general_purpose::STANDARD.encode(format!(
            "{}:{}",
            "0a".repeat(12),
            "f9".repeat(24)
        ));
        assert_eq!(quote(&token), "\"…\"");
        assert_eq!(quote(&format!("/etc/{token}")), "\"…\"");
        assert_eq!(quote(&token[1..]), format!("{:?}…", &token[1..81]));
    }

    #[test]
    fn quote_escapes_and_truncates() {
        assert_eq!(quote("ü\n"), "\"ü\\n\"");
        assert_eq!(quote(&"ü".repeat(81)).chars().count(), 83);
    }
}
