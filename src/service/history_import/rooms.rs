//! The rooms of a plan: which channels go where, and the rooms on the server.

use jiff::Timestamp;

use super::directory::ImportDirectory;
use super::files::ImportFileError;
use super::room::ImportChannel;
use super::server::{ImportServer, ImportServerError, ServerRoom};
use crate::config::{Link, Settings};
use crate::domain::{Casemapping, Endpoint, ObjectId, is_room_slug};
use crate::migrate::letschat::Wording;
use crate::migrate::plan::{Plan, PlannedChannel};
use crate::migrate::reading::KeptEvents;

/// Why a room cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportRoomError {
    /// The server refuses.
    #[error(transparent)]
    Server(#[from] ImportServerError),
    /// It cannot be remembered.
    #[error(transparent)]
    File(#[from] ImportFileError),
    /// No room has this name, and none can.
    #[error(
        "letschat: there is no room {0:?}, and none can have that name: use a-z, 0-9, - and _, or the id of a room that is \
         there"
    )]
    Name(String),
    /// Everybody can read what only participants may.
    #[error(
        "letschat: everybody can read the room {0}, and it has messages already: the plan has `participants` for it. Name \
         another room in the plan, or remove the line if everybody may read that history"
    )]
    Open(String),
}

/// A room of the plan with its channels.
#[derive(Debug, Clone)]
pub(super) struct RoomGroup<'p> {
    /// Its slug or id.
    pub(super) room: String,
    /// Its channels, in the order of the plan.
    pub(super) channels: Vec<&'p PlannedChannel>,
}

impl RoomGroup<'_> {
    /// The user names of those who may read it; `None` if everybody may. The plan has the same for all its channels.
    pub(super) fn participants(&self) -> Option<&[String]> {
        self.channels.first().and_then(|channel| channel.participants.as_deref())
    }
}

/// The rooms of the plan, in the order of their first channels. Private conversations go nowhere.
pub(super) fn groups(plan: &Plan) -> Vec<RoomGroup<'_>> {
    let mut groups: Vec<RoomGroup<'_>> = Vec::new();
    for channel in plan.channels.iter().filter(|it| !it.is_left_out && !it.is_private) {
        let Some(room) = &channel.room else { continue };
        let room = room.to_lowercase();
        match groups.iter_mut().find(|group| group.room == room) {
            Some(group) => group.channels.push(channel),
            None => groups.push(RoomGroup { room, channels: vec![channel] }),
        }
    }
    groups
}

/// A room on the server, or one to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundRoom {
    /// `None` for one to be made.
    pub(super) there: Option<ServerRoom>,
    /// Whether it was made for the history.
    pub(super) is_new: bool,
}

/// Looks for a room; in a dry run, `directory` is `None`, and nothing is made.
pub(super) async fn find_or_make(
    group: &RoomGroup<'_>,
    server: &ImportServer,
    directory: Option<&mut ImportDirectory>,
) -> Result<FoundRoom, ImportRoomError> {
    let slug = &group.room;
    let there = server.room(slug).await?;
    if there.is_none() && !is_room_slug(slug) {
        return Err(ImportRoomError::Name(slug.clone()));
    }
    let is_closed = group.participants().is_some();
    if let Some(there) = &there
        && (is_closed && !there.is_private)
        && server.names_owners(there.id).await?.is_some()
    {
        return Err(ImportRoomError::Open(slug.clone()));
    }
    let Some(directory) = directory else {
        let is_new = there.is_none();
        return Ok(FoundRoom { there, is_new });
    };
    // An interrupted run may have made it.
    let is_new = match directory.room(slug) {
        Some((is_new, _)) => is_new || there.is_none(),
        None => there.is_none(),
    };
    let there = match there {
        Some(there) => there,
        None => {
            directory.remember_room(slug, true, None)?;
            server.make_room(slug, &description(group), is_closed).await?
        }
    };
    directory.remember_room(slug, is_new, Some(there.id))?;
    Ok(FoundRoom { there: Some(there), is_new })
}

fn description(group: &RoomGroup<'_>) -> String {
    let names = group.channels.iter().map(|it| format!("{} on {}", it.channel, it.network));
    format!("History of {}", names.collect::<Vec<_>>().join(" and "))
}

/// The channels of a room, as they are written. `first_joins` are the times since when the bridge is in channels.
pub(super) fn import_channels(
    group: &RoomGroup<'_>,
    id: ObjectId,
    settings: &Settings,
    first_joins: &[(Endpoint, Timestamp)],
    told: KeptEvents,
) -> Vec<ImportChannel> {
    let channel = |planned: &&PlannedChannel| {
        let id = id.to_string();
        let is_link = |link: &Link| {
            let (Endpoint::Channel { name, .. }, Endpoint::Room(room)) =
                (&link.channel, &link.room)
            else {
                return false;
            };
            Casemapping::Rfc1459.same(name, &planned.channel)
                && (room.eq_ignore_ascii_case(&group.room) || **room == *id)
        };
        let link = settings.links.iter().position(is_link);
        let format = link.and_then(|at| settings.link_formats.get(at)).unwrap_or(&settings.format);
        let joined = link.and_then(|at| {
            let mut joins = first_joins.iter();
            joins.find(|(channel, _)| *channel == settings.links[at].channel)
        });
        ImportChannel {
            network: planned.network.clone(),
            name: planned.channel.clone(),
            wording: Wording::new(&planned.network, &planned.channel, format),
            told,
            mirrored_since: joined.map(|(_, at)| *at),
        }
    };
    group.channels.iter().map(channel).collect()
}
