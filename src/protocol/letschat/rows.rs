//! Lenient parsing of lists and fields. Administrators edit Let's Chat's database by hand, so documents may
//! lack fields. One bad row must not lose the others.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::json;
use crate::domain::overlong::{Keeping, kept};

/// Maximum length of a short text such as a name, in bytes; far above the server's own limits.
const LONGEST: usize = 4_096;

/// Chunk size for parsing long texts.
const PIECE: usize = 64 * 1024;

/// How many skipped rows are named in the log.
const MAX_LOGGED_IDS: usize = 5;

/// A list, as far as it could be read.
#[derive(Debug)]
pub(super) struct ParsedRows<T> {
    pub(super) rows: Vec<T>,
    /// The ids of unreadable rows, where they have one.
    pub(super) unreadable: Vec<Option<String>>,
}

impl<T> ParsedRows<T> {
    /// The number of rows that the server sent.
    pub(super) fn count(&self) -> usize {
        self.rows.len() + self.unreadable.len()
    }

    /// The first unreadable ids, for the log.
    pub(super) fn unreadable_ids(&self) -> String {
        let name = |id: &Option<String>| id.as_deref().map_or("without an id".to_owned(), short_id);
        self.unreadable.iter().take(MAX_LOGGED_IDS).map(name).collect::<Vec<_>>().join(", ")
    }
}

#[derive(Deserialize)]
struct WithId {
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
}

/// Parses a list row by row with `read`, or returns the server's error.
pub(super) fn parse_rows<W: DeserializeOwned, T>(
    json: &str,
    read: impl Fn(W) -> Option<T>,
) -> Result<ParsedRows<T>, String> {
    let raw: Vec<&RawValue> = match serde_json::from_str(json) {
        Ok(raw) => raw,
        // A list may also be an object with numeric keys.
        Err(error) => indexed_values(json).ok_or_else(|| json::failure(json, &error))?,
    };
    let mut rows = ParsedRows { rows: Vec::with_capacity(raw.len()), unreadable: Vec::new() };
    for row in raw {
        match json::parse_reply::<W>(row.get()).ok().and_then(&read) {
            Some(row) => rows.rows.push(row),
            None => rows.unreadable.push(find_id(row.get())),
        }
    }
    Ok(rows)
}

/// The id in an otherwise unreadable row, for the log.
pub(super) fn find_id(json: &str) -> Option<String> {
    json::parse_reply::<WithId>(json).ok()?.id.map(|room_id| short_id(&room_id))
}

/// The values of an object whose keys count from 0.
fn indexed_values(json: &str) -> Option<Vec<&RawValue>> {
    let object: std::collections::BTreeMap<usize, &RawValue> = serde_json::from_str(json).ok()?;
    Some(object.into_values().collect())
}

fn short_id(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// A short text, truncated; `None` for a value of another type.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    // Not as raw JSON, which fields of a flattened struct cannot be read from.
    let value: Option<serde_json::Value> = Option::deserialize(from)?;
    let Some(serde_json::Value::String(mut text)) = value else { return Ok(None) };
    text.truncate(text.floor_char_boundary(LONGEST));
    Ok(Some(text))
}

/// A post's text, truncated without copying the whole.
pub(super) fn kept_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let raw: &RawValue = Deserialize::deserialize(from)?;
    in_pieces(raw.get()).map_err(D::Error::custom)
}

fn in_pieces(json: &str) -> serde_json::Result<String> {
    let inner = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let Some(mut rest) = inner.filter(|inner| inner.len() > PIECE) else {
        return json::parse_json::<String>(json).map(|text| kept(&text).into_owned());
    };
    let mut keeping = Keeping::default();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(piece_end(rest));
        keeping.push(&json::parse_json::<String>(&format!("\"{piece}\""))?);
        rest = more;
    }
    Ok(keeping.end())
}

/// Where `json`, the inside of a string literal, can be split after some length: not within an escape or a
/// surrogate pair.
fn piece_end(json: &str) -> usize {
    /// `\ud83d\ude00`
    const ESCAPES: usize = 12;
    let bytes = json.as_bytes();
    let is_apart =
        |end: &usize| json.is_char_boundary(*end) && !bytes[*end - ESCAPES..*end].contains(&b'\\');
    (PIECE..bytes.len()).find(is_apart).unwrap_or(bytes.len())
}

/// A boolean; values of other types are interpreted as in JavaScript.
pub(super) fn truth<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let value: Option<serde_json::Value> = Option::deserialize(from)?;
    Ok(value.is_some_and(|value| value.as_bool().unwrap_or(true)))
}

/// The expected type; `None` for any other. Every post is read with it, so there is no `Value` in between.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let raw: &RawValue = Deserialize::deserialize(from)?;
    Ok(json::parse_json::<Option<T>>(raw.get()).ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::letschat::wire_types::{WirePost, WireRoom, WireUser};
    use crate::protocol::letschat::{LetsChatUser, Post};

    const GOOD: &str = r#"{"id":"6b035f6d8d054a41e16a0570","text":"hi","posted":"2026-11-22T21:32:29.455Z","owner":{"id":"u1","username":"ann"},"room":"r1"}"#;

    fn posts(json: &str) -> ParsedRows<Post> {
        parse_rows::<WirePost, _>(json, |it| it.into_post().map(|(post, _)| post)).expect("a list")
    }

    #[test]
    fn unreadable_post_does_not_hide_the_others() {
        let id = r#""id":"6b035f6d8d054a41e16a0571""#;
        for bad in [
            "null".to_owned(),
            "7".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#""text""#.to_owned(),
            format!("{{{id}}}"),
            format!(r#"{{{id},"text":null,"posted":"2026-11-22T21:32:29.455Z"}}"#),
            format!(r#"{{{id},"text":{{"a":1}},"posted":"2026-11-22T21:32:29.455Z"}}"#),
            r#"{"id":7,"text":"hi","posted":"2026-11-22T21:32:29.455Z"}"#.to_owned(),
            r#"{"id":"zzz","text":"hi","posted":"2026-11-22T21:32:29.455Z"}"#.to_owned(),
            r#"{"text":"hi","posted":"2026-11-22T21:32:29.455Z"}"#.to_owned(),
        ] {
            let rows = posts(&format!("[{bad},{GOOD},{bad}]"));
            assert_eq!((rows.rows.len(), rows.unreadable.len(), rows.count()), (1, 2, 3), "{bad}");
            assert_eq!(rows.rows[0].text, "hi");
            assert_eq!(rows.unreadable_ids().contains("16a0571"), bad.contains(id), "{bad}");
        }
    }

    #[test]
    fn post_parses_with_odd_owner_time_and_room() {
        let with = |rest: &str| {
            posts(&format!(r#"[{{"id":"6b035f6d8d054a41e16a0571","text":"hi"{rest}}}]"#))
        };
        for (rest, owner) in [
            ("", None),
            (r#","owner":null,"posted":null,"room":null"#, None),
            (r#","owner":"u1","posted":"soon","room":7"#, None),
            (r#","owner":{},"posted":12,"room":{}"#, None),
            (r#","owner":{"username":7},"posted":{}"#, None),
            (r#","owner":[1],"posted":"99999-01-01T00:00:00Z""#, None),
            (r#","owner":{"id":"u1","username":"ann","displayName":{}}"#, Some("ann")),
            (r#","owner":{"id":"u1","username":null,"displayName":"Ann"}"#, Some("Ann")),
            (r#","owner":{"id":null,"username":"_deleted_user_"}"#, Some("_deleted_user_")),
        ] {
            let rows = with(rest);
            assert_eq!(rows.unreadable, [], "{rest}");
            let post = &rows.rows[0];
            assert_eq!(post.author.as_ref().map(|it| it.username.as_str()), owner, "{rest}");
            assert_eq!(post.posted_at, post.id.created_at(), "{rest}");
        }
    }

    #[test]
    fn long_text_is_parsed_in_pieces_like_the_whole() {
        for text in [
            "a long \"line\"\n".repeat(100_000),
            "\\".repeat(PIECE * 3),
            "é😀\u{1}".repeat(PIECE),
            format!("{}\n", "x".repeat(PIECE - 1)).repeat(3),
            "x".repeat(PIECE * 9),
        ] {
            for json in [serde_json::json!(text).to_string(), escaped(&text)] {
                assert!(in_pieces(&json).expect("a text") == kept(&text));
            }
        }
        let half = format!("\"{}\\ud83d{}\"", "x".repeat(PIECE - 3), "y".repeat(PIECE));
        assert!(in_pieces(&half).expect("a text").contains("x\u{FFFD}y"));
        for json in ["null", "7", "{}", "[\"x\"]"] {
            assert!(in_pieces(json).is_err(), "{json}");
        }
    }

    /// `text` with every character escaped.
    fn escaped(text: &str) -> String {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    }

    #[test]
    fn of_a_long_post_the_beginning_is_taken_in_and_a_name_has_a_bound() {
        let post = |text: &str, name: &str| {
            let owner = format!(r#"{{"id":"u1","username":"ann","displayName":"{name}"}}"#);
            let id = "6b035f6d8d054a41e16a0571";
            posts(&format!(r#"[{{"id":"{id}","text":"{text}","owner":{owner}}},{GOOD}]"#)).rows
        };
        let rows = post(&"a long line\\n".repeat(1_000_000), &"é".repeat(100_000));
        assert!(rows[0].text.len() < 300_000 && rows[0].text.starts_with("a long line\na long"));
        assert!(rows[0].text.ends_with("more lines. The full message is in Let's Chat."));
        let name = rows[0].author.as_ref().and_then(|it| it.display_name.as_ref());
        assert!(name.is_some_and(|name| name.len() <= LONGEST));
        assert_eq!(rows[1].text, "hi");
    }

    #[test]
    fn unreadable_room_or_user_does_not_hide_the_others() {
        let rooms = |row: &str| {
            let json = format!(r#"[{row},{{"id":"r1","slug":"tea","name":"Tea"}}]"#);
            parse_rows::<WireRoom, _>(&json, Some).expect("a list")
        };
        for good in [
            r#"{"id":"r2","slug":null,"name":null,"description":null}"#,
            r#"{"id":"r2"}"#,
            r#"{"id":"r2","slug":7,"name":[],"description":{},"private":null,"hasPassword":"x"}"#,
        ] {
            assert_eq!(rooms(good).rows.len(), 2, "{good}");
        }
        for bad in ["null", "{}", r#"{"id":null,"slug":"dev"}"#, r#"{"id":7}"#, "[]", r#""dev""#] {
            let rows = rooms(bad);
            assert_eq!((rows.rows.len(), rows.count()), (1, 2), "{bad}");
        }
        for bad in
            ["null", "{}", r#"{"id":"u2"}"#, r#"{"username":"bob"}"#, r#"{"id":"u2","username":7}"#]
        {
            let json = format!(r#"[{{"id":"u1","username":"ann"}},{bad}]"#);
            let rows = parse_rows::<WireUser, _>(&json, LetsChatUser::from_wire).expect("a list");
            assert_eq!((rows.rows.len(), rows.count()), (1, 2), "{bad}");
        }
    }

    #[test]
    fn object_list_parses_and_error_list_is_reported() {
        assert_eq!(posts(&format!(r#"{{"0":{GOOD},"1":null}}"#)).count(), 2);
        assert_eq!(posts("[]").count(), 0);
        assert_eq!(posts("{}").count(), 0);
        for (json, reason) in
            [(r#"{"message":"no","name":"x"}"#, "no"), (r#""Not Found""#, "Not Found")]
        {
            let read = parse_rows::<WireRoom, _>(json, Some);
            assert_eq!(read.map(|it| it.count()), Err(reason.to_owned()));
        }
        assert!(parse_rows::<WireRoom, _>("null", Some).is_err());
    }
}
