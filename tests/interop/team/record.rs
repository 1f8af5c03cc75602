//! All that the team says, and where each line must be, may be, and must not be.

use std::collections::HashMap;

use super::people::Heard;

/// Where something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Irc,
    Room,
}

/// What becomes of a line on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is mirrored.
    Carried,
    /// The phase does not carry it.
    Held,
    /// The phase changes just now: it is mirrored or held.
    Turning,
    /// The program dies or is dead: it may not have heard it; whether it is mirrored if it has.
    Perhaps { is_carried: bool },
    /// The program has not heard it.
    Lost,
    /// It was held, and is delivered late.
    Late,
}

/// Something that was said.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) side: Side,
    pub(super) link: usize,
    /// The nick or the user.
    pub(super) who: String,
    pub(super) fate: Fate,
}

/// Everything that was said: the number of a line is its place.
#[derive(Debug, Default)]
pub(super) struct Record(pub(super) Vec<Line>);

/// A line that arrived: its number, and whether the bridge says that it may have been said before.
type Arrival = (usize, bool);

impl Record {
    /// Notes a line, and gives its text.
    pub(super) fn note(&mut self, line: Line) -> String {
        self.0.push(line);
        format!("L{:04} the kettle is on", self.0.len() - 1)
    }

    /// Changes the fate of lines.
    pub(super) fn settle(&mut self, fate: impl Fn(usize, &Line) -> Fate) {
        for (number, line) in self.0.iter_mut().enumerate() {
            line.fate = fate(number, line);
        }
    }

    /// How many lines of the link were said on this side and have this fate.
    pub(super) fn count(&self, link: usize, side: Side, is: impl Fn(Fate) -> bool) -> usize {
        let lines = self.0.iter().filter(|line| (line.link, line.side) == (link, side));
        lines.filter(|line| is(line.fate)).count()
    }

    /// What is wrong with a channel and a room: `heard` is all that was heard in the channel, `shown` all lines of the room.
    pub(super) fn complaints(&self, link: usize, heard: &[Heard], shown: &[String]) -> Vec<String> {
        let in_channel: Vec<Arrival> =
            heard.iter().filter_map(|heard| arrival(&heard.text)).collect();
        let in_room: Vec<Arrival> = shown.iter().filter_map(|line| arrival(line)).collect();
        let mut complaints = Vec::new();
        for (side, own, other) in
            [(Side::Irc, &in_channel, &in_room), (Side::Room, &in_room, &in_channel)]
        {
            let arrived = self.of_side(link, side, other);
            complaints.extend(self.numbers(link, side, &arrived));
            let said: Vec<usize> = self.of_side(link, side, own).iter().map(|it| it.0).collect();
            complaints.extend(self.order(side, &said, &arrived));
        }
        let of_others = in_channel.iter().chain(&in_room);
        let strange = of_others.filter(|it| self.0.get(it.0).is_none_or(|line| line.link != link));
        complaints.extend(strange.map(|it| format!("{it:?} belongs elsewhere")));
        complaints
    }

    /// The numbers of lines of this side that have arrived.
    pub(super) fn arrived(&self, link: usize, side: Side, texts: &[String]) -> Vec<usize> {
        let all: Vec<Arrival> = texts.iter().filter_map(|text| arrival(text)).collect();
        self.of_side(link, side, &all).into_iter().map(|it| it.0).collect()
    }

    fn of_side(&self, link: usize, side: Side, all: &[Arrival]) -> Vec<Arrival> {
        let is_of = |it: &&Arrival| {
            self.0.get(it.0).is_some_and(|line| (line.link, line.side) == (link, side))
        };
        all.iter().filter(is_of).copied().collect()
    }

    /// What came too often or too seldom.
    fn numbers(&self, link: usize, side: Side, arrived: &[Arrival]) -> Vec<String> {
        let mut times: HashMap<usize, (usize, usize)> = HashMap::new();
        for (number, again) in arrived {
            let (first, resent) = times.entry(*number).or_default();
            *if *again { resent } else { first } += 1;
        }
        let mut complaints = Vec::new();
        for (number, line) in self.0.iter().enumerate() {
            if (line.link, line.side) != (link, side) {
                continue;
            }
            let (first, resent) = times.get(&number).copied().unwrap_or_default();
            let expected = match line.fate {
                Fate::Carried | Fate::Late => 1..=1,
                Fate::Held | Fate::Lost | Fate::Perhaps { is_carried: false } => 0..=0,
                Fate::Turning | Fate::Perhaps { is_carried: true } => 0..=1,
            };
            // What was sent when the program died may be sent again: to IRC, and marked.
            let is_right = match side {
                Side::Irc => expected.contains(&first) && resent == 0,
                Side::Room => {
                    expected.contains(&first) && resent <= 1
                        || first == 0 && resent == 1 && *expected.end() == 1
                }
            };
            if !is_right {
                complaints
                    .push(format!("L{number:04} {line:?}: {first} times, and {resent} resent"));
            }
        }
        complaints
    }

    /// What came in another order than it was said. What comes late has an order of its own.
    fn order(&self, side: Side, said: &[usize], arrived: &[Arrival]) -> Vec<String> {
        let place: HashMap<usize, usize> =
            said.iter().enumerate().map(|(place, number)| (*number, place)).collect();
        let mut complaints = Vec::new();
        for late in [false, true] {
            let mut last = None;
            let mut seen = Vec::new();
            for (number, _) in arrived {
                let fate = self.0[*number].fate;
                let counts = fate != Fate::Turning && (fate == Fate::Late) == late;
                if !counts || seen.contains(number) {
                    continue;
                }
                seen.push(*number);
                let Some(now) = place.get(number) else { continue };
                if last.is_some_and(|last| last > *now) {
                    complaints.push(format!("L{number:04} of {side:?} is out of order"));
                }
                last = Some(*now);
            }
        }
        complaints
    }
}

/// Reads the number of a line, if it is one of the record.
fn arrival(text: &str) -> Option<Arrival> {
    let at = text.find("the kettle is on")?;
    let number = text[..at].trim_end().rsplit('L').next()?.parse().ok()?;
    Some((number, text.contains("(resent) ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fates: &[Fate]) -> Record {
        let line = |fate: &Fate| Line { side: Side::Irc, link: 0, who: "p01".into(), fate: *fate };
        Record(fates.iter().map(line).collect())
    }

    fn heard(count: usize) -> Vec<Heard> {
        let text = |number| format!("L{number:04} the kettle is on");
        (0..count).map(|number| Heard { by: "p01".into(), text: text(number) }).collect()
    }

    fn shown(numbers: &[usize]) -> Vec<String> {
        numbers.iter().map(|number| format!("<p01> L{number:04} the kettle is on")).collect()
    }

    #[test]
    fn record_notices_each_kind_of_mistake() {
        use Fate::{Carried, Held, Late, Lost, Perhaps, Turning};
        let is_carried = true;
        for (fates, room, mistakes) in [
            (&[Carried, Carried][..], &[0, 1][..], 0),
            (&[Carried, Carried], &[1, 0], 1),
            (&[Carried, Carried], &[0], 1),
            (&[Carried, Carried], &[0, 1, 1], 1),
            (&[Held, Carried], &[1], 0),
            (&[Held, Carried], &[0, 1], 1),
            (&[Lost, Carried], &[0, 1], 1),
            (&[Late, Carried], &[1, 0], 0),
            (&[Late, Late], &[1, 0], 1),
            (&[Turning, Carried], &[1], 0),
            (&[Turning, Carried], &[1, 0], 0),
            (&[Perhaps { is_carried }, Carried], &[1], 0),
            (&[Perhaps { is_carried }, Carried], &[0, 0, 1], 1),
            (&[Carried], &[0, 7], 1),
        ] {
            let found = record(fates).complaints(0, &heard(fates.len()), &shown(room));
            assert_eq!(found.len(), mistakes, "{fates:?} {room:?}: {found:#?}");
        }
    }

    #[test]
    fn text_in_a_channel_is_read_with_its_marks() {
        for (text, read) in [
            ("<u01> L0012 the kettle is on", Some((12, false))),
            ("(resent) <u01> L0012 the kettle is on", Some((12, true))),
            ("[2026-11-22 12:00Z] <u01> (resent) L0012 the kettle is on", Some((12, true))),
            ("<u01> the kettle is on", None),
            ("MOVING", None),
        ] {
            assert_eq!(arrival(text), read, "{text}");
        }
    }
}
