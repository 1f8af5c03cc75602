//! Asking for the past.

use jiff::Timestamp;
use letsbridge_testkit::irc::{Caps, Setup};

use crate::client::{Client, modern, start};

const HISTORY: &str = "batch server-time message-tags draft/chathistory standard-replies";

/// What a history batch says, each message with its msgid and time.
async fn batch(client: &mut Client) -> Vec<(String, String, String)> {
    client.expect(&["* BATCH +b* chathistory #tea"]).await;
    let mut messages = Vec::new();
    loop {
        let line = client.line().await;
        if line.contains(" BATCH -") {
            return messages;
        }
        let (tags, rest) = line.split_once(' ').unwrap();
        assert!(tags.starts_with("@batch=b"), "{line}");
        let tag = |key: &str| {
            let mut tags = tags[1..].split(';').filter_map(|tag| tag.split_once('='));
            tags.find(|(name, _)| *name == key).unwrap().1.to_owned()
        };
        let text = rest.split_once(" :").unwrap().1.to_owned();
        messages.push((text, tag("msgid"), tag("time")));
    }
}

#[tokio::test]
async fn the_past_can_be_asked_for() {
    let server = modern().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    for text in ["a", "b", "c", "d", "e"] {
        bob.send("#tea", text);
        // Times are told to the millisecond, and are to tell the messages apart.
        let now = Timestamp::now().as_millisecond();
        while Timestamp::now().as_millisecond() == now {
            tokio::task::yield_now().await;
        }
    }
    let mut ann = Client::with_caps(&server, "ann", HISTORY).await;
    ann.join("#tea").await;
    ann.send("CHATHISTORY LATEST #tea * 50").await;
    let all = batch(&mut ann).await;
    let (_, b_id, b_time) = all[1].clone();
    let (_, d_id, d_time) = all[3].clone();
    for (asked, texts) in [
        ("LATEST #tea * 2".to_owned(), "d e"),
        (format!("LATEST #tea msgid={b_id} 2"), "d e"),
        (format!("LATEST #tea timestamp={d_time} 9"), "e"),
        (format!("BEFORE #tea msgid={d_id} 2"), "b c"),
        (format!("BEFORE #tea timestamp={b_time} 2"), "a"),
        (format!("AFTER #tea msgid={b_id} 2"), "c d"),
        (format!("AFTER #tea timestamp={b_time} 9"), "c d e"),
        (format!("BETWEEN #tea msgid={b_id} msgid={d_id} 9"), "c"),
        (format!("BETWEEN #tea timestamp={d_time} timestamp={b_time} 9"), "c"),
        (format!("AROUND #tea msgid={b_id} 3"), "a b c"),
        ("AFTER #tea timestamp=2050-01-01T00:00:00.000Z 9".to_owned(), ""),
    ] {
        ann.send(&format!("CHATHISTORY {asked}")).await;
        let found: Vec<_> = batch(&mut ann).await.into_iter().map(|(text, ..)| text).collect();
        assert_eq!(found.join(" "), texts, "{asked}");
    }
    ann.send("CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2050-01-01T00:00:00.000Z 9").await;
    ann.expect(&[
        "* BATCH +b* draft/chathistory-targets",
        "@batch=b*;time=* :irc.example CHATHISTORY TARGETS #tea 20*Z",
        "* BATCH -b*",
    ])
    .await;
}

#[tokio::test]
async fn a_wrong_question_about_the_past_fails() {
    let server = modern().await;
    let mut ann = Client::with_caps(&server, "ann", HISTORY).await;
    ann.join("#tea").await;
    server.virtual_user("bob").join("#milk");
    for (asked, code) in [
        ("", "INVALID_PARAMS"),
        ("LATEST #tea", "INVALID_PARAMS LATEST :Insufficient parameters"),
        ("LATEST #tea * 5 x", "INVALID_PARAMS LATEST :Too many parameters"),
        ("LATEST #tea * many", "INVALID_PARAMS LATEST :Invalid limit"),
        ("LATEST #milk * 5", "INVALID_TARGET LATEST #milk"),
        ("BEFORE #tea * 5", "INVALID_PARAMS BEFORE * :"),
        ("YESTERDAY #tea * 5", "INVALID_PARAMS YESTERDAY :Unknown command"),
    ] {
        ann.send(&format!("CHATHISTORY {asked}")).await;
        ann.expect(&[&format!("*:irc.example FAIL CHATHISTORY {code}*")]).await;
    }
    ann.send("CHATHISTORY LATEST #tea * 5").await;
    assert_eq!(batch(&mut ann).await, []);
    ann.send("PRIVMSG #tea :first").await;
    ann.send("CHATHISTORY AFTER #tea msgid=unknown 5").await;
    ann.expect(&["* FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :*"]).await;
}

#[tokio::test]
async fn so_much_of_the_past_is_kept_and_told() {
    let setup = Setup { caps: Caps::all(), history: 5, chathistory_limit: 3, ..Setup::default() };
    let server = start(setup).await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    for n in 0..9 {
        bob.send("#tea", &n.to_string());
    }
    let mut ann = Client::connect(&server).await;
    ann.send(&format!("CAP REQ :{HISTORY}")).await;
    ann.send("CAP END").await;
    ann.send("NICK ann").await;
    ann.send("USER ann 0 * :Ann").await;
    ann.skip_to("* CHATHISTORY=3 MSGREFTYPES=msgid,timestamp *").await;
    ann.join("#tea").await;
    ann.send("CHATHISTORY LATEST #tea * 50").await;
    let last = batch(&mut ann).await;
    assert_eq!(last.iter().map(|(text, ..)| text.as_str()).collect::<String>(), "678");
    ann.send(&format!("CHATHISTORY BEFORE #tea msgid={} 50", last[0].1)).await;
    let before = batch(&mut ann).await;
    assert_eq!(before.iter().map(|(text, ..)| text.as_str()).collect::<String>(), "45");
}
