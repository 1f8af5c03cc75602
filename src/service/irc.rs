//! A network's connection.

use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::connection::{Away, Party, unless_stopped};
use super::door::{Door, Opened};
use super::engine::{Item, orders_at_once};
use super::identity::identity;
use crate::bridge::{Happening, Peer};
use crate::config;
use crate::config::{HostPort, NetworkSettings};
use crate::domain::{Endpoint, EndpointId};
use crate::net;
use crate::net::ConnectionEnd;
use crate::protocol::irc::{
    ChannelTarget, Charset, Charsets, DisconnectReason, IrcEvent, IrcSession, LearnedPace, Pace,
    SessionConfig,
};

/// The channels to sit in.
pub(super) fn seats(
    network: &NetworkSettings,
    places: &[(EndpointId, Endpoint)],
) -> Vec<ChannelTarget> {
    let seat = |channel: &config::ChannelSettings| {
        let place = super::channel_id(places, &network.network, &channel.name)?;
        Some(ChannelTarget {
            endpoint: place,
            name: channel.name.clone(),
            key: channel.key.clone(),
        })
    };
    network.channels.iter().filter_map(seat).collect()
}

/// A network, and what it takes to sit on it.
pub(super) struct Irc {
    network: NetworkSettings,
    seats: Vec<ChannelTarget>,
    door: Door,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
    lesson: LearnedPace,
    /// The last login worked.
    let_in: bool,
    /// Why we were turned away, if that is how it ended.
    away: Option<DisconnectReason>,
    /// The next try leads to another server, which may think otherwise.
    elsewhere: bool,
}

impl Irc {
    pub(super) fn new(
        network: NetworkSettings,
        places: &[(EndpointId, Endpoint)],
        door: Door,
        inbox: mpsc::Sender<Item>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let seats = seats(&network, places);
        let lesson = LearnedPace::new(now());
        let (let_in, away, elsewhere) = (false, None, false);
        Self { network, seats, door, inbox, stop, lesson, let_in, away, elsewhere }
    }

    async fn speak(&mut self, opened: Opened) -> ConnectionEnd {
        let Opened { wire, server, secure, known: _known } = opened;
        let (sender, mut orders) = mpsc::channel(orders_at_once(self.seats.len()));
        if self.inbox.send(Item::IrcUp(self.network.network.clone(), sender)).await.is_err() {
            return ConnectionEnd::Cancelled;
        }
        let plan = plan(&self.network, &self.seats, self.lesson, (secure, &server));
        let charsets = charsets(&self.network);
        let mut session = IrcSession::new(now(), plan).writing(charsets.clone());
        let mut lines = net::framed_lines(wire, charsets);
        let name = |event| {
            if let IrcEvent::Sts(sts) = event {
                self.door.told(&server, sts);
            }
            Item::Happened(Happening::Irc(self.network.network.clone(), event))
        };
        let ended = net::drive(&mut session, &mut lines, &mut orders, &self.inbox, name).await;
        self.lesson = session.learned_pace();
        self.let_in = session.was_registered();
        self.away = session.disconnect_reason().cloned();
        self.elsewhere = self.door.left(&server, self.away.as_ref());
        ended
    }
}

impl Party for Irc {
    fn peer(&self) -> Peer {
        Peer::Irc(self.network.network.clone())
    }

    fn inbox(&self) -> &mpsc::Sender<Item> {
        &self.inbox
    }

    async fn converse(&mut self) -> Result<ConnectionEnd, String> {
        (self.let_in, self.away, self.elsewhere) = (false, None, false);
        let opened = unless_stopped(self.stop.clone(), self.door.open()).await?;
        tracing::info!(peer = %self.peer(), server = %opened.server, "connected");
        let ended = self.speak(opened).await;
        // Nobody hears it when the engine is gone.
        let _ = self.inbox.send(Item::Happened(Happening::Lost(self.peer()))).await;
        Ok(ended)
    }

    fn was_let_in(&self) -> bool {
        self.let_in
    }

    fn turned_away(&self) -> (Option<Away>, bool) {
        (self.away.as_ref().map(Away::from), self.elsewhere)
    }
}

/// How people write on `network`.
pub(super) fn charsets(network: &NetworkSettings) -> Charsets {
    let of = |both: Option<_>, fallback: Option<_>| {
        both.map(Charset::Both).or(fallback.map(Charset::Fallback))
    };
    let own = |it: &config::ChannelSettings| of(it.charset, it.fallback_charset);
    let channels = network.channels.iter().filter_map(|it| Some((it.name.as_str(), own(it)?)));
    let fallback = Charset::Fallback(network.fallback_charset);
    Charsets::new(network.charset.map_or(fallback, Charset::Both), channels)
}

/// What a session on `network` is to do.
pub(super) fn plan(
    network: &NetworkSettings,
    seats: &[ChannelTarget],
    lesson: LearnedPace,
    (secure, server): (bool, &HostPort),
) -> SessionConfig {
    let pace = match network.flood_control {
        config::FloodControl::Auto => Pace::Auto,
        config::FloodControl::Standard => Pace::Standard,
        config::FloodControl::Solanum => Pace::Solanum,
        config::FloodControl::Hybrid => Pace::Hybrid,
        config::FloodControl::Inspircd => Pace::Inspircd,
        config::FloodControl::Unrealircd => Pace::Unrealircd,
        config::FloodControl::Ngircd => Pace::Ngircd,
        config::FloodControl::Ergo => Pace::Ergo,
        config::FloodControl::Ircu => Pace::Ircu,
        config::FloodControl::Soju => Pace::Soju,
        config::FloodControl::Off => Pace::Off,
    };
    SessionConfig {
        identity: identity(network),
        channels: seats.to_vec(),
        request_invite_from: network.request_invite_from.clone(),
        send_only: false,
        webirc: None,
        pace,
        learned_pace: lesson,
        seed: fastrand::u64(..),
        started_at: Timestamp::now(),
        is_tls: secure,
        may_say_passwords: network.allow_plaintext_auth || is_here(network, server),
        nonce: nonce(),
    }
}

/// Whether what is said to `server` does not leave this machine.
fn is_here(network: &NetworkSettings, server: &HostPort) -> bool {
    network.proxy.is_none() && server.is_loopback()
}

/// What nobody can guess, in letters and digits.
fn nonce() -> String {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).expect("this machine can make up numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
