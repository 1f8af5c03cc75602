//! Limits on connections per network and in total.
//!
//! If the limit is reached, an idle connection is closed: the oldest one of the network with the most. So
//! clients that send requests are served even if many others connect and send nothing. If all are active, the
//! longest active one is closed, once it has had its minimum time. So slow readers cannot keep others out for
//! longer than that.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::nets;

/// Maximum number of connections.
const ALL: usize = 512;

/// Maximum connections per network, the narrowest first.
const EACH: [usize; 3] = [64, 128, 192];

/// How long a response may take before it may be cut off for others.
const ITS_TIME: Duration = Duration::from_secs(60);

/// All connections.
#[derive(Debug, Default)]
pub(super) struct ConnectionSlots(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By number, which is the order of arrival.
    taken: BTreeMap<u64, OccupiedSlot>,
    last: u64,
}

#[derive(Debug)]
struct OccupiedSlot {
    /// Empty for a proxy, which acts for many clients.
    nets: Vec<IpNet>,
    address: IpAddr,
    answering: usize,
    /// When the oldest request in progress arrived.
    since: Instant,
    connection: Option<AbortHandle>,
}

/// A connection's slot, returned when dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    number: u64,
}

/// Held during a response, so that the connection is not closed as idle.
#[derive(Debug)]
pub(super) struct Responding(Arc<ConnectionSlot>);

impl ConnectionSlots {
    /// A slot for a connection from `address`, which may close another one; `None` if there is none.
    pub(super) fn take(
        self: &Arc<Self>,
        address: IpAddr,
        is_proxy: bool,
    ) -> Option<ConnectionSlot> {
        let address = address.to_canonical();
        let mut state = self.state();
        let nets: Vec<IpNet> = if is_proxy { Vec::new() } else { nets::around(address).collect() };
        for (net, most) in nets.iter().zip(EACH) {
            let within = |taken: &OccupiedSlot| taken.nets.contains(net);
            if state.taken.values().filter(|taken| within(taken)).count() >= most {
                state.make_room(within)?;
            }
        }
        if state.taken.len() >= ALL {
            match state.busiest() {
                Some(busiest) => state.make_room(|taken| taken.address == busiest)?,
                None => state.make_room(|_| true)?,
            }
        }
        state.last += 1;
        let number = state.last;
        let since = Instant::now();
        state
            .taken
            .insert(number, OccupiedSlot { nets, address, answering: 0, since, connection: None });
        Some(ConnectionSlot { slots: Arc::clone(self), number })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The address with the most idle connections.
    fn busiest(&self) -> Option<IpAddr> {
        let mut waiting: HashMap<IpAddr, usize> = HashMap::new();
        for taken in self.taken.values().filter(|taken| taken.answering == 0) {
            *waiting.entry(taken.address).or_default() += 1;
        }
        waiting.into_iter().max_by_key(|(_, many)| *many).map(|(address, _)| address)
    }

    /// Closes the oldest idle connection among those; if none is idle, the longest active one that has had
    /// its minimum time.
    fn make_room(&mut self, of: impl Fn(&OccupiedSlot) -> bool) -> Option<()> {
        let those = || self.taken.iter().filter(|(_, it)| of(it));
        let waiting = those().find(|(_, it)| it.answering == 0);
        let number = *waiting
            .or_else(|| {
                let longest = those().min_by_key(|(_, it)| it.since);
                longest.filter(|(_, it)| it.since.elapsed() >= ITS_TIME)
            })?
            .0;
        if let Some(connection) = self.taken.remove(&number)?.connection {
            connection.abort();
        }
        Some(())
    }
}

impl ConnectionSlot {
    /// Registers the task of the connection with this number.
    pub(super) fn assign(slots: &ConnectionSlots, number: u64, connection: AbortHandle) {
        match slots.state().taken.get_mut(&number) {
            Some(taken) => taken.connection = Some(connection),
            // Its slot was taken already.
            None => connection.abort(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Marks the connection as active.
    pub(super) fn answering(self: &Arc<Self>) -> Responding {
        self.count(1);
        Responding(Arc::clone(self))
    }

    fn count(&self, by: isize) {
        if let Some(taken) = self.slots.state().taken.get_mut(&self.number) {
            if taken.answering == 0 {
                taken.since = Instant::now();
            }
            taken.answering = taken.answering.saturating_add_signed(by);
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.state().taken.remove(&self.number);
    }
}

impl Drop for Responding {
    fn drop(&mut self) {
        self.0.count(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn numbers(seats: &ConnectionSlots) -> Vec<u64> {
        seats.state().taken.keys().copied().collect()
    }

    #[test]
    fn client_with_many_connections_only_displaces_its_own() {
        let seats = Arc::new(ConnectionSlots::default());
        let other = seats.take(address("192.0.2.1"), false).expect("room");
        let mine: Vec<ConnectionSlot> = (0..EACH[0] + 10)
            .map(|_| seats.take(address("198.51.100.1"), false).expect("room"))
            .collect();
        let left = numbers(&seats);
        assert_eq!(left.len(), 1 + EACH[0]);
        assert!(left.contains(&other.number), "the other's stays");
        assert!(
            !left.contains(&mine[0].number) && !left.contains(&mine[9].number),
            "the oldest go"
        );
    }

    #[test]
    fn networks_of_networks_are_counted_too() {
        let seats = Arc::new(ConnectionSlots::default());
        let many: Vec<ConnectionSlot> = (0..400)
            .map(|n| {
                let address = address(&format!("2001:db8:0:{:x}::1", n % 40));
                seats.take(address, false).expect("room")
            })
            .collect();
        assert_eq!(numbers(&seats).len(), EACH[1], "40 /64s of a /56");
        let wide: Vec<ConnectionSlot> = (0..400)
            .map(|n| {
                seats.take(address(&format!("2001:db8:1:{:x}00::1", n % 200)), false).expect("room")
            })
            .collect();
        assert_eq!(numbers(&seats).len(), EACH[1] + EACH[2], "400 /56s of a /48");
        drop((many, wide));
        assert_eq!(numbers(&seats), [0; 0]);
    }

    #[test]
    fn request_is_accepted_despite_many_silent_connections() {
        let seats = Arc::new(ConnectionSlots::default());
        let silent: Vec<ConnectionSlot> =
            (0..ALL + 88).map(|_| seats.take(address("127.0.0.1"), true).expect("room")).collect();
        assert_eq!(numbers(&seats).len(), ALL);
        let asks = Arc::new(seats.take(address("192.0.2.1"), false).expect("room"));
        let answering = asks.answering();
        let more: Vec<ConnectionSlot> =
            (0..2 * ALL).map(|_| seats.take(address("127.0.0.1"), true).expect("room")).collect();
        assert!(numbers(&seats).contains(&asks.number));
        drop(answering);
        drop((silent, more));
        assert_eq!(numbers(&seats), [asks.number]);
    }

    #[test]
    fn connection_with_a_response_in_progress_is_kept() {
        let seats = Arc::new(ConnectionSlots::default());
        let take = || seats.take(address("192.0.2.1"), false).map(Arc::new);
        let busy: Vec<_> = (0..EACH[0])
            .map(|_| take().map(|seat| (seat.answering(), seat)).expect("room"))
            .collect();
        assert!(take().is_none());
        drop(busy);
        assert!(take().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn slow_readers_from_many_networks_are_displaced() {
        let seats = Arc::new(ConnectionSlots::default());
        let take = |n: usize| {
            let address = address(&format!("2001:db8:{n:x}::1"));
            seats.take(address, false).map(Arc::new)
        };
        let busy: Vec<_> =
            (0..ALL).map(|n| take(n).map(|seat| (seat.answering(), seat)).expect("room")).collect();
        assert!(take(ALL).is_none());
        tokio::time::advance(ITS_TIME).await;
        let newcomer = take(ALL).expect("room");
        let _answering = newcomer.answering();
        assert_eq!(numbers(&seats).len(), ALL);
        assert!(!numbers(&seats).contains(&busy[0].1.number), "the longest goes");
        assert!(take(ALL + 1).is_some(), "and the next");
        assert!(numbers(&seats).contains(&newcomer.number));
    }

    #[tokio::test]
    async fn displaced_connection_is_closed() {
        let seats = Arc::new(ConnectionSlots::default());
        let sit = || {
            let seat = seats.take(address("192.0.2.1"), false).expect("room");
            let number = seat.number();
            let task = tokio::spawn(async move {
                let _seat = seat;
                std::future::pending::<()>().await;
            });
            ConnectionSlot::assign(&seats, number, task.abort_handle());
            task
        };
        let first = sit();
        let others: Vec<_> = (0..EACH[0]).map(|_| sit()).collect();
        assert!(first.await.expect_err("ended").is_cancelled());
        assert!(others.iter().all(|task| !task.is_finished()));
    }
}
