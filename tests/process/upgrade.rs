//! `letsbridge upgrade`: the program is replaced, and nobody on IRC sees it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use letsbridge_testkit::irc::{self, Caps};
use letsbridge_testkit::letschat;

use crate::harness::{BRIDGE, World};
use crate::program::{End, Program, soon};

/// The lines by which others would see the bridge go and come.
const VISIBLE: [&str; 6] = ["QUIT", "JOIN", "PART", "NICK", "USER", "CAP"];

async fn upgrade(world: &World, more: &[&str]) -> End {
    world.letsbridge(&[&["upgrade"], more].concat()).ends().await
}

/// The lines of the bridge that others would see, after the first `skipped` lines.
fn seen(world: &World, skipped: usize) -> Vec<String> {
    let said = world.irc.transcript();
    let said = said.iter().skip(skipped).map(|it| it.text().into_owned());
    said.filter(|line| VISIBLE.iter().any(|word| line.starts_with(word))).collect()
}

#[track_caller]
fn kept(end: &End, count: usize) {
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    assert!(end.out.contains(&format!("{count} of {count} connections to IRC kept")), "{}", end.out);
}

#[tokio::test]
async fn three_upgrades_under_load_are_not_seen_on_irc() {
    for caps in [Caps::none(), Caps::all()] {
        let setup = irc::Setup { caps, ..irc::Setup::default() };
        let world = World::with(setup, letschat::Setup::default()).await;
        world.configure(|toml| {
            format!("{toml}\n[format]\nmerge_lines = \"never\"\nanti_ping = false\n")
        });
        let mut bridge = world.bridge().await;
        bridge.err.says("all links up").await;
        let before = world.irc.transcript().len();
        let (mut said, mut number) = (Vec::new(), 0);
        for _ in 0..3 {
            let upgrade = tokio::spawn(world.letsbridge(&["upgrade"]).ends());
            while !upgrade.is_finished() {
                world.say_on_irc(&format!("irc {number}"));
                world.say_in_letschat(&format!("lc {number}"));
                said.push(number);
                number += 1;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            kept(&upgrade.await.unwrap(), 1);
            bridge.err.says("all links up").await;
        }
        let lines: Vec<String> = said.iter().map(|it| format!("<ann> lc {it}")).collect();
        assert_eq!(world.channel(said.len()).await, lines);
        let posts: Vec<String> = said.iter().map(|it| format!("<ann> irc {it}")).collect();
        let theirs = |post: &String| post.contains("irc ");
        let room = world.room(2 * said.len()).await;
        assert_eq!(room.into_iter().filter(theirs).collect::<Vec<_>>(), posts);
        assert_eq!(world.irc.connections_accepted(), 1);
        assert_eq!(seen(&world, before), [""; 0]);
        assert_eq!(bridge.stop().await.code, Some(0));
    }
}
