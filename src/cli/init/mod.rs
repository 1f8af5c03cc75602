//! `letsbridge init`: asks what the bridge must know, tries each answer, and writes the configuration.
//!
//! ```text
//! flags ──▶ irc: server, nick, account ──▶ letschat: address, account ──▶ links ──▶ finish: token, check, rooms, files
//!                  └─ log in, LIST               └─ sign in                 └─ list of rooms, joins
//! ```
//!
//! The token comes last, because it revokes one that may be in use. Nothing is written before the end. What the end of a failed or interrupted run finds made, it takes back.

mod arguments;
mod draft;
mod files;
mod finish;
mod flags;
mod irc;
mod letschat;
mod links;
mod made;
mod rooms;
mod terminal;
mod wizard;

use std::process::ExitCode;

pub(super) use arguments::InitArgs;

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use made::Made;
use terminal::{EXIT_INTERRUPTED, InitError};
use wizard::Wizard;

/// Writes a configuration from `arguments` and from the answers on the terminal.
pub(super) fn init(arguments: InitArgs) -> ExitCode {
    let runtime = run::build_runtime();
    let code = runtime.block_on(write_configuration(arguments));
    // Do not wait for pending DNS lookups: they run in blocking threads.
    runtime.shutdown_background();
    code
}

async fn write_configuration(arguments: InitArgs) -> ExitCode {
    let mut interrupts = terminal::listen_for_interrupts();
    let mut made = Made::default();
    let outcome = tokio::select! {
        biased;
        _ = interrupts.recv() => Err(InitError::Interrupted),
        outcome = Wizard::new(arguments, &mut made).run() => outcome,
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let (words, code) = match error {
        InitError::Interrupted => ("\ninterrupted".to_owned(), EXIT_INTERRUPTED),
        InitError::Usage(words) => (words, EXIT_CONFIG_ERROR),
        InitError::Failed(words) => (words, EXIT_FAILURE),
    };
    eprintln!("{words}");
    made.take_back().await;
    eprintln!("nothing was written");
    code.into()
}
