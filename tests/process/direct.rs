//! Private talks through the program, and what of them can be read elsewhere: nothing.

use std::time::Duration;

use letsbridge_testkit::{irc, letschat};

use crate::harness::World;
use crate::program::soon;

/// Servers that carry private messages, with ann in the room, and a bridge that lets people talk.
async fn talking() -> World {
    let letschat = letschat::Setup { private_messages: true, ..letschat::Setup::default() };
    let world = World::with(irc::Setup::default(), letschat).await;
    world.configure(|toml| {
        toml.replace("flood_control =", "direct_messages = true\nflood_control =")
    });
    world.letschat.join_room("tea", "ann");
    world
}

#[tokio::test]
async fn direct_messages_reach_only_their_recipient() {
    let world = talking().await;
    let dave = world.irc.virtual_user("dave");
    dave.join("#tea");
    let bridge = world.talkative_bridge().await;
    dave.send("bridge", "!msg ann where is the teapot?");
    let whispers = world.letschat.wait_for_private_messages(|all| !all.is_empty());
    let (to, post) = soon("a private message", whispers).await.remove(0);
    assert_eq!((to.as_str(), post.text.as_str()), ("ann", "<dave> where is the teapot?"));

    world.letschat.send_private_message("ann", "bridge", "in the cupboard");
    let heard =
        dave.wait_for_messages("bridge", |all| all.iter().any(|it| it.text.contains("cupboard")));
    let heard = soon("an answer", heard).await;
    let said: Vec<&str> = heard.iter().map(|heard| heard.text.as_str()).collect();
    assert!(said.contains(&"<ann> in the cupboard"), "{said:?}");

    assert_eq!(world.letschat.posts("tea").len(), 0);
    let log = bridge.stop().await.err;
    assert!(!log.contains("teapot") && !log.contains("cupboard"), "{log}");
}

#[tokio::test]
async fn queued_direct_message_survives_a_restart() {
    let world = talking().await;
    let dave = world.irc.virtual_user("dave");
    dave.join("#tea");
    let bridge = world.bridge().await;
    world.letschat.faults().delay_acks(Duration::from_secs(600));
    dave.send("bridge", "!msg ann one");
    dave.send("bridge", "!msg ann two");
    dave.send("bridge", "!who");
    let whispers = world.letschat.wait_for_private_messages(|all| !all.is_empty());
    soon("the first message", whispers).await;
    // An answer shows that the message was received, and all before it.
    let answer = dave
        .wait_for_messages("bridge", |all| all.iter().any(|it| it.text.contains("write to ann")));
    soon("an answer", answer).await;
    bridge.signal("KILL").await;
    bridge.ends().await;
    world.letschat.faults().clear();
    let bridge = world.bridge().await;
    let whispers = world
        .letschat
        .wait_for_private_messages(|all| all.iter().any(|(_, it)| it.text.ends_with("two")));
    let said: Vec<String> =
        soon("the second", whispers).await.into_iter().map(|(_, post)| post.text).collect();
    assert_eq!(said, ["<dave> one", "<dave> (resent) one", "<dave> two"]);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn received_direct_messages_arrive_in_order_despite_kills() {
    let world = talking().await;
    let dave = world.irc.virtual_user("dave");
    dave.join("#tea");
    let mut said = 0;
    for kill in 0..12 {
        let bridge = world.bridge().await;
        for _ in 0..4 {
            said += 1;
            dave.send("bridge", &format!("!msg ann number {said}."));
        }
        // Each time at another moment of what follows.
        let enough = world.letschat.private_messages().len() + kill % 4;
        soon("a message", world.letschat.wait_for_private_messages(|all| all.len() >= enough))
            .await;
        if kill.is_multiple_of(3) {
            let answers = dave.messages("bridge").len();
            dave.send("bridge", "!who");
            soon("an answer", dave.wait_for_messages("bridge", |all| all.len() > answers)).await;
        }
        bridge.signal("KILL").await;
        bridge.ends().await;
    }
    let bridge = world.bridge().await;
    dave.send("bridge", "!msg ann the end");
    let end = |all: &[(String, letschat::Post)]| {
        all.last().is_some_and(|(_, it)| it.text.ends_with("the end"))
    };
    let whispers = soon("the end", world.letschat.wait_for_private_messages(end)).await;
    assert_eq!(bridge.stop().await.code, Some(0));

    let mut last = 0;
    for (_, post) in &whispers[..whispers.len() - 1] {
        let again = post.text.contains("(resent) ");
        let number = post.text.trim_start_matches("<dave> (resent) number ");
        let number = number.trim_start_matches("<dave> number ").trim_end_matches('.');
        let number: usize = number.parse().unwrap_or_else(|_| panic!("{}", post.text));
        assert!(number > last || again && number == last, "{number} after {last}: {whispers:?}");
        // What one life has heard, it has heard from its beginning on.
        let skipped = number.saturating_sub(last + 1);
        assert!(skipped == 0 || (number - 1).is_multiple_of(4), "{number} after {last}");
        last = number;
    }
}

#[tokio::test]
async fn letschat_without_direct_messages_is_reported() {
    let letschat = letschat::Setup { private_messages: false, ..letschat::Setup::default() };
    let world = World::with(irc::Setup::default(), letschat).await;
    world.configure(|toml| {
        toml.replace("flood_control =", "direct_messages = true\nflood_control =")
    });
    let end = world.letsbridge(&["check"]).ends().await;
    assert_eq!(end.code, Some(1));
    assert!(end.out.contains("letschat: private messages are disabled"), "{}", end.out);
}
