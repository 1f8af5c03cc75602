//! Reads messages in channels, and direct ones.

use std::time::Instant;

use irc::proto::Prefix;

use crate::domain::MessageKind;
use crate::protocol::Output;
use crate::protocol::irc::channels::user_events::nick_and_userhost;
use crate::protocol::irc::send::queue::EchoClaim;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::batch::MessageContext;
use crate::protocol::irc::{IncomingMessage, IrcEvent};

/// The nick that reports joins and parts in Ergo's history.
const ERGO_HISTORY_NICK: &str = "HistServ";

/// Messages.
impl IrcSession {
    /// A direct message or private NOTICE was received.
    pub(in crate::protocol::irc) fn on_private_message(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        text: &str,
        context: &MessageContext,
    ) {
        let Some(Prefix::Nickname(nick, ..)) = source else { return };
        if self.is_me(nick) || context.batch.is_playback {
            return;
        }
        self.control_queue.extend(self.ctcp_responder.reply(
            now,
            nick,
            text,
            context.message_ref.time,
        ));
        self.report_direct_message(source, text, context);
    }

    /// A message was received. Messages to a part of a channel (`@#tea`, ISUPPORT STATUSMSG) are not for
    /// everybody and therefore ignored.
    pub(in crate::protocol::irc) fn on_message(
        &mut self,
        source: Option<&Prefix>,
        target: &str,
        message: Option<(MessageKind, &str)>,
        context: &MessageContext,
    ) {
        let Some((nick, address)) = nick_and_userhost(source) else { return };
        let (Some(endpoint), Some((kind, text))) = (self.endpoint_of(target), message) else {
            return;
        };
        let relayed_by = context.relayed_by.clone();
        let speaker = relayed_by.as_deref().unwrap_or(nick);
        let own = self.is_me(speaker);
        let played = context.batch.is_playback;
        let mut claim = EchoClaim::OtherClient;
        if own && !played {
            claim = self.on_echo(endpoint, (kind, text), context);
        }
        // Messages between others come from a confused server, or from a bouncer on behalf of its other
        // clients.
        if claim == EchoClaim::Own || self.channels.endpoint_of(target).is_none() {
            return;
        }
        if played && nick == ERGO_HISTORY_NICK {
            return;
        }
        let author = self.message_author(nick, address, context);
        let (text, message_ref) = (text.to_owned(), context.message_ref.clone());
        let from_here = played && author.userhost.is_some() && author.userhost == self.userhost;
        let message = IncomingMessage {
            author,
            kind,
            text,
            message_ref,
            is_playback: played,
            is_own: own,
            is_own_userhost: from_here,
            relayed_by,
        };
        if claim == EchoClaim::Maybe {
            return self.hold_unclaimed(endpoint, message);
        }
        if !played && self.is_before_join(target) {
            return self.early_messages.push((endpoint, message));
        }
        self.output.push_back(Output::Event(IrcEvent::Message { endpoint, message }));
    }
}
