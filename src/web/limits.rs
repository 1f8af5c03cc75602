//! How much anybody may ask for: so often a minute, and so much at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many answers one address may be getting at once: an office behind one address opens a link.
const AT_ONCE: usize = 32;

/// The same for all together.
const ALL_AT_ONCE: usize = 256;

/// How many times as often as one address all together may ask.
const ALL: f64 = 20.0;

/// How many addresses are remembered.
const MOST_CLIENTS: usize = 10_000;

/// Who asks how often, and how many are being answered.
#[derive(Debug)]
pub(super) struct Limits {
    per_minute: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<IpAddr, Client>,
    all: Client,
}

#[derive(Debug, Default, Clone, Copy)]
struct Client {
    /// How many requests were used up by `at`: they come back with time.
    used: f64,
    at: Option<Instant>,
    answering: usize,
}

/// Leave to answer one request, given back when it is answered.
#[derive(Debug)]
pub(super) struct Leave {
    limits: Arc<Limits>,
    client: IpAddr,
}

impl Limits {
    /// One address may ask so often a minute; `None` for as often as it likes.
    pub(super) fn new(per_minute: Option<u64>) -> Self {
        // Nobody means more than a number of 32 bits.
        let per_minute = per_minute.map(|many| f64::from(u32::try_from(many).unwrap_or(u32::MAX)));
        Self { per_minute, state: Mutex::default() }
    }

    /// Leave for `address` to be answered now, or after how long to ask again.
    pub(super) fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Result<Leave, Duration> {
        let client = who(address);
        let mut state = self.state();
        if state.clients.len() >= MOST_CLIENTS {
            let rate = self.per_minute.unwrap_or(f64::INFINITY);
            state.clients.retain(|_, it| it.answering > 0 || it.left(rate, now) > 0.0);
        }
        let full = state.clients.len() >= MOST_CLIENTS && !state.clients.contains_key(&client);
        let State { clients, all } = &mut *state;
        if full || all.answering >= ALL_AT_ONCE {
            return Err(Duration::from_secs(10));
        }
        let one = clients.entry(client).or_default();
        if one.answering >= AT_ONCE {
            return Err(Duration::from_secs(10));
        }
        if let Some(rate) = self.per_minute {
            one.check(rate, now)?;
            all.check(rate * ALL, now)?;
            one.used += 1.0;
            all.used += 1.0;
        }
        one.answering += 1;
        all.answering += 1;
        Ok(Leave { limits: self.clone(), client })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// How much of what was used up has not come back by `now`, at this rate a minute.
    fn left(&self, rate: f64, now: Instant) -> f64 {
        let passed = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        (self.used - passed * rate / 60.0).max(0.0)
    }

    /// Whether one more is allowed: a minute's worth may be used up at once.
    fn check(&mut self, rate: f64, now: Instant) -> Result<(), Duration> {
        self.used = self.left(rate, now);
        self.at = Some(now);
        if self.used + 1.0 <= rate {
            return Ok(());
        }
        let wait = (self.used + 1.0 - rate) * 60.0 / rate;
        Err(Duration::try_from_secs_f64(wait.ceil()).unwrap_or(Duration::MAX))
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut state = self.limits.state();
        state.all.answering -= 1;
        if let Some(client) = state.clients.get_mut(&self.client) {
            client.answering -= 1;
        }
    }
}

/// Whom an address stands for: with IPv6, everybody has a network of addresses.
fn who(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_minutes_worth_may_be_asked_at_once_and_the_rest_comes_back_with_time() {
        let limits = Arc::new(Limits::new(Some(6)));
        let (now, ann) = (Instant::now(), address("192.0.2.1"));
        for _ in 0..6 {
            limits.enter(ann, now).expect("allowed");
        }
        assert_eq!(limits.enter(ann, now).expect_err("too often"), Duration::from_secs(10));
        limits.enter(address("192.0.2.2"), now).expect("another");
        limits.enter(ann, now + Duration::from_secs(10)).expect("one came back");
        limits.enter(ann, now + Duration::from_secs(10)).expect_err("but only one");
    }

    #[test]
    fn all_together_are_limited_too() {
        let limits = Arc::new(Limits::new(Some(1)));
        let now = Instant::now();
        let ask = |n: u8| limits.enter(IpAddr::from([192, 0, 2, n]), now);
        assert!((0..20).all(|n| ask(n).is_ok()));
        assert!(ask(20).is_err());
    }

    #[test]
    fn who_is_being_answered_much_waits_until_something_is_answered() {
        let limits = Arc::new(Limits::new(None));
        let (now, ann) = (Instant::now(), address("192.0.2.1"));
        let mut leaves: Vec<Leave> =
            (0..AT_ONCE).map(|_| limits.enter(ann, now).expect("allowed")).collect();
        limits.enter(ann, now).expect_err("too much");
        leaves.pop();
        limits.enter(ann, now).expect("one is answered");
    }

    #[test]
    fn a_network_of_addresses_is_one_client() {
        assert_eq!(who(address("2001:db8::1")), who(address("2001:db8::ffff:2")));
        assert_ne!(who(address("2001:db8::1")), who(address("2001:db8:0:1::1")));
        assert_eq!(who(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn those_long_gone_are_forgotten() {
        let limits = Arc::new(Limits::new(Some(60)));
        let now = Instant::now();
        for n in 0..MOST_CLIENTS as u32 {
            drop(limits.enter(
                IpAddr::from((0x0a00_0000 + n).to_be_bytes()),
                now + Duration::from_secs(n.into()),
            ));
        }
        assert!(limits.state().clients.len() == MOST_CLIENTS);
        let later = now + Duration::from_secs(MOST_CLIENTS as u64);
        limits.enter(address("192.0.2.1"), later).expect("there is room");
        assert!(limits.state().clients.len() < 100);
    }
}
