//! A network's connection: to one of its servers, then the next.

use std::net::IpAddr;
use std::time::Instant;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};

use super::connection::{Party, Wire, unless_stopped};
use super::engine::{Item, orders_at_once};
use crate::bridge::{Happening, Peer};
use crate::config;
use crate::config::{HostPort, NetworkSettings, WebircSettings};
use crate::domain::{AccountId, Place, PlaceId};
use crate::net;
use crate::net::Ended;
use crate::net::connect;
use crate::net::tls;
use crate::protocol::irc;
use crate::protocol::irc::{Charsets, Identity, Lesson, Pace, Plan, Seat, Session, Webirc};

/// The channels to sit in.
pub(super) fn seats(network: &NetworkSettings, places: &[(PlaceId, Place)]) -> Vec<Seat> {
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

/// Somebody of Let's Chat who has a connection of their own.
pub(super) struct Puppet {
    pub(super) account: AccountId,
    pub(super) nick: String,
    /// How they are called in Let's Chat.
    pub(super) name: String,
    pub(super) seats: Vec<Seat>,
}

/// Connects and converses as `puppet`, until that ends. Gives whose it was.
pub(super) async fn converse_as(
    puppet: Puppet,
    network: NetworkSettings,
    mut orders: mpsc::Receiver<irc::Order>,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
) -> AccountId {
    let Puppet { account, .. } = &puppet;
    // The first of its servers: the bridge sees what is said there soonest.
    let server = &network.servers[0];
    let wire = match unless_stopped(stop, connect(server, &network)).await {
        Ok(wire) => wire,
        Err(why) => {
            tracing::info!(network = %network.network, %account, why, "no connection for a puppet");
            return puppet.account;
        }
    };
    let plan = puppet_plan(&puppet, &network);
    let mut session = Session::new(tokio::time::Instant::now().into_std(), plan);
    let mut lines = net::lines(wire, charsets(&network));
    let name = |event| {
        Item::Happened(Happening::Puppet(network.network.clone(), account.clone(), Box::new(event)))
    };
    let ended = net::drive(&mut session, &mut lines, &mut orders, &inbox, name).await;
    tracing::info!(network = %network.network, %account, ?ended, "a puppet has left");
    puppet.account
}

fn puppet_plan(puppet: &Puppet, network: &NetworkSettings) -> Plan {
    let Puppet { nick, name, seats, .. } = puppet;
    // Not the account of the bridge.
    let identity = Identity {
        username: username(name),
        realname: format!("{name} (Let's Chat)"),
        password: network.password.clone(),
        ..Identity::named(nick)
    };
    let own = plan(network, seats, Lesson::none(now()));
    Plan { identity, invited_by: None, deaf: true, webirc: webirc(name, network), ..own }
}

/// What servers take before the `@`: up to ten letters and digits.
fn username(name: &str) -> String {
    let plain = name.chars().filter(char::is_ascii_alphanumeric).take(10).collect::<String>();
    if plain.is_empty() { "someone".to_owned() } else { plain }
}

/// What the server is told of whom we speak for, where it trusts us to.
fn webirc(name: &str, network: &NetworkSettings) -> Option<Webirc> {
    let WebircSettings { password, host } = network.puppets.webirc.as_ref()?;
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let host = host.replace("{user}", plain.trim_matches('-'));
    let gateway = network.username.clone();
    Some(Webirc { password: password.clone(), gateway, host, address: address(name).to_string() })
}

/// An address that stands for `name` and is nobody's: in a block of its own for local use (RFC 4193).
fn address(name: &str) -> IpAddr {
    let digest = Sha256::digest(name);
    let mut bytes = [0xfd; 16];
    bytes[1..].copy_from_slice(&digest[..15]);
    IpAddr::from(bytes)
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
    let (seats, deaf, webirc) = (seats.to_vec(), false, None);
    Plan { identity, seats, invited_by, deaf, webirc, pace, lesson, seed, clock, secure, nonce }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
