//! What the store knows of its own condition: for the status page, `/health` and emergency mode.
//!
//! Memory only: after a restart it is found out anew, by the first commit and the first reads.

use crate::domain::time::Timestamp;
use crate::store::Damage;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Damaged records listed by name; further ones are only counted, and found again by `verify`.
const LISTED: usize = 100;

#[derive(Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) last_commit: Option<Timestamp>,
    pub(super) commits: u64,
    pub(super) failures: u32,
    /// The size of the last batch that failed: what a trial commit has to get onto the disk to prove anything.
    pub(super) failed_bytes: usize,
    pub(super) last_error: Option<String>,
    pub(super) damaged: BTreeSet<Damage>,
    pub(super) damaged_unlisted: u64,
}

impl Health {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Every change to it is whole between two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_damage(&self, damage: Damage) {
        let mut state = self.state();
        if state.damaged.len() < LISTED {
            if !state.damaged.contains(&damage) {
                tracing::error!("{damage}");
                state.damaged.insert(damage);
            }
        } else if !state.damaged.contains(&damage) {
            state.damaged_unlisted += 1;
        }
    }

    pub(super) fn note_commit(&self, at: Timestamp) {
        let mut state = self.state();
        if state.failures > 0 {
            tracing::info!("the store commits again after {} failures", state.failures);
        }
        state.failures = 0;
        state.failed_bytes = 0;
        state.commits += 1;
        state.last_commit = Some(at);
    }

    /// There is no file to commit to, which counts as failing however often it was tried.
    pub(super) fn note_unopened(&self, error: &str) {
        let mut state = self.state();
        state.failures = state.failures.max(2);
        state.last_error = Some(error.to_owned());
    }

    pub(super) fn note_failure(&self, error: &str, bytes: usize) {
        let mut state = self.state();
        if state.failures == 0 {
            tracing::error!("the store could not commit: {error}");
        }
        state.failures = state.failures.saturating_add(1);
        state.failed_bytes = state.failed_bytes.max(bytes);
        state.last_error = Some(error.to_owned());
    }
}
