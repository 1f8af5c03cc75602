//! Rules of the configuration that ignore messages.

use letsbridge::translate::{IgnoreRule, LinkFormat, Rules, Side, UserMatcher};

use super::joined_with;
use crate::letschat_back;

/// Messages of carl are ignored on both sides.
fn without_carl() -> LinkFormat {
    let rule = |on| IgnoreRule {
        side: Some(on),
        users: vec![UserMatcher::Name("carl".to_owned())],
        pattern: None,
    };
    let ignore = vec![rule(Side::Irc), rule(Side::LetsChat)];
    LinkFormat { rules: Rules { ignore, ..Rules::default() }, ..LinkFormat::default() }
}

#[test]
fn ignored_message_is_not_mirrored() {
    let mut world = joined_with(without_carl());
    world.tell(
        r#"
        irc < :carl!c@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"three","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u3","username":"carl"},"room":{"id":"r1"}}]
        "#,
    );
    let ignored: u64 = world.stats().traffic.values().map(|it| it.ignored).sum();
    assert_eq!(ignored, 2);
}

#[test]
fn ignored_message_is_not_mirrored_by_the_catchup() {
    let mut world = joined_with(without_carl());
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u3","username":"carl"},"room":{"id":"r1"}}]
        lc lost
        "#,
    );
    let mut world = world.with_format(LinkFormat::default());
    world.tell(crate::IRC_IN);
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000100000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u3","username":"carl"},"room":"r1"},{"id":"6b0000110000000000000001","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u3","username":"carl"},"room":"r1"}]]
        irc > PRIVMSG #tea :<carl> two
        irc > PING said-1
        "#,
    );
}
