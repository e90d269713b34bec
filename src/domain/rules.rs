//! What notification rules may say, and what becomes of them when a contact method goes.

use crate::domain::id::ContactId;
use crate::domain::refusal::Refusal;
use crate::domain::user::{ContactMethod, Rules, Step};

/// Steps of one list.
pub const STEPS: usize = 20;
/// A step comes at most so long after the page.
pub const LATEST_MINUTES: u8 = 60;

impl Rules {
    /// As they are kept: each list in the order of time, each step once. The first high step is the page itself, so it
    /// has no delay; a list of low urgency may begin later.
    pub fn checked(self, contacts: &[ContactMethod]) -> Result<Rules, Refusal> {
        let rules = Rules { high: in_order(self.high, "high", contacts)?, low: in_order(self.low, "low", contacts)? };
        if rules.high.first().is_some_and(|first| first.after_minutes > 0) {
            let sentence = "The first high-urgency step has no delay: it is the page itself.";
            return Err(Refusal::invalid("rule_first", "high", sentence));
        }
        Ok(rules)
    }

    /// Without the steps of a contact method that is gone. The high list still begins with the page.
    pub fn without(&mut self, contact: ContactId) {
        for list in [&mut self.high, &mut self.low] {
            list.retain(|step| step.contact != contact);
        }
        if let Some(first) = self.high.first_mut() {
            first.after_minutes = 0;
        }
    }
}

fn in_order(mut steps: Vec<Step>, field: &'static str, contacts: &[ContactMethod]) -> Result<Vec<Step>, Refusal> {
    if steps.iter().any(|step| contacts.iter().all(|contact| contact.id != step.contact)) {
        let sentence = "A step names a contact method that is gone. Choose one of the list.";
        return Err(Refusal::invalid("contact_unknown", field, sentence));
    }
    if steps.iter().any(|step| step.after_minutes > LATEST_MINUTES) {
        let sentence = format!("A step comes 0 to {LATEST_MINUTES} minutes after the page.");
        return Err(Refusal::invalid("rule_range", field, sentence));
    }
    steps.sort_by_key(|step| step.after_minutes);
    let mut kept: Vec<Step> = Vec::new();
    for step in steps {
        if !kept.contains(&step) {
            kept.push(step);
        }
    }
    if kept.len() > STEPS {
        let sentence = format!("A list has at most {STEPS} steps.");
        return Err(Refusal::invalid("rule_range", field, sentence));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contact::Channel;
    use crate::domain::id::Id;

    fn contacts() -> Vec<ContactMethod> {
        let contact = |(number, channel)| ContactMethod {
            id: ContactId::new(number),
            channel,
            address: String::new(),
            enabled: true,
            verified_at: None,
            verification: None,
        };
        [(1, Channel::Sms), (2, Channel::Email)].map(contact).into()
    }

    fn steps(pairs: &[(u64, u8)]) -> Vec<Step> {
        let step = |(contact, after_minutes): &(u64, u8)| Step {
            contact: ContactId::new(*contact),
            after_minutes: *after_minutes,
        };
        pairs.iter().map(step).collect()
    }

    fn check(high: &[(u64, u8)], low: &[(u64, u8)], expected: Result<&[(u64, u8)], &str>) {
        let checked = Rules { high: steps(high), low: steps(low) }.checked(&contacts());
        let high_of = checked.map(|rules| rules.high).map_err(|refusal| refusal.code);
        assert_eq!(high_of, expected.map(steps), "{high:?} {low:?}");
    }

    #[test]
    fn rules_are_lists_of_known_methods_in_the_order_of_time() {
        check(&[], &[], Ok(&[]));
        check(&[(1, 0), (2, 5), (1, 10)], &[], Ok(&[(1, 0), (2, 5), (1, 10)]));
        check(&[(2, 5), (1, 0), (2, 5)], &[], Ok(&[(1, 0), (2, 5)]));
        check(&[(1, 5)], &[], Err("rule_first"));
        check(&[(1, 0), (2, 60)], &[(2, 60)], Ok(&[(1, 0), (2, 60)]));
        check(&[(1, 0), (2, 61)], &[], Err("rule_range"));
        check(&[(3, 0)], &[], Err("contact_unknown"));
        check(&[], &[(3, 0)], Err("contact_unknown"));
        let most: Vec<(u64, u8)> = (0..STEPS as u8).map(|minute| (1, minute)).collect();
        check(&most, &[], Ok(&most));
        let many: Vec<(u64, u8)> = (0..=STEPS as u8).map(|minute| (1, minute)).collect();
        check(&many, &[], Err("rule_range"));
    }

    #[test]
    fn what_is_left_without_a_method_still_begins_with_the_page() {
        let mut rules = Rules { high: steps(&[(1, 0), (2, 5), (1, 10)]), low: steps(&[(1, 3), (2, 8)]) };
        rules.without(ContactId::new(1));
        assert_eq!(rules, Rules { high: steps(&[(2, 0)]), low: steps(&[(2, 8)]) });
        rules.without(ContactId::new(2));
        assert_eq!(rules, Rules::default());
    }
}
