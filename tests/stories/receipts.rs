//! A line sent to IRC is acknowledged by the best means that the server offers.

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, story};

/// The registration at an IRC server that offers and grants `caps`, and the join.
pub(crate) fn irc_in(caps: &str) -> String {
    let list = if caps.contains(' ') { format!(":{caps}") } else { caps.to_owned() };
    let negotiation = format!(
        "irc < :irc.example CAP * LS :{caps}
         irc > CAP REQ {list}
         irc < :irc.example CAP bridge ACK :{caps}
         irc > CAP END"
    );
    IRC_IN.replace("irc < :irc.example 421 * CAP :Unknown command", &negotiation)
}

/// A server with echo-message and labeled-response.
const LABELS: &str = "message-tags batch echo-message labeled-response";

/// A world with such a server.
#[track_caller]
fn joined(caps: &str) -> World {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    world
}

/// Bob posts `text` in the room.
#[track_caller]
fn bob_says(world: &mut World, number: u32, text: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
    ));
}

#[test]
fn labeled_echo_acknowledges_a_line() {
    let mut world = joined(LABELS);
    bob_says(&mut world, 1, "one\\ntwo");
    bob_says(&mut world, 2, "three");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1;msgid=a :bridge!b@host PRIVMSG #tea :<bob> one
        irc > @label=1.2 PRIVMSG #tea :<bob> two
        irc < @label=1.2;msgid=b :bridge!b@host PRIVMSG #tea :<bob> two
        irc > @label=2.1 PRIVMSG #tea :<bob> three
        irc < @label=2.1;msgid=c :bridge!b@host PRIVMSG #tea :<bob> three
        "#,
    );
}

#[test]
fn labeled_response_without_the_line_rejects_or_acknowledges_it() {
    for answer in [
        "irc < @label=1.1 :irc.example 404 bridge #tea :Cannot send to channel",
        "irc < @label=1.1 :irc.example FAIL PRIVMSG INVALID_UTF8 :Your text is no UTF-8",
        "irc < @label=1.1 :irc.example FAIL * ACCOUNT_REQUIRED :Log in first",
        "irc < @label=1.1 :irc.example ACK",
        "irc < @label=1.1 :irc.example BATCH +x labeled-response
         irc < @batch=x :irc.example 404 bridge #tea :Cannot send to channel
         irc < :irc.example BATCH -x",
        "irc < @label=1.1 :irc.example BATCH +x labeled-response
         irc < @batch=x :bridge!b@host PRIVMSG #tea :<bob> one
         irc < @batch=x :irc.example NOTICE bridge :and something else
         irc < :irc.example BATCH -x",
        "irc < :irc.example 404 bridge #tea :Cannot send to channel",
    ] {
        let mut world = joined(LABELS);
        bob_says(&mut world, 1, "one");
        bob_says(&mut world, 2, "two");
        world.tell(&format!(
            "irc > @label=1.1 PRIVMSG #tea :<bob> one
             {answer}
             irc > @label=2.1 PRIVMSG #tea :<bob> two"
        ));
    }
}

#[test]
fn labeled_ack_acknowledges_a_line_without_echoes() {
    let mut world = joined("message-tags batch labeled-response");
    bob_says(&mut world, 1, "one\\ntwo");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :irc.example ACK
        irc > @label=1.2 PRIVMSG #tea :<bob> two
        irc < @label=1.2 :irc.example ACK
        "#,
    );
}

#[test]
fn echo_acknowledges_a_line_without_labels() {
    let mut world = joined("echo-message");
    bob_says(&mut world, 1, "one\\ntwo");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> one
        irc < :ann!a@host PRIVMSG #tea :<bob> one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> <bob> one"}]
        irc < :bridge!b@host PRIVMSG #tea :<bob> one
        irc > PRIVMSG #tea :<bob> two
        irc < :bridge!b@host PRIVMSG #tea :<bob> two
        "#,
    );
}

#[test]
fn line_without_an_echo_before_the_pong_was_dropped() {
    let mut world = joined("echo-message");
    bob_says(&mut world, 1, "one");
    bob_says(&mut world, 2, "two");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> one
        wait 5s
        irc > PING said-1.1
        irc < :irc.example PONG irc.example said-1.1
        irc > PRIVMSG #tea :<bob> two
        irc < :bridge!b@host PRIVMSG #tea :<bob> two
        "#,
    );
}

#[test]
fn unanswered_ping_after_a_line_ends_the_connection() {
    let mut world = joined("echo-message");
    bob_says(&mut world, 1, "one");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> one
        wait 5s
        irc > PING said-1.1
        "#,
    );
    // Unrelated lines of the server.
    for (seconds, ping) in [(20, ""), (25, ""), (25, "irc > PING alive"), (25, "")] {
        world.tell(&format!(
            "wait {seconds}s
             {ping}
             lc > 2
             lc < 3
             irc < PING :x
             irc > PONG x"
        ));
    }
    world.tell(
        r#"
        wait 25s
        lc > 2
        irc closed: ping timeout during sending
        "#,
    );
}

#[test]
fn deferred_line_is_retried_later_in_order() {
    let mut world = joined(LABELS);
    bob_says(&mut world, 1, "one\\ntwo\\nthree");
    bob_says(&mut world, 2, "four");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> one
        irc > @label=1.2 PRIVMSG #tea :<bob> two
        irc < @label=1.2 :irc.example 404 bridge #tea :Slow mode: wait 20 seconds
        wait 19s
        wait 1s
        irc > @label=1.1 PRIVMSG #tea :<bob> two
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> two
        irc > @label=1.2 PRIVMSG #tea :<bob> three
        irc < @label=1.2 :bridge!b@host PRIVMSG #tea :<bob> three
        irc > @label=2.1 PRIVMSG #tea :<bob> four
        "#,
    );
}

#[test]
fn error_without_a_channel_concerns_the_line_in_flight() {
    for error in [
        "417 bridge :Input line was too long",
        "412 bridge :No text to send",
        "263 bridge PRIVMSG :Come back in 601 seconds, wait",
        "477 bridge #tea :You need to be identified to talk here",
        "531 bridge #tea :Cannot send",
    ] {
        story(&format!(
            r#"
            lc < 42["messages:new",{{"id":"6b0000010000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]
            lc < 42["messages:new",{{"id":"6b0000010000000000000002","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]
            irc > PRIVMSG #tea :<bob> one
            irc > PING said-1
            irc < :irc.example {error}
            irc < :irc.example PONG irc.example :said-1
            irc > PRIVMSG #tea :<bob> two
            irc > PING said-2
            "#
        ));
    }
}

#[test]
fn capabilities_can_be_added_and_removed_later() {
    let mut world = joined("server-time");
    world.tell(
        r#"
        irc < :irc.example CAP bridge NEW :batch message-tags labeled-response echo-message
        irc > CAP REQ :message-tags batch echo-message labeled-response
        irc < :irc.example CAP bridge ACK :message-tags batch echo-message labeled-response
        "#,
    );
    bob_says(&mut world, 1, "one");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> one
        irc < :irc.example CAP bridge DEL :labeled-response
        "#,
    );
    bob_says(&mut world, 2, "two");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> two
        irc < :bridge!b@host PRIVMSG #tea :<bob> two
        "#,
    );
}

#[test]
fn delivered_lines_of_a_message_are_not_resent() {
    let mut world = joined(LABELS);
    bob_says(&mut world, 1, "one\\ntwo\\nthree");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> one
        irc > @label=1.2 PRIVMSG #tea :<bob> two
        restart
        "#,
    );
    world.tell_on(&irc_in(LABELS));
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        irc > @label=1.1 PRIVMSG #tea :<bob> (resent) two
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> (resent) two
        irc > @label=1.2 PRIVMSG #tea :<bob> three
        irc lost
        "#,
    );
    world.tell_on(&irc_in(LABELS));
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        irc > @label=1.1 PRIVMSG #tea :<bob> (resent) three
        "#,
    );
}

#[test]
fn only_lines_that_may_have_arrived_are_marked_as_resent() {
    let mut world = joined(LABELS);
    bob_says(&mut world, 1, "one\\ntwo");
    world.tell("irc > @label=1.1 PRIVMSG #tea :<bob> one\nirc lost");
    world.tell_on(&irc_in(LABELS));
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        irc > @label=1.1 PRIVMSG #tea :<bob> (resent) one
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> (resent) one
        irc > @label=1.2 PRIVMSG #tea :<bob> two
        irc < @label=1.2 :irc.example 439 bridge #tea :Too fast. Please wait 10 seconds.
        wait 10s
        irc > @label=1.1 PRIVMSG #tea :<bob> two
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> two
        "#,
    );
}

#[test]
fn line_never_sent_is_not_in_doubt() {
    let mut world = joined(LABELS);
    bob_says(&mut world, 1, "one");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :irc.example 439 bridge #tea :Too fast. Please wait 20 seconds.
        irc lost
        "#,
    );
    world.tell_on(&irc_in(LABELS));
    world.tell("irc > @label=1.1 PRIVMSG #tea :<bob> one");
}

#[test]
fn line_in_doubt_is_marked_as_resent_after_a_restart() {
    let mut world = joined(LABELS);
    bob_says(&mut world, 1, "one");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc lost
        "#,
    );
    world.tell_on(&irc_in(LABELS));
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        irc > @label=1.1 PRIVMSG #tea :<bob> (resent) one
        irc < @label=1.1 :irc.example 439 bridge #tea :Too fast. Please wait 20 seconds.
        restart
        "#,
    );
    world.tell_on(&irc_in(LABELS));
    world.tell(
        r#"
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        irc > @label=1.1 PRIVMSG #tea :<bob> (resent) one
        "#,
    );
}

#[test]
fn line_in_doubt_is_not_resent_with_unconfirmed_drop() {
    let mut world = World::new(&["office/#tea tea"]).with_drop_unconfirmed();
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    bob_says(&mut world, 1, "one");
    bob_says(&mut world, 2, "two");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc lost
        "#,
    );
    world.tell(&format!(
        "{IRC_IN}
         irc > PING past-1
         irc < :irc.example PONG irc.example past-1
         irc > PRIVMSG #tea :<bob> two
         irc > PING said-2"
    ));
}
