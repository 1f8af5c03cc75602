//! The history of one room, from the entries of its channels to messages.

use jiff::Timestamp;

use super::files::ImportFileError;
use super::room_files::RoomWriter;
use crate::domain::{LogEntry, LogEvent, LogSpeaker, ObjectId};
use crate::migrate::closed::closes_channel;
use crate::migrate::letschat::{HistoryVoice, MessageFields, PlacedEntry, Wording, message_id};
use crate::migrate::reading::KeptEvents;

/// Why the history of a room was not written.
#[derive(Debug, thiserror::Error)]
pub enum RoomHistoryError<E> {
    /// The logs cannot be read.
    #[error(transparent)]
    Log(E),
    /// The documents cannot be written.
    #[error(transparent)]
    File(#[from] ImportFileError),
}

/// A channel whose history goes into a room.
#[derive(Debug)]
pub struct ImportChannel {
    /// The network.
    pub network: String,
    /// The channel.
    pub name: String,
    /// How its lines are put.
    pub wording: Wording,
    /// Which events become messages of the bridge.
    pub told: KeptEvents,
    /// Since when the bridge mirrors it into the room: from then on, everything is there.
    pub mirrored_since: Option<Timestamp>,
}

/// The account whose message a line becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryOwner {
    /// Its id.
    pub account: ObjectId,
    /// Whether it is the speaker's own.
    pub voice: HistoryVoice,
}

/// Who says what: by channel, speaker and time. `None` for people who are left out.
pub type HistoryOwners<'a> =
    dyn Fn(&ImportChannel, &LogSpeaker, Timestamp) -> Option<HistoryOwner> + 'a;

/// Writes `entries` as messages in `room`. What nobody said, the account `bridge` says.
pub(super) fn write_entries<E>(
    entries: impl Iterator<Item = Result<PlacedEntry, E>>,
    room: ObjectId,
    channels: &[ImportChannel],
    owners: &HistoryOwners<'_>,
    bridge: ObjectId,
    writer: &mut RoomWriter,
) -> Result<(), RoomHistoryError<E>> {
    for placed in entries {
        let PlacedEntry { channel, entry, posted } = placed.map_err(RoomHistoryError::Log)?;
        let channel = &channels[channel];
        if channel.mirrored_since.is_some_and(|since| entry.at >= since) {
            writer.tally_mut().mirrored += 1;
            continue;
        }
        if let LogEvent::Mode { change, .. } = &entry.event {
            writer.tally_mut().was_closed |= closes_channel(change);
        }
        if !channel.told.has(&entry.event) {
            continue;
        }
        let owner = match &entry.event {
            LogEvent::Message { by, .. } => owners(channel, by, entry.at),
            _ => Some(HistoryOwner { account: bridge, voice: HistoryVoice::Bridge }),
        };
        let Some(owner) = owner else {
            writer.tally_mut().people_left_out += 1;
            continue;
        };
        let Some(text) = channel.wording.text(&entry, owner.voice) else {
            writer.tally_mut().invisible += 1;
            continue;
        };
        let Some(id) = id_of(channel, &entry) else {
            writer.tally_mut().out_of_time += 1;
            continue;
        };
        let text = text.as_str();
        writer.push(&MessageFields { id, owner: owner.account, room, text, posted })?;
    }
    Ok(())
}

fn id_of(channel: &ImportChannel, entry: &LogEntry) -> Option<ObjectId> {
    message_id(&channel.network, &channel.name, entry)
}
