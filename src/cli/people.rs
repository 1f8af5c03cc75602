//! `letsbridge people`: lists the people of IRC who have spoken, and the accounts on Let's Chat that they speak as.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::config;
use crate::domain::{AccountAccess, AccountKind, Identity, PuppetLoginState, SpeakerAccount};
use crate::service::account_documents::PersonWithAccounts;
use crate::store;
use crate::store::{KeptPuppetLogin, Person, StoreError};

/// The titles of the columns.
const TITLES: [&str; 7] =
    ["NETWORK", "NICK", "KNOWN BY", "ACCOUNT", "KIND", "ACCESS", "LAST SPOKE (UTC)"];

/// The titles of the columns about puppets.
const PUPPET_TITLES: [&str; 6] =
    ["NETWORK", "PUPPET OF", "SERVICES ACCOUNT", "BY", "STATE", "SINCE (UTC)"];

/// What stands in an empty cell.
const NONE: &str = "-";

/// The arguments of `people`.
#[derive(Debug, Args)]
#[command(
    after_help = "KNOWN BY: the services account of IRC, or else the nick. KIND: made (the bridge \
                  registered the account), written (by `letsbridge accounts write`), taken over \
                  (made by the bridge, its person's own now), linked (their own), or none. ACCESS: \
                  planned (not there yet), usable, or lost (Let's Chat refuses the bridge). \
                  Accounts with a token in [user_map] are not listed. Below are the puppets that \
                  log in to the services of their network. Exit status: 0 done; 1 the database \
                  cannot be read; 2 configuration or argument error."
)]
pub(super) struct PeopleArgs {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Lists the people in the database that `arguments` select.
pub(super) fn people(arguments: &PeopleArgs) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let Some(people) = read_or_say_why(&settings.state_dir) else { return EXIT_FAILURE.into() };
    let puppets = match store::read_puppet_logins(&settings.state_dir) {
        Ok(puppets) => puppets,
        Err(error) => {
            say_why_not_read(&settings.state_dir, &error);
            return EXIT_FAILURE.into();
        }
    };
    if arguments.json {
        people.iter().for_each(|(person, accounts)| println!("{}", to_json(person, accounts)));
        puppets.iter().for_each(|puppet| println!("{}", puppet_to_json(puppet)));
        return ExitCode::SUCCESS;
    }
    if people.is_empty() {
        println!("nobody of IRC has spoken yet, as far as the bridge has kept it");
    } else {
        print!("{}", table(&people));
    }
    if !puppets.is_empty() {
        print!("\n{}", puppet_table(&puppets));
    }
    ExitCode::SUCCESS
}

/// Reads the people in the store in `directory`; prints why that is not possible.
pub(super) fn read_or_say_why(directory: &Path) -> Option<Vec<PersonWithAccounts>> {
    match store::read_people(directory) {
        Ok(people) => Some(people),
        Err(error) => {
            say_why_not_read(directory, &error);
            None
        }
    }
}

/// Prints why the store in `directory` cannot be read.
pub(super) fn say_why_not_read(directory: &Path, error: &StoreError) {
    if store::is_missing(directory) {
        eprintln!(
            "{}: there is no database: `letsbridge run` makes it. If the bridge has run already, \
             check state_dir in the configuration",
            directory.display()
        );
    } else {
        eprintln!("{error}");
    }
}

/// The word for where an account comes from.
pub(super) fn kind_word(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Made => "made",
        AccountKind::Written => "written",
        AccountKind::TakenOver => "taken over",
        AccountKind::Linked => "linked",
    }
}

fn access_word(access: AccountAccess) -> &'static str {
    match access {
        AccountAccess::Planned => "planned",
        AccountAccess::Usable => "usable",
        AccountAccess::Lost => "lost",
    }
}

/// One line per account, and per person without one, below the titles.
fn table(people: &[PersonWithAccounts]) -> String {
    let mut rows = vec![TITLES.map(str::to_owned)];
    for (person, accounts) in people {
        if accounts.is_empty() {
            rows.push(row(person, None));
        }
        rows.extend(accounts.iter().map(|account| row(person, Some(account))));
    }
    aligned(&rows)
}

/// One line per puppet with a services account on IRC, below the titles.
fn puppet_table(puppets: &[KeptPuppetLogin]) -> String {
    let mut rows = vec![PUPPET_TITLES.map(str::to_owned)];
    rows.extend(puppets.iter().map(|puppet| {
        [
            printable(puppet.network.as_str()),
            printable(&puppet.username),
            printable(puppet.account.as_deref().unwrap_or(NONE)),
            login_word(puppet).to_owned(),
            state_word(puppet.state).to_owned(),
            minute(puppet.since),
        ]
    }));
    aligned(&rows)
}

/// The rows, with columns of the same width.
fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..COLUMNS).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn state_word(state: PuppetLoginState) -> &'static str {
    match state {
        PuppetLoginState::Untried => "untried",
        PuppetLoginState::Accepted => "accepted",
        PuppetLoginState::Refused => "refused",
    }
}

fn puppet_to_json(puppet: &KeptPuppetLogin) -> Value {
    json!({
        "network": puppet.network.as_str(),
        "puppet_of": puppet.username,
        "services_account": puppet.account,
        "by": login_word(puppet),
        "state": state_word(puppet.state),
        "since": puppet.since.to_string(),
    })
}

fn login_word(puppet: &KeptPuppetLogin) -> &'static str {
    if puppet.by_certificate { "certificate" } else { "password" }
}

fn row(person: &Person, account: Option<&SpeakerAccount>) -> [String; TITLES.len()] {
    let of_account = |word: fn(&SpeakerAccount) -> &str| account.map_or(NONE, word);
    [
        printable(person.key.network.as_str()),
        printable(&person.nick),
        printable(&person.key.identity.to_string()),
        printable(account.map_or(NONE, |it| it.username.as_str())),
        account.map_or("none", |it| kind_word(it.kind)).to_owned(),
        of_account(|it| access_word(it.access)).to_owned(),
        minute(person.last_spoke),
    ]
}

/// A time to the minute: the bridge does not keep it more exactly.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `text` without characters that a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn to_json(person: &Person, accounts: &[SpeakerAccount]) -> Value {
    let (known_by, name) = match &person.key.identity {
        Identity::Account(name) => ("account", name),
        Identity::Nick(name) => ("nick", name),
    };
    let account = |it: &SpeakerAccount| {
        json!({
            "kind": kind_word(it.kind),
            "access": access_word(it.access),
            "username": it.username,
            "display_name": it.display_name,
            "id": it.user.as_ref().map(|user| &*user.0),
        })
    };
    json!({
        "network": person.key.network.as_str(),
        "nick": person.nick,
        "known_by": known_by,
        "identity": name,
        "last_spoke": person.last_spoke.to_string(),
        "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LetsChatUserId, Network, PersonId, PersonKey};

    fn ann() -> Person {
        let identity = Identity::Account("ann".to_owned());
        Person {
            id: PersonId(1),
            key: PersonKey { network: Network::new("office"), identity },
            nick: "Ann\x1b[m".to_owned(),
            lines: 3,
            last_spoke: "2026-11-22T10:00:31Z".parse().expect("a time"),
        }
    }

    fn account(kind: AccountKind, username: &str) -> SpeakerAccount {
        SpeakerAccount {
            person: PersonId(1),
            kind,
            user: Some(LetsChatUserId("5f".into())),
            username: username.to_owned(),
            display_name: "Ann".to_owned(),
            access: AccountAccess::Usable,
        }
    }

    #[test]
    fn each_account_has_a_line() {
        let accounts =
            vec![account(AccountKind::Made, "ann.irc"), account(AccountKind::Linked, "ann")];
        let dave = Person { id: PersonId(2), nick: "dave".to_owned(), ..ann() };
        let text = table(&[(ann(), accounts), (dave, Vec::new())]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "NETWORK  NICK    KNOWN BY     ACCOUNT  KIND    ACCESS  LAST SPOKE (UTC)",
                "office   Ann?[m  account ann  ann.irc  made    usable  2026-11-22 10:00",
                "office   Ann?[m  account ann  ann      linked  usable  2026-11-22 10:00",
                "office   dave    account ann  -        none    -       2026-11-22 10:00",
            ]
        );
    }

    #[test]
    fn each_puppet_with_a_services_account_has_a_line() {
        let puppet = KeptPuppetLogin {
            network: Network::new("office"),
            username: "bob".to_owned(),
            account: None,
            by_certificate: true,
            state: PuppetLoginState::Untried,
            since: "2026-11-22T10:00:31Z".parse().expect("a time"),
        };
        let text = puppet_table(std::slice::from_ref(&puppet));
        assert_eq!(
            text.lines().last(),
            Some("office   bob        -                 certificate  untried  2026-11-22 10:00")
        );
        assert_eq!(puppet_to_json(&puppet)["puppet_of"], "bob");
    }

    #[test]
    fn json_names_person_and_accounts() {
        let value = to_json(&ann(), &[account(AccountKind::TakenOver, "ann")]);
        assert_eq!((&value["known_by"], &value["identity"]), (&json!("account"), &json!("ann")));
        assert_eq!(value["accounts"][0]["kind"], "taken over");
        assert_eq!(value["accounts"][0]["id"], "5f");
        assert_eq!(value["last_spoke"], "2026-11-22T10:00:31Z");
    }
}
