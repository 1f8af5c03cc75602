//! What each thing looks like where it is told.

use super::*;

#[test]
fn each_kind_has_its_look() {
    for (kind, in_letschat, in_channel) in [
        (MessageKind::Text, "<ann> hi", "<ann> hi"),
        (MessageKind::Action, "* ann hi", "ann hi"),
        (MessageKind::Notice, "-ann- hi", "<ann> hi"),
    ] {
        let scene = Scene { kind, ..Scene::on_irc() };
        scene.in_letschat("hi", in_letschat);
        let scene = Scene { kind, nicks: Vec::new(), ..Scene::in_room().by("ann") };
        scene.in_channel("hi", in_channel);
        assert_eq!(scene.to_irc("hi").kind, kind);
    }
    let bridge = |scene: Scene| Scene { kind: MessageKind::Notice, ..scene.by("") };
    bridge(Scene::on_irc()).in_letschat("two messages are missing", "-- two messages are missing");
    bridge(Scene::in_room()).in_channel("two messages are missing", "two messages are missing");
}

#[test]
fn what_is_late_carries_its_time() {
    let told_at = Timestamp::from_second(3_600).expect("a time");
    let late = |scene| Scene { told_at, ..scene };
    late(Scene::on_irc()).in_letschat("hi", "[00:00Z] <ann> hi");
    late(Scene::in_room()).in_channel("hi", "[00:00Z] <bob> hi");
    let action = |scene| Scene { kind: MessageKind::Action, ..scene };
    late(action(Scene::on_irc())).in_letschat("waves", "[00:00Z] * ann waves");
    let template = Template::parse("{time} <{nick}> ").expect("a template");
    let timed = |manners: &mut Manners| manners.room.names.talk = template;
    late(Scene::on_irc().with(timed)).in_letschat("hi", "00:00Z <ann> hi");
}

#[test]
fn formatting_goes_or_is_hinted_at() {
    Scene::on_irc().in_letschat("\x02so\x02 \x0304red\x03", "<ann> so red");
    let marks = |manners: &mut Manners| manners.room.formatting = Formatting::Marks;
    Scene::on_irc().with(marks).in_letschat("\x02so\x02 \x0304red\x03", "<ann> *so* red");
    // From channel to channel it stays.
    Scene::on_irc().by("zoe").in_channel("\x02so\x02", "<zoe> \x02so\x02");
}

#[test]
fn a_template_is_filled_with_all_that_is_known() {
    let template = |text: &str| Template::parse(text).expect("a template");
    let scene = Scene::on_irc().with(|manners| {
        manners.room.names.talk = template("{nick} ({account}) on {network} in {channel}: ");
    });
    scene.in_letschat("hi", "ann () on office in #dev: hi");
    let author = Author {
        name: "bob".to_owned(),
        display_name: Some("Bob\u{202e} B> .".to_owned()),
        ..Author::default()
    };
    let scene = Scene { author, ..Scene::in_room() }.with(|manners| {
        manners.channel.names.talk = template("<{display_name}> {network}/{room} ");
    });
    scene.in_channel("hi", "<Bob B· .> letschat/tea hi".replace("B· .", "B·.").as_str());
}

#[test]
fn emotes_become_characters_where_that_is_wanted() {
    Scene::in_room().in_channel("hi :tea:", "<bob> hi :tea:");
    let unicode = |manners: &mut Manners| manners.channel.emotes = Emotes::Unicode;
    Scene::in_room().with(unicode).in_channel("hi :tea:", "<bob> hi 🍵");
}

/// Where the Let's Chat of these scenes is.
fn at_home(manners: &mut Manners) {
    manners.room.letschat = url::Url::parse("https://chat.example/tea/").ok();
}

#[test]
fn long_messages_are_cut_and_it_is_said_where_all_of_it_is() {
    let body = "1\n2\n3\n4\n5";
    let short = "1\n2\n3\n… 2 more lines";
    assert_eq!(Scene::in_room().body_on_irc(body), short);
    let there = format!("{short}: https://chat.example/tea/#!/room/6b035f6d8d054a41e16a0570");
    assert_eq!(Scene::in_room().with(at_home).body_on_irc(body), there);
    let all = |manners: &mut Manners| manners.channel.long = Long::All;
    assert_eq!(Scene::in_room().with(all).body_on_irc(body), body);
    assert_eq!(Scene::on_irc().with(at_home).body_on_irc(body), body, "it was several messages");
    let blank = "1\n\u{200b}\n2\n\u{3}04\n3\n\u{2800}\n4";
    assert!(Scene::in_room().body_on_irc(blank).ends_with('4'), "blank lines do not count");
}

#[test]
fn a_file_has_the_address_that_lets_chat_gives_it() {
    let scene = Scene::in_room().with(at_home);
    const ID: &str = "6b035f6d8d054a41e16a0570";
    for (said, shown) in [
        ("upload://files/ID/a%20b.png", "https://chat.example/tea/files/ID/a%20b.png"),
        (
            "see upload://files/ID/photo.jpg, please",
            "see https://chat.example/tea/files/ID/photo.jpg, please",
        ),
        (
            "upload://files/ID/a.png\nupload://files/ID/b.png",
            "https://chat.example/tea/files/ID/a.png\nhttps://chat.example/tea/files/ID/b.png",
        ),
        ("https://chat.example/tea/files/ID/é.png", "https://chat.example/tea/files/ID/%C3%A9.png"),
        ("upload://files/ID/..%2f..%0d%0aQUIT", "https://chat.example/tea/files/ID/QUIT"),
        ("upload://logout?x.png", "upload://logout?x.png"),
    ] {
        let (said, shown) = (said.replace("ID", ID), shown.replace("ID", ID));
        assert_eq!(scene.body_on_irc(&said), shown);
    }
}

#[test]
fn what_somebody_does_in_a_room_is_an_action() {
    for (said, kind, shown) in [
        ("/me waves", MessageKind::Action, "bob waves"),
        ("/me waves at @ann", MessageKind::Action, "bob waves at ann"),
        ("/me waves\nand smiles", MessageKind::Action, "bob waves\nand smiles"),
        ("/me", MessageKind::Text, "<bob> /me"),
        ("//me waves", MessageKind::Text, "<bob> //me waves"),
        (" /me waves", MessageKind::Text, "<bob>  /me waves"),
    ] {
        let speech = Scene::in_room().to_irc(said);
        assert_eq!((speech.kind, speech.full_text().as_str()), (kind, shown), "{said:?}");
    }
    Scene::in_room().in_letschat("/me waves", "* bob waves");
    Scene::on_irc().in_letschat("/me waves", "<ann> /me waves");
}

#[test]
fn lines_of_one_person_are_one_message() {
    let scene = Scene::on_irc();
    let [one, two, three] = ["one", "\x02two", "  three"].map(|body| scene.message(body));
    let more = [&two, &three].into_iter();
    let told = to_letschat(&one, more, MessagePart::Whole, &scene.manners, &scene, scene.told_at);
    assert_eq!(told.full_text(), "<ann> one\ntwo\n  three");
    assert!(goes_on(&one, &two, &scene.channel, &scene.manners));
    assert!(!goes_on(&one, &two, &scene.room, &scene.manners), "they are messages there already");
    let never = Scene::on_irc().with(|manners| manners.room.join = Join::Never);
    assert!(!goes_on(&one, &two, &never.channel, &never.manners));
}

#[test]
fn a_picture_comes_behind_its_name() {
    let scene = Scene::on_irc();
    let part = |part, body| {
        let message = scene.message(body);
        let more = std::iter::empty();
        to_letschat(&message, more, part, &scene.manners, &scene, scene.told_at).full_text()
    };
    let picture = "\x02http://a.example/x.png\x02";
    assert!(comes_apart(&scene.message(picture), &scene.channel, &scene.manners));
    assert_eq!(part(MessagePart::Name, picture), "<ann>");
    assert_eq!(part(MessagePart::Text, picture), "http://a.example/x.png");
    assert!(!comes_apart(
        &scene.message("see http://a.example/x.png"),
        &scene.channel,
        &scene.manners
    ));
    let off = Scene::on_irc().with(|manners| manners.room.pictures = false);
    assert!(!comes_apart(&off.message(picture), &off.channel, &off.manners));
}

#[test]
fn what_is_said_to_programs_stands_alone_behind_its_name() {
    let passthrough = regex::Regex::new("^(!|hubot )").ok();
    let scene = Scene::in_room().with(|manners| manners.passthrough = passthrough.clone());
    let passes = |body| passes_through(&scene.message(body), &scene.room, &scene.manners);
    for (body, through) in [
        ("!deploy", true),
        ("hubot ping", true),
        ("\u{2}!deploy", true),
        ("hubots are fine", false),
        ("say !deploy", false),
        ("!deploy\n<ann> I quit", false),
        ("", false),
    ] {
        assert_eq!(passes(body), through, "{body:?}");
    }
    let part = |part| {
        let message = scene.message("!deploy");
        to_irc(&message, part, &scene.manners, &scene, None, scene.told_at)
    };
    let said =
        |body: &str| RenderedMessage { kind: MessageKind::Text, prefix: String::new(), body: body.to_owned() };
    assert_eq!(part(MessagePart::Name), said("<bob>"));
    assert_eq!(part(MessagePart::Text), said("!deploy"));
    let off = Scene::in_room();
    assert!(!passes_through(&off.message("!deploy"), &off.room, &off.manners));
    let doing = Scene { kind: MessageKind::Action, ..Scene::in_room() };
    let doing = doing.with(|manners| manners.passthrough = passthrough);
    assert!(!passes_through(&doing.message("!deploy"), &doing.room, &doing.manners));
}
