//! What pages say about who is on call, beyond what a decision about now has to know.

use crate::world::World;
use pagerpal::app::{oncall, schedules};
use pagerpal::clock::Clock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::entry::{Entry, Interval};
use pagerpal::domain::id::{EntryId, ScheduleId, UserId};
use pagerpal::store::Read;

const HOURS: i64 = 200;

/// Two people in turn, an hour each.
fn hourly(world: &mut World) -> (ScheduleId, EntryId) {
    let people = ["ana", "bo"].map(|name| world.person(name, Role::Responder, &[Channel::Sms]));
    let team = world.team;
    let basics = schedules::Basics { name: "hourly".to_owned(), team, zone: "UTC".to_owned(), fallback: None };
    let made = world.write(move |tx| {
        let (id, now) = (schedules::create(tx, &Actor::SYSTEM, &basics)?, tx.now());
        let mut last = None;
        for hour in 0..HOURS {
            let user: UserId = people[hour as usize % 2];
            let span = Interval { start: now.plus_secs(hour * 3600), end: now.plus_secs((hour + 1) * 3600) };
            last = Some(schedules::add_entry(tx, &Actor::SYSTEM, id, user, span, "")?.id);
        }
        Ok((id, last.expect("there are hours")))
    });
    made.expect("a schedule")
}

#[test]
fn a_schedule_of_many_short_turns_is_drawn_without_gaps() {
    let mut world = World::new(false);
    let (id, _) = hourly(&mut world);
    let (start, end) = (world.clock.now(), world.clock.now().plus_secs(HOURS * 3600));
    let (.., segments) = world.read(|read| oncall::rendered(read, id, start, end));
    assert_eq!(segments.len() as i64, HOURS);
    assert!(segments.iter().all(|segment| !segment.places.is_empty()), "nobody is missing");
}

#[test]
fn a_deleted_schedule_leaves_nothing_behind() {
    let mut world = World::new(false);
    let (id, last) = hourly(&mut world);
    world.write(move |tx| schedules::delete(tx, &Actor::SYSTEM, id)).expect("nothing uses it");
    assert_eq!(world.read(|read| Ok(read.get::<Entry>(last)?)), None);
}
