//! The real IRC servers, and the client the tests speak to them with, tried against each other.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../testkit/tests/letschat/raw.rs"]
#[allow(dead_code)]
mod raw;

mod accounts;
mod audit;
mod crash;
mod doubles;
mod end_to_end;
mod history;
mod letschat;
mod people;
mod puppets;
mod registration;
mod strict_servers;
mod takeover;
mod team;

use support::irc_client::{IrcClient, Line};
use support::ircd::{Daemon, Flood, Ircd};

/// One test of this name for each of these servers.
macro_rules! on_each {
    ([$(($server:ident $daemon:ident))*] $claims:tt) => {$(
        mod $server {
            on_each! { @one $daemon $claims }
        }
    )*};
    (@one $daemon:ident {$($claim:ident)*}) => {$(
        #[tokio::test]
        #[ignore = "needs ngircd, inspircd, ircd-hybrid and atheme-services installed: tests/all runs it"]
        async fn $claim() {
            crate::$claim(crate::Daemon::$daemon).await;
        }
    )*};
}

on_each! {
    [(on_ngircd Ngircd) (on_inspircd Inspircd) (on_hybrid Hybrid)] {
        people_meet_in_a_channel
        a_relayed_line_is_cut_at_512_bytes
        people_with_and_without_tls_meet
        a_thousand_lines_at_once_arrive_in_order_where_flooding_is_allowed
        a_killed_server_breaks_connections_and_comes_back_where_it_was
        ten_thousand_characters_are_said_without_a_kick_and_nothing_is_lost
        whoever_is_kicked_from_a_channel_that_is_closed_is_back_once_it_opens
        what_a_channel_does_not_take_from_who_has_no_voice_is_told_until_there_is_one
        a_password_opens_the_door_and_a_wrong_one_is_told
        a_nick_that_is_no_user_name_is_no_hindrance
        tls_is_spoken_with_whom_somebody_vouches_for
        without_sasl_there_is_no_way_in_for_who_must_log_in
        the_nick_is_regained_from_who_leaves_or_is_put_out
        a_ban_is_understood_inside_and_at_the_door
        who_is_killed_says_so
        too_many_from_here_is_understood
        nobody_notices_that_a_tls_connection_is_handed_over
    }
}

on_each! {
    [(with_services_on_ngircd Ngircd) (with_services_on_inspircd Inspircd)] {
        services_know_the_bridge_by_its_password
        services_free_the_nick
    }
}

async fn what_a_channel_does_not_take_from_who_has_no_voice_is_told_until_there_is_one(
    daemon: Daemon,
) {
    strict_servers::a_moderated_channel(daemon).await;
}

async fn nobody_notices_that_a_tls_connection_is_handed_over(daemon: Daemon) {
    takeover::nobody_notices(daemon).await;
}

async fn a_password_opens_the_door_and_a_wrong_one_is_told(daemon: Daemon) {
    registration::a_password(daemon).await;
}

async fn a_nick_that_is_no_user_name_is_no_hindrance(daemon: Daemon) {
    registration::a_nick_that_is_no_user_name(daemon).await;
}

async fn tls_is_spoken_with_whom_somebody_vouches_for(daemon: Daemon) {
    registration::over_tls(daemon).await;
}

async fn without_sasl_there_is_no_way_in_for_who_must_log_in(daemon: Daemon) {
    registration::no_sasl(daemon).await;
}

async fn the_nick_is_regained_from_who_leaves_or_is_put_out(daemon: Daemon) {
    registration::the_nick_is_regained(daemon).await;
}

async fn a_ban_is_understood_inside_and_at_the_door(daemon: Daemon) {
    registration::a_ban(daemon).await;
}

async fn who_is_killed_says_so(daemon: Daemon) {
    registration::a_kill(daemon).await;
}

async fn services_know_the_bridge_by_its_password(daemon: Daemon) {
    accounts::by_password(daemon).await;
}

async fn services_free_the_nick(daemon: Daemon) {
    accounts::the_nick_is_freed(daemon).await;
}

async fn too_many_from_here_is_understood(daemon: Daemon) {
    registration::too_many(daemon).await;
}

async fn ten_thousand_characters_are_said_without_a_kick_and_nothing_is_lost(daemon: Daemon) {
    strict_servers::ten_thousand_characters(daemon).await;
}

async fn whoever_is_kicked_from_a_channel_that_is_closed_is_back_once_it_opens(daemon: Daemon) {
    strict_servers::a_closed_channel(daemon).await;
}

async fn people_meet_in_a_channel(daemon: Daemon) {
    let server = Ircd::start(daemon, Flood::AsDelivered).await;
    let [mut ann, mut bob] = meet(&server).await;
    ann.say("#tea", "kettle's on");
    let heard = bob.heard("#Tea", 1).await.remove(0);
    assert_eq!((heard.by.as_str(), heard.text.as_str()), ("ann", "kettle's on"));
    bob.say("#tea", ":) coming");
    assert_eq!(ann.heard("#tea", 1).await[0].text, ":) coming");
}

async fn a_relayed_line_is_cut_at_512_bytes(daemon: Daemon) {
    let server = Ircd::start(daemon, Flood::AsDelivered).await;
    let [ann, mut bob] = meet(&server).await;
    // The longest that may be sent: with `PRIVMSG #tea :` and CR LF it makes 512.
    let text = "x".repeat(512 - "PRIVMSG #tea :\r\n".len());
    ann.say("#tea", &text);
    let heard = bob.heard("#tea", 1).await.remove(0);
    assert_eq!(heard.length, 512);
    let kept = match daemon {
        Daemon::Ngircd => heard.text.strip_suffix("[CUT]").unwrap(),
        Daemon::Inspircd | Daemon::Hybrid => heard.text.as_str(),
    };
    assert!(kept.len() < text.len() && text.starts_with(kept));
}

async fn people_with_and_without_tls_meet(daemon: Daemon) {
    let server = Ircd::start(daemon, Flood::AsDelivered).await;
    let mut ann = IrcClient::connect_tls(server.tls(), "ann", &server.certificate()).await;
    let mut bob = IrcClient::connect(server.plain(), "bob").await;
    ann.join("#tea").await;
    bob.join("#tea").await;
    ann.say("#tea", "sealed");
    assert_eq!(bob.heard("#tea", 1).await[0].text, "sealed");
}

async fn a_thousand_lines_at_once_arrive_in_order_where_flooding_is_allowed(daemon: Daemon) {
    let server = Ircd::start(daemon, Flood::Allowed).await;
    let [ann, mut bob] = meet(&server).await;
    let lines: Vec<String> =
        (0..1000).map(|number| format!("{number} {}", "x".repeat(80))).collect();
    for line in &lines {
        ann.say("#tea", line);
    }
    let heard = bob.heard("#tea", lines.len()).await;
    assert_eq!(heard.into_iter().map(|said| said.text).collect::<Vec<_>>(), lines);
}

async fn a_killed_server_breaks_connections_and_comes_back_where_it_was(daemon: Daemon) {
    let mut server = Ircd::start(daemon, Flood::AsDelivered).await;
    let mut ann = IrcClient::connect(server.plain(), "ann").await;
    server.kill();
    ann.ended().await;
    server.start_again().await;
    IrcClient::connect(server.plain(), "ann").await.join("#tea").await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn inspircd_as_delivered_ends_a_flooding_connection() {
    let server = Ircd::start(Daemon::Inspircd, Flood::AsDelivered).await;
    let [mut ann, _bob] = meet(&server).await;
    for _ in 0..200 {
        ann.say("#tea", &"x".repeat(80));
    }
    let last = ann.ended().await.unwrap();
    assert_eq!(last.command, "ERROR");
    assert!(last.params[0].contains("RecvQ exceeded"), "{last:?}");
}

#[test]
fn a_line_is_read_with_and_without_its_parts() {
    let read = |text: &str| {
        let line = Line::parse(text.as_bytes());
        (line.length, line.from, line.command, line.params)
    };
    let owned = |params: &[&str]| params.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        read("@time=1 :ann!a@host PRIVMSG #tea ::) a : b\r\n"),
        (36, "ann".into(), "PRIVMSG".into(), owned(&["#tea", ":) a : b"]))
    );
    assert_eq!(read("PING 12\r\n"), (9, String::new(), "PING".into(), owned(&["12"])));
    assert_eq!(read(":irc 001 ann\n"), (13, "irc".into(), "001".into(), owned(&["ann"])));
}

async fn meet(server: &Ircd) -> [IrcClient; 2] {
    let mut ann = IrcClient::connect(server.plain(), "ann").await;
    let mut bob = IrcClient::connect(server.plain(), "bob").await;
    ann.join("#tea").await;
    bob.join("#tea").await;
    [ann, bob]
}
