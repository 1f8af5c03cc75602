use std::time::{Duration, Instant};

use crate::domain::Casemapping;
use crate::protocol::Backoff;
use crate::protocol::irc::registration::Words;

/// How often to look whether the nick is free, where the server does not tell by itself, and again
/// where it does.
const LOOK: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// How long services may take to free the nick.
const SERVICES: Duration = Duration::from_secs(10);

/// How long the server may take to answer our NICK or ISON.
const ANSWER: Duration = Duration::from_secs(30);

/// Whoever has kept a nick for so long was not made to give it up for having it.
const KEPT: Duration = Duration::from_secs(3_600);

/// Gets the wished nick back when somebody else has it, without ever fighting for it.
///
/// ```text
///               not the wished                   it is free               NICK is ours
///  Content ───────────────────────▶ Waiting ─────────────────▶ Trying ──────────────────▶ Content
///     ▲                              ▲  │ somebody has it       │ refused
///     │                              └──┴──── later and later ◀─┘
///     └─ services have renamed us ──────┘
/// ```
///
/// That it is free is told by MONITOR, where there is that (<https://ircv3.net/specs/extensions/monitor>),
/// by the QUIT or NICK of who had it, or by ISON. Where services know us, they are asked to free it.
/// Whenever we lose it again soon, we wait longer before the next try.
#[derive(Debug)]
pub(in crate::protocol::irc) struct Regain {
    wished: String,
    state: State,
    /// Waits between our tries.
    tries: Backoff,
    /// Waits between what we ask of services.
    help: Backoff,
    help_from: Option<Instant>,
    had_since: Option<Instant>,
    watched: bool,
    chance: fastrand::Rng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// We go by it, or mean to leave it at what we go by.
    Content,
    /// Until then: before `quiet` is over, not even if it is free.
    Waiting { until: Instant, quiet: bool },
    /// We have asked for it.
    Trying { until: Instant },
}

/// What helps.
#[derive(Debug, Clone)]
pub(in crate::protocol::irc) struct Means {
    /// The server tells by itself who comes and goes.
    pub(in crate::protocol::irc) monitor: bool,
    /// How services, who know us, are asked to free it.
    pub(in crate::protocol::irc) services: Option<(String, String)>,
}

impl Regain {
    pub(in crate::protocol::irc) fn new(wished: &str, seed: u64) -> Self {
        Self {
            wished: wished.to_owned(),
            state: State::Content,
            tries: Backoff::new(LOOK, Duration::from_secs(3_600)),
            help: Backoff::new(Duration::from_secs(120), Duration::from_secs(3_600)),
            help_from: None,
            had_since: None,
            watched: false,
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    /// We are let in as `nick`, on a server where a nick has at most `most` bytes.
    pub(in crate::protocol::irc) fn begin(
        &mut self,
        nick: &str,
        most: Option<usize>,
        casemapping: Casemapping,
        means: &Means,
        now: Instant,
    ) -> Vec<Words> {
        if let Some(most) = most {
            while self.wished.len() > most {
                self.wished.pop();
            }
        }
        if casemapping.same(nick, &self.wished) {
            self.had_since = Some(now);
            return Vec::new();
        }
        self.watch(means, now)
    }

    /// What we wish to be called.
    pub(in crate::protocol::irc) fn wished(&self) -> &str {
        &self.wished
    }

    /// Whether we want the nick that `nick` is.
    pub(in crate::protocol::irc) fn wants(&self, nick: &str, casemapping: Casemapping) -> bool {
        self.state != State::Content && casemapping.same(nick, &self.wished)
    }

    /// We go by `nick` now, whoever wanted that.
    pub(in crate::protocol::irc) fn renamed(
        &mut self,
        nick: &str,
        casemapping: Casemapping,
        means: &Means,
        now: Instant,
    ) -> Vec<Words> {
        if casemapping.same(nick, &self.wished) {
            self.state = State::Content;
            self.had_since = Some(now);
            let unwatch = vec!["-".to_owned(), self.wished.clone()];
            return if std::mem::take(&mut self.watched) {
                vec![("MONITOR", unwatch)]
            } else {
                Vec::new()
            };
        }
        let Some(since) = self.had_since.take() else { return Vec::new() };
        // Somebody would not let us have it. They may be right.
        if now.saturating_duration_since(since) >= KEPT {
            self.tries.reset();
        }
        let words = self.watch(means, now);
        let wait = self.tries.next_delay(&mut self.chance);
        self.state = State::Waiting { until: now + wait, quiet: true };
        words
    }

    /// Nobody goes by it.
    pub(in crate::protocol::irc) fn free(&mut self, now: Instant) -> Vec<Words> {
        match self.state {
            State::Waiting { until, quiet } if !quiet || now >= until => {
                self.state = State::Trying { until: now + ANSWER };
                vec![("NICK", vec![self.wished.clone()])]
            }
            _ => Vec::new(),
        }
    }

    /// Somebody goes by it.
    pub(in crate::protocol::irc) fn taken(&mut self, means: &Means, now: Instant) -> Vec<Words> {
        if !matches!(self.state, State::Waiting { quiet: false, .. }) {
            return Vec::new();
        }
        let helped = self.help_from.is_none_or(|from| now >= from);
        if let Some((services, command)) = means.services.as_ref().filter(|_| helped) {
            self.help_from = Some(now + self.help.next_delay(&mut self.chance));
            self.state = State::Waiting { until: now + SERVICES, quiet: false };
            return vec![("PRIVMSG", vec![services.clone(), command.clone()])];
        }
        let wait = if means.monitor { LOOK_AGAIN } else { LOOK };
        self.state = State::Waiting { until: now + wait, quiet: false };
        Vec::new()
    }

    /// The server will not have a nick. Says whether it was the one that we asked for.
    pub(in crate::protocol::irc) fn refused(&mut self, now: Instant) -> bool {
        let asked = matches!(self.state, State::Trying { .. });
        if asked {
            let wait = self.tries.next_delay(&mut self.chance);
            self.state = State::Waiting { until: now + wait, quiet: false };
        }
        asked
    }

    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) -> Vec<Words> {
        match self.state {
            State::Trying { until } if now >= until => {
                self.refused(now);
                Vec::new()
            }
            State::Waiting { until, .. } if now >= until => {
                self.state = State::Waiting { until: now + LOOK, quiet: false };
                vec![("ISON", vec![self.wished.clone()])]
            }
            _ => Vec::new(),
        }
    }

    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Content => None,
            State::Waiting { until, .. } | State::Trying { until } => Some(until),
        }
    }

    /// Begins to look when it is free.
    fn watch(&mut self, means: &Means, now: Instant) -> Vec<Words> {
        self.state = State::Waiting { until: now + LOOK, quiet: false };
        if !means.monitor {
            return vec![("ISON", vec![self.wished.clone()])];
        }
        self.watched = true;
        vec![("MONITOR", vec!["+".to_owned(), self.wished.clone()])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Casemapping = Casemapping::Ascii;

    fn means(monitor: bool, services: bool) -> Means {
        let services = services.then(|| ("NickServ".to_owned(), "GHOST bridge".to_owned()));
        Means { monitor, services }
    }

    fn said(words: Vec<Words>) -> Vec<String> {
        let line = |(command, params): Words| format!("{command} {}", params.join(" "));
        words.into_iter().map(line).collect()
    }

    /// One that has begun as `bridge_`.
    fn begun(means: &Means, now: Instant) -> (Regain, Vec<String>) {
        let mut regain = Regain::new("bridge", 1);
        let words = regain.begin("bridge_", Some(30), ASCII, means, now);
        (regain, said(words))
    }

    #[test]
    fn whoever_has_what_they_wish_for_does_nothing() {
        let now = Instant::now();
        for (nick, most) in [("bridge", None), ("Bridge", Some(30)), ("bridg", Some(5))] {
            let mut regain = Regain::new("bridge", 1);
            assert_eq!(said(regain.begin(nick, most, ASCII, &means(true, true), now)), [""; 0]);
            assert_eq!(regain.deadline(), None);
        }
    }

    #[test]
    fn the_server_tells_when_it_is_free() {
        let now = Instant::now();
        let means = means(true, false);
        let (mut regain, words) = begun(&means, now);
        assert_eq!(words, ["MONITOR + bridge"]);
        assert_eq!(said(regain.taken(&means, now)), [""; 0]);
        assert_eq!(said(regain.free(now)), ["NICK bridge"]);
        assert_eq!(said(regain.free(now)), [""; 0], "asked once");
        assert_eq!(said(regain.renamed("bridge", ASCII, &means, now)), ["MONITOR - bridge"]);
        assert_eq!(regain.deadline(), None);
    }

    #[test]
    fn a_server_that_does_not_tell_is_asked() {
        let mut now = Instant::now();
        let means = means(false, false);
        let (mut regain, words) = begun(&means, now);
        assert_eq!(words, ["ISON bridge"]);
        for _ in 0..3 {
            regain.taken(&means, now);
            now = regain.deadline().expect("a look");
            assert_eq!(said(regain.tick(now)), ["ISON bridge"]);
        }
        assert_eq!(said(regain.free(now)), ["NICK bridge"]);
        assert_eq!(said(regain.renamed("bridge", ASCII, &means, now)), [""; 0]);
    }

    #[test]
    fn services_are_asked_now_and_then() {
        let start = Instant::now();
        let mut now = start;
        let means = means(false, true);
        let (mut regain, _) = begun(&means, now);
        let mut asked = 0;
        while now < start + Duration::from_secs(3_600) {
            asked += regain.taken(&means, now).len();
            now = regain.deadline().expect("a look");
            regain.tick(now);
        }
        assert!((3..=8).contains(&asked), "{asked}");
    }

    #[test]
    fn what_is_refused_is_tried_later_and_later() {
        let mut now = Instant::now();
        let means = means(true, false);
        let (mut regain, _) = begun(&means, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(said(regain.free(now)), ["NICK bridge"]);
            assert!(regain.refused(now));
            assert!(!regain.refused(now), "it was not ours");
            let due = regain.deadline().expect("a try");
            waits.push((due - now).as_secs());
            now = due;
            regain.tick(now);
        }
        assert!(waits[0] <= 60 && waits[7] >= 1_800, "{waits:?}");
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for() {
        let now = Instant::now();
        let (mut regain, _) = begun(&means(true, false), now);
        regain.free(now);
        assert_eq!(said(regain.tick(now + ANSWER)), [""; 0]);
        assert!(regain.deadline() > Some(now + ANSWER));
    }

    #[test]
    fn nobody_is_fought_with() {
        let mut now = Instant::now();
        let means = means(true, true);
        let mut regain = Regain::new("bridge", 1);
        regain.begin("bridge", None, ASCII, &means, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            // Services rename us at once, whenever we have it.
            assert_eq!(said(regain.renamed("Guest17", ASCII, &means, now)), ["MONITOR + bridge"]);
            assert_eq!(said(regain.free(now)), [""; 0], "not even if it is free");
            assert_eq!(said(regain.taken(&means, now)), [""; 0]);
            let due = regain.deadline().expect("a look");
            waits.push((due - now).as_secs());
            now = due;
            assert_eq!(said(regain.tick(now)), ["ISON bridge"]);
            assert_eq!(said(regain.free(now)), ["NICK bridge"]);
            regain.renamed("bridge", ASCII, &means, now);
        }
        assert!(waits[0] <= 60 && waits[7] >= 1_800, "{waits:?}");
        let much_later = now + KEPT;
        regain.renamed("Guest17", ASCII, &means, much_later);
        let wait = regain.deadline().expect("a look") - much_later;
        assert!(wait <= LOOK, "kept for long, it may be taken back soon: {wait:?}");
    }

    #[test]
    fn a_rename_that_changes_nothing_changes_nothing() {
        let now = Instant::now();
        let means = means(true, false);
        let (mut regain, _) = begun(&means, now);
        let due = regain.deadline();
        assert_eq!(said(regain.renamed("Guest17", ASCII, &means, now)), [""; 0]);
        assert_eq!(regain.deadline(), due);
    }
}
