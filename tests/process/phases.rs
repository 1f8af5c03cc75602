//! The phases of a link, changed while the program runs, and what is delivered late.

use crate::harness::{BRIDGE, World};
use crate::program::{End, Program, soon};

/// Tells the bridge to read its configuration, in which the link is in this phase.
async fn reload_into(world: &World, bridge: &mut Program, phase: &str) {
    world.configure(|toml| toml + &format!("phase = \"{phase}\"\n"));
    bridge.signal("HUP").await;
    bridge.err.says("configuration reloaded").await;
}

async fn run(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let End { code, out, err } = world.letsbridge(arguments).ends().await;
    (code, out + &err)
}

#[tokio::test]
async fn read_only_channel_is_told_and_its_words_are_delivered_later() {
    let world = World::new().await;
    let ann = world.irc.virtual_user("ann");
    ann.join("#tea");
    let mut bridge = world.bridge().await;
    reload_into(&world, &mut bridge, "irc_read_only").await;
    let posts = world.room(1).await;
    assert!(posts[0].starts_with("-- #tea on IRC is read-only from now on"), "{posts:?}");
    let heard = world.channel(1).await;
    assert!(heard[0].starts_with("#tea on IRC is read-only from now on"), "{heard:?}");

    ann.send("#tea", "does anybody hear me?");
    let told = ann.wait_for_message_count(BRIDGE, 1);
    soon("ann is told", told).await;
    ann.send("#tea", "hello?");
    world.say_in_letschat("hear me");
    assert!(world.channel(2).await[1].ends_with("hear me"));

    // What is known survives a kill.
    bridge.signal("KILL").await;
    bridge.ends().await;
    let mut bridge = world.bridge().await;
    let (code, said) = run(&world, &["catch-up", "#tea", "--from", "1h", "--side", "irc"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not mirror to Let's Chat (phase = \"irc_read_only\""), "{said}");
    let (_, said) = run(&world, &["status"]).await;
    assert!(said.contains("irc_read_only"), "{said}");

    reload_into(&world, &mut bridge, "together").await;
    let (_, said) = run(&world, &["status"]).await;
    assert!(said.contains("2 messages of the channel were not mirrored"), "{said}");
    let command =
        said.lines().find_map(|it| it.trim().strip_prefix("letsbridge catch-up ")).unwrap();
    // The name of the link is in quotes.
    let (link, rest) = command.trim_start_matches('"').split_once('"').unwrap();
    let words: Vec<&str> = ["catch-up", link].into_iter().chain(rest.split_whitespace()).collect();
    let (code, said) = run(&world, &[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 messages from the channel") && said.contains("would be"), "{said}");
    let (code, said) = run(&world, &words).await;
    assert_eq!(code, Some(0), "{said}");
    let posts = world.room(3).await;
    let late: Vec<&String> = posts.iter().filter(|text| text.contains("<ann>")).collect();
    assert!(late[0].contains("does anybody hear me?"), "{late:?}");
    assert!(late.last().unwrap().ends_with("hello?"), "{late:?}");
    let (code, said) = run(&world, &words).await;
    assert_eq!((code, said.contains("nothing from the channel waits")), (Some(0), true), "{said}");
    ann.send("#tea", "and now?");
    let posts = world.room(posts.len() + 1).await;
    assert_eq!(posts.iter().filter(|text| text.contains("hello?")).count(), 1, "{posts:?}");
    let announced = posts.iter().filter(|text| text.contains("read-only from now on")).count();
    assert_eq!(announced, 1, "{posts:?}");
    let told = ann.messages(BRIDGE);
    assert!(told[0].text.starts_with("#tea is read-only"), "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(bridge.stop().await.code, Some(0));
}
