//! Runs the bridge's process, breaks things on request and repairs them, and keeps the page's snapshot.

use std::io;
use std::iter;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use letsbridge_testkit::irc::ChannelMessage;
use letsbridge_testkit::letschat::PublishedPost;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::DemoError;
use super::bridge_log::BridgeLogEntry;
use super::bridge_process::{BridgeHome, BridgeProcess, ProcessReport};
use super::observe;
use super::relay::Relay;
use super::servers::DemoServers;
use super::show;
use super::snapshot::{DemoSnapshot, NewsKind, Part, PartState, arrival_in_words, in_words};
use super::tally::Tally;

/// How long the bridge stays dead, IRC stays cut, and Let's Chat stays away. A second order ends it sooner.
const DEAD: Duration = Duration::from_secs(6);
const CUT: Duration = Duration::from_secs(6);
const AWAY: Duration = Duration::from_secs(6);
/// How long until a bridge that ended by itself is started again.
const RESTART: Duration = Duration::from_secs(1);

/// How often the state of the connections is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What a visitor of the page orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Kill the bridge's process, or start it again at once.
    Kill,
    /// Cut the bridge from IRC, or connect it again at once.
    Cut,
    /// Restart Let's Chat, or bring it back at once.
    Restart,
    /// Let people talk by themselves, or silence them.
    Show,
    /// End the demo.
    Stop,
}

/// What the director looks after.
pub(super) struct Director {
    servers: Arc<DemoServers>,
    relay: Relay,
    home: BridgeHome,
    bridge: Option<BridgeProcess>,
    started: Instant,
    was_ready: bool,
    last_warning: Option<String>,
    repairs: Repairs,
    tally: Tally,
    show: Option<JoinHandle<()>>,
    letschat_is_up: watch::Sender<bool>,
    shown: DemoSnapshot,
    published: watch::Sender<DemoSnapshot>,
}

/// When what was broken on purpose is repaired.
#[derive(Debug, Default)]
struct Repairs {
    bridge: Option<Instant>,
    irc: Option<Instant>,
    letschat: Option<Instant>,
}

/// What a director hears.
pub(super) struct Inputs {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) reports: mpsc::Receiver<ProcessReport>,
    pub(super) messages: broadcast::Receiver<ChannelMessage>,
    pub(super) posts: broadcast::Receiver<PublishedPost>,
}

/// What one of the servers has seen.
enum Observed {
    Message(ChannelMessage),
    Post(PublishedPost),
}

impl Observed {
    fn at(&self) -> Timestamp {
        match self {
            Self::Message(message) => message.at,
            Self::Post(post) => post.at,
        }
    }
}

impl Director {
    /// Starts the first process of the bridge.
    pub(super) fn start(
        servers: Arc<DemoServers>,
        relay: Relay,
        home: BridgeHome,
        published: watch::Sender<DemoSnapshot>,
    ) -> Result<Self, DemoError> {
        let mut director = Self {
            servers,
            relay,
            home,
            bridge: None,
            started: Instant::now(),
            was_ready: false,
            last_warning: None,
            repairs: Repairs::default(),
            tally: Tally::default(),
            show: None,
            letschat_is_up: watch::Sender::new(true),
            shown: DemoSnapshot::new(),
            published,
        };
        director.start_bridge()?;
        Ok(director)
    }

    /// Runs until it is ordered to stop, or the bridge cannot be started.
    pub(super) async fn run(mut self, mut inputs: Inputs) -> Result<(), DemoError> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = inputs.orders.recv() => match order {
                    Some(Order::Stop) | None => break,
                    Some(order) => self.obey(order).await?,
                },
                Some(report) = inputs.reports.recv() => {
                    self.count(None, &mut inputs);
                    self.note(report);
                }
                message = inputs.messages.recv() => match message {
                    Ok(message) => self.count(Some(Observed::Message(message)), &mut inputs),
                    Err(error) => self.tell_missed(&error),
                },
                post = inputs.posts.recv() => match post {
                    Ok(post) => self.count(Some(Observed::Post(post)), &mut inputs),
                    Err(error) => self.tell_missed(&error),
                },
                status = ended(&mut self.bridge) => {
                    // What it said last.
                    while let Ok(report) = inputs.reports.try_recv() {
                        self.note(report);
                    }
                    self.bridge_ended(&status)?;
                }
                _ = look.tick() => self.look().await?,
            }
            self.publish();
        }
        self.stop().await;
        Ok(())
    }

    /// Counts what both servers have seen: `first`, and what is there. A message is counted before the bridge's log
    /// of it, and before its arrival on the other side.
    fn count(&mut self, first: Option<Observed>, inputs: &mut Inputs) {
        let messages = iter::from_fn(|| inputs.messages.try_recv().ok()).map(Observed::Message);
        let mut seen: Vec<Observed> = first.into_iter().chain(messages).collect();
        seen.extend(iter::from_fn(|| inputs.posts.try_recv().ok()).map(Observed::Post));
        seen.sort_by_key(Observed::at);
        for observed in seen {
            match observed {
                Observed::Message(message) => observe::irc_message(&mut self.tally, message),
                Observed::Post(post) => {
                    let owner = self.servers.account(post.post.owner_id());
                    observe::post(&mut self.tally, post, owner.as_ref());
                }
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), DemoError> {
        let now = Instant::now();
        match order {
            Order::Kill if self.repairs.bridge.is_some() => self.repairs.bridge = Some(now),
            Order::Kill => self.kill_bridge(now),
            Order::Cut if self.repairs.irc.is_some() => self.repairs.irc = Some(now),
            Order::Cut => {
                self.relay.cut();
                self.repairs.irc = Some(now + CUT);
                self.shown.irc.state = PartState::Down;
                let words = "The connection between the bridge and IRC is cut.";
                self.shown.tell(NewsKind::Broken, words.to_owned());
            }
            Order::Restart if self.repairs.letschat.is_some() => self.repairs.letschat = Some(now),
            Order::Restart => {
                self.servers.letschat.kill().await.map_err(DemoError::LetsChat)?;
                self.letschat_is_up.send_replace(false);
                self.repairs.letschat = Some(now + AWAY);
                self.shown.letschat.state = PartState::Down;
                let words = "Let's Chat is down: its port is closed, all its connections are gone.";
                self.shown.tell(NewsKind::Broken, words.to_owned());
            }
            Order::Show => self.toggle_show(),
            Order::Stop => {}
        }
        self.look().await
    }

    fn kill_bridge(&mut self, now: Instant) {
        let Some(bridge) = &mut self.bridge else { return };
        let process = bridge.id().unwrap_or_default();
        if bridge.kill().is_ok() {
            self.repairs.bridge = Some(now + DEAD);
            self.shown.bridge.state = PartState::Down;
            let words = format!("The bridge was killed: SIGKILL to process {process}.");
            self.shown.tell(NewsKind::Broken, words);
        }
    }

    fn toggle_show(&mut self) {
        match self.show.take().filter(|show| !show.is_finished()) {
            Some(show) => show.abort(),
            None => {
                let talk = show::talk(Arc::clone(&self.servers), self.letschat_is_up.subscribe());
                self.show = Some(tokio::spawn(talk));
            }
        }
    }

    fn note(&mut self, report: ProcessReport) {
        match report {
            ProcessReport::Ready => {
                self.was_ready = true;
                self.look_at_connections();
                self.shown.bridge.state = PartState::Up;
                let process = self.shown.process.unwrap_or_default();
                let after = in_words(self.started.elapsed().try_into().unwrap_or_default());
                let words = format!("The bridge runs as process {process}: ready after {after}.");
                self.shown.tell(NewsKind::Works, words);
            }
            ProcessReport::Log(BridgeLogEntry::Heard { id, at }) => self.tally.heard(&id, at),
            ProcessReport::Log(BridgeLogEntry::Stored { at }) => self.tally.stored(at),
            ProcessReport::Log(BridgeLogEntry::Warning(words)) => {
                self.shown.tell(NewsKind::Warning, format!("The bridge logs: {words}"));
                self.last_warning = Some(words);
            }
        }
    }

    fn tell_missed(&mut self, error: &RecvError) {
        if let RecvError::Lagged(missed) = error {
            let words = format!("The demo was too slow and did not count {missed} messages.");
            self.shown.tell(NewsKind::Warning, words);
        }
    }

    fn bridge_ended(&mut self, status: &io::Result<ExitStatus>) -> Result<(), DemoError> {
        self.bridge = None;
        self.shown.process = None;
        let status = status.as_ref().map_or_else(ToString::to_string, ToString::to_string);
        if !self.was_ready {
            return Err(DemoError::Bridge(self.last_warning.take().unwrap_or(status)));
        }
        if self.repairs.bridge.is_none() {
            self.repairs.bridge = Some(Instant::now() + RESTART);
            self.shown.bridge.state = PartState::Down;
            self.shown.tell(NewsKind::Broken, format!("The bridge ended by itself: {status}."));
        }
        Ok(())
    }

    fn start_bridge(&mut self) -> Result<(), DemoError> {
        let bridge = self.home.start().map_err(DemoError::Start)?;
        self.shown.bridge.state = PartState::Returning;
        self.shown.process = bridge.id();
        self.started = Instant::now();
        self.bridge = Some(bridge);
        Ok(())
    }

    /// Repairs what is due, and looks at the connections.
    async fn look(&mut self) -> Result<(), DemoError> {
        let now = Instant::now();
        let due = |repair: Option<Instant>| repair.is_some_and(|at| at <= now);
        // A process that was killed may not be gone yet.
        if due(self.repairs.bridge) && self.bridge.is_none() {
            self.repairs.bridge = None;
            self.start_bridge()?;
        }
        if due(self.repairs.irc) {
            self.repairs.irc = None;
            self.relay.mend();
            self.shown.irc.state = PartState::Returning;
        }
        if due(self.repairs.letschat) {
            self.repairs.letschat = None;
            self.servers.letschat.revive().await.map_err(DemoError::LetsChat)?;
            self.letschat_is_up.send_replace(true);
            self.shown.letschat.state = PartState::Returning;
            let words = "Let's Chat is up again, with all its rooms and messages.";
            self.shown.tell(NewsKind::Works, words.to_owned());
        }
        self.look_at_connections();
        let seconds = |repair: Option<Instant>| Some(repair?.duration_since(now).as_secs() + 1);
        self.shown.bridge.seconds = seconds(self.repairs.bridge);
        self.shown.irc.seconds = seconds(self.repairs.irc);
        self.shown.letschat.seconds = seconds(self.repairs.letschat);
        self.shown.show = self.show.as_ref().is_some_and(|show| !show.is_finished());
        Ok(())
    }

    fn look_at_connections(&mut self) {
        let (irc, letschat) =
            (self.servers.bridge_is_on_irc(), self.servers.bridge_is_in_letschat());
        let is_new = self.shown.bridge.state != PartState::Up;
        let back = |part: &mut Part, connected: bool, is_down: bool| {
            let before = part.state;
            part.state = match (is_down, connected) {
                (true, _) => PartState::Down,
                (false, true) => PartState::Up,
                (false, false) => PartState::Returning,
            };
            // A new process connects for the first time, and says when it is ready.
            !is_new && before == PartState::Returning && part.state == PartState::Up
        };
        if back(&mut self.shown.irc, irc, self.repairs.irc.is_some()) {
            let words = "The bridge is connected to IRC again, and reads what it missed.";
            self.shown.tell(NewsKind::Works, words.to_owned());
        }
        if back(&mut self.shown.letschat, letschat, self.repairs.letschat.is_some()) {
            let words = "The bridge is connected to Let's Chat again, and reads what it missed.";
            self.shown.tell(NewsKind::Works, words.to_owned());
        }
    }

    fn publish(&mut self) {
        for arrival in self.tally.take_arrivals(Timestamp::now()) {
            self.shown.tell(NewsKind::Arrived, arrival_in_words(&arrival));
        }
        self.shown.totals = self.tally.totals();
        self.published.send_if_modified(|before| {
            let changed = *before != self.shown;
            if changed {
                before.clone_from(&self.shown);
            }
            changed
        });
    }

    async fn stop(self) {
        if let Some(show) = self.show {
            show.abort();
        }
        if let Some(bridge) = self.bridge {
            bridge.stop().await;
        }
    }
}

/// Waits for the end of the bridge's process, if there is one.
async fn ended(bridge: &mut Option<BridgeProcess>) -> io::Result<ExitStatus> {
    match bridge {
        Some(bridge) => bridge.ended().await,
        None => std::future::pending().await,
    }
}
