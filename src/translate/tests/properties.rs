//! Properties that hold for every text.

use proptest::prelude::*;

use super::*;

/// Texts with something to convert, and others.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,8}",
        "\\PC{0,8}",
        "[@#:<]?(bob|ann|carl|all|tea|dev|smile)[:,>.@!]?",
        "http://[a-z]{1,5}\\.example/(@all|[a-z@#:]{0,6})(\\.png)?",
        "[\u{2}\u{3}\u{f}\u{1d}\u{200b}0-9,]{0,4}",
        "upload://[a-z]{0,4}",
        "\n( |<bob> |-- )?",
    ];
    prop::collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

/// The visible characters of a text.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !c.is_whitespace() && !"\u{200b}@".contains(*c))
        .collect()
}

fn all_options_on(scene: TranslateFixture) -> TranslateFixture {
    scene.with(|format| {
        format.room.formatting = Formatting::Markers;
        format.channel.emotes = Emotes::Unicode;
        format.channel.color_nicks = true;
        format.channel.long_messages = LongMessages::Cut;
    })
}

proptest! {
    #[test]
    fn plain_text_is_unchanged(text in "[a-zA-Z0-9 .,;!?'()/*_+=~éß漢🫖-]{0,80}") {
        prop_assert_eq!(TranslateFixture::on_irc().to_letschat(&text), format!("<ann> {text}"));
        prop_assert_eq!(TranslateFixture::in_room().body_on_irc(&text), text);
    }

    #[test]
    fn any_text_renders_without_panic(text in text()) {
        for scene in [TranslateFixture::on_irc(), TranslateFixture::in_room(), all_options_on(TranslateFixture::on_irc()), all_options_on(TranslateFixture::in_room())] {
            scene.to_letschat(&text);
            scene.to_irc(&text);
            let _ = needs_split(&scene.message(&text), &scene.channel, &scene.format);
        }
    }

    #[test]
    fn visible_characters_survive_rendering(text in "[a-z\u{2}\u{1d}\u{f} @:<>\n.é🫖]{0,60}") {
        let scene = TranslateFixture { users: Vec::new(), nicks: Vec::new(), ..TranslateFixture::on_irc() };
        let lines = text.replace('\n', " ");
        prop_assert_eq!(visible(&scene.to_letschat(&lines)), format!("<ann>{}", visible(&lines)));
        let scene = TranslateFixture { users: Vec::new(), nicks: Vec::new(), ..TranslateFixture::in_room() };
        let scene = scene.with(|format| format.channel.long_messages = LongMessages::All);
        prop_assert_eq!(visible(&scene.body_on_irc(&text)), visible(&text));
    }

    #[test]
    fn no_text_mentions_without_rights(text in text()) {
        let scene = TranslateFixture::on_irc().with(|format| format.room.allow_mentions_from = UserSet::empty());
        let notifies = regex::Regex::new(r"(?i)(?:^|[^0-9a-z_])@(?:bob|all)(?:$|[^0-9a-z_@])").expect("a pattern");
        let told = scene.to_letschat(&text);
        prop_assert!(!notifies.is_match(&told), "{told:?}");
    }

    #[test]
    fn addressed_text_round_trips(text in "[a-z ]{1,20}[a-z]", who in "bob|dave") {
        let said = format!("{who}: {text}");
        let there = TranslateFixture::on_irc().to_letschat(&said);
        let there = there.strip_prefix("<ann> ").expect("a name");
        let nicks = vec![("bob", None), ("dave", None)];
        let back = TranslateFixture { nicks, ..TranslateFixture::in_room() }.body_on_irc(there);
        prop_assert_eq!(back.split_whitespace().collect::<String>(), said.split_whitespace().collect::<String>());
    }
}
