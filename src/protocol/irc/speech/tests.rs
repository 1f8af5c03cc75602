use proptest::prelude::*;

use super::*;
use crate::protocol::irc::line::Text;

const TEA: PlaceId = PlaceId(1);
const DEV: PlaceId = PlaceId(2);
const LABEL: Receipt = Receipt::Label { echo: true };

fn utterances(texts: &[&str]) -> Vec<Utterance> {
    let mut end = 0;
    let utterance = |text: &&str| {
        end += text.len();
        let line = Line::talk(Kind::Talk, "#tea", &Text::clean(text));
        Utterance { line, kind: Kind::Talk, text: (*text).to_owned(), end }
    };
    texts.iter().map(utterance).collect()
}

/// A speech of these lines as delivery 1, to be confirmed by `receipt`.
struct Scene {
    speech: Speech,
    receipt: Receipt,
    now: Instant,
}

impl Scene {
    fn new(receipt: Receipt, texts: &[&str]) -> Self {
        let mut speech = Speech::default();
        speech.push(Ticket(1), TEA, utterances(texts));
        Self { speech, receipt, now: Instant::now() }
    }

    fn sent(&mut self) -> Vec<String> {
        let next = || Some(self.speech.next_line(self.receipt, self.now)?.line.to_string());
        std::iter::from_fn(next).collect()
    }

    fn wait(&mut self, seconds: u64) -> Passed {
        self.now += Duration::from_secs(seconds);
        self.speech.tick(self.now)
    }

    fn echo(&mut self, label: Option<&str>, text: &str) -> Option<Outcome> {
        let mark = Mark::default();
        Some(self.speech.echoed(TEA, label, (Kind::Talk, text), mark)?.outcome)
    }

    fn object(&mut self, meant: Meant<'_>, code: &str, why: &str) -> Option<Outcome> {
        Some(self.speech.object(meant, Objection::read(code, why), self.now)?.outcome)
    }

    fn pong(&mut self, token: &str) -> Option<Outcome> {
        Some(self.speech.pong(token, false, self.now)?.outcome)
    }
}

fn said() -> Option<Outcome> {
    Some(Outcome::Said { mark: Mark::default() })
}

fn partly(end: usize) -> Option<Outcome> {
    Some(Outcome::Partly { end, mark: Mark::default() })
}

fn refused(why: &str) -> Option<Outcome> {
    Some(Outcome::Refused(why.to_owned()))
}

#[test]
fn channels_take_turns() {
    let mut scene = Scene::new(Receipt::Fence, &["a1", "a2", "a3"]);
    scene.speech.push(Ticket(2), DEV, utterances(&["b1"]));
    let said = scene.sent();
    let said: Vec<&str> =
        said.iter().map(|l| l.rsplit([':', ' ']).next().expect("a word")).collect();
    assert_eq!(said, ["a1", "b1", "said-2", "a2", "a3", "said-1"]);
}

#[test]
fn an_objection_before_the_fence_is_the_verdict() {
    let mut scene = Scene::new(Receipt::Fence, &["a"]);
    scene.sent();
    assert_eq!(scene.object(Meant::Place(DEV), "404", "elsewhere"), None);
    assert_eq!(scene.object(Meant::Place(TEA), "404", "Cannot send to channel"), None);
    assert_eq!(scene.pong("other"), None);
    assert_eq!(scene.pong("said-1"), refused("Cannot send to channel"));
    assert_eq!(scene.pong("said-1"), None, "told once");
}

#[test]
fn which_of_several_lines_was_refused_is_not_known_behind_one_fence() {
    let mut scene = Scene::new(Receipt::Fence, &["a", "b"]);
    scene.sent();
    scene.object(Meant::Place(TEA), "439", "Too fast, wait 5 seconds");
    assert_eq!(scene.pong("said-1"), refused("1 of 2 lines: Too fast, wait 5 seconds"));
    let mut scene = Scene::new(Receipt::Fence, &["a"]);
    scene.sent();
    scene.object(Meant::Some, "439", "Too fast, wait 5 seconds");
    assert!(matches!(scene.pong("said-1"), Some(Outcome::Later { .. })), "none has arrived");
}

#[test]
fn a_labeled_line_waits_for_its_answer_and_needs_no_ping() {
    let mut scene = Scene::new(LABEL, &["a", "b"]);
    assert_eq!(scene.sent(), ["@label=1.1 PRIVMSG #tea :a"]);
    assert_eq!(scene.echo(Some("9.9"), "a"), None);
    assert_eq!(scene.echo(Some("1.1"), "A, as the server would have it"), partly(1));
    assert_eq!(scene.sent(), ["@label=1.2 PRIVMSG #tea :b"]);
    assert_eq!(scene.speech.answered("1.1", scene.now), None, "of an earlier line");
    assert_eq!(scene.echo(Some("1.2"), "b"), said());
    assert_eq!(scene.speech.deadline(), None);
}

#[test]
fn an_answer_without_the_line_says_that_it_was_dropped_where_lines_come_back() {
    let mut scene = Scene::new(LABEL, &["a"]);
    scene.sent();
    let verdict = scene.speech.answered("1.1", scene.now);
    let silent = "the server has dropped it without a word";
    assert_eq!(verdict.map(|verdict| verdict.outcome), refused(silent));
    let mut scene = Scene::new(Receipt::Label { echo: false }, &["a"]);
    scene.sent();
    let verdict = scene.speech.answered("1.1", scene.now);
    assert_eq!(verdict.map(|verdict| verdict.outcome), said());
}

#[test]
fn nothing_is_said_behind_a_line_that_was_refused() {
    let mut scene = Scene::new(LABEL, &["a", "b"]);
    scene.sent();
    scene.echo(Some("1.1"), "a");
    scene.sent();
    assert_eq!(scene.object(Meant::Label("1.2"), "404", "no"), refused("line 2 of 2: no"));
    assert_eq!(scene.sent(), [""; 0]);
}

#[test]
fn an_echo_that_does_not_come_is_asked_for_by_a_ping() {
    let mut scene = Scene::new(Receipt::Echo, &["a"]);
    assert_eq!(scene.sent(), ["PRIVMSG #tea :a"]);
    scene.wait(5);
    assert_eq!(scene.sent(), ["PING said-1.1"]);
    assert_eq!(scene.pong("said-1.1"), refused("the server has dropped it without a word"));
}

#[test]
fn a_line_that_came_back_in_other_words_has_arrived() {
    let mut scene = Scene::new(Receipt::Echo, &["a damn", "b"]);
    scene.sent();
    assert_eq!(scene.echo(None, "a ****"), None);
    scene.wait(5);
    scene.sent();
    assert_eq!(scene.pong("said-1.1"), partly(6));
    scene.sent();
    scene.wait(5);
    scene.sent();
    assert_eq!(scene.pong("said-1.1"), None, "of an earlier line");
    assert!(matches!(scene.pong("said-1.2"), Some(Outcome::Refused(_))), "that was the other");
}

#[test]
fn a_bouncer_answers_ahead_of_its_server() {
    let mut scene = Scene::new(Receipt::Echo, &["a"]);
    scene.sent();
    scene.wait(5);
    scene.sent();
    assert_eq!(scene.speech.pong("said-1.1", true, scene.now), None);
    assert!(scene.wait(29).verdicts.is_empty());
    assert_eq!(scene.echo(None, "a"), said());

    let mut scene = Scene::new(Receipt::Echo, &["a"]);
    scene.sent();
    scene.wait(5);
    scene.sent();
    scene.speech.pong("said-1.1", true, scene.now);
    assert_eq!(scene.wait(30).verdicts.len(), 1, "not for ever");
}

#[test]
fn a_ping_that_is_not_answered_ends_the_waiting() {
    for (receipt, before) in [(Receipt::Fence, 0), (Receipt::Echo, 5), (LABEL, 5)] {
        let mut scene = Scene::new(receipt, &["a"]);
        scene.sent();
        scene.wait(before);
        scene.sent();
        assert!(!scene.wait(119).stalled);
        assert!(scene.wait(1).stalled, "{receipt:?}");
    }
}

#[test]
fn what_is_put_off_may_be_tried_again_but_not_for_ever() {
    let mut scene = Scene::new(LABEL, &["a"]);
    for _ in 0..MOST_LATER {
        scene.sent();
        let outcome = scene.object(Meant::Label("1.1"), "439", "wait 20 seconds");
        let after = Duration::from_secs(20);
        assert_eq!(outcome, Some(Outcome::Later { why: "wait 20 seconds".to_owned(), after }));
        assert!(scene.wait(19).again.is_empty());
        assert_eq!(scene.wait(1).again, [TEA]);
        scene.speech.push(Ticket(1), TEA, utterances(&["a"]));
    }
    scene.sent();
    assert_eq!(
        scene.object(Meant::Label("1.1"), "439", "wait 20 seconds"),
        refused("wait 20 seconds")
    );
}

/// What a server does with a line.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Echo,
    EchoAltered,
    Drop,
    Object,
    TooFast,
    /// It takes the line, and its answer is lost.
    Mute,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Echo),
        1 => Just(Fate::EchoAltered),
        1 => Just(Fate::Drop),
        1 => Just(Fate::Object),
        1 => Just(Fate::TooFast),
        1 => Just(Fate::Mute),
    ]
}

/// What became of a delivery.
#[derive(Debug, Default)]
struct Told {
    taken: Vec<String>,
    said: bool,
    ended: u32,
    put_off: u32,
}

impl Told {
    fn hear(&mut self, verdict: Option<Verdict>) {
        match verdict.map(|verdict| verdict.outcome) {
            Some(Outcome::Said { .. }) => (self.said, self.ended) = (true, self.ended + 1),
            Some(Outcome::Refused(_)) => self.ended += 1,
            Some(Outcome::Later { .. }) => (self.ended, self.put_off) = (self.ended + 1, 1),
            Some(Outcome::Partly { .. }) | None => {}
        }
    }
}

/// Lets a server with these `fates` hear a delivery of `count` lines.
fn play(receipt: Receipt, count: usize, fates: &[Fate]) -> Told {
    let texts: Vec<String> = (0..count).map(|number| format!("line {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut scene = Scene::new(receipt, &texts);
    let mut told = Told::default();
    let mut fates = fates.iter().copied().cycle();
    for _ in 0..10 * count + 10 {
        while let Some(next) = scene.speech.next_line(receipt, scene.now) {
            let line = next.line.to_string();
            if let Some(token) = line.strip_prefix("PING ") {
                told.hear(scene.speech.pong(token, false, scene.now));
                continue;
            }
            let (label, text) = line.split_once(" :").expect("a line of talk");
            let label = label.strip_prefix("@label=").and_then(|rest| rest.split(' ').next());
            let meant = label.map_or(Meant::Place(TEA), Meant::Label);
            let fate = fates.next().expect("a cycle");
            if matches!(fate, Fate::Echo | Fate::EchoAltered | Fate::Mute) {
                told.taken.push(text.to_owned());
            }
            let echoes = receipt != Receipt::Fence;
            let shown = if matches!(fate, Fate::EchoAltered) { "****" } else { text };
            let verdict = match fate {
                Fate::Echo | Fate::EchoAltered if echoes => {
                    scene.speech.echoed(TEA, label, (Kind::Talk, shown), Mark::default())
                }
                Fate::Drop => label.and_then(|label| scene.speech.answered(label, scene.now)),
                Fate::Object => scene.speech.object(meant, Objection::read("404", "no"), scene.now),
                Fate::TooFast => scene.speech.object(meant, Objection::read("439", ""), scene.now),
                Fate::Echo | Fate::EchoAltered | Fate::Mute => None,
            };
            told.hear(verdict);
        }
        for verdict in scene.wait(5).verdicts {
            told.hear(Some(verdict));
        }
    }
    told
}

proptest! {
    #[test]
    fn whatever_the_server_does_each_delivery_ends_once_and_is_said_only_if_it_was_taken(
        receipt in prop_oneof![Just(LABEL), Just(Receipt::Echo), Just(Receipt::Fence)],
        count in 1..5_usize,
        fates in prop::collection::vec(fates(), 1..8),
    ) {
        // Without receipts, a line that is dropped in silence is taken for said: no server tells.
        let honest = receipt != Receipt::Fence || !fates.iter().any(|it| matches!(it, Fate::Drop));
        let told = play(receipt, count, &fates);
        prop_assert_eq!(told.ended, 1, "{:?}", told);
        prop_assert!(!told.said || !honest || told.taken.len() == count, "{:?}", told);
        let mut once = told.taken.clone();
        once.dedup();
        prop_assert_eq!(once.len(), told.taken.len(), "nothing is said twice");
    }
}
