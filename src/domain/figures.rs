//! What some weeks of incidents amount to: how soon people answered, who was woken, which sources were noise, and
//! whether messages arrived.
//!
//! Figures are for talking about, so they are few and say how they come about. Tests are not counted. "Half" is the
//! median, "nine of ten" the 90th percentile, both by nearest rank, so each is a time that really happened.

use crate::domain::Severity;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Delivery, State};
use crate::domain::id::{AlertSourceId, UserId};
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Answered within so many seconds; the last bucket is beyond.
pub const BUCKETS_SECS: [i64; 4] = [60, 300, 900, 3600];

/// How soon somebody answered, of some incidents.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Response {
    pub incidents: usize,
    pub answered: usize,
    pub half_answered_secs: Option<i64>,
    pub nine_of_ten_answered_secs: Option<i64>,
    pub half_resolved_secs: Option<i64>,
    /// By [`BUCKETS_SECS`], and beyond.
    pub buckets: [usize; BUCKETS_SECS.len() + 1],
}

/// When a person first had it in hand. Whoever resolves without taking it first has answered too; a recovery is none.
pub fn answered_secs(incident: &Incident) -> Option<i64> {
    let resolved = incident.resolved_at.filter(|_| incident.resolved_by.is_some());
    let at = incident.taken_at.filter(|_| !incident.ackers.is_empty()).or(resolved)?;
    Some(at.secs_since(incident.created_at).max(0))
}

pub fn response<'a>(incidents: impl IntoIterator<Item = &'a Incident>) -> Response {
    let mut response = Response::default();
    let (mut answered, mut resolved) = (Vec::new(), Vec::new());
    for incident in incidents {
        response.incidents += 1;
        resolved.extend(incident.resolved_at.map(|at| at.secs_since(incident.created_at).max(0)));
        if let Some(secs) = answered_secs(incident) {
            answered.push(secs);
            let bucket = BUCKETS_SECS.iter().position(|bound| secs <= *bound).unwrap_or(BUCKETS_SECS.len());
            response.buckets[bucket] += 1;
        }
    }
    response.answered = answered.len();
    response.half_answered_secs = rank(&mut answered, 50);
    response.nine_of_ten_answered_secs = rank(&mut answered, 90);
    response.half_resolved_secs = rank(&mut resolved, 50);
    response
}

/// By severity, the worst first.
pub fn response_by_severity(incidents: &[Incident]) -> Vec<(Severity, Response)> {
    let of = |severity| response(incidents.iter().filter(|incident| incident.severity == severity));
    let mut rows: Vec<_> = Severity::ALL.into_iter().map(|severity| (severity, of(severity))).collect();
    rows.retain(|(_, response)| response.incidents > 0);
    rows.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    rows
}

/// What one person was asked to carry.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Load {
    /// Notifications that asked to take an incident, whatever channels carried them.
    pub pages: usize,
    /// Of those, from 22:00 to 08:00 on the person's own clock.
    pub at_night: usize,
    /// Incidents they acknowledged.
    pub taken: usize,
}

/// 22:00 to 08:00.
pub fn is_night(at: Timestamp, zone: &TimeZone) -> bool {
    !(8..22).contains(&at.in_zone(zone).hour())
}

/// Everybody who was paged or took something, the most pages first.
pub fn load(pages: &[(UserId, bool)], incidents: &[Incident]) -> Vec<(UserId, Load)> {
    let mut loads: BTreeMap<UserId, Load> = BTreeMap::new();
    for (user, at_night) in pages {
        let load = loads.entry(*user).or_default();
        load.pages += 1;
        load.at_night += usize::from(*at_night);
    }
    for user in incidents.iter().flat_map(|incident| &incident.ackers) {
        loads.entry(*user).or_default().taken += 1;
    }
    let mut loads: Vec<_> = loads.into_iter().collect();
    loads.sort_by_key(|(user, load)| (std::cmp::Reverse(load.pages), *user));
    loads
}

/// What one source brought.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Noise {
    pub incidents: usize,
    pub alerts: u64,
    /// Over by itself before anybody had answered.
    pub by_itself: usize,
}

/// Every source that brought something, the most incidents first.
pub fn noise(incidents: &[Incident]) -> Vec<(AlertSourceId, Noise)> {
    let mut sources: BTreeMap<AlertSourceId, Noise> = BTreeMap::new();
    for incident in incidents {
        let noise = sources.entry(incident.source).or_default();
        noise.incidents += 1;
        noise.alerts += incident.event_count;
        noise.by_itself += usize::from(incident.resolved_at.is_some() && answered_secs(incident).is_none());
    }
    let mut sources: Vec<_> = sources.into_iter().collect();
    sources.sort_by_key(|(source, noise)| (std::cmp::Reverse(noise.incidents), *source));
    sources
}

/// What became of the messages of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Arrival {
    pub messages: usize,
    /// Taken by the provider; some of them are known to have arrived.
    pub accepted: usize,
    /// Reported as on the handset.
    pub delivered: usize,
    pub failed: usize,
    /// Recorded in safe mode, or taken back before they left.
    pub not_sent: usize,
}

pub fn arrivals(deliveries: &[Delivery]) -> Vec<(Channel, Arrival)> {
    let mut channels: BTreeMap<Channel, Arrival> = BTreeMap::new();
    for delivery in deliveries {
        let arrival = channels.entry(delivery.channel).or_default();
        arrival.messages += 1;
        match delivery.state {
            State::Accepted { .. } => arrival.accepted += 1,
            State::Delivered => {
                arrival.accepted += 1;
                arrival.delivered += 1;
            }
            State::Failed | State::Exhausted => arrival.failed += 1,
            State::Suppressed | State::Withdrawn { .. } => arrival.not_sent += 1,
            State::Queued { .. } | State::Sending { .. } | State::Retrying { .. } => {}
        }
    }
    channels.into_iter().collect()
}

/// Nearest rank: the smallest value that so many percent do not exceed.
fn rank(values: &mut [i64], percent: usize) -> Option<i64> {
    values.sort_unstable();
    let place = (values.len() * percent).div_ceil(100);
    values.get(place.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::zone_named;

    #[test]
    fn a_rank_is_a_value_that_happened() {
        let check = |values: &[i64], percent, expected| assert_eq!(rank(&mut values.to_vec(), percent), expected);
        check(&[], 50, None);
        check(&[7], 50, Some(7));
        check(&[7], 90, Some(7));
        check(&[4, 1, 3, 2], 50, Some(2));
        check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, Some(9));
        check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 90, Some(10));
    }

    #[test]
    fn a_night_is_that_of_a_persons_own_clock() {
        let at = |text: &str| Timestamp::from_jiff(text.parse().expect("an instant"));
        let check = |text: &str, zone: &str, expected| {
            let zone = zone_named(zone).expect("a zone of the bundled database");
            assert_eq!(is_night(at(text), &zone), expected, "{text} {zone:?}");
        };
        check("2026-11-24T21:59:59Z", "UTC", false);
        check("2026-11-24T22:00:00Z", "UTC", true);
        check("2026-11-24T07:59:59Z", "UTC", true);
        check("2026-11-24T08:00:00Z", "UTC", false);
        check("2026-11-24T22:00:00Z", "Asia/Seoul", true); // 07:00
        check("2026-11-24T03:00:00Z", "Asia/Seoul", false); // noon
    }

    use crate::domain::incident::Status;
    use crate::domain::incident::testing::{ANA, BO, id, incident, minute};

    /// Opened at 0, taken and resolved so many minutes later by Ana; a source resolves where nobody took it.
    fn opened(severity: Severity, taken: Option<i64>, resolved: Option<i64>) -> Incident {
        let mut opened = incident(Status::Resolved);
        opened.severity = severity;
        opened.event_count = 3;
        if let Some(taken) = taken {
            (opened.taken_at, opened.ackers) = (Some(minute(taken)), vec![id(ANA)]);
        }
        opened.resolved_at = resolved.map(minute);
        opened
    }

    #[test]
    fn somebody_answers_who_takes_it_or_resolves_it() {
        let answered = |incident: &Incident| answered_secs(incident);
        assert_eq!(answered(&opened(Severity::Error, Some(2), Some(9))), Some(120));
        assert_eq!(answered(&opened(Severity::Error, None, Some(9))), None, "it was over by itself");
        let by_ana = Incident { resolved_by: Some(id(ANA)), ..opened(Severity::Error, None, Some(9)) };
        assert_eq!(answered(&by_ana), Some(540));
        let by_its_source = Incident { ackers: vec![], ..opened(Severity::Error, Some(2), None) };
        assert_eq!(answered(&by_its_source), None, "a source's own word is no person's");
        assert_eq!(answered(&opened(Severity::Error, Some(-5), None)), Some(0), "the clock was set");
    }

    #[test]
    fn answers_are_counted_by_how_soon_they_came() {
        let taken = [1, 5, 6, 15, 60, 61].map(|minutes| opened(Severity::Error, Some(minutes), Some(100)));
        let open = opened(Severity::Error, None, None);
        let all = response(taken.iter().chain([&open]));
        assert_eq!((all.incidents, all.answered, all.buckets), (7, 6, [1, 1, 2, 1, 1]));
        assert_eq!((all.half_answered_secs, all.nine_of_ten_answered_secs), (Some(360), Some(3660)));
        assert_eq!(all.half_resolved_secs, Some(6000));
        let some = [open, opened(Severity::Critical, Some(1), None), opened(Severity::Error, Some(1), None)];
        let rows = response_by_severity(&some);
        let rows: Vec<_> =
            rows.iter().map(|(severity, response)| (*severity, response.incidents, response.answered)).collect();
        assert_eq!(rows, [(Severity::Critical, 1, 1), (Severity::Error, 2, 1)]);
    }

    #[test]
    fn a_load_is_what_woke_somebody_and_what_they_took() {
        let pages = [(id(BO), true), (id(BO), false), (id(ANA), false), (id(BO), true)];
        let taken = [opened(Severity::Error, Some(1), None), opened(Severity::Error, Some(1), None)];
        let ana = Load { pages: 1, at_night: 0, taken: 2 };
        assert_eq!(load(&pages, &taken), [(id(BO), Load { pages: 3, at_night: 2, taken: 0 }), (id(ANA), ana)]);
    }

    #[test]
    fn noise_is_what_was_over_before_anybody_answered() {
        let other = crate::domain::id::Id::new(2);
        let noisy = |incident: Incident| Incident { source: other, ..incident };
        let all = [
            opened(Severity::Error, Some(1), Some(2)),
            noisy(opened(Severity::Error, None, Some(2))),
            noisy(opened(Severity::Error, None, Some(2))),
            noisy(opened(Severity::Error, Some(1), Some(2))),
            noisy(opened(Severity::Error, None, None)),
        ];
        let quiet = (all[0].source, Noise { incidents: 1, alerts: 3, by_itself: 0 });
        assert_eq!(noise(&all), [(other, Noise { incidents: 4, alerts: 12, by_itself: 2 }), quiet]);
    }

    #[test]
    fn messages_arrive_or_it_is_known_why_not() {
        let due = Timestamp::MIN;
        let reason = String::new();
        let states = [
            State::Accepted { at_operator: false, receipt_due: None },
            State::Accepted { at_operator: true, receipt_due: None },
            State::Delivered,
            State::Delivered,
            State::Failed,
            State::Exhausted,
            State::Suppressed,
            State::Withdrawn { reason },
            State::Queued { due },
        ];
        let delivery = |state: State| Delivery { state, ..crate::domain::delivery::testing::delivery(Channel::Sms) };
        let mut all: Vec<Delivery> = states.map(delivery).into();
        all.push(crate::domain::delivery::testing::delivery(Channel::Email));
        let sms = Arrival { messages: 9, accepted: 4, delivered: 2, failed: 2, not_sent: 2 };
        let email = Arrival { messages: 1, ..Arrival::default() };
        assert_eq!(arrivals(&all), [(Channel::Sms, sms), (Channel::Email, email)]);
    }
}
