//! People as the store keeps them: proofs of contact methods, rules, sign-ins, what a deactivation refuses; and the
//! windows in which they are left alone.

use crate::world::World;
use pagerpal::app::deliveries::About;
use pagerpal::app::maintenance::{self, Basics, Chosen};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::users::NewUser;
use pagerpal::app::{AppError, Write, auth, incidents, policies, schedules, teams, users};
use pagerpal::clock::Clock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::State;
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::id::{ContactId, UserId};
use pagerpal::domain::maintenance::{Matcher, Scope};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::user::{Rules, Step, User};
use std::collections::BTreeMap;

const SYSTEM: Actor = Actor::SYSTEM;

fn user(world: &World, id: UserId) -> User {
    world.read(|read| users::one(read, id))
}

fn own(id: UserId) -> Actor {
    Actor::user(id, Role::Viewer, Door::Web)
}

/// The code of the refusal of a change; it must be refused.
fn refused<T: Send + std::fmt::Debug + 'static>(
    world: &World,
    change: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
) -> &'static str {
    match world.write(change) {
        Err(AppError::Refused(refusal)) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

fn person(world: &mut World, name: &str, channels: &[Channel]) -> (UserId, Vec<ContactId>) {
    let id = world.person(name, Role::Responder, channels);
    (id, user(world, id).contacts.iter().map(|contact| contact.id).collect())
}

/// Sends a code and answers what the message said.
fn send_code(world: &mut World, id: UserId, contact: ContactId) -> String {
    world.write(move |tx| users::send_code(tx, &own(id), id, contact)).expect("a code is sent");
    world.run_until(world.clock.now());
    match &world.sent.last().expect("it left").outgoing.about {
        About::Code(code) => code.clone(),
        other => panic!("{other:?}"),
    }
}

fn prove(world: &World, id: UserId, contact: ContactId, typed: &str) -> Result<(), &'static str> {
    let (typed, key) = (typed.to_owned(), LinkKey::new(b"a secret"));
    let proved = world.write(move |tx| users::prove_contact(tx, &own(id), &key, id, contact, &typed));
    proved.expect("it is counted").map_err(|refusal| refusal.code)
}

#[test]
fn the_code_that_arrives_proves_a_contact_method() {
    let mut world = World::new(false);
    let (ana, contacts) = person(&mut world, "ana", &[Channel::Sms, Channel::Email]);
    let phone = contacts[0];
    assert_eq!(prove(&world, ana, phone, "123456"), Err("code_wrong"), "nothing was sent");

    let code = send_code(&mut world, ana, phone);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(prove(&world, ana, phone, wrong), Err("code_wrong"));
    assert_eq!(user(&world, ana).contacts[0].verification.as_ref().map(|proof| proof.misses), Some(1), "it is counted");
    assert_eq!(prove(&world, ana, contacts[1], &code), Err("code_wrong"), "it is the phone's");
    assert_eq!(prove(&world, ana, phone, &code), Ok(()));
    assert_eq!(user(&world, ana).contacts[0].verified_at, Some(world.clock.now()));

    // Another address is another place.
    world.write(move |tx| users::readdress_contact(tx, &own(ana), ana, phone, "+49 170 7654321")).expect("a number");
    let readdressed = &user(&world, ana).contacts[0];
    assert_eq!((readdressed.id, readdressed.address.as_str(), readdressed.verified_at), (phone, "+491707654321", None));
}

#[test]
fn a_code_dies_of_age_of_misses_and_of_the_next_one() {
    let mut world = World::new(false);
    let (ana, contacts) = person(&mut world, "ana", &[Channel::Sms]);
    let phone = contacts[0];
    let first = send_code(&mut world, ana, phone);
    world.run_until(world.clock.now().plus_secs(600));
    assert_eq!(prove(&world, ana, phone, &first), Err("code_wrong"), "ten minutes are over");
    let second = send_code(&mut world, ana, phone);
    assert_ne!(first, second);
    for _ in 0..5 {
        assert_eq!(prove(&world, ana, phone, "x"), Err("code_wrong"));
    }
    assert_eq!(prove(&world, ana, phone, &second), Err("code_wrong"), "missed too often");
    let third = send_code(&mut world, ana, phone);
    assert_eq!(refused(&world, move |tx| users::send_code(tx, &own(ana), ana, phone)), "told_enough", "three an hour");
    assert_eq!(prove(&world, ana, phone, &third), Ok(()));
    world.run_until(world.clock.now().plus_secs(3600));
    send_code(&mut world, ana, phone);
}

#[test]
fn a_test_message_obeys_safe_mode_and_shows_what_became_of_it() {
    let mut world = World::new(false);
    let (ana, contacts) = person(&mut world, "ana", &[Channel::Email]);
    let mail = contacts[0];
    world.write(move |tx| users::send_test(tx, &own(ana), ana, mail)).expect("a test");
    world.run_until(world.clock.now());
    assert!(matches!(&world.sent[0].outgoing.about, About::Test(asker) if asker == "ana"));
    world.settings.sending_enabled = false;
    world.write(move |tx| users::send_test(tx, &own(ana), ana, mail)).expect("a test");
    world.run_until(world.clock.now());
    assert_eq!(world.sent.len(), 1, "nothing more left");
    let told = world.read(|read| users::last_told(read, ana, 5));
    assert!(matches!(told[0].state, State::Suppressed), "{told:?}");
    assert!(matches!(told[1].state, State::Accepted { .. }), "{told:?}");

    world.write(move |tx| users::enable_contact(tx, &own(ana), ana, mail, false)).expect("switched off");
    assert_eq!(refused(&world, move |tx| users::send_test(tx, &own(ana), ana, mail)), "contact_off");
    let (bo, bos) = person(&mut world, "bo", &[Channel::Email]);
    let bos_mail = bos[0];
    assert_eq!(refused(&world, move |tx| users::send_test(tx, &own(ana), bo, bos_mail)), "forbidden");
    world.write(move |tx| users::deactivate(tx, &SYSTEM, bo)).expect("deactivated");
    assert_eq!(refused(&world, move |tx| users::send_test(tx, &SYSTEM, bo, bos_mail)), "user_inactive");
}

#[test]
fn rules_lose_the_steps_of_a_method_that_goes() {
    let mut world = World::new(false);
    let (ana, contacts) = person(&mut world, "ana", &[Channel::Sms, Channel::Email]);
    let (phone, mail) = (contacts[0], contacts[1]);
    let step = |contact, after_minutes| Step { contact, after_minutes };
    let rules = Rules { high: vec![step(phone, 0), step(mail, 5)], low: vec![step(mail, 10)] };
    let late = Rules { high: vec![step(phone, 1)], low: vec![] };
    assert_eq!(refused(&world, move |tx| users::set_rules(tx, &own(ana), ana, &late)), "rule_first");
    world.write(move |tx| users::set_rules(tx, &own(ana), ana, &rules)).expect("rules");
    world.write(move |tx| users::remove_contact(tx, &own(ana), ana, phone)).expect("removed");
    assert_eq!(user(&world, ana).rules, Rules { high: vec![step(mail, 0)], low: vec![step(mail, 10)] });
}

#[test]
fn the_accounts_address_moves_its_contact_method_along() {
    let world = World::new(false);
    let new = NewUser {
        name: "Ana".to_owned(),
        email: Some("Ana@Example.test".to_owned()),
        role: Role::Responder,
        zone: "UTC".to_owned(),
        password_hash: None,
    };
    let ana = world.write(move |tx| users::create(tx, &SYSTEM, &new)).expect("a user");
    let addresses = |world: &World| -> Vec<String> {
        user(world, ana).contacts.iter().map(|contact| contact.address.clone()).collect()
    };
    assert_eq!(addresses(&world), ["ana@example.test"]);
    let rename = |world: &World, email: &str| {
        let (name, zone, email) = ("Ana".to_owned(), "UTC".to_owned(), Some(email.to_owned()));
        let basics = users::Basics { name, email, role: Role::Responder, zone };
        world.write(move |tx| users::edit(tx, &SYSTEM, ana, &basics)).expect("another address");
    };
    rename(&world, "ana@example.org");
    assert_eq!(addresses(&world), ["ana@example.org"]);
    let add = move |tx: &mut Write<'_>| users::add_contact(tx, &SYSTEM, ana, Channel::Email, "own@example.org");
    let second = world.write(add).expect("a second one");
    let first = user(&world, ana).contacts[0].id;
    let rules = Rules { high: vec![Step { contact: first, after_minutes: 0 }], low: vec![] };
    world.write(move |tx| users::set_rules(tx, &SYSTEM, ana, &rules)).expect("rules");
    rename(&world, "own@example.org");
    assert_eq!(addresses(&world), ["own@example.org"], "it was a method already");
    assert_eq!(user(&world, ana).rules.high[0].contact, second, "and takes the other's place");
}

#[test]
fn the_last_admin_keeps_the_sign_in() {
    let mut world = World::new(false);
    let hash = auth::hash_password("lamp otter bridge nine", [7; 16]).expect("hashing works");
    let new = move |name: &str| NewUser {
        name: name.to_owned(),
        email: Some(format!("{name}@example.test")),
        role: Role::Admin,
        zone: "UTC".to_owned(),
        password_hash: Some(hash.clone()),
    };
    let (one, other) = (new("one"), new("other"));
    let one = world.write(move |tx| users::create(tx, &SYSTEM, &one)).expect("an admin");
    world.person("paged only", Role::Admin, &[Channel::Sms]);
    assert_eq!(refused(&world, move |tx| users::remove_login(tx, &SYSTEM, one)), "last_admin");
    assert_eq!(refused(&world, move |tx| users::deactivate(tx, &SYSTEM, one)), "last_admin");
    let demoted = users::Basics {
        name: "one".into(),
        email: Some("one@example.test".into()),
        role: Role::Viewer,
        zone: "UTC".into(),
    };
    assert_eq!(refused(&world, move |tx| users::edit(tx, &SYSTEM, one, &demoted)), "last_admin");
    let other = world.write(move |tx| users::create(tx, &SYSTEM, &other)).expect("another admin");
    world.write(move |tx| users::remove_login(tx, &SYSTEM, one)).expect("another one is left");
    assert!(user(&world, one).login.is_none());
    assert_eq!(refused(&world, move |tx| users::deactivate(tx, &SYSTEM, other)), "last_admin");
}

#[test]
fn a_deactivated_person_is_refused_anew_and_kept_where_they_are() {
    let mut world = World::new(false);
    let (bo, _) = person(&mut world, "bo", &[Channel::Sms]);
    let (ana, _) = person(&mut world, "ana", &[Channel::Sms]);
    let level = |number, user| Level { number, delay_minutes: 5, recipients: vec![Recipient::User(user)] };
    let policy = world.policy("payments", vec![level(1, bo)], 0, vec![bo]);
    let team = world.team;
    let basics = schedules::Basics { name: "primary".into(), team, zone: "UTC".into(), fallback: Some(bo) };
    let kept = basics.clone();
    let schedule = world.write(move |tx| {
        teams::add_member(tx, &SYSTEM, team, bo)?;
        schedules::create(tx, &SYSTEM, &basics)
    });
    let schedule = schedule.expect("a schedule");
    world.write(move |tx| users::deactivate(tx, &SYSTEM, bo)).expect("deactivated");
    assert!(!user(&world, bo).is_active());

    let span = Interval { start: world.clock.now(), end: world.clock.now().plus_secs(3600) };
    let entry = move |tx: &mut Write<'_>| schedules::add_entry(tx, &SYSTEM, schedule, bo, span, "");
    assert_eq!(refused(&world, entry), "user_inactive");
    let cover = OverrideMode::Cover;
    let covers = move |tx: &mut Write<'_>| schedules::add_override(tx, &SYSTEM, schedule, bo, cover, span, "");
    assert_eq!(refused(&world, covers), "user_inactive");
    assert_eq!(refused(&world, move |tx| policies::add_level(tx, &SYSTEM, policy, &level(2, bo))), "user_inactive");
    let last = |name: &str, last_resort: Vec<UserId>| policies::Basics { last_resort, ..policies::Basics::named(name) };
    let other = last("other", vec![bo]);
    assert_eq!(refused(&world, move |tx| policies::create(tx, &SYSTEM, &other, &[])), "user_inactive");
    assert_eq!(refused(&world, move |tx| teams::create(tx, &SYSTEM, "Night", &[bo])), "user_inactive");
    let responder = Actor::user(ana, Role::Responder, Door::Web);
    let acts_as = world.app().read(|read| incidents::on_behalf(read, &responder, Some(bo)));
    assert!(matches!(acts_as, Err(AppError::Refused(refusal)) if refusal.code == "user_inactive"));

    // A save that merely keeps them passes.
    let same = last("payments", vec![bo]);
    world
        .write(move |tx| {
            policies::edit(tx, &SYSTEM, policy, &same)?;
            policies::edit_level(tx, &SYSTEM, policy, 1, &Level { delay_minutes: 7, ..level(1, bo) })?;
            teams::add_member(tx, &SYSTEM, team, ana)?;
            schedules::edit(tx, &SYSTEM, schedule, &kept)
        })
        .expect("they are kept");
    world.write(move |tx| teams::add_member(tx, &SYSTEM, team, bo)).expect("a member already");
    world.write(move |tx| teams::remove_member(tx, &SYSTEM, team, bo)).expect("removed");
    assert_eq!(refused(&world, move |tx| teams::add_member(tx, &SYSTEM, team, bo)), "user_inactive");

    world.clock.advance(60);
    world.write(move |tx| users::reactivate(tx, &SYSTEM, bo)).expect("reactivated");
    let activity = user(&world, bo).activity;
    assert_eq!(activity.len(), 2, "both times are kept: {activity:?}");
    assert_eq!(activity[1].from, world.clock.now());
    world.write(covers).expect("and may be added again");
}

#[test]
fn windows_hold_back_what_they_cover_and_the_last_to_end_decides() {
    let mut world = World::new(false);
    let (ana, _) = person(&mut world, "ana", &[Channel::Sms]);
    let level = Level { number: 1, delay_minutes: 5, recipients: vec![Recipient::User(ana)] };
    let policy = world.policy("payments", vec![level], 0, vec![]);
    let (team, source) = (world.team, world.source("payments", policy, "key"));
    let start = world.clock.now();
    let once = |from: i64, to: i64| Chosen::Once(Interval { start: start.plus_secs(from), end: start.plus_secs(to) });
    let basics = |scope, occurs, matchers: &str| Basics {
        name: "upgrade".to_owned(),
        scope,
        occurs,
        zone: "UTC".to_owned(),
        matchers: Matcher::parse_all(matchers).expect("matchers"),
    };
    let create = |basics: Basics| world.write(move |tx| maintenance::create(tx, &SYSTEM, &basics));
    let held = |labels: &[(&str, &str)]| {
        let labels: BTreeMap<String, String> = labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let now = world.clock.now();
        world.read(|read| maintenance::holding(read, source, team, &labels, now))
    };
    assert_eq!(held(&[]), None);
    let short = create(basics(Scope::Team(team), once(0, 3600), "")).expect("a window");
    assert_eq!(held(&[]), Some((short, start.plus_secs(3600))));
    let silence = create(basics(Scope::Sources(vec![source]), once(0, 7200), "service=checkout")).expect("a silence");
    assert_eq!(held(&[("service", "checkout")]), Some((silence, start.plus_secs(7200))));
    assert_eq!(held(&[("service", "search")]), Some((short, start.plus_secs(3600))));

    let in_use = refused(&world, move |tx| teams::delete(tx, &SYSTEM, team));
    assert_eq!(in_use, "in_use");
    assert!(create(basics(Scope::Sources(vec![]), once(0, 60), "")).is_err());

    world.clock.advance(600);
    world.write(move |tx| maintenance::end_now(tx, &SYSTEM, short)).expect("ended");
    assert_eq!(held(&[]), None);
    let (_, past) = world.read(|read| maintenance::all(read, world.clock.now()));
    assert_eq!(past.iter().map(|window| window.id).collect::<Vec<_>>(), [short], "it stays in the list");
    let longer = basics(Scope::Team(team), once(0, 9000), "");
    assert_eq!(refused(&world, move |tx| maintenance::edit(tx, &SYSTEM, short, &longer)), "window_over");
    world.write(move |tx| maintenance::delete(tx, &SYSTEM, silence)).expect("ended");
    assert_eq!(held(&[("service", "checkout")]), None);

    // START is a Tuesday, 00:00.
    let nightly = Chosen::Again { pattern: "0  0 * * *".to_owned(), minutes: 30 };
    let nightly = create(basics(Scope::Team(team), nightly, "")).expect("a recurring window");
    assert_eq!(held(&[]), Some((nightly, start.plus_secs(1800))), "it has begun already today");
    world.write(move |tx| maintenance::end_now(tx, &SYSTEM, nightly)).expect("ended");
    assert_eq!(held(&[]), None);
    world.clock.set(start.plus_secs(86_400));
    assert_eq!(held(&[]), Some((nightly, start.plus_secs(86_400 + 1800))), "and comes again");
    world.write(move |tx| maintenance::delete(tx, &SYSTEM, nightly)).expect("gone");
    assert_eq!(held(&[]), None);
}
