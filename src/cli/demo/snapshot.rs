//! What the page shows between its panes: the state of each part, the totals, and the last news.

use std::collections::VecDeque;

use jiff::SignedDuration;
use serde::Serialize;

use super::servers::CHANNELS;
use super::tally::{DemoSide, MessageArrival, TallyTotals};

/// How many news are kept.
const MAX_NEWS: usize = 40;

/// The state of one part: the bridge, or its connection to one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PartState {
    /// It works.
    Up,
    /// It was broken on purpose.
    Down,
    /// It is on its way back.
    Returning,
}

/// A part, and for how many seconds it stays broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    pub(super) state: PartState,
    pub(super) seconds: Option<u64>,
}

/// Everything that the page shows between its panes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DemoSnapshot {
    pub(super) bridge: Part,
    pub(super) irc: Part,
    pub(super) letschat: Part,
    /// The process of the bridge.
    pub(super) process: Option<u32>,
    pub(super) totals: TallyTotals,
    /// Whether some people talk by themselves.
    pub(super) show: bool,
    pub(super) news: VecDeque<NewsItem>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NewsItem {
    /// Its number, from 1.
    number: u64,
    kind: NewsKind,
    words: String,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NewsKind {
    /// A message has arrived.
    Arrived,
    /// Something broke.
    Broken,
    /// Something works again.
    Works,
    /// The bridge warns.
    Warning,
}

impl DemoSnapshot {
    pub(super) fn new() -> Self {
        let part = Part { state: PartState::Returning, seconds: None };
        Self {
            bridge: part,
            irc: part,
            letschat: part,
            process: None,
            totals: TallyTotals::default(),
            show: false,
            news: VecDeque::new(),
        }
    }

    /// Adds to the news.
    pub(super) fn tell(&mut self, kind: NewsKind, words: String) {
        let number = self.news.back().map_or(1, |last| last.number + 1);
        self.news.push_back(NewsItem { number, kind, words });
        if self.news.len() > MAX_NEWS {
            self.news.pop_front();
        }
    }
}

/// An arrival in words: who, to where, and how long after sending each step was done.
pub(super) fn arrival_in_words(arrival: &MessageArrival) -> String {
    let MessageArrival { from, place, author, heard, stored, arrived } = arrival;
    let name = CHANNELS[*place].0;
    let to = match from {
        DemoSide::Irc => format!("room {name}"),
        DemoSide::LetsChat => format!("#{name}"),
    };
    let step = |what: &str, after: &Option<SignedDuration>| {
        after.map(|after| format!("{what} after {}, ", in_words(after))).unwrap_or_default()
    };
    let (heard, stored) = (step("heard", heard), step("stored", stored));
    format!("{author} to {to}: {heard}{stored}delivered after {}", in_words(*arrived))
}

/// A duration with as many digits as a reader wants.
pub(super) fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 0.9995 {
        format!("{seconds:.1} s")
    } else if seconds >= 0.00995 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{:.1} ms", seconds * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (microseconds, words) in [
            (0, "0.0 ms"),
            (640, "0.6 ms"),
            (9_949, "9.9 ms"),
            (12_345, "12 ms"),
            (999_000, "999 ms"),
            (1_000_000, "1.0 s"),
            (6_340_000, "6.3 s"),
        ] {
            assert_eq!(in_words(SignedDuration::from_micros(microseconds)), words);
        }
    }

    #[test]
    fn an_arrival_names_its_steps() {
        let after = SignedDuration::from_micros;
        let mut arrival = MessageArrival {
            from: DemoSide::Irc,
            place: 0,
            author: "dave".to_owned(),
            heard: Some(after(200)),
            stored: Some(after(410)),
            arrived: after(640),
        };
        assert_eq!(
            arrival_in_words(&arrival),
            "dave to room lobby: heard after 0.2 ms, stored after 0.4 ms, delivered after 0.6 ms"
        );
        arrival = MessageArrival { from: DemoSide::LetsChat, heard: None, stored: None, ..arrival };
        assert_eq!(arrival_in_words(&arrival), "dave to #lobby: delivered after 0.6 ms");
    }

    #[test]
    fn old_news_are_forgotten() {
        let mut snapshot = DemoSnapshot::new();
        for number in 0..100 {
            snapshot.tell(NewsKind::Works, number.to_string());
        }
        assert_eq!((snapshot.news.len(), snapshot.news[MAX_NEWS - 1].number), (MAX_NEWS, 100));
    }
}
