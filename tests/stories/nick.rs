//! The nick of the bridge, and how it regains the wanted one.

use letsbridge::domain::SaslMechanism;
use letsbridge::protocol::irc::{IrcIdentity, SaslLogin, ServicesLogin};

use crate::harness::World;
use crate::{LETSCHAT_IN, story};

/// The registration where our nick is in use and another is taken.
fn register_as_another(features: &str) -> String {
    format!(
        r#"
        irc connects
        irc < :irc.example 421 * CAP :Unknown command
        irc < :irc.example 433 * bridge :Nickname is already in use.
        irc > NICK bridge_
        irc < :irc.example 001 bridge_ :hello
        irc > JOIN #tea
        irc < :irc.example 005 bridge_ NICKLEN=30 {features} :are supported by this server
        irc < :irc.example 376 bridge_ :End of /MOTD command.
        "#
    )
}

fn world() -> World {
    World::new(&["office/#tea tea"])
}

/// A world where we are in the channel under another nick.
fn joined_as_another(features: &str, first: &str) -> World {
    let mut world = world();
    world.tell(LETSCHAT_IN);
    world.tell_on(&register_as_another(features));
    world.tell(&format!(
        r#"
        {first}
        irc < :bridge_!b@host JOIN #tea
        irc < :irc.example 366 bridge_ #tea :End of /NAMES list
        "#
    ));
    world
}

#[test]
fn wanted_nick_is_taken_when_monitor_reports_it_free() {
    joined_as_another("MONITOR=100", "irc > MONITOR + bridge").tell(
        r#"
        irc < :irc.example 730 bridge_ :bridge!x@host
        irc < :irc.example 731 bridge_ :bridge
        irc > NICK bridge
        irc < :bridge_!b@host NICK :bridge
        irc > MONITOR - bridge
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"hello","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> hello
        irc > PING said-1
        "#,
    );
}

#[test]
fn wanted_nick_is_polled_without_monitor() {
    joined_as_another("", "irc > ISON bridge").tell(
        r#"
        irc < :irc.example 303 bridge_ :bridge
        wait 25s
        lc > 2
        lc < 3
        wait 25s
        lc > 2
        lc < 3
        wait 10s
        irc > PING alive
        irc > ISON bridge
        irc < :irc.example 303 bridge_ :
        irc > NICK bridge
        irc < :bridge_!b@host NICK :bridge
        "#,
    );
}

#[test]
fn wanted_nick_is_taken_when_its_owner_leaves_a_joined_channel() {
    for line in [":bridge!x@host QUIT :Ping timeout", ":bridge!x@host NICK :ann"] {
        joined_as_another("", "irc > ISON bridge").tell(&format!(
            r#"
            irc < :irc.example 303 bridge_ :bridge
            irc < {line}
            irc > NICK bridge
            irc < :bridge_!b@host NICK :bridge
            "#
        ));
    }
}

#[test]
fn messages_during_a_nick_change_are_neither_lost_nor_repeated() {
    joined_as_another("MONITOR=100", "irc > MONITOR + bridge").tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example 731 bridge_ :bridge
        irc > NICK bridge
        irc < :irc.example PONG irc.example :said-1
        irc < :irc.example 433 bridge_ bridge :Nickname is already in use.
        irc < :bridge!x@host PRIVMSG #tea :this one is not us
        lc > 42#["messages:create",{"room":"r1","text":"<bridge> this one is not us"}]
        lc < 42["messages:new",{"id":"6b0000010000000000000002","text":"two","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-3
        "#,
    );
}

#[test]
fn wanted_nick_is_regained_through_services_after_login() {
    let known = |identity: &mut IrcIdentity| {
        identity.sasl = Some(SaslLogin {
            account: "bridge".to_owned(),
            password: Some("pencil".into()),
            mechanisms: vec![SaslMechanism::Plain],
            required: true,
        });
        identity.services = Some(ServicesLogin {
            nick: "NickServ".to_owned(),
            host: None,
            account: "bridge".to_owned(),
            identify_command: None,
            regain_command: Some("GHOST {nick}".to_owned()),
        });
    };
    world().with_identity(known).tell(
        r#"
        irc connects
        irc < :irc.example 433 * bridge :Nickname is already in use.
        irc > NICK bridge_
        irc < :irc.example CAP * LS :sasl=PLAIN
        irc > CAP REQ sasl
        irc < :irc.example CAP * ACK :sasl
        irc > AUTHENTICATE PLAIN
        irc < AUTHENTICATE +
        irc > AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw=
        irc < :irc.example 900 bridge_ bridge_!b@host bridge :You are now logged in as bridge
        irc < :irc.example 903 bridge_ :SASL authentication successful
        irc > CAP END
        irc < :irc.example 001 bridge_ :hello
        irc > JOIN #tea
        irc < :irc.example 005 bridge_ MONITOR=100 :are supported by this server
        irc < :irc.example 422 bridge_ :MOTD File is missing
        irc > MONITOR + bridge
        irc < :irc.example 730 bridge_ :bridge!x@host
        irc > PRIVMSG NickServ :GHOST bridge
        irc < :irc.example 731 bridge_ :bridge
        irc > NICK bridge
        irc < :bridge_!b@host NICK :bridge
        irc > MONITOR - bridge
        "#,
    );
}

#[test]
fn nick_forced_by_services_is_kept() {
    story(
        r#"
        irc < :irc.example 005 bridge MONITOR=100 :are supported by this server
        irc < :irc.example 376 bridge :End of /MOTD command.
        irc < :bridge!b@host NICK :Guest17
        irc > MONITOR + bridge
        irc < :irc.example 731 Guest17 :bridge
        irc < :ann!a@host PRIVMSG #tea :who is Guest17?
        lc > 42#["messages:create",{"room":"r1","text":"<ann> who is Guest17?"}]
        irc < :Guest17!b@host PRIVMSG #tea :not heard, it is us
        "#,
    );
}

#[test]
fn unrelated_nick_errors_change_nothing() {
    story(
        r#"
        irc < :irc.example 376 bridge :End of /MOTD command.
        irc < :irc.example 433 bridge bridge :Nickname is already in use.
        irc < :irc.example 432 bridge bridge :Erroneous Nickname
        irc < :irc.example 437 bridge bridge :Nick/channel is temporarily unavailable
        "#,
    );
}

#[test]
fn nick_truncated_by_the_server_counts_as_the_wanted_one() {
    let long = |identity: &mut IrcIdentity| identity.nick = "letsbridge".to_owned();
    world().with_identity(long).tell(
        r#"
        irc back
        irc > CAP LS 302
        irc > NICK letsbridge
        irc > USER bridge 0 * :A bridge
        irc < :irc.example 421 * CAP :Unknown command
        irc < :irc.example 432 * letsbridge :Nickname too long, max. 9 characters
        irc > NICK letsbridg
        irc < :irc.example 001 letsbridg :hello
        irc > JOIN #tea
        irc < :irc.example 005 letsbridg NICKLEN=9 :are supported by this server
        irc < :irc.example 422 letsbridg :MOTD file is missing
        "#,
    );
}

#[test]
fn alternative_nicks_are_tried_in_order() {
    let others = |identity: &mut IrcIdentity| {
        identity.alt_nicks = vec!["ferry".to_owned(), "tunnel".to_owned()];
    };
    world().with_identity(others).tell(
        r#"
        irc connects
        irc < :irc.example 433 * bridge :Nickname is already in use.
        irc > NICK ferry
        irc < :irc.example 437 * ferry :Nick/channel is temporarily unavailable
        irc > NICK tunnel
        irc < :irc.example 433 * tunnel :Nickname is already in use.
        irc > NICK bridge_
        "#,
    );
}

#[test]
fn nick_is_not_changed_behind_a_bouncer() {
    world().tell(
        r#"
        irc connects
        irc < :irc.znc.in CAP * LS :znc.in/batch znc.in/server-time-iso
        irc > CAP END
        irc < :irc.example 001 anns-bot :hello
        irc > JOIN #tea
        irc < :irc.example 005 anns-bot BOT=B MONITOR=100 :are supported by this server
        irc < :irc.example 376 anns-bot :End of /MOTD command.
        "#,
    );
}
