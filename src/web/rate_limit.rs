//! Rate limits and limits on concurrent responses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::nets;
use crate::domain::{RateLimit, TokenBucket};

/// Maximum concurrent responses per network, the narrowest first; enough for an office behind one address.
const MAX_ACTIVE_PER_CLIENT: [usize; 3] = [32, 64, 128];

/// Maximum concurrent responses in total.
const MAX_ACTIVE: usize = 256;

/// Rate factors of the networks around an address, the narrowest first.
const WIDER: [f64; 3] = [1.0, 4.0, 8.0];

/// Rate factor for all clients together.
const GLOBAL_RATE_FACTOR: f64 = 20.0;

/// The share of the total reserved for clients that use little.
const RESERVE: f64 = 0.25;

/// What counts as little: concurrent responses for an address and the networks around it, and a share of the
/// address's rate.
const FEW: usize = 4;
const FEW_AROUND: usize = 16;
const LITTLE: f64 = 0.03;

/// How many networks are remembered.
const MAX_CLIENTS: usize = 20_000;

/// The suggested delay before retrying under overload.
const BUSY: Duration = Duration::from_secs(10);

/// The rate and the concurrent responses of each client.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_minute: Option<f64>,
    state: Mutex<LimiterState>,
}

#[derive(Debug, Default)]
struct LimiterState {
    clients: HashMap<IpNet, ClientUsage>,
    total: ClientUsage,
}

#[derive(Debug, Default, Clone, Copy)]
struct ClientUsage {
    bucket: TokenBucket<Instant>,
    active: usize,
}

/// Permission to answer one request, returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<RateLimiter>,
    nets: Vec<IpNet>,
}

impl RateLimiter {
    /// Allows this many requests per minute and address; `None` for no limit.
    pub(crate) fn new(per_minute: Option<u64>) -> Self {
        // Values above 32 bits make no difference.
        let per_minute = per_minute.map(|many| f64::from(u32::try_from(many).unwrap_or(u32::MAX)));
        Self { per_minute, state: Mutex::default() }
    }

    /// Permission to answer `address` now, or how long to wait.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Result<Permit, Duration> {
        let nets: Vec<IpNet> = nets::around(address).collect();
        let mut state = self.lock_state();
        if state.clients.len() + nets.len() > MAX_CLIENTS {
            let limit = limit_of(self.per_minute, 1.0);
            state.clients.retain(|_, it| it.active > 0 || it.bucket.used(limit, now) > 0.0);
        }
        let strangers = nets.iter().filter(|net| !state.clients.contains_key(net)).count();
        if state.clients.len() + strangers > MAX_CLIENTS {
            return Err(BUSY);
        }
        let global = state.check_limits(&nets, self.per_minute, now)?;
        let LimiterState { clients, total: all } = &mut *state;
        for (net, wider) in nets.iter().zip(WIDER) {
            clients.entry(*net).or_default().enter(limit_of(self.per_minute, wider), now);
        }
        all.enter(global, now);
        Ok(Permit { limiter: self.clone(), nets })
    }

    fn lock_state(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LimiterState {
    /// Whether one more request from `nets` (the narrowest first) is allowed. Returns the total limit that
    /// it counts against.
    fn check_limits(
        &self,
        nets: &[IpNet],
        per_minute: Option<f64>,
        now: Instant,
    ) -> Result<RateLimit, Duration> {
        let mut wait = None;
        let mut has_little = false;
        for (index, net) in nets.iter().enumerate() {
            let one = self.clients.get(net).copied().unwrap_or_default();
            let limit = limit_of(per_minute, WIDER[index]);
            if one.active >= MAX_ACTIVE_PER_CLIENT[index] {
                return Err(BUSY);
            }
            wait = wait.max(one.bucket.check(limit, now).err());
            if index == 0 {
                has_little =
                    one.active < FEW && one.bucket.used(limit, now) <= limit.burst * LITTLE;
            } else if index + 1 == nets.len() {
                has_little &= one.active < FEW_AROUND;
            }
        }
        if let Some(wait) = wait {
            return Err(whole_seconds(wait));
        }
        let share = if has_little { 1.0 } else { 1.0 - RESERVE };
        let at_once = if has_little { MAX_ACTIVE } else { MAX_ACTIVE - MAX_ACTIVE / 4 };
        if self.total.active >= at_once {
            return Err(BUSY);
        }
        let limit = limit_of(per_minute, GLOBAL_RATE_FACTOR * share);
        self.total.bucket.check(limit, now).map_err(whole_seconds)?;
        Ok(limit)
    }
}

/// `factor` times the limit of one address. A burst is a minute's worth.
fn limit_of(per_minute: Option<f64>, factor: f64) -> RateLimit {
    let burst = per_minute.unwrap_or(f64::INFINITY) * factor;
    RateLimit { burst, per_second: burst / 60.0 }
}

fn whole_seconds(wait: Duration) -> Duration {
    let more = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(more))
}

impl ClientUsage {
    fn enter(&mut self, limit: RateLimit, now: Instant) {
        self.bucket.take(limit, now);
        self.active += 1;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.limiter.lock_state();
        state.total.active -= 1;
        for net in &self.nets {
            if let Some(client) = state.clients.get_mut(net) {
                client.active -= 1;
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
    fn burst_of_one_minute_is_allowed_then_refilled() {
        let limits = Arc::new(RateLimiter::new(Some(6)));
        let (now, ann) = (Instant::now(), address("192.0.2.1"));
        for _ in 0..6 {
            limits.acquire(ann, now).expect("allowed");
        }
        assert_eq!(limits.acquire(ann, now).expect_err("too often"), Duration::from_secs(10));
        limits.acquire(address("192.0.2.2"), now).expect("another");
        limits.acquire(ann, now + Duration::from_secs(10)).expect("one came back");
        limits.acquire(ann, now + Duration::from_secs(10)).expect_err("but only one");
    }

    #[test]
    fn total_rate_is_limited() {
        let limits = Arc::new(RateLimiter::new(Some(1)));
        let now = Instant::now();
        let ask = |n: u8| limits.acquire(IpAddr::from([192, 0, n, 1]), now);
        assert!((0..20).all(|n| ask(n).is_ok()));
        assert!(ask(20).is_err());
    }

    #[test]
    fn networks_of_networks_are_limited_too() {
        let limits = Arc::new(RateLimiter::new(Some(100)));
        let now = Instant::now();
        let ask = |net: String| limits.acquire(address(&net), now);
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
    fn share_of_the_limit_is_reserved_for_small_clients() {
        let limits = Arc::new(RateLimiter::new(Some(100)));
        let now = Instant::now();
        // Twenty networks, each with many addresses that use their full rate.
        let flood =
            (0..20_u8).flat_map(|net| (0..400_u16).map(move |n| [10, net, 0, (n % 4) as u8]));
        let many = flood.filter(|it| limits.acquire(IpAddr::from(*it), now).is_ok()).count();
        assert!(many >= 1_500, "{many}");
        limits.acquire(address("192.0.2.1"), now).expect("who asks for the first time is answered");
    }

    #[test]
    fn many_answers_to_a_network_leave_room_for_others() {
        let limits = Arc::new(RateLimiter::new(None));
        let now = Instant::now();
        let mut leaves = Vec::new();
        for n in 0..4_000 {
            let net = format!("2001:db8:0:{:x}::1", n % 400);
            leaves.extend(limits.acquire(address(&net), now));
        }
        assert_eq!(leaves.len(), MAX_ACTIVE_PER_CLIENT[2]);
        for n in 0..4_000 {
            let net = format!("2001:db8:{:x}::1", 1 + n % 6);
            leaves.extend(limits.acquire(address(&net), now));
        }
        assert_eq!(leaves.len(), MAX_ACTIVE - MAX_ACTIVE / 4);
        limits.acquire(address("192.0.2.1"), now).expect("who has nothing yet is answered");
    }

    #[test]
    fn active_requests_per_client_are_limited() {
        let limits = Arc::new(RateLimiter::new(None));
        let (now, ann) = (Instant::now(), address("192.0.2.1"));
        let mut leaves: Vec<Permit> = (0..MAX_ACTIVE_PER_CLIENT[0])
            .map(|_| limits.acquire(ann, now).expect("allowed"))
            .collect();
        limits.acquire(ann, now).expect_err("too much");
        leaves.pop();
        limits.acquire(ann, now).expect("one is answered");
    }

    #[test]
    fn ipv6_network_counts_as_one_client() {
        let limits = Arc::new(RateLimiter::new(Some(1)));
        let now = Instant::now();
        limits.acquire(address("2001:db8::1"), now).expect("allowed");
        limits.acquire(address("2001:db8::ffff:2"), now).expect_err("the same");
        limits.acquire(address("2001:db8:0:1::1"), now).expect("another");
    }

    #[test]
    fn idle_clients_are_evicted() {
        let limits = Arc::new(RateLimiter::new(Some(60)));
        let now = Instant::now();
        let many = MAX_CLIENTS as u32 / 2;
        for n in 0..many {
            drop(limits.acquire(
                IpAddr::from((0x0a00_0000 + 256 * n).to_be_bytes()),
                now + Duration::from_secs(n.into()),
            ));
        }
        assert!(limits.lock_state().clients.len() == MAX_CLIENTS);
        let later = now + Duration::from_secs(many.into());
        limits.acquire(address("192.0.2.1"), later).expect("there is room");
        assert!(limits.lock_state().clients.len() < 100);
    }
}
