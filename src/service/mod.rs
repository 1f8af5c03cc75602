//! The running thing: connections that come and go, and the engine that they all report to.
//!
//! ```text
//!  net ──events──▶ inbox ──▶ engine: apply all that is there, commit once ──orders──▶ net
//!  net ──events──▶   ▲
//!                  stop, goodbye
//! ```

pub mod audit;
mod connection;
mod door;
mod engine;
mod identity;
mod inbox;
mod irc;
mod letschat;
mod patience;
mod probe;
mod puppets;
mod silences;
mod sts;
mod told;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bridge::{Bridge, Counters, Happening, Limits, Nicks, Policy, Source};
use crate::config::{
    CatchUpPolicy, ChannelSettings, Link, NetworkSettings, PuppetSettings, SenderMode, Settings,
    UnconfirmedPolicy,
};
use crate::domain::{Endpoint, EndpointId, Network};
use crate::store;
use crate::store::{Store, StoreError};
use crate::translate::{LinkFormat, PublicLinks};

pub use engine::Status;
pub use probe::{Report, Visit, probe};

use crate::net::ident;
use crate::net::ident::IdentRegistry;
use door::Door;
use engine::{Engine, Item, Wish};
use inbox::Inbox;
use puppets::Pool;

/// How often the engine is told that time has passed.
const TICK: Duration = Duration::from_secs(1);

/// A bridge at work.
#[derive(Debug)]
pub struct Running {
    inbox: mpsc::Sender<Item>,
    wish: watch::Sender<Wish>,
    stop: watch::Sender<bool>,
    settle: Duration,
    status: watch::Receiver<Status>,
    counters: watch::Receiver<Counters>,
    ended: oneshot::Receiver<Result<(), StoreError>>,
}

/// Why no bridge can be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody can ask whose a connection is.
    #[error(
        "ident.listen: {address} cannot be listened at ({error}): choose another port, stop who has \
         it, or let the bridge have a port below 1024 (the README says how)"
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
pub fn start(settings: Settings, mut store: Store) -> Result<Running, StartError> {
    let book = settings.ident.map(tell_whose).transpose()?;
    let policy = policy(&settings);
    let bridge = Bridge::new(&settings.link_groups, policy, &mut store)?
        .dropping(dropping(&settings.networks))
        .linking(links(&settings)?)
        .mannered(Arc::clone(&settings.format), linked(&settings))
        .under_nicks(under_nicks(&settings.networks))
        .directing(directing(&settings.networks), Timestamp::now(), &mut store)?;
    store.commit()?;
    let places: Vec<(EndpointId, Endpoint)> =
        bridge.places().map(|(id, place)| (id, place.clone())).collect();
    let (status_sender, status) =
        watch::channel(Status { places: bridge.all(), ..Status::default() });
    let mut queues = Inbox::default();
    let own = queues.queue();
    let mut weak = vec![own.downgrade()];
    let (wish, wished) = watch::channel(Wish::default());
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    let (counters_sender, counters) = watch::channel(bridge.counters().clone());
    let whispering = !directing(&settings.networks).is_empty();
    let sts = Arc::new(sts::StsBook::open(&settings.state_dir));
    let mut engine = Engine::new(bridge, store, status_sender, counters_sender, wished);
    let mut networks = Vec::new();
    for network in settings.networks {
        let inbox = queues.queue();
        weak.push(inbox.downgrade());
        let door = Door::new(&network, Arc::clone(&sts), book.clone());
        if has_puppets(&network) {
            let (sender, requests) = mpsc::unbounded_channel();
            engine.keep_puppets(network.network.clone(), sender);
            let (seats, door) = (irc::seats(&network, &places), door.clone());
            let (network, inbox, stop) = (network.clone(), inbox.clone(), stopped.clone());
            tokio::spawn(Pool::new(network, door, seats, inbox, stop).keep(requests));
        }
        networks.push(irc::Irc::new(network, &places, door, inbox, stopped.clone()));
    }
    let to_letschat = queues.queue();
    weak.push(to_letschat.downgrade());
    let runtime = Handle::current();
    let work = move || end.send(engine.run(queues, &runtime));
    thread::Builder::new().name("engine".to_owned()).spawn(work).expect("a thread can be started");

    tokio::spawn(keep_ticking(weak));
    for network in networks {
        tokio::spawn(connection::keep(network, stopped.clone()));
    }
    let letschat =
        letschat::LetsChat::new(settings.letschat, &places, to_letschat, stopped.clone())
            .whispering(whispering);
    tokio::spawn(connection::keep(letschat, stopped));
    Ok(Running {
        inbox: own,
        wish,
        stop,
        settle: settings.shutdown_timeout,
        status,
        counters,
        ended,
    })
}

impl Running {
    /// How it is, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// What has come and gone since it began to run, a second old at most.
    #[must_use]
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.clone()
    }

    /// Waits until the engine ends by itself: only a broken store makes it.
    ///
    /// # Errors
    /// What the store said.
    pub async fn ended(&mut self) -> Result<(), StoreError> {
        (&mut self.ended).await.expect("the engine tells how it ended")
    }

    /// Lets what is under way settle, for as long as the settings allow, says goodbye on both
    /// sides, and waits until all is written down.
    ///
    /// # Errors
    /// What the store said.
    pub async fn stop(self) -> Result<(), StoreError> {
        let Self { inbox, wish, stop, settle, ended, .. } = self;
        // Before the engine can say goodbye: whoever is left then knows why.
        stop.send_replace(true);
        wish.send_replace(Wish::Stop);
        // The engine ends when nobody is left who could tell it anything: neither are we.
        drop(inbox);
        let patience = tokio::spawn(async move {
            tokio::time::sleep(settle).await;
            wish.send_replace(Wish::Goodbye);
            wish.closed().await;
        });
        let outcome = ended.await.expect("the engine tells how it ended");
        patience.abort();
        outcome
    }
}

fn policy(settings: &Settings) -> Policy {
    // A duration that no clock holds is no limit.
    let signed = |duration| SignedDuration::try_from(duration).ok();
    let limits = |catch_up, most| {
        let oldest = match catch_up {
            CatchUpPolicy::MaxAge(age) => signed(age),
            CatchUpPolicy::All => None,
            CatchUpPolicy::Off => Some(SignedDuration::ZERO),
        };
        Limits { oldest, most }
    };
    let on_irc = |network: &NetworkSettings| {
        (network.network.clone(), limits(network.catch_up, network.catch_up_limit))
    };
    Policy {
        letschat: limits(settings.letschat.catch_up, settings.letschat.catch_up_limit),
        irc: settings.networks.iter().map(on_irc).collect(),
        announce: settings.notices,
        gap: signed(settings.gap).unwrap_or(SignedDuration::MAX),
        break_loops: settings.loop_protection,
        memory: settings.store.retention.and_then(signed),
        waiting: settings.store.max_queue_size,
    }
}

/// The links, each with how it looks.
fn linked(settings: &Settings) -> Vec<(Endpoint, Endpoint, Arc<LinkFormat>)> {
    let looks = settings.links.iter().zip(&settings.link_formats);
    let linked =
        |(link, looks): (&Link, &_)| (link.channel.clone(), link.room.clone(), Arc::clone(looks));
    looks.map(linked).collect()
}

/// The maker of links to what is served to people without an account, where anything is.
fn links(settings: &Settings) -> Result<Option<PublicLinks>, StoreError> {
    let Some(web) = &settings.web else { return Ok(None) };
    let key = store::load_or_create_link_key(&settings.state_dir)?;
    Ok(Some(PublicLinks::new(key, web.public_url.clone(), settings.letschat.url.clone())))
}

/// Tells the engine that time has passed, for as long as anybody tells it anything: through the queue
/// that has the most room.
async fn keep_ticking(queues: Vec<mpsc::WeakSender<Item>>) {
    let mut often = tokio::time::interval(TICK);
    // An engine that stood still is not told of every second of it.
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        often.tick().await;
        let open = queues.iter().filter_map(mpsc::WeakSender::upgrade);
        let Some(queue) = open.max_by_key(mpsc::Sender::capacity) else { return };
        if queue.send(Item::Happened(Happening::Tick)).await.is_err() {
            return;
        }
    }
}

/// The networks on which nothing is said again that may have arrived.
fn dropping(networks: &[NetworkSettings]) -> HashSet<Network> {
    let dropping = networks.iter().filter(|network| network.unconfirmed == UnconfirmedPolicy::Drop);
    dropping.map(|network| network.network.clone()).collect()
}

/// The networks on which people can talk in private with those of Let's Chat.
fn directing(networks: &[NetworkSettings]) -> Vec<Network> {
    let directing = networks.iter().filter(|network| network.direct_messages);
    directing.map(|network| network.network.clone()).collect()
}

/// The channels in which people of Let's Chat are heard under nicks of their own.
fn under_nicks(networks: &[NetworkSettings]) -> Vec<(Endpoint, Nicks)> {
    let all = networks.iter().flat_map(|it| it.channels.iter().map(move |channel| (it, channel)));
    let nicks = |(network, channel): (&NetworkSettings, &ChannelSettings)| {
        let mode = network.sender_mode_in(channel);
        let PuppetSettings { ban_fallback: evade, show_away: away, .. } = network.puppets;
        let source = match mode {
            SenderMode::Bot => return None,
            SenderMode::Relaymsg => Source::Lent,
            SenderMode::Puppets => Source::Puppet { evade, away },
        };
        let nicks = Nicks { source, template: network.nick_template_for(mode).to_owned() };
        Some((Endpoint::channel(&network.network, &channel.name), nicks))
    };
    all.filter_map(nicks).collect()
}

/// Whether people of Let's Chat have connections of their own on `network`.
fn has_puppets(network: &NetworkSettings) -> bool {
    network.channels.iter().any(|channel| network.sender_mode_in(channel) == SenderMode::Puppets)
}

/// Tells whoever asks at `address` whose connections are whose.
fn tell_whose(address: SocketAddr) -> Result<Arc<IdentRegistry>, StartError> {
    let listener = ident::listen(address).map_err(|error| StartError::Ident { address, error })?;
    let book = Arc::new(IdentRegistry::default());
    tokio::spawn(ident::serve(listener, Arc::clone(&book)));
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
