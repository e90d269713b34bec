//! "Start with a team called Everyone": team, schedule and policy in one go, so that the next alert already pages somebody.

use crate::app::policies::{self, Basics as Policy};
use crate::app::schedules::{self, Basics as Schedule};
use crate::app::{AppError, Write, change, teams, users};
use crate::domain::actor::Actor;
use crate::domain::entry::Interval;
use crate::domain::id::TeamId;
use crate::domain::policy::{Level, Recipient};
use crate::domain::refusal::Refusal;

const NAME: &str = "Everyone";
/// Long enough to set up the rest, and short enough that its end is seen as a gap ahead.
const COVERED_DAYS: i64 = 7;

/// Whoever asks is on call for a week; then everybody active is paged, and last whoever asked.
pub fn everyone(tx: &mut Write<'_>, actor: &Actor) -> Result<TeamId, AppError> {
    change::begin(actor)?;
    let id = actor.user_id().ok_or_else(|| Refusal::forbidden("Only a person can be the first on call."))?;
    let people = users::all(tx)?;
    let members: Vec<_> = people.iter().filter(|user| user.is_active()).map(|user| user.id).collect();
    let team = teams::create(tx, actor, NAME, &members)?;
    let zone = users::one(tx, id)?.zone;
    let schedule = Schedule { name: NAME.to_owned(), team, zone, fallback: None };
    let schedule = schedules::create(tx, actor, &schedule)?;
    let now = tx.now();
    let week = Interval { start: now, end: now.plus_secs(COVERED_DAYS * 86_400) };
    schedules::add_entry(tx, actor, schedule, id, week, "The first week")?;
    let levels = [
        Level { number: 1, delay_minutes: 5, recipients: vec![Recipient::Schedule(schedule)] },
        Level { number: 2, delay_minutes: 10, recipients: members.into_iter().map(Recipient::User).take(10).collect() },
    ];
    policies::create(tx, actor, &Policy { last_resort: vec![id], ..Policy::named(NAME) }, &levels)?;
    Ok(team)
}
