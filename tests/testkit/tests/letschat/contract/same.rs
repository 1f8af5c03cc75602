//! Whether two answers are equal, except for ids and times.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

/// Which of the double's ids and times are which of the recording's.
#[derive(Default)]
pub(crate) struct Same {
    ids: HashMap<String, String>,
    owners: HashMap<String, String>,
    times: HashMap<String, String>,
}

impl Same {
    /// A recorded text with the double's ids and times for the recorded ones.
    pub(crate) fn of(&self, text: &str) -> String {
        let times = self.times.iter().flat_map(|(theirs, ours)| {
            [(theirs.clone(), ours.clone()), (form_encoded(theirs), form_encoded(ours))]
        });
        self.ids
            .iter()
            .map(|(theirs, ours)| (theirs.clone(), ours.clone()))
            .chain(times)
            .fold(text.to_owned(), |text, (theirs, ours)| text.replace(&theirs, &ours))
    }

    pub(crate) fn frames(&mut self, place: &str, expected: &str, found: &str) {
        let json = |frame: &str| {
            frame.find(['[', '{', '"']).and_then(|at| serde_json::from_str(&frame[at..]).ok())
        };
        match (json(expected), json(found)) {
            (Some(mut expected_json), Some(mut found_json)) if !expected.ends_with("<cut>") => {
                let head = |frame: &str| digits(frame).to_owned();
                assert_eq!(head(found), head(expected), "{place}");
                session_ids_are_alike(place, &mut expected_json, &mut found_json);
                self.json(place, &expected_json, &found_json);
            }
            _ => self.text(place, expected, found),
        }
    }

    pub(crate) fn json(&mut self, place: &str, expected: &Value, found: &Value) {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                let keys = |object: &serde_json::Map<String, Value>| {
                    object.keys().cloned().collect::<Vec<_>>()
                };
                assert_eq!(keys(found), keys(expected), "{place}: the keys");
                for (key, value) in expected {
                    self.json(&format!("{place}.{key}"), value, &found[key]);
                }
            }
            (Value::Array(expected), Value::Array(found)) => {
                assert_eq!(found.len(), expected.len(), "{place}: how many in {found:?}");
                for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.json(&format!("{place}[{at}]"), expected, found);
                }
            }
            (Value::String(expected), Value::String(found)) => self.text(place, expected, found),
            _ => assert_eq!(found, expected, "{place}"),
        }
    }

    /// The same text, or of a recorded text that was cut the same beginning.
    pub(crate) fn text(&mut self, place: &str, expected: &str, found: &str) {
        let cut = ["<cut>", "<stack cut>"].iter().find_map(|mark| expected.strip_suffix(mark));
        let binary = place.contains("download") && expected.starts_with('\u{fffd}');
        let expected = cut.unwrap_or(expected);
        let found = if cut.is_some() || binary {
            found.get(..expected.len()).unwrap_or(found)
        } else {
            found
        };
        let (theirs, ours) = (tokens(expected), tokens(found));
        assert_eq!(ours.len(), theirs.len(), "{place}: {found:?} for {expected:?}");
        for pair in theirs.into_iter().zip(ours) {
            match pair {
                (Token::Id(theirs), Token::Id(ours)) => {
                    let known =
                        self.ids.entry(theirs.to_owned()).or_insert_with(|| ours.to_owned());
                    assert_eq!(known, ours, "{place}: it was another id before");
                    let owner =
                        self.owners.entry(ours.to_owned()).or_insert_with(|| theirs.to_owned());
                    assert_eq!(owner, theirs, "{place}: two ids are one");
                }
                (Token::Time(theirs), Token::Time(ours)) => {
                    let known =
                        self.times.entry(theirs.to_owned()).or_insert_with(|| ours.to_owned());
                    assert_eq!(known, ours, "{place}: it was another time before");
                }
                (theirs, ours) => assert_eq!(ours, theirs, "{place}"),
            }
        }
    }
}

/// A session's id is 20 characters of its alphabet.
#[track_caller]
fn session_ids_are_alike(place: &str, expected: &mut Value, found: &mut Value) {
    if let (Some(expected), Some(found)) = (expected.get_mut("sid"), found.get_mut("sid")) {
        let sid = found.as_str().unwrap().to_owned();
        assert_eq!(sid.len(), expected.as_str().unwrap().len(), "{place}: the session's id");
        assert!(
            sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{place}: {sid}"
        );
        *expected = found.clone();
    }
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Text(&'a str),
    Id(&'a str),
    Time(&'a str),
}

/// Takes a text apart at the ids and the times in it, both of which are 24 bytes long.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let token = text.get(at..at + 24).and_then(|part| {
            let is_id =
                part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            let is_time = part.as_bytes()[10] == b'T'
                && part.ends_with('Z')
                && part.parse::<Timestamp>().is_ok();
            // An avatar is longer.
            let longer = text[at + 24..].starts_with(|char: char| char.is_ascii_hexdigit());
            if is_id && !longer {
                Some(Token::Id(part))
            } else {
                is_time.then_some(Token::Time(part))
            }
        });
        match token {
            Some(token) if start == at || !text.as_bytes()[at - 1].is_ascii_hexdigit() => {
                tokens.extend((start < at).then(|| Token::Text(&text[start..at])));
                tokens.push(token);
                at += 24;
                start = at;
            }
            _ => at += 1,
        }
    }
    tokens.extend((start < at).then(|| Token::Text(&text[start..at])));
    tokens
}

pub(crate) fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The digits in front.
pub(crate) fn digits(text: &str) -> &str {
    &text[..text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_and_times_are_found_in_a_text() {
        let text =
            "a 6b035f6d8d054a41e16a0570/2026-11-22T21:32:30.061Z e58fbfffe2364edf3461dbc5fae3a739";
        assert_eq!(
            tokens(text),
            [
                Token::Text("a "),
                Token::Id("6b035f6d8d054a41e16a0570"),
                Token::Text("/"),
                Token::Time("2026-11-22T21:32:30.061Z"),
                Token::Text(" e58fbfffe2364edf3461dbc5fae3a739"),
            ]
        );
    }

    #[test]
    #[should_panic(expected = "the keys")]
    fn another_key_is_noticed() {
        Same::default().json("here", &json!({"a": 1}), &json!({"a": 1, "b": 2}));
    }

    #[test]
    #[should_panic(expected = "another id before")]
    fn another_id_is_noticed() {
        let (a, b) = ("a".repeat(24), "b".repeat(24));
        Same::default().json("here", &json!([a, a]), &json!([a, b]));
    }
}
