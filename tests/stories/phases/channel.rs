//! What the bridge does in the channel: it names the room in the topic, and moderates the channel while nobody there is
//! heard.

use letsbridge::bridge::NickSource;
use letsbridge::domain::{LinkFlow, LinkPhase};
use letsbridge::translate::{LinkFormat, RoomFormat, TopicSync};

use super::{bob, in_phase, reload_into, settle, world};
use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN_AGAIN, join_both};

const NOTE: &str = "We are in Let's Chat: https://chat.example/#!/room/r1";

/// The channel has this topic, and these modes; `@` if the bridge is its operator.
fn shown(topic: &str, rank: &str, modes: &str) -> String {
    format!(
        "irc < :irc.example 332 bridge #tea :{topic}
         irc < :irc.example 353 bridge = #tea :{rank}bridge ann
         irc < :irc.example 366 bridge #tea :End of /NAMES list
         irc < :irc.example 324 bridge #tea {modes}"
    )
}

/// The bridge joins a channel with this topic and these modes.
#[track_caller]
fn join(world: &mut World, shown: &str) {
    let (before, _) = IRC_IN.split_once("irc < :irc.example 353").unwrap();
    world.tell_on(&format!("{before}\n{shown}"));
}

/// A world in this phase whose channel is `shown` like this.
#[track_caller]
fn joined(phase: LinkPhase, shown: &str) -> World {
    let mut world = world().begun_with(phase, LinkFlow::Both);
    world.tell_on(crate::LETSCHAT_IN);
    join(&mut world, shown);
    world
}

/// The phase changes, and its announcement is not told here.
fn change_to(world: &mut World, phase: LinkPhase) -> Vec<String> {
    reload_into(world, phase);
    let (irc, _) = settle(world);
    irc.into_iter().filter(|line| line.starts_with("TOPIC") || line.starts_with("MODE")).collect()
}

#[test]
fn topic_names_the_room_until_the_phase_goes_back() {
    let mut world = joined(LinkPhase::Moving, &shown("Tea at five", "@", "+nt"));
    world.tell(&format!(
        "irc > TOPIC #tea :Tea at five | {NOTE}
         irc < :bridge!b@host TOPIC #tea :Tea at five | {NOTE}"
    ));
    assert_eq!(change_to(&mut world, LinkPhase::IrcReadOnly), ["MODE #tea +m"]);
    assert_eq!(change_to(&mut world, LinkPhase::Together), ["TOPIC #tea :Tea at five"]);
    world.tell("irc < :bridge!b@host TOPIC #tea :Tea at five");
    world.reload();
    world.tell("");
}

#[test]
fn topic_is_left_alone_where_the_bridge_may_not_set_it() {
    joined(LinkPhase::Moving, &shown("Tea", "", "+nt")).tell("");
    joined(LinkPhase::Moving, &shown("Tea", "", "+n"))
        .tell(&format!("irc > TOPIC #tea :Tea | {NOTE}"));
    // It becomes an operator later.
    let mut world = joined(LinkPhase::Moving, &shown("Tea", "", "+nt"));
    world.tell(&format!("irc < :ann!a@host MODE #tea +o bridge\nirc > TOPIC #tea :Tea | {NOTE}"));
    // There is none.
    let none = shown("", "@", "+n").replace("irc < :irc.example 332 bridge #tea :\n", "");
    joined(LinkPhase::Moving, &none).tell(&format!("irc > TOPIC #tea :{NOTE}"));
    let long = "x".repeat(250);
    joined(LinkPhase::Moving, &shown(&long, "@", "+n")).tell("");
}

#[test]
fn note_that_somebody_takes_out_is_not_put_back_in_the_same_phase() {
    let mut world = joined(LinkPhase::Moving, &shown(&format!("Tea | {NOTE}"), "@", "+n"));
    world.tell("irc < :ann!a@host TOPIC #tea :Coffee");
    world.reload();
    world.tell("irc < :ann!a@host TOPIC #tea :Milk");
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.sent();
    world.tell("lc < 43#[[]]");
    join(&mut world, &shown("Milk", "@", "+n"));
    world.tell("");
    let set = change_to(&mut world, LinkPhase::Closed);
    assert_eq!(set, [format!("TOPIC #tea :Milk | {NOTE}")]);
}

#[test]
fn killed_bridge_sets_the_topic_again_and_takes_it_out_again() {
    let mut world = joined(LinkPhase::Moving, &shown("Tea", "@", "+n"));
    world.tell(&format!("irc > TOPIC #tea :Tea | {NOTE}"));
    let restart = |world: &mut World, topic: &str| {
        world.tell("restart");
        world.tell_on(LETSCHAT_IN_AGAIN);
        world.sent();
        world.tell_on("lc < 43#[[]]");
        world.sent();
        join(world, &shown(topic, "@", "+n"));
    };
    // It never arrived.
    restart(&mut world, "Tea");
    world.tell(&format!("irc > TOPIC #tea :Tea | {NOTE}"));
    restart(&mut world, &format!("Tea | {NOTE}"));
    world.tell("");
    assert_eq!(change_to(&mut world, LinkPhase::Together), ["TOPIC #tea Tea"]);
    restart(&mut world, &format!("Tea | {NOTE}"));
    let (irc, _) = world.sent();
    assert!(irc.contains(&"TOPIC #tea Tea".to_owned()), "{irc:?}");
}

#[test]
fn synchronised_topic_is_without_the_note_in_the_room() {
    let letschat_url = Some("https://chat.example/".parse().unwrap());
    let room = RoomFormat { letschat_url, ..RoomFormat::default() };
    let format = LinkFormat { room, topic_sync: TopicSync::Both, ..LinkFormat::default() };
    let mut world = World::new(&["office/#tea tea"]).unpaced().with_format(format);
    world = world.begun_with(LinkPhase::Moving, LinkFlow::Both);
    world.tell_on(&crate::LETSCHAT_IN.replace(
        r#""slug":"tea"}"#,
        r#""slug":"tea","name":"Tea","description":"Tea","private":false,"hasPassword":false}"#,
    ));
    join(&mut world, &shown("Tea", "@", "+n"));
    world.tell(&format!(
        "irc > TOPIC #tea :Tea | {NOTE}
         irc < :bridge!b@host TOPIC #tea :Tea | {NOTE}"
    ));
    world.tell_on(&format!("irc < :ann!a@host TOPIC #tea :Coffee | {NOTE}"));
    let (irc, sent) = world.sent();
    assert_eq!(irc, [""; 0]);
    assert!(sent[0].contains(r#""description":"Coffee""#), "{sent:?}");
    world.tell_on(r#"lc < 43#[{"id":"r1","slug":"tea","name":"Tea","description":"Coffee"}]"#);
    world.tell(&format!(
        r#"lc < 42["rooms:update",{{"id":"r1","slug":"tea","name":"Tea","description":"Milk","private":false,"hasPassword":false}}]
        irc > TOPIC #tea :Milk | {NOTE}
        irc < :bridge!b@host TOPIC #tea :Milk | {NOTE}"#
    ));
    world.tell_on("wait 5s");
    let (irc, _) = world.sent();
    assert_eq!(irc, [""; 0]);
}

#[test]
fn read_only_channel_is_moderated_once_and_opened_again() {
    let mut world = joined(LinkPhase::Together, &shown("Tea", "@", "+nt"));
    world.tell("");
    let set = change_to(&mut world, LinkPhase::IrcReadOnly);
    assert_eq!(set, [format!("TOPIC #tea :Tea | {NOTE}"), "MODE #tea +m".to_owned()]);
    world.tell(&format!(
        "irc < :bridge!b@host TOPIC #tea :Tea | {NOTE}
         irc < :bridge!b@host MODE #tea +m"
    ));
    world.reload();
    world.tell("");
    assert_eq!(change_to(&mut world, LinkPhase::Closed), [""; 0]);
    let set = change_to(&mut world, LinkPhase::Together);
    assert_eq!(set, ["TOPIC #tea Tea", "MODE #tea -m"]);
}

#[test]
fn moderation_of_operators_is_left_to_them() {
    // It was moderated before.
    let mut world = joined(LinkPhase::IrcReadOnly, &shown(NOTE, "@", "+mn"));
    world.tell("");
    assert_eq!(change_to(&mut world, LinkPhase::Together), ["TOPIC #tea :"]);
    // An operator undoes it.
    let mut world = joined(LinkPhase::IrcReadOnly, &shown(NOTE, "@", "+n"));
    world.tell(
        "irc > MODE #tea +m
         irc < :bridge!b@host MODE #tea +m
         irc < :ann!a@host MODE #tea -m",
    );
    world.reload();
    world.tell("irc < :ann!a@host MODE #tea +m");
    assert_eq!(change_to(&mut world, LinkPhase::Together), ["TOPIC #tea :"]);
}

#[test]
fn puppets_speak_in_a_moderated_channel_once_they_have_voice_and_leave_a_closed_one() {
    let source = NickSource::Puppet { ban_fallback: false, show_away: false };
    let world = world().with_nicks(source, "{user}|lc");
    let mut world = world.begun_with(LinkPhase::IrcReadOnly, LinkFlow::Both);
    world.tell_on(crate::LETSCHAT_IN);
    join(&mut world, &shown(NOTE, "@", "+n"));
    world.tell(
        "irc > MODE #tea +m
         irc < :bridge!b@host MODE #tea +m",
    );
    world.tell(&format!(
        "{}
         bob called bob|lc
         irc > PRIVMSG #tea :<bob> one
         irc > PING said-1
         irc < :irc.example PONG irc.example :said-1
         bob back
         bob > CAP LS 302
         bob > NICK bob|lc
         bob > USER bob 0 * bob
         bob < :irc.example 421 * CAP :Unknown command
         bob < :irc.example 001 bob|lc :hello
         bob > JOIN #tea
         bob < :bob|lc!b@host JOIN #tea
         bob < :irc.example 353 bob|lc = #tea :@bridge ann bob|lc
         bob < :irc.example 366 bob|lc #tea :End of /NAMES list
         irc < :bob|lc!b@host JOIN #tea
         irc > MODE #tea +v bob|lc
         {}
         irc > PRIVMSG #tea :<bob> two
         irc > PING said-2
         irc < :irc.example PONG irc.example :said-2
         irc < :bridge!b@host MODE #tea +v bob|lc
         {}
         bob > PRIVMSG #tea :three
         bob > PING said-3
         irc < :bob|lc!b@host PRIVMSG #tea :three
         bob < :irc.example PONG irc.example :said-3",
        bob(1, "one"),
        bob(2, "two"),
        bob(3, "three"),
    ));
    change_to(&mut world, LinkPhase::Closed);
    world.tell("wait 1s\nbob > PART #tea :the channel is closed");
}

#[test]
fn equal_sides_leave_topic_and_modes_alone() {
    let mut world = joined(LinkPhase::Together, &shown("Tea", "@", "+nt"));
    world.tell("irc < :ann!a@host TOPIC #tea :Coffee\nirc < :ann!a@host MODE #tea +m");
    in_phase(LinkPhase::Together).tell("wait 5s");
    let _ = join_both(super::world());
}
