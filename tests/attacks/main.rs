//! Attacks on the program, and what each costs it: memory, time for the others, time until it stops, log.
//!
//! A hostile IRC server (`attacks/list.rs` says all that it may say), a hostile Let's Chat, hostile readers of
//! what is served to people without an account, and servers that stand still. Beside them are a network and a room where
//! people talk as ever. All of it runs shortly with the other tests, where only memory is judged, and that the
//! program stops at all. The figures, with attacks that last longer, of the program as it is delivered:
//!
//! ```text
//! LETSBRIDGE_ATTACK_SECONDS=10 cargo test --release --test attacks -- --nocapture --test-threads=1
//! ```
//!
//! `LETSBRIDGE_ATTACKS` names those to be tried, by a part of their names.

#![allow(clippy::unwrap_used, missing_docs)]

mod figures;
mod irc;
mod letschat;
mod list;
mod long;
mod readers;
mod victim;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use figures::{Figures, MEMORY, heading};
use futures_util::{StreamExt, stream};
use irc::{Attack, Hostile};
use list::ATTACKS;
use tokio::time::sleep;
use victim::Victim;

/// How long an attack lasts, in seconds, unless the environment says otherwise.
const SECONDS: f64 = 0.5;

/// How many are tried at once where they are short: then nobody looks at the time they take.
const AT_ONCE: usize = 4;

/// How long an attack lasts, and how many there are at once.
fn manner() -> (Duration, usize) {
    let given = std::env::var("LETSBRIDGE_ATTACK_SECONDS").ok();
    let seconds = given.as_ref().map_or(SECONDS, |it| it.parse().expect("a number of seconds"));
    (Duration::from_secs_f64(seconds), if given.is_some() { 1 } else { AT_ONCE })
}

fn wanted(name: &str) -> bool {
    std::env::var("LETSBRIDGE_ATTACKS").map_or(true, |part| name.contains(&part))
}

/// Prints what is known, and complains of what took too much memory or had a bad end.
fn judge(all: &[Figures]) {
    println!("{}", heading());
    all.iter().for_each(|figures| println!("{figures}"));
    let bad = |it: &&Figures| it.peak >= MEMORY || it.fault.is_some();
    let bad: Vec<String> = all.iter().filter(bad).map(ToString::to_string).collect();
    assert!(bad.is_empty(), "too much memory, or worse:\n{}", bad.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_irc_server_makes_it_take_much_memory_or_keeps_it_from_stopping() {
    let (length, at_once) = manner();
    let attacks = ATTACKS.iter().copied().filter(|attack| wanted(attack.name));
    let figures: Vec<Figures> = stream::iter(attacks)
        .map(|it| attacked_by_irc(it, length))
        .buffered(at_once)
        .collect()
        .await;
    judge(&figures);
}

async fn attacked_by_irc(attack: Attack, length: Duration) -> Figures {
    let hostile = Hostile::start(attack).await;
    let victim = Victim::start(&format!(
        "[irc.bad]\nservers = [\"{}\"]\ntls = false\nnick = \"bridge\"\ndirect_messages = true\n\
         [format]\nmerge_lines = \"never\"\nshow_joins = \"all\"\nshow_nick_changes = \"all\"\nshow_kicks = \"all\"\nshow_modes = \"all\"\nshow_topics = \"all\"\n\
         [[link]]\nchannel = \"bad/#bad\"\nroom = \"bad\"\n",
        hostile.address,
    ))
    .await;
    let worst = during(&victim, length).await;
    let mut figures = victim.end(attack.name, worst).await;
    figures.said = hostile.said.load(Ordering::Relaxed);
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn no_letschat_makes_it_take_much_memory_or_keeps_it_from_stopping() {
    let (length, at_once) = manner();
    let attacks = letschat::ATTACKS.iter().copied().filter(|attack| wanted(attack.name));
    let attacked = attacks.map(|attack| async move {
        let (victim, proxy) = Victim::behind(attack).await;
        let over = AtomicBool::new(false);
        let ending = async {
            sleep(length).await;
            over.store(true, Ordering::Relaxed);
        };
        let (worst, ()) = tokio::join!(victim.probe_channels(&over), ending);
        let mut figures = victim.end(attack.name, worst).await;
        figures.said = proxy.said.load(Ordering::Relaxed);
        figures
    });
    let figures: Vec<Figures> = stream::iter(attacked).buffered(at_once).collect().await;
    judge(&figures);
}

/// People talk on for this long; gives the longest time that a message took.
async fn during(victim: &Victim, length: Duration) -> Duration {
    let over = AtomicBool::new(false);
    let ending = async {
        sleep(length).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(victim.probe(&over), ending).0
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_makes_it_take_much_memory_or_keeps_it_from_stopping() {
    let (length, _) = manner();
    let mut all = Vec::new();
    for attack in readers::ATTACKS.iter().filter(|attack| wanted(attack.name)) {
        all.push(readers::attacked(attack, length).await);
    }
    judge(&all);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_long_messages_make_it_take_much_memory_or_keep_it_from_stopping() {
    let mut all = Vec::new();
    for attack in long::ATTACKS.iter().filter(|attack| wanted(attack.name)) {
        all.push(long::attacked(attack).await);
    }
    judge(&all);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_stand_still_do_not_keep_it_from_stopping() {
    let mut all = Vec::new();
    for (name, irc_too) in
        [("a Let's Chat that stands still", false), ("both servers stand still", true)]
    {
        if !wanted(name) {
            continue;
        }
        let victim = Victim::start("").await;
        let worst = during(&victim, Duration::from_millis(200)).await;
        victim.letschat.faults().stall();
        if irc_too {
            victim.irc.faults().stall();
        }
        let ann = victim.irc.virtual_user("ann");
        for number in 0..2000 {
            ann.send("#tea", &format!("{number} {}", "x".repeat(300)));
        }
        sleep(manner().0).await;
        all.push(victim.end(name, worst).await);
    }
    judge(&all);
}
