//! A disk in memory that forgets, tears, fails and lies.
//!
//! Of each file there are the bytes that a reader sees, the bytes that are safe, and what was written in between: a sync
//! makes it safe. When power goes, each pending sector of 512 bytes is kept or lost by chance, some are torn in the middle,
//! a change of length is kept or lost, and of the names that were made, changed and removed a first part is kept, as a
//! journal keeps them. A sync that fails loses part of what it should have written for good, although readers go on seeing
//! it: that is what Linux does.

use pagerpal::domain::given::Jitter;
use pagerpal::store::engine::redb::{Files, Place};
use redb::{BackendError, StorageBackend};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub const SECTOR: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    Read,
    Write,
    Length,
    Sync,
    /// A file or its name is looked for, made, changed, removed, opened, or a directory synced.
    Name,
}

/// Those that a power cut can come after and change anything.
pub const CHANGES: &[Operation] = &[Operation::Write, Operation::Length, Operation::Sync, Operation::Name];

pub const SYNCS: &[Operation] = &[Operation::Sync];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It fails, the next one does not.
    Once,
    /// It and all that follow fail until [`Disk::heal`].
    ForEver,
    /// Power goes with it: half of them are carried out, none after it.
    Cut,
    /// It is not carried out and says that it was: what code does that ignores an error.
    Ignored,
}

/// What a power cut left of what was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scar {
    pub kept: u64,
    pub lost: u64,
    pub torn: u64,
    pub lengths_lost: u64,
    pub names_lost: u64,
}

#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>);

struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    safe_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<Renamed>,
    /// Which operations are counted, which of them meets trouble, and what kind.
    plan: Option<(&'static [Operation], u64, Trouble)>,
    was_hit: bool,
    is_off: bool,
    /// How many of a thousand syncs are lies.
    lies: u64,
    chance: Jitter,
    handles: u64,
    operations: u64,
    syncs: u64,
}

#[derive(Default)]
struct File {
    seen: Vec<u8>,
    safe: Vec<u8>,
    pending: Vec<Change>,
    locked_by: Option<u64>,
}

enum Change {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

/// One step of a directory: names that go, and names that come.
struct Renamed {
    gone: Option<PathBuf>,
    come: Option<(PathBuf, usize)>,
}

enum Fate {
    Well,
    /// Carried out, or not, and then the power is off.
    Last {
        carried_out: bool,
    },
    Skipped,
}

impl Disk {
    pub fn new(seed: u64) -> Disk {
        Disk(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            pending_names: Vec::new(),
            plan: None,
            was_hit: false,
            is_off: false,
            lies: 0,
            chance: Jitter::seeded(seed),
            handles: 0,
            operations: 0,
            syncs: 0,
        })))
    }

    /// A disk with these files on it, safe.
    pub fn with(seed: u64, files: &[(PathBuf, Vec<u8>)]) -> Disk {
        let disk = Disk::new(seed);
        let mut state = disk.state();
        for (path, bytes) in files {
            let file = state.files.len();
            state.files.push(File { seen: bytes.clone(), safe: bytes.clone(), ..File::default() });
            state.names.insert(path.clone(), file);
            state.safe_names.insert(path.clone(), file);
        }
        drop(state);
        disk
    }

    pub fn place(&self, path: &str) -> Place {
        Place { files: Arc::new(self.clone()), path: path.into() }
    }

    /// The `nth` of these operations from now on, counted from 1, meets trouble.
    pub fn plan(&self, operations: &'static [Operation], nth: u64, trouble: Trouble) {
        let mut state = self.state();
        state.plan = Some((operations, nth, trouble));
        state.was_hit = false;
    }

    /// Whether the trouble that was planned last has come.
    pub fn was_hit(&self) -> bool {
        self.state().was_hit
    }

    /// From here on everything works.
    pub fn heal(&self) {
        self.state().plan = None;
    }

    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// So many of a thousand syncs do nothing and say that they did.
    pub fn lie(&self, permille: u64) {
        self.state().lies = permille;
    }

    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// What a reader would see of each file.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state();
        state.names.iter().map(|(path, file)| (path.clone(), state.files[*file].seen.clone())).collect()
    }

    /// Changes bytes below everybody, as rot does.
    pub fn flip(&self, path: &Path, bit: usize) {
        let mut state = self.state();
        let file = state.names[path];
        let file = &mut state.files[file];
        file.seen[bit / 8] ^= 1 << (bit % 8);
        file.safe[bit / 8] ^= 1 << (bit % 8);
    }

    /// Power goes, if it has not yet, and comes back: nobody has anything open or locked, and of what was not synced a part
    /// is left.
    pub fn lose_power(&self) -> Scar {
        let mut state = self.state();
        let State { files, names, safe_names, pending_names, chance, .. } = &mut *state;
        let mut scar = Scar::default();
        let kept_names = chance.below(pending_names.len() as u64 + 1) as usize;
        scar.names_lost = (pending_names.len() - kept_names) as u64;
        for renamed in pending_names.drain(..).take(kept_names) {
            renamed.apply(safe_names);
        }
        names.clone_from(safe_names);
        // Sometimes nearly all is there already, sometimes nothing.
        let keep = [0, 10, 50, 90, 100][chance.below(5) as usize];
        for file in files.iter_mut() {
            for change in std::mem::take(&mut file.pending) {
                match change {
                    Change::Length(len) if chance.below(100) < keep.clamp(30, 70) => file.safe.resize(len, 0),
                    Change::Length(_) => scar.lengths_lost += 1,
                    Change::Bytes(offset, bytes) => {
                        for (at, piece) in sectors(offset, &bytes) {
                            keep_by_chance(&mut file.safe, at, piece, keep, chance, &mut scar);
                        }
                    }
                }
            }
            file.seen.clone_from(&file.safe);
            file.locked_by = None;
        }
        (state.plan, state.is_off) = (None, false);
        scar
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out one operation of a kind, unless something is planned for it.
    fn run<T>(
        &self,
        operation: Operation,
        skipped: impl FnOnce(&mut State) -> io::Result<T>,
        carry_out: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        match state.enter(operation)? {
            Fate::Well => carry_out(&mut state),
            Fate::Skipped => skipped(&mut state),
            Fate::Last { carried_out } => {
                if carried_out {
                    let _ = carry_out(&mut state);
                }
                state.is_off = true;
                Err(power_is_off())
            }
        }
    }

    fn name<T: Default>(&self, carry_out: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.run(Operation::Name, |_| Ok(T::default()), carry_out)
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

impl State {
    fn enter(&mut self, operation: Operation) -> io::Result<Fate> {
        if self.is_off {
            return Err(power_is_off());
        }
        self.operations += 1;
        let Some((operations, left, trouble)) = &mut self.plan else { return Ok(Fate::Well) };
        if !operations.contains(&operation) {
            return Ok(Fate::Well);
        }
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(Fate::Well);
        }
        let trouble = *trouble;
        self.was_hit = true;
        if trouble != Trouble::ForEver {
            self.plan = None;
        }
        match trouble {
            Trouble::Cut => return Ok(Fate::Last { carried_out: self.chance.below(2) == 0 }),
            Trouble::Ignored => return Ok(Fate::Skipped),
            Trouble::Once | Trouble::ForEver => {}
        }
        if operation == Operation::Sync {
            self.lose_some();
        }
        Err(match operation {
            Operation::Write | Operation::Length => ErrorKind::StorageFull.into(),
            Operation::Name => ErrorKind::ReadOnlyFilesystem.into(),
            Operation::Read | Operation::Sync => io::Error::other("input/output error"),
        })
    }

    /// After a sync that failed, Linux takes what it could not write for written.
    fn lose_some(&mut self) {
        for file in &mut self.files {
            for change in std::mem::take(&mut file.pending) {
                match change {
                    Change::Bytes(offset, bytes) if self.chance.below(2) == 0 => put(&mut file.safe, offset, &bytes),
                    Change::Bytes(..) => {}
                    length => file.pending.push(length),
                }
            }
        }
    }

    fn sync(&mut self, file: usize) {
        self.syncs += 1;
        if self.chance.below(1000) < self.lies {
            return;
        }
        let file = &mut self.files[file];
        for change in file.pending.drain(..) {
            match change {
                Change::Bytes(offset, bytes) => put(&mut file.safe, offset, &bytes),
                Change::Length(len) => file.safe.resize(len, 0),
            }
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn rename(&mut self, renamed: Renamed) {
        renamed.apply(&mut self.names);
        self.pending_names.push(renamed);
    }
}

impl Renamed {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((path, file)) = &self.come {
            names.insert(path.clone(), *file);
        }
    }
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if into.len() < offset + bytes.len() {
        into.resize(offset + bytes.len(), 0);
    }
    into[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// The pieces of a write, by sector.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let start = done;
        done = bytes.len().min((offset + start) / SECTOR * SECTOR + SECTOR - offset);
        (start < done).then(|| (offset + start, &bytes[start..done]))
    })
}

/// Beyond the end of a file whose growth was lost nothing is kept.
fn keep_by_chance(safe: &mut [u8], at: usize, piece: &[u8], keep: u64, chance: &mut Jitter, scar: &mut Scar) {
    let end = (at + piece.len()).min(safe.len());
    if at >= end || chance.below(100) >= keep {
        // Torn sectors are among the lost and among the kept, whatever the share of these.
        if at >= end || chance.below(8) > 0 {
            scar.lost += 1;
            return;
        }
    } else if chance.below(8) > 0 {
        safe[at..end].copy_from_slice(&piece[..end - at]);
        scar.kept += 1;
        return;
    }
    let cut = chance.below((end - at) as u64 + 1) as usize;
    match chance.below(2) {
        0 => safe[at..at + cut].copy_from_slice(&piece[..cut]),
        _ => safe[at + cut..end].copy_from_slice(&piece[cut..end - at]),
    }
    scar.torn += 1;
}

impl Files for Disk {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.name(|state| Ok(state.names.contains_key(path)))
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        self.name(|state| {
            if state.names.contains_key(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let file = state.files.len();
            state.files.push(File::default());
            state.rename(Renamed { gone: None, come: Some((path.to_owned(), file)) });
            Ok(())
        })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        self.handle(path).map(|handle| Box::new(handle) as Box<dyn StorageBackend>)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let file = self.state().find(path)?;
        self.run(
            Operation::Sync,
            |_| Ok(()),
            |state| {
                state.sync(file);
                Ok(())
            },
        )
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name(|state| {
            let file = state.find(from)?;
            state.rename(Renamed { gone: Some(from.to_owned()), come: Some((to.to_owned(), file)) });
            Ok(())
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name(|state| {
            if state.names.contains_key(to) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let file = state.find(from)?;
            state.rename(Renamed { gone: None, come: Some((to.to_owned(), file)) });
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.name(|state| {
            state.find(path)?;
            state.rename(Renamed { gone: Some(path.to_owned()), come: None });
            Ok(())
        })
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        self.name(|state| {
            if state.chance.below(1000) >= state.lies {
                let State { safe_names, pending_names, .. } = state;
                for renamed in pending_names.drain(..) {
                    renamed.apply(safe_names);
                }
            }
            Ok(())
        })
    }

    fn hold_directory(&self, _: &Path) -> io::Result<Option<Box<dyn Any>>> {
        // One process alone.
        Ok(Some(Box::new(())))
    }
}

/// A file that somebody has open.
pub struct Handle {
    disk: Disk,
    file: usize,
    number: u64,
}

impl Disk {
    pub fn handle(&self, path: &Path) -> io::Result<Handle> {
        let (file, number) = self.run(
            Operation::Name,
            |_| Err(ErrorKind::NotFound.into()),
            |state| {
                state.handles += 1;
                Ok((state.find(path)?, state.handles))
            },
        )?;
        Ok(Handle { disk: self.clone(), file, number })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "file {}", self.file)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.unlock();
    }
}

impl Handle {
    fn unlock(&self) {
        let mut state = self.disk.state();
        let holder = &mut state.files[self.file].locked_by;
        if *holder == Some(self.number) {
            *holder = None;
        }
    }

    fn change(&self, operation: Operation, change: impl FnOnce(&mut File)) -> io::Result<()> {
        self.disk.run(
            operation,
            |_| Ok(()),
            |state| {
                change(&mut state.files[self.file]);
                Ok(())
            },
        )
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        if state.is_off { Err(power_is_off()) } else { Ok(state.files[self.file].seen.len() as u64) }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.enter(Operation::Read)?;
        let start = offset as usize;
        let bytes = state.files[self.file].seen.get(start..start + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Operation::Length, |file| {
            file.seen.resize(len as usize, 0);
            file.pending.push(Change::Length(len as usize));
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.run(
            Operation::Sync,
            |_| Ok(()),
            |state| {
                state.sync(self.file);
                Ok(())
            },
        )
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Operation::Write, |file| {
            let end = offset as usize + data.len();
            if end > file.seen.len() {
                file.pending.push(Change::Length(end));
            }
            put(&mut file.seen, offset as usize, data);
            file.pending.push(Change::Bytes(offset as usize, data.to_vec()));
        })
    }

    fn close(&self) -> io::Result<()> {
        self.unlock();
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        let mut state = self.disk.state();
        if state.is_off {
            return Err(power_is_off().into());
        }
        let holder = &mut state.files[self.file].locked_by;
        Ok(*holder.get_or_insert(self.number) == self.number)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        // The whole file is one lock here, and it ends with the handle.
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/data/file";

    fn written(seed: u64, synced: bool) -> (Disk, Handle) {
        let disk = Disk::with(seed, &[(PATH.into(), vec![b'o'; 2000])]);
        let handle = disk.handle(Path::new(PATH)).expect("it is there");
        handle.write(100, &[b'n'; 1500]).expect("written");
        if synced {
            handle.sync_data().expect("synced");
        }
        (disk, handle)
    }

    #[test]
    fn what_is_synced_stays_and_of_the_rest_any_part() {
        let (disk, _handle) = written(1, true);
        assert_eq!(disk.lose_power(), Scar::default(), "nothing was pending");
        let mut sum = Scar::default();
        let mut mixed = 0;
        for seed in 0..200 {
            let (disk, handle) = written(seed, false);
            handle.set_len(3000).expect("longer");
            let scar = disk.lose_power();
            sum.kept += scar.kept;
            sum.lost += scar.lost;
            sum.torn += scar.torn;
            sum.lengths_lost += scar.lengths_lost;
            let (_, bytes) = disk.files().remove(0);
            assert_eq!(bytes.len(), if scar.lengths_lost == 0 { 3000 } else { 2000 });
            assert!(bytes[..100].iter().chain(&bytes[1600..2000]).all(|byte| *byte == b'o'), "not written to");
            let is_torn = |sector: &[u8]| sector.contains(&b'n') && sector.contains(&b'o');
            mixed += bytes[512..1536].chunks(SECTOR).filter(|sector| is_torn(sector)).count();
        }
        assert!(sum.kept > 100 && sum.lost > 100 && sum.torn > 20 && mixed > 20, "{sum:?}, {mixed} mixed");
        assert!((50..150).contains(&sum.lengths_lost), "{sum:?}");
    }

    #[test]
    fn the_nth_operation_fails_once_for_ever_or_takes_the_power_along() {
        for (trouble, expected) in
            [(Trouble::Once, [1, 0, 1]), (Trouble::ForEver, [1, 0, 0]), (Trouble::Cut, [1, 0, 0])]
        {
            let (disk, handle) = written(7, true);
            disk.plan(&[Operation::Write], 2, trouble);
            let went = [0, 1, 2].map(|_| u8::from(handle.write(0, b"x").is_ok()));
            assert_eq!(went, expected, "{trouble:?}");
            assert!(disk.was_hit());
            assert_eq!(disk.is_off(), trouble == Trouble::Cut);
            assert_eq!(handle.sync_data().is_ok(), trouble != Trouble::Cut, "{trouble:?}: another kind");
            if trouble == Trouble::Cut {
                disk.lose_power();
            }
            disk.heal();
            assert!(handle.write(0, b"x").is_ok());
        }
    }

    #[test]
    fn a_failed_sync_is_not_made_good_by_the_next() {
        let lost = (0..50).filter(|seed| {
            let (disk, handle) = written(*seed, false);
            disk.plan(&[Operation::Sync], 1, Trouble::Once);
            handle.sync_data().expect_err("as planned");
            handle.sync_data().expect("as if all were well");
            assert_eq!(disk.files()[0].1[100], b'n', "seen");
            disk.lose_power();
            disk.files()[0].1[100] == b'o'
        });
        assert!((10..40).contains(&lost.count()));
    }

    #[test]
    fn names_survive_once_their_directory_is_synced() {
        let kept = |synced: bool| {
            (0..50)
                .filter(|seed| {
                    let (disk, _handle) = written(*seed, true);
                    disk.rename(Path::new(PATH), Path::new("/data/other")).expect("renamed");
                    if synced {
                        disk.sync_directory(Path::new(PATH)).expect("synced");
                    }
                    disk.lose_power();
                    assert_eq!(disk.files().len(), 1, "one name or the other");
                    disk.files()[0].0 == Path::new("/data/other")
                })
                .count()
        };
        assert_eq!(kept(true), 50);
        assert!((10..40).contains(&kept(false)));
    }
}
