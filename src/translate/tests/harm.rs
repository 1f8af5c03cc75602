//! What nobody on one side can do to people on the other.

use super::*;

#[test]
fn not_everybody_notifies_everybody() {
    let scene = Scene::on_irc();
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
        scene.in_letschat(text, &format!("<ann> {shown}"));
    }
    let boss = Whom::These(vec![Who::Name("ANN".to_owned())]);
    let scene = Scene::on_irc().with(|manners| manners.room.may_notify_all = boss);
    scene.in_letschat("@all hi", "<ann> @all hi");
    Scene { author: Author::named("eve"), ..scene }.in_letschat("@all", "<eve> @\u{200b}all");
}

#[test]
fn whoever_may_not_notify_does_not() {
    let scene = Scene::on_irc().with(|manners| manners.room.may_notify = Whom::nobody());
    scene.in_letschat("bob: hi", "<ann> bob: hi");
    scene.in_letschat("hi @bob", "<ann> hi @\u{200b}bob");
    scene.in_letschat("http://a.example/@bob", "<ann> http://a.example/%40bob");
}

#[test]
fn no_name_lends_its_rights_to_whoever_is_told_under_it() {
    let boss = || Whom::These(vec![Who::Name("boss".to_owned())]);
    let text = regex::Regex::new("^<(?<nick>[^>]+)> (?<text>.*)$").expect("a pattern");
    let unwrap = Unwrap { on: None, who: vec![Who::Name("relay".to_owned())], text };
    let scene = Scene::on_irc().by("relay").with(|manners| {
        manners.room.may_notify_all = boss();
        manners.rules.unwrap.push(unwrap);
    });
    scene.in_letschat("<boss> @all hi", "<boss> @\u{200b}all hi");
}

#[test]
fn from_room_to_room_a_name_is_a_name() {
    let scene = Scene::in_room().people(&[("dave", Who::Name("carl".to_owned()))]);
    scene.in_letschat("@carl, @bob and @all: hi", "<bob> @carl, @bob and @\u{200b}all: hi");
}

#[test]
fn no_line_of_a_paste_is_somebody_elses() {
    let scene = Scene::on_irc();
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
        scene.in_letschat(&format!("1\n{line}\n3"), &format!("<ann> 1\n{shown}\n3"));
    }
    scene.in_letschat("<bob> I quit", "<ann> <bob> I quit");
}

#[test]
fn no_name_can_pass_for_another() {
    for (name, shown) in [
        ("bob> hi\r\n<eve", "<bob·hi <eve> x"),
        ("b\u{200b}ob", "<bob> x"),
        ("\u{202e}bob", "<bob> x"),
        ("b\u{1}ob", "<bob> x"),
    ] {
        Scene { nicks: Vec::new(), ..Scene::in_room().by(name) }.in_channel("x", shown);
        Scene::on_irc().by(name).in_letschat("x", shown);
    }
}

#[test]
fn the_server_s_own_addresses_are_no_pictures() {
    let letschat = url::Url::parse("https://chat.example.org/").expect("an address");
    let bare = Template::parse("").expect("a template");
    let scene = Scene::on_irc().with(|manners| {
        manners.room.letschat = Some(letschat);
        manners.room.names.talk = bare;
    });
    for text in ["https://chat.example.org/logout?x.png", "upload://logout?x.png"] {
        scene.in_letschat(text, &format!("\u{200b}{text}"));
        assert!(!comes_apart(&scene.message(text), &scene.channel, &scene.manners));
    }
    scene.in_letschat("http://a.example/x.png", "http://a.example/x.png");
}

#[test]
fn nobody_asks_anything_of_anybodys_client() {
    let bare = Template::parse("").expect("a template");
    let scene = Scene::in_room().with(|manners| manners.channel.names.talk = bare);
    scene.in_channel("\u{1}VERSION\u{1}", "␁VERSION␁");
}

/// Whether `c` is for nobody's eyes.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `text` notifies everybody in a room, as its page has it.
fn notifies_all(text: &str) -> bool {
    let page = regex::Regex::new(r"(?i)(?-u:\B)@all(?-u:\b)").expect("a pattern");
    page.is_match(text)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_forbidden_reaches_anybody_whatever_is_said(
        body in "(?s).{0,40}|[\u{0}-\u{20}\u{7f}-\u{a0}\u{2000}-\u{2070}\u{feff}@<>\\-*\\[\\]a-z:/.]{0,60}|(@all|\u{2}|\u{200b}|\n| ){0,12}",
        name in "(?s).{0,40}|[\u{0}-\u{20}\u{300}-\u{310}\u{2028}-\u{202e}a-z@]{0,900}",
        action in proptest::bool::ANY,
    ) {
        for mut scene in [Scene::on_irc(), Scene::in_room()] {
            scene.author.display_name = Some(name.clone());
            scene.author.name = name.clone();
            scene.kind = if action { MessageKind::Action } else { MessageKind::Text };
            let said = scene.to_letschat(&body);
            proptest::prop_assert!(!said.contains(is_forbidden), "{said:?}");
            proptest::prop_assert!(scene.said_in_room || !notifies_all(&said), "{said:?}");
            let speech = scene.to_irc(&body);
            let codes = |c: char| "\u{2}\u{3}\u{4}\u{f}\u{11}\u{16}\u{1d}\u{1e}\u{1f}".contains(c);
            let may = |c: char| !scene.said_in_room && codes(c);
            proptest::prop_assert!(!speech.body.contains(|c| is_forbidden(c) && !may(c)), "{speech:?}");
            proptest::prop_assert!(!speech.prefix.contains(is_forbidden), "{speech:?}");
            proptest::prop_assert!(speech.prefix.len() <= 140, "{speech:?}");
        }
    }
}
