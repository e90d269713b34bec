//! Heartbeats in a running application: armed, missed, found again; paused; and what downtime and clocks do to them.
//! `tests/scenarios/heartbeats.txt` tells the same as a story.

use crate::world::World;
use pagerpal::app::heartbeats::{self, NewHeartbeat};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::timers::shift_elapsed;
use pagerpal::app::{AppError, alert_sources, pings, sha256};
use pagerpal::clock::Clock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::heartbeat::{Beat, Heartbeat, Look};
use pagerpal::domain::id::{AlertSourceId, HeartbeatId};
use pagerpal::domain::policy::{Level, Recipient};

const SYSTEM: Actor = Actor::SYSTEM;

struct Watched {
    world: World,
    source: AlertSourceId,
    id: HeartbeatId,
}

impl Watched {
    /// Every 10 minutes, 5 of grace; Ana is paged.
    fn new(on_disk: bool) -> Watched {
        let mut world = World::new(on_disk);
        let ana = world.person("ana", Role::Responder, &[Channel::Sms]);
        let level = Level { number: 1, delay_minutes: 5, recipients: vec![Recipient::User(ana)] };
        let policy = world.policy("ops", vec![level], 0, vec![]);
        let source = world.source("ops", policy, "ops");
        let new = NewHeartbeat { source, name: "backup".to_owned(), interval_minutes: 10, grace_minutes: 5 };
        let id = world.write(move |tx| heartbeats::create(tx, &SYSTEM, &LinkKey::new(b"a secret"), &new));
        Watched { id: id.expect("a heartbeat"), world, source }
    }

    fn say(&self, what: Beat) -> Result<Look, AppError> {
        let source = self.source;
        let said = self.world.write(move |tx| pings::ping(tx, source, sha256(b"ops"), "Backup", what, "42 files"));
        said.map(|pinged| pinged.look)
    }

    fn after(&mut self, secs: i64) -> Look {
        self.world.run_until(self.world.clock.now().plus_secs(secs));
        self.heartbeat().look(self.world.clock.now())
    }

    fn heartbeat(&self) -> Heartbeat {
        let id = self.id;
        self.world.read(|read| heartbeats::one(read, id))
    }

    fn pages(&self) -> usize {
        self.world.sent.len()
    }
}

#[test]
fn silence_pages_and_the_next_ping_is_the_recovery() {
    let mut backup = Watched::new(false);
    assert_eq!(backup.after(86_400), Look::New, "not armed, so not missed");
    assert_eq!(backup.say(Beat::Ping), Ok(Look::Healthy));
    assert_eq!(backup.after(15 * 60 - 1), Look::Late);
    assert_eq!((backup.after(1), backup.pages()), (Look::Missed, 1));
    assert_eq!(backup.say(Beat::Exit(0)), Ok(Look::Healthy));
    assert_eq!((backup.after(15 * 60), backup.pages()), (Look::Missed, 2), "missed again");
    assert_eq!(backup.say(Beat::Ping), Ok(Look::Healthy));
    assert_eq!(backup.say(Beat::Exit(3)), Ok(Look::Missed));
    backup.after(0);
    assert_eq!(backup.pages(), 3, "a failure pages at once");
    assert_eq!(
        backup.heartbeat().heard.map(|heard| (heard.what, heard.body)),
        Some((Beat::Exit(3), "42 files".into()))
    );
}

#[test]
fn a_pause_ends_by_itself_and_an_inactive_source_pages_nobody() {
    let mut backup = Watched::new(false);
    let (id, source) = (backup.id, backup.source);
    backup.say(Beat::Ping).expect("heard");
    let until = backup.world.clock.now().plus_secs(7200);
    backup.world.write(move |tx| heartbeats::pause(tx, &SYSTEM, id, until)).expect("paused");
    assert_eq!((backup.after(7199), backup.pages()), (Look::Paused, 0));
    assert_eq!((backup.after(1), backup.pages()), (Look::Healthy, 0));
    assert_eq!((backup.after(15 * 60), backup.pages()), (Look::Missed, 1));

    backup.say(Beat::Ping).expect("heard");
    backup.world.write(move |tx| alert_sources::set_active(tx, &SYSTEM, source, false)).expect("switched off");
    assert!(backup.say(Beat::Ping).is_err(), "its senders hear 403");
    backup.after(86_400);
    assert_eq!(backup.pages(), 1, "nobody is paged for a source that is off");
    backup.world.write(move |tx| alert_sources::set_active(tx, &SYSTEM, source, true)).expect("switched on");
    backup.after(15 * 60);
    assert_eq!(backup.pages(), 2, "and it is missed again once the source is on");
    backup.world.write(move |tx| heartbeats::delete(tx, &SYSTEM, id)).expect("deleted");
    assert!(backup.say(Beat::Ping).is_err());
}

#[test]
fn our_own_downtime_is_given_back_with_one_grace() {
    let mut backup = Watched::new(true);
    backup.say(Beat::Ping).expect("heard");
    assert_eq!(backup.after(5 * 60), Look::Healthy);
    // Down for an hour: the deadline at 15 min has passed, and nobody could be heard.
    backup.world.clock.advance(3600);
    backup.world.restart();
    assert_eq!((backup.after(0), backup.pages()), (Look::Healthy, 0));
    // 10 min were left, and one grace comes on top; the minute or so before the end is given away.
    assert_eq!((backup.after(15 * 60 - 1), backup.pages()), (Look::Late, 0));
    assert_eq!((backup.after(61), backup.pages()), (Look::Missed, 1));
}

#[test]
fn a_step_of_the_clock_moves_the_deadline_and_no_pause() {
    let mut backup = Watched::new(false);
    let id = backup.id;
    backup.say(Beat::Ping).expect("heard");
    let due = backup.heartbeat().due().expect("armed");
    let step = |backup: &mut Watched, secs: i64| {
        backup.world.clock.set(backup.world.clock.now().plus_secs(secs));
        backup.world.write(move |tx| shift_elapsed(tx, secs)).expect("the clock was set");
    };
    step(&mut backup, 7200);
    assert_eq!(backup.heartbeat().due(), Some(due.plus_secs(7200 + 300)));
    assert_eq!((backup.after(0), backup.pages()), (Look::Healthy, 0));
    let until = backup.world.clock.now().plus_secs(10 * 3600);
    backup.world.write(move |tx| heartbeats::pause(tx, &SYSTEM, id, until)).expect("paused");
    step(&mut backup, 7200);
    assert_eq!(backup.heartbeat().due(), Some(until), "a pause ends by the calendar");
}

#[test]
fn a_name_is_unique_in_its_source_and_an_address_can_be_renewed() {
    let backup = Watched::new(false);
    let (id, source) = (backup.id, backup.source);
    let new = NewHeartbeat { source, name: "BACKUP".to_owned(), interval_minutes: 10, grace_minutes: 5 };
    let twice = backup.world.write(move |tx| heartbeats::create(tx, &SYSTEM, &LinkKey::new(b"a secret"), &new));
    assert!(matches!(twice, Err(AppError::Refused(refusal)) if refusal.code == "name_taken"));

    let key = LinkKey::new(b"a secret");
    let token = heartbeats::token(&key, &backup.heartbeat()).expect("made under this key");
    assert_eq!(heartbeats::token(&LinkKey::new(b"another"), &backup.heartbeat()), None);
    let at = |token: &str| {
        let hash = sha256(token.as_bytes());
        backup.world.write(move |tx| pings::ping_address(tx, hash, Beat::Ping, "")).map(|pinged| pinged.name)
    };
    assert_eq!(at(&token).as_deref(), Ok("backup"));
    let renewed = key.clone();
    backup.world.write(move |tx| heartbeats::renew_address(tx, &SYSTEM, &renewed, id)).expect("renewed");
    assert!(at(&token).is_err(), "the old one is dead");
    assert_eq!(
        at(&heartbeats::token(&key, &backup.heartbeat()).expect("made under this key")).as_deref(),
        Ok("backup")
    );
}
