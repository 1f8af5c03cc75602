use proptest::prelude::*;

use super::*;
use crate::domain::{Author, MessageKind, EndpointId};

const ID: &str = "6b035f6d8d054a41e16a0570";

fn links(key: u8) -> Links {
    let url = |text| Url::parse(text).expect("an address");
    let key = SecretBox::new(Box::new([key; 32]));
    Links::new(key, url("https://bridge.example/irc/"), url("https://chat.example/"))
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().expect("a time")
}

/// The parts of a link to a file.
fn parts(link: &str) -> (String, String) {
    let rest = link.strip_prefix("https://bridge.example/irc/f/").expect("a link to a file");
    let (signed, name) = rest.split_once('/').expect("with a name");
    (signed.to_owned(), name::decode(name))
}

fn file(name: &str) -> (String, String) {
    parts(&links(1).file(ID, name, now()).expect("an id"))
}

#[test]
fn a_link_to_a_file_is_short_and_can_be_read_again() {
    let link = links(1).file(ID, "a b.png", now()).expect("an id");
    assert!(link.len() < 100, "{link}");
    assert!(link.ends_with("/a%20b.png"), "{link}");
    let id = ID.parse().expect("an id");
    let (signed, name) = parts(&link);
    assert_eq!(links(1).read_file(&signed, &name), Some((id, now())));
    assert_eq!(links(1).read(&link), Some(Link { to: LinkTarget::File(id), made: now() }));
    assert_eq!(links(1).read_paste(&signed), None, "a file is no paste");
    assert_eq!(links(1).file(ID, "a b.png", now()), Some(link), "the same again");
}

#[test]
fn a_link_to_a_paste_can_be_read_again() {
    let message = Message {
        source: EndpointId(3),
        author: Author::named("ann"),
        kind: MessageKind::Text,
        body: "one\ntwo".to_owned(),
        sent_at: now(),
    };
    let link = links(1).paste(&message, now());
    let to = LinkTarget::Paste(PasteId::of(&message));
    assert_eq!(links(1).read(&link), Some(Link { to, made: now() }));
    assert_eq!(links(1).read(&format!("{link}/raw")), Some(Link { to, made: now() }));
    let signed = link.rsplit('/').next().expect("a path");
    assert_eq!(links(1).read_file(signed, ""), None, "a paste is no file");
    let other = Message { body: "one\nthree".to_owned(), ..message };
    assert_ne!(links(1).paste(&other, now()), link);
}

#[test]
fn another_key_reads_nothing() {
    let (signed, name) = file("a.png");
    assert_eq!(links(2).read_file(&signed, &name), None);
}

#[test]
fn another_name_is_another_link() {
    let (signed, _) = file("a.png");
    for name in ["a.html", "", "a.png ", "../a.png", "A.png"] {
        assert_eq!(links(1).read_file(&signed, name), None, "{name}");
    }
}

#[test]
fn only_what_lets_chat_could_have_made_becomes_a_link() {
    for id in ["", "../account", "x", "6b035f6d8d054a41e16a05701", "6b035f6d8d054a41e16a057/"] {
        assert_eq!(links(1).file(id, "a.png", now()), None, "{id}");
    }
}

#[test]
fn the_key_is_not_shown() {
    assert!(!format!("{:?}", links(77)).contains("77"), "{:?}", links(77));
}

proptest! {
    #[test]
    fn every_other_text_is_refused(at in 0..44_usize, to in "[A-Za-z0-9_-]") {
        let (signed, name) = file("a.png");
        let mut changed = signed.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != signed);
        prop_assert_eq!(links(1).read_file(&changed, &name), None);
    }

    #[test]
    fn nonsense_is_refused(signed in any::<String>(), name in any::<String>()) {
        prop_assert_eq!(links(1).read_file(&signed, &name), None);
        prop_assert_eq!(links(1).read_paste(&signed), None);
        prop_assert_eq!(links(1).read(&format!("https://x/f/{signed}/{name}")), None);
    }

    #[test]
    fn every_file_can_be_read_again(id in any::<[u8; 12]>(), name in any::<String>(), at in any::<u32>()) {
        let at = Timestamp::from_second(at.into()).expect("a time");
        let link = links(1).file(&FileId(id).to_string(), &name, at).expect("an id");
        prop_assert!(link.is_ascii() && !link.contains(' ') && link.len() < 200);
        prop_assert_eq!(links(1).read(&link), Some(Link { to: LinkTarget::File(FileId(id)), made: at }));
    }

    #[test]
    fn texts_are_survived(text in any::<String>()) {
        let _ = links(1).in_text(&text, now());
        let _ = links(1).in_text(&format!("upload://files/{text}"), now());
    }
}
