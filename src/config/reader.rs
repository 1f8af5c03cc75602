//! Reads the keys of one section.

use config::Value;
use secrecy::SecretString;

use super::diagnostic::{Diagnostic, Origin};
use super::document;
use super::document::Table;
use super::entry::{Entry, conflict};
use super::keys::{KnownKey, SectionKind};
use super::loader::{Loader, UnknownKey};
use super::parse::ValueError;
use super::secret;

/// A section of the file, which asks for its keys one by one.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) loader: &'r Loader,
    pub(super) path: String,
    pub(super) origin: Origin,
    kind: SectionKind,
    content: SectionContent<'r>,
    requested: Vec<&'static str>,
}

/// What stands where a section may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum SectionContent<'r> {
    /// The section.
    Table(&'r Table),
    /// Nothing: all of its keys are missing.
    Absent,
    /// Something else, which has been told of: nobody needs to know what it lacks.
    Invalid,
}

impl<'r> Section<'r> {
    pub(super) fn new(
        reading: &'r Loader,
        path: String,
        pattern: SectionKind,
        origin: Origin,
        written: SectionContent<'r>,
    ) -> Self {
        Self {
            loader: reading,
            path,
            origin,
            kind: pattern,
            content: written,
            requested: Vec::new(),
        }
    }

    fn table(&self) -> Option<&'r Table> {
        match self.content {
            SectionContent::Table(table) => Some(table),
            SectionContent::Absent | SectionContent::Invalid => None,
        }
    }

    /// What was written for a key of this section.
    pub(super) fn entry(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.loader.requested_keys.borrow_mut().push(KnownKey { section: self.kind, name });
        self.child(name)
    }

    /// What was written for something that holds further keys.
    pub(super) fn child(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.requested.push(name);
        let value = self.table()?.get(name)?;
        Some(Entry { loader: self.loader, path: document::child_path(&self.path, name), value })
    }

    /// The section called `name`; an empty one where it was not written.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'r> {
        let pattern = SectionKind::Section(name);
        let entry = self.child(name);
        entry.as_ref().and_then(|entry| entry.section(pattern)).unwrap_or_else(|| {
            let path = document::child_path(&self.path, name);
            let origin = self.loader.document.origin(&path, None);
            let written =
                if entry.is_some() { SectionContent::Invalid } else { SectionContent::Absent };
            Section::new(self.loader, path, pattern, origin, written)
        })
    }

    /// All that was written here, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'r str, Entry<'r>)> {
        let entry = |(name, value): (&'r String, &'r Value)| {
            let path = document::child_path(&self.path, name);
            (name.as_str(), Entry { loader: self.loader, path, value })
        };
        let mut entries: Vec<_> = self.table().into_iter().flatten().map(entry).collect();
        entries.sort_by_cached_key(|(name, entry)| (entry.origin(), *name));
        entries
    }

    /// The value of a key, if it was written and is well.
    pub(super) fn get<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'r Value) -> Result<T, ValueError>,
    ) -> Option<T> {
        self.entry(name)?.parse(read)
    }

    /// The same for a key that must be there; `example` is how to write it.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        example: &str,
        read: impl FnOnce(&'r Value) -> Result<T, ValueError>,
    ) -> Option<T> {
        let Some(entry) = self.entry(name) else {
            self.report_missing(name, example);
            return None;
        };
        entry.parse(read)
    }

    /// A secret: written as `name`, or in the file that `name_file` names. `check` must not show
    /// it. With where it stands.
    pub(super) fn secret(
        &mut self,
        name: &'static str,
        name_file: &'static str,
        check: impl Fn(&str) -> Result<(), ValueError>,
    ) -> Option<(SecretString, Entry<'r>)> {
        match (self.entry(name), self.entry(name_file)) {
            (None, None) => None,
            (Some(direct), None) => {
                Some((secret::inline_secret(&direct, name_file, check)?, direct))
            }
            (None, Some(file)) => Some((secret::secret_from_file(&file, check)?, file)),
            (Some(direct), Some(file)) => {
                file.report_error(conflict(&direct));
                None
            }
        }
    }

    /// Whether any of these keys was written.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.table().is_some_and(|table| table.contains_key(*name)))
    }

    /// Complains that a key is missing.
    pub(super) fn report_missing(&self, name: &str, example: &str) {
        if matches!(self.content, SectionContent::Table(_)) || self.path.is_empty() {
            let flaw = ValueError::new("missing", format!("write {example}"));
            self.report_error(document::child_path(&self.path, name), flaw);
        }
    }

    /// Complains of the section as a whole.
    pub(super) fn report_error(
        &self,
        key: String,
        ValueError { problem: found, help: remedy, .. }: ValueError,
    ) {
        let diagnostic = Diagnostic {
            origin: self.origin.clone(),
            key: Some(key),
            problem: found,
            help: remedy,
        };
        self.loader.diagnostics.borrow_mut().push_error(diagnostic);
    }

    /// Notes every key that nobody asked for.
    pub(super) fn deny_unknown_keys(self) {
        for (name, _) in self.entries() {
            if !self.requested.contains(&name) {
                self.loader.unknown_keys.borrow_mut().push(UnknownKey {
                    section: self.path.clone(),
                    kind: self.kind,
                    name: name.to_owned(),
                    valid_keys: self.requested.clone(),
                });
            }
        }
    }

    /// Whether nothing at all was written for it.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.content, SectionContent::Absent)
    }
}
