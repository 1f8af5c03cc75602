//! What can be made to go wrong: slow answers, cut connections, lost acks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use fastrand::Rng;
use tokio::sync::watch;

/// What may go wrong with one message, be it a `messages:create` from a websocket or a request over REST,
/// where the answer is what the ack is here. Some of it may go wrong with any request over REST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before the message is stored. It never will be.
    DropBefore,
    /// The message is stored and the others are told; the connection is cut before the ack.
    DropAfter,
    /// The message is stored and the others are told; the ack never comes, and the connection stays.
    SwallowAck,
    /// The message is stored and acked; nobody is told.
    LoseBroadcast,
    /// The message is stored and told at once, and acked this much later.
    LateAck(Duration),
    /// The message gets its id and its time now, and becomes visible (and is acked) only after the next
    /// post in its room: two concurrent posts, visible in the other order of their ids. Over REST nothing
    /// goes wrong.
    Overtaken,
    /// The message is stored and told at once, and acked when [`release_acks`](Faults::release_acks) says
    /// so: the broadcast comes before the ack.
    HoldAck,
}

/// Injects faults. All of them take effect at once and last until they are taken back.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<FaultState>,
    stalled: watch::Sender<bool>,
    /// How often the held acks were released.
    released: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct FaultState {
    delay: Duration,
    ack_delay: Duration,
    rest_fails: Option<StatusCode>,
    upgrades_fail: Option<StatusCode>,
    /// How often which fault is still to come to whom.
    faults: HashMap<Victim, Vec<(Fault, usize)>>,
    chaos: Option<Chaos>,
}

/// What a fault is for. An empty slug stands for any room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Victim {
    /// A message from a websocket to the room with this slug.
    Socket(String),
    /// A message over REST to the room with this slug.
    Rest(String),
    /// Another request over REST, by its path.
    Path(String),
}

#[derive(Debug)]
struct Chaos {
    rng: Rng,
    probability: f64,
}

impl Faults {
    /// Injects `fault` into the next `times` messages that arrive by websocket, after those that
    /// another fault was injected into.
    pub fn inject(&self, times: usize, fault: Fault) {
        self.inject_in("", times, fault);
    }

    /// As [`inject`](Self::inject), for messages to the room `slug`. These go before those for any room.
    pub fn inject_in(&self, slug: &str, times: usize, fault: Fault) {
        self.add(Victim::Socket(slug.to_owned()), times, fault);
    }

    /// As [`inject`](Self::inject), for messages over REST.
    pub fn inject_rest(&self, times: usize, fault: Fault) {
        self.inject_rest_in("", times, fault);
    }

    /// As [`inject_in`](Self::inject_in), for messages over REST.
    pub fn inject_rest_in(&self, slug: &str, times: usize, fault: Fault) {
        self.add(Victim::Rest(slug.to_owned()), times, fault);
    }

    /// Injects `fault` into the next `times` requests over REST with this path, such as
    /// `/account/register`: they are not carried out, or their answers are late or lost. For messages
    /// there is [`inject_rest`](Self::inject_rest).
    pub fn inject_request(&self, path: &str, times: usize, fault: Fault) {
        self.add(Victim::Path(path.to_owned()), times, fault);
    }

    /// Lets those acks go that a fault has held so far.
    pub fn release_acks(&self) {
        self.released.send_modify(|count| *count += 1);
    }

    fn add(&self, victim: Victim, times: usize, fault: Fault) {
        self.state().faults.entry(victim).or_default().push((fault, times));
    }

    /// From now on each message, by websocket or over REST, suffers, with this probability, one of:
    /// [`Fault::DropBefore`], [`Fault::DropAfter`], [`Fault::SwallowAck`], [`Fault::LateAck`] of 5 to
    /// 200 ms. The same seed and the same number of messages give the same faults.
    pub fn chaos(&self, seed: u64, probability: f64) {
        self.state().chaos = Some(Chaos { rng: Rng::with_seed(seed), probability });
    }

    /// Sends everything, over REST and websockets, this much later. A websocket's frames keep their
    /// order, and those that gather meanwhile go together.
    pub fn delay(&self, by: Duration) {
        self.state().delay = by;
    }

    /// Sends every ack, and every answer to a message over REST, this much later, and nothing else: so the broadcast of a message comes before its ack.
    pub fn delay_acks(&self, by: Duration) {
        self.state().ack_delay = by;
    }

    /// Stops reading, answering and closing, as a stopped process does. The operating system still
    /// accepts connections and what is sent on them.
    pub fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Goes on, with what was sent meanwhile.
    pub fn resume(&self) {
        self.stalled.send_replace(false);
    }

    /// Answers every REST request with this status and a page of HTML; `None` takes it back.
    pub fn rest_fails(&self, status: Option<StatusCode>) {
        self.state().rest_fails = status;
    }

    /// Answers every websocket's handshake so; `None` takes it back.
    pub fn upgrades_fail(&self, status: Option<StatusCode>) {
        self.state().upgrades_fail = status;
    }

    /// Ends all faults.
    pub fn clear(&self) {
        *self.state() = FaultState::default();
        self.release_acks();
        self.resume();
    }

    /// What is to happen to this message from a websocket to the room `slug`.
    pub(super) fn fault_for(&self, slug: Option<&str>) -> Option<Fault> {
        self.fault_of(Victim::Socket, slug)
    }

    /// What is to happen to this message over REST to the room `slug`.
    pub(super) fn fault_for_rest(&self, slug: Option<&str>) -> Option<Fault> {
        self.fault_of(Victim::Rest, slug)
    }

    /// What is to happen to this request over REST.
    pub(super) fn fault_for_path(&self, path: &str) -> Option<Fault> {
        self.state().next_fault(&Victim::Path(path.to_owned()))
    }

    /// Changes when held acks are released.
    pub(super) fn releases(&self) -> watch::Receiver<u64> {
        self.released.subscribe()
    }

    fn fault_of(&self, victim: fn(String) -> Victim, slug: Option<&str>) -> Option<Fault> {
        let mut state = self.state();
        if !state.faults.is_empty() {
            for room in [slug.unwrap_or_default(), ""] {
                if let Some(fault) = state.next_fault(&victim(room.to_owned())) {
                    return Some(fault);
                }
            }
        }
        let late = state.ack_delay;
        let chosen = state.chaos.as_mut().and_then(Chaos::roll);
        chosen.or_else(|| (!late.is_zero()).then_some(Fault::LateAck(late)))
    }

    /// How late an ack is to be that no fault concerns.
    pub(super) fn ack_delay(&self) -> Duration {
        self.state().ack_delay
    }

    pub(super) fn rest_failure(&self) -> Option<StatusCode> {
        self.state().rest_fails
    }

    pub(super) fn upgrade_failure(&self) -> Option<StatusCode> {
        self.state().upgrades_fail
    }

    /// Waits until the server is not stalled.
    pub(super) async fn until_resumed(&self) {
        if *self.stalled.borrow() {
            // Its sender is ours, and so cannot be gone.
            let _ = self.stalled.subscribe().wait_for(|stalled| !stalled).await;
        }
    }

    /// Waits until something may be sent.
    pub(super) async fn until_may_send(&self) {
        let slow = self.state().delay;
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        self.until_resumed().await;
    }

    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultState {
    fn next_fault(&mut self, victim: &Victim) -> Option<Fault> {
        let coming = self.faults.get_mut(victim)?;
        while let Some((fault, times)) = coming.first_mut() {
            if *times > 0 {
                *times -= 1;
                return Some(*fault);
            }
            coming.remove(0);
        }
        self.faults.remove(victim);
        None
    }
}

impl Chaos {
    fn roll(&mut self) -> Option<Fault> {
        if self.rng.f64() >= self.probability {
            return None;
        }
        Some(match self.rng.u8(..4) {
            0 => Fault::DropBefore,
            1 => Fault::DropAfter,
            2 => Fault::SwallowAck,
            _ => Fault::LateAck(Duration::from_millis(self.rng.u64(5..=200))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_order_and_a_rooms_own_first() {
        let faults = Faults::default();
        faults.inject(2, Fault::DropAfter);
        faults.inject(1, Fault::SwallowAck);
        faults.inject_in("dev", 1, Fault::LoseBroadcast);
        let suffered: Vec<_> = (0..5).map(|_| faults.fault_for(Some("dev"))).collect();
        assert_eq!(
            suffered,
            [
                Some(Fault::LoseBroadcast),
                Some(Fault::DropAfter),
                Some(Fault::DropAfter),
                Some(Fault::SwallowAck),
                None,
            ]
        );
    }

    #[test]
    fn another_rooms_faults_are_not_ours() {
        let faults = Faults::default();
        faults.inject_in("dev", 1, Fault::DropBefore);
        assert_eq!(faults.fault_for(Some("tea")), None);
        assert_eq!(faults.fault_for(Some("dev")), Some(Fault::DropBefore));
    }

    #[test]
    fn messages_by_websocket_over_rest_and_other_requests_have_faults_of_their_own() {
        let faults = Faults::default();
        faults.inject(1, Fault::DropBefore);
        faults.inject_rest_in("dev", 1, Fault::DropAfter);
        faults.inject_request("/account/login", 1, Fault::SwallowAck);
        assert_eq!(faults.fault_for_rest(Some("tea")), None);
        assert_eq!(faults.fault_for_path("/account/register"), None);
        assert_eq!(faults.fault_for_rest(Some("dev")), Some(Fault::DropAfter));
        assert_eq!(faults.fault_for(Some("dev")), Some(Fault::DropBefore));
        assert_eq!(faults.fault_for_path("/account/login"), Some(Fault::SwallowAck));
        faults.chaos(1, 1.0);
        assert!(faults.fault_for_rest(None).is_some());
        assert_eq!(faults.fault_for_path("/account/login"), None);
    }

    #[test]
    fn chaos_is_the_same_for_the_same_seed_and_about_as_likely_as_it_was_told() {
        let faults = |seed| {
            let faults = Faults::default();
            faults.chaos(seed, 0.25);
            (0..2000).map(|_| faults.fault_for(None)).collect::<Vec<_>>()
        };
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
        let count = faults(7).iter().flatten().count();
        assert!((400..600).contains(&count), "{count} of 2000 at 0.25");
    }
}
