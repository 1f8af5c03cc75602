//! AccountRegistration, disconnects and rejoins.

use crate::harness::World;
use crate::{IRC_IN, joined, letschat_back, story};

#[test]
fn taken_nick_is_replaced_by_another() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(
        r#"
        irc connects
        irc < :irc.example 433 * bridge :Nickname is already in use.
        irc > NICK bridge_
        irc < :irc.example 001 bridge_ :hello
        irc > JOIN #tea
        irc < :bridge_!b@host JOIN #tea
        irc < :irc.example 366 bridge_ #tea :End of /NAMES list
        irc < :bridge_!b@host PRIVMSG #tea :not heard, it is us
        "#,
    );
}

#[test]
fn offered_capabilities_are_requested() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(
        r#"
        irc connects
        irc < :irc.example CAP * LS * :draft/y sasl=PLAIN,EXTERNAL
        irc < :irc.example CAP * LS :server-time message-tags draft/x
        irc > CAP REQ :message-tags server-time
        irc < :irc.example CAP bridge ACK :message-tags server-time
        irc > CAP END
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        "#,
    );
}

#[test]
fn server_ping_is_answered() {
    story("irc < PING :irc.example\nirc > PONG irc.example");
}

#[test]
fn silent_irc_server_is_pinged_once_and_then_disconnected() {
    story(
        r#"
        wait 25s
        lc > 2
        lc < 3
        wait 25s
        lc > 2
        lc < 3
        wait 10s
        irc > PING alive
        wait 15s
        lc > 2
        lc < 3
        wait 25s
        lc > 2
        lc < 3
        wait 20s
        irc closed: ping timeout
        "#,
    );
}

#[test]
fn silent_letschat_is_disconnected() {
    story(
        r#"
        wait 25s
        lc > 2
        irc < PING :x
        irc > PONG x
        wait 20s
        lc closed: ping timeout
        "#,
    );
}

#[test]
fn kicked_bot_rejoins_and_loses_no_message() {
    story(
        r#"
        irc < :op!o@host KICK #tea bridge :out
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"where are you?","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        wait 5s
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc > PRIVMSG #tea :<bob> where are you?
        irc > PING said-1
        "#,
    );
}

#[test]
fn message_in_flight_at_a_kick_is_sent_after_the_rejoin() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :op!o@host KICK #tea bridge :out
        irc < :irc.example 404 bridge #tea :Cannot send to channel
        irc < :irc.example PONG irc.example :said-1
        wait 5s
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc > PING past-1
        irc < :irc.example PONG irc.example :past-1
        irc > PRIVMSG #tea :<bob> (resent) one
        irc > PING said-1
        "#,
    );
}

#[test]
fn message_in_flight_to_an_archived_room_is_sent_when_it_returns() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :anyone?
        lc > 42#["messages:create",{"room":"r1","text":"<ann> anyone?"}]
        lc < 42["rooms:archive",{"id":"r1","slug":"tea"}]
        lc < 43#[{"message":"Bad Request","code":400}]
        wait 10s
        lc > 42#["rooms:list",{"skip":0,"take":5000}]
        lc < 43#[[{"id":"r1","slug":"tea"}]]
        lc > 42#["rooms:join","r1"]
        lc < 43#[{"id":"r1","slug":"tea"}]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        wait 1s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> anyone?"}]
        "#,
    );
}

#[test]
fn archived_room_is_polled_until_it_returns() {
    story(
        r#"
        lc < 42["rooms:archive",{"id":"r1","slug":"tea"}]
        irc < :ann!a@host PRIVMSG #tea :anyone?
        wait 10s
        lc > 42#["rooms:list",{"skip":0,"take":5000}]
        lc < 43#[[]]
        lc < 42["rooms:update",{"id":"r1","slug":"tea"}]
        lc > 42#["rooms:join","r1"]
        lc < 43#[{"id":"r1","slug":"tea"}]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> anyone?"}]
        "#,
    );
}

#[test]
fn rejected_token_is_explained() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(
        r#"
        lc back
        lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}
        lc < 44
        lc closed: Let's Chat rejected the token: create a new one and put it into token_file (an account has one token; creating another revokes it)
        "#,
    );
}

#[test]
fn invalid_input_from_either_side_is_ignored() {
    let mut world = joined();
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"not an id","text":"x"}]
        lc < 42["messages:new",7]
        lc < 42[]
        lc < hello
        lc < 4399["late"]
        irc < :
        irc < @;=;;== :::
        irc < 366
        irc < :x 005
        irc < :ann PRIVMSG
        "#,
    );
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :still here
        lc > 42#["messages:create",{"room":"r1","text":"<ann> still here"}]
        "#,
    );
}

#[test]
fn stopping_bridge_sends_no_new_message() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        stop
        irc < :ann!a@host PRIVMSG #tea :two
        lc < 43#[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        restart
        "#,
    );
    world.tell(IRC_IN);
    letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn server_that_sends_endless_lists_is_disconnected() {
    let one = "x".repeat(20_000);
    let flood = |line: &str, times: usize| line.repeat(times);
    let caps = format!("irc <+ :irc.example CAP * LS * :{one}\n");
    let mut world = crate::harness::World::new(&["office/#tea tea"]);
    world.tell_on("irc back\nirc > CAP LS 302\nirc > NICK bridge\nirc > USER bridge 0 * :A bridge");
    world.tell(&format!(
        "{}irc < :irc.example CAP * LS * :{one}
        irc closed: the server sent too many capabilities (more than 256 KiB): disconnecting to protect the other networks",
        flood(&caps, 13)
    ));
    let mut world = crate::joined();
    let names = format!(
        "irc <+ :irc.example 353 bridge = #tea :{}\n",
        "a b c d e f g h i j ".repeat(1_000)
    );
    world.tell_on(&flood(&names, 500));
    world.tell_on("irc < PING :x");
    let (irc, _) = world.sent();
    let left = "closed: the server sent more users than the bridge keeps (32 MiB): disconnecting to \
         protect the other networks";
    assert!(irc.iter().any(|it| it == left));
}
