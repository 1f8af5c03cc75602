//! One value of the configuration, and how to parse it.

use config::{Value, ValueKind};

use super::diagnostic::Origin;
use super::document;
use super::loader::Loader;
use super::parse::{ValueError, wrong_type};

/// A value that was set, and its path.
#[derive(Debug, Clone)]
pub(super) struct Entry<'r> {
    pub(super) loader: &'r Loader,
    pub(super) path: String,
    pub(super) value: &'r Value,
}

impl<'r> Entry<'r> {
    pub(super) fn origin(&self) -> Origin {
        self.loader.document.origin(&self.path, Some(self.value))
    }

    pub(super) fn report_error(&self, error: ValueError) {
        self.loader.report_error(&self.path, self.value, error);
    }

    pub(super) fn report_warning(&self, error: ValueError) {
        let warning = self.loader.diagnostic(&self.path, self.value, error);
        self.loader.diagnostics.borrow_mut().push_warning(warning);
    }

    /// Parses the value with `read`, or reports an error.
    pub(super) fn parse<T>(
        &self,
        read: impl FnOnce(&'r Value) -> Result<T, ValueError>,
    ) -> Option<T> {
        read(self.value).map_err(|error| self.report_error(error)).ok()
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
            self.report_error(wrong_type(self.value, "a list", &remedy));
            return Vec::new();
        };
        let item = |(index, value)| {
            let path = document::item_path(&self.path, index);
            Self { loader: self.loader, path, value }
        };
        values.iter().enumerate().map(item).collect()
    }

    /// Parses each item of a list with `read`; `None` if any is wrong. In an environment variable,
    /// commas separate the items.
    pub(super) fn items<T>(
        &self,
        example: &str,
        read: impl Fn(&Value) -> Result<T, ValueError>,
    ) -> Option<Vec<T>> {
        let values: Vec<Value> = match (&self.value.kind, document::env_variable(self.value)) {
            (ValueKind::Array(values), _) => values.clone(),
            (ValueKind::String(text), Some(variable)) => {
                let origin = variable.to_owned();
                text.split(',').map(|item| Value::new(Some(&origin), item.trim())).collect()
            }
            _ => {
                self.report_error(wrong_type(self.value, "a list", &format!("write {example}")));
                return None;
            }
        };
        let item = |(index, value): (usize, &Value)| {
            let mistake = |error| {
                self.loader.report_error(&document::item_path(&self.path, index), value, error);
            };
            read(value).map_err(mistake).ok()
        };
        // Parse all items before failing, so that each error is reported.
        let items: Vec<Option<T>> = values.iter().enumerate().map(item).collect();
        items.into_iter().collect()
    }
}

/// The error for the second of two keys that exclude each other.
pub(super) fn conflict(first: &Entry<'_>) -> ValueError {
    let found = format!("conflicts with {} ({})", first.path, first.origin());
    ValueError::new(found, "remove one of the two")
}
