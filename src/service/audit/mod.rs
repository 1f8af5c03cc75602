//! What the ledger says crossed, compared with what the rooms and the channels hold; beside a bridge
//! that may be running.
//!
//! The ledger is looked at first, as it is at one moment, and then the places: so all that the ledger
//! calls delivered must be there. What is there and not in the ledger may have been said since, and
//! so the ledger is asked about it once more, a moment later.

pub mod channel;
pub mod room;
mod session;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::Settings;
use crate::domain::Endpoint;
use crate::store::{Snapshot, StoreError};

use channel::ChannelAudit;
use room::RoomAudit;

/// How long a running bridge may take to write down what it was just told.
const RECHECK_DELAY: Duration = Duration::from_secs(2);

/// How many troubles of a kind are told one by one; those beyond are counted.
const MAX_LISTED: usize = 1_000;

/// How far the clocks may differ that say when a delivery was begun and when it was said.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// What was found in each place.
#[derive(Debug)]
pub struct Audit {
    /// In the rooms.
    pub rooms: Vec<RoomAudit>,
    /// In the channels.
    pub channels: Vec<ChannelAudit>,
}

impl Audit {
    /// Whether nothing is missing, repeated or out of order in what could be compared.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let mut rooms = self.rooms.iter().flat_map(|audit| &audit.result);
        let mut channels = self.channels.iter().flat_map(|audit| &audit.result);
        rooms.all(room::RoomFindings::is_clean) && channels.all(channel::ChannelFindings::is_clean)
    }

    /// How many rooms and channels could not be compared.
    #[must_use]
    pub fn not_compared(&self) -> usize {
        let rooms = self.rooms.iter().filter(|audit| audit.result.is_err());
        let channels = self.channels.iter().filter(|audit| audit.result.is_err());
        rooms.count() + channels.count()
    }
}

/// Troubles of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for Problems<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Problems<T> {
    pub(in crate::service::audit) fn push(&mut self, trouble: T) {
        self.count += 1;
        if self.first.len() < MAX_LISTED {
            self.first.push(trouble);
        }
    }
}

/// What the bridge has still to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// How many posts.
    pub count: u64,
    /// When the oldest of them was posted.
    pub oldest: Option<Timestamp>,
}

impl Unread {
    pub(in crate::service::audit) fn add(&mut self, posted: Timestamp) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(posted, |oldest| oldest.min(posted)));
    }
}

/// Audits `rooms` and `channels`, as far back as `since` and the ledger's memory go.
///
/// # Errors
/// When there is no store, or it is not one that we can read.
pub async fn audit(
    settings: &Settings,
    rooms: &[Endpoint],
    channels: &[Endpoint],
    since: Option<Timestamp>,
) -> Result<Audit, StoreError> {
    // Whether there is anything to compare with, before anybody is bothered.
    drop(Snapshot::open(&settings.state_dir)?);
    let rooms = room::scan_rooms(settings, rooms, since).await?;
    let channels = channel::scan_channels(settings, channels, since).await?;
    if rooms.iter().any(room::RoomScan::has_suspects)
        || channels.iter().any(channel::ChannelScan::has_suspects)
    {
        tokio::time::sleep(RECHECK_DELAY).await;
    }
    let rooms = rooms.into_iter().map(|looked| looked.finish(settings));
    let rooms = rooms.collect::<Result<_, _>>()?;
    let channels = channels.into_iter().map(|looked| looked.finish(settings));
    Ok(Audit { rooms, channels: channels.collect::<Result<_, _>>()? })
}
