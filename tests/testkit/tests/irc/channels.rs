//! Joining, leaving and ruling channels.

use letsbridge_testkit::irc::Setup;

use crate::client::{Client, server, soon, start};

#[tokio::test]
async fn the_first_in_a_channel_is_its_operator() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("JOIN #tea").await;
    ann.expect(&[
        ":ann!~ann@127.0.0.1 JOIN #tea",
        ":irc.example 353 ann = #tea :@ann",
        ":irc.example 366 ann #tea :End of /NAMES list",
    ])
    .await;
    ann.send("TOPIC #tea :Assam, Ceylon").await;
    ann.expect(&[":ann!~ann@127.0.0.1 TOPIC #tea :Assam, Ceylon"]).await;
    let mut bob = Client::registered(&server, "bob").await;
    bob.send("JOIN #tea").await;
    bob.expect(&[
        ":bob!~bob@127.0.0.1 JOIN #tea",
        ":irc.example 332 bob #tea :Assam, Ceylon",
        ":irc.example 333 bob #tea ann!~ann@127.0.0.1 1?????????",
        ":irc.example 353 bob = #tea :@ann bob",
        ":irc.example 366 bob #tea :End of /NAMES list",
    ])
    .await;
    ann.expect(&[":bob!~bob@127.0.0.1 JOIN #tea"]).await;
    soon(server.wait_for_join("#tea", "bob")).await;
    assert_eq!(server.members("#tea"), ["@ann", "bob"]);
    bob.send("JOIN #tea").await;
    bob.expect_nothing().await;
}

#[tokio::test]
async fn several_channels_are_joined_and_left_at_once() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("JOIN #a,#b,bad,#c").await;
    for line in ["* JOIN #a", "* JOIN #b", "* 403 ann bad :No such channel", "* JOIN #c"] {
        ann.skip_to(line).await;
    }
    ann.skip_to("* 366 *").await;
    ann.send("PART #a,#nowhere :enough").await;
    ann.expect(&[
        ":ann!~ann@127.0.0.1 PART #a :enough",
        ":irc.example 403 ann #nowhere :No such channel",
    ])
    .await;
    ann.send("PART #a").await;
    ann.expect(&["* 403 ann #a :No such channel"]).await;
    ann.send("JOIN 0").await;
    ann.expect(&["* PART #b :Left all channels", "* PART #c :Left all channels"]).await;
    assert!(server.members("#b").is_empty());
}

#[tokio::test]
async fn names_fill_as_many_lines_as_they_need() {
    let server = server().await;
    for n in 0..100 {
        server.virtual_user(&format!("somebody{n}")).join("#tea");
    }
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("NAMES #tea").await;
    let mut names = Vec::new();
    loop {
        let line = ann.line().await;
        if line.contains(" 366 ") {
            break;
        }
        assert!(line.len() <= 510, "{line}");
        let list = line.strip_prefix(":irc.example 353 ann = #tea :").unwrap();
        names.extend(list.split(' ').map(str::to_owned));
    }
    assert_eq!(names.len(), 100);
    assert_eq!(names[0], "@somebody0");
}

#[tokio::test]
async fn modes_keep_people_out() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::registered(&server, "ann").await;
    for (mode, refusal) in [
        ("+k secret", "475 ann #tea :Cannot join channel (+k)"),
        ("+l 1", "471 ann #tea :Cannot join channel (+l)"),
        ("+i", "473 ann #tea :Cannot join channel (+i)"),
        ("+b ann", "474 ann #tea :Cannot join channel (+b)"),
    ] {
        op.send(&format!("MODE #tea {mode}")).await;
        op.expect(&[&format!(":op!~op@127.0.0.1 MODE #tea {mode}*")]).await;
        ann.send("JOIN #tea").await;
        ann.expect(&[&format!(":irc.example {refusal}")]).await;
        op.send(&format!("MODE #tea {}", mode.replace('+', "-"))).await;
        op.expect(&["* MODE #tea -*"]).await;
    }
    op.send("MODE #tea +kl secret 5").await;
    op.expect(&[":op!~op@127.0.0.1 MODE #tea +kl secret 5"]).await;
    op.send("MODE #tea").await;
    op.expect(&["* 324 op #tea +ntkl secret 5", "* 329 op #tea 1*"]).await;
    ann.send("MODE #tea").await;
    ann.expect(&["* 324 ann #tea +ntkl ? 5", "* 329 *"]).await;
    ann.send("JOIN #tea secret").await;
    ann.skip_to("* 366 *").await;
    op.expect(&["* JOIN #tea"]).await;
}

#[tokio::test]
async fn an_invitation_opens_the_door() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::registered(&server, "ann").await;
    op.send("MODE #tea +i").await;
    op.send("INVITE ann #tea").await;
    op.expect(&["* MODE #tea +i", ":irc.example 341 op ann #tea"]).await;
    ann.expect(&[":op!~op@127.0.0.1 INVITE ann :#tea"]).await;
    ann.join("#tea").await;
    op.send("INVITE ann #tea").await;
    op.expect(&["* JOIN #tea", "* 443 op ann #tea :is already on channel"]).await;
    ann.send("INVITE op #milk").await;
    ann.expect(&["* 403 ann #milk :*"]).await;
    ann.send("INVITE nobody #tea").await;
    ann.expect(&["* 401 ann nobody :*"]).await;
}

#[tokio::test]
async fn operators_rule_and_others_do_not() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    op.expect(&["* JOIN #tea"]).await;
    for said in ["KICK #tea op", "MODE #tea +m", "TOPIC #tea :mine"] {
        ann.send(said).await;
        ann.expect(&["* 482 ann #tea :You're not channel operator"]).await;
    }
    op.send("MODE #tea +m").await;
    ann.expect(&["* MODE #tea +m"]).await;
    ann.send("PRIVMSG #tea :hm").await;
    ann.expect(&["* 404 ann #tea :*"]).await;
    op.send("MODE #tea +v-m+b ann *!*@nowhere").await;
    ann.expect(&[":op!~op@127.0.0.1 MODE #tea +v-m+b ann *!*@nowhere"]).await;
    op.send("MODE #tea +b").await;
    op.skip_to("* 367 op #tea *!*@nowhere op!~op@127.0.0.1 1*").await;
    op.expect(&["* 368 op #tea :End of channel ban list"]).await;
    op.send("MODE #tea +ox nobody").await;
    op.expect(&["* 401 op nobody :*", "* 472 op x :is unknown mode char to me"]).await;
    op.send("KICK #tea ann,nobody :out").await;
    op.expect(&[":op!~op@127.0.0.1 KICK #tea ann :out", "* 401 op nobody :*"]).await;
    ann.expect(&[":op!~op@127.0.0.1 KICK #tea ann :out"]).await;
    op.send("KICK #tea ann").await;
    op.expect(&["* 441 op ann #tea :They aren't on that channel"]).await;
    ann.send("TOPIC #tea :hm").await;
    ann.expect(&["* 442 ann #tea :You're not on that channel"]).await;
}

#[tokio::test]
async fn who_is_banned_cannot_speak() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    op.send("MODE #tea +b *!*@127.*").await;
    ann.expect(&["* MODE #tea +b *!*@127.*"]).await;
    ann.send("PRIVMSG #tea :hm").await;
    ann.expect(&["* 404 ann #tea :*"]).await;
}

#[tokio::test]
async fn a_secret_channel_is_not_shown() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    op.send("MODE #tea +s").await;
    op.expect(&["* MODE #tea +s"]).await;
    op.send("NAMES #tea").await;
    op.expect(&["* 353 op @ #tea :@op", "* 366 *"]).await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.send("LIST").await;
    ann.expect(&["* 321 *", "* 323 ann :End of /LIST"]).await;
    ann.send("NAMES #tea").await;
    ann.expect(&["* 366 *"]).await;
    ann.send("WHOIS op").await;
    ann.expect(&["* 311 *", "* 312 *", "* 317 *", "* 318 *"]).await;
}

#[tokio::test]
async fn one_can_be_in_so_many_channels() {
    let server = start(Setup { channel_limit: 1, ..Setup::default() }).await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.send("JOIN #milk").await;
    ann.expect(&["* 405 ann #milk :You have joined too many channels"]).await;
}
