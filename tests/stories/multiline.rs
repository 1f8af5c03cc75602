//! Messages of several lines (`draft/multiline`).

use crate::LETSCHAT_IN;
use crate::harness::World;
use crate::receipts::irc_in;

const CAPS: &str = "message-tags server-time batch echo-message labeled-response draft/multiline=max-bytes=100,max-lines=3";

/// A world with a server whose batches have at most three lines and a hundred bytes.
#[track_caller]
fn joined() -> World {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    let asked = CAPS.split('=').next().unwrap();
    let talk = irc_in(asked).replace(&format!("LS :{asked}"), &format!("LS :{CAPS}"));
    world.tell(&talk);
    world
}

#[track_caller]
fn bob_says(world: &mut World, number: u32, text: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
    ));
}

#[test]
fn received_multiline_batch_becomes_one_post() {
    joined().tell(
        r#"
        irc < @msgid=m1;time=2026-11-22T12:00:00.000Z :ann!a@host BATCH +x draft/multiline #tea
        irc < @batch=x :ann!a@host PRIVMSG #tea hello
        irc < @batch=x :ann!a@host PRIVMSG #tea :
        irc < :eve!e@host PRIVMSG #tea :me too
        lc > 42#["messages:create",{"room":"r1","text":"<eve> me too"}]
        irc < @batch=x :ann!a@host PRIVMSG #tea :how is
        irc < @batch=x;draft/multiline-concat :ann!a@host PRIVMSG #tea : everyone?
        lc < 43#[{"id":"6b0000010000000000000001","text":"<eve> me too","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :irc.example BATCH -x
        lc > 42#["messages:create",{"room":"r1","text":"<ann> hello\n\nhow is everyone?"}]
        "#,
    );
}

#[test]
fn multiline_post_is_sent_and_acknowledged_as_one_batch() {
    let mut world = joined();
    bob_says(&mut world, 1, "one\\n\\ntwo");
    bob_says(&mut world, 2, "three");
    world.tell(
        r#"
        irc > @label=1.1 BATCH +1-0 draft/multiline #tea
        irc > @batch=1-0 PRIVMSG #tea :<bob> one
        irc > @batch=1-0 PRIVMSG #tea :<bob> two
        irc > BATCH -1-0
        irc < @label=1.1;msgid=m1 :bridge!b@host BATCH +y draft/multiline #tea
        irc < @batch=y :bridge!b@host PRIVMSG #tea :<bob> one
        irc < @batch=y :bridge!b@host PRIVMSG #tea :<bob> two
        irc < :irc.example BATCH -y
        irc > @label=2.1 PRIVMSG #tea :<bob> three
        irc < @label=2.1;msgid=m2 :bridge!b@host PRIVMSG #tea :<bob> three
        "#,
    );
}

#[test]
fn multiline_post_over_the_limit_is_sent_in_several_batches() {
    let mut world = joined();
    bob_says(&mut world, 1, "1\\n2\\n3\\n4\\n5\\n6\\n7");
    world.tell(
        r#"
        irc > @label=1.1 BATCH +1-0 draft/multiline #tea
        irc > @batch=1-0 PRIVMSG #tea :<bob> 1
        irc > @batch=1-0 PRIVMSG #tea :<bob> 2
        irc > @batch=1-0 PRIVMSG #tea :<bob> 3
        irc > BATCH -1-0
        irc < @label=1.1 :irc.example ACK
        "#,
    );
}

#[test]
fn rejected_batch_is_sent_again_line_by_line() {
    let mut world = joined();
    bob_says(&mut world, 1, "one\\ntwo");
    bob_says(&mut world, 2, "three\\nfour");
    world.tell(
        r#"
        irc > @label=1.1 BATCH +1-0 draft/multiline #tea
        irc > @batch=1-0 PRIVMSG #tea :<bob> one
        irc > @batch=1-0 PRIVMSG #tea :<bob> two
        irc > BATCH -1-0
        irc < :irc.example FAIL BATCH MULTILINE_MAX_LINES 1 :Too many lines
        irc > @label=1.2 PRIVMSG #tea :<bob> one
        irc < :irc.example FAIL BATCH MULTILINE_INVALID :Incorrect batch tag sent
        irc < :irc.example FAIL BATCH INVALID_PARAMS :Corrupt BATCH
        irc < @label=1.2 :bridge!b@host PRIVMSG #tea :<bob> one
        irc > @label=1.3 PRIVMSG #tea :<bob> two
        irc < @label=1.3 :bridge!b@host PRIVMSG #tea :<bob> two
        irc > @label=2.1 PRIVMSG #tea :<bob> three
        "#,
    );
}

#[test]
fn batch_in_doubt_is_found_in_the_history_or_resent() {
    for (found, then) in [
        (
            "irc < @batch=h;msgid=m1;time=2026-11-22T12:00:00.500Z :bridge!b@host BATCH +i draft/multiline #tea
             irc < @batch=i :bridge!b@host PRIVMSG #tea :<bob> one
             irc < @batch=i :bridge!b@host PRIVMSG #tea :<bob> two
             irc < :irc.example BATCH -i",
            "irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.499Z 500
             irc < @label=past.2 :irc.example BATCH +k chathistory #tea
             irc < :irc.example BATCH -k",
        ),
        (
            "",
            // No line was ever received there, so the server may have forgotten it since.
            "irc > @label=1.1 BATCH +1-0 draft/multiline #tea
             irc > @batch=1-0 PRIVMSG #tea :<bob> (resent) one
             irc > @batch=1-0 PRIVMSG #tea :<bob> two
             irc > BATCH -1-0",
        ),
    ] {
        let mut world = World::new(&["office/#tea tea"]);
        world.tell(LETSCHAT_IN);
        let asked = "message-tags server-time batch echo-message labeled-response draft/chathistory draft/multiline";
        let back = irc_in(asked).replace(
            &format!("LS :{asked}"),
            &format!("LS :{asked}=max-bytes=4096,max-lines=24"),
        );
        world.tell(&back);
        bob_says(&mut world, 1, "one\\ntwo");
        world.tell(
            r#"
            irc > @label=1.1 BATCH +1-0 draft/multiline #tea
            irc > @batch=1-0 PRIVMSG #tea :<bob> one
            irc > @batch=1-0 PRIVMSG #tea :<bob> two
            irc > BATCH -1-0
            irc lost
            "#,
        );
        world.tell_on(&back);
        world.tell(&format!(
            "irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
             irc < @label=past.1 :irc.example BATCH +h chathistory #tea
             {found}
             irc < :irc.example BATCH -h
             {then}"
        ));
    }
}
