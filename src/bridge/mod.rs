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
mod direct;
mod doubt;
mod guests;
mod happening;
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
mod repeats;
mod room;
mod run;
mod saying;
mod settling;
mod spot;
mod topics;
mod voices;
mod waiting;
mod ways;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Endpoint, EndpointId, Network};
use crate::protocol::letschat;
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, PublicLinks};

pub use catchup::{Twins, next_pages, trace};
pub use counters::{Connections, Counters, Gaps, Losses, Traffic};
pub use happening::{Happening, Order, Peer};
pub use policy::{Limits, Policy};
pub use puppets::{PuppetEnd, PuppetOrder};
pub use voices::{Nicks, Source};

use breaker::Breaker;
use closed::Told;
use comings::Goings;
use company::Names;
use direct::Direct;
use lane::Lane;
use page::Pages;
use questions::Answered;
use reading::Reading;
use refusals::Refusals;
use saying::Patience;
use spot::Spot;
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

/// The places, what each is joined to, and what is under way.
#[derive(Debug)]
pub struct Bridge {
    policy: Policy,
    spots: HashMap<EndpointId, Spot>,
    /// Our own account on Let's Chat, once it is known.
    account: Option<letschat::LetsChatUser>,
    /// How many lanes are open.
    open: usize,
    stopping: bool,
    /// The networks on which nothing is said again that may have arrived.
    dropping: HashSet<Network>,
    /// The rooms where something may begin at the end of the turn.
    due: BTreeSet<EndpointId>,
    /// By which manners each place is spoken to.
    ways: Ways,
    names: Names,
    /// The maker of links for people without an account, where they are wanted.
    links: Option<PublicLinks>,
    counters: Counters,
    breaker: Breaker,
    waiting: Waiting,
    pages: Pages,
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
    direct: Direct,
}

/// When a network was last heard of, and when that was last written down.
#[derive(Debug, Clone, Copy)]
struct Alive {
    at: Timestamp,
    written: Timestamp,
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
        conversations: &[Vec<Endpoint>],
        policy: Policy,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let mut spots = HashMap::new();
        for conversation in conversations {
            let ids: Vec<EndpointId> = conversation
                .iter()
                .map(|place| store.endpoint_id(place))
                .collect::<Result<_, _>>()?;
            for (place, id) in conversation.iter().zip(&ids) {
                let mirrors = ids.iter().copied().filter(|other| other != id).collect();
                let lane = Lane::recover(*id, store)?;
                let told = Told::before(store.is_outage_announced(*id)?);
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
            waiting: Waiting::new(policy.waiting, store.queue_sizes()?),
            pages: Pages::default(),
            policy,
            refusals: Refusals::default(),
            goings: Goings::default(),
            answered: Answered::default(),
            topics: Topics::default(),
            forgot_at: Timestamp::MIN,
            alive: HashMap::new(),
            letschat_alive: None,
            voices: Voices::default(),
            direct: Direct::default(),
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
    pub fn linking(mut self, links: Option<PublicLinks>) -> Self {
        self.links = links;
        self
    }

    /// The same, with the manners that the administrator wants: those of some `links`, each with the
    /// two places that it joins, and for all others the `common` ones.
    #[must_use]
    pub fn mannered(
        mut self,
        common: Arc<LinkFormat>,
        links: impl IntoIterator<Item = (Endpoint, Endpoint, Arc<LinkFormat>)>,
    ) -> Self {
        let ids: HashMap<&Endpoint, EndpointId> =
            self.spots.iter().map(|(id, spot)| (&spot.place, *id)).collect();
        let link = |(one, other, manners)| Some((*ids.get(&one)?, *ids.get(&other)?, manners));
        let links: Vec<_> = links.into_iter().filter_map(link).collect();
        self.ways = Ways::new(common, &links);
        self
    }

    /// Takes in one happening at `now`; the orders it calls for are added to `orders`, from which those
    /// are taken that nobody is there any more to take. Behind all that happens at once follows
    /// [`Bridge::end_turn`].
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
        self.write_alive(turn)
    }

    /// The places and their numbers, in no order.
    pub fn places(&self) -> impl Iterator<Item = (EndpointId, &Endpoint)> {
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
        let spots = self.spots.values().filter(|spot| spot.lane.under_way().is_some()).count();
        spots + self.direct.under_way()
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
        self.tell_refusals(turn)?;
        self.direct_passes(turn)
    }

    /// Counts something of the peer that has `place`.
    fn count(&mut self, place: EndpointId, raise: impl FnOnce(&mut Traffic)) {
        if let Some(spot) = self.spots.get(&place) {
            raise(self.counters.of(spot.peer()));
        }
    }

    fn lost(&mut self, peer: &Peer, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        // The next connection may be there before they leave, and would take them for its own.
        turn.orders.retain(|order| !order.is_for(peer));
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
        self.direct_lost(peer, turn)
    }
}
