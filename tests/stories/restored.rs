//! The state is a restored backup: what was mirrored since is neither repeated nor taken for people's words.

use crate::harness::World;
use crate::irc_catchup::KEEPS;
use crate::receipts::irc_in;
use crate::{LETSCHAT_IN, LETSCHAT_IN_AGAIN};

/// A world at 12:00:01, when the backup is made; ann has said "one" on IRC.
#[track_caller]
fn joined(caps: &str) -> World {
    let mut world = World::new(&["office/#tea tea"]).without_merging().unpaced();
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    world.tell(
        r#"
        wait 1s
        irc < @time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    world
}

/// Reads the room, which shows these posts; each has a user's id, their name, a minute of the hour from 12:00, and a
/// text.
#[track_caller]
fn room_shows(world: &mut World, posts: &[(&str, &str, u32, &str)]) {
    world.tell_on(LETSCHAT_IN_AGAIN);
    let list: Vec<String> = posts
        .iter()
        .map(|(id, name, minute, text)| {
            format!(
                r#"{{"id":"6b00{minute:02}000000000000000001","text":"{text}","posted":"2026-11-22T12:{minute:02}:00.000Z","owner":{{"id":"{id}","username":"{name}"}},"room":"r1"}}"#
            )
        })
        .collect();
    world.tell_on(&format!(
        r#"
        lc > 42#["messages:list",{{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}}]
        lc < 43#[[{}]]
        "#,
        list.join(","),
    ));
}

/// The channel's history shows these lines after ann's first; each has a source, a minute, and a text.
#[track_caller]
fn channel_shows(world: &mut World, lines: &[(&str, u32, &str)]) {
    world.tell_on(&irc_in(KEEPS));
    let mut shown = String::new();
    for (number, (source, minute, text)) in lines.iter().enumerate() {
        shown += &format!(
            "irc < @batch=x;time=2026-11-22T12:{minute:02}:00.000Z;msgid=b{number} :{source} PRIVMSG #tea :{text}\n"
        );
    }
    world.tell_on(&format!(
        "irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
         irc < @label=past.1 :irc.example BATCH +x chathistory #tea
         irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
         {shown}irc < :irc.example BATCH -x"
    ));
    let (sent, _) = world.sent();
    // Another page, since this one has news; it is empty.
    let label = |line: &&String| line.contains("CHATHISTORY AFTER");
    if sent.iter().any(|line| label(&line)) {
        world.tell_on(
            "irc < @label=past.2 :irc.example BATCH +y chathistory #tea
             irc < :irc.example BATCH -y",
        );
    }
}

/// What was sent to IRC and to Let's Chat, except for what keeps connections alive.
fn said(world: &mut World) -> (Vec<String>, Vec<String>) {
    let (irc, letschat) = world.sent();
    let irc = irc.into_iter().filter(|line| line.contains(" #tea :")).collect();
    let letschat = letschat.into_iter().filter(|it| it.contains("messages:create")).collect();
    (irc, letschat)
}

/// Both sides are read: the channel, whose server keeps history, and the room. Returns what the bridge then says in the
/// channel and in the room.
#[track_caller]
fn both_show(
    world: &mut World,
    lines: &[(&str, u32, &str)],
    posts: &[(&str, &str, u32, &str)],
) -> (Vec<String>, Vec<String>) {
    channel_shows(world, lines);
    let (early, none) = said(world);
    assert!(early.is_empty() && none.is_empty(), "nothing before the room is read: {early:?}");
    room_shows(world, posts);
    said(world)
}

/// The end of what a server without history may play back by itself.
const PLAYED: &str = "irc < :irc.example PONG irc.example :past-1";

const ANN: &str = "ann!a@host";
const BRIDGE: &str = "bridge!b@host";

#[track_caller]
fn none(said: &[String]) {
    assert!(said.is_empty(), "{said:?}");
}

/// One was said, with these words in it.
#[track_caller]
fn one(said: &[String], words: &str) {
    assert!(said.len() == 1 && said[0].contains(words), "{words:?}: {said:?}");
}

#[test]
fn only_what_the_other_side_lacks_is_mirrored() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    let (irc, letschat) = both_show(
        &mut world,
        &[(BRIDGE, 1, "<bob> was there"), (ANN, 2, "was there too"), (ANN, 3, "new")],
        &[
            ("u1", "bob", 1, "was there"),
            ("u0", "bridge", 2, "<ann> was there too"),
            ("u1", "bob", 4, "new to them"),
        ],
    );
    one(&irc, "PRIVMSG #tea :<bob> new to them");
    one(&letschat, "<ann> new");
}

#[test]
fn equal_messages_are_counted() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    let (irc, letschat) = both_show(
        &mut world,
        &[(ANN, 1, "ha"), (ANN, 2, "ha"), (BRIDGE, 3, "<bob> ho")],
        &[("u0", "bridge", 1, "<ann> ha"), ("u1", "bob", 3, "ho"), ("u1", "bob", 4, "ho")],
    );
    one(&irc, ":<bob> ho");
    one(&letschat, "<ann> ha");
}

#[test]
fn channel_without_history_is_told_what_may_be_missing() {
    let mut world = joined("message-tags server-time echo-message");
    world.tell("restored 600s");
    world.tell_on(&irc_in("message-tags server-time echo-message"));
    room_shows(
        &mut world,
        &[("u1", "bob", 1, "one"), ("u0", "bridge", 2, "<ann> gone"), ("u1", "bob", 9, "two")],
    );
    world.tell_on(PLAYED);
    let (irc, letschat) = said(&mut world);
    one(
        &irc,
        "the bridge was restored from a backup: 2 messages from room tea, sent from 12:01:00 to \
         12:09:00 UTC, may be missing here",
    );
    one(&letschat, "messages from that time may be missing here");
    // What is said from now on is mirrored as ever.
    world.tell_on(
        r#"
        wait 1s
        irc < @time=2026-11-22T12:10:01.000Z;msgid=c1 :ann!a@host PRIVMSG #tea :hello
        lc < 43#[{"id":"6b0010000000000000000009","text":"","posted":"2026-11-22T12:10:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    one(&said(&mut world).1, "<ann> hello");
}

#[test]
fn what_waited_in_the_backup_is_sent_only_if_it_never_arrived() {
    for (arrived, expected) in [(true, 0), (false, 1)] {
        let mut world = joined(KEEPS);
        world.tell(
            r#"
            lc lost
            irc < @time=2026-11-22T12:00:01.000Z;msgid=a2 :ann!a@host PRIVMSG #tea :waits
            restored 600s
            "#,
        );
        let posts = [("u0", "bridge", 3, "<ann> waits")];
        room_shows(&mut world, if arrived { &posts } else { &[] });
        let (_, letschat) = said(&mut world);
        assert_eq!(letschat.len(), expected, "{letschat:?}");
    }
}

#[test]
fn delivery_in_flight_in_the_backup_is_not_repeated() {
    let mut world = joined("message-tags server-time echo-message");
    world.tell_on(
        r#"lc < 42["messages:new",{"id":"6b0000300000000000000001","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]"#,
    );
    one(&said(&mut world).0, "<bob> hi");
    world.tell("restored 5s");
    world.tell_on(&irc_in("message-tags server-time echo-message"));
    world.tell_on(PLAYED);
    one(&said(&mut world).0, "1 message from room tea, sent from 12:00:01");
}

#[test]
fn post_of_an_account_that_the_backup_does_not_know_is_not_taken_for_a_persons() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    let (irc, letschat) = both_show(
        &mut world,
        &[
            ("dave!d@host", 1, "by an account"),
            ("dave!d@host", 2, "me, too"),
            (BRIDGE, 3, "<dave.irc> typed"),
        ],
        &[
            ("u-dave", "dave.irc", 1, "by an account"),
            ("u-dave", "dave.irc", 2, "me, too"),
            ("u-dave", "dave.irc", 3, "typed"),
            ("u-dave", "dave.irc", 4, "typed while the bridge was gone"),
        ],
    );
    one(&irc, "<dave.irc> typed while the bridge was gone");
    none(&letschat);
}

#[test]
fn post_of_a_linked_account_without_history_is_not_taken_for_a_persons() {
    let mut world = joined("message-tags server-time echo-message");
    world.tell("restored 600s");
    world.tell_on(&irc_in("message-tags server-time echo-message"));
    room_shows(&mut world, &[("u-david", "david", 1, "who typed this?")]);
    world.tell_on(PLAYED);
    one(&said(&mut world).0, "1 message from room tea, sent from 12:01:00");
}

#[test]
fn line_of_a_puppet_that_the_backup_does_not_know_is_not_mirrored() {
    for nick in ["bob|lc", "bob/lc"] {
        let mut world = joined(KEEPS);
        world.tell("restored 600s");
        let source = format!("{nick}!bob@host");
        let (irc, letschat) = both_show(
            &mut world,
            &[(&source, 1, "by my puppet"), (&source, 2, "mine alone")],
            &[("u1", "bob", 1, "by my puppet")],
        );
        none(&irc);
        // No post is like it: the line is somebody's own.
        one(&letschat, "mine alone");
    }
}

#[test]
fn line_under_a_nick_that_the_backup_does_not_know_is_not_taken_for_a_persons() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    let long = "many words ".repeat(60);
    let (head, tail) = long.split_at(300);
    let (first, second) = (format!("<bob> {head}"), format!("<bob> {tail}"));
    let (irc, letschat) = both_show(
        &mut world,
        &[
            ("ferry!f@elsewhere", 1, "<bob> who are you?"),
            (ANN, 2, "the ferry"),
            ("ferry!f@elsewhere", 3, &first),
            ("ferry!f@elsewhere", 3, &second),
            ("ferry!f@elsewhere", 4, "<bob> this is quoted by somebody"),
        ],
        &[
            ("u1", "bob", 1, "who are you?"),
            ("u0", "bridge", 2, "<ann> the ferry"),
            ("u1", "bob", 3, &long),
            ("u1", "bob", 5, "I see"),
        ],
    );
    one(&irc, "<bob> I see");
    one(&letschat, "this is quoted by somebody");
}

#[test]
fn same_words_of_two_people_are_told_instead_of_repeated() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    let (irc, letschat) = both_show(&mut world, &[(ANN, 1, "yes")], &[("u1", "bob", 1, "yes")]);
    one(&irc, "1 message from room tea, sent from 12:01:00 to 12:01:00 UTC, may be missing here");
    one(&letschat, "1 message from #tea on office");
}

#[test]
fn restart_before_all_is_decided_drops_the_rest_and_tells_it() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    room_shows(&mut world, &[("u0", "bridge", 1, "<ann> was there")]);
    none(&said(&mut world).0);
    world.tell("restart");
    channel_shows(&mut world, &[(ANN, 1, "was there")]);
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on("lc < 43#[[]]");
    let (_, letschat) = said(&mut world);
    one(&letschat, "1 message from #tea on office, sent from 12:01:00");
}

#[test]
fn line_that_is_shown_again_after_an_interruption_counts_once() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    world.tell_on(&irc_in(KEEPS));
    let line = "irc < @batch=x;time=2026-11-22T12:01:00.000Z;msgid=b0 :bridge!b@host PRIVMSG #tea :<bob> ho";
    world.tell_on(&format!(
        "irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
         irc < @label=past.1 :irc.example BATCH +x chathistory #tea
         irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
         {line}
         irc < :irc.example BATCH -x
         irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:59.999Z 500
         irc lost"
    ));
    channel_shows(&mut world, &[(BRIDGE, 1, "<bob> ho")]);
    room_shows(&mut world, &[("u1", "bob", 1, "ho"), ("u1", "bob", 2, "ho")]);
    one(&said(&mut world).0, ":<bob> ho");
}

#[test]
fn line_that_two_pages_of_the_history_show_counts_once() {
    let mut world = joined(KEEPS);
    world.tell("restored 600s");
    world.tell_on(&irc_in(KEEPS));
    let line = "time=2026-11-22T12:01:00.000Z;msgid=b0 :bridge!b@host PRIVMSG #tea :<bob> ho";
    world.tell_on(&format!(
        "irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
         irc < @label=past.1 :irc.example BATCH +x chathistory #tea
         irc < @batch=x;time=2026-11-22T12:00:01.000Z;msgid=a1 :ann!a@host PRIVMSG #tea :one
         irc < @batch=x;{line}
         irc < :irc.example BATCH -x
         irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:59.999Z 500
         irc < @label=past.2 :irc.example BATCH +y chathistory #tea
         irc < @batch=y;{line}
         irc < :irc.example BATCH -y"
    ));
    room_shows(&mut world, &[("u1", "bob", 1, "ho"), ("u1", "bob", 2, "ho")]);
    one(&said(&mut world).0, ":<bob> ho");
}
