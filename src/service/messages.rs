//! What the engine, the connections and the puppet pools send to each other.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::account_policy::AccountPoolSettings;
use super::connector::Connector;
use crate::bridge::{
    AccountCommand, BridgeConfig, Command, ControlError, ControlReply, ControlRequest, Event, Peer,
    PuppetCommand, ReconnectReason,
};
use crate::config::NetworkSettings;
use crate::domain::{
    Endpoint, EndpointId, LinkReply, LinkRequest, Network, PuppetLoginReply, PuppetLoginRequest,
};
use crate::protocol::irc;
use crate::protocol::irc::ChannelTarget;
use crate::protocol::letschat;

/// The message of PART when a channel is no longer linked.
pub(super) const NO_LONGER_LINKED: &str = "no longer linked";

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
    /// The bridge is configured otherwise from now on. The answer is the channels and rooms that sessions are to be
    /// in, with those that are no longer linked but still delivered to.
    Reconfigure(Box<BridgeConfig>, oneshot::Sender<Vec<(EndpointId, Endpoint)>>),
    /// A command to a session that comes from the configuration.
    Configure(Command),
    /// The puppet pool of a network from now on.
    SetPuppetPool(Network, Option<mpsc::UnboundedSender<PoolRequest>>),
    /// The connection is to be closed once its deliveries in flight are done, or after this time. Answered when it
    /// was told to close.
    Close(Peer, Duration, oneshot::Sender<()>),
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

/// What the engine is to do when the bridge stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ShutdownRequest {
    /// The wanted stage.
    pub(super) stage: ShutdownStage,
    /// Another process takes the IRC connections over: they are let go of instead of quitting.
    pub(super) keeps_irc: bool,
}

/// What a puppet pool works with.
#[derive(Debug)]
pub(super) struct PuppetPoolPlan {
    /// The settings of its network.
    pub(super) network: NetworkSettings,
    /// How to connect.
    pub(super) connector: Connector,
    /// The channels that puppets may join.
    pub(super) channels: Vec<ChannelTarget>,
    /// Why the puppets that are connected must connect anew, if they must.
    pub(super) reconnect: Option<String>,
}

/// Requests to the pool of accounts.
#[derive(Debug)]
pub(super) enum AccountPoolRequest {
    /// A command of the bridge.
    Command(AccountCommand),
    /// Other settings from now on.
    Configure(Box<AccountPoolSettings>),
}

/// Requests to a puppet pool.
#[derive(Debug)]
pub(super) enum PoolRequest {
    /// A command of the bridge.
    Command(PuppetCommand),
    /// Other settings and channels from now on.
    Configure(Box<PuppetPoolPlan>),
    /// Another process takes over: all puppets are let go of.
    HandOver,
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
