//! What a decision is given from outside: the time, new ids, and a little disorder.
//!
//! Nothing here looks anything up. Whoever runs the decision fills it in, so the same values give the same answer.

use crate::domain::id::NewIds;
use crate::domain::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Given {
    /// One instant for the whole decision, so that everything it writes agrees.
    pub now: Timestamp,
    pub ids: NewIds,
    pub jitter: Jitter,
}

/// A stream of numbers from a seed (splitmix64, Steele, Lea and Flood 2014): spreads retries, keeps no secrets.
#[derive(Clone, Debug)]
pub struct Jitter {
    state: u64,
}

impl Jitter {
    pub fn seeded(seed: u64) -> Jitter {
        Jitter { state: seed }
    }

    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 up to but not including `n`; 0 if `n` is 0. The bias of at most n / 2^64 matters to nobody here.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(n)) >> 64) as u64
    }

    /// `value` made larger or smaller by up to `spread` percent of itself, both ends included.
    pub fn percent(&mut self, value: i64, spread: u8) -> i64 {
        let reach = (i128::from(value).unsigned_abs() * u128::from(spread) / 100).min(1 << 62) as u64;
        let offset = i128::from(self.below(2 * reach + 1)) - i128::from(reach);
        (i128::from(value) + offset).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let stream = |seed| {
            let mut jitter = Jitter::seeded(seed);
            [jitter.number(), jitter.number()]
        };
        assert_eq!(stream(0), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4], "the published values of splitmix64");
        assert_ne!(stream(1), stream(2));
    }

    #[test]
    fn jitter_keeps_its_bounds_and_reaches_them() {
        let mut jitter = Jitter::seeded(7);
        assert_eq!(jitter.below(0), 0);
        let drawn: Vec<u64> = (0..200).map(|_| jitter.below(3)).collect();
        assert!(drawn.iter().all(|n| *n < 3) && [0, 1, 2].iter().all(|n| drawn.contains(n)));

        let spread: Vec<i64> = (0..2000).map(|_| jitter.percent(100, 20)).collect();
        assert_eq!((spread.iter().min(), spread.iter().max()), (Some(&80), Some(&120)));
        assert_eq!(jitter.percent(100, 0), 100);
        jitter.percent(i64::MAX, 100);
        jitter.percent(i64::MIN, 255);
    }
}
