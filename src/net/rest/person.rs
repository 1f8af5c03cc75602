//! What Let's Chat answers about somebody's account when it refuses a change of it.

use serde::Deserialize;
use serde_json::Value;

/// The longest text of the server that is repeated, in characters.
const MAX_LEN_REASON: usize = 200;

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WireError {
    /// Its text.
    #[serde(default)]
    message: Value,
    /// A reason apart from the text.
    #[serde(default)]
    reason: Value,
    /// The errors of mongoose, or one of MongoDB.
    #[serde(default)]
    errors: Value,
}

impl WireError {
    /// The error in `body`; an empty one if there is none.
    pub(super) fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The server's text, without `secret`, which it quotes if it does not like it.
    pub(super) fn text(&self, secret: &str) -> String {
        let text = self.reason.as_str().or(self.message.as_str()).unwrap_or_default();
        shortened(text, secret)
    }

    /// The error of one field, without `secret`.
    pub(super) fn field(&self, name: &str, secret: &str) -> Option<String> {
        let message = self.errors.get("errors")?.get(name)?.get("message")?.as_str()?;
        Some(shortened(message, secret))
    }

    /// The error of MongoDB when a unique value is not.
    pub(super) fn duplicate(&self) -> Option<&str> {
        let is_duplicate = self.errors.get("code").is_some_and(|code| *code == 11000);
        is_duplicate.then(|| self.errors.get("errmsg").and_then(Value::as_str).unwrap_or_default())
    }
}

fn shortened(text: &str, secret: &str) -> String {
    let text = if secret.is_empty() { text.to_owned() } else { text.replace(secret, "…") };
    text.chars().filter(|character| !character.is_control()).take(MAX_LEN_REASON).collect()
}

/// Whether the server's text says that a name or a mail address belongs to somebody else.
pub(super) fn says_taken(text: &str) -> bool {
    // With other errors beside, another name would not help.
    let also = ["is invalid", "is required", "invalid email"];
    (text.contains("to be unique") || text.contains("already been taken"))
        && !also.iter().any(|words| text.contains(words))
}
