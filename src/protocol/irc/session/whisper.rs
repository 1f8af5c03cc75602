use std::sync::Arc;

use irc::proto::Prefix;

use super::people::nick_and_userhost;
use super::{Phase, Session};
use crate::domain::{DeliveryId, EndpointId, IrcUser, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::batches::MessageContext;
use crate::protocol::irc::multiline::OutgoingText;
use crate::protocol::irc::whispers::{Whispers, is_same};
use crate::protocol::irc::{Event, Talk, heard, notice};

/// Why somebody is not told.
const GONE: &str = "whoever goes by that nick may be somebody else now";

/// What is said to somebody alone, and by somebody to us.
impl Session {
    /// Says something to `whom`, if they are still who has the nick.
    pub(super) fn whisper(
        &mut self,
        (ticket, place): (DeliveryId, EndpointId),
        whom: Arc<IrcUser>,
        kind: MessageKind,
        (prefix, body): (&str, &str),
    ) {
        let there = self.people.get(&whom.nick).is_some_and(|now| is_same(&whom, now));
        if !there || self.phase != Phase::Seated || !notice::is_nick(&whom.nick) {
            let why = GONE.to_owned();
            self.output.push_back(Output::Event(Event::Refused { ticket, place, why }));
            return;
        }
        let target = whom.nick.clone();
        let budget = self.budget(&target, kind);
        let script = OutgoingText {
            delivery: ticket,
            kind,
            target: &target,
            prefix,
            body,
            budget,
            relay_nick: None,
        };
        self.speech.push(ticket, place, script.lines());
        self.whispers.begin(place, whom);
    }

    /// Takes back what is for somebody who is out of sight, as far as it has not left.
    pub(super) fn take_back_whispers(&mut self) {
        for place in self.whispers.lost(|nick| self.people.get(nick)) {
            let verdict = self.speech.withdraw(place, GONE);
            self.tell(verdict);
        }
    }

    /// Somebody says something to us alone. What is played back of that was for whoever listened then.
    pub(super) fn hear_whisper(
        &mut self,
        source: Option<&Prefix>,
        text: &str,
        context: &MessageContext,
    ) {
        let (Some((nick, address)), Some((kind, text))) =
            (nick_and_userhost(source), heard::parse_text(false, text))
        else {
            return;
        };
        let author = self.message_author(nick, address, context);
        let (text, mark) = (text.to_owned(), context.message_ref.clone());
        let relayed_by = context.relayed_by.clone();
        let (played, own, from_here) = (false, false, false);
        let talk = Talk { author, kind, text, mark, played, own, from_here, relayed_by };
        self.output.push_back(Output::Event(Event::Whispered(talk)));
    }

    /// What a line was said to, or is to be: one of our channels, or somebody whom we are telling
    /// something.
    pub(super) fn target(&self, name: &str) -> Option<EndpointId> {
        let whispered = || self.whispers.place(name, self.isupport.casemapping);
        self.channels.endpoint_of(name).or_else(whispered)
    }

    /// Whether the numeric `code` says that somebody whom we are telling something was not told.
    pub(super) fn is_unheard(&self, code: &str, arguments: &[String]) -> bool {
        let whom = arguments.get(1).map_or("", String::as_str);
        Whispers::are_unheard(code)
            && self.whispers.place(whom, self.isupport.casemapping).is_some()
    }
}
