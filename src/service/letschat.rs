//! The connection to Let's Chat.

use tokio::sync::{mpsc, watch};

use super::connection::{Party, Wire, unless_stopped};
use super::engine::{Item, orders_at_once};
use crate::bridge::{Happening, Peer};
use crate::config::{LetsChatSettings, RoomSettings};
use crate::domain::{Place, PlaceId};
use crate::net;
use crate::net::proxy;
use crate::net::tls;
use crate::net::{Ended, Frames, Knock};
use crate::protocol::letschat::{Seat, Session};

/// The rooms to sit in.
fn seats(letschat: &LetsChatSettings, places: &[(PlaceId, Place)]) -> Vec<Seat> {
    let seat = |room: &RoomSettings| {
        let wanted = Place::room(&room.name);
        let (place, _) = places.iter().find(|(_, place)| *place == wanted)?;
        Some(Seat { place: *place, name: room.name.clone(), password: room.password.clone() })
    };
    letschat.rooms.iter().filter_map(seat).collect()
}

/// The server, and what it takes to sit in its rooms.
pub(super) struct LetsChat {
    letschat: LetsChatSettings,
    seats: Vec<Seat>,
    /// Whether what is written to the bridge alone is heard.
    whispering: bool,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
}

impl LetsChat {
    pub(super) fn new(
        letschat: LetsChatSettings,
        places: &[(PlaceId, Place)],
        inbox: mpsc::Sender<Item>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let seats = seats(&letschat, places);
        Self { letschat, seats, whispering: false, inbox, stop }
    }

    /// The same, where what is written to the bridge alone is heard, if that is `wanted`.
    pub(super) fn whispering(self, wanted: bool) -> Self {
        Self { whispering: wanted, ..self }
    }
}

impl Party for LetsChat {
    fn peer(&self) -> Peer {
        Peer::LetsChat
    }

    fn inbox(&self) -> &mpsc::Sender<Item> {
        &self.inbox
    }

    async fn converse(&mut self) -> Result<Ended, String> {
        let frames = unless_stopped(self.stop.clone(), connect(&self.letschat)).await?;
        tracing::info!(peer = %self.peer(), "connected");
        let ended = converse(frames, &self.seats, self.whispering, &self.inbox).await;
        // Nobody hears it when the engine is gone.
        let _ = self.inbox.send(Item::Happened(Happening::Lost(self.peer()))).await;
        Ok(ended)
    }
}

async fn connect(letschat: &LetsChatSettings) -> Result<Frames<Box<dyn Wire>>, String> {
    let knock = Knock { url: letschat.url.clone(), token: letschat.token.clone() };
    let tcp = proxy::tcp_for(&letschat.url).await.map_err(|error| error.to_string())?;
    let wire: Box<dyn Wire> = if letschat.url.scheme() == "https" {
        // Read anew for each connection, so that a renewed certificate needs no restart.
        let config = tls::client_config(&letschat.trust).map_err(|error| error.to_string())?;
        let host = letschat.url.host_str().unwrap_or_default();
        Box::new(tls::handshake(tcp, host, &config).await.map_err(|error| error.to_string())?)
    } else {
        Box::new(tcp)
    };
    net::upgrade(wire, &knock).await.map_err(|error| error.to_string())
}

async fn converse(
    mut frames: Frames<Box<dyn Wire>>,
    seats: &[Seat],
    whispering: bool,
    inbox: &mpsc::Sender<Item>,
) -> Ended {
    let (sender, mut orders) = mpsc::channel(orders_at_once(seats.len()));
    if inbox.send(Item::LetsChatUp(sender)).await.is_err() {
        return Ended::Dismissed;
    }
    let now = tokio::time::Instant::now().into_std();
    let session = Session::new(now, seats.to_vec(), fastrand::u64(..)).asking_people();
    let mut session = session.whispering(whispering);
    let name = |event| Item::Happened(Happening::LetsChat(event));
    net::drive(&mut session, &mut frames, &mut orders, inbox, name).await
}
