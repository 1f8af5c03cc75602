//! The state of one load of the configuration, which continues after errors.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use config::Value;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::document::Document;
use super::keys::{KnownKey, SectionKind};
use super::parse::ValueError;

/// The state of one load: the document, and the errors and unknown keys found so far.
#[derive(Debug, Default)]
pub(super) struct Loader {
    pub(super) document: Document,
    pub(super) base_dirs: BaseDirs,
    /// All known keys, to find misplaced ones.
    pub(super) known_keys: Vec<KnownKey>,
    pub(super) diagnostics: RefCell<Diagnostics>,
    pub(super) requested_keys: RefCell<Vec<KnownKey>>,
    /// The keys that no reader asked for.
    pub(super) unknown_keys: RefCell<Vec<UnknownKey>>,
    /// The keys whose value has the wrong type.
    pub(super) type_errors: RefCell<Vec<String>>,
}

/// An unknown key.
#[derive(Debug, Clone)]
pub(super) struct UnknownKey {
    /// The path of its section.
    pub(super) section: String,
    pub(super) kind: SectionKind,
    pub(super) name: String,
    /// The known keys of that section.
    pub(super) valid_keys: Vec<&'static str>,
}

/// The directories for relative paths.
#[derive(Debug, Default, Clone)]
pub(super) struct BaseDirs {
    /// The configuration file itself.
    pub(super) config_file: PathBuf,
    /// The state directory from systemd.
    pub(super) state_dir: Option<PathBuf>,
    /// The credentials directory from systemd.
    pub(super) credentials_dir: Option<PathBuf>,
}

impl BaseDirs {
    /// Resolves a path, relative to the configuration file's directory.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.config_file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Resolves the path of a secret, which may be a systemd credential.
    pub(super) fn resolve_secret(&self, path: &str) -> PathBuf {
        let brought = self.credentials_dir.as_ref().map(|folder| folder.join(path));
        // If the path is absolute, `join` returns it unchanged.
        brought.filter(|path| path.exists()).unwrap_or_else(|| self.resolve(path))
    }
}

impl Loader {
    pub(super) fn diagnostic(&self, path: &str, value: &Value, error: ValueError) -> Diagnostic {
        let origin = self.document.origin(path, Some(value));
        Diagnostic { origin, key: Some(path.to_owned()), problem: error.problem, help: error.help }
    }

    pub(super) fn report_error(&self, path: &str, value: &Value, error: ValueError) {
        if error.is_type_error {
            self.type_errors.borrow_mut().push(path.to_owned());
        }
        self.diagnostics.borrow_mut().push_error(self.diagnostic(path, value, error));
    }
}
