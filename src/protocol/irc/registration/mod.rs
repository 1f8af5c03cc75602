//! The way in.

mod caps;
mod identity;
mod sasl;
mod scram;
mod sts;

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::nick::Nicks;
use super::turned_away::{Reason, TurnedAway};

pub use identity::{Identity, Login, Mechanism, Services};
pub use sts::Sts;

use caps::Caps;
use sasl::{Sasl, Step};

/// How long the server may take to answer each step of a login.
const LOGIN_PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take to answer what we ask of its capabilities, from one answer to the next.
const CAPS_PATIENCE: Duration = Duration::from_secs(10);

/// A line to be sent, as command and parameters.
pub(super) type Words = (&'static str, Vec<String>);

/// The way in: PASS, capabilities, login, NICK and USER (RFC 2812 §3.1,
/// <https://ircv3.net/specs/extensions/capability-negotiation>).
///
/// ```text
///         CAP LS, NICK, USER          LS        ACK or NAK            logged in, or not        001
///  begin ────────────────────▶ Listing ──▶ Requesting ──▶ LoggingIn ──────────────▶ Ended ────▶ registered
///                                 │             └── no account, no `sasl` ───────────▲
///                                 └─────────── 001 (the server knows no CAP) ────────┘
/// ```
///
/// A server that offers `sasl` later, or logs us out, has us log in again.
#[derive(Debug)]
pub(super) struct Registration {
    nicks: Nicks,
    phase: Phase,
    caps: Caps,
    secure: bool,
    /// There is a password that the server may want first, and that must not be said to it in the clear.
    withheld: bool,
    sasl: Option<Sasl>,
    required: bool,
    logged_in: bool,
    /// Until when the server may take to answer our login.
    answer_by: Option<Instant>,
    /// Until when it may take to answer what we ask of its capabilities.
    caps_by: Option<Instant>,
    verdicts: Vec<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Listing,
    Requesting,
    LoggingIn,
    Ended,
}

/// What has come of the way in, beside lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// We cannot go on.
    TurnedAway(TurnedAway),
    /// The server wants to be spoken to over TLS from now on.
    Sts(Sts),
    /// We go on without having logged in.
    NotLoggedIn(String),
}

impl Registration {
    /// Begins, with the lines to be sent first. `secure`: nobody can listen in; where somebody can, passwords
    /// are said only where we `may_say` them. `nonce` is random.
    pub(super) fn begin(
        identity: &Identity,
        (secure, may_say): (bool, bool),
        nonce: String,
    ) -> (Self, Vec<Words>) {
        let nicks = Nicks::new(&identity.nick, &identity.other_nicks);
        let mut words: Vec<Words> = vec![("CAP", vec!["LS".to_owned(), "302".to_owned()])];
        let may_say = secure || may_say;
        let password = identity.password.as_ref().filter(|_| may_say);
        let password = password.map(ExposeSecret::expose_secret);
        words.extend(password.map(|password| ("PASS", vec![password.to_owned()])));
        words.push(("NICK", vec![nicks.current()]));
        let user = [&identity.username, "0", "*", &identity.realname];
        words.push(("USER", user.map(str::to_owned).to_vec()));
        let login = identity.login.clone();
        let registration = Self {
            nicks,
            phase: Phase::Listing,
            caps: Caps::default(),
            secure,
            withheld: !may_say && identity.password.is_some(),
            required: login.as_ref().is_some_and(|login| login.required),
            sasl: login.map(|login| Sasl::new(login, (secure, may_say), nonce)),
            logged_in: false,
            answer_by: None,
            caps_by: None,
            verdicts: Vec::new(),
        };
        (registration, words)
    }

    /// Takes in one CAP line: its subcommand, whether more lines follow, and its list.
    pub(super) fn cap(
        &mut self,
        subcommand: &str,
        more: bool,
        list: &str,
        now: Instant,
    ) -> Vec<Words> {
        let words = self.negotiate(subcommand, more, list, now);
        self.await_caps(now);
        words
    }

    fn negotiate(&mut self, subcommand: &str, more: bool, list: &str, now: Instant) -> Vec<Words> {
        match subcommand {
            "LS" => {
                self.caps.offer(list);
                if more || self.phase != Phase::Listing { Vec::new() } else { self.listed(now) }
            }
            "NEW" => {
                self.caps.offer(list);
                self.note_sts();
                // While the list is still being told, what is new is asked for with the rest.
                if self.phase == Phase::Listing { Vec::new() } else { self.request(now) }
            }
            "ACK" => {
                self.caps.grant(list);
                self.agreed(now)
            }
            "NAK" => {
                let mut words = self.caps.refuse(list);
                words.extend(self.agreed(now));
                words
            }
            "DEL" => {
                let waited = !self.caps.are_settled();
                self.caps.withdraw(list);
                if waited { self.agreed(now) } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    /// A line `AUTHENTICATE` of the server's.
    pub(super) fn challenged(&mut self, chunk: &str, now: Instant) -> Vec<Words> {
        match self.sasl.as_mut().filter(|sasl| sasl.is_under_way()) {
            Some(sasl) => {
                let step = sasl.challenged(chunk);
                self.step(step, now)
            }
            None => Vec::new(),
        }
    }

    /// A numeric of SASL: 902 to 908.
    pub(super) fn sasl(&mut self, code: u16, arguments: &[String], now: Instant) -> Vec<Words> {
        let Some(sasl) = &mut self.sasl else { return Vec::new() };
        let step = sasl.told(code, arguments);
        self.step(step, now)
    }

    /// The server has logged us out of our account, which it may let us into again.
    pub(super) fn logged_out(&mut self, now: Instant) -> Vec<Words> {
        self.logged_in = false;
        // While the exchange is under way it says how that ends.
        if self.phase == Phase::Ended { self.agreed(now) } else { Vec::new() }
    }

    /// There is one more password that is not said in the clear.
    pub(super) fn withhold(&mut self) {
        self.withheld = true;
    }

    /// Whether the server lacks a password that must not be said to it.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// The server has let us in. Gives why we cannot stay.
    pub(super) fn registered(&mut self) -> Option<TurnedAway> {
        self.phase = Phase::Ended;
        if self.withheld {
            return Some(in_the_clear());
        }
        (self.required && !self.logged_in).then(no_login_here)
    }

    /// Whether SASL has logged us in.
    pub(super) fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// What has come of it since this was last asked.
    pub(super) fn verdicts(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.verdicts)
    }

    /// Whether the server has granted the capability `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.caps.has(name)
    }

    /// What the server says of the capability `name`, which it has granted.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.caps.value(name).filter(|_| self.has(name))
    }

    /// Whether we speak to a bouncer: to a program that sits between us and the server.
    pub(super) fn is_bouncer(&self) -> bool {
        self.caps.are_of_a_bouncer()
    }

    /// The server will not have our nick; gives the next to try.
    pub(super) fn nick_refused(&mut self, impossible: bool, why: &str) -> Vec<Words> {
        if impossible {
            self.nicks.impossible();
        } else {
            self.nicks.taken();
        }
        if self.nicks.are_exhausted() {
            self.turn_away(TurnedAway::new(Reason::Nick, why));
            return Vec::new();
        }
        vec![("NICK", vec![self.nicks.current()])]
    }

    pub(super) fn tick(&mut self, now: Instant) -> Vec<Words> {
        if self.caps_by.is_some_and(|by| by <= now) {
            let mut words = self.caps.unanswered();
            words.extend(self.agreed(now));
            self.await_caps(now);
            return words;
        }
        if self.answer_by.is_none_or(|by| now < by) {
            return Vec::new();
        }
        self.answer_by = None;
        let step = self.sasl.as_mut().map(Sasl::timed_out);
        step.map(|step| self.step(step, now)).unwrap_or_default()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.answer_by, self.caps_by].into_iter().flatten().min()
    }

    /// What is asked of the capabilities is waited for from now on, if anything is.
    fn await_caps(&mut self, now: Instant) {
        self.caps_by = (!self.caps.are_settled()).then(|| now + CAPS_PATIENCE);
    }

    /// All that the server offers is known.
    fn listed(&mut self, now: Instant) -> Vec<Words> {
        if let Some(port) = self.caps.value("sts").and_then(Sts::port)
            && !self.secure
        {
            self.turn_away(TurnedAway::new(Reason::Insecure { port }, ""));
            return Vec::new();
        }
        if self.withheld {
            self.turn_away(in_the_clear());
            return Vec::new();
        }
        self.note_sts();
        self.phase = Phase::Requesting;
        self.request(now)
    }

    /// What an insecure server says of it, anybody could have said.
    fn note_sts(&mut self) {
        let sts = self.caps.value("sts").and_then(Sts::read).filter(|_| self.secure);
        self.verdicts.extend(sts.map(Verdict::Sts));
    }

    fn request(&mut self, now: Instant) -> Vec<Words> {
        let words = self.caps.request(self.sasl.is_some());
        if words.is_empty() { self.agreed(now) } else { words }
    }

    /// The server has answered what we asked for, or some of it.
    fn agreed(&mut self, now: Instant) -> Vec<Words> {
        if !self.caps.are_settled() || self.phase == Phase::Listing {
            return Vec::new();
        }
        let granted = self.caps.has("sasl") && !self.logged_in;
        match self.sasl.as_mut().filter(|_| granted) {
            Some(sasl) if sasl.is_under_way() => Vec::new(),
            Some(sasl) => {
                if self.phase != Phase::Ended {
                    self.phase = Phase::LoggingIn;
                }
                let step = sasl.begin(self.caps.value("sasl").unwrap_or_default());
                self.step(step, now)
            }
            None if self.required && !self.logged_in && self.phase != Phase::Ended => {
                self.turn_away(no_login_here());
                Vec::new()
            }
            None => self.end(),
        }
    }

    fn step(&mut self, step: Step, now: Instant) -> Vec<Words> {
        self.answer_by = None;
        match step {
            Step::Say(words) => {
                let waits = self.sasl.as_ref().is_some_and(Sasl::is_under_way);
                self.answer_by = waits.then(|| now + LOGIN_PATIENCE);
                words
            }
            Step::In => {
                self.logged_in = true;
                self.end()
            }
            Step::Failed(why) if self.required && self.phase != Phase::Ended => {
                let withheld = self.sasl.as_ref().is_some_and(Sasl::is_withheld);
                let reason = if withheld { Reason::InTheClear } else { Reason::Login };
                self.turn_away(TurnedAway::new(reason, if withheld { "" } else { &why }));
                Vec::new()
            }
            Step::Failed(why) => {
                self.verdicts.push(Verdict::NotLoggedIn(why));
                self.end()
            }
        }
    }

    fn turn_away(&mut self, why: TurnedAway) {
        self.verdicts.push(Verdict::TurnedAway(why));
    }

    fn end(&mut self) -> Vec<Words> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        self.phase = Phase::Ended;
        vec![("CAP", vec!["END".to_owned()])]
    }
}

/// A password is wanted, and somebody may listen in.
fn in_the_clear() -> TurnedAway {
    TurnedAway::new(Reason::InTheClear, "")
}

fn no_login_here() -> TurnedAway {
    TurnedAway::new(Reason::NoLogin, "")
}

#[cfg(test)]
mod tests;
