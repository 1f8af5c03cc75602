//! Mentions and names.

use super::*;

#[test]
fn address_on_irc_becomes_a_mention_in_the_room() {
    let scene = TranslateFixture::on_irc();
    scene.assert_in_letschat("bob: hi", "<ann> @bob hi");
    scene.assert_in_letschat("BOB, hi", "<ann> @bob hi");
    scene.assert_in_letschat("bob, dave: hi", "<ann> @bob @dave hi");
    scene.assert_in_letschat("@bob: hi", "<ann> @bob hi");
    for text in
        ["bob:hi", "bob: ", "bob", "hi bob: you", "carl: hi", "zoe: hi", "note: this", ": hi"]
    {
        scene.assert_in_letschat(text, &format!("<ann> {text}"));
    }
    let off = TranslateFixture::on_irc().with(|format| format.room.mentions = false);
    off.assert_in_letschat("bob: hi", "<ann> bob: hi");
}

#[test]
fn user_map_resolves_nicks_to_users() {
    let people = [
        ("dave", UserMatcher::Name("carl".to_owned())),
        ("erin", UserMatcher::Account("carlos".to_owned())),
    ];
    for (index, user) in ["dave", "erin"].into_iter().enumerate() {
        let scene = TranslateFixture::on_irc().people(&people[index..=index]);
        scene.assert_in_letschat("carl: hi", &format!("<ann> @{user} hi"));
        scene.assert_in_letschat("ask @carl.", &format!("<ann> ask @{user}."));
        let scene = TranslateFixture::in_room().people(&people[index..=index]);
        scene.assert_in_channel(&format!("@{user} hi"), "<bob> carl: hi");
    }
}

#[test]
fn mention_in_the_room_becomes_a_nick_on_irc() {
    let scene = TranslateFixture::in_room();
    scene.assert_in_channel("@ann hi", "<bob> ann: hi");
    scene.assert_in_channel("@Carl, hi", "<bob> carl, hi");
    scene.assert_in_channel("hi @ann. and @eve!", "<bob> hi ann. and eve!");
    for text in ["@zoe hi", "a@ann.example", "http://a.example/@ann", "@", "@@", "@all hi"] {
        scene.assert_in_channel(text, &format!("<bob> {text}"));
    }
    let off = TranslateFixture::in_room().with(|format| format.channel.mentions = false);
    off.assert_in_channel("@ann hi", "<bob> @ann hi");
}

#[test]
fn author_name_is_defused_when_present_in_the_channel() {
    let scene = TranslateFixture::in_room();
    scene.assert_in_channel("hi", "<bob> hi");
    TranslateFixture::in_room().by("Ann").assert_in_channel("hi", "<A\u{200b}nn> hi");
    let off = TranslateFixture::in_room().with(|format| format.channel.anti_ping = false);
    off.by("ann").assert_in_channel("hi", "<ann> hi");
    let people = [("bob", UserMatcher::Account("carlos".to_owned()))];
    TranslateFixture::in_room().people(&people).assert_in_channel("hi", "<b\u{200b}ob> hi");
    // With this nick, they are somebody else.
    let people = [("ann", UserMatcher::Name("zoe".to_owned()))];
    TranslateFixture::in_room().people(&people).by("ann").assert_in_channel("hi", "<ann> hi");
}

#[test]
fn copied_defused_name_is_restored() {
    let scene = TranslateFixture::on_irc();
    scene.assert_in_letschat("b\u{200b}ob: hi", "<ann> @bob hi");
    scene.assert_in_letschat("what <d\u{200b}ave> said", "<ann> what <dave> said");
    scene.assert_in_letschat("z\u{200b}oe", "<ann> z\u{200b}oe");
}

#[test]
fn nicks_are_colored_when_enabled() {
    let coloured = |format: &mut LinkFormat| format.channel.color_nicks = true;
    let prefix = TranslateFixture::in_room().with(coloured).to_irc("hi").prefix;
    assert!(prefix.starts_with("<\u{3}") && prefix.ends_with("bob\u{f}> "), "{prefix:?}");
}

#[test]
fn linked_channels_and_rooms_are_renamed() {
    TranslateFixture::in_room()
        .assert_in_channel("come to #tea, not #ops", "<bob> come to #dev, not #ops");
    TranslateFixture::on_irc()
        .assert_in_letschat("come to #dev, not #ops", "<ann> come to #tea, not #ops");
}
