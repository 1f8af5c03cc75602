//! Registration: password, capabilities, SASL login, nick and user.

pub(super) mod caps;
pub(super) mod identity;
mod negotiation;
pub(super) mod nick;
pub(super) mod nick_candidates;
pub(super) mod nickserv;
pub(super) mod regain;
pub(super) mod sasl;
pub(super) mod scram;
pub(super) mod session;
pub(super) mod sts;

use std::time::Instant;

use secrecy::ExposeSecret;

use super::errors::disconnect::{DisconnectKind, DisconnectReason};
use super::login::nick_candidates::NickCandidates;

pub use identity::{IrcIdentity, SaslLogin, ServicesLogin};
pub use sts::StsPolicy;

use caps::{Caps, KeptCaps};
use sasl::Sasl;

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
        let mut commands: Vec<RawCommand> = vec![("CAP", vec!["LS".to_owned(), "302".to_owned()])];
        let may_say = secure || may_say;
        let password = identity.password.as_ref().filter(|_| may_say);
        let password = password.map(ExposeSecret::expose_secret);
        commands.extend(password.map(|password| ("PASS", vec![password.to_owned()])));
        commands.push(("NICK", vec![nicks.current()]));
        let user = [&identity.username, "0", "*", &identity.realname];
        commands.push(("USER", user.map(str::to_owned).to_vec()));
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
        (registration, commands)
    }

    /// Continues with what another process knew of a connection that is registered.
    pub(super) fn resume(
        identity: &IrcIdentity,
        (secure, may_say): (bool, bool),
        nonce: String,
        (caps, is_logged_in): (KeptCaps, bool),
    ) -> Self {
        let (started, _) = Self::start(identity, (secure, may_say), nonce);
        Self {
            phase: RegistrationPhase::Finished,
            caps: Caps::resume(caps),
            withheld: false,
            logged_in: is_logged_in,
            ..started
        }
    }

    /// What the next process is to know: the capabilities, and whether SASL has logged us in.
    pub(super) fn keep(&self) -> (KeptCaps, bool) {
        (self.caps.keep(), self.logged_in)
    }

    /// Whether the server owes us no answer.
    pub(super) fn is_settled(&self) -> bool {
        self.phase == RegistrationPhase::Finished
            && self.caps.is_settled()
            && !self.sasl.as_ref().is_some_and(Sasl::is_active)
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
            let mut commands = self.caps.on_timeout();
            commands.extend(self.on_caps_settled(now));
            self.update_caps_deadline(now);
            return commands;
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
