//! What to do when something happens.
//!
//! [`Bridge::apply`] takes one [`Happening`], writes down what must survive, and returns the orders
//! it calls for. It is the whole of the bridge's judgement: it never waits, so it can be told any
//! story and asked what it did. Its orders may leave once the store has committed the turn.

mod announce;
mod breaker;
mod catchup;
mod channel;
mod closed;
mod comings;
mod company;
mod counters;
mod doubt;
mod guests;
mod history;
mod intake;
mod lane;
mod loops;
mod page;
mod people;
mod policy;
mod puppets;
mod questions;
mod reading;
mod refusals;
mod room;
mod saying;
mod topics;
mod voices;
mod waiting;
mod ways;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AccountId, Network, Place, PlaceId, Roster, Ticket};
use crate::protocol::irc;
use crate::protocol::letschat;
use crate::protocol::letschat::PostId;
use crate::store::{Store, StoreError};
use crate::translate::{Links, Manners};

pub use catchup::{Twins, trace};
pub use counters::{Connections, Counters, Gaps, Losses, Traffic};
pub use policy::{Limits, Policy};
pub use puppets::{PuppetEnd, PuppetOrder};
pub use voices::{Nicks, Source};

use breaker::Breaker;
use catchup::Hearing;
use closed::{Closed, Told};
use comings::Goings;
use company::Names;
use guests::Guests;
use history::Joined;
use lane::Lane;
use page::Page;
use policy::Backlog;
use questions::Answered;
use reading::Reading;
use refusals::Refusals;
use saying::Patience;
use topics::Topics;
use voices::Voices;
use waiting::Waiting;
use ways::Ways;

/// What is younger than this beyond the ledger's memory is kept: the networks' clocks are not ours.
const CLOCKS: SignedDuration = SignedDuration::from_hours(24);

/// How many messages are forgotten at once: few enough that nobody waits for it.
const AT_ONCE: u32 = 500;

/// How often that many are.
const FORGETTING: SignedDuration = SignedDuration::from_secs(5);

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// This network.
    Irc(Network),
    /// The Let's Chat server.
    LetsChat,
}

/// Everything that can happen to a bridge.
#[derive(Debug)]
pub enum Happening {
    /// A network said so.
    Irc(Network, irc::Event),
    /// Let's Chat said so.
    LetsChat(letschat::Event),
    /// That connection ended.
    Lost(Peer),
    /// The connection said so that somebody of Let's Chat has on a network.
    Puppet(Network, AccountId, Box<irc::Event>),
    /// That one ended so, or could not be made.
    PuppetLost(Network, AccountId, PuppetEnd),
    /// Time has passed. To be told every second or so.
    Tick,
    /// The bridge is to stop: what is under way may settle, nothing more is begun.
    Stop,
}

/// Everything a bridge can ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Of a network.
    Irc(Network, irc::Order),
    /// Of those who keep the connections of people of Let's Chat on a network.
    Puppets(Network, PuppetOrder),
    /// Of Let's Chat.
    LetsChat(letschat::Order),
}

/// The places, what each is joined to, and what is under way.
#[derive(Debug)]
pub struct Bridge {
    policy: Policy,
    spots: HashMap<PlaceId, Spot>,
    /// Our own account on Let's Chat, once it is known.
    account: Option<letschat::Author>,
    /// How many lanes are open.
    open: usize,
    stopping: bool,
    /// The networks on which nothing is said again that may have arrived.
    dropping: HashSet<Network>,
    /// The rooms where something may begin at the end of the turn.
    due: BTreeSet<PlaceId>,
    /// By which manners each place is spoken to.
    ways: Ways,
    names: Names,
    /// The maker of links for people without an account, where they are wanted.
    links: Option<Links>,
    counters: Counters,
    breaker: Breaker,
    waiting: Waiting,
    /// The room that is read alone, since one of its pages was too large.
    alone: Option<PlaceId>,
    refusals: Refusals,
    goings: Goings,
    answered: Answered,
    topics: Topics,
    /// When it forgot something last.
    forgot_at: Timestamp,
    /// When each network was last heard of, and when that was last written down.
    alive: HashMap<Network, Alive>,
    /// The same of Let's Chat.
    letschat_alive: Option<Alive>,
    voices: Voices,
}

/// When a network was last heard of, and when that was last written down.
#[derive(Debug, Clone, Copy)]
struct Alive {
    at: Timestamp,
    written: Timestamp,
}

/// One place, seen from the bridge.
#[derive(Debug)]
struct Spot {
    place: Place,
    /// The other places of its conversation: what is said here is mirrored to each of them.
    mirrors: Arc<[PlaceId]>,
    lane: Lane,
    /// How far a room is read.
    reading: Reading,
    /// How much of it is asked for at once.
    page: Page,
    /// How a channel is heard.
    hearing: Hearing,
    /// How we came into it.
    joined: Option<Joined>,
    /// Who is in a channel, besides us.
    roster: Roster,
    /// Who is in a room, besides us.
    guests: Guests,
    /// What was done with what was missed, until all of it is read.
    backlog: Option<Backlog>,
    /// The room's cursor when we joined it.
    cursor: Option<PostId>,
    /// The room's newest post when we first saw it.
    floor: Option<PostId>,
    /// What is in doubt was looked for once and not found.
    absent_once: bool,
    /// From when to when we were cut off from the room, until that is told.
    away: Option<(Timestamp, Timestamp)>,
    /// That it is closed to us.
    closed: Option<Closed>,
    /// People were told that it is.
    told: Told,
    /// Whether it is waited for lines that go on with the next delivery.
    patience: Patience,
}

impl Spot {
    fn new(place: Place, mirrors: Arc<[PlaceId]>, lane: Lane) -> Self {
        Self {
            place,
            mirrors,
            lane,
            reading: Reading::Away,
            page: Page::default(),
            joined: None,
            hearing: Hearing::Away,
            roster: Roster::default(),
            guests: Guests::default(),
            backlog: None,
            cursor: None,
            floor: None,
            absent_once: false,
            away: None,
            closed: None,
            told: Told::default(),
            patience: Patience::default(),
        }
    }

    fn peer(&self) -> Peer {
        self.place.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
    }

    fn is_at(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Irc(network) => self.place.network() == Some(network),
            Peer::LetsChat => self.place.network().is_none(),
        }
    }
}

/// What a turn works with.
struct Turn<'a> {
    now: Timestamp,
    store: &'a mut Store,
    orders: &'a mut Vec<Order>,
}

impl Bridge {
    /// A bridge that joins the places of each conversation, and takes up where the last run ended.
    ///
    /// # Errors
    /// When the store does not do its part.
    pub fn new(
        conversations: &[Vec<Place>],
        policy: Policy,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let mut spots = HashMap::new();
        for conversation in conversations {
            let ids: Vec<PlaceId> =
                conversation.iter().map(|place| store.place(place)).collect::<Result<_, _>>()?;
            for (place, id) in conversation.iter().zip(&ids) {
                let mirrors = ids.iter().copied().filter(|other| other != id).collect();
                let lane = Lane::recover(*id, store)?;
                let told = Told::before(store.is_closed(*id)?);
                let spot = Spot::new(place.clone(), mirrors, lane);
                spots.insert(*id, Spot { told, ..spot });
            }
        }
        Ok(Self {
            due: BTreeSet::new(),
            ways: Ways::default(),
            names: Names::of(&spots),
            links: None,
            spots,
            account: None,
            open: 0,
            stopping: false,
            dropping: HashSet::new(),
            counters: Counters::default(),
            breaker: Breaker::default(),
            waiting: Waiting::new(policy.waiting, store.waiting()?),
            alone: None,
            policy,
            refusals: Refusals::default(),
            goings: Goings::default(),
            answered: Answered::default(),
            topics: Topics::default(),
            forgot_at: Timestamp::MIN,
            alive: HashMap::new(),
            letschat_alive: None,
            voices: Voices::default(),
        })
    }

    /// The same, on whose `networks` nothing is said again that may have arrived: of which nobody
    /// can tell whether it did, is left at that.
    #[must_use]
    pub fn dropping(mut self, networks: HashSet<Network>) -> Self {
        self.dropping = networks;
        self
    }

    /// The same, which makes links to files and long messages for people without an account.
    #[must_use]
    pub fn linking(mut self, links: Option<Links>) -> Self {
        self.links = links;
        self
    }

    /// The same, with the manners that the administrator wants: those of some `links`, each with the
    /// two places that it joins, and for all others the `common` ones.
    #[must_use]
    pub fn mannered(
        mut self,
        common: Arc<Manners>,
        links: impl IntoIterator<Item = (Place, Place, Arc<Manners>)>,
    ) -> Self {
        let ids: HashMap<&Place, PlaceId> =
            self.spots.iter().map(|(id, spot)| (&spot.place, *id)).collect();
        let link = |(one, other, manners)| Some((*ids.get(&one)?, *ids.get(&other)?, manners));
        let links: Vec<_> = links.into_iter().filter_map(link).collect();
        self.ways = Ways::new(common, &links);
        self
    }

    /// Takes in one happening at `now`; the orders it calls for are added to `orders`. Behind all that
    /// happens at once follows [`Bridge::end_turn`].
    ///
    /// # Errors
    /// When the store does not do its part.
    pub fn apply(
        &mut self,
        now: Timestamp,
        happening: Happening,
        store: &mut Store,
        orders: &mut Vec<Order>,
    ) -> Result<(), StoreError> {
        let turn = &mut Turn { now, store, orders };
        match happening {
            Happening::Irc(network, event) => self.irc(&network, event, turn),
            Happening::LetsChat(event) => self.letschat(event, turn),
            Happening::Lost(peer) => self.lost(&peer, turn),
            Happening::Puppet(network, account, event) => {
                self.puppet(&network, &account, *event, turn)
            }
            Happening::PuppetLost(network, account, end) => {
                self.puppet_lost(&network, &account, end, turn)
            }
            Happening::Tick => self.tick(turn),
            Happening::Stop => {
                self.stopping = true;
                Ok(())
            }
        }
    }

    /// Nothing more happens before the store commits: what came together goes out together.
    ///
    /// # Errors
    /// When the store does not do its part.
    pub fn end_turn(
        &mut self,
        now: Timestamp,
        store: &mut Store,
        orders: &mut Vec<Order>,
    ) -> Result<(), StoreError> {
        let turn = &mut Turn { now, store, orders };
        while let Some(place) = self.due.pop_first() {
            self.begin(place, turn)?;
        }
        Ok(())
    }

    /// The places and their numbers, in no order.
    pub fn places(&self) -> impl Iterator<Item = (PlaceId, &Place)> {
        self.spots.iter().map(|(id, spot)| (*id, &spot.place))
    }

    /// How many places can be heard and spoken in.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open
    }

    /// How many places there are.
    #[must_use]
    pub fn all(&self) -> usize {
        self.spots.len()
    }

    /// What has come and gone, since the bridge began to run.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many deliveries are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.spots.values().filter(|spot| spot.lane.under_way().is_some()).count()
    }

    fn tick(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        if let Some(memory) = self.policy.memory
            && turn.now.duration_since(self.forgot_at) >= FORGETTING
        {
            // A little at a time.
            self.forgot_at = turn.now;
            turn.store.prune(turn.now - memory - CLOCKS, AT_ONCE)?;
        }
        self.hear_on(turn)?;
        self.ask_held(turn);
        self.tell_closed(turn)?;
        self.tell_pauses(turn)?;
        self.tell_comings(turn)?;
        self.tell_away(turn);
        self.tell_refusals(turn)
    }

    /// Counts something of the peer that has `place`.
    fn count(&mut self, place: PlaceId, raise: impl FnOnce(&mut Traffic)) {
        if let Some(spot) = self.spots.get(&place) {
            raise(self.counters.of(spot.peer()));
        }
    }

    fn lost(&mut self, peer: &Peer, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        match peer {
            Peer::Irc(network) => self.network_lost(network, turn)?,
            Peer::LetsChat => self.letschat_lost(turn)?,
        }
        for (place, spot) in self.spots.iter_mut().filter(|(_, spot)| spot.is_at(peer)) {
            self.open -= usize::from(spot.lane.close());
            match peer {
                // A puppet that speaks still answers.
                Peer::Irc(network) if spot.lane.is_with_puppet() => {
                    self.voices.puppets(network).blind(*place);
                }
                Peer::Irc(_) => spot.lane.lose(turn.store)?,
                Peer::LetsChat => spot.lane.doubt(turn.store)?,
            }
            spot.reading = Reading::Away;
            spot.backlog = None;
            // Without a server there is nobody who could shut us out.
            if *peer == Peer::LetsChat {
                spot.closed = None;
            }
            spot.patience = Patience::default();
        }
        Ok(())
    }

    /// The far end has answered for `ticket`.
    fn settle(
        &mut self,
        ticket: Ticket,
        place: PlaceId,
        native: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.spots.get_mut(&place) {
            let settled = spot.lane.settle(ticket, native, turn.now, turn.store)?;
            settled.iter().for_each(|delivery| self.waiting.remove(&delivery.message));
            self.count(place, |traffic| traffic.delivered += settled.len() as u64);
        }
        self.advance(place, turn)
    }

    /// The far end objects to `ticket`. One that has put us out before it read what we said there has
    /// nothing against what was said: back in, we look for it.
    fn objected(
        &mut self,
        ticket: Ticket,
        place: PlaceId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match self.spots.get_mut(&place) {
            Some(spot) if spot.lane.is_shut_upon(ticket) => spot.lane.doubt(turn.store),
            _ => self.refuse(ticket, place, why, turn),
        }
    }

    /// The far end will not have `ticket`.
    fn refuse(
        &mut self,
        ticket: Ticket,
        place: PlaceId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        self.refused(ticket, place, why, turn)?;
        self.advance(place, turn)
    }

    fn refused(
        &mut self,
        ticket: Ticket,
        place: PlaceId,
        why: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        if let Some(spot) = self.spots.get_mut(&place) {
            let name = spot.place.clone();
            for delivery in spot.lane.refuse(ticket, why, turn.now, turn.store)? {
                tracing::warn!(place = %name, delivery = delivery.ticket.0, why, "refused");
                self.count(place, |traffic| traffic.refused += 1);
                self.waiting.remove(&delivery.message);
                self.is_refused(&delivery, turn)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Irc(network) => write!(f, "irc {network}"),
            Self::LetsChat => f.write_str("letschat"),
        }
    }
}
