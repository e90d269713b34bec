//! How often somebody may try a password, decided before any hash is computed, and how often ask at all.
//!
//! A password takes from two buckets: 5 tries a minute for an account from an address, 20 a minute for an address (IPv6:
//! for its /64, which is what one customer has). Nobody is ever locked out: a stranger who fails on purpose must not
//! keep the person on call from signing in elsewhere. All of it is memory, and forgotten with the process.

use crate::domain::time::Timestamp;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

const PER_ACCOUNT: Rate = Rate { burst: 5, secs_each: 12 };
const PER_ADDRESS: Rate = Rate { burst: 20, secs_each: 3 };

/// Buckets of each kind. More addresses than that within a minute is a botnet, against which the queue in front of the
/// hashes stands.
const BUCKETS: usize = 4096;

#[derive(Clone, Copy)]
struct Rate {
    burst: i64,
    secs_each: i64,
}

/// Wait this long before the next try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooSoon {
    pub wait_secs: u64,
}

#[derive(Default)]
pub struct Throttle {
    buckets: Mutex<Buckets>,
}

/// A bucket is one number: the second at which it will be full again. Past means full.
#[derive(Default)]
struct Buckets {
    accounts: BTreeMap<(String, IpAddr), i64>,
    addresses: BTreeMap<IpAddr, i64>,
}

impl Throttle {
    /// Takes one try from both buckets, or from neither.
    pub fn take(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<(), TooSoon> {
        let (now, address) = (now.as_second(), network_of(address));
        let account = (account.to_lowercase(), address);
        // Every change below is whole between two statements.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let account_full = PER_ACCOUNT.after_one(buckets.accounts.get(&account), now)?;
        let address_full = PER_ADDRESS.after_one(buckets.addresses.get(&address), now)?;
        make_room(&mut buckets.accounts, now);
        make_room(&mut buckets.addresses, now);
        buckets.accounts.insert(account, account_full);
        buckets.addresses.insert(address, address_full);
        Ok(())
    }

    /// The password was right: the try does not count.
    pub fn give_back(&self, account: &str, address: IpAddr) {
        let address = network_of(address);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = buckets.accounts.get_mut(&(account.to_lowercase(), address)) {
            *full_at -= PER_ACCOUNT.secs_each;
        }
        if let Some(full_at) = buckets.addresses.get_mut(&address) {
            *full_at -= PER_ADDRESS.secs_each;
        }
    }
}

impl Rate {
    /// When the bucket will be full after one more try.
    fn after_one(self, full_at: Option<&i64>, now: i64) -> Result<i64, TooSoon> {
        let full_at = full_at.copied().unwrap_or(now).max(now) + self.secs_each;
        let wait = full_at - now - self.burst * self.secs_each;
        if wait > 0 { Err(TooSoon { wait_secs: wait.unsigned_abs() }) } else { Ok(full_at) }
    }
}

/// Full buckets say nothing; if there are none, all go: better that than to grow, or to refuse people.
fn make_room<K: Ord>(buckets: &mut BTreeMap<K, i64>, now: i64) {
    if buckets.len() >= BUCKETS {
        buckets.retain(|_, full_at| *full_at > now);
    }
    if buckets.len() >= BUCKETS {
        buckets.clear();
    }
}

/// How many requests each caller may make: so many in one go, and so many a second after that.
pub struct Flow<K> {
    burst: i64,
    per_sec: i64,
    /// When each last asked, and what was left then. Callers are known ones, so there are only so many.
    left: Mutex<BTreeMap<K, (i64, i64)>>,
}

impl<K: Ord> Flow<K> {
    pub fn new(burst: i64, per_sec: i64) -> Flow<K> {
        Flow { burst, per_sec, left: Mutex::default() }
    }

    pub fn admit(&self, caller: K, now: Timestamp) -> bool {
        let now = now.as_second();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, left) = left.entry(caller).or_insert((now, self.burst));
        // A clock set back gives nothing.
        let refill = (now - *at).clamp(0, self.burst) * self.per_sec;
        *left = (*left + refill).min(self.burst);
        *at = now;
        let admitted = *left > 0;
        *left -= i64::from(admitted);
        admitted
    }
}

/// What one customer has: an IPv4 address, or the /64 of an IPv6 one.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn tries(throttle: &Throttle, account: &str, address: &str, at: i64) -> Result<(), u64> {
        let address = address.parse().expect("an address");
        throttle.take(account, address, Timestamp::from_second(NOW + at)).map_err(|refused| refused.wait_secs)
    }

    #[test]
    fn five_tries_a_minute_for_an_account_and_address_and_nobody_else_pays() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(tries(&throttle, "ana@example.org", "192.0.2.1", 0), Ok(()));
        }
        assert_eq!(tries(&throttle, "Ana@Example.org", "192.0.2.1", 0), Err(12));
        assert_eq!(tries(&throttle, "ana@example.org", "192.0.2.2", 0), Ok(()), "she herself, from elsewhere");
        assert_eq!(tries(&throttle, "bo@example.org", "192.0.2.1", 0), Ok(()));
        assert_eq!(tries(&throttle, "ana@example.org", "192.0.2.1", 11), Err(1));
        assert_eq!(tries(&throttle, "ana@example.org", "192.0.2.1", 12), Ok(()));
    }

    #[test]
    fn twenty_a_minute_for_an_address_whatever_the_account() {
        for (first, other) in [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2")] {
            let throttle = Throttle::default();
            for n in 0..20 {
                assert_eq!(tries(&throttle, &format!("user{n}"), first, 0), Ok(()));
            }
            assert_eq!(tries(&throttle, "another", other, 0), Err(3), "{other}");
        }
    }

    #[test]
    fn a_caller_may_burst_and_then_gets_so_many_a_second() {
        let flow = Flow::new(1000, 100);
        let admitted =
            |caller: u8, at, tries| (0..tries).filter(|_| flow.admit(caller, Timestamp::from_second(NOW + at))).count();
        assert_eq!(admitted(1, 0, 1500), 1000);
        assert_eq!(admitted(1, 1, 1500), 100);
        assert_eq!(admitted(2, 1, 1), 1, "another caller");
        assert_eq!(admitted(1, -60, 10), 0, "a clock set back");
        assert_eq!(admitted(1, 3600, 1500), 1000);
    }

    #[test]
    fn right_passwords_do_not_count_and_memory_is_bounded() {
        let throttle = Throttle::default();
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        for _ in 0..100 {
            assert_eq!(tries(&throttle, "ana", "192.0.2.1", 0), Ok(()));
            throttle.give_back("ana", address);
        }
        for n in 0..10_000_u32 {
            let address = format!("10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255);
            assert_eq!(tries(&throttle, "ana", &address, 0), Ok(()));
        }
        assert!(throttle.buckets.lock().expect("no panic").addresses.len() <= BUCKETS);
    }
}
