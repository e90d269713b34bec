//! Calendars, out and in: what is given out means the same to others and to ourselves, and what is fetched from elsewhere
//! decides who is on call.

mod elsewhere;
mod random;

use crate::world::World;
use harness::programs::{python, script};
use pagerpal::app::{AppError, Write, feeds, publication, users};
use pagerpal::clock::Clock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::entry::{Entry, Interval, Override, OverrideMode};
use pagerpal::domain::feed::FeedOf;
use pagerpal::domain::given::Jitter;
use pagerpal::domain::id::{Id, ImportId, LayerId, OverrideId, ScheduleId, UserId};
use pagerpal::domain::import::{Directory, ImportCopy};
use pagerpal::domain::oncall::{Calendar, People, final_schedule};
use pagerpal::domain::schedule::{Layer, Schedule, Turns};
use pagerpal::domain::time::Timestamp;
use pagerpal::exchange::ical::local::Local;
use pagerpal::exchange::ical::recur::{Budget, Rule};
use pagerpal::exchange::ical::{export, import};
use pagerpal::store::Read;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

const DAY: i64 = 86_400;

fn at(text: &str) -> Timestamp {
    Timestamp::from_jiff(text.parse().unwrap_or_else(|_| panic!("{text} is an instant")))
}

/// Asks `read_calendar.py`.
fn ask_python(question: &Value) -> Value {
    let mut child = Command::new(python())
        .arg(script("read_calendar.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(question.to_string().as_bytes()).expect("Python listens");
    drop(input);
    let output = child.wait_with_output().expect("Python ends");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "run `cargo xtask needs` if a package is missing: {problem}");
    serde_json::from_slice(&output.stdout).expect("it answers JSON")
}

/// A calendar's events as a feed writes them.
fn document(calendar: &Calendar, people: &People, window: Interval) -> export::Document {
    let name = |id: &UserId| people[id].name.clone();
    let events = pagerpal::domain::feed::events(calendar, people, window).expect("drawn").into_iter().map(|event| {
        export::Event {
            uid: format!("{}-{}@test", calendar.schedule.id, event.key.text()),
            span: event.span,
            summary: event.users.iter().map(name).collect::<Vec<_>>().join(" and "),
            description: String::new(),
            sequence: calendar.schedule.revision,
            changed_at: calendar.schedule.revised_at,
            is_cancelled: false,
        }
    });
    export::Document { name: "Random, \u{fc}nicode; and \\ more".to_owned(), events: events.collect() }
}

/// Who is on call from when to when, whatever the claim; gaps left out.
fn shifts(calendar: &Calendar, people: &People, window: Interval) -> Vec<(Interval, Vec<UserId>)> {
    let mut shifts: Vec<(Interval, Vec<UserId>)> = Vec::new();
    for segment in final_schedule(calendar, people, window.start, window.end).expect("drawn") {
        let users: Vec<UserId> = segment.places.iter().map(|place| place.user).collect();
        match shifts.last_mut() {
            Some((span, last)) if *last == users && span.end == segment.start => span.end = segment.end,
            _ if users.is_empty() => {}
            _ => shifts.push((Interval { start: segment.start, end: segment.end }, users)),
        }
    }
    shifts
}

/// The calendar imported as the only layer of an empty schedule.
fn as_layer(text: &str, calendar: &Calendar, people: &People, window: Interval) -> Calendar {
    let read = import::read(text.as_bytes(), &jiff::tz::TimeZone::UTC, window).unwrap_or_else(|e| panic!("{e}"));
    let import = ImportId::new(1);
    let copy = ImportCopy::of(import, read.into_iter().map(|o| (o.span, o.named))).expect("not too much");
    let mut schedule = calendar.schedule.clone();
    schedule.layers =
        vec![Layer { id: LayerId::new(1), name: "imported".into(), zone: None, turns: Turns::Imported(import) }];
    schedule.fallback = None;
    let directory = Directory::of(people.values());
    let imported = BTreeMap::from([(import, copy.shifts(&directory, Timestamp::MIN))]);
    Calendar { schedule, entries: vec![], overrides: vec![], imported }
}

#[test]
fn what_is_given_out_and_taken_in_again_is_the_same_schedule() {
    let (mut events, mut people_together) = (0, 0);
    for seed in 0..400 {
        let random::Drawn { calendar, people, window } = random::draw(seed);
        let given = document(&calendar, &people, window);
        let layer = as_layer(&export::write(&given), &calendar, &people, window);
        let (ours, theirs) = (shifts(&calendar, &people, window), shifts(&layer, &people, window));
        // Events at the edge are whole in the calendar; within the window both say the same.
        assert_eq!(ours, theirs, "seed {seed}");
        let again = export::write(&document(&layer, &people, window));
        let third = as_layer(&again, &layer, &people, window);
        assert_eq!(ours, shifts(&third, &people, window), "seed {seed}, once more");
        events += given.events.len();
        people_together += ours.iter().filter(|(_, users)| users.len() > 1).count();
        let mut uids: Vec<&str> = given.events.iter().map(|event| event.uid.as_str()).collect();
        uids.sort_unstable();
        uids.dedup();
        assert_eq!(uids.len(), given.events.len(), "seed {seed}: every event has a name of its own");
    }
    assert!(events > 10_000 && people_together > 100, "{events} {people_together}");
}

#[test]
fn another_library_reads_the_same_intervals() {
    for seed in 0..6 {
        let random::Drawn { calendar, people, window } = random::draw(seed);
        let mut given = document(&calendar, &people, window);
        if let Some(first) = given.events.first_mut() {
            first.is_cancelled = true;
            first.summary =
                "\u{1f514} Ana, Bo; \\ and a title that has to be folded more than once, \u{e4}\u{f6}\u{fc}".repeat(3);
        }
        let read = ask_python(&json!({ "calendar": export::write(&given) }));
        assert_eq!((&read["name"], &read["errors"]), (&json!(given.name), &json!([])));
        let expected: Vec<Value> = given
            .events
            .iter()
            .map(|event| {
                json!({
                    "uid": event.uid, "summary": event.summary, "sequence": event.sequence,
                    "start": event.span.start.to_string(), "end": event.span.end.to_string(),
                    "stamp": event.changed_at.to_string(), "transparency": "TRANSPARENT",
                    "status": if event.is_cancelled { "CANCELLED" } else { "CONFIRMED" },
                })
            })
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(read["events"], json!(expected), "seed {seed}");
    }
}

/// Rules drawn at random, but not all there are: with COUNT libraries differ on whether a start that the rule would not
/// give counts, this one takes `SU,-1MO` for a Sunday that is the last Monday, counts BYSETPOS of
/// the first week from the start on, and looks for what a rule never gives until the year 9999.
#[test]
fn rules_come_out_as_in_another_library() {
    let mut random = Jitter::seeded(11);
    let mut pick = |list: &[&str]| list[random.below(list.len() as u64) as usize].to_owned();
    let mut rules = Vec::new();
    for _ in 0..300 {
        let frequency = pick(&["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]);
        let (interval, wide) = (pick(&["1", "1", "2", "3", "5"]), matches!(&*frequency, "YEARLY" | "MONTHLY"));
        let mut rule = format!("FREQ={frequency};INTERVAL={interval}");
        let by_month = if interval == "1" { pick(&["", "", "1", "2,7", "3,6,9,12"]) } else { String::new() };
        let days = match wide {
            true => pick(&["", "MO", "1MO", "-1FR", "MO,TU,WE,TH,FR", "2TU,-2TU"]),
            false => pick(&["", "MO", "TU,TH,SA", "SU"]),
        };
        let month_days = if frequency == "WEEKLY" || !days.is_empty() {
            String::new()
        } else {
            pick(&["", "", "13", "1,15,-1", "-3", "31"])
        };
        let hours = pick(&["", "", "8", "0,12,23"]);
        let minutes = pick(&["", "", "30", "0,45"]);
        let is_whole = frequency != "WEEKLY" && !(days.is_empty() && month_days.is_empty());
        let positions = if !is_whole { String::new() } else { pick(&["", "", "1", "-1"]) };
        for (name, value) in [
            ("BYMONTH", by_month),
            ("BYDAY", days),
            ("BYMONTHDAY", month_days),
            ("BYHOUR", hours),
            ("BYMINUTE", minutes),
            ("BYSETPOS", positions),
            ("WKST", pick(&["", "SU", "WE"])),
            ("UNTIL", pick(&["", "", "20270815T120000"])),
        ] {
            if !value.is_empty() {
                rule.push_str(&format!(";{name}={value}"));
            }
        }
        let start = pick(&["2026-01-31T09:00:00", "2024-02-29T23:30:00", "2026-06-01T00:00:00", "2025-12-28T12:15:00"]);
        rules.push((start, rule));
    }
    let last = "2029-03-01T00:00:00";
    let question: Vec<Value> = rules.iter().map(|(start, rule)| json!([start, rule, last])).collect();
    let theirs = ask_python(&json!({ "rules": question }));
    let local = |text: &str| Local::of(text.parse().expect("a reading"));
    let mut found = 0;
    for ((start, text), theirs) in rules.iter().zip(theirs.as_array().expect("a list")) {
        let rule = Rule::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let starts = rule.starts(local(start), local(start), local(last), &mut Budget::new()).expect("not too many");
        // UNTIL is cut by whoever knows the zone, and our first is always the start itself.
        let until = rule.until.map(|until| until.reading());
        let ours: Vec<String> = starts
            .into_iter()
            .skip(1)
            .filter(|reading| until.is_none_or(|until| *reading <= until))
            .map(|reading| reading.to_datetime().to_string())
            .collect();
        let theirs: Vec<&str> =
            theirs.as_array().expect("a list").iter().filter_map(Value::as_str).filter(|text| text != start).collect();
        assert_eq!(ours, theirs, "{start} {text}");
        found += ours.len();
    }
    assert!(found > 10_000, "{found}");
}

/// Ana and Bo, Ana being entered for two days of next week.
fn schedule(world: &mut World) -> (ScheduleId, [UserId; 2], Interval) {
    let people = ["Ana", "Bo"].map(|name| world.person(name, Role::Responder, &[Channel::Email]));
    let start = world.clock.now().plus_secs(7 * DAY);
    let span = Interval { start, end: start.plus_secs(2 * DAY) };
    let id = empty_schedule(world, "Payments", "UTC");
    let user = people[0];
    world
        .write(move |tx| {
            let (entry, note, author, recorded_at) = (tx.new_id(), String::new(), None, tx.now());
            tx.put(&Entry { id: entry, schedule: id, user, span, note, author, recorded_at })?;
            revise(tx, id)
        })
        .expect("an entry");
    (id, people, span)
}

/// Nobody is on it.
fn empty_schedule(world: &World, name: &str, zone: &str) -> ScheduleId {
    let (team, name, zone) = (world.team, name.to_owned(), zone.to_owned());
    let made = world.write(move |tx| {
        let (id, now) = (tx.new_id(), tx.now());
        tx.put(&Schedule {
            id,
            team,
            name: name.clone(),
            zone: zone.clone(),
            layers: vec![],
            imported_covers: vec![],
            fallback: None,
            revision: 1,
            revised_at: now,
            created_at: now,
            version: 1,
        })?;
        Ok(id)
    });
    made.expect("a schedule")
}

/// What every change of a schedule does besides.
fn revise(tx: &mut Write<'_>, id: ScheduleId) -> Result<(), AppError> {
    let mut schedule = tx.get::<Schedule>(id)?.expect("it was made");
    schedule.revision += 1;
    schedule.revised_at = tx.now();
    Ok(tx.put(&schedule)?)
}

fn add_override(world: &World, schedule: ScheduleId, user: UserId, mode: OverrideMode, span: Interval) -> OverrideId {
    let made = world.write(move |tx| {
        let id = tx.new_id();
        let (note, author, recorded_at) = (String::new(), None, tx.now());
        tx.put(&Override { id, schedule, user, mode, span, note, author, recorded_at })?;
        revise(tx, schedule)?;
        Ok(id)
    });
    made.expect("an override")
}

fn publish(world: &World) {
    let now = world.clock.now();
    for id in world.read(|read| publication::stale(read, now)) {
        world.write(move |tx| publication::publish(tx, id)).expect("it is remembered");
    }
    assert_eq!(world.read(|read| publication::stale(read, now)), []);
}

/// `uid | from hour to hour of the entry | summary | sequence | state`, hours counted from `start`.
fn shown(world: &World, of: FeedOf, start: Timestamp) -> Vec<String> {
    let key = world.settings.link_key.clone();
    let document = world.read(|read| {
        let link = feeds::links(read, &key, of)?.remove(0);
        let feed = feeds::by_token(read, &key, &link.token.expect("the key is the same"))?.expect("it is open");
        feeds::document(read, &feed, "test")
    });
    let hours = |at: Timestamp| at.secs_since(start) / 3600;
    let line = |event: export::Event| {
        let state = if event.is_cancelled { "cancelled" } else { "confirmed" };
        let span = format!("{}-{}", hours(event.span.start), hours(event.span.end));
        format!("{} | {span} | {} | {state}", event.uid, event.summary)
    };
    document.events.into_iter().map(line).collect()
}

#[test]
fn an_event_stays_the_same_when_its_end_moves_and_is_taken_back_when_it_goes() {
    let mut world = World::new(false);
    let (id, [ana, bo], span) = schedule(&mut world);
    let key = world.settings.link_key.clone();
    let of = FeedOf::Schedule(id);
    let made = world.write(move |tx| feeds::create(tx, &Actor::SYSTEM, &key, of));
    made.expect("a feed");
    publish(&world);
    let first = shown(&world, of, span.start);
    let uid = first[0].split(" | ").next().expect("a UID").to_owned();
    assert_eq!(first, [format!("{uid} | 0-48 | Ana | confirmed")]);
    assert!(uid.starts_with(&id.to_string()) && uid.ends_with("-0@test"), "{uid}");

    // Bo takes the second day's first half: Ana's first piece ends earlier, and there is a second one.
    let from = span.start.plus_secs(DAY);
    let cover = Interval { start: from, end: from.plus_secs(DAY / 2) };
    let o = add_override(&world, id, bo, OverrideMode::Cover, cover);
    publish(&world);
    let taken = shown(&world, of, span.start);
    assert_eq!(taken[0], format!("{uid} | 0-24 | Ana | confirmed"));
    assert!(taken[1].ends_with("| 24-36 | Bo | confirmed") && taken.len() == 3, "{taken:?}");
    assert_eq!(taken[2], format!("{} | 36-48 | Ana | confirmed", uid.replace("-0@", "-1@")));

    world
        .write(move |tx| {
            tx.delete::<Override>(o)?;
            revise(tx, id)
        })
        .expect("it is removed");
    publish(&world);
    let back = shown(&world, of, span.start);
    assert_eq!(back[0], format!("{uid} | 0-48 | Ana | confirmed"));
    let gone: Vec<&str> = back[1..].iter().map(|line| line.split_once(" | ").expect("a line").1).collect();
    assert_eq!(gone, ["24-36 | Bo | cancelled", "36-48 | Ana | cancelled"]);

    // For fifteen days.
    world.clock.advance(14 * DAY);
    publish(&world);
    assert_eq!(shown(&world, of, span.start).len(), 3);
    world.clock.advance(2 * DAY);
    publish(&world);
    assert_eq!(shown(&world, of, span.start), [format!("{uid} | 0-48 | Ana | confirmed")]);
    assert_ne!(ana, bo);
}

#[test]
fn a_persons_feed_has_their_shifts_and_takes_back_what_others_took() {
    let mut world = World::new(false);
    let (id, [ana, bo], span) = schedule(&mut world);
    let key = world.settings.link_key.clone();
    let own = Actor::user(ana, Role::Responder, Door::Web);
    let (of, other) = (FeedOf::User(ana), FeedOf::User(bo));
    let (own_key, others_key) = (key.clone(), key.clone());
    world.write(move |tx| feeds::create(tx, &own, &own_key, of)).expect("one's own");
    let refused = world.write(move |tx| feeds::create(tx, &own, &others_key, other)).expect_err("somebody else's");
    assert_eq!(refused.to_string(), "Only its owner can make a link to a personal calendar. Ask them for one.");
    publish(&world);
    assert!(shown(&world, of, span.start)[0].ends_with("| 0-48 | On call: Payments | confirmed"));

    add_override(&world, id, bo, OverrideMode::Replace { from: ana }, span);
    publish(&world);
    let shown_now = shown(&world, of, span.start);
    assert!(shown_now.len() == 1 && shown_now[0].ends_with("cancelled"), "{shown_now:?}");

    // Whoever is deactivated has no open link any more.
    let token = world.read(|read| Ok(feeds::links(read, &key, of)?.remove(0).token.expect("known")));
    let open = |world: &World| world.read(|read| feeds::by_token(read, &key, &token)).is_some();
    assert!(open(&world));
    world.write(move |tx| users::deactivate(tx, &Actor::SYSTEM, ana)).expect("deactivated");
    assert!(!open(&world));
}

#[test]
fn a_link_dies_with_its_revocation_and_with_the_secret_key() {
    let mut world = World::new(false);
    let (id, ..) = schedule(&mut world);
    let key = world.settings.link_key.clone();
    let of = FeedOf::Schedule(id);
    let making = key.clone();
    let feed = world.write(move |tx| feeds::create(tx, &Actor::SYSTEM, &making, of)).expect("a feed");
    let token = world.read(|read| Ok(feeds::links(read, &key, of)?.remove(0).token.expect("known")));
    let opens = |world: &World, key, token: &str| world.read(|read| feeds::by_token(read, key, token)).is_some();
    assert!(opens(&world, &key, &token));
    assert!(!opens(&world, &key, "") && !opens(&world, &key, &token[1..]));
    let other = pagerpal::app::passes::LinkKey::new(b"another secret");
    assert!(!opens(&world, &other, &token), "a copy of the database opens nothing");
    assert_eq!(world.read(|read| Ok(feeds::links(read, &other, of)?.remove(0).token)), None);
    world.write(move |tx| feeds::revoke(tx, &Actor::SYSTEM, of, feed)).expect("revoked");
    assert!(!opens(&world, &key, &token));
    assert!(world.read(|read| feeds::links(read, &key, of)).is_empty());
}
