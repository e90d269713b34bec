//! S14: how many texts a number gets, and that no two are alike.

use super::Judge;
use pagerpal::domain::Severity;
use pagerpal::domain::id::DeliveryId;

/// Of 15 texts in an hour 4 are kept for what is critical and 1 for a test.
const PLAIN_AN_HOUR: usize = 10;

pub(super) struct Text {
    pub(super) at: u64,
    pub(super) message_id: String,
    pub(super) said: String,
    /// About something critical, or no page at all: it may be of those for whom a part of the budget is kept.
    pub(super) may_be_special: bool,
}

impl Judge {
    /// Whether a claim of this message carried something critical, sent or not.
    pub(super) fn was_critical(&self, delivery: DeliveryId, message_number: u32) -> bool {
        let attempts = self.view.deliveries.get(&delivery).into_iter().flat_map(|delivery| &delivery.attempts);
        let carried = attempts.filter(|attempt| attempt.message_number == message_number).flat_map(|of| &of.carried);
        let mut incidents = carried.filter_map(|id| self.view.incidents.get(&self.view.deliveries.get(id)?.incident?));
        incidents.any(|incident| incident.severity == Severity::Critical)
    }

    pub(super) fn texted(&mut self, number: &str, mut text: Text) -> Result<(), String> {
        const SECOND: u64 = 1000;
        let (at, message_id) = (text.at, text.message_id.clone());
        let texts = self.texts.entry(number.to_owned()).or_default();
        // Whatever a message carried when it may have been taken, it goes on counting as that.
        text.may_be_special |= texts.iter().any(|other| other.message_id == message_id && other.may_be_special);
        texts.retain(|other| at - other.at < 3600 * SECOND && other.message_id != message_id);
        if let Some(other) = texts.iter().find(|other| other.said == text.said) {
            let other = &other.message_id;
            return Err(format!("S14: {other} and {message_id} say the same to {number}: {}", text.said));
        }
        texts.push(text);
        // A claim is counted a moment before its message leaves, so windows are a little shorter here.
        let within = |secs: u64| texts.iter().filter(move |text| at - text.at < secs * SECOND - 2 * SECOND);
        for (secs, most) in [(900, 5), (3600, 15)] {
            let count = within(secs).count();
            if count > most {
                return Err(format!("S14: {count} texts to {number} within {secs} s"));
            }
        }
        let plain = within(3600).filter(|text| !text.may_be_special).count();
        if plain > PLAIN_AN_HOUR {
            return Err(format!(
                "S14: {plain} texts to {number} within an hour, which leaves too few for what is critical"
            ));
        }
        Ok(())
    }
}
