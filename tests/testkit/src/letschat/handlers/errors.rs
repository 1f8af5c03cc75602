//! The database layer's errors as JSON. The two versions word them differently.

use serde_json::{Value, json};

use super::call::{CastError, Outcome, respond};
use crate::letschat::setup::MongooseVersion;
use axum::http::StatusCode;

/// A field that did not validate.
pub(super) struct Invalid {
    pub path: &'static str,
    pub kind: Kind,
    /// What was given; none if nothing was.
    pub value: Option<String>,
}

/// Why a field did not validate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Required,
    Pattern,
    Taken,
    /// Not of the form of a mail address.
    NoMail,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Pattern => "regexp",
            Self::Taken => "unique",
            Self::NoMail => "user defined",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Required => "Path `{PATH}` is required.",
            Self::Pattern => "Path `{PATH}` is invalid ({VALUE}).",
            Self::Taken => "Expected {PATH} to be unique",
            Self::NoMail => "invalid email address",
        }
    }
}

/// 400 with a `ValidationError` of the model `Room`.
pub(super) fn validation(mongoose: MongooseVersion, invalid: &[Invalid]) -> Outcome {
    let error = validation_error(mongoose, "Room", invalid);
    respond(StatusCode::BAD_REQUEST, error.to_string(), Vec::new())
}

/// A `ValidationError` of a model.
pub(super) fn validation_error(
    mongoose: MongooseVersion,
    model: &str,
    invalid: &[Invalid],
) -> Value {
    let errors: serde_json::Map<String, Value> =
        invalid.iter().map(|field| (field.path.to_owned(), validator(mongoose, field))).collect();
    let general = format!("{model} validation failed");
    match mongoose {
        MongooseVersion::V4_6 => {
            json!({"message": general, "name": "ValidationError", "errors": errors})
        }
        MongooseVersion::V4_13 => {
            let each: Vec<String> = invalid
                .iter()
                .map(|field| format!("{}: {}", field.path, message_for(field)))
                .collect();
            let message = format!("{general}: {}", each.join(", "));
            json!({"errors": errors, "_message": general, "message": message, "name": "ValidationError"})
        }
    }
}

/// The error of the older server, which lets the database find out that a value is taken.
pub(super) fn duplicate() -> Value {
    let message = "E11000 Duplicate Key Error";
    json!({
        "name": "MongoError", "message": message, "driver": true, "index": 0, "code": 11000, "errmsg": message,
    })
}

/// What is wrong with a field, in the server's words.
pub(super) fn message_for(field: &Invalid) -> String {
    let value = field.value.as_deref().unwrap_or("undefined");
    field.kind.message().replace("{PATH}", field.path).replace("{VALUE}", value)
}

fn validator(mongoose: MongooseVersion, field: &Invalid) -> Value {
    let (kind, path) = (field.kind.name(), field.path);
    let mut properties = json!({"type": kind, "message": field.kind.message(), "path": path});
    if field.kind == Kind::Pattern {
        properties["regexp"] = json!({});
    }
    let mut error = json!({
        "message": message_for(field), "name": "ValidatorError", "kind": kind, "path": path,
    });
    if let Some(value) = &field.value {
        properties["value"] = json!(value);
        error["value"] = json!(value);
    }
    error["properties"] = properties;
    if mongoose == MongooseVersion::V4_13 {
        error["$isValidatorError"] = json!(true);
    }
    error
}

/// 400 with the `CastError` of an id that is none.
pub(super) fn cast(
    mongoose: MongooseVersion,
    model: &str,
    CastError(value): &CastError,
) -> Outcome {
    let message = format!("Cast to ObjectId failed for value \"{value}\" at path \"_id\"");
    let mut error = json!({"name": "CastError", "kind": "ObjectId", "value": value, "path": "_id"});
    error["message"] = match mongoose {
        MongooseVersion::V4_6 => json!(message),
        MongooseVersion::V4_13 => json!(format!("{message} for model \"{model}\"")),
    };
    if mongoose == MongooseVersion::V4_13 {
        error["stringValue"] = json!(format!("{value:?}"));
    }
    respond(StatusCode::BAD_REQUEST, error.to_string(), Vec::new())
}
