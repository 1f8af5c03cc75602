//! The rooms of a plan in Let's Chat, for those who may read the archive.

use std::collections::{BTreeSet, HashMap};

use crate::config::Settings;
use crate::domain::ObjectId;
use crate::migrate::plan::PlannedChannel;
use crate::net::rest::{RestClient, RestRoomDetails};
use crate::net::tls;

/// What keeps people from finding the history of a room.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoomDoubt {
    /// It has no id.
    #[error(
        "Let's Chat shows the bridge no room {0}: the pages show its history to nobody. Make the room, or name another one \
         in the plan, and run this again"
    )]
    Hidden(String),
    /// Its id is not known.
    #[error(
        "Let's Chat does not tell the ids of rooms: {0}. The pages may show their history to nobody; run this again"
    )]
    NoAnswer(String),
    /// Others could read what only participants may.
    #[error(
        "{channel}: not archived: only the participants in the plan may read it, and Let's Chat shows no private room {room}. \
         `letsbridge import write` makes it, and its restore.sh closes it. Or name another room, or remove the participants if \
         everybody may read it"
    )]
    Open {
        /// The room.
        room: String,
        /// The channel.
        channel: String,
    },
}

/// The rooms of a plan, as Let's Chat has them.
#[derive(Debug, Default)]
pub(super) struct FoundRooms {
    /// Their ids, by what the plan calls them.
    pub(super) ids: HashMap<String, String>,
    /// What the plan calls those that not everybody can read.
    private: BTreeSet<String>,
    pub(super) doubts: Vec<RoomDoubt>,
}

impl FoundRooms {
    /// Asks Let's Chat for the rooms, by what the plan calls them; and what keeps people from finding their history.
    pub(super) async fn find(settings: &Settings, channels: &[&PlannedChannel]) -> Self {
        let names: BTreeSet<&str> = channels.iter().filter_map(|it| it.room.as_deref()).collect();
        let (rest, mut found) = (rest_client(settings), Self::default());
        for name in names {
            // A room may be named by its id.
            if name.parse::<ObjectId>().is_ok() {
                found.ids.insert(name.to_owned(), name.to_owned());
            }
            match look(&rest, name).await {
                Ok(Some(room)) => {
                    found.ids.insert(name.to_owned(), room.id);
                    if room.is_private {
                        found.private.insert(name.to_owned());
                    }
                }
                Ok(None) => found.doubts.push(RoomDoubt::Hidden(name.to_owned())),
                Err(why) => {
                    found.doubts.push(RoomDoubt::NoAnswer(why));
                    break;
                }
            }
        }
        found
    }

    /// Whether what was said in a channel may be archived, for those who can read its room.
    pub(super) fn may_have(&self, channel: &PlannedChannel) -> bool {
        let is_private = channel.room.as_ref().is_some_and(|room| self.private.contains(room));
        channel.participants.is_none() || is_private
    }
}

fn rest_client(settings: &Settings) -> Result<RestClient, String> {
    let letschat = &settings.letschat;
    let tls = tls::client_config(&letschat.tls_trust).map_err(|error| error.to_string())?;
    let rest = RestClient::new(&letschat.url, &letschat.token, &tls);
    rest.map_err(|error| error.to_string())
}

/// The room with this slug or id; `None` if the bridge's account sees none.
async fn look(
    rest: &Result<RestClient, String>,
    room: &str,
) -> Result<Option<RestRoomDetails>, String> {
    let room = rest.as_ref().map_err(Clone::clone)?.room(room).await;
    room.map_err(|error| error.to_string())
}
