//! What a restored backup does not know: which messages of the time since were mirrored already.
//!
//! The ledger ends with the backup. What was sent until the restoration is *doubtful*: the bridge, as it was before, may
//! have mirrored it. Both sides are caught up with as ever, so that everything is recorded. What the catch-up of an
//! endpoint shows is kept as its [`sightings`]. Before a doubtful message is delivered, they tell whether it is there:
//!
//! | the endpoint's history                                          | what becomes of the delivery        |
//! |-----------------------------------------------------------------|-------------------------------------|
//! | shows the message, sent by the bridge for its author            | it counts as delivered              |
//! | shows the same text, and one is the other's copy by an account  | it counts as delivered              |
//! | shows the same text of somebody else at about the same time     | dropped, and people are told        |
//! | is whole, and does not show it                                  | it is delivered, with its time      |
//! | is missing or has gaps                                          | dropped, and people are told        |
//!
//! The second row is for accounts and puppets that the backup does not know: what they said looks like a person's own
//! words. Sightings are in memory only, and the cursor of an endpoint moves while it is read: if the process ends before
//! all is decided, the next one drops the rest, and tells people.

pub(in crate::bridge) mod copies;
pub(in crate::bridge) mod sightings;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{EndpointId, Message};
use crate::store::{Restoration, Store, StoreError};
use copies::Copies;
use sightings::{SightedSender, Sighting, Sightings};

/// What is known of the time that a restored state does not know.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Restored {
    /// The mark of the state; `None` if it was never restored.
    mark: Option<Restoration>,
    /// What each endpoint shows, and what of it waits since before the backup.
    seen: HashMap<EndpointId, Sightings>,
    /// The endpoints whose next delivery waits until its source is read.
    pub(in crate::bridge) waiting: BTreeSet<EndpointId>,
    /// What was decided of the name of a message, to be done with its text, too.
    name_decision: Option<(EndpointId, Message, Finding)>,
    /// The endpoints with which a catch-up has begun in this run.
    begun: BTreeSet<EndpointId>,
    /// The endpoints with which the first catch-up since the restoration goes on.
    first_readings: BTreeSet<EndpointId>,
    /// Which messages are copies.
    copies: Copies,
    /// The bytes of all sightings.
    bytes: usize,
}

/// What becomes of a doubtful delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) enum Finding {
    /// It is there; under this id, if the ledger does not know that.
    Arrived(Option<String>),
    /// It may be there.
    Unclear,
    /// It is not there.
    Missing,
}

/// How far a server's clock may be ahead of ours.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_mins(2);

/// Maximum bytes of all sightings. What exceeds them counts as a gap.
const MAX_BYTES: usize = 16 << 20;

impl Restored {
    /// The mark as the store has it.
    pub(in crate::bridge) fn recover(store: &Store) -> Result<Self, StoreError> {
        let mut restored = Self { mark: store.restoration()?, ..Self::default() };
        if let Some(mark) = restored.mark {
            for message in store.open_messages(mark.restored_at)? {
                restored.note_waiting(&message);
            }
        }
        Ok(restored)
    }

    /// The mark of the state.
    pub(in crate::bridge) fn mark(&self) -> Option<Restoration> {
        self.mark
    }

    /// Whether what was sent at `time` may have been mirrored before.
    pub(in crate::bridge) fn is_doubtful(&self, time: Timestamp) -> bool {
        self.mark.is_some_and(|mark| time <= mark.restored_at)
    }

    /// When a message that the first catch-up since the restoration shows was sent, at `time` by the server's clock, if
    /// that is known. Its clock may be ahead of ours; a later time than this is certain.
    pub(in crate::bridge) fn sent_at(
        &self,
        endpoint: EndpointId,
        time: Option<Timestamp>,
        now: Timestamp,
    ) -> Timestamp {
        let mark = self.mark.filter(|_| self.first_readings.contains(&endpoint));
        match (time, mark) {
            (Some(time), Some(mark)) if time <= mark.restored_at + MAX_CLOCK_LEAD => {
                time.min(mark.restored_at)
            }
            (None, Some(mark)) => mark.restored_at,
            (time, _) => time.unwrap_or(now),
        }
    }

    /// Whether the first catch-up with the endpoint is over.
    pub(in crate::bridge) fn is_read(&self, endpoint: EndpointId) -> bool {
        self.seen.get(&endpoint).is_some_and(Sightings::is_read)
    }

    /// The catch-up with `endpoint` shows a message that the ledger does not know.
    pub(in crate::bridge) fn note(&mut self, endpoint: EndpointId, sighting: &Sighting<'_>) {
        if self.mark.is_none() {
            return;
        }
        let seen = self.seen.entry(endpoint).or_default();
        if seen.is_read() {
            return;
        }
        self.bytes += sighting.size();
        if self.bytes > MAX_BYTES {
            seen.mark_incomplete();
        } else {
            seen.note(sighting);
        }
    }

    /// The backup has a message that was not delivered everywhere yet. It may have been, since.
    fn note_waiting(&mut self, message: &Message) {
        let by = SightedSender::Named(&message.author.name);
        let (text, at) = (message.body.as_str(), message.sent_at);
        let sighting = Sighting { by, text, at, id: None, is_unrecorded: false };
        self.bytes += sighting.size();
        if self.bytes <= MAX_BYTES {
            self.seen.entry(message.source).or_default().note_known(message.source, &sighting);
        }
    }

    /// Something that the endpoint has could not be read.
    pub(in crate::bridge) fn mark_incomplete(&mut self, endpoint: EndpointId) {
        if self.mark.is_some() {
            self.seen.entry(endpoint).or_default().mark_incomplete();
        }
    }

    /// A catch-up with `endpoint` begins. Returns whether the store must be asked if it is the first since the restoration.
    pub(in crate::bridge) fn begin(&mut self, endpoint: EndpointId) -> bool {
        if !self.begun.insert(endpoint) {
            self.seen.entry(endpoint).or_default().begin_again();
            return false;
        }
        self.mark.is_some()
    }

    /// The first catch-up of this run with `endpoint` begins. If an earlier run has begun one, what that has seen is lost.
    pub(in crate::bridge) fn begin_first(&mut self, endpoint: EndpointId, is_first: bool) {
        if is_first {
            self.first_readings.insert(endpoint);
        } else {
            self.mark_incomplete(endpoint);
        }
    }

    /// The catch-up with `endpoint` is over; `complete` tells whether it showed everything.
    pub(in crate::bridge) fn finish(&mut self, endpoint: EndpointId, complete: bool) {
        self.first_readings.remove(&endpoint);
        if self.mark.is_some() {
            self.seen.entry(endpoint).or_default().finish(complete);
        }
    }

    /// Nothing doubtful can be on its way to `endpoint` any more.
    pub(in crate::bridge) fn forget(&mut self, endpoint: EndpointId) {
        if let Some(seen) = self.seen.get_mut(&endpoint) {
            self.bytes = self.bytes.saturating_sub(seen.forget());
            self.forget_copies();
        }
    }

    /// Whether there is something to forget of `endpoint`.
    pub(in crate::bridge) fn remembers(&self, endpoint: EndpointId) -> bool {
        self.seen.get(&endpoint).is_some_and(|seen| !seen.is_empty())
    }

    /// What was decided of the name of `message`, if that was the last decision.
    pub(in crate::bridge) fn take_name_decision(
        &mut self,
        to: EndpointId,
        message: &Message,
    ) -> Option<Finding> {
        let (endpoint, name, finding) = self.name_decision.take()?;
        (endpoint == to && name == *message).then_some(finding)
    }

    /// What is decided of the name of `message` is to be done with its text, too.
    pub(in crate::bridge) fn set_name_decision(
        &mut self,
        to: EndpointId,
        message: &Message,
        finding: &Finding,
    ) {
        // The id belongs to one delivery.
        let finding = match finding {
            Finding::Arrived(_) => Finding::Arrived(None),
            Finding::Unclear => Finding::Unclear,
            Finding::Missing => Finding::Missing,
        };
        self.name_decision = Some((to, message.clone(), finding));
    }

    /// The sightings at `endpoint`, empty and incomplete if there are none.
    pub(in crate::bridge) fn sightings(&mut self, endpoint: EndpointId) -> &mut Sightings {
        self.seen.entry(endpoint).or_default()
    }
}
