//! Regains the configured nick when somebody else has it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::RawCommand;
use crate::domain::Casemapping;
use crate::protocol::Backoff;

/// How often to check whether the nick is free, or to retry where MONITOR reports it.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
const MONITOR_POLL_INTERVAL: Duration = Duration::from_secs(600);

/// Time limit for services to release the nick.
const SERVICES_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for the server to answer NICK or ISON.
const NICK_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest time for which a free nick is not tried.
const MAX_QUIET: Duration = Duration::from_secs(3_600);

/// A nick kept this long was not taken from us by force.
const STABLE_AFTER: Duration = Duration::from_secs(3_600);

/// Regains the configured nick from another user, without fighting for it.
///
/// ```text
///             not the configured nick               it is free               NICK is ours
///  Idle ─────────────────────────────────▶ Waiting ────────────▶ Trying ──────────────────▶ Idle
///   ▲                                       ▲  │ in use            │ rejected
///   │                                       └──┴── growing delays ◀┘
///   └─ services have renamed us ────────────┘
/// ```
///
/// MONITOR (<https://ircv3.net/specs/extensions/monitor>), the QUIT or NICK of its user, or ISON show that the nick is
/// free. If we are logged in with services, they are asked to release it. Each time we soon lose it again, the delay before
/// the next attempt grows.
#[derive(Debug)]
pub(in crate::protocol::irc) struct Regain {
    wanted: String,
    state: RegainState,
    /// Delays between our attempts.
    retry_backoff: Backoff,
    /// Delays between requests to services.
    services_backoff: Backoff,
    services_from: Option<Instant>,
    held_since: Option<Instant>,
    monitored: bool,
    rng: fastrand::Rng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegainState {
    /// We have the nick, or accept the one we have.
    Idle,
    /// Waiting until that time; while `quiet`, even a free nick is not tried.
    Waiting { until: Instant, quiet: bool },
    /// We have sent NICK.
    Trying { until: Instant },
}

/// The available methods.
#[derive(Debug, Clone)]
pub(in crate::protocol::irc) struct RegainMethod {
    /// The server supports MONITOR.
    pub(in crate::protocol::irc) monitor: bool,
    /// Services' nick and command that release the nick, if we are logged in with them.
    pub(in crate::protocol::irc) services: Option<(String, String)>,
}

/// How long we have the nick, or are to wait for it, on a connection that another process takes over.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::protocol::irc) struct KeptRegain {
    /// For how many seconds we have had the nick, if we have it.
    held_secs: Option<u64>,
    /// For how many seconds it is not to be tried, even if it is free.
    quiet_secs: Option<u64>,
}

impl Regain {
    /// What the next process is to know.
    pub(in crate::protocol::irc) fn keep(&self, now: Instant) -> KeptRegain {
        let quiet_until = match self.state {
            RegainState::Waiting { until, quiet: true } => Some(until),
            _ => None,
        };
        KeptRegain {
            held_secs: self.held_since.map(|at| now.saturating_duration_since(at).as_secs()),
            quiet_secs: quiet_until.map(|at| at.saturating_duration_since(now).as_secs()),
        }
    }

    /// Continues with what another process knew, once it is known whether we have the nick.
    pub(in crate::protocol::irc) fn restore(&mut self, kept: &KeptRegain, now: Instant) {
        if let (Some(_), Some(held)) = (self.held_since, kept.held_secs) {
            let since = now.checked_sub(Duration::from_secs(held));
            self.held_since = Some(since.unwrap_or(now));
        }
        if let (RegainState::Waiting { .. }, Some(quiet)) = (self.state, kept.quiet_secs) {
            let until = now + Duration::from_secs(quiet.min(MAX_QUIET.as_secs()));
            self.state = RegainState::Waiting { until, quiet: true };
        }
    }

    pub(in crate::protocol::irc) fn new(wanted: &str, seed: u64) -> Self {
        Self {
            wanted: wanted.to_owned(),
            state: RegainState::Idle,
            retry_backoff: Backoff::new(POLL_INTERVAL, MAX_QUIET),
            services_backoff: Backoff::new(Duration::from_secs(120), Duration::from_secs(3_600)),
            services_from: None,
            held_since: None,
            monitored: false,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// We are registered as `nick`, on a server with nicks of at most `most` bytes.
    pub(in crate::protocol::irc) fn start(
        &mut self,
        nick: &str,
        most: Option<usize>,
        casemapping: Casemapping,
        method: &RegainMethod,
        now: Instant,
    ) -> Vec<RawCommand> {
        if let Some(most) = most {
            while self.wanted.len() > most {
                self.wanted.pop();
            }
        }
        if casemapping.same(nick, &self.wanted) {
            self.held_since = Some(now);
            return Vec::new();
        }
        self.start_watching(method, now)
    }

    /// The configured nick.
    pub(in crate::protocol::irc) fn wanted(&self) -> &str {
        &self.wanted
    }

    /// Whether `nick` is the configured nick.
    pub(in crate::protocol::irc) fn is_wanted(&self, nick: &str, casemapping: Casemapping) -> bool {
        self.state != RegainState::Idle && casemapping.same(nick, &self.wanted)
    }

    /// Our nick is now `nick`, for whatever reason.
    pub(in crate::protocol::irc) fn on_nick_changed(
        &mut self,
        nick: &str,
        casemapping: Casemapping,
        method: &RegainMethod,
        now: Instant,
    ) -> Vec<RawCommand> {
        if casemapping.same(nick, &self.wanted) {
            self.state = RegainState::Idle;
            self.held_since = Some(now);
            let unwatch = vec!["-".to_owned(), self.wanted.clone()];
            return if std::mem::take(&mut self.monitored) {
                vec![("MONITOR", unwatch)]
            } else {
                Vec::new()
            };
        }
        let Some(since) = self.held_since.take() else { return Vec::new() };
        // Somebody forced us to give it up, perhaps rightly.
        if now.saturating_duration_since(since) >= STABLE_AFTER {
            self.retry_backoff.reset();
        }
        let commands = self.start_watching(method, now);
        let wait = self.retry_backoff.next_delay(&mut self.rng);
        self.state = RegainState::Waiting { until: now + wait, quiet: true };
        commands
    }

    /// The nick is free.
    pub(in crate::protocol::irc) fn on_free(&mut self, now: Instant) -> Vec<RawCommand> {
        match self.state {
            RegainState::Waiting { until, quiet } if !quiet || now >= until => {
                self.state = RegainState::Trying { until: now + NICK_TIMEOUT };
                vec![("NICK", vec![self.wanted.clone()])]
            }
            _ => Vec::new(),
        }
    }

    /// The nick is in use.
    pub(in crate::protocol::irc) fn on_in_use(
        &mut self,
        method: &RegainMethod,
        now: Instant,
    ) -> Vec<RawCommand> {
        if !matches!(self.state, RegainState::Waiting { quiet: false, .. }) {
            return Vec::new();
        }
        let helped = self.services_from.is_none_or(|from| now >= from);
        if let Some((services, command)) = method.services.as_ref().filter(|_| helped) {
            self.services_from = Some(now + self.services_backoff.next_delay(&mut self.rng));
            self.state = RegainState::Waiting { until: now + SERVICES_TIMEOUT, quiet: false };
            return vec![("PRIVMSG", vec![services.clone(), command.clone()])];
        }
        let wait = if method.monitor { MONITOR_POLL_INTERVAL } else { POLL_INTERVAL };
        self.state = RegainState::Waiting { until: now + wait, quiet: false };
        Vec::new()
    }

    /// The server rejected a nick. Returns whether it was the one we tried to regain.
    pub(in crate::protocol::irc) fn on_rejected(&mut self, now: Instant) -> bool {
        let asked = matches!(self.state, RegainState::Trying { .. });
        if asked {
            let wait = self.retry_backoff.next_delay(&mut self.rng);
            self.state = RegainState::Waiting { until: now + wait, quiet: false };
        }
        asked
    }

    pub(in crate::protocol::irc) fn tick(&mut self, now: Instant) -> Vec<RawCommand> {
        match self.state {
            RegainState::Trying { until } if now >= until => {
                self.on_rejected(now);
                Vec::new()
            }
            RegainState::Waiting { until, .. } if now >= until => {
                self.state = RegainState::Waiting { until: now + POLL_INTERVAL, quiet: false };
                vec![("ISON", vec![self.wanted.clone()])]
            }
            _ => Vec::new(),
        }
    }

    pub(in crate::protocol::irc) fn deadline(&self) -> Option<Instant> {
        match self.state {
            RegainState::Idle => None,
            RegainState::Waiting { until, .. } | RegainState::Trying { until } => Some(until),
        }
    }

    /// Starts to watch for the nick.
    fn start_watching(&mut self, method: &RegainMethod, now: Instant) -> Vec<RawCommand> {
        self.state = RegainState::Waiting { until: now + POLL_INTERVAL, quiet: false };
        if !method.monitor {
            return vec![("ISON", vec![self.wanted.clone()])];
        }
        self.monitored = true;
        vec![("MONITOR", vec!["+".to_owned(), self.wanted.clone()])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Casemapping = Casemapping::Ascii;

    fn method(monitor: bool, services: bool) -> RegainMethod {
        let services = services.then(|| ("NickServ".to_owned(), "GHOST bridge".to_owned()));
        RegainMethod { monitor, services }
    }

    fn commands(words: Vec<RawCommand>) -> Vec<String> {
        let line = |(command, params): RawCommand| format!("{command} {}", params.join(" "));
        words.into_iter().map(line).collect()
    }

    /// A `Regain` that has started as `bridge_`.
    fn started(means: &RegainMethod, now: Instant) -> (Regain, Vec<String>) {
        let mut regain = Regain::new("bridge", 1);
        let words = regain.start("bridge_", Some(30), ASCII, means, now);
        (regain, commands(words))
    }

    #[test]
    fn wanted_nick_needs_no_regain() {
        let now = Instant::now();
        for (nick, most) in [("bridge", None), ("Bridge", Some(30)), ("bridg", Some(5))] {
            let mut regain = Regain::new("bridge", 1);
            assert_eq!(
                commands(regain.start(nick, most, ASCII, &method(true, true), now)),
                [""; 0]
            );
            assert_eq!(regain.deadline(), None);
        }
    }

    #[test]
    fn monitor_reports_the_free_nick() {
        let now = Instant::now();
        let means = method(true, false);
        let (mut regain, words) = started(&means, now);
        assert_eq!(words, ["MONITOR + bridge"]);
        assert_eq!(commands(regain.on_in_use(&means, now)), [""; 0]);
        assert_eq!(commands(regain.on_free(now)), ["NICK bridge"]);
        assert_eq!(commands(regain.on_free(now)), [""; 0], "asked once");
        assert_eq!(
            commands(regain.on_nick_changed("bridge", ASCII, &means, now)),
            ["MONITOR - bridge"]
        );
        assert_eq!(regain.deadline(), None);
    }

    #[test]
    fn without_monitor_the_nick_is_polled() {
        let mut now = Instant::now();
        let means = method(false, false);
        let (mut regain, words) = started(&means, now);
        assert_eq!(words, ["ISON bridge"]);
        for _ in 0..3 {
            regain.on_in_use(&means, now);
            now = regain.deadline().expect("a look");
            assert_eq!(commands(regain.tick(now)), ["ISON bridge"]);
        }
        assert_eq!(commands(regain.on_free(now)), ["NICK bridge"]);
        assert_eq!(commands(regain.on_nick_changed("bridge", ASCII, &means, now)), [""; 0]);
    }

    #[test]
    fn services_are_asked_with_growing_delays() {
        let start = Instant::now();
        let mut now = start;
        let means = method(false, true);
        let (mut regain, _) = started(&means, now);
        let mut asked = 0;
        while now < start + Duration::from_secs(3_600) {
            asked += regain.on_in_use(&means, now).len();
            now = regain.deadline().expect("a look");
            regain.tick(now);
        }
        assert!((3..=8).contains(&asked), "{asked}");
    }

    #[test]
    fn rejected_nick_is_retried_with_growing_delays() {
        let mut now = Instant::now();
        let means = method(true, false);
        let (mut regain, _) = started(&means, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(commands(regain.on_free(now)), ["NICK bridge"]);
            assert!(regain.on_rejected(now));
            assert!(!regain.on_rejected(now), "it was not ours");
            let due = regain.deadline().expect("a try");
            waits.push((due - now).as_secs());
            now = due;
            regain.tick(now);
        }
        assert!(waits[0] <= 60 && waits[7] >= 1_800, "{waits:?}");
    }

    #[test]
    fn unanswered_nick_command_times_out() {
        let now = Instant::now();
        let (mut regain, _) = started(&method(true, false), now);
        regain.on_free(now);
        assert_eq!(commands(regain.tick(now + NICK_TIMEOUT)), [""; 0]);
        assert!(regain.deadline() > Some(now + NICK_TIMEOUT));
    }

    #[test]
    fn lost_nick_waits_before_the_next_try() {
        let mut now = Instant::now();
        let means = method(true, true);
        let mut regain = Regain::new("bridge", 1);
        regain.start("bridge", None, ASCII, &means, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            // Services rename us immediately each time.
            assert_eq!(
                commands(regain.on_nick_changed("Guest17", ASCII, &means, now)),
                ["MONITOR + bridge"]
            );
            assert_eq!(commands(regain.on_free(now)), [""; 0], "not even if it is free");
            assert_eq!(commands(regain.on_in_use(&means, now)), [""; 0]);
            let due = regain.deadline().expect("a look");
            waits.push((due - now).as_secs());
            now = due;
            assert_eq!(commands(regain.tick(now)), ["ISON bridge"]);
            assert_eq!(commands(regain.on_free(now)), ["NICK bridge"]);
            regain.on_nick_changed("bridge", ASCII, &means, now);
        }
        assert!(waits[0] <= 60 && waits[7] >= 1_800, "{waits:?}");
        let much_later = now + STABLE_AFTER;
        regain.on_nick_changed("Guest17", ASCII, &means, much_later);
        let wait = regain.deadline().expect("a look") - much_later;
        assert!(wait <= POLL_INTERVAL, "kept for long, it may be taken back soon: {wait:?}");
    }

    #[test]
    fn unrelated_nick_change_is_ignored() {
        let now = Instant::now();
        let means = method(true, false);
        let (mut regain, _) = started(&means, now);
        let due = regain.deadline();
        assert_eq!(commands(regain.on_nick_changed("Guest17", ASCII, &means, now)), [""; 0]);
        assert_eq!(regain.deadline(), due);
    }
}
