//! Says messages, waits for them, and holds them to what was said.

use std::time::{Duration, Instant};

use crate::stage::{Stage, Way};

/// What a lot of messages cost.
pub(crate) struct Load {
    pub(crate) messages: usize,
    pub(crate) time: Duration,
    /// The program's processor time.
    pub(crate) cpu: Duration,
    /// The program's resident memory afterwards, in kilobytes.
    pub(crate) memory: u64,
}

/// Says one message after the other on a link, each when the one before has arrived and `pause` is
/// over; gives the p50 and the p99 of how long each took.
pub(crate) async fn latency(
    stage: &Stage,
    (way, link): (Way, usize),
    messages: usize,
    pause: Duration,
) -> (Duration, Duration) {
    let before = arrived(stage, way, link);
    let mut times = Vec::with_capacity(messages);
    for at in 0..messages {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        say(stage, way, link, &at.to_string());
        arrives(stage, way, link, before + at + 1).await;
        times.push(began.elapsed());
    }
    verify(stage, way, link, before, (0..messages).map(|at| at.to_string())).await;
    times.sort_unstable();
    (times[messages / 2], times[messages * 99 / 100])
}

/// Says so many messages at once, turn by turn on all links, and waits until all have arrived.
pub(crate) async fn throughput(stage: &Stage, way: Way, messages: usize) -> Load {
    let before: Vec<_> = (0..stage.links).map(|link| arrived(stage, way, link)).collect();
    let text = |at: usize| format!("the message with the number {at}");
    let on_link = |link: usize| (0..messages).filter(move |at| at % stage.links == link);
    let (cpu, began) = (stage.program().cpu(), Instant::now());
    for at in 0..messages {
        say(stage, way, at % stage.links, &text(at));
    }
    for (link, before) in before.iter().enumerate() {
        arrives(stage, way, link, before + on_link(link).count()).await;
    }
    let time = began.elapsed();
    let cpu = stage.program().cpu() - cpu;
    for (link, before) in before.into_iter().enumerate() {
        verify(stage, way, link, before, on_link(link).map(text)).await;
    }
    Load { messages, time, cpu, memory: stage.program().memory() }
}

pub(crate) fn say(stage: &Stage, way: Way, link: usize, text: &str) {
    match way {
        Way::FromIrc => stage.ann.send(&format!("#room{link}"), text),
        Way::FromLetsChat => drop(stage.letschat.post(&format!("room{link}"), "bob", text)),
    }
}

/// How much there is at the far end of a link.
pub(crate) fn arrived(stage: &Stage, way: Way, link: usize) -> usize {
    match way {
        Way::FromIrc => stage.letschat.post_count(&format!("room{link}")),
        Way::FromLetsChat => stage.ann.message_count(&format!("#room{link}")),
    }
}

pub(crate) async fn arrives(stage: &Stage, way: Way, link: usize, count: usize) {
    let (room, channel) = (format!("room{link}"), format!("#room{link}"));
    let arriving = async {
        match way {
            Way::FromIrc => stage.letschat.wait_for_post_count(&room, count).await,
            Way::FromLetsChat => stage.ann.wait_for_message_count(&channel, count).await,
        }
    };
    stage.while_running(arriving).await;
}

/// What there is at the far end of a link, in order.
pub(crate) fn texts(stage: &Stage, way: Way, link: usize) -> Vec<String> {
    match way {
        Way::FromIrc => {
            let posts = stage.letschat.posts(&format!("room{link}"));
            posts.into_iter().map(|post| post.text).collect()
        }
        Way::FromLetsChat => {
            let heard = stage.ann.messages(&format!("#room{link}"));
            heard.into_iter().map(|heard| heard.text).collect()
        }
    }
}

/// Holds what has arrived since `before` to what was said: each once, and in order.
pub(crate) async fn verify(
    stage: &Stage,
    way: Way,
    link: usize,
    before: usize,
    said: impl Iterator<Item = String>,
) {
    let there = texts(stage, way, link).split_off(before);
    let name = if way == Way::FromIrc { "ann" } else { "bob" };
    let said: Vec<String> = said.map(|text| format!("<{name}> {text}")).collect();
    assert_eq!(there, said, "link {link}");
}
