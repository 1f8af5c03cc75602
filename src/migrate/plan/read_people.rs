//! Reads the people of a plan.

use std::collections::HashMap;

use toml_edit::TableLike;

use super::claims::Claims;
use super::fields::{PlanTable, PlanText, PlanValue, sections};
use super::{PlannedAccount, PlannedNick, PlannedPerson};
use crate::domain::ObjectId;
use crate::migrate::people::Sureness;

/// The keys of a person.
const KEYS: &[&str] = &[
    "id",
    "name",
    "account",
    "username",
    "user_id",
    "uid",
    "nicks",
    "sure",
    "bot",
    "leave_out",
    "checked",
];

/// The longest name in a directory, which Let's Chat keeps in `uid`.
const MAX_LEN_UID: usize = 24;

/// Somebody whom no plan names.
pub(super) fn nobody() -> PlannedPerson {
    PlannedPerson {
        id: "-".to_owned(),
        name: "-".to_owned(),
        nicks: Vec::new(),
        account: PlannedAccount::Bridge,
        sure: Sureness::Doubtful,
        is_bot: false,
        is_left_out: false,
    }
}

/// The people of a plan; their nicks are noted in `claims`.
pub(super) fn read_people(
    text: &PlanText,
    root: &dyn TableLike,
    claims: &mut Claims,
) -> Vec<PlannedPerson> {
    let mut people: Vec<PlannedPerson> = Vec::new();
    let mut lines: Vec<Option<usize>> = Vec::new();
    let (mut ids, mut new_names) = (HashMap::new(), HashMap::new());
    for table in sections(text, root, "person") {
        table.check_keys(KEYS);
        let Some(person) = read_person(&table) else { continue };
        note_repeated(&table, "id", &person.id, &mut ids, "give each person another id");
        if let PlannedAccount::New { username, .. } = &person.account {
            let help = "give them another username, or put the nicks of both into one [[person]]";
            note_repeated(&table, "username", username, &mut new_names, help);
        }
        for (nick, value) in &person.1 {
            if let Some(other) = claims.add(nick, people.len()) {
                let who = people.get(other).map_or(person.id.as_str(), |it| it.id.as_str());
                let line = lines.get(other).copied().flatten().or(table.line);
                let line = line.map_or_else(String::new, |line| format!(" (line {line})"));
                value.note(
                    format!("{}/{} belongs to {who}{line} at that time", nick.network, nick.nick),
                    "remove one of the two, or write from and until for both".to_owned(),
                );
            }
        }
        lines.push(table.line);
        people.push(person.0);
    }
    people
}

/// A person, and their nicks with where they stand.
struct ReadPerson<'t>(PlannedPerson, Vec<(PlannedNick, PlanValue<'t>)>);

impl std::ops::Deref for ReadPerson<'_> {
    type Target = PlannedPerson;

    fn deref(&self) -> &PlannedPerson {
        &self.0
    }
}

fn note_repeated(
    table: &PlanTable<'_>,
    key: &str,
    name: &str,
    seen: &mut HashMap<String, Option<usize>>,
    help: &str,
) {
    if let Some(other) = seen.insert(name.to_ascii_lowercase(), table.line) {
        let first = other.map_or_else(String::new, |line| format!(" (line {line})"));
        let line = table.get(key).and_then(|value| value.line).or(table.line);
        let problem = format!("{name:?} is there already{first}");
        table.text.note(line, &table.key(key), problem, help.to_owned());
    }
}

fn read_person<'t>(table: &PlanTable<'t>) -> Option<ReadPerson<'t>> {
    let id = table.needed("id", "write a name that no other person has, like \"libera/ann\"");
    let name = table.needed("name", "write how they are called");
    table.flag("checked");
    let (is_bot, is_left_out) = (table.flag("bot"), table.flag("leave_out"));
    let values = table.items("nicks", "a list, like [\"libera/ann\", \"libera/ann_\"]");
    let nicks: Vec<_> =
        values.into_iter().filter_map(|value| Some((read_nick(&value)?, value))).collect();
    let (id, name) = (id?, name?);
    let account = read_account(table, &name)?;
    let sure = read_sure(table);
    let of_person = nicks.iter().map(|(nick, _)| nick.clone()).collect();
    let person = PlannedPerson { id, name, nicks: of_person, account, sure, is_bot, is_left_out };
    Some(ReadPerson(person, nicks))
}

fn read_sure(table: &PlanTable<'_>) -> Sureness {
    let Some(value) = table.get("sure") else { return Sureness::Certain };
    match value.as_str() {
        Some("certain") => Sureness::Certain,
        Some("likely") => Sureness::Likely,
        Some("doubtful") => Sureness::Doubtful,
        _ => {
            value.mistake("\"certain\", \"likely\" or \"doubtful\", or remove the line");
            Sureness::Doubtful
        }
    }
}

fn read_nick(value: &PlanValue<'_>) -> Option<PlannedNick> {
    const EXAMPLE: &str = "\"NETWORK/NICK\", or { nick = \"NETWORK/NICK\", from = 2014-03-01T18:00:00Z, until = \
                           2014-04-01T00:00:00Z }";
    let table = value.table();
    let written = match &table {
        Some(table) => {
            table.check_keys(&["nick", "from", "until"]);
            table.needed("nick", &format!("write {EXAMPLE}"))?
        }
        None => match value.as_str() {
            Some(text) => text.to_owned(),
            None => {
                value.mistake(EXAMPLE);
                return None;
            }
        },
    };
    let parts = written.split_once('/').filter(|(network, nick)| {
        let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        is_word(network) && is_word(nick) && !nick.contains(' ')
    });
    let Some((network, nick)) = parts else {
        value.mistake(EXAMPLE);
        return None;
    };
    let time = |name| table.as_ref().and_then(|table| table.time(name));
    let (from, until) = (time("from"), time("until"));
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        let problem = format!("it begins at {from}, when it has ended ({until})");
        value.note(problem, "write a later time for until".to_owned());
        return None;
    }
    Some(PlannedNick { network: network.to_owned(), nick: nick.to_owned(), from, until })
}

fn read_account(table: &PlanTable<'_>, name: &str) -> Option<PlannedAccount> {
    const KINDS: &str = "one of \"existing\" (an account of their own), \"made\" (by the bridge), \"new\" (without \
                         login), \"bridge\" (the bridge's own)";
    let kind = table.needed("account", &format!("write {KINDS}"))?;
    let (id, uid) = (read_id(table), read_uid(table));
    let new_username = |help| {
        let username = table.needed("username", help)?;
        if let Some(value) = table.get("username")
            && !is_username(&username)
        {
            value.mistake("a user name: at least two of a-z, 0-9, _, and - or . in between");
        }
        Some(username.to_ascii_lowercase())
    };
    let of_there = "write the user name of the account in Let's Chat";
    Some(match kind.as_str() {
        "existing" => {
            PlannedAccount::Existing { username: table.needed("username", of_there)?, id }
        }
        "made" => PlannedAccount::Made { username: table.needed("username", of_there)?, id },
        "new" => {
            let username =
                new_username("write the user name of the new account, like \"ann.irc\"")?;
            PlannedAccount::New { username, display_name: name.to_owned(), uid }
        }
        "bridge" => PlannedAccount::Bridge,
        _ => {
            if let Some(value) = table.get("account") {
                value.mistake(KINDS);
            }
            return None;
        }
    })
}

fn read_id(table: &PlanTable<'_>) -> Option<ObjectId> {
    let value = table.get("user_id")?;
    let id = value.as_str().and_then(|text| text.parse().ok());
    if id.is_none() {
        value.mistake("the id of the account (24 hexadecimal digits), or remove the line");
    }
    id
}

fn read_uid(table: &PlanTable<'_>) -> Option<String> {
    let value = table.get("uid")?;
    let uid = value.string()?;
    if uid.chars().count() > MAX_LEN_UID {
        value.mistake("at most 24 characters: Let's Chat keeps no more");
    }
    Some(uid)
}

/// Whether Let's Chat accepts this as a user name: `^[\w][\w\-\.]*[\w]$`.
pub(super) fn is_username(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() >= 2
        && name.chars().all(|c| is_word(c) || "-.".contains(c))
        && name.starts_with(is_word)
        && name.ends_with(is_word)
}
