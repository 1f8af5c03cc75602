//! Reads `[user_map]`: users of Let's Chat, and who they are on IRC.

use config::{Value, ValueKind};

use super::parse;
use crate::config::PersonSettings;
use crate::config::document;
use crate::config::entry::{Entry, conflict};
use crate::config::keys::SectionKind;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{as_str, text};
use crate::translate::UserMatcher;

/// Reads `[user_map]`, in the order of the file.
pub(super) fn read(top: &mut Section<'_>) -> Vec<PersonSettings> {
    let written = top.child("user_map");
    let section = written.and_then(|entry| entry.section(SectionKind::Section("user_map")));
    let entries = section.map(|section| section.entries()).unwrap_or_default();
    entries.into_iter().filter_map(|(user, entry)| person(user, &entry)).collect()
}

/// Reads a person: a nick or account, a list of these, or a section with more about them.
fn person(user: &str, entry: &Entry<'_>) -> Option<PersonSettings> {
    let only = |matchers| PersonSettings {
        user: user.to_owned(),
        matchers,
        token: None,
        email: None,
        sender_mode: None,
    };
    match &entry.value.kind {
        ValueKind::Table(_) => person_section(user, entry.section(SectionKind::Person)?),
        ValueKind::Array(_) => {
            let example = document::child_path("user_map", "ann") + " = [\"ann\", \"account:ann\"]";
            entry.items(&example, matcher).map(only)
        }
        _ => entry.parse(matcher).map(|who| only(vec![who])),
    }
}

fn person_section(user: &str, mut section: Section<'_>) -> Option<PersonSettings> {
    let account = section.get("account", text(parse::user_name)).map(UserMatcher::Account);
    let nick = section.get("nick", text(parse::user_name)).map(UserMatcher::Name);
    let listed = section
        .entry("irc")
        .and_then(|entry| entry.items("irc = [\"ann\", \"account:ann\"]", matcher));
    if !section.has_any(&["account", "nick", "irc"]) {
        let remedy = "add account = \"david\", with their services account, or nick or irc";
        let error = ValueError::new("nobody on IRC", remedy);
        section.report_error(section.path.clone(), error);
    }
    let token = section.secret("token", "token_file", parse::token);
    let email = section.entry("email");
    if let (Some((_, token)), Some(email)) = (&token, &email) {
        email.report_error(conflict(token));
    }
    let person = PersonSettings {
        user: user.to_owned(),
        matchers: account.into_iter().chain(nick).chain(listed.into_iter().flatten()).collect(),
        token: token.map(|(token, _)| token),
        email: email.and_then(|entry| entry.parse(text(parse::email))),
        sender_mode: section.get("sender_mode", text(parse::letschat_sender_mode)),
    };
    section.deny_unknown_keys();
    Some(person)
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
