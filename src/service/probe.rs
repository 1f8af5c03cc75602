//! A look at both sides, by really logging in: what works, and what does not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time;

use super::connection::Party;
use super::door::Door;
use super::engine::Item;
use super::irc::Irc;
use super::letschat::LetsChat;
use super::sts::StsBook;
use crate::bridge::{Happening, Peer};
use crate::config::{LetsChatSettings, Settings};
use crate::domain::{Place, PlaceId};
use crate::net::Ended;
use crate::net::rest::{Rest, RestError};
use crate::net::tls;
use crate::protocol::irc;
use crate::protocol::irc::{Reason, TurnedAway};
use crate::protocol::letschat;

/// How long both sides may take together.
const PATIENCE: Duration = Duration::from_secs(45);

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// As whom each peer let us in, or why it did not.
    pub peers: HashMap<Peer, Result<String, String>>,
    /// As which account each network knows us, or why it does not; where there is an account.
    pub accounts: HashMap<Peer, Result<String, String>>,
    /// Whether Let's Chat carries private messages, where they are wanted.
    pub whispers: Option<bool>,
    /// Whether each place could be joined, or why it could not.
    pub places: HashMap<Place, Result<(), String>>,
}

impl Report {
    /// What was found of `place`; why, where it was not even tried.
    pub fn place(&self, place: &Place) -> Result<(), String> {
        let peer = peer_of(place);
        match (self.places.get(place), self.peers.get(&peer)) {
            (Some(found), _) => found.clone(),
            (None, Some(Err(_))) => Err(format!("not tried: no connection to {peer}")),
            (None, _) => Err(format!("{peer} did not answer in time")),
        }
    }
}

/// Connects to everything that `settings` names, joins every place, tells how that went, and leaves.
pub async fn probe(settings: &Settings) -> Report {
    let places: Vec<(PlaceId, Place)> =
        (0..).map(PlaceId).zip(settings.conversations.iter().flatten().cloned()).collect();
    let (inbox, mut outlet) = mpsc::channel(1_024);
    let (stop, stopped) = watch::channel(false);
    let mut parties = JoinSet::new();
    let sts = Arc::new(StsBook::read(&settings.state_dir));
    for network in &settings.networks {
        let door = Door::new(network, Arc::clone(&sts), None);
        let irc = Irc::new(network.clone(), &places, door, inbox.clone(), stopped.clone());
        parties.spawn(once(irc));
    }
    let whispering = settings.networks.iter().any(|network| network.direct_messages);
    let letschat = LetsChat::new(settings.letschat.clone(), &places, inbox.clone(), stopped)
        .whispering(whispering);
    parties.spawn(once(letschat));
    drop(inbox);

    let mut seen = Seen { names: places.into_iter().collect(), ..Seen::default() };
    let peers = settings.networks.len() + 1;
    let look = async {
        while seen.report.peers.len() < peers
            || !seen.all_decided()
            || whispering && seen.awaits_whispers()
        {
            tokio::select! {
                Some(item) = outlet.recv() => seen.take(item),
                Some(Ok((peer, ended))) = parties.join_next() => seen.ended(peer, ended),
                else => break,
            }
        }
    };
    // What was not answered by then is missing in the report.
    let _ = time::timeout(PATIENCE, look).await;
    seen.say_goodbye();
    stop.send_replace(true);
    let leave = async { while parties.join_next().await.is_some() {} };
    let listen = async { while outlet.recv().await.is_some() {} };
    let _ = time::timeout(Duration::from_secs(5), async { tokio::join!(leave, listen) }).await;
    let mut report = seen.report;
    if let Some(found @ Err(_)) = report.peers.get_mut(&Peer::LetsChat)
        && let Some(why) = what_rest_says(&settings.letschat).await
    {
        *found = Err(why.to_string());
    }
    report
}

/// Why Let's Chat does not let us in, where REST knows it better: the socket refuses a wrong token, a
/// revoked one and a stranger's alike (WIRE.md, "Transport").
async fn what_rest_says(letschat: &LetsChatSettings) -> Option<RestError> {
    let tls = tls::client_config(&letschat.trust).ok()?;
    let account = match Rest::new(&letschat.url, &letschat.token, &tls) {
        Ok(rest) => rest.account().await.map(|_| ()),
        Err(error) => Err(error),
    };
    // Of a server that is not there, the socket has said more.
    account
        .err()
        .filter(|why| !matches!(why, RestError::Unreachable(_) | RestError::Unavailable(_)))
}

fn peer_of(place: &Place) -> Peer {
    place.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
}

/// Converses once; and once more with a server that wants TLS.
async fn once(mut party: impl Party) -> (Peer, Result<Ended, String>) {
    let peer = party.peer();
    let mut ended = party.converse().await;
    if matches!(party.turned_away(), (Some(TurnedAway { reason: Reason::Insecure { .. }, .. }), _))
    {
        ended = party.converse().await;
    }
    let remedy = party.turned_away().0.and_then(TurnedAway::remedy);
    match (ended, remedy) {
        (Ok(Ended::Closed(why) | Ended::Lost(why)), Some(remedy)) => {
            (peer, Err(format!("{why}: {remedy}")))
        }
        (ended, _) => (peer, ended),
    }
}

/// What has been seen so far.
#[derive(Default)]
struct Seen {
    names: HashMap<PlaceId, Place>,
    report: Report,
    irc: Vec<mpsc::Sender<irc::Order>>,
    letschat: Vec<mpsc::Sender<letschat::Order>>,
}

impl Seen {
    fn take(&mut self, item: Item) {
        match item {
            Item::IrcUp(_, orders) => self.irc.push(orders),
            Item::LetsChatUp(orders) => self.letschat.push(orders),
            Item::Happened(Happening::Irc(network, event)) => match event {
                irc::Event::Registered { nick } => self.welcome(Peer::Irc(network), nick),
                irc::Event::LoggedIn { account } => {
                    self.report.accounts.insert(Peer::Irc(network), Ok(account));
                }
                irc::Event::NotLoggedIn { why } => {
                    self.report.accounts.insert(Peer::Irc(network), Err(why));
                }
                irc::Event::Joined { place, .. } => self.decide(place, Ok(())),
                irc::Event::Closed { place, why } => self.decide(place, Err(why)),
                _ => {}
            },
            Item::Happened(Happening::LetsChat(event)) => match event {
                letschat::Event::Welcome(account) => {
                    self.welcome(Peer::LetsChat, account.username);
                }
                letschat::Event::CarriesWhispers(carries) => self.report.whispers = Some(carries),
                letschat::Event::Joined { place, .. } => self.decide(place, Ok(())),
                letschat::Event::Closed { place, why } => self.decide(place, Err(why)),
                _ => {}
            },
            Item::Happened(_) | Item::Trouble(..) | Item::Goodbye => {}
        }
    }

    fn welcome(&mut self, peer: Peer, name: String) {
        // What was said before the end may be read behind it.
        self.report.peers.entry(peer).or_insert(Ok(name));
    }

    fn decide(&mut self, place: PlaceId, found: Result<(), String>) {
        if let Some(place) = self.names.get(&place) {
            self.report.places.insert(place.clone(), found);
        }
    }

    /// Whether every place was tried, or cannot be.
    fn all_decided(&self) -> bool {
        let Report { peers, places, .. } = &self.report;
        self.names.values().all(|place| {
            places.contains_key(place) || matches!(peers.get(&peer_of(place)), Some(Err(_)))
        })
    }

    /// Whether Let's Chat is still to say whether it carries private messages. It says no by saying
    /// nothing.
    fn awaits_whispers(&self) -> bool {
        let Report { peers, whispers, .. } = &self.report;
        whispers.is_none() && !matches!(peers.get(&Peer::LetsChat), Some(Err(_)))
    }

    /// A conversation is over before all was seen: nothing more will come of its places.
    fn ended(&mut self, peer: Peer, ended: Result<Ended, String>) {
        let why = match ended {
            Err(why) | Ok(Ended::Closed(why) | Ended::Lost(why)) => why,
            Ok(Ended::Dismissed) => return,
        };
        self.report.peers.insert(peer, Err(why));
    }

    fn say_goodbye(&self) {
        for orders in &self.irc {
            let _ = orders.try_send(irc::Order::Quit("all is well".to_owned()));
        }
        for orders in &self.letschat {
            let _ = orders.try_send(letschat::Order::Leave);
        }
    }
}
