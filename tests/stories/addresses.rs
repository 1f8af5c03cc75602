//! URLs are never cut: those too long for a line are replaced.

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN};

fn address(length: usize) -> String {
    format!("https://a.example/{}", "x".repeat(length - "https://a.example/".len()))
}

/// A world with a room, a channel, and a second channel on another network.
#[track_caller]
fn world(linked: bool) -> World {
    let mut world = World::new(&["office/#tea other/#dev tea"]).unpaced();
    if linked {
        world = world.with_public_links();
    }
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(&IRC_IN.replace("irc ", "irc2 ").replace("#tea", "#dev"));
    world
}

/// What `#tea` receives of a message of bob in the room, or of eve in `#dev`.
#[track_caller]
fn mirrored(world: &mut World, from_room: bool, text: &str) -> Vec<String> {
    if from_room {
        let text = text.replace('\t', "\\t").replace('\n', "\\n");
        world.tell_on(&format!(
            r#"lc < 42["messages:new",{{"id":"6b0000010000000000000001","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
        ));
    } else {
        world.tell_on(&format!("irc2 < :eve!e@host PRIVMSG #dev :{text}"));
    }
    let mut mirrored = Vec::new();
    loop {
        let (sent, _) = world.sent();
        let lines = sent.iter().filter_map(|line| line.strip_prefix("PRIVMSG #tea :"));
        mirrored.extend(lines.map(str::to_owned));
        let Some(fence) = sent.iter().find_map(|line| line.strip_prefix("PING ")) else { break };
        world.tell_on(&format!("irc < :irc.example PONG irc.example :{fence}"));
    }
    mirrored
}

#[test]
fn url_that_fits_in_a_line_is_never_cut() {
    let address = address(370);
    for from_room in [false, true] {
        let name = if from_room { "bob" } else { "eve" };
        for (before, behind, first) in [
            ("", "", None),
            ("see ", "", Some("see")),
            ("        ", "", None),
            (
                "見て下さい見て下さい見て下さい見て下さい",
                " ok",
                Some("見て下さい見て下さい見て下さい見て下さい"),
            ),
            ("(", ")", None),
        ] {
            let mirrored =
                mirrored(&mut world(false), from_room, &format!("{before}{address}{behind}"));
            let words = mirrored.join(" ");
            assert_eq!(words.matches(&address).count(), 1, "{before:?}: {mirrored:?}");
            if let Some(first) = first.filter(|_| mirrored.len() > 1) {
                assert_eq!(mirrored[0], format!("<{name}> {first}"));
            }
        }
    }
}

#[test]
fn url_too_long_for_a_line_is_abbreviated_and_names_its_source() {
    let address = address(440);
    assert_eq!(
        mirrored(&mut world(false), false, &format!("see {address}")),
        ["<eve> see https://a.example… (440 characters, too long for IRC; in full: #dev on other)"]
    );
    assert_eq!(
        mirrored(&mut world(false), true, &format!("one\n\tsee {address} now\nthree")),
        [
            "<bob> one",
            "<bob> \tsee https://a.example… (440 characters, too long for IRC) now",
            "<bob> three",
        ]
    );
}

#[test]
fn url_too_long_for_a_line_becomes_a_public_link_where_enabled() {
    for from_room in [false, true] {
        for length in [300, 440] {
            let text = format!("  (see {} please", address(length));
            let mirrored = mirrored(&mut world(true), from_room, &text);
            assert_eq!(mirrored.len(), 1, "{mirrored:?}");
            let behind = format!(" (to https://a.example…, {length} characters) please");
            assert!(
                mirrored[0].contains("  (see https://bridge.example/p/")
                    && mirrored[0].ends_with(&behind),
                "{mirrored:?}"
            );
        }
    }
}
