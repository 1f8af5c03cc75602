//! Reads `[user_map]`: users of Let's Chat, and who they are on IRC.

use std::collections::HashMap;

use config::{Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};

use super::parse;
use crate::config::PersonSettings;
use crate::config::document;
use crate::config::entry::{Entry, conflict};
use crate::config::keys::SectionKind;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{as_str, text};
use crate::domain::Network;
use crate::translate::UserMatcher;

/// Reads `[user_map]`, in the order of the file. `bridge` is the bridge's own token.
pub(super) fn read(
    top: &mut Section<'_>,
    bridge: Option<&SecretString>,
    networks: &[&str],
) -> Vec<PersonSettings> {
    let written = top.child("user_map");
    let section = written.and_then(|entry| entry.section(SectionKind::Section("user_map")));
    let mut known = KnownPeople { networks, ..KnownPeople::default() };
    if let Some(user) = bridge.and_then(|token| parse::token_user(token.expose_secret())) {
        known.tokens.insert(user, "the bridge's own, letschat.token".to_owned());
    }
    let mut people = Vec::new();
    for (user, entry) in section.map(|section| section.entries()).unwrap_or_default() {
        known.check_name(user, &entry);
        people.extend(person(user, &entry, &mut known));
    }
    people
}

/// The people read so far, to find those who are there twice.
#[derive(Default)]
struct KnownPeople<'r> {
    /// By their user name in lower case.
    names: HashMap<String, Entry<'r>>,
    /// The networks of the file.
    networks: &'r [&'r str],
    /// Where a token of this user id is set.
    tokens: HashMap<String, String>,
}

impl<'r> KnownPeople<'r> {
    /// Reports a user who is there twice, since user names have no case.
    fn check_name(&mut self, user: &str, entry: &Entry<'r>) {
        if let Some(first) = self.names.get(&user.to_lowercase()) {
            let found = format!("the same user as {} ({})", first.path, first.origin());
            entry.report_error(ValueError::new(found, "write one entry for both"));
        } else {
            self.names.insert(user.to_lowercase(), entry.clone());
        }
    }

    /// Reports a token of an account that somebody else in the file speaks as.
    fn check_token(&mut self, token: &SecretString, entry: &Entry<'_>) {
        let Some(user) = parse::token_user(token.expose_secret()) else { return };
        if let Some(first) = self.tokens.get(&user) {
            let remedy = "log in to Let's Chat as this user, and generate their token there";
            entry.report_error(ValueError::new(
                format!("is a token of the same account as {first}"),
                remedy,
            ));
        } else {
            self.tokens.insert(user, format!("{} ({})", entry.path, entry.origin()));
        }
    }
}

/// Reads a person: a nick or account, a list of these, or a section with more about them.
fn person<'r>(
    user: &str,
    entry: &Entry<'r>,
    known: &mut KnownPeople<'r>,
) -> Option<PersonSettings> {
    let only = |matchers| PersonSettings {
        user: user.to_owned(),
        matchers,
        network: None,
        token: None,
        email: None,
        sender_mode: None,
    };
    match &entry.value.kind {
        ValueKind::Table(_) => {
            Some(person_section(user, entry.section(SectionKind::Person)?, known))
        }
        ValueKind::Array(_) => {
            let example = document::child_path("user_map", "ann") + " = [\"ann\", \"account:ann\"]";
            entry.items(&example, matcher).map(only)
        }
        _ => entry.parse(matcher).map(|who| only(vec![who])),
    }
}

fn person_section(
    user: &str,
    mut section: Section<'_>,
    known: &mut KnownPeople<'_>,
) -> PersonSettings {
    let matchers = matchers(&mut section);
    let token = section.secret("token", "token_file", parse::token);
    if let Some((token, entry)) = &token {
        known.check_token(token, entry);
        if matchers.iter().any(|who| matches!(who, UserMatcher::Name(_))) {
            let remedy = "write account with the user's services account, instead of the nick";
            entry.report_warning(ValueError::new(
                "anyone who takes the nick speaks as this user in Let's Chat",
                remedy,
            ));
        }
    }
    let network = network(&mut section, token.is_some(), known.networks);
    let email = section.entry("email");
    if let (Some((_, token)), Some(email)) = (&token, &email) {
        email.report_error(conflict(token));
    }
    let person = PersonSettings {
        user: user.to_owned(),
        matchers,
        network,
        token: token.map(|(token, _)| token),
        email: email.and_then(|entry| entry.parse(text(parse::email))),
        sender_mode: section.get("sender_mode", text(parse::letschat_sender_mode)),
    };
    section.deny_unknown_keys();
    person
}

/// Reads the network of a person. Somebody else may have the same account or nick on another one, so a token
/// needs it.
fn network(section: &mut Section<'_>, has_token: bool, networks: &[&str]) -> Option<Network> {
    let example = networks.first().copied().unwrap_or("office");
    let known = |text: &str| match networks.contains(&text) {
        true => Ok(Network::new(text)),
        false => Err(ValueError::quoting(
            text,
            "is not a network of this file",
            format!("write one of them: {}", networks.join(", ")),
        )),
    };
    if has_token && networks.len() > 1 && !section.has_any(&["network"]) {
        let remedy = format!("add network = \"{example}\", the one where that is them");
        section.report_error(
            section.path.clone(),
            ValueError::new("does not say on which network the user is known like this", remedy),
        );
    }
    section.get("network", text(known))
}

/// Reads who a person is on IRC.
fn matchers(section: &mut Section<'_>) -> Vec<UserMatcher> {
    let account = section.get("account", text(parse::user_name)).map(UserMatcher::Account);
    let nick = section.get("nick", text(parse::user_name)).map(UserMatcher::Name);
    let listed = section
        .entry("irc")
        .and_then(|entry| entry.items("irc = [\"ann\", \"account:ann\"]", matcher));
    let is_nobody = match &listed {
        Some(listed) => listed.is_empty() && !section.has_any(&["account", "nick"]),
        None => !section.has_any(&["account", "nick", "irc"]),
    };
    if is_nobody {
        let remedy = "add account with their services account, or nick, or irc with a list of both";
        section.report_error(
            section.path.clone(),
            ValueError::new("does not say who the user is on IRC", remedy),
        );
    }
    account.into_iter().chain(nick).chain(listed.into_iter().flatten()).collect()
}

fn matcher(value: &Value) -> Result<UserMatcher, ValueError> {
    match parse::user_matcher(as_str(value)?)? {
        UserMatcher::Mask(_) => {
            let remedy = "write a nick, or \"account:\" and an account";
            Err(ValueError::new("a mask could match anyone", remedy))
        }
        who => Ok(who),
    }
}
