//! The Let's Chat into which a history goes: what it is, who is there, and its rooms.

use std::collections::HashMap;

use crate::config::Settings;
use crate::domain::ObjectId;
use crate::net::rest::{RestAccount, RestClient, RestError, RestRoomDetails, ServerVersion};
use crate::net::tls;

/// The version that documents were tried with.
const TRIED_VERSION: &str = "0.4.8";

/// Why the server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportServerError {
    /// It does not answer, or not as Let's Chat does.
    #[error("letschat: {0}")]
    Rest(#[from] RestError),
    /// The connection cannot be set up.
    #[error("letschat: {0}")]
    Setup(String),
    /// It gave an id that is none.
    #[error("letschat: {0:?} is not an id")]
    Id(String),
    /// A room is neither visible nor can it be made.
    #[error(
        "letschat: the room {0} is neither visible nor can it be made: make the bridge's account a participant, or name \
         another room in the plan; an archived room cannot be opened again"
    )]
    Room(String),
}

/// The server, as an import sees it.
#[derive(Debug)]
pub struct ImportServer {
    rest: RestClient,
    /// Its version, if its front page says.
    pub version: Option<ServerVersion>,
    /// The account of the bridge.
    pub bridge: ObjectId,
    /// All accounts, by their user names in lower case.
    accounts: HashMap<String, RestAccount>,
}

/// A room on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRoom {
    /// Its id.
    pub id: ObjectId,
    /// Whether only participants see it.
    pub is_private: bool,
}

impl ImportServer {
    /// Looks at the server of `settings`.
    ///
    /// # Errors
    /// When it cannot be reached, or does not know the token.
    pub async fn look(settings: &Settings) -> Result<Self, ImportServerError> {
        let letschat = &settings.letschat;
        let setup = |error: tls::TlsError| ImportServerError::Setup(error.to_string());
        let tls = tls::client_config(&letschat.tls_trust).map_err(setup)?;
        let rest = RestClient::new(&letschat.url, &letschat.token, &tls)?;
        let bridge = object_id(&rest.account().await?.id)?;
        let version = rest.version().await?;
        let accounts = rest.accounts().await?;
        let accounts = accounts.into_iter().map(|it| (it.username.to_lowercase(), it)).collect();
        Ok(Self { rest, version, bridge, accounts })
    }

    /// What should be known about the server; empty if all is as it was tried.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        match &self.version {
            Some(version) if version.to_string() == TRIED_VERSION => Vec::new(),
            Some(version) => vec![format!(
                "Let's Chat is version {version}, and the documents were tried with {TRIED_VERSION}: try them on a copy \
                 of the database first"
            )],
            None => vec![format!(
                "the front page of Let's Chat does not say its version; the documents were tried with {TRIED_VERSION}: \
                 try them on a copy of the database first"
            )],
        }
    }

    /// Whether the server says whose the messages of a room are. `None` if it has no messages.
    ///
    /// # Errors
    /// When the server does not answer properly.
    pub async fn names_owners(&self, room: ObjectId) -> Result<Option<bool>, ImportServerError> {
        Ok(self.rest.names_owners(&room.to_string()).await?)
    }

    /// The id of the account with this user name; `None` if there is none.
    #[must_use]
    pub fn account(&self, username: &str) -> Option<&str> {
        self.accounts.get(&username.to_lowercase()).map(|account| account.id.as_str())
    }

    /// The user name of the account with this id; `None` if there is none.
    #[must_use]
    pub fn username(&self, id: ObjectId) -> Option<&str> {
        let id = id.to_string();
        let found = self.accounts.values().find(|account| account.id == id)?;
        Some(&found.username)
    }

    /// The room with this slug or id; `None` if the bridge's account does not see one.
    ///
    /// # Errors
    /// When the server does not answer properly.
    pub async fn room(&self, room: &str) -> Result<Option<ServerRoom>, ImportServerError> {
        self.rest.room(room).await?.map(|room| server_room(&room)).transpose()
    }

    /// Makes the room `slug`; a private one, where the server has private rooms switched on.
    ///
    /// # Errors
    /// When the server refuses, or does not answer properly.
    pub async fn make_room(
        &self,
        slug: &str,
        description: &str,
        is_private: bool,
    ) -> Result<ServerRoom, ImportServerError> {
        if !self.rest.create_room(slug, description, is_private).await? {
            return Err(ImportServerError::Room(slug.to_owned()));
        }
        let made = self.room(slug).await?;
        made.ok_or_else(|| ImportServerError::Room(slug.to_owned()))
    }
}

fn server_room(room: &RestRoomDetails) -> Result<ServerRoom, ImportServerError> {
    Ok(ServerRoom { id: object_id(&room.id)?, is_private: room.is_private })
}

fn object_id(text: &str) -> Result<ObjectId, ImportServerError> {
    text.parse().map_err(|_| ImportServerError::Id(text.chars().take(40).collect()))
}
