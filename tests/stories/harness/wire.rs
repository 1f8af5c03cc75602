//! One connection: its machine, and what was sent over it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use letsbridge::protocol::irc;
use letsbridge::protocol::{Input, Machine, Output};

/// One connection: its machine while it is there, and what was sent over it.
pub(super) struct Wire<M> {
    pub(super) name: String,
    pub(super) machine: Option<M>,
    pub(super) sent: VecDeque<String>,
    /// When the connection began.
    since: Instant,
    /// How many lines of each kind it has sent that the story need not tell of.
    unheard: BTreeMap<&'static str, u32>,
}

impl<M> Wire<M> {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            machine: None,
            sent: VecDeque::new(),
            since: Instant::now(),
            unheard: BTreeMap::new(),
        }
    }
}

impl<M> Wire<M> {
    /// A new connection, which has sent nothing.
    pub(super) fn connect(&mut self, machine: M, now: Instant) {
        self.machine = Some(machine);
        self.since = now;
        self.unheard.clear();
    }

    /// Drops lines that the story need not tell of. Panics if there are too many of them.
    #[track_caller]
    pub(super) fn hush(&mut self, now: Instant, kind: Silence, is_dropped: impl Fn(&str) -> bool) {
        let before = self.sent.len();
        self.sent.retain(|line| !is_dropped(line));
        let lines = u32::try_from(before - self.sent.len()).unwrap();
        if lines == 0 {
            return;
        }
        let sent = self.unheard.entry(kind.what).or_default();
        *sent += lines;
        let passed = now.saturating_duration_since(self.since);
        let bound = u64::from(kind.at_once) + passed.as_secs() / kind.every.as_secs();
        let (name, what) = (&self.name, kind.what);
        assert!(u64::from(*sent) <= bound, "{name}: {sent} {what} lines in {passed:?}");
    }
}

/// Lines of one kind that stories need not tell of, and how many of them one connection may send.
#[derive(Clone, Copy)]
pub(super) struct Silence {
    pub(super) what: &'static str,
    /// So many at any time.
    pub(super) at_once: u32,
    /// One more for each of these that has passed since the connection began.
    pub(super) every: Duration,
}

/// Who is where: WHO, WHOIS and NAMES.
pub(super) const WHO: Silence =
    Silence { what: "question", at_once: 4, every: Duration::from_secs(60) };

/// Which modes a channel has.
pub(super) const MODES: Silence =
    Silence { what: "MODE", at_once: 6, every: Duration::from_secs(60) };

/// Whether the other side is alive.
pub(super) const PINGS: Silence =
    Silence { what: "ping", at_once: 2, every: Duration::from_secs(20) };

/// How the bridge asks who is where.
const QUESTIONS: [&str; 3] = ["WHO ", "WHOIS ", "NAMES "];

/// Whether the line asks who is where.
pub(super) fn is_question(line: &str) -> bool {
    QUESTIONS.iter().any(|it| line.starts_with(it)) && line != "WHOIS NickServ"
}

/// Whether the line asks which modes a channel has.
pub(super) fn asks_modes(line: &str) -> bool {
    line.starts_with("MODE ") && line.split(' ').count() == 2
}

pub(super) fn tick<M: Machine>(wire: &mut Wire<M>, now: Instant) {
    if let Some(machine) = &mut wire.machine {
        machine.handle_input(now, Input::Timeout);
    }
}

pub(super) fn resume<M: Machine>(wire: &mut Wire<M>, now: Instant) {
    if let Some(machine) = &mut wire.machine {
        machine.handle_input(now, Input::Resumed);
    }
}

pub(super) fn drain<M: Machine>(
    wire: &mut Wire<M>,
    text: impl Fn(&M::Transmit) -> String,
    mut event: impl FnMut(M::Event),
) {
    let mut closed = false;
    while let Some(output) = wire.machine.as_mut().and_then(Machine::poll_output) {
        match output {
            Output::Transmit(frame) => wire.sent.push_back(text(&frame)),
            Output::Event(it) => event(it),
            Output::Close(why) => {
                wire.sent.push_back(format!("closed: {why}"));
                closed = true;
            }
        }
    }
    if closed {
        wire.machine = None;
    }
}

#[test]
#[should_panic(expected = "office: 5 question lines in 0ns")]
fn a_flood_of_questions_fails_a_story_that_does_not_tell_of_them() {
    let mut wire = Wire::<irc::IrcSession>::new("office");
    wire.sent.extend((0..5).map(|_| "WHO #tea %tcuhnfar,1".to_owned()));
    wire.hush(wire.since, WHO, is_question);
}
