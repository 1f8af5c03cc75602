//! A conversation with Let's Chat that only reads.

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
use crate::service::engine::EngineInput;
use crate::service::letschat::LetsChatConnection;

/// One who sits in the rooms and reads them.
pub(super) struct RoomReader {
    session: AuditSession,
    commands: Option<mpsc::Sender<LetsChatCommand>>,
    /// The room's id in each seat, or why we are not in it.
    joined_rooms: HashMap<EndpointId, Result<String, String>>,
    room_count: usize,
}

impl RoomReader {
    /// Begins to connect, and to join `rooms`, whose numbers are those of their order.
    pub(super) fn start(letschat: LetsChatSettings, rooms: &[Endpoint]) -> Self {
        let places: Vec<(EndpointId, Endpoint)> =
            (0..).map(EndpointId).zip(rooms.iter().cloned()).collect();
        let meet = |inbox, stop| LetsChatConnection::new(letschat, &places, inbox, stop);
        let conversation = AuditSession::start("Let's Chat", meet);
        Self {
            session: conversation,
            commands: None,
            joined_rooms: HashMap::new(),
            room_count: rooms.len(),
        }
    }

    /// Waits until it is known of each room whether we are in it. Gives our account.
    pub(super) async fn wait_joined(&mut self) -> Result<LetsChatUser, String> {
        let mut account = None;
        loop {
            if let Some(account) = account.take_if(|_| self.joined_rooms.len() >= self.room_count) {
                return Ok(account);
            }
            if let LetsChatEvent::LoggedIn(ours) = self.next_event().await? {
                account = Some(ours);
            }
        }
    }

    /// The id of the room in this seat.
    pub(super) fn room_id(&self, seat: EndpointId) -> Result<String, String> {
        self.joined_rooms.get(&seat).cloned().unwrap_or_else(|| Err("not joined".to_owned()))
    }

    /// A page of the room in this seat, and what of it makes no sense.
    pub(super) async fn fetch_page(
        &mut self,
        place: EndpointId,
        since: PostId,
        skip: usize,
    ) -> Result<PostPage, String> {
        // Out of it since, and for the reason that was told then.
        self.room_id(place)?;
        if let Some(orders) = &self.commands {
            // When the conversation is over, the events tell why.
            let (take, stay) = (PAGE_SIZE, Stay::default());
            let order = LetsChatCommand::ListMessages {
                endpoint: place,
                since,
                skip,
                limit: take,
                delayed: false,
                stay,
            };
            let _ = orders.send(order).await;
        }
        loop {
            match self.next_event().await? {
                LetsChatEvent::Page { endpoint: of, posts, bad, .. } if of == place => {
                    return Ok((posts, bad));
                }
                LetsChatEvent::NotJoined { endpoint: of, reason: why } if of == place => {
                    return Err(why);
                }
                _ => {}
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn leave(self) {
        if let Some(orders) = self.commands {
            let _ = orders.send(LetsChatCommand::Leave).await;
        }
        self.session.finish().await;
    }

    /// The next thing that Let's Chat tells us but for what people say.
    async fn next_event(&mut self) -> Result<LetsChatEvent, String> {
        let Self { session: conversation, commands: orders, joined_rooms: seats, .. } = self;
        let event = conversation.next_match(|item| match item {
            EngineInput::LetsChatConnected(up) => {
                *orders = Some(up);
                None
            }
            EngineInput::Event(Event::LetsChat(LetsChatEvent::NewPost { .. })) => None,
            EngineInput::Event(Event::LetsChat(event)) => Some(event),
            _ => None,
        });
        let event = event.await?;
        match &event {
            LetsChatEvent::Joined { endpoint: place, room } => {
                seats.insert(*place, Ok(room.clone()))
            }
            LetsChatEvent::NotJoined { endpoint: place, reason: why } => {
                seats.insert(*place, Err(why.clone()))
            }
            _ => None,
        };
        Ok(event)
    }
}
