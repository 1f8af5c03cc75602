//! Catching up with IRC after a disconnect: missed messages, deliveries in doubt, and gaps.

use letsbridge::bridge::{BridgePolicy, CatchUpLimits};
use letsbridge::domain::Network;

use crate::harness::World;
use crate::receipts::irc_in;
use crate::{IRC_IN, LETSCHAT_IN, LETSCHAT_IN_AGAIN};

/// A server with history.
pub(crate) const KEEPS: &str =
    "message-tags server-time batch echo-message labeled-response draft/chathistory";

/// One without history, whose lines have times and msgids.
const FORGETS: &str = "message-tags server-time batch echo-message labeled-response";

/// One with history, whose lines have no msgids.
const NAMELESS: &str = "message-tags server-time batch echo-message draft/chathistory";

/// A world with such a server; ann has said "one" there at 12:00:01.
#[track_caller]
fn joined(caps: &str) -> World {
    join_both(World::new(&["office/#tea tea"]), caps)
}

#[track_caller]
fn join_both(world: World, caps: &str) -> World {
    let mut world = world.unpaced();
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    world.tell(
        r#"
        wait 1s
        irc < @time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    world
}

/// The connection to IRC is lost, and returns after `seconds`.
#[track_caller]
fn away(world: &mut World, caps: &str, seconds: u32) {
    world.tell(&format!("irc lost\nwait {seconds}s"));
    world.tell_on(&irc_in(caps));
}

#[track_caller]
fn bob_says(world: &mut World, text: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"6b0000300000000000000001","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
    ));
}

#[test]
fn missed_messages_are_mirrored_once_and_in_order() {
    let mut world = joined(KEEPS);
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @time=2026-11-22T12:00:22.000Z;msgid=a4 :ann!a@host PRIVMSG #tea :four, live
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:05.000Z;msgid=h1 :HistServ!h@host PRIVMSG #tea :carl joined the channel
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :\x01ACTION waves\x01
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"* ann waves"}]
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        irc < @batch=y;time=2026-11-22T12:00:06.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :\x01ACTION waves\x01
        irc < :irc.example BATCH -y
        lc < 43#[{"id":"6b0000200000000000000003","text":"* ann waves","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> four, live"}]
        "#,
    );
}

#[test]
fn messages_received_during_the_join_are_mirrored_after_the_history() {
    let mut world = join_both(World::new(&["office/#tea tea"]).without_merging(), KEEPS);
    world.tell("irc lost\nwait 20s");
    let early = "irc < @time=2026-11-22T12:00:21.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three";
    let earlier = "irc < @time=2026-11-22T12:00:20.500Z;msgid=a0 :ann!a@host PRIVMSG #tea :nought";
    let [join, names] = ["irc < :bridge!b@host JOIN", "irc < :irc.example 353"];
    let back = irc_in(KEEPS).replace(join, &format!("{earlier}\n{join}"));
    world.tell_on(&back.replace(names, &format!("{early}\n{names}")));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < @batch=x;time=2026-11-22T12:00:20.500Z;msgid=a0 :ann!a@host PRIVMSG #tea :nought
        irc < @batch=x;time=2026-11-22T12:00:21.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:20.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:21.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < :irc.example BATCH -y
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> nought"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"<ann> nought","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
}

#[test]
fn history_page_without_messages_does_not_end_the_catchup() {
    // As Ergo does: the lines of its HistServ count towards the limit, and are not mirrored.
    let mut world = joined(KEEPS);
    world.tell("irc lost\nwait 20s");
    let welcome = "irc < :irc.example 001 bridge";
    let limit = format!("irc < :irc.example 005 bridge CHATHISTORY=2 :are supported\n{welcome}");
    world.tell_on(&irc_in(KEEPS).replace(welcome, &limit));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 2
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:00.500Z;msgid=h1 :HistServ!h@host PRIVMSG #tea :ann joined the channel
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.999Z 2
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=y;time=2026-11-22T12:00:02.000Z;msgid=h2 :HistServ!h@host PRIVMSG #tea :carl joined the channel
        irc < :irc.example BATCH -y
        irc > @label=past.3 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:01.999Z 2
        irc < @label=past.3 :irc.example BATCH +z chathistory #tea
        irc < @batch=z;time=2026-11-22T12:00:02.000Z;msgid=h2 :HistServ!h@host PRIVMSG #tea :carl joined the channel
        irc < @batch=z;time=2026-11-22T12:00:03.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.example BATCH -z
        irc > @label=past.4 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:02.999Z 2
        irc < @label=past.4 :irc.example BATCH +w chathistory #tea
        irc < :irc.example BATCH -w
        "#,
    );
}

#[test]
fn more_lines_of_one_time_than_a_page_holds_continue_by_msgid() {
    let mut world = join_both(World::new(&["office/#tea tea"]).without_merging(), KEEPS);
    world.tell("irc lost\nwait 20s");
    let welcome = "irc < :irc.example 001 bridge";
    let limit = format!("irc < :irc.example 005 bridge CHATHISTORY=2 :are supported\n{welcome}");
    world.tell_on(&irc_in(KEEPS).replace(welcome, &limit));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 2
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:02.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:01.999Z 2
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:02.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        irc < @batch=y;time=2026-11-22T12:00:02.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < :irc.example BATCH -y
        irc > @label=past.3 CHATHISTORY AFTER #tea msgid=a3 2
        irc < @label=past.3 :irc.example BATCH +z chathistory #tea
        irc < @batch=z;time=2026-11-22T12:00:02.000Z;msgid=a4 :ann!a@host PRIVMSG #tea :four
        irc < @batch=z;time=2026-11-22T12:00:09.000Z;msgid=a5 :ann!a@host PRIVMSG #tea :five
        irc < :irc.example BATCH -z
        irc > @label=past.4 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:08.999Z 2
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"<ann> three","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> four"}]
        irc < @label=past.4 :irc.example BATCH +w chathistory #tea
        irc < @batch=w;time=2026-11-22T12:00:09.000Z;msgid=a5 :ann!a@host PRIVMSG #tea :five
        irc < :irc.example BATCH -w
        lc < 43#[{"id":"6b0000200000000000000004","text":"<ann> four","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> five"}]
        "#,
    );
}

#[test]
fn history_that_breaks_off_is_reported_as_a_gap() {
    let mut world = joined(KEEPS);
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
        irc < @label=past.2 :irc.example FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :Messages could not be retrieved
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:01 to 12:00:21 UTC: messages from that time may be missing here"}]
        "#,
    );
}

#[test]
fn live_message_is_mirrored_at_once_while_history_is_unavailable() {
    // The server will not send it again, and the process may be killed before the answer.
    let mut world = joined(FORGETS);
    bob_says(&mut world, "hello");
    world.tell("irc > @label=2.1 PRIVMSG #tea :<bob> hello");
    away(&mut world, FORGETS, 2);
    world.tell(
        r#"
        irc > PING past-1
        irc < @time=2026-11-22T12:00:04.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        irc > @label=2.1 PRIVMSG #tea :<bob> (resent) hello
        "#,
    );
}

#[test]
fn old_message_shows_its_time() {
    let mut world = joined(KEEPS);
    world.tell("irc lost\nrestart\nwait 7200s");
    world.tell_on(&irc_in(KEEPS));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:30:00.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:29:59.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        "#,
    );
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell(
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"[12:30Z] <ann> two"}]
        "#,
    );
}

#[test]
fn unrequested_history_is_distinguished_from_live_messages() {
    // As InspIRCd does without CHATHISTORY.
    let mut world = joined(FORGETS);
    away(&mut world, FORGETS, 20);
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T11:00:00.000Z;msgid=a0 :ann!a@host PRIVMSG #tea :before we first came
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.example BATCH -x
        irc < :irc.example PONG irc.example past-1
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        irc < @time=2026-11-22T12:00:22.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
}

#[test]
fn history_before_the_first_join_is_not_mirrored() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(KEEPS));
    world.tell(
        r#"
        irc < :irc.example BATCH +x znc.in/playback #tea
        irc < @batch=x;time=2026-11-22T11:59:00.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :old
        irc < :irc.example BATCH -x
        irc < @time=2026-11-22T12:00:00.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :new
        lc > 42#["messages:create",{"room":"r1","text":"<ann> new"}]
        "#,
    );
}

#[test]
fn history_of_a_bouncer_without_msgids_is_mirrored_once() {
    // soju: whole seconds, no msgid, no user and host; live lines have both.
    let caps = "message-tags server-time batch echo-message draft/chathistory";
    let mut world = joined(caps);
    world.tell(
        r#"
        irc < @time=2026-11-22T12:00:01.700Z;msgid=a2 :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> one","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    away(&mut world, caps, 20);
    world.tell(
        r#"
        irc > CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @time=2026-11-22T12:00:22.400Z;msgid=a9 :ann!a@host PRIVMSG #tea :live and kept already
        irc < :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        irc < @batch=x;time=2026-11-22T12:00:22.000Z :ann PRIVMSG #tea :live and kept already
        irc < :irc.example BATCH -x
        irc > CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:21.999Z 500
        lc < 43#[{"id":"6b0000200000000000000003","text":"<ann> one","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> live and kept already"}]
        lc < 43#[{"id":"6b0000200000000000000004","text":"<ann> live and kept already","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        irc < :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:22.000Z :ann PRIVMSG #tea :live and kept already
        irc < :irc.example BATCH -y
        "#,
    );
}

#[test]
fn znc_playback_is_requested() {
    let caps = "server-time batch znc.in/playback";
    let mut world = joined(caps);
    away(&mut world, caps, 20);
    world.tell(
        r#"
        irc > PRIVMSG *playback :PLAY #tea 1795348799.999
        irc > PING past-1
        irc < :irc.znc.in BATCH +x znc.in/playback #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:06.000Z :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.znc.in BATCH -x
        irc < :irc.znc.in PONG irc.znc.in past-1
        "#,
    );
}

#[test]
fn unrequested_playback_of_a_bouncer_is_mirrored_completely() {
    // ZNC: many lines in one millisecond, without msgids, after a short disconnect.
    let caps = "server-time batch echo-message";
    let mut world = join_both(World::new(&["office/#tea tea"]).without_merging(), caps);
    away(&mut world, caps, 2);
    world.tell(
        r#"
        irc < :irc.znc.in BATCH +x znc.in/playback #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:02.500Z :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < @batch=x;time=2026-11-22T12:00:02.500Z :ann!a@host PRIVMSG #tea :three
        irc < @batch=x;time=2026-11-22T12:00:02.500Z :ann!a@host PRIVMSG #tea :three
        irc < :irc.znc.in BATCH -x
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"<ann> three","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
}

#[test]
fn line_in_doubt_found_in_the_history_is_not_resent() {
    let mut world = joined(KEEPS);
    bob_says(&mut world, "ha\\nha\\nha\\nho");
    world.tell(
        r#"
        irc > @label=2.1 PRIVMSG #tea :<bob> ha
        irc < @label=2.1;time=2026-11-22T12:00:02.000Z;msgid=b1 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc > @label=2.2 PRIVMSG #tea :<bob> ha
        "#,
    );
    away(&mut world, KEEPS, 2);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:02.000Z;msgid=b1 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc < @batch=x;time=2026-11-22T12:00:03.000Z;msgid=b2 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:02.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:03.000Z;msgid=b2 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc < :irc.example BATCH -y
        irc > @label=2.1 PRIVMSG #tea :<bob> ha
        irc < @label=2.1;time=2026-11-22T12:00:05.000Z;msgid=b3 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc > @label=2.2 PRIVMSG #tea :<bob> ho
        restart
        "#,
    );
    // Our former nick is still in use; the line was ours nevertheless.
    let other = irc_in(KEEPS)
        .replace(
            "irc < :irc.example 001 bridge",
            "irc < :irc.example 433 * bridge :In use\nirc > NICK bridge_\nirc < :irc.example 001 bridge_",
        )
        .replace(":bridge!", ":bridge_!");
    world.tell_on(&other);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:03.000Z;msgid=b2 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc < @batch=x;time=2026-11-22T12:00:05.000Z;msgid=b3 :bridge!b@host PRIVMSG #tea :<bob> ha
        irc < @batch=x;time=2026-11-22T12:00:05.500Z;msgid=b4 :bridge!b@host PRIVMSG #tea :<bob> ho
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:04.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        "#,
    );
}

#[test]
fn line_in_doubt_found_under_another_nick_is_not_resent() {
    // The server renamed us to guest7, and the connection was lost before we received that.
    let mut world = joined(KEEPS);
    bob_says(&mut world, "hello\\nall");
    world.tell("irc > @label=2.1 PRIVMSG #tea :<bob> hello");
    away(&mut world, KEEPS, 2);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:03.000Z;msgid=g1 :guest7!b@host PRIVMSG #tea :<bob> hello
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:02.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:03.000Z;msgid=g1 :guest7!b@host PRIVMSG #tea :<bob> hello
        irc < :irc.example BATCH -y
        irc > @label=2.1 PRIVMSG #tea :<bob> all
        "#,
    );
}

#[test]
fn line_in_doubt_missing_from_the_history_is_resent_first() {
    let mut world = joined(KEEPS);
    bob_says(&mut world, "hello");
    world.tell("irc > @label=2.1 PRIVMSG #tea :<bob> hello");
    away(&mut world, KEEPS, 2);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:01.500Z;msgid=c1 :carl!c@host PRIVMSG #tea :<bob> hello
        lc > 42#["messages:create",{"room":"r1","text":"<carl> <bob> hello"}]
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        irc > @label=2.1 PRIVMSG #tea :<bob> hello
        "#,
    );
}

#[test]
fn line_in_doubt_is_resent_and_marked_where_the_history_cannot_tell() {
    let mut world = joined(KEEPS);
    bob_says(&mut world, "hello");
    world.tell("irc > @label=2.1 PRIVMSG #tea :<bob> hello");
    away(&mut world, KEEPS, 2);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :Messages could not be retrieved
        irc > @label=2.1 PRIVMSG #tea :<bob> (resent) hello
        "#,
    );
}

#[test]
fn lines_are_known_again_although_the_kill_took_the_cursor() {
    let mut world = joined(KEEPS);
    world.tell(
        r#"
        wait 9s
        irc < @msgid=c;time=2026-11-22T12:00:05.100Z :ann!a@host PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        kill
        "#,
    );
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on(&irc_in(KEEPS));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;msgid=c;time=2026-11-22T12:00:05.100Z :ann!a@host PRIVMSG #tea :three
        irc < @batch=x;msgid=d;time=2026-11-22T12:00:05.200Z :ann!a@host PRIVMSG #tea :four
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:04.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;msgid=c;time=2026-11-22T12:00:05.100Z :ann!a@host PRIVMSG #tea :three
        irc < @batch=y;msgid=d;time=2026-11-22T12:00:05.200Z :ann!a@host PRIVMSG #tea :four
        irc < :irc.example BATCH -y
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000009","text":"<ann> three","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":"r1"}]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> four"}]
        "#,
    );
}

#[test]
fn line_in_doubt_is_still_marked_after_another_crash() {
    // Without msgids, a line in the same second as the last received one may be our new one or
    // an earlier one.
    let mut world = joined(NAMELESS);
    bob_says(&mut world, "hello");
    world.tell("irc > PRIVMSG #tea :<bob> hello\nwait 2s\nrestart");
    world.tell_on(&irc_in(NAMELESS));
    world.tell(
        r#"
        irc > CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:01.500Z :bridge!b@host PRIVMSG #tea :<bob> hello
        irc < @batch=x;time=2026-11-22T12:00:03.000Z :ann!a@host PRIVMSG #tea :two
        irc < :irc.example BATCH -x
        irc > CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:02.999Z 500
        irc < :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:03.000Z :ann!a@host PRIVMSG #tea :two
        irc < :irc.example BATCH -y
        irc > PRIVMSG #tea :<bob> (resent) hello
        restart
        "#,
    );
    // The second did not arrive, and the first may have.
    world.tell_on(&irc_in(NAMELESS));
    world.tell(
        r#"
        irc > CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:01.500Z :bridge!b@host PRIVMSG #tea :<bob> hello
        irc < @batch=x;time=2026-11-22T12:00:03.000Z :ann!a@host PRIVMSG #tea :two
        irc < :irc.example BATCH -x
        irc > PRIVMSG #tea :<bob> (resent) hello
        "#,
    );
}

#[test]
fn gap_without_history_is_reported() {
    let mut world = joined(FORGETS);
    world.tell("irc lost\nwait 25s\nlc > 2\nlc < 3\nwait 25s\nlc > 2\nlc < 3\nwait 10s
        lc > 42#[\"messages:create\",{\"room\":\"r1\",\"text\":\"-- cannot reach #tea on office: the connection to its network was lost; messages from here are queued\"}]");
    world.tell_on(&irc_in(FORGETS));
    world.tell(
        r#"
        irc > PING past-1
        irc < @time=2026-11-22T12:01:02.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < :irc.example PONG irc.example past-1
        lc < 43#[{"id":"6b0000200000000000000002","text":"-- x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"-- #tea on office is reachable again"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"-- x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:01 to 12:01:01 UTC: messages from that time are missing here"}]
        lc < 43#[{"id":"6b0000200000000000000004","text":"-- x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
    assert_eq!((world.gaps().count, world.gaps().seconds), (1, 60));
}

#[test]
fn short_gap_without_history_is_counted_and_not_reported() {
    let mut world = joined(FORGETS);
    away(&mut world, FORGETS, 18);
    world.tell("irc > PING past-1\nirc < :irc.example PONG irc.example past-1");
    assert_eq!((world.gaps().count, world.gaps().seconds), (1, 18));
    let policy = BridgePolicy {
        min_reported_gap: jiff::SignedDuration::from_secs(10),
        ..BridgePolicy::default()
    };
    let mut world = World::new(&["office/#tea tea"]).with_policy(policy);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    away_plainly(&mut world, 18);
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:00 to 12:00:18 UTC: messages from that time are missing here"}]
        "#,
    );
}

#[test]
fn history_that_does_not_reach_back_is_reported_as_a_gap() {
    let mut world = joined(KEEPS);
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea msgid=a1 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:01 to 12:00:21 UTC: messages from that time may be missing here"}]
        "#,
    );
}

#[test]
fn gap_is_counted_with_notices_off() {
    let mut world = World::new(&["office/#tea tea"])
        .with_policy(BridgePolicy { notices: false, ..BridgePolicy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    away_plainly(&mut world, 20);
    world.tell("irc > PING past-1\nirc < :irc.example PONG irc.example past-1");
    assert_eq!((world.gaps().count, world.gaps().seconds), (1, 20));
}

#[test]
fn momentary_gap_is_not_reported() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    away_plainly(&mut world, 5);
    world.tell("");
    assert_eq!(world.gaps().count, 0);
}

#[track_caller]
fn away_plainly(world: &mut World, seconds: u32) {
    world.tell(&format!("irc lost\nwait {seconds}s"));
    world.tell_on(IRC_IN);
}

#[test]
fn start_of_a_gap_survives_a_crash() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell_on(IRC_IN);
    // Nobody speaks, but the server is connected; this is stored every ten seconds.
    for _ in 0..2 {
        world.tell("wait 30s\nirc < PING :x\nirc > PONG x");
        world.tell("wait 30s\nirc > PING alive\nirc < :irc.example PONG irc.example alive");
    }
    world.tell("wait 30s\nirc < PING :x\nirc > PONG x");
    world.tell("wait 20s\nrestart\nwait 100s");
    world.tell_on(IRC_IN);
    world.tell("irc > PING past-1\nirc < :irc.example PONG irc.example past-1");
    // It was last stored at 12:02:50; now it is 12:04:30.
    assert_eq!((world.gaps().count, world.gaps().seconds), (1, 100));
}

#[test]
fn connection_lost_during_the_catchup_loses_no_message() {
    let mut world = joined(KEEPS);
    away(&mut world, KEEPS, 5);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @time=2026-11-22T12:00:06.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        "#,
    );
    away(&mut world, KEEPS, 5);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=2026-11-22T12:00:03.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < :irc.example BATCH -y
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
}

#[test]
fn skipped_irc_messages_are_reported_by_their_number() {
    let limits = CatchUpLimits {
        max_age: Some(jiff::SignedDuration::from_hours(24)),
        max_messages: Some(1),
    };
    let irc = [(Network::new("office"), limits)].into();
    let mut world = World::new(&["office/#tea tea"])
        .with_policy(BridgePolicy { channel_catchup: irc, ..BridgePolicy::default() });
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(KEEPS));
    world.tell("irc lost\nlc lost\nwait 100000s");
    world.tell_on(&irc_in(KEEPS));
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.sent();
    world.tell_on(
        r#"
        lc < 43#[[]]
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :too old
        irc < @batch=x;time=2026-11-23T12:30:00.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :late
        irc < @batch=x;time=2026-11-23T12:30:01.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :too much
        irc < @time=2026-11-23T15:46:40.000Z;msgid=a4 :ann!a@host PRIVMSG #tea :now
        irc < :irc.example BATCH -x
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-23T12:30:01.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :too much
        irc < :irc.example BATCH -y
        "#,
    );
    let mut posted = Vec::new();
    for number in ["05", "06", "07", "08", "09", "10"] {
        let (_, letschat) = world.sent();
        posted.extend(
            letschat.iter().filter_map(|it| Some(it.split_once("\"text\":")?.1.to_owned())),
        );
        world.tell_on(&format!(
            r#"lc < 43#[{{"id":"6b00002000000000000000{number}","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}}]"#
        ));
    }
    let (_, letschat) = world.sent();
    posted.extend(letschat.iter().filter_map(|it| Some(it.split_once("\"text\":")?.1.to_owned())));
    assert_eq!(
        posted,
        [
            "\"-- cannot reach #tea on office: the connection to its network was lost; messages \
             from here are queued\"}]",
            "\"-- #tea on office is reachable again\"}]",
            "\"[12:30Z] <ann> late\"}]",
            "\"-- disconnected from #tea on office from 2026-11-22 12:00:00 to 2026-11-23 \
             15:46:40 UTC: messages from that time may be missing here\"}]",
            "\"-- skipped 2 messages from #tea on office, sent while the bridge was disconnected\"}]",
            "\"<ann> now\"}]",
        ]
    );
    let left_out: u64 = world.stats().traffic.values().map(|traffic| traffic.skipped).sum();
    assert_eq!(left_out, 2);
}

#[test]
fn command_for_a_lost_connection_is_not_sent_on_the_next() {
    // The disk was slow: the bridge learns in one turn that bob has posted, that the connection is lost, and
    // that there is a new one.
    let mut world = joined(KEEPS);
    world.tell_on(
        r#"lc <+ 42["messages:new",{"id":"6b0000300000000000000001","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]"#,
    );
    world.tell_on(&irc_in(KEEPS).replace("irc connects", "irc reconnects"));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < :irc.example BATCH -x
        irc > @label=2.1 PRIVMSG #tea :<bob> two
        "#,
    );
}
