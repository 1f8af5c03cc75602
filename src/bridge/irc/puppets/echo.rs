//! Matches lines that the bot sees with deliveries sent by puppets.

use super::{ExpectedEcho, Puppets};
use crate::bridge::irc::history::matched_len;
use crate::bridge::{Bridge, Ctx};
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, Network, RenderedMessage};
use crate::protocol::irc::IncomingMessage;
use crate::store::{Cursor, StoreError};

/// Maximum number of expected deliveries per channel.
const MAX_EXPECTED: usize = 64;

impl ExpectedEcho {
    pub(super) fn is_fully_seen(&self) -> bool {
        self.seen_bytes >= self.rendered.body.len()
    }
}

impl Puppets {
    /// The user's puppet starts to send this.
    pub(in crate::bridge) fn expect_echo(
        &mut self,
        (delivery, endpoint): (DeliveryId, EndpointId),
        account: LetsChatUserId,
        rendered: RenderedMessage,
        base: usize,
    ) {
        let expected = self.expected_echoes.entry(endpoint).or_default();
        // One is in flight at a time, so completely seen ones can go.
        expected.retain(|it| !it.is_fully_seen() && it.delivery != delivery);
        if expected.len() >= MAX_EXPECTED {
            expected.pop_front();
        }
        expected.push_back(ExpectedEcho {
            delivery,
            user: account,
            rendered,
            acked_before: base,
            seen_bytes: 0,
            unobserved: false,
        });
    }

    /// The bot has received a line of this puppet.
    fn record_echo(
        &mut self,
        endpoint: EndpointId,
        account: &LetsChatUserId,
        message: &IncomingMessage,
    ) {
        let Some(expected) = self.expected_echoes.get_mut(&endpoint) else { return };
        let found = expected.iter_mut().enumerate().find_map(|(at, it)| {
            let rest = it.rendered.body.get(it.seen_bytes..)?;
            let theirs = it.user == *account && !it.is_fully_seen();
            theirs.then(|| matched_len(&it.rendered, rest, message))?.map(|end| (at, end))
        });
        let Some((found, end)) = found else { return };
        expected[found].seen_bytes += end;
        // Lines of a sender arrive in order, so earlier unseen ones will not arrive.
        let mut at = 0;
        expected.retain(|it| {
            at += 1;
            at > found || it.user != *account
        });
    }

    /// The bot cannot see the channel for a while.
    pub(in crate::bridge) fn mark_unobserved(&mut self, endpoint: EndpointId) {
        self.expected_echoes
            .entry(endpoint)
            .or_default()
            .iter_mut()
            .for_each(|it| it.unobserved = true);
        self.pending_echoes.retain(|it| it.endpoint != endpoint);
        for puppet in self.by_user.values_mut() {
            puppet.seen_leaving.remove(&endpoint);
        }
    }

    pub(super) fn forget_echo(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if let Some(expected) = self.expected_echoes.get_mut(&endpoint) {
            expected.retain(|it| it.delivery != delivery);
        }
    }
}

impl Bridge {
    /// Handles a line under the nick of a puppet. Returns whether it was one.
    pub(in crate::bridge) fn ingest_puppet_echo(
        &mut self,
        network: &Network,
        endpoint: EndpointId,
        message: &IncomingMessage,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, StoreError> {
        let Some(puppets) = self.senders.get_puppets(network) else { return Ok(false) };
        let account = puppets.echo_owner(&message.author.name, endpoint, ctx.now).cloned();
        let Some(account) = account else { return Ok(false) };
        puppets.record_echo(endpoint, &account, message);
        let cursor = Cursor {
            time: message.message_ref.time.unwrap_or(ctx.now),
            last_line: Some(message.message_ref.msgid.clone()),
        };
        ctx.store.advance_channel_cursor(endpoint, &cursor, ctx.now)?;
        Ok(true)
    }
}
