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
            Input::Receive(line) => self.on_received(now, &line),
            Input::Command(command) => self.on_command(now, command),
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
        self.hand_over_if_settled(now);
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
        [
            self.phase.deadline(),
            self.registration.deadline(),
            self.nickserv.deadline(),
            self.regain.deadline(),
            Some(self.liveness.deadline()),
            (self.phase == IrcSessionPhase::Online).then(|| self.join_check.deadline()),
            self.next_send_at(),
            self.next_who_at(),
            self.who_poll.deadline(),
            self.channels.deadline(),
            self.history_requests.deadline(),
            self.send_queue.deadline(),
            self.hand_over_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl IrcSession {
    fn on_received(&mut self, now: Instant, line: &ReceivedLine) {
        if self.is_registering() || self.send_only {
            self.liveness.on_received(now);
        } else {
            // Only an answer shows that it hears us, too.
            self.liveness.on_received_keep_pinging(now);
        }
        self.check_phase_deadline(now);
        self.report_alive(now);
        if matches!(line, ReceivedLine::FallbackCharset(_)) {
            self.output.push_back(Output::Event(IrcEvent::FallbackCharsetUsed));
        }
        match line.parse() {
            Ok(message) => self.on_line(now, message),
            // An unparsable line still shows that the connection is alive.
            Err(error) => tracing::warn!(%error, "unparsable line ignored"),
        }
    }

    fn on_command(&mut self, now: Instant, command: IrcCommand) {
        match command {
            IrcCommand::SendMessage { delivery, endpoint, kind, prefix, body, relay_nick } => {
                let text = (prefix.as_str(), body.as_str());
                self.send_message(delivery, endpoint, kind, text, relay_nick.as_deref());
            }
            IrcCommand::SendDirect { delivery, endpoint, recipient, kind, prefix, body } => {
                self.send_direct((delivery, endpoint), recipient, kind, (&prefix, &body));
            }
            IrcCommand::SendNotice { nick, text } => self.send_notice(&nick, &text),
            IrcCommand::FetchHistory { endpoint, since, now, msgid, by_msgid } => {
                self.fetch_history(endpoint, (since, now), msgid, by_msgid);
            }
            IrcCommand::SetTopic { endpoint, topic } => self.set_topic(endpoint, &topic),
            IrcCommand::SetModes { endpoint, modes } => self.set_modes(endpoint, &modes),
            IrcCommand::GiveVoice { endpoint, nicks } => self.give_voice(endpoint, &nicks),
            IrcCommand::SetAway(reason) => {
                self.is_away = reason.is_some();
                self.enqueue_control(vec![("AWAY", reason.into_iter().collect())]);
            }
            IrcCommand::Join(target) => {
                self.channels.add(target, now);
                self.reject_impossible_channels(now);
                self.join_pending(now);
            }
            IrcCommand::Part { endpoint, reason } => self.leave_channel(endpoint, reason),
            IrcCommand::SetFloodControl(flood_control) => {
                self.pacer.set_flood_control(flood_control);
            }
            IrcCommand::SetInviter(services) => self.request_invite_from = services,
            IrcCommand::HandOver => self.begin_hand_over(now),
            IrcCommand::Quit(reason) => self.quit(now, reason),
        }
    }

    /// When the rate limit allows the next queued line.
    fn next_send_at(&self) -> Option<Instant> {
        let priority = if self.control_queue.is_empty() {
            let priority_of = |endpoint| self.pacer.priority(endpoint, self.last_input_at);
            self.send_queue.priority(priority_of)
        } else {
            Some(Priority::High)
        };
        self.pacer.ready_at(priority?)
    }

    /// When the rate limit allows the next WHO, or the next question about a channel.
    fn next_who_at(&self) -> Option<Instant> {
        let is_asking = self.who_poll.is_ready(self.last_input_at) || !self.questions.is_empty();
        is_asking.then(|| self.pacer.full_at()).flatten()
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
            | IrcEvent::Rights { .. }
    )
}
