//! What the test waits for, and what it says where that does not come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::people::BRIDGE;
use super::record::Side;
use super::world::{CHANNELS, DEV, OPS, PATIENCE, PEOPLE, TOPICS, World, nick};

impl World {
    /// Waits until there are no complaints.
    async fn soon(
        &mut self,
        what: &str,
        mut complaints: impl AsyncFnMut(&mut Self) -> Vec<String>,
    ) {
        let began = Instant::now();
        loop {
            let found = complaints(self).await;
            if found.is_empty() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what}, in phases {:?}: {found:#?}", self.phases);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until each line is where it must be, and nowhere else.
    pub(super) async fn all_is_there(&mut self, what: &str) {
        self.soon(what, async |world| {
            let mut complaints = Vec::new();
            for link in [DEV, OPS] {
                let shown = world.shown(link).await;
                let heard = world.keeper.heard(CHANNELS[link]);
                complaints.extend(world.record.complaints(link, &heard, &shown));
            }
            complaints
        })
        .await;
    }

    /// Waits until a line of the channel is in the room.
    pub(super) async fn has_arrived(&mut self, link: usize, number: usize) {
        self.soon("the first line", async |world| {
            let shown = world.shown(link).await;
            let arrived = world.record.arrived(link, Side::Irc, &shown);
            if arrived.contains(&number) { Vec::new() } else { vec![format!("L{number:04}")] }
        })
        .await;
    }

    /// Waits until the bridge has told everybody in this map so many things that begin so, and nobody more.
    pub(super) async fn are_told(&mut self, what: &str, expected: &BTreeMap<(usize, &str), usize>) {
        self.soon(what, async |world| {
            let mut complaints = Vec::new();
            for number in 1..=PEOPLE {
                let told = world.people[number - 1].told();
                for kind in ["WELCOME", "NOT HEARD in #dev", "NOT HEARD in #ops", "GONE"] {
                    let times = told.iter().filter(|text| text.starts_with(kind)).count();
                    let right = expected.get(&(number, kind)).copied().unwrap_or_default();
                    if times != right {
                        complaints.push(format!(
                            "{} was told {times} times {kind}, not {right}",
                            nick(number)
                        ));
                    }
                }
            }
            let bot = world.bot.told();
            complaints.extend(bot.into_iter().map(|text| format!("the bot was told {text}")));
            complaints
        })
        .await;
    }

    /// Waits until the topic of the first channel ends so and the modes are these.
    pub(super) async fn channel_is(&mut self, what: &str, topic: &str, is_moderated: bool) {
        self.soon(what, async |world| {
            let shown = world.keeper.topic(CHANNELS[DEV]).await;
            let modes = world.keeper.modes(CHANNELS[DEV]).await;
            let other = world.keeper.topic(CHANNELS[OPS]).await;
            let other_modes = world.keeper.modes(CHANNELS[OPS]).await;
            let mut complaints = Vec::new();
            if (shown.as_str(), modes.contains('m')) != (topic, is_moderated) {
                complaints.push(format!("the topic is {shown:?}, and the modes are {modes}"));
            }
            if other != TOPICS[OPS] || other_modes.contains('m') {
                complaints.push(format!("{}: {other:?} {other_modes}", CHANNELS[OPS]));
            }
            complaints
        })
        .await;
    }

    /// Waits until there is one announcement that begins so in each place of the link, and no other one anywhere.
    pub(super) async fn is_announced(&mut self, what: &str, links: &[usize]) {
        self.soon(what, async |world| {
            let mut complaints = Vec::new();
            for link in [DEV, OPS] {
                let right = usize::from(links.contains(&link));
                let heard = world.keeper.heard(CHANNELS[link]);
                let heard = heard.into_iter().filter(|it| it.by == BRIDGE).map(|it| it.text);
                let shown = world.shown(link).await;
                for (place, texts) in [("channel", heard.collect::<Vec<_>>()), ("room", shown)] {
                    let count = |words: &str| {
                        let plain = texts.iter().map(|text| text.trim_start_matches("-- "));
                        plain.filter(|text| text.starts_with(words)).count()
                    };
                    // What was sent when the program died is repeated in a channel, and marked.
                    let (first, again) = (count("MOVING"), count("(resent) MOVING"));
                    let is_right = match place {
                        "channel" => (first.max(again), again <= right) == (right, true),
                        _ => (first, again) == (right, 0),
                    };
                    let others = ["TOGETHER", "READ ONLY", "CLOSED"].map(count);
                    if !is_right || others != [0; 3] {
                        complaints.push(format!(
                            "{place} {link}: {first} times MOVING, {again} resent, others: {others:?}"
                        ));
                    }
                }
            }
            complaints
        })
        .await;
    }

    /// Waits until `progress` says exactly what the record has.
    pub(super) async fn progress_is_right(&mut self, what: &str) {
        self.soon(what, async |world| {
            let report = world.report().await;
            let mut complaints = Vec::new();
            for link in [DEV, OPS] {
                let expected = world.directory.expected(&world.record, link, world.phases[link]);
                let counted = world.directory.counted(&report, link);
                if counted != expected {
                    complaints.push(format!("{link}: {counted:?}\nis not {expected:?}"));
                }
            }
            complaints
        })
        .await;
    }
}
