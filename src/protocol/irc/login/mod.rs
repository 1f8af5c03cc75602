//! The way in.

pub(super) mod caps;
pub(super) mod identity;
pub(super) mod nick;
pub(super) mod nick_candidates;
pub(super) mod nickserv;
pub(super) mod regain;
pub(super) mod sasl;
pub(super) mod scram;
pub(super) mod session;
pub(super) mod sts;

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::errors::disconnect::{DisconnectKind, DisconnectReason};
use super::login::nick_candidates::NickCandidates;

pub use identity::{IrcIdentity, Mechanism, SaslLogin, ServicesLogin};
pub use sts::StsPolicy;

use caps::Caps;
use sasl::{Sasl, SaslStep};

/// How long the server may take to answer each step of a login.
const SASL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long it may take to answer what we ask of its capabilities, from one answer to the next.
const CAPS_TIMEOUT: Duration = Duration::from_secs(10);

/// A line to be sent, as command and parameters.
pub(super) type RawCommand = (&'static str, Vec<String>);

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
    nick_candidates: NickCandidates,
    phase: RegistrationPhase,
    caps: Caps,
    secure: bool,
    /// There is a password that the server may want first, and that must not be said to it in the clear.
    withheld: bool,
    sasl: Option<Sasl>,
    sasl_required: bool,
    logged_in: bool,
    /// Until when the server may take to answer our login.
    sasl_deadline: Option<Instant>,
    /// Until when it may take to answer what we ask of its capabilities.
    caps_deadline: Option<Instant>,
    events: Vec<LoginEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegistrationPhase {
    ListingCaps,
    RequestingCaps,
    Authenticating,
    Finished,
}

/// What has come of the way in, beside lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LoginEvent {
    /// We cannot go on.
    Rejected(DisconnectReason),
    /// The server wants to be spoken to over TLS from now on.
    Sts(StsPolicy),
    /// We go on without having logged in.
    LoginFailed(String),
}

impl Registration {
    /// Begins, with the lines to be sent first. `secure`: nobody can listen in; where somebody can, passwords
    /// are said only where we `may_say` them. `nonce` is random.
    pub(super) fn start(
        identity: &IrcIdentity,
        (secure, may_say): (bool, bool),
        nonce: String,
    ) -> (Self, Vec<RawCommand>) {
        let nicks = NickCandidates::new(&identity.nick, &identity.alt_nicks);
        let mut words: Vec<RawCommand> = vec![("CAP", vec!["LS".to_owned(), "302".to_owned()])];
        let may_say = secure || may_say;
        let password = identity.password.as_ref().filter(|_| may_say);
        let password = password.map(ExposeSecret::expose_secret);
        words.extend(password.map(|password| ("PASS", vec![password.to_owned()])));
        words.push(("NICK", vec![nicks.current()]));
        let user = [&identity.username, "0", "*", &identity.realname];
        words.push(("USER", user.map(str::to_owned).to_vec()));
        let login = identity.sasl.clone();
        let registration = Self {
            nick_candidates: nicks,
            phase: RegistrationPhase::ListingCaps,
            caps: Caps::default(),
            secure,
            withheld: !may_say && identity.password.is_some(),
            sasl_required: login.as_ref().is_some_and(|login| login.required),
            sasl: login.map(|login| Sasl::new(login, (secure, may_say), nonce)),
            logged_in: false,
            sasl_deadline: None,
            caps_deadline: None,
            events: Vec::new(),
        };
        (registration, words)
    }

    /// Takes in one CAP line: its subcommand, whether more lines follow, and its list.
    pub(super) fn on_cap(
        &mut self,
        subcommand: &str,
        more: bool,
        list: &str,
        now: Instant,
    ) -> Vec<RawCommand> {
        let words = self.on_cap_subcommand(subcommand, more, list, now);
        self.update_caps_deadline(now);
        words
    }

    fn on_cap_subcommand(
        &mut self,
        subcommand: &str,
        more: bool,
        list: &str,
        now: Instant,
    ) -> Vec<RawCommand> {
        match subcommand {
            "LS" => {
                self.caps.on_ls(list);
                if more || self.phase != RegistrationPhase::ListingCaps {
                    Vec::new()
                } else {
                    self.on_caps_listed(now)
                }
            }
            "NEW" => {
                self.caps.on_ls(list);
                self.record_sts();
                // While the list is still being told, what is new is asked for with the rest.
                if self.phase == RegistrationPhase::ListingCaps {
                    Vec::new()
                } else {
                    self.request_caps(now)
                }
            }
            "ACK" => {
                self.caps.on_ack(list);
                self.on_caps_settled(now)
            }
            "NAK" => {
                let mut words = self.caps.on_nak(list);
                words.extend(self.on_caps_settled(now));
                words
            }
            "DEL" => {
                let waited = !self.caps.is_settled();
                self.caps.on_del(list);
                if waited { self.on_caps_settled(now) } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    /// A line `AUTHENTICATE` of the server's.
    pub(super) fn on_authenticate(&mut self, chunk: &str, now: Instant) -> Vec<RawCommand> {
        match self.sasl.as_mut().filter(|sasl| sasl.is_active()) {
            Some(sasl) => {
                let step = sasl.on_challenge(chunk);
                self.apply_sasl_step(step, now)
            }
            None => Vec::new(),
        }
    }

    /// A numeric of SASL: 902 to 908.
    pub(super) fn on_sasl_numeric(
        &mut self,
        code: u16,
        arguments: &[String],
        now: Instant,
    ) -> Vec<RawCommand> {
        let Some(sasl) = &mut self.sasl else { return Vec::new() };
        let step = sasl.on_numeric(code, arguments);
        self.apply_sasl_step(step, now)
    }

    /// The server has logged us out of our account, which it may let us into again.
    pub(super) fn on_logged_out(&mut self, now: Instant) -> Vec<RawCommand> {
        self.logged_in = false;
        // While the exchange is under way it says how that ends.
        if self.phase == RegistrationPhase::Finished {
            self.on_caps_settled(now)
        } else {
            Vec::new()
        }
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
    pub(super) fn on_welcome(&mut self) -> Option<DisconnectReason> {
        self.phase = RegistrationPhase::Finished;
        if self.withheld {
            return Some(in_the_clear());
        }
        (self.sasl_required && !self.logged_in).then(sasl_unavailable)
    }

    /// Whether SASL has logged us in.
    pub(super) fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// What has come of it since this was last asked.
    pub(super) fn take_events(&mut self) -> Vec<LoginEvent> {
        std::mem::take(&mut self.events)
    }

    /// Whether the server has granted the capability `name`.
    pub(super) fn has_cap(&self, name: &str) -> bool {
        self.caps.has(name)
    }

    /// What the server says of the capability `name`, which it has granted.
    pub(super) fn cap_value(&self, name: &str) -> Option<&str> {
        self.caps.value(name).filter(|_| self.has_cap(name))
    }

    /// Whether we speak to a bouncer: to a program that sits between us and the server.
    pub(super) fn is_bouncer(&self) -> bool {
        self.caps.is_bouncer()
    }

    /// The server will not have our nick; gives the next to try.
    pub(super) fn on_nick_rejected(&mut self, impossible: bool, why: &str) -> Vec<RawCommand> {
        if impossible {
            self.nick_candidates.on_invalid();
        } else {
            self.nick_candidates.on_in_use();
        }
        if self.nick_candidates.is_exhausted() {
            self.reject(DisconnectReason::new(DisconnectKind::NoUsableNick, why));
            return Vec::new();
        }
        vec![("NICK", vec![self.nick_candidates.current()])]
    }

    pub(super) fn tick(&mut self, now: Instant) -> Vec<RawCommand> {
        if self.caps_deadline.is_some_and(|by| by <= now) {
            let mut words = self.caps.on_timeout();
            words.extend(self.on_caps_settled(now));
            self.update_caps_deadline(now);
            return words;
        }
        if self.sasl_deadline.is_none_or(|by| now < by) {
            return Vec::new();
        }
        self.sasl_deadline = None;
        let step = self.sasl.as_mut().map(Sasl::on_timeout);
        step.map(|step| self.apply_sasl_step(step, now)).unwrap_or_default()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.sasl_deadline, self.caps_deadline].into_iter().flatten().min()
    }

    /// What is asked of the capabilities is waited for from now on, if anything is.
    fn update_caps_deadline(&mut self, now: Instant) {
        self.caps_deadline = (!self.caps.is_settled()).then(|| now + CAPS_TIMEOUT);
    }

    /// All that the server offers is known.
    fn on_caps_listed(&mut self, now: Instant) -> Vec<RawCommand> {
        if let Some(port) = self.caps.value("sts").and_then(StsPolicy::parse_port)
            && !self.secure
        {
            self.reject(DisconnectReason::new(DisconnectKind::StsUpgrade { port }, ""));
            return Vec::new();
        }
        if self.withheld {
            self.reject(in_the_clear());
            return Vec::new();
        }
        self.record_sts();
        self.phase = RegistrationPhase::RequestingCaps;
        self.request_caps(now)
    }

    /// What an insecure server says of it, anybody could have said.
    fn record_sts(&mut self) {
        let sts = self.caps.value("sts").and_then(StsPolicy::parse).filter(|_| self.secure);
        self.events.extend(sts.map(LoginEvent::Sts));
    }

    fn request_caps(&mut self, now: Instant) -> Vec<RawCommand> {
        let words = self.caps.request(self.sasl.is_some());
        if words.is_empty() { self.on_caps_settled(now) } else { words }
    }

    /// The server has answered what we asked for, or some of it.
    fn on_caps_settled(&mut self, now: Instant) -> Vec<RawCommand> {
        if !self.caps.is_settled() || self.phase == RegistrationPhase::ListingCaps {
            return Vec::new();
        }
        let granted = self.caps.has("sasl") && !self.logged_in;
        match self.sasl.as_mut().filter(|_| granted) {
            Some(sasl) if sasl.is_active() => Vec::new(),
            Some(sasl) => {
                if self.phase != RegistrationPhase::Finished {
                    self.phase = RegistrationPhase::Authenticating;
                }
                let step = sasl.start(self.caps.value("sasl").unwrap_or_default());
                self.apply_sasl_step(step, now)
            }
            None if self.sasl_required
                && !self.logged_in
                && self.phase != RegistrationPhase::Finished =>
            {
                self.reject(sasl_unavailable());
                Vec::new()
            }
            None => self.finish(),
        }
    }

    fn apply_sasl_step(&mut self, step: SaslStep, now: Instant) -> Vec<RawCommand> {
        self.sasl_deadline = None;
        match step {
            SaslStep::Send(words) => {
                let waits = self.sasl.as_ref().is_some_and(Sasl::is_active);
                self.sasl_deadline = waits.then(|| now + SASL_TIMEOUT);
                words
            }
            SaslStep::LoggedIn => {
                self.logged_in = true;
                self.finish()
            }
            SaslStep::Failed(why)
                if self.sasl_required && self.phase != RegistrationPhase::Finished =>
            {
                let withheld = self.sasl.as_ref().is_some_and(Sasl::is_withheld);
                let reason =
                    if withheld { DisconnectKind::InTheClear } else { DisconnectKind::LoginFailed };
                self.reject(DisconnectReason::new(reason, if withheld { "" } else { &why }));
                Vec::new()
            }
            SaslStep::Failed(why) => {
                self.events.push(LoginEvent::LoginFailed(why));
                self.finish()
            }
        }
    }

    fn reject(&mut self, why: DisconnectReason) {
        self.events.push(LoginEvent::Rejected(why));
    }

    fn finish(&mut self) -> Vec<RawCommand> {
        if self.phase == RegistrationPhase::Finished {
            return Vec::new();
        }
        self.phase = RegistrationPhase::Finished;
        vec![("CAP", vec!["END".to_owned()])]
    }
}

/// A password is wanted, and somebody may listen in.
fn in_the_clear() -> DisconnectReason {
    DisconnectReason::new(DisconnectKind::InTheClear, "")
}

fn sasl_unavailable() -> DisconnectReason {
    DisconnectReason::new(DisconnectKind::SaslUnavailable, "")
}

#[cfg(test)]
mod tests;
