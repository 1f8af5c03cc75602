//! Registration: password, capabilities, SASL login, nick and user.

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

pub use identity::{IrcIdentity, SaslLogin, ServicesLogin};
pub use sts::StsPolicy;

use caps::Caps;
use sasl::{Sasl, SaslStep};

/// Time limit for each answer during SASL.
const SASL_TIMEOUT: Duration = Duration::from_secs(20);

/// Time limit for each answer during capability negotiation.
const CAPS_TIMEOUT: Duration = Duration::from_secs(10);

/// A line to send, as command and parameters.
pub(super) type RawCommand = (&'static str, Vec<String>);

/// Registration: PASS, capabilities, SASL, NICK and USER (RFC 2812 §3.1,
/// <https://ircv3.net/specs/extensions/capability-negotiation>).
///
/// ```text
///       CAP LS, NICK, USER            LS              ACK or NAK             logged in, or not        001
///  start ─────────▶ ListingCaps ─────▶ RequestingCaps ─────▶ Authenticating ─────▶ Finished ────▶ registered
///                        │                    └── no account, no `sasl` ─────────────▲
///                        └──────────── 001 (the server has no CAP) ──────────────────┘
/// ```
///
/// If the server offers `sasl` later, or logs us out, we log in again.
#[derive(Debug)]
pub(super) struct Registration {
    nick_candidates: NickCandidates,
    phase: RegistrationPhase,
    caps: Caps,
    secure: bool,
    /// The server may require a password that must not be sent in plain text.
    withheld: bool,
    sasl: Option<Sasl>,
    sasl_required: bool,
    logged_in: bool,
    /// Deadline for the next SASL answer.
    sasl_deadline: Option<Instant>,
    /// Deadline for the next answer to a capability request.
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

/// Results of registration other than lines to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LoginEvent {
    /// We cannot continue.
    Rejected(DisconnectReason),
    /// The server has announced an STS policy.
    Sts(StsPolicy),
    /// We continue without being logged in.
    LoginFailed(String),
}

impl Registration {
    /// Starts registration with the first lines to send. `secure` means that nobody can eavesdrop; otherwise,
    /// passwords are sent only if `may_say` is set. `nonce` must be random.
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

    /// Handles a CAP line: its subcommand, whether more lines follow, and its list.
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
                // While the list is incomplete, new capabilities are requested with the rest.
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

    /// Handles AUTHENTICATE.
    pub(super) fn on_authenticate(&mut self, chunk: &str, now: Instant) -> Vec<RawCommand> {
        match self.sasl.as_mut().filter(|sasl| sasl.is_active()) {
            Some(sasl) => {
                let step = sasl.on_challenge(chunk);
                self.apply_sasl_step(step, now)
            }
            None => Vec::new(),
        }
    }

    /// Handles a SASL numeric, 902 to 908.
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

    /// The server has logged us out; tries to log in again.
    pub(super) fn on_logged_out(&mut self, now: Instant) -> Vec<RawCommand> {
        self.logged_in = false;
        // During the exchange, this is part of its result.
        if self.phase == RegistrationPhase::Finished {
            self.on_caps_settled(now)
        } else {
            Vec::new()
        }
    }

    /// Records that another password was withheld.
    pub(super) fn withhold(&mut self) {
        self.withheld = true;
    }

    /// Whether a password was withheld from the server.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// Registration is complete. Returns a reason if we cannot stay.
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

    /// Takes the results since the last call.
    pub(super) fn take_events(&mut self) -> Vec<LoginEvent> {
        std::mem::take(&mut self.events)
    }

    /// Whether the capability `name` has been granted.
    pub(super) fn has_cap(&self, name: &str) -> bool {
        self.caps.has(name)
    }

    /// The value of the granted capability `name`.
    pub(super) fn cap_value(&self, name: &str) -> Option<&str> {
        self.caps.value(name).filter(|_| self.has_cap(name))
    }

    /// Whether we are connected to a bouncer.
    pub(super) fn is_bouncer(&self) -> bool {
        self.caps.is_bouncer()
    }

    /// The server rejected our nick; returns the next one to try.
    pub(super) fn on_nick_rejected(&mut self, impossible: bool, reason: &str) -> Vec<RawCommand> {
        if impossible {
            self.nick_candidates.on_invalid();
        } else {
            self.nick_candidates.on_in_use();
        }
        if self.nick_candidates.is_exhausted() {
            self.reject(DisconnectReason::new(DisconnectKind::NoUsableNick, reason));
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

    /// Starts, restarts or clears the deadline for capability requests.
    fn update_caps_deadline(&mut self, now: Instant) {
        self.caps_deadline = (!self.caps.is_settled()).then(|| now + CAPS_TIMEOUT);
    }

    /// The list of capabilities is complete.
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

    /// Without TLS, anybody could have forged it.
    fn record_sts(&mut self) {
        let sts = self.caps.value("sts").and_then(StsPolicy::parse).filter(|_| self.secure);
        self.events.extend(sts.map(LoginEvent::Sts));
    }

    fn request_caps(&mut self, now: Instant) -> Vec<RawCommand> {
        let words = self.caps.request(self.sasl.is_some());
        if words.is_empty() { self.on_caps_settled(now) } else { words }
    }

    /// All capability requests are answered, at least in part.
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

    fn reject(&mut self, reason: DisconnectReason) {
        self.events.push(LoginEvent::Rejected(reason));
    }

    fn finish(&mut self) -> Vec<RawCommand> {
        if self.phase == RegistrationPhase::Finished {
            return Vec::new();
        }
        self.phase = RegistrationPhase::Finished;
        vec![("CAP", vec!["END".to_owned()])]
    }
}

/// A password is required, but the connection is not encrypted.
fn in_the_clear() -> DisconnectReason {
    DisconnectReason::new(DisconnectKind::InTheClear, "")
}

fn sasl_unavailable() -> DisconnectReason {
    DisconnectReason::new(DisconnectKind::SaslUnavailable, "")
}

#[cfg(test)]
mod tests;
