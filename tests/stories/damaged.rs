//! Let's Chat sends data that somebody has damaged in its database: the bridge skips it and goes on.

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, joined, letschat_back};

const POST: &str = r#""posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"}"#;

#[test]
fn unreadable_posts_in_a_page_are_skipped_and_counted_once() {
    let mut world = joined();
    world.tell("lc lost");
    letschat_back(
        &mut world,
        &format!(
            r#"
            lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}}]
            lc < 43#[[null,{{"id":"6b0000100000000000000001",{POST},"room":"r1"}},{{"id":"6b0000100000000000000002","text":"one",{POST},"room":"r1"}},{{"id":"zzz","text":"x",{POST}}},{{"id":"6b0000100000000000000003","text":7}}]]
            irc > PRIVMSG #tea :<bob> one
            irc > PING said-1
            irc < :irc.example PONG irc.example :said-1
            lc lost
            "#
        ),
    );
    let unreadable =
        |world: &World| world.stats().traffic[&letsbridge::bridge::Peer::LetsChat].oversized;
    assert_eq!(unreadable(&world), 4);
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000100000000000000001"},{"id":"6b0000100000000000000003","text":7}]]
        "#,
    );
    assert_eq!(unreadable(&world), 4);
}

#[test]
fn page_of_unreadable_posts_does_not_stop_the_catchup() {
    let mut world = joined();
    world.tell("lc lost");
    let nulls = vec!["null"; 500].join(",");
    letschat_back(
        &mut world,
        &format!(
            r#"
            lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}}]
            lc < 43#[[{nulls}]]
            lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":500,"take":500}}]
            lc < 43#[[{{"id":"6b0000100000000000000002","text":"one",{POST},"room":"r1"}}]]
            irc > PRIVMSG #tea :<bob> one
            irc > PING said-1
            "#
        ),
    );
    let rows = (1..=500).map(|n| format!(r#"{{"id":"6b000011000000000000{n:04x}"}}"#));
    let rows = rows.collect::<Vec<_>>().join(",");
    world.tell("irc < :irc.example PONG irc.example :said-1\nlc lost");
    letschat_back(
        &mut world,
        &format!(
            r#"
            lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd40000000000000000","skip":0,"take":500}}]
            lc < 43#[[{rows}]]
            lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6b00000f0000000000000000","skip":0,"take":500}}]
            lc < 43#[[{{"id":"6b0000120000000000000002","text":"two",{POST},"room":"r1"}}]]
            irc > PRIVMSG #tea :<bob> two
            irc > PING said-2
            "#
        ),
    );
}

#[test]
fn unreadable_live_events_do_not_stop_mirroring() {
    let mut world = joined();
    for bad in [
        "null",
        "{}",
        "[]",
        "7",
        r#""x""#,
        r#"{"id":"6b0000100000000000000001","text":"x","room":null}"#,
        r#"{"id":"zzz","text":"x","room":"r1"}"#,
        r#"{"text":"x","room":{"id":"r1"}}"#,
    ] {
        for event in [
            "messages:new",
            "rooms:update",
            "rooms:new",
            "rooms:archive",
            "users:join",
            "users:leave",
        ] {
            world.tell(&format!(r#"lc < 42["{event}",{bad}]"#));
        }
        world.tell(&format!(r#"lc < 42["users:update",{bad}]"#));
    }
    world.tell(&format!(
        r#"
        lc < 42["messages:new"]
        lc < 42[]
        lc < 42{{}}
        lc < 42["messages:new",{{"id":"6b0000100000000000000004","text":"one",{POST},"room":{{"id":"r1"}}}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        "#
    ));
    // A post with an id and a room is fetched, which may return more of it.
    world.tell(&format!(
        r#"
        lc < 42["messages:new",{{"id":"6b0000110000000000000004","room":{{"id":"r1"}}}}]
        lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000110000000000000003","skip":0,"take":500}}]
        lc < 43#[[{{"id":"6b0000110000000000000004","text":"two",{POST},"room":"r1"}}]]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        "#
    ));
}

#[test]
fn unreadable_rooms_and_accounts_do_not_prevent_the_login() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(
        r#"
        lc back
        lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}
        lc < 40
        lc > 42#me["account:whoami"]
        lc > 42#["rooms:list",{"skip":0,"take":5000}]
        lc < 43#me[{"id":"u0","username":null,"displayName":7}]
        lc < 43#[[null,{"id":"r2","slug":null,"name":null},{"slug":"dev"},7,{"id":"r1","slug":"tea","name":null,"description":{}}]]
        lc > 42#["rooms:join","r1"]
        lc < 43#[{"slug":"tea"}]
        lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
        lc < 43#[[null]]
        lc > 42#["messages:list",{"reverse":true,"room":"r1","take":500}]
        lc < 43#[[null,{"id":"6b0000000000000000000001"}]]
        "#,
    );
    world.tell(IRC_IN);
    world.tell(&format!(
        r#"
        lc < 42["messages:new",{{"id":"6b0000100000000000000004","text":"one",{POST},"room":{{"id":"r1"}}}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        "#
    ));
}

#[test]
fn post_dated_in_the_future_does_not_hide_live_posts() {
    let mut world = World::new(&["office/#tea tea"]);
    let future = r#"{"id":"ffff00000000000000000001","text":"soon","posted":"2106-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}"#;
    world.tell(&LETSCHAT_IN.replace("6b0000000000000000000001", "ffff00000000000000000001"));
    world.tell(IRC_IN);
    // 0x6b02da40 is the second at which the story begins.
    world.tell(&format!(
        r#"
        lc < 42["messages:new",{future}]
        lc < 42["messages:new",{{"id":"6b02dc000000000000000004","text":"one",{POST},"room":{{"id":"r1"}}}}]
        irc > PRIVMSG #tea :<bob> soon
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        lc lost
        "#
    ));
    letschat_back(
        &mut world,
        &format!(
            r#"
            lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6b02dbc40000000000000000","skip":0,"take":500}}]
            lc < 43#[[{{"id":"6b02dc100000000000000004","text":"two",{POST},"room":"r1"}},{future}]]
            irc > PRIVMSG #tea :<bob> two
            irc > PING said-3
            "#
        ),
    );
}
