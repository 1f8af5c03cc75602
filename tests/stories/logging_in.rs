//! Logging in to an account, by SASL and by NickServ.

use letsbridge::domain::SaslMechanism;
use letsbridge::protocol::irc::{IrcIdentity, SaslLogin, ServicesLogin};

use crate::harness::World;

const PASSWORD: &str = "pencil";

/// An identity with an account and these SASL mechanisms.
fn account(mechanisms: &[SaslMechanism], required: bool) -> impl FnOnce(&mut IrcIdentity) + use<> {
    let login = SaslLogin {
        account: "bridge".to_owned(),
        password: Some(PASSWORD.into()),
        mechanisms: mechanisms.to_vec(),
        required,
    };
    move |identity| identity.sasl = Some(login)
}

/// An identity that is registered with NickServ.
fn nickserv(identity: &mut IrcIdentity) {
    identity.services = Some(ServicesLogin {
        nick: "NickServ".to_owned(),
        host: None,
        account: "bridge".to_owned(),
        identify_command: Some(format!("IDENTIFY bridge {PASSWORD}").into()),
        regain_command: Some("GHOST {nick}".to_owned()),
    });
}

fn world() -> World {
    World::new(&["office/#tea tea"])
}

/// The registration at a server that offers SASL.
const CONNECT: &str = r#"
    irc connects
    irc < :irc.example CAP * LS :sasl=PLAIN,EXTERNAL,SCRAM-SHA-256 server-time
    irc > CAP REQ :server-time sasl
    irc < :irc.example CAP * ACK :server-time sasl
"#;

/// The end of the registration, and the JOIN.
const JOINED: &str = r#"
    irc > CAP END
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
"#;

#[test]
fn login_by_password_precedes_the_joins() {
    world().with_identity(account(&[SaslMechanism::Plain], true)).tell(&format!(
        r#"{CONNECT}
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 900 * *!*@* bridge :You are now logged in as bridge
        irc < :irc.example 903 * :SASL authentication successful
        {JOINED}"#
    ));
}

#[test]
fn login_by_certificate_precedes_the_joins() {
    world().with_identity(account(&[SaslMechanism::External, SaslMechanism::Plain], true)).tell(
        &format!(
            r#"{CONNECT}
        irc > AUTHENTICATE EXTERNAL
        irc < AUTHENTICATE +
        irc > AUTHENTICATE +
        irc < :irc.example 903 * :SASL authentication successful
        {JOINED}"#
        ),
    );
}

/// The SCRAM exchange up to the server's signature.
const PROVEN: &str = r#"
    irc > AUTHENTICATE SCRAM-SHA-256
    irc < AUTHENTICATE +
    irc > AUTHENTICATE biwsbj1icmlkZ2Uscj1ub25jZTE=
    irc < AUTHENTICATE cj1ub25jZTF4LHM9VzIyWmFKMFNOWTdzb0VzVUVqYjZnUT09LGk9NDA5Ng==
    irc > AUTHENTICATE Yz1iaXdzLHI9bm9uY2UxeCxwPTMwWll0Z1FlNTFpM1IzcTRsWDFxMTJLZWlIV3hVT2VKUjh4bHg2cnRsTlU9
"#;

/// The server's signature, and a wrong one of zeros.
const SIGNED: &str = "dj00WWJyd0hzYUJuclVCV3hJRUsrWVRBY3RrUllXci91WkduV0xjNDJDQjlBPQ==";
const FORGED: &str = "dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBPQ==";

#[test]
fn login_by_scram_precedes_the_joins() {
    world().with_identity(account(&[SaslMechanism::ScramSha256, SaslMechanism::Plain], true)).tell(
        &format!(
            r#"{CONNECT}{PROVEN}
        irc < AUTHENTICATE {SIGNED}
        irc > AUTHENTICATE +
        irc < :irc.example 903 * :SASL authentication successful
        {JOINED}"#
        ),
    );
}

#[test]
fn rejected_scram_login_never_sends_the_password() {
    world().with_identity(account(&[SaslMechanism::ScramSha256, SaslMechanism::Plain], true)).tell(&format!(
        r#"{CONNECT}{PROVEN}
        irc < AUTHENTICATE {FORGED}
        irc > AUTHENTICATE *
        irc < :irc.example 906 * :SASL authentication aborted
        irc closed: account login rejected: wrong server signature: the server does not know the password, so it is not the account's server
        "#
    ));
}

#[test]
fn unknown_certificate_falls_back_to_the_password() {
    world().with_identity(account(&[SaslMechanism::External, SaslMechanism::Plain], true)).tell(
        &format!(
            r#"{CONNECT}
        irc > AUTHENTICATE EXTERNAL
        irc < AUTHENTICATE +
        irc > AUTHENTICATE +
        irc < :irc.example 904 * :SASL authentication failed
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 903 * :SASL authentication successful
        {JOINED}"#
        ),
    );
}

#[test]
fn required_login_that_fails_prevents_the_joins() {
    world().with_identity(account(&[SaslMechanism::Plain], true)).tell(&format!(
        r#"{CONNECT}
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 904 * :SASL authentication failed
        irc closed: account login rejected: SASL authentication failed
        "#
    ));
    for rest in [
        "irc < :irc.example CAP * LS :server-time\nirc > CAP REQ server-time\n\
         irc < :irc.example CAP * ACK :server-time",
        "irc < :irc.example 421 * CAP :Unknown command\nirc < :irc.example 001 bridge :hello",
    ] {
        world().with_identity(account(&[SaslMechanism::Plain], true)).tell(&format!(
            r#"
            irc connects
            {rest}
            irc closed: SASL not offered
            "#
        ));
    }
}

#[test]
fn silent_services_do_not_delay_the_joins_for_long() {
    world().with_identity(account(&[SaslMechanism::Plain], false)).tell(&format!(
        r#"{CONNECT}
        irc > AUTHENTICATE PLAIN
        wait 20s
        {JOINED}"#
    ));
}

#[test]
fn login_is_repeated_when_services_return() {
    world().with_identity(account(&[SaslMechanism::Plain], false)).tell(
        r#"
        irc connects
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

/// The registration at a server without SASL, and the WHOIS of NickServ.
const LOOKING: &str = r#"
    irc connects
    irc < :irc.example 421 * CAP :Unknown command
    irc < :irc.example 001 bridge :hello
    irc > WHOIS NickServ
"#;

/// The WHOIS reply for services.
const IS_SERVICE: &str = r#"
    irc < :irc.example 311 bridge NickServ s services * :Nickname Services
    irc < :irc.example 312 bridge NickServ services.example :Services
    irc < :irc.example 313 bridge NickServ :is a Network Service
    irc < :irc.example 318 bridge NickServ :End of /WHOIS list.
"#;

/// The WHOIS reply for a user named like them.
const IS_SOMEBODY: &str = r#"
    irc < :irc.example 311 bridge NickServ NickServ services.evil.example * :Nickname Services
    irc < :irc.example 312 bridge NickServ irc.example :here
    irc < :irc.example 318 bridge NickServ :End of /WHOIS list.
"#;

/// The registration up to the password sent to services.
fn registered() -> String {
    format!("{LOOKING}{IS_SERVICE}irc > PRIVMSG NickServ :IDENTIFY bridge pencil\n")
}

#[test]
fn login_by_nickserv_precedes_the_joins() {
    for answer in [
        ":NickServ!s@services NOTICE bridge :You are now identified for \x02bridge\x02.",
        ":irc.example 900 bridge bridge!b@host bridge :You are now logged in as bridge",
        ":bridge!b@host ACCOUNT bridge",
    ] {
        world().with_identity(nickserv).tell(&format!(
            r#"{}
            irc < :NickServ!s@services NOTICE bridge :This nickname is registered. Please identify.
            irc < {answer}
            irc > JOIN #tea
            "#,
            registered()
        ));
    }
}

#[test]
fn failed_nickserv_login_does_not_prevent_the_joins() {
    for answer in [
        "irc < :NickServ!s@services NOTICE bridge :Invalid password for bridge.",
        "irc < :irc.example 401 bridge NickServ :No such nick/channel",
        "wait 15s",
    ] {
        world()
            .with_identity(nickserv)
            .tell(&format!("{}\n{answer}\nirc > JOIN #tea", registered()));
    }
}

#[test]
fn user_named_nickserv_is_not_trusted() {
    world().with_identity(nickserv).tell(&format!(
        r#"{}
        irc < :NickServ_!s@host NOTICE bridge :You are now identified.
        irc < :NickServ!s@host NOTICE bridge :You are now identified.
        irc < :ann!a@host PRIVMSG bridge :You are now identified.
        irc < :NickServ!s@services NOTICE #tea :You are now identified.
        wait 15s
        irc > JOIN #tea
        "#,
        registered()
    ));
}

#[test]
fn on_connect_commands_precede_the_joins() {
    let commands = |identity: &mut IrcIdentity| {
        identity.connect_commands =
            vec!["MODE {nick} +x".into(), "PRIVMSG Q@example.org :AUTH bridge pencil".into()];
    };
    world().with_identity(commands).tell(
        r#"
        irc connects
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

#[test]
fn password_is_not_sent_to_a_user_named_nickserv() {
    world().with_identity(nickserv).tell(&format!(
        r#"{LOOKING}{IS_SOMEBODY}
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list.
        irc < :NickServ!NickServ@services.evil.example NOTICE bridge :You are now identified.
        irc < :NickServ!NickServ@services.evil.example NOTICE bridge :This nickname is registered. Please identify.
        wait 50s
        irc < PING :x
        irc > PONG x
        wait 15s
        irc > PING alive
        irc < :NickServ!NickServ@services.evil.example NOTICE bridge :This nickname is registered. Please identify.
        irc > WHOIS NickServ
        {IS_SOMEBODY}
        "#
    ));
}

#[test]
fn later_password_prompt_is_verified_again() {
    world().with_identity(nickserv).tell(&format!(
        r#"{}
        irc < :NickServ!s@services NOTICE bridge :You are now identified.
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list.
        irc < :irc.example 901 bridge bridge!b@host :You are now logged out
        wait 50s
        irc < PING :x
        irc > PONG x
        wait 15s
        irc > PING alive
        irc < :NickServ!s@services NOTICE bridge :This nickname is registered. Please identify.
        irc > WHOIS NickServ
        {IS_SOMEBODY}
        irc < :NickServ!s@services NOTICE bridge :This nickname is registered. Please identify.
        "#,
        registered()
    ));
}

#[test]
fn services_with_a_server_name_are_addressed_there() {
    let addressed = |identity: &mut IrcIdentity| {
        nickserv(identity);
        let services = identity.services.as_mut().expect("services");
        services.nick = "NickServ@services.example".to_owned();
    };
    world().with_identity(addressed).tell(&format!(
        r#"{LOOKING}
        irc > PRIVMSG NickServ@services.example :IDENTIFY bridge pencil
        {IS_SERVICE}
        irc < :NickServ!s@services NOTICE bridge :You are now identified.
        irc > JOIN #tea
        "#
    ));
}

#[test]
fn unanswered_whois_of_nickserv_does_not_prevent_the_joins() {
    for answer in ["irc < :irc.example 401 bridge NickServ :No such nick/channel", "wait 15s"] {
        world().with_identity(nickserv).tell(&format!("{LOOKING}\n{answer}\nirc > JOIN #tea"));
    }
}

#[test]
fn password_is_not_sent_without_tls() {
    let passwords = |identity: &mut IrcIdentity| {
        nickserv(identity);
        account(&[SaslMechanism::Plain], false)(identity);
    };
    world().without_tls().with_identity(passwords).tell(
        r#"
        irc connects
        irc < :irc.example CAP * LS :sasl=PLAIN server-time
        irc > CAP REQ :server-time sasl
        irc < :irc.example CAP * ACK :server-time sasl
        irc > CAP END
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        irc < :NickServ!s@services NOTICE bridge :This nickname is registered. Please identify.
        "#,
    );
    let password = |identity: &mut IrcIdentity| identity.password = Some("hush".into());
    for answer in [
        "CAP * LS :server-time",
        "001 bridge :hello",
        "464 * :Password incorrect",
        "451 * :You have not registered\nirc < ERROR :Closing Link: x (Bad Password)",
    ] {
        world().without_tls().with_identity(password).tell(&format!(
            r#"
            irc connects
            irc < :irc.example {answer}
            irc closed: a password is required, and it is not sent without TLS
            "#
        ));
    }
}
