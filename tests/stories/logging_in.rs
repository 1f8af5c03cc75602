//! Logging in to an account, by SASL and by NickServ.

use letsbridge::protocol::irc::{Identity, Login, Mechanism, Services};

use crate::world::World;

const PASSWORD: &str = "pencil";

/// One with an account, who logs in like this.
fn account(mechanisms: &[Mechanism], required: bool) -> impl FnOnce(&mut Identity) + use<> {
    let login = Login {
        account: "bridge".to_owned(),
        password: Some(PASSWORD.into()),
        mechanisms: mechanisms.to_vec(),
        required,
    };
    move |identity| identity.login = Some(login)
}

/// One whom NickServ knows.
fn nickserv(identity: &mut Identity) {
    identity.services = Some(Services {
        nick: "NickServ".to_owned(),
        account: "bridge".to_owned(),
        identify: Some(format!("IDENTIFY bridge {PASSWORD}").into()),
        regain: Some("GHOST {nick}".to_owned()),
    });
}

fn world() -> World {
    World::new(&["office/#tea tea"])
}

/// Who knocks at a server that offers SASL.
const KNOCK: &str = r#"
    irc back
    irc > CAP LS 302
    irc > NICK bridge
    irc > USER bridge 0 * :A bridge
    irc < :irc.example CAP * LS :sasl=PLAIN,EXTERNAL,SCRAM-SHA-256 server-time
    irc > CAP REQ :server-time sasl
    irc < :irc.example CAP * ACK :server-time sasl
"#;

/// Who is let in and goes on to the channel.
const SEATED: &str = r#"
    irc > CAP END
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
"#;

#[test]
fn by_password() {
    world().coming_as(account(&[Mechanism::Plain], true)).tell(&format!(
        r#"{KNOCK}
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 900 * *!*@* bridge :You are now logged in as bridge
        irc < :irc.example 903 * :SASL authentication successful
        {SEATED}"#
    ));
}

#[test]
fn by_certificate() {
    world().coming_as(account(&[Mechanism::External, Mechanism::Plain], true)).tell(&format!(
        r#"{KNOCK}
        irc > AUTHENTICATE EXTERNAL
        irc < AUTHENTICATE +
        irc > AUTHENTICATE +
        irc < :irc.example 903 * :SASL authentication successful
        {SEATED}"#
    ));
}

/// Who proves that they know the password, and has the server prove the same.
const PROVEN: &str = r#"
    irc > AUTHENTICATE SCRAM-SHA-256
    irc < AUTHENTICATE +
    irc > AUTHENTICATE biwsbj1icmlkZ2Uscj1ub25jZTE=
    irc < AUTHENTICATE cj1ub25jZTF4LHM9VzIyWmFKMFNOWTdzb0VzVUVqYjZnUT09LGk9NDA5Ng==
    irc > AUTHENTICATE Yz1iaXdzLHI9bm9uY2UxeCxwPTMwWll0Z1FlNTFpM1IzcTRsWDFxMTJLZWlIV3hVT2VKUjh4bHg2cnRsTlU9
"#;

/// The server's signature, and one of zeros.
const SIGNED: &str = "dj00WWJyd0hzYUJuclVCV3hJRUsrWVRBY3RrUllXci91WkduV0xjNDJDQjlBPQ==";
const FORGED: &str = "dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBPQ==";

#[test]
fn by_proof_of_the_password_alone() {
    world().coming_as(account(&[Mechanism::ScramSha256, Mechanism::Plain], true)).tell(&format!(
        r#"{KNOCK}{PROVEN}
        irc < AUTHENTICATE {SIGNED}
        irc > AUTHENTICATE +
        irc < :irc.example 903 * :SASL authentication successful
        {SEATED}"#
    ));
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_told_it() {
    world().coming_as(account(&[Mechanism::ScramSha256, Mechanism::Plain], true)).tell(&format!(
        r#"{KNOCK}{PROVEN}
        irc < AUTHENTICATE {FORGED}
        irc > AUTHENTICATE *
        irc < :irc.example 906 * :SASL authentication aborted
        irc closed: the login to our account was refused: the server does not know the password itself, so it is not the account's server
        "#
    ));
}

#[test]
fn the_certificate_may_be_unknown_where_the_password_is_not() {
    world().coming_as(account(&[Mechanism::External, Mechanism::Plain], true)).tell(&format!(
        r#"{KNOCK}
        irc > AUTHENTICATE EXTERNAL
        irc < AUTHENTICATE +
        irc > AUTHENTICATE +
        irc < :irc.example 904 * :SASL authentication failed
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 903 * :SASL authentication successful
        {SEATED}"#
    ));
}

#[test]
fn without_the_login_nothing_is_joined() {
    world().coming_as(account(&[Mechanism::Plain], true)).tell(&format!(
        r#"{KNOCK}
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 904 * :SASL authentication failed
        irc closed: the login to our account was refused: SASL authentication failed
        "#
    ));
    for rest in [
        "irc < :irc.example CAP * LS :server-time\nirc > CAP REQ server-time\n\
         irc < :irc.example CAP * ACK :server-time",
        "irc < :irc.example 421 * CAP :Unknown command\nirc < :irc.example 001 bridge :hello",
    ] {
        world().coming_as(account(&[Mechanism::Plain], true)).tell(&format!(
            r#"
            irc back
            irc > CAP LS 302
            irc > NICK bridge
            irc > USER bridge 0 * :A bridge
            {rest}
            irc closed: the server offers no SASL, by which we are to log in
            "#
        ));
    }
}

#[test]
fn services_that_are_silent_are_not_waited_for_at_the_door() {
    world().coming_as(account(&[Mechanism::Plain], false)).tell(&format!(
        r#"{KNOCK}
        irc > AUTHENTICATE PLAIN
        wait 20s
        {SEATED}"#
    ));
}

#[test]
fn services_that_come_back_know_us_again() {
    world().coming_as(account(&[Mechanism::Plain], false)).tell(
        r#"
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        irc < :irc.example CAP * LS :server-time
        irc > CAP REQ server-time
        irc < :irc.example CAP * ACK :server-time
        irc > CAP END
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        irc < :irc.example CAP bridge NEW :sasl=PLAIN
        irc > CAP REQ sasl
        irc < :irc.example CAP bridge ACK :sasl
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 900 bridge bridge!b@host bridge :You are now logged in as bridge
        irc < :irc.example 903 bridge :SASL authentication successful
        irc < :irc.example 901 bridge bridge!b@host :You are now logged out
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 904 bridge :SASL authentication failed
        "#,
    );
}

/// Who knocks at a server without SASL, and says who it is to NickServ.
const ASKED: &str = r#"
    irc back
    irc > CAP LS 302
    irc > NICK bridge
    irc > USER bridge 0 * :A bridge
    irc < :irc.example 421 * CAP :Unknown command
    irc < :irc.example 001 bridge :hello
    irc > PRIVMSG NickServ :IDENTIFY bridge pencil
"#;

#[test]
fn by_nickserv_before_any_channel_is_joined() {
    for answer in [
        ":NickServ!s@services NOTICE bridge :You are now identified for \x02bridge\x02.",
        ":irc.example 900 bridge bridge!b@host bridge :You are now logged in as bridge",
        ":bridge!b@host ACCOUNT bridge",
    ] {
        world().coming_as(nickserv).tell(&format!(
            r#"{ASKED}
            irc < :NickServ!s@services NOTICE bridge :This nickname is registered. Please identify.
            irc < {answer}
            irc > JOIN #tea
            "#
        ));
    }
}

#[test]
fn where_nickserv_does_not_know_us_we_go_on() {
    for answer in [
        "irc < :NickServ!s@services NOTICE bridge :Invalid password for bridge.",
        "irc < :irc.example 401 bridge NickServ :No such nick/channel",
        "wait 15s",
    ] {
        world().coming_as(nickserv).tell(&format!("{ASKED}\n{answer}\nirc > JOIN #tea"));
    }
}

#[test]
fn whoever_is_only_called_like_nickserv_is_not_believed() {
    world().coming_as(nickserv).tell(&format!(
        r#"{ASKED}
        irc < :NickServ_!s@host NOTICE bridge :You are now identified.
        irc < :ann!a@host PRIVMSG bridge :You are now identified.
        irc < :NickServ!s@services NOTICE #tea :You are now identified.
        wait 15s
        irc > JOIN #tea
        "#
    ));
}

#[test]
fn what_the_administrator_wants_said_is_said_before_anything_is_joined() {
    let commands = |identity: &mut Identity| {
        identity.commands =
            vec!["MODE {nick} +x".into(), "PRIVMSG Q@example.org :AUTH bridge pencil".into()];
    };
    world().coming_as(commands).tell(
        r#"
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        irc < :irc.example 421 * CAP :Unknown command
        irc < :irc.example 001 bridge :hello
        irc > MODE bridge +x
        irc > PRIVMSG Q@example.org :AUTH bridge pencil
        irc > JOIN #tea
        irc < :irc.example 464 bridge :Password incorrect
        irc < :irc.example 005 bridge BOT=B :are supported by this server
        irc > MODE bridge +B
        irc < :irc.example 005 bridge BOT=B :are supported by this server
        "#,
    );
}
