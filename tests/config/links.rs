//! Links make conversations, and no loops.

use super::*;

fn links(links: &[(&str, &str, &str)]) -> String {
    let mut text = "[irc.office]\nservers = ['a']\n[irc.home]\nservers = ['b']\n[letschat]\n\
                    url = 'https://c'\ntoken_file = 'letschat.token'\n"
        .to_owned();
    for (channel, room, more) in links {
        text += &format!("[[link]]\nchannel = '{channel}'\nroom = '{room}'\n{more}\n");
    }
    text
}

#[test]
fn linked_endpoints_form_link_groups() {
    let settings = ConfigFixture::new().settings(&links(&[
        ("office/#dev", "dev", ""),
        ("office/#tea", "tea", ""),
        ("home/#dev", "dev", ""),
        ("office/#DEV", "ops", ""),
        ("home/#[x]", "x", ""),
        ("home/#{X}", "y", ""),
    ]));
    assert_eq!(
        display_groups(&settings.link_groups),
        [
            "office/#dev letschat/dev home/#dev letschat/ops",
            "office/#tea letschat/tea",
            "home/#[x] letschat/x letschat/y",
        ],
    );
    let channels = |network: usize| {
        let channels = &settings.networks[network].channels;
        channels.iter().map(|channel| channel.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(channels(0), ["#dev", "#tea"]);
    assert_eq!(channels(1), ["#dev", "#[x]"]);
    assert_eq!(settings.links[3].channel, settings.links[0].channel);
    let rooms: Vec<_> = settings.letschat.rooms.iter().map(|room| room.name.as_str()).collect();
    assert_eq!(rooms, ["dev", "tea", "ops", "x", "y"]);
}

#[test]
fn link_to_an_unknown_network_is_rejected() {
    ConfigFixture::new().assert_errors(
        &links(&[("work/#dev", "dev", ""), ("#dev", "ops", "")]),
        &[
            "bridge.toml:9: link[0].channel: unknown network \"work\"; the networks are \"home\", \
             \"office\"",
            "bridge.toml:13: link[1].channel: \"#dev\" is not network/channel; write it like \
             \"home/#dev\"",
        ],
    );
}

#[test]
fn link_loops_are_rejected_with_their_path() {
    ConfigFixture::new().assert_errors(
        &links(&[
            ("office/#dev", "ops", ""),
            ("home/#dev", "ops", ""),
            ("home/#dev", "dev", ""),
            ("office/#dev", "dev", ""),
            ("home/#Dev", "ops", ""),
        ]),
        &[
            "bridge.toml:20: link[3]: \"office/#dev\" and \"dev\" are already linked, through \
             office/#dev – ops – home/#dev – dev; remove one of these links",
            "bridge.toml:24: link[4]: \"home/#dev\" and \"ops\" are already linked by link[1] \
             (bridge.toml:12); remove one of the two",
        ],
    );
}

#[test]
fn link_overrides_the_sender_mode() {
    let text = |modes: [&str; 2]| {
        let home = ("home/#dev", "ops", "");
        links(&[("office/#dev", "dev", modes[0]), ("office/#dev", "tea", modes[1]), home])
    };
    let desk = ConfigFixture::new();
    let settings = desk.settings(&text(["sender_mode = 'puppets'", ""]));
    let network = &settings.networks[0];
    assert_eq!(
        (network.sender_mode, network.sender_mode_in(&network.channels[0])),
        (SenderMode::Bot, SenderMode::Puppets)
    );
    assert_eq!(network.nick_template_for(SenderMode::Puppets), "{user}|lc");
    desk.assert_errors(
        &text(["sender_mode = 'puppets'", "sender_mode = 'bot'"]),
        &["bridge.toml:15: link[1].sender_mode: \"office/#dev\" has a different value in \
           link[0].sender_mode (bridge.toml:11); use the same value, or set it once"],
    );
}

#[test]
fn conflicting_secrets_of_one_endpoint_are_rejected() {
    let text = |secrets: [&str; 3]| {
        let [first, second, third] = secrets;
        links(&[
            ("office/#dev", "dev", first),
            ("home/#tea", "dev", second),
            ("office/#Dev", "tea", third),
        ])
    };
    let desk = ConfigFixture::new();
    let settings = desk.settings(&text(["", "room_password = 'hush'", "key = 'k'"]));
    assert_eq!(settings.networks[0].channels[0].key.as_ref().unwrap().expose_secret(), "k");
    assert_eq!(settings.letschat.rooms[0].password.as_ref().unwrap().expose_secret(), "hush");
    assert!(settings.letschat.rooms[1].password.is_none());
    desk.settings(&text(["key = 'k'", "", "key = 'k'"]));
    desk.assert_errors(
        &text(["key = 'k'\nroom_password = 'hush'", "room_password = 'hash'", "key = 'l'"]),
        &[
            "bridge.toml:16: link[1].room_password: \"dev\" has a different value in \
             link[0].room_password (bridge.toml:12); use the same value, or set it once",
            "bridge.toml:20: link[2].key: \"office/#dev\" has a different value in link[0].key \
             (bridge.toml:11); use the same value, or set it once",
        ],
    );
}
