//! Notices of joins, parts and topics, and answers to commands.

use letsbridge::translate::{LinkFormat, TopicSync};

use crate::{IRC_IN, LETSCHAT_IN, World, joined, story};

#[test]
fn recent_speaker_who_leaves_is_announced() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :kettle's on
        lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        irc < :ann!a@host QUIT :bye
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- ann left (bye)"}]
        "#,
    );
}

#[test]
fn silent_user_who_joins_or_leaves_is_not_announced() {
    story(
        r"
        irc < :eve!e@host JOIN #tea
        irc < :eve!e@host PART #tea
        irc < :ann!a@host QUIT :bye
        wait 4s
        ",
    );
}

#[test]
fn quick_rejoin_is_not_announced() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :kettle's on
        lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        irc < :ann!a@host QUIT :Ping timeout
        irc < :ann!a@host JOIN #tea
        wait 4s
        "#,
    );
}

#[test]
fn return_of_a_speaker_is_announced_before_their_message() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        irc < :ann!a@host PART #tea
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- ann left"}]
        lc < 43#[{"id":"6b0000000000000000000003"}]
        irc < :ann!a@host JOIN #tea
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"-- ann joined"}]
        lc < 43#[{"id":"6b0000000000000000000004"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn netsplit_is_announced_in_one_line() {
    story(
        r#"
        irc < :bob!b@host JOIN #tea
        wait 4s
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        irc < :bob!b@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<bob> two"}]
        lc < 43#[{"id":"6b0000000000000000000003"}]
        irc < :ann!a@host QUIT :a.example b.example
        irc < :bob!b@host QUIT :a.example b.example
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- netsplit (a.example b.example): ann and bob quit"}]
        "#,
    );
}

#[test]
fn changed_topic_is_announced() {
    story(
        r#"
        irc < :ann!a@host TOPIC #tea :Earl Grey
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- ann set the topic: Earl Grey"}]
        "#,
    );
}

#[test]
fn notice_that_cannot_be_sent_now_is_dropped() {
    joined().tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        lc lost
        irc < :ann!a@host QUIT :bye
        wait 4s
        "#,
    );
}

#[test]
fn command_on_irc_is_answered_by_a_private_notice() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :!status
        lc > 42#["messages:create",{"room":"r1","text":"<ann> !status"}]
        irc > NOTICE ann :room tea: joined, no messages queued
        lc < 43#[{"id":"6b0000000000000000000002"}]
        "#,
    );
}

/// A world in which topics and descriptions are synchronised.
fn joined_with_topic_sync() -> World {
    let manners = LinkFormat { topic_sync: TopicSync::Both, ..LinkFormat::default() };
    let mut world = World::new(&["office/#tea tea"]).with_format(manners);
    world.tell(&LETSCHAT_IN.replace(
        r#""slug":"tea"}"#,
        r#""slug":"tea","name":"Tea","description":"Assam","private":false,"hasPassword":false}"#,
    ));
    world.tell(IRC_IN);
    world
}

#[test]
fn topic_and_description_are_synchronised_without_a_loop() {
    joined_with_topic_sync().tell(
        r#"
        irc < :ann!a@host TOPIC #tea :Earl Grey
        lc > 42#["rooms:update",{"description":"Earl Grey","id":"r1","name":"Tea"}]
        lc < 42["rooms:update",{"id":"r1","slug":"tea","name":"Tea","description":"Earl Grey","private":false,"hasPassword":false}]
        lc < 43#[{"id":"r1","slug":"tea","name":"Tea","description":"Earl Grey"}]
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- ann set the topic: Earl Grey"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        lc < 42["rooms:update",{"id":"r1","slug":"tea","name":"Tea","description":"Oolong\nand more","private":false,"hasPassword":false}]
        irc > TOPIC #tea :Oolong and more
        irc < :bridge!b@host TOPIC #tea :Oolong and
        wait 4s
        "#,
    );
}

#[test]
fn description_of_a_private_room_is_not_changed() {
    let mut world = joined_with_topic_sync();
    world.tell(
        r#"
        lc < 42["rooms:update",{"id":"r1","slug":"tea","name":"Tea","description":"Assam","private":true,"hasPassword":false}]
        irc < :ann!a@host TOPIC #tea :Earl Grey
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- ann set the topic: Earl Grey"}]
        "#,
    );
}

#[test]
fn rejected_topic_change_loses_no_message() {
    joined_with_topic_sync().tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000000000000000000005","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1","slug":"tea"}}]
        irc > PRIVMSG #tea :<bob> hi
        irc > PING said-1
        lc < 42["rooms:update",{"id":"r1","slug":"tea","name":"Tea","description":"Oolong","private":false,"hasPassword":false}]
        irc > TOPIC #tea Oolong
        irc < :irc.example 482 bridge #tea :You're not channel operator
        irc < :irc.example PONG irc.example :said-1
        wait 10s
        "#,
    );
}
