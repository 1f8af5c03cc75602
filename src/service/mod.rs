//! The running thing: connections that come and go, and the engine that they all report to.
//!
//! ```text
//!  net ──events──▶ inbox ──▶ engine: apply all that is there, commit once ──orders──▶ net
//!  net ──events──▶   ▲
//!                  stop, goodbye
//! ```

pub mod audit;
mod connector;
mod engine;
mod identity;
mod idle_timeout;
mod inbox;
mod irc;
mod letschat;
mod probe;
mod puppets;
mod reconnect;
mod stats_log;
mod sts;
mod supervisor;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bridge::{Bridge, BridgePolicy, CatchUpLimits, Event, NickPolicy, NickSource, Stats};
use crate::config::{
    CatchUpPolicy, ChannelSettings, Link, NetworkSettings, PuppetSettings, SenderMode, Settings,
    UnconfirmedPolicy,
};
use crate::domain::{Endpoint, EndpointId, Network};
use crate::store;
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, PublicLinks};

pub use engine::Status;
pub use probe::{ProbeReport, ServerReport, probe};

use crate::net::identd;
use crate::net::identd::IdentRegistry;
use connector::Connector;
use engine::{Engine, EngineInput, ShutdownStage};
use inbox::Inbox;
use puppets::PuppetPool;

/// How often the engine is told that time has passed.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// A bridge at work.
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

/// Why no bridge can be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody can ask whose a connection is.
    #[error(
        "ident.listen: cannot listen on {address} ({error}): choose another port, stop the \
         program that uses it, or allow the bridge a port below 1024 (see the README)"
    )]
    Ident {
        /// `ident.listen`.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The store does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a bridge on `store`; within a Tokio runtime.
///
/// # Errors
/// When the store does not do its part, or the address is taken at which to tell whose connections are
/// whose.
pub fn start(settings: Settings, mut store: Store) -> Result<RunningBridge, StartError> {
    let book = settings.ident.map(start_identd).transpose()?;
    let policy = bridge_policy(&settings);
    let bridge = Bridge::new(&settings.link_groups, policy, &mut store)?
        .with_drop_unconfirmed(networks_dropping_unconfirmed(&settings.networks))
        .with_public_links(public_links(&settings)?)
        .with_formats(Arc::clone(&settings.format), links_with_format(&settings))
        .with_nick_policies(channel_nick_policies(&settings.networks))
        .with_direct_messages(
            networks_with_direct_messages(&settings.networks),
            Timestamp::now(),
            &mut store,
        )?;
    store.commit()?;
    let places: Vec<(EndpointId, Endpoint)> =
        bridge.endpoints().map(|(id, place)| (id, place.clone())).collect();
    let (status_sender, status) =
        watch::channel(Status { total: bridge.total(), ..Status::default() });
    let mut queues = Inbox::default();
    let own = queues.add_queue();
    let mut weak = vec![own.downgrade()];
    let (wish, wished) = watch::channel(ShutdownStage::default());
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    let (counters_sender, counters) = watch::channel(bridge.stats().clone());
    let whispering = !networks_with_direct_messages(&settings.networks).is_empty();
    let sts = Arc::new(sts::StsStore::open(&settings.state_dir));
    let mut engine = Engine::new(bridge, store, status_sender, counters_sender, wished);
    let mut networks = Vec::new();
    for network in settings.networks {
        let inbox = queues.add_queue();
        weak.push(inbox.downgrade());
        let door = Connector::new(&network, Arc::clone(&sts), book.clone());
        if has_puppets(&network) {
            let (sender, requests) = mpsc::unbounded_channel();
            engine.add_puppet_pool(network.network.clone(), sender);
            let (seats, door) = (irc::channel_targets(&network, &places), door.clone());
            let (network, inbox, stop) = (network.clone(), inbox.clone(), stopped.clone());
            tokio::spawn(PuppetPool::new(network, door, seats, inbox, stop).run(requests));
        }
        networks.push(irc::IrcConnection::new(network, &places, door, inbox, stopped.clone()));
    }
    let to_letschat = queues.add_queue();
    weak.push(to_letschat.downgrade());
    let runtime = Handle::current();
    let work = move || end.send(engine.run(queues, &runtime));
    thread::Builder::new()
        .name("engine".to_owned())
        .spawn(work)
        .expect("the system can start a thread");

    tokio::spawn(send_ticks(weak));
    for network in networks {
        tokio::spawn(supervisor::supervise(network, stopped.clone()));
    }
    let letschat =
        letschat::LetsChatConnection::new(settings.letschat, &places, to_letschat, stopped.clone())
            .with_direct_messages(whispering);
    tokio::spawn(supervisor::supervise(letschat, stopped));
    Ok(RunningBridge {
        inbox: own,
        shutdown_stage: wish,
        stop,
        shutdown_timeout: settings.shutdown_timeout,
        status,
        stats: counters,
        engine_end: ended,
    })
}

impl RunningBridge {
    /// How it is, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// What has come and gone since it began to run, a second old at most.
    #[must_use]
    pub fn stats(&self) -> watch::Receiver<Stats> {
        self.stats.clone()
    }

    /// Waits until the engine ends by itself: only a broken store makes it.
    ///
    /// # Errors
    /// What the store said.
    pub async fn wait_end(&mut self) -> Result<(), StoreError> {
        (&mut self.engine_end).await.expect("the engine reports its end")
    }

    /// Lets what is under way settle, for as long as the settings allow, says goodbye on both
    /// sides, and waits until all is written down.
    ///
    /// # Errors
    /// What the store said.
    pub async fn stop(self) -> Result<(), StoreError> {
        let Self {
            inbox,
            shutdown_stage: wish,
            stop,
            shutdown_timeout: settle,
            engine_end: ended,
            ..
        } = self;
        // Before the engine can say goodbye: whoever is left then knows why.
        stop.send_replace(true);
        wish.send_replace(ShutdownStage::Draining);
        // The engine ends when nobody is left who could tell it anything: neither are we.
        drop(inbox);
        let patience = tokio::spawn(async move {
            tokio::time::sleep(settle).await;
            wish.send_replace(ShutdownStage::Quitting);
            wish.closed().await;
        });
        let outcome = ended.await.expect("the engine reports its end");
        patience.abort();
        outcome
    }
}

fn bridge_policy(settings: &Settings) -> BridgePolicy {
    // A duration that no clock holds is no limit.
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
        retention: settings.store.retention.and_then(signed),
        max_queue_size: settings.store.max_queue_size,
    }
}

/// The links, each with how it looks.
fn links_with_format(settings: &Settings) -> Vec<(Endpoint, Endpoint, Arc<LinkFormat>)> {
    let looks = settings.links.iter().zip(&settings.link_formats);
    let linked =
        |(link, looks): (&Link, &_)| (link.channel.clone(), link.room.clone(), Arc::clone(looks));
    looks.map(linked).collect()
}

/// The maker of links to what is served to people without an account, where anything is.
fn public_links(settings: &Settings) -> Result<Option<PublicLinks>, StoreError> {
    let Some(web) = &settings.web else { return Ok(None) };
    let key = store::load_or_create_link_key(&settings.state_dir)?;
    Ok(Some(PublicLinks::new(key, web.public_url.clone(), settings.letschat.url.clone())))
}

/// Tells the engine that time has passed, for as long as anybody tells it anything: through the queue
/// that has the most room.
async fn send_ticks(queues: Vec<mpsc::WeakSender<EngineInput>>) {
    let mut often = tokio::time::interval(TICK_INTERVAL);
    // An engine that stood still is not told of every second of it.
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

/// The networks on which nothing is said again that may have arrived.
fn networks_dropping_unconfirmed(networks: &[NetworkSettings]) -> HashSet<Network> {
    let dropping = networks.iter().filter(|network| network.unconfirmed == UnconfirmedPolicy::Drop);
    dropping.map(|network| network.network.clone()).collect()
}

/// The networks on which people can talk in private with those of Let's Chat.
fn networks_with_direct_messages(networks: &[NetworkSettings]) -> Vec<Network> {
    let directing = networks.iter().filter(|network| network.direct_messages);
    directing.map(|network| network.network.clone()).collect()
}

/// The channels in which people of Let's Chat are heard under nicks of their own.
fn channel_nick_policies(networks: &[NetworkSettings]) -> Vec<(Endpoint, NickPolicy)> {
    let all = networks.iter().flat_map(|it| it.channels.iter().map(move |channel| (it, channel)));
    let nicks = |(network, channel): (&NetworkSettings, &ChannelSettings)| {
        let mode = network.sender_mode_in(channel);
        let PuppetSettings { ban_fallback: evade, show_away: away, .. } = network.puppets;
        let source = match mode {
            SenderMode::Bot => return None,
            SenderMode::Relaymsg => NickSource::Relaymsg,
            SenderMode::Puppets => NickSource::Puppet { ban_fallback: evade, show_away: away },
        };
        let nicks = NickPolicy { source, template: network.nick_template_for(mode).to_owned() };
        Some((Endpoint::channel(&network.network, &channel.name), nicks))
    };
    all.filter_map(nicks).collect()
}

/// Whether people of Let's Chat have connections of their own on `network`.
fn has_puppets(network: &NetworkSettings) -> bool {
    network.channels.iter().any(|channel| network.sender_mode_in(channel) == SenderMode::Puppets)
}

/// Tells whoever asks at `address` whose connections are whose.
fn start_identd(address: SocketAddr) -> Result<Arc<IdentRegistry>, StartError> {
    let listener = identd::listen(address).map_err(|error| StartError::Ident { address, error })?;
    let book = Arc::new(IdentRegistry::default());
    tokio::spawn(identd::serve(listener, Arc::clone(&book)));
    Ok(book)
}

/// The number of the channel `name` on `network`.
fn channel_id(
    places: &[(EndpointId, Endpoint)],
    network: &Network,
    name: &str,
) -> Option<EndpointId> {
    let wanted = Endpoint::channel(network, name);
    places.iter().find(|(_, place)| *place == wanted).map(|(id, _)| *id)
}
