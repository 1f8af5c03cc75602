//! Who is there, and who is who.

use crate::client::{Client, server, soon};

#[tokio::test]
async fn comings_and_goings_are_seen() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    bob.change_nick("rob");
    bob.part("#tea");
    bob.join("#tea");
    bob.quit("night");
    ann.expect(&[
        ":bob!~bob@people.example NICK :rob",
        ":rob!~bob@people.example PART #tea :bye",
        ":rob!~bob@people.example JOIN #tea",
        ":rob!~bob@people.example QUIT :Quit: night",
    ])
    .await;
    ann.expect_nothing().await;
    drop(ann);
    let eve = server.virtual_user("eve");
    eve.join("#tea");
    soon(server.wait_for_part("#tea", "ann")).await;
}

#[tokio::test]
async fn one_person_has_one_nick() {
    let server = server().await;
    server.virtual_user("bob").join("#tea");
    server.virtual_user("BOB").join("#milk");
    assert_eq!(server.members("#tea"), ["@bob"]);
    assert_eq!(server.members("#milk"), ["@bob"]);
}

#[tokio::test]
async fn a_broken_connection_is_noticed() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    drop(Client::in_channel(&server, "ann", "#tea").await);
    let quit = ":ann!~ann@127.0.0.1 QUIT :Connection closed";
    soon(bob.wait_for_lines(|saw| saw.iter().any(|line| line == quit))).await;
}

#[tokio::test]
async fn who_is_who_can_be_asked() {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    bob.send_line("AWAY :tea time");
    ann.send("WHO #tea").await;
    ann.expect(&[
        ":irc.example 352 ann #tea ~bob people.example irc.example bob G@ :0 bob",
        ":irc.example 352 ann #tea ~ann 127.0.0.1 irc.example ann H :0 ann itself",
        ":irc.example 315 ann #tea :End of WHO list",
    ])
    .await;
    ann.send("WHO #tea %tcuhnfar,42").await;
    ann.expect(&[
        ":irc.example 354 ann 42 #tea ~bob people.example bob G@ 0 :bob",
        ":irc.example 354 ann 42 #tea ~ann 127.0.0.1 ann H 0 :ann itself",
        ":irc.example 315 ann #tea :End of WHO list",
    ])
    .await;
    ann.send("WHO b*").await;
    ann.expect(&["* 352 ann * ~bob people.example irc.example bob G :0 bob", "* 315 *"]).await;
    ann.send("WHOIS BOB").await;
    ann.expect(&[
        ":irc.example 311 ann bob ~bob people.example * :bob",
        ":irc.example 319 ann bob :@#tea",
        ":irc.example 312 ann bob irc.example :Example",
        ":irc.example 301 ann bob :tea time",
        ":irc.example 317 ann bob * :seconds idle, signon time",
        ":irc.example 318 ann BOB :End of /WHOIS list",
    ])
    .await;
    ann.send("WHOIS nobody").await;
    ann.expect(&["* 401 ann nobody :*", "* 318 ann nobody :*"]).await;
    ann.send("WHOIS").await;
    ann.expect(&["* 431 *"]).await;
    ann.send("ISON bob nobody ann").await;
    ann.expect(&[":irc.example 303 ann :bob ann"]).await;
    ann.send("USERHOST bob").await;
    ann.expect(&[":irc.example 302 ann :bob=-~bob@people.example"]).await;
}

#[tokio::test]
async fn a_bot_is_known_as_one() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("MODE ann +Bi").await;
    ann.expect(&[":ann!~ann@127.0.0.1 MODE ann :+Bi"]).await;
    ann.send("MODE ann").await;
    ann.expect(&["* 221 ann +iB"]).await;
    ann.send("WHO ann").await;
    ann.expect(&["* 352 ann * ~ann 127.0.0.1 irc.example ann HB :0 ann itself", "* 315 *"]).await;
    ann.send("WHOIS ann").await;
    ann.skip_to("* 335 ann ann :is a bot on Example").await;
    ann.skip_to("* 318 *").await;
    ann.send("MODE ann +Q-B").await;
    ann.expect(&["* 501 ann :Unknown MODE flag", "* MODE ann :-B"]).await;
    ann.send("MODE bob +i").await;
    ann.expect(&["* 502 ann :*"]).await;
}

#[tokio::test]
async fn one_can_watch_for_others() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("MONITOR + bob,ann").await;
    ann.expect(&["* 730 ann :ann!~ann@127.0.0.1", "* 731 ann :bob"]).await;
    let bob = server.virtual_user("Bob");
    ann.expect(&["* 730 ann :Bob!~bob@people.example"]).await;
    bob.change_nick("rob");
    ann.expect(&["* 731 ann :Bob"]).await;
    ann.send("MONITOR L").await;
    ann.expect(&["* 732 ann :bob,ann", "* 733 *"]).await;
    ann.send("MONITOR - BOB").await;
    ann.send("MONITOR S").await;
    ann.expect(&["* 730 ann :ann!*"]).await;
    ann.send("MONITOR C").await;
    bob.change_nick("bob");
    ann.send("MONITOR L").await;
    ann.expect(&["* 733 *"]).await;
    let many: Vec<_> = (0..101).map(|n| format!("n{n}")).collect();
    for half in many.chunks(50) {
        ann.send(&format!("MONITOR + {}", half.join(","))).await;
    }
    ann.skip_to("* 734 ann 100 n100 :Monitor list is full.").await;
}

#[tokio::test]
async fn the_server_talks_about_itself() {
    let server = server().await;
    server.virtual_user("bob").join("#tea");
    server.virtual_user("bob").send_line("TOPIC #tea :Assam");
    let mut ann = Client::registered(&server, "ann").await;
    for (said, heard) in [
        ("LIST", "* 322 ann #tea 1 :Assam"),
        ("LIST #milk", "* 323 *"),
        ("VERSION", "* 351 ann letsbridge-demo-* irc.example :"),
        ("TIME irc.example", "* 391 ann irc.example :20*"),
        ("LUSERS", "* 251 ann :There are 2 users *"),
        ("MOTD", "* 372 ann :- Be kind."),
        ("TOPIC #tea", "* 332 ann #tea :Assam"),
        ("AWAY :out", "* 306 *"),
        ("AWAY", "* 305 *"),
    ] {
        ann.send(said).await;
        ann.skip_to(heard).await;
    }
}
