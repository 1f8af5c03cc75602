//! How the program behaves on real servers that are as strict as they are delivered.

use std::time::Duration;

use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};
use tokio::time::timeout;

use crate::support::bridge::Bridge;
use crate::support::irc_client::{IrcClient, Line};
use crate::support::ircd::{Daemon, Flood, Ircd};
use crate::support::talk::same;

const LIMIT: Duration = Duration::from_secs(60);

struct Scene {
    irc: Ircd,
    letschat: LetsChat,
    ann: IrcClient,
    bridge: Bridge,
}

/// A bridge of `#tea` and the room tea, where ann runs the channel.
async fn scene(daemon: Daemon) -> Scene {
    let irc = Ircd::start(daemon, Flood::AsDelivered).await;
    let letschat = LetsChat::start(Setup {
        users: vec![NewUser::new("bridge", "IRC"), NewUser::new("alice", "Alice")],
        rooms: vec![NewRoom::new("tea")],
        ..Setup::default()
    })
    .await
    .unwrap();
    let mut ann = IrcClient::connect(irc.plain(), "ann").await;
    ann.join("#tea").await;
    let bridge = Bridge::start(&format!(
        "[irc.office]\nservers = [\"localhost:{}\"]\nnick = \"bridge\"\ntls = false\n\
         [format]\nlong_messages = \"all\"\n[letschat]\nurl = \"{}\"\ntoken = \"{}\"\n\
         [[link]]\nchannel = \"office/#tea\"\nroom = \"tea\"\n",
        irc.plain().port(),
        letschat.url(),
        letschat.token("bridge"),
    ));
    bridge.ready().await;
    Scene { irc, letschat, ann, bridge }
}

/// Ten thousand characters are said without a kick, where long messages are said in full, and nothing of them is lost.
pub(crate) async fn ten_thousand_characters(daemon: Daemon) {
    let Scene { irc: _irc, letschat, mut ann, bridge } = scene(daemon).await;
    let pasted: Vec<String> = (0..1_000).map(|number| format!("word-{number:04}")).collect();
    letschat.post("tea", "alice", &pasted.join(" "));
    letschat.post("tea", "alice", "the end");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|part| part != "the end") {
        for said in ann.heard("#tea", 1).await {
            assert_eq!(said.by, "bridge");
            heard.push(said.text.strip_prefix("<alice> ").expect("a name").to_owned());
        }
    }
    heard.pop();
    // The text is cut into lines: compare it without the spaces at which that was done.
    let heard: Vec<String> =
        heard.iter().flat_map(|part| part.split_whitespace()).map(str::to_owned).collect();
    same(&heard, &pasted, "#tea");
    assert!(bridge.stop().await.success());
}

/// A bot kicked from a channel that is then closed rejoins once it opens.
pub(crate) async fn a_closed_channel(daemon: Daemon) {
    let Scene { irc: _irc, letschat, mut ann, bridge } = scene(daemon).await;
    for (close, open) in
        [("+i", "-i"), ("+k hush", "-k hush"), ("+l 1", "-l"), ("+b bridge!*@*", "-b bridge!*@*")]
    {
        ann.send(&format!("MODE #tea {close}"));
        ann.send("KICK #tea bridge :tidying up");
        ann.until("the kick", |line| line.command == "KICK").await;
        letschat.post("tea", "alice", &format!("said while {close}"));
        ann.send(&format!("MODE #tea {open}"));
        ann.send("INVITE bridge #tea");
        ann.until("the bridge to come back", |line| joins(line, "#tea")).await;
        let said = ann.heard("#tea", 1).await.remove(0);
        // Perhaps marked: it may have been on its way when the kick came.
        assert!(said.text.ends_with(&format!(" said while {close}")), "{}", said.text);
    }
    assert!(bridge.stop().await.success());
}

/// In a channel of mode +m the bridge can say nothing until it has a voice: in the room they are told so.
pub(crate) async fn a_moderated_channel(daemon: Daemon) {
    let Scene { irc: _irc, letschat, mut ann, bridge } = scene(daemon).await;
    ann.send("MODE #tea +m");
    ann.until("the mode", |line| line.command == "MODE").await;
    letschat.post("tea", "alice", "can you hear me?");
    let told = letschat.wait_for_posts("tea", |posts| {
        posts.iter().any(|post| post.owner == "bridge" && post.text.contains("can you hear me?"))
    });
    timeout(LIMIT, told).await.expect("those in the room are told");
    ann.send("MODE #tea +v bridge");
    ann.until("the voice", |line| line.command == "MODE").await;
    letschat.post("tea", "alice", "and now?");
    let said = ann.heard("#tea", 1).await.remove(0);
    assert_eq!(said.text, "<alice> and now?");
    assert!(bridge.stop().await.success());
}

/// Sent to another channel, the bridge leaves it, and comes when the right one opens.
#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn a_forward_is_not_followed_on_inspircd() {
    let Scene { irc: _irc, letschat, mut ann, bridge } = scene(Daemon::Inspircd).await;
    ann.join("#overflow").await;
    ann.send("MODE #tea +lL 1 #overflow");
    ann.send("KICK #tea bridge :full");
    ann.until("the bridge to be sent on", |line| joins(line, "#overflow")).await;
    ann.until("the bridge to leave again", |line| {
        line.command == "PART" && line.from == "bridge" && line.param(0) == "#overflow"
    })
    .await;
    letschat.post("tea", "alice", "anyone?");
    ann.send("MODE #tea -lL 1");
    ann.send("INVITE bridge #tea");
    ann.until("the bridge to come back", |line| joins(line, "#tea")).await;
    assert_eq!(ann.heard("#tea", 1).await[0].text, "<alice> anyone?");
    assert!(bridge.stop().await.success());
}

fn joins(line: &Line, channel: &str) -> bool {
    line.command == "JOIN" && line.from == "bridge" && line.param(0) == channel
}
