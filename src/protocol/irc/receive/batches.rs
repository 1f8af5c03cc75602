//! Reads batches: multi-line messages, history, labeled responses.

use std::time::Instant;

use irc::proto::{Command, Message, Prefix};

use super::text;
use crate::protocol::irc::send::multiline;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::batch::MessageContext;

/// Batches.
impl IrcSession {
    /// Adds a line to a multi-line message, which is reported when complete. Returns whether the line
    /// belonged to one.
    pub(in crate::protocol::irc) fn add_multiline_line(
        &mut self,
        source: Option<&Prefix>,
        message: &Message,
    ) -> bool {
        let (notice, text) = match &message.command {
            Command::PRIVMSG(_, text) => (false, text),
            Command::NOTICE(_, text) => (true, text),
            _ => return false,
        };
        let tags = message.tags.as_deref();
        let concat = tags.is_some_and(|tags| tags.iter().any(|tag| tag.0 == multiline::CONCAT_TAG));
        self.open_multilines.add_line(
            text::tag_value(tags, "batch"),
            source,
            (notice, text, concat),
        )
    }

    pub(in crate::protocol::irc) fn on_batch(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        reference: &str,
        (kind, about): (&str, Option<&String>),
        context: &MessageContext,
    ) {
        if let Some(reference) = reference.strip_prefix('+') {
            self.batches.open(reference, kind, about.map(String::as_str), context);
            if let Some(target) = about.filter(|_| kind.eq_ignore_ascii_case(multiline::CAP_NAME)) {
                self.open_multilines.open(reference, source, target, context);
            }
        } else if let Some(reference) = reference.strip_prefix('-') {
            self.on_batch_end(now, reference);
        }
    }

    pub(in crate::protocol::irc) fn on_batch_end(&mut self, now: Instant, reference: &str) {
        let Some(batch) = self.batches.close(reference) else { return };
        if let Some(multiline) = self.open_multilines.close(reference) {
            let message = text::parse_text(multiline.is_notice, &multiline.text);
            if !self.is_me(&multiline.target) {
                self.on_message(
                    Some(&multiline.source),
                    &multiline.target,
                    message,
                    &multiline.context,
                );
            } else if !multiline.is_notice && !multiline.context.batch.is_playback {
                self.report_direct_message(
                    Some(&multiline.source),
                    &multiline.text,
                    &multiline.context,
                );
            }
        }
        if batch.is_history {
            let endpoint = batch.target.as_deref().and_then(|name| self.channels.endpoint_of(name));
            let answer = self.history_requests.on_batch_end(endpoint, batch.label.as_deref());
            self.report_history(answer);
        }
        self.on_labeled_response(now, &MessageContext { batch, ..MessageContext::default() });
    }
}
