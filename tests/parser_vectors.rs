//! The public parser vectors (<https://github.com/ircdocs/parser-tests>, CC0), run against the
//! functions with which the bridge reads and builds its lines.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use irc::proto::Prefix;
use letsbridge::protocol::irc::{ParsedLine, ReceivedLine};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors<T> {
    tests: Vec<T>,
}

#[derive(Deserialize)]
struct Split {
    input: String,
    atoms: Atoms,
}

#[derive(Deserialize)]
struct Join {
    desc: String,
    atoms: Atoms,
    matches: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Atoms {
    #[serde(default)]
    tags: BTreeMap<String, String>,
    source: Option<String>,
    verb: String,
    #[serde(default)]
    params: Vec<String>,
}

#[derive(Deserialize)]
struct Userhost {
    source: String,
    atoms: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    nick: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    host: String,
}

fn vectors<T: for<'de> Deserialize<'de>>(yaml: &str) -> Vec<T> {
    let vectors: Vectors<T> = serde_yaml_ng::from_str(yaml).unwrap();
    assert!(vectors.tests.len() > 5);
    vectors.tests
}

#[test]
fn lines_are_taken_apart() {
    for Split { input, atoms } in vectors(include_str!("data/irc-parser-tests/msg-split.yaml")) {
        let parts = ParsedLine::parse(&input).unwrap();
        let tags: BTreeMap<_, _> =
            parts.tags.iter().map(|(k, v)| ((*k).to_owned(), v.clone().into_owned())).collect();
        assert_eq!(tags, atoms.tags, "{input}");
        assert_eq!(tags.len(), parts.tags.len(), "{input}: each tag once");
        assert_eq!(parts.source, atoms.source.as_deref(), "{input}");
        assert_eq!(parts.command, atoms.verb, "{input}");
        assert_eq!(parts.parameters, atoms.params, "{input}");
    }
}

#[test]
fn the_session_reads_the_same_lines() {
    for Split { input, atoms } in vectors(include_str!("data/irc-parser-tests/msg-split.yaml")) {
        let message = ReceivedLine::Utf8(input.clone()).parse().unwrap();
        let tags: BTreeMap<_, _> = message
            .tags
            .iter()
            .flatten()
            .map(|tag| (tag.0.clone(), tag.1.clone().unwrap_or_default()))
            .collect();
        assert_eq!(tags, atoms.tags, "{input}");
        assert_eq!(message.prefix.map(|prefix| prefix.to_string()), atoms.source, "{input}");
        let said = String::from(&message.command);
        let parts = ParsedLine::parse(&said).unwrap();
        assert!(parts.command.eq_ignore_ascii_case(&atoms.verb), "{input} became {said}");
        assert_eq!(parts.parameters, atoms.params, "{input} became {said}");
    }
}

#[test]
fn lines_are_put_together() {
    for Join { desc, atoms, matches } in
        vectors(include_str!("data/irc-parser-tests/msg-join.yaml"))
    {
        let parts = ParsedLine {
            tags: atoms.tags.iter().map(|(k, v)| (k.as_str(), v.into())).collect(),
            source: atoms.source.as_deref(),
            command: &atoms.verb,
            parameters: atoms.params.iter().map(String::as_str).collect(),
        };
        let line = parts.to_line().unwrap().to_string();
        assert!(matches.contains(&line), "{desc}: {line}");
    }
}

#[test]
fn a_source_is_nick_user_and_host() {
    for Userhost { source, atoms } in
        vectors(include_str!("data/irc-parser-tests/userhost-split.yaml"))
    {
        let message = ReceivedLine::Utf8(format!(":{source} QUIT")).parse().unwrap();
        let expected = Prefix::Nickname(atoms.nick, atoms.user, atoms.host);
        assert_eq!(message.prefix, Some(expected), "{source}");
    }
}
