//! How soon the program is ready after `kill -9`.

use std::time::Duration;

use crate::measure::{arrived, arrives, say, texts};
use crate::report::Goal::AtMost;
use crate::report::{against, in_ms, written_ms};
use crate::stage::{Stage, Way};

/// Kills and starts it so often, and prints the median.
pub(crate) async fn ready(stage: &mut Stage, what: &str, times: usize, goal: f64) {
    let mut each: Vec<Duration> = Vec::with_capacity(times);
    for _ in 0..times {
        each.push(stage.restart().await);
    }
    each.sort_unstable();
    let what = format!("ready after kill -9, {what}");
    against(&what, written_ms, in_ms(each[times / 2]), AtMost(goal));
    goes_on(stage).await;
}

/// The last link mirrors what is said from then on, and nothing again.
async fn goes_on(stage: &Stage) {
    let link = stage.links - 1;
    for way in [Way::FromIrc, Way::FromLetsChat] {
        let before = arrived(stage, way, link);
        say(stage, way, link, "after the restart");
        arrives(stage, way, link, before + 1).await;
        let there = texts(stage, way, link).split_off(before);
        assert!(there.len() == 1 && there[0].ends_with(" after the restart"), "{there:?}");
    }
}
