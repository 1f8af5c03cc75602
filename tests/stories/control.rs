//! What an administrator does while the bridge runs: links are paused and resumed, what waits is shown, retried and
//! dropped, and the report tells how it is.

use letsbridge::bridge::{
    BridgeReport, ControlError, ControlReply, ControlRequest, LinkDirection, LinkReport, LinkState,
    QueuePage, WaitState,
};
use letsbridge::domain::{DeliveryId, LinkName};
use letsbridge::translate::{LinkFormat, TopicSync};

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, LETSCHAT_IN_AGAIN, joined};

/// Bob posts the text with this number.
fn bob(number: usize, text: &str) -> String {
    format!(
        r#"lc < 42["messages:new",{{"id":"6b000001000000000000000{number}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1","slug":"tea"}}}}]"#
    )
}

/// The room acknowledges a post.
fn ack(number: usize) -> String {
    format!(
        r#"lc < 43#[{{"id":"6b000002000000000000000{number}","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}}]"#
    )
}

/// A world with a room, a channel, and a second channel on another network.
#[track_caller]
fn star() -> World {
    let mut world = World::new(&["office/#tea other/#dev tea"]).unpaced();
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(&IRC_IN.replace("irc ", "irc2 ").replace("#tea", "#dev"));
    world
}

#[track_caller]
fn report(world: &mut World) -> BridgeReport {
    match world.control(ControlRequest::Report) {
        Ok(ControlReply::Report(report)) => *report,
        answer => panic!("{answer:?}"),
    }
}

#[track_caller]
fn link(world: &mut World, channel: &str) -> LinkReport {
    let mut links = report(world).links.into_iter();
    links.rfind(|it| *it.link.channel == *channel).unwrap()
}

#[track_caller]
fn queue(world: &mut World, name: &str) -> QueuePage {
    match world.control(ControlRequest::ListQueue(LinkName::new(name), 100)) {
        Ok(ControlReply::Queue(page)) => page,
        answer => panic!("{answer:?}"),
    }
}

fn drop_id(world: &mut World, name: &str, id: DeliveryId) -> Result<ControlReply, ControlError> {
    world.control(ControlRequest::Drop(LinkName::new(name), id))
}

#[test]
fn paused_link_delivers_nothing_and_catches_up_in_order() {
    let mut world = joined();
    world.tell("admin pauses #tea");
    for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
        world.tell(&format!("irc < :ann!a@host PRIVMSG #tea :{text}"));
        world.tell(&bob(number + 1, text));
    }
    assert_eq!(link(&mut world, "#tea").to_letschat.waiting, 3);
    world.tell(&format!(
        r#"
        admin resumes #tea
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> one\ntwo\nthree"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-4
        irc < :irc.example PONG irc.example :said-4
        irc > PRIVMSG #tea :<bob> three
        irc > PING said-6
        irc < :irc.example PONG irc.example :said-6
        {}
        "#,
        ack(1)
    ));
    let link = link(&mut world, "#tea");
    assert_eq!(link.state, LinkState::Up);
    assert_eq!((link.to_letschat.waiting, link.to_letschat.delivered), (0, 3));
    assert_eq!((link.to_irc.waiting, link.to_irc.delivered), (0, 3));
}

#[test]
fn what_is_in_flight_is_finished() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> one"}}]
        irc < :ann!a@host PRIVMSG #tea :two
        admin pauses tea
        {}
        admin resumes tea
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> two"}}]
        "#,
        ack(1)
    ));
}

#[test]
fn post_that_has_not_arrived_waits_with_the_others() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        admin pauses tea
        lc lost
        irc < :ann!a@host PRIVMSG #tea :two
        "#,
    );
    let read = r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
    "#;
    world.tell(&format!(
        r#"{LETSCHAT_IN_AGAIN}
        {read}
        wait 1s
        {read}
        admin resumes tea
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> one\ntwo"}}]
        "#
    ));
}

#[test]
fn pause_survives_a_restart() {
    let mut world = joined();
    world.tell("admin pauses office/#tea");
    world.tell("irc < :ann!a@host PRIVMSG #tea :one");
    world.tell("restart");
    let paused = link(&mut world, "#tea");
    assert_eq!((paused.state, paused.to_letschat.waiting), (LinkState::Paused, 1));
    assert_eq!(paused.since.map(|it| it.to_string()).as_deref(), Some("2026-11-22T12:00:00Z"));
    world.tell_on(IRC_IN);
    world.tell_on(LETSCHAT_IN_AGAIN);
    let _ = world.sent();
    world.tell("irc < :ann!a@host PRIVMSG #tea :two");
    world.tell(
        r#"
        lc < 43#[[]]
        admin resumes office/#tea
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one\ntwo"}]
        "#,
    );
}

#[test]
fn only_what_crosses_the_paused_link_waits() {
    let mut world = star();
    world.tell("admin pauses #tea");
    // From #tea, to both others; from the room; and from #dev.
    world.tell("irc < :ann!a@host PRIVMSG #tea :one");
    world.tell(&format!(
        r#"
        {}
        irc2 > PRIVMSG #dev :<bob> two
        irc2 > PING said-4
        irc2 < :irc.example PONG irc.example :said-4
        irc2 < :eve!e@host PRIVMSG #dev :three
        lc > 42#["messages:create",{{"room":"r1","text":"<eve> three"}}]
        {}
        "#,
        bob(1, "two"),
        ack(1)
    ));
    let (tea, dev) = (link(&mut world, "#tea"), link(&mut world, "#dev"));
    // To #tea: two and three. To the room over the link of #tea: one. To #dev over its own: one.
    assert_eq!((tea.to_irc.waiting, tea.to_letschat.waiting), (2, 1));
    assert_eq!((dev.to_irc.waiting, dev.to_letschat.waiting), (1, 0));
    assert_eq!((tea.state, dev.state), (LinkState::Paused, LinkState::Up));
    assert_eq!((dev.to_irc.delivered, dev.to_letschat.delivered), (1, 1));
    let waiting: Vec<_> = queue(&mut world, "#dev").deliveries;
    assert_eq!((waiting.len(), waiting[0].state), (1, WaitState::Held));
    world.tell(&format!(
        r#"
        admin resumes #tea
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> one"}}]
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-3
        irc2 > PRIVMSG #dev :<a\u200bnn> one
        irc2 > PING said-1
        irc < :irc.example PONG irc.example :said-3
        irc > PRIVMSG #tea :<eve> three
        irc > PING said-5
        irc < :irc.example PONG irc.example :said-5
        irc2 < :irc.example PONG irc.example :said-1
        {}
        "#,
        ack(2)
    ));
    let tea = link(&mut world, "#tea");
    assert_eq!((tea.to_irc.waiting, tea.to_letschat.waiting), (0, 0));
}

#[test]
fn pause_ends_with_the_link_so_that_what_waits_can_leave() {
    let mut world = joined();
    world.tell("admin pauses #tea");
    world.tell("irc < :ann!a@host PRIVMSG #tea :one");
    world.relink(&["office/#dev dev"]);
    let leaving = link(&mut world, "#tea");
    assert_eq!((leaving.state, leaving.to_letschat.waiting), (LinkState::Leaving, 1));
    world.tell_on(
        r#"
        irc > PART #tea :no longer linked
        irc > JOIN #dev
        lc > 42#one["messages:create",{"room":"r1","text":"<ann> one"}]
        lc > 42#["rooms:list",{"skip":0,"take":5000}]
        "#,
    );
    world.tell_on(&ack(1).replace("43#", "43#one"));
    world.tell_on("wait 1s");
    let links: Vec<String> =
        report(&mut world).links.iter().map(|it| it.link.to_string()).collect();
    assert_eq!(links, ["office/#dev dev"]);
    assert_eq!(link(&mut world, "#dev").state, LinkState::Down);
}

#[test]
fn pause_of_a_link_that_stays_survives_a_reload() {
    let mut world = star();
    world.tell("admin pauses #tea");
    world.tell("irc < :ann!a@host PRIVMSG #tea :one");
    // What #dev is still to get waits for the pause of the other link.
    world.relink(&["office/#tea tea"]);
    assert_eq!(link(&mut world, "#tea").state, LinkState::Paused);
    let dev = link(&mut world, "#dev");
    assert_eq!((dev.state, dev.to_irc.waiting), (LinkState::Leaving, 1));
    world.tell("wait 2s");
    world.tell(
        r#"
        admin resumes #tea
        irc2 > PRIVMSG #dev :<a\u200bnn> one
        irc2 > PING said-1
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        irc2 < :irc.example PONG irc.example :said-1
        wait 2s
        irc2 > PART #dev :no longer linked
        "#,
    );
    assert_eq!(report(&mut world).links.len(), 1);
}

#[test]
fn people_are_told_of_a_long_pause_and_of_its_end() {
    let mut world = joined();
    world.tell("admin pauses #tea");
    for _ in 0..2 {
        world.tell_on("wait 25s");
        world.tell_on("lc > 2");
        world.tell_on("lc < 3");
    }
    world.tell_on("irc < PING :x");
    world.tell_on("wait 11s");
    let told =
        "cannot reach #tea on office: paused by an administrator; messages from here are queued";
    let (irc, letschat) = world.sent();
    assert!(letschat.iter().any(|line| line.contains(told)), "{letschat:?}");
    let told = "cannot reach room tea: paused by an administrator; messages from here are queued";
    assert!(irc.iter().any(|line| line.contains(told)), "{irc:?}");
    world.tell_on("admin resumes #tea");
    world.tell_on(&ack(1));
    let (_, letschat) = world.sent();
    let told = "#tea on office is reachable again";
    assert!(letschat.iter().any(|line| line.contains(told)), "{letschat:?}");
}

#[test]
fn nobody_is_told_of_a_short_pause() {
    let mut world = joined();
    world.tell(
        "
        admin pauses #tea
        wait 10s
        admin resumes #tea
        wait 2s
        ",
    );
}

#[test]
fn joins_and_topics_of_a_paused_link_are_not_mirrored_later() {
    let format = LinkFormat { topic_sync: TopicSync::Both, ..LinkFormat::default() };
    let mut world = World::new(&["office/#tea tea"]).with_format(format);
    let described =
        r#""slug":"tea","name":"Tea","description":"Assam","private":false,"hasPassword":false}"#;
    world.tell(&LETSCHAT_IN.replace(r#""slug":"tea"}"#, described));
    world.tell(IRC_IN);
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> one"}}]
        {}
        admin pauses #tea
        irc < :ann!a@host TOPIC #tea :Oolong
        irc < :ann!a@host QUIT :bye
        wait 10s
        admin resumes #tea
        wait 4s
        "#,
        ack(1)
    ));
}

#[test]
fn queue_is_listed_oldest_first_with_what_each_waits_for() {
    let mut world = joined();
    world.tell("irc lost");
    world.tell(&bob(1, "to irc"));
    world.tell(
        r#"
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        "#,
    );
    let page = queue(&mut world, "tea");
    let shown: Vec<_> =
        page.deliveries.iter().map(|it| (it.direction, &*it.author, &*it.text)).collect();
    assert_eq!(shown, [(LinkDirection::ToIrc, "bob", "to irc")]);
    assert_eq!((page.waiting, page.deliveries[0].state), (1, WaitState::Queued));
    assert_eq!(page.link.to_string(), "office/#tea tea");
}

#[test]
fn long_texts_are_listed_in_one_line_and_cut() {
    let mut world = joined();
    world.tell("admin pauses #tea");
    world.tell(&bob(1, &format!("one\\ntwo {}", "x".repeat(200))));
    let text = queue(&mut world, "#tea").deliveries.remove(0).text;
    assert!(text.starts_with("one") && !text.contains('\n'), "{text:?}");
    assert_eq!(text.chars().count(), 80);
}

#[test]
fn waiting_delivery_can_be_dropped_and_its_author_is_told() {
    let mut world = joined();
    world.tell("admin pauses #tea");
    for text in ["one", "two", "three"] {
        world.tell(&format!("irc < :ann!a@host PRIVMSG #tea :{text}"));
    }
    let two = queue(&mut world, "#tea").deliveries[1].id;
    assert!(
        matches!(drop_id(&mut world, "#tea", two), Ok(ControlReply::Dropped(it)) if it.text == "two")
    );
    let again = drop_id(&mut world, "#tea", two);
    assert!(matches!(again, Err(ControlError::NotWaiting { .. })), "{again:?}");
    let figures = link(&mut world, "#tea").to_letschat;
    assert_eq!((figures.waiting, figures.dropped, figures.rejected), (2, 1, 0));
    world.tell(
        r#"
        wait 6s
        irc > NOTICE ann :your message "two" did not reach room tea: dropped by the administrator
        admin resumes #tea
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one\nthree"}]
        "#,
    );
}

#[test]
fn first_of_the_queue_can_be_dropped() {
    let mut world = joined();
    world.tell("lc lost");
    world.tell("irc < :ann!a@host PRIVMSG #tea :one");
    world.tell("irc < :ann!a@host PRIVMSG #tea :two");
    let one = queue(&mut world, "#tea").deliveries[0].id;
    assert!(drop_id(&mut world, "#tea", one).is_ok());
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on("lc < 43#[[]]");
    let (_, letschat) = world.sent();
    assert!(letschat.iter().any(|line| line.contains(r#""text":"<ann> two""#)), "{letschat:?}");
}

#[test]
fn delivery_in_flight_cannot_be_dropped() {
    let mut world = joined();
    world.tell_on("irc < :ann!a@host PRIVMSG #tea :one");
    let flying = queue(&mut world, "#tea").deliveries.remove(0);
    assert_eq!(flying.state, WaitState::InFlight);
    let answer = drop_id(&mut world, "#tea", flying.id);
    assert!(matches!(answer, Err(ControlError::AlreadySent { .. })), "{answer:?}");
    world.tell_on("lc lost");
    assert_eq!(queue(&mut world, "#tea").deliveries[0].state, WaitState::InDoubt);
    let answer = drop_id(&mut world, "#tea", flying.id);
    assert!(matches!(answer, Err(ControlError::AlreadySent { .. })), "{answer:?}");
}

#[test]
fn delivery_of_another_link_cannot_be_dropped() {
    let mut world = star();
    world.tell("admin pauses #dev");
    world.tell_on(&bob(1, "one"));
    let waiting = queue(&mut world, "#dev").deliveries.remove(0);
    let answer = drop_id(&mut world, "#tea", waiting.id);
    assert!(matches!(answer, Err(ControlError::NotWaiting { .. })), "{answer:?}");
    assert!(drop_id(&mut world, "#dev", waiting.id).is_ok());
}

#[test]
fn deferred_line_is_retried_when_the_administrator_says_so() {
    let mut world = joined();
    world.tell(&bob(1, "one"));
    world.tell_on(
        "
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example 404 bridge #tea :Slow mode: wait 200 seconds
        irc < :irc.example PONG irc.example :said-1
        ",
    );
    assert_eq!(queue(&mut world, "#tea").deliveries[0].state, WaitState::Deferred);
    world.tell(
        "
        admin retries #tea
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        ",
    );
    let nothing = world.control(ControlRequest::Retry(LinkName::new("#tea")));
    assert!(matches!(&nothing, Ok(ControlReply::Changed(it)) if !it.is_new), "{nothing:?}");
}

#[test]
fn links_are_found_by_any_unambiguous_name() {
    let mut world = star();
    for (name, wanted) in [
        ("#tea", "office/#tea tea"),
        ("Office/#TEA", "office/#tea tea"),
        ("other/#dev tea", "other/#dev tea"),
    ] {
        assert_eq!(queue(&mut world, name).link.to_string(), wanted);
    }
    for (name, error) in [
        ("tea", r#"several links are called "tea": use "office/#tea tea" or "other/#dev tea""#),
        ("#t", r##"no link is called "#t": use "office/#tea tea" or "other/#dev tea""##),
    ] {
        let answer = world.control(ControlRequest::Pause(LinkName::new(name)));
        assert_eq!(answer.unwrap_err().to_string(), error);
    }
}

#[test]
fn report_tells_why_a_link_is_down_and_what_was_rejected() {
    let mut world = joined();
    let fresh = link(&mut world, "#tea");
    assert_eq!((fresh.state, fresh.problem, fresh.last_error), (LinkState::Up, None, None));
    world.tell_on(&bob(1, "one"));
    world.tell_on(
        "
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example 404 bridge #tea :Cannot send to channel
        irc < :irc.example PONG irc.example :said-1
        irc < :op!o@host KICK #tea bridge :out
        wait 5s
        irc < :irc.example 474 bridge #tea :Cannot join channel (+b)
        ",
    );
    let link = link(&mut world, "#tea");
    assert_eq!(link.state, LinkState::Down);
    let problem = "#tea on office: banned from the channel (Cannot join channel (+b))";
    assert_eq!(link.problem.as_deref(), Some(problem));
    assert_eq!(link.to_irc.rejected, 1);
    assert_eq!(link.last_error.unwrap().text, "#tea on office: Cannot send to channel");
    assert!(link.since.unwrap().to_string().starts_with("2026-11-22T12:00:01"));
}

#[test]
fn oldest_waiting_message_is_known_while_the_queue_moves() {
    let mut world = joined();
    world.tell("lc lost");
    for text in ["one", "two", "three"] {
        world.tell(&format!("irc < :ann!a@host PRIVMSG #tea :{text}"));
        world.tell("wait 1s");
    }
    let oldest = |world: &mut World| {
        let oldest = link(world, "#tea").to_letschat.oldest;
        oldest.map(|it| it.strftime("%S").to_string())
    };
    assert_eq!(oldest(&mut world).as_deref(), Some("00"));
    let first = queue(&mut world, "#tea").deliveries[0].id;
    assert!(drop_id(&mut world, "#tea", first).is_ok());
    assert_eq!(oldest(&mut world).as_deref(), Some("01"));
    world.tell_on("restart");
    assert_eq!(oldest(&mut world).as_deref(), Some("01"));
    let waiting = queue(&mut world, "#tea").deliveries;
    for delivery in waiting {
        assert!(drop_id(&mut world, "#tea", delivery.id).is_ok());
    }
    assert_eq!((oldest(&mut world), report(&mut world).queued_bytes), (None, 0));
}
