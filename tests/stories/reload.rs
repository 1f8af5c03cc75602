//! What the bridge does when its configuration is read again while it runs.

use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat};

use crate::{joined, joined_unpaced};

/// The room `dev` is listed and joined, and was never read before.
const DEV_JOINED: &str = r#"
    lc > 42#["rooms:list",{"skip":0,"take":5000}]
    lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r2","slug":"dev"}]]
    lc > 42#["rooms:join","r2"]
    lc < 43#[{"id":"r2","slug":"dev"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r2","take":1}]
    lc < 43#[[]]
"#;

#[test]
fn new_link_is_joined_and_mirrored_while_the_others_go_on() {
    let mut world = joined_unpaced();
    world.tell_on(
        r#"
        irc < :ann!a@host PRIVMSG #tea :before
        lc > 42#before["messages:create",{"room":"r1","text":"<ann> before"}]
        "#,
    );
    world.relink(&["office/#tea tea", "office/#dev dev"]);
    world.tell_on(DEV_JOINED);
    world.tell(
        r#"
        irc > JOIN #dev
        irc < :bridge!b@host JOIN #dev
        irc < :irc.example 353 bridge = #dev :bridge ann
        irc < :irc.example 366 bridge #dev :End of /NAMES list
        lc < 43#before[{"id":"6b0000010000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        irc < :ann!a@host PRIVMSG #dev :hello
        lc > 42#["messages:create",{"room":"r2","text":"<ann> hello"}]
        lc < 42["messages:new",{"id":"6b0000020000000000000001","text":"hi","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r2"}}]
        irc > PRIVMSG #dev :<bob> hi
        irc > PING said-3
        "#,
    );
}

#[test]
fn removed_link_is_left_at_once_if_nothing_is_queued() {
    let mut world = joined_unpaced();
    world.relink(&["office/#dev dev"]);
    world.tell_on(
        r#"
        irc > PART #tea :no longer linked
        irc > JOIN #dev
        lc > 42#["rooms:leave","r1"]
        lc < 43#[null]
        "#,
    );
    world.tell_on(&DEV_JOINED.replace(r#"{"id":"r1","slug":"tea"},"#, ""));
    world.tell(
        r#"
        irc < :bridge!b@host PART #tea
        irc < :ann!a@host PRIVMSG #tea :nobody listens
        lc < 42["messages:new",{"id":"6b0000020000000000000001","text":"nor here","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        "#,
    );
}

#[test]
fn what_is_queued_for_a_removed_link_is_delivered_first_and_nothing_new_is_mirrored() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#one["messages:create",{"room":"r1","text":"<ann> one"}]
        irc < :joe!j@host PRIVMSG #tea :two
        "#,
    );
    world.relink(&["office/#dev dev"]);
    world.tell_on("irc > PART #tea :no longer linked\nirc > JOIN #dev");
    world.tell_on(DEV_JOINED);
    world.tell(
        r#"
        lc < 42["messages:new",{"id":"6b0000020000000000000001","text":"too late","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        lc < 43#one[{"id":"6b0000010000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#two["messages:create",{"room":"r1","text":"<joe> two"}]
        lc < 43#two[{"id":"6b0000010000000000000002","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        wait 1s
        lc > 42#["rooms:leave","r1"]
        "#,
    );
}

#[test]
fn link_that_is_removed_and_set_again_before_its_queue_is_empty_goes_on() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#one["messages:create",{"room":"r1","text":"<ann> one"}]
        "#,
    );
    world.relink(&["office/#dev dev"]);
    world.relink(&["office/#tea tea", "office/#dev dev"]);
    world.tell_on("irc > PART #tea :no longer linked\nirc > JOIN #dev\nirc > JOIN #tea");
    world.tell_on(DEV_JOINED);
    world.tell(
        r#"
        lc < 43#one[{"id":"6b0000010000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        irc < :bridge!b@host PART #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 353 bridge = #tea :bridge ann
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc < :ann!a@host PRIVMSG #tea :three
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
}

#[test]
fn restart_delivers_what_was_queued_for_a_link_that_is_gone() {
    let mut world = joined();
    world.tell(
        r#"
        lc lost
        irc < :ann!a@host PRIVMSG #tea :one
        "#,
    );
    world.relink(&["office/#dev dev"]);
    world.tell_on("irc > PART #tea :no longer linked\nirc > JOIN #dev");
    world.tell("restart");
    world.tell_on(
        r#"
        lc connects
        lc < 43#[[{"id":"r1","slug":"tea"}]]
        lc > 42#["rooms:join","r1"]
        lc < 43#[{"id":"r1","slug":"tea"}]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#one["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#one[{"id":"6b0000010000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        wait 1s
        lc > 42#["rooms:leave","r1"]
        "#,
    );
}

#[test]
fn format_changes_with_the_next_message() {
    let mut world = joined_unpaced();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#one["messages:create",{"room":"r1","text":"<ann> one"}]
        "#,
    );
    let room = RoomFormat { merge_lines: MergeLines::Never, ..RoomFormat::default() };
    world.set_format(LinkFormat { room, ..LinkFormat::default() });
    world.reload();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :three
        lc < 43#one[{"id":"6b0000010000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#two["messages:create",{"room":"r1","text":"<ann> two"}]
        lc < 43#two[{"id":"6b0000010000000000000002","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> three"}]
        "#,
    );
}

#[test]
fn room_joins_another_group_without_being_left() {
    let mut world = joined_unpaced();
    world.relink(&["office/#dev tea"]);
    world.tell(
        r#"
        irc > PART #tea :no longer linked
        irc > JOIN #dev
        irc < :bridge!b@host JOIN #dev
        irc < :irc.example 353 bridge = #dev :bridge ann
        irc < :irc.example 366 bridge #dev :End of /NAMES list
        lc < 42["messages:new",{"id":"6b0000020000000000000001","text":"hi","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #dev :<bob> hi
        irc > PING said-1
        "#,
    );
}
