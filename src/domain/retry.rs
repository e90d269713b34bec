//! When to try again.
//!
//! | channel | waits between tries |
//! |---|---|
//! | SMS, WhatsApp | 2, 5, 15, 30, 60, 120, 300, 300 s |
//! | email | 1, 5, 15, 30 min |
//!
//! Each ±10 %, so that a thousand pages refused together do not come back together. A provider's `Retry-After` is
//! honoured up to 60 s, and never makes a wait shorter. After the last wait the delivery is exhausted; the ladder goes on
//! all the while.

use crate::domain::contact::Channel;
use crate::domain::given::Jitter;

const QUICK_SECS: &[i64] = &[2, 5, 15, 30, 60, 120, 300, 300];
const EMAIL_SECS: &[i64] = &[60, 300, 900, 1800];
const RETRY_AFTER_AT_MOST_SECS: i64 = 60;

/// Seconds to wait after the `failed`-th failure in a row (from 1), or `None`: give up.
pub fn wait_secs(channel: Channel, failed: u32, retry_after_secs: Option<u32>, jitter: &mut Jitter) -> Option<i64> {
    let waits = match channel {
        Channel::Sms | Channel::WhatsApp => QUICK_SECS,
        Channel::Email => EMAIL_SECS,
    };
    let wait = *waits.get(failed.checked_sub(1)? as usize)?;
    let asked = retry_after_secs.map_or(0, |secs| i64::from(secs).min(RETRY_AFTER_AT_MOST_SECS));
    Some(jitter.percent(wait, 10).max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_within_a_tenth_and_end() {
        let mut jitter = Jitter::seeded(7);
        for (channel, waits) in [(Channel::Sms, QUICK_SECS), (Channel::Email, EMAIL_SECS)] {
            for (index, expected) in waits.iter().enumerate() {
                for _ in 0..50 {
                    let wait = wait_secs(channel, index as u32 + 1, None, &mut jitter).expect("not the last");
                    assert!((wait - expected).abs() <= expected / 10, "{wait} for {expected}");
                }
            }
            assert_eq!(wait_secs(channel, waits.len() as u32 + 1, None, &mut jitter), None);
        }
    }

    #[test]
    fn retry_after_lengthens_a_wait_up_to_a_minute() {
        let mut jitter = Jitter::seeded(7);
        let mut wait = |failed, after| wait_secs(Channel::Sms, failed, Some(after), &mut jitter);
        assert_eq!(wait(1, 20), Some(20));
        assert_eq!(wait(1, 3600), Some(60));
        assert!(wait(7, 1) >= Some(270));
    }
}
