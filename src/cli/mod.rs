//! The command line: parses arguments, runs the command, prints errors, and returns the exit code.

mod accounts;
mod archive;
mod audit;
mod backup;
mod check;
mod check_accounts;
mod control;
#[cfg(feature = "demo")]
mod demo;
mod generate;
mod import;
mod init;
mod log_limits;
mod logging;
mod panic;
mod people;
mod process;
mod program;
mod progress;
mod recent_warnings;
mod requests;
mod revoke;
mod run;
mod running;
mod signals;
mod store;
mod systemd;
mod table;
mod unlink;
mod upgrade;
mod waiting;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::version::{LONG_VERSION, VERSION};

/// The exit code after a configuration error or with a damaged database. systemd does not restart the bridge
/// then.
const EXIT_CONFIG_ERROR: u8 = 2;
/// The exit code after any other failure.
const EXIT_FAILURE: u8 = 1;

/// A bridge between IRC and Let's Chat.
#[derive(Debug, Parser)]
#[command(version = VERSION, long_version = LONG_VERSION, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Run the bridge
    Run(run::RunArgs),
    /// Validate the configuration, log in on both sides, and test each link
    #[command(
        after_help = "Exit status: 0 everything works; 1 something does not; 2 configuration error, or the PostgreSQL of \
                      [store] url cannot be used."
    )]
    Check {
        /// Configuration file
        #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
        config: PathBuf,
    },
    /// Write a configuration: ask for servers, account and links, and try each answer
    Init(Box<init::InitArgs>),
    /// Compare the database with the rooms and channels, and report missing messages
    Audit(audit::AuditArgs),
    /// Show how the running bridge is: networks, links, and what waits
    Status(control::StatusArgs),
    /// Show how far people have moved from IRC to Let's Chat, and what to do next
    Progress(progress::ProgressArgs),
    /// Make the running bridge read its configuration again
    Reload(control::ReloadArgs),
    /// Replace the running bridge by its new version, keeping its connections to IRC
    Upgrade(control::UpgradeArgs),
    /// Let another node take over, where the bridge runs on several
    Handover(control::HandoverArgs),
    /// Stop delivering over a link; messages wait
    Pause(control::LinkArgs),
    /// Deliver over a paused link again
    Resume(control::LinkArgs),
    /// Show what waits on a link, retry it, or drop it
    Queue(control::QueueArgs),
    /// Deliver what a link did not mirror, because of its phase or its direction
    CatchUp(control::CatchUpArgs),
    /// Show or set what the running bridge logs
    Loglevel(control::LogLevelArgs),
    /// Back up the database and its keys into one file, also while the bridge runs
    Backup(backup::BackupArgs),
    /// Restore a backup, while the bridge is stopped
    Restore(backup::RestoreArgs),
    /// Move the database between SQLite and PostgreSQL
    Store(store::StoreArgs),
    /// Show what the archive holds, take lines out of it, export or copy it
    Archive(archive::ArchiveArgs),
    /// Revoke public links, also while the bridge runs
    Revoke(revoke::RevokeArgs),
    /// List the people of IRC who have spoken, and their accounts on Let's Chat
    People(people::PeopleArgs),
    /// Write accounts for people of IRC, where Let's Chat registers nobody
    Accounts(accounts::AccountsArgs),
    /// End links between people of IRC and their own accounts, also while the bridge runs
    Unlink(unlink::UnlinkArgs),
    /// Bring logs of IRC clients into Let's Chat, and into the bridge's archive
    Import(import::ImportArgs),
    /// Write man pages, or completions for shells
    Generate(generate::GenerateArgs),
    /// Try the bridge on this machine, in a page that shows both sides
    ///
    /// Starts an IRC server, a Let's Chat and a bridge between them, and prints the address of a page that shows both
    /// sides. Its buttons kill the bridge, cut its connection to IRC, and restart Let's Chat; it counts what was sent
    /// and what arrived. Your own clients can connect, too. Other machines cannot, and nothing is saved.
    #[cfg(feature = "demo")]
    Demo {
        /// Port of the page with both sides [default: 8667, or any free port]
        #[arg(long)]
        port: Option<u16>,
        /// IRC port
        #[arg(long, default_value_t = 6667)]
        irc_port: u16,
        /// Let's Chat HTTP port
        #[arg(long, default_value_t = 5000)]
        letschat_port: u16,
    },
    /// Run the bridge of the demo
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    DemoBridge {
        /// Configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

/// The command line, for tests of the documentation.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command in the program's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Cli::parse();
    // What it writes is for everybody, unlike all else.
    if let CliCommand::Generate(arguments) = &arguments.command {
        return generate::generate(arguments, command());
    }
    panic::exit_on_panic();
    process::keep_to_ourselves();
    let ended = match arguments.command {
        CliCommand::Run(arguments) => run::run(&arguments),
        CliCommand::Check { config } => check::check(&config),
        CliCommand::Init(arguments) => init::init(*arguments),
        CliCommand::Audit(arguments) => audit::audit(&arguments),
        CliCommand::Status(arguments) => control::status(&arguments),
        CliCommand::Progress(arguments) => progress::progress(&arguments),
        CliCommand::Reload(arguments) => control::reload(&arguments),
        CliCommand::Upgrade(arguments) => control::upgrade(&arguments),
        CliCommand::Handover(arguments) => control::handover(&arguments),
        CliCommand::Pause(arguments) => control::pause(&arguments),
        CliCommand::Resume(arguments) => control::resume(&arguments),
        CliCommand::Queue(arguments) => control::queue(&arguments),
        CliCommand::CatchUp(arguments) => control::catch_up(&arguments),
        CliCommand::Loglevel(arguments) => control::log_level(&arguments),
        CliCommand::Backup(arguments) => backup::backup(&arguments),
        CliCommand::Restore(arguments) => backup::restore(&arguments),
        CliCommand::Store(arguments) => store::store(&arguments),
        CliCommand::Archive(arguments) => archive::archive(&arguments),
        CliCommand::Revoke(arguments) => revoke::revoke(&arguments),
        CliCommand::People(arguments) => people::people(&arguments),
        CliCommand::Accounts(arguments) => accounts::accounts(&arguments),
        CliCommand::Unlink(arguments) => unlink::unlink(&arguments),
        CliCommand::Import(arguments) => import::import(&arguments),
        CliCommand::Generate(arguments) => generate::generate(&arguments, command()),
        #[cfg(feature = "demo")]
        CliCommand::Demo { port, irc_port, letschat_port } => {
            demo::demo(irc_port, letschat_port, port)
        }
        #[cfg(feature = "demo")]
        CliCommand::DemoBridge { config } => demo::run_as_child(&config),
    };
    log_limits::tell(true);
    ended
}
