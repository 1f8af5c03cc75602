//! `letsbridge generate`: man pages and completions, for those who make packages.

mod config_page;
mod man;
mod parts;
mod texts;

use std::fs;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::EXIT_FAILURE;

/// The name of the program, as people type it.
const PROGRAM: &str = "letsbridge";

/// The shells that have completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// The arguments of `generate`.
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    #[command(subcommand)]
    what: Generated,
}

/// What to generate.
#[derive(Debug, Subcommand)]
enum Generated {
    /// Write the man pages of the program, its commands and its configuration
    #[command(
        after_help = "The directory is created. Exit status: 0 done; 1 a file cannot be written; 2 argument error."
    )]
    Man {
        /// Directory to write them into
        dir: PathBuf,
    },
    /// Print the completions of a shell, or write those of all shells
    #[command(
        after_help = "The files are letsbridge.bash, _letsbridge (zsh) and letsbridge.fish. The directory is created; \
                      write ./bash for one that has the name of a shell. Exit status: 0 done; 1 a file cannot be \
                      written; 2 argument error."
    )]
    Completions {
        /// `bash`, `zsh` or `fish`: print its completions; otherwise the directory to write all into
        #[arg(value_name = "SHELL|DIR")]
        target: PathBuf,
    },
}

/// Generates what `arguments` ask for, from the command line `command`.
pub(super) fn generate(arguments: &GenerateArgs, command: clap::Command) -> ExitCode {
    let (place, done) = match &arguments.what {
        Generated::Man { dir } => (dir, write_man_pages(dir, command)),
        Generated::Completions { target } => match shell_of(target) {
            Some(shell) => (target, print_completions(shell, command)),
            None => (target, write_completions(target, command)),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `letsbridge generate completions bash | head` has what it wants.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", place.display());
            EXIT_FAILURE.into()
        }
    }
}

/// The shell that `target` names, if it is not a path.
fn shell_of(target: &Path) -> Option<Shell> {
    let shell = Shell::from_str(target.to_str()?, false).ok()?;
    SHELLS.contains(&shell).then_some(shell)
}

fn print_completions(shell: Shell, mut command: clap::Command) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, PROGRAM, &mut text);
    io::stdout().lock().write_all(&text)
}

fn write_completions(dir: &Path, mut command: clap::Command) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command, PROGRAM, dir)?;
    }
    Ok(())
}

fn write_man_pages(dir: &Path, command: clap::Command) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for page in man::pages(command)? {
        fs::write(dir.join(page.file_name), page.text)?;
    }
    fs::write(dir.join(config_page::FILE_NAME), config_page::text()?)
}
