//! What was said on the side that was not heard is offered, and delivered once when it is asked for.

use letsbridge::bridge::{CatchUpRequest, ControlError, ControlRequest, LinkDirection};
use letsbridge::domain::{LinkFlow, LinkName, LinkPhase};

use super::{bob, catch_up, in_phase, pass_hours, reload_into, settle, world, world_of};
use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN_AGAIN, join_both};

/// Ann says this many lines in the channel, one an hour, while nobody hears them.
fn ann_says(world: &mut World, lines: u32) {
    for number in 1..=lines {
        world.tell_on(&format!("irc < :ann!a@host PRIVMSG #tea :line {number}"));
        pass_hours(world, 1);
    }
    world.sent();
}

/// Back to equal sides; the announcement is not told here.
fn reopen(world: &mut World) {
    reload_into(world, LinkPhase::Together);
    settle(world);
    pass_hours(world, 25);
    settle(world);
}

/// The texts of the posts that the bridge makes in this time.
fn posts(world: &mut World, seconds: u32) -> Vec<String> {
    let mut posts = Vec::new();
    for _ in 0..seconds {
        world.tell_on("wait 1s");
        loop {
            let (_, new) = settle(world);
            if new.is_empty() {
                break;
            }
            posts.extend(new);
        }
    }
    posts
}

fn offered(world: &mut World) -> u64 {
    catch_up(world, true).counts.iter().map(|count| count.messages).sum()
}

#[test]
fn what_was_not_heard_is_delivered_once_in_order_with_its_time() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    ann_says(&mut world, 3);
    reopen(&mut world);
    assert_eq!(offered(&mut world), 3);
    assert_eq!(posts(&mut world, 5), [""; 0], "nobody has asked");
    let answer = catch_up(&mut world, false);
    let of =
        |direction| answer.counts.iter().find(|it| it.direction == direction).unwrap().messages;
    assert_eq!((of(LinkDirection::ToLetsChat), of(LinkDirection::ToIrc)), (3, 0));
    assert_eq!(offered(&mut world), 0);
    let expected = [
        "[2026-11-22 12:00Z] <ann> line 1",
        "[2026-11-22 13:01Z] <ann> line 2",
        "[2026-11-22 14:02Z] <ann> line 3",
    ];
    assert_eq!(posts(&mut world, 10), expected);
    let again = catch_up(&mut world, false);
    assert!(again.counts.iter().all(|count| count.messages == 0), "{again:?}");
    assert_eq!(posts(&mut world, 10), [""; 0]);
}

#[test]
fn restart_in_between_delivers_the_rest() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    ann_says(&mut world, 3);
    reopen(&mut world);
    catch_up(&mut world, false);
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.sent();
    world.tell_on("lc < 43#[[]]");
    world.tell_on(IRC_IN);
    world.sent();
    assert_eq!(posts(&mut world, 10).len(), 3);
    assert_eq!(offered(&mut world), 0);
}

#[test]
fn what_is_said_meanwhile_goes_in_between() {
    let mut world = in_phase(LinkPhase::Closed);
    for number in 1..=30 {
        world.tell_on(&bob(number, &format!("old {number}")));
    }
    reopen(&mut world);
    catch_up(&mut world, false);
    world.tell_on("wait 1s");
    world.tell_on(&bob(40, "now"));
    let mut lines: Vec<String> = Vec::new();
    for _ in 0..60 {
        let (irc, _) = settle(&mut world);
        lines.extend(irc.into_iter().filter(|line| line.starts_with("PRIVMSG")));
        world.tell_on("wait 1s");
    }
    assert_eq!(lines.len(), 31, "{lines:?}");
    let now = lines.iter().position(|line| line.ends_with("<bob> now")).unwrap();
    assert!(now <= 4, "{now} of {lines:?}");
    let old: Vec<&String> = lines.iter().filter(|line| line.contains("old")).collect();
    for (index, line) in old.iter().enumerate() {
        assert!(line.ends_with(&format!("<bob> old {}", index + 1)), "{line}");
        assert!(line.contains("[2026-11-22 12:00Z]"), "{line}");
    }
}

#[test]
fn link_that_does_not_mirror_that_way_refuses() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    ann_says(&mut world, 1);
    let mut ask = |direction| {
        world.control(ControlRequest::CatchUp(CatchUpRequest {
            link: LinkName::new("tea"),
            from: "2026-11-22T00:00:00Z".parse().unwrap(),
            to: "2026-11-30T00:00:00Z".parse().unwrap(),
            direction,
            is_dry_run: false,
        }))
    };
    let refused = ask(Some(LinkDirection::ToLetsChat)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "office/#tea tea does not mirror to Let's Chat (phase = \"irc_read_only\", direction = \
         \"both\"): change that in the configuration, reload it, and try again"
    );
    assert!(ask(None).is_ok(), "the other way is open");
    let mut world = in_phase(LinkPhase::Closed);
    let refused = world.control(ControlRequest::CatchUp(CatchUpRequest {
        link: LinkName::new("tea"),
        from: "2026-11-22T00:00:00Z".parse().unwrap(),
        to: "2026-11-30T00:00:00Z".parse().unwrap(),
        direction: None,
        is_dry_run: true,
    }));
    assert!(matches!(refused, Err(ControlError::NotMirrored { direction: None, .. })));
}

#[test]
fn phase_that_closes_again_stops_it_until_it_is_asked_for_again() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    ann_says(&mut world, 2);
    reopen(&mut world);
    catch_up(&mut world, false);
    reload_into(&mut world, LinkPhase::IrcReadOnly);
    assert_eq!(posts(&mut world, 5).iter().filter(|post| post.contains("line")).count(), 0);
    reopen(&mut world);
    assert_eq!(offered(&mut world), 2);
    assert_eq!(posts(&mut world, 5), [""; 0]);
}

#[test]
fn pause_holds_it() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    ann_says(&mut world, 2);
    reopen(&mut world);
    world.tell("admin pauses #tea");
    catch_up(&mut world, false);
    assert_eq!(posts(&mut world, 30), [""; 0]);
    world.tell("admin resumes #tea");
    assert_eq!(posts(&mut world, 5).len(), 2);
}

#[test]
fn what_one_link_of_a_chain_lets_pass_may_stop_at_the_next() {
    let mut world = world_of(&["office/#tea tea office/#dev"]);
    world.set_direction("office/#tea", "tea", LinkFlow::ToIrc);
    world.set_direction("office/#dev", "tea", LinkFlow::ToLetsChat);
    world.tell("restart");
    world.tell_on(crate::LETSCHAT_IN);
    world.tell_on(&IRC_IN.replace("irc > JOIN #tea", "irc > JOIN #tea,#dev"));
    world.tell("irc < :ann!a@host PRIVMSG #tea :hello");
    world.set_direction("office/#tea", "tea", LinkFlow::Both);
    world.reload();
    assert_eq!(catch_up(&mut world, false).counts[1].messages, 1);
    assert_eq!(posts(&mut world, 5), ["<ann> hello"]);
    // It waits at the second link now.
    world.set_direction("office/#dev", "tea", LinkFlow::Both);
    world.reload();
    let request = CatchUpRequest {
        link: LinkName::new("#dev"),
        from: "2026-11-22T00:00:00Z".parse().unwrap(),
        to: "2026-11-30T00:00:00Z".parse().unwrap(),
        direction: Some(LinkDirection::ToIrc),
        is_dry_run: true,
    };
    let answer = world.control(ControlRequest::CatchUp(request));
    assert!(format!("{answer:?}").contains("messages: 1"), "{answer:?}");
}

#[test]
fn ignored_and_bridge_messages_are_not_offered() {
    let mut world = join_both(world().begun_with(LinkPhase::Closed, LinkFlow::Both));
    world.tell_on("irc < :ann!a@host PRIVMSG #tea :\x02\x02");
    reopen(&mut world);
    assert_eq!(offered(&mut world), 0);
}
