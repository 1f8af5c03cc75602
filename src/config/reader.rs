//! Reads the keys of one section, and records which keys exist.

use config::{Value, ValueKind};
use secrecy::SecretString;

use super::diagnostic::{Diagnostic, Origin};
use super::document;
use super::document::Table;
use super::entry::{Entry, conflict};
use super::keys::{KnownKey, SectionKind};
use super::loader::{Loader, UnknownKey};
use super::parse::{ValueError, wrong_type};
use super::secret;

/// A section of the file. Its reader asks for each key once.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) loader: &'r Loader,
    pub(super) path: String,
    pub(super) origin: Origin,
    kind: SectionKind,
    content: SectionContent<'r>,
    requested: Vec<&'static str>,
}

/// The content of a section.
#[derive(Debug, Clone, Copy)]
pub(super) enum SectionContent<'r> {
    /// The section exists.
    Table(&'r Table),
    /// The section does not exist: all of its keys are missing.
    Absent,
    /// The value is not a section. That is reported already, so its missing keys are not.
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

    /// The value of a key of this section, if it is set.
    pub(super) fn entry(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.loader.requested_keys.borrow_mut().push(KnownKey { section: self.kind, name });
        self.child(name)
    }

    /// The value of a key that holds further keys, if it is set.
    pub(super) fn child(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.requested.push(name);
        let value = self.table()?.get(name)?;
        Some(Entry { loader: self.loader, path: document::child_path(&self.path, name), value })
    }

    /// The section called `name`; an absent one if it is not in the file.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'r> {
        self.subsection(name, name)
    }

    /// The section called `name` inside this one; `path` is its path from the top of the file.
    pub(super) fn subsection(&mut self, name: &'static str, path: &'static str) -> Section<'r> {
        let pattern = SectionKind::Section(path);
        let entry = self.child(name);
        entry.as_ref().and_then(|entry| entry.section(pattern)).unwrap_or_else(|| {
            let path = document::child_path(&self.path, name);
            let origin = self.loader.document.origin(&path, None);
            let written =
                if entry.is_some() { SectionContent::Invalid } else { SectionContent::Absent };
            Section::new(self.loader, path, pattern, origin, written)
        })
    }

    /// All entries of this section, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'r str, Entry<'r>)> {
        let entry = |(name, value): (&'r String, &'r Value)| {
            let path = document::child_path(&self.path, name);
            (name.as_str(), Entry { loader: self.loader, path, value })
        };
        let mut entries: Vec<_> = self.table().into_iter().flatten().map(entry).collect();
        entries.sort_by_cached_key(|(name, entry)| (entry.origin(), *name));
        entries
    }

    /// Parses the value of a key. `None` if it is not set, or invalid: then it reports an error.
    pub(super) fn get<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'r Value) -> Result<T, ValueError>,
    ) -> Option<T> {
        self.entry(name)?.parse(read)
    }

    /// Parses the value of a required key. Reports an error if it is missing; `example` shows how
    /// to set it.
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

    /// Reads a secret: the value of `name`, or the content of the file in `name_file`. `check` must
    /// not show it. Also returns where the secret was set.
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

    /// Whether any of these keys is set.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.table().is_some_and(|table| table.contains_key(*name)))
    }

    /// Reports a missing key.
    pub(super) fn report_missing(&self, name: &str, example: &str) {
        if matches!(self.content, SectionContent::Table(_)) || self.path.is_empty() {
            let error = ValueError::new("missing", format!("write {example}"));
            self.report_error(document::child_path(&self.path, name), error);
        }
    }

    /// Reports an error about the section or one of its keys.
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

    /// Reports every key that the reader did not ask for.
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

    /// Whether the section is not in the file.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.content, SectionContent::Absent)
    }
}

impl Loader {
    /// The top-level section.
    pub(super) fn root_section(&self) -> Section<'_> {
        let origin = self.document.origin("", None);
        let written = SectionContent::Table(self.document.root());
        Section::new(self, String::new(), SectionKind::Root, origin, written)
    }
}

impl<'r> Entry<'r> {
    /// The value as a section; reports an error if it is not one.
    pub(super) fn section(&self, pattern: SectionKind) -> Option<Section<'r>> {
        let ValueKind::Table(table) = &self.value.kind else {
            let remedy = match pattern {
                SectionKind::Network => "write [irc.NAME] above the keys of a network".to_owned(),
                SectionKind::Link => "write [[link]] above its keys".to_owned(),
                _ => format!("write [{}] above its keys", self.path),
            };
            self.report_error(wrong_type(self.value, "a section", &remedy));
            return None;
        };
        let written = SectionContent::Table(table);
        Some(Section::new(self.loader, self.path.clone(), pattern, self.origin(), written))
    }
}
