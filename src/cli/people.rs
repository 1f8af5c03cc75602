//! `letsbridge people`: lists the people of IRC who have spoken, and the accounts on Let's Chat that they speak as.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::StateAt;
use super::table::NONE;
use super::{EXIT_FAILURE, table};
use crate::admin::{PersonAccountView, PersonView};
use crate::domain::PuppetLoginState;
use crate::service::account_documents::PersonWithAccounts;
use crate::store;
use crate::store::{KeptPuppetLogin, StoreError};

/// The titles of the columns.
const TITLES: [&str; 8] =
    ["NETWORK", "NICK", "SIDES", "KNOWN BY", "ACCOUNT", "KIND", "ACCESS", "LAST SPOKE (UTC)"];

/// The titles of the columns about puppets.
const PUPPET_TITLES: [&str; 6] =
    ["NETWORK", "PUPPET OF", "SERVICES ACCOUNT", "BY", "STATE", "SINCE (UTC)"];

/// The arguments of `people`.
#[derive(Debug, Args)]
#[command(
    after_help = "The bridge knows people only if they can have accounts. SIDES: irc (only there), or both (with \
                  an account of their own on Let's Chat). KNOWN BY: the services account of IRC, or else the \
                  nick. KIND: made (the bridge registered the account), written (by `letsbridge accounts \
                  write`), taken over (made by the bridge, its person's own now), linked (their own), or \
                  none. ACCESS: \
                  planned (not there yet), usable, or lost (Let's Chat refuses the bridge). \
                  Accounts with a token in [user_map] are not listed. Below are the puppets that \
                  log in to the services of their network. Exit status: 0 done; 1 the database \
                  cannot be read; 2 configuration or argument error."
)]
pub(super) struct PeopleArgs {
    #[command(flatten)]
    bridge: StateAt,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Lists the people in the database that `arguments` select.
pub(super) fn people(arguments: &PeopleArgs) -> ExitCode {
    let directory = match arguments.bridge.state_dir() {
        Ok(directory) => directory,
        Err(code) => return code.into(),
    };
    let Some(people) = read_or_say_why(&directory) else { return EXIT_FAILURE.into() };
    let people: Vec<PersonView> =
        people.iter().map(|(person, accounts)| PersonView::new(person, accounts)).collect();
    let puppets = match store::read_puppet_logins(&directory) {
        Ok(puppets) => puppets,
        Err(error) => {
            say_why_not_read(&directory, &error);
            return EXIT_FAILURE.into();
        }
    };
    if arguments.json {
        for person in &people {
            println!("{}", serde_json::to_string(person).unwrap_or_default());
        }
        puppets.iter().for_each(|puppet| println!("{}", puppet_to_json(puppet)));
        return ExitCode::SUCCESS;
    }
    let width = table::terminal_width();
    if people.is_empty() {
        println!("nobody of IRC has spoken yet, as far as the bridge has kept it");
    } else {
        print!("{}", people_table(&people, width));
    }
    if !puppets.is_empty() {
        print!("\n{}", puppet_table(&puppets, width));
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

/// One line per account, and per person without one, below the titles.
fn people_table(people: &[PersonView], width: Option<usize>) -> String {
    let mut rows = Vec::new();
    for person in people {
        if person.accounts.is_empty() {
            rows.push(row(person, None));
        }
        rows.extend(person.accounts.iter().map(|account| row(person, Some(account))));
    }
    table::render(TITLES, &rows, width)
}

/// One line per puppet with a services account on IRC, below the titles.
fn puppet_table(puppets: &[KeptPuppetLogin], width: Option<usize>) -> String {
    let row = |puppet: &KeptPuppetLogin| {
        [
            puppet.network.to_string(),
            puppet.username.clone(),
            puppet.account.as_deref().unwrap_or(NONE).to_owned(),
            login_word(puppet).to_owned(),
            state_word(puppet.state).to_owned(),
            minute(puppet.since),
        ]
    };
    let rows: Vec<_> = puppets.iter().map(row).collect();
    table::render(PUPPET_TITLES, &rows, width)
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

fn row(person: &PersonView, account: Option<&PersonAccountView>) -> [String; TITLES.len()] {
    let of_account = |word: fn(&PersonAccountView) -> &String| {
        account.map_or(NONE.to_owned(), |it| word(it).clone())
    };
    [
        person.network.clone(),
        person.nick.clone(),
        person.sides.clone(),
        format!("{} {}", person.known_by, person.identity),
        of_account(|it| &it.username),
        account.map_or("none", |it| &it.kind).to_owned(),
        of_account(|it| &it.access),
        minute(person.last_spoke),
    ]
}

/// A time to the minute: the bridge does not keep it more exactly.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;

    fn ann(accounts: Vec<PersonAccountView>) -> PersonView {
        PersonView {
            network: "office".to_owned(),
            nick: "Ann\x1b[m".to_owned(),
            known_by: "account".to_owned(),
            identity: "ann".to_owned(),
            sides: if accounts.len() > 1 { "both" } else { "irc" }.to_owned(),
            last_spoke: "2026-11-22T10:00:31Z".parse().expect("a time"),
            accounts,
        }
    }

    fn account(kind: &str, username: &str) -> PersonAccountView {
        PersonAccountView {
            kind: kind.to_owned(),
            access: "usable".to_owned(),
            username: username.to_owned(),
            display_name: "Ann".to_owned(),
            id: Some("5f".to_owned()),
        }
    }

    #[test]
    fn each_account_has_a_line() {
        let accounts = vec![account("made", "ann.irc"), account("linked", "ann")];
        let dave = PersonView { nick: "dave".to_owned(), ..ann(Vec::new()) };
        let text = people_table(&[ann(accounts), dave], None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "NETWORK  NICK    SIDES  KNOWN BY     ACCOUNT  KIND    ACCESS  LAST SPOKE (UTC)",
                "office   Ann?[m  both   account ann  ann.irc  made    usable  2026-11-22 10:00",
                "office   Ann?[m  both   account ann  ann      linked  usable  2026-11-22 10:00",
                "office   dave    irc    account ann  -        none    -       2026-11-22 10:00",
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
        let text = puppet_table(std::slice::from_ref(&puppet), None);
        assert_eq!(
            text.lines().last(),
            Some("office   bob        -                 certificate  untried  2026-11-22 10:00")
        );
        assert_eq!(puppet_to_json(&puppet)["puppet_of"], "bob");
    }
}
