//! The commands: arguments in, exit code out; errors become words here.

mod audit;
mod check;
#[cfg(feature = "demo")]
mod demo;
mod log_limits;
mod logging;
mod panic;
mod process;
mod revoke;
mod run;
mod signals;
mod systemd;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What everything else than success exits with: mistakes in the configuration, and a state that is
/// damaged, after which the unit file starts nothing again; and failures at work.
const EXIT_CONFIG_ERROR: u8 = 2;
const EXIT_FAILURE: u8 = 1;

/// What is said to `--version`: what a report of a fault should name. `-V` says the number alone.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("LETSBRIDGE_BUILT_FROM"),
    "\ntested with: Let's Chat 0.4.8 (of 2016, and with dependencies of today)\n\
     \x20            ngIRCd 26.1, InspIRCd 3.15, ircd-hybrid 8.2, Ergo 2.19, Atheme 7.2"
);

/// A bridge between IRC and Let's Chat.
#[derive(Debug, Parser)]
#[command(version, long_version = LONG_VERSION, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Mirror the channels and rooms of the configuration until told to stop
    Run {
        /// The configuration
        #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
        config: PathBuf,
    },
    /// Read the configuration, log in on both sides, and tell link by link what works
    Check {
        /// The configuration
        #[arg(long, short, default_value = "bridge.toml", env = "LETSBRIDGE_CONFIG")]
        config: PathBuf,
    },
    /// Compare what the ledger says crossed with what the rooms hold: was anything lost?
    Audit(audit::AuditArgs),
    /// Take back links to files and long messages, also while the bridge runs
    Revoke(revoke::RevokeArgs),
    /// Start an IRC server and a Let's Chat on this machine, bridged, to try it out
    #[cfg(feature = "demo")]
    Demo {
        /// The port of the IRC server
        #[arg(long, default_value_t = 6667)]
        irc_port: u16,
        /// The port of Let's Chat and its page
        #[arg(long, default_value_t = 5000)]
        letschat_port: u16,
    },
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Cli::parse();
    panic::exit_on_panic();
    process::keep_to_ourselves();
    let ended = match arguments.command {
        CliCommand::Run { config } => run::run(&config),
        CliCommand::Check { config } => check::check(&config),
        CliCommand::Audit(arguments) => audit::audit(&arguments),
        CliCommand::Revoke(arguments) => revoke::revoke(&arguments),
        #[cfg(feature = "demo")]
        CliCommand::Demo { irc_port, letschat_port } => demo::demo(irc_port, letschat_port),
    };
    log_limits::tell(true);
    ended
}
