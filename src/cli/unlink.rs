//! `letsbridge unlink`: ends links between people of IRC and their own accounts on Let's Chat: by the running bridge, or
//! in the database if none runs.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::control::{BridgeAt, RunningBridgeClient};
use super::people::{read_or_say_why, say_why_not_read};
use super::{EXIT_FAILURE, table};
use crate::admin::{ClientError, EndedLinkView, UnlinkRequestBody, UnlinkedView};
use crate::domain::{AccountKind, Casemapping};
use crate::service::account_documents::PersonWithAccounts;
use crate::store::{Store, StoreError};

/// Whose links to end.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct UnlinkTarget {
    /// The person, by the nick with which they last spoke
    nick: Option<String>,
    /// End all links, of people and of puppets
    #[arg(long)]
    all: bool,
    /// The user of Let's Chat whose puppets no longer log in to services
    #[arg(long, value_name = "USER")]
    puppet: Option<String>,
}

/// The arguments of `unlink`.
#[derive(Debug, Args)]
#[command(
    after_help = "The person's account stays on Let's Chat; the bridge no longer speaks as it. \
                  Links by a token in [user_map] end when you remove the token and reload the \
                  configuration. Exit status: 0 done, or nothing to do; 1 nobody has this nick, or \
                  there is no database; 2 configuration or argument error."
)]
pub(super) struct UnlinkArgs {
    #[command(flatten)]
    bridge: BridgeAt,
    #[command(flatten)]
    target: UnlinkTarget,
}

/// Ends the links that `arguments` select.
pub(super) fn unlink(arguments: &UnlinkArgs) -> ExitCode {
    let target = match &arguments.target {
        UnlinkTarget { puppet: Some(user), .. } => UnlinkRequestBody::Puppet(user.clone()),
        UnlinkTarget { nick: Some(nick), .. } => UnlinkRequestBody::Nick(nick.clone()),
        UnlinkTarget { .. } => UnlinkRequestBody::All,
    };
    let bridge = match arguments.bridge.client() {
        Ok(bridge) => bridge,
        Err(code) => return code.into(),
    };
    match by_running_bridge(&bridge, &target) {
        Ok(ended) => tell(&ended),
        Err(ClientError::NotRunning(_)) => match arguments.bridge.state_dir() {
            Ok(directory) => in_database(&directory, &target),
            Err(code) => code.into(),
        },
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}

fn by_running_bridge(
    bridge: &RunningBridgeClient,
    target: &UnlinkRequestBody,
) -> Result<Vec<EndedLinkView>, ClientError> {
    let asked: Result<UnlinkedView, ClientError> =
        bridge.try_ask(async |client| client.post("/api/v1/people/unlink", target).await);
    asked.map(|it| it.ended)
}

fn tell(ended: &[EndedLinkView]) -> ExitCode {
    if ended.is_empty() {
        println!("nothing to end: no account of their own is linked");
    }
    for link in ended {
        match link {
            EndedLinkView::Account { nick, username } => {
                let (nick, username) = (table::printable(nick), table::printable(username));
                println!("{nick} and the account {username}: the link has ended");
            }
            EndedLinkView::Puppet { username } => {
                let username = table::printable(username);
                println!("{username}: the puppets' logins to services have ended");
            }
        }
    }
    ExitCode::SUCCESS
}

/// Ends links in the database, which no bridge may be using.
fn in_database(directory: &Path, target: &UnlinkRequestBody) -> ExitCode {
    let Some(people) = read_or_say_why(directory) else { return EXIT_FAILURE.into() };
    if let UnlinkRequestBody::Nick(nick) = target
        && !people.iter().any(|it| has_nick(it, nick))
    {
        eprintln!("{nick}: nobody has last spoken with this nick: see `letsbridge people`");
        return EXIT_FAILURE.into();
    }
    match end_in_store(directory, target, &people) {
        Ok(ended) if ended.is_empty() && matches!(target, UnlinkRequestBody::Puppet(_)) => {
            let UnlinkRequestBody::Puppet(user) = target else { return ExitCode::SUCCESS };
            eprintln!(
                "{user}: no puppet of this user logs in to services: see `letsbridge people`"
            );
            EXIT_FAILURE.into()
        }
        Ok(ended) => tell(&ended),
        Err(error) => {
            say_why_not_read(directory, &error);
            EXIT_FAILURE.into()
        }
    }
}

fn end_in_store(
    directory: &Path,
    target: &UnlinkRequestBody,
    people: &[PersonWithAccounts],
) -> Result<Vec<EndedLinkView>, StoreError> {
    let mut store = Store::open(directory)?;
    let mut ended = Vec::new();
    let is_meant = |it: &&PersonWithAccounts| match target {
        UnlinkRequestBody::Nick(nick) => has_nick(it, nick),
        UnlinkRequestBody::All => true,
        UnlinkRequestBody::Puppet(_) => false,
    };
    for (person, accounts) in people.iter().filter(is_meant) {
        for account in accounts.iter().filter(|account| !account.kind.is_only_ours()) {
            store.remove_account(person.id, AccountKind::Linked)?;
            let (nick, username) = (person.nick.clone(), account.username.clone());
            ended.push(EndedLinkView::Account { nick, username });
        }
    }
    let users = match target {
        UnlinkRequestBody::Puppet(user) => store.end_puppet_logins(Some(user))?,
        UnlinkRequestBody::All => store.end_puppet_logins(None)?,
        UnlinkRequestBody::Nick(_) => Vec::new(),
    };
    store.commit()?;
    ended.extend(users.into_iter().map(|username| EndedLinkView::Puppet { username }));
    Ok(ended)
}

fn has_nick((person, _): &PersonWithAccounts, nick: &str) -> bool {
    Casemapping::Rfc1459.same(&person.nick, nick)
}
