//! Why a server rejected or disconnected the bridge.

use crate::harness::World;
use crate::story;

/// The server answers the registration with `answer`, and the bridge closes for this reason.
#[track_caller]
fn check_rejection(answer: &str, why: &str) {
    World::new(&["office/#tea tea"]).without_tls().tell(&format!(
        r#"
        irc connects
        irc < {answer}
        irc closed: {why}
        "#
    ));
}

#[test]
fn numeric_before_the_disconnect_is_the_reason() {
    check_rejection(
        ":irc.example 465 * :You are banned from this server- spam\nwait 3s",
        "banned from the server: You are banned from this server- spam",
    );
    check_rejection(
        ":irc.example 464 * :Password incorrect",
        "wrong server password: Password incorrect",
    );
    check_rejection(
        ":irc.example 463 * :Your host isn't among the privileged",
        "connections from this host are not allowed: Your host isn't among the privileged",
    );
}

#[test]
fn error_after_the_numeric_makes_the_reason_more_exact() {
    for (error, reason) in [
        ("Closing link: (b@host) [K-lined: spam]", "banned from the server"),
        ("Closing link: (b@host) [Z-lined: You come too fast]", "connection throttled"),
    ] {
        check_rejection(
            &format!(":irc.example 465 * :You're banned!\nirc < ERROR :{error}"),
            &format!("{reason}: You're banned!; {error}"),
        );
    }
    check_rejection(
        ":irc.example 465 * :You're banned!\nirc < ERROR :CloseKind",
        "banned from the server: You're banned!",
    );
}

#[test]
fn error_during_registration_is_the_reason() {
    check_rejection(
        "ERROR :Closing Link: host (Throttled: Reconnecting too fast)",
        "connection throttled: Closing Link: host (Throttled: Reconnecting too fast)",
    );
    check_rejection(
        "ERROR :Closing Link: [1.2.3.4] (Too many connections from your IP)",
        "too many connections from this host: Closing Link: [1.2.3.4] (Too many connections from \
         your IP)",
    );
}

#[test]
fn error_after_registration_is_the_reason() {
    story(
        r#"
        irc < ERROR :Closing Link: host (K-Lined)
        irc closed: banned from the server: Closing Link: host (K-Lined)
        "#,
    );
    story(
        r#"
        irc < ERROR :Closing Link: host (Ping timeout)
        irc closed: Closing Link: host (Ping timeout)
        "#,
    );
}

#[test]
fn server_that_requires_tls_receives_no_nick_and_no_password() {
    check_rejection(
        ":irc.example CAP * LS :sasl=PLAIN sts=port=6697,duration=300",
        "TLS required, on port 6697 (STS)",
    );
}
