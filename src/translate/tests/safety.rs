//! What users on one side must not be able to do to users on the other.

use super::*;

#[test]
fn all_mention_is_defused_unless_allowed() {
    let scene = TranslateFixture::on_irc();
    for (text, shown) in [
        ("@all hi", "@\u{200b}all hi"),
        ("hi @ALL!", "hi @\u{200b}ALL!"),
        ("é@all-hands", "é@\u{200b}all-hands"),
        ("@ball", "@ball"),
        ("@allison", "@allison"),
        ("me@all.example", "me@all.example"),
        ("http://a.example/@all", "http://a.example/%40all"),
        ("http://a.example/@ann", "http://a.example/@ann"),
        ("all: hi", "all: hi"),
    ] {
        scene.assert_in_letschat(text, &format!("<ann> {shown}"));
    }
    let boss = UserSet::Only(vec![UserMatcher::Name("ANN".to_owned())]);
    let scene = TranslateFixture::on_irc().with(|format| format.room.allow_all_mention_from = boss);
    scene.assert_in_letschat("@all hi", "<ann> @all hi");
    TranslateFixture { author: Author::named("eve"), ..scene }
        .assert_in_letschat("@all", "<eve> @\u{200b}all");
}

#[test]
fn mentions_are_defused_for_users_without_rights() {
    let scene = TranslateFixture::on_irc()
        .with(|format| format.room.allow_mentions_from = UserSet::empty());
    scene.assert_in_letschat("bob: hi", "<ann> bob: hi");
    scene.assert_in_letschat("hi @bob", "<ann> hi @\u{200b}bob");
    scene.assert_in_letschat("http://a.example/@bob", "<ann> http://a.example/%40bob");
}

#[test]
fn extracted_nick_does_not_grant_mention_rights() {
    let boss = || UserSet::Only(vec![UserMatcher::Name("boss".to_owned())]);
    let text = regex::Regex::new("^<(?<nick>[^>]+)> (?<text>.*)$").expect("a pattern");
    let unwrap = ExtractNicksRule {
        side: None,
        users: vec![UserMatcher::Name("relay".to_owned())],
        pattern: text,
    };
    let scene = TranslateFixture::on_irc().by("relay").with(|format| {
        format.room.allow_all_mention_from = boss();
        format.rules.extract_nicks.push(unwrap);
    });
    scene.assert_in_letschat("<boss> @all hi", "<boss> @\u{200b}all hi");
}

#[test]
fn mentions_between_rooms_are_unchanged() {
    let scene =
        TranslateFixture::in_room().people(&[("dave", UserMatcher::Name("carl".to_owned()))]);
    scene.assert_in_letschat("@carl, @bob and @all: hi", "<bob> @carl, @bob and @\u{200b}all: hi");
}

#[test]
fn pasted_line_that_looks_like_another_author_gets_a_prefix() {
    let scene = TranslateFixture::on_irc();
    for (line, shown) in [
        ("<bob> I quit", "<ann> <bob> I quit"),
        ("* bob quits", "<ann> * bob quits"),
        ("-bob- I quit", "<ann> -bob- I quit"),
        ("-- 3 messages are missing", "<ann> -- 3 messages are missing"),
        ("[09:41Z] <bob> I quit", "<ann> [09:41Z] <bob> I quit"),
        ("\u{200b}<zoe> I quit", "<ann> <zoe> I quit"),
        ("\u{a0}<zoe> I quit", "<ann> \u{a0}<zoe> I quit"),
        ("\u{2028}<zoe> I quit", "<ann>  <zoe> I quit"),
        ("hi\u{85}<zoe> I quit", "hi <zoe> I quit"),
        ("<div>", "<div>"),
        ("  <b> x", "<ann>   <b> x"),
        ("    let x = 1;", "    let x = 1;"),
        ("hi", "hi"),
    ] {
        scene.assert_in_letschat(&format!("1\n{line}\n3"), &format!("<ann> 1\n{shown}\n3"));
    }
    scene.assert_in_letschat("<bob> I quit", "<ann> <bob> I quit");
}

#[test]
fn author_name_cannot_imitate_another() {
    for (name, shown) in [
        ("bob> hi\r\n<eve", "<bob·hi <eve> x"),
        ("b\u{200b}ob", "<bob> x"),
        ("\u{202e}bob", "<bob> x"),
        ("b\u{1}ob", "<bob> x"),
    ] {
        TranslateFixture { nicks: Vec::new(), ..TranslateFixture::in_room().by(name) }
            .assert_in_channel("x", shown);
        TranslateFixture::on_irc().by(name).assert_in_letschat("x", shown);
    }
}

#[test]
fn letschat_urls_are_not_shown_as_images() {
    let letschat = url::Url::parse("https://chat.example.org/").expect("an address");
    let bare = Template::parse("").expect("a template");
    let scene = TranslateFixture::on_irc().with(|format| {
        format.room.letschat_url = Some(letschat);
        format.room.prefixes.text = bare;
    });
    for text in ["https://chat.example.org/logout?x.png", "upload://logout?x.png"] {
        scene.assert_in_letschat(text, &format!("\u{200b}{text}"));
        assert!(!needs_split(&scene.message(text), &scene.channel, &scene.format));
    }
    scene.assert_in_letschat("http://a.example/x.png", "http://a.example/x.png");
}

#[test]
fn ctcp_delimiters_are_escaped() {
    let bare = Template::parse("").expect("a template");
    let scene = TranslateFixture::in_room().with(|format| format.channel.prefixes.text = bare);
    scene.assert_in_channel("\u{1}VERSION\u{1}", "␁VERSION␁");
}

/// Whether `c` must never be shown.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether Let's Chat notifies everybody in the room of `text`.
fn mentions_all(text: &str) -> bool {
    let page = regex::Regex::new(r"(?i)(?-u:\B)@all(?-u:\b)").expect("a pattern");
    page.is_match(text)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn rendered_text_has_no_forbidden_characters(
        body in "(?s).{0,40}|[\u{0}-\u{20}\u{7f}-\u{a0}\u{2000}-\u{2070}\u{feff}@<>\\-*\\[\\]a-z:/.]{0,60}|(@all|\u{2}|\u{200b}|\n| ){0,12}",
        name in "(?s).{0,40}|[\u{0}-\u{20}\u{300}-\u{310}\u{2028}-\u{202e}a-z@]{0,900}",
        action in proptest::bool::ANY,
    ) {
        for mut scene in [TranslateFixture::on_irc(), TranslateFixture::in_room()] {
            scene.author.display_name = Some(name.clone());
            scene.author.name = name.clone();
            scene.kind = if action { MessageKind::Action } else { MessageKind::Text };
            let said = scene.to_letschat(&body);
            proptest::prop_assert!(!said.contains(is_forbidden), "{said:?}");
            proptest::prop_assert!(scene.said_in_room || !mentions_all(&said), "{said:?}");
            let rendered = scene.to_irc(&body);
            let codes = |c: char| "\u{2}\u{3}\u{4}\u{f}\u{11}\u{16}\u{1d}\u{1e}\u{1f}".contains(c);
            let may = |c: char| !scene.said_in_room && codes(c);
            proptest::prop_assert!(!rendered.body.contains(|c| is_forbidden(c) && !may(c)), "{rendered:?}");
            proptest::prop_assert!(!rendered.prefix.contains(is_forbidden), "{rendered:?}");
            proptest::prop_assert!(rendered.prefix.len() <= 140, "{rendered:?}");
        }
    }
}
