//! Commands of the real binary, killed with SIGKILL at random moments: backup, restore, migrate, import, first start.
//!
//! After each kill there is the old state or the new one, whole, told apart by their digests: never a mixture, never a file
//! that does not open. The moments are spread over the command's usual duration and a little beyond; the first comes at
//! once and the last finds it ended. So that the harness cannot do nothing, each loop asserts that many kills hit a command
//! at work, that both states were seen, and that half-made files were found beside the place. `KILLS=200` kills more often.

use crate::transfer::random;
use harness::process::free_port;
use harness::programs::release_binary;
use pagerpal::app::backups;
use pagerpal::app::{App, Settings, passes::LinkKey};
use pagerpal::clock::{Clock, SystemClock};
use pagerpal::exchange::document::{Document, Team, VERSION};
use pagerpal::random::SystemRandom;
use pagerpal::store::codec::{Version, encode};
use pagerpal::store::engine::{Direction, KeyRange, TableName};
use pagerpal::store::keys::ToKey;
use pagerpal::store::tables::RECORDS;
use pagerpal::store::{Rows, Store, StoreError, migrate};
use pagerpal::vault::Vault;
use pagerpal::web::control;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SECRET_KEY: &str = "7f1c0de95b8a42f3a6d0b7c1e2f48d95-of-a-test";
/// Documents of random organisations have less than this many things; their schedules make the files large enough that a
/// command takes its time.
const ORGANISATIONS: u64 = 24;

fn kills() -> u32 {
    std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20)
}

/// A small generator of our own keeps a run repeatable by its seed.
struct Random(u64);

impl Random {
    fn new() -> Random {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_127);
        println!("SEED={seed}");
        Random(seed)
    }

    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 31)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Old,
    New,
}

/// What a loop of kills is about.
struct Loop<'a> {
    name: &'a str,
    /// Puts a fresh directory into the old state.
    prepare: &'a dyn Fn(&Path),
    command: &'a dyn Fn(&Path) -> Command,
    /// Whether an undisturbed command is done; `None` waits for its end.
    is_done: Option<&'a dyn Fn(&Path) -> bool>,
    /// What is there after a kill. Panics at whatever is neither.
    judge: &'a dyn Fn(&Path) -> Found,
    /// What a command at work leaves beside the place; `None` where all of it is inside.
    is_leftover: Option<&'a dyn Fn(&str) -> bool>,
}

impl Loop<'_> {
    fn run(&self) {
        let mut random = Random::new();
        // The shortest of some: a busy machine makes any of them longer, and most kills are to come before the end.
        let usual = (0..5).map(|_| self.undisturbed()).min().expect("five of them");
        let kills = kills();
        let (mut old, mut new, mut at_work, mut leftovers) = (0, 0, 0, 0);
        for number in 0..kills {
            let folder = folder();
            (self.prepare)(folder.path());
            let moment = match number {
                0 => Duration::ZERO,
                last if last == kills - 1 => usual * 20,
                _ => usual.mul_f64(1.2 * (f64::from(number) + random.fraction()) / f64::from(kills)),
            };
            let (mut child, begun) = (start((self.command)(folder.path())), Instant::now());
            while begun.elapsed() < moment && !self.has_ended(&mut child, folder.path(), number == kills - 1) {
                std::thread::sleep((moment - begun.elapsed().min(moment)).min(Duration::from_millis(2)));
            }
            at_work += u32::from(child.try_wait().expect("a child of ours").is_none());
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
            let is_left = |name: &String| self.is_leftover.is_some_and(|is_leftover| is_leftover(name));
            leftovers += u32::from(names(folder.path()).iter().any(is_left));
            match (self.judge)(folder.path()) {
                Found::Old => old += 1,
                Found::New => new += 1,
            }
        }
        println!(
            "{}: {kills} kills, {at_work} of a command at work; {old} left the old state, {new} the new; {leftovers} left \
             something half made beside it; usually {usual:?}",
            self.name
        );
        assert_eq!(old + new, kills);
        assert!(at_work * 3 >= kills, "{at_work} kills hit a command at work");
        assert!(old > 0 && new > 0, "{old} old, {new} new");
        assert!(leftovers > 0 || self.is_leftover.is_none(), "no kill hit the middle");
    }

    fn undisturbed(&self) -> Duration {
        let folder = folder();
        (self.prepare)(folder.path());
        let (mut child, begun) = (start((self.command)(folder.path())), Instant::now());
        while !self.has_ended(&mut child, folder.path(), true) {
            assert!(begun.elapsed() < Duration::from_secs(120), "{} takes too long", self.name);
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = begun.elapsed();
        let status = child.try_wait().expect("a child of ours");
        assert!(status.is_none_or(|status| status.success()), "{}: {status:?}", self.name);
        child.kill().expect("a child of ours");
        child.wait().expect("a child of ours");
        assert_eq!((self.judge)(folder.path()), Found::New, "{}", self.name);
        took
    }

    fn has_ended(&self, child: &mut std::process::Child, folder: &Path, asks: bool) -> bool {
        let ended = child.try_wait().expect("a child of ours").is_some();
        ended || asks && self.is_done.is_some_and(|is_done| is_done(folder))
    }
}

fn start(mut command: Command) -> std::process::Child {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().expect("the binary is there")
}

/// On a disk, as installations are.
fn folder() -> TempDir {
    harness::process::folder("kill")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn pagerpal(data_dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(release_binary("pagerpal"));
    command.env_clear().env("DATA_DIR", data_dir).env("SECRET_KEY", SECRET_KEY).current_dir(data_dir);
    command.args(["--progress", "never"]).args(words);
    command
}

fn database(folder: &Path) -> PathBuf {
    folder.join("pagerpal.redb")
}

/// Opens what a kill left, and checks all of it.
fn open(path: &Path) -> App {
    let random = Arc::new(SystemRandom);
    let store = Store::open(path, Arc::new(SystemClock::new()), random.clone())
        .unwrap_or_else(|error| panic!("{} does not open: {error}", path.display()));
    let settings = Settings {
        sending_enabled: false,
        retry_enabled: false,
        escalation_enabled: false,
        base_url: None,
        link_key: LinkKey::new(SECRET_KEY.as_bytes()),
    };
    let mut app = App::new(store, random, settings);
    app.vault = Vault::new(SECRET_KEY.as_bytes());
    let found = app.verify().expect("a verdict");
    assert!(found.is_well(), "{}: {:?}", path.display(), found.problems);
    app
}

/// A number of organisations beside each other, whose names end in `mark`.
fn document(mark: &str) -> Document {
    let mut whole = Document { pagerpal_export: VERSION, ..Document::default() };
    for number in 0..ORGANISATIONS {
        let part = random::document_named(number, &format!(" {number}{mark}"));
        whole.users.extend(part.users);
        whole.teams.extend(part.teams);
        whole.schedules.extend(part.schedules);
        whole.escalation_policies.extend(part.escalation_policies);
        whole.alert_sources.extend(part.alert_sources);
        whole.maintenance.extend(part.maintenance);
    }
    whole
}

/// A closed database with these organisations, made once.
fn made_of(document: Document) -> TempDir {
    let made = folder();
    let app = open(&database(made.path()));
    let means = control::means(&app);
    app.import(document, means, false).unwrap_or_else(|why| panic!("{why:#?}"));
    made
}

/// All records but those that a restore settles, as one number.
fn digest(path: &Path) -> [u8; 32] {
    const SETTLED: [&str; 8] =
        ["incidents", "timeline", "timers", "deliveries", "audit", "audit_chain", "sessions", "clock_mark"];
    let random = Arc::new(SystemRandom);
    let store = Store::open(path, Arc::new(SystemClock::new()), random).expect("it opened before");
    let read = store.read(|read| {
        let mut bytes = Vec::new();
        for kind in RECORDS.iter().filter(|kind| !SETTLED.contains(&kind.table.0)) {
            let mut visit = |key: &[u8], value: &[u8]| {
                for part in [kind.table.0.as_bytes(), key, value] {
                    bytes.extend((part.len() as u64).to_be_bytes());
                    bytes.extend(part);
                }
                ControlFlow::Continue(())
            };
            read.raw_scan(kind.table, &KeyRange::all(), Direction::Ascending, &mut visit)?;
        }
        Ok::<_, StoreError>(pagerpal::app::sha256(&bytes))
    });
    read.expect("rows")
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// A state that is one of two.
fn one_of<T: PartialEq + std::fmt::Debug>(found: &T, old: &T, new: &T) -> Found {
    assert!(old != new, "the harness could not tell them apart");
    if found == old {
        return Found::Old;
    }
    assert!(found == new, "this is neither the old state nor the new one");
    Found::New
}

#[test]
#[should_panic(expected = "neither the old state nor the new one")]
fn the_judge_sees_a_mixture() {
    one_of(&"half of each", &"old", &"new");
}

#[test]
fn a_killed_backup_leaves_the_earlier_file_or_the_new_one() {
    let (one, other) = (made_of(document("")), made_of(document(" b")));
    // Under the name of the new backup lies the one of another database.
    let earlier = one.path().join("earlier.backup");
    let mut bytes = Vec::new();
    open(&database(other.path())).back_up(&mut bytes, &mut |_| true).expect("copied");
    fs::write(&earlier, bytes).expect("a file");
    let (old, new) = (digest(&database(other.path())), digest(&database(one.path())));
    Loop {
        name: "backup",
        prepare: &|folder| {
            copy(&database(one.path()), &database(folder));
            copy(&earlier, &folder.join("copy.backup"));
        },
        command: &|folder| pagerpal(folder, &["backup", "copy.backup"]),
        is_done: None,
        judge: &|folder| {
            drop(open(&database(folder)));
            assert_eq!(digest(&database(folder)), new, "what is copied stays as it is");
            let restored = folder.join("proof.redb");
            let backup = fs::File::open(folder.join("copy.backup")).expect("there is a backup at every instant");
            let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom));
            let proof = backups::restore(backup, &[], &restored, clock, random, &mut |_| true).expect("it is whole");
            assert_eq!(proof.problems, Vec::<String>::new());
            one_of(&digest(&restored), &old, &new)
        },
        is_leftover: Some(&|name| name == "copy.backup.part"),
    }
    .run();
}

#[test]
fn a_killed_restore_leaves_the_database_that_was_there_or_the_one_of_the_backup() {
    let (one, other) = (made_of(document("")), made_of(document(" b")));
    let backup = one.path().join("other.backup");
    let mut bytes = Vec::new();
    open(&database(other.path())).back_up(&mut bytes, &mut |_| true).expect("copied");
    fs::write(&backup, bytes).expect("a file");
    let (old, new) = (digest(&database(one.path())), digest(&database(other.path())));
    let path = backup.to_str().expect("a plain path");
    Loop {
        name: "restore --replace",
        prepare: &|folder| copy(&database(one.path()), &database(folder)),
        command: &|folder| pagerpal(folder, &["restore", path, "--replace"]),
        is_done: None,
        judge: &|folder| {
            drop(open(&database(folder)));
            let found = one_of(&digest(&database(folder)), &old, &new);
            for aside in names(folder).iter().filter(|name| name.starts_with("pagerpal.redb.replaced-")) {
                drop(open(&folder.join(aside)));
                assert_eq!(digest(&folder.join(aside)), old, "what is kept aside is the old one");
            }
            found
        },
        is_leftover: Some(&|name| name == "restore.new"),
    }
    .run();
}

#[test]
fn a_killed_migration_leaves_the_old_format_or_the_new_one() {
    let (made, path) = crate::appliance_migrate::old(|rows| {
        let table = TableName("counters");
        for number in 0..8_000u64 {
            let (name, mut key) = (format!("sequence {number}"), Vec::new());
            name.write(&mut key);
            let value = encode(table, &key, Version(1), &(name.as_str(), number)).expect("small");
            rows.set(table, key, value);
        }
    });
    let before = fs::read(&path).expect("the bytes");
    let digests = std::cell::RefCell::new(None);
    Loop {
        name: "migrate",
        prepare: &|folder| copy(&path, &database(folder)),
        command: &|folder| pagerpal(folder, &["migrate"]),
        is_done: None,
        judge: &|folder| match migrate::pending(&database(folder)).expect("its format can be read") {
            Some(format) => {
                assert_eq!(format, 1);
                assert!(fs::read(database(folder)).expect("there") == before, "the old one is as it was, to the byte");
                Found::Old
            }
            None => {
                // The published samples are records of every kind, and their audit entries no chain: the store alone is
                // asked.
                let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom));
                let store = Store::open(&database(folder), clock, random).expect("the new one opens");
                assert_eq!(store.verify().expect("a verdict").problems, Vec::<String>::new());
                drop(store);
                let found = digest(&database(folder));
                assert_eq!(*digests.borrow_mut().get_or_insert(found), found, "there is one new state");
                Found::New
            }
        },
        is_leftover: Some(&|name| name == "pagerpal.redb.new"),
    }
    .run();
    drop(made);
}

#[test]
fn a_killed_import_leaves_all_of_the_document_or_nothing() {
    let made = made_of(document(""));
    let file = made.path().join("document.json");
    let mut wanted = document(" b");
    wanted.teams.push(Team { name: "Night".to_owned(), members: vec![] });
    fs::write(&file, wanted.write()).expect("a file");
    let path = file.to_str().expect("a plain path").to_owned();
    let exported = |folder: &Path| {
        let app = open(&database(folder));
        pagerpal::app::sha256(&app.export(false).expect("exported").document.write())
    };
    let old = exported(made.path());
    let whole = folder();
    copy(&database(made.path()), &database(whole.path()));
    let done = start(pagerpal(whole.path(), &["import", &path, "--yes"])).wait().expect("a child of ours");
    assert!(done.success(), "{done:?}");
    let new = exported(whole.path());
    Loop {
        name: "import",
        prepare: &|folder| copy(&database(made.path()), &database(folder)),
        command: &|folder| pagerpal(folder, &["import", &path, "--yes"]),
        is_done: None,
        judge: &|folder| one_of(&exported(folder), &old, &new),
        // An import is one commit into the file itself.
        is_leftover: None,
    }
    .run();
}

#[test]
fn a_killed_first_start_leaves_no_database_or_a_whole_one() {
    let begun = SystemClock::new().now();
    Loop {
        name: "first start",
        prepare: &|_| (),
        command: &|folder| {
            let mut serve = pagerpal(folder, &["serve", "--listen", &format!("127.0.0.1:{}", free_port())]);
            // Its secret is born in this start, too.
            serve.env_remove("SECRET_KEY");
            serve
        },
        is_done: Some(&|folder| folder.join(control::FILE_NAME).exists()),
        judge: &|folder| {
            let key = folder.join("secret.key");
            if let Ok(text) = fs::read_to_string(&key) {
                assert!(text.trim().len() >= 64, "a key is whole or not there: {} bytes", text.len());
            }
            if !database(folder).exists() {
                return Found::Old;
            }
            let app = open(&database(folder));
            assert!(app.now() >= begun && app.verify().expect("a verdict").records < 100);
            drop(app);
            // It serves the next time, which its socket says.
            let _ = fs::remove_file(folder.join(control::FILE_NAME));
            let mut child = start({
                let mut serve = pagerpal(folder, &["serve", "--listen", &format!("127.0.0.1:{}", free_port())]);
                serve.env_remove("SECRET_KEY");
                serve
            });
            let waiting = Instant::now();
            while !folder.join(control::FILE_NAME).exists() {
                assert!(child.try_wait().expect("a child of ours").is_none(), "it does not start again");
                assert!(waiting.elapsed() < Duration::from_secs(60), "it does not start again");
                std::thread::sleep(Duration::from_millis(5));
            }
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
            Found::New
        },
        is_leftover: Some(&|name| name == "pagerpal.redb.new" || name == "control.sock"),
    }
    .run();
}
