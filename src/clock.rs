//! The only reader of the host's clocks, and its scripted double.
//!
//! `now` is the wall time of the last adjustment carried forward by the boot clock, which counts through sleep and
//! which nobody can set. So a host whose wall clock jumps does not move us: [`Clock::step`] compares the two,
//! reports a difference of more than [`STEP_SECS`] until [`Clock::adopt`] takes it over, and absorbs a smaller one
//! gradually. Between two steps `now` never goes back. Who depends on elapsed time moves his timers before or after that;
//! it is not done here.

use crate::domain::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The wall clock may differ by this much before the difference counts as a step.
pub const STEP_SECS: i64 = 5;

/// A smaller difference is absorbed at one part in this many of the time that passes.
const SLEW: i64 = 20;

const NANOS: i64 = 1_000_000_000;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// How long until `now` reads `instant`; zero if it does already. Finer than a second, for sleeping.
    fn until(&self, instant: Timestamp) -> Duration;

    /// Compares with the host's wall clock. Called about every second by whoever can act on the answer.
    fn step(&self) -> Option<ClockStep>;

    /// Takes a reported step over.
    fn adopt(&self, step: ClockStep);
}

/// The wall clock was set: `now` reads `before`, and `after` once this is adopted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockStep {
    pub before: Timestamp,
    pub after: Timestamp,
}

impl ClockStep {
    /// Negative if the clock was set back.
    pub fn secs(self) -> i64 {
        self.after.secs_since(self.before)
    }
}

/// The host's clocks.
pub struct SystemClock {
    host: Box<dyn HostTime>,
    reading: Mutex<Reading>,
}

/// All in nanoseconds.
struct Reading {
    /// Our time minus the boot clock.
    offset: i64,
    /// The largest answer since the last step: slewing back must not be seen.
    latest: i64,
    /// The boot clock when we last compared.
    compared: i64,
}

trait HostTime: Send + Sync {
    /// Nanoseconds since 1970, as the host believes.
    fn wall(&self) -> i64;
    /// Nanoseconds since the host booted, sleep included.
    fn boot(&self) -> i64;
}

struct LinuxTime;

impl HostTime for LinuxTime {
    fn wall(&self) -> i64 {
        read_clock(ClockId::Realtime)
    }

    fn boot(&self) -> i64 {
        read_clock(ClockId::Boottime)
    }
}

/// Ahead of the host by so many nanoseconds.
struct Ahead(i64);

impl HostTime for Ahead {
    fn wall(&self) -> i64 {
        LinuxTime.wall() + self.0
    }

    fn boot(&self) -> i64 {
        LinuxTime.boot()
    }
}

fn read_clock(id: ClockId) -> i64 {
    let time = clock_gettime(id);
    time.tv_sec.saturating_mul(NANOS).saturating_add(time.tv_nsec)
}

impl SystemClock {
    #[allow(clippy::new_without_default, reason = "reading the host's clock is not a default value")]
    pub fn new() -> SystemClock {
        SystemClock::reading(Box::new(LinuxTime))
    }

    /// Another time than the host's, which passes as the host's does.
    pub fn starting_at(now: Timestamp) -> SystemClock {
        let ahead = now.as_second() * NANOS - LinuxTime.wall();
        SystemClock::reading(Box::new(Ahead(ahead)))
    }

    fn reading(host: Box<dyn HostTime>) -> SystemClock {
        let (wall, boot) = (host.wall(), host.boot());
        let reading = Reading { offset: wall - boot, latest: wall, compared: boot };
        SystemClock { host, reading: Mutex::new(reading) }
    }

    fn nanos(&self) -> i64 {
        let mut reading = lock(&self.reading);
        let now = self.host.boot() + reading.offset;
        reading.latest = reading.latest.max(now);
        reading.latest
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.nanos().div_euclid(NANOS))
    }

    fn until(&self, instant: Timestamp) -> Duration {
        let nanos = instant.as_second().saturating_mul(NANOS).saturating_sub(self.nanos());
        Duration::from_nanos(nanos.max(0) as u64)
    }

    fn step(&self) -> Option<ClockStep> {
        let mut reading = lock(&self.reading);
        let (wall, boot) = (self.host.wall(), self.host.boot());
        let ours = (boot + reading.offset).max(reading.latest);
        let ahead = wall - (boot + reading.offset);
        let passed = boot - reading.compared;
        reading.compared = boot;
        if ahead.abs() <= STEP_SECS * NANOS {
            let reach = passed / SLEW;
            reading.offset += ahead.clamp(-reach, reach);
            return None;
        }
        let second = |nanos: i64| Timestamp::from_second(nanos.div_euclid(NANOS));
        Some(ClockStep { before: second(ours), after: second(wall) })
    }

    fn adopt(&self, step: ClockStep) {
        let mut reading = lock(&self.reading);
        reading.offset += step.secs() * NANOS;
        reading.latest = self.host.boot() + reading.offset;
    }
}

/// A clock that moves when told to. Clones share the hands.
#[derive(Clone, Debug)]
pub struct ScriptedClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    now: Timestamp,
    /// How far the pretended wall clock is ahead of `now`.
    wall_ahead_secs: i64,
}

impl ScriptedClock {
    pub fn at(now: Timestamp) -> ScriptedClock {
        ScriptedClock(Arc::new(Mutex::new(Hands { now, wall_ahead_secs: 0 })))
    }

    /// Time passes.
    pub fn advance(&self, secs: i64) {
        let mut hands = lock(&self.0);
        hands.now = hands.now.plus_secs(secs);
    }

    /// Puts both hands to this instant without reporting a step, as if it had been so from the start.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = Hands { now, wall_ahead_secs: 0 };
    }

    /// Somebody sets the host's wall clock; `now` follows at the next `step`.
    pub fn set_wall_ahead(&self, secs: i64) {
        lock(&self.0).wall_ahead_secs += secs;
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> Timestamp {
        lock(&self.0).now
    }

    fn until(&self, instant: Timestamp) -> Duration {
        Duration::from_secs(instant.secs_since(self.now()).max(0) as u64)
    }

    fn step(&self) -> Option<ClockStep> {
        let hands = lock(&self.0);
        if hands.wall_ahead_secs.abs() <= STEP_SECS {
            return None;
        }
        Some(ClockStep { before: hands.now, after: hands.now.plus_secs(hands.wall_ahead_secs) })
    }

    fn adopt(&self, step: ClockStep) {
        let mut hands = lock(&self.0);
        hands.now = hands.now.plus_secs(step.secs());
        hands.wall_ahead_secs -= step.secs();
    }
}

/// Every state behind these locks is whole between two statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[derive(Clone, Default)]
    struct Host(Arc<(AtomicI64, AtomicI64)>);

    impl Host {
        fn pass(&self, millis: i64) {
            self.0.0.fetch_add(millis * 1_000_000, Ordering::Relaxed);
            self.0.1.fetch_add(millis * 1_000_000, Ordering::Relaxed);
        }

        fn set_wall(&self, by_millis: i64) {
            self.0.0.fetch_add(by_millis * 1_000_000, Ordering::Relaxed);
        }
    }

    impl HostTime for Host {
        fn wall(&self) -> i64 {
            self.0.0.load(Ordering::Relaxed)
        }

        fn boot(&self) -> i64 {
            self.0.1.load(Ordering::Relaxed)
        }
    }

    fn clock() -> (Host, SystemClock) {
        let host = Host::default();
        host.set_wall(1_800_000_000_000);
        let clock = SystemClock::reading(Box::new(host.clone()));
        (host, clock)
    }

    #[test]
    fn a_jump_of_the_wall_clock_moves_nothing_until_it_is_adopted_as_a_step() {
        for jump in [7_200, -7_200, 6, -6] {
            let (host, clock) = clock();
            let before = clock.now();
            host.set_wall(jump * 1000);
            assert_eq!(clock.now(), before);
            let step = clock.step().expect("more than five seconds");
            assert_eq!((step.before, step.secs()), (before, jump));
            assert_eq!((clock.now(), clock.step()), (before, Some(step)), "until it is adopted");
            clock.adopt(step);
            assert_eq!(clock.now(), before.plus_secs(jump));
            assert_eq!(clock.step(), None, "adopted once");
        }
    }

    #[test]
    fn a_small_difference_is_absorbed_and_now_never_goes_back() {
        for jump_millis in [3_000, -3_000] {
            let (host, clock) = clock();
            host.set_wall(jump_millis);
            let mut last = clock.now();
            for _ in 0..100 {
                host.pass(1000);
                assert_eq!(clock.step(), None);
                assert!(clock.now() >= last, "{jump_millis}");
                assert!(clock.now().secs_since(last) <= 2, "gradually");
                last = clock.now();
            }
            assert_eq!(last.as_second(), host.wall() / NANOS, "in agreement again after a minute");
        }
    }

    #[test]
    fn sleeping_until_an_instant_knows_fractions_of_a_second() {
        let (host, clock) = clock();
        host.pass(250);
        let next = clock.now().plus_secs(1);
        assert_eq!(clock.until(next), Duration::from_millis(750));
        assert_eq!(clock.until(clock.now()), Duration::ZERO);
        assert!(SystemClock::new().now() > Timestamp::from_second(1_700_000_000));
    }

    #[test]
    fn clones_of_a_scripted_clock_share_the_hands() {
        let clock = ScriptedClock::at(Timestamp::from_second(1000));
        let twin = clock.clone();
        twin.advance(5);
        assert_eq!(clock.now(), Timestamp::from_second(1005));
        twin.set_wall_ahead(3600);
        assert_eq!(clock.now(), Timestamp::from_second(1005));
        let step = clock.step().expect("an hour");
        twin.adopt(step);
        assert_eq!((step.secs(), clock.step()), (3600, None));
        assert_eq!(twin.now(), Timestamp::from_second(4605));
    }
}
