//! The configuration file as a tree of values, with the line number of each key.

use std::collections::HashMap;
use std::sync::Arc;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::diagnostic::{ConfigErrors, Diagnostic, Origin};

pub(super) type Table = Map<String, Value>;

/// The file, with the environment variables merged into it.
#[derive(Debug, Default, Clone)]
pub(super) struct Document {
    /// The file name, as it was given to us.
    file_name: Arc<str>,
    root: Table,
    key_lines: HashMap<String, usize>,
}

impl Document {
    /// Parses TOML. Returns all syntax errors.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        let (document, mistakes) = Self::parse_anyway(file, text);
        ConfigErrors::check(mistakes)?;
        Ok(document)
    }

    /// Parses what can be parsed of TOML. Also returns all syntax errors.
    pub(super) fn parse_anyway(file: &str, text: &str) -> (Self, Vec<Diagnostic>) {
        let file: Arc<str> = file.into();
        let places = LineIndex::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        let slip = |error: &toml::de::Error| {
            let place = error.span().map(|span| places.line_and_column(span.start)).unzip();
            let line = place.0.and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
            let rest = error.span().and_then(|span| text.get(span.start..)).unwrap_or_default();
            let remedy = if line.contains(['“', '”', '„', '‘', '’', '«', '»']) {
                "write straight quotes, \"like these\""
            } else if rest.trim_start().starts_with(':') {
                "write = between a key and its value"
            } else {
                "fix this first; the keys have not been read"
            };
            Diagnostic {
                origin: Origin::File { file: file.clone(), line: place.0, column: place.1 },
                key: None,
                // Not its Display: it quotes the line, which may contain a secret.
                problem: format!("this is not TOML: {}", error.message()),
                help: remedy.to_owned(),
            }
        };
        // Further errors on a line result from the first one.
        let mut mistakes: Vec<Diagnostic> = errors.iter().map(slip).collect();
        mistakes.sort();
        mistakes.dedup_by_key(|slip| match slip.origin {
            Origin::File { line, .. } => line,
            Origin::Variable(_) => None,
        });
        let mut lines = HashMap::new();
        let root = convert_table(table.get_ref(), "", &places, &mut lines);
        (Self { file_name: file, root, key_lines: lines }, mistakes)
    }

    /// Merges `over` into the file; its values win.
    pub(super) fn overlay(&mut self, over: Table) {
        let file = TableSource(std::mem::take(&mut self.root));
        self.root = Config::builder()
            .add_source(file)
            .add_source(TableSource(over))
            .build()
            .and_then(|merged| merged.get_table(TableSource::ROOT_KEY))
            .expect("both sources are tables below the same key");
    }

    /// The names of the IRC networks, in alphabetical order.
    pub(super) fn network_names(&self) -> Vec<&str> {
        let Some(ValueKind::Table(irc)) = self.root.get("irc").map(|irc| &irc.kind) else {
            return Vec::new();
        };
        let is_section = |value: &Value| matches!(value.kind, ValueKind::Table(_));
        let sections = irc.iter().filter(|(_, value)| is_section(value));
        let mut names: Vec<&str> = sections.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    pub(super) fn root(&self) -> &Table {
        &self.root
    }

    /// A copy in which the value `name` of the section at `from` is moved to the section at `to` as
    /// `new_name`. `None` if that key exists already, or there is no such section.
    pub(super) fn with_moved(
        &self,
        from: &str,
        name: &str,
        to: &str,
        new_name: &str,
    ) -> Option<Self> {
        let mut moved = self.clone();
        let value = find_section(&mut moved.root, "", from)?.remove(name)?;
        if !to.is_empty() && !to.contains(['.', '[']) && !moved.root.contains_key(to) {
            moved.root.insert(to.to_owned(), Value::new(None, Table::new()));
        }
        let target = find_section(&mut moved.root, "", to)?;
        if target.contains_key(new_name) {
            return None;
        }
        target.insert(new_name.to_owned(), value);
        let (old, new) = (child_path(from, name), child_path(to, new_name));
        let lines = std::mem::take(&mut moved.key_lines).into_iter();
        moved.key_lines = lines
            .map(|(path, line)| match path.strip_prefix(&old) {
                Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => {
                    (format!("{new}{rest}"), line)
                }
                _ => (path, line),
            })
            .collect();
        Some(moved)
    }

    /// A copy in which the value `name` of the section at `path` is a list instead of a text, or a
    /// text instead of a list of one. Also how to write that.
    pub(super) fn reshaped(&self, path: &str, name: &str) -> Option<(Self, String)> {
        let mut reshaped = self.clone();
        let value = find_section(&mut reshaped.root, "", path)?.get_mut(name)?;
        let (kind, written) = match std::mem::replace(&mut value.kind, ValueKind::Nil) {
            ValueKind::String(text) => {
                let text = Value::new(None, ValueKind::String(text));
                (ValueKind::Array(vec![text]), format!("{name} = [\"…\"], a list"))
            }
            ValueKind::Array(mut items) if items.len() == 1 => {
                (items.remove(0).kind, format!("{name} = \"…\", one text"))
            }
            _ => return None,
        };
        value.kind = kind;
        Some((reshaped, written))
    }

    /// Adds an empty section called `name` to the section at `path`.
    pub(super) fn add_section(&mut self, path: &str, name: &str) {
        if let Some(section) = find_section(&mut self.root, "", path) {
            section.insert(name.to_owned(), Value::new(None, Table::new()));
        }
        if let Some(line) = self.key_lines.get(path).copied() {
            self.key_lines.insert(child_path(path, name), line);
        }
    }

    /// A copy without the value `name` of the section at `from`.
    pub(super) fn without(&self, from: &str, name: &str) -> Self {
        let mut rest = self.clone();
        find_section(&mut rest.root, "", from).and_then(|section| section.remove(name));
        rest
    }

    /// The value `name` of the section at `path`.
    pub(super) fn value(&self, path: &str, name: &str) -> Option<Value> {
        let mut copy = self.root.clone();
        find_section(&mut copy, "", path)?.remove(name)
    }

    /// Where the value with this path was set, or would have been.
    pub(super) fn origin(&self, path: &str, value: Option<&Value>) -> Origin {
        let line = self.key_lines.get(path).copied();
        match value.and_then(env_variable) {
            Some(variable) => Origin::Variable(variable.to_owned()),
            // A section from environment variables alone has the origin of the first of them.
            None => match value.filter(|_| line.is_none()).and_then(first_env_variable) {
                Some(variable) => Origin::Variable(variable.to_owned()),
                None => Origin::File { file: self.file_name.clone(), line, column: None },
            },
        }
    }
}

/// The path of `key` below `path`, in TOML syntax.
pub(super) fn child_path(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let key =
        if !key.is_empty() && key.chars().all(bare) { key.into() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Finds the section with the path `wanted` in `table`, whose own path is `at`.
fn find_section<'t>(table: &'t mut Table, at: &str, wanted: &str) -> Option<&'t mut Table> {
    if at == wanted {
        return Some(table);
    }
    table.iter_mut().find_map(|(key, value)| {
        let path = child_path(at, key);
        let rest = wanted.strip_prefix(&path)?;
        match &mut value.kind {
            ValueKind::Table(inner) if rest.is_empty() || rest.starts_with('.') => {
                find_section(inner, &path, wanted)
            }
            ValueKind::Array(items) if rest.starts_with('[') => {
                items.iter_mut().enumerate().find_map(|(index, value)| match &mut value.kind {
                    ValueKind::Table(inner) => {
                        find_section(inner, &item_path(&path, index), wanted)
                    }
                    _ => None,
                })
            }
            _ => None,
        }
    })
}

/// The path of a list item; items count from 0.
pub(super) fn item_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The environment variable that set the value.
pub(super) fn env_variable(value: &Value) -> Option<&str> {
    value.origin()
}

fn first_env_variable(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::Table(table) => table
            .values()
            .filter_map(|value| env_variable(value).or_else(|| first_env_variable(value)))
            .min(),
        _ => None,
    }
}

/// A source of values for `config` to merge.
#[derive(Debug, Clone)]
struct TableSource(Table);

impl TableSource {
    /// `config` parses the topmost keys of a source as paths, in which `a.b` and `a[9]` have a
    /// meaning. It does not parse keys below, so we put our tree below this key.
    const ROOT_KEY: &str = "root";
}

impl Source for TableSource {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, ConfigError> {
        Ok(Table::from([(Self::ROOT_KEY.to_owned(), Value::new(None, self.0.clone()))]))
    }
}

fn convert_table(
    table: &DeTable<'_>,
    path: &str,
    places: &LineIndex,
    lines: &mut HashMap<String, usize>,
) -> Table {
    let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        let name = key.get_ref();
        let path = child_path(path, name);
        let value = convert_value(value.get_ref(), &path, places, lines);
        lines.insert(path, places.line_and_column(key.span().start).0);
        (name.clone().into_owned(), value)
    };
    table.iter().map(entry).collect()
}

fn convert_array(
    array: &DeArray<'_>,
    path: &str,
    places: &LineIndex,
    lines: &mut HashMap<String, usize>,
) -> Vec<Value> {
    let entry = |(index, value): (usize, &Spanned<DeValue<'_>>)| {
        let path = item_path(path, index);
        let read = convert_value(value.get_ref(), &path, places, lines);
        lines.insert(path, places.line_and_column(value.span().start).0);
        read
    };
    array.iter().enumerate().map(entry).collect()
}

fn convert_value(
    value: &DeValue<'_>,
    path: &str,
    places: &LineIndex,
    lines: &mut HashMap<String, usize>,
) -> Value {
    let kind = match value {
        DeValue::String(text) => ValueKind::String(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => ValueKind::I64(number),
            // The reader of the value rejects a number that is too large, with a better message.
            Err(_) => ValueKind::Float(f64::INFINITY),
        },
        DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        DeValue::Datetime(time) => ValueKind::String(time.to_string()),
        DeValue::Array(array) => ValueKind::Array(convert_array(array, path, places, lines)),
        DeValue::Table(table) => ValueKind::Table(convert_table(table, path, places, lines)),
    };
    Value::new(None, kind)
}

/// Where the lines of a text start.
struct LineIndex<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    fn new(text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, line_starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The line and column of a byte, both from 1.
    fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..byte.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse("f", text).expect(text)
    }

    #[track_caller]
    fn assert_origin(document: &Document, path: &str, origin: &str) {
        assert_eq!(document.origin(path, None).to_string(), origin, "{path}");
    }

    #[test]
    fn origin_of_each_key_is_its_line() {
        let document = parse(
            "a = 1\n[irc.office]\nservers = [\n  'x',\n  'y',\n]\n[irc.\"a b\"]\n[[link]]\n\n[[link]]\nroom = 1\n\
             inline = { b.c = 2 }\n",
        );
        for (path, line) in [
            ("a", 1),
            ("irc.office", 2),
            ("irc.office.servers", 3),
            ("irc.office.servers[1]", 5),
            ("irc.\"a b\"", 7),
            ("link[0]", 8),
            ("link[1]", 10),
            ("link[1].room", 11),
            ("link[1].inline.b.c", 12),
        ] {
            assert_origin(&document, path, &format!("f:{line}"));
        }
        assert_origin(&document, "letschat", "f");
    }

    #[test]
    fn syntax_errors_have_a_position_and_show_no_secret() {
        let mistakes =
            Document::parse("f", "a = 1\né = \"hush\"\n\npassword = hush").expect_err("");
        let told: Vec<_> = mistakes.to_string().lines().map(str::to_owned).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("f:2:1: this is not TOML: "), "{told:?}");
        assert!(told[1].starts_with("f:4:12: this is not TOML: "), "{told:?}");
        assert!(!mistakes.to_string().contains("hush"), "{told:?}");
    }

    #[test]
    fn environment_values_override_the_file() {
        let name = "V".to_owned();
        let over = |value: &str| Value::new(Some(&name), value);
        let mut document = parse("a = 1\n[b]\nc = 2\nd = 3\n\"x.y[9999999]\" = 4");
        let deep = Table::from([("c".to_owned(), over("five"))]);
        let fresh = Table::from([("f".to_owned(), over("six"))]);
        let top =
            [("b".to_owned(), Value::new(None, deep)), ("e".to_owned(), Value::new(None, fresh))];
        document.overlay(Table::from(top));
        let ValueKind::Table(b) = &document.root()["b"].kind else { panic!("b is a table") };
        assert_eq!(b["c"].kind, ValueKind::String("five".to_owned()));
        assert_eq!(b["d"].kind, ValueKind::I64(3));
        assert_eq!(b["x.y[9999999]"].kind, ValueKind::I64(4));
        assert_eq!(document.origin("b.c", b.get("c")).to_string(), "V");
        assert_eq!(document.origin("b.d", b.get("d")).to_string(), "f:4");
        assert_eq!(document.origin("b", document.root().get("b")).to_string(), "f:2");
        assert_eq!(document.origin("e", document.root().get("e")).to_string(), "V");
    }
}
