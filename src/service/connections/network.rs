//! The connection to an IRC network, with its puppets.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::task::ConnectionTask;
use super::{DrainTimeout, Shared};
use crate::bridge::{Command, Peer};
use crate::config::NetworkSettings;
use crate::domain::{Endpoint, EndpointId};
use crate::protocol::irc::{ChannelTarget, IrcCommand};
use crate::service::bridge_settings::has_puppets;
use crate::service::connector::Connector;
use crate::service::irc::{IrcConnection, NetworkPlan, channel_targets};
use crate::service::messages::{EngineInput, NO_LONGER_LINKED, PoolRequest, PuppetPoolPlan};
use crate::service::puppets::PuppetPool;
use crate::service::upgrade::{ReleaseDesk, TakenConnection, TakenNetwork, TakenPuppet};

/// What a server is told when a connection is made anew.
const CONFIGURATION_CHANGED: &str = "the configuration has changed";

/// The connection to an IRC network, with its puppets.
#[derive(Debug)]
pub(super) struct RunningNetwork {
    plan: watch::Sender<NetworkPlan>,
    inbox: mpsc::Sender<EngineInput>,
    connector: Connector,
    task: ConnectionTask,
    puppets: Option<mpsc::UnboundedSender<PoolRequest>>,
}

impl RunningNetwork {
    /// Starts to connect, to the channels among `endpoints` that are on this network.
    pub(super) fn start(
        network: &NetworkSettings,
        endpoints: &[(EndpointId, Endpoint)],
        taken: TakenNetwork,
        shared: &Shared,
    ) -> Self {
        let TakenNetwork { own, puppets } = taken;
        let channels = channel_targets(network, endpoints, &[]);
        let plan = watch::Sender::new(NetworkPlan { network: network.clone(), channels });
        let inbox = shared.queues.add_queue();
        let connector = connector_for(network, shared);
        // Dropped when the puppets that were taken over are known to the bridge: their lines are recognised from then on.
        let (told, known) = oneshot::channel();
        let own = own.map(|own| (own, known));
        let task = connect(&plan, &connector, &inbox, &shared.desk, own);
        let mut running = Self { plan, inbox, connector, task, puppets: None };
        if has_puppets(network) {
            running.puppets = Some(running.start_puppets((puppets, told), shared));
        }
        running
    }

    /// Its puppet pool.
    pub(super) fn puppets(&self) -> Option<mpsc::UnboundedSender<PoolRequest>> {
        self.puppets.clone()
    }

    /// It is not connected to anew.
    pub(super) fn stop(&self) {
        self.task.stop();
    }

    /// Ends its connection at once, whatever it does.
    pub(super) fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Closes the connection.
    pub(super) async fn close(mut self, shared: &Shared, timeout: DrainTimeout) {
        self.stop_puppets(NO_LONGER_LINKED, shared).await;
        self.task.close(&self.peer(), timeout, shared).await;
    }

    /// Starts the puppet pool, unless there is one, and tells the engine.
    pub(super) async fn ensure_puppets(&mut self, shared: &Shared) {
        if self.puppets.is_none() {
            let nobody = (Vec::new(), oneshot::channel().0);
            self.puppets = Some(self.start_puppets(nobody, shared));
            self.announce_puppets(shared).await;
        }
    }

    /// Tells the engine which puppet pool there is.
    pub(super) async fn announce_puppets(&mut self, shared: &Shared) {
        let network = self.plan.borrow().network.network.clone();
        shared.tell(EngineInput::SetPuppetPool(network, self.puppets.clone())).await;
    }

    /// Works with other settings and channels from now on. Without settings, it is no longer configured, and only
    /// delivers what is queued.
    pub(super) async fn apply(
        &mut self,
        network: Option<&NetworkSettings>,
        endpoints: &[(EndpointId, Endpoint)],
        shared: &Shared,
        timeout: DrainTimeout,
    ) {
        let before = self.plan.borrow().clone();
        let network = network.unwrap_or(&before.network);
        let channels = channel_targets(network, endpoints, &before.channels);
        let plan = NetworkPlan { network: network.clone(), channels };
        self.plan.send_replace(plan.clone());
        let is_new_connection = !network.has_same_connection(&before.network);
        if is_new_connection {
            // What puppets have in flight is waited for, too.
            self.task.close(&self.peer(), timeout, shared).await;
            self.connector = connector_for(network, shared);
        }
        if has_puppets(network) {
            self.configure_puppets(is_new_connection);
        } else {
            self.stop_puppets(CONFIGURATION_CHANGED, shared).await;
        }
        if is_new_connection {
            self.task = connect(&self.plan, &self.connector, &self.inbox, &shared.desk, None);
        }
        for command in session_changes(&before, &plan).into_iter().filter(|_| !is_new_connection) {
            self.send(command, shared).await;
        }
    }

    /// Leaves a channel, and joins it again if it is linked.
    pub(super) async fn leave(&self, endpoint: EndpointId, is_linked_again: bool, shared: &Shared) {
        let known = self.plan.borrow().channels.iter().find(|it| it.endpoint == endpoint).cloned();
        let reason = NO_LONGER_LINKED.to_owned();
        self.send(IrcCommand::Part { endpoint, reason }, shared).await;
        if let Some(target) = known.filter(|_| is_linked_again) {
            self.send(IrcCommand::Join(target), shared).await;
        } else {
            self.plan.send_modify(|plan| plan.channels.retain(|it| it.endpoint != endpoint));
            self.configure_puppets(false);
        }
    }

    fn peer(&self) -> Peer {
        Peer::Irc(self.plan.borrow().network.network.clone())
    }

    /// Starts the puppet pool, with puppets that were taken over.
    fn start_puppets(
        &self,
        (taken, told): (Vec<TakenPuppet>, oneshot::Sender<()>),
        shared: &Shared,
    ) -> mpsc::UnboundedSender<PoolRequest> {
        let NetworkPlan { network, channels } = self.plan.borrow().clone();
        let (connector, inbox) = (self.connector.clone(), self.inbox.clone());
        let ends = (shared.stop.subscribe(), shared.desk.clone());
        let mut pool = PuppetPool::new(network, connector, channels, inbox, ends);
        let (sender, requests) = mpsc::unbounded_channel();
        shared.spawn(async move {
            pool.take_over(taken).await;
            drop(told);
            pool.run(requests).await;
        });
        sender
    }

    fn configure_puppets(&self, is_new_connection: bool) {
        let Some(pool) = &self.puppets else { return };
        let NetworkPlan { network, channels } = self.plan.borrow().clone();
        let reconnect = is_new_connection.then(|| CONFIGURATION_CHANGED.to_owned());
        let plan =
            PuppetPoolPlan { network, connector: self.connector.clone(), channels, reconnect };
        // It is gone only when the program ends.
        let _ = pool.send(PoolRequest::Configure(Box::new(plan)));
    }

    async fn stop_puppets(&mut self, reason: &str, shared: &Shared) {
        let Some(pool) = self.puppets.take() else { return };
        // It is gone only when the program ends.
        let _ = pool.send(PoolRequest::Shutdown(reason.to_owned()));
        self.announce_puppets(shared).await;
    }

    async fn send(&self, command: IrcCommand, shared: &Shared) {
        let network = self.plan.borrow().network.network.clone();
        shared.tell(EngineInput::Configure(Command::Irc(network, command))).await;
    }
}

/// What an open session is to be told of a change.
fn session_changes(before: &NetworkPlan, plan: &NetworkPlan) -> Vec<IrcCommand> {
    let is_same = |one: &ChannelTarget, other: &ChannelTarget| {
        one.endpoint == other.endpoint && one.has_same_key(other)
    };
    let is_new = |channel: &&ChannelTarget| !before.channels.iter().any(|it| is_same(it, channel));
    let joins = plan.channels.iter().filter(is_new).cloned().map(IrcCommand::Join);
    let mut changes: Vec<IrcCommand> = joins.collect();
    if plan.network.flood_control != before.network.flood_control {
        changes.push(IrcCommand::SetFloodControl(plan.network.flood_control));
    }
    if plan.network.request_invite_from != before.network.request_invite_from {
        changes.push(IrcCommand::SetInviter(plan.network.request_invite_from.clone()));
    }
    changes
}

fn connector_for(network: &NetworkSettings, shared: &Shared) -> Connector {
    let (sts, idents) = (Arc::clone(&shared.sts), shared.idents.clone());
    Connector::new(network, sts, idents).guarded_by(shared.gate.clone())
}

/// Keeps a connection; the first may be one that another program has let go of.
fn connect(
    plan: &watch::Sender<NetworkPlan>,
    connector: &Connector,
    inbox: &mpsc::Sender<EngineInput>,
    desk: &ReleaseDesk,
    taken: Option<(TakenConnection, oneshot::Receiver<()>)>,
) -> ConnectionTask {
    let (plan, connector, inbox) = (plan.subscribe(), connector.clone(), inbox.clone());
    let desk = desk.clone();
    ConnectionTask::spawn(|stop| {
        let connection = IrcConnection::new(plan, connector, inbox, stop);
        let connection = connection.putting_down_at(desk);
        match taken {
            Some((taken, puppets)) => connection.continuing(taken, puppets),
            None => connection,
        }
    })
}
