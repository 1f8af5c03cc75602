//! A read-only session with Let's Chat, for the audit.

use std::collections::HashMap;

use tokio::sync::mpsc;

use crate::bridge::Event;
use crate::config::LetsChatSettings;
use crate::domain::{Endpoint, EndpointId};
use crate::protocol::letschat::{
    LetsChatCommand, LetsChatEvent, LetsChatUser, PAGE_SIZE, PostId, Stay,
};
use crate::service::audit::room::pages::PostPage;
use crate::service::audit::session::AuditSession;
use crate::service::letschat::{LetsChatConnection, LetsChatPlan};
use crate::service::messages::EngineInput;

/// Joins rooms and reads them.
pub(super) struct RoomReader {
    session: AuditSession,
    commands: Option<mpsc::Sender<LetsChatCommand>>,
    /// The id of each room, or why it could not be joined.
    joined_rooms: HashMap<EndpointId, Result<String, String>>,
    room_count: usize,
}

impl RoomReader {
    /// Starts to connect and to join `rooms`, whose endpoint ids are their indices.
    pub(super) fn start(letschat: LetsChatSettings, rooms: &[Endpoint]) -> Self {
        let endpoints: Vec<(EndpointId, Endpoint)> =
            (0..).map(EndpointId).zip(rooms.iter().cloned()).collect();
        let plan = LetsChatPlan::fixed(&letschat, &endpoints, false);
        let meet = |inbox, stop| LetsChatConnection::new(letschat, plan, inbox, stop);
        let session = AuditSession::start("Let's Chat", meet);
        Self { session, commands: None, joined_rooms: HashMap::new(), room_count: rooms.len() }
    }

    /// Waits until each room is joined or rejected. Returns our own user.
    pub(super) async fn wait_joined(&mut self) -> Result<LetsChatUser, String> {
        let mut account = None;
        loop {
            if let Some(account) = account.take_if(|_| self.joined_rooms.len() >= self.room_count) {
                return Ok(account);
            }
            if let LetsChatEvent::LoggedIn(own_account) = self.next_event().await? {
                account = Some(own_account);
            }
        }
    }

    /// The id of this room.
    pub(super) fn room_id(&self, endpoint: EndpointId) -> Result<String, String> {
        self.joined_rooms.get(&endpoint).cloned().unwrap_or_else(|| Err("not joined".to_owned()))
    }

    /// A page of this room, and its unreadable posts.
    pub(super) async fn fetch_page(
        &mut self,
        endpoint: EndpointId,
        since: PostId,
        skip: usize,
    ) -> Result<PostPage, String> {
        // We may have left it since, for the reason given then.
        self.room_id(endpoint)?;
        if let Some(commands) = &self.commands {
            // If the session has ended, its events say why.
            let take = PAGE_SIZE;
            let stay = Stay::default();
            let command = LetsChatCommand::ListMessages {
                endpoint,
                since,
                skip,
                limit: take,
                delayed: false,
                stay,
            };
            let _ = commands.send(command).await;
        }
        loop {
            match self.next_event().await? {
                LetsChatEvent::Page { endpoint: of, posts, bad, .. } if of == endpoint => {
                    return Ok((posts, bad));
                }
                LetsChatEvent::NotJoined { endpoint: of, reason } if of == endpoint => {
                    return Err(reason);
                }
                _ => {}
            }
        }
    }

    /// Leaves and disconnects.
    pub(super) async fn leave(self) {
        if let Some(commands) = self.commands {
            let _ = commands.send(LetsChatCommand::Leave).await;
        }
        self.session.finish().await;
    }

    /// The next event, apart from new messages.
    async fn next_event(&mut self) -> Result<LetsChatEvent, String> {
        let Self { session, commands, joined_rooms: rooms, .. } = self;
        let event = session.next_match(|item| match item {
            EngineInput::LetsChatConnected(up) => {
                *commands = Some(up);
                None
            }
            EngineInput::Event(Event::LetsChat(LetsChatEvent::NewPost { .. })) => None,
            EngineInput::Event(Event::LetsChat(event)) => Some(event),
            _ => None,
        });
        let event = event.await?;
        match &event {
            LetsChatEvent::Joined { endpoint, room } => rooms.insert(*endpoint, Ok(room.clone())),
            LetsChatEvent::NotJoined { endpoint, reason } => {
                rooms.insert(*endpoint, Err(reason.clone()))
            }
            _ => None,
        };
        Ok(event)
    }
}
