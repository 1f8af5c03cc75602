//! The connections that people of Let's Chat have on a network of their own, made when first needed.
//!
//! They are made one after the other with a pause between, so that neither the server nor this machine
//! is stormed, and no more than so many at all: the one that has been still for longest gives way. One
//! that ends is made again when its person speaks again, after a growing wait that fits why it ended:
//! whom an operator has killed or banned stays away for long. None of them is any concern of another's,
//! nor of the bridge's own connection; but when the server has no room for us, or we come too fast, all
//! of them wait.

mod conversation;
mod ended;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;

use super::door::Door;
use super::engine::{Item, orders_at_once};
use super::patience::Patience;
use crate::bridge::PuppetOrder;
use crate::config::NetworkSettings;
use crate::domain::{EndpointId, LetsChatUserId};
use crate::protocol::irc::{ChannelTarget, IrcCommand};
use conversation::{Over, Puppet};
use ended::Past;

/// How long after one connection is begun the next may be.
const PAUSE: Duration = Duration::from_secs(2);

/// Who has been still for less than this gives way to nobody.
const STILL: Duration = Duration::from_secs(600);

/// How often we look for who has been still for too long.
const ROUND: Duration = Duration::from_secs(15);

/// What reaches those who keep the puppets.
#[derive(Debug)]
pub(super) enum Request {
    /// The bridge wants this.
    Order(PuppetOrder),
    /// The bridge stops: all of them say goodbye.
    Goodbye(String),
}

/// The puppets of one network.
pub(super) struct Pool {
    network: NetworkSettings,
    door: Door,
    seats: HashMap<EndpointId, ChannelTarget>,
    inbox: mpsc::Sender<Item>,
    stop: watch::Receiver<bool>,
    live: HashMap<LetsChatUserId, Live>,
    /// Who is to have a connection, in the order of asking.
    called: VecDeque<Called>,
    past: HashMap<LetsChatUserId, Past>,
    conversations: JoinSet<Over>,
    /// When the next connection may be begun.
    free_at: Instant,
    /// How long to begin none after one that did not last: the server may be throttling us.
    trouble: Patience,
}

/// Somebody's connection.
struct Live {
    orders: mpsc::Sender<IrcCommand>,
    began: Instant,
    spoke: Instant,
    leaving: bool,
}

/// Somebody who is to have one.
struct Called {
    account: LetsChatUserId,
    nick: String,
    name: String,
    seats: Vec<ChannelTarget>,
    not_before: Instant,
}

impl Pool {
    pub(super) fn new(
        network: NetworkSettings,
        door: Door,
        seats: Vec<ChannelTarget>,
        inbox: mpsc::Sender<Item>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            network,
            door,
            seats: seats.into_iter().map(|seat| (seat.endpoint, seat)).collect(),
            inbox,
            stop,
            live: HashMap::new(),
            called: VecDeque::new(),
            past: HashMap::new(),
            conversations: JoinSet::new(),
            free_at: Instant::now(),
            trouble: ended::trouble(),
        }
    }

    /// Keeps them until nobody asks for any, and all have left.
    pub(super) async fn keep(mut self, mut requests: mpsc::UnboundedReceiver<Request>) {
        let mut round = time::interval(ROUND);
        let mut open = true;
        while open || !self.conversations.is_empty() {
            let next = self.next_at();
            tokio::select! {
                request = requests.recv(), if open => match request {
                    Some(Request::Order(order)) => self.take(order).await,
                    Some(Request::Goodbye(why)) => self.goodbye(&why),
                    None => {
                        open = false;
                        self.goodbye("the bridge is going down");
                    }
                },
                Some(ended) = self.conversations.join_next() => {
                    if let Ok(over) = ended {
                        self.ended(over).await;
                    }
                }
                () = at(next) => self.begin_next().await,
                _ = round.tick() => self.reap(),
            }
        }
    }

    async fn take(&mut self, order: PuppetOrder) {
        match order {
            PuppetOrder::Call { account, nick, name, place } => {
                let Some(seat) = self.seats.get(&place).cloned() else { return };
                if let Some(live) = self.live.get_mut(&account) {
                    live.spoke = Instant::now();
                    // Full: it does not listen, and will be lost.
                    let _ = live.orders.try_send(IrcCommand::Join(seat));
                    return;
                }
                if let Some(called) = self.called.iter_mut().find(|it| it.account == account) {
                    called.seats.push(seat);
                    return;
                }
                let not_before = self.past.get(&account).map_or(self.free_at, |it| it.again_at);
                let seats = vec![seat];
                self.called.push_back(Called { account, nick, name, seats, not_before });
            }
            PuppetOrder::Tell(account, order) => {
                let Some(live) = self.live.get_mut(&account) else {
                    // It was lost meanwhile, and that has been told.
                    return;
                };
                if matches!(order, IrcCommand::SendMessage { .. }) {
                    live.spoke = Instant::now();
                }
                let _ = live.orders.try_send(order);
            }
        }
    }

    /// When the next connection is to be begun.
    fn next_at(&self) -> Option<Instant> {
        let first = self.called.iter().map(|it| it.not_before).min()?;
        Some(first.max(self.free_at))
    }

    async fn begin_next(&mut self) {
        let now = Instant::now();
        let Some(at) = self.called.iter().position(|it| it.not_before <= now) else { return };
        if self.live.len() >= self.network.puppets.max {
            self.make_room(now);
            self.free_at = now + ROUND;
            return;
        }
        let Some(called) = self.called.remove(at) else { return };
        self.free_at = now + PAUSE;
        let (sender, orders) = mpsc::channel(orders_at_once(self.seats.len()));
        let live = Live { orders: sender, began: now, spoke: now, leaving: false };
        self.live.insert(called.account.clone(), live);
        let Called { account, nick, name, seats, .. } = called;
        let kept = self.past.get_mut(&account).and_then(|past| past.door.take());
        let prefix = self.network.puppets.ipv6_prefix;
        let door = kept.unwrap_or_else(|| conversation::door(&self.door, &account, &name, prefix));
        let puppet = Puppet { account, nick, name, seats };
        let (network, inbox, stop) = (self.network.clone(), self.inbox.clone(), self.stop.clone());
        self.conversations
            .spawn(conversation::converse(puppet, network, door, orders, inbox, stop));
    }

    /// Whoever has been still for longest gives way, if for long enough.
    fn make_room(&mut self, now: Instant) {
        if self.live.values().any(|live| live.leaving) {
            return;
        }
        let still = self.live.values_mut().min_by_key(|live| live.spoke);
        if let Some(live) = still.filter(|live| now - live.spoke >= STILL) {
            live.leave("somebody else speaks");
        }
    }

    /// Whoever has been still for too long leaves.
    fn reap(&mut self) {
        let idle = self.network.puppets.idle_timeout;
        let still = self.live.values_mut().filter(|live| live.spoke.elapsed() >= idle);
        still.for_each(|live| live.leave("has been silent for long"));
    }

    fn goodbye(&mut self, why: &str) {
        self.called.clear();
        self.live.values_mut().for_each(|live| live.leave(why));
    }
}

impl Live {
    fn leave(&mut self, why: &str) {
        if !std::mem::replace(&mut self.leaving, true) {
            let _ = self.orders.try_send(IrcCommand::Quit(why.to_owned()));
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
