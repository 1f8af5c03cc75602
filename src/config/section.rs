//! Reads the keys of one section, and notes all that is wrong instead of stopping at the first.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};
use secrecy::SecretString;

use super::diagnostic::{Diagnostic, Findings, Origin};
use super::document::{self, Document, Table};
use super::keys::{self, KnownKey, Pattern};
use super::secret;
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
}

/// Where files are that the configuration names.
#[derive(Debug, Default)]
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
        Section {
            reading: self,
            path: String::new(),
            pattern: Pattern::Top,
            table: Some(self.document.root()),
            origin: self.document.origin("", None),
            asked: Vec::new(),
        }
    }

    fn diagnostic(&self, path: &str, value: &Value, flaw: Flaw) -> Diagnostic {
        let origin = self.document.origin(path, Some(value));
        Diagnostic { origin, key: Some(path.to_owned()), found: flaw.found, remedy: flaw.remedy }
    }

    fn mistake(&self, path: &str, value: &Value, flaw: Flaw) {
        self.findings.borrow_mut().mistake(self.diagnostic(path, value, flaw));
    }
}

/// Something that was written: a value, and where.
#[derive(Debug, Clone)]
pub(super) struct Entry<'r> {
    pub(super) reading: &'r Reading,
    pub(super) path: String,
    pub(super) value: &'r Value,
}

impl<'r> Entry<'r> {
    pub(super) fn origin(&self) -> Origin {
        self.reading.document.origin(&self.path, Some(self.value))
    }

    pub(super) fn mistake(&self, flaw: Flaw) {
        self.reading.mistake(&self.path, self.value, flaw);
    }

    pub(super) fn warning(&self, flaw: Flaw) {
        let warning = self.reading.diagnostic(&self.path, self.value, flaw);
        self.reading.findings.borrow_mut().warning(warning);
    }

    /// What `read` makes of it, or a mistake.
    pub(super) fn read<T>(&self, read: impl FnOnce(&'r Value) -> Result<T, Flaw>) -> Option<T> {
        read(self.value).map_err(|flaw| self.mistake(flaw)).ok()
    }

    /// The section that it is.
    pub(super) fn section(&self, pattern: Pattern) -> Option<Section<'r>> {
        let ValueKind::Table(table) = &self.value.kind else {
            let remedy = match pattern {
                Pattern::Network => "write [irc.NAME] above the keys of a network".to_owned(),
                Pattern::Link => "write [[link]] above its keys".to_owned(),
                _ => format!("write [{}] above its keys", self.path),
            };
            self.mistake(not_wanted(self.value, "a section", &remedy));
            return None;
        };
        let Self { reading, path, .. } = self.clone();
        let origin = self.origin();
        Some(Section { reading, path, pattern, table: Some(table), origin, asked: Vec::new() })
    }

    /// Whether it is a section.
    pub(super) fn is_section(&self) -> bool {
        matches!(self.value.kind, ValueKind::Table(_))
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.value.kind, ValueKind::Array(_))
    }

    /// The items of a list of `[[sections]]`.
    pub(super) fn sections(&self) -> Vec<Self> {
        let ValueKind::Array(values) = &self.value.kind else {
            let remedy = format!("write [[{}]], with two brackets", self.path);
            self.mistake(not_wanted(self.value, "a list", &remedy));
            return Vec::new();
        };
        let item = |(index, value)| {
            let path = document::item(&self.path, index);
            Self { reading: self.reading, path, value }
        };
        values.iter().enumerate().map(item).collect()
    }

    /// What `read` makes of each item of a list; `None` if any is wrong. A variable separates its
    /// items by commas.
    pub(super) fn items<T>(
        &self,
        example: &str,
        read: impl Fn(&Value) -> Result<T, Flaw>,
    ) -> Option<Vec<T>> {
        let values: Vec<Value> = match (&self.value.kind, document::variable(self.value)) {
            (ValueKind::Array(values), _) => values.clone(),
            (ValueKind::String(text), Some(variable)) => {
                let origin = variable.to_owned();
                text.split(',').map(|item| Value::new(Some(&origin), item.trim())).collect()
            }
            _ => {
                self.mistake(not_wanted(self.value, "a list", &format!("write {example}")));
                return None;
            }
        };
        let item = |(index, value): (usize, &Value)| {
            let mistake =
                |flaw| self.reading.mistake(&document::item(&self.path, index), value, flaw);
            read(value).map_err(mistake).ok()
        };
        // All are read before any is missed, so that each mistake is told.
        let items: Vec<Option<T>> = values.iter().enumerate().map(item).collect();
        items.into_iter().collect()
    }
}

/// A section of the file, which asks for its keys one by one.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) reading: &'r Reading,
    pub(super) path: String,
    pattern: Pattern,
    /// `None` for a section that was not written: all of its keys are missing.
    table: Option<&'r Table>,
    pub(super) origin: Origin,
    asked: Vec<&'static str>,
}

impl<'r> Section<'r> {
    /// What was written for a key of this section.
    pub(super) fn entry(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.reading.asked.borrow_mut().push(KnownKey { pattern: self.pattern, name });
        self.child(name)
    }

    /// What was written for something that holds further keys.
    pub(super) fn child(&mut self, name: &'static str) -> Option<Entry<'r>> {
        self.asked.push(name);
        let value = self.table?.get(name)?;
        Some(Entry { reading: self.reading, path: document::below(&self.path, name), value })
    }

    /// The section called `name`; an empty one where it was not written.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'r> {
        let pattern = Pattern::Section(name);
        let written = self.child(name).and_then(|entry| entry.section(pattern));
        written.unwrap_or_else(|| Section {
            reading: self.reading,
            path: document::below(&self.path, name),
            pattern,
            table: None,
            origin: self.reading.document.origin(name, None),
            asked: Vec::new(),
        })
    }

    /// All that was written here, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'r str, Entry<'r>)> {
        let entry = |(name, value): (&'r String, &'r Value)| {
            let path = document::below(&self.path, name);
            (name.as_str(), Entry { reading: self.reading, path, value })
        };
        let mut entries: Vec<_> = self.table.into_iter().flatten().map(entry).collect();
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
        names.iter().any(|name| self.table.is_some_and(|table| table.contains_key(*name)))
    }

    /// Complains that a key is missing.
    pub(super) fn missing(&self, name: &str, example: &str) {
        self.mistake(
            document::below(&self.path, name),
            Flaw::new("missing", format!("write {example}")),
        );
    }

    /// Complains of the section as a whole.
    pub(super) fn mistake(&self, key: String, Flaw { found, remedy }: Flaw) {
        let diagnostic = Diagnostic { origin: self.origin.clone(), key: Some(key), found, remedy };
        self.reading.findings.borrow_mut().mistake(diagnostic);
    }

    /// Complains of every key that nobody asked for.
    pub(super) fn finish(self) {
        for (name, entry) in self.entries() {
            if !self.asked.contains(&name) {
                let remedy = keys::remedy(name, self.pattern, &self.asked, &self.reading.known);
                entry.mistake(Flaw::new("no such key", remedy));
            }
        }
    }
}

/// Of two keys that exclude each other, the second says so.
pub(super) fn also(first: &Entry<'_>) -> Flaw {
    let found = format!("{} says the same ({})", first.path, first.origin());
    Flaw::new(found, "keep one of the two")
}

/// The text that a value must be, read further by `read`.
pub(super) fn text<'v, T>(
    read: impl FnOnce(&'v str) -> Result<T, Flaw>,
) -> impl FnOnce(&'v Value) -> Result<T, Flaw> {
    |value| read(as_text(value)?)
}

/// The text that a value must be.
pub(super) fn as_text(value: &Value) -> Result<&str, Flaw> {
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        _ => Err(not_wanted(value, "text", "put it in quotes")),
    }
}

/// `true` or `false`; variables may also say `yes`, `no`, `on`, `off`, `1` or `0`.
pub(super) fn flag(value: &Value) -> Result<bool, Flaw> {
    match &value.kind {
        ValueKind::Boolean(flag) => return Ok(*flag),
        ValueKind::String(_) if document::variable(value).is_some() => {
            if let Ok(flag) = value.clone().into_bool() {
                return Ok(flag);
            }
        }
        _ => {}
    }
    Err(not_wanted(value, "true or false", "write true or false, without quotes"))
}

/// A number of things, or `none`.
pub(super) fn limit(value: &Value) -> Result<Option<u64>, Flaw> {
    const REMEDY: &str = "write a number like 500, or \"none\"";
    let number = match &value.kind {
        ValueKind::I64(number) => u64::try_from(*number).ok(),
        ValueKind::String(text) if text == "none" => return Ok(None),
        ValueKind::String(_) if document::variable(value).is_some() => {
            value.clone().into_uint().ok()
        }
        _ => return Err(not_wanted(value, "a number", REMEDY)),
    };
    // What the store counts with has a sign.
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| Flaw::new("not a number from 0 upwards", REMEDY))
}

/// Tells the kind of a value and not the value, which may be a secret.
fn not_wanted(value: &Value, wanted: &str, remedy: &str) -> Flaw {
    let kind = match value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::Float(number) if number.is_infinite() => "too great a number",
        ValueKind::Float(_) => "a number with a fraction",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            "a number"
        }
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a section",
        ValueKind::Array(_) => "a list",
    };
    Flaw::new(format!("{kind} where {wanted} is wanted"), remedy)
}
