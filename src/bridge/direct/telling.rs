//! Whoever wrote what did not arrive is told, at once or when they are in sight again.
//!
//! Until then it stands in the store as not told, so that a restart keeps nobody from being told.

use jiff::SignedDuration;

use super::lanes::MOST;
use super::words;
use crate::bridge::{Bridge, Peer, Turn};
use crate::domain::{Delivery, UserRef};
use crate::store::{StoreError, UnreportedFailure};

/// When those are looked for again who could not be told.
const LATER: SignedDuration = SignedDuration::from_secs(10);

impl Bridge {
    /// `delivery` was refused: whoever wrote it is told, now or when they are in sight again.
    pub(super) fn unreached(
        &mut self,
        delivery: &Delivery,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let party = self.direct.lanes.get(&delivery.to).map(|reader| &reader.party);
        let peer = party.and_then(UserRef::network);
        let peer = peer.map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()));
        tracing::warn!(%peer, delivery = delivery.id.0, why, "refused in private");
        self.counters.of(peer).refused += 1;
        self.waiting.remove(&delivery.message);
        self.direct.untold_at = Some(turn.now);
        turn.store.mark_unreported(delivery.id)
    }

    /// Time has passed.
    pub(in crate::bridge) fn direct_passes(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.advance_direct(turn)?;
        if !self.direct.tells() || self.direct.untold_at.is_none_or(|at| at > turn.now) {
            return Ok(());
        }
        self.direct.untold_at = None;
        let mut told = 0;
        for untold in turn.store.unreported_failures()? {
            let Some(writer) = turn.store.user_of_endpoint(untold.source)? else { continue };
            if told < MOST && self.tell_writer(&writer, &untold, turn)? {
                told += 1;
                turn.store.told_in_private(&untold)?;
            } else {
                self.direct.untold_at = Some(turn.now + LATER);
            }
        }
        Ok(())
    }

    /// Tells `writer` what was refused. Says whether they are in sight, or never will be.
    fn tell_writer(
        &self,
        writer: &UserRef,
        untold: &UnreportedFailure,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        // Whoever goes by the nick now may be somebody else.
        if matches!(writer, UserRef::Nick(..)) && self.direct.parties.place(writer).is_none() {
            return Ok(true);
        }
        let reader = turn.store.user_of_endpoint(untold.to)?;
        let name = match (&reader, self.direct.parties.name(untold.to)) {
            (_, Some(name)) => name,
            (Some(UserRef::Account(_, name) | UserRef::Nick(_, name)), None) => name.as_ref(),
            (Some(UserRef::LetsChat(_)) | None, None) => "somebody on Let's Chat",
        };
        let text = words::unreached(name, &untold.excerpt, untold.count, &untold.reason);
        Ok(self.tell_party(writer, &text, turn))
    }
}
