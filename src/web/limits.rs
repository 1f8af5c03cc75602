//! How much anybody may ask for: so often a minute, and so much at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::nets;

/// How many answers a network may be getting at once, the narrowest first: an office behind one
/// address opens a link.
const AT_ONCE: [usize; 3] = [32, 64, 128];

/// The same for all together.
const ALL_AT_ONCE: usize = 256;

/// How many times as often as one address the networks around it may ask, the narrowest first.
const WIDER: [f64; 3] = [1.0, 4.0, 8.0];

/// The same for all together.
const ALL: f64 = 20.0;

/// The part of what all together may have that is kept for those who have little of it.
const RESERVE: f64 = 0.25;

/// How much is little: so many answers at once to one address, and to all around it; and such a part of
/// what one address may ask.
const FEW: usize = 4;
const FEW_AROUND: usize = 16;
const LITTLE: f64 = 0.03;

/// How many networks are remembered.
const MOST_CLIENTS: usize = 20_000;

/// How long to wait before asking again where too much is being answered.
const BUSY: Duration = Duration::from_secs(10);

/// Who asks how often, and how many are being answered.
#[derive(Debug)]
pub(super) struct Limits {
    per_minute: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<IpNet, Client>,
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
    nets: Vec<IpNet>,
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
        let nets: Vec<IpNet> = nets::around(address).collect();
        let mut state = self.state();
        if state.clients.len() + nets.len() > MOST_CLIENTS {
            let rate = self.per_minute.unwrap_or(f64::INFINITY);
            state.clients.retain(|_, it| it.answering > 0 || it.left(rate, now) > 0.0);
        }
        let strangers = nets.iter().filter(|net| !state.clients.contains_key(net)).count();
        if state.clients.len() + strangers > MOST_CLIENTS {
            return Err(BUSY);
        }
        state.may_enter(&nets, self.per_minute, now)?;
        let State { clients, all } = &mut *state;
        for net in &nets {
            clients.entry(*net).or_default().enter(now);
        }
        all.enter(now);
        Ok(Leave { limits: self.clone(), nets })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether one more question may come from `nets`, the narrowest first.
    fn may_enter(
        &mut self,
        nets: &[IpNet],
        per_minute: Option<f64>,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut wait = None;
        let mut has_little = false;
        for (place, net) in nets.iter().enumerate() {
            let mut one = self.clients.get(net).copied().unwrap_or_default();
            if one.answering >= AT_ONCE[place] {
                return Err(BUSY);
            }
            if let Some(rate) = per_minute {
                wait = wait.max(one.check(rate * WIDER[place], now).err());
            }
            if place == 0 {
                let little = per_minute.is_none_or(|rate| one.used <= rate * LITTLE);
                has_little = one.answering < FEW && little;
            } else if place + 1 == nets.len() {
                has_little &= one.answering < FEW_AROUND;
            }
            if let Some(known) = self.clients.get_mut(net) {
                *known = one;
            }
        }
        if let Some(wait) = wait {
            return Err(wait);
        }
        let share = if has_little { 1.0 } else { 1.0 - RESERVE };
        let at_once = if has_little { ALL_AT_ONCE } else { ALL_AT_ONCE - ALL_AT_ONCE / 4 };
        if self.all.answering >= at_once {
            return Err(BUSY);
        }
        per_minute.map_or(Ok(()), |rate| self.all.check(rate * ALL * share, now))
    }
}

impl Client {
    fn enter(&mut self, now: Instant) {
        self.at.get_or_insert(now);
        self.used += 1.0;
        self.answering += 1;
    }

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
        for net in &self.nets {
            if let Some(client) = state.clients.get_mut(net) {
                client.answering -= 1;
            }
        }
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
        let ask = |n: u8| limits.enter(IpAddr::from([192, 0, n, 1]), now);
        assert!((0..20).all(|n| ask(n).is_ok()));
        assert!(ask(20).is_err());
    }

    #[test]
    fn networks_of_networks_are_limited_too() {
        let limits = Arc::new(Limits::new(Some(100)));
        let now = Instant::now();
        let ask = |net: String| limits.enter(address(&net), now);
        let answered = |nets: Vec<String>| nets.into_iter().filter_map(|net| ask(net).ok()).count();
        let flood = (0..4_000).map(|n| format!("2001:db8:0:{:x}::1", n % 40)).collect();
        assert_eq!(answered(flood), 400, "40 /64s of a /56");
        let wide = (0..4_000).map(|n| format!("2001:db8:0:{:x}00::1", 1 + n % 200)).collect();
        assert_eq!(answered(wide), 400, "200 /56s of the same /48");
        let street = (0..4_000).map(|n| format!("192.0.2.{}", n % 250)).collect();
        assert_eq!(answered(street), 400, "a /24");
        assert_eq!(answered(vec!["2001:db8:1::1".to_owned(), "198.51.100.1".to_owned()]), 2);
    }

    #[test]
    fn a_part_is_kept_for_those_who_have_little() {
        let limits = Arc::new(Limits::new(Some(100)));
        let now = Instant::now();
        // Twenty networks of many addresses ask as often as they may.
        let flood =
            (0..20_u8).flat_map(|net| (0..400_u16).map(move |n| [10, net, 0, (n % 4) as u8]));
        let many = flood.filter(|it| limits.enter(IpAddr::from(*it), now).is_ok()).count();
        assert!(many >= 1_500, "{many}");
        limits.enter(address("192.0.2.1"), now).expect("who asks for the first time is answered");
    }

    #[test]
    fn many_answers_to_a_network_leave_room_for_others() {
        let limits = Arc::new(Limits::new(None));
        let now = Instant::now();
        let mut leaves = Vec::new();
        for n in 0..4_000 {
            let net = format!("2001:db8:0:{:x}::1", n % 400);
            leaves.extend(limits.enter(address(&net), now));
        }
        assert_eq!(leaves.len(), AT_ONCE[2]);
        for n in 0..4_000 {
            let net = format!("2001:db8:{:x}::1", 1 + n % 6);
            leaves.extend(limits.enter(address(&net), now));
        }
        assert_eq!(leaves.len(), ALL_AT_ONCE - ALL_AT_ONCE / 4);
        limits.enter(address("192.0.2.1"), now).expect("who has nothing yet is answered");
    }

    #[test]
    fn who_is_being_answered_much_waits_until_something_is_answered() {
        let limits = Arc::new(Limits::new(None));
        let (now, ann) = (Instant::now(), address("192.0.2.1"));
        let mut leaves: Vec<Leave> =
            (0..AT_ONCE[0]).map(|_| limits.enter(ann, now).expect("allowed")).collect();
        limits.enter(ann, now).expect_err("too much");
        leaves.pop();
        limits.enter(ann, now).expect("one is answered");
    }

    #[test]
    fn a_network_of_addresses_is_one_client() {
        let limits = Arc::new(Limits::new(Some(1)));
        let now = Instant::now();
        limits.enter(address("2001:db8::1"), now).expect("allowed");
        limits.enter(address("2001:db8::ffff:2"), now).expect_err("the same");
        limits.enter(address("2001:db8:0:1::1"), now).expect("another");
    }

    #[test]
    fn those_long_gone_are_forgotten() {
        let limits = Arc::new(Limits::new(Some(60)));
        let now = Instant::now();
        let many = MOST_CLIENTS as u32 / 2;
        for n in 0..many {
            drop(limits.enter(
                IpAddr::from((0x0a00_0000 + 256 * n).to_be_bytes()),
                now + Duration::from_secs(n.into()),
            ));
        }
        assert!(limits.state().clients.len() == MOST_CLIENTS);
        let later = now + Duration::from_secs(many.into());
        limits.enter(address("192.0.2.1"), later).expect("there is room");
        assert!(limits.state().clients.len() < 100);
    }
}
