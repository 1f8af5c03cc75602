//! Mentions of users who are on both sides.

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, story};

#[test]
fn nick_becomes_a_mention_only_for_users_in_the_room() {
    let mut world = World::new(&["office/#tea tea"]).with_user_lists();
    // The users of the room are requested as soon as it is joined.
    let asked = LETSCHAT_IN
        .replace(
            r#"lc < 43#[{"id":"r1","slug":"tea"}]"#,
            r#"lc < 43#[{"id":"r1","slug":"tea"}]
               lc > 42#["rooms:users",{"room":"r1"}]"#,
        )
        .replace(
            r#"lc > 42#["messages:list""#,
            r#"lc < 43#[[{"id":"u0","username":"bridge"},{"id":"u1","username":"bob","displayName":"Bob"}]]
               lc > 42#["messages:list""#,
        );
    world.tell(&asked);
    world.tell(IRC_IN);
    let mut call = 5;
    let mut says = |world: &mut World, happens: &str, said: &str, told: &str| {
        call += 1;
        world.tell(&format!(
            r#"
            {happens}
            irc < :ann!a@host PRIVMSG #tea :{said}
            lc > 42#["messages:create",{{"room":"r1","text":"<ann> {told}"}}]
            lc < 43#[{{"id":"6b00002000000000000{call:05}","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
            "#
        ));
    };
    says(&mut world, "", "bob: hi", "@bob hi");
    says(&mut world, "", "bridge: hi", "bridge: hi");
    says(&mut world, "", "dave: hi", "dave: hi");
    let comes = r#"lc < 42["users:join",{"id":"u2","username":"dave","room":"r1"}]"#;
    says(&mut world, comes, "dave: hi", "@dave hi");
    let renamed = r#"lc < 42["users:update",{"id":"u2","username":"david"}]"#;
    says(&mut world, renamed, "david: hi", "@david hi");
    let leaves = r#"lc < 42["users:leave",{"id":"u2","username":"david","room":"r1"}]"#;
    says(&mut world, leaves, "david: hi", "david: hi");
}

#[test]
fn user_who_has_posted_in_the_room_is_mentioned() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :bob: are you there?
        lc > 42#["messages:create",{"room":"r1","text":"<ann> bob: are you there?"}]
        lc < 43#[{"id":"6b0000000000000000000002","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"@ann yes","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> ann: yes
        irc > PING said-2
        irc < :ann!a@host PRIVMSG #tea :bob: good
        lc > 42#["messages:create",{"room":"r1","text":"<ann> @bob good"}]
        "#,
    );
}

#[test]
fn user_on_both_sides_is_not_mentioned_by_their_own_message() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"ann"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<a\u200bnn> hi
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc < :ann!a@host PART #tea
        lc < 42["messages:new",{"id":"6b0000010000000000000002","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"ann"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<ann> hi
        irc > PING said-2
        "#,
    );
}

#[test]
fn post_with_mentions_is_found_again_after_members_change() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(&crate::receipts::irc_in(crate::irc_catchup::KEEPS));
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"ann"},"room":{"id":"r1"}}]
        irc > @label=1.1 PRIVMSG #tea :<a\u200bnn> hi
        irc < @label=1.1;msgid=a :bridge!b@host PRIVMSG #tea :<a\u200bnn> hi
        "#,
    );
}
