//! PagerPal as a thing to look after: copied while it serves, restored elsewhere, verified, and refused in a sentence and
//! with the right exit code when something is wrong. Commands run in this process, through the front door of `cli`.

use crate::house::{House, KEY};
use clap::Parser;
use pagerpal::age::Identity;
use pagerpal::app::backups::automatic::{self, Plan};
use pagerpal::app::backups::{self, BackupError, RestoreError, Restored, Unusable};
use pagerpal::app::deliveries::{Room, Sender, claim_due};
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::intake::{self, Received};
use pagerpal::app::{AppError, Lane, Write as Tx, audit, inspect, oncall, system};
use pagerpal::cli::{self, Arguments, Exit};
use pagerpal::clock::{Clock, SystemClock};
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::delivery::{Delivery, DeliveryRing, LOST_TRACK, State};
use pagerpal::domain::effect::Reason;
use pagerpal::domain::event::{Action, Event, Order, Report, SenderTime};
use pagerpal::domain::id::AlertSourceId;
use pagerpal::domain::incident::{Hold, Incident};
use pagerpal::domain::time::Timestamp;
use pagerpal::random::{ScriptedRandom, SystemRandom};
use pagerpal::store::backup::files;
use pagerpal::store::engine::{Direction, KeyRange, TableName};
use pagerpal::store::keys::Span;
use pagerpal::store::tables::RECORDS;
use pagerpal::store::{Read as _, Rows, Store, StoreError, Take};
use pagerpal::web::control;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A house in which a page is on its way.
fn house() -> House {
    let house = House::new(str::to_owned);
    let sender = Sender { sending_enabled: true, ..Sender::of(house.app()) };
    let (number, boss) = (house.ids["incident"].clone(), house.user("admin"));
    let claimed = house.write(move |tx| {
        let admin = Actor::user(boss, Role::Admin, Door::Web);
        incidents::act(tx, &admin, &number, Some(boss), Deed::Escalate { expected_level: None })?;
        claim_due(tx, DeliveryRing::First, &sender, &Room::each(32))
    });
    assert!(!claimed.outgoing.is_empty(), "somebody is being paged");
    house
}

fn backup_of(house: &House) -> Vec<u8> {
    let mut bytes = Vec::new();
    let taken = house.app().back_up(&mut bytes, &mut |_| true).expect("copied");
    assert!(taken.left_out.is_empty() && taken.head.records() > 100, "{taken:?}");
    bytes
}

fn restore(house: &House, backup: impl Read, path: &Path) -> Result<Restored, RestoreError> {
    backups::restore(backup, &[], path, Arc::new(house.clock.clone()), Arc::new(ScriptedRandom::new(9)), &mut |_| true)
}

/// Runs a command for a data directory as if typed.
fn run(data_dir: &Path, words: &[&str]) -> Exit {
    let directory = data_dir.to_str().expect("a plain path");
    let typed = [&["pagerpal", "--progress", "never", "--data-dir", directory], words].concat();
    cli::run(Arguments::try_parse_from(typed).unwrap_or_else(|error| panic!("{error}")))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every quarter of an hour, not encrypted.
fn plan_in(folder: &Path) -> Plan {
    Plan {
        every_secs: 900,
        directory: folder.join("backups"),
        scratch: folder.join("proof.new"),
        keep: 3,
        keep_daily: 2,
        recipients: vec![],
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

type Row = (Vec<u8>, Vec<u8>);

fn rows(read: &impl Rows, table: TableName) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    read.raw_scan(table, &KeyRange::all(), Direction::Ascending, &mut visit).expect("rows");
    rows
}

#[test]
fn everything_is_there_after_a_restore_and_the_same_people_are_on_call() {
    let house = house();
    let folder = folder();
    let path = folder.path().join("pagerpal.redb");
    let restored = restore(&house, &backup_of(&house)[..], &path).expect("restored");
    assert_eq!(restored.problems, Vec::<String>::new());
    let store = Store::open(&path, Arc::new(house.clock.clone()), Arc::new(ScriptedRandom::new(9))).expect("opens");
    assert!(store.verify().expect("a verdict").is_well());
    assert_ne!(store.lineage(), house.app().lineage());

    let now = house.clock.now();
    let answers = |at: Timestamp| {
        let was = house.app().read(|read| oncall::everywhere(read, at)).expect("an answer");
        let is = store.read(|read| oncall::everywhere(read, at)).expect("an answer");
        (format!("{was:?}"), format!("{is:?}"))
    };
    let mut changes = 0;
    let mut before = String::new();
    for hours in (0..90 * 24).step_by(6) {
        let (was, is) = answers(now.plus_secs(hours * 3600));
        assert_eq!(was, is, "after {hours} h");
        changes += usize::from(was != before);
        before = was;
    }
    assert!(changes > 10, "people took turns");

    // What a restore settles changes; sessions stay behind; all else is the same to the byte.
    const SETTLED: [&str; 8] =
        ["incidents", "timeline", "timers", "deliveries", "audit", "audit_chain", "sessions", "clock_mark"];
    let was = house.app().read(|read| Ok(everything(read))).expect("rows");
    let is = store.read(|read| Ok::<_, StoreError>(everything(read))).expect("rows");
    let mut compared = 0;
    for ((table, was), (_, is)) in was.iter().zip(&is).filter(|((table, _), _)| !SETTLED.contains(&table.0)) {
        assert_eq!(was, is, "{}", table.0);
        compared += was.len();
    }
    assert!(compared > 50, "{compared} records");
    let count = |of: &[(TableName, Vec<Row>)], table: &str| {
        of.iter().find(|(name, _)| name.0 == table).map(|(_, rows)| rows.len()).expect("a table")
    };
    assert!(count(&was, "sessions") > 0 && count(&is, "sessions") == 0);
    for table in ["incidents", "deliveries"] {
        assert_eq!(count(&was, table), count(&is, table), "{table}");
    }
}

fn everything(read: &impl Rows) -> Vec<(TableName, Vec<Row>)> {
    RECORDS.iter().map(|kind| (kind.table, rows(read, kind.table))).collect()
}

#[test]
fn however_many_are_open_a_restore_holds_them_all_and_one_press_resumes_them() {
    let house = House::new(str::to_owned);
    let source: AlertSourceId = house.ids["source"].parse().expect("a source");
    const MORE: usize = 10_500;
    // So few in a minute that they are no storm, which would be one incident.
    for first in (0..MORE).step_by(50) {
        house.clock.set(house.clock.now().plus_secs(60));
        let at = SenderTime::from(house.app().now());
        house.write(move |tx| {
            for alert in first..first + 50 {
                let event = Event {
                    action: Action::Trigger,
                    external_id: format!("alert {alert}"),
                    severity: Some(Severity::Warning),
                    title: "One of many".to_owned(),
                    details: String::new(),
                    labels: BTreeMap::new(),
                    links: vec![],
                    occurred_at: at,
                    order: Order::Arrival,
                    actor: None,
                    warnings: vec![],
                };
                let reports = vec![Report::Event(event)];
                let body = String::new();
                let received = Received { source, reports, delivery_id: None, key_hash: None, body, is_test: false };
                intake::receive(tx, &received)?;
            }
            Ok(())
        });
    }
    let folder = folder();
    let path = folder.path().join("pagerpal.redb");
    let restored = restore(&house, &backup_of(&house)[..], &path).expect("restored");
    let store = Store::open(&path, Arc::new(house.clock.clone()), Arc::new(ScriptedRandom::new(9))).expect("opens");
    let held = || store.read(|read| incidents::held_after_restore(read)).expect("reads").map(|(count, _)| count);
    assert!(restored.held > MORE, "{restored:?}");
    assert_eq!(held(), Some(restored.held));
    let admin = Actor::user(house.user("admin"), Role::Admin, Door::Web);
    let resumed = store.write(Lane::People, move |tx| incidents::resume_after_restore(tx, &admin));
    assert_eq!(resumed.expect("resumed"), restored.held);
    assert_eq!(held(), None);
}

#[test]
fn after_a_restore_the_open_wait_and_what_was_on_its_way_is_not_sent_again() {
    let house = house();
    let folder = folder();
    let path = folder.path().join("pagerpal.redb");
    // The copy is a day old.
    let backup = backup_of(&house);
    house.clock.set(house.clock.now().plus_secs(86_400));
    let restored = restore(&house, &backup[..], &path).expect("restored");
    assert!(restored.held > 0 && restored.lost_track > 0, "{restored:?}");

    let store = Store::open(&path, Arc::new(house.clock.clone()), Arc::new(ScriptedRandom::new(9))).expect("opens");
    let number: u64 = house.ids["incident"].parse().expect("a number");
    let (open, lost) = store
        .read(|read| {
            let deliveries = read.scan_table::<Delivery>(&Span::all(), all())?.items;
            let incidents = read.scan_table::<Incident>(&Span::all(), all())?.items;
            let open = incidents.into_iter().find(|incident| incident.number == number).expect("it was open");
            Ok::<_, StoreError>((open, deliveries))
        })
        .expect("reads");
    assert_eq!(open.hold, Some(Hold::Restore));
    let lost: Vec<&Delivery> = lost
        .iter()
        .filter(|d| d.attempts.iter().any(|a| a.answer.as_ref().is_some_and(|answer| answer.text == LOST_TRACK)))
        .collect();
    assert_eq!(lost.len(), restored.lost_track);
    assert!(lost.iter().all(|delivery| delivery.state == State::Failed));

    // Nothing leaves while it is held, whatever was due in the copy.
    let sender = Sender { sending_enabled: true, ..Sender::of(house.app()) };
    let claimed = store.write(Lane::Paging, move |tx| {
        let first = claim_due(tx, DeliveryRing::First, &sender, &Room::each(32))?;
        let again = claim_due(tx, DeliveryRing::Retry, &sender, &Room::each(32))?;
        Ok::<_, AppError>([first.outgoing, again.outgoing].concat())
    });
    assert!(claimed.expect("claims work").is_empty());

    // An admin has looked: it climbs at once.
    let boss = house.user("admin");
    let resume = move |tx: &mut Tx<'_>| incidents::resume_after_restore(tx, &Actor::user(boss, Role::Admin, Door::Web));
    assert_eq!(store.write(Lane::People, resume).expect("resumed"), restored.held);
    let again = store.write(Lane::People, resume).expect_err("nothing is left").to_string();
    assert_eq!(again, "No incident is held after a restore.");
    let open = store.read(|read| read.get::<Incident>(open.id)).expect("reads").expect("there");
    assert_eq!(open.hold, None);
    let problems = store.read(inspect::inspect).expect("an inspection");
    assert_eq!(problems, Vec::<String>::new());
    let viewer = house.user("viewer");
    let refused = store.write(Lane::People, move |tx| {
        incidents::resume_after_restore(tx, &Actor::user(viewer, Role::Viewer, Door::Web))
    });
    assert!(refused.is_err());
    assert!(store.read(audit::verify).expect("a proof").broken.is_none());
}

fn all() -> Take {
    Take::first(10_000)
}

#[test]
fn commands_copy_restore_and_verify_and_exit_as_the_manual_says() {
    let house = house();
    let folder = folder();
    let (backup, cut, foreign) =
        (folder.path().join("good.backup"), folder.path().join("cut.backup"), folder.path().join("foreign.backup"));
    let bytes = backup_of(&house);
    fs::write(&backup, &bytes).expect("a file");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("a file");
    fs::write(&foreign, "no backup at all").expect("a file");
    let data = folder.path().join("data");

    assert_eq!(run(&data, &["backup"]), Exit::DatabaseUnreachable, "there is nothing to copy");
    assert_eq!(run(&data, &["restore", text(&folder.path().join("nowhere"))]), Exit::NotFound);
    for broken in [&cut, &foreign] {
        assert_eq!(run(&data, &["restore", text(broken)]), Exit::VerificationFailed);
        assert_eq!(names(&data), Vec::<String>::new(), "nothing is left of it");
    }
    assert_eq!(run(&data, &["verify", text(&cut)]), Exit::VerificationFailed);
    assert_eq!(run(&data, &["verify", text(&backup)]), Exit::Done);
    assert_eq!(run(&data, &["restore", text(&backup), "--dry-run"]), Exit::Done);
    assert_eq!(names(&data), Vec::<String>::new());

    assert_eq!(run(&data, &["restore", text(&backup)]), Exit::Done);
    assert_eq!(names(&data), ["pagerpal.redb"]);
    let database = data.join("pagerpal.redb");
    assert_eq!(fs::metadata(&database).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&data, &["verify"]), Exit::Done);
    let before = fs::read(&database).expect("there");
    assert_eq!(run(&data, &["restore", text(&backup)]), Exit::InUse, "somebody's data is there");
    assert_eq!(run(&data, &["restore", text(&cut), "--replace"]), Exit::VerificationFailed);
    assert!(fs::read(&database).expect("there") == before, "a refused one changes nothing");

    {
        let _served = open(&database);
        assert_eq!(run(&data, &["restore", text(&backup), "--replace"]), Exit::InUse, "a server has it");
        assert_eq!(run(&data, &["backup"]), Exit::InUse);
    }
    assert_eq!(run(&data, &["restore", text(&backup), "--replace"]), Exit::Done);
    let kept = names(&data);
    assert_eq!(kept.len(), 2 + usize::from(kept.contains(&"backups".to_owned())), "{kept:?}");
    let aside = kept.iter().find(|name| name.starts_with("pagerpal.redb.replaced-")).expect("the old one is kept");
    assert_ne!(open(&data.join(aside)).lineage(), open(&database).lineage());

    let copies = data.join("backups");
    assert_eq!(run(&data, &["backup", "--verify"]), Exit::Done);
    assert_eq!(names(&copies).len(), 1, "{:?}", names(&copies));
    for hour in 0..3 {
        fs::write(copies.join(files::name(Timestamp::from_second(hour * 3600), false)), "an old one").expect("a file");
    }
    assert_eq!(run(&data, &["backup", "--keep", "1"]), Exit::Done);
    assert!(names(&copies).len() == 1 && !names(&copies)[0].contains("1970"), "{:?}", names(&copies));
    let named = folder.path().join("named");
    assert_eq!(run(&data, &["backup", text(&named)]), Exit::Done);
    assert_eq!(fs::metadata(&named).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&folder.path().join("elsewhere"), &["restore", text(&named)]), Exit::Done, "a copy of the copy");
}

fn open(path: &Path) -> Store {
    let clock = SystemClock::new();
    Store::open(path, Arc::new(clock), Arc::new(SystemRandom)).expect("opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_copied_and_checked_through_its_socket() {
    let house = house();
    let folder = folder();
    // What a killed server leaves is in nobody's way.
    fs::write(folder.path().join("control.sock"), "").expect("a file");
    let (listener, socket) = control::listen(folder.path()).expect("a socket");
    let path = folder.path().join("control.sock");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let (say_stop, stop) = tokio::sync::oneshot::channel::<()>();
    let served =
        tokio::spawn(control::serve(house.web.clone(), listener, async move { stop.await.unwrap_or_default() }));

    // There is no database file here: only the server can have answered.
    let data = folder.path().to_owned();
    let copy = data.join("copy");
    let (at, to) = (data.clone(), copy.clone());
    let command = tokio::task::spawn_blocking(move || {
        [
            run(&at, &["backup", text(&to)]),
            run(&at, &["verify"]),
            run(&at, &["verify", text(&to)]),
            run(&at, &["healthcheck"]),
        ]
    });
    // No worker runs here, so no page would leave.
    assert_eq!(command.await.expect("no panic"), [Exit::Done, Exit::Done, Exit::Done, Exit::Failed]);
    let head = backups::head(fs::File::open(&copy).expect("there")).expect("a backup");
    assert_eq!(head.lineage, house.app().lineage());

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::UnixStream::connect(&path).await.expect("it listens");
    stream.write_all(b"{\"ask\":\"everything\"}\n").await.expect("asked");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("answered");
    assert_eq!(answer.first(), Some(&b'X'), "{}", String::from_utf8_lossy(&answer));
    assert!(!String::from_utf8_lossy(&answer).contains(KEY));

    say_stop.send(()).expect("it serves");
    served.await.expect("no panic");
    drop(socket);
    assert_eq!(names(&data), ["copy"]);
    assert_eq!(run(&data, &["healthcheck"]), Exit::DatabaseUnreachable);
}

#[test]
fn backups_are_taken_in_turn_and_the_newest_is_proven() {
    let house = house();
    let folder = folder();
    let plan = plan_in(folder.path());
    let notices = || {
        let all = house.app().read(|read| Ok(read.scan_table::<Delivery>(&Span::all(), all())?.items)).expect("reads");
        all.iter().filter(|delivery| delivery.reason == Reason::Notice).count()
    };
    let go = |plan: &Plan| automatic::round(house.app(), plan, &mut |_| true).expect("a round");
    assert_eq!(automatic::prove_newest(house.app(), &plan).expect("nothing to prove"), None);

    let start = house.clock.now();
    for minute in 0..60 {
        house.clock.set(start.plus_minutes(minute));
        assert_eq!(go(&plan), start.plus_minutes((minute / 15 + 1) * 15), "after {minute} min");
    }
    let taken = |minutes| files::name(start.plus_minutes(minutes), false);
    assert_eq!(names(&plan.directory), [taken(15), taken(30), taken(45)], "four were taken, three are kept");
    assert_eq!((house.app().board.backups().kept, notices()), (3, 0));
    // Another process goes on from the files.
    house.app().board.backups_change(|condition| *condition = Default::default());
    assert_eq!(go(&plan), start.plus_minutes(60));
    assert_eq!(names(&plan.directory).len(), 3);

    let note = automatic::prove_newest(house.app(), &plan).expect("a verdict").expect("there is one");
    assert_eq!((note.file.clone(), note.problem.clone()), (taken(45), None));
    assert_eq!(files::note(&plan.directory), Some(note));
    assert_eq!(names(folder.path()), ["backups"], "what was restored for it is gone");

    // The disk has eaten half of it: admins hear of it once, and every page says so.
    let newest = plan.directory.join(taken(45));
    let bytes = fs::read(&newest).expect("there");
    fs::write(&newest, &bytes[..bytes.len() / 2]).expect("a file");
    for _ in 0..2 {
        let note = automatic::prove_newest(house.app(), &plan).expect("a verdict").expect("there is one");
        assert_eq!(note.problem.as_deref(), Some("it ends too early: copy it again, or take another one"));
    }
    let told = notices();
    assert!(told > 0, "admins are told");
    let strips = || system::strips(house.app()).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n");
    assert!(strips().contains(&format!("The backup {} could not be restored", taken(45))), "{}", strips());
    house.clock.set(start.plus_minutes(60));
    go(&plan);
    automatic::prove_newest(house.app(), &plan).expect("a verdict");
    assert!(!strips().contains("could not be restored"), "{}", strips());

    // A place that cannot be written: said since when, tried again each minute, told once.
    fs::write(folder.path().join("file"), "").expect("a file");
    let nowhere = Plan { directory: folder.path().join("file/backups"), ..plan };
    house.clock.set(start.plus_minutes(80));
    assert_eq!(go(&nowhere), start.plus_minutes(81));
    house.clock.set(start.plus_minutes(81));
    assert_eq!(go(&nowhere), start.plus_minutes(82));
    assert!(strips().contains(&format!("No backup can be taken since {}", start.plus_minutes(80))), "{}", strips());
    assert_eq!(notices(), told * 2);
}

/// Fails at the nth operation, whichever that is.
struct Failing<T> {
    inner: T,
    left: usize,
}

impl<T> Failing<T> {
    fn strike(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("the disk says no"))?;
        Ok(())
    }
}

impl<T: Write> Write for Failing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.strike()?;
        self.inner.write(&bytes[..bytes.len().min(1000)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.strike()?;
        self.inner.flush()
    }
}

impl<T: Read> Read for Failing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.strike()?;
        let len = bytes.len().min(500);
        self.inner.read(&mut bytes[..len])
    }
}

#[test]
fn whichever_operation_fails_the_file_is_the_old_or_the_new() {
    let house = house();
    let folder = folder();
    let path = folder.path().join("copy");
    fs::write(&path, "the old one").expect("a file");
    let mut operations = 0;
    loop {
        let saved = files::save(&path, |out| {
            let out = Failing { inner: out, left: operations };
            house.app().back_up(out, &mut |_| true)
        });
        match saved {
            Ok(_) => break,
            Err(BackupError::Write(_)) => {}
            Err(other) => panic!("{other}"),
        }
        assert_eq!(fs::read(&path).expect("there"), b"the old one");
        assert_eq!(names(folder.path()), ["copy"]);
        operations += 1;
    }
    assert!(operations > 10, "{operations} operations were hit");
    assert!(backups::head(fs::File::open(&path).expect("there")).is_ok());

    let (bytes, database) = (fs::read(&path).expect("there"), folder.path().join("pagerpal.redb"));
    let mut reads = 0;
    let restored = loop {
        match restore(&house, Failing { inner: &bytes[..], left: reads }, &database) {
            Ok(restored) => break restored,
            Err(RestoreError::Unusable(Unusable::Unreadable(_))) => {}
            Err(other) => panic!("{other}"),
        }
        assert_eq!(names(folder.path()), ["copy"], "after {reads} reads");
        reads += 1;
    };
    assert!(reads > 10 && restored.records > 100, "{reads} reads were hit");
}

#[test]
fn an_encrypted_backup_is_proven_by_the_process_that_took_it_and_by_the_next_one_with_another() {
    let house = house();
    let folder = folder();
    let owner = Identity::new([5; 32]);
    let plan = Plan { recipients: vec![owner.recipient()], ..plan_in(folder.path()) };
    let start = house.clock.now();
    automatic::round(house.app(), &plan, &mut |_| true).expect("a round");
    let first = files::name(start, true);
    let proven = || automatic::prove_newest(house.app(), &plan).expect("a verdict").expect("there is one");
    assert_eq!((proven().file, proven().problem), (first.clone(), None));

    // The process ends, and its key with it; when the next one is due is in the name.
    house.app().board.backups_change(|condition| *condition = Default::default());
    house.clock.set(start.plus_minutes(5));
    let next = automatic::round(house.app(), &plan, &mut |_| true).expect("a round");
    assert_eq!(next, start.plus_minutes(15));
    assert_eq!(names(&plan.directory), ["last-proof.json".to_owned(), first.clone()]);
    let second = files::name(start.plus_minutes(5), true);
    assert_eq!((proven().file, proven().problem), (second.clone(), None));

    for name in [first, second] {
        let open = |identities: &[Identity]| {
            let backup = fs::File::open(plan.directory.join(&name)).expect("there");
            house.app().prove(backup, identities, &plan.scratch).map(|restored| restored.problems)
        };
        assert_eq!(open(std::slice::from_ref(&owner)).expect("its owner opens it"), Vec::<String>::new());
        assert!(matches!(open(&[]), Err(RestoreError::Encrypted)));
        assert!(matches!(open(&[Identity::new([6; 32])]), Err(RestoreError::NotOpened(_))));
    }
}
