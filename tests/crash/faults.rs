//! Whatever else goes wrong while the bridge is being killed: the servers and the wires between.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use letsbridge_testkit::irc::CloseKind;
use letsbridge_testkit::letschat::{Fault, MongooseVersion};
use tokio::time::sleep;

use super::fixture::{BOB, BRIDGE, Stage, channels, rooms};
use super::program::DOORS;

/// How likely the doubles are to do something to a message.
const CHAOS: f64 = 0.02;

/// How long the bridge or a server may stand still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) longest: Duration,
}

impl Pauses {
    /// The shortest that is worth the name.
    const SHORTEST: Duration = Duration::from_secs(2);

    /// How long the next one lasts: a short one as often as a long one.
    pub(crate) fn one(&self, dice: &mut Rng) -> Duration {
        let (from, to) = (Self::SHORTEST.as_secs_f64(), self.longest.as_secs_f64());
        Self::SHORTEST.mul_f64((to / from).max(1.0).powf(dice.f64()))
    }
}

/// What can go wrong, and how often it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    IrcRestarts,
    IrcVanishes,
    IrcStalls,
    IrcPauses,
    IrcCuts,
    IrcIsLate,
    Kicked,
    KeptOut,
    Renamed,
    NickStolen,
    Netsplit,
    LetsChatStalls,
    LetsChatPauses,
    LetsChatRestarts,
    LetsChatCuts,
    LetsChatIsLate,
    AcksAreLate,
    RoomArchived,
    SessionsEnd,
    AnswersAreLost,
    AnswersAreHeld,
    SignInsFail,
    RegistrationCloses,
}

use Trouble::{
    AcksAreLate, AnswersAreHeld, AnswersAreLost, IrcCuts, IrcIsLate, IrcPauses, IrcRestarts,
    IrcStalls, IrcVanishes, KeptOut, Kicked, LetsChatCuts, LetsChatIsLate, LetsChatPauses,
    LetsChatRestarts, LetsChatStalls, Netsplit, NickStolen, RegistrationCloses, Renamed,
    RoomArchived, SessionsEnd, SignInsFail,
};

/// One stall of so many lasts as long as a pause.
const PAUSES: u8 = 8;

/// All that chance takes from; a pause comes now and then in place of a stall.
const ALL: [Trouble; 16] = [
    IrcRestarts,
    IrcVanishes,
    IrcStalls,
    IrcCuts,
    IrcIsLate,
    Kicked,
    KeptOut,
    Renamed,
    NickStolen,
    Netsplit,
    LetsChatStalls,
    LetsChatRestarts,
    LetsChatCuts,
    LetsChatIsLate,
    AcksAreLate,
    RoomArchived,
];

/// What comes besides where people speak by accounts.
const OF_ACCOUNTS: [Trouble; 8] = [
    SessionsEnd,
    SessionsEnd,
    AnswersAreLost,
    AnswersAreLost,
    AnswersAreHeld,
    AnswersAreHeld,
    SignInsFail,
    RegistrationCloses,
];

/// Does faults until it is over, and then mends everything. Gives how often it did what.
pub(crate) async fn make(
    stage: &Stage,
    mut dice: Rng,
    pauses: &Pauses,
    over: &AtomicBool,
) -> BTreeMap<Trouble, usize> {
    let mut done = BTreeMap::new();
    stage.irc.faults().chaos(dice.u64(..), CHAOS);
    stage.letschat.faults().chaos(dice.u64(..), CHAOS);
    let all = if stage.has_accounts { [&ALL[..], &OF_ACCOUNTS].concat() } else { ALL.to_vec() };
    while !over.load(Ordering::Relaxed) {
        sleep(moment(&mut dice, 100..1_000)).await;
        let trouble = match all[dice.usize(..all.len())] {
            IrcStalls if dice.u8(..PAUSES) == 0 => IrcPauses,
            LetsChatStalls if dice.u8(..PAUSES) == 0 => LetsChatPauses,
            other => other,
        };
        once(stage, trouble, pauses, &mut dice).await;
        *done.entry(trouble).or_default() += 1;
    }
    stage.irc.faults().stop_chaos();
    stage.letschat.faults().clear();
    stage.letschat.set_registration(true);
    done
}

async fn once(stage: &Stage, trouble: Trouble, pauses: &Pauses, dice: &mut Rng) {
    let (irc, letschat) = (stage.irc.faults(), stage.letschat.faults());
    match trouble {
        IrcRestarts => irc_goes(stage, CloseKind::Error("Server restarting"), dice).await,
        IrcVanishes => irc_goes(stage, CloseKind::Silent, dice).await,
        IrcStalls => irc_stands_still(stage, moment(dice, 10..300)).await,
        IrcPauses => irc_stands_still(stage, pauses.one(dice)).await,
        IrcCuts => cut(stage),
        IrcIsLate => {
            irc.delay(moment(dice, 0..30));
            sleep(moment(dice, 50..400)).await;
            irc.delay(Duration::ZERO);
        }
        Kicked => {
            kick(stage, dice);
        }
        KeptOut => keep_out(stage, dice).await,
        Renamed => {
            if let Some(nick) = stage.bridge() {
                irc.rename(&nick, &format!("guest{}", dice.u16(..)));
            }
        }
        NickStolen => steal(stage, dice).await,
        Netsplit => {
            let split = irc.netsplit(&[BOB]);
            sleep(moment(dice, 10..500)).await;
            split.rejoin();
        }
        LetsChatStalls => letschat_stands_still(stage, moment(dice, 10..300)).await,
        LetsChatPauses => letschat_stands_still(stage, pauses.one(dice)).await,
        LetsChatRestarts => letschat_restarts(stage, dice).await,
        LetsChatCuts => stage.letschat.cut(),
        LetsChatIsLate => {
            letschat.delay(moment(dice, 0..30));
            sleep(moment(dice, 50..400)).await;
            letschat.delay(Duration::ZERO);
        }
        AcksAreLate => {
            letschat.delay_acks(moment(dice, 0..200));
            sleep(moment(dice, 50..400)).await;
            letschat.delay_acks(Duration::ZERO);
        }
        RoomArchived => {
            let room = one_of(&rooms(), dice);
            stage.archive(room);
            sleep(moment(dice, 10..1_500)).await;
            stage.restore(room);
        }
        SessionsEnd | AnswersAreLost | AnswersAreHeld | SignInsFail | RegistrationCloses => {
            of_accounts(stage, trouble, dice).await;
        }
    }
}

/// What concerns only the accounts.
async fn of_accounts(stage: &Stage, trouble: Trouble, dice: &mut Rng) {
    const LOSSES: [Fault; 3] = [Fault::DropBefore, Fault::DropAfter, Fault::SwallowAck];
    let letschat = stage.letschat.faults();
    let times = dice.usize(1..4);
    let loss = LOSSES[dice.usize(..LOSSES.len())];
    match trouble {
        SessionsEnd => stage.letschat.end_sessions(),
        AnswersAreLost => letschat.inject_rest(times, loss),
        AnswersAreHeld => {
            letschat.inject_rest(times, Fault::HoldAck);
            sleep(moment(dice, 50..1_000)).await;
            letschat.release_acks();
        }
        SignInsFail => {
            for path in ["/account/login", "/account/register"] {
                letschat.inject_request(path, times, loss);
            }
            // There is something to sign in for.
            stage.letschat.end_sessions();
        }
        RegistrationCloses => {
            stage.letschat.set_registration(false);
            sleep(moment(dice, 50..1_000)).await;
            stage.letschat.set_registration(true);
        }
        other => unreachable!("{other:?} is no trouble of accounts"),
    }
}

/// The IRC server stands still, its sockets open, as a stopped process does.
pub(crate) async fn irc_stands_still(stage: &Stage, length: Duration) {
    stage.irc.faults().stall();
    sleep(length).await;
    stage.irc.faults().resume();
}

/// The same for Let's Chat.
pub(crate) async fn letschat_stands_still(stage: &Stage, length: Duration) {
    stage.letschat.faults().stall();
    sleep(length).await;
    stage.letschat.faults().resume();
}

async fn irc_goes(stage: &Stage, goodbye: CloseKind, dice: &mut Rng) {
    let irc = stage.irc.faults();
    let doors = DOORS.lock().await;
    irc.kill(goodbye).await;
    drop(doors);
    sleep(moment(dice, 0..300)).await;
    irc.revive().await.unwrap();
}

async fn letschat_restarts(stage: &Stage, dice: &mut Rng) {
    let flavours = [MongooseVersion::V4_6, MongooseVersion::V4_13];
    let doors = DOORS.lock().await;
    stage.letschat.kill().await.unwrap();
    drop(doors);
    sleep(moment(dice, 0..300)).await;
    stage.letschat.set_mongoose_version(flavours[dice.usize(..2)]);
    stage.letschat.revive().await.unwrap();
}

fn cut(stage: &Stage) {
    if let Some(nick) = stage.bridge() {
        stage.irc.faults().drop_connection(&nick);
    }
}

/// Puts the bridge out of a channel.
fn kick(stage: &Stage, dice: &mut Rng) -> &'static str {
    let channel = one_of(&channels(), dice);
    for nick in stage.bridges(channel) {
        stage.irc.faults().kick(channel, &nick, "not now");
    }
    channel
}

/// Puts the bridge out of a channel, and lets it in only a while later.
async fn keep_out(stage: &Stage, dice: &mut Rng) {
    /// No such channel here, too many, not now, full, by invitation only, banned, wrong key.
    const REFUSALS: [u16; 7] = [403, 405, 437, 471, 473, 474, 475];
    let channel = kick(stage, dice);
    let irc = stage.irc.faults();
    irc.refuse_joins(channel, REFUSALS[dice.usize(..REFUSALS.len())], u32::MAX);
    sleep(moment(dice, 10..1_500)).await;
    irc.refuse_joins(channel, 0, 0);
}

/// Somebody takes the bridge's nick while it is away: it comes under another.
async fn steal(stage: &Stage, dice: &mut Rng) {
    cut(stage);
    stage.thief.change_nick(BRIDGE);
    sleep(moment(dice, 10..1_500)).await;
    stage.thief.change_nick("thief");
}

fn one_of<'a>(all: &[&'a str], dice: &mut Rng) -> &'a str {
    all[dice.usize(..all.len())]
}

fn moment(dice: &mut Rng, milliseconds: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(dice.u64(milliseconds))
}
