//! The session as a machine: dispatches inputs, and says when it wants to be woken.

use std::time::Instant;

use super::{IrcSession, IrcSessionPhase};
use crate::protocol::irc::send::pacing::Priority;
use crate::protocol::irc::wire::line::Line;
use crate::protocol::irc::{IrcCommand, IrcEvent, ReceivedLine};
use crate::protocol::{Input, Machine, Output};

impl Machine for IrcSession {
    type Received = ReceivedLine;
    type Transmit = Line;
    type Command = IrcCommand;
    type Event = IrcEvent;

    fn handle_input(&mut self, now: Instant, input: Input<ReceivedLine, IrcCommand>) {
        self.last_input_at = now;
        match input {
            Input::Receive(heard) => {
                self.liveness.on_received(now);
                self.check_phase_deadline(now);
                self.report_alive(now);
                if matches!(heard, ReceivedLine::FallbackCharset(_)) {
                    self.output.push_back(Output::Event(IrcEvent::FallbackCharsetUsed));
                }
                match heard.parse() {
                    Ok(message) => self.on_line(now, message),
                    // An unparsable line still shows that the connection is alive.
                    Err(error) => tracing::warn!(%error, "unparsable line ignored"),
                }
            }
            Input::Command(IrcCommand::SendMessage {
                delivery,
                endpoint,
                kind,
                prefix,
                body,
                relay_nick: relay,
            }) => {
                self.send_message(delivery, endpoint, kind, (&prefix, &body), relay.as_deref());
            }
            Input::Command(IrcCommand::FetchHistory {
                endpoint,
                since,
                now,
                msgid,
                by_msgid: by_line,
            }) => {
                self.fetch_history(endpoint, (since, now), msgid, by_line);
            }
            Input::Command(IrcCommand::SendDirect {
                delivery,
                endpoint,
                recipient,
                kind,
                prefix,
                body,
            }) => {
                self.send_direct((delivery, endpoint), recipient, kind, (&prefix, &body));
            }
            Input::Command(IrcCommand::SendNotice { nick, text }) => self.send_notice(&nick, &text),
            Input::Command(IrcCommand::SetTopic { endpoint, topic }) => {
                self.set_topic(endpoint, &topic);
            }
            Input::Command(IrcCommand::SetAway(reason)) => {
                self.enqueue_control(vec![("AWAY", reason.into_iter().collect())]);
            }
            Input::Command(IrcCommand::Join(target)) => {
                self.channels.add(target);
                self.join_pending(now);
            }
            Input::Command(IrcCommand::Quit(reason)) => self.quit(now, reason),
            Input::Timeout => self.tick(now),
            Input::Resumed => {
                self.liveness.on_ping_sent(now);
                self.send_ping(now);
            }
        }
        self.cancel_gone_directs();
        self.report_membership();
        self.send_history_requests(now);
        self.send_ready(now);
        if let Some(reason) =
            self.quota.take_exceeded(self.users.held_bytes(), self.control_queue.len())
        {
            self.control_queue.clear();
            self.close(reason);
        }
    }

    fn poll_output(&mut self) -> Option<Output<Line, IrcEvent>> {
        loop {
            let output = self.output.pop_front()?;
            if !(self.send_only && is_about_others(&output)) {
                return Some(output);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let door = match self.phase {
            IrcSessionPhase::Registering { deadline: until }
            | IrcSessionPhase::Quitting { deadline: until }
            | IrcSessionPhase::Banned { deadline: until } => Some(until),
            IrcSessionPhase::Identifying | IrcSessionPhase::Online => None,
        };
        let weight = |endpoint| self.pacer.priority(endpoint, self.last_input_at);
        let urgency = if self.control_queue.is_empty() {
            self.send_queue.priority(weight)
        } else {
            Some(Priority::High)
        };
        let pace = urgency.and_then(|urgency| self.pacer.ready_at(urgency));
        let rested =
            self.who_poll.is_ready(self.last_input_at).then(|| self.pacer.full_at()).flatten();
        let [channels, past] = [self.channels.deadline(), self.history_requests.deadline()];
        let [login, services] = [self.registration.deadline(), self.nickserv.deadline()];
        let [nick, census] = [self.regain.deadline(), self.who_poll.deadline()];
        let roll = (self.phase == IrcSessionPhase::Online).then(|| self.join_check.deadline());
        let rendered = self.send_queue.deadline();
        let alive = Some(self.liveness.deadline());
        [door, login, services, nick, alive, roll, pace, rested, census, channels, past, rendered]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Whether an output is about messages or events of others.
fn is_about_others(output: &Output<Line, IrcEvent>) -> bool {
    let Output::Event(event) = output else { return false };
    matches!(
        event,
        IrcEvent::Message { .. }
            | IrcEvent::Membership(_)
            | IrcEvent::Topic { .. }
            | IrcEvent::ModesChanged { .. }
    )
}
