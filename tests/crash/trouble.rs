//! Whatever else goes wrong while the bridge is being killed: the servers and the wires between.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use letsbridge::demo::irc::Goodbye;
use letsbridge::demo::letschat::Flavour;
use tokio::time::sleep;

use super::program::DOORS;
use super::stage::{BRIDGE, Stage};

/// How likely the doubles are to do something to a message.
const CHAOS: f64 = 0.02;

/// Does mischief until it is over, and then mends everything. Counts what it did.
pub(crate) async fn make(stage: &Stage, mut dice: Rng, over: &AtomicBool, count: &AtomicUsize) {
    stage.irc.mischief().chaos(dice.u64(..), CHAOS);
    stage.letschat.mischief().chaos(dice.u64(..), CHAOS);
    while !over.load(Ordering::Relaxed) {
        sleep(moment(&mut dice, 100..1_000)).await;
        once(stage, &mut dice).await;
        count.fetch_add(1, Ordering::Relaxed);
    }
    stage.irc.mischief().no_chaos();
    stage.letschat.mischief().behave();
}

async fn once(stage: &Stage, dice: &mut Rng) {
    let (irc, letschat) = (stage.irc.mischief(), stage.letschat.mischief());
    match dice.u8(..11) {
        way @ 0..=2 => {
            let goodbye =
                if way == 0 { Goodbye::Error("Server restarting") } else { Goodbye::Silent };
            let doors = DOORS.lock().await;
            irc.kill(goodbye).await;
            drop(doors);
            sleep(moment(dice, 0..300)).await;
            irc.revive().await.unwrap();
        }
        3 => {
            irc.stall();
            sleep(moment(dice, 10..300)).await;
            irc.unstall();
        }
        4 => irc.cut(BRIDGE),
        5 => {
            irc.delay(moment(dice, 0..30));
            sleep(moment(dice, 50..400)).await;
            irc.delay(Duration::ZERO);
        }
        6 => {
            letschat.stall();
            sleep(moment(dice, 10..300)).await;
            letschat.go_on();
        }
        7 => {
            let flavours = [Flavour::Mongoose46, Flavour::Mongoose413];
            let doors = DOORS.lock().await;
            stage.letschat.kill().await.unwrap();
            drop(doors);
            sleep(moment(dice, 0..300)).await;
            stage.letschat.set_flavour(flavours[dice.usize(..2)]);
            stage.letschat.revive().await.unwrap();
        }
        8 => stage.letschat.cut(),
        9 => {
            letschat.slow(moment(dice, 0..30));
            sleep(moment(dice, 50..400)).await;
            letschat.slow(Duration::ZERO);
        }
        _ => {
            letschat.slow_acks(moment(dice, 0..200));
            sleep(moment(dice, 50..400)).await;
            letschat.slow_acks(Duration::ZERO);
        }
    }
}

fn moment(dice: &mut Rng, milliseconds: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(dice.u64(milliseconds))
}
