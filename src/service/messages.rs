//! What the engine, the connections and the puppet pools send to each other.

use tokio::sync::{mpsc, oneshot};

use crate::bridge::{
    ControlError, ControlReply, ControlRequest, Event, Peer, PuppetCommand, ReconnectReason,
};
use crate::domain::{LinkReply, LinkRequest, Network, PuppetLoginReply, PuppetLoginRequest};
use crate::protocol::irc;
use crate::protocol::letschat;

/// Inputs of the engine.
#[derive(Debug)]
pub(super) enum EngineInput {
    /// The network is connected; its commands go to this queue until the connection is lost.
    IrcConnected(Network, mpsc::Sender<irc::IrcCommand>),
    /// Let's Chat is connected; its commands go to this queue until the connection is lost.
    LetsChatConnected(mpsc::Sender<letschat::LetsChatCommand>),
    /// An event for the bridge.
    Event(Event),
    /// A request of the page on which people link their accounts, and where the answer goes.
    LinkRequest(Box<LinkRequest>, oneshot::Sender<LinkReply>),
    /// A request of the page on which users give their puppets a services account, and where the answer goes.
    PuppetLoginRequest(Box<PuppetLoginRequest>, oneshot::Sender<PuppetLoginReply>),
    /// A request of the administrator, and where the answer goes.
    Control(ControlRequest, ControlSender),
    /// This connection has reached this server: a host with its port, or an URL.
    ServerReached(Peer, String),
    /// What is wrong with this connection, until it works.
    ConnectionProblem(Peer, String),
    /// This connection is about to be made anew.
    Reconnecting(Peer, ReconnectReason),
    /// Whether the disk takes writes; answered once it does.
    CheckStorage(oneshot::Sender<()>),
}

/// Where the answer to a request of the administrator goes.
pub(super) type ControlSender = oneshot::Sender<Result<ControlReply, ControlError>>;

/// The stages of shutdown. Changes reach the engine ahead of queued inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum ShutdownStage {
    /// Working normally.
    #[default]
    Running,
    /// Waiting for deliveries in flight, without starting new ones.
    Draining,
    /// Not waiting any longer; quitting all connections.
    Quitting,
}

/// Requests to a puppet pool.
#[derive(Debug)]
pub(super) enum PoolRequest {
    /// A command of the bridge.
    Command(PuppetCommand),
    /// The bridge stops: all puppets quit with this message.
    Shutdown(String),
}

/// The status of the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Number of joined endpoints.
    pub joined: usize,
    /// Number of all endpoints.
    pub total: usize,
    /// Number of paused endpoints, because the queue limit is reached.
    pub paused: usize,
    /// Whether writing to the database fails, which pauses everything.
    pub storage_stalled: bool,
    /// Why connections fail, worded for the administrator.
    pub problems: Vec<String>,
}

/// The capacity of a connection's command queue: one command per endpoint, one per direct-message
/// conversation, and some more.
pub(super) fn command_queue_capacity(endpoints: usize) -> usize {
    endpoints * 2 + 16_384
}
