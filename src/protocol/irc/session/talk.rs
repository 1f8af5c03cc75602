use std::time::Instant;

use super::{LONGEST_ADDRESS, Session, last};
use crate::domain::{DeliveryId, EndpointId, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::batches::MessageContext;
use crate::protocol::irc::line::Charset;
use crate::protocol::irc::multiline::{self, MultilineLimits, OutgoingText};
use crate::protocol::irc::objection::Objection;
use crate::protocol::irc::relaymsg;
use crate::protocol::irc::speech::{Claim, Meant, Outcome, Receipt, Verdict};
use crate::protocol::irc::split::{self, Room};
use crate::protocol::irc::{Event, Scope, Talk};

/// How many lines under our nick wait until it is known whose they are.
const MOST_STRANGERS: usize = 64;

/// What services call those whose nick they take away: `Guest` and some digits.
const GUEST: usize = 12;

/// What we say, and what the server makes of it.
impl Session {
    pub(super) fn say(
        &mut self,
        ticket: DeliveryId,
        place: EndpointId,
        kind: MessageKind,
        (prefix, body): (&str, &str),
        relay: Option<&str>,
    ) {
        let Some(target) = self.channels.name_of(place) else {
            let why = "no such channel here".to_owned();
            self.output.push_back(Output::Event(Event::Refused { ticket, place, why }));
            return;
        };
        let linelen = self.isupport.linelen;
        let address = self.address.as_ref().map_or(LONGEST_ADDRESS, String::len);
        let budget = match relay {
            None => self.budget(target, kind),
            Some(nick) => {
                if let Err(error) = relaymsg::relaymsg_line(kind, target, nick, "hello") {
                    let (scope, why) = (Scope::Nick, error.to_string());
                    let event = Event::Voiceless { ticket, place, scope, why };
                    return self.output.push_back(Output::Event(event));
                }
                // Whose host the server shows for it, is its own affair.
                let charset = self.charset(target);
                let (nick_width, width) = (charset.width(nick), charset.width(target));
                let source = nick_width + 1 + address.max(LONGEST_ADDRESS);
                let ours = linelen.saturating_sub(relaymsg::overhead(kind, width, nick_width));
                let bytes = split::budget(source, width, kind, linelen).min(ours);
                Room { bytes, charset }
            }
        };
        let script = OutgoingText {
            delivery: ticket,
            kind,
            target,
            prefix,
            body,
            budget,
            relay_nick: relay,
        };
        let lines = match self.limits() {
            // Of batches, UTF-8 is the only form.
            Some(limits) if budget.charset.is_utf8() => script.batches(limits),
            _ => script.lines(),
        };
        self.speech.push(ticket, place, lines);
    }

    /// How much text a line of ours to `target` has room for.
    pub(super) fn budget(&self, target: &str, kind: MessageKind) -> Room {
        let address = self.address.as_ref().map_or(LONGEST_ADDRESS, String::len);
        // As long as what we may be called by the time it is said.
        let nick = self.nick.len().max(self.regain.wanted().len()).max(GUEST);
        let (source, charset) = (nick + 1 + address, self.charset(target));
        let bytes = split::budget(source, charset.width(target), kind, self.isupport.linelen);
        Room { bytes, charset }
    }

    /// How what is said to `target` is written.
    pub(super) fn charset(&self, target: &str) -> Charset {
        match &self.charsets {
            Some(charsets) if !self.isupport.utf8_only => charsets.to(target),
            _ => Charset::Both(encoding_rs::UTF_8),
        }
    }

    /// How much the server takes as one message of several lines, if it does.
    fn limits(&self) -> Option<MultilineLimits> {
        let receipts = self.receipt() != Receipt::Fence;
        let value = self
            .registration
            .cap_value(multiline::CAP_NAME)
            .filter(|_| receipts && self.batches_go);
        value.and_then(MultilineLimits::parse)
    }

    /// The best receipt that the server offers.
    pub(super) fn receipt(&self) -> Receipt {
        let has = |cap| self.registration.has_cap(cap);
        match (has("labeled-response") && has("batch"), has("echo-message")) {
            (true, echo) => Receipt::Label { echo },
            (false, true) => Receipt::Echo,
            (false, false) => Receipt::Fence,
        }
    }

    /// A line under our nick: one of ours that came back, or what another client of the same user says.
    pub(super) fn echoed(
        &mut self,
        place: EndpointId,
        talk: (MessageKind, &str),
        context: &MessageContext,
    ) -> Claim {
        let label = context.batch.label.as_deref();
        let (verdict, claim) = self.speech.echoed(place, label, talk, context.message_ref.clone());
        self.tell(verdict);
        // Whose nick the server lends us, is ours to use.
        if context.relayed_by.is_some() { Claim::Ours } else { claim }
    }

    /// A line under our nick that may be the one under way in other words: that is known when that one is
    /// confirmed.
    pub(super) fn strange(&mut self, place: EndpointId, talk: Talk) {
        if self.strangers.len() < MOST_STRANGERS {
            self.strangers.push((place, talk));
        }
    }

    /// What was said under our nick while a line of ours was under way, and was not that line.
    fn release_strangers(&mut self, place: EndpointId) {
        let mut said: Vec<Talk> =
            self.strangers.extract_if(.., |it| it.0 == place).map(|it| it.1).collect();
        if self.speech.took_stranger(place) && !said.is_empty() {
            said.remove(0);
        }
        let heard = said.into_iter().map(|talk| Output::Event(Event::Heard { place, talk }));
        self.output.extend(heard);
    }

    /// The answer to what we said with a label is complete.
    pub(super) fn answered(&mut self, now: Instant, context: &MessageContext) {
        if let Some(label) = &context.batch.label {
            let verdict = self.speech.answered(label, now);
            self.tell(verdict);
        }
    }

    /// The server has something against a line, by the numeric `code`.
    pub(super) fn object(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let label = context.batch.label.as_deref();
        let place = arguments.get(1).and_then(|target| self.target(target));
        let meant = match (label, place) {
            (Some(label), _) => Meant::Label(label),
            (None, Some(place)) => Meant::Place(place),
            // Those that name no target; of others, it is no line of ours.
            (None, None) if ["263", "407", "412", "417"].contains(&code) => Meant::Some,
            (None, None) => return,
        };
        if let (true, Some(name)) = (code == "404", place.and_then(|it| self.channels.name_of(it)))
        {
            tracing::warn!(
                channel = name,
                why = last(arguments),
                "the channel does not take what the bridge says: if it is moderated (+m), or bans or mutes the \
                 bridge, give it voice: MODE {name} +v {}",
                self.nick
            );
        }
        let objection = self.objection(code, last(arguments), now);
        let verdict = self.speech.object(meant, objection, now);
        self.tell(verdict);
    }

    /// What the server has against a line of ours; where that is its pace, the next are slower.
    fn objection(&mut self, code: &str, text: &str, now: Instant) -> Objection {
        if Objection::is_about_pace(code, text) {
            self.pacer.warned(now);
        }
        Objection::read(code, text)
    }

    /// A standard reply that says no: its command, its code, what it is about, and words.
    pub(super) fn fail(&mut self, now: Instant, arguments: &[String], context: &MessageContext) {
        let [command, code, about @ ..] = arguments else { return };
        if command == "CHATHISTORY" {
            return self.past_refused(code, last(arguments));
        }
        if command == "BATCH" {
            // Of one batch it may complain line by line.
            if self.speech.unbatch() {
                tracing::info!(code, why = last(arguments), "said line by line from here on");
                self.batches_go = false;
            }
            return;
        }
        let relayed = command == "RELAYMSG";
        if !relayed && !["PRIVMSG", "NOTICE", "*"].contains(&command.as_str()) {
            return;
        }
        let place = about.iter().find_map(|word| self.target(word));
        let meant = match (context.batch.label.as_deref(), place) {
            (Some(label), _) => Meant::Label(label),
            (None, Some(place)) => Meant::Place(place),
            (None, None) => Meant::Some,
        };
        let objection = match relayed {
            true => relaymsg::parse_error(code, last(arguments)),
            false => self.objection(code, last(arguments), now),
        };
        let verdict = self.speech.object(meant, objection, now);
        self.tell(verdict);
    }

    /// The server knows no `RELAYMSG`, or not of us: by the numeric `code`.
    pub(super) fn object_relay(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let label = context.batch.label.as_deref();
        let place = arguments.iter().skip(1).find_map(|word| self.channels.endpoint_of(word));
        let meant = match (label, place) {
            (Some(label), _) => Meant::Label(label),
            (None, Some(place)) => Meant::Place(place),
            (None, None) => Meant::Some,
        };
        let objection = relaymsg::parse_error(code, last(arguments));
        let verdict = self.speech.object(meant, objection, now);
        self.tell(verdict);
    }

    /// Tells, once, that the server lends nicks.
    pub(super) fn tell_lends(&mut self) {
        let mut values =
            relaymsg::CAP_NAMES.iter().filter_map(|name| self.registration.cap_value(name));
        let Some(separators) = values.next().filter(|_| !self.lends_told) else { return };
        let separators = if separators.is_empty() { "/" } else { separators }.to_owned();
        let limit = self.isupport.nicklen.unwrap_or(NICK_LENGTH);
        self.lends_told = true;
        self.output.push_back(Output::Event(Event::Lends { separators, limit }));
    }

    pub(super) fn pong(&mut self, now: Instant, token: &str) {
        let verdict = self.speech.pong(token, self.registration.is_bouncer(), now);
        self.tell(verdict);
        let answer = self.past.on_pong(token);
        self.report_history(answer);
    }

    /// What time has brought to what we said.
    pub(super) fn tick_speech(&mut self, now: Instant) {
        let passed = self.speech.tick(now);
        for verdict in passed.verdicts {
            self.tell(Some(verdict));
        }
        self.output.extend(passed.again.into_iter().map(|it| Output::Event(Event::Again(it))));
        if passed.stalled {
            self.close("the server does not answer our PING".to_owned());
        }
    }

    pub(super) fn tell(&mut self, verdict: Option<Verdict>) {
        let Some(Verdict { ticket, place, outcome }) = verdict else { return };
        if !matches!(outcome, Outcome::Partly { .. }) {
            self.whispers.end(place);
        }
        self.output.push_back(Output::Event(match outcome {
            Outcome::Partly { end, mark } => Event::Partly { ticket, place, end, mark },
            Outcome::Said { mark } => Event::Said { ticket, place, mark },
            Outcome::Refused(why) => Event::Refused { ticket, place, why },
            Outcome::Voiceless { why, scope } => Event::Voiceless { ticket, place, scope, why },
            Outcome::Later { why, after: _ } => Event::Later { ticket, place, why },
        }));
        if !self.strangers.is_empty() {
            self.release_strangers(place);
        }
    }
}

/// How long a nick may be where the server does not say.
const NICK_LENGTH: usize = 30;
