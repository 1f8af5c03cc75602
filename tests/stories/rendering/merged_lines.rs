//! Several deliveries in one post, and one message in two posts.

use std::time::Duration;

use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat};

use super::joined_with;
use crate::harness::World;
use crate::{IRC_IN, letschat_back};

/// A request for the room's posts after its newest one.
const READ: &str = r#"lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]"#;

/// Two lines of ann in flight as one post, and one of bob that waits.
#[track_caller]
fn two_in_flight() -> World {
    let mut world = joined_with(LinkFormat::default());
    world.tell(
        r#"
        irc <+ :ann!a@host PRIVMSG #tea :one
        irc <+ :ann!a@host PRIVMSG #tea :two
        irc < :bob!b@host PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one\ntwo"}]
        "#,
    );
    world
}

#[test]
fn lines_received_together_are_merged_into_one_post() {
    let mut world = joined_with(LinkFormat::default());
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        irc < :ann!a@host PRIVMSG #tea :two
        irc < :ann!a@host PRIVMSG #tea :three
        irc < :bob!b@host PRIVMSG #tea :four
        irc < :ann!a@host PRIVMSG #tea :five
        lc < 43#[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two\nthree"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<bob> four"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> five"}]
        "#,
    );
}

#[test]
fn line_that_shows_its_time_is_not_merged() {
    let mut world = joined_with(LinkFormat::default());
    world.tell(
        r#"
        irc < :bob!b@host PRIVMSG #tea :hi
        lc > 42#["messages:create",{"room":"r1","text":"<bob> hi"}]
        irc < :ann!a@host PRIVMSG #tea :one
        wait 4s
        irc < :ann!a@host PRIVMSG #tea :two
        irc < :ann!a@host PRIVMSG #tea :\x01ACTION waves\x01
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"* ann waves"}]
        "#,
    );
}

#[test]
fn merge_window_waits_for_more_lines() {
    let join = MergeLines::Within(Duration::from_secs(1));
    let room = RoomFormat { merge_lines: join, ..RoomFormat::default() };
    let mut world = joined_with(LinkFormat { room, ..LinkFormat::default() });
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        wait 1s
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one\ntwo"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :ann!a@host PRIVMSG #tea :three
        irc < :bob!b@host PRIVMSG #tea :nothing more can go on with that
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        wait 1s
        lc > 42#["messages:create",{"room":"r1","text":"<bob> nothing more can go on with that"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :ann!a@host PRIVMSG #tea :\x01ACTION waves\x01
        lc > 42#["messages:create",{"room":"r1","text":"* ann waves"}]
        "#,
    );
}

#[test]
fn merged_post_without_an_ack_is_found_and_not_resent() {
    for trouble in ["lc lost", "restart"] {
        let mut world = two_in_flight();
        world.tell(trouble);
        letschat_back(
            &mut world,
            &format!(
                r#"
                {READ}
                lc < 43#[[{{"id":"6b0000200000000000000001","text":"<ann> one\ntwo","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u0","username":"bridge"}},"room":"r1"}}]]
                lc > 42#["messages:create",{{"room":"r1","text":"<bob> three"}}]
                "#
            ),
        );
    }
}

#[test]
fn merged_post_that_did_not_arrive_is_resent_with_later_lines() {
    for trouble in ["lc lost", "restart"] {
        let mut world = joined_with(LinkFormat::default());
        world.tell(
            r#"
            irc <+ :ann!a@host PRIVMSG #tea :one
            irc < :ann!a@host PRIVMSG #tea :two
            lc > 42#["messages:create",{"room":"r1","text":"<ann> one\ntwo"}]
            irc < :ann!a@host PRIVMSG #tea :three
            "#,
        );
        world.tell(trouble);
        letschat_back(
            &mut world,
            &format!(
                r#"
                {READ}
                lc < 43#[[]]
                wait 1s
                lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}}]
                lc < 43#[[]]
                lc > 42#["messages:create",{{"room":"r1","text":"<ann> one\ntwo\nthree"}}]
                lc < 43#[{{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
                "#
            ),
        );
        // No part of it is left.
        world.tell("lc lost");
        letschat_back(&mut world, &format!("{READ}\nlc < 43#[[]]"));
    }
}

#[test]
fn rejected_merged_post_rejects_all_its_lines() {
    let mut world = two_in_flight();
    world.tell(
        r#"
        lc refuses "Bad Request"
        lc > 42#["messages:create",{"room":"r1","text":"<bob> three"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        restart
        "#,
    );
    world.tell(IRC_IN);
}

#[test]
fn inline_image_directly_follows_its_author() {
    for trouble in ["lc lost", "restart"] {
        let mut world = joined_with(LinkFormat::default());
        world.tell(
            r#"
            irc <+ :ann!a@host PRIVMSG #tea :http://a.example/x.png
            irc < :ann!a@host PRIVMSG #tea :nice
            lc > 42#["messages:create",{"room":"r1","text":"<ann>"}]
            lc < 43#[{"id":"6b0000000000000000000002","text":"<ann>","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
            lc > 42#["messages:create",{"room":"r1","text":"http://a.example/x.png"}]
            "#,
        );
        world.tell(trouble);
        letschat_back(
            &mut world,
            &format!(
                r#"
                {READ}
                lc < 43#[[{{"id":"6b0000000000000000000002","text":"<ann>","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u0","username":"bridge"}},"room":"r1"}},{{"id":"6b0000000000000000000003","text":"http://a.example/x.png","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u0","username":"bridge"}},"room":"r1"}}]]
                lc > 42#["messages:create",{{"room":"r1","text":"<ann> nice"}}]
                "#
            ),
        );
    }
}
