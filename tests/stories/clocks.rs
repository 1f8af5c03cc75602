//! A network's clock differs from ours, and no time that it sends makes the bridge lose, repeat or misdate
//! a message.

use crate::harness::World;
use crate::irc_catchup::KEEPS;
use crate::receipts::irc_in;
use crate::{IRC_IN, LETSCHAT_IN};

/// A world with this server, where nobody has joined_with_line.
#[track_caller]
fn joined(caps: &str) -> World {
    joined_in(World::new(&["office/#tea tea"]), caps)
}

#[track_caller]
fn joined_in(world: World, caps: &str) -> World {
    let mut world = world.unpaced();
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    world
}

/// … where ann has said "one", at `time` by the server's clock and at 12:00:01 by ours.
#[track_caller]
fn joined_with_line(caps: &str, time: &str) -> World {
    joined_with_line_in(World::new(&["office/#tea tea"]), caps, time)
}

#[track_caller]
fn joined_with_line_in(world: World, caps: &str, time: &str) -> World {
    let mut world = joined_in(world, caps);
    world.tell(&format!(
        r#"
        wait 1s
        irc < @time={time};msgid=a1 :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> one"}}]
        lc < 43#[{{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}}]
        "#,
    ));
    world
}

#[track_caller]
fn away(world: &mut World, caps: &str, seconds: u32) {
    world.tell(&format!("irc lost\nwait {seconds}s"));
    world.tell_on(&irc_in(caps));
}

#[test]
fn line_dated_in_the_future_does_not_hide_later_lines() {
    for time in [
        "2026-11-22T12:15:01.000Z",
        "2026-11-22T14:00:00.000Z",
        "2026-11-24T12:00:00.000Z",
        "2199-12-31T23:59:59.000Z",
        "9999-12-30T21:59:59.000Z",
        "9999-12-31T23:59:59.999Z",
    ] {
        let mut world = joined_with_line(KEEPS, time);
        away(&mut world, KEEPS, 20);
        world.tell(&format!(
            r#"
            irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
            irc < @label=past.1 :irc.example BATCH +x chathistory #tea
            irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
            lc > 42#["messages:create",{{"room":"r1","text":"<ann> two"}}]
            irc < @batch=x;time={time};msgid=a1 :ann!a@host PRIVMSG #tea :one
            irc < :irc.example BATCH -x
            irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
            irc < @label=past.2 :irc.example BATCH +y chathistory #tea
            irc < :irc.example BATCH -y
            "#
        ));
    }
}

#[test]
fn server_clock_set_back_makes_catchup_continue_by_msgid() {
    for (one, two) in [
        ("2026-11-20T12:00:00.000Z", "2026-11-20T12:00:05.000Z"),
        ("2026-11-22T12:00:00.500Z", "2026-11-22T10:00:06.000Z"),
        ("1970-01-01T00:00:00.000Z", "1990-01-01T00:00:06.000Z"),
    ] {
        let mut world = joined_with_line(KEEPS, one);
        away(&mut world, KEEPS, 20);
        world.tell(&format!(
            r#"
            irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
            irc < @label=past.1 :irc.example BATCH +x chathistory #tea
            irc < :irc.example BATCH -x
            irc > @label=past.2 CHATHISTORY AFTER #tea msgid=a1 500
            irc < @label=past.2 :irc.example BATCH +y chathistory #tea
            irc < @batch=y;time={two};msgid=a2 :ann!a@host PRIVMSG #tea :two
            lc > 42#["messages:create",{{"room":"r1","text":"<ann> two"}}]
            irc < :irc.example BATCH -y
            "#
        ));
    }
}

#[test]
fn live_line_with_a_wrong_time_is_mirrored_without_a_timestamp() {
    let mut world = joined_with_line_in(
        World::new(&["office/#tea tea"]).without_merging(),
        KEEPS,
        "2026-11-22T12:00:01.000Z",
    );
    away(&mut world, KEEPS, 3);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @time=2026-11-20T09:00:00.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        irc < @time=2027-11-20T09:00:00.000Z;msgid=a3 :ann!a@host PRIVMSG #tea :three
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < :irc.example BATCH -x
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        lc < 43#[{"id":"6b0000200000000000000003","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        irc < @time=1999-11-20T09:00:00.000Z;msgid=a4 :ann!a@host PRIVMSG #tea :four
        lc > 42#["messages:create",{"room":"r1","text":"<ann> four"}]
        "#,
    );
}

#[test]
fn empty_history_before_the_first_line_is_reported_as_a_gap() {
    let mut world = joined(KEEPS);
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < :irc.example BATCH -x
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:00 to 12:00:20 UTC: messages from that time may be missing here"}]
        "#,
    );
}

#[test]
fn history_that_reaches_before_the_first_join_is_no_gap() {
    let mut world = joined(KEEPS);
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T11:59:59.999Z;msgid=a0 :ann!a@host PRIVMSG #tea :nought
        irc < :irc.example BATCH -x
        "#,
    );
}

#[test]
fn history_that_never_reaches_a_known_line_is_reported_as_a_gap() {
    let mut world = joined_with_line(KEEPS, "2026-11-22T12:00:01.000Z");
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.example BATCH -x
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
        irc < @label=past.2 :irc.example BATCH +y chathistory #tea
        irc < @batch=y;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        irc < :irc.example BATCH -y
        irc > @label=past.3 CHATHISTORY AFTER #tea msgid=a1 500
        irc < @label=past.3 FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :No such message
        lc < 43#[{"id":"6b0000200000000000000002","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:01 to 12:00:21 UTC: messages from that time may be missing here"}]
        "#,
    );
}

#[test]
fn history_request_rejected_by_time_is_repeated_by_msgid() {
    for code in ["INVALID_MSGREFTYPE", "INVALID_PARAMS"] {
        let mut world = joined_with_line(KEEPS, "2026-11-22T12:00:01.000Z");
        away(&mut world, KEEPS, 20);
        world.tell(&format!(
            r#"
            irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
            irc < @label=past.1 :irc.example FAIL CHATHISTORY {code} AFTER #tea :By msgid only
            irc > @label=past.2 CHATHISTORY AFTER #tea msgid=a1 500
            irc < @label=past.2 :irc.example BATCH +x chathistory #tea
            irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
            lc > 42#["messages:create",{{"room":"r1","text":"<ann> two"}}]
            irc < :irc.example BATCH -x
            irc > @label=past.3 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:05.999Z 500
            irc < @label=past.3 :irc.example FAIL CHATHISTORY {code} AFTER #tea :By msgid only
            irc > @label=past.4 CHATHISTORY AFTER #tea msgid=a2 500
            irc < @label=past.4 :irc.example BATCH +y chathistory #tea
            irc < :irc.example BATCH -y
            "#
        ));
    }
}

#[test]
fn unknown_msgid_without_search_by_time_is_reported_as_a_gap() {
    let mut world = joined_with_line(KEEPS, "2026-11-22T12:00:01.000Z");
    world.tell("irc lost\nwait 20s");
    let welcome = "irc < :irc.example 001 bridge";
    let ids = format!("irc < :irc.example 005 bridge MSGREFTYPES=msgid :are supported\n{welcome}");
    world.tell_on(&irc_in(KEEPS).replace(welcome, &ids));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea msgid=a1 500
        irc < @label=past.1 :irc.example FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :No such message
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:01 to 12:00:21 UTC: messages from that time are missing here"}]
        "#,
    );
}

#[test]
fn catchup_cut_off_before_a_known_line_is_reported_as_a_gap() {
    let mut world = joined_with_line(KEEPS, "2026-11-22T12:00:01.000Z");
    away(&mut world, KEEPS, 20);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:06.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc lost
        lc < 43#[{"id":"6b0000200000000000000002","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:01 to 12:00:21 UTC: messages from that time may be missing here"}]
        "#,
    );
}

#[test]
fn join_dated_in_the_future_does_not_move_the_cursor_there() {
    for time in
        ["2026-11-23T12:00:00.000Z", "1990-01-01T00:00:00.000Z", "x", "9999-12-31T00:00:00Z"]
    {
        let mut world = World::new(&["office/#tea tea"]);
        world.tell(LETSCHAT_IN);
        let join = "irc < :bridge!b@host JOIN";
        let timed = format!("irc < @time={time} :bridge!b@host JOIN");
        world.tell(&irc_in(KEEPS).replace(join, &timed));
        world.tell("irc lost\nwait 5s");
        world.tell_on(&irc_in(KEEPS));
        world.tell(
            "irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500",
        );
    }
}

#[test]
fn own_line_played_back_without_a_time_is_not_mirrored() {
    let mut world = joined_with_line(KEEPS, "2026-11-22T12:00:01.000Z");
    away(&mut world, KEEPS, 5);
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +x chathistory #tea
        irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        irc < @batch=x;time=garbage;msgid=b7 :bridge!b@host PRIVMSG #tea :<bob> hello
        irc < @batch=x :bridge!b@host PRIVMSG #tea :<bob> hello
        irc < @batch=x;msgid=a2 :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        irc < :irc.example BATCH -x
        "#,
    );
}

#[test]
fn quick_restart_reports_no_gap() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell_on(IRC_IN);
    for _ in 0..2 {
        world.tell("wait 30s\nirc < PING :x\nirc > PONG x");
        world.tell("wait 30s\nirc > PING alive\nirc < :irc.example PONG irc.example alive");
    }
    world.tell("wait 30s\nirc < PING :x\nirc > PONG x");
    world.tell("wait 9s\nrestart");
    world.tell_on(IRC_IN);
    assert_eq!((world.gaps().count, world.gaps().seconds), (0, 0));
}
