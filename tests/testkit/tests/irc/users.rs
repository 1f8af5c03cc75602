//! Who is there, and who is who.

use crate::client::{Client, server, soon};

#[tokio::test]
async fn comings_and_goings_are_seen() {
    let server = server().await;
    let bob = server.person("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    bob.change_nick("rob");
    bob.part("#tea");
    bob.join("#tea");
    bob.quit("night");
    ann.hears(&[
        ":bob!~bob@people.example NICK :rob",
        ":rob!~bob@people.example PART #tea :bye",
        ":rob!~bob@people.example JOIN #tea",
        ":rob!~bob@people.example QUIT :Quit: night",
    ])
    .await;
    ann.hears_nothing().await;
    drop(ann);
    let eve = server.person("eve");
    eve.join("#tea");
    soon(server.left("#tea", "ann")).await;
}

#[tokio::test]
async fn one_person_has_one_nick() {
    let server = server().await;
    server.person("bob").join("#tea");
    server.person("BOB").join("#milk");
    assert_eq!(server.members("#tea"), ["@bob"]);
    assert_eq!(server.members("#milk"), ["@bob"]);
}

#[tokio::test]
async fn a_broken_connection_is_noticed() {
    let server = server().await;
    let bob = server.person("bob");
    bob.join("#tea");
    drop(Client::in_channel(&server, "ann", "#tea").await);
    let quit = ":ann!~ann@127.0.0.1 QUIT :Connection closed";
    soon(bob.sees(|saw| saw.iter().any(|line| line == quit))).await;
}

#[tokio::test]
async fn who_is_who_can_be_asked() {
    let server = server().await;
    let bob = server.person("bob");
    bob.join("#tea");
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    bob.command("AWAY :tea time");
    ann.says("WHO #tea").await;
    ann.hears(&[
        ":irc.example 352 ann #tea ~bob people.example irc.example bob G@ :0 bob",
        ":irc.example 352 ann #tea ~ann 127.0.0.1 irc.example ann H :0 ann itself",
        ":irc.example 315 ann #tea :End of WHO list",
    ])
    .await;
    ann.says("WHO #tea %tcuhnfar,42").await;
    ann.hears(&[
        ":irc.example 354 ann 42 #tea ~bob people.example bob G@ 0 :bob",
        ":irc.example 354 ann 42 #tea ~ann 127.0.0.1 ann H 0 :ann itself",
        ":irc.example 315 ann #tea :End of WHO list",
    ])
    .await;
    ann.says("WHO b*").await;
    ann.hears(&["* 352 ann * ~bob people.example irc.example bob G :0 bob", "* 315 *"]).await;
    ann.says("WHOIS BOB").await;
    ann.hears(&[
        ":irc.example 311 ann bob ~bob people.example * :bob",
        ":irc.example 319 ann bob :@#tea",
        ":irc.example 312 ann bob irc.example :Example",
        ":irc.example 301 ann bob :tea time",
        ":irc.example 317 ann bob * :seconds idle, signon time",
        ":irc.example 318 ann BOB :End of /WHOIS list",
    ])
    .await;
    ann.says("WHOIS nobody").await;
    ann.hears(&["* 401 ann nobody :*", "* 318 ann nobody :*"]).await;
    ann.says("WHOIS").await;
    ann.hears(&["* 431 *"]).await;
    ann.says("ISON bob nobody ann").await;
    ann.hears(&[":irc.example 303 ann :bob ann"]).await;
    ann.says("USERHOST bob").await;
    ann.hears(&[":irc.example 302 ann :bob=-~bob@people.example"]).await;
}

#[tokio::test]
async fn a_bot_is_known_as_one() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.says("MODE ann +Bi").await;
    ann.hears(&[":ann!~ann@127.0.0.1 MODE ann :+Bi"]).await;
    ann.says("MODE ann").await;
    ann.hears(&["* 221 ann +iB"]).await;
    ann.says("WHO ann").await;
    ann.hears(&["* 352 ann * ~ann 127.0.0.1 irc.example ann HB :0 ann itself", "* 315 *"]).await;
    ann.says("WHOIS ann").await;
    ann.skips_to("* 335 ann ann :is a bot on Example").await;
    ann.skips_to("* 318 *").await;
    ann.says("MODE ann +Q-B").await;
    ann.hears(&["* 501 ann :Unknown MODE flag", "* MODE ann :-B"]).await;
    ann.says("MODE bob +i").await;
    ann.hears(&["* 502 ann :*"]).await;
}

#[tokio::test]
async fn one_can_watch_for_others() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.says("MONITOR + bob,ann").await;
    ann.hears(&["* 730 ann :ann!~ann@127.0.0.1", "* 731 ann :bob"]).await;
    let bob = server.person("Bob");
    ann.hears(&["* 730 ann :Bob!~bob@people.example"]).await;
    bob.change_nick("rob");
    ann.hears(&["* 731 ann :Bob"]).await;
    ann.says("MONITOR L").await;
    ann.hears(&["* 732 ann :bob,ann", "* 733 *"]).await;
    ann.says("MONITOR - BOB").await;
    ann.says("MONITOR S").await;
    ann.hears(&["* 730 ann :ann!*"]).await;
    ann.says("MONITOR C").await;
    bob.change_nick("bob");
    ann.says("MONITOR L").await;
    ann.hears(&["* 733 *"]).await;
    let many: Vec<_> = (0..101).map(|n| format!("n{n}")).collect();
    for half in many.chunks(50) {
        ann.says(&format!("MONITOR + {}", half.join(","))).await;
    }
    ann.skips_to("* 734 ann 100 n100 :Monitor list is full.").await;
}

#[tokio::test]
async fn the_server_talks_about_itself() {
    let server = server().await;
    server.person("bob").join("#tea");
    server.person("bob").command("TOPIC #tea :Assam");
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
        ann.says(said).await;
        ann.skips_to(heard).await;
    }
}
