//! The audit log as a chain: what an entry says, and that no byte of it can be changed unseen.

use crate::world::World;
use pagerpal::app::audit::{self, Said};
use pagerpal::app::{App, AppError, Lane, Settings, Write, change, teams};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::audit::{AUDIT_KEPT_DAYS, AuditChain, AuditEntry, Change};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::id::{AuditId, Id, UserId};
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::engine::map::MapEngine;
use pagerpal::store::engine::{self, Changes, Direction, Engine, KeyRange, Snapshot, TableName};
use pagerpal::store::{Job, Read, Store, Take};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Lets the test keep a hand on the rows.
#[derive(Clone, Default)]
struct Rows(Arc<MapEngine>);

impl Engine for Rows {
    fn snapshot(&self) -> engine::Result<Box<dyn Snapshot>> {
        self.0.snapshot()
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> engine::Result<()> {
        self.0.commit(read_from, changes)
    }
}

const AUDIT: TableName = TableName("audit");

impl Rows {
    fn all(&self, table: TableName) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        let snapshot = self.0.snapshot().expect("memory");
        snapshot.scan(table, &KeyRange::all(), Direction::Ascending, &mut visit).expect("memory");
        found
    }

    fn set(&self, table: TableName, key: &[u8], value: &[u8]) {
        let mut changes = Changes::default();
        changes.set(table, key.to_vec(), value.to_vec());
        self.0.commit(&*self.0.snapshot().expect("memory"), &changes).expect("memory");
    }
}

fn app() -> (App, Rows, ScriptedClock) {
    let (rows, clock) = (Rows::default(), ScriptedClock::at(Timestamp::from_second(1_780_000_000)));
    let random = Arc::new(ScriptedRandom::new(1));
    let store = Store::on_engine(Box::new(rows.clone()), Arc::new(clock.clone()), random.clone()).expect("memory");
    (App::new(store, random, settings()), rows, clock)
}

fn settings() -> Settings {
    World::new(false).settings.clone()
}

/// Entries with every kind of field.
fn fill(app: &App) {
    let write = |work: fn(&mut Write<'_>) -> Result<(), AppError>| app.write(Lane::People, work).expect("written");
    write(|tx| teams::create(tx, &Actor::COMMAND_LINE, "Ops", &[]).map(drop));
    write(|tx| {
        let actor = Actor::user(UserId::new(900), Role::Admin, Door::Web).at([192, 0, 2, 7].into());
        let team = teams::all(tx)?.remove(0).id;
        teams::rename(tx, &actor, team, "Payments")
    });
    write(|tx| {
        let actor = Actor::user(UserId::new(901), Role::Responder, Door::Reply(Channel::Sms));
        audit::append(
            tx,
            Said {
                actor: &actor,
                acting_as: Some(UserId::new(902)),
                action: "incident.acknowledged",
                object: "inc_1".to_owned(),
                summary: "#1".to_owned(),
                change: None,
            },
        )
    });
    write(|tx| audit::note(tx, &Actor::SYSTEM, "session.denied", "usr_1", "throttled".to_owned()));
}

fn kept(app: &App) -> Vec<AuditEntry> {
    app.read(|read| audit::entries(read, Take::first(1000))).expect("read").items
}

fn problems(app: &App) -> Vec<String> {
    app.verify().map_or_else(|error| vec![error.to_string()], |verified| verified.problems)
}

#[test]
fn an_entry_says_who_did_what_from_where_and_what_it_was_before() {
    let (app, ..) = app();
    fill(&app);
    let entries = kept(&app);
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.id.number()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let renamed = &entries[1];
    assert_eq!(renamed.action, "team.renamed");
    assert_eq!(renamed.actor.address, Some([192, 0, 2, 7].into()));
    assert_eq!(renamed.change, Some(Change { before: "Ops".to_owned(), after: "Payments".to_owned() }));
    assert_eq!(entries[2].acting_as, Some(UserId::new(902)));
    assert_eq!(problems(&app), [""; 0]);
}

#[test]
fn any_byte_of_a_stored_entry_changed_makes_verify_fail() {
    let (app, rows, _) = app();
    fill(&app);
    let mut flips = 0;
    for table in [AUDIT, TableName("audit_chain")] {
        for (key, value) in rows.all(table) {
            for place in 0..value.len() {
                let mut changed = value.clone();
                changed[place] ^= 1 << (place % 8);
                rows.set(table, &key, &changed);
                assert!(!problems(&app).is_empty(), "byte {place} of {} {key:?}", table.0);
                flips += 1;
            }
            rows.set(table, &key, &value);
        }
    }
    assert!(flips > 300, "{flips}");
    assert_eq!(problems(&app), [""; 0], "as it was");
}

/// Nobody can take an incident without an entry, so a damaged end must not keep people from acting.
#[test]
fn a_damaged_end_is_made_anew_from_the_entries() {
    let (app, rows, _) = app();
    fill(&app);
    let (key, mut value) = rows.all(TableName("audit_chain")).remove(0);
    value[3] ^= 1;
    rows.set(TableName("audit_chain"), &key, &value);
    assert!(!problems(&app).is_empty());
    app.write(Lane::People, |tx| teams::create(tx, &Actor::SYSTEM, "Web", &[])).expect("written all the same");
    assert_eq!((kept(&app).len(), problems(&app)), (5, vec![]));
}

/// Whoever can write the file can make the checksum right again. The chain is against those.
#[test]
fn an_entry_rewritten_with_a_good_checksum_is_named() {
    let (app, ..) = app();
    fill(&app);
    type Forge = fn(&mut AuditEntry);
    let forgeries: [Forge; 11] = [
        |entry| entry.at = entry.at.plus_secs(1),
        |entry| entry.actor = Actor::SYSTEM,
        |entry| entry.actor.door = Door::Link,
        |entry| entry.actor.address = Some([192, 0, 2, 8].into()),
        |entry| entry.actor.address = None,
        |entry| entry.acting_as = Some(UserId::new(1)),
        |entry| entry.action.push('x'),
        |entry| entry.object = "team_9".to_owned(),
        |entry| entry.summary.clear(),
        |entry| entry.change = None,
        |entry| entry.hash[31] ^= 1,
    ];
    let original = kept(&app)[1].clone();
    let put = |entry: AuditEntry| app.write(Lane::People, move |tx| Ok(tx.put(&entry)?)).expect("written");
    for (place, forge) in forgeries.iter().enumerate() {
        let mut forged = original.clone();
        forge(&mut forged);
        put(forged);
        let found = problems(&app);
        assert!(found.len() == 1 && found[0].starts_with("The audit log is broken: entry 2 "), "{place}: {found:?}");
        put(original.clone());
    }
    assert_eq!(problems(&app), [""; 0]);
}

#[test]
fn an_entry_that_was_removed_or_slipped_in_is_named() {
    let check = |break_it: fn(&mut Write<'_>) -> Result<(), AppError>, expected: &str| {
        let (app, ..) = app();
        fill(&app);
        app.write(Lane::People, break_it).expect("written");
        assert_eq!(problems(&app), [format!("The audit log is broken: {expected}.")]);
    };
    check(|tx| Ok(tx.delete::<AuditEntry>(AuditId::new(1)).map(drop)?), "entry 1 is missing or damaged");
    check(|tx| Ok(tx.delete::<AuditEntry>(AuditId::new(3)).map(drop)?), "entry 3 is missing or damaged");
    check(|tx| Ok(tx.delete::<AuditEntry>(AuditId::new(4)).map(drop)?), "entry 4 is missing or damaged");
    check(
        |tx| {
            let chain = tx.get::<AuditChain>(())?.expect("entries");
            Ok(tx.put(&AuditChain { head: [1; 32], ..chain })?)
        },
        "entry 4 is not the one it ended with",
    );
    check(
        |tx| {
            let last = tx.get::<AuditEntry>(AuditId::new(4))?.expect("an entry");
            Ok(tx.put(&AuditEntry { id: AuditId::new(5), ..last })?)
        },
        "entry 5 of 2026-05-28T20:26:40Z (session.denied) is not as it was written",
    );
}

/// Several requests share one commit; each finds the chain where its neighbour left it, and a refused one leaves no gap.
#[test]
fn neighbours_in_one_commit_share_the_chain() {
    let clock = Arc::new(ScriptedClock::at(Timestamp::from_second(1_780_000_000)));
    let random = Arc::new(ScriptedRandom::new(1));
    let store = Store::in_memory(clock, random.clone());
    let job = |name: &'static str, refused: bool| {
        let work = move |tx: &mut Write<'_>| {
            teams::create(tx, &Actor::COMMAND_LINE, name, &[])?;
            if refused { Err(AppError::Internal("changed its mind".to_owned())) } else { Ok(()) }
        };
        Job::new(work, |_| {})
    };
    store.run_batch(vec![job("Ops", false), job("Web", true), job("Data", false), job("ops", false)]);
    assert_eq!(store.status().commits, 1);
    let app = App::new(store, random, settings());
    let said: Vec<_> = kept(&app).into_iter().map(|entry| (entry.id.number(), entry.summary)).collect();
    assert_eq!(said, [(1, "Ops".to_owned()), (2, "Data".to_owned())]);
    assert_eq!(problems(&app), [""; 0]);
}

#[test]
fn what_is_past_keeping_is_cut_off_and_the_rest_stays_proven() {
    let (app, _, clock) = app();
    for day in 0..10 {
        let note = move |tx: &mut Write<'_>| change::audit(tx, &Actor::SYSTEM, "test.day", day, String::new());
        app.write(Lane::People, note).expect("written");
        clock.advance(86_400);
    }
    // The first three are more than 400 days old by then.
    clock.advance((AUDIT_KEPT_DAYS - 7) * 86_400);
    let prune = |limit| {
        app.write(Lane::People, move |tx| {
            let now = tx.now();
            audit::prune(tx, now, limit)
        })
        .expect("written")
    };
    assert_eq!((prune(2), prune(2), prune(2)), (2, 1, 0));
    assert_eq!(kept(&app).first().map(|entry| entry.id), Some(AuditId::new(4)));
    assert_eq!(problems(&app), [""; 0]);

    app.write(Lane::People, |tx| Ok(tx.delete::<AuditEntry>(AuditId::new(4)).map(drop)?)).expect("written");
    assert_eq!(problems(&app), ["The audit log is broken: entry 4 is missing or damaged."]);
    let end = app.read(audit::problem_at_end).expect("read");
    assert_eq!(end, None, "the minute's look is at the end alone");

    clock.advance(500 * 86_400);
    prune(100);
    assert_eq!(problems(&app).len(), 1, "pruning does not hide what is broken");
}

#[test]
fn a_log_pruned_to_nothing_goes_on_where_it_ended() {
    let (app, _, clock) = app();
    fill(&app);
    clock.advance(500 * 86_400);
    app.write(Lane::People, |tx| {
        let now = tx.now();
        audit::prune(tx, now, 100)
    })
    .expect("written");
    assert_eq!((kept(&app).len(), problems(&app)), (0, vec![]));
    assert_eq!(app.read(audit::problem_at_end).expect("read"), None);
    app.write(Lane::People, |tx| teams::create(tx, &Actor::SYSTEM, "Web", &[])).expect("written");
    assert_eq!(kept(&app)[0].id, AuditId::new(5));
    assert_eq!(problems(&app), [""; 0]);
}

#[test]
fn the_inspector_sees_within_a_minute_that_the_end_was_changed() {
    let (app, ..) = app();
    fill(&app);
    let find = || app.read(audit::problem_at_end).expect("read");
    assert_eq!(find(), None);
    app.write(Lane::People, |tx| Ok(tx.delete::<AuditEntry>(AuditId::new(4)).map(drop)?)).expect("written");
    assert_eq!(find().as_deref(), Some("the audit log does not end with entry 4 as it was written"));
}

#[test]
fn what_a_person_does_to_an_incident_is_in_the_log_with_whom_it_was_for() {
    let mut world = World::new(false);
    let (ana, bo) = (world.person("ana", Role::Admin, &[]), world.person("bo", Role::Responder, &[]));
    let policy = world.policy("p", vec![], 0, vec![ana]);
    let source = world.source("s", policy, "k");
    let actor = Actor::user(ana, Role::Admin, Door::Web).at([192, 0, 2, 7].into());
    let number = world
        .write(move |tx| {
            let results = pagerpal::app::alert_sources::send_test_alert(tx, &Actor::SYSTEM, source)?;
            Ok(results[0].incident.expect("opened").1)
        })
        .expect("an incident");
    use pagerpal::app::incidents::{self, Deed};
    for _ in 0..2 {
        let act = move |tx: &mut Write<'_>| {
            incidents::act(tx, &actor, &number.to_string(), Some(bo), Deed::Acknowledge).map(drop)
        };
        world.write(act).expect("done");
    }
    let log = world.read(|read| audit::entries(read, Take::last(1000))).items;
    let taken: Vec<_> = log.iter().filter(|entry| entry.action == "incident.acknowledged").collect();
    assert_eq!(taken.len(), 1, "what changed nothing is no entry");
    assert_eq!((taken[0].actor, taken[0].acting_as), (actor, Some(bo)));
}
