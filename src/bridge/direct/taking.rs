//! What is taken in of that: into the ledger and its reader's outbox, unless something is against it.

use super::hearing::{Text, Writer};
use super::sight::Found;
use super::{MOST_LANES, Reader, words};
use crate::bridge::breaker::Judgement;
use crate::bridge::lane::Lane;
use crate::bridge::{Bridge, Peer, Turn};
use crate::domain::{Delivery, DeliveryState, EndpointId, Message, MessagePart, Sender, UserRef};
use crate::store::StoreError;

/// The longest message that is passed on: somebody's client would show it line by line.
const MOST_LINES: usize = 20;
const MOST_BYTES: usize = 8_000;

impl Bridge {
    /// Takes `text` in, for `reader`. Says whether it did; the writer is told if not.
    pub(super) fn write(
        &mut self,
        writer: &Writer,
        reader: &Found,
        text: Text<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let message = Message {
            source: writer.place,
            author: writer.author.clone(),
            kind: text.kind,
            body: text.body.to_owned(),
            sent_at: turn.now,
        };
        let to = self.number(&reader.party, &reader.name, turn)?;
        if let Some(why) = self.objection(writer, reader, &message, to, turn) {
            self.turn_from(writer.place, &reader.name, turn);
            self.say_to(writer, &format!("not sent to {}: {why}", reader.name), turn);
            return Ok(false);
        }
        let Some(id) = turn.store.record(&message, text.native)? else { return Ok(false) };
        let ticket = turn.store.enqueue(id, to)?;
        self.counters.of(peer(&writer.party)).heard += 1;
        self.waiting.add(&message);
        self.direct.partners.writes(writer.place, to, turn.now);
        let (part, state, voice) = (MessagePart::Whole, DeliveryState::Queued, Sender::Bot);
        let (begun, speech) = (None, None);
        let party = reader.party.clone();
        let reader = self.direct.lanes.entry(to);
        let reader = reader.or_insert_with(|| Reader::new(party, Lane::empty(to)));
        reader.lane.push(Delivery {
            id: ticket,
            to,
            message,
            part,
            state,
            started_at: begun,
            rendered: speech,
            sender: voice,
        });
        self.advance_direct(turn)?;
        Ok(true)
    }

    /// Why `message` is not passed on, if it is not.
    fn objection(
        &mut self,
        writer: &Writer,
        reader: &Found,
        message: &Message,
        to: EndpointId,
        turn: &Turn<'_>,
    ) -> Option<String> {
        if message.body.lines().count() > MOST_LINES || message.body.len() > MOST_BYTES {
            return Some(format!(
                "too long; at most {MOST_LINES} lines and {MOST_BYTES} bytes are passed on in private"
            ));
        }
        if reader.party.network().is_none() && self.direct.carries != Some(true) {
            return Some(words::NOT_CARRIED.to_owned());
        }
        let crowded = self.direct.lanes.len() >= MOST_LANES && !self.direct.lanes.contains_key(&to);
        if crowded || !self.waiting.has_room() {
            return Some("too much waits to be delivered; try again later".to_owned());
        }
        let meetings = self.meetings(&writer.party, &reader.party);
        let ignored = |(here, there): &(EndpointId, EndpointId)| {
            let said_there = Message { source: *here, ..message.clone() };
            let place = self.spots.get(here).map(|spot| &spot.place);
            place.is_some_and(|place| self.ways.ignore(&said_there, place, *there))
        };
        if meetings.is_empty() {
            return Some(words::NOT_THERE.to_owned());
        }
        if meetings.iter().any(ignored) {
            self.counters.of(peer(&writer.party)).ignored += 1;
            return Some("a rule of the bridge leaves it out".to_owned());
        }
        let conversation = writer.place.min(to);
        // What was refused is not sent later: the writer was told.
        let parted = self.policy.break_loops
            && matches!(
                self.breaker.judge(conversation, message, turn.now),
                Judgement::HoldBack | Judgement::Silence { .. }
            );
        if parted {
            self.counters.of(peer(&writer.party)).held_back += 1;
        }
        parted.then(|| "two programs seem to set each other off: held back for a while".to_owned())
    }
}

fn peer(party: &UserRef) -> Peer {
    party.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
}
