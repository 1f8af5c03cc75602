//! A team of 30 moves from IRC to Let's Chat, and back: through all phases, with kills and reloads on the way.
//!
//! Everything that is said is numbered. At each step, the channels and the rooms must show each line where the phase carried
//! it, once and in order, and nowhere else; `letsbridge progress` must count exactly what was said; everybody must have been
//! told what `docs/phases.md` says, and nothing twice. What was not carried is delivered late at the end.
//!
//! `tests/all` does so between ngIRCd or InspIRCd and the tests' own Let's Chat. With a real one, empty of such names:
//!
//!     LETSCHAT_URL=http://localhost:5000 LETSCHAT_TOKEN=… LETSCHAT_TEAM=team \
//!         cargo test --test interop -- --ignored --nocapture needs_letschat_a_team
//!
//! The file `team` has a line `u01 TOKEN` for each of the users u01 to u30. Rooms are made, and accounts for the people who
//! have none; they stay there.

mod checks;
mod people;
mod progress;
mod record;
mod rooms;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use crate::support::ircd::{Daemon, Flood, Ircd};
use record::{Fate, Side};
use rooms::Rooms;
use world::{DEV, OPS, PEOPLE, TOPICS, World, slugs, user};

/// What everybody was told: the number of the person, what it begins with, and how often.
type Told = BTreeMap<(usize, &'static str), usize>;

/// It dies before the line is mirrored, or before it is heard.
const PERHAPS: Option<Fate> = Some(Fate::Perhaps { is_carried: true });
const PERHAPS_HELD: Option<Fate> = Some(Fate::Perhaps { is_carried: false });
const TURNING: Option<Fate> = Some(Fate::Turning);

#[tokio::test]
#[ignore = "needs ngircd installed: tests/all runs it"]
async fn a_team_moves_and_comes_back_on_ngircd() {
    on(Daemon::Ngircd).await;
}

#[tokio::test]
#[ignore = "needs inspircd installed: tests/all runs it"]
async fn a_team_moves_and_comes_back_on_inspircd() {
    on(Daemon::Inspircd).await;
}

#[tokio::test]
#[ignore = "needs a Let's Chat and ngircd: LETSCHAT_URL, LETSCHAT_TOKEN and LETSCHAT_TEAM name it"]
async fn needs_letschat_a_team_moves_and_comes_back() {
    let slugs = slugs();
    let rooms = Rooms::of_environment(&slugs).await;
    let irc = Ircd::start(Daemon::Ngircd, Flood::Allowed).await;
    story(&irc, rooms, slugs).await;
}

async fn on(daemon: Daemon) {
    let slugs = slugs();
    let users: Vec<String> = (1..=PEOPLE).map(user).collect();
    let rooms = Rooms::ours(&users, &slugs).await;
    let irc = Ircd::start(daemon, Flood::Allowed).await;
    story(&irc, rooms, slugs).await;
}

async fn story(irc: &Ircd, rooms: Rooms, slugs: [String; 2]) {
    let began = Instant::now();
    let mut world = World::gather(irc.plain(), rooms, slugs).await;
    let mut told = Told::new();
    together(&mut world).await;
    moving(&mut world, &mut told).await;
    irc_read_only(&mut world, &mut told).await;
    closed(&mut world, &mut told).await;
    read_only_again(&mut world, &mut told).await;
    moving_again(&mut world, &mut told).await;
    together_again(&mut world, &told).await;
    let lines = world.record.0.len();
    let count = |is: fn(Fate) -> bool| world.record.0.iter().filter(|it| is(it.fate)).count();
    println!(
        "{lines} lines: {} mirrored at once, {} held and delivered late, {} not heard by a dead program; {} kills; \
         {} people told, {} times; {:.1} s",
        count(|it| it == Fate::Carried),
        count(|it| it == Fate::Late),
        count(|it| it == Fate::Lost),
        world.kills,
        told.keys().map(|(number, _)| number).collect::<std::collections::BTreeSet<_>>().len(),
        told.values().sum::<usize>(),
        began.elapsed().as_secs_f64()
    );
}

/// Everybody talks, and the program is killed meanwhile.
async fn together(world: &mut World) {
    for number in 1..=PEOPLE {
        world.says(DEV, number, None);
    }
    for number in [1, 2, 11, 12, 19, 20] {
        world.says(OPS, number, None);
    }
    for _ in 0..6 {
        world.notifies(DEV);
    }
    for number in [1, 2, 3, 11, 12, 13] {
        world.posts(DEV, number, None).await;
        world.posts(OPS, number, None).await;
    }
    world.all_is_there("everybody has spoken").await;
    world.progress_is_right("everybody has spoken").await;
    assert_eq!(world.counted(DEV).await.bots.len(), 1, "the bot is known by its notices");

    burst_and_kill(world, DEV).await;
    world.is_announced("nothing has changed", &[]).await;
    world.channel_is("nothing has changed", TOPICS[DEV], false).await;
}

/// People talk on both sides of a link that mirrors both ways while the program is killed.
async fn burst_and_kill(world: &mut World, link: usize) {
    world.all_is_there("before people talk").await;
    let first = world.record.0.len();
    for number in 1..=4 {
        world.says(link, number, PERHAPS);
        world.posts(link, number, None).await;
    }
    world.has_arrived(link, first).await;
    for number in 5..=8 {
        world.says(link, number, PERHAPS);
        world.posts(link, number, None).await;
    }
    world.kill().await;
    for number in 9..=12 {
        world.says(link, number, None);
        world.posts(link, number, None).await;
    }
    world.all_is_there("people talked while the program was killed").await;
    // What was said later has arrived: so has all that was heard before.
    world.settle_perhaps(link, Fate::Carried).await;
    world.all_is_there("it is known what a dead program has heard").await;
    world.progress_is_right("people talked while the program was killed").await;
}

/// `#dev` is moving, and the program is killed as soon as it has read that.
async fn moving(world: &mut World, told: &mut Told) {
    world.set_phases(["moving", "together"]);
    world.reload().await;
    world.kill().await;
    world.is_announced("the first link is moving", &[DEV]).await;
    let topic = format!("{} | We are in {}", TOPICS[DEV], world.slugs[DEV]);
    world.channel_is("the first link is moving", &topic, false).await;

    // Those who have linked their accounts are not told; who speaks elsewhere is not either.
    for number in [1, 2, 11, 12, 13, 14] {
        world.says(DEV, number, None);
        world.says(DEV, number, None);
    }
    world.says(OPS, 19, None);
    let channel = world::CHANNELS[DEV];
    world.person(15).leave(channel).await;
    world.person(15).join(channel).await;
    world.person(16).come_back(&world::CHANNELS).await;
    told.extend((11..=16).map(|number| ((number, "WELCOME"), 1)));
    world.are_told("people speak and join in moving", told).await;

    // They know it already: by another name, after a part, after a quit, and after a kill.
    world.person(12).rename("p12_away").await;
    world.directory.persons.insert("p12_away".to_owned(), "p12".to_owned());
    world.says(DEV, 12, None);
    world.person(13).leave(channel).await;
    world.person(13).join(channel).await;
    world.person(14).come_back(&world::CHANNELS).await;
    burst_and_kill_in_moving(world, told).await;
    world.person(12).rename("p12").await;
    world.says(DEV, 12, None);
    world.all_is_there("people speak in moving").await;
    world.are_told("people speak again in moving", told).await;
    world.progress_is_right("people speak in moving").await;
}

/// As [`burst_and_kill`]: some of those who speak then have not been told yet.
async fn burst_and_kill_in_moving(world: &mut World, told: &mut Told) {
    burst_and_kill(world, DEV).await;
    for number in [11, 12, 13, 14, 15, 16, 17] {
        world.says(DEV, number, None);
    }
    told.insert((17, "WELCOME"), 1);
    world.are_told("people speak after a kill", told).await;
}

/// `#dev` is read-only and `#ops` is moving since the program was down.
async fn irc_read_only(world: &mut World, told: &mut Told) {
    world.set_phases(["irc_read_only", "moving"]);
    world.kill().await;
    world.is_announced("the second link is moving", &[DEV, OPS]).await;
    let topic = format!("{} | We are in {}", TOPICS[DEV], world.slugs[DEV]);
    world.channel_is("the first link is read-only", &topic, true).await;

    for number in [1, 2, 3, 11, 12] {
        world.posts(DEV, number, None).await;
    }
    // Only who has a voice can speak in the moderated channel; they are told once.
    let channel = world::CHANNELS[DEV];
    world.keeper.send(&format!("MODE {channel} +vv p04 p18"));
    world.keeper.sync().await;
    for _ in 0..3 {
        world.says(DEV, 4, None);
        world.says(DEV, 18, None);
    }
    told.insert((4, "NOT HEARD in #dev"), 1);
    told.insert((18, "NOT HEARD in #dev"), 1);
    world.person(13).send(&format!("PRIVMSG {channel} :nobody can hear this"));
    world.person(13).until("that it is moderated", |line| line.command == "404").await;
    world.says(OPS, 20, None);
    world.says(OPS, 19, None);
    world.posts(OPS, 11, None).await;
    for number in [19, 20] {
        told.insert((number, "WELCOME"), 1);
    }
    world.are_told("one channel is read-only, the other one is moving", told).await;
    world.all_is_there("one channel is read-only").await;
    world.progress_is_right("one channel is read-only").await;
}

/// `#dev` is closed and `#ops` is read-only, and people talk while the bridge reads that.
async fn closed(world: &mut World, told: &mut Told) {
    world.set_phases(["closed", "irc_read_only"]);
    let reload = world.reload_meanwhile();
    for _ in 0..5 {
        world.posts(DEV, 1, TURNING).await;
        world.posts(DEV, 12, TURNING).await;
        world.says(OPS, 19, TURNING);
        world.says(OPS, 1, TURNING);
        world.person(1).sync().await;
    }
    reload.await.unwrap();
    for number in [2, 3] {
        world.posts(DEV, number, None).await;
        world.posts(OPS, number, None).await;
    }
    world.says(DEV, 4, None);
    for _ in 0..3 {
        world.says(OPS, 20, None);
        world.says(OPS, 1, None);
        world.says(OPS, 19, None);
    }
    for number in [1, 19, 20] {
        told.insert((number, "NOT HEARD in #ops"), 1);
    }
    // Who comes to the closed channel is told, unless they were reminded today.
    let channel = world::CHANNELS[DEV];
    for number in [4, 5, 13] {
        world.person(number).leave(channel).await;
        world.person(number).join(channel).await;
    }
    told.insert((5, "GONE"), 1);
    told.insert((13, "GONE"), 1);
    world.are_told("one channel is closed, the other one is read-only", told).await;
    world.all_is_there("one channel is closed").await;
    world.progress_is_right("one channel is closed").await;
    let refused = world.catch_up(DEV, &[]).await.expect_err("the link is closed");
    assert!(refused.contains("closed"), "{refused}");
    talk_to_the_dying(world).await;
}

/// The program is killed while people talk in a channel that is read-only: what it heard of that, `progress` tells.
async fn talk_to_the_dying(world: &mut World) {
    let before = world.counted(OPS).await.people["p20"].0;
    let first = world.record.0.len();
    for _ in 0..3 {
        world.says(OPS, 20, PERHAPS_HELD);
    }
    while world.counted(OPS).await.people["p20"].0 == before {}
    for _ in 0..3 {
        world.says(OPS, 20, PERHAPS_HELD);
    }
    world.kill().await;
    let heard = world.counted(OPS).await.people["p20"].0 - before;
    let heard = usize::try_from(heard).unwrap();
    world.record.settle(|number, line| match line.fate {
        Fate::Perhaps { .. } if number < first + heard => Fate::Held,
        Fate::Perhaps { .. } => Fate::Lost,
        fate => fate,
    });
    world.progress_is_right("the program died in read-only").await;
}

/// Back to read-only: what was said in the room is delivered late, once.
async fn read_only_again(world: &mut World, told: &mut Told) {
    world.set_phases(["irc_read_only", "irc_read_only"]);
    world.reload().await;
    world.posts(DEV, 1, None).await;
    world.says(DEV, 18, None);
    world.all_is_there("back to read-only").await;
    world.settle_turning(DEV, Side::Room).await;
    let held = world.record.count(DEV, Side::Room, |fate| fate == Fate::Held) as u64;
    let refused = world.catch_up(DEV, &["--side", "irc"]).await.expect_err("it is read-only");
    assert!(refused.contains("irc_read_only"), "{refused}");
    assert_eq!(world.catch_up(DEV, &["--dry-run"]).await, Ok((0, held)));
    assert_eq!(world.catch_up(DEV, &[]).await, Ok((0, held)));
    assert_eq!(world.catch_up(DEV, &[]).await, Ok((0, 0)));
    world.held_comes_late(DEV, Side::Room);
    world.all_is_there("what was said while it was closed comes late").await;
    world.are_told("nobody is reminded twice a day", told).await;
    world.progress_is_right("what came late counts once").await;
}

/// Back to moving, with a kill after the reload: what was said on IRC is delivered late, once, with a kill meanwhile.
async fn moving_again(world: &mut World, told: &mut Told) {
    world.set_phases(["moving", "moving"]);
    world.reload().await;
    world.kill().await;
    let topic = format!("{} | We are in {}", TOPICS[DEV], world.slugs[DEV]);
    world.channel_is("back to moving", &topic, false).await;
    for number in [11, 12, 13, 25, 26] {
        world.says(DEV, number, None);
        world.posts(DEV, number, None).await;
    }
    told.insert((25, "WELCOME"), 1);
    told.insert((26, "WELCOME"), 1);
    world.says(OPS, 20, None);
    world.all_is_there("back to moving").await;
    world.are_told("back to moving", told).await;
    world.settle_turning(OPS, Side::Irc).await;
    for link in [DEV, OPS] {
        let held = world.record.count(link, Side::Irc, |fate| fate == Fate::Held) as u64;
        assert!(held > 0, "something was said while {link} was read-only");
        assert_eq!(world.catch_up(link, &["--dry-run"]).await, Ok((held, 0)));
        assert_eq!(world.catch_up(link, &["--side", "letschat"]).await, Ok((0, 0)));
        assert_eq!(world.catch_up(link, &[]).await, Ok((held, 0)));
        assert_eq!(world.catch_up(link, &[]).await, Ok((0, 0)));
        world.held_comes_late(link, Side::Irc);
    }
    world.kill().await;
    world.all_is_there("what was said while it was read-only comes late").await;
    world.progress_is_right("what came late counts once").await;
}

/// Back to where they came from: as if nothing had been.
async fn together_again(world: &mut World, told: &Told) {
    world.set_phases(["together"; 2]);
    world.reload().await;
    world.channel_is("back to together", TOPICS[DEV], false).await;
    let channel = world::CHANNELS[DEV];
    for number in [21, 22] {
        world.person(number).leave(channel).await;
        world.person(number).join(channel).await;
    }
    for number in 1..=PEOPLE {
        world.says(DEV, number, None);
        world.says(OPS, number, None);
        world.posts(DEV, number, None).await;
    }
    world.all_is_there("all are back").await;
    world.progress_is_right("all are back").await;
    for person in &mut world.people {
        person.sync().await;
    }
    world.are_told("nobody is told anything more", told).await;
    world.is_announced("each place was told once on this day", &[DEV, OPS]).await;
    let open = world.record.count(DEV, Side::Irc, |fate| fate == Fate::Held)
        + world.record.count(OPS, Side::Irc, |fate| fate == Fate::Held);
    assert_eq!(open, 0);
    assert!(world.program.stop().await.success());
    world.progress_is_right("the program is stopped").await;
}
