use super::*;
use crate::store::engine::conformance;
use tempfile::TempDir;

const TABLE: TableName = TableName("table");

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn create(path: &Path) {
    RedbEngine::create(path, |new| set(new, b"born", b"here")).expect("a new file");
}

fn set(engine: &RedbEngine, key: &[u8], value: &[u8]) -> Result<()> {
    let mut changes = Changes::default();
    changes.set(TABLE, key.to_vec(), value.to_vec());
    engine.commit(&*engine.snapshot()?, &changes)
}

fn get(engine: &RedbEngine, key: &[u8]) -> Option<Vec<u8>> {
    engine.snapshot().expect("a snapshot").get(TABLE, key).expect("a read")
}

#[test]
fn the_file_engine_keeps_the_promises_of_the_seam() {
    let directory = directory();
    let mut count = 0;
    conformance::check(&mut || {
        count += 1;
        let path = directory.path().join(format!("{count}.redb"));
        RedbEngine::create(&path, |_| Ok(())).expect("a new file");
        Box::new(RedbEngine::open(&path).expect("an engine"))
    });
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    let engine = RedbEngine::open(&path).expect("an engine");
    set(&engine, b"a", b"1").expect("a commit");
    drop(engine);
    let engine = RedbEngine::open(&path).expect("an engine");
    assert_eq!(get(&engine, b"born"), Some(b"here".to_vec()));
    assert_eq!(get(&engine, b"a"), Some(b"1".to_vec()));
}

#[test]
fn a_second_opening_is_refused_and_harms_nothing() {
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    let first = RedbEngine::open(&path).expect("an engine");
    assert!(matches!(RedbEngine::open(&path), Err(OpenError::InUse { .. })));
    assert!(matches!(RedbEngine::peek(&path, TABLE, b"born"), Err(OpenError::InUse { .. })));
    set(&first, b"a", b"1").expect("the first goes on");
}

#[test]
fn a_leftover_of_a_killed_first_start_is_no_obstacle() {
    let directory = directory();
    let path = directory.path().join("store");
    std::fs::write(newborn(&(&path).into()).path, b"redb was killed here").expect("a leftover");
    create(&path);
    assert!(!newborn(&(&path).into()).path.exists());
    assert_eq!(get(&RedbEngine::open(&path).expect("an engine"), b"born"), Some(b"here".to_vec()));
}

#[test]
fn a_failed_birth_leaves_no_file() {
    let directory = directory();
    let path = directory.path().join("store");
    let born = RedbEngine::create(&path, |_| Err(Error::Unavailable("no".to_owned())));
    assert!(matches!(born, Err(OpenError::Failed { .. })));
    assert!(!path.exists());
    create(&path);
}

#[test]
fn an_existing_file_is_replaced_only_on_purpose_and_only_by_a_whole_one() {
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    let again = RedbEngine::create(&path, |new| set(new, b"born", b"again"));
    assert!(matches!(again, Err(OpenError::InUse { .. })), "somebody else was faster: {again:?}");
    RedbEngine::replace(&path, |_| Err(Error::Unavailable("no".to_owned()))).expect_err("half made");
    let born = || get(&RedbEngine::open(&path).expect("an engine"), b"born");
    assert_eq!(born(), Some(b"here".to_vec()));
    RedbEngine::replace(&path, |new| set(new, b"born", b"again")).expect("a new file");
    assert_eq!(born(), Some(b"again".to_vec()));
}

#[test]
fn only_its_user_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn damage_anywhere_in_the_file_is_found_on_opening() {
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    let engine = RedbEngine::open(&path).expect("an engine");
    set(&engine, b"large", &vec![b'x'; 100_000]).expect("a commit");
    drop(engine);
    let sound = std::fs::read(&path).expect("the bytes");
    let inside = sound.windows(64).position(|bytes| bytes == [b'x'; 64]).expect("the value is in the file");

    let mut flipped = sound.clone();
    flipped[inside + 1000] ^= 1;
    for (what, bytes) in [
        ("one flipped bit", flipped),
        ("cut short", sound[..sound.len() / 2].to_vec()),
        ("emptied", Vec::new()),
        ("not a database", b"this is a shopping list".repeat(1000)),
    ] {
        std::fs::write(&path, &bytes).expect("damage");
        let opened = RedbEngine::open(&path).map(drop);
        assert!(matches!(opened, Err(OpenError::Corrupt { .. })), "{what}: {opened:?}");
    }
}

#[test]
fn peeking_reads_a_row_and_leaves_every_byte_alone() {
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    // Closed, and as a kill would leave it: copied while open.
    let killed = directory.path().join("killed");
    let engine = RedbEngine::open(&path).expect("an engine");
    set(&engine, b"a", b"1").expect("a commit");
    std::fs::copy(&path, &killed).expect("a copy");
    drop(engine);
    for path in [path, killed] {
        let before = std::fs::read(&path).expect("the bytes");
        assert_eq!(RedbEngine::peek(&path, TABLE, b"a").expect("a row"), Some(b"1".to_vec()));
        assert_eq!(RedbEngine::peek(&path, TABLE, b"b").expect("no row"), None);
        assert!(std::fs::read(&path).expect("the bytes") == before, "{} has changed", path.display());
    }
}

#[test]
fn every_refusal_is_one_sentence_that_says_what_to_do() {
    let path = || PathBuf::from("/data/pagerpal.redb");
    let io = |kind: ErrorKind| io_failure(&path(), &io::Error::from(kind)).to_string();
    for (sentence, expected) in [
        (
            OpenError::InUse { path: path() }.to_string(),
            "another process is using /data/pagerpal.redb; only one may, so stop it or talk to it instead",
        ),
        (
            io(ErrorKind::ReadOnlyFilesystem),
            "/data/pagerpal.redb could not be opened: read-only filesystem or storage medium",
        ),
        (
            io(ErrorKind::PermissionDenied),
            "/data/pagerpal.redb cannot be written; give this user write access to the file and to its directory",
        ),
        (
            io(ErrorKind::UnexpectedEof),
            "/data/pagerpal.redb is damaged and was not opened (unexpected end of file); restore a backup",
        ),
        (io(ErrorKind::NotFound), "/data/pagerpal.redb could not be opened: entity not found"),
    ] {
        assert_eq!(sentence, expected);
    }
}

#[test]
fn a_directory_nobody_can_write_to_is_named_as_such() {
    // /sys refuses new files even to root.
    let refused = RedbEngine::create(Path::new("/sys/pagerpal.redb"), |_| Ok(()));
    assert!(matches!(refused, Err(OpenError::ReadOnly { .. })), "{refused:?}");
}

/// Fails writes and syncs while told to.
#[derive(Debug)]
struct Failing {
    inner: Box<dyn StorageBackend>,
    broken: Arc<AtomicBool>,
}

impl Failing {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }
}

#[test]
fn after_an_io_error_the_file_is_reopened_and_nothing_confirmed_is_lost() {
    let directory = directory();
    let path = directory.path().join("store");
    create(&path);
    let broken = Arc::new(AtomicBool::new(false));
    let backend: OpenBackend = Box::new({
        let (path, broken) = (path.clone(), Arc::clone(&broken));
        move || Ok(Box::new(Failing { inner: Place::from(&path).open()?, broken: Arc::clone(&broken) }))
    });
    let engine = RedbEngine::open_on(&path, backend).expect("an engine");
    set(&engine, b"confirmed", b"1").expect("a commit");

    broken.store(true, Ordering::Relaxed);
    let old = engine.snapshot().expect("a snapshot");
    assert!(matches!(set(&engine, b"refused", b"2"), Err(Error::Unavailable(_))));
    assert!(matches!(set(&engine, b"refused", b"2"), Err(Error::Unavailable(_))));
    assert!(matches!(engine.reopen(), Err(Error::Unavailable(_))), "still broken");

    broken.store(false, Ordering::Relaxed);
    engine.reopen().expect("healed");
    assert!(!matches!(old.get(TABLE, b"confirmed"), Ok(None)), "a snapshot of the dropped handle may fail, not lie");
    let generation = engine.generation.load(Ordering::Relaxed);
    drop(engine.snapshot().expect("a snapshot"));
    assert_eq!(engine.generation.load(Ordering::Relaxed), generation, "and does not cast doubt on the new one");
    set(&engine, b"later", b"3").expect("a commit");
    assert_eq!(get(&engine, b"confirmed"), Some(b"1".to_vec()));
    assert_eq!(get(&engine, b"later"), Some(b"3".to_vec()));
    drop(engine);
    assert_eq!(get(&RedbEngine::open(&path).expect("an engine"), b"confirmed"), Some(b"1".to_vec()));
}
