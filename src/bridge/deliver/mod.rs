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
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match self.endpoints.get(&endpoint).map(|state| &state.endpoint) {
            Some(Endpoint::Room(_)) => {
                self.due_rooms.insert(endpoint);
                Ok(())
            }
            Some(Endpoint::Channel { .. }) => self.start_next(endpoint, ctx),
            None => Ok(()),
        }
    }

    /// Starts the next delivery to `endpoint` now, if possible.
    pub(in crate::bridge) fn start_next(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if self.stopping {
            return Ok(());
        }
        // Deliveries that nobody may send are rejected on the way.
        while let Some(delivery) = self.try_start_next(endpoint, ctx)? {
            self.reject_delivery(delivery, endpoint, KICKED_REASON, ctx)?;
        }
        Ok(())
    }

    /// Starts the next delivery to `endpoint`, if possible. Returns it if nobody may send it.
    fn try_start_next(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(None) };
        if !state.queue.check_ready(ctx.store)? {
            return Ok(None);
        }
        let joined = self.mergeable_count(endpoint);
        if let Some(after) = self.wait_for_more_lines(endpoint, joined, ctx.now) {
            if let Some(after) = after {
                ctx.commands.push(Command::LetsChat(letschat::LetsChatCommand::SetTimer {
                    endpoint,
                    after,
                }));
            }
            return Ok(None);
        }
        let Some(rendered) = self.render(endpoint, joined, ctx.now) else { return Ok(None) };
        let speaker = self.choose_sender(endpoint, ctx)?;
        let Some(state) = self.endpoints.get_mut(&endpoint) else { return Ok(None) };
        state.merge_wait = MergeWait::Idle;
        if let Some(run) = &mut state.run {
            run.on_sent();
        }
        let Some(first) = state.queue.head() else { return Ok(None) };
        let muted = speaker == SenderChoice::Nobody;
        let (sender, rendered) = match speaker {
            SenderChoice::As(Sender::Bot) | SenderChoice::Nobody => (Sender::Bot, rendered),
            SenderChoice::As(sender) => {
                (sender, translate::under_own_nick(rendered, &first.message, ctx.now))
            }
        };
        let started = state.queue.start((sender, rendered), joined, ctx.now, ctx.store)?;
        let Some(started) = started else { return Ok(None) };
        if muted {
            return Ok(Some(started.id));
        }
        let command = match state.endpoint.clone() {
            Endpoint::Channel { network, .. } => self.send_irc(network, endpoint, started),
            Endpoint::Room(_) => {
                let (delivery, text) = (started.id, started.rendered.full_text());
                Command::LetsChat(letschat::LetsChatCommand::Post { delivery, endpoint, text })
            }
        };
        ctx.commands.push(command);
        Ok(None)
    }

    /// The command that sends a delivery by its sender.
    fn send_irc(
        &mut self,
        network: Network,
        endpoint: EndpointId,
        started: StartedDelivery,
    ) -> Command {
        let StartedDelivery {
            id: delivery,
            rendered,
            is_resend: resend,
            acked_before: base,
            sender,
        } = started;
        let RenderedMessage { kind, mut prefix, mut body } = rendered.clone();
        if let Some(state) = self.endpoints.get_mut(&endpoint).filter(|_| resend) {
            // If each line is acknowledged, only the first can have arrived already.
            let each =
                state.join_info.is_some_and(|joined| joined.has_echoes) && sender == Sender::Bot;
            if each {
                body.insert_str(0, RESENT_PREFIX);
            } else {
                prefix.push_str(RESENT_PREFIX);
                state.queue.set_mark_in_prefix();
            }
        }
        let relay = match &sender {
            Sender::Relaymsg(nick) => Some(Arc::clone(nick)),
            Sender::Bot | Sender::Puppet(_) => None,
        };
        let say = irc::IrcCommand::SendMessage {
            delivery,
            endpoint,
            kind,
            prefix,
            body,
            relay_nick: relay,
        };
        let Sender::Puppet(account) = sender else { return Command::Irc(network, say) };
        let puppets = self.senders.puppets_mut(&network);
        puppets.expect_echo((delivery, endpoint), account.clone(), rendered, base);
        Command::Puppets(network, PuppetCommand::Send(account, say))
    }

    /// How many deliveries after the first continue it.
    fn mergeable_count(&self, endpoint: EndpointId) -> usize {
        let Some(state) =
            self.endpoints.get(&endpoint).filter(|state| state.endpoint.network().is_none())
        else {
            return 0;
        };
        let Some(mut last) = state.queue.head() else { return 0 };
        let go_on = state.queue.followers().take_while(|next| {
            let go_on = self.continues(last, next);
            last = next;
            go_on
        });
        go_on.count()
    }

    fn continues(&self, last: &Delivery, next: &Delivery) -> bool {
        let whole = last.part == MessagePart::Whole && next.part == MessagePart::Whole;
        let source = self.endpoints.get(&last.message.source).filter(|_| whole);
        source.is_some_and(|source| {
            let format = self.routes.format(last.message.source, last.to);
            continues(&last.message, &next.message, &source.endpoint, format)
        })
    }

    /// Whether the delivery should wait for more lines, with this many merged already; also returns the
    /// delay, if a timer is still to be requested.
    fn wait_for_more_lines(
        &mut self,
        endpoint: EndpointId,
        joined: usize,
        now: Timestamp,
    ) -> Option<Option<Duration>> {
        let is_room = |state: &&EndpointState| state.endpoint.network().is_none();
        let state = self.endpoints.get(&endpoint).filter(is_room)?;
        let first = state.queue.head()?;
        let join = self.routes.format(first.message.source, endpoint).room.merge_lines;
        let last = state.queue.followers().take(joined).last().unwrap_or(first);
        // A line that does not continue itself cannot be continued. Nothing may stand after the last one
        // merged.
        if !self.continues(last, last) || state.queue.followers().nth(joined).is_some() {
            return None;
        }
        let EndpointState { run, queue, merge_wait: patience, .. } =
            self.endpoints.get_mut(&endpoint)?;
        let first = queue.head()?;
        let after = match join {
            MergeLines::Never => None,
            MergeLines::Within(after) => (*patience != MergeWait::Expired).then_some(after),
            MergeLines::Queued => run.as_mut()?.wait(&first.message, first.id, now),
        }?;
        let asked = std::mem::replace(patience, MergeWait::Waiting) == MergeWait::Waiting;
        Some((!asked).then_some(after))
    }

    /// Renders the next delivery, merged with this many followers.
    fn render(
        &self,
        endpoint: EndpointId,
        joined: usize,
        now: Timestamp,
    ) -> Option<RenderedMessage> {
        let state = self.endpoints.get(&endpoint)?;
        let Delivery { message, part, .. } = state.queue.head()?;
        let directory = self.link_directory(message.source, endpoint)?;
        let format = self.routes.format(message.source, endpoint);
        Some(match state.endpoint {
            Endpoint::Channel { .. } => translate::to_irc(
                message,
                *part,
                format,
                &directory,
                self.public_links.as_ref(),
                now,
            ),
            Endpoint::Room(_) => {
                let more = state.queue.followers().take(joined).map(|delivery| &delivery.message);
                translate::to_letschat(message, more, *part, format, &directory, now)
            }
        })
    }
}
