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
//! `endpoints` holds what is known of each channel, room and user. The other modules act: `Ctx` gives them what
//! all of them need, and some have fields of their own. What concerns another part is left to it as a `Step`.

mod account_io;
mod accounts;
mod commands;
mod config;
mod context;
mod deliver;
mod direct;
mod directory;
mod endpoints;
mod event;
mod ingest;
mod irc;
mod letschat;
mod linking;
mod loop_guard;
mod notices;
mod peers;
mod policy;
mod pruner;
mod rate_limit;
mod repetition;
mod routes;
mod senders;
mod sent_line;
mod stats;
mod status_buffer;
mod topic_sync;

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;

use crate::domain::{Endpoint, EndpointId, LetsChatUserId, Network, Roster};
use crate::protocol::irc::IrcEvent;
use crate::protocol::letschat::LetsChatEvent;
use crate::store::{Store, StoreError};

pub use account_io::{AccountCommand, AccountEvent, AccountRegistration, PostFailure};
pub use config::BridgeConfig;
pub use endpoints::channel::duplicates::{DuplicateCounter, fingerprint, next_page_starts};
pub use event::{Command, Event, Peer, PuppetCommand, PuppetEnd};
pub use policy::{BridgePolicy, CatchUpLimits};
pub use senders::accounts::{AccountPolicy, ConfiguredAccount, PersonPolicy};
pub use senders::{NickPolicy, NickSource};
pub use stats::{GapStats, OutageStats, PuppetStats, Stats, TrafficStats};

use commands::CommandAnswers;
use config::recover_endpoints;
use context::{Ctx, Step};
use direct::DirectMessages;
use endpoints::quota::QueueQuota;
use endpoints::{EndpointState, Endpoints};
use letschat::RoomReceiver;
use linking::Linking;
use loop_guard::LoopGuard;
use notices::failures::FailureNotices;
use notices::{outage, status};
use peers::Peers;
use pruner::Pruner;
use routes::Routes;
use senders::Senders;
use senders::accounts::Accounts;
use status_buffer::StatusBuffer;

/// The bridge: what is known of both sides, and the parts that act on it.
#[derive(Debug)]
pub struct Bridge {
    policy: BridgePolicy,
    /// The formats between endpoints.
    routes: Routes,
    endpoints: Endpoints,
    peers: Peers,
    senders: Senders,
    loop_guard: LoopGuard,
    status: StatusBuffer,
    stats: Stats,
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
        let quota = QueueQuota::new(config.policy.max_queue_size, store.queue_sizes()?);
        let mut endpoints = Endpoints::new(recover_endpoints(&config.groups, store)?, quota);
        let ids: HashMap<Endpoint, EndpointId> =
            endpoints.links().map(|(id, link)| (link.endpoint.clone(), id)).collect();
        let link = |(one, other, format)| Some((*ids.get(&one)?, *ids.get(&other)?, format));
        let links: Vec<_> = config.link_formats.into_iter().filter_map(link).collect();
        let nicks = |(endpoint, policy): (Endpoint, NickPolicy)| {
            Some((*ids.get(&endpoint)?, endpoint.network()?.clone(), policy))
        };
        let accounts = Accounts::recover(config.accounts, &ids, store)?;
        let nicks = config.nick_policies.into_iter().filter_map(nicks).collect();
        let direct = DirectMessages::recover(config.direct_messages, now, &mut endpoints, store)?;
        Ok(Self {
            policy: config.policy,
            routes: Routes::new(config.format, &links).with_public_links(config.public_links),
            endpoints,
            peers: Peers::default(),
            senders: Senders::new(nicks, accounts),
            loop_guard: LoopGuard::default(),
            status: StatusBuffer::default(),
            stats: Stats::default(),
            stopping: false,
            parts: Parts::new(direct),
        })
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
            endpoints: &mut self.endpoints,
            peers: &mut self.peers,
            senders: &mut self.senders,
            loop_guard: &mut self.loop_guard,
            status: &mut self.status,
            stats: &mut self.stats,
            stopping: self.stopping,
            store,
            commands,
            steps: VecDeque::new(),
        };
        work(&mut self.parts, &mut ctx)
    }
}

/// The parts that have fields of their own.
#[derive(Debug)]
struct Parts {
    rooms: RoomReceiver,
    direct: DirectMessages,
    answers: CommandAnswers,
    failures: FailureNotices,
    linking: Linking,
    /// The rooms where a delivery may start at the end of the turn.
    due_rooms: BTreeSet<EndpointId>,
    pruner: Pruner,
}

impl Parts {
    fn new(direct: DirectMessages) -> Self {
        Self {
            rooms: RoomReceiver::default(),
            direct,
            answers: CommandAnswers::default(),
            failures: FailureNotices::default(),
            linking: Linking::default(),
            due_rooms: BTreeSet::new(),
            pruner: Pruner::default(),
        }
    }

    /// Hands an event to the parts that it concerns.
    fn dispatch(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        match event {
            Event::Irc(network, event) => self.on_irc_event(&network, event, ctx),
            Event::LetsChat(event) => self.on_letschat_event(event, ctx),
            Event::Puppet(network, user, event) => {
                self.on_puppet_event(&network, &user, *event, ctx)
            }
            Event::PuppetDisconnected(network, user, end) => {
                irc::puppets::disconnect::on_disconnected(&network, &user, end, ctx)
            }
            Event::ConnectionLost(peer) => self.on_connection_lost(&peer, ctx),
            Event::Tick => self.tick(ctx),
            Event::Account(event) => match *event {
                AccountEvent::HandedOver { .. } | AccountEvent::NotHandedOver { .. } => {
                    self.linking.on_hand_over(*event, ctx)
                }
                event => accounts::on_event(event, &mut self.rooms, ctx),
            },
            Event::Link(request, asked) => self.linking.on_request(request, *asked, ctx),
            Event::Stop => Ok(()),
        }
    }

    /// Runs the steps that parts have left to each other, until there are none.
    fn run_steps(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        while let Some(step) = ctx.steps.pop_front() {
            match step {
                Step::Schedule(endpoint) => self.schedule(endpoint, ctx)?,
                Step::ScheduleDirect => self.direct.schedule(ctx)?,
                Step::Answer(command, message) => {
                    let network =
                        ctx.endpoints.get(message.source).and_then(EndpointState::network);
                    if let (Some(network), true) = (network.cloned(), command.is_about_linking()) {
                        self.linking.on_command(command, (&network, &message.author), ctx)?;
                        continue;
                    }
                    let direct = self.direct.is_available(network);
                    self.answers.answer(command, &message, direct, ctx)?;
                }
                Step::AuthorMuted { source, author, other: (other, there), pause } => {
                    notices::notify_mute((&author, source), (&other, there), pause, ctx)?;
                }
                Step::ReleaseHeld(endpoint) => self.rooms.release_held(endpoint, ctx)?,
                Step::FailureRecorded => self.failures.schedule(ctx.now),
                Step::DirectFailureRecorded => self.direct.on_failure_recorded(ctx),
            }
        }
        Ok(())
    }

    /// Starts the next delivery to `endpoint`, if possible; for a room, at the end of the turn.
    fn schedule(&mut self, endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        match ctx.endpoints.get(endpoint) {
            Some(EndpointState::Room(_)) => {
                self.due_rooms.insert(endpoint);
                Ok(())
            }
            Some(EndpointState::Channel(_)) if !ctx.stopping => deliver::start_next(endpoint, ctx),
            // One more may be in flight to somebody else on that side.
            Some(EndpointState::User(_)) => self.direct.schedule(ctx),
            Some(EndpointState::Channel(_)) | None => Ok(()),
        }
    }

    /// Starts what was due at the end of the turn, and what becomes due by that.
    fn end_turn(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        while let Some(endpoint) = self.due_rooms.pop_first() {
            if !ctx.stopping {
                deliver::start_next(endpoint, ctx)?;
            }
            self.run_steps(ctx)?;
        }
        irc::save_last_seen(ctx)
    }

    fn on_irc_event(
        &mut self,
        network: &Network,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match &event {
            IrcEvent::DirectMessage(message)
                if let Some(command) = linking::command_in(message) =>
            {
                return self.linking.on_command(command, (network, &message.author), ctx);
            }
            IrcEvent::DirectMessage(message) if self.direct.is_enabled() => {
                return self.direct.on_irc_message(network, message, ctx);
            }
            IrcEvent::DirectMessage(message) => {
                self.answers.reply_no_direct_messages(network, message, ctx);
                return Ok(());
            }
            IrcEvent::Registered { .. } => {
                self.direct.on_connected(Peer::Irc(network.clone()), ctx);
            }
            _ => {}
        }
        if !matches!(event, IrcEvent::Membership(_) | IrcEvent::NotJoined { .. }) {
            return irc::on_event(network, event, ctx);
        }
        let change = self.direct.user_change(network, &event, ctx);
        irc::on_event(network, event, ctx)?;
        change.map_or(Ok(()), |change| self.direct.on_user_change(network, change, ctx))
    }

    fn on_letschat_event(
        &mut self,
        event: LetsChatEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match &event {
            LetsChatEvent::DirectMessage(message) => {
                return self.direct.on_letschat_message(message, ctx);
            }
            LetsChatEvent::DirectMessagesEnabled(is_enabled) => {
                return self.direct.set_letschat_enabled(*is_enabled, ctx);
            }
            LetsChatEvent::LoggedIn(_) => {
                accounts::start(ctx)?;
                self.direct.on_connected(Peer::LetsChat, ctx);
            }
            _ => {}
        }
        letschat::on_event(event, &mut self.rooms, ctx)
    }

    fn on_puppet_event(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match event {
            IrcEvent::DirectMessage(message) => {
                self.direct.on_puppet_message(network, user, &message, ctx)
            }
            event => irc::puppets::on_event(network, user, event, ctx),
        }
    }

    fn on_connection_lost(&mut self, peer: &Peer, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        // Or the next connection would receive them.
        ctx.commands.retain(|command| !command.is_for(peer));
        match peer {
            Peer::Irc(network) => irc::on_connection_lost(network, ctx)?,
            Peer::LetsChat => letschat::on_connection_lost(&mut self.rooms, ctx)?,
        }
        self.direct.on_connection_lost(peer, ctx)
    }

    /// About every second: does what is due by time.
    fn tick(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        self.pruner.tick(ctx)?;
        Linking::tick(ctx)?;
        irc::history::resume_paused(ctx)?;
        self.rooms.tick(ctx);
        outage::notify_due(ctx)?;
        notices::notify_expired_mutes(ctx)?;
        status::notify_due(ctx)?;
        irc::puppets::away::show_away(ctx);
        self.failures.notify_due(self.direct.is_enabled(), ctx)?;
        self.direct.schedule(ctx)?;
        // Failures are reported as soon as they are recorded.
        self.run_steps(ctx)?;
        self.direct.report_due(ctx)
    }
}
