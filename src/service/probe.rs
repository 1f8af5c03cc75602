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
use crate::config::{HostPort, LetsChatSettings, NetworkSettings, Settings};
use crate::domain::{Endpoint, EndpointId};
use crate::net::ConnectionEnd;
use crate::net::rest::{RestClient, RestError};
use crate::net::tls;
use crate::protocol::irc;
use crate::protocol::letschat;

/// How long each server may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long our leaving may take.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Each server that was tried, those of one network in their order.
    pub servers: Vec<Visit>,
    /// Whether Let's Chat carries private messages, where they are wanted.
    pub whispers: Option<bool>,
    /// Whether each place could be joined, or why it could not.
    pub places: HashMap<Endpoint, Result<(), String>>,
}

/// One server that was tried.
#[derive(Debug)]
pub struct Visit {
    /// Whose it is.
    pub peer: Peer,
    /// Which of them, where a network has several.
    pub server: Option<HostPort>,
    /// As whom it let us in, or why it did not; `None` where it did not answer in time.
    pub name: Option<Result<String, String>>,
    /// As which account it knows us, or why it does not; where there is an account.
    pub account: Option<Result<String, String>>,
}

impl Report {
    /// What was found of `place`; why, where it was not even tried.
    pub fn place(&self, place: &Endpoint) -> Result<(), String> {
        let peer = peer_of(place);
        if let Some(found) = self.places.get(place) {
            return found.clone();
        }
        let answers = self.servers.iter().filter(|visit| visit.peer == peer);
        let mut answers = answers.filter_map(|visit| visit.name.as_ref()).peekable();
        if answers.peek().is_some() && answers.all(Result::is_err) {
            return Err(format!("not tried: no connection to {peer}"));
        }
        Err(format!("{peer} did not answer in time"))
    }
}

/// Connects to everything that `settings` names, joins every place, tells how that went, and leaves.
pub async fn probe(settings: &Settings) -> Report {
    let places: Vec<(EndpointId, Endpoint)> =
        (0..).map(EndpointId).zip(settings.link_groups.iter().flatten().cloned()).collect();
    let sts = Arc::new(StsBook::read(&settings.state_dir));
    let mut looks = JoinSet::new();
    for network in &settings.networks {
        looks.spawn(look_at_network(network.clone(), places.clone(), Arc::clone(&sts)));
    }
    let whispering = settings.networks.iter().any(|network| network.direct_messages);
    looks.spawn(look_at_letschat(settings.letschat.clone(), places, whispering));
    let mut report = Report::default();
    while let Some(found) = looks.join_next().await {
        let found = found.expect("a look does not panic");
        report.servers.extend(found.servers);
        report.whispers = report.whispers.or(found.whispers);
        report.places.extend(found.places);
    }
    report
}

/// Goes to each server of a network, one after the other, for they may share a limit on how many come
/// from here. The channels are joined on the first that lets us in.
async fn look_at_network(
    network: NetworkSettings,
    places: Vec<(EndpointId, Endpoint)>,
    sts: Arc<StsBook>,
) -> Report {
    let mut report = Report::default();
    let several = network.servers.len() > 1;
    for server in &network.servers {
        let alone = NetworkSettings { servers: vec![server.clone()], ..network.clone() };
        let seated = report.servers.iter().any(|visit| matches!(visit.name, Some(Ok(_))));
        let wanted = if seated { &[] } else { &places[..] };
        let seen = Seen::new(Peer::Irc(network.network.clone()), wanted);
        let found = look(seen, |inbox, stopped| {
            let door = Door::new(&alone, Arc::clone(&sts), None);
            Irc::new(alone, wanted, door, inbox, stopped)
        });
        let Found { visit, places: found, .. } = found.await;
        report.servers.push(Visit { server: several.then(|| server.clone()), ..visit });
        report.places.extend(found);
    }
    report
}

async fn look_at_letschat(
    letschat: LetsChatSettings,
    places: Vec<(EndpointId, Endpoint)>,
    whispering: bool,
) -> Report {
    let seen = Seen { awaits_whispers: whispering, ..Seen::new(Peer::LetsChat, &places) };
    let found = look(seen, |inbox, stopped| {
        LetsChat::new(letschat.clone(), &places, inbox, stopped).whispering(whispering)
    });
    let Found { mut visit, whispers, places } = found.await;
    if matches!(visit.name, Some(Err(_)))
        && let Some(why) = what_rest_says(&letschat).await
    {
        visit.name = Some(Err(why.to_string()));
    }
    Report { servers: vec![visit], whispers, places }
}

/// Converses once, until all is `seen` that is to be, and leaves.
async fn look<P: Party + Send + 'static>(
    mut seen: Seen,
    party: impl FnOnce(mpsc::Sender<Item>, watch::Receiver<bool>) -> P,
) -> Found {
    let (inbox, mut outlet) = mpsc::channel(1_024);
    let (stop, stopped) = watch::channel(false);
    let mut conversation = JoinSet::new();
    conversation.spawn(once(party(inbox, stopped)));
    let look = async {
        while !seen.is_all() {
            tokio::select! {
                Some(item) = outlet.recv() => seen.take(item),
                Some(Ok(ended)) = conversation.join_next() => seen.ended(ended),
                else => break,
            }
        }
    };
    // What was not answered by then is missing in the report.
    let _ = time::timeout(PATIENCE, look).await;
    seen.settle();
    seen.say_goodbye();
    stop.send_replace(true);
    let leave = async { while conversation.join_next().await.is_some() {} };
    let listen = async { while outlet.recv().await.is_some() {} };
    let _ = time::timeout(GOODBYE_PATIENCE, async { tokio::join!(leave, listen) }).await;
    seen.found
}

/// Why Let's Chat does not let us in, where REST knows it better: the socket refuses a wrong token, a
/// revoked one and a stranger's alike (WIRE.md, "Transport").
async fn what_rest_says(letschat: &LetsChatSettings) -> Option<RestError> {
    let tls = tls::client_config(&letschat.tls_trust).ok()?;
    let account = match RestClient::new(&letschat.url, &letschat.token, &tls) {
        Ok(rest) => rest.account().await.map(|_| ()),
        Err(error) => Err(error),
    };
    // Of a server that is not there, the socket has said more.
    account
        .err()
        .filter(|why| !matches!(why, RestError::Unreachable(_) | RestError::Unavailable(_)))
}

fn peer_of(place: &Endpoint) -> Peer {
    place.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
}

/// Converses once; and once more with a server that wants TLS.
async fn once(mut party: impl Party) -> Result<ConnectionEnd, String> {
    let mut ended = party.converse().await;
    if party.turned_away().0.is_some_and(|away| away.is_welcome_at_once()) {
        ended = party.converse().await;
    }
    match (ended, party.turned_away().0) {
        (Ok(ConnectionEnd::Closed(_) | ConnectionEnd::Lost(_)), Some(away)) => Err(away.in_full()),
        (ended, _) => ended,
    }
}

/// What was found on one server.
struct Found {
    visit: Visit,
    whispers: Option<bool>,
    places: HashMap<Endpoint, Result<(), String>>,
}

/// What has been seen so far of one server.
struct Seen {
    /// The places to be seen.
    names: HashMap<EndpointId, Endpoint>,
    /// Let's Chat is still to say whether it carries private messages. It says no by saying nothing.
    awaits_whispers: bool,
    /// The channels that have let us in.
    joined: Vec<EndpointId>,
    found: Found,
    orders: Option<Orders>,
}

/// How to tell those who converse.
enum Orders {
    Irc(mpsc::Sender<irc::IrcCommand>),
    LetsChat(mpsc::Sender<letschat::LetsChatCommand>),
}

impl Seen {
    fn new(peer: Peer, places: &[(EndpointId, Endpoint)]) -> Self {
        let there = places.iter().filter(|(_, place)| peer_of(place) == peer);
        let names = there.cloned().collect();
        let visit = Visit { peer, server: None, name: None, account: None };
        let found = Found { visit, whispers: None, places: HashMap::new() };
        Self { names, awaits_whispers: false, joined: Vec::new(), found, orders: None }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::IrcUp(_, orders) => self.orders = Some(Orders::Irc(orders)),
            Item::LetsChatUp(orders) => self.orders = Some(Orders::LetsChat(orders)),
            Item::Happened(Happening::Irc(_, event)) => match event {
                irc::IrcEvent::Registered { nick } => self.welcome(nick),
                irc::IrcEvent::LoggedIn { account } => self.found.visit.account = Some(Ok(account)),
                irc::IrcEvent::LoginFailed { reason: why } => {
                    self.found.visit.account = Some(Err(why))
                }
                irc::IrcEvent::Joined { endpoint: place, .. } => self.joined.push(place),
                irc::IrcEvent::MaySpeak { place, why } => {
                    self.decide(place, why.map_or(Ok(()), Err))
                }
                irc::IrcEvent::NotJoined { endpoint: place, reason: why } => {
                    self.decide(place, Err(why))
                }
                _ => {}
            },
            Item::Happened(Happening::LetsChat(event)) => match event {
                letschat::LetsChatEvent::LoggedIn(account) => self.welcome(account.username),
                letschat::LetsChatEvent::DirectMessagesEnabled(carries) => {
                    self.found.whispers = Some(carries);
                    self.awaits_whispers = false;
                }
                letschat::LetsChatEvent::Joined { endpoint: place, .. } => {
                    self.decide(place, Ok(()))
                }
                letschat::LetsChatEvent::NotJoined { endpoint: place, reason: why } => {
                    self.decide(place, Err(why))
                }
                _ => {}
            },
            Item::Happened(_) | Item::Trouble(..) => {}
        }
    }

    fn welcome(&mut self, name: String) {
        // What was said before the end may be read behind it.
        self.found.visit.name.get_or_insert(Ok(name));
    }

    /// Where a server does not tell a channel's modes, to be let in is all that can be known.
    fn settle(&mut self) {
        for place in std::mem::take(&mut self.joined) {
            if self.names.get(&place).is_some_and(|it| !self.found.places.contains_key(it)) {
                self.decide(place, Ok(()));
            }
        }
    }

    fn decide(&mut self, place: EndpointId, found: Result<(), String>) {
        if let Some(place) = self.names.get(&place) {
            self.found.places.insert(place.clone(), found);
        }
    }

    /// Whether the server has let us in and every place was tried, or it has sent us away.
    fn is_all(&self) -> bool {
        match &self.found.visit.name {
            None => false,
            Some(Err(_)) => true,
            Some(Ok(_)) => {
                let tried = |place| self.found.places.contains_key(place);
                !self.awaits_whispers && self.names.values().all(tried)
            }
        }
    }

    /// The conversation is over before all was seen: nothing more will come of its places.
    fn ended(&mut self, ended: Result<ConnectionEnd, String>) {
        match ended {
            Err(why) | Ok(ConnectionEnd::Closed(why) | ConnectionEnd::Lost(why)) => {
                self.found.visit.name = Some(Err(why));
            }
            Ok(ConnectionEnd::Cancelled) => {}
        }
    }

    fn say_goodbye(&self) {
        // Who does not listen any more has left.
        match &self.orders {
            Some(Orders::Irc(orders)) => {
                let _ = orders.try_send(irc::IrcCommand::Quit("all is well".to_owned()));
            }
            Some(Orders::LetsChat(orders)) => {
                let _ = orders.try_send(letschat::LetsChatCommand::Leave);
            }
            None => {}
        }
    }
}
