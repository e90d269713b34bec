//! The engine in memory, with a disk below it that fails as told: an error before or after the rows are there, once or for
//! a while, and a process that dies in the middle of a commit.
//!
//! What is committed survives the process, as on a disk. Every commit that went through is also put aside, for whoever
//! looks at what changed.

use pagerpal::store::engine::map::MapEngine;
use pagerpal::store::engine::{Changes, Engine, Error, Result, Snapshot};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Default)]
pub struct Disk {
    rows: Arc<MapEngine>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    trouble: Option<Trouble>,
    reads_fail: bool,
    died: bool,
    fresh: Vec<Changes>,
}

/// What the next commits meet. `applied`: it is on disk, whatever the answer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    Once { applied: bool },
    Lasting { applied: bool },
    Death { applied: bool },
}

impl Disk {
    pub fn trouble(&self, trouble: Trouble, reads_fail: bool) {
        let mut state = self.state();
        (state.trouble, state.reads_fail) = (Some(trouble), reads_fail);
    }

    pub fn heal(&self) {
        let mut state = self.state();
        (state.trouble, state.reads_fail) = (None, false);
    }

    pub fn is_troubled(&self) -> bool {
        self.state().trouble.is_some()
    }

    /// For a while, and not once.
    pub fn is_failing(&self) -> bool {
        matches!(self.state().trouble, Some(Trouble::Lasting { .. }))
    }

    /// Takes away what waits for the next commit, to be given back; `None`: trouble has begun already.
    pub fn put_off(&self) -> Option<Option<Trouble>> {
        let mut state = self.state();
        match state.trouble {
            Some(Trouble::Lasting { .. }) => None,
            waiting => {
                state.trouble = None;
                Some(waiting)
            }
        }
    }

    pub fn resume(&self, waiting: Option<Trouble>) {
        self.state().trouble = waiting;
    }

    /// Whether the next commit is to be the death of the process, or fails.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state().trouble, Some(Trouble::Once { .. } | Trouble::Death { .. }))
    }

    /// Whether a commit was the death of the process; asked once.
    pub fn take_death(&self) -> bool {
        std::mem::take(&mut self.state().died)
    }

    /// What went through since this was asked last.
    pub fn take_fresh(&self) -> Vec<Changes> {
        std::mem::take(&mut self.state().fresh)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<()> {
        self.rows.commit(read_from, changes)?;
        self.state().fresh.push(changes.clone());
        Ok(())
    }
}

impl Engine for Disk {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        if self.state().reads_fail {
            return Err(Error::Unavailable("the disk does not read".to_owned()));
        }
        self.rows.snapshot()
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<()> {
        let trouble = self.state().trouble;
        let applied = match trouble {
            None => return self.apply(read_from, changes),
            Some(Trouble::Once { applied } | Trouble::Lasting { applied } | Trouble::Death { applied }) => applied,
        };
        if applied {
            self.apply(read_from, changes)?;
        }
        let mut state = self.state();
        state.trouble = match trouble {
            Some(Trouble::Lasting { .. }) => Some(Trouble::Lasting { applied: false }),
            _ => None,
        };
        state.died = matches!(trouble, Some(Trouble::Death { .. }));
        Err(Error::Unavailable("the disk does not write".to_owned()))
    }
}
