//! Ten years of what a team says: common and rare words, loud and quiet people, large and small rooms.

use letsbridge::domain::{LogPrecision, MessageKind};
use letsbridge::store::archive::{
    ArchiveLineId, ArchiveLineKind, ArchiveRoomId, LineOrigin, NewArchiveLine, NewSpeaker,
    PersonMark, PersonMarks,
};

/// 2014, in milliseconds.
const BEGIN: u64 = 1_388_534_400_000;
const TEN_YEARS: u64 = 10 * 365 * 86_400_000;

const ROOMS: u64 = 20;
const PEOPLE: u64 = 60;
const WORDS: f64 = 60_000.0;

/// The word of this rank; the first ones are the most common.
pub(crate) fn word(rank: u64) -> String {
    let syllables = [
        "ka", "to", "ri", "me", "shu", "lan", "dor", "be", "qui", "na", "sto", "pel", "i", "gra",
        "fu", "wen",
    ];
    let mut word = String::new();
    let mut left = rank + 1;
    while left > 0 {
        word.push_str(syllables[usize::try_from(left % 16).unwrap()]);
        left /= 16;
    }
    word
}

/// Lines, one room after the other, each in its order.
pub(crate) struct History {
    random: fastrand::Rng,
    /// How many lines each room still gets.
    left: Vec<u64>,
    room: usize,
    at: f64,
    step: f64,
}

impl History {
    pub(crate) fn new(lines: u64) -> Self {
        // Each room has half of what the one before has.
        let mut left: Vec<u64> = Vec::new();
        let mut rest = lines;
        for room in 0..ROOMS {
            let share = if room + 1 == ROOMS { rest } else { rest.div_ceil(2).min(rest) };
            left.push(share);
            rest -= share;
        }
        let mut history =
            Self { random: fastrand::Rng::with_seed(7), left, room: 0, at: 0.0, step: 0.0 };
        history.begin_room();
        history
    }

    fn begin_room(&mut self) {
        let lines = self.left.get(self.room).copied().unwrap_or(0).max(1);
        self.at = BEGIN as f64;
        self.step = TEN_YEARS as f64 / lines as f64;
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.random.u64(1..18) {
            // As Zipf has it.
            let rank = (WORDS.powf(self.random.f64()) - 1.0) as u64;
            text.push_str(&word(rank));
            text.push(' ');
        }
        if self.random.u8(..) < 5 {
            text.push_str("明日は茶会がありますか");
        }
        text.pop();
        text
    }
}

impl Iterator for History {
    /// The room's name, and a line whose room is still to be filled in.
    type Item = (String, NewArchiveLine);

    fn next(&mut self) -> Option<Self::Item> {
        while *self.left.get(self.room)? == 0 {
            self.room += 1;
            self.begin_room();
        }
        self.left[self.room] -= 1;
        self.at += self.step * 2.0 * self.random.f64();
        let at = jiff::Timestamp::from_millisecond(self.at as i64).unwrap();
        let loudness = self.random.f64();
        let person = (PEOPLE as f64 * loudness * loudness * loudness) as u64;
        let nick = match person {
            0 => "ann".to_owned(),
            person if person + 1 == PEOPLE => "quiet".to_owned(),
            person => format!("{}{person}", word(person)),
        };
        let mark = PersonMark::Nick { network: "office".to_owned(), nick: nick.clone() };
        let line = NewArchiveLine {
            id: ArchiveLineId::new(at, self.random.u64(..)),
            twin: None,
            room: ArchiveRoomId(0),
            place: format!("office/#room{}", self.room),
            author: Some(NewSpeaker {
                scope: "office".to_owned(),
                name: nick.clone(),
                person_name: nick,
                marks: PersonMarks { sure: Vec::new(), likely: vec![mark] },
            }),
            precision: LogPrecision::Exact,
            kind: ArchiveLineKind::Said(MessageKind::Text),
            text: self.text(),
            origin: LineOrigin::Imported,
        };
        Some((format!("room{}", self.room), line))
    }
}
