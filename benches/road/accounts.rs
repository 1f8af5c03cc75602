//! What it costs that people of IRC speak by accounts of their own: the latency beside the bot's, and the memory of
//! each person. It fails where a message is lost, repeated, out of order or under a wrong name, never on time.

use std::time::{Duration, Instant};

use letsbridge_testkit::irc::VirtualUser;

use crate::measure::{Load, latency, throughput};
use crate::report::{millis, row};
use crate::stage::{Plan, Stage, Way};

const WHOLE: (usize, usize) = (3_000, 300);
const QUICK: (usize, usize) = (200, 30);

/// Measures, and prints.
pub(crate) async fn run(quick: bool) {
    let (messages, people) = if quick { QUICK } else { WHOLE };
    let state = &std::env::temp_dir();
    println!("People of IRC speak by accounts of their own in Let's Chat.\n");
    let bot = Stage::set(1, state).await;
    let (by_bot, _) = latency(&bot, (Way::FromIrc, 0), messages, Duration::ZERO).await;
    let Load { memory: with_bot, .. } = throughput(&bot, Way::FromIrc, messages).await;
    drop(bot);

    let plan = Plan { accounts: true, ..Plan::new(1, state) };
    let stage = Stage::planned(plan).await;
    speaks_as_themselves(&stage, &stage.ann, "ann").await;
    let by_account = latency_by_account(&stage, messages).await;
    let before = stage.program().memory();
    for number in 0..people {
        let nick = format!("p{number}");
        let person = stage.arrives_on_irc(&nick);
        speaks_as_themselves(&stage, &person, &nick).await;
    }
    let each = (stage.program().memory().saturating_sub(before) * 1024) / people as u64;
    row("latency by the bot, p50", &millis(by_bot), "");
    row("latency by an account, p50", &millis(by_account), "< 3 ms more");
    row("memory of a person with an account", &format!("{each} B"), "< 5,000 B");
    row("resident memory with the bot alone", &format!("{with_bot} KB"), "");
    row(
        &format!("resident memory, {people} people"),
        &format!("{} KB", stage.program().memory()),
        "",
    );
}

/// Has a person speak until what they say is posted by their account.
async fn speaks_as_themselves(stage: &Stage, person: &VirtualUser, nick: &str) {
    for attempt in 0.. {
        let text = format!("{nick} {attempt}");
        let count = stage.letschat.post_count("room0");
        person.send("#room0", &text);
        stage.while_running(stage.letschat.wait_for_post_count("room0", count + 1)).await;
        let posts = stage.letschat.posts("room0");
        let post = posts.last().expect("a post");
        if post.owner == format!("{nick}.irc") {
            assert_eq!(post.text, text);
            return;
        }
        assert_eq!((&*post.owner, &*post.text), ("bridge", &*format!("<{nick}> {text}")));
    }
}

/// The p50 of messages that ann's account posts, one after the other.
async fn latency_by_account(stage: &Stage, messages: usize) -> Duration {
    let before = stage.letschat.post_count("room0");
    let mut times = Vec::with_capacity(messages);
    for at in 0..messages {
        let began = Instant::now();
        stage.ann.send("#room0", &at.to_string());
        let count = before + at + 1;
        stage.while_running(stage.letschat.wait_for_post_count("room0", count)).await;
        times.push(began.elapsed());
    }
    let posts = stage.letschat.posts("room0").split_off(before);
    for (at, post) in posts.iter().enumerate() {
        assert_eq!((&*post.owner, &*post.text), ("ann.irc", &*at.to_string()));
    }
    times.sort_unstable();
    times[messages / 2]
}
