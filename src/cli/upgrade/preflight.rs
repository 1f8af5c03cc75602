//! Asks the new program whether it can take over, before anything is stopped.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time;

use crate::admin::ErrorView;
use crate::cli::EXIT_FAILURE;
use crate::config;
use crate::service::HAND_OVER_FORMAT;
use crate::store;
use crate::store::StoreError;
use crate::version::VERSION;

/// How long the new program may take to say whether it can take over.
const PREFLIGHT_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest part of what another program prints that is shown.
const MAX_SHOWN: usize = 300;

/// What a program says when it is asked whether it can take over; one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PreflightAnswer {
    /// It can.
    Ready {
        /// Its version.
        version: String,
        /// The state that it would work with.
        state_dir: PathBuf,
    },
    /// It cannot.
    Refused(ErrorView),
}

/// Says whether this program can take over connections in this format, with this configuration.
pub(in crate::cli) fn answer_preflight(config: &Path, format: u32) -> ExitCode {
    let answer = match examine(config, format) {
        Ok(state_dir) => PreflightAnswer::Ready { version: VERSION.to_owned(), state_dir },
        Err(refusal) => PreflightAnswer::Refused(refusal.into()),
    };
    match serde_json::to_string(&answer) {
        Ok(answer) => println!("{answer}"),
        Err(error) => eprintln!("{error}"),
    }
    match answer {
        PreflightAnswer::Ready { .. } => ExitCode::SUCCESS,
        PreflightAnswer::Refused(_) => EXIT_FAILURE.into(),
    }
}

/// Why a program cannot take over, and what would do.
#[derive(Debug, thiserror::Error)]
enum PreflightError {
    #[error("{}: there is no such program: install the new version there, or name it with --program", .0.display())]
    NoProgram(PathBuf),
    #[error("{} cannot be started ({error}): check the file, or name another one with --program", program.display())]
    NotStartable { program: PathBuf, error: io::Error },
    #[error("{} does not say within {} s whether it can take over", .0.display(), PREFLIGHT_TIMEOUT.as_secs())]
    Silent(PathBuf),
    #[error(
        "{} cannot take over open connections ({status}; it says: {said}): restart the service instead, or check that this \
         is letsbridge", program.display()
    )]
    NotAsked { program: PathBuf, status: ExitStatus, said: String },
    #[error(
        "version {VERSION} cannot take over the open connections of the running version: restart the service instead"
    )]
    OtherFormat,
    #[error(
        "the configuration has mistakes for version {VERSION}: correct them first, or the new version would not start"
    )]
    Mistakes(Vec<String>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: cannot be opened ({error})", path.display())]
    Directory { path: PathBuf, error: io::Error },
    #[error(
        "state_dir: the running bridge uses {}, not {}; restart it to use another state", ours.display(), other.display()
    )]
    OtherState { ours: PathBuf, other: PathBuf },
}

impl From<PreflightError> for ErrorView {
    fn from(refusal: PreflightError) -> Self {
        let error = refusal.to_string();
        let mistakes = match refusal {
            PreflightError::Mistakes(mistakes) => mistakes,
            _ => Vec::new(),
        };
        Self { error, mistakes }
    }
}

fn examine(config: &Path, format: u32) -> Result<PathBuf, PreflightError> {
    if format != HAND_OVER_FORMAT {
        return Err(PreflightError::OtherFormat);
    }
    let (settings, _) = config::load(config, std::env::vars()).map_err(|mistakes| {
        let mistakes = mistakes.to_string();
        PreflightError::Mistakes(mistakes.lines().map(str::to_owned).collect())
    })?;
    store::check_schema(&settings.state_dir)?;
    let path = settings.state_dir;
    path.canonicalize().map_err(|error| PreflightError::Directory { path, error })
}

/// Asks `program` whether it can take over from this process, which works with `state_dir`. Returns its version.
///
/// # Errors
/// Why it cannot, and what would do.
pub(in crate::cli) async fn ask_new_program(
    program: &Path,
    config: &Path,
    state_dir: &Path,
) -> Result<String, ErrorView> {
    let mut command = Command::new(program);
    command.arg("run").arg("--config").arg(config);
    command.arg("--check-hand-over").arg(HAND_OVER_FORMAT.to_string());
    command.stdin(Stdio::null()).env_remove("NOTIFY_SOCKET").kill_on_drop(true);
    let output = time::timeout(PREFLIGHT_TIMEOUT, command.output()).await;
    let program = program.to_owned();
    let output = match output {
        Err(_) => return Err(PreflightError::Silent(program).into()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(PreflightError::NoProgram(program).into());
        }
        Ok(Err(error)) => return Err(PreflightError::NotStartable { program, error }.into()),
        Ok(Ok(output)) => output,
    };
    match serde_json::from_slice(&output.stdout) {
        Ok(PreflightAnswer::Ready { version, state_dir: other }) => {
            let ours = state_dir.canonicalize().unwrap_or_else(|_| state_dir.to_owned());
            if ours == other {
                Ok(version)
            } else {
                Err(PreflightError::OtherState { ours, other }.into())
            }
        }
        Ok(PreflightAnswer::Refused(refusal)) => Err(refusal),
        Err(_) => {
            let (status, said) = (output.status, first_words(&output));
            Err(PreflightError::NotAsked { program, status, said }.into())
        }
    }
}

/// What a program says that does not know the question.
fn first_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("nothing");
    said[..said.floor_char_boundary(MAX_SHOWN)].to_owned()
}
