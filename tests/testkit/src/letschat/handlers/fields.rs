//! The fields of an account, as they are given, and which of them the server accepts.

use serde_json::Value;

use super::call::{Call, as_string, truthy};
use super::errors::{Invalid, Kind};
use crate::letschat::id::Id;
use crate::letschat::setup::MongooseVersion;
use crate::letschat::state::ServerState;
use crate::letschat::state::account::Account;

/// What an account is given, in the order in which the server sets it: names of fields, and values
/// as the server keeps them.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Option<String>)>);

impl Fields {
    /// Sets a field to what was given, trimmed; user names and mail addresses in lower case.
    pub(super) fn set(&mut self, path: &'static str, given: Option<String>) {
        let value = given.map(|text| match path {
            "username" | "email" => text.trim().to_lowercase(),
            _ => text.trim().to_owned(),
        });
        self.0.push((path, value));
    }

    /// Sets a field, unless nothing or an empty text was given.
    pub(super) fn set_if_given(&mut self, path: &'static str, given: Option<String>) {
        if given.is_some() {
            self.set(path, given);
        }
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(other, _)| *other == path)?;
        value.as_deref()
    }

    /// What the server refuses. The fresh install finds out here, after the rest, what is taken.
    pub(super) fn invalid(&self, state: &ServerState, who: Option<&Id>) -> Vec<Invalid> {
        let refused =
            |kind, path, value: &Option<String>| Invalid { path, kind, value: value.clone() };
        let wrong = self.0.iter().filter_map(|(path, value)| {
            Some(refused(wrong(path, value.as_deref().unwrap_or_default())?, path, value))
        });
        let mut invalid: Vec<Invalid> = wrong.collect();
        if state.mongoose == MongooseVersion::V4_13 {
            let taken = self.taken(state, who).into_iter();
            invalid.extend(taken.map(|(path, value)| refused(Kind::Taken, path, value)));
        }
        invalid
    }

    /// Whether the database of the older server refuses it.
    pub(super) fn is_duplicate(&self, state: &ServerState, who: Option<&Id>) -> bool {
        !self.taken(state, who).is_empty()
    }

    /// The fields whose values others have.
    fn taken(&self, state: &ServerState, who: Option<&Id>) -> Vec<(&'static str, &Option<String>)> {
        let has = |account: &Account, path: &str, value: &str| match path {
            "username" => account.username == value,
            "email" => account.email == value,
            _ => false,
        };
        let mut others = Vec::new();
        for (path, value) in &self.0 {
            let value_text = value.as_deref().unwrap_or_default();
            let mut accounts = state.accounts.iter().filter(|account| Some(&account.id) != who);
            if accounts.any(|account| has(account, path, value_text)) {
                others.push((*path, value));
            }
        }
        others
    }

    /// Gives the account all of it.
    pub(super) fn apply(self, account: &mut Account) {
        for (path, value) in self.0 {
            let Some(value) = value else { continue };
            match path {
                "username" => account.username = value,
                "email" => account.set_email(value),
                "password" => account.password = Some(value),
                "firstName" => account.first_name = value,
                "lastName" => account.last_name = value,
                _ => account.display_name = value,
            }
        }
    }
}

/// The first of these parameters that is neither missing nor empty.
pub(super) fn given(call: &Call, names: &[&str]) -> Option<String> {
    let given: Option<&Value> =
        names.iter().find_map(|name| call.param(name).filter(|value| truthy(value)));
    given.and_then(|value| as_string(value).ok())
}

fn wrong(path: &str, value: &str) -> Option<Kind> {
    match path {
        // An empty password is not looked at.
        "password" => (!value.is_empty() && !is_password(value)).then_some(Kind::Pattern),
        _ if value.is_empty() => Some(Kind::Required),
        "username" => (!is_username(value)).then_some(Kind::Pattern),
        "email" => (!is_mail(value)).then_some(Kind::NoMail),
        _ => None,
    }
}

/// `^[\w][\w\-\.]*[\w]$`
fn is_username(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match text.as_bytes() {
        [first, middle @ .., last] => {
            is_word(first)
                && is_word(last)
                && middle.iter().all(|byte| is_word(byte) || b"-.".contains(byte))
        }
        _ => false,
    }
}

/// `^.{8,64}$`, counted as JavaScript counts.
fn is_password(text: &str) -> bool {
    (8..=64).contains(&text.encode_utf16().count())
        && !text.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
}

/// A mail address by the server's rules, without those for numeric hosts.
fn is_mail(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else { return false };
    let is_atom = |atom: &str| {
        let is_part =
            |byte: u8| byte.is_ascii_alphanumeric() || b"_!#$%&'*+-/=?^`{|}~".contains(&byte);
        !atom.is_empty() && atom.bytes().all(is_part)
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    local.split('.').all(is_atom) && host.contains('.') && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_usernames_there_may_be() {
        for (text, valid) in [
            ("ann", true),
            ("a.b-c_d", true),
            ("_a", true),
            ("a", false),
            ("", false),
            ("a|b", false),
            (".ann", false),
            ("ann.", false),
            ("änn", false),
            ("a b", false),
        ] {
            assert_eq!(is_username(text), valid, "{text:?}");
        }
    }

    #[test]
    fn which_passwords_there_may_be() {
        for (text, valid) in [
            ("1234567".to_owned(), false),
            ("12345678".to_owned(), true),
            ("x".repeat(64), true),
            ("x".repeat(65), false),
            ("😀".repeat(32), true),
            ("😀".repeat(33), false),
            ("12345678\n9".to_owned(), false),
        ] {
            assert_eq!(is_password(&text), valid, "{text:?}");
        }
    }

    #[test]
    fn which_mail_addresses_there_may_be() {
        for (text, valid) in [
            ("ann@example.com", true),
            ("ann.irc+x@irc.invalid", true),
            ("a@b", false),
            ("foo", false),
            ("@example.com", false),
            ("a..b@example.com", false),
            ("a@-x.com", false),
            ("a@x..com", false),
            ("a b@example.com", false),
        ] {
            assert_eq!(is_mail(text), valid, "{text:?}");
        }
    }
}
