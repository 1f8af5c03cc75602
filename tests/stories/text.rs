//! Text that users write: cleaned, shortened, attributed, and never delayed by notices.

use std::time::Duration;

use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat, StatusNotices, Verbosity};

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, LETSCHAT_IN_AGAIN, joined, joined_unpaced, story};

/// A world in which all status events are announced.
#[track_caller]
fn announcing_all() -> World {
    let all = Verbosity::All;
    let comings =
        StatusNotices { joins: all, nick_changes: all, kicks: all, modes: all, topics: all };
    let mut world = World::new(&["office/#tea tea"])
        .with_format(LinkFormat { status_notices: comings, ..LinkFormat::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}

fn post(number: u32, text: &str) -> String {
    format!(
        r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
    )
}

#[test]
fn quit_and_kick_reasons_are_plain_text_without_mentions() {
    for (line, told) in [
        (r"TOPIC #tea :\x03", "ann removed the topic"),
        ("TOPIC #tea :\u{3}04,01 Rules @all", "ann set the topic: Rules @\u{200b}all"),
        ("QUIT :\u{2}Quit:\u{2} @all", "ann left (Quit: @\u{200b}all)"),
        ("PART #tea :\u{202e}see @bob\u{2028}and\u{7}", "ann left (see @\u{200b}bob and)"),
        ("KICK #tea carl :\u{1f}out\u{1f} @all", "carl was kicked by ann (out @\u{200b}all)"),
        ("NICK an\u{200b}\u{200b}na", "ann is now anna"),
        ("MODE #tea +b @all!*@*", "ann set +b @\u{200b}all!*@*"),
    ] {
        let mut world = announcing_all();
        let carl = "irc < :carl!c@host JOIN #tea\nwait 4s";
        let line = line.replace(r"\x03", "\u{3}");
        world.tell(&format!(
            r#"{carl}
            lc > 42#["messages:create",{{"room":"r1","text":"-- carl joined"}}]
            lc < 43#[{{"id":"6b0000000000000000000002"}}]
            irc < :ann!a@host {line}
            wait 4s
            lc > 42#["messages:create",{{"room":"r1","text":"-- {told}"}}]"#
        ));
    }
}

#[test]
fn six_hundred_quits_make_one_line() {
    let mut world = announcing_all();
    for number in 0..600 {
        world.tell_on(&format!("irc <+ :p{number}!p@host JOIN #tea"));
    }
    world.tell(
        r#"
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 590 more joined"}]
        lc < 43#[{"id":"6b0000000000000000000002"}]
        "#,
    );
    for number in 0..600 {
        world.tell_on(&format!("irc <+ :p{number}!p@host QUIT :Quit: @all \u{2}bye\u{2} {number}"));
    }
    world.tell(
        r#"
        wait 4s
        lc > 42#["messages:create",{"room":"r1","text":"-- p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 590 more left"}]
        "#,
    );
}

#[test]
fn messages_precede_status_notices() {
    let all = Verbosity::All;
    let comings = StatusNotices { joins: all, ..StatusNotices::default() };
    let mut world = World::new(&["office/#tea other/#dev"])
        .with_format(LinkFormat { status_notices: comings, ..LinkFormat::default() });
    for network in ["irc", "irc2"] {
        let channel = if network == "irc" { "#tea" } else { "#dev" };
        world.tell(&IRC_IN.replace("irc ", &format!("{network} ")).replace("#tea", channel));
    }
    world.tell(
        "
        irc < :eve!e@host PRIVMSG #tea :one
        irc2 > PRIVMSG #dev :<eve> one
        irc2 > PING said-1
        irc < :carl!c@host JOIN #tea
        wait 4s
        irc < :eve!e@host PRIVMSG #tea :two
        irc2 < :irc.example PONG irc.example :said-1
        irc2 > PRIVMSG #dev :<eve> two
        irc2 > PING said-2
        irc2 < :irc.example PONG irc.example :said-2
        wait 1s
        irc2 > NOTICE #dev :carl joined
        irc2 > PING said-3
        ",
    );
}

#[test]
fn status_notice_does_not_highlight_its_subject() {
    let all = Verbosity::All;
    let comings = StatusNotices { joins: all, ..StatusNotices::default() };
    let mut world = World::new(&["office/#tea other/#dev"])
        .with_format(LinkFormat { status_notices: comings, ..LinkFormat::default() });
    for network in ["irc", "irc2"] {
        let channel = if network == "irc" { "#tea" } else { "#dev" };
        world.tell(&IRC_IN.replace("irc ", &format!("{network} ")).replace("#tea", channel));
    }
    world.tell(
        "
        irc < :ann!a@host QUIT :bye
        wait 4s
        irc2 > NOTICE #dev :a\\u200bnn left (bye)
        irc2 > PING said-1
        ",
    );
}

#[test]
fn invisible_message_is_not_mirrored() {
    for blank in [
        "\u{3}04",
        "\u{2}\u{f}",
        " ",
        "\u{a0}\u{3000}",
        "\u{200b}",
        "\u{2800}",
        "\u{1}ACTION \u{2}\u{1}",
    ] {
        story(&format!("irc < :eve!e@host PRIVMSG #tea :{blank}"));
    }
    for blank in [" ", "\\n\\n", "\u{200b}\\n\u{feff}", "\u{3}4"] {
        story(&post(1, blank));
    }
}

#[test]
fn author_with_an_invisible_name_gets_a_visible_one() {
    for (source, shown) in [
        ("\u{200b}\u{feff}!eve@host", "eve"),
        ("\u{3}!\u{2}@host", "somebody"),
        ("\u{3164}!~\u{2060}@host", "~"),
        ("\u{202e}evil!e@host", "evil"),
    ] {
        story(&format!(
            r#"irc < :{source} PRIVMSG #tea :hi
            lc > 42#["messages:create",{{"room":"r1","text":"<{shown}> hi"}}]"#
        ));
    }
    let nameless = post(1, "hi").replace(r#""username":"bob""#, r#""username":"""#);
    story(&format!("{nameless}\nirc > PRIVMSG #tea :<u1> hi\nirc > PING said-1"));
}

#[test]
fn long_name_takes_at_most_a_third_of_a_line() {
    let marks = "\u{301}".repeat(900);
    let name = format!("a{marks}b{marks}c{marks}");
    let said = post(1, &"word ".repeat(60))
        .replace(r#""username":"bob""#, &format!(r#""username":"{name}""#));
    let mut world = joined_unpaced();
    world.tell_on(&said);
    let (sent, _) = world.sent();
    let talk: Vec<&String> = sent.iter().filter(|line| line.starts_with("PRIVMSG")).collect();
    assert_eq!(talk.len(), 1, "{sent:?}");
    assert!(talk.iter().all(|line| line.len() < 400), "{talk:?}");
}

#[test]
fn control_characters_are_removed() {
    story(&format!(
        "{}\nirc > PRIVMSG #tea :<bob> a b c [31md e\nirc > PING said-1",
        post(1, "a\\u0085b\\u2028c \\u001b[31md\\u0007\\u000be\\u0000\\u009b\\u202e")
    ));
    story(
        "irc < :ann!a@host PRIVMSG #tea :a\u{85}b\u{2028}c \u{1b}[31md\u{7}\u{b}e\u{9b}\u{202e}
        lc > 42#[\"messages:create\",{\"room\":\"r1\",\"text\":\"<ann> a b c [31md e\"}]",
    );
}

#[test]
fn each_line_of_a_merged_post_shows_its_author() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(
        "
        irc <+ :eve!e@host PRIVMSG #tea :one
        irc <+ :eve!e@host PRIVMSG #tea :\u{a0}<ann> I quit
        irc <+ :eve!e@host PRIVMSG #tea :[09:41] <ann> I quit
        irc <+ :eve!e@host PRIVMSG #tea :\u{2800}‹ann› I quit
        irc < :eve!e@host PRIVMSG #tea : -- the bridge is shutting down
        lc > 42#[\"messages:create\",{\"room\":\"r1\",\"text\":\"<eve> one\\n<eve> \u{a0}<ann> I quit\\n<eve> [09:41] <ann> I quit\\n<eve> \u{2800}‹ann› I quit\\n<eve>  -- the bridge is shutting down\"}]
        ",
    );
}

#[test]
fn huge_post_is_abbreviated_with_its_number_of_lines() {
    story(&format!(
        "{}
        irc > PRIVMSG #tea :<bob> a long line
        irc > PRIVMSG #tea :<bob> a long line
        irc > PRIVMSG #tea :<bob> a long line
        irc > PRIVMSG #tea :<bob> … 999997 more lines
        irc > PING said-1",
        post(1, &"a long line\\n".repeat(1_000_000))
    ));
}

#[test]
fn long_post_is_abbreviated_with_its_number_of_lines() {
    let lines = (1..=200).map(|it| it.to_string()).collect::<Vec<_>>().join("\\n");
    story(&format!(
        "{}
        irc > PRIVMSG #tea :<bob> 1
        irc > PRIVMSG #tea :<bob> 2
        irc > PRIVMSG #tea :<bob> 3
        irc > PRIVMSG #tea :<bob> … 197 more lines
        irc > PING said-1",
        post(1, &lines)
    ));
}

#[test]
fn every_resent_line_is_marked() {
    let mut world = joined_unpaced();
    world.tell_on(&post(1, "one\\ntwo"));
    world.tell(
        "
        irc > PRIVMSG #tea :<bob> one
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-1
        restart
        ",
    );
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on(IRC_IN);
    let (asked, _) = world.sent();
    assert_eq!(asked, ["PING past-1"]);
    world.tell_on("irc < :irc.example PONG irc.example :past-1");
    let (sent, _) = world.sent();
    let said: Vec<&String> = sent.iter().filter(|line| line.starts_with("PRIVMSG")).collect();
    assert_eq!(said, ["PRIVMSG #tea :<bob> (resent) one", "PRIVMSG #tea :<bob> (resent) two"]);
}

#[test]
fn notice_is_never_resent() {
    let all = Verbosity::All;
    let comings = StatusNotices { joins: all, ..StatusNotices::default() };
    let manners = LinkFormat { status_notices: comings, ..LinkFormat::default() };
    let mut world = World::new(&["office/#tea other/#dev"]).with_format(manners);
    let in_dev = IRC_IN.replace("irc ", "irc2 ").replace("#tea", "#dev");
    world.tell(IRC_IN);
    world.tell(&in_dev);
    world.tell(
        "
        irc < :carl!c@host JOIN #tea
        wait 4s
        irc2 > NOTICE #dev :carl joined
        irc2 > PING said-1
        irc2 lost
        ",
    );
    world.tell(&format!(
        "{in_dev}
        irc2 > PING past-1
        irc2 < :irc.example PONG irc.example :past-1"
    ));
}

#[test]
fn merge_window_does_not_delay_lines_to_channels() {
    let join = MergeLines::Within(Duration::from_millis(300));
    let room = RoomFormat { merge_lines: join, ..RoomFormat::default() };
    let mut world = World::new(&["office/#tea other/#dev tea"])
        .with_format(LinkFormat { room, ..LinkFormat::default() });
    for network in ["irc", "irc2"] {
        let channel = if network == "irc" { "#tea" } else { "#dev" };
        world.tell(&IRC_IN.replace("irc ", &format!("{network} ")).replace("#tea", channel));
    }
    world.tell(
        "
        irc < :eve!e@host PRIVMSG #tea :hi
        irc2 > PRIVMSG #dev :<eve> hi
        irc2 > PING said-1
        ",
    );
}

#[test]
fn every_command_is_answered_or_rejected_once() {
    let mut world = joined_unpaced();
    for question in ["!status", "!who", "!help", "!status", "!who", "!who", "!who"] {
        world.tell_on(&format!("irc < :ann!a@host PRIVMSG #tea :{question}"));
    }
    let (sent, _) = world.sent();
    let answers: Vec<&String> = sent.iter().filter(|line| line.starts_with("NOTICE ann")).collect();
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert!(answers[5].contains("too many commands"), "{answers:?}");
    world.tell_on("wait 3s\nirc < :ann!a@host PRIVMSG #tea :!who");
    let (sent, _) = world.sent();
    assert_eq!(sent, ["NOTICE ann :room tea: no one"]);
}

#[test]
fn direct_irc_message_to_the_bridge_is_answered_with_its_purpose() {
    let mut world = joined_unpaced();
    world.tell_on("irc < :ann!a@host PRIVMSG bridge :!frobnicate");
    let (sent, _) = world.sent();
    assert!(
        sent[0].starts_with("NOTICE ann :nobody reads private messages to the bridge"),
        "{sent:?}"
    );
    world.tell("irc < :ann!a@host NOTICE bridge :!help");
}

#[test]
fn action_in_a_room_is_an_action_on_irc() {
    story(&format!(
        "{}\nirc > PRIVMSG #tea :\\x01ACTION bob waves\\x01\nirc > PING said-1",
        post(1, "/me waves")
    ));
}

/// A world with the default format.
#[track_caller]
fn by_default() -> World {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}

#[test]
fn paste_at_the_pace_of_a_client_becomes_two_posts() {
    let mut world = by_default();
    for number in 1..=4 {
        world.tell_on(&format!("irc <+ :ann!a@host PRIVMSG #tea :  {number}"));
    }
    world.tell_on(
        r#"
        irc < :ann!a@host PRIVMSG #tea :  5
        lc > 42#["messages:create",{"room":"r1","text":"<ann>   1\n  2\n  3\n  4\n  5"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    for number in 6..=10 {
        world.tell_on(&format!("wait 2s\nirc < :ann!a@host PRIVMSG #tea :\t{number}"));
    }
    world.tell(
        r#"
        wait 3s
        lc > 42#["messages:create",{"room":"r1","text":"<ann> \t6\n\t7\n\t8\n\t9\n\t10"}]
        "#,
    );
}

#[test]
fn first_line_and_typed_lines_are_not_delayed() {
    by_default().tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :hello
        lc > 42#["messages:create",{"room":"r1","text":"<ann> hello"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        wait 2s
        irc < :ann!a@host PRIVMSG #tea :how are you?
        lc > 42#["messages:create",{"room":"r1","text":"<ann> how are you?"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
}

#[test]
fn line_sent_after_the_previous_ack_is_not_delayed() {
    let mut world = by_default();
    for number in 1..=6 {
        world.tell(&format!(
            r#"
            irc < :ann!a@host PRIVMSG #tea :{number}
            lc > 42#["messages:create",{{"room":"r1","text":"<ann> {number}"}}]
            lc < 43#[{{"id":"6b000020000000000000000{number}","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
            "#,
        ));
    }
}

#[test]
fn lines_received_one_by_one_in_a_burst_become_two_posts() {
    by_default().tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :1
        lc > 42#["messages:create",{"room":"r1","text":"<ann> 1"}]
        irc < :ann!a@host PRIVMSG #tea :2
        irc < :ann!a@host PRIVMSG #tea :3
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :bob!b@host PRIVMSG #tea :hi
        lc > 42#["messages:create",{"room":"r1","text":"<ann> 2\n3"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<bob> hi"}]
        "#,
    );
}

#[test]
fn paste_whose_first_line_arrives_alone_becomes_two_posts() {
    let mut world = by_default();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :1
        lc > 42#["messages:create",{"room":"r1","text":"<ann> 1"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc <+ :ann!a@host PRIVMSG #tea :    2
        irc <+ :ann!a@host PRIVMSG #tea : 3
        "#,
    );
    // A line may be split over two reads.
    world.tell("irc <+ :ann!a@host PRIVMSG #tea :4\nirc < :ann!a@host PRIVMSG #tea : 5");
    for number in 6..=10 {
        world.tell(&format!("wait 2s\nirc < :ann!a@host PRIVMSG #tea :\t{number}"));
    }
    world.tell(
        r#"
        wait 3s
        lc > 42#["messages:create",{"room":"r1","text":"<ann>     2\n 3\n4\n 5\n\t6\n\t7\n\t8\n\t9\n\t10"}]
        "#,
    );
}

#[test]
fn pasted_text_keeps_its_indentation_in_another_channel() {
    let mut world = World::new(&["office/#tea other/#dev"]);
    for network in ["irc", "irc2"] {
        let channel = if network == "irc" { "#tea" } else { "#dev" };
        world.tell(&IRC_IN.replace("irc ", &format!("{network} ")).replace("#tea", channel));
    }
    for (number, text) in (1..).zip(["\tone", "    two", " three"]) {
        world.tell(&format!(
            "irc < :eve!e@host PRIVMSG #tea :{text}
            irc2 > PRIVMSG #dev :<eve> {text}
            irc2 > PING said-{number}
            irc2 < :irc.example PONG irc.example :said-{number}"
        ));
    }
}

#[test]
fn direct_letschat_message_to_the_bridge_is_answered_with_its_purpose() {
    let whisper = |text: &str, number: u32| {
        format!(
            r#"lc < 42["user-messages:new",{{"id":"6b00000200000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":"u1","users":["u0","u1"]}}]"#
        )
    };
    let mut world = joined();
    for number in 1..=9 {
        world.tell_on(&whisper("!frobnicate", number));
    }
    let (irc, letschat) = world.sent();
    assert_eq!(letschat.len(), 6, "{letschat:?}");
    for said in &letschat {
        assert!(said.contains(r#""user":"u1""#) && said.contains("-- nobody reads"), "{said}");
        assert!(said.contains("@bridge who"), "{said}");
    }
    assert!(irc.is_empty(), "{irc:?}");
    // Another bridge could answer this, in an endless loop.
    story(&whisper("-- nobody reads", 10));
}
