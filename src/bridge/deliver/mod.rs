//! Starts deliveries: takes the next one from the queue, renders it, and sends it.
//!
//! Consecutive lines of an IRC user are merged into one post. Each is a delivery of its own in ledger and
//! queue. When the first one is started, its continuations are recorded as merged in the same transaction,
//! and share its outcome from then on. To allow merging, deliveries to a room start only at the end of a
//! turn.

pub(super) mod ack;
pub(super) mod failures;
pub(super) mod queue;
pub(super) mod quota;
pub(super) mod reconcile;
pub(super) mod sender;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::deliver::queue::StartedDelivery;
use super::deliver::sender::SenderChoice;
use super::{Bridge, Command, Ctx, EndpointState, PuppetCommand};
use crate::domain::{
    Delivery, DeliveryId, Endpoint, EndpointId, MessagePart, Network, RenderedMessage, Sender,
};
use crate::protocol::irc;
use crate::protocol::letschat;
use crate::store::StoreError;
use crate::translate;
use crate::translate::{MergeLines, RESENT_PREFIX, continues};

/// Whether the next delivery waits for lines that continue it.
///
/// ```text
///        timer requested            timer fired
///  None ──────────────────▶ Waiting ────────────▶ Over
///    ▲                         │ enough lines      │
///    └───────── started ───────┴───────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::bridge) enum MergeWait {
    #[default]
    Idle,
    Waiting,
    Expired,
}

impl MergeWait {
    /// The timer has fired.
    pub(in crate::bridge) fn expire(&mut self) {
        if *self == Self::Waiting {
            *self = Self::Expired;
        }
    }
}

/// The reason if nobody may send it.
const KICKED_REASON: &str = "an operator removed you from the channel";

impl Bridge {
    /// Starts the next delivery to `endpoint`, if possible; for a room, at the end of the turn.
    pub(in crate::bridge) fn schedule(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match self.endpoints.get(&place).map(|spot| &spot.endpoint) {
            Some(Endpoint::Room(_)) => {
                self.due_rooms.insert(place);
                Ok(())
            }
            Some(Endpoint::Channel { .. }) => self.start_next(place, turn),
            None => Ok(()),
        }
    }

    /// Starts the next delivery to `endpoint` now, if possible.
    pub(in crate::bridge) fn start_next(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping {
            return Ok(());
        }
        // Deliveries that nobody may send are rejected on the way.
        while let Some(ticket) = self.try_start_next(place, turn)? {
            self.reject_delivery(ticket, place, KICKED_REASON, turn)?;
        }
        Ok(())
    }

    /// Starts the next delivery to `endpoint`, if possible. Returns it if nobody may send it.
    fn try_start_next(
        &mut self,
        place: EndpointId,
        turn: &mut Ctx<'_>,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(None) };
        if !spot.queue.check_ready(turn.store)? {
            return Ok(None);
        }
        let joined = self.mergeable_count(place);
        if let Some(after) = self.wait_for_more_lines(place, joined, turn.now) {
            if let Some(after) = after {
                turn.commands.push(Command::LetsChat(letschat::LetsChatCommand::SetTimer {
                    endpoint: place,
                    after,
                }));
            }
            return Ok(None);
        }
        let Some(speech) = self.render(place, joined, turn.now) else { return Ok(None) };
        let speaker = self.choose_sender(place, turn)?;
        let Some(spot) = self.endpoints.get_mut(&place) else { return Ok(None) };
        spot.merge_wait = MergeWait::Idle;
        if let Some(run) = &mut spot.run {
            run.said();
        }
        let Some(first) = spot.queue.head() else { return Ok(None) };
        let silenced = speaker == SenderChoice::Nobody;
        let (voice, speech) = match speaker {
            SenderChoice::As(Sender::Bot) | SenderChoice::Nobody => (Sender::Bot, speech),
            SenderChoice::As(voice) => {
                (voice, translate::under_own_nick(speech, &first.message, turn.now))
            }
        };
        let begun = spot.queue.start((voice, speech), joined, turn.now, turn.store)?;
        let Some(begun) = begun else { return Ok(None) };
        if silenced {
            return Ok(Some(begun.id));
        }
        let order = match spot.endpoint.clone() {
            Endpoint::Channel { network, .. } => self.send_irc(network, place, begun),
            Endpoint::Room(_) => {
                let (ticket, text) = (begun.id, begun.rendered.full_text());
                Command::LetsChat(letschat::LetsChatCommand::Post {
                    delivery: ticket,
                    endpoint: place,
                    text,
                })
            }
        };
        turn.commands.push(order);
        Ok(None)
    }

    /// The command that sends a delivery by its sender.
    fn send_irc(&mut self, network: Network, place: EndpointId, begun: StartedDelivery) -> Command {
        let StartedDelivery {
            id: ticket,
            rendered: speech,
            is_resend: repeated,
            acked_before: base,
            sender: voice,
        } = begun;
        let RenderedMessage { kind, mut prefix, mut body } = speech.clone();
        if let Some(spot) = self.endpoints.get_mut(&place).filter(|_| repeated) {
            // If each line is acknowledged, only the first can have arrived already.
            let each =
                spot.join_info.is_some_and(|joined| joined.has_echoes) && voice == Sender::Bot;
            if each {
                body.insert_str(0, RESENT_PREFIX);
            } else {
                prefix.push_str(RESENT_PREFIX);
                spot.queue.set_mark_in_prefix();
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
        let Sender::Puppet(account) = voice else { return Command::Irc(network, say) };
        let puppets = self.senders.puppets_mut(&network);
        puppets.expect_echo((ticket, place), account.clone(), speech, base);
        Command::Puppets(network, PuppetCommand::Send(account, say))
    }

    /// How many deliveries after the first continue it.
    fn mergeable_count(&self, place: EndpointId) -> usize {
        let Some(spot) =
            self.endpoints.get(&place).filter(|spot| spot.endpoint.network().is_none())
        else {
            return 0;
        };
        let Some(mut last) = spot.queue.head() else { return 0 };
        let go_on = spot.queue.followers().take_while(|next| {
            let go_on = self.continues(last, next);
            last = next;
            go_on
        });
        go_on.count()
    }

    fn continues(&self, last: &Delivery, next: &Delivery) -> bool {
        let whole = last.part == MessagePart::Whole && next.part == MessagePart::Whole;
        let said_in = self.endpoints.get(&last.message.source).filter(|_| whole);
        said_in.is_some_and(|said_in| {
            let manners = self.routes.format(last.message.source, last.to);
            continues(&last.message, &next.message, &said_in.endpoint, manners)
        })
    }

    /// Whether the delivery should wait for more lines, with this many merged already; also returns the
    /// delay, if a timer is still to be requested.
    fn wait_for_more_lines(
        &mut self,
        place: EndpointId,
        joined: usize,
        now: Timestamp,
    ) -> Option<Option<Duration>> {
        let is_room = |spot: &&EndpointState| spot.endpoint.network().is_none();
        let spot = self.endpoints.get(&place).filter(is_room)?;
        let first = spot.queue.head()?;
        let join = self.routes.format(first.message.source, place).room.merge_lines;
        let last = spot.queue.followers().take(joined).last().unwrap_or(first);
        // A line that does not continue itself cannot be continued. Nothing may stand after the last one
        // merged.
        if !self.continues(last, last) || spot.queue.followers().nth(joined).is_some() {
            return None;
        }
        let EndpointState { run, queue: lane, merge_wait: patience, .. } =
            self.endpoints.get_mut(&place)?;
        let first = lane.head()?;
        let after = match join {
            MergeLines::Never => None,
            MergeLines::Within(after) => (*patience != MergeWait::Expired).then_some(after),
            MergeLines::Queued => run.as_mut()?.wait(&first.message, first.id, now),
        }?;
        let asked = std::mem::replace(patience, MergeWait::Waiting) == MergeWait::Waiting;
        Some((!asked).then_some(after))
    }

    /// Renders the next delivery, merged with this many followers.
    fn render(&self, place: EndpointId, joined: usize, now: Timestamp) -> Option<RenderedMessage> {
        let spot = self.endpoints.get(&place)?;
        let Delivery { message, part, .. } = spot.queue.head()?;
        let around = self.link_directory(message.source, place)?;
        let manners = self.routes.format(message.source, place);
        Some(match spot.endpoint {
            Endpoint::Channel { .. } => {
                translate::to_irc(message, *part, manners, &around, self.public_links.as_ref(), now)
            }
            Endpoint::Room(_) => {
                let more = spot.queue.followers().take(joined).map(|delivery| &delivery.message);
                translate::to_letschat(message, more, *part, manners, &around, now)
            }
        })
    }
}
