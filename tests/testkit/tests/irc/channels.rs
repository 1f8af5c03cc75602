//! Joining, leaving and ruling channels.

use letsbridge_testkit::irc::Setup;

use crate::client::{Client, server, soon, start};

#[tokio::test]
async fn the_first_in_a_channel_is_its_operator() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.says("JOIN #tea").await;
    ann.hears(&[
        ":ann!~ann@127.0.0.1 JOIN #tea",
        ":irc.example 353 ann = #tea :@ann",
        ":irc.example 366 ann #tea :End of /NAMES list",
    ])
    .await;
    ann.says("TOPIC #tea :Assam, Ceylon").await;
    ann.hears(&[":ann!~ann@127.0.0.1 TOPIC #tea :Assam, Ceylon"]).await;
    let mut bob = Client::registered(&server, "bob").await;
    bob.says("JOIN #tea").await;
    bob.hears(&[
        ":bob!~bob@127.0.0.1 JOIN #tea",
        ":irc.example 332 bob #tea :Assam, Ceylon",
        ":irc.example 333 bob #tea ann!~ann@127.0.0.1 1?????????",
        ":irc.example 353 bob = #tea :@ann bob",
        ":irc.example 366 bob #tea :End of /NAMES list",
    ])
    .await;
    ann.hears(&[":bob!~bob@127.0.0.1 JOIN #tea"]).await;
    soon(server.joined("#tea", "bob")).await;
    assert_eq!(server.members("#tea"), ["@ann", "bob"]);
    bob.says("JOIN #tea").await;
    bob.hears_nothing().await;
}

#[tokio::test]
async fn several_channels_are_joined_and_left_at_once() {
    let server = server().await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.says("JOIN #a,#b,bad,#c").await;
    for line in ["* JOIN #a", "* JOIN #b", "* 403 ann bad :No such channel", "* JOIN #c"] {
        ann.skips_to(line).await;
    }
    ann.skips_to("* 366 *").await;
    ann.says("PART #a,#nowhere :enough").await;
    ann.hears(&[
        ":ann!~ann@127.0.0.1 PART #a :enough",
        ":irc.example 403 ann #nowhere :No such channel",
    ])
    .await;
    ann.says("PART #a").await;
    ann.hears(&["* 403 ann #a :No such channel"]).await;
    ann.says("JOIN 0").await;
    ann.hears(&["* PART #b :Left all channels", "* PART #c :Left all channels"]).await;
    assert!(server.members("#b").is_empty());
}

#[tokio::test]
async fn names_fill_as_many_lines_as_they_need() {
    let server = server().await;
    for n in 0..100 {
        server.person(&format!("somebody{n}")).join("#tea");
    }
    let mut ann = Client::registered(&server, "ann").await;
    ann.says("NAMES #tea").await;
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
        op.says(&format!("MODE #tea {mode}")).await;
        op.hears(&[&format!(":op!~op@127.0.0.1 MODE #tea {mode}*")]).await;
        ann.says("JOIN #tea").await;
        ann.hears(&[&format!(":irc.example {refusal}")]).await;
        op.says(&format!("MODE #tea {}", mode.replace('+', "-"))).await;
        op.hears(&["* MODE #tea -*"]).await;
    }
    op.says("MODE #tea +kl secret 5").await;
    op.hears(&[":op!~op@127.0.0.1 MODE #tea +kl secret 5"]).await;
    op.says("MODE #tea").await;
    op.hears(&["* 324 op #tea +ntkl secret 5", "* 329 op #tea 1*"]).await;
    ann.says("MODE #tea").await;
    ann.hears(&["* 324 ann #tea +ntkl ? 5", "* 329 *"]).await;
    ann.says("JOIN #tea secret").await;
    ann.skips_to("* 366 *").await;
    op.hears(&["* JOIN #tea"]).await;
}

#[tokio::test]
async fn an_invitation_opens_the_door() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::registered(&server, "ann").await;
    op.says("MODE #tea +i").await;
    op.says("INVITE ann #tea").await;
    op.hears(&["* MODE #tea +i", ":irc.example 341 op ann #tea"]).await;
    ann.hears(&[":op!~op@127.0.0.1 INVITE ann :#tea"]).await;
    ann.joins("#tea").await;
    op.says("INVITE ann #tea").await;
    op.hears(&["* JOIN #tea", "* 443 op ann #tea :is already on channel"]).await;
    ann.says("INVITE op #milk").await;
    ann.hears(&["* 403 ann #milk :*"]).await;
    ann.says("INVITE nobody #tea").await;
    ann.hears(&["* 401 ann nobody :*"]).await;
}

#[tokio::test]
async fn operators_rule_and_others_do_not() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    op.hears(&["* JOIN #tea"]).await;
    for said in ["KICK #tea op", "MODE #tea +m", "TOPIC #tea :mine"] {
        ann.says(said).await;
        ann.hears(&["* 482 ann #tea :You're not channel operator"]).await;
    }
    op.says("MODE #tea +m").await;
    ann.hears(&["* MODE #tea +m"]).await;
    ann.says("PRIVMSG #tea :hm").await;
    ann.hears(&["* 404 ann #tea :*"]).await;
    op.says("MODE #tea +v-m+b ann *!*@nowhere").await;
    ann.hears(&[":op!~op@127.0.0.1 MODE #tea +v-m+b ann *!*@nowhere"]).await;
    op.says("MODE #tea +b").await;
    op.skips_to("* 367 op #tea *!*@nowhere op!~op@127.0.0.1 1*").await;
    op.hears(&["* 368 op #tea :End of channel ban list"]).await;
    op.says("MODE #tea +ox nobody").await;
    op.hears(&["* 401 op nobody :*", "* 472 op x :is unknown mode char to me"]).await;
    op.says("KICK #tea ann,nobody :out").await;
    op.hears(&[":op!~op@127.0.0.1 KICK #tea ann :out", "* 401 op nobody :*"]).await;
    ann.hears(&[":op!~op@127.0.0.1 KICK #tea ann :out"]).await;
    op.says("KICK #tea ann").await;
    op.hears(&["* 441 op ann #tea :They aren't on that channel"]).await;
    ann.says("TOPIC #tea :hm").await;
    ann.hears(&["* 442 ann #tea :You're not on that channel"]).await;
}

#[tokio::test]
async fn who_is_banned_cannot_speak() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    op.says("MODE #tea +b *!*@127.*").await;
    ann.hears(&["* MODE #tea +b *!*@127.*"]).await;
    ann.says("PRIVMSG #tea :hm").await;
    ann.hears(&["* 404 ann #tea :*"]).await;
}

#[tokio::test]
async fn a_secret_channel_is_not_shown() {
    let server = server().await;
    let mut op = Client::in_channel(&server, "op", "#tea").await;
    op.says("MODE #tea +s").await;
    op.hears(&["* MODE #tea +s"]).await;
    op.says("NAMES #tea").await;
    op.hears(&["* 353 op @ #tea :@op", "* 366 *"]).await;
    let mut ann = Client::registered(&server, "ann").await;
    ann.says("LIST").await;
    ann.hears(&["* 321 *", "* 323 ann :End of /LIST"]).await;
    ann.says("NAMES #tea").await;
    ann.hears(&["* 366 *"]).await;
    ann.says("WHOIS op").await;
    ann.hears(&["* 311 *", "* 312 *", "* 317 *", "* 318 *"]).await;
}

#[tokio::test]
async fn one_can_be_in_so_many_channels() {
    let server = start(Setup { channel_limit: 1, ..Setup::default() }).await;
    let mut ann = Client::in_channel(&server, "ann", "#tea").await;
    ann.says("JOIN #milk").await;
    ann.hears(&["* 405 ann #milk :You have joined too many channels"]).await;
}
