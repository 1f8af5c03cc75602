//! The phases of a link and its direction: what is mirrored, who is told what, and what is delivered late.

mod catch_up;
mod channel;
mod greetings;
mod mirroring;

use std::sync::atomic::{AtomicU32, Ordering};

use letsbridge::bridge::{CatchUpAnswer, CatchUpRequest, ControlReply, ControlRequest};
use letsbridge::domain::{LinkFlow, LinkName, LinkPhase};
use letsbridge::translate::{LinkFormat, RoomFormat};

use crate::harness::World;
use crate::join_both;

/// A world whose texts name the room's address, without flood control.
fn world() -> World {
    world_of(&["office/#tea tea"])
}

fn world_of(link_groups: &[&str]) -> World {
    let letschat_url = Some("https://chat.example/".parse().unwrap());
    let room = RoomFormat { letschat_url, ..RoomFormat::default() };
    World::new(link_groups).unpaced().with_format(LinkFormat { room, ..LinkFormat::default() })
}

/// A world whose link has been in this phase all the time.
#[track_caller]
fn in_phase(phase: LinkPhase) -> World {
    join_both(world().begun_with(phase, LinkFlow::Both))
}

/// Both servers take what the bridge has sent until now: the lines on IRC, and the texts of the posts.
fn settle(world: &mut World) -> (Vec<String>, Vec<String>) {
    static POSTS: AtomicU32 = AtomicU32::new(1);
    let (irc, letschat) = world.sent();
    for ping in irc.iter().filter_map(|line| line.strip_prefix("PING ")) {
        world.tell_on(&format!("irc < :irc.example PONG irc.example :{ping}"));
    }
    let mut posts = Vec::new();
    for frame in letschat.iter().filter(|frame| frame.contains("messages:create")) {
        let (number, call) = frame.strip_prefix("42").unwrap().split_once('[').unwrap();
        let (_, text) = call.split_once(r#""text":""#).unwrap();
        posts.push(text.split_once('"').unwrap().0.to_owned());
        let id = POSTS.fetch_add(1, Ordering::Relaxed);
        world.tell_on(&format!(
            r#"lc < 43{number}[{{"id":"6b00000500000000{id:08}","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}}]"#
        ));
    }
    let irc = irc.into_iter().filter(|line| !line.starts_with("PING ")).collect();
    (irc, posts)
}

/// So many hours pass, and a minute. The process is suspended meanwhile, which is faster than to let it wait. Returns what
/// the bridge has sent, see [`settle`].
fn pass_hours(world: &mut World, hours: u32) -> (Vec<String>, Vec<String>) {
    world.tell_on(&format!("paused {}s", hours * 3_600));
    let (mut irc, mut posts) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        world.quietly(10);
        let (lines, new) = settle(world);
        irc.extend(lines);
        posts.extend(new);
    }
    (irc, posts)
}

/// The phase changes while the bridge runs.
fn reload_into(world: &mut World, phase: LinkPhase) {
    world.set_phase("office/#tea", "tea", phase);
    world.reload();
}

/// What the bridge answers to `letsbridge catch-up` for everything that was said until now.
#[track_caller]
fn catch_up(world: &mut World, is_dry_run: bool) -> CatchUpAnswer {
    let request = CatchUpRequest {
        link: LinkName::new("#tea"),
        from: "2026-11-22T00:00:00Z".parse().unwrap(),
        to: "2027-11-22T00:00:00Z".parse().unwrap(),
        direction: None,
        is_dry_run,
    };
    match world.control(ControlRequest::CatchUp(request)) {
        Ok(ControlReply::CatchUp(answer)) => answer,
        answer => panic!("{answer:?}"),
    }
}

/// A post of bob in the room, with this number.
fn bob(number: u8, text: &str) -> String {
    format!(
        r#"lc < 42["messages:new",{{"id":"6b00000200000000000000{number:02}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]"#
    )
}
