//! One reading of a configuration, which goes on after a mistake.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use config::Value;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::document::Document;
use super::keys::{KnownKey, SectionKind};
use super::parse::ValueError;
use super::reader::{Section, SectionContent};

/// One reading of a configuration: what is read, and what was found.
#[derive(Debug, Default)]
pub(super) struct Loader {
    pub(super) document: Document,
    pub(super) base_dirs: BaseDirs,
    /// The keys there are, for whoever wrote one in the wrong section.
    pub(super) known_keys: Vec<KnownKey>,
    pub(super) diagnostics: RefCell<Diagnostics>,
    pub(super) requested_keys: RefCell<Vec<KnownKey>>,
    /// The keys that nobody asked for.
    pub(super) unknown_keys: RefCell<Vec<UnknownKey>>,
    /// The keys whose value is of another kind than theirs.
    pub(super) type_errors: RefCell<Vec<String>>,
}

/// A key that means nothing where it stands.
#[derive(Debug, Clone)]
pub(super) struct UnknownKey {
    /// The path of the section that it stands in.
    pub(super) section: String,
    pub(super) kind: SectionKind,
    pub(super) name: String,
    /// The keys that mean something there.
    pub(super) valid_keys: Vec<&'static str>,
}

/// Where files are that the configuration names.
#[derive(Debug, Default, Clone)]
pub(super) struct BaseDirs {
    /// The configuration file itself.
    pub(super) config_file: PathBuf,
    /// Where systemd keeps our state.
    pub(super) state_dir: Option<PathBuf>,
    /// Where systemd puts our secrets.
    pub(super) credentials_dir: Option<PathBuf>,
}

impl BaseDirs {
    /// A path as written, which is meant from where the configuration file is.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.config_file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The same for a secret, which systemd may have brought.
    pub(super) fn resolve_secret(&self, path: &str) -> PathBuf {
        let brought = self.credentials_dir.as_ref().map(|folder| folder.join(path));
        // An absolute path replaces the folder that it is joined to.
        brought.filter(|path| path.exists()).unwrap_or_else(|| self.resolve(path))
    }
}

impl Loader {
    /// The top of the file.
    pub(super) fn root_section(&self) -> Section<'_> {
        let origin = self.document.origin("", None);
        let written = SectionContent::Table(self.document.root());
        Section::new(self, String::new(), SectionKind::Root, origin, written)
    }

    pub(super) fn diagnostic(&self, path: &str, value: &Value, flaw: ValueError) -> Diagnostic {
        let origin = self.document.origin(path, Some(value));
        Diagnostic { origin, key: Some(path.to_owned()), problem: flaw.problem, help: flaw.help }
    }

    pub(super) fn report_error(&self, path: &str, value: &Value, flaw: ValueError) {
        if flaw.is_type_error {
            self.type_errors.borrow_mut().push(path.to_owned());
        }
        self.diagnostics.borrow_mut().push_error(self.diagnostic(path, value, flaw));
    }
}
