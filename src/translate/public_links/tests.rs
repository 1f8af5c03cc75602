//! Tests of public links.

use proptest::prelude::*;

use super::*;
use crate::domain::{Author, EndpointId, MessageKind, ObjectId};

const ID: &str = "6b035f6d8d054a41e16a0570";

fn links(key: u8) -> PublicLinks {
    let url = |text| Url::parse(text).expect("an address");
    let key = SecretBox::new(Box::new([key; 32]));
    PublicLinks::new(key, url("https://bridge.example/irc/"), url("https://chat.example/"))
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().expect("a time")
}

/// Splits a link to a file into its parts.
fn parts(link: &str) -> (String, String) {
    let rest = link.strip_prefix("https://bridge.example/irc/f/").expect("a link to a file");
    let (signed, name) = rest.split_once('/').expect("with a name");
    (signed.to_owned(), file_name::percent_decode(name))
}

fn file(name: &str) -> (String, String) {
    parts(&links(1).file_link(ID, name, now()).expect("an id"))
}

#[test]
fn file_link_round_trips() {
    let link = links(1).file_link(ID, "a b.png", now()).expect("an id");
    assert!(link.len() < 100, "{link}");
    assert!(link.ends_with("/a%20b.png"), "{link}");
    let id = ID.parse().expect("an id");
    let (signed, name) = parts(&link);
    assert_eq!(links(1).verify_file_link(&signed, &name), Some((id, now())));
    assert_eq!(
        links(1).parse_link(&link),
        Some(PublicLink { target: LinkTarget::File(id), created_at: now() })
    );
    assert_eq!(links(1).verify_paste_link(&signed), None, "a file is no paste");
    assert_eq!(links(1).file_link(ID, "a b.png", now()), Some(link), "the same again");
}

#[test]
fn paste_link_round_trips() {
    let message = Message {
        source: EndpointId(3),
        author: Author::named("ann"),
        kind: MessageKind::Text,
        body: "one\ntwo".to_owned(),
        sent_at: now(),
    };
    let link = links(1).paste_link(&message, now());
    let to = LinkTarget::Paste(PasteId::of(&message));
    assert_eq!(links(1).parse_link(&link), Some(PublicLink { target: to, created_at: now() }));
    assert_eq!(
        links(1).parse_link(&format!("{link}/raw")),
        Some(PublicLink { target: to, created_at: now() })
    );
    let signed = link.rsplit('/').next().expect("a path");
    assert_eq!(links(1).verify_file_link(signed, ""), None, "a paste is no file");
    let other = Message { body: "one\nthree".to_owned(), ..message };
    assert_ne!(links(1).paste_link(&other, now()), link);
}

#[test]
fn link_signed_with_another_key_is_rejected() {
    let (signed, name) = file("a.png");
    assert_eq!(links(2).verify_file_link(&signed, &name), None);
}

#[test]
fn link_with_another_file_name_is_rejected() {
    let (signed, _) = file("a.png");
    for name in ["a.html", "", "a.png ", "../a.png", "A.png"] {
        assert_eq!(links(1).verify_file_link(&signed, name), None, "{name}");
    }
}

#[test]
fn only_object_ids_get_a_file_link() {
    for id in ["", "../account", "x", "6b035f6d8d054a41e16a05701", "6b035f6d8d054a41e16a057/"] {
        assert_eq!(links(1).file_link(id, "a.png", now()), None, "{id}");
    }
}

#[test]
fn debug_output_hides_the_key() {
    assert!(!format!("{:?}", links(77)).contains("77"), "{:?}", links(77));
}

proptest! {
    #[test]
    fn tampered_signature_is_rejected(at in 0..44_usize, to in "[A-Za-z0-9_-]") {
        let (signed, name) = file("a.png");
        let mut changed = signed.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != signed);
        prop_assert_eq!(links(1).verify_file_link(&changed, &name), None);
    }

    #[test]
    fn arbitrary_text_is_rejected(signed in any::<String>(), name in any::<String>()) {
        prop_assert_eq!(links(1).verify_file_link(&signed, &name), None);
        prop_assert_eq!(links(1).verify_paste_link(&signed), None);
        prop_assert_eq!(links(1).parse_link(&format!("https://x/f/{signed}/{name}")), None);
    }

    #[test]
    fn any_file_link_round_trips(id in any::<[u8; 12]>(), name in any::<String>(), at in any::<u32>()) {
        let at = Timestamp::from_second(at.into()).expect("a time");
        let link = links(1).file_link(&FileId(ObjectId(id)).to_string(), &name, at).expect("an id");
        prop_assert!(link.is_ascii() && !link.contains(' ') && link.len() < 200);
        prop_assert_eq!(links(1).parse_link(&link), Some(PublicLink { target: LinkTarget::File(FileId(ObjectId(id))), created_at: at }));
    }

    #[test]
    fn rewriting_any_text_does_not_panic(text in any::<String>()) {
        let _ = links(1).rewrite_file_urls(&text, now());
        let _ = links(1).rewrite_file_urls(&format!("upload://files/{text}"), now());
    }
}
