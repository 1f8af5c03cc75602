//! Checks the types of values: text, numbers, booleans. Values of environment variables are always
//! text.

use config::{Value, ValueKind};

use super::document;
use super::parse::{ValueError, wrong_type};

pub(super) use super::parse::as_str;

/// A parser for text values: passes the text to `read`.
pub(super) fn text<'v, T>(
    read: impl FnOnce(&'v str) -> Result<T, ValueError>,
) -> impl FnOnce(&'v Value) -> Result<T, ValueError> {
    |value| read(as_str(value)?)
}

/// Parses `true` or `false`; in variables also `yes`, `no`, `on`, `off`, `1` or `0`.
pub(super) fn boolean(value: &Value) -> Result<bool, ValueError> {
    match &value.kind {
        ValueKind::Boolean(flag) => return Ok(*flag),
        ValueKind::String(_) if document::env_variable(value).is_some() => {
            if let Ok(flag) = value.clone().into_bool() {
                return Ok(flag);
            }
        }
        _ => {}
    }
    Err(wrong_type(value, "true or false", "write true or false, without quotes"))
}

/// Parses a count, or `none`.
pub(super) fn count_or_none(value: &Value) -> Result<Option<u64>, ValueError> {
    const HELP: &str = "write a number like 500, or \"none\"";
    let number = match &value.kind {
        ValueKind::I64(number) => u64::try_from(*number).ok(),
        ValueKind::String(text) if text == "none" => return Ok(None),
        ValueKind::String(_) if document::env_variable(value).is_some() => {
            value.clone().into_uint().ok()
        }
        _ => return Err(wrong_type(value, "a number", HELP)),
    };
    // The database uses signed integers.
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| ValueError::new("not a non-negative number", HELP))
}

/// Parses a count of at least 1. `example` shows how to set it.
pub(super) fn positive<T: TryFrom<u64>>(value: &Value, example: &str) -> Result<T, ValueError> {
    let remedy = format!("write a number, like {example}");
    let number = match &value.kind {
        ValueKind::I64(number) => Some(*number),
        ValueKind::String(text) if document::env_variable(value).is_some() => text.parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| wrong_type(value, "a number", &remedy))?;
    match u64::try_from(number).ok().filter(|number| *number > 0) {
        Some(number) => T::try_from(number).map_err(|_| ValueError::new("is too large", remedy)),
        None => Err(ValueError::new("must be at least 1", remedy)),
    }
}
