//! The past of a middle-sized company: teams, people, rotations, policies, and the 50,000 incidents they had each month.
//!
//! Everything is made through the use cases on a scripted clock, so that indexes, timelines, deliveries and audit entries are
//! those of an installation that really had that past.

use pagerpal::app::incidents::{Deed, act};
use pagerpal::app::intake::{Received, receive};
use pagerpal::app::users::NewUser;
use pagerpal::app::{App, AppError, Lane, Write, alert_sources, auth, policies, schedules, setup, teams, users};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::event::{Action, Event, Order, Report, SenderTime};
use pagerpal::domain::id::{AlertSourceId, UserId};
use pagerpal::domain::layer::Draft;
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::rotation::{Cadence, Civil};
use std::collections::BTreeMap;
use std::sync::Arc;

/// From one incident to the next, on average.
const APART_SECS: i64 = 52;

/// Who signs in.
pub const ADMIN: (&str, &str) = ("ada@example.test", "lamp otter bridge nine");

const TEAMS: usize = 10;
const PEOPLE_OF_A_TEAM: usize = 6;
const SCHEDULES_OF_A_TEAM: usize = 2;
const SOURCES_OF_A_TEAM: usize = 3;

/// Of an open incident, whose ladder nobody climbs while something is measured.
const DELAY_MINUTES: u16 = 24 * 60;

/// One incident in so many stays open.
pub const OPEN_OF: usize = 100;

/// How long ago the first was reported, so that the last round of them ends before now.
pub fn secs(incidents: usize) -> i64 {
    incidents as i64 * APART_SECS + 3600
}

pub fn make(app: &App, clock: &ScriptedClock, incidents: usize) {
    let sources: Arc<[(AlertSourceId, UserId)]> = write(app, organisation).into();
    let rounds = incidents.div_ceil(sources.len());
    for round in 0..rounds {
        let numbers = round * sources.len() + 1..(incidents + 1).min((round + 1) * sources.len() + 1);
        let of = |number: usize, sources: &[(AlertSourceId, UserId)]| sources[number % sources.len()];
        let (these, known) = (numbers.clone(), Arc::clone(&sources));
        write(app, move |tx| these.clone().try_for_each(|number| report(tx, number, of(number, &known).0)));
        clock.advance(180);
        let (these, known) = (numbers.clone(), Arc::clone(&sources));
        write(app, move |tx| {
            these.clone().try_for_each(|number| deed(tx, number, of(number, &known).1, Deed::Acknowledge))
        });
        clock.advance(600);
        let (these, known) = (numbers, Arc::clone(&sources));
        write(app, move |tx| {
            let closed = these.clone().filter(|number| !number.is_multiple_of(OPEN_OF));
            closed.into_iter().try_for_each(|number| deed(tx, number, of(number, &known).1, Deed::Resolve))
        });
        clock.advance(sources.len() as i64 * APART_SECS - 780);
    }
}

fn write<T: Send + 'static>(app: &App, work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static) -> T {
    app.write(Lane::People, work).unwrap_or_else(|error| panic!("history: {error}"))
}

/// The alert sources, each with a person who answers for it.
fn organisation(tx: &mut Write<'_>) -> Result<Vec<(AlertSourceId, UserId)>, AppError> {
    let (email, password) = ADMIN;
    let hash = auth::hash_password(password, [7; 16]).expect("hashing works");
    let person = |name: String, email: Option<&str>, role, password_hash| NewUser {
        name,
        email: email.map(str::to_owned),
        role,
        zone: "Europe/Berlin".to_owned(),
        password_hash,
    };
    let ada = setup::create_first_admin(tx, &person("Ada".to_owned(), Some(email), Role::Admin, Some(hash)))?;
    let today = Civil(tx.now().as_second().div_euclid(86_400) * 1440);
    let mut sources = Vec::new();
    for team in 0..TEAMS {
        let mut members = Vec::new();
        for place in 0..PEOPLE_OF_A_TEAM {
            let number = team * PEOPLE_OF_A_TEAM + place;
            let id =
                users::create(tx, &Actor::SYSTEM, &person(format!("Responder {number}"), None, Role::Responder, None))?;
            users::add_contact(tx, &Actor::SYSTEM, id, Channel::Sms, &format!("+49170{number:06}"))?;
            members.push(id);
        }
        let id = teams::create(tx, &Actor::SYSTEM, &format!("Team {team}"), &members)?;
        let mut recipients = Vec::new();
        for half in 0..SCHEDULES_OF_A_TEAM {
            let basics = schedules::Basics {
                name: format!("Rota {team}.{half}"),
                team: id,
                zone: "Europe/Berlin".to_owned(),
                fallback: None,
            };
            let schedule = schedules::create(tx, &Actor::SYSTEM, &basics)?;
            let draft = Draft {
                name: "Weekly".to_owned(),
                zone: basics.zone,
                from: None,
                anchor: today,
                cadence: Cadence::Weeks(1),
                slots: members.iter().skip(half).map(|member| vec![*member]).collect(),
                windows: vec![],
            };
            schedules::add_layer(tx, &Actor::SYSTEM, schedule, &draft)?;
            recipients.push(Recipient::Schedule(schedule));
        }
        let basics = policies::Basics {
            repeat: 0,
            last_resort: vec![ada],
            ..policies::Basics::named(&format!("Policy {team}"))
        };
        let levels: Vec<Level> = (1..)
            .zip(recipients)
            .map(|(number, recipient)| Level { number, delay_minutes: DELAY_MINUTES, recipients: vec![recipient] })
            .collect();
        let policy = policies::create(tx, &Actor::SYSTEM, &basics, &levels)?;
        for source in 0..SOURCES_OF_A_TEAM {
            let basics =
                alert_sources::Basics::named(&format!("Alertmanager {team}.{source}"), "alertmanager", id, policy);
            let source = alert_sources::create(tx, &Actor::SYSTEM, &basics, &format!("{:032x}", sources.len()))?;
            sources.push((source, members[sources.len() % members.len()]));
        }
    }
    Ok(sources)
}

/// One of forty alerts a source knows, so that most have a last time.
fn report(tx: &mut Write<'_>, number: usize, source: AlertSourceId) -> Result<(), AppError> {
    let host = format!("db{}", number % 40);
    let severities = [Severity::Critical, Severity::Error, Severity::Warning];
    let event = Event {
        action: Action::Trigger,
        external_id: format!("disk-{host}-{}", if number.is_multiple_of(OPEN_OF) { number } else { 0 }),
        severity: Some(severities[number % severities.len()]),
        title: format!("Disk of {host} will be full in 4 hours"),
        details: format!("/var/lib/postgresql of {host} is 91 % full and grows by 2 GB an hour."),
        labels: BTreeMap::from([("instance".to_owned(), host), ("job".to_owned(), "node".to_owned())]),
        links: vec![],
        occurred_at: SenderTime::from(tx.now()),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    };
    let received = Received {
        source,
        reports: vec![Report::Event(event)],
        delivery_id: None,
        key_hash: None,
        body: String::new(),
        is_test: false,
    };
    receive(tx, &received).map(drop)
}

fn deed(tx: &mut Write<'_>, number: usize, who: UserId, deed: Deed) -> Result<(), AppError> {
    act(tx, &Actor::SYSTEM, &number.to_string(), Some(who), deed).map(drop)
}
