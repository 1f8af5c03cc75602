//! When a silent server is pinged, and when it is disconnected.

use crate::harness::World;
use crate::{IRC_IN, story};

const AT_THE_DOOR: &str = r#"
    irc connects
"#;

fn during_registration(rest: &str) {
    World::new(&["office/#tea tea"]).tell(&format!("{AT_THE_DOOR}{rest}"));
}

#[test]
fn silent_irc_server_is_pinged_and_has_a_minute_to_answer() {
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
        irc < :irc.example PONG irc.example alive
        wait 10s
        "#,
    );
}

#[test]
fn server_that_speaks_is_pinged_each_minute_all_the_same() {
    World::new(&["office/#tea tea"]).tell(&format!(
        r#"{IRC_IN}
        wait 50s
        irc < PING :x
        irc > PONG x
        wait 10s
        irc > PING alive
        wait 20s
        irc < PING :x
        irc > PONG x
        wait 59s
        irc < :irc.example PONG irc.example late
        wait 59s
        irc < PING :x
        irc > PONG x
        wait 1s
        irc > PING alive
        irc < :irc.example PONG irc.example alive
        "#
    ));
}

#[test]
fn pause_of_the_process_pings_both_servers_with_the_full_timeout() {
    story(
        r#"
        wait 20s
        paused 125s
        irc > PING alive
        lc > 2
        wait 19s
        lc < 3
        wait 40s
        lc > 2
        lc < 3
        irc < :irc.example PONG irc.example alive
        wait 10s
        "#,
    );
    story(
        r#"
        paused 7200s
        irc > PING alive
        lc > 2
        wait 20s
        lc closed: ping timeout
        wait 40s
        irc closed: ping timeout
        "#,
    );
}

#[test]
fn ping_in_flight_during_a_pause_is_sent_again() {
    story(
        r#"
        wait 25s
        lc > 2
        wait 19s
        paused 3s
        lc > 2
        irc > PING alive
        wait 19s
        lc < 3
        irc < :irc.example PONG irc.example alive
        "#,
    );
}

#[test]
fn pong_in_flight_during_a_pause_counts() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :kettle's on
        lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]
        wait 20s
        paused 125s
        irc > PING alive
        lc > 2
        irc < :irc.example PONG irc.example alive
        wait 9s
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann> kettle's on","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        wait 2s
        "#,
    );
}

#[test]
fn slow_registration_is_not_disconnected_while_the_server_sends() {
    during_registration(
        r#"
        wait 40s
        irc < :irc.example NOTICE * :*** Looking up your hostname
        wait 20s
        irc < PING :cookie
        irc > PONG cookie
        wait 15s
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        "#,
    );
}

#[test]
fn server_silent_during_registration_is_pinged_then_disconnected() {
    during_registration(
        r#"
        wait 75s
        irc > PING alive
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        "#,
    );
    during_registration(
        r#"
        wait 120s
        irc > PING alive
        irc closed: ping timeout during registration
        "#,
    );
}

#[test]
fn endless_registration_is_disconnected_after_five_minutes() {
    let notice = "irc < :irc.example NOTICE * :*** Please wait\nwait 50s\n";
    let notices = notice.repeat(6);
    during_registration(&format!("{notices}irc closed: registration timed out"));
}

#[test]
fn pause_of_the_process_during_registration_extends_the_deadline() {
    during_registration(
        r#"
        wait 50s
        paused 600s
        irc > PING alive
        wait 30s
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        "#,
    );
}
