//! What to do when something happens.
//!
//! [`Bridge::apply`] processes one [`Event`], stores what must survive, and returns the resulting commands.
//! All decisions are made here. It never blocks, so tests can play any sequence of events. Its commands may
//! be executed once the store has committed the transaction.
//!
//! ```text
//! irc, letschat ──▶ ingest: deduplicate ▶ record ▶ loop guard ▶ rules ▶ fan out ──▶ endpoints: queues
//! irc, letschat ◀── deliver: pick ▶ render ▶ choose the sender ▶ start ◀─────────── endpoints: queues
//! ```
//!
//! `endpoints` holds what is known of each channel, room and user, and `senders` who can send for others:
//! puppets on IRC, accounts in Let's Chat. The other modules act: `Ctx` gives them what all of them need, and
//! some have fields of their own. What concerns another part is left to it as a `Step`.

mod account_io;
mod accounts;
mod canary;
mod catch_up;
mod commands;
mod config;
mod context;
mod control;
mod control_io;
mod deliver;
mod direct;
mod directory;
mod endpoints;
mod event;
mod ingest;
mod irc;
mod letschat;
mod link_direction;
mod linking;
mod links;
mod loop_guard;
mod notices;
mod parts;
mod peers;
mod phase_state;
mod phases;
mod policy;
mod pruner;
mod puppet_login;
mod rate_limit;
mod repetition;
mod report;
mod restored;
mod restored_reading;
mod routes;
mod senders;
mod sent_line;
mod stats;
mod status_buffer;
mod topic_sync;
mod unheard;

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use crate::domain::{Endpoint, EndpointId, Network, Roster};
use crate::store::{Store, StoreError};

pub use account_io::{AccountCommand, AccountEvent, AccountRegistration, PostFailure};
pub use config::{BridgeConfig, CanaryConfig, LinkMode};
pub use control_io::{
    CatchUpAnswer, CatchUpCount, CatchUpRequest, ControlError, ControlReply, ControlRequest,
    EndedLink, LinkChange, QueuePage, QueuedDelivery, UnlinkWho, WaitState,
};
pub use endpoints::channel::duplicates::{DuplicateCounter, fingerprint, next_page_starts};
pub use event::{Command, Event, Peer, PuppetCommand, PuppetEnd};
pub use link_direction::LinkDirection;
pub use policy::{BridgePolicy, CatchUpLimits};
pub use report::{
    BridgeReport, CanaryDirectionReport, CanaryOutcome, CanaryReport, ConnectionReport,
    ConnectionState, DirectionReport, LinkFailure, LinkReport, LinkState, ReconnectCounts,
    ReconnectReason, SignOfLife,
};
pub use senders::accounts::{AccountPolicy, ConfiguredAccount, PersonPolicy};
pub use senders::{NickPolicy, NickSource};
pub use stats::{
    AccountStats, GapStats, LatencyStats, OutageStats, PuppetStats, Stats, TrafficStats,
};

use context::Ctx;
use direct::DirectMessages;
use endpoints::Endpoints;
use endpoints::quota::QueueQuota;
use links::Links;
use loop_guard::LoopGuard;
use parts::Parts;
use peers::Peers;
use phase_state::PhaseState;
use restored::Restored;
use routes::Routes;
use senders::Senders;
use senders::accounts::Accounts;
use senders::puppets::logins::PuppetLogins;
use status_buffer::StatusBuffer;

/// The bridge: what is known of both sides, and the parts that act on it.
#[derive(Debug)]
pub struct Bridge {
    policy: BridgePolicy,
    /// The formats between endpoints.
    routes: Routes,
    links: Links,
    endpoints: Endpoints,
    peers: Peers,
    senders: Senders,
    loop_guard: LoopGuard,
    status: StatusBuffer,
    stats: Stats,
    restored: Restored,
    phases: PhaseState,
    /// No more deliveries start.
    stopping: bool,
    parts: Parts,
}

impl Bridge {
    /// A bridge that continues where the last run ended.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn new(
        config: BridgeConfig,
        now: Timestamp,
        store: &mut Store,
    ) -> Result<Self, StoreError> {
        let config = config.with_canary_link();
        let quota = QueueQuota::new(config.policy.max_queue_size, store.queue_sizes()?);
        let mut endpoints = Endpoints::new(quota);
        let ids = config::link_groups(&config.groups, &mut endpoints, store)?;
        config::recover_unlinked(&mut endpoints, store)?;
        let links = config::formatted_links(config.link_formats, &ids);
        let canary = config::canary_link(config.canary.as_ref(), &ids);
        let accounts = Accounts::recover(config.accounts, &ids, store)?;
        let nicks = config::channel_policies(config.nick_policies, &ids);
        let direct = DirectMessages::recover(config.direct_messages, now, &mut endpoints, store)?;
        let setups = config::link_setups(&links, &config.link_modes, &ids);
        let mut bridge = Self {
            policy: config.policy,
            routes: Routes::new(config.format, &links).with_public_links(config.public_links),
            links: Links::default(),
            endpoints,
            peers: Peers::default(),
            senders: Senders::new(nicks, accounts, PuppetLogins::new(store.puppet_logins()?)),
            loop_guard: LoopGuard::default(),
            status: StatusBuffer::default(),
            stats: Stats::default(),
            restored: Restored::recover(store)?,
            phases: PhaseState::recover(store)?,
            stopping: false,
            parts: Parts::new(direct),
        };
        bridge.with_parts(now, store, &mut Vec::new(), |parts, ctx| {
            control::pause::set_links(&setups, ctx)?;
            parts.set_canary(canary, ctx);
            phases::set_links(ctx)
        })?;
        Ok(bridge)
    }

    /// Processes one event at `now`. Appends the resulting commands to `commands`; removes those for lost
    /// connections. After all events of a turn, [`Bridge::end_turn`] must be called.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn apply(
        &mut self,
        now: Timestamp,
        event: Event,
        store: &mut Store,
        commands: &mut Vec<Command>,
    ) -> Result<(), StoreError> {
        if let Event::Stop = event {
            self.stopping = true;
        }
        self.with_parts(now, store, commands, |parts, ctx| {
            parts.dispatch(event, ctx)?;
            parts.run_steps(ctx)
        })
    }

    /// Mirrors as `config` says from now on. Nothing that is queued or in flight is lost: a channel or room that is
    /// no longer linked is still delivered to, and goes away once that is done ([`Command::Unlinked`]).
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn reconfigure(
        &mut self,
        config: BridgeConfig,
        now: Timestamp,
        store: &mut Store,
        commands: &mut Vec<Command>,
    ) -> Result<(), StoreError> {
        let config = config.with_canary_link();
        let before: Vec<EndpointId> = self.endpoints.links().map(|(id, _)| id).collect();
        let ids = config::link_groups(&config.groups, &mut self.endpoints, store)?;
        let linked: HashSet<EndpointId> = ids.values().copied().collect();
        for gone in before.into_iter().filter(|id| !linked.contains(id)) {
            self.endpoints.set_leaving(gone);
        }
        self.endpoints.quota.set_limit(config.policy.max_queue_size);
        self.policy = config.policy;
        let links = config::formatted_links(config.link_formats, &ids);
        let setups = config::link_setups(&links, &config.link_modes, &ids);
        let routes = Routes::new(config.format, &links).with_public_links(config.public_links);
        let former = std::mem::take(&mut self.routes);
        self.routes = routes.with_former(former, self.endpoints.leaving());
        self.senders.set_nick_policies(config::channel_policies(config.nick_policies, &ids));
        let canary = config::canary_link(config.canary.as_ref(), &ids);
        let (policy, networks) = (config.accounts, config.direct_messages);
        self.with_parts(now, store, commands, |parts, ctx| {
            control::pause::set_links(&setups, ctx)?;
            accounts::set_policy(policy, &ids, ctx);
            parts.set_canary(canary, ctx);
            phases::set_links(ctx)?;
            parts.set_direct_networks(networks);
            parts.forget_drained(ctx)?;
            parts.run_steps(ctx)
        })
    }

    /// The connection to `peer` is about to be closed: deliveries in flight may finish, no new ones start on it.
    pub fn close(&mut self, peer: Peer) {
        self.peers.close(peer);
    }

    /// The number of deliveries in flight on the connection to `peer`.
    #[must_use]
    pub fn in_flight_to(&self, peer: &Peer) -> usize {
        let states = self.endpoints.iter().filter(|(_, state)| state.peer() == *peer);
        states.filter(|(_, state)| state.queue().in_flight().is_some()).count()
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
        self.with_parts(now, store, commands, Parts::end_turn)
    }

    /// The channels and rooms with their ids, in no particular order.
    pub fn endpoints(&self) -> impl Iterator<Item = (EndpointId, &Endpoint)> {
        self.endpoints.links().map(|(id, link)| (id, &link.endpoint))
    }

    /// The number of joined channels and rooms.
    #[must_use]
    pub fn joined(&self) -> usize {
        self.endpoints.joined()
    }

    /// The number of channels and rooms.
    #[must_use]
    pub fn total(&self) -> usize {
        self.endpoints.link_count()
    }

    /// The number of channels and rooms that are paused because the queue is full.
    #[must_use]
    pub fn paused(&self) -> usize {
        self.endpoints.iter().filter(|(_, state)| state.is_paused()).count()
    }

    /// The number of deliveries in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let states = self.endpoints.iter();
        states.filter(|(_, state)| state.queue().in_flight().is_some()).count()
    }

    /// Whether the connection to this network can be let go of: no channel there is being caught up with.
    #[must_use]
    pub fn may_be_handed_over(&self, network: &Network) -> bool {
        self.endpoints.channels_on(network).all(|(_, channel)| channel.catchup().is_none())
    }

    /// Whether every network can be let go of, and the bot has seen what puppets have sent.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.endpoints.channels().all(|(_, channel)| channel.catchup().is_none())
            && !self.senders.awaits_echoes()
    }

    /// The members of a channel; empty while we are not in it.
    #[must_use]
    pub fn roster(&self, endpoint: EndpointId) -> Option<&Roster> {
        self.endpoints.channel(endpoint).map(|channel| &channel.roster)
    }

    /// The counters since the bridge started.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Lets the parts work with everything else.
    fn with_parts<T>(
        &mut self,
        now: Timestamp,
        store: &mut Store,
        commands: &mut Vec<Command>,
        work: impl FnOnce(&mut Parts, &mut Ctx<'_>) -> T,
    ) -> T {
        let mut ctx = Ctx {
            now,
            policy: &self.policy,
            routes: &self.routes,
            links: &mut self.links,
            endpoints: &mut self.endpoints,
            peers: &mut self.peers,
            senders: &mut self.senders,
            loop_guard: &mut self.loop_guard,
            status: &mut self.status,
            stats: &mut self.stats,
            restored: &mut self.restored,
            phases: &mut self.phases,
            stopping: self.stopping,
            store,
            commands,
            steps: VecDeque::new(),
        };
        work(&mut self.parts, &mut ctx)
    }
}
