//! A real disk that is full, or read-only: a small one in memory, which only root can mount.
//!
//! It grows by a few KiB from try to try, so that every write of a backup and of a restore is once the one that does not fit.

use disk::base::{Base, in_memory, newborn};
use disk::contents::Contents;
use disk::work::{Action, Host};
use pagerpal::app::backups::{self, RestoreError, take_into};
use pagerpal::app::{App, AppError};
use pagerpal::store::Store;
use pagerpal::store::engine::OpenError;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn of(kib: u64) -> SmallDisk {
        let disk = SmallDisk(tempfile::tempdir().expect("a folder"));
        let size = format!("size={kib}k,mode=0700");
        disk.mount(&["-t", "tmpfs", "-o", &size, "tmpfs"]);
        disk
    }

    fn mount(&self, arguments: &[&str]) {
        let done = Command::new("mount").args(arguments).arg(self.path()).status();
        assert!(done.expect("mount starts").success(), "this test mounts a disk: run it as root");
    }

    fn resize(&self, kib: u64) {
        self.mount(&["-o", &format!("remount,size={kib}k")]);
    }

    fn set_read_only(&self, yes: bool) {
        self.mount(&["-o", if yes { "remount,ro" } else { "remount,rw" }]);
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn backup_of(app: &App) -> Vec<u8> {
    let mut bytes = Vec::new();
    app.back_up(&mut bytes, &mut |_| true).expect("copied");
    bytes
}

/// Makes the disk larger until an errand succeeds, and answers how often it did not.
fn grow(disk: &SmallDisk, step_kib: u64, mut errand: impl FnMut() -> bool) -> u64 {
    for tries in 1.. {
        disk.resize(tries * step_kib);
        if errand() {
            return tries - 1;
        }
        assert!(tries * step_kib < 64 * 1024, "it never fits");
    }
    unreachable!("the loop ends by itself")
}

#[test]
fn a_backup_that_does_not_fit_leaves_nothing_and_the_older_one_stays() {
    let base = Base::grown(8, 200, &[]);
    let host = base.host();
    let app = in_memory(&base.contents, &host);
    let whole = backup_of(&app);
    let disk = SmallDisk::of(4);
    let failed = grow(&disk, 4, || {
        let taken = take_into(&app, disk.path(), &[], &mut |_| true);
        if taken.is_err() {
            assert_eq!(disk.names(), Vec::<String>::new());
        }
        taken.is_ok()
    });
    assert!(failed >= 5, "it failed {failed} times");
    let [name] = &disk.names()[..] else { panic!("{:?}", disk.names()) };
    assert!(fs::read(disk.path().join(name)).expect("the backup") == whole);

    host.clock.advance(60);
    take_into(&app, disk.path(), &[], &mut |_| true).expect_err("there is no room for a second one");
    assert_eq!(disk.names(), [name.as_str()]);
    assert!(fs::read(disk.path().join(name)).expect("the backup") == whole);
}

#[test]
fn a_restore_that_does_not_fit_leaves_nothing() {
    let base = Base::grown(8, 100, &[]);
    let host = base.host();
    let backup = backup_of(&in_memory(&base.contents, &host));
    let disk = SmallDisk::of(4);
    let path = disk.path().join("pagerpal.redb");
    let restore = || backups::restore(&backup[..], &[], &path, host.clock(), host.random(), &mut |_| true);
    let failed = grow(&disk, 28, || match restore() {
        Ok(restored) => restored.records > 100,
        Err(RestoreError::File(OpenError::Failed { problem, .. })) => {
            assert!(problem.contains("No space left"), "{problem}");
            assert_eq!(disk.names(), Vec::<String>::new());
            false
        }
        Err(RestoreError::App(AppError::Unavailable(_)) | RestoreError::File(_)) => {
            assert_eq!(disk.names(), Vec::<String>::new());
            false
        }
        Err(other) => panic!("{other}"),
    });
    assert!(failed >= 5, "it failed {failed} times");
    let app = host.app(Store::open(&path, host.clock(), host.random()).expect("it opens"));
    assert!(app.verify().expect("a verdict").is_well());
}

#[test]
fn a_read_only_disk_is_named_as_such_and_left_alone() {
    let host = Host::new();
    let disk = SmallDisk::of(16 * 1024);
    let path = disk.path().join("pagerpal.redb");
    let open = || Store::open(&path, host.clock(), host.random());
    let is_named = |error: &OpenError| error.to_string().contains("Read-only file system");
    let backup = backup_of(&newborn(&host));
    disk.set_read_only(true);
    assert!(open().is_err_and(|error| is_named(&error)), "nothing can be made");
    disk.set_read_only(false);
    drop(open().expect("a new store"));
    let before = fs::read(&path).expect("the file");
    disk.set_read_only(true);
    assert!(open().is_err_and(|error| is_named(&error)), "nothing can be opened");
    let restored =
        backups::restore(&backup[..], &[], &disk.path().join("new"), host.clock(), host.random(), &mut |_| true);
    assert!(matches!(&restored, Err(RestoreError::File(error)) if is_named(error)), "{restored:?}");
    take_into(&newborn(&host), disk.path(), &[], &mut |_| true).expect_err("nor can a backup be written");
    assert!(fs::read(&path).expect("the file") == before && disk.names() == ["pagerpal.redb"]);
    disk.set_read_only(false);
    drop(open().expect("well again"));
}

/// Writes until nothing more fits.
fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("full");
    let mut file = File::create(&path).expect("room for a name");
    for size in [65_536, 4_096, 512, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
    path
}

#[test]
fn a_store_on_a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let base = Base::grown(8, 100, &[]);
    let host = base.host();
    let disk = SmallDisk::of(16 * 1024);
    let path = disk.path().join("pagerpal.redb");
    fs::write(&path, base.file()).expect("room for it");
    let app = host.app(Store::open(&path, host.clock(), host.random()).expect("it opens"));
    let alert = |alert| Action::Trigger { source: 0, alert, severity: 2, letters: 20_000 };
    let full = fill(disk.path());
    let mut taken = 0;
    // Some still fit into what the file has free inside.
    while base.site.perform(&app, &alert(100 + taken)).is_ok() {
        taken += 1;
        assert!(taken < 1000, "the disk is never full");
    }
    for _ in 0..3 {
        let refused = base.site.perform(&app, &alert(99));
        assert!(matches!(refused, Err(AppError::Unavailable(_))), "{refused:?}");
    }
    assert!(app.store_status().is_failing());
    let before = Contents::of(&app).expect("what is there can be read");
    fs::remove_file(full).expect("room again");
    app.try_again().expect("it can save again");
    assert_eq!(Contents::of(&app).expect("rows"), before);
    base.site.perform(&app, &alert(99)).expect("taken");
    let after = Contents::of(&app).expect("rows");
    assert!(app.verify().expect("a verdict").is_well() && after != before);
    drop(app);
    let app = host.app(Store::open(&path, host.clock(), host.random()).expect("it opens"));
    assert_eq!(Contents::of(&app).expect("rows"), after);
}
