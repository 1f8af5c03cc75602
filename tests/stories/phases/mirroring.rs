//! What is mirrored in which phase and direction, and what people are told of a change.

use letsbridge::domain::{LinkFlow, LinkPhase};
use letsbridge::translate::{LinkFormat, StatusNotices, TopicSync, Verbosity};

use super::{bob, in_phase, pass_hours, reload_into, settle, world, world_of};
use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN_AGAIN, join_both};

/// What a channel is told of the change to `moving`, and then the room.
const MOVING: &str = r##"
    irc > NOTICE #tea :we are moving from #tea on IRC to the room tea in Let's Chat: https://chat.example/#!/room/r1 Until then, both show the same
    irc > PING said-1
    irc < :irc.example PONG irc.example :said-1
    lc > 42#["messages:create",{"room":"r1","text":"-- we are moving from #tea on IRC to the room tea in Let's Chat: https://chat.example/#!/room/r1 Until then, both show the same"}]
    lc < 43#[{"id":"6b0000010000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
"##;

#[test]
fn closed_link_mirrors_nothing() {
    let mut world = in_phase(LinkPhase::Closed);
    world.tell(&format!(
        r##"
        {}
        irc < :ann!a@host PRIVMSG #tea :hello
        irc > NOTICE ann :#tea is closed: nobody in Let's Chat sees what is written here. We are in the room tea: https://chat.example/#!/room/r1
        "##,
        bob(1, "hi")
    ));
}

#[test]
fn read_only_channel_shows_the_room_and_is_not_heard() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    world.tell(&format!(
        r##"
        irc < :ann!a@host PRIVMSG #tea :hello
        irc > NOTICE ann :#tea is read-only: nobody in Let's Chat sees what you write here. Write in the room tea: https://chat.example/#!/room/r1
        {}
        irc > PRIVMSG #tea :<bob> hi
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        "##,
        bob(1, "hi")
    ));
}

#[test]
fn direction_lets_messages_pass_only_one_way() {
    let one_way = |flow| join_both(world().begun_with(LinkPhase::Together, flow));
    one_way(LinkFlow::ToIrc).tell(&format!(
        "irc < :ann!a@host PRIVMSG #tea :hello
         {}
         irc > PRIVMSG #tea :<bob> hi
         irc > PING said-1",
        bob(1, "hi")
    ));
    one_way(LinkFlow::ToLetsChat).tell(&format!(
        r#"{}
        irc < :ann!a@host PRIVMSG #tea :hello
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> hello"}}]"#,
        bob(1, "hi")
    ));
}

#[test]
fn what_was_not_mirrored_does_not_come_by_history_after_a_restart() {
    let mut world = in_phase(LinkPhase::Closed);
    world.tell(&bob(1, "hi"));
    world.set_phase("office/#tea", "tea", LinkPhase::Together);
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.sent();
    world.tell(
        r##"
        lc < 43#[[{"id":"6b0000020000000000000001","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        lc > 42#["messages:create",{"room":"r1","text":"-- #tea on IRC and the room tea in Let's Chat show the same again, both ways"}]
        lc < 43#[{"id":"6b0000030000000000000001","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        "##,
    );
    world.tell_on(IRC_IN);
    world.tell(
        "irc > NOTICE #tea :#tea on IRC and the room tea in Let's Chat show the same again, both ways
         irc > PING said-1",
    );
}

/// Two channels, `#tea` and `#dev`, linked with one room.
fn chain(into_room: LinkFlow, out_of_room: LinkFlow) -> World {
    let mut world = world_of(&["office/#tea tea office/#dev"]);
    world.set_direction("office/#tea", "tea", into_room);
    world.set_direction("office/#dev", "tea", out_of_room);
    world.tell("restart");
    world.tell_on(crate::LETSCHAT_IN);
    world.tell_on(
        &IRC_IN
            .replace("JOIN #tea\n", "JOIN #tea,#dev\n")
            .replace("irc < :bridge!b@host JOIN #tea,#dev", "irc < :bridge!b@host JOIN #tea"),
    );
    world.tell(
        "irc < :bridge!b@host JOIN #dev
         irc < :irc.example 353 bridge = #dev :bridge joe
         irc < :irc.example 366 bridge #dev :End of /NAMES list",
    );
    world
}

#[test]
fn message_goes_along_a_chain_as_far_as_each_link_lets_it_pass() {
    let ann = "irc < :ann!a@host PRIVMSG #tea :hello";
    let joe = "irc < :joe!j@host PRIVMSG #dev :hello";
    let in_room = |nick: &str| {
        format!(r#"lc > 42#["messages:create",{{"room":"r1","text":"<{nick}> hello"}}]"#)
    };
    let mut world = chain(LinkFlow::ToLetsChat, LinkFlow::ToIrc);
    world.tell_on(&format!("{ann}\n{}\nirc > PRIVMSG #dev :<ann> hello", in_room("ann")));
    settle(&mut world);
    world.tell(joe);
    let mut world = chain(LinkFlow::ToLetsChat, LinkFlow::ToLetsChat);
    world.tell(&format!("{ann}\n{}", in_room("ann")));
    let mut world = chain(LinkFlow::ToIrc, LinkFlow::ToIrc);
    world.tell(ann);
    world.tell(joe);
    world.tell_on(&bob(1, "hello"));
    let (irc, _) = settle(&mut world);
    assert_eq!(irc, ["PRIVMSG #tea :<bob> hello", "PRIVMSG #dev :<bob> hello"]);
}

#[test]
fn topics_joins_and_outages_follow_the_direction() {
    let format = LinkFormat {
        topic_sync: TopicSync::Both,
        status_notices: StatusNotices { joins: Verbosity::All, ..StatusNotices::default() },
        ..LinkFormat::default()
    };
    let world = |flow| {
        let world = World::new(&["office/#tea tea"]).unpaced().with_format(format.clone());
        let mut world = world.begun_with(LinkPhase::Together, flow);
        world.tell_on(&crate::LETSCHAT_IN.replace(
            r#""slug":"tea"}"#,
            r#""slug":"tea","name":"Tea","description":"Tea","private":false,"hasPassword":false}"#,
        ));
        world.tell_on(IRC_IN);
        world
    };
    let story = "
        irc < :eve!e@host JOIN #tea
        irc < :ann!a@host TOPIC #tea :Assam
        wait 3s";
    world(LinkFlow::ToIrc).tell(story);
    let mut both = world(LinkFlow::ToLetsChat);
    both.tell_on(story);
    let (_, sent) = both.sent();
    assert!(sent.iter().any(|frame| frame.contains("rooms:update")), "{sent:?}");
    assert!(sent.iter().any(|frame| frame.contains("eve joined")), "{sent:?}");
    let description = r#"lc < 42["rooms:update",{"id":"r1","slug":"tea","name":"Tea","description":"Darjeeling","private":false,"hasPassword":false}]"#;
    world(LinkFlow::ToLetsChat).tell(description);
    // Who is not heard is not told that messages are queued.
    let lost = "-- cannot reach #tea on office: the connection to its network was lost";
    let queued = format!("{lost}; messages from here are queued");
    for (flow, notice) in [(LinkFlow::ToIrc, queued.as_str()), (LinkFlow::ToLetsChat, lost)] {
        let mut world = world(flow);
        world.tell("irc lost");
        world.quietly(62);
        let (_, posts) = settle(&mut world);
        assert_eq!(posts, [notice]);
    }
}

#[test]
fn change_is_announced_once_on_both_sides() {
    let mut world = join_both(world());
    reload_into(&mut world, LinkPhase::Moving);
    world.tell(MOVING);
    world.reload();
    world.tell("wait 5s\nrestart");
}

#[test]
fn killed_bridge_announces_neither_twice_nor_never() {
    let mut world = join_both(world());
    reload_into(&mut world, LinkPhase::Moving);
    world.tell_on(
        "irc > NOTICE #tea :we are moving from #tea on IRC to the room tea in Let's Chat: https://chat.example/#!/room/r1 Until then, both show the same
         irc > PING said-1
         irc < :irc.example PONG irc.example :said-1",
    );
    // The post was sent, and perhaps not received.
    world.sent();
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    let (_, sent) = world.sent();
    assert!(sent.last().unwrap().contains("messages:list"), "{sent:?}");
    world.tell(
        r##"
        lc < 43#[[]]
        wait 1s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"-- we are moving from #tea on IRC to the room tea in Let's Chat: https://chat.example/#!/room/r1 Until then, both show the same"}]
        "##,
    );
    world.tell(IRC_IN);
}

#[test]
fn announcement_that_may_not_have_arrived_in_the_channel_is_repeated_with_a_mark() {
    let mut world = join_both(world());
    reload_into(&mut world, LinkPhase::Moving);
    world.sent();
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on("lc < 43#[[]]\nwait 1s\nlc < 43#[[]]");
    world.tell_on(IRC_IN);
    world.tell_on("irc > PING past-1\nirc < :irc.example PONG irc.example :past-1\nwait 1s");
    let (irc, _) = world.sent();
    let told: Vec<&String> = irc.iter().filter(|line| line.contains("we are moving")).collect();
    assert_eq!(told.len(), 1, "{irc:?}");
    assert!(told[0].starts_with("NOTICE #tea :(resent) we are moving"), "{told:?}");
    // Other notices are not.
    world.tell_on("irc < :irc.example PONG irc.example :said-1");
    world.sent();
    world.tell("wait 5s");
}

#[test]
fn change_while_the_bridge_was_down_is_announced_at_the_start() {
    let mut world = join_both(world());
    world.set_phase("office/#tea", "tea", LinkPhase::Moving);
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on(r#"lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]"#);
    world.tell_on(IRC_IN);
    // Both wait for their connection.
    let (irc, letschat) = world.sent();
    assert!(irc.iter().any(|line| line.starts_with("NOTICE #tea :we are moving")), "{irc:?}");
    assert!(letschat.iter().any(|frame| frame.contains("we are moving")), "{letschat:?}");
}

#[test]
fn place_is_told_once_a_day_and_not_of_what_is_taken_back() {
    let mut world = join_both(world());
    reload_into(&mut world, LinkPhase::Moving);
    world.tell(MOVING);
    reload_into(&mut world, LinkPhase::IrcReadOnly);
    world.tell("");
    reload_into(&mut world, LinkPhase::Moving);
    assert_eq!(pass_hours(&mut world, 25), (vec![], vec![]));
    reload_into(&mut world, LinkPhase::Closed);
    let (irc, posts) = settle(&mut world);
    assert!(irc[0].starts_with("NOTICE #tea :#tea on IRC is closed"), "{irc:?}");
    assert!(posts[0].contains("is closed"), "{posts:?}");
    reload_into(&mut world, LinkPhase::Together);
    assert_eq!(pass_hours(&mut world, 23), (vec![], vec![]));
    let (irc, posts) = pass_hours(&mut world, 2);
    assert!(irc[0].starts_with("NOTICE #tea :#tea on IRC and the room tea"), "{irc:?}");
    assert!(posts[0].contains("show the same again"), "{posts:?}");
}

#[test]
fn place_with_two_links_gets_one_text_and_a_new_link_none() {
    let mut world = world_of(&["office/#tea tea office/#dev"]);
    world.tell_on(crate::LETSCHAT_IN);
    for channel in ["office/#tea", "office/#dev"] {
        world.set_phase(channel, "tea", LinkPhase::IrcReadOnly);
    }
    world.relink(&["office/#tea tea office/#dev", "office/#new new"]);
    let (_, posts) = settle(&mut world);
    assert_eq!(posts.len(), 1, "{posts:?}");
    assert!(posts[0].contains("#tea, #dev on IRC is read-only"), "{posts:?}");
}

#[test]
fn bots_that_answer_each_other_are_no_loop_if_only_one_is_heard() {
    let mut world = join_both(world().begun_with(LinkPhase::Together, LinkFlow::ToIrc));
    for number in 1..=9 {
        world.tell_on(&format!(
            "{}\nirc < :parrot!p@host PRIVMSG #tea :again {number}",
            bob(number, &format!("again {number}"))
        ));
    }
    let (irc, letschat) = world.sent();
    assert!(irc.iter().all(|line| !line.contains("loop")), "{irc:?}");
    assert_eq!(letschat, [""; 0]);
}
