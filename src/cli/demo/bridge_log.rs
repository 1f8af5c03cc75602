//! Reads the log of the bridge's process: when it heard and stored a message, and what it warns of.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The filter of the log: what this file reads, and warnings.
pub(super) const LOG_FILTER: &str =
    "warn,letsbridge::bridge=debug,letsbridge::service::engine=trace";

/// The most characters of a warning.
const MAX_WARNING: usize = 300;

/// What a line of the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BridgeLogEntry {
    /// The bridge has heard the message with this id of its network.
    Heard { id: String, at: Timestamp },
    /// All that was heard so far is on disk.
    Stored { at: Timestamp },
    /// A warning or an error, in the bridge's words.
    Warning(String),
}

#[derive(Deserialize)]
struct LogLine {
    timestamp: Timestamp,
    level: String,
    message: String,
    remote_id: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Reads a line; `None` if it is about something else.
pub(super) fn read(line: &str) -> Option<BridgeLogEntry> {
    if !line.starts_with('{') {
        // An error before the log began, or a panic.
        return (!line.trim().is_empty()).then(|| BridgeLogEntry::Warning(shorten(line.trim())));
    }
    let LogLine { timestamp: at, level, message, remote_id, fields } =
        serde_json::from_str(line).ok()?;
    match (level.as_str(), message.as_str(), remote_id) {
        ("WARN" | "ERROR", _, _) => Some(BridgeLogEntry::Warning(in_words(&message, &fields))),
        (_, "message received", Some(id)) => Some(BridgeLogEntry::Heard { id, at }),
        (_, "turn committed", _) => Some(BridgeLogEntry::Stored { at }),
        _ => None,
    }
}

/// A message of the log with its reason, if it has one.
fn in_words(message: &str, fields: &Map<String, Value>) -> String {
    let reason = ["reason", "error"].iter().find_map(|key| fields.get(*key)?.as_str());
    let words = match reason {
        Some(reason) => format!("{message}: {reason}"),
        None => message.to_owned(),
    };
    shorten(&words)
}

fn shorten(words: &str) -> String {
    words.chars().take(MAX_WARNING).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-11-22T09:41:30.000123Z";

    #[track_caller]
    fn check(rest: &str, entry: Option<BridgeLogEntry>) {
        assert_eq!(read(&format!(r#"{{"timestamp":"{TIME}",{rest}}}"#)), entry, "{rest}");
    }

    #[test]
    fn lines_about_messages_and_warnings_are_read() {
        let at: Timestamp = TIME.parse().expect("a time");
        check(
            r##""level":"DEBUG","message":"message received","endpoint":"demo/#lobby","remote_id":"m1""##,
            Some(BridgeLogEntry::Heard { id: "m1".to_owned(), at }),
        );
        check(
            r#""level":"TRACE","message":"turn committed","target":"letsbridge""#,
            Some(BridgeLogEntry::Stored { at }),
        );
        check(
            r#""level":"WARN","message":"connection lost","reason":"reset","retry_in":"1s""#,
            Some(BridgeLogEntry::Warning("connection lost: reset".to_owned())),
        );
        check(r#""level":"INFO","message":"joined""#, None);
        assert_eq!(read(""), None);
        let early = "bridge.toml:3: a mistake";
        assert_eq!(read(early), Some(BridgeLogEntry::Warning(early.to_owned())));
    }
}
