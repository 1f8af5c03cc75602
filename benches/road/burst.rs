//! Many posts at once in a room whose server leaves out who has written them: the program has to list them.

use letsbridge::protocol::letschat::PAGE_SIZE;

use crate::measure::{arrived, arrives, say, verify};
use crate::report::Goal::AtMost;
use crate::report::against;
use crate::stage::{Plan, Stage, Way};

const POSTS: usize = 2_000;

/// Measures, and prints.
pub(crate) async fn run() {
    let state = &std::env::temp_dir();
    let stage = Stage::planned(Plan { null_owner: true, ..Plan::new(1, state) }).await;
    let way = Way::FromLetsChat;
    say(&stage, way, 0, "the first");
    arrives(&stage, way, 0, 1).await;
    let before = (arrived(&stage, way, 0), lists(&stage));
    // All of them are there before it can ask.
    stage.letschat.faults().stall();
    let text = |at: usize| format!("post {at}");
    (0..POSTS).for_each(|at| say(&stage, way, 0, &text(at)));
    stage.letschat.faults().resume();
    arrives(&stage, way, 0, before.0 + POSTS).await;
    verify(&stage, way, 0, before.0, (0..POSTS).map(text)).await;
    // The last page is not full, which shows that it is the last.
    let pages = POSTS / PAGE_SIZE + 1;
    let what = format!("lists for {POSTS} posts at once without owner, {pages} pages");
    let asked = lists(&stage) - before.1;
    against(&what, |count| format!("{count:.0}"), asked as f64, AtMost(pages as f64));
}

fn lists(stage: &Stage) -> usize {
    stage.letschat.request_count("messages:list")
}
