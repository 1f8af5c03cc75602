//! Servers that restart, and servers and a bridge that stand still, one after another: nobody dies.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use letsbridge_testkit::irc::CloseKind;
use tokio::time::{Instant, sleep, timeout};

use super::faults::{Pauses, irc_stands_still, letschat_stands_still};
use super::fixture::{BRIDGE, Stage, Variant, channels, rooms};
use super::program::{DOORS, Program};

/// How long the bridge may be away after a server is back: it tries at least every 30 s, and comes in within
/// a few more.
const BACK_WITHIN: Duration = Duration::from_secs(35);

/// How long anything may take at all.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long it may take, if it can be, to be in all channels by the nick of a new configuration.
const NAMED_WITHIN: Duration = Duration::from_secs(5);

/// How long lines that were handed to a connection may take to be written to it.
const WRITTEN: Duration = Duration::from_millis(300);

/// How long a server is down when it restarts, at most; one of so many times as long as a pause.
const DOWN: Duration = Duration::from_secs(5);
const LONG_DOWNS: u8 = 4;

/// From this calm on, servers are down as long as real ones, and the bridge's delays are judged by the clock.
const AS_IN_LIFE: Duration = Duration::from_secs(10);

/// What is to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// The longest time between two troubles; the shortest is a quarter of it.
    pub(crate) calm: Duration,
    pub(crate) pauses: Pauses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shake {
    IrcRestarts,
    LetsChatRestarts,
    BothRestart,
    IrcPauses,
    LetsChatPauses,
    BridgePauses,
    BridgeReloads,
}

use Shake::{
    BothRestart, BridgePauses, BridgeReloads, IrcPauses, IrcRestarts, LetsChatPauses,
    LetsChatRestarts,
};

const ALL: [Shake; 7] = [
    IrcRestarts,
    LetsChatRestarts,
    BridgePauses,
    BothRestart,
    IrcPauses,
    LetsChatPauses,
    BridgeReloads,
];

/// How long after each trouble everything was as before.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<Shake, Vec<Duration>>);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shake, delays) in &self.0 {
            let delays: Vec<String> =
                delays.iter().map(|it| format!("{:.2}", it.as_secs_f64())).collect();
            writeln!(f, "{shake:?}: back after {} s", delays.join(" "))?;
        }
        Ok(())
    }
}

impl Plan {
    /// Lets it all happen. Each kind comes in its turn, in an order of chance.
    pub(crate) async fn shake(&self, stage: &Stage, program: &mut Program, mut dice: Rng) -> Told {
        let mut told = Told::default();
        let mut coming = Vec::new();
        for _ in 0..self.rounds {
            if coming.is_empty() {
                coming = ALL.to_vec();
                dice.shuffle(&mut coming);
            }
            let Some(shake) = coming.pop() else { continue };
            sleep(self.calm.mul_f64(dice.f64().mul_add(0.75, 0.25))).await;
            self.once(shake, stage, program, &mut dice).await;
            let began = Instant::now();
            timeout(PATIENCE, settled(stage)).await.expect("the bridge is back in time");
            // A bridge that has just been put out is still among the members for a moment.
            sleep(WRITTEN).await;
            timeout(PATIENCE, settled(stage)).await.expect("the bridge is back in time");
            stage.unsure(false);
            let delay = began.elapsed();
            assert!(
                self.calm < AS_IN_LIFE || delay < BACK_WITHIN,
                "after {shake:?} the bridge was back only after {delay:.1?}",
            );
            told.0.entry(shake).or_default().push(delay);
        }
        // What waits is not to be paced.
        program.configure(&stage.config(Variant::default()));
        program.reload();
        // It may have to go under another nick, if its own is taken.
        let _ = timeout(NAMED_WITHIN, named(stage)).await;
        timeout(PATIENCE, settled(stage)).await.expect("the bridge is back in time");
        told
    }

    async fn once(&self, shake: Shake, stage: &Stage, program: &mut Program, dice: &mut Rng) {
        match shake {
            IrcRestarts => irc_restarts(stage, self.down(dice)).await,
            LetsChatRestarts => letschat_restarts(stage, self.down(dice)).await,
            BothRestart => {
                let (irc, letschat) = (self.down(dice), self.down(dice));
                tokio::join!(irc_restarts(stage, irc), letschat_restarts(stage, letschat));
            }
            IrcPauses => {
                // The bridge may lose patience, and what waits for it is lost with the connection.
                stage.unsure(true);
                sleep(WRITTEN).await;
                irc_stands_still(stage, self.pauses.one(dice)).await;
            }
            LetsChatPauses => letschat_stands_still(stage, self.pauses.one(dice)).await,
            BridgePauses => program.pause(self.pauses.one(dice)).await,
            BridgeReloads => super::reload(stage, program, dice),
        }
    }

    fn down(&self, dice: &mut Rng) -> Duration {
        if dice.u8(..LONG_DOWNS) == 0 {
            return self.pauses.one(dice);
        }
        DOWN.min(self.calm).mul_f64(dice.f64())
    }
}

async fn irc_restarts(stage: &Stage, down: Duration) {
    let irc = stage.irc.faults();
    let doors = DOORS.lock().await;
    irc.kill(CloseKind::Error("Server restarting")).await;
    drop(doors);
    sleep(down).await;
    irc.revive().await.unwrap();
}

async fn letschat_restarts(stage: &Stage, down: Duration) {
    let doors = DOORS.lock().await;
    stage.letschat.kill().await.unwrap();
    drop(doors);
    sleep(down).await;
    stage.letschat.revive().await.unwrap();
}

/// Waits until the bridge is in every channel, by its first nick.
async fn named(stage: &Stage) {
    for channel in channels() {
        while stage.bridges(channel) != [BRIDGE] {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Waits until the bridge is in every channel and in every room.
async fn settled(stage: &Stage) {
    for channel in channels() {
        while stage.bridges(channel).len() != 1 {
            sleep(Duration::from_millis(5)).await;
        }
    }
    for room in rooms() {
        stage.letschat.wait_for_join(room, BRIDGE).await;
    }
}
