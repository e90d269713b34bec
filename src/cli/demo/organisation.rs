//! Who there is in the demo: three teams, eight people, schedules with a gap, policies, alert sources.

use crate::app::users::{self, NewUser};
use crate::app::{AppError, Write, alert_sources, policies, schedules, teams};
use crate::domain::access::Role;
use crate::domain::actor::{Actor, Door};
use crate::domain::contact::Channel;
use crate::domain::entry::Interval;
use crate::domain::id::{AlertSourceId, PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::layer::Draft;
use crate::domain::policy::{Level, Recipient};
use crate::domain::rotation::{Cadence, Civil};
use crate::domain::time::{Timestamp, earliest_at_or_after, zone_named};
use jiff::ToSpan;
use jiff::civil::DateTime;
use std::collections::BTreeMap;

const ZONE: &str = "Europe/Berlin";
const DAY: i64 = 86_400;

#[derive(Clone)]
pub struct Organisation {
    pub ana: UserId,
    pub bo: UserId,
    pub grace: UserId,
    /// Who takes incidents, each with whether they can sign in.
    pub responders: Vec<(UserId, bool)>,
    pub payments: ScheduleId,
    sources: BTreeMap<Source, AlertSourceId>,
}

/// What sends alerts there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    Metrics,
    Boards,
    Cloud,
    Jobs,
}

impl Organisation {
    pub fn source(&self, source: Source) -> AlertSourceId {
        self.sources[&source]
    }

    pub fn admin(&self) -> Actor {
        Actor::user(self.ana, Role::Admin, Door::Web)
    }
}

/// In one transaction, at the instant the history begins. `until` is its end; `keys` are those of the sources.
pub fn found(
    tx: &mut Write<'_>,
    until: Timestamp,
    password_hash: &str,
    keys: &[String; 4],
) -> Result<Organisation, AppError> {
    let [ana, bo, caro, dana, eli, finn, grace, hugo] = people(tx, password_hash)?;
    let admin = Actor::user(ana, Role::Admin, Door::Web);
    let payments = teams::create(tx, &admin, "Payments", &[ana, bo, caro, dana])?;
    let platform = teams::create(tx, &admin, "Platform", &[ana, eli, finn])?;
    let network = teams::create(tx, &admin, "Network", &[eli, finn, hugo])?;

    let begin = tx.now();
    let weekly = turns(tx, &admin, "Payments primary", payments, begin, Cadence::Weeks(1), &[caro, bo, ana])?;
    let daily = turns(tx, &admin, "Platform days", platform, begin, Cadence::Days(1), &[eli, finn])?;
    let gappy = with_gap(tx, &admin, network, begin, until, eli, finn)?;

    let on = Recipient::Schedule;
    let level = |number, delay_minutes, recipients| Level { number, delay_minutes, recipients };
    let day_and_night = policy(
        tx,
        &admin,
        "Payments day and night",
        2,
        &[ana, caro],
        &[
            level(1, 5, vec![on(weekly)]),
            level(2, 15, vec![Recipient::User(dana), Recipient::User(bo)]),
            level(3, 10, vec![Recipient::Team(payments)]),
        ],
    )?;
    let levels = [level(1, 10, vec![on(daily)]), level(2, 10, vec![Recipient::User(ana)])];
    let by_day = policy(tx, &admin, "Platform", 1, &[ana], &levels)?;
    let best_effort = policy(tx, &admin, "Network, best effort", 0, &[ana], &[level(1, 15, vec![on(gappy)])])?;

    let made = [
        (Source::Metrics, "prometheus", "alertmanager", payments, day_and_night),
        (Source::Boards, "grafana", "grafana", platform, by_day),
        (Source::Cloud, "aws-alarms", "cloudwatch", network, best_effort),
        (Source::Jobs, "nightly-jobs", "generic", platform, by_day),
    ];
    let mut sources = BTreeMap::new();
    for ((source, name, kind, team, policy), key) in made.into_iter().zip(keys) {
        let basics = alert_sources::Basics::named(name, kind, team, policy);
        sources.insert(source, alert_sources::create(tx, &admin, &basics, key)?);
    }
    let responders = vec![(ana, true), (bo, true), (caro, true), (dana, true), (eli, true), (finn, false)];
    Ok(Organisation { ana, bo, grace, responders, payments: weekly, sources })
}

/// Finn and Hugo have no login, and Hugo cannot be paged at all.
fn people(tx: &mut Write<'_>, password_hash: &str) -> Result<[UserId; 8], AppError> {
    use Channel::{Sms, WhatsApp};
    let everybody: [(&str, Role, bool, &str, &[Channel]); 8] = [
        ("Ana", Role::Admin, true, ZONE, &[Sms, WhatsApp]),
        ("Bo", Role::Responder, true, "Europe/Stockholm", &[Sms]),
        ("Caro", Role::Admin, true, ZONE, &[Sms]),
        ("Dana", Role::Responder, true, ZONE, &[Sms]),
        ("Eli", Role::Responder, true, "Asia/Seoul", &[WhatsApp, Sms]),
        ("Finn", Role::Responder, false, ZONE, &[Sms]),
        ("Grace", Role::Viewer, true, "America/New_York", &[]),
        ("Hugo", Role::Responder, false, ZONE, &[]),
    ];
    let mut ids = Vec::with_capacity(everybody.len());
    for (place, (name, role, login, zone, channels)) in everybody.into_iter().enumerate() {
        let new = NewUser {
            name: name.to_owned(),
            email: (name != "Hugo").then(|| format!("{}@example.com", name.to_lowercase())),
            role,
            zone: zone.to_owned(),
            password_hash: login.then(|| password_hash.to_owned()),
        };
        let id = users::create(tx, &Actor::SYSTEM, &new)?;
        for channel in channels {
            // Numbers that are kept free for stories.
            users::add_contact(tx, &Actor::SYSTEM, id, *channel, &format!("+1202555010{place}"))?;
        }
        ids.push(id);
    }
    Ok(ids.try_into().expect("there are eight"))
}

fn schedule(tx: &mut Write<'_>, admin: &Actor, name: &str, team: TeamId) -> Result<ScheduleId, AppError> {
    let basics = schedules::Basics { name: name.to_owned(), team, zone: ZONE.to_owned(), fallback: None };
    schedules::create(tx, admin, &basics)
}

/// One rotation, handed on at nine in the morning.
fn turns(
    tx: &mut Write<'_>,
    admin: &Actor,
    name: &str,
    team: TeamId,
    begin: Timestamp,
    cadence: Cadence,
    people: &[UserId],
) -> Result<ScheduleId, AppError> {
    let id = schedule(tx, admin, name, team)?;
    let draft = Draft {
        name: "In turn".to_owned(),
        zone: ZONE.to_owned(),
        from: None,
        anchor: Civil::of(monday_at_nine(begin)),
        cadence,
        slots: people.iter().map(|person| vec![*person]).collect(),
        windows: vec![],
    };
    schedules::add_layer(tx, admin, id, &draft)?;
    Ok(id)
}

/// The last one, on the clocks there.
fn monday_at_nine(instant: Timestamp) -> DateTime {
    let date = instant.in_zone(&zone_named(ZONE).expect("it is in the bundled database")).date();
    let days = i64::from(date.weekday().to_monday_zero_offset());
    date.saturating_sub(days.days()).at(9, 0, 0, 0)
}

/// Entries by hand that leave each Saturday's day to nobody.
fn with_gap(
    tx: &mut Write<'_>,
    admin: &Actor,
    team: TeamId,
    begin: Timestamp,
    until: Timestamp,
    week: UserId,
    weekend: UserId,
) -> Result<ScheduleId, AppError> {
    let id = schedule(tx, admin, "Network", team)?;
    let zone = zone_named(ZONE).expect("it is in the bundled database");
    let mut monday = monday_at_nine(begin.plus_secs(7 * DAY));
    while earliest_at_or_after(&zone, monday) < until.plus_secs(21 * DAY) {
        let day = |days: i64, hour: i8| {
            earliest_at_or_after(&zone, monday.date().saturating_add(days.days()).at(hour, 0, 0, 0))
        };
        schedules::add_entry(tx, admin, id, week, Interval { start: day(0, 9), end: day(5, 8) }, "")?;
        schedules::add_entry(tx, admin, id, weekend, Interval { start: day(5, 20), end: day(7, 9) }, "weekend")?;
        monday = monday.date().saturating_add(7.days()).at(9, 0, 0, 0);
    }
    Ok(id)
}

fn policy(
    tx: &mut Write<'_>,
    admin: &Actor,
    name: &str,
    repeat: u8,
    last_resort: &[UserId],
    levels: &[Level],
) -> Result<PolicyId, AppError> {
    let basics = policies::Basics { repeat, last_resort: last_resort.to_vec(), ..policies::Basics::named(name) };
    policies::create(tx, admin, &basics, levels)
}
