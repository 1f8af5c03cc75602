//! A plan as text. Lines that begin with `#:` are the program's, and written anew each time.

use sha2::{Digest, Sha256};
use toml_edit::Value;

use super::PlannedNick;
use super::draft::{ChannelDraft, FileDraft, PersonDraft, PlanOptions};
use super::propose::said;
use crate::migrate::plan::PlannedAccount;

/// How a line of the program begins.
pub(super) const OURS: &str = "#:";

/// The longest line of nicks, in characters; longer ones have a nick per line.
const MAX_LEN_LINE: usize = 100;

/// How wide comments are, in characters.
const WIDTH: usize = 118;

/// A text as TOML.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A comment of the program: one line, or several with the later ones indented. Characters that TOML forbids in
/// comments, or that could end the line, become `?`.
pub(super) fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from(OURS);
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > OURS.len() + 4 {
            lines.push_str(&line);
            lines.push('\n');
            line = format!("{OURS}  ");
        }
        line.push(' ');
        line.extend(word.chars().map(|c| if c.is_control() { '?' } else { c }));
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

/// A short digest of what was proposed, by which it is seen whether it was edited.
pub(super) fn mark_of(decisions: &str) -> String {
    let digest = Sha256::digest(decisions.as_bytes());
    data_encoding::HEXLOWER.encode(&digest[..4])
}

/// The mark in comments of the program, if there is one.
pub(super) fn mark_in(comments: &str) -> Option<&str> {
    let line =
        comments.lines().find(|line| line.trim_start().starts_with(OURS) && line.contains(MARK))?;
    let (_, rest) = line.split_once(MARK)?;
    rest.split(']').next()
}

const MARK: &str = "[proposal ";

/// The comments above a person: what is known, and what is doubtful.
pub(super) fn person_comments(person: &PersonDraft) -> String {
    let facts = match &person.facts[..] {
        [first, rest @ ..] => {
            let mut text = comment(&format!("{first} {MARK}{}]", mark_of(&person.decisions())));
            text.extend(rest.iter().map(|fact| comment(fact)));
            text
        }
        [] => comment(&format!("{MARK}{}]", mark_of(&person.decisions()))),
    };
    facts + &doubts(&person.doubts)
}

fn doubts(doubts: &[String]) -> String {
    doubts.iter().map(|doubt| comment(&format!("? {doubt}"))).collect()
}

/// A person's section without its comments.
pub(super) fn person_section(id: &str, person: &PersonDraft) -> String {
    let mut text = format!("[[person]]\nid = {}\nname = {}\n", quoted(id), quoted(&person.name));
    text += &format!("account = {}\n", quoted(person.account.word()));
    match &person.account {
        PlannedAccount::Existing { username, id } | PlannedAccount::Made { username, id } => {
            text += &format!("username = {}\n", quoted(username));
            if let Some(id) = id {
                text += &format!("user_id = {}\n", quoted(&id.to_string()));
            }
        }
        PlannedAccount::New { username, uid, .. } => {
            text += &format!("username = {}\n", quoted(username));
            if let Some(uid) = uid {
                text += &format!("uid = {}\n", quoted(uid));
            }
        }
        PlannedAccount::Bridge => {}
    }
    if person.is_bot {
        text += "bot = true\n";
    }
    let nicks: Vec<String> = person.nicks.iter().map(nick_value).collect();
    text += &list("nicks", &nicks);
    text + &format!("sure = {}\n", quoted(&person.sure.to_string()))
}

/// A nick as a value of TOML.
pub(super) fn nick_value(nick: &PlannedNick) -> String {
    let name = quoted(&format!("{}/{}", nick.network, nick.nick));
    if nick.from.is_none() && nick.until.is_none() {
        return name;
    }
    let from = nick.from.map_or_else(String::new, |time| format!(", from = {time}"));
    let until = nick.until.map_or_else(String::new, |time| format!(", until = {time}"));
    format!("{{ nick = {name}{from}{until} }}")
}

/// A list on one line, if it is short.
fn list(key: &str, items: &[String]) -> String {
    let line = format!("{key} = [{}]\n", items.join(", "));
    if line.chars().count() <= MAX_LEN_LINE {
        return line;
    }
    let lines: String = items.iter().map(|item| format!("  {item},\n")).collect();
    format!("{key} = [\n{lines}]\n")
}

/// The comments above a channel.
pub(super) fn channel_comments(channel: &ChannelDraft) -> String {
    let first = said(channel.lines, channel.said);
    let mut text = comment(&format!("{first} {MARK}{}]", mark_of(&channel.decisions())));
    text.extend(channel.facts.iter().map(|fact| comment(fact)));
    text + &doubts(&channel.doubts)
}

/// A channel's section without its comments.
pub(super) fn channel_section(channel: &ChannelDraft) -> String {
    let (network, name) = (quoted(&channel.network), quoted(&channel.channel));
    let mut text = format!("[[channel]]\nnetwork = {network}\nchannel = {name}\n");
    if let Some(room) = &channel.room {
        text += &format!("room = {}\n", quoted(room));
    }
    if let Some(participants) = &channel.participants {
        let names: Vec<String> = participants.iter().map(|name| quoted(name)).collect();
        text += &list("participants", &names);
    }
    if channel.is_private {
        text += "private = true\n";
    }
    text
}

/// The files of a channel.
pub(super) fn files_section(channel: &ChannelDraft) -> String {
    let (network, name) = (quoted(&channel.network), quoted(&channel.channel));
    let files: String =
        channel.files.iter().map(|file| format!("  {},\n", file_value(file))).collect();
    format!("[[files]]\nnetwork = {network}\nchannel = {name}\nlist = [\n{files}]\n")
}

/// A file as a value of TOML.
pub(super) fn file_value(file: &FileDraft) -> String {
    let path = quoted(&file.path.to_string_lossy());
    let mut text = format!("{{ path = {path}, format = {}", quoted(&file.format));
    if let Some((network, channel)) = &file.in_database {
        text += &format!(", network = {}, channel = {}", quoted(network), quoted(channel));
    }
    if let Some(zone) = &file.timezone {
        text += &format!(", timezone = {}", quoted(zone));
    }
    if let Some(owner) = &file.owner {
        text += &format!(", owner = {}", quoted(owner));
    }
    text + " }"
}

/// The section about how logs are read; empty if there is nothing to say.
pub(super) fn reading_section(options: &PlanOptions) -> String {
    let values = [("timezone", &options.timezone), ("charset", &options.charset)];
    let mut lines: String = values
        .iter()
        .filter_map(|(key, value)| Some(format!("{key} = {}\n", quoted(value.as_deref()?))))
        .collect();
    if !options.patterns.is_empty() {
        let patterns: Vec<String> = options.patterns.iter().map(|it| quoted(it)).collect();
        lines += &list("patterns", &patterns);
    }
    if lines.is_empty() { lines } else { format!("[reading]\n{lines}") }
}
