//! The channel and the room in which the bridge tests itself.

use super::*;

/// The minimal configuration with `[canary]` and these lines.
fn with_canary(lines: &str) -> String {
    format!("{MINIMAL}\n[canary]\n{lines}\n")
}

/// The number of the first line below `[canary]`.
fn first_line() -> usize {
    MINIMAL.lines().count() + 3
}

const ENDS: &str = "channel = \"office/#bridge-canary\"\nroom = \"bridge-canary\"";

#[test]
fn there_is_no_canary_by_default() {
    let fixture = ConfigFixture::new();
    for text in [MINIMAL.to_owned(), with_canary(""), with_canary("interval = \"1m\"")] {
        assert_eq!(fixture.settings(&text).canary, None, "{text}");
    }
}

#[test]
fn canary_is_joined_but_linked_with_nothing() {
    let fixture = ConfigFixture::new().file("canary.key", "hush\n");
    let lines = format!("{ENDS}\nkey_file = \"canary.key\"\nroom_password = \"quiet\"");
    let settings = fixture.settings(&with_canary(&lines));
    let canary = settings.canary.as_ref().unwrap();
    assert_eq!(canary.channel.to_string(), "office/#bridge-canary");
    assert_eq!(canary.room.to_string(), "letschat/bridge-canary");
    assert_eq!((canary.interval.as_secs(), canary.timeout.as_secs()), (300, 30));
    assert_eq!(display_groups(&settings.link_groups), ["office/#dev letschat/dev"]);
    assert_eq!(settings.links.len(), 1);
    let channel = &settings.networks[0].channels[1];
    assert_eq!(channel.name, "#bridge-canary");
    assert_eq!(channel.key.as_ref().unwrap().expose_secret(), "hush");
    let room = &settings.letschat.rooms[1];
    assert_eq!(room.name, "bridge-canary");
    assert_eq!(room.password.as_ref().unwrap().expose_secret(), "quiet");
    let debug = format!("{settings:?}");
    assert!(!debug.contains("hush") && !debug.contains("quiet"), "{debug}");
}

#[test]
fn nobody_speaks_in_the_canary_by_a_nick_of_their_own() {
    let puppets = MINIMAL.replace("6697\"]", "6697\"]\nsender_mode = \"puppets\"");
    let settings = ConfigFixture::new().settings(&format!("{puppets}\n[canary]\n{ENDS}\n"));
    let network = &settings.networks[0];
    let modes: Vec<SenderMode> =
        network.channels.iter().map(|it| network.sender_mode_in(it)).collect();
    assert_eq!(modes, [SenderMode::Puppets, SenderMode::Bot]);
}

#[test]
fn network_of_the_canary_alone_is_used() {
    let other = "[irc.other]\nservers = [\"irc.example.net:6697\"]\n";
    let ends = ENDS.replace("office", "other");
    let text = format!("{MINIMAL}\n{other}\n[canary]\n{ends}\n");
    ConfigFixture::new().assert_warnings(&text, &[]);
}

#[test]
fn end_of_a_link_cannot_be_an_end_of_the_canary() {
    let fixture = ConfigFixture::new();
    let line = first_line();
    let mistake = |line: usize, key: &str, end: &str| {
        format!(
            "bridge.toml:{line}: canary.{key}: \"{end}\" is an end of a link: people would read the \
             messages of the canary there; use a channel and a room that nothing else uses"
        )
    };
    for (lines, mistakes) in [
        (
            "channel = \"office/#DEV\"\nroom = \"canary\"",
            vec![mistake(line, "channel", "office/#dev")],
        ),
        ("channel = \"office/#canary\"\nroom = \"dev\"", vec![mistake(line + 1, "room", "dev")]),
        (
            "channel = \"office/#dev\"\nroom = \"dev\"",
            vec![mistake(line, "channel", "office/#dev"), mistake(line + 1, "room", "dev")],
        ),
    ] {
        let mistakes: Vec<&str> = mistakes.iter().map(String::as_str).collect();
        fixture.assert_errors(&with_canary(lines), &mistakes);
    }
}

#[test]
fn wrong_canary_is_rejected() {
    let fixture = ConfigFixture::new();
    let line = first_line();
    for (lines, at, mistake) in [
        (
            "room = \"canary\"",
            line - 1,
            "canary.channel: missing; write channel = \"office/#bridge-canary\"",
        ),
        (
            "channel = \"office/#canary\"",
            line - 1,
            "canary.room: missing; write room = \"bridge-canary\"",
        ),
        (
            "channel = \"ofice/#canary\"\nroom = \"canary\"",
            line,
            "canary.channel: unknown network \"ofice\"; did you mean \"office\"?",
        ),
        (
            &format!("{ENDS}\ninterval = \"9s\"\ntimeout = \"5s\""),
            line + 2,
            "canary.interval: \"9s\" is too short; use at least \"10s\"",
        ),
        (
            &format!("{ENDS}\ntimeout = \"0s\""),
            line + 2,
            "canary.timeout: \"0s\" is too short; use at least \"1s\"",
        ),
        (
            &format!("{ENDS}\ntimeout = \"301s\""),
            line + 2,
            "canary.timeout: longer than canary.interval: one message would have to overtake the \
             other; use at most canary.interval",
        ),
        (
            &format!("{ENDS}\nevery = \"5m\""),
            line + 2,
            "canary.every: unknown key; valid keys here: channel, room, key, key_file, \
             room_password, room_password_file, interval, timeout",
        ),
    ] {
        fixture.assert_errors(&with_canary(lines), &[&format!("bridge.toml:{at}: {mistake}")]);
    }
}
