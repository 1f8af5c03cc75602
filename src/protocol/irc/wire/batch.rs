//! Open IRCv3 batches, and what a batch and tags say about a line.

use std::collections::HashMap;

use irc::proto::message::Tag;

use crate::protocol::irc::MessageRef;
use crate::protocol::irc::receive::text;
use crate::protocol::irc::send::relaymsg;

/// The tags that mark messages of bots.
const BOT_TAGS: [&str; 2] = ["bot", "draft/bot"];

/// More than any server has open at once.
const MAX_OPEN_BATCHES: usize = 64;

/// Longer than any reference, label or channel name.
const MAX_LEN: usize = 512;

/// The batches that the server has opened and not closed (<https://ircv3.net/specs/extensions/batch>).
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct Batches {
    open: HashMap<String, Batch>,
}

/// Properties that apply to every line of a batch, nested ones included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::protocol::irc) struct Batch {
    /// The label of our command that this batch answers.
    pub(in crate::protocol::irc) label: Option<String>,
    /// Its lines are history, played back to us.
    pub(in crate::protocol::irc) is_playback: bool,
    /// It is a history batch itself, not only nested in one.
    pub(in crate::protocol::irc) is_history: bool,
    /// The channel it is about, as the server spells it.
    pub(in crate::protocol::irc) target: Option<String>,
    /// It reports a netsplit or netjoin
    /// (<https://ircv3.net/specs/batches/netsplit>).
    pub(in crate::protocol::irc) netsplit: bool,
    pub(in crate::protocol::irc) netjoin: bool,
}

/// Metadata of a line, from its tags and its batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::protocol::irc) struct MessageContext {
    pub(in crate::protocol::irc) batch: Batch,
    /// The line is the complete labeled response.
    pub(in crate::protocol::irc) is_full_response: bool,
    pub(in crate::protocol::irc) message_ref: MessageRef,
    /// The sender's account (<https://ircv3.net/specs/extensions/account-tag>).
    pub(in crate::protocol::irc) account: Option<String>,
    /// The sender is a bot (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(in crate::protocol::irc) bot: bool,
    /// Who sent it under another nick with RELAYMSG.
    pub(in crate::protocol::irc) relayed_by: Option<Box<str>>,
}

impl Batches {
    /// Opens a batch of type `kind`, about the channel `about` if any; `context` is that of its BATCH line.
    pub(in crate::protocol::irc) fn open(
        &mut self,
        reference: &str,
        kind: &str,
        about: Option<&str>,
        context: &MessageContext,
    ) {
        if self.open.len() >= MAX_OPEN_BATCHES {
            // The server does not close its batches. Lines of forgotten batches count as live.
            self.open.clear();
        }
        let history = ["chathistory", "draft/chathistory", "znc.in/playback"];
        let mut batch = context.batch.clone();
        batch.target = about.map(str::to_owned).or(batch.target);
        batch.is_history = history.iter().any(|name| name.eq_ignore_ascii_case(kind));
        batch.is_playback |= batch.is_history;
        batch.netsplit |= kind.eq_ignore_ascii_case("netsplit");
        batch.netjoin |= kind.eq_ignore_ascii_case("netjoin");
        self.open.insert(reference.to_owned(), batch);
    }

    /// Whether a batch is open.
    pub(in crate::protocol::irc) fn is_any_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(in crate::protocol::irc) fn close(&mut self, reference: &str) -> Option<Batch> {
        self.open.remove(reference)
    }

    /// The metadata of a line with these tags.
    pub(in crate::protocol::irc) fn context(&self, tags: Option<&[Tag]>) -> MessageContext {
        if tags.is_none_or(<[Tag]>::is_empty) {
            return MessageContext::default();
        }
        let outer = text::tag_value(tags, "batch").and_then(|reference| self.open.get(reference));
        let mut batch = outer.cloned().unwrap_or_default();
        let label = text::tag_value(tags, "label").map(str::to_owned);
        let whole = label.is_some();
        batch.label = label.or(batch.label);
        let short = |text: &&str| text.len() <= MAX_LEN;
        let msgid = text::tag_value(tags, "msgid").filter(short).map(str::to_owned);
        MessageContext {
            batch,
            is_full_response: whole,
            message_ref: MessageRef { msgid, time: text::server_time(tags) },
            relayed_by: relaymsg::CAP_NAMES
                .iter()
                .find_map(|name| text::tag_value(tags, name).filter(short))
                .map(Into::into),
            account: text::tag_value(tags, "account").filter(short).map(str::to_owned),
            bot: tags.is_some_and(|tags| tags.iter().any(|tag| BOT_TAGS.contains(&tag.0.as_str()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
        pairs.iter().map(|(key, value)| Tag((*key).to_owned(), Some((*value).to_owned()))).collect()
    }

    #[test]
    fn nested_batches_inherit_their_context() {
        let mut batches = Batches::default();
        let outer = batches.context(Some(&tags(&[("label", "7.1")])));
        assert!(outer.is_full_response);
        batches.open("a", "labeled-response", None, &outer);
        let inner = batches.context(Some(&tags(&[("batch", "a")])));
        batches.open("b", "chathistory", Some("#tea"), &inner);
        let line = batches.context(Some(&tags(&[("batch", "b"), ("msgid", "m")])));
        assert_eq!(
            line.batch,
            Batch {
                label: Some("7.1".to_owned()),
                is_playback: true,
                is_history: true,
                target: Some("#tea".to_owned()),
                ..Batch::default()
            }
        );
        assert_eq!((line.is_full_response, line.message_ref.msgid.as_deref()), (false, Some("m")));
        assert_eq!(batches.close("b"), Some(line.batch));
        let after = batches.context(Some(&tags(&[("batch", "b")])));
        assert_eq!(after.batch, Batch::default());
    }

    #[test]
    fn unclosed_batches_are_bounded() {
        let mut batches = Batches::default();
        for number in 0..10 * MAX_OPEN_BATCHES {
            batches.open(&number.to_string(), "netsplit", None, &MessageContext::default());
        }
        assert!(batches.open.len() <= MAX_OPEN_BATCHES);
    }
}
