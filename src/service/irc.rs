//! A network's connection: to one of its servers, then the next.

use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::connection::{Party, Wire, unless_stopped};
use super::engine::{Item, orders_at_once};
use crate::bridge::{Happening, Peer};
use crate::config;
use crate::config::{HostPort, NetworkSettings};
use crate::domain::{Place, PlaceId};
use crate::net;
use crate::net::Ended;
use crate::net::connect;
use crate::net::tls;
use crate::protocol::irc::{Charsets, Identity, Lesson, Pace, Plan, Seat, Session};

/// The channels to sit in.
fn seats(network: &NetworkSettings, places: &[(PlaceId, Place)]) -> Vec<Seat> {
    let seat = |channel: &config::ChannelSettings| {
        let place = super::channel_id(places, &network.network, &channel.name)?;
        Some(Seat { place, name: channel.name.clone(), key: channel.key.clone() })
    };
    network.channels.iter().filter_map(seat).collect()
}

/// A network, and what it takes to sit on it.
pub(super) struct Irc {
    network: NetworkSettings,
    seats: Vec<Seat>,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
    /// How often it was tried: the servers take turns.
    tries: usize,
    lesson: Lesson,
}

impl Irc {
    pub(super) fn new(
        network: NetworkSettings,
        places: &[(PlaceId, Place)],
        inbox: mpsc::Sender<Item>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let seats = seats(&network, places);
        Self { network, seats, inbox, stop, tries: 0, lesson: Lesson::none(now()) }
    }
}

impl Party for Irc {
    fn peer(&self) -> Peer {
        Peer::Irc(self.network.network.clone())
    }

    async fn converse(&mut self) -> Result<Ended, String> {
        let server = &self.network.servers[self.tries % self.network.servers.len()];
        self.tries += 1;
        let wire = unless_stopped(self.stop.clone(), connect(server, &self.network)).await?;
        tracing::info!(peer = %self.peer(), %server, "connected");
        let plan = plan(&self.network, &self.seats, self.lesson);
        let mut session = Session::new(now(), plan);
        let ended = converse(&mut session, wire, &self.network, &self.inbox).await;
        self.lesson = session.lesson();
        // Nobody hears it when the engine is gone.
        let _ = self.inbox.send(Item::Happened(Happening::Lost(self.peer()))).await;
        Ok(ended)
    }
}

async fn connect(server: &HostPort, network: &NetworkSettings) -> Result<Box<dyn Wire>, String> {
    let tcp = connect::tcp(&server.host, server.port).await.map_err(|error| error.to_string())?;
    let Some(trust) = &network.tls else { return Ok(Box::new(tcp)) };
    // Read anew for each connection, so that a renewed certificate needs no restart.
    let config = tls::client_config(trust).map_err(|error| error.to_string())?;
    let wire =
        tls::handshake(tcp, &server.host, &config).await.map_err(|error| error.to_string())?;
    Ok(Box::new(wire))
}

async fn converse(
    session: &mut Session,
    wire: Box<dyn Wire>,
    network: &NetworkSettings,
    inbox: &mpsc::Sender<Item>,
) -> Ended {
    let (sender, mut orders) = mpsc::channel(orders_at_once(network.channels.len()));
    if inbox.send(Item::IrcUp(network.network.clone(), sender)).await.is_err() {
        return Ended::Dismissed;
    }
    let mut lines = net::lines(wire, charsets(network));
    let name = |event| Item::Happened(Happening::Irc(network.network.clone(), event));
    net::drive(session, &mut lines, &mut orders, inbox, name).await
}

/// How those write who do not write UTF-8.
fn charsets(network: &NetworkSettings) -> Charsets {
    let own = |it: &'_ config::ChannelSettings| it.fallback_charset;
    let channels = network.channels.iter().filter_map(|it| Some((it.name.as_str(), own(it)?)));
    Charsets::new(network.fallback_charset, channels)
}

fn plan(network: &NetworkSettings, seats: &[Seat], lesson: Lesson) -> Plan {
    let identity = Identity {
        username: network.username.clone(),
        realname: network.realname.clone(),
        password: network.password.clone(),
        ..Identity::named(&network.nick)
    };
    let pace = match network.pace {
        config::Pace::Auto => Pace::Auto,
        config::Pace::Standard => Pace::Standard,
        config::Pace::Solanum => Pace::Solanum,
        config::Pace::Hybrid => Pace::Hybrid,
        config::Pace::Inspircd => Pace::Inspircd,
        config::Pace::Unrealircd => Pace::Unrealircd,
        config::Pace::Ngircd => Pace::Ngircd,
        config::Pace::Ergo => Pace::Ergo,
        config::Pace::Ircu => Pace::Ircu,
        config::Pace::Off => Pace::Off,
    };
    let (seed, clock) = (fastrand::u64(..), Timestamp::now());
    let (secure, nonce) = (network.tls.is_some(), String::new());
    let invited_by = network.invited_by.clone();
    Plan { identity, seats: seats.to_vec(), invited_by, pace, lesson, seed, clock, secure, nonce }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
