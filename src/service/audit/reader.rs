//! A conversation with Let's Chat that only reads.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time;

use super::super::connection::Party;
use super::super::engine::Item;
use super::super::letschat::LetsChat;
use crate::bridge::Happening;
use crate::config::LetsChatSettings;
use crate::domain::{Place, PlaceId};
use crate::net::Ended;
use crate::protocol::letschat::{Author, Event, Order, Post, PostId};

/// How long the server may take to let us in, to let us into its rooms, or to give us a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// One who sits in the rooms and reads them.
pub(super) struct Reader {
    conversation: Option<JoinHandle<Result<Ended, String>>>,
    outlet: mpsc::Receiver<Item>,
    orders: Option<mpsc::Sender<Order>>,
    /// Held for as long as the conversation may last.
    _stop: watch::Sender<bool>,
    /// The room's id in each seat, or why we are not in it.
    seats: HashMap<PlaceId, Result<String, String>>,
    wanted: usize,
}

impl Reader {
    /// Begins to connect, and to join `rooms`, whose numbers are those of their order.
    pub(super) fn begin(letschat: LetsChatSettings, rooms: &[Place]) -> Self {
        let places: Vec<(PlaceId, Place)> = (0..).map(PlaceId).zip(rooms.iter().cloned()).collect();
        let (inbox, outlet) = mpsc::channel(1_024);
        let (stop, stopped) = watch::channel(false);
        let mut letschat = LetsChat::new(letschat, &places, inbox, stopped);
        let conversation = Some(tokio::spawn(async move { letschat.converse().await }));
        let seats = HashMap::new();
        Self { conversation, outlet, orders: None, _stop: stop, seats, wanted: rooms.len() }
    }

    /// Waits until it is known of each room whether we are in it. Gives our account.
    pub(super) async fn joined(&mut self) -> Result<Author, String> {
        let mut account = None;
        loop {
            if let Some(account) = account.take_if(|_| self.seats.len() >= self.wanted) {
                return Ok(account);
            }
            if let Event::Welcome(ours) = self.event().await? {
                account = Some(ours);
            }
        }
    }

    /// The id of the room in this seat.
    pub(super) fn seat(&self, seat: PlaceId) -> Result<String, String> {
        self.seats.get(&seat).cloned().unwrap_or_else(|| Err("it was not joined".to_owned()))
    }

    /// A page of the room in this seat.
    pub(super) async fn list(
        &mut self,
        place: PlaceId,
        since: PostId,
        skip: usize,
    ) -> Result<Vec<Post>, String> {
        // Out of it since, and for the reason that was told then.
        self.seat(place)?;
        if let Some(orders) = &self.orders {
            // When the conversation is over, the events tell why.
            let _ = orders.send(Order::List { place, since, skip, later: false }).await;
        }
        loop {
            match self.event().await? {
                Event::Listed { place: of, posts } if of == place => return Ok(posts),
                Event::Closed { place: of, why } if of == place => return Err(why),
                _ => {}
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn leave(mut self) {
        if let Some(orders) = self.orders.take() {
            let _ = orders.send(Order::Leave).await;
        }
        let listen = async { while self.outlet.recv().await.is_some() {} };
        let _ = time::timeout(Duration::from_secs(5), listen).await;
    }

    /// The next thing that Let's Chat tells us but for what people say.
    async fn event(&mut self) -> Result<Event, String> {
        let next = async {
            loop {
                match self.outlet.recv().await {
                    Some(Item::LetsChatUp(orders)) => self.orders = Some(orders),
                    Some(Item::Happened(Happening::LetsChat(Event::Heard { .. }))) => {}
                    Some(Item::Happened(Happening::LetsChat(event))) => return Some(event),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        let event = time::timeout(PATIENCE, next).await;
        let Some(event) = event.map_err(|_| "Let's Chat did not answer in time")? else {
            return Err(self.why().await);
        };
        match &event {
            Event::Joined { place, room } => self.seats.insert(*place, Ok(room.clone())),
            Event::Closed { place, why } => self.seats.insert(*place, Err(why.clone())),
            _ => None,
        };
        Ok(event)
    }

    /// Why the conversation is over.
    async fn why(&mut self) -> String {
        match self.conversation.take() {
            Some(conversation) => match conversation.await {
                Ok(Err(why) | Ok(Ended::Closed(why) | Ended::Lost(why))) => why,
                Ok(Ok(Ended::Dismissed)) | Err(_) => "the conversation ended".to_owned(),
            },
            None => "no connection to Let's Chat".to_owned(),
        }
    }
}
