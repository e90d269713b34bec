//! Where a store's file lies, and the few things that opening, making and replacing one asks of a directory.
//!
//! [`Host`] is the host's file system, and what everybody gets who gives a path. The tests of power cuts put a disk of
//! their own here, so that what they cut short is this program's own way of opening a file and of making one.

use redb::StorageBackend;
use redb::backends::FileBackend;
use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub trait Files: Send + Sync {
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// An empty file, for this user's eyes only; it holds password hashes and phone numbers. An error if there is one.
    fn make(&self, path: &Path) -> io::Result<()>;
    /// Its bytes, which redb locks for as long as it has them.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Replaces what is at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A second name for a file. An error if there is one of that name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names of the directory in which this file lies survive a power cut.
    fn sync_directory(&self, of: &Path) -> io::Result<()>;
    /// Keeps others out who would make or replace files beside this one, until dropped. `None`: somebody is at it.
    fn hold_directory(&self, of: &Path) -> io::Result<Option<Box<dyn Any>>>;
}

/// A file's name, and what it is a name on.
#[derive(Clone)]
pub struct Place {
    pub files: Arc<dyn Files>,
    pub path: PathBuf,
}

impl Place {
    /// The place of another file beside it.
    pub fn named(&self, path: PathBuf) -> Place {
        Place { files: Arc::clone(&self.files), path }
    }

    /// The place whose name ends in this as well.
    pub fn with_ending(&self, ending: &str) -> Place {
        let mut name = self.path.as_os_str().to_owned();
        name.push(ending);
        self.named(name.into())
    }

    pub fn exists(&self) -> io::Result<bool> {
        self.files.exists(&self.path)
    }

    pub fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.files.open(&self.path)
    }

    /// Removes the file if it is there.
    pub fn clear(&self) -> io::Result<()> {
        match self.files.remove(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Place {
    fn from(path: &P) -> Place {
        Place { files: Arc::new(Host), path: path.as_ref().to_owned() }
    }
}

/// The host's file system.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Files for Host {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, of: &Path) -> io::Result<()> {
        directory(of)?.sync_all()
    }

    fn hold_directory(&self, of: &Path) -> io::Result<Option<Box<dyn Any>>> {
        let directory = directory(of)?;
        match directory.try_lock() {
            Ok(()) => Ok(Some(Box::new(directory))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn directory(of: &Path) -> io::Result<File> {
    File::open(of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}
