//! The ballast: 64 MiB beside the database that are given up when the disk is full, so that commits go on until somebody makes
//! room.
//!
//! It is really allocated: a hole would give nothing back. It goes as soon as next to nothing is free, and whenever a commit
//! fails, whatever the reason. It is made where twice as much is free, so a tiny disk does without, and made anew once there is room
//! again. Until then admins are told, and every page says so.

use crate::app::App;
use crate::bridge::Lane;
use crate::domain::time::Timestamp;
use crate::worker::{Shop, wheel};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const BYTES: u64 = 64 * 1024 * 1024;
const EVERY: Duration = Duration::from_secs(5);

const FULL: &str =
    "The disk of PagerPal's machine is full. It lives on its last room: make some, or soon nothing can be saved.";

/// What is free for those who are not root, and how large it all is.
#[derive(Clone, Copy)]
struct Disk {
    free: u64,
    size: u64,
}

impl Disk {
    fn of(directory: &Path) -> io::Result<Disk> {
        let disk = statvfs(directory)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Disk { free: bytes(disk.f_bavail), size: bytes(disk.f_blocks) })
    }

    fn has_room(self) -> bool {
        self.free >= 2 * BYTES
    }

    /// The next commits may not fit. A tiny disk is not full while a twentieth is free.
    fn is_full(self) -> bool {
        self.free < (BYTES / 4).min(self.size / 20)
    }
}

/// Gives the ballast up after a failed commit: it may have been for want of room.
pub fn relieve(app: &Arc<App>) {
    let Some(files) = app.files.clone() else { return };
    // The store keeps this, and the application the store.
    let weak = Arc::downgrade(app);
    app.on_failure(Box::new(move || {
        if let Some(app) = weak.upgrade()
            && fs::remove_file(&files.ballast).is_ok()
        {
            app.board.disk_full(true);
        }
    }));
}

/// Ends at once where there is nothing to make room for.
pub async fn run(shop: Shop) {
    let Some(files) = shop.app.files.clone() else { return };
    let nobody = Notify::new();
    let mut told_at = None::<Timestamp>;
    while wheel::pause(&shop, EVERY, &nobody).await {
        let (path, was_full) = (files.ballast.clone(), shop.app.board.is_disk_full());
        match shop.bridge.run(Lane::Paging, move || round(&path, was_full)).await {
            Ok(Ok(is_full)) => {
                shop.app.board.disk_full(is_full);
                tell(&shop, is_full, &mut told_at).await;
            }
            Ok(Err(error)) => tracing::warn!(%error, "the ballast cannot be kept"),
            Err(crossing) => tracing::warn!(%crossing, "the ballast cannot be kept"),
        }
    }
}

/// One look. True: the disk is full, or was and has not got its room back.
fn round(path: &Path, was_full: bool) -> io::Result<bool> {
    let disk = Disk::of(path.parent().unwrap_or(path))?;
    match path.try_exists()? {
        true if disk.is_full() => fs::remove_file(path).map(|()| true),
        true => Ok(false),
        false if disk.has_room() => make(path).map(|()| false),
        false => Ok(was_full || disk.is_full()),
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let made = match fallocate(&file, FallocateFlags::empty(), 0, BYTES) {
        Err(rustix::io::Errno::OPNOTSUPP) => write(&mut file),
        allocated => allocated.map_err(io::Error::from),
    };
    if made.is_err() {
        let _ = fs::remove_file(path);
    }
    made
}

/// Where room cannot be asked for it is written. No two pieces are alike, or a clever file system would keep one of them.
fn write(file: &mut File) -> io::Result<()> {
    let mut noise: u64 = 1;
    for _ in 0..BYTES / 8192 {
        let piece: Vec<u8> = (0..1024)
            .flat_map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                noise.to_be_bytes()
            })
            .collect();
        file.write_all(&piece)?;
    }
    file.sync_all()
}

/// Admins hear of it at once, and again each hour.
async fn tell(shop: &Shop, is_full: bool, told_at: &mut Option<Timestamp>) {
    let now = shop.app.now();
    if !is_full {
        if told_at.take().is_some() {
            tracing::info!("the disk has room again");
        }
        return;
    }
    if told_at.is_some_and(|at| !now.is_past(at, 3600)) {
        return;
    }
    tracing::error!("the disk is full: the ballast was given up, and what it gave back is the last room there is");
    match shop.tell_admins(FULL).await {
        Ok(()) => *told_at = Some(now),
        Err(error) => tracing::error!(%error, "admins could not be told that the disk is full"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_disk_is_full_before_nothing_fits_and_a_tiny_one_later() {
        const MIB: u64 = 1024 * 1024;
        let check = |free: u64, size: u64, expected: (bool, bool)| {
            let disk = Disk { free, size };
            assert_eq!((disk.is_full(), disk.has_room()), expected, "{free} of {size}");
        };
        check(15 * MIB, 100_000 * MIB, (true, false));
        check(16 * MIB, 100_000 * MIB, (false, false));
        check(128 * MIB, 100_000 * MIB, (false, true));
        check(MIB, 16 * MIB, (false, false));
        check(MIB / 2, 16 * MIB, (true, false));
    }

    #[test]
    fn it_is_allocated_and_no_hole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ballast");
        make(&path).expect("room for it");
        let allocated = |path: &Path| fs::metadata(path).expect("it is there").blocks() * 512;
        assert!(allocated(&path) >= BYTES, "{}", allocated(&path));
        let written = folder.path().join("written");
        write(&mut File::create(&written).expect("a file")).expect("room for it");
        assert_eq!(fs::metadata(&written).expect("it is there").len(), BYTES);
    }
}
