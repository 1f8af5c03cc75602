//! What the ledger says crossed, compared with what the rooms hold; beside a bridge that may be running.
//!
//! The ledger is looked at first, as it is at one moment, and then the rooms: so all that the ledger
//! calls delivered must be there. What is there and not in the ledger may have been said since, and
//! so the ledger is asked about it once more, a moment later.

mod compare;
mod pages;
mod reader;

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::Settings;
use crate::domain::{Place, PlaceId, Ticket};
use crate::protocol::letschat::{Author, PostId};
use crate::store::{Snapshot, StoreError, Tally};

use compare::Comparison;
use pages::Pages;
use reader::Reader;

/// How long a running bridge may take to write down what it was just told.
const MOMENT: Duration = Duration::from_secs(2);

/// How many troubles of a kind are told one by one; those beyond are counted.
const TOLD: usize = 1_000;

/// One room, and the channels that are linked to it.
#[derive(Debug)]
pub struct RoomAudit {
    /// The room.
    pub room: Place,
    /// The channels.
    pub channels: Vec<Place>,
    /// What was found, or why nothing could be.
    pub found: Result<Findings, String>,
}

/// What was found in a room.
#[derive(Debug)]
pub struct Findings {
    /// From when on the room and the ledger were compared.
    pub since: Timestamp,
    /// Deliveries that are in the room.
    pub posted: u64,
    /// Deliveries that the ledger says arrived and that are not in the room.
    pub lost: Troubles<Lost>,
    /// Posts of others that were passed over.
    pub unheard: Troubles<Unheard>,
    /// Posts of ours that are there twice.
    pub repeated: Troubles<Twin>,
    /// Deliveries that overtook others.
    pub misplaced: Troubles<Misplaced>,
    /// Posts that the bridge has still to read.
    pub unread: Unread,
    /// Posts that the rules of catching up left out.
    pub left_out: u64,
    /// What the ledger says of the deliveries to the room.
    pub to_room: Tally,
    /// What the ledger says of the deliveries from the room to each of its channels.
    pub to_channels: Vec<(Place, Tally)>,
}

impl Findings {
    /// How many messages crossed, both ways.
    #[must_use]
    pub fn crossed(&self) -> u64 {
        self.posted + self.to_channels.iter().map(|(_, tally)| tally.delivered).sum::<u64>()
    }

    /// How many messages are missing on either side.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.lost.count + self.unheard.count
    }

    /// Whether nothing is missing, repeated or out of order.
    #[must_use]
    pub fn well(&self) -> bool {
        self.missing() + self.repeated.count + self.misplaced.count == 0
    }
}

/// Troubles of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Troubles<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for Troubles<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Troubles<T> {
    fn push(&mut self, trouble: T) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(trouble);
        }
    }
}

/// A delivery that is not in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The delivery.
    pub ticket: Ticket,
    /// The id that the server gave it.
    pub post: String,
    /// When its arrival was noted.
    pub settled: Timestamp,
}

/// A post that the ledger should know and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    /// Its id.
    pub post: PostId,
    /// When it was posted.
    pub posted: Timestamp,
    /// Who wrote it.
    pub author: String,
}

/// A post of ours that says again what another says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// Its id.
    pub post: PostId,
    /// When it was posted.
    pub posted: Timestamp,
    /// The one that the ledger knows.
    pub of: PostId,
}

/// A delivery that stands in the room behind one that was heard after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The delivery.
    pub ticket: Ticket,
    /// Its id in the room.
    pub post: PostId,
    /// When it was posted.
    pub posted: Timestamp,
    /// The later delivery that stands before it.
    pub behind: Ticket,
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
    fn add(&mut self, posted: Timestamp) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(posted, |oldest| oldest.min(posted)));
    }
}

/// Audits `rooms`, as far back as `since` and the ledger's memory go.
///
/// # Errors
/// When there is no store, or it is not one that we can read.
pub async fn audit(
    settings: &Settings,
    rooms: &[Place],
    since: Option<Timestamp>,
) -> Result<Vec<RoomAudit>, StoreError> {
    // Whether there is anything to compare with, before anybody is bothered.
    drop(Snapshot::open(&settings.state_dir)?);
    let mut reader = Reader::begin(settings.letschat.clone(), rooms);
    let begun = reader.joined().await;
    let snapshot = Snapshot::open(&settings.state_dir)?;
    let mut read = Vec::new();
    for (seat, room) in (0..).map(PlaceId).zip(rooms) {
        let audited = match &begun {
            Ok(account) => {
                look(settings, &snapshot, &mut reader, account, (seat, room), since).await?
            }
            Err(why) => Err(why.clone()),
        };
        read.push((room, audited));
    }
    drop(snapshot);
    reader.leave().await;
    if read.iter().flat_map(|(_, read)| read).any(|read| read.comparison.is_suspicious()) {
        tokio::time::sleep(MOMENT).await;
    }
    let conclude = |(room, read): (&Place, Result<Read, String>)| {
        let found = match read {
            Ok(read) => Ok(read.conclude(&settings.state_dir)?),
            Err(why) => Err(why),
        };
        Ok(RoomAudit { room: room.clone(), channels: channels(settings, room), found })
    };
    read.into_iter().map(conclude).collect()
}

/// The channels that are linked to `room`.
fn channels(settings: &Settings, room: &Place) -> Vec<Place> {
    let links = settings.links.iter().filter(|link| link.room == *room);
    links.map(|link| link.channel.clone()).collect()
}

/// A room that was read to its end.
struct Read {
    ledger: PlaceId,
    since: Timestamp,
    comparison: Comparison,
    left_out: u64,
    to_room: Tally,
    to_channels: Vec<(Place, Tally)>,
}

/// Compares one room with the ledger. The inner error says why it could not be done.
async fn look(
    settings: &Settings,
    snapshot: &Snapshot,
    reader: &mut Reader,
    account: &Author,
    (seat, room): (PlaceId, &Place),
    since: Option<Timestamp>,
) -> Result<Result<Read, String>, StoreError> {
    let id = match reader.seat(seat) {
        Ok(id) => id,
        Err(why) => return Ok(Err(why)),
    };
    let Some(ledger) = snapshot.place(room, Some(&id))? else {
        return Ok(Err("the bridge has never been there: the ledger does not know it".to_owned()));
    };
    let since = beginning(settings, snapshot, ledger, since)?;
    let mut pages = Pages::from(since);
    let cursor = snapshot.cursor(ledger)?.and_then(|cursor| cursor.parse().ok());
    let mut comparison = Comparison::new(&account.id, cursor);
    while let Some((since, skip)) = pages.next() {
        let posts = match reader.list(seat, since, skip).await {
            Ok(posts) => posts,
            Err(why) => return Ok(Err(why)),
        };
        let Some(stretch) = pages.turn(posts) else { continue };
        let (above, up_to) = (stretch.above.to_string(), stretch.up_to.map(|id| id.to_string()));
        comparison.open(stretch.posts);
        snapshot.traces(ledger, &above, up_to.as_deref(), |native, trace| {
            comparison.trace(native, trace);
        })?;
        comparison.close();
    }
    let since = since.made_at();
    let mut to_channels = Vec::new();
    for channel in channels(settings, room) {
        let tally = match snapshot.place(&channel, None)? {
            Some(to) => snapshot.tally(to, Some(ledger), since)?,
            None => Tally::default(),
        };
        to_channels.push((channel, tally));
    }
    let left_out = snapshot.left_out(ledger, since)?;
    let to_room = snapshot.tally(ledger, None, since)?;
    Ok(Ok(Read { ledger, since, comparison, left_out, to_room, to_channels }))
}

/// Above which id the ledger can be expected to know everything: what it has forgotten, and what was
/// said before the bridge came, is nobody's loss.
fn beginning(
    settings: &Settings,
    snapshot: &Snapshot,
    ledger: PlaceId,
    since: Option<Timestamp>,
) -> Result<PostId, StoreError> {
    let now = Timestamp::now();
    let parse = |id: Option<String>| id.and_then(|id| id.parse::<PostId>().ok());
    let known = parse(snapshot.first_known(ledger)?).map(PostId::before);
    let known = match known {
        Some(known) => Some(known),
        None => parse(snapshot.cursor(ledger)?),
    };
    let memory = settings.store.keep.and_then(|keep| SignedDuration::try_from(keep).ok());
    let remembered = memory.and_then(|memory| now.checked_sub(memory).ok());
    let bounds = [remembered, since].into_iter().flatten().map(PostId::at);
    Ok(bounds.fold(known.unwrap_or(PostId::at(now)), PostId::max))
}

impl Read {
    /// Looks at the ledger once more, as it is now, for what it did not know.
    fn conclude(self, state_dir: &Path) -> Result<Findings, StoreError> {
        let Self { ledger, since, comparison, left_out, to_room, to_channels } = self;
        let snapshot = Snapshot::open(state_dir)?;
        let cursor = snapshot.cursor(ledger)?.and_then(|cursor| cursor.parse().ok());
        let under_way = snapshot.under_way(ledger)?;
        let mut broken = Ok(());
        let compared = comparison.conclude(cursor, under_way.as_ref(), |post| {
            let trace = snapshot.trace(ledger, &post.to_string());
            trace.unwrap_or_else(|error| {
                broken = Err(error);
                None
            })
        });
        broken?;
        Ok(Findings {
            since,
            posted: compared.posted,
            lost: compared.lost,
            unheard: compared.unheard,
            repeated: compared.repeated,
            misplaced: compared.misplaced,
            unread: compared.unread,
            left_out,
            to_room,
            to_channels,
        })
    }
}
