//! Why a server does not want us, as far as it says.

use crate::harness::World;
use crate::story;

/// The server answers our knock like this, and we leave with these words.
#[track_caller]
fn at_the_door(answer: &str, why: &str) {
    World::new(&["office/#tea tea"]).in_the_clear().tell(&format!(
        r#"
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        irc < {answer}
        irc closed: {why}
        "#
    ));
}

#[test]
fn it_says_so_by_number() {
    at_the_door(
        ":irc.example 465 * :You are banned from this server- spam\nwait 3s",
        "the server has banned us: You are banned from this server- spam",
    );
    at_the_door(
        ":irc.example 464 * :Password incorrect",
        "the server refuses our password: Password incorrect",
    );
    at_the_door(
        ":irc.example 463 * :Your host isn't among the privileged",
        "the server does not let us in from here: Your host isn't among the privileged",
    );
}

#[test]
fn and_then_why() {
    for (error, reason) in [
        ("Closing link: (b@host) [K-lined: spam]", "the server has banned us"),
        (
            "Closing link: (b@host) [Z-lined: You come too fast]",
            "the server finds that we come too often",
        ),
    ] {
        at_the_door(
            &format!(":irc.example 465 * :You're banned!\nirc < ERROR :{error}"),
            &format!("{reason}: You're banned!; {error}"),
        );
    }
    at_the_door(
        ":irc.example 465 * :You're banned!\nirc < ERROR :CloseKind",
        "the server has banned us: You're banned!",
    );
}

#[test]
fn or_in_words() {
    at_the_door(
        "ERROR :Closing Link: host (Throttled: Reconnecting too fast)",
        "the server finds that we come too often: Closing Link: host (Throttled: Reconnecting \
         too fast)",
    );
    at_the_door(
        "ERROR :Closing Link: [1.2.3.4] (Too many connections from your IP)",
        "the server finds that too many come from here: Closing Link: [1.2.3.4] (Too many \
         connections from your IP)",
    );
}

#[test]
fn or_later() {
    story(
        r#"
        irc < ERROR :Closing Link: host (K-Lined)
        irc closed: the server has banned us: Closing Link: host (K-Lined)
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
fn a_server_that_wants_tls_gets_no_name_and_no_password() {
    at_the_door(
        ":irc.example CAP * LS :sasl=PLAIN sts=port=6697,duration=300",
        "the server wants TLS, at port 6697",
    );
}
