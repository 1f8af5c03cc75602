//! Sends what the rate limit allows, and handles timeouts.

use std::time::Instant;

use super::{IrcSession, IrcSessionPhase};
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::login::RawCommand;
use crate::protocol::irc::send::pacing::Priority;
use crate::protocol::irc::send::queue::NextLines;
use crate::protocol::irc::wire::line::Line;
use crate::protocol::liveness::LivenessCheck;
use crate::protocol::{Output, PING_TIMEOUT};

/// Timeouts and sending.
impl IrcSession {
    pub(super) fn tick(&mut self, now: Instant) {
        self.check_phase_deadline(now);
        match self.liveness.check(now) {
            LivenessCheck::Dead if self.is_registering() => {
                self.close("ping timeout during registration".to_owned());
            }
            LivenessCheck::Dead => self.close(PING_TIMEOUT.to_owned()),
            LivenessCheck::Ping => self.send_ping(now),
            LivenessCheck::Wait => {}
        }
        for endpoint in self.channels.tick(now) {
            let reason = "the server did not answer JOIN".to_owned();
            self.output.push_back(Output::Event(IrcEvent::NotJoined { endpoint, reason }));
        }
        self.tick_login(now);
        self.tick_regain(now);
        self.tick_send_queue(now);
        let overdue = self.history_requests.tick(now);
        self.report_history(overdue);
        self.who_poll.tick(now);
        self.check_joins(now);
        self.join_pending(now);
    }

    /// Handles phase timeouts, also when the server never stops sending.
    pub(super) fn check_phase_deadline(&mut self, now: Instant) {
        match self.phase {
            IrcSessionPhase::Registering { deadline } if now >= deadline => {
                self.close("registration timed out".to_owned());
            }
            IrcSessionPhase::Quitting { deadline } if now >= deadline => {
                self.close("left".to_owned());
            }
            IrcSessionPhase::Banned { deadline } if now >= deadline => {
                self.on_link_closed(String::new());
            }
            _ => {}
        }
    }

    /// Sends PING ahead of all queued lines; its timeout starts now.
    pub(super) fn send_ping(&mut self, now: Instant) {
        if let Ok(line) = Line::new("PING", &["alive"]) {
            self.pacer.spend(line.len(), None, now);
            self.output.push_back(Output::Transmit(line));
        }
    }

    /// Sends what the rate limit allows: first what keeps the connection alive, then messages, then queries.
    pub(super) fn send_ready(&mut self, now: Instant) {
        while self.pacer.can_send(Priority::High, now) {
            let receipt = self.best_receipt();
            let control = self.control_queue.pop_front().map(NextLines::control);
            let next = control
                .or_else(|| self.send_queue.next_line(receipt, &self.pacer, now))
                .or_else(|| self.next_question(now).map(NextLines::control))
                .or_else(|| self.next_who(now).map(NextLines::control));
            let Some(NextLines { lines, endpoint, delivery }) = next else { return };
            if let (Some(delivery), Some(endpoint)) = (delivery, endpoint) {
                self.output.push_back(Output::Event(IrcEvent::SendStarted { delivery, endpoint }));
            }
            for line in lines {
                self.pacer.spend(line.len(), endpoint, now);
                self.output.push_back(Output::Transmit(line));
            }
        }
    }

    pub(in crate::protocol::irc) fn enqueue_control(&mut self, commands: Vec<RawCommand>) {
        for (command, params) in commands {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            match Line::new(command, &params) {
                Ok(line) => self.control_queue.push_back(line),
                Err(error) => tracing::error!(command, %error, "invalid outgoing line dropped"),
            }
        }
    }
}
