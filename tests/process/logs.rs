//! What the log looks like, and how much of it there is.

use crate::harness::World;

#[tokio::test]
async fn json_log_has_one_object_per_line() {
    let world = World::new().await;
    world.configure(|toml| toml.replace("[irc.office]", "[log]\nformat = \"json\"\n[irc.office]"));
    let end = world.bridge().await.stop().await;
    let lines: Vec<serde_json::Value> =
        end.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert!(
            ["timestamp", "level", "message", "target"].iter().all(|key| line[key].is_string())
        );
    }
    let joined = lines.iter().find(|line| line["message"] == "all links up").unwrap();
    assert_eq!((&joined["level"], &joined["endpoints"]), (&"INFO".into(), &2.into()));
    assert_eq!(end.out, "");
}

#[tokio::test]
async fn text_log_has_colours_only_when_requested() {
    let world = World::new().await;
    let plain = world.bridge().await.stop().await;
    assert!(plain.err.contains(" INFO all links up endpoints=2\n"), "{}", plain.err);
    assert!(!plain.err.contains('\u{1b}'), "{}", plain.err);
    world.configure(|toml| toml.replace("[irc.office]", "[log]\nformat = \"human\"\n[irc.office]"));
    let human = world.bridge().await.stop().await;
    assert!(human.err.contains('\u{1b}'), "{}", human.err);
}

#[tokio::test]
async fn rust_log_wins_over_the_configuration() {
    let world = World::new().await;
    world.configure(|toml| toml.replace("[irc.office]", "[log]\nlevel = \"off\"\n[irc.office]"));
    assert_eq!(world.bridge().await.stop().await.err, "");
    let talkative = world.talkative_bridge().await.stop().await;
    assert!(talkative.err.contains("all links up"), "{}", talkative.err);

    world.configure(|toml| toml.replace("[irc.office]", "[log]\nlevel = \"loud\"\n[irc.office]"));
    let end = world.run().ends().await;
    assert_eq!(end.code, Some(2));
    assert!(end.err.contains("log.level: \"loud\""), "{}", end.err);
    world.configure(|toml| toml);
    let end = world.run().env("RUST_LOG", "info=info=info").ends().await;
    assert_eq!(end.code, Some(2));
    assert!(end.err.starts_with("RUST_LOG: "), "{}", end.err);
}
