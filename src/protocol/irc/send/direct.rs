//! Sends and receives direct messages.

use std::sync::Arc;

use irc::proto::Prefix;

use super::direct_targets::{DirectTargets, is_same_user};
use super::notice;
use crate::domain::{DeliveryId, EndpointId, IrcUser, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::channels::user_events::nick_and_userhost;
use crate::protocol::irc::receive::text;
use crate::protocol::irc::send::multiline::OutgoingText;
use crate::protocol::irc::session::{IrcSession, IrcSessionPhase};
use crate::protocol::irc::wire::batch::MessageContext;
use crate::protocol::irc::{IncomingMessage, IrcEvent};

/// Why a direct message was not sent.
const RECIPIENT_CHANGED: &str = "the nick may belong to someone else now";

/// Direct messages.
impl IrcSession {
    /// Sends a direct message, if the recipient still has the nick.
    pub(in crate::protocol::irc) fn send_direct(
        &mut self,
        (delivery, endpoint): (DeliveryId, EndpointId),
        recipient: Arc<IrcUser>,
        kind: MessageKind,
        (prefix, body): (&str, &str),
    ) {
        let there =
            self.users.get(&recipient.nick).is_some_and(|now| is_same_user(&recipient, now));
        if !there || self.phase != IrcSessionPhase::Online || !notice::is_nick(&recipient.nick) {
            let reason = RECIPIENT_CHANGED.to_owned();
            self.output.push_back(Output::Event(IrcEvent::Rejected { delivery, endpoint, reason }));
            return;
        }
        let target = recipient.nick.clone();
        let budget = self.text_budget(&target, kind);
        let script = OutgoingText {
            delivery,
            kind,
            target: &target,
            prefix,
            body,
            budget,
            relay_nick: None,
        };
        self.send_queue.push(delivery, endpoint, script.lines());
        self.direct_targets.insert(endpoint, recipient);
    }

    /// Cancels unsent messages to recipients who have left.
    pub(in crate::protocol::irc) fn cancel_gone_directs(&mut self) {
        for endpoint in self.direct_targets.gone_targets(|nick| self.users.get(nick)) {
            let result = self.send_queue.cancel(endpoint, RECIPIENT_CHANGED);
            self.report_send_result(result);
        }
    }

    /// A direct message was received. Played-back ones are ignored: they were handled when they were live.
    pub(in crate::protocol::irc) fn report_direct_message(
        &mut self,
        source: Option<&Prefix>,
        text: &str,
        context: &MessageContext,
    ) {
        let (Some((nick, address)), Some((kind, text))) =
            (nick_and_userhost(source), text::parse_text(false, text))
        else {
            return;
        };
        let author = self.message_author(nick, address, context);
        let message = IncomingMessage {
            author,
            kind,
            text: text.to_owned(),
            message_ref: context.message_ref.clone(),
            is_playback: false,
            is_own: false,
            is_own_userhost: false,
            relayed_by: context.relayed_by.clone(),
        };
        self.output.push_back(Output::Event(IrcEvent::DirectMessage(message)));
    }

    /// The endpoint of a message's target: one of our channels, or the recipient of a direct message.
    pub(in crate::protocol::irc) fn endpoint_of(&self, name: &str) -> Option<EndpointId> {
        let whispered = || self.direct_targets.endpoint_of(name, self.isupport.casemapping);
        self.channels.endpoint_of(name).or_else(whispered)
    }

    /// Whether the numeric `code` reports that a direct message was not delivered.
    pub(in crate::protocol::irc) fn is_direct_send_error(
        &self,
        code: &str,
        arguments: &[String],
    ) -> bool {
        let recipient = arguments.get(1).map_or("", String::as_str);
        DirectTargets::is_send_error(code)
            && self.direct_targets.endpoint_of(recipient, self.isupport.casemapping).is_some()
    }
}
