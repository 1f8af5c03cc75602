//! Messages of the bridge's own account that the ledger does not know: from before a restored backup, from
//! another program, or replayed by a bouncer.

use letsbridge::bridge::Peer;

use crate::harness::World;
use crate::receipts::irc_in;
use crate::{LETSCHAT_IN, joined, letschat_back};

fn foreign_count(world: &World) -> u64 {
    world.stats().traffic.get(&Peer::LetsChat).map_or(0, |it| it.unknown_own)
}

#[test]
fn own_posts_missing_from_the_ledger_are_not_mirrored() {
    let mut world = joined();
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"<ann> said by another bridge","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"<ann> said by another bridge","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000100000000000000002","text":"!who","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"renamed"},"room":{"id":"r1"}}]
        "#,
    );
    assert_eq!(foreign_count(&world), 2);
    world.tell("lc lost");
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000100000000000000001","text":"<ann> said by another bridge","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"},{"id":"6b0000100000000000000005","text":"<ann> said before the backup was restored","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"},{"id":"6b0000110000000000000001","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-1
        "#,
    );
    assert_eq!(foreign_count(&world), 3);
}

#[test]
fn echo_of_a_message_in_flight_is_not_counted_as_foreign() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :hello
        lc > 42#["messages:create",{"room":"r1","text":"<ann> hello"}]
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"<ann> hello","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        "#,
    );
    assert_eq!(foreign_count(&world), 0);
}

/// A message that bob has posted in the room, and that was sent to IRC.
const BOB_SAID: &str = r#"
    lc < 42["messages:new",{"id":"6b0000300000000000000001","text":"hello","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
    irc > PRIVMSG #tea :<bob> hello
"#;

#[test]
fn own_lines_replayed_live_by_a_bouncer_are_not_mirrored() {
    for caps in ["server-time", "server-time echo-message"] {
        let mut world = World::new(&["office/#tea tea"]);
        world.tell(LETSCHAT_IN);
        world.tell(&irc_in(caps));
        world.tell_on(BOB_SAID);
        let said = if caps.contains("echo") {
            "irc < :bridge!b@host PRIVMSG #tea :<bob> hello"
        } else {
            "irc > PING said-1\nirc < :irc.example PONG irc.example :said-1"
        };
        world.tell(&format!("{said}\nirc lost\nwait 5s"));
        world.tell(&irc_in(caps));
        world.tell(
            r#"
            irc < @time=2026-11-22T12:00:00.000Z :bridge!b@host PRIVMSG #tea :<bob> hello
            irc < @time=2026-11-22T12:00:00.000Z :bridge!b@host PRIVMSG #tea :[2026-11-21 09:41Z] <bob> hello
            irc < @time=2026-11-22T12:00:00.000Z :bridge!b@host PRIVMSG #tea :\x01ACTION <bob> hello\x01
            irc < @time=2026-11-22T12:00:00.000Z :bridge!b@host PRIVMSG #tea :from my phone
            lc > 42#["messages:create",{"room":"r1","text":"* bridge <bob> hello"}]
            "#,
        );
    }
}

#[test]
fn own_lines_under_a_nick_lost_with_a_restored_backup_are_not_mirrored() {
    let caps = crate::irc_catchup::KEEPS;
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    world.tell("wait 1s\nirc lost\nwait 20s");
    world.tell_on(&irc_in(caps));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:03.000Z;msgid=a2 :bridge_!b@host PRIVMSG #tea :<bob> hello
        irc < @batch=x;time=2026-11-22T12:00:04.000Z;msgid=a3 :bridge!b@host PRIVMSG #tea :<bob> hello again
        irc < @batch=x;time=2026-11-22T12:00:05.000Z;msgid=a4 :ann!a@host PRIVMSG #tea :<bob> is he
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:04.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        lc > 42#["messages:create",{"room":"r1","text":"<ann> <bob> is he"}]
        "#,
    );
}
