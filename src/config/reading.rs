//! One reading of a configuration, which goes on after a mistake.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use config::Value;

use super::diagnostic::{Diagnostic, Findings};
use super::document::Document;
use super::keys::{KnownKey, Pattern};
use super::section::{Section, Written};
use super::values::Flaw;

/// One reading of a configuration: what is read, and what was found.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) document: Document,
    pub(super) folders: Folders,
    /// The keys there are, for whoever wrote one in the wrong section.
    pub(super) known: Vec<KnownKey>,
    pub(super) findings: RefCell<Findings>,
    pub(super) asked: RefCell<Vec<KnownKey>>,
    /// The keys that nobody asked for.
    pub(super) unknown: RefCell<Vec<Unknown>>,
    /// The keys whose value is of another kind than theirs.
    pub(super) misfits: RefCell<Vec<String>>,
}

/// A key that means nothing where it stands.
#[derive(Debug, Clone)]
pub(super) struct Unknown {
    /// The path of the section that it stands in.
    pub(super) section: String,
    pub(super) pattern: Pattern,
    pub(super) name: String,
    /// The keys that mean something there.
    pub(super) here: Vec<&'static str>,
}

/// Where files are that the configuration names.
#[derive(Debug, Default, Clone)]
pub(super) struct Folders {
    /// The configuration file itself.
    pub(super) file: PathBuf,
    /// Where systemd keeps our state.
    pub(super) state: Option<PathBuf>,
    /// Where systemd puts our secrets.
    pub(super) credentials: Option<PathBuf>,
}

impl Folders {
    /// A path as written, which is meant from where the configuration file is.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The same for a secret, which systemd may have brought.
    pub(super) fn resolve_secret(&self, path: &str) -> PathBuf {
        let brought = self.credentials.as_ref().map(|folder| folder.join(path));
        // An absolute path replaces the folder that it is joined to.
        brought.filter(|path| path.exists()).unwrap_or_else(|| self.resolve(path))
    }
}

impl Reading {
    /// The top of the file.
    pub(super) fn top(&self) -> Section<'_> {
        let origin = self.document.origin("", None);
        let written = Written::Keys(self.document.root());
        Section::new(self, String::new(), Pattern::Top, origin, written)
    }

    pub(super) fn diagnostic(&self, path: &str, value: &Value, flaw: Flaw) -> Diagnostic {
        let origin = self.document.origin(path, Some(value));
        Diagnostic { origin, key: Some(path.to_owned()), found: flaw.found, remedy: flaw.remedy }
    }

    pub(super) fn mistake(&self, path: &str, value: &Value, flaw: Flaw) {
        if flaw.misfit {
            self.misfits.borrow_mut().push(path.to_owned());
        }
        self.findings.borrow_mut().mistake(self.diagnostic(path, value, flaw));
    }
}
