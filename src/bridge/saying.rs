//! What goes out: the next delivery of a lane, in the manners of the place that it is bound for.
//!
//! Lines of one person on IRC that come together are one message in a room. Each is a delivery of its
//! own, in the ledger and in the lane; when the first of them begins, those behind it that go on with
//! what it says are written down as joined to it, in the same turn, and from then on share its fate. So
//! that they can come together, a room is begun to be spoken in only at the end of a turn.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::lane::Begun;
use super::voices::Speaker;
use super::{Bridge, Order, PuppetOrder, Spot, Turn};
use crate::domain::{
    Delivery, DeliveryId, Endpoint, EndpointId, MessagePart, Network, RenderedMessage, Sender,
};
use crate::protocol::irc;
use crate::protocol::letschat;
use crate::store::StoreError;
use crate::translate;
use crate::translate::{MergeLines, RESENT_PREFIX, continues};

/// Whether it is waited for lines that go on with the next delivery.
///
/// ```text
///       asked to be woken           woken
///  None ───────────────▶ Waiting ────────▶ Over
///    ▲                      │ enough came   │
///    └────────── begun ─────┴───────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Patience {
    #[default]
    None,
    Waiting,
    Over,
}

impl Patience {
    /// The time is up.
    pub(super) fn ends(&mut self) {
        if *self == Self::Waiting {
            *self = Self::Over;
        }
    }
}

/// Why nobody says it.
const SILENCED: &str = "an operator has put you out of the channel";

impl Bridge {
    /// Begins the next delivery to `place`, if one may begin: in a room, at the end of the turn.
    pub(super) fn advance(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match self.spots.get(&place).map(|spot| &spot.place) {
            Some(Endpoint::Room(_)) => {
                self.due.insert(place);
                Ok(())
            }
            Some(Endpoint::Channel { .. }) => self.begin(place, turn),
            None => Ok(()),
        }
    }

    /// Begins the next delivery to `place` now, if one may begin.
    pub(super) fn begin(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping {
            return Ok(());
        }
        // Those that nobody is to say are refused on the way.
        while let Some(ticket) = self.begin_next(place, turn)? {
            self.refused(ticket, place, SILENCED, turn)?;
        }
        Ok(())
    }

    /// Begins the next delivery to `place`, if one may begin. Gives it if nobody is to say it.
    fn begin_next(
        &mut self,
        place: EndpointId,
        turn: &mut Turn<'_>,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(None) };
        if !spot.lane.ready(turn.store)? {
            return Ok(None);
        }
        let joined = self.joined(place);
        if let Some(after) = self.wait(place, joined, turn.now) {
            if let Some(after) = after {
                turn.orders.push(Order::LetsChat(letschat::LetsChatCommand::SetTimer {
                    endpoint: place,
                    after,
                }));
            }
            return Ok(None);
        }
        let Some(speech) = self.render(place, joined, turn.now) else { return Ok(None) };
        let speaker = self.speaker(place, turn)?;
        let Some(spot) = self.spots.get_mut(&place) else { return Ok(None) };
        spot.patience = Patience::None;
        if let Some(run) = &mut spot.run {
            run.said();
        }
        let Some(first) = spot.lane.first() else { return Ok(None) };
        let silenced = speaker == Speaker::Nobody;
        let (voice, speech) = match speaker {
            Speaker::By(Sender::Bot) | Speaker::Nobody => (Sender::Bot, speech),
            Speaker::By(voice) => {
                (voice, translate::under_own_nick(speech, &first.message, turn.now))
            }
        };
        let begun = spot.lane.begin((voice, speech), joined, turn.now, turn.store)?;
        let Some(begun) = begun else { return Ok(None) };
        if silenced {
            return Ok(Some(begun.ticket));
        }
        let order = match spot.place.clone() {
            Endpoint::Channel { network, .. } => self.hand_over(network, place, begun),
            Endpoint::Room(_) => {
                let (ticket, text) = (begun.ticket, begun.speech.full_text());
                Order::LetsChat(letschat::LetsChatCommand::Post {
                    delivery: ticket,
                    endpoint: place,
                    text,
                })
            }
        };
        turn.orders.push(order);
        Ok(None)
    }

    /// Has a delivery said by its voice.
    fn hand_over(&mut self, network: Network, place: EndpointId, begun: Begun) -> Order {
        let Begun { ticket, speech, repeated, base, voice } = begun;
        let RenderedMessage { kind, mut prefix, mut body } = speech.clone();
        if let Some(spot) = self.spots.get_mut(&place).filter(|_| repeated) {
            // Where each line is answered for, only the first of them may be there already.
            let each = spot.joined.is_some_and(|joined| joined.echoes) && voice == Sender::Bot;
            if each {
                body.insert_str(0, RESENT_PREFIX);
            } else {
                prefix.push_str(RESENT_PREFIX);
                spot.lane.marks_each_line();
            }
        }
        let relay = match &voice {
            Sender::Relaymsg(nick) => Some(Arc::clone(nick)),
            Sender::Bot | Sender::Puppet(_) => None,
        };
        let say = irc::IrcCommand::SendMessage {
            delivery: ticket,
            endpoint: place,
            kind,
            prefix,
            body,
            relay_nick: relay,
        };
        let Sender::Puppet(account) = voice else { return Order::Irc(network, say) };
        let puppets = self.voices.puppets(&network);
        puppets.expect((ticket, place), account.clone(), speech, base);
        Order::Puppets(network, PuppetOrder::Tell(account, say))
    }

    /// How many deliveries behind the first go on with what it says.
    fn joined(&self, place: EndpointId) -> usize {
        let Some(spot) = self.spots.get(&place).filter(|spot| spot.place.network().is_none())
        else {
            return 0;
        };
        let Some(mut last) = spot.lane.first() else { return 0 };
        let go_on = spot.lane.behind().take_while(|next| {
            let go_on = self.goes_on(last, next);
            last = next;
            go_on
        });
        go_on.count()
    }

    fn goes_on(&self, last: &Delivery, next: &Delivery) -> bool {
        let whole = last.part == MessagePart::Whole && next.part == MessagePart::Whole;
        let said_in = self.spots.get(&last.message.source).filter(|_| whole);
        said_in.is_some_and(|said_in| {
            let manners = self.ways.manners(last.message.source, last.to);
            continues(&last.message, &next.message, &said_in.place, manners)
        })
    }

    /// Whether `place` is a room and more lines may come that go on with what is said next there, of which
    /// so many are `joined` already, and are waited for; with how long, if that is yet to be asked for.
    fn wait(
        &mut self,
        place: EndpointId,
        joined: usize,
        now: Timestamp,
    ) -> Option<Option<Duration>> {
        let is_room = |spot: &&Spot| spot.place.network().is_none();
        let spot = self.spots.get(&place).filter(is_room)?;
        let first = spot.lane.first()?;
        let join = self.ways.manners(first.message.source, place).room.merge_lines;
        let last = spot.lane.behind().take(joined).last().unwrap_or(first);
        // A line goes on with itself if anything does. Behind the last that does, nothing may stand.
        if !self.goes_on(last, last) || spot.lane.behind().nth(joined).is_some() {
            return None;
        }
        let Spot { run, lane, patience, .. } = self.spots.get_mut(&place)?;
        let first = lane.first()?;
        let after = match join {
            MergeLines::Never => None,
            MergeLines::Within(after) => (*patience != Patience::Over).then_some(after),
            MergeLines::Queued => run.as_mut()?.wait(&first.message, first.id, now),
        }?;
        let asked = std::mem::replace(patience, Patience::Waiting) == Patience::Waiting;
        Some((!asked).then_some(after))
    }

    /// As what the next delivery to `place` is to be said, together with so many behind it.
    fn render(&self, place: EndpointId, joined: usize, now: Timestamp) -> Option<RenderedMessage> {
        let spot = self.spots.get(&place)?;
        let Delivery { message, part, .. } = spot.lane.first()?;
        let around = self.around(message.source, place)?;
        let manners = self.ways.manners(message.source, place);
        Some(match spot.place {
            Endpoint::Channel { .. } => {
                translate::to_irc(message, *part, manners, &around, self.links.as_ref(), now)
            }
            Endpoint::Room(_) => {
                let more = spot.lane.behind().take(joined).map(|delivery| &delivery.message);
                translate::to_letschat(message, more, *part, manners, &around, now)
            }
        })
    }
}
