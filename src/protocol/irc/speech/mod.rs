//! Deliveries on their way to the server, and how we learn that they have arrived.

mod saying;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Scope;
use super::heard;
use super::line::Line;
use super::objection::Objection;
use super::pacing::{Pacer, Weight};
use crate::domain::{DeliveryId, EndpointId, MessageKind};

pub(super) use saying::Utterance;
use saying::{FENCE, Saying};

/// How the server tells us that it has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    /// It answers the line's label: with the line itself, if it echoes.
    Label {
        /// Whether it does.
        echo: bool,
    },
    /// It sends the line back.
    Echo,
    /// Only by reading a PING behind the lines.
    Fence,
}

/// What the server knows a line by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The server's id for it, where it gives one (IRCv3 `msgid`).
    pub msgid: Option<String>,
    /// When it was said, where the server says so (IRCv3 `server-time`).
    pub time: Option<Timestamp>,
}

/// What the server made of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) ticket: DeliveryId,
    pub(super) place: EndpointId,
    pub(super) outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has so much of the body; the rest follows.
    Partly { end: usize, mark: Mark },
    /// It has all of it.
    Said { mark: Mark },
    /// It will not have it.
    Refused(String),
    /// It will have it, but not under another nick.
    Voiceless { why: String, scope: Scope },
    /// It will not have it now, but perhaps after this time.
    Later { why: String, after: Duration },
}

impl From<Objection> for Outcome {
    fn from(Objection { why, later, voiceless }: Objection) -> Self {
        match (voiceless, later) {
            (Some(scope), _) => Self::Voiceless { why, scope },
            (None, Some(after)) => Self::Later { why, after },
            (None, None) => Self::Refused(why),
        }
    }
}

/// Whose a line under our nick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// One that we have sent.
    Ours,
    /// Perhaps the one under way, in other words.
    Perhaps,
    /// None of ours: another client of the same user says it.
    Foreign,
}

/// Which line the server means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meant<'a> {
    /// The one with this label.
    Label(&'a str),
    /// One of those to this place.
    Place(EndpointId),
    /// It does not say.
    Some,
}

/// How long a receipt may take before we ask by a PING whether there will be one.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(5);

/// How long the PONG may take before we give up on the server.
const FENCE_PATIENCE: Duration = Duration::from_secs(120);

/// How long an echo may take behind a bouncer, which answers a PING ahead of its server.
const BOUNCER_PATIENCE: Duration = Duration::from_secs(30);

/// How often a delivery may be put off.
const MOST_LATER: u32 = 5;

/// How many lines that have not come back are remembered.
const MOST_UNSEEN: usize = 64;

/// Deliveries on their way to the server.
///
/// Where the server gives receipts, one line of a delivery is under way at a time, so that at most
/// one is ever in doubt and nothing is said behind a line that was refused. A receipt that does not
/// come is asked for by a PING: a server reads in order, so its PONG says that the line was read.
/// A batch of several lines is as one line here. One is under way at a time: which of two a server
/// refuses, it need not say.
/// Where there are no receipts, a few lines are sent one behind the other with a PING at their end;
/// its PONG says that all were read, and any objection to them has come before it.
///
/// ```text
///         line               receipt, lines left: Partly
///  ready ──────▶ Sent ────────────────────────────────────▶ ready
///                 │  └── receipt of the last line ────────▶ Said
///                 │ no receipt in time: PING
///                 ▼          PONG
///               Fenced ───────────────────────────────────▶ Said | Partly | Refused | Later
///                 │ PONG of a bouncer
///                 ▼          receipt, or none in time
///               Grace ────────────────────────────────────▶ Said | Partly | Refused
/// ```
#[derive(Debug, Default)]
pub(super) struct Speech {
    ready: VecDeque<Saying>,
    /// What is asked behind the lines of a place.
    pings: VecDeque<(EndpointId, Line)>,
    waiting: HashMap<EndpointId, Waiting>,
    due: BTreeSet<(Instant, EndpointId)>,
    /// Who was put off, until when.
    held: BTreeSet<(Instant, EndpointId)>,
    /// How often in a row.
    put_off: HashMap<EndpointId, (DeliveryId, u32)>,
    /// What was said lately, and has not come back: it still may.
    unseen: VecDeque<(EndpointId, MessageKind, String)>,
    /// Where a line in other words was taken for the one under way.
    taken: Option<EndpointId>,
}

/// A delivery that waits for the server.
#[derive(Debug)]
struct Waiting {
    saying: Saying,
    stage: Stage,
    due: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sent,
    Fenced,
    Grace,
}

/// What time has brought.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) verdicts: Vec<Verdict>,
    /// Where it may be tried again.
    pub(super) again: Vec<EndpointId>,
    /// A PING was not answered.
    pub(super) stalled: bool,
}

/// What is to be sent now.
#[derive(Debug)]
pub(super) struct Next {
    /// A line, or all that nothing may come between.
    pub(super) lines: Vec<Line>,
    /// Where it is said, or what it is asked about.
    pub(super) place: Option<EndpointId>,
    /// The delivery that it is the first, or the next, line of.
    pub(super) speaking: Option<DeliveryId>,
}

impl Next {
    /// What is said nowhere.
    pub(super) fn aside(line: Line) -> Self {
        Self { lines: vec![line], place: None, speaking: None }
    }
}

impl Speech {
    pub(super) fn push(&mut self, ticket: DeliveryId, place: EndpointId, lines: Vec<Utterance>) {
        self.ready.push_back(Saying::new(ticket, place, lines));
    }

    /// Who most urgently has something to say, as `weight` weighs channels; `None` for nobody.
    pub(super) fn urgency(&self, weight: impl Fn(EndpointId) -> Weight) -> Option<Weight> {
        let asks = |urgent| self.pings.iter().any(|(place, _)| weight(*place) == urgent);
        let says = |urgent| self.may_begin(|saying| saying.weight(&weight) == urgent).is_some();
        [Weight::Light, Weight::Heavy].into_iter().find(|urgent| asks(*urgent) || says(*urgent))
    }

    /// The next line. Channels take turns, so that a long text in one does not hold up another; but
    /// who weighs more than `pacer` allows now is passed over, with what is asked behind its lines:
    /// that costs as much as they do.
    pub(super) fn next_line(
        &mut self,
        receipt: Receipt,
        pacer: &Pacer,
        now: Instant,
    ) -> Option<Next> {
        let weight = |place| pacer.weight(place, now);
        let asked = self.pings.iter().position(|(place, _)| pacer.may(weight(*place), now));
        if let Some((place, ping)) = asked.and_then(|at| self.pings.remove(at)) {
            return Some(Next { place: Some(place), ..Next::aside(ping) });
        }
        let at = self.may_begin(|saying| pacer.may(saying.weight(weight), now))?;
        let mut saying = self.ready.remove(at)?;
        let lines = saying.send(receipt)?;
        if let Some((kind, text)) = saying.under_way() {
            if self.unseen.len() >= MOST_UNSEEN {
                self.unseen.pop_front();
            }
            self.unseen.push_back((saying.place, kind, text.to_owned()));
        }
        let (place, speaking) = (Some(saying.place), Some(saying.ticket));
        if !saying.is_fenced() {
            self.wait(saying, Stage::Sent, now + RECEIPT_PATIENCE);
        } else if saying.is_at_fence() {
            self.pings.push_back((saying.place, ping(&saying)));
            self.wait(saying, Stage::Fenced, now + FENCE_PATIENCE);
        } else {
            self.ready.push_back(saying);
        }
        Some(Next { lines, place, speaking })
    }

    /// The server will have no batch: it is said line by line, and so is every other. Says whether
    /// one was under way.
    pub(super) fn unbatch(&mut self) -> bool {
        let mut waiting = self.waiting.values().map(|waiting| &waiting.saying);
        let refused = waiting.find(|saying| saying.is_in_batch()).map(|saying| saying.place);
        if let Some(Waiting { saying, .. }) = refused.and_then(|place| self.take(place)) {
            self.ready.push_front(saying);
        }
        let waiting = self.waiting.values_mut().map(|waiting| &mut waiting.saying);
        self.ready.iter_mut().chain(waiting).for_each(Saying::unbatch);
        refused.is_some()
    }

    /// What has not been sent of what is said in `place` is not to be. Nothing, where all of it was.
    pub(super) fn withdraw(&mut self, place: EndpointId, why: &str) -> Option<Verdict> {
        let at = self.ready.iter().position(|saying| saying.place == place)?;
        let saying = self.ready.remove(at)?;
        let objection = Objection { why: why.to_owned(), later: None, voiceless: None };
        let outcome = Outcome::from(objection);
        Some(Verdict { ticket: saying.ticket, place, outcome })
    }

    /// A line under our nick came from `place`.
    pub(super) fn echoed(
        &mut self,
        place: EndpointId,
        label: Option<&str>,
        (kind, text): (MessageKind, &str),
        mark: Mark,
    ) -> (Option<Verdict>, Claim) {
        let seen = self.unseen.iter().position(|(said_in, as_kind, said)| {
            (*said_in, *as_kind) == (place, kind) && heard::same_text(said, text)
        });
        if let Some(at) = seen {
            self.unseen.remove(at);
        }
        let Some(Waiting { saying, .. }) = self.waiting.get_mut(&place) else {
            // Late, or of a server that sends lines back although it does not say so.
            let ours = seen.is_some() || label.is_some();
            return (None, if ours { Claim::Ours } else { Claim::Foreign });
        };
        if saying.echoed(label, kind, text) {
            let outcome = saying.accept(mark);
            return (self.resolve(place, outcome, None), Claim::Ours);
        }
        let claim = match (seen.is_some() || label.is_some(), saying.may_be_changed()) {
            (true, _) => Claim::Ours,
            (false, true) => Claim::Perhaps,
            (false, false) => Claim::Foreign,
        };
        (None, claim)
    }

    /// Whether a line in other words was taken for the one that was under way in `place`.
    pub(super) fn took_stranger(&mut self, place: EndpointId) -> bool {
        self.taken.take_if(|taken| *taken == place).is_some()
    }

    /// The server has answered `label` in full, without the line itself.
    pub(super) fn answered(&mut self, label: &str, now: Instant) -> Option<Verdict> {
        let place = self.labeled(label)?;
        let outcome = self.waiting.get_mut(&place)?.saying.answered();
        self.resolve(place, outcome, Some(now))
    }

    /// The server objects.
    pub(super) fn object(
        &mut self,
        meant: Meant<'_>,
        objection: Objection,
        now: Instant,
    ) -> Option<Verdict> {
        let place = match meant {
            Meant::Label(label) => self.labeled(label)?,
            Meant::Place(place) => place,
            // A server reads in order: the line that has waited longest.
            Meant::Some => self.oldest()?,
        };
        let Some(waiting) = self.waiting.get_mut(&place) else {
            let mut begun = self.ready.iter_mut().filter(|it| it.is_begun() && it.is_fenced());
            begun.find(|saying| saying.place == place)?.object(objection);
            return None;
        };
        if waiting.saying.is_fenced() {
            waiting.saying.object(objection);
            return None;
        }
        let outcome = waiting.saying.refuse(objection);
        self.resolve(place, outcome, Some(now))
    }

    /// The server has read our PING `token`.
    pub(super) fn pong(&mut self, token: &str, bouncer: bool, now: Instant) -> Option<Verdict> {
        token.strip_prefix(FENCE)?;
        let fenced = self.waiting.values_mut().filter(|waiting| waiting.stage == Stage::Fenced);
        let waiting = fenced.into_iter().find(|waiting| waiting.saying.fence() == token)?;
        let place = waiting.saying.place;
        if bouncer && !waiting.saying.is_fenced() && !waiting.saying.has_strangers() {
            let Waiting { saying, .. } = self.take(place)?;
            self.wait(saying, Stage::Grace, now + BOUNCER_PATIENCE);
            return None;
        }
        self.taken = waiting.saying.takes_stranger().then_some(place);
        let outcome = waiting.saying.fenced();
        self.resolve(place, outcome, Some(now))
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Passed {
        let mut passed = Passed::default();
        while let Some((_, place)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            let Some(Waiting { mut saying, stage, .. }) = self.take(place) else { break };
            match stage {
                Stage::Sent => {
                    self.pings.push_back((saying.place, ping(&saying)));
                    self.wait(saying, Stage::Fenced, now + FENCE_PATIENCE);
                }
                Stage::Grace => {
                    self.taken = saying.takes_stranger().then_some(place).or(self.taken);
                    let outcome = saying.fenced();
                    self.wait(saying, stage, now);
                    passed.verdicts.extend(self.resolve(place, outcome, Some(now)));
                }
                Stage::Fenced => passed.stalled = true,
            }
        }
        while let Some((until, place)) = self.held.first().copied().filter(|(at, _)| *at <= now) {
            self.held.remove(&(until, place));
            passed.again.push(place);
        }
        passed
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = |set: &BTreeSet<(Instant, EndpointId)>| set.first().map(|(at, _)| *at);
        [first(&self.due), first(&self.held)].into_iter().flatten().min()
    }

    /// Which of those that are ready, and that `may`, is next.
    fn may_begin(&self, may: impl Fn(&Saying) -> bool) -> Option<usize> {
        let batch = self.waiting.values().any(|waiting| waiting.saying.is_in_batch());
        self.ready.iter().position(|saying| !(saying.begins_batch() && batch) && may(saying))
    }

    fn labeled(&self, label: &str) -> Option<EndpointId> {
        let mut waiting = self.waiting.values().map(|waiting| &waiting.saying);
        waiting.find(|it| !it.is_fenced() && it.label() == label).map(|saying| saying.place)
    }

    fn oldest(&self) -> Option<EndpointId> {
        let begun = self.ready.iter().find(|saying| saying.is_begun() && saying.is_fenced());
        // Those that wait were sent before those of which lines are left, and their dues in turn.
        self.due.first().map(|(_, place)| *place).or_else(|| begun.map(|saying| saying.place))
    }

    fn wait(&mut self, saying: Saying, stage: Stage, due: Instant) {
        let place = saying.place;
        self.take(place);
        self.due.insert((due, place));
        self.waiting.insert(place, Waiting { saying, stage, due });
    }

    fn take(&mut self, place: EndpointId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&place)?;
        self.due.remove(&(waiting.due, place));
        Some(waiting)
    }

    /// `outcome` ends the waiting at `place`.
    fn resolve(
        &mut self,
        place: EndpointId,
        mut outcome: Outcome,
        now: Option<Instant>,
    ) -> Option<Verdict> {
        let Waiting { saying, .. } = self.take(place)?;
        let ticket = saying.ticket;
        match &mut outcome {
            Outcome::Partly { .. } => self.ready.push_back(saying),
            Outcome::Later { why, after } => {
                let put_off = self.put_off.entry(place).or_insert((ticket, 0));
                let times = if put_off.0 == ticket { put_off.1 + 1 } else { 1 };
                *put_off = (ticket, times);
                if times > MOST_LATER {
                    outcome = Outcome::Refused(std::mem::take(why));
                } else {
                    self.held.extend(now.map(|now| (now + *after, place)));
                }
            }
            Outcome::Said { .. } | Outcome::Refused(_) | Outcome::Voiceless { .. } => {}
        }
        if !matches!(outcome, Outcome::Partly { .. } | Outcome::Later { .. }) {
            self.put_off.remove(&place);
        }
        Some(Verdict { ticket, place, outcome })
    }
}

fn ping(saying: &Saying) -> Line {
    Line::new("PING", &[&saying.fence()]).expect("letters, digits and dots make a line")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::irc::line::SafeText;
    use crate::protocol::irc::pacing::{Lesson, Pace};

    const TEA: EndpointId = EndpointId(1);
    const DEV: EndpointId = EndpointId(2);
    const LABEL: Receipt = Receipt::Label { echo: true };

    fn utterances(texts: &[&str]) -> Vec<Utterance> {
        let mut end = 0;
        let utterance = |text: &&str| {
            end += text.len();
            let line = Line::message(MessageKind::Text, "#tea", &SafeText::sanitize(text));
            let (lines, text) = (vec![line], (*text).to_owned());
            Utterance { lines, kind: MessageKind::Text, text, end, plain: Vec::new() }
        };
        texts.iter().map(utterance).collect()
    }

    /// A speech of these lines as delivery 1, to be confirmed by `receipt`.
    struct Scene {
        speech: Speech,
        receipt: Receipt,
        pacer: Pacer,
        now: Instant,
    }

    impl Scene {
        fn new(receipt: Receipt, texts: &[&str]) -> Self {
            let mut speech = Speech::default();
            if !texts.is_empty() {
                speech.push(DeliveryId(1), TEA, utterances(texts));
            }
            let now = Instant::now();
            let pacer = Pacer::new(Pace::Off, Lesson::none(now), now);
            Self { speech, receipt, pacer, now }
        }

        fn sent(&mut self) -> Vec<String> {
            let next = || Some(self.speech.next_line(self.receipt, &self.pacer, self.now)?.lines);
            std::iter::from_fn(next).flatten().map(|line| line.to_string()).collect()
        }

        fn wait(&mut self, seconds: u64) -> Passed {
            self.now += Duration::from_secs(seconds);
            self.speech.tick(self.now)
        }

        fn echo(&mut self, label: Option<&str>, text: &str) -> Option<Outcome> {
            let mark = Mark::default();
            Some(self.speech.echoed(TEA, label, (MessageKind::Text, text), mark).0?.outcome)
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
        scene.speech.push(DeliveryId(2), DEV, utterances(&["b1"]));
        let said = scene.sent();
        let said: Vec<&str> =
            said.iter().map(|l| l.rsplit([':', ' ']).next().expect("a word")).collect();
        assert_eq!(said, ["a1", "b1", "said-2", "a2", "a3", "said-1"]);
    }

    #[test]
    fn whoever_says_less_than_their_share_does_not_wait_for_a_backlog() {
        let mut scene = Scene::new(Receipt::Fence, &[]);
        let now = scene.now;
        scene.pacer = Pacer::new(Pace::Standard, Lesson::none(now), now);
        let is_free = |speech: &Speech, place: EndpointId| {
            let ready = speech.ready.iter().any(|saying| saying.place == place);
            !ready && !speech.waiting.contains_key(&place)
        };
        let mut said = [0, 0];
        for tenth in 0..1_200 {
            scene.now = now + Duration::from_millis(100) * tenth;
            if is_free(&scene.speech, TEA) {
                scene.speech.push(DeliveryId(1), TEA, utterances(&["one of thousands"]));
            }
            if tenth % 60 == 50 {
                assert!(is_free(&scene.speech, DEV), "after {tenth} tenths of a second");
                scene.speech.push(DeliveryId(2), DEV, utterances(&["now and then"]));
            }
            while scene.pacer.may(Weight::Light, scene.now)
                && let Some(next) = scene.speech.next_line(scene.receipt, &scene.pacer, scene.now)
            {
                scene.pacer.spend(next.lines[0].len(), next.place, scene.now);
                let line = next.lines[0].to_string();
                line.strip_prefix("PING ").map(|token| scene.pong(token));
                said[usize::from(next.place == Some(DEV))] += 1;
            }
            let waits = scene.speech.ready.iter().any(|saying| saying.place == DEV);
            assert!(!waits, "after {tenth} tenths of a second");
        }
        assert_eq!(said[1], 40);
        assert!(said[0] >= 75, "what is left is for the backlog: {said:?}");
    }

    /// Two lines in one batch.
    fn batch() -> Vec<Utterance> {
        let plain = utterances(&["a", "b"]);
        let (lines, text) = (plain[0].lines.clone(), "a\nb".to_owned());
        vec![Utterance { lines, kind: MessageKind::Text, text, end: 2, plain }]
    }

    #[test]
    fn one_batch_is_under_way_at_a_time() {
        let mut scene = Scene::new(LABEL, &[]);
        for (ticket, place) in [(2, TEA), (3, DEV)] {
            scene.speech.push(DeliveryId(ticket), place, batch());
        }
        scene.speech.push(DeliveryId(4), EndpointId(3), utterances(&["c"]));
        let sent = scene.sent();
        assert_eq!(sent, ["@label=2.1 PRIVMSG #tea :a", "@label=4.1 PRIVMSG #tea :c"]);
        assert_eq!(scene.speech.urgency(|_| Weight::Light), None);
        assert_eq!(scene.echo(Some("2.1"), "a\nb"), said());
        assert_eq!(scene.sent(), ["@label=3.1 PRIVMSG #tea :a"]);
    }

    #[test]
    fn a_batch_that_is_refused_is_said_line_by_line_under_new_labels() {
        let mut scene = Scene::new(LABEL, &[]);
        scene.speech.push(DeliveryId(2), TEA, batch());
        scene.speech.push(DeliveryId(3), DEV, batch());
        scene.sent();
        assert!(scene.speech.unbatch());
        assert!(!scene.speech.unbatch(), "of one batch there may be several complaints");
        assert_eq!(scene.sent(), ["@label=2.2 PRIVMSG #tea :a", "@label=3.1 PRIVMSG #tea :a"]);
        assert_eq!(scene.echo(Some("2.2"), "a"), partly(1));
        assert_eq!(scene.sent(), ["@label=2.3 PRIVMSG #tea :b"]);
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
            scene.speech.push(DeliveryId(1), TEA, utterances(&["a"]));
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
                Some(Outcome::Refused(_) | Outcome::Voiceless { .. }) => self.ended += 1,
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
            while let Some(next) = scene.speech.next_line(receipt, &scene.pacer, scene.now) {
                let line = next.lines[0].to_string();
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
                        scene
                            .speech
                            .echoed(TEA, label, (MessageKind::Text, shown), Mark::default())
                            .0
                    }
                    Fate::Drop => label.and_then(|label| scene.speech.answered(label, scene.now)),
                    Fate::Object => {
                        scene.speech.object(meant, Objection::read("404", "no"), scene.now)
                    }
                    Fate::TooFast => {
                        scene.speech.object(meant, Objection::read("439", ""), scene.now)
                    }
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
}
