//! The people, who talk all the time: as chance would have it, and everything is written down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::fixture::{Stage, channels, hesitant_rooms, is_channel, rooms, word};
use super::record::{Record, Said, Way};

/// The longest pause between two utterances on one side.
const PAUSE_MS: u64 = 100;

/// The longest time between a message's getting its id and its being there to be read.
const HESITATION_MS: u64 = 500;

/// What every speaker needs.
pub(crate) struct Chorus<'a> {
    pub(crate) stage: &'a Stage,
    /// Whether the IRC server keeps what was said for those who come later.
    pub(crate) keeps: bool,
    /// How many utterances there were on both sides.
    pub(crate) count: &'a AtomicUsize,
    pub(crate) over: &'a AtomicBool,
}

impl Chorus<'_> {
    /// Talks on IRC until it is over.
    pub(crate) async fn on_irc(&self, dice: Rng) -> Record {
        self.talk(dice, &channels()).await
    }

    /// Talks in Let's Chat until it is over.
    pub(crate) async fn in_letschat(&self, dice: Rng) -> Record {
        self.talk(dice, &rooms()).await
    }

    /// Posts in Let's Chat until it is over, with hesitation: a message has its id and its time long
    /// before it can be seen, and others overtake it.
    pub(crate) async fn with_hesitation(&self, mut dice: Rng) -> Record {
        let mut record = Record::default();
        let (rooms, letschat) = (hesitant_rooms(), &self.stage.letschat);
        while !self.over.load(Ordering::Relaxed) {
            let (room, from) = rooms[dice.usize(..rooms.len())];
            if !self.stage.takes_words(room) {
                sleep(Duration::from_millis(PAUSE_MS)).await;
                continue;
            }
            let line = format!("{from} {} er", self.number());
            let by = self.stage.in_letschat[dice.usize(..self.stage.in_letschat.len())];
            let begun = letschat.begin_post(room, by, &line);
            sleep(Duration::from_millis(dice.u64(..HESITATION_MS))).await;
            letschat.finish_post(begun);
            record.0.push(Said { from, lines: vec![line], way: Way::Kept });
        }
        record
    }

    /// Says the first word in every place. Only where a line is known does a server that keeps what was said
    /// show that one in doubt has not arrived: before that, it is said again, and marked.
    pub(crate) fn first_words(&self, record: &mut Record) {
        self.everywhere(first_word, record);
    }

    /// Says the last word in every place, which arrives behind everything else.
    pub(crate) fn last_words(&self, record: &mut Record) {
        self.everywhere(last_word, record);
    }

    /// Says `what` in every place.
    pub(crate) fn everywhere(&self, what: impl Fn(&str) -> String, record: &mut Record) {
        for from in [rooms(), channels()].concat() {
            let lines = vec![what(from)];
            let way = self.say(from, 0, &lines);
            record.0.push(Said { from, lines, way });
        }
    }

    async fn talk(&self, mut dice: Rng, places: &[&'static str]) -> Record {
        let mut record = Record::default();
        while !self.over.load(Ordering::Relaxed) {
            let place = places[dice.usize(..places.len())];
            // A line that nobody can hear says little; but the bridge may come just then.
            let lost = is_channel(place) && !self.keeps && self.seat(place).is_none();
            if self.stage.takes_words(place) && (!lost || dice.u8(..8) == 0) {
                let by = dice.usize(..self.speakers(place));
                for lines in self.utterance(&mut dice, place) {
                    let way = self.say(place, by, &lines);
                    record.0.push(Said { from: place, lines, way });
                }
            }
            sleep(Duration::from_millis(dice.u64(..PAUSE_MS))).await;
        }
        record
    }

    /// What is said next in `place`: a message of its own kind, a burst, many at once, the same thing over and over.
    fn utterance(&self, dice: &mut Rng, place: &str) -> Vec<Vec<String>> {
        let several = dice.usize(2..6);
        match dice.u8(..10) {
            0 => {
                let ok = format!("{} {} ok", word(place), self.number());
                vec![vec![ok]; several]
            }
            1 => self.hurry(place, several),
            // So that the bridge has more to do while the disk works. On IRC it may only speak slowly.
            3 if is_channel(place) => self.hurry(place, 5 * several),
            2 if !is_channel(place) => {
                let number = self.number();
                vec![(0..several).map(|line| format!("{place} {number} line {line}")).collect()]
            }
            _ => vec![vec![format!("{} {} kettle's on", word(place), self.number())]],
        }
    }

    fn hurry(&self, place: &str, messages: usize) -> Vec<Vec<String>> {
        (0..messages).map(|_| vec![format!("{} {} hurry", word(place), self.number())]).collect()
    }

    fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// How many people speak in `place`.
    fn speakers(&self, place: &str) -> usize {
        if is_channel(place) { self.stage.on_irc.len() } else { self.stage.in_letschat.len() }
    }

    /// The person with the number `by` says this.
    fn say(&self, place: &'static str, by: usize, lines: &[String]) -> Way {
        if !is_channel(place) {
            self.stage.letschat.post(place, self.stage.in_letschat[by], &lines.join("\n"));
            return Way::Kept;
        }
        let before = self.seat(place);
        lines.iter().for_each(|line| self.stage.on_irc[by].send(place, line));
        match before {
            _ if self.keeps => Way::Kept,
            Some(connection) if self.seat(place) == before => Way::Connection(connection),
            _ => Way::Perhaps,
        }
    }

    /// The connection over which the bridge sits in `channel`; none when that is not certain.
    fn seat(&self, channel: &str) -> Option<u64> {
        let irc = &self.stage.irc;
        let connection = irc.connections_accepted();
        // Who has just come is not yet in, and who is about to go is still there: both count.
        (self.stage.is_sure()
            && self.stage.bridges(channel).len() == 1
            && irc.client_count() == 1
            && irc.connections_accepted() == connection)
            .then_some(connection)
    }
}

/// What is said first in `place`.
pub(crate) fn first_word(place: &str) -> String {
    format!("{} the beginning", word(place))
}

/// What is said last in `place`.
pub(crate) fn last_word(place: &str) -> String {
    format!("{} the end", word(place))
}
