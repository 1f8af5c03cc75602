use std::collections::HashMap;

use super::*;
use crate::domain::MessageKind;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

/// A delivery of `body` by ann, begun in second `ticket` and settled at once.
fn spoken(ticket: i64, state: DeliveryState, native: Option<&str>, body: &str) -> SentDelivery {
    let (prefix, body) = ("<ann> ".to_owned(), body.to_owned());
    SentDelivery {
        id: DeliveryId(ticket),
        state,
        remote_id: native.map(str::to_owned),
        sent_at: at(ticket),
        started_at: at(ticket),
        settled_at: (state == DeliveryState::Delivered).then(|| at(ticket)),
        rendered: Some(RenderedMessage { kind: MessageKind::Text, prefix, body }),
    }
}

fn delivered(ticket: i64, native: &str, body: &str) -> SentDelivery {
    spoken(ticket, DeliveryState::Delivered, Some(native), body)
}

/// A line of the channel: when, its id (`-` for none), and who says what.
type Said<'a> = (i64, &'a str, &'a str);

/// A channel, of whose ledger all is known from second 0 on, and which was heard up to second 50.
struct Scene<'a> {
    lines: &'a [Said<'a>],
    ledger: &'a [SentDelivery],
    /// What was heard, in that order, by its id.
    heard: &'a [&'a str],
    /// What the ledger learns meanwhile.
    later: &'a [SentDelivery],
    kept: Option<i64>,
}

const NOTHING: Scene<'_> = Scene { lines: &[], ledger: &[], heard: &[], later: &[], kept: None };

impl Scene<'_> {
    fn line(&self, (time, id, text): Said<'_>) -> Line {
        let (nick, text) = text.split_once(' ').expect("who and what");
        Line {
            id: (id != "-").then(|| id.to_owned()),
            time: at(time),
            nick: nick.to_owned(),
            kind: MessageKind::Text,
            text: text.to_owned(),
            trace: (0, 1),
        }
    }

    fn whose(&self, line: &Line, deliveries: &[&[SentDelivery]]) -> Whose {
        if let Some(id) = &line.id {
            if let Some(number) = self.heard.iter().position(|heard| heard == id) {
                return Whose::Heard(Some(number as i64));
            }
            let mut all = deliveries.iter().copied().flatten();
            if let Some(spoken) = all.find(|it| it.remote_id.as_ref() == Some(id)) {
                return Whose::Ours(Some(spoken.id));
            }
        }
        if line.nick == "bridge" { Whose::Ours(None) } else { Whose::Unheard }
    }

    /// Compares, and tells what was found in a few words.
    fn told(&self) -> Vec<String> {
        let mut comparison = Comparison::new(at(0), SignedDuration::ZERO, at(50));
        self.ledger.iter().for_each(|spoken| comparison.expect(spoken.clone()));
        for said in self.lines {
            let line = self.line(*said);
            let whose = self.whose(&line, &[self.ledger]);
            comparison.take(line, whose);
        }
        comparison.close(self.kept.map(at));
        let known: HashMap<DeliveryId, ()> =
            self.ledger.iter().map(|spoken| (spoken.id, ())).collect();
        let new = self.later.iter().filter(|it| !known.contains_key(&it.id));
        new.for_each(|spoken| comparison.expect(spoken.clone()));
        let lines =
            comparison.conclude(at(50), |line| self.whose(line, &[self.ledger, self.later]));
        let id = |line: &LineId| line.clone().unwrap_or_else(|| "-".to_owned());
        let mut told = Vec::new();
        for it in &lines.lost.first {
            told.push(format!("lost {}{}", it.ticket.0, if it.partly { " partly" } else { "" }));
        }
        for it in &lines.unheard.first {
            told.push(format!("unheard {}", id(&it.line)));
        }
        for it in &lines.repeated.first {
            told.push(format!("{} repeats {}", id(&it.line), id(&it.of)));
        }
        for it in &lines.again.first {
            told.push(format!("{} again {}", id(&it.line), id(&it.of)));
        }
        for it in &lines.misplaced.first {
            told.push(format!("{} behind {}", it.ticket.0, it.behind.0));
        }
        for it in &lines.misheard.first {
            told.push(format!("{} heard before {}", id(&it.line), id(&it.before)));
        }
        if lines.unread.count > 0 {
            told.push(format!("{} unread", lines.unread.count));
        }
        if lines.no_longer_kept > 0 {
            told.push(format!("{} no longer kept", lines.no_longer_kept));
        }
        told.push(format!("{} said, {} heard", lines.said, lines.heard));
        told
    }
}

#[track_caller]
fn check(scene: &Scene<'_>, expected: &[&str]) {
    assert_eq!(scene.told(), expected);
}

#[test]
fn what_is_on_both_sides_is_well() {
    check(&NOTHING, &["0 said, 0 heard"]);
    let ledger = [delivered(1, "a", "yo"), delivered(2, "b", "yo"), delivered(4, "d", "yo")];
    let lines = [
        (1, "a", "bridge <ann> yo"),
        (2, "b", "bridge <ann> yo"),
        (3, "c", "bob hi"),
        (4, "d", "bridge <ann> yo"),
    ];
    let scene = Scene { lines: &lines, ledger: &ledger, heard: &["c"], ..NOTHING };
    check(&scene, &["3 said, 1 heard"]);
}

#[test]
fn what_is_on_one_side_only_is_missing() {
    let ledger = [delivered(1, "a", "one"), delivered(2, "b", "two"), delivered(3, "c", "three")];
    let lines = [(1, "a", "bridge <ann> one"), (3, "c", "bridge <ann> three")];
    let scene = Scene { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["lost 2", "2 said, 0 heard"]);
    let lines = [(1, "a", "bob hi"), (2, "b", "bridge hello"), (60, "c", "bob late")];
    let scene = Scene { lines: &lines, ..NOTHING };
    check(&scene, &["unheard a", "unheard b", "1 unread", "0 said, 0 heard"]);
    // What was said before the bridge came is nobody's loss.
    let lines = [(-1, "a", "bob hi"), (0, "b", "bridge hello")];
    check(&Scene { lines: &lines, ..NOTHING }, &["0 said, 0 heard"]);
}

#[test]
fn without_ids_the_words_and_their_number_tell() {
    let deliver = |ticket, body| spoken(ticket, DeliveryState::Delivered, None, body);
    let ledger = [deliver(1, "ok"), deliver(2, "ok"), deliver(3, "no")];
    let [ok, no] = ["bridge <ann> ok", "bridge <ann> no"];
    let all = [(1, "-", ok), (2, "-", ok), (3, "-", no)];
    let scene = |lines| Scene { lines, ledger: &ledger, ..NOTHING };
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
fn a_line_that_follows_no_delivery_of_its_own_is_repeated() {
    let ledger = [delivered(1, "a", "yo"), delivered(9, "c", "no")];
    let no = (9, "c", "bridge <ann> no");
    for lines in [
        [(1, "a", "bridge <ann> yo"), (2, "b", "bridge <ann> yo"), no],
        [(1, "b", "bridge <ann> yo"), (2, "a", "bridge <ann> yo"), no],
    ] {
        let scene = Scene { lines: &lines, ledger: &ledger, ..NOTHING };
        check(&scene, &["b repeats a", "2 said, 0 heard"]);
    }
}

#[test]
fn what_says_that_it_is_said_again_is_told_apart() {
    let ledger = [delivered(1, "b", "yo"), delivered(9, "c", "no")];
    let lines = [
        (1, "a", "bridge <ann> yo"),
        (2, "b", "bridge <ann> (again) yo"),
        (9, "c", "bridge <ann> no"),
    ];
    let scene = Scene { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["a again b", "2 said, 0 heard"]);
    let ledger = [spoken(1, DeliveryState::Delivered, None, "yo")];
    let lines = [(1, "a", "bridge <ann> yo"), (2, "b", "bridge <ann> (again) yo")];
    let scene = Scene { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["b again a", "1 said, 0 heard"]);
}

#[test]
fn lines_of_one_message_are_put_together() {
    let ledger = [delivered(1, "c", "one\ntwo\nthree"), delivered(2, "d", "yo")];
    let lines = [
        (1, "a", "bridge <ann> one"),
        (1, "b", "bridge <ann> two"),
        (1, "c", "bridge <ann> three"),
        (2, "d", "bridge <ann> yo"),
    ];
    let told = |lines: &[Said<'_>]| Scene { lines, ledger: &ledger, ..NOTHING }.told();
    let lost = ["lost 1 partly", "1 said, 0 heard"];
    assert_eq!(told(&lines), ["2 said, 0 heard"]);
    assert_eq!(told(&lines[1..]), lost);
    let [one, two, three, yo] = lines;
    assert_eq!(told(&[one, three, yo]), lost);
    assert_eq!(told(&[one, two, yo]), lost);
    let twice = ["b repeats b", "2 said, 0 heard"];
    assert_eq!(told(&[one, two, two, three, yo]), twice);
    // As one message of several lines.
    let one = [(1, "c", "bridge <ann> one\n<ann> two\n<ann> three"), (2, "d", "bridge <ann> yo")];
    assert_eq!(told(&one), ["2 said, 0 heard"]);
    // The first lines had arrived before it was begun again.
    let mut marked = lines;
    marked[1].2 = "bridge <ann> (again) two";
    let doubled = [lines[0], lines[1], marked[1], lines[2], lines[3]];
    assert_eq!(told(&doubled), ["b again b", "2 said, 0 heard"]);
}

#[test]
fn a_line_whose_words_the_server_has_changed_has_arrived() {
    let ledger = [delivered(1, "a", "damn it")];
    let lines = [(1, "a", "bridge <ann> **** it")];
    check(&Scene { lines: &lines, ledger: &ledger, ..NOTHING }, &["1 said, 0 heard"]);
}

#[test]
fn an_id_that_the_server_has_changed_is_no_loss() {
    let ledger = [delivered(1, "a", "yo")];
    let lines = [(1, "x", "bridge <ann> yo")];
    check(&Scene { lines: &lines, ledger: &ledger, ..NOTHING }, &["1 said, 0 heard"]);
}

#[test]
fn a_delivery_behind_a_later_one_is_out_of_order() {
    let ledger = [delivered(1, "a", "one"), delivered(2, "b", "two"), delivered(3, "c", "three")];
    let lines = [
        (1, "a", "bridge <ann> one"),
        (2, "c", "bridge <ann> three"),
        (3, "b", "bridge <ann> two"),
    ];
    let scene = Scene { lines: &lines, ledger: &ledger, ..NOTHING };
    check(&scene, &["2 behind 3", "3 said, 0 heard"]);
    // What was said in one moment stands in no order.
    let at_once = lines.map(|(_, id, text)| (1, id, text));
    check(&Scene { lines: &at_once, ledger: &ledger, ..NOTHING }, &["3 said, 0 heard"]);
}

#[test]
fn lines_that_were_heard_in_another_order_are_told() {
    let lines = [(1, "a", "bob one"), (5, "b", "bob two"), (9, "c", "bob three")];
    let scene = |heard| Scene { lines: &lines, heard, ..NOTHING };
    check(&scene(&["a", "b", "c"]), &["0 said, 3 heard"]);
    check(&scene(&["a", "c", "b"]), &["c heard before b", "0 said, 3 heard"]);
}

#[test]
fn what_the_server_no_longer_keeps_is_no_loss() {
    let ledger = [delivered(1, "a", "one"), delivered(2, "b", "two"), delivered(3, "c", "three")];
    let lines = [(2, "b", "bridge <ann> two")];
    let scene = Scene { lines: &lines, ledger: &ledger, kept: Some(2), ..NOTHING };
    check(&scene, &["lost 3", "1 no longer kept", "1 said, 0 heard"]);
    check(&Scene { kept: None, ..scene }, &["lost 1", "lost 3", "1 said, 0 heard"]);
}

#[test]
fn what_the_ledger_learns_meanwhile_is_well() {
    let doubtful = [spoken(1, DeliveryState::InDoubt, None, "one")];
    let lines = [(1, "a", "bridge <ann> one"), (2, "b", "bridge <ann> two")];
    let later = [delivered(1, "a", "one"), delivered(2, "b", "two")];
    let scene = Scene { lines: &lines, ledger: &doubtful, later: &later, ..NOTHING };
    check(&scene, &["1 said, 0 heard"]);
    let under_way = [spoken(2, DeliveryState::InFlight, None, "two")];
    check(&Scene { later: &under_way, ..scene }, &["0 said, 0 heard"]);
}
