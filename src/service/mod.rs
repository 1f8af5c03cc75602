//! The running bridge: connections that come and go, and the engine that they all report to.
//!
//! ```text
//!  net ──events──▶ inbox ──▶ engine: apply all waiting events, commit once ──commands──▶ net
//!  net ──events──▶   ▲
//!              ticks, shutdown
//! ```

pub mod account_documents;
mod account_policy;
pub mod account_probe;
mod accounts;
pub mod audit;
mod commits;
mod connection_log;
mod connector;
mod control;
mod engine;
mod identity;
mod idle_timeout;
mod inbox;
mod irc;
mod letschat;
mod link_requests;
mod messages;
mod probe;
mod puppets;
mod reconnect;
mod stats_log;
mod sts;
mod supervisor;
mod survey;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bridge::{
    AccountCommand, Bridge, BridgeConfig, BridgePolicy, CatchUpLimits, Event, NickPolicy,
    NickSource, Stats,
};
use crate::config::{
    CatchUpPolicy, ChannelSettings, LetsChatSettings, Link, NetworkSettings, PuppetSettings,
    SenderMode, Settings, UnconfirmedPolicy, WebSettings,
};
use crate::domain::{Endpoint, EndpointId, Network};
use crate::net::identd::{self, IdentRegistry};
use crate::store;
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, PublicLinks};

pub use control::BridgeControl;
pub use link_requests::LinkAsker;
pub use messages::Status;
pub use probe::{ProbeReport, ServerReport, probe, probe_letschat_login};
pub use survey::{ChannelList, survey};

use accounts::AccountPool;
use connector::Connector;
use engine::Engine;
use inbox::Inbox;
use letschat::LetsChatConnection;
use messages::{EngineInput, ShutdownStage};
use puppets::PuppetPool;

/// How often the engine receives a tick.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// A running bridge.
#[derive(Debug)]
pub struct RunningBridge {
    inbox: mpsc::Sender<EngineInput>,
    shutdown_stage: watch::Sender<ShutdownStage>,
    stop: watch::Sender<bool>,
    shutdown_timeout: Duration,
    status: watch::Receiver<Status>,
    stats: watch::Receiver<Stats>,
    engine_end: oneshot::Receiver<Result<(), StoreError>>,
}

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ident server cannot listen.
    #[error(
        "ident.listen: cannot listen on {address} ({error}): choose another port, stop the \
         program that uses it, or allow the bridge a port below 1024 (see docs/sender-modes.md)"
    )]
    Ident {
        /// `ident.listen`.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a bridge on `store`; must be called within a Tokio runtime.
///
/// # Errors
/// When the store cannot be read or written, or the address of the ident server is in use.
pub fn start(settings: Settings, mut store: Store) -> Result<RunningBridge, StartError> {
    let idents = settings.ident.map(start_identd).transpose()?;
    let has_direct_messages = !networks_with_direct_messages(&settings.networks).is_empty();
    store.set_account_key(&store::load_or_create_account_key(&settings.state_dir)?);
    let bridge = Bridge::new(bridge_config(&settings)?, Timestamp::now(), &mut store)?;
    store.commit()?;
    let endpoints: Vec<(EndpointId, Endpoint)> =
        bridge.endpoints().map(|(id, endpoint)| (id, endpoint.clone())).collect();
    let status = Status { total: bridge.total(), ..Status::default() };
    let (status_sender, status) = watch::channel(status);
    let mut queues = Inbox::default();
    let (inbox, accounts_inbox) = (queues.add_queue(), queues.add_queue());
    let mut tick_receivers = vec![inbox.downgrade()];
    let (shutdown_stage, wanted_stage) = watch::channel(ShutdownStage::default());
    let (stop, stopped) = watch::channel(false);
    let (stats_sender, stats) = watch::channel(bridge.stats().clone());
    let sts = Arc::new(sts::StsStore::open(&settings.state_dir));
    let mut engine = Engine::new(bridge, store, status_sender, stats_sender, wanted_stage);
    let mut networks = Vec::new();
    for network in settings.networks {
        let inbox = queues.add_queue();
        tick_receivers.push(inbox.downgrade());
        let connector = Connector::new(&network, Arc::clone(&sts), idents.clone());
        if has_puppets(&network) {
            let channels = irc::channel_targets(&network, &endpoints);
            let (connector, inbox) = (connector.clone(), inbox.clone());
            let pool =
                PuppetPool::new(network.clone(), connector, channels, inbox, stopped.clone());
            let (sender, requests) = mpsc::unbounded_channel();
            engine.add_puppet_pool(network.network.clone(), sender);
            tokio::spawn(pool.run(requests));
        }
        let stopped = stopped.clone();
        networks.push(irc::IrcConnection::new(network, &endpoints, connector, inbox, stopped));
    }
    engine.set_account_pool(spawn_accounts(
        &settings.letschat,
        &endpoints,
        accounts_inbox,
        &stopped,
    ));
    let letschat_inbox = queues.add_queue();
    tick_receivers.push(letschat_inbox.downgrade());
    let engine_end = spawn_engine(engine, queues);

    tokio::spawn(send_ticks(tick_receivers));
    for network in networks {
        tokio::spawn(supervisor::supervise(network, stopped.clone()));
    }
    spawn_letschat(settings.letschat, &endpoints, letschat_inbox, has_direct_messages, stopped);
    Ok(RunningBridge {
        inbox,
        shutdown_stage,
        stop,
        shutdown_timeout: settings.shutdown_timeout,
        status,
        stats,
        engine_end,
    })
}

/// Keeps a connection to Let's Chat.
fn spawn_letschat(
    settings: LetsChatSettings,
    endpoints: &[(EndpointId, Endpoint)],
    inbox: mpsc::Sender<EngineInput>,
    direct_messages: bool,
    stopped: watch::Receiver<bool>,
) {
    let connection = LetsChatConnection::new(settings, endpoints, inbox, stopped.clone());
    let connection = connection.with_direct_messages(direct_messages);
    tokio::spawn(supervisor::supervise(connection, stopped));
}

/// Starts the pool that speaks as people's accounts on Let's Chat.
fn spawn_accounts(
    settings: &LetsChatSettings,
    endpoints: &[(EndpointId, Endpoint)],
    inbox: mpsc::Sender<EngineInput>,
    stopped: &watch::Receiver<bool>,
) -> mpsc::UnboundedSender<AccountCommand> {
    let settings = account_policy::pool_settings(settings, endpoints);
    let (commands, receiver) = mpsc::unbounded_channel();
    tokio::spawn(AccountPool::new(settings, inbox, stopped.clone()).run(receiver));
    commands
}

/// Runs the engine in a thread of its own. The receiver gets its result when it ends.
fn spawn_engine(engine: Engine, queues: Inbox) -> oneshot::Receiver<Result<(), StoreError>> {
    let (end, ended) = oneshot::channel();
    let runtime = Handle::current();
    thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || end.send(engine.run(queues, &runtime)))
        .expect("the system can start a thread");
    ended
}

impl RunningBridge {
    /// The status, with changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Asks the bridge for the page on which people link their accounts.
    #[must_use]
    pub fn link_asker(&self) -> LinkAsker {
        LinkAsker::new(&self.inbox)
    }

    /// Lets an administrator see and control the bridge.
    #[must_use]
    pub fn control(&self) -> BridgeControl {
        BridgeControl::new(&self.inbox)
    }

    /// The counters since startup, at most a second old.
    #[must_use]
    pub fn stats(&self) -> watch::Receiver<Stats> {
        self.stats.clone()
    }

    /// Waits until the engine ends by itself, which only a broken store causes.
    ///
    /// # Errors
    /// The error of the store.
    pub async fn wait_end(&mut self) -> Result<(), StoreError> {
        (&mut self.engine_end).await.expect("the engine reports its end")
    }

    /// Waits for deliveries in flight for as long as the settings allow, quits on both sides, and waits until
    /// everything is committed.
    ///
    /// # Errors
    /// The error of the store.
    pub async fn stop(self) -> Result<(), StoreError> {
        let Self {
            inbox, shutdown_stage, stop, shutdown_timeout: settle, engine_end: ended, ..
        } = self;
        // Before the engine quits the sessions, so that their end is understood.
        stop.send_replace(true);
        shutdown_stage.send_replace(ShutdownStage::Draining);
        // The engine ends when all senders are gone, including this one.
        drop(inbox);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(settle).await;
            shutdown_stage.send_replace(ShutdownStage::Quitting);
            shutdown_stage.closed().await;
        });
        let outcome = ended.await.expect("the engine reports its end");
        timer.abort();
        outcome
    }
}

/// What the bridge mirrors, and how.
fn bridge_config(settings: &Settings) -> Result<BridgeConfig, StoreError> {
    Ok(BridgeConfig {
        groups: settings.link_groups.clone(),
        policy: bridge_policy(settings),
        format: Arc::clone(&settings.format),
        link_formats: links_with_format(settings),
        public_links: public_links(settings)?,
        nick_policies: channel_nick_policies(&settings.networks),
        accounts: account_policy::policy(settings),
        direct_messages: networks_with_direct_messages(&settings.networks),
    })
}

fn bridge_policy(settings: &Settings) -> BridgePolicy {
    // A duration beyond the range of the clock means no limit.
    let signed = |duration| SignedDuration::try_from(duration).ok();
    let limits = |catch_up, most| {
        let oldest = match catch_up {
            CatchUpPolicy::MaxAge(age) => signed(age),
            CatchUpPolicy::All => None,
            CatchUpPolicy::Off => Some(SignedDuration::ZERO),
        };
        CatchUpLimits { max_age: oldest, max_messages: most }
    };
    let on_irc = |network: &NetworkSettings| {
        (network.network.clone(), limits(network.catch_up, network.catch_up_limit))
    };
    BridgePolicy {
        room_catchup: limits(settings.letschat.catch_up, settings.letschat.catch_up_limit),
        channel_catchup: settings.networks.iter().map(on_irc).collect(),
        notices: settings.notices,
        min_reported_gap: signed(settings.min_reported_gap).unwrap_or(SignedDuration::MAX),
        loop_protection: settings.loop_protection,
        drop_unconfirmed: networks_dropping_unconfirmed(&settings.networks),
        retention: settings.store.retention.and_then(signed),
        max_queue_size: settings.store.max_queue_size,
        announce: settings.letschat.announce,
        link_page: settings.web.as_ref().map(link_page),
    }
}

/// The address of the page on which people link their accounts, up to the code.
fn link_page(web: &WebSettings) -> String {
    format!("{}/link/", web.public_url.as_str().trim_end_matches('/'))
}

/// The links, each with its format.
fn links_with_format(settings: &Settings) -> Vec<(Endpoint, Endpoint, Arc<LinkFormat>)> {
    let looks = settings.links.iter().zip(&settings.link_formats);
    let linked =
        |(link, looks): (&Link, &_)| (link.channel.clone(), link.room.clone(), Arc::clone(looks));
    looks.map(linked).collect()
}

/// The maker of public links, if the web server is enabled.
fn public_links(settings: &Settings) -> Result<Option<PublicLinks>, StoreError> {
    let Some(web) = &settings.web else { return Ok(None) };
    let key = store::load_or_create_link_key(&settings.state_dir)?;
    Ok(Some(PublicLinks::new(key, web.public_url.clone(), settings.letschat.url.clone())))
}

/// Sends ticks to the engine while any queue exists, through the one with the most room.
async fn send_ticks(queues: Vec<mpsc::WeakSender<EngineInput>>) {
    let mut often = tokio::time::interval(TICK_INTERVAL);
    // No burst of ticks after a stall.
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        often.tick().await;
        let open = queues.iter().filter_map(mpsc::WeakSender::upgrade);
        let Some(queue) = open.max_by_key(mpsc::Sender::capacity) else { return };
        if queue.send(EngineInput::Event(Event::Tick)).await.is_err() {
            return;
        }
    }
}

/// The networks that drop unconfirmed messages instead of resending them.
fn networks_dropping_unconfirmed(networks: &[NetworkSettings]) -> HashSet<Network> {
    let dropping = networks.iter().filter(|network| network.unconfirmed == UnconfirmedPolicy::Drop);
    dropping.map(|network| network.network.clone()).collect()
}

/// The networks with direct messages.
fn networks_with_direct_messages(networks: &[NetworkSettings]) -> Vec<Network> {
    let networks = networks.iter().filter(|network| network.direct_messages);
    networks.map(|network| network.network.clone()).collect()
}

/// The channels where Let's Chat users have nicks of their own.
fn channel_nick_policies(networks: &[NetworkSettings]) -> Vec<(Endpoint, NickPolicy)> {
    let all = networks.iter().flat_map(|it| it.channels.iter().map(move |channel| (it, channel)));
    let nicks = |(network, channel): (&NetworkSettings, &ChannelSettings)| {
        let mode = network.sender_mode_in(channel);
        let PuppetSettings { ban_fallback, show_away, .. } = network.puppets;
        let source = match mode {
            SenderMode::Bot => return None,
            SenderMode::Relaymsg => NickSource::Relaymsg,
            SenderMode::Puppets => NickSource::Puppet { ban_fallback, show_away },
        };
        let nicks = NickPolicy { source, template: network.nick_template_for(mode).to_owned() };
        Some((Endpoint::channel(&network.network, &channel.name), nicks))
    };
    all.filter_map(nicks).collect()
}

/// Whether Let's Chat users have puppets on `network`.
fn has_puppets(network: &NetworkSettings) -> bool {
    network.channels.iter().any(|channel| network.sender_mode_in(channel) == SenderMode::Puppets)
}

/// Starts the ident server at `address`.
fn start_identd(address: SocketAddr) -> Result<Arc<IdentRegistry>, StartError> {
    let listener = identd::listen(address).map_err(|error| StartError::Ident { address, error })?;
    let idents = Arc::new(IdentRegistry::default());
    tokio::spawn(identd::serve(listener, Arc::clone(&idents)));
    Ok(idents)
}

/// The id of the channel `name` on `network`.
fn channel_id(
    endpoints: &[(EndpointId, Endpoint)],
    network: &Network,
    name: &str,
) -> Option<EndpointId> {
    let wanted = Endpoint::channel(network, name);
    endpoints.iter().find(|(_, endpoint)| *endpoint == wanted).map(|(id, _)| *id)
}
