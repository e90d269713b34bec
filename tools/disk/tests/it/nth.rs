//! *nth*: operation N of the disk fails, for N = 1, 2, ... until a scenario has no Nth: once, for ever, or with the power.
//!
//! Whatever fails, the store is as before or as after, never between; who asked hears success only of what is there, and
//! else that it can be tried again; and when the disk is well, the store is, without a restart. What is confirmed then
//! survives a power cut, although a sync had failed before.
//!
//! Every change of the disk fails, and every eleventh read; every single one with `READS=1`. A sync that fails loses data here,
//! and other data with `SEED=7`.

use crate::{number, planted};
use disk::base::{Base, SEED, would_be};
use disk::contents::Contents;
use disk::disk::{CHANGES, Disk, Operation, Trouble};
use disk::power::{PATH, as_the_product};
use disk::work::{Action, Host, Site};
use pagerpal::app::backups::{self, BackupError};
use pagerpal::app::passes::LinkKey;
use pagerpal::app::transfer::{Means, NotImported};
use pagerpal::app::{App, AppError};
use pagerpal::exchange::document::Document;
use pagerpal::store::engine::redb::RedbEngine;
use pagerpal::store::engine::{Engine, TableName};
use pagerpal::store::rebuild::take_place;
use pagerpal::store::tables::RECORDS;
use pagerpal::store::{StoreError, codec, migrate};
use pagerpal::vault::Vault;
use std::path::PathBuf;

const READS: &[Operation] = &[Operation::Read];
const TROUBLES: [Trouble; 3] = [Trouble::Once, Trouble::ForEver, Trouble::Cut];

/// What somebody asks a store for while it serves. Answers what they hear.
type Deed<'a> = dyn Fn(&Site, &App) -> Result<String, AppError> + 'a;

/// What becomes of a file: answers why not.
type Errand<'a> = dyn Fn(&Disk, &Host) -> Result<(), String> + 'a;

/// Which of the states it may have a file is in, and why not.
type Look<'a> = dyn Fn(&Disk, &Host) -> Result<State, String> + 'a;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Before,
    After,
}

/// The nth of these operations meets this.
type Which = (&'static [Operation], u64, Trouble);

/// What was tried, and what was found.
#[derive(Default, Debug)]
struct Tally {
    /// How many a scenario has, of both kinds together.
    operations: u64,
    trials: u64,
    undone: u64,
    /// It is there although the answer was no.
    done_all_the_same: u64,
    done: u64,
}

/// Somebody is being paged, somebody else waits for it, and some days later all of it is old.
fn base() -> Base {
    let page = |alert| Action::Trigger { source: 0, alert, severity: 3, letters: 500 };
    let mut base = Base::grown(5, 45, &[page(901), Action::Claim(false), page(902)]);
    base.now = base.now.plus_secs(4 * 86_400);
    base
}

fn seed(nth: u64) -> u64 {
    number("SEED").unwrap_or(0) << 32 | nth
}

/// Power goes before anything can be tidied up.
fn lose_power<T>(disk: &Disk, holder: T) {
    disk.plan(CHANGES, 1, Trouble::Cut);
    drop(holder);
    disk.lose_power();
}

/// One trial of a deed. `false`: there is no such operation in it.
fn try_deed(
    base: &Base,
    deed: &Deed<'_>,
    expected: &(String, Contents),
    (operations, nth, trouble): Which,
    tally: &mut Tally,
) -> Result<bool, String> {
    let host = base.host();
    let disk = Disk::with(seed(nth), &base.closed);
    let mut app = host.app(as_the_product(&disk, &host)?);
    host.random.seed(SEED);
    disk.plan(operations, nth, trouble);
    let answer = deed(&base.site, &app);
    let was_hit = disk.was_hit();
    let is_done = match &answer {
        Ok(said) if *said == expected.0 => true,
        Err(AppError::Unavailable(why)) if was_hit && !why.is_empty() => false,
        other => return Err(format!("was answered {other:?}, hit: {was_hit}")),
    };
    if trouble == Trouble::ForEver && was_hit && !is_done {
        let again = deed(&base.site, &app);
        if !matches!(again, Err(AppError::Unavailable(_))) {
            return Err(format!("nothing works any more, and the answer is {again:?}"));
        }
    }
    disk.heal();
    if disk.is_off() {
        lose_power(&disk, app);
        app = host.app(as_the_product(&disk, &host)?);
    } else if trouble == Trouble::ForEver && was_hit {
        app.try_again().map_err(|error| format!("the disk is well, and not the store: {error}"))?;
    }
    let found = Contents::of(&app).map_err(|error| format!("it does not recover: {error}"))?;
    match () {
        () if found == expected.1 => *(if is_done { &mut tally.done } else { &mut tally.done_all_the_same }) += 1,
        () if found == base.contents && !is_done => tally.undone += 1,
        () => {
            let (before, after) = (found.difference(&base.contents), found.difference(&expected.1));
            return Err(format!("answered {answer:?}; to what was before: {before}; to what should be: {after}"));
        }
    }
    tally.trials += 1;
    goes_on(&disk, &host, app, &base.site, &found)?;
    Ok(was_hit)
}

/// A store that was in trouble serves as any other, and what it confirms now is safe.
fn goes_on(disk: &Disk, host: &Host, app: App, site: &Site, contents: &Contents) -> Result<(), String> {
    let action = Action::Trigger { source: 0, alert: 39, severity: 2, letters: 3000 };
    let (expected, then) = would_be(contents, site, host, &action);
    host.random.seed(SEED);
    let answer = site.perform(&app, &action);
    if format!("{answer:?}") != format!("{expected:?}") {
        return Err(format!("later an alert was answered {answer:?}"));
    }
    lose_power(disk, app);
    let app = host.app(as_the_product(disk, host).map_err(|why| format!("later it does not open: {why}"))?);
    let found = Contents::of(&app).map_err(|error| error.to_string())?;
    match found == then {
        true => Ok(()),
        false => Err(format!("what was confirmed later is not there: {}", found.difference(&then))),
    }
}

/// One trial of an errand to a file.
fn try_errand(
    files: &[(PathBuf, Vec<u8>)],
    errand: &Errand<'_>,
    look: &Look<'_>,
    (operations, nth, trouble): Which,
    tally: &mut Tally,
) -> Result<bool, String> {
    let (disk, host) = (Disk::with(seed(nth), files), Host::new());
    host.random.seed(SEED);
    disk.plan(operations, nth, trouble);
    let answer = errand(&disk, &host);
    let was_hit = disk.was_hit();
    disk.heal();
    if disk.is_off() {
        disk.lose_power();
    }
    if !was_hit {
        answer.clone()?;
    }
    let state = look(&disk, &host).map_err(|why| format!("{why}; answered {answer:?}"))?;
    match (&answer, state) {
        (Ok(()), State::Before) => return Err("it is said to be done, and is not".to_owned()),
        (Ok(()), State::After) => tally.done += 1,
        (Err(_), State::Before) => tally.undone += 1,
        (Err(_), State::After) => tally.done_all_the_same += 1,
    }
    tally.trials += 1;
    if answer.is_err() {
        host.random.seed(SEED);
        errand(&disk, &host).map_err(|why| format!("the disk is well, and it still fails: {why}"))?;
    }
    // What was answered with success is there whatever happens now.
    disk.lose_power();
    match look(&disk, &host)? {
        State::After => Ok(was_hit),
        State::Before => Err("it was done, and a power cut undid it".to_owned()),
    }
}

/// Tries N = 1, 2, ... with each kind of trouble.
fn every(
    name: &str,
    troubles: &[Trouble],
    trial: &mut dyn FnMut(Which, &mut Tally) -> Result<bool, String>,
) -> Result<Tally, String> {
    let mut sum = Tally::default();
    for trouble in troubles {
        let mut operations = 0;
        for (kinds, step) in [(CHANGES, 1), (READS, number("READS").unwrap_or(11))] {
            let mut nth = 1;
            while trial((kinds, nth, *trouble), &mut sum)
                .map_err(|why| format!("{name}, operation {nth} with {trouble:?}: {why}"))?
            {
                operations += step;
                nth += step;
            }
        }
        sum.operations = operations;
    }
    println!("{name}: {sum:?}");
    Ok(sum)
}

fn hits(tally: &Tally, name: &str) {
    assert!(tally.operations > 5 && tally.trials >= 12, "{name}: hardly anything was hit: {tally:?}");
}

// -- While it serves --

fn deeds(base: &Base) -> Vec<(&'static str, Box<Deed<'static>>)> {
    let action = |action: Action| -> Box<Deed<'static>> {
        Box::new(move |site, app| site.perform(app, &action).map(|done| format!("{done:?}")))
    };
    let number = base.site.latest();
    vec![
        ("ingest", action(Action::Trigger { source: 0, alert: 38, severity: 3, letters: 500 })),
        ("ingest a flood", action(Action::Flood { source: 1, alerts: 30 })),
        ("resolve", action(Action::Act { number, deed: 3 })),
        ("acknowledge", action(Action::Act { number, deed: 0 })),
        ("claim", action(Action::Claim(false))),
        ("record", action(Action::Record { nth: 0, outcome: 2 })),
        ("timers", action(Action::FireTimers)),
        ("edit", action(Action::AddOverride { person: 1, hours: 8 })),
        ("sign in", action(Action::SignIn { token: 5 })),
        ("retention", action(Action::Forget)),
        ("import", Box::new(import)),
    ]
}

fn import(_: &Site, app: &App) -> Result<String, AppError> {
    let document = app.export(true)?.document;
    let text = String::from_utf8(document.write()).expect("JSON is text").replace("Payments", "Checkout");
    let document = Document::read(text.as_bytes()).map_err(|_| AppError::Internal("no document".to_owned()))?;
    let means =
        Means { vault: Vault::new(b""), link_key: LinkKey::new(b"a secret"), seed: [7; 32], kinds: vec!["generic"] };
    match app.import(document, means, false) {
        Ok(imported) => Ok(format!("{imported:?}")),
        Err(NotImported::App(error)) => Err(error),
        Err(NotImported::Refused(complaints)) => Err(AppError::Internal(format!("{complaints:?}"))),
    }
}

#[test]
fn whatever_fails_a_deed_is_done_or_not_and_the_store_recovers() {
    let base = base();
    for (name, deed) in deeds(&base) {
        let expected = in_memory(&base, &*deed);
        assert_ne!(expected.1, base.contents, "{name} changes nothing");
        let mut trial = |which, tally: &mut Tally| try_deed(&base, &*deed, &expected, which, tally);
        let tally = every(name, &TROUBLES, &mut trial).unwrap_or_else(|why| panic!("{why}"));
        hits(&tally, name);
        assert!(tally.undone > 0 && tally.done_all_the_same > 0, "{name}: {tally:?}");
    }
}

fn in_memory(base: &Base, deed: &Deed<'_>) -> (String, Contents) {
    let host = base.host();
    let app = disk::base::in_memory(&base.contents, &host);
    host.random.seed(SEED);
    let said = deed(&base.site, &app).expect("nothing fails in memory");
    (said, Contents::of(&app).expect("memory does not fail"))
}

fn back_up(_: &Site, app: &App) -> Result<String, AppError> {
    let mut bytes = Vec::new();
    match app.back_up(&mut bytes, &mut |_| true) {
        Ok(_) => Ok(format!("{} bytes, {:?}", bytes.len(), pagerpal::app::sha256(&bytes))),
        Err(BackupError::Store(StoreError::Unavailable(why))) => Err(AppError::Unavailable(why)),
        Err(error) => Err(AppError::Internal(error.to_string())),
    }
}

#[test]
fn a_backup_is_whole_or_an_error() {
    let base = base();
    let expected = in_memory(&base, &back_up);
    assert_eq!(expected.1, base.contents);
    let mut trial = |which, tally: &mut Tally| try_deed(&base, &back_up, &expected, which, tally);
    let tally = every("backup", &TROUBLES, &mut trial).unwrap_or_else(|why| panic!("{why}"));
    hits(&tally, "backup");
}

// -- Files --

fn contents_of(disk: &Disk, host: &Host) -> Result<Contents, String> {
    let app = host.app(as_the_product(disk, host).map_err(|why| format!("it does not open: {why}"))?);
    Contents::of(&app).map_err(|error| error.to_string())
}

fn one_of(found: &Contents, before: Option<&Contents>, after: &Contents) -> Result<State, String> {
    match () {
        () if found == after => Ok(State::After),
        () if Some(found) == before => Ok(State::Before),
        () => Err(format!("it is neither: {}", found.difference(after))),
    }
}

fn open(disk: &Disk, host: &Host) -> Result<(), String> {
    host.random.seed(SEED);
    as_the_product(disk, host).map(drop)
}

#[test]
fn a_file_is_opened_or_left_for_the_next_try() {
    let base = base();
    let birth = {
        let host = Host::new();
        host.random.seed(SEED);
        Contents::of(&disk::base::newborn(&host)).expect("memory does not fail")
    };
    for (name, files, contents) in [
        ("open", &base.closed[..], &base.contents),
        ("open after a kill", &base.killed[..], &base.contents),
        ("first start", &[], &birth),
    ] {
        let look = |disk: &Disk, host: &Host| {
            host.random.seed(SEED);
            one_of(&contents_of(disk, host)?, None, contents)
        };
        let mut trial = |which, tally: &mut Tally| try_errand(files, &open, &look, which, tally);
        let tally = every(name, &TROUBLES, &mut trial).unwrap_or_else(|why| panic!("{why}"));
        hits(&tally, name);
    }
}

/// As the command does it: aside, proven, and then to its place.
fn restore(backup: &[u8], disk: &Disk, host: &Host) -> Result<(), String> {
    let (aside, place) = (disk.place("/data/restore.new"), disk.place(PATH));
    aside.clear().map_err(|error| error.to_string())?;
    backups::restore(backup, &[], aside.clone(), host.clock(), host.random(), &mut |_| true)
        .map_err(|error| error.to_string())?;
    let replaced = PathBuf::from(format!("{PATH}.replaced-{}", disk.operations()));
    take_place(&aside.path, &place, Some(&replaced)).map_err(|error| error.to_string())
}

#[test]
fn a_restore_leaves_the_old_database_or_the_new_one() {
    let base = base();
    let newer = Base::grown(6, 30, &[]);
    let mut backup = Vec::new();
    let host = base.host();
    let taken = disk::base::in_memory(&base.contents, &host).back_up(&mut backup, &mut |_| true).expect("copied");
    assert!(taken.head.records() > 50);
    let errand = |disk: &Disk, host: &Host| restore(&backup, disk, host);
    let restored = {
        let (disk, host) = (Disk::new(0), Host::new());
        host.random.seed(SEED);
        restore(&backup, &disk, &host).expect("restored");
        contents_of(&disk, &host).expect("it opens")
    };
    for (name, files, troubles) in
        [("restore", &[][..], &[Trouble::Cut][..]), ("restore in place of another", &newer.closed[..], &TROUBLES[..])]
    {
        let look = |disk: &Disk, host: &Host| match disk.place(PATH).exists().map_err(|error| error.to_string())? {
            true => one_of(&contents_of(disk, host)?, Some(&newer.contents).filter(|_| !files.is_empty()), &restored),
            false if files.is_empty() => Ok(State::Before),
            false => Err("there is no database any more".to_owned()),
        };
        let mut trial = |which, tally: &mut Tally| try_errand(files, &errand, &look, which, tally);
        let tally = every(name, troubles, &mut trial).unwrap_or_else(|why| panic!("{why}"));
        hits(&tally, name);
    }
}

fn bring_up_to_date(disk: &Disk, _: &Host) -> Result<(), String> {
    let place = disk.place(PATH);
    match migrate::pending(place.clone()).map_err(|error| error.to_string())? {
        Some(from) => migrate::migrate(place, RECORDS, from).map(drop).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

#[test]
fn a_migration_leaves_the_old_format_or_the_new_one() {
    let base = base();
    let old = Disk::new(1);
    let mut rows = base.contents.changes();
    let (meta, format) = (TableName("meta"), b"format");
    rows.set(meta, format.to_vec(), codec::encode(meta, format, codec::Version(1), &1u32).expect("small"));
    RedbEngine::create(old.place(PATH), |new| new.commit(&*new.snapshot()?, &rows)).expect("an old file");
    let look = |disk: &Disk, host: &Host| match migrate::pending(disk.place(PATH)) {
        Ok(Some(1)) => Ok(State::Before),
        Ok(None) if !disk.files().iter().any(|(path, _)| path.ends_with("pagerpal.redb.pre-2")) => {
            Err("the old file is gone".to_owned())
        }
        Ok(None) => one_of(&contents_of(disk, host)?, None, &base.contents),
        other => Err(format!("{other:?}")),
    };
    let files = old.files();
    let mut trial = |which, tally: &mut Tally| try_errand(&files, &bring_up_to_date, &look, which, tally);
    let tally = every("migrate", &TROUBLES, &mut trial).unwrap_or_else(|why| panic!("{why}"));
    hits(&tally, "migrate");
}

#[test]
fn an_operation_that_was_left_out_is_found() {
    let base = base();
    let found = deeds(&base).into_iter().take(3).filter(|(name, deed)| {
        let expected = in_memory(&base, &**deed);
        let mut trial = |which, tally: &mut Tally| try_deed(&base, &**deed, &expected, which, tally);
        every(name, &[Trouble::Ignored], &mut trial).is_err()
    });
    assert_eq!(found.count(), 3);
}

#[test]
fn planted_faults_are_found() {
    let test = "nth::whatever_fails_a_deed_is_done_or_not_and_the_store_recovers";
    for fault in ["ignored_commit_error", "answer_before_commit", "kept_handle"] {
        let said = planted(fault, test, &[]).unwrap_or_else(|| panic!("{fault} is not found"));
        assert!(said.contains(", operation "), "{fault}: {said}");
    }
}
