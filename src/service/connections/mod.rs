//! The connections of the running bridge, and what a changed configuration means for them.
//!
//! A connection is made anew only if its own settings are others. For that, no new delivery starts on it, those in
//! flight are waited for, the session says goodbye, and a new one follows at once. What else concerns a session, such as
//! its channels, is told to it while it is open, and is part of the plan with which the next one is made.

mod letschat;
mod network;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::account_policy;
use super::accounts::AccountPool;
use super::bridge_settings::has_puppets;
use super::inbox::QueueAdder;
use super::messages::{AccountPoolRequest, EngineInput, PoolRequest};
use super::sts::StsStore;
use super::upgrade::{ReleaseDesk, TakenNetwork, TakenOver};
use crate::config::{NetworkSettings, Settings};
use crate::domain::{Endpoint, EndpointId, Network};
use crate::net::WriteGate;
use crate::net::identd::IdentRegistry;
use letschat::RunningLetsChat;
use network::RunningNetwork;

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    networks: HashMap<Network, RunningNetwork>,
    letschat: RunningLetsChat,
    accounts: mpsc::UnboundedSender<AccountPoolRequest>,
    /// The channels and rooms that sessions are in: those that are linked, and those that are still delivered to.
    endpoints: Vec<(EndpointId, Endpoint)>,
    shared: Shared,
}

/// What connections share.
#[derive(Debug)]
struct Shared {
    queues: QueueAdder,
    /// Commands for the engine.
    engine: mpsc::Sender<EngineInput>,
    sts: Arc<StsStore>,
    idents: Option<Arc<IdentRegistry>>,
    /// Whether the pools are to stop.
    stop: watch::Sender<bool>,
    /// Asked before anything is written.
    gate: WriteGate,
    /// Where connections are put down for another program.
    desk: ReleaseDesk,
    /// The pools, to end them if they are stuck.
    pools: Mutex<Vec<AbortHandle>>,
}

impl Connections {
    /// Starts to connect. `endpoints` are all channels and rooms; `engine` is the first of the `queues`.
    pub(super) fn start(
        settings: &Settings,
        endpoints: Vec<(EndpointId, Endpoint)>,
        (queues, engine): (QueueAdder, mpsc::Sender<EngineInput>),
        sts: Arc<StsStore>,
        idents: Option<Arc<IdentRegistry>>,
        (mut taken, gate): (TakenOver, WriteGate),
    ) -> Self {
        let stop = watch::Sender::new(false);
        let letschat = RunningLetsChat::start(settings, &endpoints, queues.add_queue(), &gate);
        let (accounts, requests) = mpsc::unbounded_channel();
        let pool = account_policy::pool_settings(&settings.letschat, &endpoints);
        let pool =
            AccountPool::new(pool, queues.add_queue(), stop.subscribe()).guarded_by(gate.clone());
        let (desk, pools) = (ReleaseDesk::default(), Mutex::default());
        let shared = Shared { queues, engine, sts, idents, stop, gate, desk, pools };
        shared.spawn(pool.run(requests));
        let mut start = |network: &NetworkSettings| {
            let taken = taken.take(&network.network);
            let running = RunningNetwork::start(network, &endpoints, taken, &shared);
            (network.network.clone(), running)
        };
        let networks = settings.networks.iter().map(&mut start).collect();
        Self { networks, letschat, accounts, endpoints, shared }
    }

    /// The pool of accounts.
    pub(super) fn account_pool(&self) -> mpsc::UnboundedSender<AccountPoolRequest> {
        self.accounts.clone()
    }

    /// The puppet pools.
    pub(super) fn puppet_pools(
        &self,
    ) -> impl Iterator<Item = (Network, mpsc::UnboundedSender<PoolRequest>)> {
        let pools = self.networks.iter();
        pools.filter_map(|(network, running)| Some((network.clone(), running.puppets()?)))
    }

    /// The bridge stops: connections are not made anew when they end.
    pub(super) fn stop(self) {
        self.shared.stop.send_replace(true);
        self.letschat.stop();
        self.networks.values().for_each(RunningNetwork::stop);
    }

    /// Another program takes over: what ends from now on is put down at the desk that is returned, unless these tasks are
    /// ended before.
    pub(super) fn hand_over(self) -> (ReleaseDesk, Vec<AbortHandle>) {
        let networks = self.networks.values().map(RunningNetwork::abort_handle);
        let mut tasks: Vec<AbortHandle> = networks.collect();
        tasks.push(self.letschat.abort_handle());
        tasks.append(&mut self.shared.pools.lock().unwrap_or_else(PoisonError::into_inner));
        let desk = self.shared.desk.clone();
        desk.open();
        self.stop();
        (desk, tasks)
    }

    /// Ends all connections at once, without a word to the servers.
    pub(super) fn drop_all(self) {
        let (_, tasks) = self.hand_over();
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Starts the puppet pools that `settings` needs, before the bridge asks them for puppets.
    pub(super) async fn prepare(&mut self, settings: &Settings) {
        for network in settings.networks.iter().filter(|network| has_puppets(network)) {
            if let Some(running) = self.networks.get_mut(&network.network) {
                running.ensure_puppets(&self.shared).await;
            }
        }
    }

    /// Connects as `settings` says from now on. `endpoints` are all channels and rooms from now on.
    pub(super) async fn apply(
        &mut self,
        before: &Settings,
        settings: &Settings,
        endpoints: Vec<(EndpointId, Endpoint)>,
    ) {
        // The bridge may have none of these left already: that they are to be left is still to be told.
        let known = std::mem::replace(&mut self.endpoints, endpoints);
        for (id, name) in known {
            if !self.endpoints.iter().any(|(other, _)| *other == id) {
                self.endpoints.push((id, name));
            }
        }
        let pool = account_policy::pool_settings(&settings.letschat, &self.endpoints);
        // It is gone only when the program ends.
        let _ = self.accounts.send(AccountPoolRequest::Configure(Box::new(pool)));
        let (endpoints, shared) = (&self.endpoints, &self.shared);
        let known = self.networks.iter_mut().map(|(network, running)| {
            let settings_of = |it: &&NetworkSettings| it.network == *network;
            let network = settings.networks.iter().find(settings_of);
            running.apply(network, endpoints, shared, settings.shutdown_timeout)
        });
        let letschat = self.letschat.apply(before, settings, endpoints, shared);
        tokio::join!(join_all(known), letschat);
        for network in &settings.networks {
            if !self.networks.contains_key(&network.network) {
                let mut running = RunningNetwork::start(
                    network,
                    &self.endpoints,
                    TakenNetwork::default(),
                    &self.shared,
                );
                running.announce_puppets(&self.shared).await;
                self.networks.insert(network.network.clone(), running);
            }
        }
        self.close_unused(settings).await;
    }

    /// Nothing is queued any more for a channel or room that is no longer linked: its session leaves it.
    pub(super) async fn leave(&mut self, endpoint: EndpointId, settings: &Settings) {
        let Some(at) = self.endpoints.iter().position(|(id, _)| *id == endpoint) else { return };
        let name = self.endpoints[at].1.clone();
        // If it was linked again meanwhile, the bridge expects it to be joined.
        let is_linked_again = settings.endpoints().any(|endpoint| *endpoint == name);
        match &name {
            Endpoint::Channel { network, .. } => {
                if let Some(running) = self.networks.get(network) {
                    running.leave(endpoint, is_linked_again, &self.shared).await;
                }
            }
            Endpoint::Room(_) => {
                self.letschat.leave(endpoint, is_linked_again, &self.shared).await;
            }
        }
        if !is_linked_again {
            self.endpoints.remove(at);
            self.close_unused(settings).await;
        }
    }

    /// Closes the connections to networks that are not configured any more, once nothing is to be delivered there.
    async fn close_unused(&mut self, settings: &Settings) {
        let endpoints = &self.endpoints;
        let is_unused = |network: &Network| {
            settings.networks.iter().all(|it| it.network != *network)
                && endpoints.iter().all(|(_, endpoint)| endpoint.network() != Some(network))
        };
        let unused: Vec<RunningNetwork> =
            self.networks.extract_if(|network, _| is_unused(network)).map(|(_, it)| it).collect();
        for running in unused {
            running.close(&self.shared, settings.shutdown_timeout).await;
        }
    }
}

impl Shared {
    /// Runs a pool.
    fn spawn(&self, pool: impl Future<Output = ()> + Send + 'static) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| !pool.is_finished());
        pools.push(tokio::spawn(pool).abort_handle());
    }

    /// Tells the engine something.
    async fn tell(&self, input: EngineInput) {
        // Fails only when the engine is gone, and then nothing matters any more.
        let _ = self.engine.send(input).await;
    }
}

/// How long deliveries in flight may take before a connection is closed in spite of them.
type DrainTimeout = Duration;
