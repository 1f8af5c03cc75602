//! What to do when something happens.
//!
//! [`Bridge::apply`] processes one [`Event`], stores what must survive, and returns the resulting commands.
//! All decisions are made here. It never blocks, so tests can play any sequence of events. Its commands may
//! be executed once the store has committed the transaction.

mod commands;
mod deliver;
mod direct;
mod directory;
mod endpoints;
mod event;
mod ingest;
mod irc;
mod letschat;
mod loop_guard;
mod notices;
mod paste_detector;
mod policy;
mod repetition;
mod routes;
mod stats;
mod topic_sync;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Endpoint, EndpointId, Network};
use crate::protocol::letschat::LetsChatUser;
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, PublicLinks};

pub use deliver::sender::{NickPolicy, NickSource};
pub use event::{Command, Event, Peer};
pub use irc::catchup::{DuplicateCounter, fingerprint, next_page_starts};
pub use irc::puppets::{PuppetCommand, PuppetEnd};
pub use policy::{BridgePolicy, CatchUpLimits};
pub use stats::{GapStats, OutageStats, PuppetStats, Stats, TrafficStats};

use commands::CommandLimiter;
use deliver::MergeWait;
use deliver::failures::FailureNotices;
use deliver::queue::DeliveryQueue;
use deliver::quota::QueueQuota;
use deliver::sender::Senders;
use direct::DirectMessages;
use directory::EndpointNames;
use endpoints::EndpointState;
use letschat::catchup::RoomState;
use letschat::paging::PageScheduler;
use loop_guard::LoopGuard;
use notices::outage::OutageNotice;
use notices::status::StatusBuffer;
use routes::Routes;
use topic_sync::KnownTopics;

/// Retention is extended by this much, because the networks' clocks may differ from ours.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// How many messages are pruned at once, few enough not to delay others.
const MAX_PRUNE_BATCH: u32 = 500;

/// How often that is done.
const PRUNE_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// The bridge: endpoints, routes, and deliveries in flight.
#[derive(Debug)]
pub struct Bridge {
    policy: BridgePolicy,
    endpoints: HashMap<EndpointId, EndpointState>,
    /// Our own user on Let's Chat, once known.
    letschat_account: Option<LetsChatUser>,
    /// The number of joined endpoints.
    joined: usize,
    stopping: bool,
    /// The networks where unconfirmed messages are dropped.
    drop_unconfirmed: HashSet<Network>,
    /// The rooms where a delivery may start at the end of the turn.
    due_rooms: BTreeSet<EndpointId>,
    /// The formats between endpoints.
    routes: Routes,
    endpoint_names: EndpointNames,
    /// Creates public links, if enabled.
    public_links: Option<PublicLinks>,
    stats: Stats,
    loop_guard: LoopGuard,
    queue_quota: QueueQuota,
    page_scheduler: PageScheduler,
    failure_notices: FailureNotices,
    status_buffer: StatusBuffer,
    command_limiter: CommandLimiter,
    topics: KnownTopics,
    /// When messages were last pruned.
    pruned_at: Timestamp,
    /// When each network was last seen, and when that was saved.
    networks_last_seen: HashMap<Network, LastSeen>,
    /// When Let's Chat was last seen, and when that was saved.
    letschat_last_seen: Option<LastSeen>,
    senders: Senders,
    direct: DirectMessages,
}

/// When a peer was last seen, and when that was saved.
#[derive(Debug, Clone, Copy)]
struct LastSeen {
    at: Timestamp,
    saved_at: Timestamp,
}

/// The context of a turn.
struct Ctx<'a> {
    now: Timestamp,
    store: &'a mut Store,
    commands: &'a mut Vec<Command>,
}

impl Bridge {
    /// A bridge for these groups of endpoints, which continues where the last run ended.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn new(
        conversations: &[Vec<Endpoint>],
        policy: BridgePolicy,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let mut endpoints = HashMap::new();
        for conversation in conversations {
            let ids: Vec<EndpointId> = conversation
                .iter()
                .map(|endpoint| store.endpoint_id(endpoint))
                .collect::<Result<_, _>>()?;
            for (endpoint, id) in conversation.iter().zip(&ids) {
                let mirrors = ids.iter().copied().filter(|other| other != id).collect();
                let queue = DeliveryQueue::recover(*id, store)?;
                let told = OutageNotice::restored(store.is_outage_announced(*id)?);
                let state = EndpointState::new(endpoint.clone(), mirrors, queue);
                endpoints.insert(*id, EndpointState { outage_notice: told, ..state });
            }
        }
        Ok(Self {
            due_rooms: BTreeSet::new(),
            routes: Routes::default(),
            endpoint_names: EndpointNames::new(&endpoints),
            public_links: None,
            endpoints,
            letschat_account: None,
            joined: 0,
            stopping: false,
            drop_unconfirmed: HashSet::new(),
            stats: Stats::default(),
            loop_guard: LoopGuard::default(),
            queue_quota: QueueQuota::new(policy.max_queue_size, store.queue_sizes()?),
            page_scheduler: PageScheduler::default(),
            policy,
            failure_notices: FailureNotices::default(),
            status_buffer: StatusBuffer::default(),
            command_limiter: CommandLimiter::default(),
            topics: KnownTopics::default(),
            pruned_at: Timestamp::MIN,
            networks_last_seen: HashMap::new(),
            letschat_last_seen: None,
            senders: Senders::default(),
            direct: DirectMessages::default(),
        })
    }

    /// On these networks, unconfirmed messages are dropped instead of resent.
    #[must_use]
    pub fn with_drop_unconfirmed(mut self, networks: HashSet<Network>) -> Self {
        self.drop_unconfirmed = networks;
        self
    }

    /// Enables public links to files and long messages.
    #[must_use]
    pub fn with_public_links(mut self, links: Option<PublicLinks>) -> Self {
        self.public_links = links;
        self
    }

    /// Sets the formats: those of individual `links`, each with its two endpoints, and the `common` one for
    /// all others.
    #[must_use]
    pub fn with_formats(
        mut self,
        common: Arc<LinkFormat>,
        links: impl IntoIterator<Item = (Endpoint, Endpoint, Arc<LinkFormat>)>,
    ) -> Self {
        let ids: HashMap<&Endpoint, EndpointId> =
            self.endpoints.iter().map(|(id, state)| (&state.endpoint, *id)).collect();
        let link = |(one, other, format)| Some((*ids.get(&one)?, *ids.get(&other)?, format));
        let links: Vec<_> = links.into_iter().filter_map(link).collect();
        self.routes = Routes::new(common, &links);
        self
    }

    /// Processes one event at `now`. Appends the resulting commands to `commands`; removes those for lost
    /// connections. After all events of a turn, [`Bridge::end_turn`] must be called.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn apply(
        &mut self,
        now: Timestamp,
        happening: Event,
        store: &mut Store,
        commands: &mut Vec<Command>,
    ) -> Result<(), StoreError> {
        let ctx = &mut Ctx { now, store, commands };
        match happening {
            Event::Irc(network, event) => self.on_irc_event(&network, event, ctx),
            Event::LetsChat(event) => self.on_letschat_event(event, ctx),
            Event::ConnectionLost(peer) => self.on_connection_lost(&peer, ctx),
            Event::Puppet(network, account, event) => {
                self.on_puppet_event(&network, &account, *event, ctx)
            }
            Event::PuppetDisconnected(network, account, end) => {
                self.on_puppet_disconnected(&network, &account, end, ctx)
            }
            Event::Tick => self.tick(ctx),
            Event::Stop => {
                self.stopping = true;
                Ok(())
            }
        }
    }

    /// Ends the turn, before the store commits: messages that arrived together are sent together.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn end_turn(
        &mut self,
        now: Timestamp,
        store: &mut Store,
        commands: &mut Vec<Command>,
    ) -> Result<(), StoreError> {
        let ctx = &mut Ctx { now, store, commands };
        while let Some(endpoint) = self.due_rooms.pop_first() {
            self.start_next(endpoint, ctx)?;
        }
        self.save_last_seen(ctx)
    }

    /// The endpoints with their ids, in no particular order.
    pub fn endpoints(&self) -> impl Iterator<Item = (EndpointId, &Endpoint)> {
        self.endpoints.iter().map(|(id, state)| (*id, &state.endpoint))
    }

    /// The number of joined endpoints.
    #[must_use]
    pub fn joined(&self) -> usize {
        self.joined
    }

    /// The number of endpoints.
    #[must_use]
    pub fn total(&self) -> usize {
        self.endpoints.len()
    }

    /// The counters since the bridge started.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The number of deliveries in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let endpoints =
            self.endpoints.values().filter(|state| state.queue.in_flight().is_some()).count();
        endpoints + self.direct.in_flight()
    }

    fn tick(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        if let Some(memory) = self.policy.retention
            && ctx.now.duration_since(self.pruned_at) >= PRUNE_INTERVAL
        {
            // In small batches.
            self.pruned_at = ctx.now;
            ctx.store.prune(ctx.now - memory - MAX_CLOCK_SKEW, MAX_PRUNE_BATCH)?;
        }
        self.resume_paused(ctx)?;
        self.request_waiting_pages(ctx);
        self.notify_outages(ctx)?;
        self.notify_expired_mutes(ctx)?;
        self.notify_status(ctx)?;
        self.show_away(ctx);
        self.notify_failures(ctx)?;
        self.tick_direct(ctx)
    }

    /// Updates a counter of the endpoint's peer.
    fn count_traffic(&mut self, endpoint: EndpointId, raise: impl FnOnce(&mut TrafficStats)) {
        if let Some(state) = self.endpoints.get(&endpoint) {
            raise(self.stats.traffic_mut(state.peer()));
        }
    }

    fn on_connection_lost(&mut self, peer: &Peer, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        // Or the next connection would receive them.
        ctx.commands.retain(|command| !command.is_for(peer));
        match peer {
            Peer::Irc(network) => self.on_irc_connection_lost(network, ctx)?,
            Peer::LetsChat => self.on_letschat_connection_lost(ctx)?,
        }
        for (endpoint, state) in self.endpoints.iter_mut().filter(|(_, state)| state.is_on(peer)) {
            self.joined -= usize::from(state.queue.close());
            match peer {
                // The puppet's own connection can still acknowledge it.
                Peer::Irc(network) if state.queue.is_sent_by_puppet() => {
                    self.senders.puppets_mut(network).mark_unobserved(*endpoint);
                }
                Peer::Irc(_) => state.queue.connection_lost(ctx.store)?,
                Peer::LetsChat => state.queue.mark_in_doubt(ctx.store)?,
            }
            state.room_state = RoomState::Offline;
            state.catchup_budget = None;
            // Without a connection, a room cannot be closed to us.
            if *peer == Peer::LetsChat {
                state.outage = None;
            }
            state.merge_wait = MergeWait::default();
        }
        self.on_direct_connection_lost(peer, ctx)
    }
}
