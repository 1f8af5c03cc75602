//! What is wrong in a plan: where, what was found, and what would do.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A mistake in a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanMistake {
    /// The line, from 1; `None` if it is about something that is missing.
    pub line: Option<usize>,
    /// The path of the key, such as `person[2].account`; items count from 0, as in TOML tools. Empty if it is about
    /// the whole file.
    pub key: String,
    /// What was found.
    pub problem: String,
    /// What would do.
    pub help: String,
}

/// Why a plan cannot be used.
#[derive(Debug)]
pub enum PlanError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The mistakes in it, by line. Never empty.
    Mistakes {
        /// The file's name, as it was given.
        file: String,
        /// The mistakes.
        mistakes: Vec<PlanMistake>,
    },
}

impl Error for PlanError {}

impl fmt::Display for PlanError {
    /// One line per mistake: `plan.toml:14: person[2].account: "nwe" is no kind of account; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } if error.kind() == io::ErrorKind::NotFound => write!(
                f,
                "{}: there is no such file; write a plan with `letsbridge import plan`",
                path.display()
            ),
            Self::Unreadable { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Mistakes { file, mistakes } => {
                for (index, mistake) in mistakes.iter().enumerate() {
                    let newline = if index == 0 { "" } else { "\n" };
                    write!(f, "{newline}{file}")?;
                    mistake.line.iter().try_for_each(|line| write!(f, ":{line}"))?;
                    if !mistake.key.is_empty() {
                        write!(f, ": {}", mistake.key)?;
                    }
                    write!(f, ": {}; {}", mistake.problem, mistake.help)?;
                }
                Ok(())
            }
        }
    }
}
