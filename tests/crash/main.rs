//! The program, killed again and again while people talk and the servers misbehave.
//!
//! What is promised, and held to here:
//!
//! - What was said in Let's Chat arrives on IRC, always and in order: the server keeps it, and the
//!   bridge reads on where it stopped. On a server that confirms nothing, what was under way when the
//!   connection or the program died may arrive again, right behind itself; it is counted.
//! - What was said on IRC arrives in Let's Chat at most once, and in order.
//! - A plain IRC server tells each line once, to those who are there. A line that lies in the kernel's
//!   buffer, or in the program's memory, when SIGKILL comes is lost with the process, and nobody can
//!   ask for it again. So the promise is: *what of a connection was heard is all of it up to a point*.
//!   If any line that was written to a connection has arrived somewhere, then the bridge had written
//!   down (committed) every line that was written to that connection before, whichever channel it was
//!   said in, and each of those arrives everywhere that it is linked with. What was written behind the
//!   last line that arrived is counted as unheard. The last connection, which nobody breaks, hears all.
//!
//! A line counts as written to a connection when the bridge sat in the channel, alone and over the
//! same connection, right before and right after it was said: the double hands a line to all who are
//! in the channel before it does anything else.
//!
//! In some runs the people of IRC speak by accounts of their own, and some of them type in Let's Chat by the same
//! account. Sessions end, answers are lost or come late, and registration is closed for a while. The same holds,
//! whoever posts; and nobody gets two accounts.
//!
//! The configuration changes, and is read again while the bridge runs: its nick, a limit, its token, a link.
//!
//! The archive is on: at the end it holds each message of the ledger once, and nothing else.
//!
//! An administrator makes backups all the time, while the bridge runs and while it is dead, and pauses links for a
//! while. Each backup is whole, and knows all that had been posted in the rooms when it began; a pause outlives the
//! bridge. At the end the last backup is restored elsewhere and runs between the same servers: it repeats nothing, and
//! takes nothing of what was mirrored for people's words.
//!
//! The bridge, and either server, also stand still for a while with all their sockets open; and in a run of
//! its own nobody dies, but servers restart and things stand still, one after another. There a plain IRC
//! server's lines have no excuse: what was written to a connection that ended in good order, or to a bridge
//! that stood still, arrives. That run also tells how long after a server is back the bridge is in again.
//!
//! In a run of its own, the machine loses its power each time: the state directory becomes what a disk may hold that was not
//! told to sync, see [`power`]. The same holds. Nobody makes backups there, and nothing is paused.
//!
//! In another run nobody dies either, and the program is replaced again and again (`letsbridge upgrade`): the same holds,
//! and nobody on IRC sees it. `LETSBRIDGE_UPGRADES` says how often.
//!
//! All of that holds, too, where the store is in PostgreSQL (these tests need it): there, the bridge's own files are lost
//! now and then while it is dead, all of them, or what was written to them last.
//!
//! In a run of its own, two nodes share a store in PostgreSQL. Either is killed, stands still, is stopped, is upgraded, hands
//! over, and is cut off from PostgreSQL; and PostgreSQL crashes and stands still. Between a node and its successor the same holds as
//! between a killed bridge and the next one. And never two of them speak: once a node has written anything to a server,
//! nothing that the other one writes in an earlier term reaches any server. `LETSBRIDGE_TROUBLES` says how often something
//! happens on each kind of server. That run also tells how long it takes until the other node speaks.
//!
//! `LETSBRIDGE_SEED` replays the dice of a run and `LETSBRIDGE_CRASHES` says how many times to kill.
//! The same seed says and breaks the same things in the same order; it does not bring back the same
//! timing, which is the operating system's, so a failure may take several runs to show again.
//! `LETSBRIDGE_LONGEST_PAUSE` is the longest pause in seconds, `LETSBRIDGE_ROUNDS` how often something restarts or
//! stands still, and `LETSBRIDGE_CALM` the longest time in seconds between two such. The long run:
//!
//! ```text
//! LETSBRIDGE_CRASHES=300 LETSBRIDGE_LONGEST_PAUSE=150 LETSBRIDGE_ROUNDS=60 LETSBRIDGE_CALM=45 \
//!     cargo test --test crash -- --nocapture
//! LETSBRIDGE_TROUBLES=250 LETSBRIDGE_LONGEST_PAUSE=60 LETSBRIDGE_CALM=5 \
//!     cargo test --test crash two_nodes -- --ignored --nocapture
//! LETSBRIDGE_CRASHES=100 cargo test --test crash in_postgresql -- --ignored --nocapture
//! ```

#![allow(clippy::unwrap_used, missing_docs)]

mod administrator;
mod archived;
mod check;
mod faults;
mod fixture;
mod local_copy;
mod node_troubles;
mod nodes;
mod power;
mod program;
mod record;
mod relay;
mod restored;
mod runs;
mod settings;
mod shaking;
mod speakers;
mod turns;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use administrator::{Administrator, Deeds};
use check::{Repeats, judge};
use fastrand::Rng;
use fixture::{Stage, Variant, channels, is_channel, roads, rooms};
use letsbridge_testkit::irc::Caps;
use letsbridge_testkit::postgres::PostgresServer;
use local_copy::LocalCopy;
use node_troubles::Plan as TroublePlan;
use nodes::{Nodes, store_section};
use program::Program;
use record::Record;
use relay::Transcript;
use shaking::Plan;
use speakers::{Chorus, first_word, last_word};
use tokio::time::{Instant, sleep, timeout};

/// One life of so many is interrupted by a pause.
const BRIDGE_PAUSES: u8 = 40;

/// In one of so many lives that were ready, the configuration is read again.
const BRIDGE_RELOADS: u8 = 2;

/// How long anything may take once nothing goes wrong any more. Everything together may take longer,
/// as long as something arrives.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long a life lasts at most that waits for something to happen in it.
const LONGEST_WAIT: Duration = Duration::from_millis(600);

/// How long a life lasts at most that waits for every link to be joined.
const LONGEST_ENTRY: Duration = Duration::from_secs(3);

/// What kind of IRC server it is, and what else makes a difference.
#[derive(Clone, Copy, Debug)]
struct Manner {
    caps: Caps,
    /// It tells those who come later what was said, their own lines among it.
    keeps: bool,
    /// People of IRC speak by accounts of their own.
    has_accounts: bool,
    /// The machine of the bridge loses its power when the bridge is killed.
    loses_power: bool,
    /// The store is in PostgreSQL.
    in_postgresql: bool,
}

impl Manner {
    /// A plain server.
    fn plain() -> Self {
        Self {
            caps: Caps::none(),
            keeps: false,
            has_accounts: false,
            loses_power: false,
            in_postgresql: false,
        }
    }

    /// A server that keeps what was said.
    fn keeps() -> Self {
        Self { caps: Caps::all(), keeps: true, ..Self::plain() }
    }
}

/// A run in which nobody dies but the servers.
async fn shake(manner: Manner) {
    let seed = settings::seed();
    let plan =
        Plan { rounds: settings::rounds(), calm: settings::calm(), pauses: settings::pauses() };
    println!("LETSBRIDGE_SEED={seed}, with {manner:?} and {plan:?}");
    let stage = Stage::set(manner.caps, manner.has_accounts).await;
    let mut program = Program::new(&stage.config(Variant::default()));
    let directory = program.directory().to_owned();
    program.start().await;
    timeout(PATIENCE, program.ready()).await.expect("all links are up in time");
    let (over, said) = (AtomicBool::new(false), AtomicUsize::new(0));
    let chorus = Chorus { stage: &stage, keeps: manner.keeps, count: &said, over: &over };
    let begun = begin(&stage, &chorus).await;
    let shaking = async {
        let told = plan.shake(&stage, &mut program, Rng::with_seed(seed)).await;
        over.store(true, Ordering::Relaxed);
        told
    };
    let administrator = Administrator::new(&stage, &directory);
    let (told, on_irc, in_letschat, with_hesitation, deeds) = tokio::join!(
        shaking,
        chorus.on_irc(Rng::with_seed(seed ^ 1)),
        chorus.in_letschat(Rng::with_seed(seed ^ 2)),
        chorus.with_hesitation(Rng::with_seed(seed ^ 3)),
        administrator.work(Rng::with_seed(seed ^ 5), &over),
    );
    println!("{told}{deeds:?}");
    let record = Record([begun.0, on_irc.0, in_letschat.0, with_hesitation.0].concat());
    let rules = Rules { manner, seed, all_is_heard: true, transcript: None };
    conclude(&administrator, vec![&mut program], &chorus, record, rules).await;
}

/// A run in which the program is replaced again and again: on IRC, nobody sees it.
async fn upgrade(manner: Manner) {
    let (seed, times) = (settings::seed(), settings::upgrades());
    println!("LETSBRIDGE_SEED={seed} LETSBRIDGE_UPGRADES={times}, with {manner:?}");
    let stage = Stage::set(manner.caps, manner.has_accounts).await;
    let mut program = Program::new(&stage.config(Variant::default()));
    let directory = program.directory().to_owned();
    program.start().await;
    timeout(PATIENCE, program.ready()).await.expect("all links are up in time");
    let (over, said) = (AtomicBool::new(false), AtomicUsize::new(0));
    let chorus = Chorus { stage: &stage, keeps: manner.keeps, count: &said, over: &over };
    let begun = begin(&stage, &chorus).await;
    let (connections, lines) = (stage.irc.connections_accepted(), stage.irc.transcript().len());
    let upgrading = async {
        let mut dice = Rng::with_seed(seed);
        for _ in 0..times {
            let _ = timeout(LONGEST_WAIT, a_moment(&stage, &mut dice)).await;
            program.upgrade().await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let administrator = Administrator::new(&stage, &directory);
    let ((), on_irc, in_letschat, with_hesitation, deeds) = tokio::join!(
        upgrading,
        chorus.on_irc(Rng::with_seed(seed ^ 1)),
        chorus.in_letschat(Rng::with_seed(seed ^ 2)),
        chorus.with_hesitation(Rng::with_seed(seed ^ 3)),
        administrator.work(Rng::with_seed(seed ^ 5), &over),
    );
    println!("{deeds:?}");
    let said = stage.irc.transcript();
    let seen = said.iter().skip(lines).map(|it| it.text().into_owned());
    let visible = ["QUIT", "PART", "JOIN", "NICK"];
    let seen: Vec<String> =
        seen.filter(|line| visible.iter().any(|word| line.starts_with(word))).collect();
    assert_eq!((stage.irc.connections_accepted(), seen), (connections, Vec::new()));
    let record = Record([begun.0, on_irc.0, in_letschat.0, with_hesitation.0].concat());
    let rules = Rules { manner, seed, all_is_heard: true, transcript: None };
    conclude(&administrator, vec![&mut program], &chorus, record, rules).await;
}

/// A run with two nodes.
async fn trouble(manner: Manner) {
    let seed = settings::seed();
    let plan = TroublePlan {
        troubles: settings::troubles(),
        calm: settings::calm(),
        pauses: settings::node_pauses(),
    };
    println!("LETSBRIDGE_SEED={seed}, with {manner:?} and {plan:?}");
    let began = Instant::now();
    let stage = Stage::set(manner.caps, manner.has_accounts).await;
    let mut nodes = Nodes::new(&stage);
    let [first, other] = &mut nodes.all;
    first.start().await;
    timeout(PATIENCE, first.program.ready()).await.expect("all links are up in time");
    other.start().await;
    timeout(PATIENCE, other.program.started()).await.expect("it starts in time");
    // The archive of a node begins when it is the active one for the first time.
    let handover = async {
        // The other one has started, but may not have told that it waits.
        while !administrator::run(first.program.directory(), &["handover"]).await.status.success() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, handover).await.expect("the other node waits");
    timeout(PATIENCE, other.program.ready()).await.expect("all links are up in time");
    let transcript = nodes.transcript.clone();
    let (over, said) = (AtomicBool::new(false), AtomicUsize::new(0));
    let chorus = Chorus { stage: &stage, keeps: manner.keeps, count: &said, over: &over };
    let begun = begin(&stage, &chorus).await;
    let administrator = Administrator::of_nodes(&stage, nodes.directories());
    let troubling = async {
        let told = node_troubles::make(&stage, &mut nodes, plan, Rng::with_seed(seed)).await;
        over.store(true, Ordering::Relaxed);
        told
    };
    let (told, on_irc, in_letschat, with_hesitation, deeds, ()) = tokio::join!(
        troubling,
        chorus.on_irc(Rng::with_seed(seed ^ 1)),
        chorus.in_letschat(Rng::with_seed(seed ^ 2)),
        chorus.with_hesitation(Rng::with_seed(seed ^ 3)),
        administrator.work(Rng::with_seed(seed ^ 5), &over),
        node_troubles::ask_for_signs_of_life(&stage, &over),
    );
    told.print();
    println!("{deeds:?}, after {:.1} s", began.elapsed().as_secs_f64());
    let record = Record([begun.0, on_irc.0, in_letschat.0, with_hesitation.0].concat());
    let rules = Rules { manner, seed, all_is_heard: false, transcript: Some(&transcript) };
    conclude(&administrator, nodes.active_last(), &chorus, record, rules).await;
}

/// These servers, for a bridge whose store is in a PostgreSQL of its own.
fn with_postgresql(stage: Stage) -> Stage {
    let postgres = PostgresServer::shared();
    let database = postgres.create_database();
    stage.with_store(store_section(postgres.port(), &database, "alone"))
}

async fn run(manner: Manner) {
    let seed = settings::seed();
    let is_few = manner.has_accounts || manner.loses_power || manner.in_postgresql;
    let crashes = settings::crashes(is_few);
    println!("LETSBRIDGE_SEED={seed} LETSBRIDGE_CRASHES={crashes}, with {manner:?}");
    let began = Instant::now();
    let (mut dice, pauses) = (Rng::with_seed(seed), settings::pauses());
    let stage = Stage::set(manner.caps, manner.has_accounts).await;
    let stage = if manner.in_postgresql { with_postgresql(stage) } else { stage };
    let mut program = Program::new(&stage.config(Variant::default()));
    let directory = program.directory().to_owned();
    if manner.loses_power {
        program.record_disk();
    }
    program.start().await;
    // Mirroring begins where the bridge first sees a room: only then is anything promised.
    timeout(PATIENCE, program.ready()).await.expect("all links are up in time");

    let (over, said) = (AtomicBool::new(false), AtomicUsize::new(0));
    let chorus = Chorus { stage: &stage, keeps: manner.keeps, count: &said, over: &over };
    let begun = begin(&stage, &chorus).await;
    let local_copy = manner.in_postgresql.then(|| LocalCopy::new(&directory));
    let killing = async {
        let ready =
            kill_often(&stage, &mut program, dice.fork(), (crashes, &pauses), local_copy).await;
        over.store(true, Ordering::Relaxed);
        ready
    };
    let administrator = if manner.in_postgresql {
        Administrator::of_nodes(&stage, vec![directory])
    } else {
        Administrator::new(&stage, &directory)
    };
    let administration = async {
        match manner.loses_power {
            true => Deeds::default(),
            false => administrator.work(Rng::with_seed(seed ^ 5), &over).await,
        }
    };
    let (ready, on_irc, in_letschat, with_hesitation, troubles, deeds) = tokio::join!(
        killing,
        chorus.on_irc(Rng::with_seed(seed ^ 1)),
        chorus.in_letschat(Rng::with_seed(seed ^ 2)),
        chorus.with_hesitation(Rng::with_seed(seed ^ 3)),
        faults::make(&stage, Rng::with_seed(seed ^ 4), &pauses, &over),
        administration,
    );
    let record = Record([begun.0, on_irc.0, in_letschat.0, with_hesitation.0].concat());
    println!(
        "{crashes} kills in {:.1} s, {ready} of them of a bridge that was ready; {} troubles\n\
         {troubles:?}\n{deeds:?}",
        began.elapsed().as_secs_f64(),
        troubles.values().sum::<usize>(),
    );
    let last = come_back(&stage, &mut program, &mut dice);
    let losses = timeout(PATIENCE, last).await.expect("it comes back in time");
    if manner.loses_power {
        println!("the power was lost {losses} times");
    }
    let rules = Rules { manner, seed, all_is_heard: false, transcript: None };
    conclude(&administrator, vec![&mut program], &chorus, record, rules).await;
}

/// By what it is judged.
#[derive(Clone, Copy, Debug)]
struct Rules<'a> {
    manner: Manner,
    seed: u64,
    /// Whether nothing excuses a bridge that did not hear what was written to its connection.
    all_is_heard: bool,
    /// What several nodes have said.
    transcript: Option<&'a Transcript>,
}

/// Waits until all has arrived, and judges it. The programs are stopped in this order.
async fn conclude(
    administrator: &Administrator<'_>,
    mut programs: Vec<&mut Program>,
    chorus: &Chorus<'_>,
    mut record: Record,
    rules: Rules<'_>,
) {
    let (stage, began) = (chorus.stage, Instant::now());
    administrator.resume_all().await;
    chorus.last_words(&mut record);
    let arrived = all_arrives(stage, last_word).await;
    println!("delivered {:.1} s later", began.elapsed().as_secs_f64());
    let mut stopped = arrived;
    let last = programs.len() - 1;
    for (at, program) in programs.iter_mut().enumerate() {
        if arrived && at == last {
            archived::is_complete(&program.directory().join("state")).await;
        }
        stopped &= arrived && program.stop().await.success();
    }
    let program = programs.pop().expect("there is one");
    let mut complaints = verdict(stage, &record, rules);
    complaints.extend(rules.transcript.map(|it| turns::judge(&it.all())).unwrap_or_default());
    if complaints.is_empty() && stopped {
        complaints = archived::judge(&program.directory().join("state"));
    }
    if complaints.is_empty() && stopped && rules.manner.in_postgresql {
        complaints = local_copy::judge(program.directory()).await;
    }
    // Nobody makes backups while the power is lost.
    let backup = administrator.backup().filter(|_| !rules.manner.loses_power);
    if let (true, true, Some(backup)) = (complaints.is_empty(), stopped, backup) {
        let began = Instant::now();
        complaints = restored::judge(stage, chorus, &backup).await;
        println!("the restored bridge took {:.1} s", began.elapsed().as_secs_f64());
    }
    if !complaints.is_empty() || !stopped {
        write_down(stage, &record, program);
        for complaint in &complaints {
            println!("{complaint}");
        }
        panic!(
            "LETSBRIDGE_SEED={}: {} complaints; all arrived: {arrived}; stopped well: {stopped}",
            rules.seed,
            complaints.len(),
        );
    }
}

/// Kills the program `times` times, now here and now there in its life, and starts it again. Gives
/// how often it had been ready.
async fn kill_often(
    stage: &Stage,
    program: &mut Program,
    mut dice: Rng,
    (times, pauses): (usize, &faults::Pauses),
    local_copy: Option<LocalCopy>,
) -> usize {
    let mut ready = 0;
    for _ in 0..times {
        // A wait that ends without what it waits for is as good a moment as any.
        // With its store in PostgreSQL, it waits for some seconds before it does anything.
        let (patience, waits) = match local_copy {
            None => (LONGEST_ENTRY, dice.u8(..4) == 0),
            Some(_) => (LONGEST_ENTRY * 2, dice.u8(..4) != 0),
        };
        if waits {
            let _ = timeout(patience, program.ready()).await;
        }
        let _ = timeout(LONGEST_WAIT, a_moment(stage, &mut dice)).await;
        if program.is_ready() && dice.u8(..BRIDGE_RELOADS) == 0 {
            reload(stage, program, &mut dice);
            let _ = timeout(LONGEST_WAIT, a_moment(stage, &mut dice)).await;
        }
        if dice.u8(..BRIDGE_PAUSES) == 0 {
            program.pause(pauses.one(&mut dice)).await;
        }
        match dice.u8(..50) {
            // Long enough for who was put out of a channel to be let in again.
            0 => sleep(Duration::from_secs(dice.u64(3..8))).await,
            1..=10 => sleep(Duration::from_millis(dice.u64(300..2_000))).await,
            _ => {}
        }
        ready += usize::from(program.kill().await);
        nobody_there(stage).await;
        program.lose_power(&mut dice);
        if let Some(local_copy) = &local_copy {
            local_copy.lose_some(&mut dice);
        }
        program.start().await;
    }
    ready
}

/// Changes the configuration and makes the bridge read it again.
fn reload(stage: &Stage, program: &Program, dice: &mut Rng) {
    if dice.u8(..4) == 0 {
        stage.letschat.new_token(fixture::BRIDGE);
    }
    program.configure(&stage.config(Variant::any(dice)));
    program.reload();
}

/// Waits for a moment at which it may hurt.
async fn a_moment(stage: &Stage, dice: &mut Rng) {
    let (channels, rooms) = (channels(), rooms());
    let (channel, room) =
        (channels[dice.usize(..channels.len())], rooms[dice.usize(..rooms.len())]);
    let shortly = Duration::from_micros(dice.u64(..5_000));
    match dice.u8(..8) {
        0 => {
            let heard = stage.ann.messages(channel).len();
            stage.ann.wait_for_messages(channel, |all| all.len() > heard).await;
            sleep(shortly).await;
        }
        1 => {
            let posts = stage.letschat.posts(room).len();
            stage.letschat.wait_for_posts(room, |all| all.len() > posts).await;
            sleep(shortly).await;
        }
        2 => {
            stage.irc.wait_for_join(channel, fixture::BRIDGE).await;
            sleep(shortly).await;
        }
        3 => {
            stage.letschat.wait_for_join(room, fixture::BRIDGE).await;
            sleep(shortly).await;
        }
        _ => sleep(Duration::from_millis(dice.u64(50..500))).await,
    }
}

/// Waits until the IRC server has seen that the program is gone.
async fn nobody_there(stage: &Stage) {
    while stage.irc.client_count() > 0 {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Kills it for the last time, and waits until it is ready between servers that behave. Gives how often the power was lost.
async fn come_back(stage: &Stage, program: &mut Program, dice: &mut Rng) -> usize {
    program.kill().await;
    nobody_there(stage).await;
    let losses = program.lose_power(dice);
    // What waits is not to be paced.
    program.configure(&stage.config(Variant::default()));
    program.start().await;
    program.ready().await;
    losses
}

/// Waits until the first words have arrived on every road.
async fn begin(stage: &Stage, chorus: &Chorus<'_>) -> Record {
    let mut record = Record::default();
    chorus.first_words(&mut record);
    assert!(all_arrives(stage, first_word).await, "the first words do not arrive");
    record
}

/// Waits until these words have arrived on every road. Says whether they have; not so when nothing
/// arrives any more.
async fn all_arrives(stage: &Stage, word: fn(&str) -> String) -> bool {
    let begins = [rooms(), channels()].concat();
    for (from, to) in roads().into_iter().filter(|(from, _)| begins.contains(from)) {
        let word = word(from);
        loop {
            let before = stage.arrivals();
            if timeout(PATIENCE, arrives(stage, to, &word)).await.is_ok() {
                break;
            }
            if stage.arrivals() == before {
                return false;
            }
        }
    }
    true
}

async fn arrives(stage: &Stage, to: &str, word: &str) {
    if is_channel(to) {
        stage
            .ann
            .wait_for_messages(to, |all| all.iter().any(|heard| heard.text.ends_with(word)))
            .await;
    } else {
        let ends = |text: &str| {
            text == word
                || text.ends_with(&format!("> {word}"))
                || text.ends_with(&format!("\n{word}"))
        };
        stage.letschat.wait_for_posts(to, |all| all.iter().any(|post| ends(&post.text))).await;
    }
}

/// Everything that is wrong, and the figures.
fn verdict(stage: &Stage, record: &Record, rules: Rules<'_>) -> Vec<String> {
    let mut sums = BTreeMap::<&str, (usize, usize)>::new();
    let everywhere = [channels(), rooms()].concat();
    let arrived: HashSet<String> =
        everywhere.iter().flat_map(|it| stage.mirrored(it)).map(|it| it.text).collect();
    let must = record.must(&arrived, rules.all_is_heard);
    let mut complaints = Vec::new();
    for (from, to) in roads() {
        let doubtful = is_channel(to) && !rules.manner.keeps;
        let repeats = if doubtful { Repeats::Marked } else { Repeats::Never };
        let outcome = judge(&record.expected(from, &must), &stage.arrived(from, to), repeats);
        println!(
            "{from:>6} to {to:<6} {:5} messages, {} repeats",
            outcome.arrived, outcome.repeats
        );
        let sum = sums.entry(if is_channel(to) { "IRC" } else { "Let's Chat" }).or_default();
        *sum = (sum.0 + outcome.arrived, sum.1 + outcome.repeats);
        let told = outcome.complaints.into_iter().map(|it| format!("{from} to {to}: {it}"));
        complaints.extend(told);
    }
    for (side, (arrived, repeats)) in sums {
        println!("in all, to {side}: {arrived} messages, {repeats} repeats, all of them marked");
    }
    for place in everywhere {
        let strays = stage.strays(place);
        complaints.extend(strays.into_iter().map(|it| format!("{place}: {it:?} belongs nowhere")));
    }
    complaints.extend(stage.judge_accounts());
    let (written, unheard) = record.unheard(&must);
    println!("{unheard} of {written} lines on IRC were written to a bridge and need not be heard");
    complaints
}

/// Writes down what was said and what arrived, beside the program's log.
fn write_down(stage: &Stage, record: &Record, program: &Program) {
    let write = |name: &str, all: Vec<String>| {
        fs::write(program.directory().join(name), all.join("\n")).unwrap();
    };
    write("said", record.0.iter().map(|it| format!("{:?} {:?}", it.way, it.lines)).collect());
    for place in [channels(), rooms()].concat() {
        write(place, stage.mirrored(place).iter().map(|it| format!("{it:?}")).collect());
    }
}
