//! What puppets have said, and the bridge is to see.

use super::{Expected, Puppets};
use crate::bridge::history::said_with;
use crate::bridge::{Bridge, Turn};
use crate::domain::{DeliveryId, EndpointId, LetsChatUserId, Network, RenderedMessage};
use crate::protocol::irc::IncomingMessage;
use crate::store::{Cursor, StoreError};

/// How many deliveries of puppets to one channel the bridge looks out for.
const MOST_EXPECTED: usize = 64;

impl Expected {
    pub(super) fn is_seen(&self) -> bool {
        self.seen >= self.speech.body.len()
    }
}

impl Puppets {
    /// `account` says this from now on.
    pub(in crate::bridge) fn expect(
        &mut self,
        (ticket, place): (DeliveryId, EndpointId),
        account: LetsChatUserId,
        speech: RenderedMessage,
        base: usize,
    ) {
        let expected = self.expected.entry(place).or_default();
        // One is under way at a time: what was seen whole before is over.
        expected.retain(|it| !it.is_seen() && it.ticket != ticket);
        if expected.len() >= MOST_EXPECTED {
            expected.pop_front();
        }
        expected.push_back(Expected { ticket, account, speech, base, seen: 0, blind: false });
    }

    /// The bridge sees `account` say something.
    fn see(&mut self, place: EndpointId, account: &LetsChatUserId, talk: &IncomingMessage) {
        let Some(expected) = self.expected.get_mut(&place) else { return };
        let found = expected.iter_mut().enumerate().find_map(|(at, it)| {
            let rest = it.speech.body.get(it.seen..)?;
            let theirs = it.account == *account && !it.is_seen();
            theirs.then(|| said_with(&it.speech, rest, talk))?.map(|end| (at, end))
        });
        let Some((found, end)) = found else { return };
        expected[found].seen += end;
        // Somebody is heard in order: what was not seen before this will not be.
        let mut at = 0;
        expected.retain(|it| {
            at += 1;
            at > found || it.account != *account
        });
    }

    /// The bridge does not see what is said at `place` for a while, nor who is there.
    pub(in crate::bridge) fn blind(&mut self, place: EndpointId) {
        self.expected.entry(place).or_default().iter_mut().for_each(|it| it.blind = true);
        self.awaited.retain(|it| it.place != place);
        for puppet in self.people.values_mut() {
            puppet.gone.remove(&place);
        }
    }

    pub(super) fn forget(&mut self, place: EndpointId, ticket: DeliveryId) {
        if let Some(expected) = self.expected.get_mut(&place) {
            expected.retain(|it| it.ticket != ticket);
        }
    }
}

impl Bridge {
    /// A line that was said under the nick of a puppet, as the bridge sees it. Says whether it was.
    pub(in crate::bridge) fn seen_of_puppet(
        &mut self,
        network: &Network,
        place: EndpointId,
        talk: &IncomingMessage,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let Some(puppets) = self.voices.puppets_of(network) else { return Ok(false) };
        let account = puppets.speaker(&talk.author.name, place, turn.now).cloned();
        let Some(account) = account else { return Ok(false) };
        puppets.see(place, &account, talk);
        let cursor = Cursor {
            time: talk.message_ref.time.unwrap_or(turn.now),
            last_line: Some(talk.message_ref.msgid.clone()),
        };
        turn.store.advance_channel_cursor(place, &cursor, turn.now)?;
        Ok(true)
    }
}
