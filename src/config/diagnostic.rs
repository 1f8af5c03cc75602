use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What is wrong with one thing that was written, and what would do. Never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where it was written.
    pub origin: Origin,
    /// The key, as a path from the top of the file; list items count from 0, as in TOML tools.
    /// `None` where it is about the file as a whole.
    pub key: Option<String>,
    /// What was found there.
    pub problem: String,
    /// What would do.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    /// One line: `bridge.toml:14: irc.office.nick: "9lives" begins with a digit; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.help)
    }
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the file.
    File {
        /// The file, as it was named to us.
        file: Arc<str>,
        /// The line, from 1; `None` for what stands nowhere, such as a missing section.
        line: Option<usize>,
        /// The column, from 1, where it helps: in syntax errors.
        column: Option<usize>,
    },
    /// In an environment variable.
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
    /// By line; then what stands nowhere in the file, then the variables by name.
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

/// All that is wrong with a configuration, by line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Diagnostic>);

impl ConfigErrors {
    /// One for each thing to mend.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// Nothing, if there are none.
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
    /// One line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            write!(f, "{}{diagnostic}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// What a reading has found to complain of so far.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(super) fn push_error(&mut self, diagnostic: Diagnostic) {
        self.errors.push(diagnostic);
    }

    /// Whether something is wrong with the value at `path` itself.
    pub(super) fn has_error_at(&self, path: &str) -> bool {
        self.errors.iter().any(|mistake| mistake.key.as_deref() == Some(path))
    }

    pub(super) fn push_warning(&mut self, diagnostic: Diagnostic) {
        self.warnings.push(diagnostic);
    }

    /// The settings with the warnings, if nothing is wrong. `settings` may be `None` only where a
    /// mistake says why.
    pub(super) fn into_result<T>(
        mut self,
        settings: Option<T>,
    ) -> Result<(T, Vec<Diagnostic>), ConfigErrors> {
        ConfigErrors::check(self.errors)?;
        self.warnings.sort();
        Ok((settings.expect("a missing setting always has an error"), self.warnings))
    }
}
