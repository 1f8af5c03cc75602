//! What was posted by the bridge's own account, and not by this bridge: after a backup was restored, by
//! another bridge, by somebody with its token.

use letsbridge::bridge::Peer;

use crate::world::World;
use crate::{letschat_back, seated};

fn strays(world: &World) -> u64 {
    world.counters().traffic.get(&Peer::LetsChat).map_or(0, |it| it.strays)
}

#[test]
fn our_own_posts_that_the_ledger_does_not_know_are_not_mirrored() {
    let mut world = seated();
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"<ann> said by another bridge","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"<ann> said by another bridge","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000100000000000000002","text":"!who","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"renamed"},"room":{"id":"r1"}}]
        "#,
    );
    assert_eq!(strays(&world), 2);
    world.tell("lc lost");
    letschat_back(
        &mut world,
        r#"
        lc > 424["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffd40000000000000000","skip":0,"take":500}]
        lc < 434[[{"id":"6b0000100000000000000001","text":"<ann> said by another bridge","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"},{"id":"6b0000100000000000000005","text":"<ann> said before the backup was restored","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"},{"id":"6b0000110000000000000001","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-1
        "#,
    );
    assert_eq!(strays(&world), 3);
}

#[test]
fn what_is_under_way_is_known_by_its_echo_and_no_stray() {
    let mut world = seated();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :hello
        lc > 425["messages:create",{"room":"r1","text":"<ann> hello"}]
        lc < 42["messages:new",{"id":"6b0000100000000000000001","text":"<ann> hello","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        "#,
    );
    assert_eq!(strays(&world), 0);
}
