//! `letsbridge unlink`: ends links between people of IRC and their own accounts on Let's Chat.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::people::{read_or_say_why, say_why_not_read};
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::config;
use crate::domain::{Casemapping, SpeakerAccount};
use crate::store;
use crate::store::{Look, Person};

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
                  Links by a token in [user_map] end when you remove the token and restart the \
                  bridge. Exit status: 0 done, or nothing to do; 1 nobody has this nick, or there \
                  is no database; 2 configuration or argument error."
)]
pub(super) struct UnlinkArgs {
    /// Configuration file
    #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    target: UnlinkTarget,
}

/// Ends the links that `arguments` select.
pub(super) fn unlink(arguments: &UnlinkArgs) -> ExitCode {
    let settings = match config::load(&arguments.config, std::env::vars()) {
        Ok((settings, _)) => settings,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let directory = &settings.state_dir;
    if let Some(user) = &arguments.target.puppet {
        return end_logins(directory, Some(user));
    }
    let Some(people) = read_or_say_why(directory) else { return EXIT_FAILURE.into() };
    let nick = arguments.target.nick.as_deref();
    let links = match linked(&people, nick) {
        Some(links) => links,
        None => {
            eprintln!(
                "{}: nobody has last spoken with this nick: see `letsbridge people`",
                nick.unwrap_or_default()
            );
            return EXIT_FAILURE.into();
        }
    };
    let ended = if links.is_empty() {
        println!("nothing to end: no account of their own is linked");
        ExitCode::SUCCESS
    } else {
        request(directory, nick, &links)
    };
    if arguments.target.all && ended == ExitCode::SUCCESS {
        return end_logins(directory, None);
    }
    ended
}

/// Asks the bridge to forget the services accounts that the puppets of `user` log in to; of everybody, if there is
/// none.
fn end_logins(directory: &Path, user: Option<&str>) -> ExitCode {
    let logins = match store::read_puppet_logins(directory) {
        Ok(logins) => logins,
        Err(error) => {
            say_why_not_read(directory, &error);
            return EXIT_FAILURE.into();
        }
    };
    let is_meant = |name: &str| user.is_none_or(|user| user.eq_ignore_ascii_case(name));
    let mut users: Vec<&str> = logins.iter().map(|login| login.username.as_str()).collect();
    users.retain(|name| is_meant(name));
    users.dedup();
    if let (true, Some(user)) = (users.is_empty(), user) {
        eprintln!("{user}: no puppet of this user logs in to services: see `letsbridge people`");
        return EXIT_FAILURE.into();
    }
    for user in users {
        if let Err(error) = store::request_puppet_login_end(directory, user) {
            say_why_not_read(directory, &error);
            return EXIT_FAILURE.into();
        }
        println!("{user}: the puppets' logins to services end {}", when(directory));
    }
    ExitCode::SUCCESS
}

/// When the bridge does what it is asked.
fn when(directory: &Path) -> &'static str {
    match store::look(directory) {
        Ok(Look::InUse) => "within seconds, by the running bridge",
        _ => "when the bridge is started: none is running",
    }
}

/// Asks the bridge to end these links, and says when it does.
fn request(directory: &Path, nick: Option<&str>, links: &[(&str, &str)]) -> ExitCode {
    if let Err(error) = store::request_unlink(directory, nick) {
        say_why_not_read(directory, &error);
        return EXIT_FAILURE.into();
    }
    let when = when(directory);
    for (nick, username) in links {
        println!("{nick} and the account {username}: the link ends {when}");
    }
    ExitCode::SUCCESS
}

/// The nicks and the own accounts of the people with this nick, on all networks; of everybody, if there is none.
/// `None` if nobody has this nick.
fn linked<'p>(
    people: &'p [(Person, Vec<SpeakerAccount>)],
    nick: Option<&str>,
) -> Option<Vec<(&'p str, &'p str)>> {
    let is_meant =
        |person: &Person| nick.is_none_or(|nick| Casemapping::Rfc1459.same(&person.nick, nick));
    let mut meant = people.iter().filter(|(person, _)| is_meant(person)).peekable();
    if nick.is_some() {
        meant.peek()?;
    }
    let own = meant.flat_map(|(person, accounts)| {
        let own = accounts.iter().filter(|account| !account.kind.is_only_ours());
        own.map(|account| (person.nick.as_str(), account.username.as_str()))
    });
    Some(own.collect())
}
