//! The session as a machine: packets, timeouts, and when it wants to be woken.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{LetsChatSession, LetsChatSessionPhase};
use crate::protocol::letschat::requests::LetsChatRequest;
use crate::protocol::letschat::{
    LetsChatCommand, LetsChatEvent, LetsChatRejection, LetsChatRejectionKind, ReceivedFrame,
};
use crate::protocol::liveness::LivenessCheck;
use crate::protocol::socketio::Packet;
use crate::protocol::{Input, Machine, Output, PING_TIMEOUT};

/// Minimum time between two [`LetsChatEvent::Alive`].
const ALIVE_EVENT_INTERVAL: Duration = Duration::from_secs(5);

impl Machine for LetsChatSession {
    type Received = ReceivedFrame;
    type Transmit = String;
    type Command = LetsChatCommand;
    type Event = LetsChatEvent;

    fn size(frame: &ReceivedFrame) -> usize {
        match frame {
            ReceivedFrame::Text(frame) => frame.len(),
            ReceivedFrame::TooLarge => 0,
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input<ReceivedFrame, LetsChatCommand>) {
        match input {
            Input::Receive(ReceivedFrame::TooLarge) => {
                self.output.push_back(Output::Event(LetsChatEvent::FrameTooLarge));
                self.close("frame too large".to_owned());
            }
            Input::Receive(ReceivedFrame::Text(frame)) => {
                // Any packet shows that it is alive.
                if self.phase == LetsChatSessionPhase::Online
                    && now >= self.alive_reported_at + ALIVE_EVENT_INTERVAL
                {
                    self.alive_reported_at = now;
                    self.output.push_back(Output::Event(LetsChatEvent::Alive));
                }
                self.liveness.on_received_keep_pinging(now);
                match Packet::parse(&frame) {
                    Ok(packet) => self.on_packet(now, packet),
                    Err(error) => tracing::warn!(%error, "unparsable frame ignored"),
                }
            }
            Input::Command(command) => self.on_command(now, command),
            Input::Timeout => self.tick(now),
            Input::Resumed => {
                self.liveness.on_ping_sent(now);
                self.send_ping();
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output<String, LetsChatEvent>> {
        self.output.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let login = match self.phase {
            LetsChatSessionPhase::Connecting { deadline } => Some(deadline),
            LetsChatSessionPhase::Online => None,
        };
        [
            login,
            Some(self.liveness.deadline()),
            self.delayed_commands.front().map(|(due, _)| *due),
            self.timers.iter().map(|(due, _)| *due).min(),
            self.requests.deadline(),
            self.rooms.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// Packets and timeouts.
impl LetsChatSession {
    fn on_packet(&mut self, now: Instant, packet: Packet<'_>) {
        match packet {
            Packet::Open { ping_interval, .. } => {
                // In Engine.IO 3, the client sends the pings.
                let interval = Duration::from_millis(ping_interval.clamp(1_000, 60_000));
                self.liveness.set_interval(interval.min(self.max_ping_interval), now);
            }
            Packet::Ping { data } => self.send_packet(&Packet::Pong { data }),
            Packet::Pong { .. } => {
                let next_within = self.liveness.answer_period();
                self.output.push_back(Output::Event(LetsChatEvent::PingAnswered { next_within }));
            }
            Packet::Connect if self.phase != LetsChatSessionPhase::Online => {
                self.phase = LetsChatSessionPhase::Online;
                self.send_request(now, LetsChatRequest::WhoAmI, "account:whoami", Value::Null);
                if self.direct_messages {
                    self.probe_direct_messages(now);
                }
                self.refresh_rooms(now);
            }
            Packet::Error { data } => self.on_login_rejected(login_error_text(data.as_deref())),
            Packet::Disconnect | Packet::Close => {
                self.close("the server closed the connection".to_owned());
            }
            Packet::Event { name, arguments, .. } => {
                let argument = arguments.first().map_or("null", |raw| raw.get());
                self.on_event(now, &name, argument);
            }
            Packet::Ack { id, arguments } => {
                let argument = arguments.first().map_or("null", |raw| raw.get());
                if let Some(request) = self.requests.take(id) {
                    self.on_reply(now, request, argument);
                }
            }
            _ => {}
        }
    }

    /// The server rejected the login.
    fn on_login_rejected(&mut self, reason: String) {
        // After a login, token and account are valid.
        if self.phase != LetsChatSessionPhase::Online {
            self.rejection =
                Some(LetsChatRejection::new(LetsChatRejectionKind::Account, reason.clone()));
        }
        self.close(reason);
    }

    fn tick(&mut self, now: Instant) {
        if let LetsChatSessionPhase::Connecting { deadline } = self.phase
            && now >= deadline
        {
            self.close("login timed out".to_owned());
        }
        while let Some((_, command)) = self.delayed_commands.pop_front_if(|(due, _)| *due <= now) {
            self.on_command(now, command);
        }
        for (_, endpoint) in self.timers.extract_if(.., |(due, _)| *due <= now) {
            self.output.push_back(Output::Event(LetsChatEvent::TimerFired(endpoint)));
        }
        while let Some(request) = self.requests.take_overdue(now) {
            match request {
                LetsChatRequest::CreatePost { delivery, endpoint }
                | LetsChatRequest::SendDirect { delivery, endpoint } => {
                    self.output
                        .push_back(Output::Event(LetsChatEvent::TimedOut { delivery, endpoint }));
                }
                // The server never answers an unknown event.
                LetsChatRequest::ProbeDirectMessages => {
                    self.output
                        .push_back(Output::Event(LetsChatEvent::DirectMessagesEnabled(false)));
                }
                // Nothing depends on it.
                LetsChatRequest::ListUsers(_)
                | LetsChatRequest::SetDescription(_)
                | LetsChatRequest::SendDirectNotice => {}
                request => self.close(format!("request timed out: {request:?}")),
            }
        }
        match self.liveness.check(now) {
            LivenessCheck::Dead => self.close(PING_TIMEOUT.to_owned()),
            LivenessCheck::Ping => self.send_ping(),
            LivenessCheck::Wait => {}
        }
        if self.phase == LetsChatSessionPhase::Online && self.rooms.take_refresh_due(now) {
            self.refresh_rooms(now);
        }
    }

    fn send_ping(&mut self) {
        self.send_packet(&Packet::Ping { data: String::new() });
    }
}

/// Why the login was rejected, worded for the administrator
/// (docs/letschat-protocol.md, section 2).
fn login_error_text(data: Option<&str>) -> String {
    match data {
        Some(reason) => format!("Let's Chat rejected the connection: {reason}"),
        None => "Let's Chat rejected the token: create a new one and put it into token_file (an \
             account has one token; creating another revokes it)"
            .to_owned(),
    }
}
