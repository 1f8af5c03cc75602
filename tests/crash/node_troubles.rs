//! What can happen to two nodes, to PostgreSQL, and to the ways between.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::administrator::run;
use super::faults::Pauses;
use super::fixture::{Stage, channels, is_mirrored};
use super::nodes::{NodeState, Nodes};
use super::relay::Spoken;
use super::turns::Delays;

use NodeState::{IsDown, IsPaused, Runs};

/// How long it may take, once all is well, until one of them mirrors both ways.
const PATIENCE: Duration = Duration::from_secs(120);

/// One trouble of so many is joined by another one before it is over.
const SECOND: u8 = 4;

/// After one of so many, nobody waits until all is well.
const HASTE: u8 = 5;

/// How long PostgreSQL stands still.
const POSTGRES_PAUSES: Pauses = Pauses { longest: Duration::from_secs(8) };

/// The longest time until what has ended is started again, in milliseconds.
const AWAY_MS: u64 = 4_000;

/// How often it is looked what has been said.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    ActiveIsKilled,
    OtherIsKilled,
    ActivePauses,
    OtherPauses,
    ActiveStops,
    OtherStops,
    HandsOver,
    ActiveIsUpgraded,
    OtherIsUpgraded,
    PostgresCrashes,
    PostgresPauses,
    ActiveIsCut,
    OtherIsCut,
    ActiveIsCutOff,
    OtherIsCutOff,
}

use Trouble::{
    ActiveIsCut, ActiveIsCutOff, ActiveIsKilled, ActiveIsUpgraded, ActivePauses, ActiveStops,
    HandsOver, OtherIsCut, OtherIsCutOff, OtherIsKilled, OtherIsUpgraded, OtherPauses, OtherStops,
    PostgresCrashes, PostgresPauses,
};

/// All that chance takes from: what concerns the active node more often.
const ALL: [Trouble; 19] = [
    ActiveIsKilled,
    ActiveIsKilled,
    ActiveIsKilled,
    OtherIsKilled,
    ActivePauses,
    ActivePauses,
    OtherPauses,
    ActiveStops,
    OtherStops,
    HandsOver,
    HandsOver,
    ActiveIsUpgraded,
    OtherIsUpgraded,
    PostgresCrashes,
    PostgresPauses,
    ActiveIsCut,
    OtherIsCut,
    ActiveIsCutOff,
    OtherIsCutOff,
];

/// How often the IRC server asks for a sign of life.
const PING_INTERVAL: Duration = Duration::from_millis(100);

/// The IRC server asks whoever is in a channel for a sign of life, again and again, until it is over: so a node that must
/// say nothing always has something to say.
pub(crate) async fn ask_for_signs_of_life(stage: &Stage, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        for nick in stage.bridges(channels()[0]) {
            stage.irc.faults().send(&nick, b"PING :are you there?\r\n");
        }
        sleep(PING_INTERVAL).await;
    }
}

/// What ends a trouble. The numbers are those of nodes.
#[derive(Clone, Copy, Debug)]
enum Mend {
    Nothing,
    Start(usize),
    Continue(usize),
    Reconnect(usize),
    StartPostgres,
    ContinuePostgres,
}

/// What is to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) troubles: usize,
    /// The longest time between two troubles.
    pub(crate) calm: Duration,
    pub(crate) pauses: Pauses,
}

/// What has happened.
#[derive(Debug, Default)]
pub(crate) struct Told {
    troubles: BTreeMap<Trouble, usize>,
    refused_handovers: usize,
    /// Those that were refused because something else was the matter.
    refused_upgrades: usize,
    /// From a crash of the active node to the first message of the other one.
    after_crashes: Delays,
    /// From the last word of a node that stops or hands over to the first word, and the first message, of the other one.
    first_words: Delays,
    first_messages: Delays,
    /// From the end of a trouble until both ways are mirrored.
    settled: Delays,
}

impl Told {
    pub(crate) fn print(&self) {
        let all: usize = self.troubles.values().sum();
        println!(
            "{all} troubles: {:?}, {} handovers and {} upgrades refused",
            self.troubles, self.refused_handovers, self.refused_upgrades
        );
        println!("from a crash to the first message: {}", self.after_crashes.tell());
        println!("from a stop to the other's first word: {}", self.first_words.tell());
        println!("from a stop to the other's first message: {}", self.first_messages.tell());
        println!("from the end of a trouble to all is well: {}", self.settled.tell());
    }
}

/// The active node has just ended, while the other one waited and all was well.
#[derive(Clone, Copy, Debug)]
struct Ended {
    node: usize,
    /// When, if it could say nothing any more.
    crashed: Option<Instant>,
    /// How much had been said before.
    known: usize,
}

/// Who does it.
struct Troublemaker<'a> {
    stage: &'a Stage,
    nodes: &'a mut Nodes,
    plan: Plan,
    dice: Rng,
    told: Told,
    /// One node speaks and the other one waits.
    is_well: bool,
    ended: Option<Ended>,
}

/// Lets it all happen. All is well again at the end.
pub(crate) async fn make(stage: &Stage, nodes: &mut Nodes, plan: Plan, dice: Rng) -> Told {
    let (told, is_well, ended) = (Told::default(), true, None);
    let mut maker = Troublemaker { stage, nodes, plan, dice, told, is_well, ended };
    for _ in 0..plan.troubles {
        sleep(plan.calm.mul_f64(maker.dice.f64())).await;
        maker.once().await;
        if maker.ended.is_some() || maker.dice.u8(..HASTE) != 0 {
            maker.settle().await;
        }
    }
    maker.settle().await;
    maker.told
}

impl Troublemaker<'_> {
    /// One trouble, perhaps with a second one beside it, and its end.
    async fn once(&mut self) {
        let (mend, length) = self.any().await;
        let mut mends = vec![mend];
        // What is measured is one trouble alone.
        if self.ended.is_none() && self.dice.u8(..SECOND) == 0 {
            sleep(length.mul_f64(self.dice.f64())).await;
            mends.push(self.any().await.0);
        }
        sleep(length).await;
        self.dice.shuffle(&mut mends);
        for mend in mends {
            self.mend(mend).await;
        }
    }

    /// Begins a trouble that can be now. Gives what ends it, and how long it may last.
    async fn any(&mut self) -> (Mend, Duration) {
        loop {
            let trouble = ALL[self.dice.usize(..ALL.len())];
            let length = match trouble {
                ActivePauses | OtherPauses | ActiveIsCutOff | OtherIsCutOff => {
                    self.plan.pauses.one(&mut self.dice)
                }
                PostgresPauses => POSTGRES_PAUSES.one(&mut self.dice),
                _ => Duration::from_millis(self.dice.u64(..AWAY_MS)),
            };
            self.note(&format!("{trouble:?} for {length:.1?}"));
            if let Some(mend) = self.begin(trouble).await {
                self.is_well = false;
                *self.told.troubles.entry(trouble).or_default() += 1;
                return (mend, length);
            }
        }
    }

    /// Begins a trouble. Gives what ends it; `None` if it cannot be now.
    async fn begin(&mut self, trouble: Trouble) -> Option<Mend> {
        let (active, other) = self.nodes.active_and_other();
        match trouble {
            ActiveIsKilled => self.kill(active).await,
            OtherIsKilled => self.kill(other).await,
            ActivePauses => self.pause(active),
            OtherPauses => self.pause(other),
            ActiveStops => self.stop(active).await,
            OtherStops => self.stop(other).await,
            HandsOver => self.hand_over(active).await,
            ActiveIsUpgraded => self.upgrade(active).await,
            OtherIsUpgraded => self.upgrade(other).await,
            PostgresCrashes | PostgresPauses => self.postgres(trouble).await,
            ActiveIsCut => self.cut(active),
            OtherIsCut => self.cut(other),
            ActiveIsCutOff => self.cut_off(active),
            OtherIsCutOff => self.cut_off(other),
        }
    }

    async fn kill(&mut self, at: usize) -> Option<Mend> {
        if self.nodes.all[at].state == IsDown {
            return None;
        }
        let known = self.nodes.transcript.len();
        self.nodes.all[at].program.kill().await;
        self.ends(at, Ended { node: at, crashed: Some(Instant::now()), known });
        self.nodes.all[at].state = IsDown;
        Some(Mend::Start(at))
    }

    async fn stop(&mut self, at: usize) -> Option<Mend> {
        // Without PostgreSQL, it tries for a while to write down the last turn.
        if self.nodes.all[at].state != Runs
            || self.nodes.all[at].is_cut_off
            || self.nodes.is_postgres_away
        {
            return None;
        }
        let known = self.nodes.transcript.len();
        let status = self.nodes.all[at].program.stop().await;
        assert!(status.success(), "the node {} stops with {status}", self.nodes.all[at].name);
        self.ends(at, Ended { node: at, crashed: None, known });
        self.nodes.all[at].state = IsDown;
        Some(Mend::Start(at))
    }

    async fn hand_over(&mut self, at: usize) -> Option<Mend> {
        if self.nodes.all[at].state != Runs {
            return None;
        }
        let known = self.nodes.transcript.len();
        let end = run(self.nodes.all[at].program.directory(), &["handover"]).await;
        match end.status.code() {
            Some(0) => self.ends(at, Ended { node: at, crashed: None, known }),
            Some(1) => self.told.refused_handovers += 1,
            _ => panic!("letsbridge handover: {end:?}"),
        }
        Some(Mend::Nothing)
    }

    /// The program of a node is replaced: the active one hands over to the other one before that, if that waits.
    async fn upgrade(&mut self, at: usize) -> Option<Mend> {
        // Without PostgreSQL, it tries for a while to write down the last turn.
        if self.nodes.all[at].state != Runs
            || self.nodes.all[at].is_cut_off
            || self.nodes.is_postgres_away
        {
            return None;
        }
        let end = run(self.nodes.all[at].program.directory(), &["upgrade"]).await;
        match end.status.code() {
            Some(0 | 3) => {}
            Some(1) => self.told.refused_upgrades += 1,
            _ => panic!("letsbridge upgrade: {end:?}"),
        }
        Some(Mend::Nothing)
    }

    fn ends(&mut self, at: usize, ended: Ended) {
        let is_active = self.nodes.active_and_other().0 == at || ended.crashed.is_none();
        self.ended = (self.is_well && is_active).then_some(ended);
    }

    fn pause(&mut self, at: usize) -> Option<Mend> {
        if self.nodes.all[at].state != Runs {
            return None;
        }
        self.nodes.all[at].program.stand_still();
        self.nodes.all[at].state = IsPaused;
        Some(Mend::Continue(at))
    }

    async fn postgres(&mut self, trouble: Trouble) -> Option<Mend> {
        if self.nodes.is_postgres_away {
            return None;
        }
        self.nodes.is_postgres_away = true;
        let postgres = self.nodes.postgres;
        if trouble == PostgresCrashes {
            spawn_blocking(|| postgres.crash()).await.unwrap();
            return Some(Mend::StartPostgres);
        }
        spawn_blocking(|| postgres.stand_still()).await.unwrap();
        Some(Mend::ContinuePostgres)
    }

    fn cut(&mut self, at: usize) -> Option<Mend> {
        self.nodes.all[at].proxy.cut();
        Some(Mend::Nothing)
    }

    fn cut_off(&mut self, at: usize) -> Option<Mend> {
        if self.nodes.all[at].is_cut_off {
            return None;
        }
        self.nodes.all[at].proxy.set_cut_off(true);
        self.nodes.all[at].is_cut_off = true;
        Some(Mend::Reconnect(at))
    }

    async fn mend(&mut self, mend: Mend) {
        self.note(&format!("{mend:?}"));
        let postgres = self.nodes.postgres;
        match mend {
            Mend::Nothing => {}
            Mend::Start(at) => {
                self.nodes.all[at].local_copy.lose_some(&mut self.dice);
                self.nodes.all[at].start().await;
            }
            Mend::Continue(at) if self.nodes.all[at].state == IsPaused => {
                self.nodes.all[at].program.go_on();
                self.nodes.all[at].state = Runs;
            }
            // It was killed meanwhile.
            Mend::Continue(_) => {}
            Mend::Reconnect(at) => {
                self.nodes.all[at].proxy.set_cut_off(false);
                self.nodes.all[at].is_cut_off = false;
            }
            Mend::StartPostgres => {
                spawn_blocking(|| postgres.go_on()).await.unwrap();
                self.nodes.is_postgres_away = false;
            }
            Mend::ContinuePostgres => {
                spawn_blocking(|| postgres.move_again()).await.unwrap();
                self.nodes.is_postgres_away = false;
            }
        }
    }

    /// Waits until both nodes are ready, and one of them mirrors both ways.
    async fn settle(&mut self) {
        let began = Instant::now();
        let settled = async {
            for node in &mut self.nodes.all {
                node.program.started().await;
            }
            tokio::join!(self.says_on_irc(), self.posts());
            self.waits(self.nodes.active_and_other().1).await;
        };
        let settled = timeout(PATIENCE, settled).await;
        for node in &mut self.nodes.all {
            node.program.assert_runs();
        }
        settled.expect("one node is active, and the other one waits");
        self.told.settled.add(began.elapsed());
        self.measure();
        self.is_well = true;
        self.note("all is well");
    }

    /// Waits until a node follows the active one.
    async fn waits(&self, at: usize) {
        let directory = self.nodes.all[at].program.directory();
        loop {
            let end = run(directory, &["status", "--json"]).await;
            let status: Value = serde_json::from_slice(&end.stdout).unwrap_or_default();
            if status["cluster"]["role"] == "waiting" {
                return;
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn says_on_irc(&self) {
        let known = self.nodes.transcript.len();
        while !self.nodes.transcript.after(known).iter().any(Spoken::is_message) {
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn posts(&self) {
        let mut posts = self.stage.letschat.watch();
        loop {
            match posts.recv().await {
                Ok(published) if is_mirrored(&published.post) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the server lives"),
            }
        }
    }

    /// How long it took until the other node spoke.
    fn measure(&mut self) {
        let Some(Ended { node, crashed, known }) = self.ended.take() else { return };
        let said = self.nodes.transcript.after(known);
        let is_other = |spoken: &&Spoken| spoken.node != self.nodes.all[node].name;
        let Some(word) = said.iter().find(is_other) else { return };
        let Some(message) = said.iter().filter(is_other).find(|it| it.is_message()) else { return };
        if let Some(crashed) = crashed {
            let delay = message.at - crashed;
            self.note(&format!("the first message came {delay:.1?} after the crash"));
            return self.told.after_crashes.add(delay);
        }
        let before = said.iter().take_while(|it| !is_other(it)).last();
        if let Some(last) = before {
            self.told.first_words.add(word.at - last.at);
            self.told.first_messages.add(message.at - last.at);
        }
    }

    /// Writes into the logs of both nodes what happens.
    fn note(&self, what: &str) {
        for node in &self.nodes.all {
            node.program.note(what);
        }
    }
}
