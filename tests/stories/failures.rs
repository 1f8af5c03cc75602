//! Rejected messages are reported to their authors, once, where they were sent.

use letsbridge::bridge::{BridgePolicy, TrafficStats};

use crate::harness::World;
use crate::receipts::irc_in;
use crate::{IRC_IN, LETSCHAT_IN, LETSCHAT_IN_AGAIN, joined, joined_unpaced, story};

#[test]
fn rejected_message_is_reported_to_its_irc_author_by_notice() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :kettle's on
        lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]
        lc refuses "Bad Request"
        wait 4s
        wait 1s
        irc > NOTICE ann :your message "kettle's on" did not reach room tea: Bad Request
        irc < :irc.example 401 bridge ann :No such nick
        wait 15s
        "#,
    );
}

#[test]
fn many_rejections_make_one_notice_per_interval() {
    let mut world = crate::join_both(World::new(&["office/#tea tea"]).without_merging());
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        irc < :Bob!b@host PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc refuses "Bad Request"
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        lc refuses "Not Found"
        lc > 42#["messages:create",{"room":"r1","text":"<Bob> three"}]
        lc refuses "Bad Request"
        "#,
    );
    world.tell_on("wait 2s");
    let (mut irc, _) = world.sent();
    irc.sort();
    assert_eq!(
        irc,
        [
            "NOTICE Bob :your message \"three\" did not reach room tea: Bad Request",
            "NOTICE ann :2 of your messages in #tea on office did not reach room tea: Not Found",
        ]
    );
    world.tell(
        r#"
        irc < :ANN!a@host PRIVMSG #tea :four
        lc > 42#["messages:create",{"room":"r1","text":"<ANN> four"}]
        lc refuses "Bad Request"
        irc < :ann!a@host PRIVMSG #tea :five
        lc > 42#["messages:create",{"room":"r1","text":"<ann> five"}]
        lc refuses "Bad Request"
        "#,
    );
    world.tell_on("wait 299s");
    let (irc, _) = world.sent();
    assert!(!irc.iter().any(|line| line.starts_with("NOTICE")), "{irc:?}");
}

#[test]
fn rejections_are_reported_in_the_room_by_one_post_that_is_not_mirrored() {
    let mut world = joined_unpaced();
    for (number, author, text) in [(1, "bob", "one"), (2, "bob", "two"), (3, "all", "three")] {
        world.tell_on(&format!(
            r#"lc < 42["messages:new",{{"id":"6b000001000000000000000{number}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u{number}","username":"{author}"}},"room":{{"id":"r1"}}}}]"#
        ));
    }
    for number in 1..=3 {
        world.tell_on(&format!(
            "irc < :irc.example 404 bridge #tea :Cannot send to channel
             irc < :irc.example PONG irc.example :said-{number}"
        ));
    }
    world.sent();
    world.tell(
        r#"
        wait 5s
        lc > 42#["messages:create",{"room":"r1","text":"-- @bob, all: 3 messages were not delivered to #tea on office: Cannot send to channel"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"x","posted":"2026-11-22T12:00:05.000Z","owner":"u0","room":"r1"}]
        lc < 42["messages:new",{"id":"6b0000200000000000000001","text":"x","posted":"2026-11-22T12:00:05.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        "#,
    );
    let figures: Vec<&TrafficStats> = world.stats().traffic.values().collect();
    let irc = TrafficStats { rejected: 3, ..TrafficStats::default() };
    let letschat = TrafficStats { received: 3, delivered: 1, ..TrafficStats::default() };
    assert_eq!(figures, [&irc, &letschat]);
}

#[test]
fn rejected_notice_of_the_bridge_is_not_reported() {
    let mut world = joined();
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example 404 bridge #tea :no
        irc < :irc.example PONG irc.example :said-1
        wait 5s
        lc > 42#["messages:create",{"room":"r1","text":"-- @bob: the message \"one\" was not delivered to #tea on office: no"}]
        lc refuses "Bad Request"
        wait 10s
        "#,
    );
}

#[test]
fn bots_and_notices_get_no_report_of_a_rejection() {
    let caps = "message-tags";
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    world.tell(
        r#"
        irc < @bot :robo!r@host PRIVMSG #tea :beep
        lc > 42#["messages:create",{"room":"r1","text":"<robo> beep"}]
        lc refuses "Bad Request"
        irc < :ann!a@host NOTICE #tea :fyi
        lc > 42#["messages:create",{"room":"r1","text":"-ann- fyi"}]
        lc refuses "Bad Request"
        wait 10s
        "#,
    );
}

#[test]
fn rejection_is_only_counted_with_notices_off() {
    let mut world = World::new(&["office/#tea tea"])
        .with_policy(BridgePolicy { notices: false, ..BridgePolicy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc refuses "Bad Request"
        wait 10s
        "#,
    );
    let refused: u64 = world.stats().traffic.values().map(|traffic| traffic.rejected).sum();
    assert_eq!(refused, 1);
}

#[test]
fn unreported_rejection_is_reported_once_after_a_restart() {
    let mut world = joined_unpaced();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc refuses "Bad Request"
        irc lost
        wait 10s
        restart
        "#,
    );
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on(IRC_IN);
    world.tell_on("irc < :irc.example PONG irc.example past-1");
    world.sent();
    world.tell(
        r#"
        wait 5s
        irc > NOTICE ann :your message "one" did not reach room tea: Bad Request
        restart
        "#,
    );
    world.tell(IRC_IN);
    world.tell("wait 20s");
}
