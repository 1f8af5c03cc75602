//! What holds for every text.

use proptest::prelude::*;

use super::*;

/// Texts in which there is something to do, and others.
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

/// What can be seen of a text.
fn seen(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !c.is_whitespace() && !"\u{200b}@".contains(*c))
        .collect()
}

fn all_on(scene: Scene) -> Scene {
    scene.with(|manners| {
        manners.room.formatting = Formatting::Marks;
        manners.channel.emotes = Emotes::Unicode;
        manners.channel.colours = true;
        manners.channel.long = Long::Cut;
    })
}

proptest! {
    #[test]
    fn plain_text_stays_as_it_is(text in "[a-zA-Z0-9 .,;!?'()/*_+=~éß漢🫖-]{0,80}") {
        prop_assert_eq!(Scene::on_irc().to_letschat(&text), format!("<ann> {text}"));
        prop_assert_eq!(Scene::in_room().body_on_irc(&text), text);
    }

    #[test]
    fn no_text_is_too_much(text in text()) {
        for scene in [Scene::on_irc(), Scene::in_room(), all_on(Scene::on_irc()), all_on(Scene::in_room())] {
            scene.to_letschat(&text);
            scene.to_irc(&text);
            let _ = comes_apart(&scene.message(&text), &scene.channel, &scene.manners);
        }
    }

    #[test]
    fn everything_that_can_be_seen_arrives(text in "[a-z\u{2}\u{1d}\u{f} @:<>\n.é🫖]{0,60}") {
        let scene = Scene { users: Vec::new(), nicks: Vec::new(), ..Scene::on_irc() };
        let lines = text.replace('\n', " ");
        prop_assert_eq!(seen(&scene.to_letschat(&lines)), format!("<ann>{}", seen(&lines)));
        let scene = Scene { users: Vec::new(), nicks: Vec::new(), ..Scene::in_room() };
        let scene = scene.with(|manners| manners.channel.long = Long::All);
        prop_assert_eq!(seen(&scene.body_on_irc(&text)), seen(&text));
    }

    #[test]
    fn nobody_is_notified_by_who_may_not(text in text()) {
        let scene = Scene::on_irc().with(|manners| manners.room.may_notify = Whom::nobody());
        let notifies = regex::Regex::new(r"(?i)(?:^|[^0-9a-z_])@(?:bob|all)(?:$|[^0-9a-z_@])").expect("a pattern");
        let told = scene.to_letschat(&text);
        prop_assert!(!notifies.is_match(&told), "{told:?}");
    }

    #[test]
    fn what_is_said_to_somebody_comes_back_as_it_was(text in "[a-z ]{1,20}[a-z]", who in "bob|dave") {
        let said = format!("{who}: {text}");
        let there = Scene::on_irc().to_letschat(&said);
        let there = there.strip_prefix("<ann> ").expect("a name");
        let nicks = vec![("bob", None), ("dave", None)];
        let back = Scene { nicks, ..Scene::in_room() }.body_on_irc(there);
        prop_assert_eq!(back.split_whitespace().collect::<String>(), said.split_whitespace().collect::<String>());
    }
}
