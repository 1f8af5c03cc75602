//! How many wrong passwords may be tried: by address, by name, and in total. So nobody can be guessed at for long, and
//! Let's Chat, whose only thread takes a tenth of a second for each, is not flooded.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::domain::{RateLimit, TokenBucket};
use crate::web::nets;

/// Wrong passwords of an address: an office behind one may mistype often.
const PER_ADDRESS: RateLimit = RateLimit { burst: 30.0, per_second: 1.0 / 60.0 };

/// Factors of the networks around an address, the narrowest first.
const WIDER: [f64; 3] = [1.0, 4.0, 8.0];

/// Wrong passwords for a name, from wherever. More than one address has, so that one cannot keep its owner out.
const PER_NAME: RateLimit = RateLimit { burst: 20.0, per_second: 1.0 / 30.0 };

/// Wrong passwords of everybody.
const IN_TOTAL: RateLimit = RateLimit { burst: 100.0, per_second: 0.5 };

/// How many addresses, and how many names, are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// The suggested delay if more are tried than can be remembered.
const CROWDED: Duration = Duration::from_secs(60);

/// The wrong passwords of the last hour.
#[derive(Debug, Default)]
pub(super) struct SignInTries(Mutex<TryCounts>);

#[derive(Debug, Default)]
struct TryCounts {
    nets: HashMap<IpNet, TokenBucket<Instant>>,
    /// By the digest of the name, so that long names take no more room.
    names: HashMap<[u8; 32], TokenBucket<Instant>>,
    total: TokenBucket<Instant>,
}

/// A try that counts as wrong until it turns out otherwise.
#[derive(Debug)]
pub(super) struct SignInTry {
    nets: Vec<IpNet>,
    name: [u8; 32],
}

/// Why nothing can be tried now, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooManyTries {
    /// From this address or the network around it.
    Address(Duration),
    /// For this name.
    Name(Duration),
    /// By everybody.
    Total(Duration),
}

impl TooManyTries {
    /// How long to wait.
    pub(super) fn wait(self) -> Duration {
        match self {
            Self::Address(wait) | Self::Name(wait) | Self::Total(wait) => wait,
        }
    }
}

impl SignInTries {
    /// Counts a try, before its password is looked at.
    pub(super) fn begin(
        &self,
        address: IpAddr,
        name: &str,
        now: Instant,
    ) -> Result<SignInTry, TooManyTries> {
        let tried = SignInTry { nets: nets::around(address).collect(), name: digest(name) };
        let mut counts = self.lock();
        let limits = || tried.nets.iter().zip(WIDER).map(|(net, wider)| (net, wider_limit(wider)));
        let waits = limits().map(|(net, limit)| check(counts.nets.get(net), limit, now));
        if let Some(wait) = waits.flatten().max() {
            return Err(TooManyTries::Address(wait));
        }
        if let Some(wait) = check(counts.names.get(&tried.name), PER_NAME, now) {
            return Err(TooManyTries::Name(wait));
        }
        if let Some(wait) = check(Some(&counts.total), IN_TOTAL, now) {
            return Err(TooManyTries::Total(wait));
        }
        make_room(&mut counts.nets, wider_limit(1.0), now);
        make_room(&mut counts.names, PER_NAME, now);
        if counts.nets.len().max(counts.names.len()) + WIDER.len() > MAX_REMEMBERED {
            return Err(TooManyTries::Total(CROWDED));
        }
        for (net, limit) in limits() {
            counts.nets.entry(*net).or_default().take(limit, now);
        }
        counts.names.entry(tried.name).or_default().take(PER_NAME, now);
        counts.total.take(IN_TOTAL, now);
        Ok(tried)
    }

    /// The password was right, or nobody has looked at it.
    pub(super) fn forgive(&self, tried: &SignInTry) {
        let mut counts = self.lock();
        let TryCounts { nets, names, total } = &mut *counts;
        for net in &tried.nets {
            if let Some(bucket) = nets.get_mut(net) {
                bucket.give_back();
            }
        }
        if let Some(bucket) = names.get_mut(&tried.name) {
            bucket.give_back();
        }
        total.give_back();
    }

    fn lock(&self) -> MutexGuard<'_, TryCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wider_limit(wider: f64) -> RateLimit {
    RateLimit { burst: PER_ADDRESS.burst * wider, per_second: PER_ADDRESS.per_second * wider }
}

/// How long to wait until a try is allowed.
fn check(
    bucket: Option<&TokenBucket<Instant>>,
    limit: RateLimit,
    now: Instant,
) -> Option<Duration> {
    bucket?.check(limit, now).err()
}

/// Forgets those that have tried nothing wrong for long, if there are many.
fn make_room<K: Eq + Hash>(
    counts: &mut HashMap<K, TokenBucket<Instant>>,
    limit: RateLimit,
    now: Instant,
) {
    if counts.len() + WIDER.len() > MAX_REMEMBERED {
        counts.retain(|_, bucket| bucket.used(limit, now) > 0.0);
    }
}

/// Let's Chat does not tell upper and lower case of names apart.
fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(name.trim().to_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn thousand_passwords_for_one_name_are_stopped_early() {
        let (tries, now) = (SignInTries::default(), Instant::now());
        let count =
            |n: u64| tries.begin(address("192.0.2.1"), "ann", now + Duration::from_millis(n));
        let asked = (0..1_000).filter(|n| count(*n).is_ok()).count();
        assert_eq!(asked, 20);
        let refused = tries.begin(address("198.51.100.1"), " ANN ", now);
        assert!(matches!(refused, Err(TooManyTries::Name(wait)) if wait.as_secs() <= 30));
        tries.begin(address("198.51.100.1"), "bob", now).expect("another name");
        tries.begin(address("198.51.100.1"), "ann", now + Duration::from_secs(31)).expect("later");
    }

    #[test]
    fn thousand_names_from_one_network_are_stopped_early() {
        let (tries, now) = (SignInTries::default(), Instant::now());
        let asked = (0..1_000)
            .filter(|n| tries.begin(address("192.0.2.1"), &format!("user{n}"), now).is_ok());
        assert_eq!(asked.count(), 30);
        let wait = tries.begin(address("192.0.2.1"), "ann", now).expect_err("too many");
        assert_eq!(wait, TooManyTries::Address(Duration::from_secs(60)));
        assert_eq!(wait.wait().as_secs(), 60);
        let asked = (0..1_000).filter(|n| {
            let net = format!("2001:db8:0:{:x}::1", n % 50);
            tries.begin(address(&net), &format!("other{n}"), now).is_ok()
        });
        assert_eq!(asked.count(), 70, "the total");
    }

    #[test]
    fn right_password_counts_nothing() {
        let (tries, now) = (SignInTries::default(), Instant::now());
        for _ in 0..1_000 {
            let tried = tries.begin(address("192.0.2.1"), "ann", now).expect("allowed");
            tries.forgive(&tried);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (tries, mut now) = (SignInTries::default(), Instant::now());
        let mut refused = 0;
        for n in 0..30_000_u32 {
            now += Duration::from_secs(2);
            let from = IpAddr::from((0x0a00_0000 + 256 * n).to_be_bytes());
            refused += usize::from(tries.begin(from, &n.to_string(), now).is_err());
        }
        let counts = tries.lock();
        assert!(counts.nets.len() <= MAX_REMEMBERED && counts.names.len() <= MAX_REMEMBERED);
        assert_eq!(refused, 0, "old ones are forgotten");
    }
}
