//! Audits rooms.

mod compare;
mod pages;
mod reader;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Problems, Unread};
use crate::config::Settings;
use crate::domain::{DeliveryId, Endpoint, EndpointId};
use crate::protocol::letschat::{LetsChatUser, PostId};
use crate::store::{Snapshot, StoreError, Totals};

use compare::RoomComparison;
use pages::RoomPages;
use reader::RoomReader;

/// A room, its linked channels, and the findings.
#[derive(Debug)]
pub struct RoomAudit {
    /// The room.
    pub room: Endpoint,
    /// The channels.
    pub channels: Vec<Endpoint>,
    /// The findings, or why it could not be audited.
    pub result: Result<RoomFindings, String>,
}

/// The findings for a room.
#[derive(Debug)]
pub struct RoomFindings {
    /// The start of the compared period.
    pub since: Timestamp,
    /// Deliveries found in the room.
    pub delivered: u64,
    /// Deliveries recorded as delivered that are missing from the room.
    pub missing: Problems<MissingPost>,
    /// Posts of others that are missing from the ledger.
    pub unrecorded: Problems<UnrecordedPost>,
    /// Our posts that exist twice.
    pub duplicates: Problems<DuplicatePost>,
    /// Deliveries that overtook others.
    pub out_of_order: Problems<OutOfOrderPost>,
    /// Posts that the bridge has not read yet.
    pub unread: Unread,
    /// Posts by the bridge's user that it did not create.
    pub unknown_own: u64,
    /// Posts skipped by catch-up limits or ignore rules.
    pub skipped: u64,
    /// Totals of the deliveries to the room.
    pub to_room: Totals,
    /// Totals of the deliveries from the room to each of its channels.
    pub to_channels: Vec<(Endpoint, Totals)>,
}

impl RoomFindings {
    /// The number of messages mirrored, in both directions.
    #[must_use]
    pub fn total_mirrored(&self) -> u64 {
        self.delivered + self.to_channels.iter().map(|(_, tally)| tally.delivered).sum::<u64>()
    }

    /// The number of messages missing on either side.
    #[must_use]
    pub fn total_missing(&self) -> u64 {
        self.missing.count + self.unrecorded.count
    }

    /// Whether nothing is missing, duplicated or out of order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.total_missing() + self.duplicates.count + self.out_of_order.count == 0
    }
}

/// A delivery that is missing from the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPost {
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// The recorded id of its post.
    pub post: String,
    /// When it was acknowledged.
    pub settled_at: Timestamp,
}

/// A post that is missing from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecordedPost {
    /// Its id.
    pub post: PostId,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// Its author.
    pub author: String,
}

/// A post of ours that repeats another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicatePost {
    /// Its id.
    pub post: PostId,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// The recorded one.
    pub original: PostId,
}

/// A delivery that follows one with a higher id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfOrderPost {
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// The id of its post.
    pub post: PostId,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// The later delivery that precedes it.
    pub preceded_by: DeliveryId,
}

/// The first pass over a room, before suspects are checked again; or why it failed.
pub(super) struct RoomScan {
    room: Endpoint,
    result: Result<ScannedRoom, String>,
}

/// Compares `rooms` with the ledger, as far back as `since` and the ledger go.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) async fn scan_rooms(
    settings: &Settings,
    rooms: &[Endpoint],
    since: Option<Timestamp>,
) -> Result<Vec<RoomScan>, StoreError> {
    let mut reader = RoomReader::start(settings.letschat.clone(), rooms);
    let joined = reader.wait_joined().await;
    let snapshot = Snapshot::open(&settings.state_dir)?;
    let mut looked = Vec::new();
    for (endpoint, room) in (0..).map(EndpointId).zip(rooms) {
        let read = match &joined {
            Ok(account) => {
                scan_room(settings, &snapshot, &mut reader, account, (endpoint, room), since)
                    .await?
            }
            Err(reason) => Err(reason.clone()),
        };
        looked.push(RoomScan { room: room.clone(), result: read });
    }
    drop(snapshot);
    reader.leave().await;
    Ok(looked)
}

impl RoomScan {
    /// Whether the ledger must be consulted again, a moment later.
    pub(super) fn has_suspects(&self) -> bool {
        self.result.as_ref().is_ok_and(|read| read.comparison.has_suspects())
    }

    /// The findings.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn finish(self, settings: &Settings) -> Result<RoomAudit, StoreError> {
        let Self { room, result: read } = self;
        let channels = linked_channels(settings, &room);
        let found = match read {
            Ok(read) => Ok(read.finish(&settings.state_dir)?),
            Err(reason) => Err(reason),
        };
        Ok(RoomAudit { room, channels, result: found })
    }
}

/// The channels that are linked to `room`.
fn linked_channels(settings: &Settings, room: &Endpoint) -> Vec<Endpoint> {
    let links = settings.links.iter().filter(|link| link.room == *room);
    links.map(|link| link.channel.clone()).collect()
}

/// A room that has been read to its end.
struct ScannedRoom {
    endpoint: EndpointId,
    since: Timestamp,
    comparison: RoomComparison,
    skipped: u64,
    to_room: Totals,
    to_channels: Vec<(Endpoint, Totals)>,
}

/// Compares one room with the ledger. The inner error says why that was not possible.
async fn scan_room(
    settings: &Settings,
    snapshot: &Snapshot,
    reader: &mut RoomReader,
    account: &LetsChatUser,
    (endpoint, room): (EndpointId, &Endpoint),
    since: Option<Timestamp>,
) -> Result<Result<ScannedRoom, String>, StoreError> {
    let msgid = match reader.room_id(endpoint) {
        Ok(msgid) => msgid,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(ledger) = snapshot.endpoint_id(room, Some(&msgid))? else {
        return Ok(Err("not in the ledger: the bridge has never joined it".to_owned()));
    };
    let since = compare_since(settings, snapshot, ledger, since)?;
    let mut pages = RoomPages::new(since);
    let cursor = snapshot.room_cursor(ledger)?.and_then(|cursor| cursor.parse().ok());
    let mut own_users = snapshot.users_of_the_bridge()?;
    own_users.insert(account.id.clone());
    let mut comparison = RoomComparison::new(own_users, cursor);
    while let Some((since, skip)) = pages.next_request() {
        let posts = match reader.fetch_page(endpoint, since, skip).await {
            Ok(posts) => posts,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(stretch) = pages.add_page(posts) else { continue };
        let (above, up_to) = (stretch.above.to_string(), stretch.up_to.map(|id| id.to_string()));
        comparison.open_segment(stretch.posts);
        snapshot.for_each_entry(ledger, &above, up_to.as_deref(), |remote_id, entry| {
            comparison.add_entry(remote_id, entry);
        })?;
        comparison.close_segment();
    }
    let since = since.created_at();
    let mut to_channels = Vec::new();
    for channel in linked_channels(settings, room) {
        let tally = match snapshot.endpoint_id(&channel, None)? {
            Some(to) => snapshot.totals(to, Some(ledger), since)?,
            None => Totals::default(),
        };
        to_channels.push((channel, tally));
    }
    let left_out = snapshot.skipped(ledger, since)?;
    let to_room = snapshot.totals(ledger, None, since)?;
    Ok(Ok(ScannedRoom {
        endpoint: ledger,
        since,
        comparison,
        skipped: left_out,
        to_room,
        to_channels,
    }))
}

/// The id since which the ledger is expected to be complete: not before it was pruned or the bridge joined.
fn compare_since(
    settings: &Settings,
    snapshot: &Snapshot,
    ledger: EndpointId,
    since: Option<Timestamp>,
) -> Result<PostId, StoreError> {
    let now = Timestamp::now();
    let parse = |id: Option<String>| id.and_then(|id| id.parse::<PostId>().ok());
    let known = parse(snapshot.lowest_known_id(ledger)?).map(PostId::predecessor);
    let known = match known {
        Some(known) => Some(known),
        None => parse(snapshot.room_cursor(ledger)?),
    };
    let memory = settings.store.retention.and_then(|keep| SignedDuration::try_from(keep).ok());
    let remembered = memory.and_then(|memory| now.checked_sub(memory).ok());
    let bounds = [remembered, since].into_iter().flatten().map(PostId::from_time);
    Ok(bounds.fold(known.unwrap_or(PostId::from_time(now)), PostId::max))
}

impl ScannedRoom {
    /// Consults the ledger again about suspects.
    fn finish(self, state_dir: &Path) -> Result<RoomFindings, StoreError> {
        let Self { endpoint: ledger, since, comparison, skipped: left_out, to_room, to_channels } =
            self;
        let snapshot = Snapshot::open(state_dir)?;
        let cursor = snapshot.room_cursor(ledger)?.and_then(|cursor| cursor.parse().ok());
        let in_flight = snapshot.in_flight(ledger)?;
        let mut broken = Ok(());
        let compared = comparison.finish(cursor, in_flight.as_ref(), |post| {
            let entry = snapshot.ledger_entry(ledger, &post.to_string());
            entry.unwrap_or_else(|error| {
                broken = Err(error);
                None
            })
        });
        broken?;
        Ok(RoomFindings {
            since,
            delivered: compared.delivered,
            missing: compared.missing,
            unrecorded: compared.unrecorded,
            duplicates: compared.duplicates,
            out_of_order: compared.out_of_order,
            unread: compared.unread,
            unknown_own: compared.unknown_own,
            skipped: left_out,
            to_room,
            to_channels,
        })
    }
}
