//! The connection to Let's Chat.

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::Shared;
use super::task::ConnectionTask;
use crate::bridge::{Command, Peer};
use crate::config::{LetsChatSettings, Settings};
use crate::domain::{Endpoint, EndpointId};
use crate::net::WriteGate;
use crate::protocol::letschat::{LetsChatCommand, RoomTarget};
use crate::service::bridge_settings::networks_with_direct_messages;
use crate::service::letschat::{LetsChatConnection, LetsChatPlan, room_targets};
use crate::service::messages::EngineInput;

/// The connection to Let's Chat.
#[derive(Debug)]
pub(super) struct RunningLetsChat {
    plan: watch::Sender<LetsChatPlan>,
    inbox: mpsc::Sender<EngineInput>,
    task: ConnectionTask,
}

impl RunningLetsChat {
    /// Starts to connect, to the rooms among `endpoints`.
    pub(super) fn start(
        settings: &Settings,
        endpoints: &[(EndpointId, Endpoint)],
        inbox: mpsc::Sender<EngineInput>,
        gate: &WriteGate,
    ) -> Self {
        let plan = watch::Sender::new(make_plan(settings, endpoints, &[]));
        let task = connect(&settings.letschat, &plan, &inbox, gate);
        Self { plan, inbox, task }
    }

    /// It is not connected to anew.
    pub(super) fn stop(&self) {
        self.task.stop();
    }

    /// Ends its connection at once, whatever it does.
    pub(super) fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Works with other settings and rooms from now on.
    pub(super) async fn apply(
        &mut self,
        before: &Settings,
        settings: &Settings,
        endpoints: &[(EndpointId, Endpoint)],
        shared: &Shared,
    ) {
        let old_plan = self.plan.borrow().clone();
        let plan = make_plan(settings, endpoints, &old_plan.rooms);
        self.plan.send_replace(plan.clone());
        if settings.letschat.has_same_connection(&before.letschat) {
            for command in session_changes(&old_plan, plan) {
                send(command, shared).await;
            }
        } else {
            self.task.close(&Peer::LetsChat, settings.shutdown_timeout, shared).await;
            self.task = connect(&settings.letschat, &self.plan, &self.inbox, &shared.gate);
        }
    }

    /// Leaves a room, and joins it again if it is linked.
    pub(super) async fn leave(&self, endpoint: EndpointId, is_linked_again: bool, shared: &Shared) {
        let known = self.plan.borrow().rooms.iter().find(|it| it.endpoint == endpoint).cloned();
        send(LetsChatCommand::LeaveRoom(endpoint), shared).await;
        match known.filter(|_| is_linked_again) {
            Some(target) => send(LetsChatCommand::JoinRoom(target), shared).await,
            None => {
                self.plan.send_modify(|plan| plan.rooms.retain(|it| it.endpoint != endpoint));
            }
        }
    }
}

fn make_plan(
    settings: &Settings,
    endpoints: &[(EndpointId, Endpoint)],
    before: &[RoomTarget],
) -> LetsChatPlan {
    LetsChatPlan {
        rooms: room_targets(&settings.letschat, endpoints, before),
        direct_messages: !networks_with_direct_messages(&settings.networks).is_empty(),
    }
}

/// What an open session is to be told of a change.
fn session_changes(before: &LetsChatPlan, plan: LetsChatPlan) -> Vec<LetsChatCommand> {
    let is_same = |one: &RoomTarget, other: &RoomTarget| {
        one.endpoint == other.endpoint && one.has_same_password(other)
    };
    let is_new = |room: &RoomTarget| !before.rooms.iter().any(|it| is_same(it, room));
    let joins = plan.rooms.into_iter().filter(is_new).map(LetsChatCommand::JoinRoom);
    let mut changes: Vec<LetsChatCommand> = joins.collect();
    if plan.direct_messages != before.direct_messages {
        changes.push(LetsChatCommand::SetDirectMessages(plan.direct_messages));
    }
    changes
}

async fn send(command: LetsChatCommand, shared: &Shared) {
    shared.tell(EngineInput::Configure(Command::LetsChat(command))).await;
}

/// Keeps a connection.
fn connect(
    settings: &LetsChatSettings,
    plan: &watch::Sender<LetsChatPlan>,
    inbox: &mpsc::Sender<EngineInput>,
    gate: &WriteGate,
) -> ConnectionTask {
    let (settings, plan, inbox) = (settings.clone(), plan.subscribe(), inbox.clone());
    let gate = gate.clone();
    ConnectionTask::spawn(|stop| {
        LetsChatConnection::new(settings, plan, inbox, stop).guarded_by(gate)
    })
}
