//! The program, killed again and again between a real IRC server and a Let's Chat while people talk.
//!
//! What is promised is what `tests/crash` says, and it is held to in the same words. Here the lines
//! of one life of the program, said while every link was joined, are those of one connection.
//!
//! `tests/all` does so with ngIRCd and InspIRCd. `needs_irc_…` does it with any server, or with a
//! bouncer before one, named by the environment:
//!
//! - `IRC_SERVER`: where a second client listens and speaks, `host:port` without TLS; the server must
//!   let it speak as fast as it likes
//! - `IRC_BRIDGE`: how the bridge gets there, as lines for its `[irc.…]` section; `IRC_SERVER` if not said
//! - `IRC_KEEPS`: what is kept for who was away: `nothing`, what `others` say, or `all`, our own lines too
//! - `LETSCHAT_URL`, `LETSCHAT_TOKEN`, `LETSCHAT_TOKEN_ALICE`, `LETSCHAT_RESTART`: as in `letschat.rs`; a
//!   real Let's Chat, killed and started again too. Without them it is the demo's, which restarts as well.
//!
//! `LETSBRIDGE_KILLS` says how many times to kill, `LETSBRIDGE_LONGEST_PAUSE` how many seconds the program
//! stands still at most, and `LETSBRIDGE_PAUSE` how many milliseconds people wait at most before they speak
//! again. soju hands one line every two seconds on, also those by which each
//! life of the program asks who is where, and drops what comes while sixty-four wait, though its history has
//! it: let people wait 20 seconds and its network have `-auto-away false`; or put it before a server whose
//! ISUPPORT says `soju.im/SAFERATE`, as Ergo does where its `additional-isupport` tells it to.

#[path = "../../crash/check.rs"]
mod check;
#[allow(dead_code)]
#[path = "../../crash/power.rs"]
mod power;
#[allow(dead_code)]
#[path = "../../crash/program.rs"]
pub(crate) mod program;
#[path = "../../crash/record.rs"]
mod record;

mod people;
mod rooms;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use crate::support::irc_client::IrcClient;
use crate::support::ircd::{Daemon, Flood, Ircd};
use check::{Arrival, Outcome, Repeats, judge};
use people::{ALICE, ANN, People};
use program::Program;
use record::{Record, Said, Way};
use rooms::Rooms;

/// How often the program is killed, unless the environment says otherwise.
const KILLS: usize = 15;

/// One life of so many that were ready stands still for a while, and this long at most, in seconds, unless the
/// environment says otherwise.
const PAUSES: u8 = 5;
const LONGEST_PAUSE: u64 = 3;

/// How many channels and rooms are linked.
const LINKS: usize = 4;

/// How long everything may take to arrive once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(240);

/// What the IRC server, or a bouncer before it, keeps for who was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Nothing,
    /// What others say.
    Others,
    /// What we say, too.
    All,
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn nothing_is_lost_however_often_it_is_killed_on_ngircd() {
    on(Daemon::Ngircd).await;
}

#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn nothing_is_lost_however_often_it_is_killed_on_inspircd() {
    on(Daemon::Inspircd).await;
}

#[tokio::test]
#[ignore = "needs an IRC server: IRC_SERVER, IRC_BRIDGE and IRC_KEEPS name it; needs_letschat too if that is named"]
async fn needs_irc_nothing_is_lost_however_often_it_is_killed() {
    let server = environment("IRC_SERVER").expect("IRC_SERVER is set");
    let way = environment("IRC_BRIDGE").unwrap_or_else(|| plainly(&server));
    let keeps = match environment("IRC_KEEPS").as_deref() {
        None | Some("nothing") => Keeps::Nothing,
        Some("others") => Keeps::Others,
        Some("all") => Keeps::All,
        Some(other) => panic!("IRC_KEEPS={other}: nothing, others or all"),
    };
    run(server.parse().expect("an address and a port"), &way, keeps, Rooms::of_environment().await)
        .await;
}

async fn on(daemon: Daemon) {
    let server = Ircd::start(daemon, Flood::Allowed).await;
    let address = server.plain();
    run(address, &plainly(&address.to_string()), Keeps::Nothing, Rooms::demo().await).await;
}

fn plainly(server: &str) -> String {
    format!("servers = [\"{server}\"]\ntls = false\nnick = \"bridge\"")
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn run(server: SocketAddr, way: &str, keeps: Keeps, mut rooms: Rooms) {
    let number = |name| environment(name).map(|it| it.parse::<u64>().expect("a number"));
    let kills = number("LETSBRIDGE_KILLS").map_or(KILLS, |it| usize::try_from(it).expect("fewer"));
    let longest_pause = number("LETSBRIDGE_PAUSE");
    let stands_still = number("LETSBRIDGE_LONGEST_PAUSE").unwrap_or(LONGEST_PAUSE);
    // A server may remember the channels of an earlier run.
    let run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let links: Vec<Link> = (0..LINKS)
        .map(|at| Link::new(format!("#road{run}-{at}"), format!("road{run}-{at}")))
        .collect();
    let mut ann = IrcClient::connect(server, ANN).await;
    for link in &links {
        ann.join(link.channel).await;
        rooms.create(link.room).await;
    }
    let mut program = Program::new(&config(way, &rooms, &links));
    program.start().await;
    timeout(PATIENCE, program.ready()).await.expect("all links are up in time");

    let (over, life, count) = (AtomicBool::new(false), AtomicU64::new(1), AtomicUsize::new(0));
    let people =
        People { links: &links, keeps, life: &life, longest_pause, count: &count, over: &over };
    let began = Instant::now();
    let killing = async {
        kill_often(&mut program, &life, kills, stands_still).await;
        over.store(true, Ordering::Relaxed);
    };
    let ((), on_irc, in_letschat) =
        tokio::join!(killing, people.on_irc(&ann), people.in_letschat(&mut rooms));
    let killed_for = began.elapsed();
    let mut record = Record([on_irc.0, in_letschat.0].concat());

    program.kill().await;
    program.start().await;
    timeout(PATIENCE, program.ready()).await.expect("it comes back in time");
    life.store(u64::MAX, Ordering::Relaxed);
    people.last_words(&ann, &mut rooms, &mut record).await;
    let arrived = timeout(PATIENCE, all_that_arrives(&mut ann, &mut rooms, &links)).await;
    let arrived = arrived.expect("the last words arrive in time");
    let stopped = program.stop().await.success();

    println!(
        "{kills} kills of the program and {} of Let's Chat in {:.1} s; IRC keeps {keeps:?}",
        rooms.falls(),
        killed_for.as_secs_f64()
    );
    let complaints = hold_against(&record, &arrived, keeps);
    if !complaints.is_empty() || !stopped {
        write_down(&record, &arrived, &program);
        println!("{}", complaints.join("\n"));
        panic!("{} complaints; stopped well: {stopped}; see above", complaints.len());
    }
}

/// A channel and a room that are linked; they outlive everything.
struct Link {
    channel: &'static str,
    room: &'static str,
}

impl Link {
    fn new(channel: String, room: String) -> Self {
        Self { channel: channel.leak(), room: room.leak() }
    }
}

/// What arrived at the far end of one road.
struct Road {
    from: &'static str,
    to_irc: bool,
    arrivals: Vec<Arrival>,
}

fn config(way: &str, rooms: &Rooms, links: &[Link]) -> String {
    let (url, token) = rooms.address();
    // Two who talk like that are taken for programs that set each other off.
    let mut config = format!(
        "loop_protection = false\nnotices = false\n[irc.office]\n{way}\nflood_control = \"off\"\n[letschat]\nurl = \"{url}\"\ntoken = \"{token}\"\n\
         catch_up = \"all\"\ncatch_up_limit = \"none\"\n[format]\nlong_messages = \"all\"\n",
    );
    for Link { channel, room } in links {
        write!(config, "[[link]]\nchannel = \"office/{channel}\"\nroom = \"{room}\"\n").unwrap();
    }
    config
}

/// Kills the program, half of the times soon after it was started, and half of them some time after it
/// has joined every link, when it may have stood still; and starts it again.
async fn kill_often(program: &mut Program, life: &AtomicU64, kills: usize, longest_pause: u64) {
    let mut dice = Rng::new();
    for kill in 0..kills {
        if dice.bool() {
            sleep(Duration::from_millis(dice.u64(..1_000))).await;
        } else {
            timeout(PATIENCE, program.ready()).await.expect("all links are up in time");
            life.store(kill as u64 + 1, Ordering::Relaxed);
            if dice.u8(..PAUSES) == 0 {
                program.pause(Duration::from_secs(dice.u64(2..=longest_pause.max(2)))).await;
            }
            sleep(Duration::from_millis(dice.u64(..2_000))).await;
            life.store(0, Ordering::Relaxed);
        }
        life.store(0, Ordering::Relaxed);
        program.kill().await;
        program.start().await;
    }
}

/// Waits for the last words on every road, and gives all that arrived.
async fn all_that_arrives(ann: &mut IrcClient, rooms: &mut Rooms, links: &[Link]) -> Vec<Road> {
    let names = [ANN, ALICE];
    let mut roads = Vec::new();
    for link in links {
        let mut arrivals = Vec::new();
        let last = people::last_word(link.room);
        while arrivals.last().is_none_or(|it: &Arrival| it.text != last) {
            let heard = ann.heard(link.channel, 1).await.into_iter();
            let ours = heard.filter(|said| said.by != ANN);
            arrivals.extend(ours.map(|said| Arrival::on_irc(&said.text, &names)));
        }
        roads.push(Road { from: link.room, to_irc: true, arrivals });
        let posts = rooms.posts_until(link.room, &people::last_word(link.channel)).await;
        let arrivals = posts
            .iter()
            .flat_map(|post| post.lines())
            .map(|line| Arrival::in_letschat(line, &names))
            .collect();
        roads.push(Road { from: link.channel, to_irc: false, arrivals });
    }
    roads
}

/// Writes down what was said and what arrived, beside the program's log.
fn write_down(record: &Record, roads: &[Road], program: &Program) {
    let write = |name: &str, all: Vec<String>| {
        std::fs::write(program.directory().join(name), all.join("\n")).unwrap();
    };
    write("said", record.0.iter().map(|it| format!("{:?} {:?}", it.way, it.lines)).collect());
    for road in roads {
        write(road.from, road.arrivals.iter().map(|it| format!("{it:?}")).collect());
    }
}

/// Everything that is wrong, and the figures.
fn hold_against(record: &Record, roads: &[Road], keeps: Keeps) -> Vec<String> {
    let arrived: HashSet<String> =
        roads.iter().flat_map(|road| &road.arrivals).map(|it| it.text.clone()).collect();
    let must = record.must(&arrived, false);
    let mut complaints = Vec::new();
    for (to_irc, side) in [(false, "IRC to Let's Chat"), (true, "Let's Chat to IRC")] {
        let mut sum = Outcome::default();
        let (mut said, mut least) = (0, 0);
        for road in roads.iter().filter(|road| road.to_irc == to_irc) {
            let marked = to_irc && keeps != Keeps::All;
            let repeats = if marked { Repeats::Marked } else { Repeats::Never };
            let expected = record.expected(road.from, &must);
            said += expected.iter().map(|it| it.said).sum::<usize>();
            least += expected.iter().map(|it| it.least).sum::<usize>();
            let outcome = judge(&expected, &road.arrivals, repeats);
            sum.arrived += outcome.arrived;
            sum.repeats += outcome.repeats;
            let from = road.from;
            sum.complaints.extend(outcome.complaints.into_iter().map(|it| format!("{from}: {it}")));
        }
        println!(
            "{side}: {said} said, {least} of them to be heard for certain, {} arrived, {} repeated and \
             marked, {} missing, unmarked or out of order",
            sum.arrived,
            sum.repeats,
            sum.complaints.len(),
        );
        complaints.extend(sum.complaints);
    }
    let (written, unheard) = record.unheard(&must);
    println!("{unheard} of {written} lines on IRC were written to a program that died with them");
    complaints
}
