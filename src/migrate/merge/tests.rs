#![allow(clippy::unwrap_used)]

use std::ops::Range;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::{LogEvent, LogPrecision, LogSpeaker, MessageKind};
use crate::translate::{Formatting, convert_formatting};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// What is said: one of a few short words, or something that is said once.
#[derive(Debug, Clone, Copy)]
enum Said {
    Short(usize),
    Once,
}

/// A true history.
struct History(Vec<LogEntry>);

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = told(&self.0);
        self.0.iter().zip(told).try_for_each(|(entry, told)| write!(f, "\n{} {told}", entry.at))
    }
}

/// A history: who says what, how long after the one before, in seconds.
fn history(gap: Range<i64>, lines: Range<usize>) -> impl Strategy<Value = History> {
    let said = prop_oneof![2 => (0..3_usize).prop_map(Said::Short), 3 => Just(Said::Once)];
    let lines = prop::collection::vec((gap, 0..3_usize, said), lines);
    lines.prop_map(|lines| {
        let mut time = 1_400_000_000_000;
        let entry = |(number, (gap, who, said)): (usize, (i64, usize, Said))| {
            time += gap * SECOND;
            let text = match said {
                Said::Short(word) => ["ok", "\x02yes\x02", "nö"][word].to_owned(),
                Said::Once => format!("the \x0304 äöü words\x03 of the number {number}"),
            };
            said_at(time, who, &text)
        };
        History(lines.into_iter().enumerate().map(entry).collect())
    })
}

fn said_at(time: i64, who: usize, text: &str) -> LogEntry {
    let nick = ["ann", "bob", "carl"][who].to_owned();
    let by = LogSpeaker { userhost: Some(format!("{nick}@host")), nick, account: None };
    LogEntry {
        at: Timestamp::from_millisecond(time).unwrap(),
        precision: LogPrecision::Exact,
        event: LogEvent::Message { by, kind: MessageKind::Text, text: text.to_owned() },
    }
}

/// What a client makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Client {
    /// Keeps all of it.
    Exact,
    /// Has no seconds, no hosts and no formatting.
    WithoutSeconds,
    /// Destroys what is not ASCII.
    Destroying,
}

fn clients() -> impl Strategy<Value = Client> {
    prop_oneof![Just(Client::Exact), Just(Client::WithoutSeconds), Just(Client::Destroying)]
}

/// The log of a client whose clock is ahead by `ahead` milliseconds.
fn written_by(client: Client, ahead: i64, entries: &[LogEntry]) -> Vec<LogEntry> {
    let write = |entry: &LogEntry| {
        let mut entry = entry.clone();
        let mut time = entry.at.as_millisecond() + ahead;
        let LogEvent::Message { by, text, .. } = &mut entry.event else { unreachable!() };
        if client != Client::Exact {
            by.userhost = None;
            *text = convert_formatting(text, Formatting::Strip).into_owned();
        }
        if client == Client::WithoutSeconds {
            time -= time.rem_euclid(60 * SECOND);
            entry.precision = LogPrecision::Minute;
        }
        if client == Client::Destroying {
            *text = text.replace(|c: char| !c.is_ascii(), "\u{fffd}");
        }
        entry.at = Timestamp::from_millisecond(time).unwrap();
        entry
    };
    entries.iter().map(write).collect()
}

/// Who said what, without what a client may destroy.
fn told(entries: &[LogEntry]) -> Vec<String> {
    let tell = |entry: &LogEntry| {
        let LogEvent::Message { by, text, .. } = &entry.event else { unreachable!() };
        let text = convert_formatting(text, Formatting::Strip);
        format!("<{}> {}", by.nick, text.replace(|c: char| !c.is_ascii(), "?"))
    };
    entries.iter().map(tell).collect()
}

fn merged(sources: Vec<Vec<LogEntry>>, window: usize) -> Vec<LogEntry> {
    let timed = |source: Vec<LogEntry>| source.into_iter().map(TimedEntry::from);
    merge_in(sources.into_iter().map(timed).collect(), window).collect()
}

/// A part of a history of `length` entries, from two percentages.
fn cut(length: usize, (one, other): (usize, usize)) -> Range<usize> {
    one.min(other) * length / 100..one.max(other) * length / 100
}

fn covered(history: &[LogEntry], cuts: &[Range<usize>]) -> Vec<LogEntry> {
    let is_covered = |at: usize| cuts.iter().any(|cut| cut.contains(&at));
    (0..history.len()).filter(|at| is_covered(*at)).map(|at| history[at].clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Clocks that agree to a second or two. Of what is said twice within a minute, a log without seconds does not tell which
    /// one it has, where it begins or ends.
    #[test]
    fn any_cuts_give_the_history_back(
        History(history) in history(70..300, 1..80),
        sources in prop::collection::vec((clients(), (0..101_usize, 0..101_usize), -1..2_i64), 1..4),
        window in prop_oneof![Just(8_usize), Just(32), Just(4_096)],
    ) {
        let cuts: Vec<_> = sources.iter().map(|source| cut(history.len(), source.1)).collect();
        let logs = sources.iter().zip(&cuts);
        let logs = logs.map(|((client, _, ahead), cut)| {
            written_by(*client, *ahead * SECOND, &history[cut.clone()])
        });
        let found = merged(logs.collect(), window);
        prop_assert_eq!(told(&found), told(&covered(&history, &cuts)));
    }

    /// Clocks hours apart, with enough in common to see it.
    #[test]
    fn clocks_may_be_hours_apart(
        History(history) in history(1..200, 30..120),
        clients in (clients(), clients()),
        (from, to) in (0..30_usize, 70..101_usize),
        is_first_early in any::<bool>(),
        ahead in prop_oneof![-14..15_i64, -900..900_i64],
        unit in prop_oneof![Just(HOUR), Just(SECOND)],
    ) {
        let end = history.len();
        let (early, late) = (0..cut(end, (0, to)).end, cut(end, (from, 100)).start..end);
        let common = late.start..early.end;
        prop_assume!(told(&history[common]).iter().filter(|it| it.contains("number")).count() >= 4);
        let cuts = if is_first_early { [early, late] } else { [late, early] };
        let ahead = if unit == HOUR { ahead.clamp(-14, 14) } else { ahead } * unit;
        let logs = vec![
            written_by(clients.0, 0, &history[cuts[0].clone()]),
            written_by(clients.1, ahead, &history[cuts[1].clone()]),
        ];
        let found = merged(logs, 4_096);
        prop_assert_eq!(told(&found), told(&covered(&history, &cuts)));
        // The first one's clock counts, to minutes if a client has no seconds.
        let slack = if clients == (Client::Exact, Client::Exact) { 4 } else { 200 } * SECOND;
        for (found, true_one) in found.iter().zip(&history) {
            let by = found.at.duration_since(true_one.at).as_millis();
            prop_assert!(by.abs() <= slack.into(), "{by} ms, {found:?} was {true_one:?}");
        }
    }

    /// The same thing said again and again, where both were there.
    #[test]
    fn what_is_repeated_comes_as_often_as_it_was_said(
        count in 1..12_usize,
        gap in 0..30_i64,
        clients in (clients(), clients()),
        ahead in prop_oneof![Just(0), Just(3 * HOUR), Just(-40 * SECOND)],
        missing in 0..12_usize,
    ) {
        let mut history: Vec<LogEntry> =
            (0..4).map(|at| said_at(at * 90 * SECOND, 0, &format!("before it, the number {at}"))).collect();
        history.extend((0..count).map(|at| said_at(HOUR + at as i64 * gap * SECOND, 1, "ok")));
        history.extend((0..4).map(|at| {
            said_at(2 * HOUR + at * 90 * SECOND, 2, &format!("behind it, the number {at}"))
        }));
        let mut with_hole = history.clone();
        // A log that has lost some of them in the middle.
        let lost = 4..4 + missing.min(count);
        with_hole.drain(lost);
        let logs =
            vec![written_by(clients.0, 0, &history), written_by(clients.1, ahead, &with_hole)];
        prop_assert_eq!(told(&merged(logs.clone(), 4_096)), told(&history));
        prop_assert_eq!(told(&merged(logs.into_iter().rev().collect(), 4_096)), told(&history));
    }
}

#[test]
fn a_time_without_seconds_is_not_late() {
    // 17:16:01 and 17:17:11, of which one log has the first, and the other one the second without seconds.
    let history = [said_at(1_400_001_361_000, 1, "ok"), said_at(1_400_001_431_000, 1, "ok")];
    for (without, exact) in [(1, 0), (0, 1)] {
        let without = written_by(Client::WithoutSeconds, 0, &history[without..=without]);
        let exact = written_by(Client::Exact, 0, &history[exact..=exact]);
        for sources in [vec![without.clone(), exact.clone()], vec![exact, without]] {
            assert_eq!(told(&merged(sources, 8)), ["<bob> ok", "<bob> ok"]);
        }
    }
}

#[test]
fn the_best_time_and_the_richest_event_win() {
    let true_one = said_at(1_400_000_012_345, 0, "\x02tea\x02 and cäke, as always");
    let logs = [Client::Destroying, Client::WithoutSeconds, Client::Exact]
        .map(|client| written_by(client, 0, std::slice::from_ref(&true_one)));
    assert_eq!(merged(logs.to_vec(), 64), [true_one]);
}

#[test]
fn lines_in_different_orders_come_once() {
    let lines = ["what one says first", "what another says first", "and so on and on"];
    let history: Vec<_> =
        lines.iter().zip(0..).map(|(text, at)| said_at(at * SECOND, 0, text)).collect();
    let mut other = history.clone();
    other.swap(0, 1);
    assert_eq!(told(&merged(vec![history.clone(), other], 64)), told(&history));
}

#[test]
fn a_page_of_help_that_is_shown_twice_is_not_taken_for_a_wrong_clock() {
    let page = |time: i64| {
        (0..10).map(move |at| said_at(time + at * SECOND, 2, &format!("help: line {at} of it all")))
    };
    let mut first = vec![said_at(0, 0, "what is there to do?")];
    first.extend(page(10 * SECOND));
    first.push(said_at(600 * SECOND, 0, "thank you"));
    let mut second = vec![said_at(2 * HOUR, 1, "how does this work?")];
    second.extend(page(2 * HOUR + 10 * SECOND));
    second.push(said_at(2 * HOUR + 600 * SECOND, 1, "I see"));
    let expected = [told(&first), told(&second)].concat();
    assert_eq!(told(&merged(vec![first, second], 4_096)), expected);
}

#[test]
fn years_apart_or_one_after_the_other() {
    let text = |at: i64| format!("the daily words of number {at}");
    let days = |from: i64, to: i64| {
        (from..to).map(|day| said_at(day * 24 * HOUR, 0, &text(day % 7))).collect::<Vec<_>>()
    };
    let found = merged(vec![days(0, 700), days(400, 800), days(800, 900), vec![]], 64);
    assert_eq!(told(&found), told(&days(0, 900)));
}

#[test]
fn an_hour_that_only_one_clock_tells_apart() {
    let mut history = vec![said_at(0, 0, "long before the clock goes back")];
    history.extend((0..3).map(|at| said_at(at * 1_200 * SECOND + 2 * HOUR, 1, "ok")));
    history.push(said_at(4 * HOUR, 0, "long after the clock went back"));
    let sure: Vec<TimedEntry> = history.iter().cloned().map(TimedEntry::from).collect();
    let hour = jiff::SignedDuration::from_hours(1);
    let mut other = sure.clone();
    for timed in &mut other[1..4] {
        timed.entry.at -= hour;
        timed.later = Some(hour);
    }
    for sources in [vec![sure.clone(), other.clone()], vec![other.clone(), sure.clone()]] {
        let found: Vec<_> =
            merge_in(sources.into_iter().map(Vec::into_iter).collect(), 64).collect();
        assert_eq!(found, history);
    }
    // Two that do not tell, and a third that does.
    let found: Vec<_> =
        merge_in(vec![other.clone().into_iter(), other.into_iter(), sure.into_iter()], 64)
            .collect();
    assert_eq!(found, history);
}
