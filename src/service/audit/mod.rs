//! Compares the ledger with the contents of rooms and channels, beside a bridge that may be running.
//!
//! First, a snapshot of the ledger is taken, then the endpoints are read. So everything delivered according
//! to the ledger must be present. What is present but not in the ledger may be newer, so the ledger is
//! consulted about it again a moment later.

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

/// How long a running bridge may take to commit what it has just received.
const RECHECK_DELAY: Duration = Duration::from_secs(2);

/// Maximum number of problems listed per kind; further ones are counted only.
const MAX_LISTED: usize = 1_000;

/// How far the clocks of bridge and server may differ.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// The result of an audit.
#[derive(Debug)]
pub struct Audit {
    /// For rooms.
    pub rooms: Vec<RoomAudit>,
    /// For channels.
    pub channels: Vec<ChannelAudit>,
}

impl Audit {
    /// Whether nothing is missing, duplicated or out of order in what could be compared.
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

/// Problems of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems<T> {
    /// Their number.
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

/// What the bridge has not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// The number of messages.
    pub count: u64,
    /// The time of the oldest.
    pub oldest: Option<Timestamp>,
}

impl Unread {
    pub(in crate::service::audit) fn add(&mut self, posted: Timestamp) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(posted, |oldest| oldest.min(posted)));
    }
}

/// Audits `rooms` and `channels`, as far back as `since` and the ledger go.
///
/// # Errors
/// When there is no store, or this version cannot read it.
pub async fn audit(
    settings: &Settings,
    rooms: &[Endpoint],
    channels: &[Endpoint],
    since: Option<Timestamp>,
) -> Result<Audit, StoreError> {
    // Fail early if there is no ledger to compare with.
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
