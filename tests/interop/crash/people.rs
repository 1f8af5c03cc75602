//! The two who talk all the time, as chance would have it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::{Keeps, Link, Record, Rooms, Said, Way};
use crate::support::irc_client::IrcClient;

/// Who speaks on IRC, and who in Let's Chat.
pub(super) const ANN: &str = "ann";
pub(super) const ALICE: &str = "alice";

/// The longest pause between two utterances on one side, unless the environment says otherwise.
const PAUSE_MS: u64 = 100;

/// After how many utterances, about, Let's Chat falls.
const FALL: u32 = 150;

/// What every speaker needs.
pub(super) struct People<'a> {
    pub(super) links: &'a [Link],
    pub(super) keeps: Keeps,
    /// Which life of the program it is; 0 where it may not be in every channel.
    pub(super) life: &'a AtomicU64,
    /// In milliseconds, where it is not the usual one.
    pub(super) longest_pause: Option<u64>,
    /// How many utterances there were on both sides.
    pub(super) count: &'a AtomicUsize,
    pub(super) over: &'a AtomicBool,
}

impl People<'_> {
    /// Talks on IRC until it is over.
    pub(super) async fn on_irc(&self, ann: &IrcClient) -> Record {
        let (mut dice, mut record) = (Rng::new(), Record::default());
        while !self.over.load(Ordering::Relaxed) {
            let channel = self.links[dice.usize(..self.links.len())].channel;
            for line in self.utterance(&mut dice, channel) {
                record.0.push(self.say(ann, channel, line));
            }
            sleep(self.pause(&mut dice)).await;
        }
        record
    }

    /// Talks in Let's Chat until it is over; the server falls now and then.
    pub(super) async fn in_letschat(&self, rooms: &mut Rooms) -> Record {
        let (mut dice, mut record) = (Rng::new(), Record::default());
        while !self.over.load(Ordering::Relaxed) {
            let room = self.links[dice.usize(..self.links.len())].room;
            if dice.u32(..FALL) == 0 {
                rooms.fall().await;
            }
            for line in self.utterance(&mut dice, room) {
                let lines: Vec<String> = match dice.u8(..8) {
                    0 if !line.ends_with("ok") => (0..3).map(|at| format!("{line} {at}")).collect(),
                    _ => vec![line],
                };
                rooms.post(room, &lines.join("\n")).await;
                record.0.push(Said { from: room, lines, way: Way::Kept });
            }
            sleep(self.pause(&mut dice)).await;
        }
        record
    }

    /// Says the last word in every place, which arrives behind everything else.
    pub(super) async fn last_words(&self, ann: &IrcClient, rooms: &mut Rooms, record: &mut Record) {
        for Link { channel, room } in self.links {
            record.0.push(self.say(ann, channel, last_word(channel)));
            let word = last_word(room);
            rooms.post(room, &word).await;
            record.0.push(Said { from: room, lines: vec![word], way: Way::Kept });
        }
    }

    /// A message, several, or the same over and over.
    fn utterance(&self, dice: &mut Rng, place: &str) -> Vec<String> {
        let several = dice.usize(2..6);
        match dice.u8(..8) {
            0 => vec![format!("{place} {} ok", self.number()); several],
            1 => (0..several).map(|_| format!("{place} {} hurry", self.number())).collect(),
            _ => vec![format!("{place} {} kettle's on", self.number())],
        }
    }

    fn pause(&self, dice: &mut Rng) -> Duration {
        Duration::from_millis(dice.u64(..self.longest_pause.unwrap_or(PAUSE_MS)))
    }

    fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    fn say(&self, ann: &IrcClient, channel: &'static str, line: String) -> Said {
        ann.say(channel, &line);
        let way = match self.life.load(Ordering::Relaxed) {
            _ if self.keeps != Keeps::Nothing => Way::Kept,
            0 => Way::Perhaps,
            life => Way::Connection(life),
        };
        Said { from: channel, lines: vec![line], way }
    }
}

/// What is said last in `place`.
pub(super) fn last_word(place: &str) -> String {
    format!("{place} the end")
}
