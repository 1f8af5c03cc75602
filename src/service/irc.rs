//! A network's connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};

use super::connection::{Party, unless_stopped};
use super::door::{Door, Opened};
use super::engine::{Item, orders_at_once};
use super::identity::identity;
use super::sts::StsBook;
use crate::bridge::{Happening, Peer};
use crate::config;
use crate::config::{NetworkSettings, WebircSettings};
use crate::domain::{AccountId, Place, PlaceId};
use crate::net;
use crate::net::Ended;
use crate::protocol::irc;
use crate::protocol::irc::{
    Charsets, Event, Identity, Lesson, Pace, Plan, Seat, Session, TurnedAway, Webirc,
};

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
    door: Door,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
    lesson: Lesson,
    /// Why we were turned away, if that is how it ended.
    away: Option<TurnedAway>,
    /// The next try leads to another server, which may think otherwise.
    elsewhere: bool,
}

impl Irc {
    pub(super) fn new(
        network: NetworkSettings,
        places: &[(PlaceId, Place)],
        sts: Arc<StsBook>,
        inbox: mpsc::Sender<Item>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let seats = seats(&network, places);
        let (door, lesson) = (Door::new(&network, sts), Lesson::none(now()));
        Self { network, seats, door, inbox, stop, lesson, away: None, elsewhere: false }
    }

    async fn speak(&mut self, opened: Opened) -> Ended {
        let Opened { wire, server, secure } = opened;
        let (sender, mut orders) = mpsc::channel(orders_at_once(self.seats.len()));
        if self.inbox.send(Item::IrcUp(self.network.network.clone(), sender)).await.is_err() {
            return Ended::Dismissed;
        }
        let plan = plan(&self.network, &self.seats, self.lesson, secure);
        let mut session = Session::new(now(), plan);
        let mut lines = net::lines(wire, charsets(&self.network));
        let name = |event| {
            if let Event::Sts(sts) = event {
                self.door.told(&server, sts);
            }
            Item::Happened(Happening::Irc(self.network.network.clone(), event))
        };
        let ended = net::drive(&mut session, &mut lines, &mut orders, &self.inbox, name).await;
        self.lesson = session.lesson();
        self.away = session.turned_away().cloned();
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

    async fn converse(&mut self) -> Result<Ended, String> {
        (self.away, self.elsewhere) = (None, false);
        let opened = unless_stopped(self.stop.clone(), self.door.open()).await?;
        tracing::info!(peer = %self.peer(), server = %opened.server, "connected");
        let ended = self.speak(opened).await;
        // Nobody hears it when the engine is gone.
        let _ = self.inbox.send(Item::Happened(Happening::Lost(self.peer()))).await;
        Ok(ended)
    }

    fn turned_away(&self) -> (Option<&TurnedAway>, bool) {
        (self.away.as_ref(), self.elsewhere)
    }
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
    mut door: Door,
    mut orders: mpsc::Receiver<irc::Order>,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
) -> AccountId {
    let Puppet { account, .. } = &puppet;
    let Opened { wire, secure, .. } = match unless_stopped(stop, door.open()).await {
        Ok(opened) => opened,
        Err(why) => {
            tracing::info!(network = %network.network, %account, why, "no connection for a puppet");
            return puppet.account;
        }
    };
    let plan = puppet_plan(&puppet, &network, secure);
    let mut session = Session::new(tokio::time::Instant::now().into_std(), plan);
    let mut lines = net::lines(wire, charsets(&network));
    let name = |event| {
        Item::Happened(Happening::Puppet(network.network.clone(), account.clone(), Box::new(event)))
    };
    let ended = net::drive(&mut session, &mut lines, &mut orders, &inbox, name).await;
    tracing::info!(network = %network.network, %account, ?ended, "a puppet has left");
    puppet.account
}

fn puppet_plan(puppet: &Puppet, network: &NetworkSettings, secure: bool) -> Plan {
    let Puppet { nick, name, seats, .. } = puppet;
    // Not the account of the bridge.
    let identity = Identity {
        username: username(name),
        realname: format!("{name} (Let's Chat)"),
        password: network.password.clone(),
        ..Identity::named(nick)
    };
    let own = plan(network, seats, Lesson::none(now()), secure);
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

/// How those write who do not write UTF-8.
fn charsets(network: &NetworkSettings) -> Charsets {
    let own = |it: &'_ config::ChannelSettings| it.fallback_charset;
    let channels = network.channels.iter().filter_map(|it| Some((it.name.as_str(), own(it)?)));
    Charsets::new(network.fallback_charset, channels)
}

fn plan(network: &NetworkSettings, seats: &[Seat], lesson: Lesson, secure: bool) -> Plan {
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
    Plan {
        identity: identity(network),
        seats: seats.to_vec(),
        invited_by: network.invited_by.clone(),
        deaf: false,
        webirc: None,
        pace,
        lesson,
        seed: fastrand::u64(..),
        clock: Timestamp::now(),
        secure,
        nonce: nonce(),
    }
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
