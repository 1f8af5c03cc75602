//! Who is called, and by which name.

use super::*;

#[test]
fn whoever_is_spoken_to_on_irc_is_notified_in_the_room() {
    let scene = Scene::on_irc();
    scene.in_letschat("bob: hi", "<ann> @bob hi");
    scene.in_letschat("BOB, hi", "<ann> @bob hi");
    scene.in_letschat("bob, dave: hi", "<ann> @bob @dave hi");
    scene.in_letschat("@bob: hi", "<ann> @bob hi");
    for text in
        ["bob:hi", "bob: ", "bob", "hi bob: you", "carl: hi", "zoe: hi", "note: this", ": hi"]
    {
        scene.in_letschat(text, &format!("<ann> {text}"));
    }
    let off = Scene::on_irc().with(|manners| manners.room.mentions = false);
    off.in_letschat("bob: hi", "<ann> bob: hi");
}

#[test]
fn a_nick_stands_for_the_user_whom_the_administrator_names() {
    let people =
        [("dave", Who::Name("carl".to_owned())), ("erin", Who::Account("carlos".to_owned()))];
    for (index, user) in ["dave", "erin"].into_iter().enumerate() {
        let scene = Scene::on_irc().people(&people[index..=index]);
        scene.in_letschat("carl: hi", &format!("<ann> @{user} hi"));
        scene.in_letschat("ask @carl.", &format!("<ann> ask @{user}."));
        let scene = Scene::in_room().people(&people[index..=index]);
        scene.in_channel(&format!("@{user} hi"), "<bob> carl: hi");
    }
}

#[test]
fn whoever_is_called_in_the_room_has_their_nick_on_irc() {
    let scene = Scene::in_room();
    scene.in_channel("@ann hi", "<bob> ann: hi");
    scene.in_channel("@Carl, hi", "<bob> carl, hi");
    scene.in_channel("hi @ann. and @eve!", "<bob> hi ann. and eve!");
    for text in ["@zoe hi", "a@ann.example", "http://a.example/@ann", "@", "@@", "@all hi"] {
        scene.in_channel(text, &format!("<bob> {text}"));
    }
    let off = Scene::in_room().with(|manners| manners.channel.mentions = false);
    off.in_channel("@ann hi", "<bob> @ann hi");
}

#[test]
fn nobody_is_called_by_their_own_words() {
    let scene = Scene::in_room();
    scene.in_channel("hi", "<bob> hi");
    Scene::in_room().by("Ann").in_channel("hi", "<A\u{200b}nn> hi");
    let off = Scene::in_room().with(|manners| manners.channel.quiet = false);
    off.by("ann").in_channel("hi", "<ann> hi");
    let people = [("bob", Who::Account("carlos".to_owned()))];
    Scene::in_room().people(&people).in_channel("hi", "<b\u{200b}ob> hi");
    // Under a name of their own they are somebody else.
    let people = [("ann", Who::Name("zoe".to_owned()))];
    Scene::in_room().people(&people).by("ann").in_channel("hi", "<ann> hi");
}

#[test]
fn a_copied_name_is_the_name_again() {
    let scene = Scene::on_irc();
    scene.in_letschat("b\u{200b}ob: hi", "<ann> @bob hi");
    scene.in_letschat("what <d\u{200b}ave> said", "<ann> what <dave> said");
    scene.in_letschat("z\u{200b}oe", "<ann> z\u{200b}oe");
}

#[test]
fn names_have_colours_where_they_are_wanted() {
    let coloured = |manners: &mut Manners| manners.channel.colours = true;
    let prefix = Scene::in_room().with(coloured).to_irc("hi").prefix;
    assert!(prefix.starts_with("<\u{3}") && prefix.ends_with("bob\u{f}> "), "{prefix:?}");
}

#[test]
fn places_have_the_names_that_they_have_there() {
    Scene::in_room().in_channel("come to #tea, not #ops", "<bob> come to #dev, not #ops");
    Scene::on_irc().in_letschat("come to #dev, not #ops", "<ann> come to #tea, not #ops");
}
