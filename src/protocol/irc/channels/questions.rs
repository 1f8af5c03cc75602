//! What a session that was taken over asks about its channels, when nothing more urgent is to be sent.

use std::collections::VecDeque;

use crate::domain::EndpointId;
use crate::protocol::irc::login::RawCommand;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::line::Line;

/// What is asked about a channel that was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::irc) enum ChannelQuestion {
    /// Who is there, and then WHO: another process did not know.
    Members,
    /// The topic.
    Topic,
    /// The modes, which say whether we may speak.
    Modes,
}

/// The questions that wait.
pub(in crate::protocol::irc) type ChannelQuestions = VecDeque<(EndpointId, ChannelQuestion)>;

/// Questions about channels.
impl IrcSession {
    /// Asks about a channel that was taken over.
    pub(in crate::protocol::irc) fn ask_about(&mut self, endpoint: EndpointId) {
        if !self.users.is_own_nick_listed(endpoint) {
            self.questions.push_back((endpoint, ChannelQuestion::Members));
        }
        if !self.send_only {
            self.questions.push_back((endpoint, ChannelQuestion::Topic));
            self.questions.push_back((endpoint, ChannelQuestion::Modes));
        }
    }

    /// The next question, sent when nothing more urgent is queued.
    pub(in crate::protocol::irc) fn next_question(
        &mut self,
        now: std::time::Instant,
    ) -> Option<Line> {
        if self.questions.is_empty() || !self.pacer.is_full(now) {
            return None;
        }
        // Channels that were left meanwhile are skipped.
        while let Some((endpoint, question)) = self.questions.pop_front() {
            let Some(name) = self.channels.name_of(endpoint).map(str::to_owned) else { continue };
            let (command, params): RawCommand = match question {
                ChannelQuestion::Members => ("NAMES", vec![name]),
                ChannelQuestion::Topic => ("TOPIC", vec![name]),
                ChannelQuestion::Modes => ("MODE", vec![name]),
            };
            if question == ChannelQuestion::Members && !self.send_only {
                self.who_poll.enqueue(endpoint);
            }
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            if let Ok(line) = Line::new(command, &params) {
                return Some(line);
            }
        }
        None
    }
}
