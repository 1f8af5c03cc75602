//! Takes what happened, applies it, commits, and only then sends what it calls for.
//!
//! The engine has a thread of its own, since the disk makes it wait. Under load it takes everything
//! that has happened meanwhile and commits once, so that the cost of a commit is shared.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::inbox::Inbox;
use super::puppets::Request;
use super::told::Told;
use crate::bridge::{Bridge, Counters, Happening, Order, Peer};
use crate::domain::Network;
use crate::protocol::irc;
use crate::protocol::letschat;
use crate::store::{Store, StoreError};

/// How much the engine takes in before it commits, and for how long: who waits meanwhile waits no longer.
const TURN: usize = 1_024;
const TURN_TIME: Duration = Duration::from_millis(100);

/// How many orders a connection may have waiting: one for each of its places, one for each of those who
/// write to each other in private, and some.
pub(super) fn orders_at_once(places: usize) -> usize {
    places * 2 + 16_384
}

/// What reaches the engine.
#[derive(Debug)]
pub(super) enum Item {
    /// A connection to this network is there, and takes orders here until it is lost.
    IrcUp(Network, mpsc::Sender<irc::IrcCommand>),
    /// The same for Let's Chat.
    LetsChatUp(mpsc::Sender<letschat::LetsChatCommand>),
    /// Something for the bridge to judge.
    Happened(Happening),
    /// What is wrong with this connection, until it works.
    Trouble(Peer, String),
}

/// What the administrator wants. It reaches the engine however much waits there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Wish {
    /// Work.
    #[default]
    Work,
    /// Let what is under way settle, and begin nothing.
    Stop,
    /// Wait no longer for what is under way: say goodbye.
    Goodbye,
}

/// How the bridge is, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Places that can be heard and spoken in.
    pub open: usize,
    /// Places in all.
    pub places: usize,
    /// Places that are not heard, because too much waits to be delivered.
    pub unheard: usize,
    /// The disk takes nothing: nothing is heard anywhere.
    pub stuck: bool,
    /// What keeps connections from coming about, in words for the administrator.
    pub troubles: Vec<String>,
}

/// The bridge with its store and its connections.
pub(super) struct Engine {
    bridge: Bridge,
    store: Store,
    irc: HashMap<Network, mpsc::Sender<irc::IrcCommand>>,
    /// Those who keep the connections of people of Let's Chat.
    puppets: HashMap<Network, mpsc::UnboundedSender<Request>>,
    letschat: Option<mpsc::Sender<letschat::LetsChatCommand>>,
    status: watch::Sender<Status>,
    troubles: Vec<(Peer, String)>,
    told: Told,
    wish: watch::Receiver<Wish>,
    /// How much of it is done.
    granted: Wish,
    said_goodbye: bool,
}

impl Engine {
    pub(super) fn new(
        bridge: Bridge,
        mut store: Store,
        status: watch::Sender<Status>,
        counters: watch::Sender<Counters>,
        wish: watch::Receiver<Wish>,
    ) -> Self {
        let told = status.clone();
        store.on_stall(move |stuck| told.send_modify(|status| status.stuck = stuck));
        Self {
            told: Told::new(counters),
            troubles: Vec::new(),
            bridge,
            store,
            irc: HashMap::new(),
            puppets: HashMap::new(),
            letschat: None,
            status,
            wish,
            granted: Wish::Work,
            said_goodbye: false,
        }
    }

    /// Has `keeper` keep the connections that people of Let's Chat have on `network`.
    pub(super) fn keep_puppets(
        &mut self,
        network: Network,
        keeper: mpsc::UnboundedSender<Request>,
    ) {
        self.puppets.insert(network, keeper);
    }

    /// Works until nobody is left who could tell it anything.
    pub(super) fn run(mut self, mut inbox: Inbox, runtime: &Handle) -> Result<(), StoreError> {
        let mut orders = Vec::new();
        self.tell_status();
        while self.is_wished_for_more() || inbox.wait(runtime, changed(self.wish.clone())) {
            self.grant(&mut orders)?;
            let began = Instant::now();
            for _ in 0..TURN {
                let Some(item) = inbox.take() else { break };
                self.take(item, &mut orders)?;
                if began.elapsed() >= TURN_TIME || self.is_wished_for_more() {
                    break;
                }
            }
            self.bridge.end_turn(Timestamp::now(), &mut self.store, &mut orders)?;
            self.store.commit()?;
            for order in orders.drain(..) {
                self.send(order);
            }
            self.tell_status();
            if self.granted == Wish::Stop && self.bridge.under_way() == 0 {
                self.say_goodbye();
            }
        }
        self.told.counters(self.bridge.counters());
        self.told.log();
        Ok(())
    }

    fn is_wished_for_more(&self) -> bool {
        *self.wish.borrow() > self.granted
    }

    /// Does what the administrator wants, before anything else.
    fn grant(&mut self, orders: &mut Vec<Order>) -> Result<(), StoreError> {
        let wish = *self.wish.borrow_and_update();
        if wish > Wish::Work && self.granted == Wish::Work {
            self.bridge.apply(Timestamp::now(), Happening::Stop, &mut self.store, orders)?;
        }
        if wish == Wish::Goodbye {
            self.say_goodbye();
        }
        self.granted = wish;
        Ok(())
    }

    fn take(&mut self, item: Item, orders: &mut Vec<Order>) -> Result<(), StoreError> {
        match item {
            Item::IrcUp(network, sender) => {
                self.irc.insert(network, sender);
            }
            Item::LetsChatUp(sender) => self.letschat = Some(sender),
            Item::Trouble(peer, words) => {
                self.works(&peer);
                self.troubles.push((peer, words));
            }
            Item::Happened(happening) => {
                match &happening {
                    Happening::Irc(network, irc::IrcEvent::Registered { .. }) => {
                        self.works(&Peer::Irc(network.clone()));
                    }
                    Happening::LetsChat(letschat::LetsChatEvent::LoggedIn(_)) => {
                        self.works(&Peer::LetsChat)
                    }
                    Happening::Lost(Peer::Irc(network)) => drop(self.irc.remove(network)),
                    Happening::Lost(Peer::LetsChat) => self.letschat = None,
                    Happening::Tick => self.told.tick(self.bridge.counters()),
                    _ => {}
                }
                if matches!(happening, Happening::Tick) {
                    self.store.still_there()?;
                }
                self.bridge.apply(Timestamp::now(), happening, &mut self.store, orders)?;
            }
        }
        Ok(())
    }

    /// Nothing is wrong with this connection any more.
    fn works(&mut self, peer: &Peer) {
        self.troubles.retain(|(troubled, _)| troubled != peer);
    }

    /// A connection that is gone takes nothing; that it is gone is told behind this.
    fn send(&mut self, order: Order) {
        match order {
            Order::Irc(network, order) => {
                let aside = matches!(order, irc::IrcCommand::SendNotice { .. });
                let peer = self.irc.get(&network);
                if peer.is_some_and(|peer| !gives(peer, order, aside)) {
                    self.irc.remove(&network);
                    tracing::error!(%network, "it takes nothing of what it is given: it is connected to anew");
                }
            }
            Order::Puppets(network, order) => {
                if let Some(keeper) = self.puppets.get(&network) {
                    // One that is gone has nobody left.
                    let _ = keeper.send(Request::Order(order));
                }
            }
            Order::LetsChat(order) => {
                let aside = matches!(order, letschat::LetsChatCommand::SendDirectNotice { .. });
                let peer = self.letschat.as_ref();
                if peer.is_some_and(|peer| !gives(peer, order, aside)) {
                    self.letschat = None;
                    tracing::error!(
                        "Let's Chat takes nothing of what it is given: it is connected to anew"
                    );
                }
            }
        }
    }

    fn say_goodbye(&mut self) {
        if std::mem::replace(&mut self.said_goodbye, true) {
            return;
        }
        let quit = irc::IrcCommand::Quit("the bridge is going down".to_owned());
        let networks = self.irc.keys().map(|network| Order::Irc(network.clone(), quit.clone()));
        let goodbyes: Vec<Order> =
            networks.chain([Order::LetsChat(letschat::LetsChatCommand::Leave)]).collect();
        for keeper in std::mem::take(&mut self.puppets).into_values() {
            // One that is gone has nobody left.
            let _ = keeper.send(Request::Goodbye("the bridge is going down".to_owned()));
        }
        for goodbye in goodbyes {
            self.send(goodbye);
        }
    }

    fn tell_status(&self) {
        let status = Status {
            open: self.bridge.open(),
            places: self.bridge.all(),
            unheard: self.bridge.unheard(),
            // Or we would not be here.
            stuck: false,
            troubles: self.troubles.iter().map(|(_, words)| words.clone()).collect(),
        };
        self.status.send_if_modified(|told| {
            let news = *told != status;
            *told = status;
            news
        });
    }
}

/// Waits until the administrator wants something else.
async fn changed(mut wish: watch::Receiver<Wish>) {
    if wish.changed().await.is_err() {
        // Nobody is left who could want anything.
        std::future::pending::<()>().await;
    }
}

/// Gives `peer` an order, or not where it is said `aside`, only out of courtesy, and half of what may
/// wait does: strangers can call for any number of those. Says whether there is room for orders.
fn gives<T>(peer: &mpsc::Sender<T>, order: T, aside: bool) -> bool {
    if aside && peer.capacity() < peer.max_capacity() / 2 {
        return true;
    }
    !matches!(peer.try_send(order), Err(mpsc::error::TrySendError::Full(_)))
}
