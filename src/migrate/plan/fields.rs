//! Reads the values of a plan, and notes what is wrong with them, each with its line.

use std::cell::RefCell;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml_edit::{Item, Key, TableLike, Value};

use super::mistake::PlanMistake;

/// How many mistakes are told.
const MAX_MISTAKES: usize = 50;

/// How much of a value is quoted, in characters.
const MAX_QUOTED: usize = 60;

/// The text of a plan, and what is wrong in it.
#[derive(Debug)]
pub(super) struct PlanText {
    line_starts: Vec<usize>,
    mistakes: RefCell<Vec<PlanMistake>>,
}

impl PlanText {
    pub(super) fn new(text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            line_starts: std::iter::once(0).chain(starts).collect(),
            mistakes: RefCell::default(),
        }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    pub(super) fn note(&self, line: Option<usize>, key: &str, problem: String, help: String) {
        let mut mistakes = self.mistakes.borrow_mut();
        if mistakes.len() < MAX_MISTAKES {
            mistakes.push(PlanMistake { line, key: key.to_owned(), problem, help });
        }
    }

    /// The mistakes, by line.
    pub(super) fn into_mistakes(self) -> Vec<PlanMistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|it| (it.line.unwrap_or(usize::MAX), it.key.clone()));
        mistakes
    }
}

/// A section of a plan, or a table in braces.
pub(super) struct PlanTable<'t> {
    pub(super) text: &'t PlanText,
    /// The path of its key.
    pub(super) path: String,
    pub(super) line: Option<usize>,
    table: &'t dyn TableLike,
}

/// A value of a plan.
pub(super) struct PlanValue<'t> {
    text: &'t PlanText,
    pub(super) path: String,
    pub(super) line: Option<usize>,
    value: &'t Value,
}

/// The `[[name]]` sections.
pub(super) fn sections<'t>(
    text: &'t PlanText,
    root: &'t dyn TableLike,
    name: &str,
) -> Vec<PlanTable<'t>> {
    match root.get(name) {
        None => Vec::new(),
        Some(Item::ArrayOfTables(tables)) => tables
            .iter()
            .enumerate()
            .map(|(index, table)| {
                let start = table.span().map(|span| span.start);
                PlanTable::new(text, format!("{name}[{index}]"), start, table)
            })
            .collect(),
        Some(item) => {
            let line = item.span().map(|span| text.line(span.start));
            let help = format!("write [[{name}]], with two brackets, above each");
            text.note(line, name, "is no list of sections".to_owned(), help);
            Vec::new()
        }
    }
}

impl<'t> PlanTable<'t> {
    pub(super) fn new(
        text: &'t PlanText,
        path: String,
        start: Option<usize>,
        table: &'t dyn TableLike,
    ) -> Self {
        Self { text, path, line: start.map(|byte| text.line(byte)), table }
    }

    /// Notes each key that is none of `known`.
    pub(super) fn check_keys(&self, known: &[&str]) {
        for (name, item) in self.table.iter().filter(|(name, _)| !known.contains(name)) {
            let line = self.key_line(name, item).or(self.line);
            let near = known
                .iter()
                .map(|word| (strsim::damerau_levenshtein(word, name), *word))
                .filter(|(distance, word)| *distance <= 2 && distance * 2 < word.len())
                .min();
            let help = match near {
                Some((_, word)) => format!("did you mean {word}?"),
                None => format!("the keys here are {}", known.join(", ")),
            };
            self.text.note(line, &self.key(name), "unknown key".to_owned(), help);
        }
    }

    /// The path of a key in it.
    pub(super) fn key(&self, name: &str) -> String {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let name = match !name.is_empty() && name.chars().all(is_bare) {
            true => name.to_owned(),
            false => format!("{name:?}"),
        };
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    fn key_line(&self, name: &str, item: &Item) -> Option<usize> {
        let key = self.table.key(name).and_then(Key::span);
        key.or_else(|| item.span()).map(|span| self.text.line(span.start))
    }

    /// Notes that something is missing.
    pub(super) fn missing(&self, name: &str, help: &str) {
        self.text.note(self.line, &self.key(name), "is missing".to_owned(), help.to_owned());
    }

    /// The value of a key, if it is set.
    pub(super) fn get(&self, name: &str) -> Option<PlanValue<'t>> {
        let item = self.table.get(name)?;
        let line = self.key_line(name, item).or(self.line);
        let Some(value) = item.as_value() else {
            let help = format!("write {name} = …");
            self.text.note(line, &self.key(name), "is a section".to_owned(), help);
            return None;
        };
        Some(PlanValue { text: self.text, path: self.key(name), line, value })
    }

    /// A text that is not empty, if it is set.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.get(name)?.string()
    }

    /// A text that must be set.
    pub(super) fn needed(&self, name: &str, help: &str) -> Option<String> {
        if self.table.get(name).is_none() {
            self.missing(name, help);
        }
        self.string(name)
    }

    /// `true` or `false`; `false` if it is not set.
    pub(super) fn flag(&self, name: &str) -> bool {
        let Some(value) = self.get(name) else { return false };
        value.value.as_bool().unwrap_or_else(|| {
            value.mistake("true or false");
            false
        })
    }

    /// The items of a list; none if it is not set.
    pub(super) fn items(&self, name: &str, example: &str) -> Vec<PlanValue<'t>> {
        let Some(list) = self.get(name) else { return Vec::new() };
        let Some(array) = list.value.as_array() else {
            list.mistake(example);
            return Vec::new();
        };
        let item = |(index, value): (usize, &'t Value)| PlanValue {
            text: self.text,
            path: format!("{}[{index}]", list.path),
            line: value.span().map(|span| self.text.line(span.start)).or(list.line),
            value,
        };
        array.iter().enumerate().map(item).collect()
    }

    /// A moment, if it is set.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let value = self.get(name)?;
        let written = match value.value {
            Value::Datetime(time) => time.value().to_string(),
            Value::String(text) => text.value().clone(),
            _ => String::new(),
        };
        let time = written.parse().ok();
        if time.is_none() {
            value.mistake("a time with its zone, like 2014-03-01T18:00:00Z");
        }
        time
    }

    /// A day, if it is set.
    pub(super) fn day(&self, name: &str) -> Option<Date> {
        let value = self.get(name)?;
        let day = value.quoted().trim_matches(['"', '\'']).parse().ok();
        if day.is_none() {
            value.mistake("a day, like 2014-03-01");
        }
        day
    }

    /// The name of a time zone, if it is set.
    pub(super) fn zone(&self, name: &str) -> Option<TimeZone> {
        let value = self.get(name)?;
        let zone = value.string()?;
        let found = TimeZone::get(&zone).ok();
        if found.is_none() {
            value.mistake("the name of a time zone, like \"Europe/Berlin\" or \"UTC\"");
        }
        found
    }
}

impl<'t> PlanValue<'t> {
    /// Notes that it is not `wanted`.
    pub(super) fn mistake(&self, wanted: &str) {
        self.note(format!("{} will not do", self.quoted()), format!("write {wanted}"));
    }

    /// Notes what is wrong with it.
    pub(super) fn note(&self, problem: String, help: String) {
        self.text.note(self.line, &self.path, problem, help);
    }

    /// The value as it is written, shortened.
    pub(super) fn quoted(&self) -> String {
        let written = self.value.to_string();
        let written = written.trim();
        match written.chars().count() > MAX_QUOTED {
            true => written.chars().take(MAX_QUOTED).chain(['…']).collect(),
            false => written.to_owned(),
        }
    }

    /// It as a text that is not empty and has no control characters.
    pub(super) fn string(&self) -> Option<String> {
        let text = self.value.as_str();
        let fits = text.filter(|it| !it.trim().is_empty() && !it.contains(char::is_control));
        if fits.is_none() {
            self.mistake("a text in quotes, or remove the line");
        }
        fits.map(str::to_owned)
    }

    /// It as a text, without a note if it is none.
    pub(super) fn as_str(&self) -> Option<&'t str> {
        self.value.as_str()
    }

    /// It as a table in braces.
    pub(super) fn table(&self) -> Option<PlanTable<'t>> {
        let table = self.value.as_inline_table()?;
        Some(PlanTable { text: self.text, path: self.path.clone(), line: self.line, table })
    }
}
