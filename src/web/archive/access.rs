//! Asks Let's Chat which rooms an account may read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time;

use crate::config::LetsChatSettings;
use crate::domain::Secret;
use crate::net::rest::{AccessError, RestError, RestServer, RoomAccess};
use crate::net::tls;

/// How many accounts are asked about at the same time.
const MAX_QUESTIONS: usize = 3;

/// How many rooms with a password are asked about one by one.
const MAX_DOUBTS: usize = 50;

/// How long one answer may take, with waiting for the others.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The rooms that an account may read: their names by their ids in Let's Chat.
pub(super) type ReadableRooms = Arc<BTreeMap<String, String>>;

/// Why it is not known which rooms an account may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRooms {
    /// Let's Chat has ended the session, or the account is gone.
    Ended,
    /// It does not answer, or not as it should.
    Unreachable,
}

/// The configured Let's Chat, which knows who may read what.
#[derive(Debug)]
pub(super) struct RoomQuestions {
    letschat: LetsChatSettings,
    server: OnceCell<RestServer>,
    slots: Semaphore,
}

impl RoomQuestions {
    pub(super) fn new(letschat: LetsChatSettings) -> Self {
        Self { letschat, server: OnceCell::new(), slots: Semaphore::new(MAX_QUESTIONS) }
    }

    /// The rooms that the account of this session may read, among those with the ids in `archived` at least.
    pub(super) async fn readable(
        &self,
        session: &Secret,
        account: &str,
        archived: &HashSet<String>,
    ) -> Result<ReadableRooms, NoRooms> {
        let asking = async {
            let _slot = self.slots.acquire().await.map_err(|_| NoRooms::Unreachable)?;
            let server = self.server().await?;
            let listed = server.listed_rooms(session, account).await.map_err(|it| explain(&it))?;
            let mut rooms = BTreeMap::new();
            let mut doubts = 0;
            for room in listed.into_iter().filter(|room| archived.contains(&room.id)) {
                let may_read = match room.access {
                    RoomAccess::Open => true,
                    // Beyond the bound, none is shown.
                    RoomAccess::Unknown if doubts >= MAX_DOUBTS => false,
                    RoomAccess::Unknown => {
                        doubts += 1;
                        let shown = server.shows_messages(session, &room.id).await;
                        shown.map_err(|it| explain(&it))?
                    }
                };
                if may_read {
                    rooms.insert(room.id, room.name);
                }
            }
            Ok(Arc::new(rooms))
        };
        time::timeout(TIME_LIMIT, asking).await.unwrap_or(Err(NoRooms::Unreachable))
    }

    /// Ends a session. Without an answer, it ends by itself after 14 days.
    pub(super) async fn sign_out(&self, session: &Secret) {
        let Ok(server) = self.server().await else { return };
        if let Err(error) = server.sign_out(session).await {
            tracing::debug!(%error, "a session of the archive's pages has not been ended");
        }
    }

    async fn server(&self) -> Result<&RestServer, NoRooms> {
        let made = self.server.get_or_try_init(async || {
            let tls = tls::client_config(&self.letschat.tls_trust).map_err(|error| {
                tracing::debug!(%error, "no TLS for the archive's pages");
                NoRooms::Unreachable
            })?;
            let server = RestServer::new(&self.letschat.url, &tls);
            server.map_err(|error| explain(&AccessError::Rest(error)))
        });
        made.await
    }
}

fn explain(error: &AccessError) -> NoRooms {
    tracing::debug!(%error, "Let's Chat did not tell who may read which rooms");
    match error {
        AccessError::Refused | AccessError::Rest(RestError::Unauthorized) => NoRooms::Ended,
        AccessError::Rest(_) => NoRooms::Unreachable,
    }
}
