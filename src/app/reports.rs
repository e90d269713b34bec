//! What the reports count: the incidents of some weeks with their pages and messages, and no more of them than one
//! request may read.

use crate::app::AppError;
use crate::domain::delivery::Delivery;
use crate::domain::effect::Reason;
use crate::domain::figures::is_night;
use crate::domain::id::UserId;
use crate::domain::incident::{Incident, Status};
use crate::domain::time::{Timestamp, zone_named};
use crate::domain::user::User;
use crate::store::{Read, Take, deliveries, incidents, notifications, users};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Incidents that one report looks at, the newest of each status.
pub const INCIDENTS: usize = 1000;
/// Pages and messages of one incident. More are of one that nobody heeded for days.
const OF_ONE_INCIDENT: usize = 100;

#[derive(Clone, Debug, Default)]
pub struct Weeks {
    /// Opened since then, tests apart.
    pub incidents: Vec<Incident>,
    /// Whom somebody was asked to help, and whether that was at night.
    pub pages: Vec<(UserId, bool)>,
    pub deliveries: Vec<Delivery>,
    /// There were more incidents than are counted; the oldest are missing.
    pub is_cut: bool,
}

pub fn since(read: &impl Read, from: Timestamp) -> Result<Weeks, AppError> {
    let people = users::users_all(read, super::MANY)?;
    let zone = |user: &User| (user.id, zone_named(&user.zone).unwrap_or(TimeZone::UTC));
    let zones: BTreeMap<UserId, TimeZone> = people.iter().map(zone).collect();
    let mut weeks = Weeks::default();
    for status in Status::ALL {
        let page = incidents::incidents_with_status(read, status, Take::first(INCIDENTS))?;
        let reaches_back = page.items.last().is_none_or(|oldest| oldest.created_at < from);
        weeks.is_cut |= page.next.is_some() && !reaches_back;
        let counted = page.items.into_iter().filter(|incident| incident.created_at >= from && !incident.is_test);
        weeks.incidents.extend(counted);
    }
    let nowhere = TimeZone::UTC;
    for incident in &weeks.incidents {
        let told = notifications::notifications_of(read, incident.id, OF_ONE_INCIDENT)?;
        let pages = told.iter().filter(|told| matches!(told.reason, Reason::Page { .. }));
        weeks.pages.extend(pages.map(|page| {
            let zone = zones.get(&page.user).unwrap_or(&nowhere);
            (page.user, is_night(page.created_at, zone))
        }));
        weeks.deliveries.extend(deliveries::deliveries_of(read, incident.id, OF_ONE_INCIDENT)?);
    }
    Ok(weeks)
}
