//! The canary: messages of the bridge's own show whether messages arrive.

use letsbridge::bridge::{BridgeReport, CanaryDirectionReport, ControlReply, ControlRequest};

use crate::harness::World;

#[track_caller]
fn report(world: &mut World) -> BridgeReport {
    match world.control(ControlRequest::Report) {
        Ok(ControlReply::Report(report)) => *report,
        answer => panic!("{answer:?}"),
    }
}

const IN: &str = r#"
    lc connects
    lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r2","slug":"canary"}]]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
    lc > 42#["rooms:join","r2"]
    lc < 43#[{"id":"r2","slug":"canary"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
    lc < 43#[[]]
    lc > 42#["messages:list",{"reverse":true,"room":"r2","take":1}]
    lc < 43#[[]]
    irc connects
    irc < :irc.example 421 * CAP :Unknown command
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea,#canary
    irc < :bridge!b@host JOIN #tea
    irc < :irc.example 353 bridge = #tea :bridge ann
    irc < :irc.example 366 bridge #tea :End of /NAMES list
    irc < :bridge!b@host JOIN #canary
    irc < :irc.example 353 bridge = #canary :bridge
    irc < :irc.example 366 bridge #canary :End of /NAMES list
"#;

/// A world with a link and a canary, before its first round.
#[track_caller]
fn world() -> World {
    let mut world = World::new(&["office/#tea tea"]).unpaced().with_canary();
    world.tell(IN);
    world
}

/// The text of the canary at this time.
fn text(time: &str) -> String {
    format!("<canary> test of the bridge at 2026-11-22 {time}.000 UTC")
}

/// Both messages of the round with this number, which begins at this time, are sent.
fn round(number: usize, time: &str) -> String {
    let text = text(time);
    format!(
        r#"
        irc > PRIVMSG #canary :{text}
        irc > PING said-{number}
        lc > 42#["messages:create",{{"room":"r2","text":"{text}"}}]
        "#
    )
}

/// The server acknowledges the line of this round.
fn acked_on_irc(number: usize) -> String {
    format!("irc < :irc.example PONG irc.example :said-{number}")
}

/// The first round has begun, a second after the start, and its line is acknowledged on IRC.
#[track_caller]
fn world_in_first_round() -> World {
    let mut world = world();
    world.tell(&format!("wait 1s\n{}\n{}", round(1, "12:00:01"), acked_on_irc(1)));
    world
}

/// … and the post was acknowledged and heard.
#[track_caller]
fn world_after_first_round() -> World {
    let mut world = world_in_first_round();
    world.tell(&acked_in_room(1));
    world.tell(&heard_in_room(1, "12:00:01"));
    assert_eq!(outcomes(&mut world), ["ok", "ok"]);
    world
}

/// So many seconds pass, in which the servers answer pings. Returns what else the bridge has sent.
#[track_caller]
fn pass(world: &mut World, seconds: usize) -> Vec<String> {
    let mut others = Vec::new();
    for _ in 0..seconds {
        world.tell_on("wait 1s");
        let (irc, lc) = world.sent();
        for line in irc {
            match line.strip_prefix("PING ").filter(|it| !it.starts_with("said")) {
                Some(ping) => {
                    world.tell_on(&format!("irc < :irc.example PONG irc.example :{ping}"));
                }
                None => others.push(format!("irc {line}")),
            }
        }
        for frame in lc {
            match frame.as_str() {
                "2" => world.tell_on("lc < 3"),
                _ => others.push(format!("lc {frame}")),
            }
        }
    }
    others
}

/// … and the bridge sends nothing else.
#[track_caller]
fn pass_quietly(world: &mut World, seconds: usize) {
    assert_eq!(pass(world, seconds), [""; 0]);
}

/// Let's Chat acknowledges the post with this number.
fn acked_in_room(number: usize) -> String {
    format!(
        r#"lc < 43#[{{"id":"6b000001000000000000000{number}","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r2"}}]"#
    )
}

/// The post with this number, of the round that began at this time, comes back.
fn heard_in_room(number: usize, time: &str) -> String {
    let text = text(time);
    format!(
        r#"lc < 42["messages:new",{{"id":"6b000001000000000000000{number}","text":"{text}","posted":"2026-11-22T12:00:01.000Z","owner":{{"id":"u0","username":"bridge"}},"room":{{"id":"r2","slug":"canary"}}}}]"#
    )
}

/// How both directions are: `ok`, the reason of a failure, or `unknown`.
#[track_caller]
fn outcomes(world: &mut World) -> [String; 2] {
    let canary = report(world).canary.expect("a canary");
    let outcome = |direction: &CanaryDirectionReport| match &direction.last {
        None => "unknown".to_owned(),
        Some(last) => last.result.clone().map_or_else(|reason| reason, |_| "ok".to_owned()),
    };
    [outcome(&canary.to_irc), outcome(&canary.to_letschat)]
}

#[test]
fn messages_of_each_round_arrive_on_both_sides() {
    let mut world = world();
    assert_eq!(outcomes(&mut world), ["unknown", "unknown"]);
    world.tell(&format!("wait 1s\n{}", round(1, "12:00:01")));
    assert_eq!(outcomes(&mut world), ["unknown", "unknown"]);
    world.tell(&format!("wait 1s\n{}", acked_on_irc(1)));
    assert_eq!(outcomes(&mut world), ["ok", "unknown"]);
    world.tell(&acked_in_room(1));
    assert_eq!(outcomes(&mut world), ["ok", "unknown"], "it must be heard, too");
    world.tell(&heard_in_room(1, "12:00:01"));
    assert_eq!(outcomes(&mut world), ["ok", "ok"]);
    let canary = report(&mut world).canary.unwrap();
    for (direction, it) in canary.directions() {
        let took = it.last.as_ref().unwrap().result.as_ref().unwrap();
        assert_eq!((took.as_secs(), it.failures), (1, 0), "{direction:?}");
    }
    assert_eq!((canary.latency.to_irc.count(), canary.latency.to_letschat.count()), (1, 1));
    // The next round is not sent before its time.
    pass_quietly(&mut world, 298);
    world.tell(&format!("wait 1s\n{}", round(3, "12:05:01")));
}

#[test]
fn canary_counts_for_itself_and_not_for_people() {
    let mut world = world_after_first_round();
    let links = report(&mut world).links;
    let shown: Vec<_> = links
        .iter()
        .map(|it| {
            (it.link.to_string(), it.is_canary, it.to_irc.delivered, it.to_letschat.delivered)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("office/#tea tea".to_owned(), false, 0, 0),
            ("office/#canary canary".to_owned(), true, 1, 1)
        ]
    );
    let stats = world.stats();
    assert_eq!((stats.latency.to_irc.count(), stats.latency.to_letschat.count()), (0, 0));
    let traffic = stats.traffic.values();
    assert!(traffic.clone().all(|it| it.delivered + it.received == 0), "{traffic:?}");
}

#[test]
fn what_people_write_to_the_canary_is_mirrored_nowhere() {
    let mut world = world_after_first_round();
    // Nothing is sent anywhere, commands are not answered, and comings and goings are not told.
    world.tell(
        r#"
        irc < :ann!a@host JOIN #canary
        irc < :ann!a@host PRIVMSG #canary :what is this?
        irc < :ann!a@host PRIVMSG #canary :!who
        irc < :ann!a@host TOPIC #canary :birds
        irc < :ann!a@host PART #canary
        lc < 42["messages:new",{"id":"6b0000020000000000000001","text":"hello?","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r2","slug":"canary"}}]
        wait 5s
        irc < :ann!a@host PRIVMSG #tea :tea
        lc > 42#["messages:create",{"room":"r1","text":"<ann> tea"}]
        "#,
    );
    assert_eq!(outcomes(&mut world), ["ok", "ok"]);
}

#[test]
fn canary_that_is_not_acknowledged_in_time_has_failed_until_one_arrives() {
    let mut world = world_in_first_round();
    pass_quietly(&mut world, 29);
    assert_eq!(outcomes(&mut world), ["ok", "unknown"]);
    // The bridge asks whether the post is there, and gets no answer to that either.
    assert!(pass(&mut world, 1).iter().all(|it| it.contains("messages:list")));
    assert_eq!(outcomes(&mut world), ["ok", "not acknowledged within 30 seconds"]);
    assert_eq!(report(&mut world).canary.unwrap().to_letschat.failures, 1);
    // The late answer does not make it good, but the next message follows at once.
    let first = text("12:00:01");
    world.tell(&format!(
        r#"lc < 43#[[{{"id":"6b0000010000000000000001","text":"{first}","posted":"2026-11-22T12:00:01.000Z","owner":{{"id":"u0","username":"bridge"}},"room":"r2"}}]]"#
    ));
    assert_eq!(outcomes(&mut world)[1], "not acknowledged within 30 seconds");
    let text = text("12:00:32");
    world.tell(&format!(
        r#"
        wait 1s
        lc > 42#["messages:create",{{"room":"r2","text":"{text}"}}]
        "#
    ));
    world.tell(&acked_in_room(2));
    world.tell(&heard_in_room(2, "12:00:32"));
    assert_eq!(outcomes(&mut world), ["ok", "ok"]);
}

#[test]
fn acknowledged_post_that_is_never_heard_has_failed() {
    let mut world = world_in_first_round();
    world.tell(&acked_in_room(1));
    // Another post does not count.
    world.tell(&heard_in_room(2, "11:00:00"));
    pass_quietly(&mut world, 30);
    let reason = "acknowledged, but not received from the room within 30 seconds";
    assert_eq!(outcomes(&mut world), ["ok", reason]);
}

#[test]
fn one_message_waits_at_most_while_letschat_answers_nothing() {
    let mut world = world_in_first_round();
    let mut sent = pass(&mut world, 70);
    world.tell("lc lost");
    sent.extend(pass(&mut world, 900));
    assert!(!sent.iter().any(|it| it.contains("messages:create")), "{sent:?}");
    assert_eq!(outcomes(&mut world), ["its room is not joined"; 2]);
    let report = report(&mut world);
    assert_eq!(report.links[1].to_letschat.waiting, 1);
    assert!(report.canary.unwrap().to_letschat.failures > 2);
}

#[test]
fn rejected_canary_has_failed_and_nobody_is_told() {
    let mut world = world();
    world.tell(&format!("wait 1s\n{}", round(1, "12:00:01")));
    world.tell(
        r#"
        irc < :irc.example 404 bridge #canary :Cannot send to channel
        irc < :irc.example PONG irc.example :said-1
        lc refuses "Invalid data"
        "#,
    );
    let [on_irc, in_room] = outcomes(&mut world);
    assert!(on_irc.contains("Cannot send to channel"), "{on_irc}");
    assert!(in_room.contains("Invalid data"), "{in_room}");
    pass_quietly(&mut world, 30);
}

#[test]
fn lost_connection_fails_the_canary_and_leaves_nothing_behind() {
    let mut world = world_after_first_round();
    world.tell("irc lost");
    // People are told of the outage in their channel, and nobody in the canary's.
    let told = pass(&mut world, 400);
    assert!(
        told.iter().any(|it| it.contains(r#""room":"r1","text":"-- cannot reach #tea"#)),
        "{told:?}"
    );
    assert!(!told.iter().any(|it| it.contains(r#""room":"r2""#)), "{told:?}");
    let reason = "its channel is not joined";
    assert_eq!(outcomes(&mut world), [reason, reason]);
    let waiting = report(&mut world).links[1].clone();
    assert_eq!((waiting.to_irc.waiting, waiting.to_letschat.waiting), (0, 0));
}

#[test]
fn bridge_that_starts_has_time_to_connect() {
    let mut world = World::new(&["office/#tea tea"]).unpaced().with_canary();
    pass_quietly(&mut world, 329);
    assert_eq!(outcomes(&mut world), ["unknown", "unknown"]);
    pass_quietly(&mut world, 2);
    let reason = "its channel is not joined";
    assert_eq!(outcomes(&mut world), [reason, reason]);
}

#[test]
fn paused_canary_tests_nothing_and_resumes_at_once() {
    let mut world = world();
    world.tell("admin pauses #canary");
    pass_quietly(&mut world, 600);
    assert_eq!(outcomes(&mut world), ["unknown", "unknown"]);
    assert!(report(&mut world).canary.unwrap().is_paused);
    world.tell(&format!("admin resumes canary\nwait 1s\n{}", round(1, "12:10:01")));
}

#[test]
fn reload_changes_the_canary_and_ends_it() {
    let mut world = world_after_first_round();
    // Others times, the same figures.
    world.set_canary(Some(65));
    world.reload();
    assert_eq!(outcomes(&mut world), ["ok", "ok"]);
    pass_quietly(&mut world, 65);
    world.tell(&format!("wait 1s\n{}\n{}", round(3, "12:01:07"), acked_on_irc(3)));
    world.tell(&acked_in_room(2));
    world.tell(&heard_in_room(2, "12:01:07"));
    assert_eq!(report(&mut world).canary.unwrap().latency.to_irc.count(), 2);
    world.set_canary(None);
    world.reload();
    world.tell_on(
        r#"
        irc > PART #canary :no longer linked
        lc > 42#["rooms:leave","r2"]
        lc < 43#[null]
        "#,
    );
    pass_quietly(&mut world, 120);
    let report = report(&mut world);
    assert_eq!((report.canary, report.links.len()), (None, 1));
}

#[test]
fn message_of_an_earlier_run_is_delivered_before_the_next_round() {
    let mut world = world_in_first_round();
    world.tell("restart");
    assert_eq!(outcomes(&mut world), ["unknown", "unknown"]);
    assert_eq!(report(&mut world).links[1].to_letschat.waiting, 1);
    pass_quietly(&mut world, 60);
    assert_eq!(report(&mut world).links[1].to_letschat.waiting, 1);
}
