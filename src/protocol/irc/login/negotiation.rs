//! Negotiates capabilities, and logs in with SASL.

use std::time::{Duration, Instant};

use super::sasl::{Sasl, SaslStep};
use super::{
    LoginEvent, RawCommand, Registration, RegistrationPhase, StsPolicy, in_the_clear,
    sasl_unavailable,
};
use crate::protocol::irc::errors::disconnect::{DisconnectKind, DisconnectReason};

/// Time limit for each answer during SASL.
pub(super) const SASL_TIMEOUT: Duration = Duration::from_secs(20);

/// Time limit for each answer during capability negotiation.
pub(super) const CAPS_TIMEOUT: Duration = Duration::from_secs(10);

/// Capabilities and SASL.
impl Registration {
    /// Handles a CAP line: its subcommand, whether more lines follow, and its list.
    pub(in crate::protocol::irc) fn on_cap(
        &mut self,
        subcommand: &str,
        more: bool,
        list: &str,
        now: Instant,
    ) -> Vec<RawCommand> {
        let commands = self.on_cap_subcommand(subcommand, more, list, now);
        self.update_caps_deadline(now);
        commands
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
                let mut commands = self.caps.on_nak(list);
                commands.extend(self.on_caps_settled(now));
                commands
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
    pub(in crate::protocol::irc) fn on_authenticate(
        &mut self,
        chunk: &str,
        now: Instant,
    ) -> Vec<RawCommand> {
        match self.sasl.as_mut().filter(|sasl| sasl.is_active()) {
            Some(sasl) => {
                let step = sasl.on_challenge(chunk);
                self.apply_sasl_step(step, now)
            }
            None => Vec::new(),
        }
    }

    /// Handles a SASL numeric, 902 to 908.
    pub(in crate::protocol::irc) fn on_sasl_numeric(
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
    pub(in crate::protocol::irc) fn on_logged_out(&mut self, now: Instant) -> Vec<RawCommand> {
        self.logged_in = false;
        // During the exchange, this is part of its result.
        if self.phase == RegistrationPhase::Finished {
            self.on_caps_settled(now)
        } else {
            Vec::new()
        }
    }

    /// Starts, restarts or clears the deadline for capability requests.
    pub(super) fn update_caps_deadline(&mut self, now: Instant) {
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
        let commands = self.caps.request(self.sasl.is_some());
        if commands.is_empty() { self.on_caps_settled(now) } else { commands }
    }

    /// All capability requests are answered, at least in part.
    pub(super) fn on_caps_settled(&mut self, now: Instant) -> Vec<RawCommand> {
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

    pub(super) fn apply_sasl_step(&mut self, step: SaslStep, now: Instant) -> Vec<RawCommand> {
        self.sasl_deadline = None;
        match step {
            SaslStep::Send(commands) => {
                let waits = self.sasl.as_ref().is_some_and(Sasl::is_active);
                self.sasl_deadline = waits.then(|| now + SASL_TIMEOUT);
                commands
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
}
