use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::Value;

use crate::letschat::id::{self, Id};
use crate::letschat::state::session::{Broadcast, SocketId};

/// One request, be it from a websocket or over REST.
#[derive(Debug)]
pub(in super::super) struct Call {
    pub account_id: Id,
    /// The websocket it came from.
    pub socket: Option<SocketId>,
    /// What came with it. Over REST the parameters of path, body and query, laid over one another.
    pub data: Value,
    /// The file that came with it.
    pub file: Option<Upload>,
}

/// A file in a request.
#[derive(Debug)]
pub(in super::super) struct Upload {
    pub name: String,
    pub kind: String,
    pub content: Bytes,
}

/// The outcome of a call.
#[derive(Debug)]
pub(in super::super) enum Outcome {
    /// It is answered, and then this is broadcast.
    Answer(Reply, Vec<Broadcast>),
    /// The real server's handler throws. A REST request gets 500; a websocket's call ends the process.
    Throws,
    /// The real server's process ends, in a database callback that nothing guards.
    Crash,
    /// There is no such event: nothing is ever answered.
    Unknown,
}

/// An answer. An ack carries the body alone, without its status.
#[derive(Debug)]
pub(in super::super) struct Reply {
    pub status: StatusCode,
    /// JSON; none for the bare reason phrase of the status.
    pub json: Option<String>,
}

impl Reply {
    /// The body, as an ack carries it.
    pub(in super::super) fn as_ack(&self) -> String {
        match &self.json {
            Some(json) => json.clone(),
            None => format!("{:?}", self.status.canonical_reason().unwrap_or_default()),
        }
    }
}

/// `json`, with nothing to broadcast.
pub(super) fn ok(json: String) -> Outcome {
    respond(StatusCode::OK, json, Vec::new())
}

/// `json`, and then broadcasts.
pub(super) fn respond(status: StatusCode, json: String, broadcasts: Vec<Broadcast>) -> Outcome {
    Outcome::Answer(Reply { status, json: Some(json) }, broadcasts)
}

/// A bare reason phrase.
pub(super) fn status_only(status: StatusCode) -> Outcome {
    Outcome::Answer(Reply { status, json: None }, Vec::new())
}

/// "Bad Request", the server's word for nearly everything.
pub(super) fn bad_request() -> Outcome {
    status_only(StatusCode::BAD_REQUEST)
}

/// A value that is no id where an id is needed: the database layer's `CastError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CastError(pub String);

impl Call {
    /// A parameter; null is as good as absent.
    pub(super) fn param(&self, name: &str) -> Option<&Value> {
        self.data.get(name).filter(|value| !value.is_null())
    }

    /// A parameter that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.param(name).and_then(Value::as_str)
    }

    /// A parameter that the database layer makes a string of, as JavaScript would. An object is refused.
    pub(super) fn string(&self, name: &str) -> Result<Option<String>, CastError> {
        self.param(name).map(as_string).transpose()
    }

    /// A parameter that must be an id.
    pub(super) fn id(&self, name: &str) -> Result<Option<Id>, CastError> {
        self.param(name).map(as_id).transpose()
    }

    /// A parameter that JavaScript takes for true.
    pub(super) fn truthy(&self, name: &str) -> bool {
        self.param(name).is_some_and(truthy)
    }

    /// A number, from a number or from digits; none for anything else.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.param(name)? {
            Value::String(text) => leading_number(text),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "JavaScript's parseInt drops the rest, too"
            )]
            value => value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)),
        }
    }

    /// How many to list: what is asked, 500 if nothing is, 5000 at most.
    pub(super) fn take(&self) -> usize {
        let asked = self.number("take").filter(|take| *take != 0).unwrap_or(500);
        // The database takes a negative limit for the positive one.
        usize::try_from(asked.unsigned_abs()).unwrap_or(usize::MAX).min(5000)
    }

    /// How many to pass over. The database refuses a negative number.
    pub(super) fn skip(&self) -> Result<usize, CastError> {
        let skip = self.number("skip").unwrap_or(0);
        usize::try_from(skip).map_err(|_| CastError(skip.to_string()))
    }

    /// Whether to list backwards: yes unless told otherwise.
    pub(super) fn reverse(&self) -> bool {
        match self.data.get("reverse") {
            None => true,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            Some(value) => truthy(value),
        }
    }
}

/// A value as an id.
pub(super) fn as_id(value: &Value) -> Result<Id, CastError> {
    let text = as_string(value)?;
    id::parse(&text).ok_or(CastError(text))
}

/// A value as the string that JavaScript makes of it.
pub(super) fn as_string(value: &Value) -> Result<String, CastError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) => Err(CastError(value.to_string())),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().map(as_string).collect::<Result<_, _>>()?;
            Ok(parts.join(","))
        }
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
    }
}

/// What JavaScript takes for true.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// JavaScript's `parseInt`: the digits in front, if any.
fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let end =
        text[sign..].find(|char: char| !char.is_ascii_digit()).map_or(text.len(), |end| sign + end);
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(data: Value) -> Call {
        Call { account_id: "0".into(), socket: None, data, file: None }
    }

    #[test]
    fn a_list_is_of_500_and_never_of_more_than_5000() {
        for (asked, take) in [
            (json!({}), 500),
            (json!({"take": null}), 500),
            (json!({"take": 0}), 500),
            (json!({"take": "x"}), 500),
            (json!({"take": 2}), 2),
            (json!({"take": "2 of them"}), 2),
            (json!({"take": -3}), 3),
            (json!({"take": 9999}), 5000),
        ] {
            assert_eq!(call(asked.clone()).take(), take, "{asked}");
        }
    }

    #[test]
    fn a_list_is_backwards_unless_told_otherwise() {
        for (asked, reverse) in [
            (json!({}), true),
            (json!({"reverse": true}), true),
            (json!({"reverse": "TRUE"}), true),
            (json!({"reverse": "yes"}), false),
            (json!({"reverse": false}), false),
            (json!({"reverse": null}), false),
        ] {
            assert_eq!(call(asked.clone()).reverse(), reverse, "{asked}");
        }
    }

    #[test]
    fn values_become_strings_as_in_javascript() {
        assert_eq!(as_string(&json!(5)), Ok("5".to_owned()));
        assert_eq!(as_string(&json!(["a", 1, null])), Ok("a,1,".to_owned()));
        assert!(as_string(&json!({"a": 1})).is_err());
    }
}
