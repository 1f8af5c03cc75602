//! What was said, and what of it the bridge must have heard.

use std::collections::{BTreeMap, HashSet};

use super::check::Expected;

/// How a message can have reached the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The server keeps it as history.
    Kept,
    /// It was written to the bridge's connection of this number, and nowhere else.
    Connection(u64),
    /// Perhaps it was: the bridge came or went at that moment, or was not there.
    Perhaps,
}

/// Something that was said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// Where it was said, or what stands for that: the first word of each of its lines.
    pub(crate) from: &'static str,
    /// Its lines. Who repeats themselves says the same lines again, right behind.
    pub(crate) lines: Vec<String>,
    pub(crate) way: Way,
}

/// Everything that was said, in the order in which it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(pub(crate) Vec<Said>);

impl Record {
    /// What of it is to arrive on each road from `from`; `must` says of each message whether it has to.
    pub(crate) fn expected(&self, from: &str, must: &[bool]) -> Vec<Expected> {
        let mut all: Vec<Expected> = Vec::new();
        for (said, must) in self.0.iter().zip(must).filter(|(said, _)| said.from == from) {
            match all.last_mut() {
                Some(last) if last.lines == said.lines => {
                    last.said += 1;
                    last.least += usize::from(*must);
                }
                _ => {
                    let lines = said.lines.clone();
                    all.push(Expected { lines, said: 1, least: usize::from(*must) });
                }
            }
        }
        all
    }

    /// Which messages the bridge must have heard: those that the servers keep, and those that were
    /// written to one connection before another that arrived; or `all` that were written to one.
    pub(crate) fn must(&self, arrived: &HashSet<String>, all: bool) -> Vec<bool> {
        let mut last: BTreeMap<u64, usize> = BTreeMap::new();
        let mut times: BTreeMap<&[String], usize> = BTreeMap::new();
        for said in &self.0 {
            *times.entry(&said.lines).or_default() += 1;
        }
        for (at, said) in self.0.iter().enumerate() {
            // Of equal messages nobody can say which it was that arrived.
            if let Way::Connection(connection) = said.way
                && times[said.lines.as_slice()] == 1
                && arrived.contains(&said.lines[0])
            {
                last.insert(connection, at);
            }
        }
        let must = |(at, said): (usize, &Said)| match said.way {
            Way::Kept => true,
            Way::Connection(_) if all => true,
            Way::Connection(connection) => last.get(&connection).is_some_and(|last| at <= *last),
            Way::Perhaps => false,
        };
        self.0.iter().enumerate().map(must).collect()
    }

    /// How many messages were written to a connection of the bridge, and how many of them it need
    /// not have heard.
    pub(crate) fn unheard(&self, must: &[bool]) -> (usize, usize) {
        let written = |(said, _): &(&Said, &bool)| matches!(said.way, Way::Connection(_));
        let written: Vec<_> = self.0.iter().zip(must).filter(written).collect();
        (written.len(), written.iter().filter(|(_, must)| !**must).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(all: &[(&'static str, &str, Way)]) -> Record {
        let said = |(from, text, way): &(&'static str, &str, Way)| Said {
            from,
            lines: vec![(*text).to_owned()],
            way: *way,
        };
        Record(all.iter().map(said).collect())
    }

    #[test]
    fn lines_before_an_arrival_on_the_same_connection_were_received() {
        use Way::{Connection, Kept, Perhaps};
        let record = record(&[
            ("#one", "a", Connection(1)),
            ("#two", "b", Connection(1)),
            ("#one", "c", Perhaps),
            ("#one", "ok", Connection(1)),
            ("#one", "ok", Connection(2)),
            ("#one", "d", Connection(2)),
            ("one", "e", Kept),
            ("#one", "f", Connection(3)),
        ]);
        let arrived = ["b", "ok", "d"].map(str::to_owned).into();
        assert_eq!(record.must(&arrived, true), [true, true, false, true, true, true, true, true]);
        let must = record.must(&arrived, false);
        assert_eq!(must, [true, true, false, false, true, true, true, false]);
        assert_eq!(record.unheard(&must), (6, 2));
        let expected = record.expected("#one", &must);
        let told: Vec<_> =
            expected.iter().map(|it| (it.lines[0].as_str(), it.said, it.least)).collect();
        assert_eq!(told, [("a", 1, 1), ("c", 1, 0), ("ok", 2, 1), ("d", 1, 1), ("f", 1, 0)]);
    }
}
