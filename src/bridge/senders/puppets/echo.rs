//! Matches lines that the bot sees with deliveries sent by puppets.

use super::{ExpectedEcho, PendingEcho, Puppets};
use crate::bridge::sent_line::matched_len;
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, RenderedMessage};
use crate::protocol::irc::IncomingMessage;

/// Maximum number of expected deliveries per channel.
const MAX_EXPECTED: usize = 64;

impl ExpectedEcho {
    pub(in crate::bridge) fn is_fully_seen(&self) -> bool {
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

    /// The bot has received a line under the nick of this puppet. Returns whether the puppet was to send it.
    pub(in crate::bridge) fn record_echo(
        &mut self,
        endpoint: EndpointId,
        account: &LetsChatUserId,
        message: &IncomingMessage,
    ) -> bool {
        let Some(expected) = self.expected_echoes.get_mut(&endpoint) else { return false };
        let found = expected.iter_mut().enumerate().find_map(|(at, it)| {
            let rest = it.rendered.body.get(it.seen_bytes..)?;
            let theirs = it.user == *account && !it.is_fully_seen();
            theirs.then(|| matched_len(&it.rendered, rest, message))?.map(|end| (at, end))
        });
        let Some((found, end)) = found else { return false };
        expected[found].seen_bytes += end;
        // Lines of a sender arrive in order, so earlier unseen ones will not arrive.
        let mut at = 0;
        expected.retain(|it| {
            at += 1;
            at > found || it.user != *account
        });
        true
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

    /// Whether the bot has yet to see something that a puppet has sent.
    pub(in crate::bridge) fn awaits_echoes(&self) -> bool {
        let mut expected = self.expected_echoes.values().flatten();
        expected.any(|it| !it.unobserved && !it.is_fully_seen()) || !self.pending_echoes.is_empty()
    }

    /// The deliveries of disconnected puppets for which `which` holds.
    pub(in crate::bridge) fn take_pending(
        &mut self,
        which: impl Fn(&PendingEcho) -> bool,
    ) -> Vec<PendingEcho> {
        let (taken, left) = std::mem::take(&mut self.pending_echoes).into_iter().partition(which);
        self.pending_echoes = left;
        taken
    }

    /// A disconnected puppet's delivery may still arrive.
    pub(in crate::bridge) fn push_pending(&mut self, echo: PendingEcho) {
        self.pending_echoes.push(echo);
    }

    /// What was seen of the delivery that a puppet was sending to the channel.
    pub(in crate::bridge) fn take_expected(
        &mut self,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Option<ExpectedEcho> {
        let expected = self.expected_echoes.remove(&endpoint);
        expected.into_iter().flatten().find(|it| it.delivery == delivery)
    }

    pub(in crate::bridge) fn forget_echo(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if let Some(expected) = self.expected_echoes.get_mut(&endpoint) {
            expected.retain(|it| it.delivery != delivery);
        }
    }
}
