//! Tries to sign in, counted before they reach the audit log.
//!
//! Anybody can fail as often as they like, and an audit log that anybody can fill is none. So of each account and address
//! the first failed try is noted at once, and what follows within the hour as one number when the hour is over. More
//! addresses than so many within an hour are noted together. A try is noted after the password was looked at, without
//! waiting for the commit, so the answer takes as long whoever is asked about and never waits for the disk.
//!
//! Programs send their password with every call; the first right one of a caller and address is noted, and then none
//! for a day.
//!
//! All of it is memory. A restart loses the numbers of a running hour, and may tell people twice.

use crate::app::sign_ins::{self, ALARMING, Failed};
use crate::app::{AppError, Lane, Write};
use crate::domain::actor::{Actor, Door};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::throttle::network_of;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

const HOUR_SECS: i64 = 3600;
const DAY_SECS: i64 = 86_400;
/// Addresses noted by themselves within an hour: those that try an account, and those that try what is none.
const ADDRESSES_OF_ACCOUNT: usize = 5;
const ADDRESSES_OF_NOBODY: usize = 50;
/// Callers and addresses remembered for a day. Past that somebody is noted twice.
const PROGRAMS: usize = 4096;

/// What was tried lately.
#[derive(Default)]
pub struct SignIns(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    failed: BTreeMap<Key, Window>,
    accounts: BTreeMap<UserId, Tries>,
    programs: BTreeMap<(UserId, IpAddr), Timestamp>,
}

/// Whose account, if it is one, and from where; `None` is everywhere else.
type Key = (Option<UserId>, Option<IpAddr>);

/// An hour of failed tries, from the first on.
struct Window {
    since: Timestamp,
    door: Door,
    more: u64,
}

#[derive(Default)]
struct Tries {
    last: VecDeque<Timestamp>,
    told_at: Option<Timestamp>,
}

/// A try that failed.
#[derive(Clone, Copy)]
pub struct Try {
    /// Of an active person with a login.
    pub account: Option<UserId>,
    pub address: IpAddr,
    pub door: Door,
    /// "a wrong password"
    pub what: &'static str,
}

/// What is to be written of one.
#[derive(Default)]
struct News {
    lines: Vec<Failed>,
    is_alarming: bool,
}

impl SignIns {
    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, tried: Try, now: Timestamp) -> News {
        let mut lately = self.lately();
        let lines = lately.over(now);
        let is_alarming = tried.account.is_some_and(|account| lately.accounts.entry(account).or_default().add(now));
        let key = lately.key(tried.account, network_of(tried.address));
        let mut news = News { lines, is_alarming };
        match lately.failed.get_mut(&key) {
            Some(window) => window.more += 1,
            None => {
                lately.failed.insert(key, Window { since: now, door: tried.door, more: 0 });
                let address = key.1.map(|_| tried.address);
                let Try { account, door, what, .. } = tried;
                news.lines.push(Failed { account, address, door, what, more: 0 });
            }
        }
        news
    }

    /// Whether a right password of a program is news.
    fn is_new_program(&self, user: UserId, address: IpAddr, now: Timestamp) -> bool {
        let mut lately = self.lately();
        let key = (user, network_of(address));
        let is_recent = |at: &Timestamp| now.secs_since(*at) < DAY_SECS;
        if lately.programs.get(&key).is_some_and(is_recent) {
            return false;
        }
        if lately.programs.len() >= PROGRAMS {
            lately.programs.retain(|_, at| is_recent(at));
        }
        if lately.programs.len() >= PROGRAMS {
            lately.programs.clear();
        }
        lately.programs.insert(key, now);
        true
    }
}

impl Lately {
    /// Where a try is counted: by itself, or with those of everywhere else.
    fn key(&self, account: Option<UserId>, network: IpAddr) -> Key {
        let most = if account.is_some() { ADDRESSES_OF_ACCOUNT } else { ADDRESSES_OF_NOBODY };
        let known = self.failed.contains_key(&(account, Some(network)));
        let others = self.failed.keys().filter(|(of, from)| *of == account && from.is_some()).count();
        (account, (known || others < most).then_some(network))
    }

    /// Takes out the hours that are over, each as the number it ended with.
    fn over(&mut self, now: Timestamp) -> Vec<Failed> {
        self.accounts.retain(|_, tries| !tries.is_over(now));
        let over = self.failed.extract_if(.., |_, window| now.secs_since(window.since) >= HOUR_SECS);
        over.filter_map(|(key, window)| window.total(key)).collect()
    }

    fn everything(&mut self) -> Vec<Failed> {
        std::mem::take(&mut self.failed).into_iter().filter_map(|(key, window)| window.total(key)).collect()
    }
}

impl Window {
    /// Nothing where the first was the only one.
    fn total(self, (account, address): Key) -> Option<Failed> {
        (self.more > 0).then_some(Failed { account, address, door: self.door, what: "", more: self.more })
    }
}

impl Tries {
    /// Whether this try is the one to tell people of: so many within an hour, and not told in that time.
    fn add(&mut self, now: Timestamp) -> bool {
        self.last.push_back(now);
        if self.last.len() > ALARMING {
            self.last.pop_front();
        }
        let lately = |at: Timestamp| now.secs_since(at) < HOUR_SECS;
        let enough = self.last.len() == ALARMING && self.last.front().is_some_and(|first| lately(*first));
        let is_news = enough && !self.told_at.is_some_and(lately);
        if is_news {
            self.told_at = Some(now);
        }
        is_news
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let past = |at: &Timestamp| now.secs_since(*at) >= HOUR_SECS;
        self.last.back().is_none_or(past) && self.told_at.as_ref().is_none_or(past)
    }
}

/// Notes a try that failed. Waits for nothing.
pub fn note_failed(web: &Web, tried: Try) {
    let News { lines, is_alarming } = web.sign_ins.fail(tried, web.app.now());
    let account = tried.account.filter(|_| is_alarming);
    if lines.is_empty() && account.is_none() {
        return;
    }
    write(web, move |tx| {
        lines.iter().try_for_each(|line| sign_ins::note_failed(tx, line))?;
        account.map_or(Ok(()), |account| sign_ins::alarm(tx, account, tried.address, tried.door))
    });
}

/// Notes that a program gave the right password, if it is the first time in a while. Waits for nothing.
pub fn note_program(web: &Web, actor: &Actor) {
    if let (Some(user), Some(address)) = (actor.user_id(), actor.address)
        && web.sign_ins.is_new_program(user, address, web.app.now())
    {
        let actor = *actor;
        write(web, move |tx| sign_ins::note_program(tx, &actor));
    }
}

/// Writes down what followed the first tries of hours that are over; at the end of the process, of all.
pub fn sum_up(web: &Web, is_the_end: bool) {
    let mut lately = web.sign_ins.lately();
    let lines = if is_the_end { lately.everything() } else { lately.over(web.app.now()) };
    drop(lately);
    if !lines.is_empty() {
        write(web, move |tx| lines.iter().try_for_each(|line| sign_ins::note_failed(tx, line)));
    }
}

/// What cannot be written is in the log of the process: it is no reason to keep anybody waiting.
fn write(web: &Web, note: impl Fn(&mut Write<'_>) -> Result<(), AppError> + Send + 'static) {
    web.app.write_then(Lane::People, note, |outcome| {
        if let Err(error) = outcome {
            tracing::warn!(%error, "tries to sign in could not be noted in the audit log");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn tried(account: Option<u64>, address: &str) -> Try {
        let address = address.parse().expect("an address");
        Try { account: account.map(UserId::new), address, door: Door::Web, what: "a wrong password" }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs)
    }

    #[test]
    fn the_first_try_is_noted_at_once_and_the_rest_of_the_hour_as_a_number() {
        let sign_ins = SignIns::default();
        let lines = |account, address, secs| -> Vec<u64> {
            sign_ins.fail(tried(account, address), at(secs)).lines.iter().map(|line| line.more).collect()
        };
        assert_eq!(lines(Some(1), "192.0.2.1", 0), [0]);
        assert_eq!(lines(Some(1), "192.0.2.1", 1), [0; 0]);
        assert_eq!(lines(Some(1), "192.0.2.1", 3599), [0; 0]);
        assert_eq!(lines(Some(1), "192.0.2.2", 3599), [0], "from elsewhere");
        assert_eq!(lines(None, "192.0.2.1", 3599), [0], "on no account");
        assert_eq!(lines(Some(1), "192.0.2.1", 3600), [2, 0], "the hour is over, and the next begins");
        assert_eq!(lines(Some(1), "192.0.2.1", 7300), [0], "one alone leaves no number");
        assert_eq!(lines(Some(1), "2001:db8::1", 7300), [0]);
        assert_eq!(lines(Some(1), "2001:db8::ffff", 7301), [0; 0], "one customer has a whole /64");
    }

    #[test]
    fn many_addresses_are_noted_together_and_those_of_nobody_leave_room_for_an_account() {
        let sign_ins = SignIns::default();
        let noted = |account| {
            let addresses = (0..1000).map(|n| format!("10.0.{}.{}", n / 256, n % 256));
            let lines = addresses.flat_map(|address| sign_ins.fail(tried(account, &address), at(0)).lines);
            lines.collect::<Vec<Failed>>()
        };
        let of_nobody = noted(None);
        assert_eq!(of_nobody.len(), ADDRESSES_OF_NOBODY + 1);
        assert_eq!(of_nobody.last().expect("the last").address, None);
        assert_eq!(noted(Some(1)).len(), ADDRESSES_OF_ACCOUNT + 1);
        let over = sign_ins.lately().over(at(3600));
        let totals: Vec<u64> = over.iter().map(|line| line.more).collect();
        assert_eq!(totals, [1000 - ADDRESSES_OF_NOBODY as u64 - 1, 1000 - ADDRESSES_OF_ACCOUNT as u64 - 1]);
        assert!(sign_ins.lately().accounts.is_empty(), "an hour later nothing is left of it");
    }

    #[test]
    fn twenty_within_an_hour_alarm_once_an_hour() {
        let sign_ins = SignIns::default();
        let alarms = |from: i64, step: i64, tries: i64| -> Vec<i64> {
            let alarming = |n: &i64| sign_ins.fail(tried(Some(1), "192.0.2.1"), at(from + n * step)).is_alarming;
            (0..tries).filter(alarming).collect()
        };
        assert_eq!(alarms(0, 190, 100), [0; 0], "nineteen in any hour");
        assert_eq!(alarms(100_000, 1, 100), [19]);
        assert_eq!(alarms(103_618, 1, 30), [1], "an hour after the last alarm");
        assert_eq!(alarms(103_700, 60, 61), [59]);
        assert!((0..100).all(|_| !sign_ins.fail(tried(None, "192.0.2.1"), at(0)).is_alarming));
    }

    #[test]
    fn a_program_is_noted_once_a_day_and_memory_is_bounded() {
        let sign_ins = SignIns::default();
        let is_new = |user, address: &str, secs| {
            sign_ins.is_new_program(UserId::new(user), address.parse().expect("an address"), at(secs))
        };
        assert!(is_new(1, "192.0.2.1", 0) && !is_new(1, "192.0.2.1", DAY_SECS - 1) && is_new(1, "192.0.2.1", DAY_SECS));
        assert!(is_new(1, "192.0.2.2", 0) && is_new(2, "192.0.2.1", 0));
        for n in 0..2 * PROGRAMS as u64 {
            is_new(n, "192.0.2.1", DAY_SECS);
        }
        assert!(sign_ins.lately().programs.len() <= PROGRAMS);
    }
}
