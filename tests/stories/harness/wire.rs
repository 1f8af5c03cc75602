//! One connection: its machine, and what was sent over it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use letsbridge::protocol::irc;
use letsbridge::protocol::{Input, Machine, Output};

/// One connection: its machine while it exists, and what was sent over it.
pub(super) struct Wire<M> {
    pub(super) name: String,
    pub(super) machine: Option<M>,
    pub(super) sent: VecDeque<String>,
    /// The machine has let go of it, and another program is to take it over.
    pub(super) is_released: bool,
    /// When the connection began.
    since: Instant,
    /// How many lines of each kind it has sent that the story may omit.
    untold: BTreeMap<&'static str, u32>,
}

impl<M> Wire<M> {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            machine: None,
            sent: VecDeque::new(),
            is_released: false,
            since: Instant::now(),
            untold: BTreeMap::new(),
        }
    }

    /// A new connection, which has sent nothing.
    pub(super) fn connect(&mut self, machine: M, now: Instant) {
        self.machine = Some(machine);
        self.since = now;
        self.untold.clear();
    }

    /// Drops lines that the story may omit. Panics if there are too many of them.
    #[track_caller]
    pub(super) fn drop_untold(
        &mut self,
        now: Instant,
        kind: Allowance,
        is_dropped: impl Fn(&str) -> bool,
    ) {
        let before = self.sent.len();
        self.sent.retain(|line| !is_dropped(line));
        let lines = u32::try_from(before - self.sent.len()).unwrap();
        if lines == 0 {
            return;
        }
        let sent = self.untold.entry(kind.what).or_default();
        *sent += lines;
        let passed = now.saturating_duration_since(self.since);
        let bound = u64::from(kind.at_once) + passed.as_secs() / kind.every.as_secs();
        let (name, what) = (&self.name, kind.what);
        assert!(u64::from(*sent) <= bound, "{name}: {sent} {what} lines in {passed:?}");
    }
}

/// Lines of one kind that stories may omit, and how many of them one connection may send.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    pub(super) what: &'static str,
    /// This many at any time.
    pub(super) at_once: u32,
    /// One more for each such time that has passed since the connection began.
    pub(super) every: Duration,
}

/// Queries of users: WHO, WHOIS and NAMES.
pub(super) const WHO: Allowance =
    Allowance { what: "WHO", at_once: 4, every: Duration::from_secs(60) };

/// Queries of the modes of channels.
pub(super) const MODES: Allowance =
    Allowance { what: "MODE", at_once: 6, every: Duration::from_secs(60) };

/// Pings.
pub(super) const PINGS: Allowance =
    Allowance { what: "ping", at_once: 2, every: Duration::from_secs(20) };

/// How the bridge queries users.
const USER_QUERIES: [&str; 3] = ["WHO ", "WHOIS ", "NAMES "];

/// Whether the line queries users.
pub(super) fn is_user_query(line: &str) -> bool {
    USER_QUERIES.iter().any(|it| line.starts_with(it)) && line != "WHOIS NickServ"
}

/// Whether the line queries the modes of a channel.
pub(super) fn is_mode_query(line: &str) -> bool {
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
            Output::Close(reason) => {
                wire.sent.push_back(format!("closed: {reason}"));
                closed = true;
            }
            Output::Release => wire.is_released = true,
        }
    }
    if closed {
        wire.machine = None;
    }
}

#[test]
#[should_panic(expected = "office: 5 WHO lines in 0ns")]
fn too_many_omitted_queries_fail_the_story() {
    let mut wire = Wire::<irc::IrcSession>::new("office");
    wire.sent.extend((0..5).map(|_| "WHO #tea %tcuhnfar,1".to_owned()));
    wire.drop_untold(wire.since, WHO, is_user_query);
}
