//! What people ask of the bridge itself, and its answers: who is on the other side, how it is.
//!
//! A question is mirrored as anything else that is said. The answer is for who asked: on IRC by a
//! NOTICE to their nick alone, in a room by a line there, which is mirrored nowhere.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Bridge, Order, Spot, Turn};
use crate::domain::{Kind, Message, Place, PlaceId};
use crate::protocol::irc;
use crate::store::StoreError;
use crate::translate::Question;

/// How long nobody in a place is answered again.
const QUIET: SignedDuration = SignedDuration::from_secs(3);

/// How many bytes of names are told of one place: with the rest of the answer, a line of IRC.
const NAMES: usize = 250;

/// When somebody was last answered, in each place.
#[derive(Debug, Default)]
pub(super) struct Answered(HashMap<PlaceId, Timestamp>);

impl Answered {
    fn may_answer(&mut self, place: PlaceId, now: Timestamp) -> bool {
        let last = self.0.insert(place, now);
        let quiet = last.is_some_and(|last| now.duration_since(last) < QUIET);
        if quiet {
            self.0.extend(last.map(|last| (place, last)));
        }
        !quiet
    }
}

impl Bridge {
    /// `message` was said just now: if it asks something of the bridge, it is answered.
    pub(super) fn asked(
        &mut self,
        message: &Message,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let place = message.said_in;
        let Some(spot) = self.spots.get(&place) else { return Ok(()) };
        let question = match &spot.place {
            Place::Channel { .. } => Question::in_channel(&message.body),
            Place::Room(_) => self
                .account
                .as_ref()
                .filter(|account| message.author.account.as_ref() != Some(&account.id))
                .and_then(|account| Question::in_room(&message.body, &account.username)),
        };
        let Some(question) = question.filter(|_| self.answers(message)) else { return Ok(()) };
        if !self.answered.may_answer(place, turn.now) {
            return Ok(());
        }
        let lines = self.answer(question, place, turn)?;
        match &self.spots[&place].place {
            Place::Channel { network, .. } => {
                let (network, nick) = (network.clone(), message.author.name.clone());
                turn.orders.extend(lines.into_iter().map(|text| {
                    Order::Irc(network.clone(), irc::Order::Notice { nick: nick.clone(), text })
                }));
                Ok(())
            }
            Place::Room(_) => self.remark(place, &[place], lines.join("\n"), turn),
        }
    }

    /// Whether whoever said `message` is answered: never a program, nor what is said as a notice. Two
    /// programs could answer each other for ever.
    fn answers(&self, message: &Message) -> bool {
        let wanted = |to: &PlaceId| self.ways.manners(message.said_in, *to).answers;
        message.kind == Kind::Talk
            && !message.author.bot
            && self.spots.get(&message.said_in).is_some_and(|spot| spot.mirrors.iter().any(wanted))
    }

    fn answer(
        &self,
        question: Question,
        place: PlaceId,
        turn: &Turn<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let mirrors = self.spots.get(&place).map(|spot| spot.mirrors.clone());
        let mut others = mirrors.iter().flat_map(|mirrors| mirrors.iter().copied());
        match question {
            Question::Who => Ok(others.map(|other| self.who(other)).collect()),
            Question::Status => others.map(|other| self.how(other, turn)).collect(),
            Question::Help => Ok(vec![self.help(place, others.next())]),
        }
    }

    fn help(&self, place: PlaceId, other: Option<PlaceId>) -> String {
        let there = other.map_or_else(String::new, |other| self.spelled(other));
        let ask = match (&self.spots[&place].place, &self.account) {
            (Place::Room(_), Some(account)) => format!("@{} ", account.username),
            _ => "!".to_owned(),
        };
        let private = match &self.spots[&place].place {
            Place::Channel { network, .. } if self.talks_in_private(Some(network)) => {
                ". !msg USER TEXT, said to the bridge alone, tells somebody there in private"
            }
            Place::Room(_) if self.talks_in_private(None) => {
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
    fn who(&self, place: PlaceId) -> String {
        let Some(spot) = self.spots.get(&place) else { return String::new() };
        let there = self.spelled(place);
        if !spot.lane.is_open() {
            return format!("{there}: cannot be seen just now");
        }
        let mut names: Vec<&str> = match &spot.place {
            Place::Channel { .. } => {
                spot.roster.iter().map(|member| member.person.nick.as_str()).collect()
            }
            Place::Room(_) => spot.guests.present().collect(),
        };
        names.sort_unstable_by_key(|name| name.to_lowercase());
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
    fn how(&self, place: PlaceId, turn: &Turn<'_>) -> Result<String, StoreError> {
        // But for the question itself, which is on its way there.
        let waiting = turn.store.backlog(place)?.saturating_sub(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_not_answered_all_the_time() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut answered = Answered::default();
        let asked: Vec<bool> =
            [0, 1, 2, 3, 5, 6].map(|second| answered.may_answer(PlaceId(1), at(second))).into();
        assert_eq!(asked, [true, false, false, true, false, true]);
        assert!(answered.may_answer(PlaceId(2), at(0)));
    }
}
