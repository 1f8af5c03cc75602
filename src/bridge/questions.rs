//! What people ask of the bridge itself, and its answers: who is on the other side, how it is.
//!
//! A question is mirrored as anything else that is said. The answer is for who asked: on IRC by a
//! NOTICE to their nick alone, in a room by a line there, which is mirrored nowhere.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::direct::{Allowance, May};
use super::refusals::tell_nick;
use super::{Bridge, Spot, Turn};
use crate::domain::{Endpoint, EndpointId, Message, MessageKind, Network};
use crate::protocol::irc::IncomingMessage;
use crate::store::StoreError;
use crate::translate::{BotCommand, Words, called};

/// So many questions are answered in a place at once, and then one in this time.
const BURST: i32 = 5;
const EVERY: SignedDuration = SignedDuration::from_secs(3);

/// What is answered where that is too much.
const TOO_MUCH: &str = "too many questions at once: ask again in a few seconds";

/// What is answered to whoever writes to the bridge alone, where that is passed on to nobody.
const NOBODY: &str = "nobody reads what is written to the bridge alone. In the channel, !who tells who is \
                      on the other side, !status how the bridge is, !help what it does";

/// How many bytes of names are told of one place: with the rest of the answer, a line of IRC.
const NAMES: usize = 250;

/// Those who write to the bridge alone are all answered as often as one place is.
const ALONE: EndpointId = EndpointId(0);

/// How often somebody was answered, in each place.
#[derive(Debug)]
pub(super) struct Answered(Allowance);

impl Default for Answered {
    fn default() -> Self {
        Self(Allowance::new(BURST, EVERY))
    }
}

impl Bridge {
    /// `message` was said just now: if it asks something of the bridge, it is answered.
    pub(super) fn asked(
        &mut self,
        message: &Message,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let place = message.source;
        let Some(spot) = self.spots.get(&place) else { return Ok(()) };
        let question = match &spot.place {
            Endpoint::Channel { .. } => BotCommand::parse_in_channel(&message.body),
            Endpoint::Room(_) => self
                .account
                .as_ref()
                .filter(|account| message.author.account.as_ref() != Some(&account.id))
                .and_then(|account| {
                    let names = [Some(&account.username), account.display_name.as_ref()];
                    BotCommand::parse_in_room(&message.body, names.into_iter().flatten())
                }),
        };
        let Some(question) = question.filter(|_| self.answers(message)) else { return Ok(()) };
        let lines: Vec<Words> = match self.answered.0.take(place, turn.now) {
            May::Do => self.answer(question, place, turn)?.into_iter().map(Words::from).collect(),
            May::BeTold => vec![Words::from(TOO_MUCH)],
            May::Nothing => return Ok(()),
        };
        match &self.spots[&place].place {
            Endpoint::Channel { network, .. } => {
                let network = network.clone();
                for words in lines {
                    tell_nick(&network, &message.author.name, words, turn);
                }
                Ok(())
            }
            Endpoint::Room(_) => self.remark(place, &[place], Words::lines(lines), turn),
        }
    }

    /// Somebody has written to the bridge alone what they want to know, or a command, on a network where that is passed on to nobody.
    pub(super) fn written_in_vain(
        &mut self,
        network: &Network,
        talk: &IncomingMessage,
        turn: &mut Turn<'_>,
    ) {
        let answerable = talk.kind == MessageKind::Text && !talk.author.bot && !talk.is_playback;
        if answerable
            && BotCommand::is_meant(&talk.text)
            && self.answered.0.take(ALONE, turn.now) == May::Do
        {
            tell_nick(network, &talk.author.name, NOBODY, turn);
        }
    }

    /// Whether whoever said `message` is answered: never a program, nor what is said as a notice. Two
    /// programs could answer each other for ever.
    fn answers(&self, message: &Message) -> bool {
        let wanted = |to: &EndpointId| self.ways.manners(message.source, *to).commands;
        message.kind == MessageKind::Text
            && !message.author.bot
            && self.spots.get(&message.source).is_some_and(|spot| spot.mirrors.iter().any(wanted))
    }

    fn answer(
        &self,
        question: BotCommand,
        place: EndpointId,
        turn: &Turn<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let mirrors = self.spots.get(&place).map(|spot| spot.mirrors.clone());
        let mut others = mirrors.iter().flat_map(|mirrors| mirrors.iter().copied());
        match question {
            BotCommand::Who => Ok(others.map(|other| self.who(other)).collect()),
            BotCommand::Status => others.map(|other| self.how(other, turn)).collect(),
            BotCommand::Help => Ok(vec![self.help(place, others.next())]),
        }
    }

    fn help(&self, place: EndpointId, other: Option<EndpointId>) -> String {
        let there = other.map_or_else(String::new, |other| self.spelled(other));
        let ask = match (&self.spots[&place].place, &self.account) {
            (Endpoint::Room(_), Some(account)) => format!("@{} ", account.username),
            _ => "!".to_owned(),
        };
        let private = match &self.spots[&place].place {
            Endpoint::Channel { network, .. } if self.talks_in_private(Some(network)) => {
                ". !msg USER TEXT, said to the bridge alone, tells somebody there in private"
            }
            Endpoint::Room(_) if self.talks_in_private(None) => {
                ". @NICK TEXT, written to the bridge alone, tells somebody there in private"
            }
            _ => "",
        };
        format!(
            "what is said here is mirrored to {there}, and the other way. {ask}who tells who is there, \
             {ask}status how the bridge is{private}"
        )
    }

    /// `room tea: ann, bob`.
    fn who(&self, place: EndpointId) -> String {
        let Some(spot) = self.spots.get(&place) else { return String::new() };
        let there = self.spelled(place);
        if !spot.lane.is_open() {
            return format!("{there}: cannot be seen just now");
        }
        let mut names: Vec<Cow<'_, str>> = match &spot.place {
            Endpoint::Channel { .. } => {
                spot.roster.iter().map(|member| called(&member.user.nick)).collect()
            }
            Endpoint::Room(_) => spot.guests.present().map(called).collect(),
        };
        names.sort_by_cached_key(|name| name.to_lowercase());
        if names.is_empty() {
            return format!("{there}: nobody but us");
        }
        let count = names.len();
        let mut shown = 0;
        let mut bytes = 0;
        for name in &names {
            bytes += name.len() + 2;
            if bytes > NAMES {
                break;
            }
            shown += 1;
        }
        let more =
            if shown < count { format!(" and {} more", count - shown) } else { String::new() };
        format!("{there}: {}{more}", names[..shown].join(", "))
    }

    /// `room tea: joined, nothing waits to be said there`.
    fn how(&self, place: EndpointId, turn: &Turn<'_>) -> Result<String, StoreError> {
        // But for the question itself, which is on its way there.
        let waiting = turn.store.pending_count(place)?.saturating_sub(1);
        let is_open = |spot: &Spot| spot.lane.is_open();
        let joined = if self.spots.get(&place).is_some_and(is_open) {
            "joined"
        } else {
            "out of reach just now"
        };
        let waits = match waiting {
            0 => "nothing waits".to_owned(),
            1 => "1 message waits".to_owned(),
            many => format!("{many} messages wait"),
        };
        Ok(format!("{}: {joined}, {waits} to be said there", self.spelled(place)))
    }
}
