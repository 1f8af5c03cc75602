//! Coming to the server, and being thrown out.

use std::time::Duration;

use letsbridge_testkit::irc::{Casemapping, FloodLimit, IrcServer, Setup};

use crate::client::{Client, server, soon, start};

#[tokio::test]
async fn who_registers_is_welcomed() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    ann.send("NICK ann").await;
    ann.send("USER ann 0 * :Ann Teak").await;
    ann.expect(&[
        ":irc.example 001 ann :Welcome to the Example IRC Network ann!~ann@127.0.0.1",
        ":irc.example 002 ann :Your host is irc.example, running version *",
        ":irc.example 003 ann :This server was created *",
        ":irc.example 004 ann irc.example * Bi biklmnostv bklov",
        ":irc.example 005 ann CASEMAPPING=ascii CHANLIMIT=#&:100 CHANMODES=b,k,l,imnst CHANNELLEN=50 CHANTYPES=#& MODES=4 MONITOR=100 NETWORK=Example NICKLEN=30 PREFIX=(ov)@+ * :are supported by this server",
        ":irc.example 005 ann BOT=B :are supported by this server",
        ":irc.example 251 ann :There are 1 users and 0 invisible on 1 servers",
        ":irc.example 252 *",
        ":irc.example 254 ann 0 :channels formed",
        ":irc.example 255 *",
        ":irc.example 265 *",
        ":irc.example 266 *",
        ":irc.example 375 ann :- irc.example Message of the day - ",
        ":irc.example 372 ann :- Be kind.",
        ":irc.example 376 ann :End of /MOTD command",
        ":irc.example 396 ann 127.0.0.1 :is now your visible host",
    ])
    .await;
    ann.expect_nothing().await;
    soon(server.wait_for_registration("Ann")).await;
    let said: Vec<_> = server.transcript().iter().map(|line| line.text().into_owned()).collect();
    assert_eq!(said, ["NICK ann", "USER ann 0 * :Ann Teak", "PING :nothing"]);
    assert_eq!((server.connections_accepted(), server.client_count()), (1, 1));
}

#[tokio::test]
async fn what_the_setup_says_is_told() {
    let setup = Setup {
        casemapping: Casemapping::Rfc1459,
        linelen: 600,
        nicklen: 9,
        utf8_only: true,
        motd: Vec::new(),
        host_of: |_| "cloak/of/great/length".to_owned(),
        ..Setup::default()
    };
    let server = start(setup).await;
    let mut ann = Client::connect(&server).await;
    ann.send("NICK ann").await;
    ann.send("USER ann 0 * :Ann").await;
    ann.skip_to("* 001 * ann!~ann@cloak/of/great/length").await;
    ann.skip_to("* 005 * CASEMAPPING=rfc1459 * NICKLEN=9 *").await;
    ann.expect(&["* 005 ann BOT=B LINELEN=600 UTF8ONLY :are supported by this server"]).await;
    ann.skip_to("* 422 ann :MOTD File is missing").await;
    ann.skip_to("* 396 *").await;
    ann.send("NICK abcdefghij").await;
    ann.expect(&["* 432 ann abcdefghij :*"]).await;
    ann.send("NICK [a]").await;
    ann.expect(&[":ann!* NICK :[a]"]).await;
    let mut bob = Client::connect(&server).await;
    bob.send("NICK {A}").await;
    bob.expect(&[":irc.example 433 ? {A} :Nickname is already in use"]).await;
}

#[tokio::test]
async fn nothing_but_registering_is_possible_before() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    for (said, heard) in [
        ("JOIN #tea", ":irc.example 451 * :You have not registered"),
        ("NICK", ":irc.example 431 * :No nickname given"),
        ("NICK 1st", ":irc.example 432 * 1st :Erroneous nickname"),
        ("USER ann", ":irc.example 461 * USER :Not enough parameters"),
        ("PASS", ":irc.example 461 * PASS :Not enough parameters"),
        ("PING :early", ":irc.example PONG irc.example :early"),
    ] {
        ann.send(said).await;
        ann.expect(&[heard]).await;
    }
    ann.register("ann").await;
    for (said, heard) in [
        ("USER a b c d", ":irc.example 462 ann :You may not reregister"),
        ("PASS x", ":irc.example 462 ann :You may not reregister"),
        ("PING", ":irc.example 409 ann :No origin specified"),
        ("BREW tea", ":irc.example 421 ann BREW :Unknown command"),
        ("MOTD other.example", ":irc.example 402 ann other.example :No such server"),
        ("KICK #tea", ":irc.example 461 ann KICK :Not enough parameters"),
    ] {
        ann.send(said).await;
        ann.expect(&[heard]).await;
    }
}

#[tokio::test]
async fn a_password_opens_the_server() {
    let setup = Setup { password: Some("sesame".to_owned()), ..Setup::default() };
    let server = start(setup).await;
    let mut ann = Client::connect(&server).await;
    ann.send("PASS :sesame").await;
    ann.register("ann").await;
    let mut bob = Client::connect(&server).await;
    bob.send("PASS rye").await;
    bob.send("NICK bob").await;
    bob.send("USER bob 0 * :Bob").await;
    bob.expect(&[
        ":irc.example 464 bob :Password incorrect",
        "ERROR :Closing Link: bob[127.0.0.1] (Bad Password)",
    ])
    .await;
    bob.expect_closed().await;
}

#[tokio::test]
async fn a_nick_belongs_to_one() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    let mut bob = Client::connect(&server).await;
    bob.send("NICK ANN").await;
    bob.expect(&[":irc.example 433 * ANN :Nickname is already in use"]).await;
    ann.send("NICK Ann").await;
    ann.expect(&[":ann!~ann@127.0.0.1 NICK :Ann"]).await;
    ann.send("QUIT").await;
    ann.expect(&["ERROR :Closing Link: Ann[127.0.0.1] (Client Quit)"]).await;
    ann.expect_closed().await;
    bob.register("ann").await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_disconnected() {
    let setup = Setup { ping_every: Duration::from_millis(50), ..Setup::default() };
    let server = start(setup).await;
    let mut mute = Client::connect(&server).await;
    mute.expect(&["ERROR :Closing Link: *[127.0.0.1] (Registration timed out)"]).await;
    mute.expect_closed().await;
}

#[tokio::test]
async fn a_client_that_sends_too_fast_is_disconnected() {
    let limit = FloodLimit { lines: 10, window: Duration::from_secs(60) };
    let server = start(Setup { flood: Some(limit), ..Setup::default() }).await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    for n in 0..9 {
        ann.send(&format!("PRIVMSG #tea :{n}")).await;
    }
    ann.expect(&["ERROR :Closing Link: ann[127.0.0.1] (Excess Flood)"]).await;
    ann.expect_closed().await;
    soon(bob.wait_for_lines(|saw| saw.iter().any(|line| line.ends_with("QUIT :Excess Flood"))))
        .await;
    assert_eq!(bob.messages("#tea").len(), 7);
}

#[tokio::test]
async fn the_server_says_goodbye_when_it_stops() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    let address = server.address();
    soon(async { tokio::join!(server.stop(), ann.skip_to("ERROR :* (Server shutting down)")) })
        .await;
    ann.expect_closed().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server: IrcServer = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    drop(server);
    ann.expect_closed().await;
}
