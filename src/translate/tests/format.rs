//! How each kind of message is rendered.

use super::*;

#[test]
fn each_message_kind_has_its_prefix() {
    for (kind, in_letschat, in_channel) in [
        (MessageKind::Text, "<ann> hi", "<ann> hi"),
        (MessageKind::Action, "* ann hi", "ann hi"),
        (MessageKind::Notice, "-ann- hi", "<ann> hi"),
    ] {
        let scene = TranslateFixture { kind, ..TranslateFixture::on_irc() };
        scene.assert_in_letschat("hi", in_letschat);
        let scene =
            TranslateFixture { kind, nicks: Vec::new(), ..TranslateFixture::in_room().by("ann") };
        scene.assert_in_channel("hi", in_channel);
        assert_eq!(scene.to_irc("hi").kind, kind);
    }
    let bridge =
        |scene: TranslateFixture| TranslateFixture { kind: MessageKind::Notice, ..scene.by("") };
    bridge(TranslateFixture::on_irc())
        .assert_in_letschat("two messages are missing", "-- two messages are missing");
    bridge(TranslateFixture::in_room())
        .assert_in_channel("two messages are missing", "two messages are missing");
}

#[test]
fn late_messages_show_their_time() {
    let now = Timestamp::from_second(3_600).expect("a time");
    let late = |scene| TranslateFixture { now, ..scene };
    late(TranslateFixture::on_irc()).assert_in_letschat("hi", "[00:00Z] <ann> hi");
    late(TranslateFixture::in_room()).assert_in_channel("hi", "[00:00Z] <bob> hi");
    let action = |scene| TranslateFixture { kind: MessageKind::Action, ..scene };
    late(action(TranslateFixture::on_irc())).assert_in_letschat("waves", "[00:00Z] * ann waves");
    let template = Template::parse("{time} <{nick}> ").expect("a template");
    let timed = |format: &mut LinkFormat| format.room.prefixes.text = template;
    late(TranslateFixture::on_irc().with(timed)).assert_in_letschat("hi", "00:00Z <ann> hi");
}

#[test]
fn formatting_is_stripped_or_becomes_markers() {
    TranslateFixture::on_irc().assert_in_letschat("\x02so\x02 \x0304red\x03", "<ann> so red");
    let marks = |format: &mut LinkFormat| format.room.formatting = Formatting::Markers;
    TranslateFixture::on_irc()
        .with(marks)
        .assert_in_letschat("\x02so\x02 \x0304red\x03", "<ann> *so* red");
    // Formatting is kept between channels.
    TranslateFixture::on_irc().by("zoe").assert_in_channel("\x02so\x02", "<zoe> \x02so\x02");
}

#[test]
fn all_template_fields_are_filled() {
    let template = |text: &str| Template::parse(text).expect("a template");
    let scene = TranslateFixture::on_irc().with(|format| {
        format.room.prefixes.text = template("{nick} ({account}) on {network} in {channel}: ");
    });
    scene.assert_in_letschat("hi", "ann () on office in #dev: hi");
    let author = Author {
        name: "bob".to_owned(),
        display_name: Some("Bob\u{202e} B> .".to_owned()),
        ..Author::default()
    };
    let scene = TranslateFixture { author, ..TranslateFixture::in_room() }.with(|format| {
        format.channel.prefixes.text = template("<{display_name}> {network}/{room} ");
    });
    scene.assert_in_channel("hi", "<Bob B· .> letschat/tea hi".replace("B· .", "B·.").as_str());
}

#[test]
fn shortcodes_become_emoji_when_enabled() {
    TranslateFixture::in_room().assert_in_channel("hi :tea:", "<bob> hi :tea:");
    let unicode = |format: &mut LinkFormat| format.channel.emotes = Emotes::Unicode;
    TranslateFixture::in_room().with(unicode).assert_in_channel("hi :tea:", "<bob> hi 🍵");
}

/// Sets the URL of Let's Chat.
fn at_home(format: &mut LinkFormat) {
    format.room.letschat_url = url::Url::parse("https://chat.example/tea/").ok();
}

#[test]
fn long_message_is_truncated_and_names_the_full_text() {
    let body = "1\n2\n3\n4\n5";
    let short = "1\n2\n3\n… 2 more lines";
    assert_eq!(TranslateFixture::in_room().body_on_irc(body), short);
    let there = format!("{short}: https://chat.example/tea/#!/room/6b035f6d8d054a41e16a0570");
    assert_eq!(TranslateFixture::in_room().with(at_home).body_on_irc(body), there);
    let all = |format: &mut LinkFormat| format.channel.long_messages = LongMessages::All;
    assert_eq!(TranslateFixture::in_room().with(all).body_on_irc(body), body);
    assert_eq!(
        TranslateFixture::on_irc().with(at_home).body_on_irc(body),
        body,
        "it was several messages"
    );
    let blank = "1\n\u{200b}\n2\n\u{3}04\n3\n\u{2800}\n4";
    assert!(
        TranslateFixture::in_room().body_on_irc(blank).ends_with('4'),
        "blank lines do not count"
    );
}

#[test]
fn file_has_the_url_of_letschat() {
    let scene = TranslateFixture::in_room().with(at_home);
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
fn me_command_in_a_room_is_an_action() {
    for (said, kind, shown) in [
        ("/me waves", MessageKind::Action, "bob waves"),
        ("/me waves at @ann", MessageKind::Action, "bob waves at ann"),
        ("/me waves\nand smiles", MessageKind::Action, "bob waves\nand smiles"),
        ("/me", MessageKind::Text, "<bob> /me"),
        ("//me waves", MessageKind::Text, "<bob> //me waves"),
        (" /me waves", MessageKind::Text, "<bob>  /me waves"),
    ] {
        let rendered = TranslateFixture::in_room().to_irc(said);
        assert_eq!((rendered.kind, rendered.full_text().as_str()), (kind, shown), "{said:?}");
    }
    TranslateFixture::in_room().assert_in_letschat("/me waves", "* bob waves");
    TranslateFixture::on_irc().assert_in_letschat("/me waves", "<ann> /me waves");
}

#[test]
fn consecutive_lines_of_one_author_merge() {
    let scene = TranslateFixture::on_irc();
    let [one, two, three] = ["one", "\x02two", "  three"].map(|body| scene.message(body));
    let more = [&two, &three].into_iter();
    let told = to_letschat(&one, more, MessagePart::Whole, &scene.format, &scene, scene.now);
    assert_eq!(told.full_text(), "<ann> one\ntwo\n  three");
    assert!(continues(&one, &two, &scene.channel, &scene.format));
    assert!(!continues(&one, &two, &scene.room, &scene.format), "they are messages there already");
    let never =
        TranslateFixture::on_irc().with(|format| format.room.merge_lines = MergeLines::Never);
    assert!(!continues(&one, &two, &never.channel, &never.format));
}

#[test]
fn image_url_is_posted_after_the_author_line() {
    let scene = TranslateFixture::on_irc();
    let part = |part, body| {
        let message = scene.message(body);
        let more = std::iter::empty();
        to_letschat(&message, more, part, &scene.format, &scene, scene.now).full_text()
    };
    let picture = "\x02http://a.example/x.png\x02";
    assert!(needs_split(&scene.message(picture), &scene.channel, &scene.format));
    assert_eq!(part(MessagePart::Name, picture), "<ann>");
    assert_eq!(part(MessagePart::Text, picture), "http://a.example/x.png");
    assert!(!needs_split(
        &scene.message("see http://a.example/x.png"),
        &scene.channel,
        &scene.format
    ));
    let off = TranslateFixture::on_irc().with(|format| format.room.inline_images = false);
    assert!(!needs_split(&off.message(picture), &off.channel, &off.format));
}

#[test]
fn passthrough_text_is_posted_after_the_author_line() {
    let passthrough = regex::Regex::new("^(!|hubot )").ok();
    let scene = TranslateFixture::in_room().with(|format| format.passthrough = passthrough.clone());
    let passes = |body| is_passthrough(&scene.message(body), &scene.room, &scene.format);
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
        to_irc(&message, part, &scene.format, &scene, None, scene.now)
    };
    let said = |body: &str| RenderedMessage {
        kind: MessageKind::Text,
        prefix: String::new(),
        body: body.to_owned(),
    };
    assert_eq!(part(MessagePart::Name), said("<bob>"));
    assert_eq!(part(MessagePart::Text), said("!deploy"));
    let off = TranslateFixture::in_room();
    assert!(!is_passthrough(&off.message("!deploy"), &off.room, &off.format));
    let doing = TranslateFixture { kind: MessageKind::Action, ..TranslateFixture::in_room() };
    let doing = doing.with(|format| format.passthrough = passthrough);
    assert!(!is_passthrough(&doing.message("!deploy"), &doing.room, &doing.format));
}
