//! Errors and warnings about the configuration, each with its place in the file and how to fix it.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An error or a warning: the problem and how to fix it. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where the value comes from.
    pub origin: Origin,
    /// The path of the key from the top of the file; list items count from 0, as in TOML tools.
    /// `None` if it is about the whole file.
    pub key: Option<String>,
    /// The problem.
    pub problem: String,
    /// How to fix it.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    /// One line: `bridge.toml:14: irc.office.nick: "9lives" starts with a digit; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.help)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The file.
    File {
        /// The file name, as it was given to us.
        file: Arc<str>,
        /// The line, from 1; `None` for something that is not in the file, such as a missing
        /// section.
        line: Option<usize>,
        /// The column, from 1; only in syntax errors.
        column: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => {
                f.write_str(file)?;
                line.iter().chain(column).try_for_each(|number| write!(f, ":{number}"))
            }
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Origin {
    /// By line; then what is not in the file, then environment variables by name.
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}

impl Origin {
    fn sort_key(&self) -> (usize, usize, &str) {
        match self {
            Self::File { line, column, file } => {
                (line.unwrap_or(usize::MAX - 1), column.unwrap_or(0), file)
            }
            Self::Variable(name) => (usize::MAX, 0, name),
        }
    }
}

/// All errors of a configuration, by line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Diagnostic>);

impl ConfigErrors {
    /// The errors, one per problem.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// Returns an error with `diagnostics`, unless they are empty.
    pub(super) fn check(mut diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        diagnostics.sort();
        if diagnostics.is_empty() { Ok(()) } else { Err(Self(diagnostics)) }
    }
}

impl From<Diagnostic> for ConfigErrors {
    fn from(only: Diagnostic) -> Self {
        Self(vec![only])
    }
}

impl Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    /// One line per error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            write!(f, "{}{diagnostic}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// The errors and warnings found while loading.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(super) fn push_error(&mut self, diagnostic: Diagnostic) {
        self.errors.push(diagnostic);
    }

    /// Whether there is an error about the value at `path` itself.
    pub(super) fn has_error_at(&self, path: &str) -> bool {
        self.errors.iter().any(|mistake| mistake.key.as_deref() == Some(path))
    }

    pub(super) fn push_warning(&mut self, diagnostic: Diagnostic) {
        self.warnings.push(diagnostic);
    }

    /// Returns `settings` with the warnings, or the errors. `settings` may be `None` only if there
    /// is an error.
    pub(super) fn into_result<T>(
        mut self,
        settings: Option<T>,
    ) -> Result<(T, Vec<Diagnostic>), ConfigErrors> {
        ConfigErrors::check(self.errors)?;
        self.warnings.sort();
        Ok((settings.expect("a missing setting always has an error"), self.warnings))
    }
}
