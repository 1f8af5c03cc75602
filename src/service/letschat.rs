//! The connection to Let's Chat.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::connection::{Away, Party, Wire, unless_stopped};
use super::engine::{Item, orders_at_once};
use super::silences::{Cut, Lesson, Silences};
use crate::bridge::{Happening, Peer};
use crate::config::{LetsChatSettings, RoomSettings};
use crate::domain::{Endpoint, EndpointId};
use crate::net;
use crate::net::proxy;
use crate::net::stranger::{Ear, Sought};
use crate::net::tls;
use crate::net::{ConnectionEnd, WebSocketError, WsRequest, WsStream};
use crate::protocol::letschat::{LetsChatSession, RoomTarget, TurnedAway};

/// The rooms to sit in.
fn seats(letschat: &LetsChatSettings, places: &[(EndpointId, Endpoint)]) -> Vec<RoomTarget> {
    let seat = |room: &RoomSettings| {
        let wanted = Endpoint::room(&room.name);
        let (place, _) = places.iter().find(|(_, place)| *place == wanted)?;
        Some(RoomTarget {
            endpoint: *place,
            name: room.name.clone(),
            password: room.password.clone(),
        })
    };
    letschat.rooms.iter().filter_map(seat).collect()
}

/// The server, and what it takes to sit in its rooms.
pub(super) struct LetsChat {
    letschat: LetsChatSettings,
    seats: Vec<RoomTarget>,
    /// Whether what is written to the bridge alone is heard.
    whispering: bool,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
    /// The last login worked.
    let_in: bool,
    /// Why we were turned away, if that is how it ended.
    away: Option<TurnedAway>,
    silences: Silences,
}

impl LetsChat {
    pub(super) fn new(
        letschat: LetsChatSettings,
        places: &[(EndpointId, Endpoint)],
        inbox: mpsc::Sender<Item>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let seats = seats(&letschat, places);
        Self {
            letschat,
            seats,
            whispering: false,
            inbox,
            stop,
            let_in: false,
            away: None,
            silences: Silences::default(),
        }
    }

    /// The same, where what is written to the bridge alone is heard, if that is `wanted`.
    pub(super) fn whispering(self, wanted: bool) -> Self {
        Self { whispering: wanted, ..self }
    }

    async fn speak(&mut self, mut frames: WsStream<Box<dyn Wire>>) -> ConnectionEnd {
        let (sender, mut orders) = mpsc::channel(orders_at_once(self.seats.len()));
        if self.inbox.send(Item::LetsChatUp(sender)).await.is_err() {
            return ConnectionEnd::Cancelled;
        }
        let now = tokio::time::Instant::now().into_std();
        let session =
            LetsChatSession::new(now, self.seats.clone(), fastrand::u64(..)).with_user_lists();
        let mut session = session.with_direct_messages(self.whispering);
        if let Some(every) = self.silences.ping_every() {
            session = session.with_max_ping_interval(every);
        }
        let name = |event| Item::Happened(Happening::LetsChat(event));
        let ended = net::drive(&mut session, &mut frames, &mut orders, &self.inbox, name).await;
        self.let_in = session.was_logged_in();
        self.away = session.turned_away().cloned();
        if self.let_in && matches!(ended, ConnectionEnd::Lost(_)) {
            let (silence, survived) = (frames.idle_time(), frames.silence_survived());
            self.cut_off(Cut { silence, survived, age: frames.age() });
        }
        ended
    }

    /// Something in between may cut off whoever is silent: such a one is spoken to more often.
    fn cut_off(&mut self, cut: Cut) {
        let seconds = |it: Duration| it.as_secs_f64().round();
        match self.silences.cut_off(cut) {
            Some(Lesson::Ping(every)) => tracing::warn!(
                peer = %self.peer(),
                "cut off twice after {} s of silence: most likely a proxy in front of Let's Chat has such \
                 a timeout (nginx: proxy_read_timeout; HAProxy: timeout tunnel; Apache: ProxyTimeout); set \
                 it to more than 60 s; pinging every {} s from now on",
                seconds(cut.silence),
                every.as_secs(),
            ),
            Some(Lesson::Age(age)) => tracing::warn!(
                peer = %self.peer(),
                "cut off after {} s, whatever is said: most likely a proxy in front of Let's Chat lets no \
                 connection last longer; pinging as usual from now on",
                seconds(age),
            ),
            None => {}
        }
    }
}

impl Party for LetsChat {
    fn peer(&self) -> Peer {
        Peer::LetsChat
    }

    fn inbox(&self) -> &mpsc::Sender<Item> {
        &self.inbox
    }

    async fn converse(&mut self) -> Result<ConnectionEnd, String> {
        (self.let_in, self.away) = (false, None);
        let connecting = connect(&self.letschat, &mut self.away);
        let frames = unless_stopped(self.stop.clone(), connecting).await?;
        tracing::info!(peer = %self.peer(), "connected");
        let ended = self.speak(frames).await;
        // Nobody hears it when the engine is gone.
        let _ = self.inbox.send(Item::Happened(Happening::Lost(self.peer()))).await;
        Ok(ended)
    }

    fn was_let_in(&self) -> bool {
        self.let_in
    }

    fn turned_away(&self) -> (Option<Away>, bool) {
        (self.away.as_ref().map(Away::from), false)
    }
}

/// Connects; says in `away` why we were turned away, if we were.
async fn connect(
    letschat: &LetsChatSettings,
    away: &mut Option<TurnedAway>,
) -> Result<WsStream<Box<dyn Wire>>, String> {
    let knock = WsRequest { url: letschat.url.clone(), token: letschat.token.clone() };
    let tcp = proxy::connect_for_url(&letschat.url).await.map_err(|error| error.to_string())?;
    let wire: Box<dyn Wire> = if letschat.url.scheme() == "https" {
        // Read anew for each connection, so that a renewed certificate needs no restart.
        let config = tls::client_config(&letschat.tls_trust).map_err(|error| error.to_string())?;
        let host = letschat.url.host_str().unwrap_or_default();
        let wire = tls::handshake(tcp, host, &config).await.map_err(|error| error.to_string())?;
        Box::new(Ear::seeking(wire, Sought::LetsChat { tls: true }))
    } else {
        Box::new(Ear::seeking(tcp, Sought::LetsChat { tls: false }))
    };
    net::open_websocket(wire, &knock).await.map_err(|error| {
        let words = error.to_string();
        if let WebSocketError::TurnedAway(why) = error {
            *away = Some(why);
        }
        words
    })
}
