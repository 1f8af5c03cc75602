//! Reads the keys of one section.

use config::Value;
use secrecy::SecretString;

use super::diagnostic::{Diagnostic, Origin};
use super::document::{self, Table};
use super::entry::{Entry, also};
use super::keys::{KnownKey, Pattern};
use super::reading::{Reading, Unknown};
use super::secret;
use super::values::Flaw;

/// A section of the file, which asks for its keys one by one.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) reading: &'r Reading,
    pub(super) path: String,
    pub(super) origin: Origin,
    pattern: Pattern,
    written: Written<'r>,
    asked: Vec<&'static str>,
}

/// What stands where a section may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written<'r> {
    /// The section.
    Keys(&'r Table),
    /// Nothing: all of its keys are missing.
    Nothing,
    /// Something else, which has been told of: nobody needs to know what it lacks.
    Else,
}

impl<'r> Section<'r> {
    pub(super) fn new(
        reading: &'r Reading,
        path: String,
        pattern: Pattern,
        origin: Origin,
        written: Written<'r>,
    ) -> Self {
        Self { reading, path, origin, pattern, written, asked: Vec::new() }
    }

    fn table(&self) -> Option<&'r Table> {
        match self.written {
            Written::Keys(table) => Some(table),
            Written::Nothing | Written::Else => None,
        }
    }

    /// What was written for a key of this section.
    pub(super) fn entry(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.reading.asked.borrow_mut().push(KnownKey { pattern: self.pattern, name });
        self.child(name)
    }

    /// What was written for something that holds further keys.
    pub(super) fn child(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.asked.push(name);
        let value = self.table()?.get(name)?;
        Some(Entry { reading: self.reading, path: document::below(&self.path, name), value })
    }

    /// The section called `name`; an empty one where it was not written.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'r> {
        let pattern = Pattern::Section(name);
        let entry = self.child(name);
        entry.as_ref().and_then(|entry| entry.section(pattern)).unwrap_or_else(|| {
            let path = document::below(&self.path, name);
            let origin = self.reading.document.origin(&path, None);
            let written = if entry.is_some() { Written::Else } else { Written::Nothing };
            Section::new(self.reading, path, pattern, origin, written)
        })
    }

    /// All that was written here, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'r str, Entry<'r>)> {
        let entry = |(name, value): (&'r String, &'r Value)| {
            let path = document::below(&self.path, name);
            (name.as_str(), Entry { reading: self.reading, path, value })
        };
        let mut entries: Vec<_> = self.table().into_iter().flatten().map(entry).collect();
        entries.sort_by_cached_key(|(name, entry)| (entry.origin(), *name));
        entries
    }

    /// The value of a key, if it was written and is well.
    pub(super) fn get<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'r Value) -> Result<T, Flaw>,
    ) -> Option<T> {
        self.entry(name)?.read(read)
    }

    /// The same for a key that must be there; `example` is how to write it.
    pub(super) fn must<T>(
        &mut self,
        name: &'static str,
        example: &str,
        read: impl FnOnce(&'r Value) -> Result<T, Flaw>,
    ) -> Option<T> {
        let Some(entry) = self.entry(name) else {
            self.missing(name, example);
            return None;
        };
        entry.read(read)
    }

    /// A secret: written as `name`, or in the file that `name_file` names. `check` must not show
    /// it. With where it stands.
    pub(super) fn secret(
        &mut self,
        name: &'static str,
        name_file: &'static str,
        check: impl Fn(&str) -> Result<(), Flaw>,
    ) -> Option<(SecretString, Entry<'r>)> {
        match (self.entry(name), self.entry(name_file)) {
            (None, None) => None,
            (Some(direct), None) => Some((secret::written(&direct, name_file, check)?, direct)),
            (None, Some(file)) => Some((secret::in_file(&file, check)?, file)),
            (Some(direct), Some(file)) => {
                file.mistake(also(&direct));
                None
            }
        }
    }

    /// Whether any of these keys was written.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.table().is_some_and(|table| table.contains_key(*name)))
    }

    /// Complains that a key is missing.
    pub(super) fn missing(&self, name: &str, example: &str) {
        if matches!(self.written, Written::Keys(_)) || self.path.is_empty() {
            let flaw = Flaw::new("missing", format!("write {example}"));
            self.mistake(document::below(&self.path, name), flaw);
        }
    }

    /// Complains of the section as a whole.
    pub(super) fn mistake(&self, key: String, Flaw { found, remedy, .. }: Flaw) {
        let diagnostic = Diagnostic { origin: self.origin.clone(), key: Some(key), found, remedy };
        self.reading.findings.borrow_mut().mistake(diagnostic);
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self) {
        for (name, _) in self.entries() {
            if !self.asked.contains(&name) {
                self.reading.unknown.borrow_mut().push(Unknown {
                    section: self.path.clone(),
                    pattern: self.pattern,
                    name: name.to_owned(),
                    here: self.asked.clone(),
                });
            }
        }
    }

    /// Whether nothing at all was written for it.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.written, Written::Nothing)
    }
}
