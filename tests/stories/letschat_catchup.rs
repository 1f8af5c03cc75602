//! Catching up with Let's Chat after a disconnect or a restart.

use letsbridge::bridge::{BridgePolicy, CatchUpLimits};

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, LETSCHAT_IN_AGAIN, joined, letschat_back, story};

#[test]
fn room_is_read_from_its_cursor_and_each_post_is_mirrored_once() {
    let mut world = joined();
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        lc lost
        "#,
    );
    // 60 seconds before the cursor: 0x6b000010 - 60 = 0x6affffd4.
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000100000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000110000000000000001","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        "#,
    );
}

#[test]
fn post_received_during_the_catchup_keeps_its_order() {
    let mut world = joined();
    world.tell("lc lost");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 42["messages:new",{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        lc < 43#[[{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000120000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        "#,
    );
}

#[test]
fn post_without_an_author_is_fetched_again() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000110000000000000000","skip":0,"take":500}]
        lc < 42["messages:new",{"id":"6b0000110000000000000002","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
        lc < 43#[[{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000110000000000000001","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000110000000000000002","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        "#,
    );
}

#[test]
fn posts_without_an_author_that_a_page_contains_are_not_fetched_again() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000110000000000000000","skip":0,"take":500}]
        lc < 42["messages:new",{"id":"6b0000110000000000000002","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
        lc < 43#[[{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000110000000000000002","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000110000000000000003","text":"three","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        lc < 42["messages:new",{"id":"6b0000110000000000000003","text":"three","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        "#,
    );
}

#[test]
fn queued_message_is_delivered_after_a_restart() {
    let mut world = crate::join_both(World::new(&["office/#tea tea"]).without_merging());
    world.tell(
        r#"
        lc lost
        irc < :ann!a@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        restart
        "#,
    );
    world.tell(IRC_IN);
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn post_without_an_ack_is_found_in_the_room_and_not_resent() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :ok
        irc < :ann!a@host PRIVMSG #tea :ok
        lc > 42#["messages:create",{"room":"r1","text":"<ann> ok"}]
        restart
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000001","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"}]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> ok"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
}

#[test]
fn post_whose_ack_is_lost_with_the_process_is_found_in_the_room() {
    // The ack was worth no commit of its own. That of the first post was committed with the start of the second.
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :ok
        lc > 42#["messages:create",{"room":"r1","text":"<ann> ok"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc < 42["messages:new",{"id":"6b0000200000000000000001","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        irc < :ann!a@host PRIVMSG #tea :ok
        lc > 42#["messages:create",{"room":"r1","text":"<ann> ok"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        kill
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000001","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"},{"id":"6b0000200000000000000002","text":"<ann> ok","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"}]]
        "#,
    );
}

#[test]
fn post_that_did_not_arrive_is_resent_before_others() {
    let mut world = crate::join_both(World::new(&["office/#tea tea"]).without_merging());
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc lost
        irc < :ann!a@host PRIVMSG #tea :two
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        wait 1s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        "#,
    );
}

#[test]
fn post_stored_after_the_first_check_is_found_by_the_second() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc lost
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        wait 1s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"}]]
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn skipped_posts_are_reported_by_their_number() {
    let letschat = CatchUpLimits {
        max_age: Some(jiff::SignedDuration::from_hours(24)),
        max_messages: Some(1),
    };
    let policy = BridgePolicy { room_catchup: letschat, ..BridgePolicy::default() };
    let mut world = World::new(&["office/#tea tea"]).with_policy(policy);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell("lc lost");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000001","text":"old","posted":"2026-11-21T11:59:59.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000200000000000000002","text":"late","posted":"2026-11-22T11:30:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000200000000000000003","text":"too much","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :[11:30Z] <bob> late
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc > NOTICE #tea :skipped 2 messages from room tea, sent while the bridge was disconnected
        irc > PING said-2
        lc < 42["messages:new",{"id":"6b0000210000000000000001","text":"now","posted":"2026-11-22T11:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc < :irc.example PONG irc.example :said-2
        irc > PRIVMSG #tea :<bob> now
        irc > PING said-3
        "#,
    );
}

#[test]
fn post_below_the_cursor_is_not_mirrored_again_after_pruning() {
    let policy = BridgePolicy {
        retention: Some(jiff::SignedDuration::from_hours(24)),
        ..BridgePolicy::default()
    };
    let mut world = World::new(&["office/#tea tea"]).with_policy(policy);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell("lc lost");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6affffd00000000000000001","text":"forgotten","posted":"2026-11-20T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6affffd00000000000000002","text":"ours, forgotten","posted":"2026-11-20T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"},{"id":"6b0000000000000000000002","text":"missed","posted":"2026-11-20T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :[2026-11-20 12:00Z] <bob> missed
        irc > PING said-1
        "#,
    );
}

#[test]
fn post_that_arrives_late_is_mirrored_in_order() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":null,"room":{"id":"r1"}}]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000120000000000000000","skip":0,"take":500}]
        lc < 42["messages:new",{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000130000000000000001","text":"three","posted":"2026-11-22T12:00:03.000Z","owner":null,"room":{"id":"r1"}}]
        lc < 43#[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000130000000000000001","text":"three","posted":"2026-11-22T12:00:03.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000110000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000130000000000000001","text":"three","posted":"2026-11-22T12:00:03.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        irc > PRIVMSG #tea :<bob> three
        irc > PING said-3
        "#,
    );
}

#[test]
fn posts_before_the_first_join_are_never_mirrored() {
    let mut world = joined();
    world.tell("lc lost");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6affffff0000000000000001","text":"older","posted":"2026-11-22T09:59:59.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000000000000000000001","text":"old","posted":"2026-11-22T10:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000000000000000000002","text":"new","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> new
        irc > PING said-1
        "#,
    );
}

#[test]
fn missing_ack_is_given_up_after_a_timeout() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        wait 25s
        lc > 2
        lc < 3
        wait 5s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"}]]
        lc < 43#[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn room_is_first_read_from_its_newest_post() {
    story("");
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(IRC_IN);
    // Posted between our join and the answer: not history, although the answer contains it.
    let early = LETSCHAT_IN.replace(
        "lc < 43#[[{\"id\":\"6b0000000000000000000001\"",
        "lc < 42[\"messages:new\",{\"id\":\"6b0000000000000000000001\",\"text\":\"old\",\"posted\":\"2026-11-22T10:00:00.000Z\",\"owner\":{\"id\":\"u1\",\"username\":\"bob\"},\"room\":{\"id\":\"r1\"}}]\nlc < 43#[[{\"id\":\"6b0000000000000000000001\"",
    );
    world.tell(&format!(
        "{early}\n{}",
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000000000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000000000000000000001","text":"old","posted":"2026-11-22T10:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> old
        irc > PING said-1
        "#
    ));
}

#[test]
fn outage_of_a_room_is_reported_after_its_missed_posts() {
    let mut world = joined();
    world.tell("lc lost\nwait 11s");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc > NOTICE #tea :disconnected from room tea from 12:00:00 to 12:00:11 UTC: messages from that time are above
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        lc lost
        wait 9s
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd50000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        "#,
    );
}

#[test]
fn restart_counts_as_an_outage_and_is_reported_once() {
    let mut world = joined();
    // Nobody speaks; the bridge regularly stores that the server is connected.
    for _ in 0..2 {
        world.tell("wait 25s\nlc > 2\nlc < 3\nirc < PING :x\nirc > PONG x");
    }
    world.tell(
        "wait 25s\nlc > 2\nlc < 3\nirc > PING alive\nirc < :irc.example PONG irc.example alive",
    );
    world.tell("restart\nwait 100s");
    world.tell_on(IRC_IN);
    world.tell("irc > PING past-1\nirc < :irc.example PONG irc.example past-1");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc lost
        "#,
    );
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:01:10 to 12:02:55 UTC: messages from that time are missing here"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"x","posted":"2026-11-22T12:00:05.000Z","owner":"u0","room":"r1"}]
        restart
        "#,
    );
    world.tell(IRC_IN);
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        "#,
    );
}

#[test]
fn closed_endpoint_is_announced_once_and_again_when_reopened() {
    let mut world = joined();
    world.tell(r#"lc < 42["rooms:archive",{"id":"r1","slug":"tea"}]"#);
    world.tell_on("wait 60s");
    let (irc, _) = world.sent();
    let closed = "NOTICE #tea :cannot reach room tea; messages from here are queued";
    assert_eq!(irc.iter().filter(|line| **line == closed).count(), 1, "{irc:?}");
    world.tell_on("irc < :irc.example PONG irc.example :said-1\nrestart");
    world.tell_on(IRC_IN);
    world.tell_on("irc < :irc.example PONG irc.example :past-1");
    let gone = LETSCHAT_IN_AGAIN.split("lc < 43#[[").next().unwrap();
    world.tell(&format!(
        "{gone}
         lc < 43#[[]]"
    ));
    world.tell_on("wait 70s");
    let (irc, _) = world.sent();
    assert!(!irc.iter().any(|line| line.starts_with("NOTICE")), "{irc:?}");
    world.tell_on("lc lost");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on("lc < 43#[[]]");
    let (irc, _) = world.sent();
    let open = "NOTICE #tea :room tea is reachable again";
    assert!(irc.iter().any(|line| line == open), "{irc:?}");
}
