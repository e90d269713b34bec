//! Calendars from elsewhere: fetched, kept while fetching fails, and followed.

use super::at;
use crate::world::World;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pagerpal::app::imports::{self, Basics, Contents, Due, Outcome};
use pagerpal::app::{App, AppError, Lane, Write, context, oncall, schedules, users};
use pagerpal::bridge::Bridge;
use pagerpal::clock::{Clock, ScriptedClock};
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::id::{ImportId, ScheduleId};
use pagerpal::domain::import::Import;
use pagerpal::domain::schedule::Schedule;
use pagerpal::domain::sealed::Sealed;
use pagerpal::egress::{Egress, Purpose};
use pagerpal::exchange::ical::import::LONGEST_BYTES;
use pagerpal::notify::registry::{Providers, Registry};
use pagerpal::notify::settings::NotifySettings;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::{Read, Store};
use pagerpal::worker::feeds::{Answer, fetch, read};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const URL: &str = "https://cal.example/secret-token/basic.ics";

fn basics(name: &str) -> Basics {
    Basics { name: name.to_owned(), url: Some(URL.to_owned()), zone: "Europe/Berlin".to_owned() }
}

fn schedule(world: &World, name: &str) -> ScheduleId {
    super::empty_schedule(world, name, "Europe/Berlin")
}

fn add(world: &World, schedule: ScheduleId, name: &str) -> ImportId {
    let basics = basics(name);
    let vault = world.app().vault.clone();
    world.write(move |tx| imports::create(tx, &Actor::SYSTEM, &vault, [1; 24], schedule, &basics)).expect("an import")
}

/// A day of somebody, as a calendar writes it; dates are `20260602`.
fn calendar(events: &[(&str, &str)]) -> String {
    let event = |(date, title): &(&str, &str)| {
        format!("BEGIN:VEVENT\r\nUID:{date}\r\nDTSTART;VALUE=DATE:{date}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n")
    };
    let events: String = events.iter().map(event).collect();
    format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n")
}

/// What the worker does with an answer, without the wire.
fn arrives(world: &World, id: ImportId, text: &str) -> bool {
    let due = due(world, id);
    let outcome = read(text.as_bytes(), &due.zone, world.clock.now(), Some("\"1\"".to_owned()), None);
    world.write(move |tx| imports::record(tx, &due, &outcome)).expect("it is recorded")
}

fn due(world: &World, id: ImportId) -> Due {
    world.write(move |tx| imports::refresh(tx, &Actor::SYSTEM, id)).expect("it is asked for");
    let now = world.clock.now();
    let due = world.read(|read| imports::due(read, now, 100));
    due.into_iter().find(|due| due.id == id).expect("it is due")
}

fn who(world: &World, schedule: ScheduleId) -> Vec<String> {
    let now = world.clock.now();
    world.read(|read| {
        let places = oncall::on_schedule(read, schedule, now)?.places;
        places.iter().map(|place| Ok(users::one(read, place.user)?.name)).collect()
    })
}

fn revision(world: &World, schedule: ScheduleId) -> u64 {
    world.read(|read| schedules::one(read, schedule)).revision
}

#[test]
fn a_calendar_from_elsewhere_says_who_is_on_call() {
    let mut world = World::new(false);
    world.person("Ana", Role::Responder, &[Channel::Email]);
    let payments = schedule(&world, "Payments");
    let import = add(&world, payments, "From HR");
    world.write(move |tx| imports::attach_as_layer(tx, &Actor::SYSTEM, import)).expect("a layer");
    assert_eq!(who(&world, payments), [""; 0], "nothing was read yet");

    // 00:00 UTC is the second hour of the day in Berlin.
    let before = revision(&world, payments);
    assert!(arrives(&world, import, &calendar(&[("20260602", "Ana"), ("20260603", "Zoe")])));
    assert_eq!((who(&world, payments), revision(&world, payments)), (vec!["Ana".to_owned()], before + 1));
    assert!(!arrives(&world, import, &calendar(&[("20260602", "Ana"), ("20260603", "Zoe")])));
    assert_eq!(revision(&world, payments), before + 1, "the same again is no news");

    // Nobody is called Zoe, until somebody is: users are looked for when the question is asked.
    world.clock.set(at("2026-06-03T10:00:00Z"));
    assert_eq!(who(&world, payments), [""; 0]);
    world.person("Zoe", Role::Responder, &[Channel::Email]);
    assert_eq!(who(&world, payments), ["Zoe"]);
}

#[test]
fn covers_from_elsewhere_win_over_layers() {
    let mut world = World::new(false);
    for name in ["Ana", "Bo"] {
        world.person(name, Role::Responder, &[Channel::Email]);
    }
    let payments = schedule(&world, "Payments");
    let (layer, cover) = (add(&world, payments, "Shifts"), add(&world, payments, "Holidays"));
    world
        .write(move |tx| {
            imports::attach_as_layer(tx, &Actor::SYSTEM, layer)?;
            imports::attach_as_cover(tx, &Actor::SYSTEM, cover)
        })
        .expect("both are used");
    arrives(&world, layer, &calendar(&[("20260602", "Ana"), ("20260603", "Ana")]));
    arrives(&world, cover, &calendar(&[("20260603", "Bo")]));
    assert_eq!(who(&world, payments), ["Ana"]);
    world.clock.set(at("2026-06-03T10:00:00Z"));
    assert_eq!(who(&world, payments), ["Bo"]);
    world.write(move |tx| imports::detach(tx, &Actor::SYSTEM, cover)).expect("it is taken away");
    assert_eq!(who(&world, payments), ["Ana"]);
}

#[test]
fn a_failure_keeps_the_last_good_copy_and_says_since_when() {
    let mut world = World::new(false);
    world.person("Ana", Role::Responder, &[Channel::Email]);
    let payments = schedule(&world, "Payments");
    let import = add(&world, payments, "From HR");
    world.write(move |tx| imports::attach_as_layer(tx, &Actor::SYSTEM, import)).expect("a layer");
    arrives(&world, import, &calendar(&[("20260602", "Ana")]));
    let known = |world: &World| -> Import { world.read(|read| imports::one(read, import)) };
    let good = world.clock.now();

    world.clock.advance(900);
    arrives(&world, import, "<html>Please sign in</html>");
    world.clock.advance(900);
    let half = calendar(&[("20260602", "Bo")]).replace("END:VCALENDAR\r\n", "");
    arrives(&world, import, &half);
    let problem = known(&world).problem.expect("something is wrong");
    assert_eq!(problem.since, good.plus_secs(900), "since the first failure");
    assert_eq!(problem.sentence, "The calendar is cut off: VCALENDAR begins and does not end.");
    assert_eq!((who(&world, payments), known(&world).fetched.map(|f| f.at)), (vec!["Ana".to_owned()], Some(good)));

    // Unchanged is good news as well.
    let due = due(&world, import);
    assert_eq!(due.etag.as_deref(), Some("\"1\""));
    world.write(move |tx| imports::record(tx, &due, &Outcome::Unchanged)).expect("it is recorded");
    assert_eq!(known(&world).problem, None);
    assert_eq!(known(&world).due, world.clock.now().plus_secs(900), "next in 15 minutes");
    // After a day it is read whole, because repetitions go on.
    world.clock.advance(86_400);
    assert_eq!(self::due(&world, import).etag, None);
}

#[test]
fn what_was_asked_of_another_address_counts_for_nothing() {
    let world = World::new(false);
    let payments = schedule(&world, "Payments");
    let import = add(&world, payments, "From HR");
    let old = due(&world, import);
    let moved = Basics { url: Some("https://other.example/x".to_owned()), ..basics("From HR") };
    let vault = world.app().vault.clone();
    world.write(move |tx| imports::edit(tx, &Actor::SYSTEM, &vault, [2; 24], import, &moved)).expect("it is edited");
    let contents = Contents { events: vec![], etag: None, last_modified: None };
    world.write(move |tx| imports::record(tx, &old, &Outcome::Read(contents.clone()))).expect("it is ignored");
    assert_eq!(world.read(|read| imports::one(read, import)).fetched, None);
}

#[test]
fn what_is_used_is_not_removed_and_goes_with_its_schedule() {
    let world = World::new(false);
    let payments = schedule(&world, "Payments");
    let import = add(&world, payments, "From HR");
    let refusal = |error: AppError| error.to_string();
    let again = basics("from hr");
    let vault = world.app().vault.clone();
    let create = move |tx: &mut Write<'_>| imports::create(tx, &Actor::SYSTEM, &vault, [3; 24], payments, &again);
    let taken = world.write(create).map_err(refusal);
    assert_eq!(
        taken.expect_err("the name is taken"),
        "from hr is the name of another calendar of this schedule. Choose another one."
    );
    world.write(move |tx| imports::attach_as_layer(tx, &Actor::SYSTEM, import)).expect("a layer");
    let twice = world.write(move |tx| imports::attach_as_cover(tx, &Actor::SYSTEM, import)).map_err(refusal);
    assert_eq!(twice.expect_err("once is enough"), "From HR is used as a layer already. Stop using it there first.");
    let used = world.write(move |tx| imports::delete(tx, &Actor::SYSTEM, import)).map_err(refusal);
    assert_eq!(used.expect_err("in use"), "From HR is still used by layer From HR. Remove it there first.");
    arrives(&world, import, &calendar(&[("20260602", "Ana")]));
    world.write(move |tx| schedules::delete(tx, &Actor::SYSTEM, payments)).expect("nothing names it");
    assert_eq!(world.read(|read| Ok(read.get::<Import>(import)?)), None);
    assert_eq!(world.read(|read| imports::next_due(read)), None);

    let other = schedule(&world, "Other");
    let import = add(&world, other, "From HR");
    world.write(move |tx| imports::delete(tx, &Actor::SYSTEM, import)).expect("nobody uses it");
}

#[test]
fn nobody_but_admins_touches_imports() {
    use pagerpal::domain::actor::Door;
    let world = World::new(false);
    let payments = schedule(&world, "Payments");
    let import = add(&world, payments, "From HR");
    let bo = Actor::user(pagerpal::domain::id::Id::new(99), Role::Responder, Door::Web);
    let basics = basics("x");
    let vault = world.app().vault.clone();
    let all = world.write(move |tx| {
        let results = [
            imports::create(tx, &bo, &vault, [3; 24], payments, &basics).map(drop),
            imports::edit(tx, &bo, &vault, [4; 24], import, &basics),
            imports::delete(tx, &bo, import),
            imports::attach_as_layer(tx, &bo, import).map(drop),
            imports::attach_as_cover(tx, &bo, import),
            imports::detach(tx, &bo, import),
            imports::refresh(tx, &bo, import),
        ];
        Ok(results.into_iter().filter(Result::is_ok).count())
    });
    assert_eq!(all, Ok(0));
}

/// A server on this machine, which only an operator's client reaches.
async fn server() -> String {
    async fn calendar_with_tag(headers: HeaderMap) -> Response {
        if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == "\"7\"") {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", "\"7\""), ("last-modified", "Tue, 02 Jun 2026 00:00:00 GMT")], calendar(&[("20260602", "Ana")]))
            .into_response()
    }
    let router = Router::new()
        .route("/calendar", get(calendar_with_tag))
        .route("/moved", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/calendar")]) }))
        .route("/revoked", get(|| async { StatusCode::FORBIDDEN }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/long", get(|| async { vec![b' '; LONGEST_BYTES + 1] }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    format!("http://{address}")
}

/// The address is given beside: what a user may enter is https, but a test of the wire needs no certificate.
fn asking(etag: Option<&str>) -> Due {
    let url = Sealed { key_version: [0; 8], nonce: [0; 24], text: vec![] };
    let (id, zone, due) = (pagerpal::domain::id::Id::new(1), "UTC".to_owned(), at("2026-06-02T00:00:00Z"));
    Due { id, url, zone, due, etag: etag.map(str::to_owned), last_modified: None }
}

#[tokio::test]
async fn a_calendar_is_fetched_within_limits_and_its_failures_are_told_in_words() {
    let server = server().await;
    let egress = Egress::new(&[]).expect("no extra root to go wrong");
    let client = egress.client(Purpose::Operator);
    let ask = async |path: &str, etag| fetch(&client, &format!("{server}{path}"), &asking(etag)).await;
    let body = Answer::Body {
        bytes: calendar(&[("20260602", "Ana")]).into_bytes(),
        etag: Some("\"7\"".to_owned()),
        last_modified: Some("Tue, 02 Jun 2026 00:00:00 GMT".to_owned()),
    };
    assert_eq!(ask("/calendar", None).await, body);
    assert_eq!(ask("/calendar", Some("\"6\"")).await, body);
    assert_eq!(ask("/calendar", Some("\"7\"")).await, Answer::Unchanged);
    let failed = |sentence: &str| Answer::Failed(sentence.to_owned());
    let moved = "The server sends on to another address (302), which is not followed. Enter the final address.";
    assert_eq!(ask("/moved", None).await, failed(moved));
    let refused = "The server refuses (403). The link may have been revoked; get a new one.";
    assert_eq!(ask("/revoked", None).await, failed(refused));
    assert_eq!(ask("/missing", None).await, failed("There is nothing at this address (404). Get a new link."));
    assert_eq!(ask("/broken", None).await, failed("The server answered 502."));
    let long = "The calendar is longer than 5 MiB. Share one with fewer events.";
    assert_eq!(ask("/long", None).await, failed(long));
    let unreachable = "The server could not be reached: no such name, no public address, or no answer.";
    let nobody = fetch(&client, "http://127.0.0.1:1/", &asking(None)).await;
    assert_eq!(nobody, failed(unreachable));

    let users = egress.client(Purpose::Untrusted);
    let inside = "The address leads into a private network, where calendars are not fetched.";
    assert_eq!(fetch(&users, "https://169.254.169.254/x", &asking(None)).await, failed(inside));
    assert_eq!(fetch(&users, "https://localhost/x", &asking(None)).await, failed(unreachable));
    let plain = fetch(&users, &format!("{server}/calendar"), &asking(None)).await;
    assert_eq!(plain, failed("The address must begin with https://."));
}

/// The worker itself, told by a commit that there is something to fetch.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker_fetches_what_is_added_and_never_from_inside() {
    let world = World::new(false);
    let clock = ScriptedClock::at(at("2026-06-02T00:00:00Z"));
    let random = Arc::new(ScriptedRandom::new(1));
    let store = Store::in_memory(Arc::new(clock), random.clone());
    let app = Arc::new(App::new(store, random, world.settings.clone()));
    let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
    let providers = Providers::new(Registry::new(&NotifySettings { infobip: None, smtp: None }, &egress));
    let committed = Arc::new(Notify::new());
    let heard = Arc::clone(&committed);
    app.on_work(Box::new(move |_| heard.notify_one()));
    let workers = pagerpal::worker::start(Arc::clone(&app), Bridge::new(2), providers, &egress).await;
    let vault = app.vault.clone();
    let made = app.write(Lane::People, move |tx| {
        let team = pagerpal::app::teams::create(tx, &Actor::SYSTEM, "Everyone", &[])?;
        let plain = schedules::Basics { name: "s".to_owned(), team, zone: "UTC".to_owned(), fallback: None };
        let schedule = schedules::create(tx, &Actor::SYSTEM, &plain)?;
        let inside = Basics { url: Some("https://10.0.0.1/x".to_owned()), ..basics("inside") };
        imports::create(tx, &Actor::SYSTEM, &vault, [1; 24], schedule, &inside)
    });
    let import = made.expect("an import");
    let problem = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let known = app.read(|read| imports::one(read, import)).expect("it is there");
            if let Some(problem) = known.problem {
                return problem;
            }
            committed.notified().await;
        }
    });
    let sentence = problem.await.expect("the worker has looked").sentence;
    assert_eq!(sentence, "The address leads into a private network, where calendars are not fetched.");
    workers.stop().await;
}

#[test]
fn a_calendar_with_an_import_names_everybody_it_may_page() {
    let mut world = World::new(false);
    let ana = world.person("Ana", Role::Responder, &[Channel::Email]);
    let payments = schedule(&world, "Payments");
    let import = add(&world, payments, "From HR");
    world.write(move |tx| imports::attach_as_layer(tx, &Actor::SYSTEM, import)).expect("a layer");
    arrives(&world, import, &calendar(&[("20260602", "Ana")]));
    let now = world.clock.now();
    let calendar = world.read(|read| context::calendar(read, payments, now, 64)).expect("a schedule");
    assert!(context::people_of(&calendar).contains(&ana));
    let schedule: Schedule = calendar.schedule;
    assert_eq!(imports::used_as(&schedule, import), Some(imports::Use::Layer));
}
