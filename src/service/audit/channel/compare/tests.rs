//! Tests of the comparison of channels.

use std::collections::HashMap;

use super::*;
use crate::domain::MessageKind;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

/// A delivery of `body` by ann, started and settled in second `id`.
fn sent_delivery(
    delivery: i64,
    state: DeliveryState,
    remote_id: Option<&str>,
    body: &str,
) -> SentDelivery {
    let (prefix, body) = ("<ann> ".to_owned(), body.to_owned());
    SentDelivery {
        id: DeliveryId(delivery),
        state,
        remote_id: remote_id.map(str::to_owned),
        sent_at: at(delivery),
        started_at: at(delivery),
        settled_at: (state == DeliveryState::Delivered).then(|| at(delivery)),
        rendered: Some(RenderedMessage { kind: MessageKind::Text, prefix, body }),
    }
}

fn delivered(delivery: i64, remote_id: &str, body: &str) -> SentDelivery {
    sent_delivery(delivery, DeliveryState::Delivered, Some(remote_id), body)
}

/// A line of the channel: time, id (`-` for none), text with author.
type LineSpec<'a> = (i64, &'a str, &'a str);

/// A channel with a complete ledger from second 0, received up to second 50.
struct ComparisonFixture<'a> {
    lines: &'a [LineSpec<'a>],
    ledger: &'a [SentDelivery],
    /// The ids of the received lines, in order.
    recorded: &'a [&'a str],
    /// What is added to the ledger meanwhile.
    recorded_later: &'a [SentDelivery],
    history_since: Option<i64>,
}

const NOTHING: ComparisonFixture<'_> = ComparisonFixture {
    lines: &[],
    ledger: &[],
    recorded: &[],
    recorded_later: &[],
    history_since: None,
};

impl ComparisonFixture<'_> {
    fn line(&self, (time, id, text): LineSpec<'_>) -> AuditLine {
        let (nick, text) = text.split_once(' ').expect("who and what");
        AuditLine {
            msgid: (id != "-").then(|| id.to_owned()),
            time: at(time),
            nick: nick.to_owned(),
            kind: MessageKind::Text,
            text: text.to_owned(),
            fingerprint: (0, 1),
        }
    }

    fn owner(&self, line: &AuditLine, deliveries: &[&[SentDelivery]]) -> LineOwner {
        if let Some(id) = &line.msgid {
            if let Some(number) = self.recorded.iter().position(|heard| heard == id) {
                return LineOwner::Recorded(Some(number as i64));
            }
            let mut all = deliveries.iter().copied().flatten();
            if let Some(spoken) = all.find(|it| it.remote_id.as_ref() == Some(id)) {
                return LineOwner::Own(Some(spoken.id));
            }
        }
        if line.nick == "bridge" { LineOwner::Own(None) } else { LineOwner::Unrecorded }
    }

    /// Compares, and describes the findings briefly.
    fn findings_text(&self) -> Vec<String> {
        let mut comparison = ChannelComparison::new(at(0), SignedDuration::ZERO, at(50));
        self.ledger.iter().for_each(|spoken| comparison.expect_delivery(spoken.clone()));
        for said in self.lines {
            let line = self.line(*said);
            let whose = self.owner(&line, &[self.ledger]);
            comparison.add_line(line, whose);
        }
        comparison.finish_lines(self.history_since.map(at));
        let known: HashMap<DeliveryId, ()> =
            self.ledger.iter().map(|spoken| (spoken.id, ())).collect();
        let new = self.recorded_later.iter().filter(|it| !known.contains_key(&it.id));
        new.for_each(|spoken| comparison.expect_delivery(spoken.clone()));
        let lines =
            comparison.finish(at(50), |line| self.owner(line, &[self.ledger, self.recorded_later]));
        let id = |line: &LineMsgid| line.clone().unwrap_or_else(|| "-".to_owned());
        let mut told = Vec::new();
        for it in &lines.missing.first {
            told.push(format!(
                "lost {}{}",
                it.delivery.0,
                if it.is_partial { " partly" } else { "" }
            ));
        }
        for it in &lines.unrecorded.first {
            told.push(format!("unheard {}", id(&it.msgid)));
        }
        for it in &lines.duplicates.first {
            told.push(format!("{} repeats {}", id(&it.msgid), id(&it.original)));
        }
        for it in &lines.marked_duplicates.first {
            told.push(format!("{} again {}", id(&it.msgid), id(&it.original)));
        }
        for it in &lines.out_of_order.first {
            told.push(format!("{} behind {}", it.delivery.0, it.preceded_by.0));
        }
        for it in &lines.recorded_out_of_order.first {
            told.push(format!("{} heard before {}", id(&it.msgid), id(&it.preceded_by)));
        }
        if lines.unread.count > 0 {
            told.push(format!("{} unread", lines.unread.count));
        }
        if lines.no_longer_kept > 0 {
            told.push(format!("{} no longer kept", lines.no_longer_kept));
        }
        told.push(format!("{} said, {} heard", lines.delivered, lines.recorded));
        told
    }
}

#[track_caller]
fn check(scene: &ComparisonFixture<'_>, expected: &[&str]) {
    assert_eq!(scene.findings_text(), expected);
}

#[test]
fn messages_on_both_sides_are_clean() {
    check(&NOTHING, &["0 said, 0 heard"]);
    let ledger = [delivered(1, "a", "yo"), delivered(2, "b", "yo"), delivered(4, "d", "yo")];
    let lines = [
        (1, "a", "bridge <ann> yo"),
        (2, "b", "bridge <ann> yo"),
        (3, "c", "bob hi"),
        (4, "d", "bridge <ann> yo"),
    ];
    let scene = ComparisonFixture { lines: &lines, ledger: &ledger, recorded: &["c"], ..NOTHING };
    check(&scene, &["3 said, 1 heard"]);
}

#[test]
fn messages_on_one_side_are_missing() {
    let ledger = [delivered(1, "a", "one"), delivered(2, "b", "two"), delivered(3, "c", "three")];
    let lines = [(1, "a", "bridge <ann> one"), (3, "c", "bridge <ann> three")];
    let scene = ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["lost 2", "2 said, 0 heard"]);
    let lines = [(1, "a", "bob hi"), (2, "b", "bridge hello"), (60, "c", "bob late")];
    let scene = ComparisonFixture { lines: &lines, ..NOTHING };
    check(&scene, &["unheard a", "unheard b", "1 unread", "0 said, 0 heard"]);
    // Lines from before the bridge joined are not missed.
    let lines = [(-1, "a", "bob hi"), (0, "b", "bridge hello")];
    check(&ComparisonFixture { lines: &lines, ..NOTHING }, &["0 said, 0 heard"]);
}

#[test]
fn lines_without_msgids_are_matched_by_text_and_count() {
    let deliver = |delivery, body| sent_delivery(delivery, DeliveryState::Delivered, None, body);
    let ledger = [deliver(1, "ok"), deliver(2, "ok"), deliver(3, "no")];
    let [ok, no] = ["bridge <ann> ok", "bridge <ann> no"];
    let all = [(1, "-", ok), (2, "-", ok), (3, "-", no)];
    let scene = |lines| ComparisonFixture { lines, ledger: &ledger, ..NOTHING };
    check(&scene(&all), &["3 said, 0 heard"]);
    check(&scene(&all[1..]), &["lost 2", "2 said, 0 heard"]);
    let thrice = [(1, "-", ok), (2, "-", ok), (2, "x", ok), (3, "-", no)];
    check(&scene(&thrice), &["x repeats -", "3 said, 0 heard"]);
    let swapped = [(1, "-", ok), (2, "-", no), (3, "-", ok)];
    check(&scene(&swapped), &["2 behind 3", "3 said, 0 heard"]);
    let long_ago = [(-10_000, "-", ok), (1, "-", ok), (2, "-", ok), (3, "-", no)];
    check(&scene(&long_ago), &["3 said, 0 heard"]);
}

#[test]
fn own_line_without_a_delivery_is_a_duplicate() {
    let ledger = [delivered(1, "a", "yo"), delivered(9, "c", "no")];
    let no = (9, "c", "bridge <ann> no");
    for lines in [
        [(1, "a", "bridge <ann> yo"), (2, "b", "bridge <ann> yo"), no],
        [(1, "b", "bridge <ann> yo"), (2, "a", "bridge <ann> yo"), no],
    ] {
        let scene = ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING };
        check(&scene, &["b repeats a", "2 said, 0 heard"]);
    }
}

#[test]
fn marked_duplicates_are_counted_apart() {
    let ledger = [delivered(1, "b", "yo"), delivered(9, "c", "no")];
    let lines = [
        (1, "a", "bridge <ann> yo"),
        (2, "b", "bridge <ann> (resent) yo"),
        (9, "c", "bridge <ann> no"),
    ];
    let scene = ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["a again b", "2 said, 0 heard"]);
    let ledger = [sent_delivery(1, DeliveryState::Delivered, None, "yo")];
    let lines = [(1, "a", "bridge <ann> yo"), (2, "b", "bridge <ann> (resent) yo")];
    let scene = ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["b again a", "1 said, 0 heard"]);
}

#[test]
fn lines_of_one_delivery_are_joined() {
    let ledger = [delivered(1, "c", "one\ntwo\nthree"), delivered(2, "d", "yo")];
    let lines = [
        (1, "a", "bridge <ann> one"),
        (1, "b", "bridge <ann> two"),
        (1, "c", "bridge <ann> three"),
        (2, "d", "bridge <ann> yo"),
    ];
    let told = |lines: &[LineSpec<'_>]| {
        ComparisonFixture { lines, ledger: &ledger, ..NOTHING }.findings_text()
    };
    let lost = ["lost 1 partly", "1 said, 0 heard"];
    assert_eq!(told(&lines), ["2 said, 0 heard"]);
    assert_eq!(told(&lines[1..]), lost);
    let [one, two, three, yo] = lines;
    assert_eq!(told(&[one, three, yo]), lost);
    assert_eq!(told(&[one, two, yo]), lost);
    let twice = ["b repeats b", "2 said, 0 heard"];
    assert_eq!(told(&[one, two, two, three, yo]), twice);
    // As one multi-line message.
    let one = [(1, "c", "bridge <ann> one\n<ann> two\n<ann> three"), (2, "d", "bridge <ann> yo")];
    assert_eq!(told(&one), ["2 said, 0 heard"]);
    // The first lines had arrived before it was started again.
    let mut marked = lines;
    marked[1].2 = "bridge <ann> (resent) two";
    let doubled = [lines[0], lines[1], marked[1], lines[2], lines[3]];
    assert_eq!(told(&doubled), ["b again b", "2 said, 0 heard"]);
}

#[test]
fn altered_line_counts_as_delivered() {
    let ledger = [delivered(1, "a", "damn it")];
    let lines = [(1, "a", "bridge <ann> **** it")];
    check(&ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING }, &["1 said, 0 heard"]);
}

#[test]
fn changed_msgid_is_not_missing() {
    let ledger = [delivered(1, "a", "yo")];
    let lines = [(1, "x", "bridge <ann> yo")];
    check(&ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING }, &["1 said, 0 heard"]);
}

#[test]
fn delivery_after_a_later_one_is_out_of_order() {
    let ledger = [delivered(1, "a", "one"), delivered(2, "b", "two"), delivered(3, "c", "three")];
    let lines = [
        (1, "a", "bridge <ann> one"),
        (2, "c", "bridge <ann> three"),
        (3, "b", "bridge <ann> two"),
    ];
    let scene = ComparisonFixture { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["2 behind 3", "3 said, 0 heard"]);
    // Lines of the same moment have no defined order.
    let at_once = lines.map(|(_, id, text)| (1, id, text));
    check(&ComparisonFixture { lines: &at_once, ledger: &ledger, ..NOTHING }, &["3 said, 0 heard"]);
}

#[test]
fn lines_recorded_out_of_order_are_reported() {
    let lines = [(1, "a", "bob one"), (5, "b", "bob two"), (9, "c", "bob three")];
    let scene = |heard| ComparisonFixture { lines: &lines, recorded: heard, ..NOTHING };
    check(&scene(&["a", "b", "c"]), &["0 said, 3 heard"]);
    check(&scene(&["a", "c", "b"]), &["c heard before b", "0 said, 3 heard"]);
}

#[test]
fn delivery_before_the_kept_history_is_not_missing() {
    let ledger = [delivered(1, "a", "one"), delivered(2, "b", "two"), delivered(3, "c", "three")];
    let lines = [(2, "b", "bridge <ann> two")];
    let scene =
        ComparisonFixture { lines: &lines, ledger: &ledger, history_since: Some(2), ..NOTHING };
    check(&scene, &["lost 3", "1 no longer kept", "1 said, 0 heard"]);
    check(
        &ComparisonFixture { history_since: None, ..scene },
        &["lost 1", "lost 3", "1 said, 0 heard"],
    );
}

#[test]
fn lines_recorded_meanwhile_are_clean() {
    let doubtful = [sent_delivery(1, DeliveryState::InDoubt, None, "one")];
    let lines = [(1, "a", "bridge <ann> one"), (2, "b", "bridge <ann> two")];
    let later = [delivered(1, "a", "one"), delivered(2, "b", "two")];
    let scene =
        ComparisonFixture { lines: &lines, ledger: &doubtful, recorded_later: &later, ..NOTHING };
    check(&scene, &["1 said, 0 heard"]);
    let under_way = [sent_delivery(2, DeliveryState::InFlight, None, "two")];
    check(&ComparisonFixture { recorded_later: &under_way, ..scene }, &["0 said, 0 heard"]);
}
