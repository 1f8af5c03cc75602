//! A bot that only repeats what the bridge mirrors is silenced, and this is announced.

use letsbridge::bridge::BridgePolicy;

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN};

/// Messages of `parrot` on IRC and `echo` in the room in turn, and how they are mirrored.
fn turn(world: &mut World, number: usize) {
    let ticket = number + 1;
    let post = |id: usize| format!("6b00000100000000000000{id:02x}");
    if number.is_multiple_of(2) {
        let post = post(number);
        world.tell(&format!(
            r#"
            irc < :parrot!p@host PRIVMSG #tea :polly
            lc > 42#["messages:create",{{"room":"r1","text":"<parrot> polly"}}]
            lc < 43#[{{"id":"{post}","text":"<parrot> polly","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
            "#,
        ));
    } else {
        post_in_the_room(world, &post(number));
        world.tell(&format!(
            r#"
            irc > PRIVMSG #tea :<echo> polly
            irc > PING said-{ticket}
            irc < :irc.example PONG irc.example :said-{ticket}
            "#
        ));
    }
}

fn post_in_the_room(world: &mut World, post: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"{post}","text":"polly","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"echo"}},"room":{{"id":"r1","slug":"tea"}}}}]"#
    ));
}

#[test]
fn bot_loop_is_broken_announced_and_released_after_a_pause() {
    let mut world = World::new(&["office/#tea tea"])
        .with_policy(BridgePolicy { loop_protection: true, ..BridgePolicy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    for number in 0..7 {
        turn(&mut world, number);
    }
    post_in_the_room(&mut world, "6b00000100000000000000f0");
    world.tell(
        r#"
        lc > 42#["messages:create",{"room":"r1","text":"-- bot loop detected: echo (room tea) only repeats parrot (#tea on office). Messages from echo are not mirrored for 30 seconds"}]
        irc > NOTICE #tea :bot loop detected: echo (room tea) only repeats parrot (#tea on office). Messages from echo are not mirrored for 30 seconds
        irc > PING said-8
        irc < :irc.example PONG irc.example :said-8
        lc < 43#[{"id":"6b00000100000000000000f1","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :parrot!p@host PRIVMSG #tea :polly
        lc > 42#["messages:create",{"room":"r1","text":"<parrot> polly"}]
        lc < 43#[{"id":"6b00000100000000000000f2","text":"<parrot> polly","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    post_in_the_room(&mut world, "6b00000100000000000000f3");
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :what was that?
        lc > 42#["messages:create",{"room":"r1","text":"<ann> what was that?"}]
        lc < 43#[{"id":"6b00000100000000000000f4","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        wait 31s
        lc > 2
        irc > NOTICE #tea :mirroring echo again; 2 messages skipped
        irc > PING said-12
        lc > 42#["messages:create",{"room":"r1","text":"-- mirroring echo again; 2 messages skipped"}]
        "#,
    );
}

#[test]
fn user_mistaken_for_a_bot_is_mirrored_late() {
    let mut world = World::new(&["office/#tea tea"])
        .unpaced()
        .with_policy(BridgePolicy { loop_protection: true, ..BridgePolicy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    for number in 0..7 {
        turn(&mut world, number);
    }
    post_in_the_room(&mut world, "6b00000100000000000000f0");
    world.tell(
        r#"
        lc > 42#["messages:create",{"room":"r1","text":"-- bot loop detected: echo (room tea) only repeats parrot (#tea on office). Messages from echo are not mirrored for 30 seconds"}]
        irc > NOTICE #tea :bot loop detected: echo (room tea) only repeats parrot (#tea on office). Messages from echo are not mirrored for 30 seconds
        irc > PING said-8
        irc < :irc.example PONG irc.example :said-8
        lc < 43#[{"id":"6b00000100000000000000f1","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc < 42["messages:new",{"id":"6b00000100000000000000f5","text":"that was me, and I am no bird","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"echo"},"room":{"id":"r1","slug":"tea"}}]
        irc > PRIVMSG #tea :<echo> polly
        irc > PING said-10
        irc < :irc.example PONG irc.example :said-10
        irc > PRIVMSG #tea :<echo> that was me, and I am no bird
        irc > PING said-11
        irc < :irc.example PONG irc.example :said-11
        wait 20s
        "#,
    );
}

/// Acknowledges the bridge's posts. Returns how many of them are lines of ann.
fn ack_posts(world: &mut World) -> usize {
    let (_, sent) = world.sent();
    let calls = sent.iter().filter_map(|it| it.strip_prefix("42")?.split_once('['));
    for (call, _) in calls.clone() {
        let post = format!("6b00{call:0>4}0000000000000000");
        world.tell_on(&format!(
            r#"lc < 43{call}[{{"id":"{post}","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]"#
        ));
    }
    calls.filter(|(_, post)| post.contains("<ann> line")).count()
}

#[test]
fn user_echoed_by_a_bot_is_mirrored_completely() {
    let mut world = World::new(&["office/#tea tea"])
        .with_policy(BridgePolicy { loop_protection: true, ..BridgePolicy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    let mut mirrored = 0;
    for burst in 0..7 {
        for line in 0..5 {
            world.tell_on(&format!("irc < :ann!a@host PRIVMSG #tea :line {line} of {burst}"));
            world.tell_on("wait 1s");
            mirrored += ack_posts(&mut world);
        }
        for line in 0..5 {
            let post = format!("6b01{burst:04x}{line:04x}000000000000");
            world.tell_on(&format!(
                r#"lc < 42["messages:new",{{"id":"{post}","text":"<ann> line {line} of {burst}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"parrot"}},"room":{{"id":"r1","slug":"tea"}}}}]"#
            ));
        }
    }
    while let more @ 1.. = ack_posts(&mut world) {
        mirrored += more;
    }
    assert_eq!(mirrored, 35);
}
