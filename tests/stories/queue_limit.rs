//! Limits on the queue of deliveries and on the size of pages.

use letsbridge::bridge::BridgePolicy;

use crate::harness::World;
use crate::irc_catchup::KEEPS;
use crate::receipts::irc_in;
use crate::{IRC_IN, LETSCHAT_IN, LETSCHAT_IN_AGAIN, joined, letschat_back};

/// A world with a queue limit of four short messages.
#[track_caller]
fn joined_with_small_queue(irc: &str) -> World {
    let policy = BridgePolicy { max_queue_size: Some(1_028), ..BridgePolicy::default() };
    let mut world = World::new(&["office/#tea tea"]).with_policy(policy).without_merging();
    world.tell(LETSCHAT_IN);
    world.tell(irc);
    world
}

/// Acknowledges the bridge's posts until there are none, and returns their texts.
fn ack_posts(world: &mut World) -> Vec<String> {
    let mut posted = Vec::new();
    loop {
        let (_, sent) = world.sent();
        let mut posts = sent.iter().filter(|frame| frame.contains("messages:create"));
        let Some(post) = posts.next_back() else { return posted };
        let (number, text) = post.split_once("[\"messages:create\"").unwrap();
        posted.push(text.split_once("\"text\":\"").unwrap().1.trim_end_matches("\"}]").to_owned());
        let number = number.strip_prefix("42").unwrap();
        let id = 0x2000_0000 + posted.len();
        world.tell_on(&format!(
            r#"lc < 43{number}[{{"id":"6b{id:022x}","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}}]"#
        ));
    }
}

#[test]
fn channel_over_the_queue_limit_is_paused_and_caught_up_later() {
    let mut world = joined_with_small_queue(&irc_in(KEEPS));
    world.tell("lc lost");
    for number in 1..=6 {
        world.tell(&format!(
            "irc < @time=2026-11-22T12:00:0{number}.000Z;msgid=a{number} :ann!a@host PRIVMSG #tea :{number}"
        ));
    }
    world.tell("wait 5s");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on("lc < 43#[[]]");
    assert_eq!(ack_posts(&mut world), ["<ann> 1", "<ann> 2", "<ann> 3", "<ann> 4"]);
    world.tell(
        r#"
        wait 1s
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:04.000Z;msgid=a4 :ann!a@host PRIVMSG #tea :4
        irc < @batch=x;time=2026-11-22T12:00:05.000Z;msgid=a5 :ann!a@host PRIVMSG #tea :5
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a6 :ann!a@host PRIVMSG #tea :6
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        lc > 42#["messages:create",{"room":"r1","text":"<ann> 5"}]
        "#,
    );
    let _ = ack_posts(&mut world);
    assert_eq!(world.gaps().count, 0);
}

#[test]
fn messages_lost_by_a_paused_channel_without_history_are_reported() {
    let mut world = joined_with_small_queue(IRC_IN);
    world.tell("lc lost");
    for number in 1..=6 {
        world.tell(&format!("irc < :ann!a@host PRIVMSG #tea :{number}"));
    }
    // The paused channel skips further messages, as after a restart.
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on("lc < 43#[[]]");
    assert_eq!(ack_posts(&mut world).len(), 4);
    world.tell(
        r#"
        wait 1s
        irc > PING past-1
        irc < :ann!a@host PRIVMSG #tea :7
        irc < :irc.example PONG irc.example :past-1
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:00 to 12:00:01 UTC: messages from that time are missing here"}]
        "#,
    );
    assert_eq!(world.gaps().count, 1);
}

#[test]
fn room_over_the_queue_limit_is_read_on_later_without_loss() {
    let mut world = joined_with_small_queue(IRC_IN);
    world.tell("irc lost");
    for number in 1..=6 {
        world.tell(&format!(
            r#"lc < 42["messages:new",{{"id":"6b000001000000000000000{number}","text":"{number}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
        ));
    }
    world.tell("wait 5s");
    world.tell_on(IRC_IN);
    for number in 1..=4 {
        world.tell_on(&format!(
            "irc > PRIVMSG #tea :<bob> {number}
             irc > PING said-{number}
             irc < :irc.example PONG irc.example :said-{number}"
        ));
    }
    world.tell(
        r#"
        wait 1s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000010000000000000004","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000010000000000000005","text":"5","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000010000000000000006","text":"6","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> 5
        irc > PING said-5
        irc < :irc.example PONG irc.example :said-5
        irc > PRIVMSG #tea :<bob> 6
        irc > PING said-6
        "#,
    );
}

#[test]
fn too_large_page_is_requested_in_parts_and_a_too_large_post_skipped() {
    let mut world = joined();
    world.tell("lc lost");
    let notice = "irc > NOTICE #tea :1 message from room tea skipped: too large
                  irc > PING said-1";
    for take in [500, 15, 1] {
        letschat_back(
            &mut world,
            &format!(
                r#"
                lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":{take}}}]
                lc too long
                lc closed: frame too large
                lc lost
                "#
            )
            .replace("lc lost", if take == 1 { notice } else { "lc lost" }),
        );
    }
    world.tell(
        r#"
        irc < :irc.example PONG irc.example :said-1
        lc lost
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":1,"take":1}]
        lc < 43#[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000100000000000000000","skip":0,"take":2}]
        lc < 43#[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        lc lost
        "#,
    );
    // An unreadable post is not requested again.
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000120000000000000000","skip":0,"take":4}]
        lc < 43#[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        "#,
    );
    let unreadable: u64 = world.stats().traffic.values().map(|it| it.oversized).sum();
    assert_eq!(unreadable, 1);
}

#[test]
fn rooms_with_too_large_pages_are_read_one_at_a_time() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]);
    let both = |story: &str| {
        story.replace(
            r#"{"id":"r1","slug":"tea"}"#,
            r#"{"id":"r1","slug":"tea"},{"id":"r2","slug":"dev"}"#,
        )
    };
    world.tell_on(&both(LETSCHAT_IN.split(r#"lc > 42#["rooms:join""#).next().unwrap()));
    for answer in [
        r#"43#[{"id":"r1","slug":"tea"}]"#,
        r#"43#[{"id":"r2","slug":"dev"}]"#,
        r#"43#[[{"id":"6b0000000000000000000001"}]]"#,
        r#"43#[[{"id":"6b0000000000000000000001"}]]"#,
    ] {
        world.tell_on(&format!("lc < {answer}"));
    }
    world.tell_on("lc lost");
    world.sent();
    let pages = |world: &mut World| -> Vec<String> {
        let (_, sent) = world.sent();
        sent.into_iter().filter(|it| it.contains("messages:list")).collect()
    };
    let back = |world: &mut World| {
        world.tell_on(&both(LETSCHAT_IN_AGAIN.split(r#"lc > 42#["rooms:join""#).next().unwrap()));
        world.tell_on("lc < 43#[{\"id\":\"r1\",\"slug\":\"tea\"}]");
        world.tell_on("lc < 43#[{\"id\":\"r2\",\"slug\":\"dev\"}]");
    };
    back(&mut world);
    assert_eq!(pages(&mut world).len(), 2);
    world.tell_on("lc too long\nlc lost");
    world.sent();
    back(&mut world);
    let first = pages(&mut world);
    assert!(first.len() == 1 && first[0].contains(r#""take":15"#), "{first:?}");
    world.tell_on("lc < 43#[[]]");
    let second = pages(&mut world);
    assert!(second.len() == 1 && second[0].contains(r#""take":15"#), "{second:?}");
}

/// Answers the bridge's calls that join `rooms` rooms and fetch their newest posts. Returns the calls for
/// pages, as their number and the room.
fn pages_of(world: &mut World, rooms: usize) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    loop {
        let (_, sent) = world.sent();
        if sent.is_empty() {
            return pages;
        }
        for frame in sent {
            let (number, call) = frame[2..].split_once('[').unwrap();
            let room = call.split('"').find(|it| it.starts_with('r') && it.len() < 4);
            let room = room.unwrap_or_default();
            let answer = match call.split('"').nth(1).unwrap() {
                "account:whoami" => r#"{"id":"u0","username":"bridge"}"#.to_owned(),
                "rooms:list" => {
                    let room = |at| format!(r#"{{"id":"r{at}","slug":"room{at}"}}"#);
                    let all: Vec<String> = (1..=rooms).map(room).collect();
                    format!("[{}]", all.join(","))
                }
                "rooms:join" => {
                    format!(r#"{{"id":"{room}","slug":"{}"}}"#, room.replace('r', "room"))
                }
                "messages:list" if call.contains(r#""reverse":true"#) => {
                    r#"[{"id":"6b0000000000000000000001"}]"#.to_owned()
                }
                "messages:list" => {
                    pages.push((number.to_owned(), room.to_owned()));
                    continue;
                }
                call => panic!("{call}"),
            };
            world.tell_on(&format!("lc < 43{number}[{answer}]"));
        }
    }
}

#[test]
fn rooms_take_turns_and_few_are_read_at_once() {
    let places: Vec<String> = (1..=40).map(|at| format!("office/#room{at} room{at}")).collect();
    let mut world = World::new(&places.iter().map(String::as_str).collect::<Vec<_>>());
    let back = |world: &mut World| {
        world.tell_on("lc back");
        world
            .tell_on(r#"lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}"#);
        world.tell_on("lc < 40");
        pages_of(world, 40)
    };
    assert_eq!(back(&mut world), []);
    world.tell_on("lc lost");
    let pages = back(&mut world);
    let rooms = |pages: &[(String, String)]| -> Vec<String> {
        pages.iter().map(|(_, room)| room.clone()).collect()
    };
    let from_to = |from: usize, to: usize| -> Vec<String> {
        (from..=to).map(|at| format!("r{at}")).collect()
    };
    assert_eq!(rooms(&pages), from_to(1, 32));

    // The first room has more posts; it is read on after the others have had their turn.
    let post = |at| {
        format!(
            r#"{{"id":"6b00{at:04x}0000000000000001","text":"x","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":"r1"}}"#
        )
    };
    let full: Vec<String> = (1..=500).map(post).collect();
    world.tell_on(&format!("lc < 43{}[[{}]]", pages[0].0, full.join(",")));
    let next = pages_of(&mut world, 40);
    assert_eq!(rooms(&next), from_to(33, 33));
    for (number, _) in pages[1..].iter().chain(&next) {
        world.tell_on(&format!("lc < 43{number}[[]]"));
    }
    let last = pages_of(&mut world, 40);
    assert_eq!(rooms(&last), [from_to(34, 40), from_to(1, 1)].concat());
}
