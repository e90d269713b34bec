//! The notification log: what was sent to whom, every attempt, and the provider's own words.
//!
//! "Accepted" is never shown as "delivered": the words for a state say what is known and no more.

use crate::domain::access::{Action, Role, may};
use crate::domain::contact::Channel;
use crate::domain::delivery::{Attempt, Delivery, Outcome, State};
use crate::domain::effect::{Reason, UpdateKind};
use crate::domain::incident::Incident;
use crate::domain::notification::Notification;
use crate::domain::receipt::Fate;
use crate::domain::time::Timestamp;
use crate::domain::timeline::Via;
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::names::Names;

/// One delivery, newest attempt last.
pub struct Row {
    pub person: String,
    pub channel: &'static str,
    pub address: String,
    /// What it was about: "page, level 1".
    pub about: String,
    pub when: When,
    pub class: &'static str,
    pub shape: &'static str,
    pub state: String,
    pub attempts: Vec<AttemptRow>,
    /// Where the Retry button posts to, when another try is allowed.
    pub retry: Option<String>,
}

pub struct AttemptRow {
    pub number: usize,
    pub when: When,
    pub words: String,
}

pub fn row(
    notification: &Notification,
    delivery: &Delivery,
    incident: &Incident,
    role: Role,
    names: &Names,
    reader: &Reader,
) -> Row {
    let (class, shape, state) = state(delivery, reader);
    let attempt = |(index, attempt): (usize, &Attempt)| AttemptRow {
        number: index + 1,
        when: reader.when(attempt.claimed_at),
        words: attempt_words(attempt, delivery),
    };
    // The domain itself says whether another try would be accepted.
    let may_retry = may(role, Action::WorkOnIncidents) && delivery.clone().retry_by_hand(incident, reader.now).is_ok();
    Row {
        person: names.marked(delivery.user),
        channel: delivery.channel.title(),
        address: shown_address(delivery.channel, &delivery.address, role),
        about: about(notification.reason, notification.via),
        when: reader.when(delivery.created_at),
        class,
        shape,
        state,
        attempts: delivery.attempts.iter().enumerate().map(attempt).collect(),
        retry: may_retry.then(|| format!("/incidents/{}/deliveries/{}/retry", incident.number, delivery.id)),
    }
}

pub fn about(reason: Reason, via: Via) -> String {
    match reason {
        Reason::Page { level: Some(level) } => format!("page, level {level}"),
        Reason::Page { level: None } => match via {
            Via::Handed => "page, given by hand".to_owned(),
            Via::HadTaken => "page, had taken it".to_owned(),
            _ => "page, last resort".to_owned(),
        },
        Reason::Update(UpdateKind::Acknowledged) => "update: acknowledged".to_owned(),
        Reason::Update(UpdateKind::Resolved) => "update: resolved".to_owned(),
        Reason::Test => "test".to_owned(),
        Reason::Code => "code".to_owned(),
        Reason::Answer => "answer to a reply".to_owned(),
        Reason::Notice => "notice to an admin".to_owned(),
        Reason::Invitation => "link to choose a password".to_owned(),
        Reason::Account => "notice about the account".to_owned(),
    }
}

/// The pip of a delivery: class, shape and words.
pub fn state(delivery: &Delivery, reader: &Reader) -> (&'static str, &'static str, String) {
    let next = delivery.attempts.len() + 1;
    match &delivery.state {
        State::Queued { due } if *due <= reader.now => ("info", "ring", "saved, about to be sent".to_owned()),
        State::Queued { due } if delivery.held_back => {
            let text = format!("enough texts to this number for now; waits until {}", reader.clock(*due));
            ("warning", "ring", text)
        }
        State::Queued { due } => ("info", "ring", format!("saved, due at {}", reader.clock(*due))),
        State::Sending { .. } => ("info", "ring", "being sent, not yet accepted".to_owned()),
        State::Retrying { due } => ("warning", "again", format!("attempt {next} at {}", seconds_clock(reader, *due))),
        State::Accepted { at_operator: false, .. } => ("info", "quarter", "accepted by the provider".to_owned()),
        State::Accepted { at_operator: true, .. } => ("info", "half", "handed to the operator".to_owned()),
        State::Delivered => ("good", "disc", "on the handset".to_owned()),
        State::Failed => ("failed", "cross", "failed".to_owned()),
        State::Exhausted => ("failed", "cross", "given up after many tries".to_owned()),
        State::Suppressed => ("info", "off", "safe mode: recorded, not sent".to_owned()),
        State::Withdrawn { reason } => ("info", "dash", format!("withdrawn: {reason}")),
    }
}

/// Retries come within seconds of each other, so their time needs its seconds.
fn seconds_clock(reader: &Reader, at: Timestamp) -> String {
    reader.written(at.in_zone(&reader.zone), "%H:%M:%S")
}

pub fn attempt_words(attempt: &Attempt, delivery: &Delivery) -> String {
    let Some(answer) = &attempt.answer else {
        let is_running = matches!(delivery.state, State::Sending { .. }) && delivery.attempts.last() == Some(attempt);
        let words = if is_running { "Being sent." } else { "No answer was recorded; it may have been sent." };
        return words.to_owned();
    };
    let meaning = match answer.outcome {
        Outcome::Accepted => "Accepted",
        Outcome::Duplicate => "Known to the provider already",
        Outcome::Ambiguous => "May have been taken",
        Outcome::Temporary { .. } => "Refused for now",
        Outcome::Permanent { account_wide: true } => "Refused, as every message would be",
        Outcome::Permanent { account_wide: false } => "Refused",
        Outcome::Muted => "Number closed by the provider's flood filter",
        Outcome::TemporaryOnce => "Not delivered, and it may pass",
    };
    let mut words = if answer.text.is_empty() { format!("{meaning}.") } else { format!("{meaning}: {}", answer.text) };
    if attempt.carrier.is_some() {
        words.push_str(" It left together with others.");
    }
    if let Some(receipt) = &attempt.receipt {
        let fate = match receipt.fate {
            Fate::OnItsWay => "on its way",
            Fate::AtOperator => "handed to the operator",
            Fate::Delivered => "on the handset",
            Fate::Refused(_) => "not delivered",
        };
        words.push_str(&format!(" Report: {fate}"));
        words.push_str(&if receipt.text.is_empty() { ".".to_owned() } else { format!(" ({}).", receipt.text) });
    }
    words
}

/// Viewers see that somebody can be reached, not where: `+49 … 21`, `a…@example.com`.
pub fn shown_address(channel: Channel, address: &str, role: Role) -> String {
    if role >= Role::Responder {
        return address.to_owned();
    }
    match channel {
        Channel::Email => {
            let (local, host) = address.split_once('@').unwrap_or((address, ""));
            let first: String = local.chars().take(1).collect();
            format!("{first}…@{host}")
        }
        Channel::Sms | Channel::WhatsApp => {
            let characters: Vec<char> = address.chars().collect();
            let head: String = characters.iter().take(3).collect();
            let tail: String = characters.iter().skip(characters.len().saturating_sub(2).max(3)).collect();
            format!("{head} … {tail}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Answer;
    use crate::domain::incident::Status;
    use crate::web::ui::samples;

    #[test]
    fn viewers_see_masked_addresses() {
        let table = [
            (Channel::Sms, "+4917012345621", Role::Viewer, "+49 … 21"),
            (Channel::Sms, "+4917012345621", Role::Responder, "+4917012345621"),
            (Channel::Email, "ana@example.com", Role::Viewer, "a…@example.com"),
            (Channel::Sms, "+49", Role::Viewer, "+49 … "),
        ];
        for (channel, address, role, expected) in table {
            assert_eq!(shown_address(channel, address, role), expected);
        }
    }

    fn check(state: State, expected: &str) {
        let delivery = Delivery { state, ..samples::delivery() };
        assert_eq!(super::state(&delivery, &samples::reader()).2, expected);
    }

    #[test]
    fn a_state_says_what_is_known_and_no_more() {
        let now = samples::reader().now;
        check(State::Queued { due: now }, "saved, about to be sent");
        check(State::Queued { due: now.plus_minutes(5) }, "saved, due at 03:19");
        check(State::Sending { lease_until: now }, "being sent, not yet accepted");
        check(State::Retrying { due: now.plus_secs(18) }, "attempt 2 at 03:14:40");
        check(State::Accepted { at_operator: false, receipt_due: None }, "accepted by the provider");
        check(State::Accepted { at_operator: true, receipt_due: None }, "handed to the operator");
        check(State::Delivered, "on the handset");
        check(State::Suppressed, "safe mode: recorded, not sent");
        check(State::Withdrawn { reason: "taken before it left".into() }, "withdrawn: taken before it left");
    }

    #[test]
    fn the_providers_words_are_in_the_log() {
        let attempt = samples::delivery().attempts[0].clone();
        let text = attempt_words(&attempt, &samples::delivery());
        assert_eq!(text, "Refused, as every message would be: 401 Invalid login details");
        let silent =
            Attempt { answer: Some(Answer { outcome: Outcome::Accepted, text: String::new() }), ..attempt.clone() };
        assert_eq!(attempt_words(&silent, &samples::delivery()), "Accepted.");
        let lost = Attempt { answer: None, ..attempt };
        assert_eq!(attempt_words(&lost, &samples::delivery()), "No answer was recorded; it may have been sent.");
    }

    #[test]
    fn only_a_failed_page_of_an_untaken_incident_can_be_sent_again() {
        let retry = |role, status| {
            let incident = Incident { status, ..samples::incident() };
            let (notification, delivery) = (samples::notification(), samples::delivery());
            row(&notification, &delivery, &incident, role, &samples::names(), &samples::reader()).retry.is_some()
        };
        assert!(retry(Role::Responder, Status::Triggered));
        assert!(!retry(Role::Viewer, Status::Triggered));
        assert!(!retry(Role::Responder, Status::Acknowledged));
    }
}
