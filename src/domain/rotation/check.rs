//! What a rotation may be: the limits, and what the person who passed one reads.

use super::cron::Matches;
use super::{Cadence, Civil, MINUTES_A_DAY, Version};
use crate::domain::refusal::Refusal;

const MOST_SLOTS: usize = 100;
const MOST_IN_A_SLOT: usize = 5;
const MOST_WINDOWS: usize = 50;
const MOST_EXTRA_DAYS: u8 = 6;

impl Version {
    /// Refuses what is out of range. Somebody named twice in one slot is kept once.
    pub fn checked(mut self) -> Result<Version, Refusal> {
        if !(1..=MOST_SLOTS).contains(&self.slots.len()) {
            return Err(range("slots", "1 to 100 turns of 1 to 5 people"));
        }
        for slot in &mut self.slots {
            let mut seen = Vec::new();
            slot.retain(|user| {
                !seen.contains(user) && {
                    seen.push(*user);
                    true
                }
            });
            if !(1..=MOST_IN_A_SLOT).contains(&slot.len()) {
                return Err(range("slots", "1 to 100 turns of 1 to 5 people"));
            }
        }
        if !(Civil(0)..=Civil(84_000 * MINUTES_A_DAY)).contains(&self.anchor) {
            return Err(range("anchor", "a first handoff between 1970 and 2199"));
        }
        self.check_windows()?;
        self.check_cadence()?;
        Ok(self)
    }

    fn check_windows(&self) -> Result<(), Refusal> {
        let sound = self.windows.len() <= MOST_WINDOWS
            && self.windows.iter().all(|w| {
                let times = i64::from(w.start) < MINUTES_A_DAY && i64::from(w.end) < MINUTES_A_DAY;
                (1..128).contains(&w.days.0) && times && w.extra_days <= MOST_EXTRA_DAYS
            });
        if sound {
            return Ok(());
        }
        let sentence = "A window has at least one day, times from 00:00 to 23:59 and at most 6 extra days; a rotation has \
                        at most 50 windows.";
        Err(Refusal::invalid("window_range", "windows", sentence))
    }

    fn check_cadence(&self) -> Result<(), Refusal> {
        let (number, most, words) = match &self.cadence {
            Cadence::Hours(number) => (*number, 168, "turns of 1 to 168 hours"),
            Cadence::Days(number) => (*number, 365, "turns of 1 to 365 days"),
            Cadence::Weeks(number) => (*number, 52, "turns of 1 to 52 weeks"),
            Cadence::Months(number) => (*number, 12, "turns of 1 to 12 months"),
            Cadence::Windows(number) => (*number, 100, "turns of 1 to 100 windows"),
            Cadence::Cron(pattern) => {
                if Matches::parse(pattern, self.anchor).is_some_and(|matches| matches.are_sound()) {
                    return Ok(());
                }
                let sentence = "Use five fields with fixed minute and hour, matching within five years and at least one hour apart.";
                return Err(Refusal::invalid("cron_pattern", "cron", sentence));
            }
        };
        if !(1..=most).contains(&number) {
            return Err(range("cadence", words));
        }
        let one_window = matches!(self.windows[..], [window] if !window.overlaps_itself());
        if matches!(self.cadence, Cadence::Windows(_)) && !one_window {
            let sentence = "A turn per window needs exactly one window that does not overlap itself.";
            return Err(Refusal::invalid("cadence_windows", "windows", sentence));
        }
        Ok(())
    }
}

fn range(field: &'static str, words: &str) -> Refusal {
    Refusal::invalid("rotation_range", field, format!("A rotation has {words}."))
}
