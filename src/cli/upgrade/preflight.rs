//! Asks the new program whether it can take over, before anything is stopped.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time;

use crate::admin::ErrorView;
use crate::cli::EXIT_FAILURE;
use crate::config;
use crate::service::HAND_OVER_FORMAT;
use crate::store;
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
        Err(refusal) => PreflightAnswer::Refused(refusal),
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

fn examine(config: &Path, format: u32) -> Result<PathBuf, ErrorView> {
    if format != HAND_OVER_FORMAT {
        return Err(refusal(format!(
            "version {VERSION} cannot take over the open connections of the running version: restart the service instead"
        )));
    }
    let (settings, _) = config::load(config, std::env::vars()).map_err(|mistakes| ErrorView {
        error: format!(
            "the configuration has mistakes for version {VERSION}: correct them first, or the new version would not start"
        ),
        mistakes: mistakes.to_string().lines().map(str::to_owned).collect(),
    })?;
    store::check_schema(&settings.state_dir).map_err(|error| refusal(error.to_string()))?;
    settings.state_dir.canonicalize().map_err(|error| {
        refusal(format!("{}: cannot be opened ({error})", settings.state_dir.display()))
    })
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
    let shown = program.display();
    let output = time::timeout(PREFLIGHT_TIMEOUT, command.output()).await.map_err(|_| {
        let seconds = PREFLIGHT_TIMEOUT.as_secs();
        refusal(format!("{shown} does not say within {seconds} s whether it can take over"))
    })?;
    let output = output.map_err(|error| refusal(no_program(program, &error)))?;
    match serde_json::from_slice(&output.stdout) {
        Ok(PreflightAnswer::Ready { version, state_dir: other }) => {
            if state_dir.canonicalize().is_ok_and(|ours| ours != other) {
                let (ours, other) = (state_dir.display(), other.display());
                return Err(refusal(format!(
                    "state_dir: the running bridge uses {ours}, not {other}; restart it to use another state"
                )));
            }
            Ok(version)
        }
        Ok(PreflightAnswer::Refused(refusal)) => Err(refusal),
        Err(_) => Err(refusal(unexpected_answer(program, &output))),
    }
}

fn no_program(program: &Path, error: &io::Error) -> String {
    let program = program.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "{program}: there is no such program: install the new version there, or name it with --program"
            )
        }
        _ => format!(
            "{program} cannot be started ({error}): check the file, or name another one with --program"
        ),
    }
}

fn unexpected_answer(program: &Path, output: &Output) -> String {
    let program = program.display();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("nothing");
    let said = &said[..said.floor_char_boundary(MAX_SHOWN)];
    let status = output.status;
    format!(
        "{program} cannot take over open connections ({status}; it says: {said}): restart the service instead, or check \
         that this is letsbridge"
    )
}

fn refusal(error: String) -> ErrorView {
    ErrorView { error, mistakes: Vec::new() }
}
