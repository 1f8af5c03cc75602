//! Checks that a value is text, and names the kind of one that is not.

use config::{Value, ValueKind};

use super::ValueError;

/// The value as text.
pub(in crate::config) fn as_str(value: &Value) -> Result<&str, ValueError> {
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        _ => Err(wrong_type(value, "text", "put it in quotes")),
    }
}

/// The error for a wrong type. It names the type, not the value, which may be a secret.
pub(in crate::config) fn wrong_type(value: &Value, wanted: &str, remedy: &str) -> ValueError {
    let kind = match value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::Float(number) if number.is_infinite() => "a number that is too large",
        ValueKind::Float(_) => "a decimal number",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            "a number"
        }
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a section",
        ValueKind::Array(_) => "a list",
    };
    ValueError::type_error(format!("expected {wanted}, found {kind}"), remedy)
}
