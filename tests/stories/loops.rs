//! Two programs that answer each other through the bridge are parted, and everybody there is told.

use letsbridge::bridge::Policy;

use crate::world::World;
use crate::{IRC_IN, LETSCHAT_IN};

/// What `parrot` on IRC and `echo` in the room say in turn, and how it is mirrored.
fn turn(world: &mut World, number: usize) {
    let (ticket, call) = (number + 1, 25 + number / 2);
    let post = |id: usize| format!("6b00000100000000000000{id:02x}");
    if number.is_multiple_of(2) {
        let post = post(number);
        world.tell(&format!(
            r#"
            irc < :parrot!p@host PRIVMSG #tea :polly
            lc > 42{call}["messages:create",{{"room":"r1","text":"<parrot> polly"}}]
            lc < 43{call}[{{"id":"{post}","text":"<parrot> polly","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
            "#,
            call = call - 20,
        ));
    } else {
        say_in_the_room(world, &post(number));
        world.tell(&format!(
            r#"
            irc > PRIVMSG #tea :<echo> polly
            irc > PING said-{ticket}
            irc < :irc.example PONG irc.example :said-{ticket}
            "#
        ));
    }
}

fn say_in_the_room(world: &mut World, post: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"{post}","text":"polly","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"echo"}},"room":{{"id":"r1","slug":"tea"}}}}]"#
    ));
}

#[test]
fn a_loop_is_broken_told_and_mended_after_a_pause() {
    let mut world =
        World::new(&["office/#tea tea"]).under(Policy { break_loops: true, ..Policy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    for number in 0..7 {
        turn(&mut world, number);
    }
    say_in_the_room(&mut world, "6b00000100000000000000f0");
    world.tell(
        r#"
        lc > 429["messages:create",{"room":"r1","text":"-- echo (room tea) and parrot (#tea on office) set each other off: for 30 seconds what they say is not mirrored"}]
        irc > NOTICE #tea :echo (room tea) and parrot (#tea on office) set each other off: for 30 seconds what they say is not mirrored
        irc > PING said-8
        irc < :irc.example PONG irc.example :said-8
        lc < 439[{"id":"6b00000100000000000000f1","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :parrot!p@host PRIVMSG #tea :polly
        irc < :ann!a@host PRIVMSG #tea :what was that?
        lc > 4210["messages:create",{"room":"r1","text":"<ann> what was that?"}]
        lc < 4310[{"id":"6b00000100000000000000f2","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        wait 31s
        lc > 2
        irc > NOTICE #tea :mirroring them again: 2 messages were left out meanwhile
        irc > PING said-11
        lc > 4211["messages:create",{"room":"r1","text":"-- mirroring them again: 2 messages were left out meanwhile"}]
        "#,
    );
}
