//! Storage on which redb may do as it likes: reads come from the file, writes stay in memory.
//!
//! Opening a redb file writes to it, if only to note that it is open, and repairs it after a kill. A file that may turn
//! out to belong to a newer PagerPal has to be looked into without that.

use redb::{BackendError, StorageBackend};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, ErrorKind};
use std::ops::{Bound, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file that is read and never written: whole pages of what redb writes are kept in memory. The lock is the file's.
#[derive(Debug)]
pub(super) struct Scratch {
    file: Box<dyn StorageBackend>,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    len: u64,
    /// The file's own bytes count up to here; what has been cut off once reads as zeros.
    file_len: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

const PAGE: u64 = 4096;

impl Scratch {
    pub(super) fn over(file: Box<dyn StorageBackend>) -> io::Result<Scratch> {
        let len = file.len()?;
        Ok(Scratch { file, written: Mutex::new(Written { len, file_len: len, pages: BTreeMap::new() }) })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file holds there, zeros beyond its end.
    fn file_page(&self, page: u64, file_len: u64) -> io::Result<Vec<u8>> {
        let start = page * PAGE;
        let mut bytes = vec![0; PAGE as usize];
        let there = file_len.saturating_sub(start).min(PAGE) as usize;
        if there > 0 {
            self.file.read(start, &mut bytes[..there])?;
        }
        Ok(bytes)
    }
}

/// The pieces of a stretch of bytes: page, offset in it, and where the piece lies in the stretch.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = (at % PAGE) as usize;
        let start = done;
        done = len.min(start + PAGE as usize - within);
        (start < done).then_some((at / PAGE, within, start..done))
    })
}

impl StorageBackend for Scratch {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written();
        if offset + out.len() as u64 > written.len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        for (page, within, piece) in pieces(offset, out.len()) {
            let out = &mut out[piece];
            match written.pages.get(&page) {
                Some(bytes) => out.copy_from_slice(&bytes[within..within + out.len()]),
                None => out.copy_from_slice(&self.file_page(page, written.file_len)?[within..within + out.len()]),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut written = self.written();
        if len < written.len {
            written.file_len = written.file_len.min(len);
            written.pages.split_off(&len.div_ceil(PAGE));
            if let Some(last) = written.pages.get_mut(&(len / PAGE)) {
                last[(len % PAGE) as usize..].fill(0);
            }
        }
        written.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written();
        for (page, within, piece) in pieces(offset, data.len()) {
            let file_len = written.file_len;
            let bytes = match written.pages.entry(page) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.file_page(page, file_len)?),
            };
            let data = &data[piece];
            bytes[within..within + data.len()].copy_from_slice(data);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}
