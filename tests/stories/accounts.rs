//! People of IRC speak by accounts of their own in Let's Chat.

use jiff::SignedDuration;
use letsbridge::bridge::{BridgePolicy, ConfiguredAccount, PersonPolicy};
use letsbridge::domain::{LetsChatUserId, Secret};
use letsbridge::translate::UserMatcher;

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN};

/// A world that has joined both sides.
fn joined() -> World {
    joined_as(World::new(&["office/#tea tea"]).with_accounts(|_| {}).without_merging())
}

fn joined_as(mut world: World) -> World {
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}

/// A world in which dave has an account.
fn with_dave() -> World {
    let mut world = joined();
    world.tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#["messages:create",{"room":"r1","text":"<dave> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < ready dave.irc u-dave
        "#,
    );
    world
}

/// `messages:new` of a post.
fn post(number: u32, user: &str, name: &str, text: &str) -> String {
    format!(
        r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"{user}","username":"{name}"}},"room":{{"id":"r1"}}}}]"#
    )
}

#[test]
fn first_message_goes_by_the_bot_and_the_next_by_the_account() {
    with_dave().tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :two
        accounts > post u-dave r1 two
        accounts < posted u-dave 6b0000010000000000000002
        irc < :dave!d@home.example PRIVMSG #tea :\x01ACTION waves\x01
        accounts > post u-dave r1 * dave waves
        accounts < posted u-dave 6b0000010000000000000003
        "#,
    );
}

#[test]
fn messages_before_the_account_is_made_go_by_the_bot() {
    joined().tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#a["messages:create",{"room":"r1","text":"<dave> one"}]
        irc < :dave!d@home.example PRIVMSG #tea :two
        lc < 43#a[{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<dave> two"}]
        "#,
    );
}

#[test]
fn one_delivery_is_under_way_whoever_sends_it() {
    with_dave().tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :two
        accounts > post u-dave r1 two
        irc < :ann!a@host PRIVMSG #tea :three
        irc < :dave!d@home.example PRIVMSG #tea :four
        accounts < posted u-dave 6b0000010000000000000002
        accounts > register ann.irc as ann
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        lc < 43#[{"id":"6b0000010000000000000003","text":"<ann> three","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts > post u-dave r1 four
        "#,
    );
}

#[test]
fn own_post_is_not_mirrored_whether_it_is_heard_before_or_after_the_answer() {
    let mut world = with_dave();
    world.tell("irc < :dave!d@home.example PRIVMSG #tea :two\naccounts > post u-dave r1 two");
    world.tell(&post(2, "u-dave", "dave.irc", "two"));
    // It is there: the next one can follow at once, and the answer changes nothing.
    world.tell("irc < :dave!d@home.example PRIVMSG #tea :two\naccounts > post u-dave r1 two");
    world.tell("accounts < posted u-dave 6b0000010000000000000002");
    world.tell("accounts < posted u-dave 6b0000010000000000000003");
    world.tell(&post(3, "u-dave", "dave.irc", "two"));
    world.tell(&post(2, "u-dave", "dave.irc", "two"));
}

#[test]
fn lost_answer_is_looked_for_by_the_account() {
    let mut world = with_dave();
    world.tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :two
        accounts > post u-dave r1 two
        accounts < unknown u-dave
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000010000000000000009","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u-dave","username":"dave.irc"},"room":"r1"}]]
        irc < :dave!d@home.example PRIVMSG #tea :three
        accounts > post u-dave r1 three
        "#,
    );
}

#[test]
fn restart_looks_for_the_post_of_an_account() {
    let mut world = with_dave();
    world.tell("irc < :dave!d@home.example PRIVMSG #tea :two\naccounts > post u-dave r1 two");
    world.tell("restart");
    world.tell_on(
        r#"
        lc connects
        accounts > add u-dave dave.irc
        lc < 43#[[{"id":"r1","slug":"tea","name":"Tea"}]]
        "#,
    );
}

#[test]
fn account_that_cannot_post_leaves_it_to_the_bot_in_order() {
    for (failure, then) in [
        ("forbidden", "lc > 42#[\"messages:create\",{\"room\":\"r1\",\"text\":\"<dave> three\"}]"),
        (
            "unreachable",
            "lc > 42#[\"messages:create\",{\"room\":\"r1\",\"text\":\"<dave> three\"}]",
        ),
        ("no session", "lc > 42#[\"messages:create\",{\"room\":\"r1\",\"text\":\"<dave> three\"}]"),
    ] {
        let mut world = with_dave();
        world.tell(&format!(
            r#"
            irc < :dave!d@home.example PRIVMSG #tea :two
            accounts > post u-dave r1 two
            irc < :dave!d@home.example PRIVMSG #tea :three
            accounts < {failure} u-dave
            lc > 42#["messages:create",{{"room":"r1","text":"<dave> two"}}]
            lc < 43#[{{"id":"6b0000010000000000000002","text":"<dave> two","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
            {then}
            lc < 43#[{{"id":"6b0000010000000000000003","text":"<dave> three","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
            "#
        ));
        if failure == "no session" {
            world.tell("accounts < signed in u-dave");
        } else {
            world.quietly(605);
        }
        world.tell_on(
            "irc < :dave!d@home.example PRIVMSG #tea :four\naccounts > post u-dave r1 four",
        );
    }
}

#[test]
fn taken_user_name_makes_way_for_the_next() {
    joined().tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#["messages:create",{"room":"r1","text":"<dave> one"}]
        accounts < taken dave.irc
        accounts > register dave2.irc as dave
        accounts < ready dave2.irc u-dave
        "#,
    );
}

#[test]
fn nick_change_changes_the_display_name_and_not_the_account() {
    let mut world = with_dave();
    world.tell("irc < :dave!d@home.example JOIN #tea\nirc < :dave!d@home.example NICK :dave_");
    world.tell(
        r#"
        irc < :dave_!d@home.example PRIVMSG #tea :two
        accounts > rename u-dave dave_
        accounts > post u-dave r1 two
        "#,
    );
}

#[test]
fn somebody_else_with_the_nick_does_not_get_the_account() {
    with_dave().tell(
        r#"
        irc < :dave!evil@elsewhere.invalid PRIVMSG #tea :I am dave
        lc > 42#["messages:create",{"room":"r1","text":"<dave> I am dave"}]
        "#,
    );
}

/// A world in which dave speaks as david, his own account.
fn with_david() -> World {
    let own = ConfiguredAccount {
        user: LetsChatUserId("u-david".into()),
        username: "david".to_owned(),
        token: Secret::new("t"),
    };
    let person = PersonPolicy {
        matchers: vec![UserMatcher::Name("dave".to_owned())],
        network: None,
        email: None,
        uses_account: None,
        own: Some(own),
    };
    let mut world = World::new(&["office/#tea tea"])
        .with_accounts(|policy| {
            policy.people = vec![person];
            policy.link_requires_account = false;
        })
        .without_merging();
    world.tell_on("lc connects\naccounts > add u-david david");
    world.tell(LETSCHAT_IN.trim_start().trim_start_matches("lc connects"));
    world.tell(IRC_IN);
    world
}

#[test]
fn what_a_linked_person_types_in_the_page_goes_to_irc_and_their_irc_lines_do_not_come_back() {
    let mut world = with_david();
    world.tell(
        "irc < :dave!d@home.example PRIVMSG #tea :from irc\naccounts > post u-david r1 from irc",
    );
    world.tell("accounts < posted u-david 6b0000010000000000000002");
    world.tell(&post(2, "u-david", "david", "from irc"));
    world.tell(&post(3, "u-david", "david", "from the page"));
}

#[test]
fn person_of_the_configuration_gets_no_other_account_and_is_told_when_theirs_is_lost() {
    let mut world = with_david();
    world.tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :one
        accounts > post u-david r1 one
        accounts < no session u-david
        lc > 42#["messages:create",{"room":"r1","text":"<dave> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :dave!d@home.example PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<dave> two"}]
        lc < 43#[{"id":"6b0000010000000000000002","text":"<dave> two","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < lost u-david
        irc > NOTICE dave :Let's Chat no longer lets the bridge post as david (revoked). Your messages are posted by the bridge again. The bridge's administrator can give it a new token
        irc < :dave!d@home.example PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<dave> three"}]
        "#,
    );
}

#[test]
fn same_text_from_both_sides_waits_for_the_answer() {
    // Theirs is heard first.
    let mut world = with_david();
    world.tell("irc < :dave!d@home.example PRIVMSG #tea :ok\naccounts > post u-david r1 ok");
    world.tell(&post(2, "u-david", "david", "ok"));
    world.tell(&post(3, "u-bob", "bob", "after"));
    world.tell(
        r#"
        accounts < posted u-david 6b0000010000000000000004
        irc > PRIVMSG #tea :<david> ok
        irc > PING said-2
        irc < :irc.example PONG irc.example said-2
        irc > PRIVMSG #tea :<bob> after
        "#,
    );
    world.tell(&post(4, "u-david", "david", "ok"));
    // Ours is heard first.
    let mut world = with_david();
    world.tell("irc < :dave!d@home.example PRIVMSG #tea :ok\naccounts > post u-david r1 ok");
    world.tell(&post(2, "u-david", "david", "ok"));
    world.tell("accounts < posted u-david 6b0000010000000000000002");
    world.tell(&format!("{}\nirc > PRIVMSG #tea :<david> ok", post(3, "u-david", "david", "ok")));
}

#[test]
fn image_of_an_account_needs_no_name_before_it() {
    with_dave().tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :http://pics.example/cat.png
        accounts > post u-dave r1 http://pics.example/cat.png
        accounts < forbidden u-dave
        lc > 42#["messages:create",{"room":"r1","text":"<dave>"}]
        lc < 43#[{"id":"6b0000010000000000000002","text":"<dave>","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"http://pics.example/cat.png"}]
        "#,
    );
}

#[test]
fn mention_of_an_account_reaches_its_person() {
    let mut world = with_dave();
    world.tell("irc < :dave!d@home.example JOIN #tea");
    world.tell(&format!(
        "{}\nirc > PRIVMSG #tea :<bob> dave: hello",
        post(7, "u-bob", "bob", "@dave.irc hello")
    ));
}

#[test]
fn bot_says_once_in_a_room_with_accounts_what_it_is() {
    let policy = BridgePolicy { announce: true, ..BridgePolicy::default() };
    let world = World::new(&["office/#tea tea"]).with_policy(policy).with_accounts(|_| {});
    let mut world = world;
    world.tell_on(LETSCHAT_IN);
    world.tell(
        r##"
        lc > 42#["messages:create",{"room":"r1","text":"-- bridge to IRC: what is written here also appears in #tea on office, and the other way round. People from IRC have accounts here, which post for them. @\u200bbridge who lists who is there"}]
        lc < 43#[{"id":"6b0000000000000000000002","text":"-","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        restart
        "##,
    );
    world.tell_on(crate::LETSCHAT_IN_AGAIN);
    let (_, sent) = world.sent();
    assert!(!sent.iter().any(|frame| frame.contains("messages:create")), "{sent:?}");
}

#[test]
fn session_of_somebody_silent_ends_and_is_made_anew_when_they_speak() {
    let world = World::new(&["office/#tea tea"]);
    let mut world = joined_as(
        world
            .with_accounts(|policy| policy.session_idle = Some(SignedDuration::from_mins(10)))
            .without_merging(),
    );
    world.tell(
        r#"
        irc < :dave!d@home.example PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#["messages:create",{"room":"r1","text":"<dave> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < ready dave.irc u-dave
        "#,
    );
    world.quietly(610);
    world.tell(
        r#"
        accounts > remove u-dave
        irc < :dave!d@home.example PRIVMSG #tea :two
        accounts > add u-dave dave.irc
        lc > 42#["messages:create",{"room":"r1","text":"<dave> two"}]
        lc < 43#[{"id":"6b0000010000000000000002","text":"<dave> two","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < ready dave.irc u-dave
        irc < :dave!d@home.example PRIVMSG #tea :three
        accounts > post u-dave r1 three
        "#,
    );
}

#[test]
fn person_who_leaves_is_no_longer_shown_as_present() {
    let world = World::new(&["office/#tea tea"]);
    let mut world =
        joined_as(world.with_accounts(|policy| policy.shows_speakers = true).without_merging());
    world.tell(
        r#"
        irc < :dave!d@home.example JOIN #tea
        irc < :dave!d@home.example PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#["messages:create",{"room":"r1","text":"<dave> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < ready dave.irc u-dave
        irc < :dave!d@home.example PART #tea
        accounts > leave u-dave
        "#,
    );
}
