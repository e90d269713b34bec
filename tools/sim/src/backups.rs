//! Backups, and the host that is lost: another one goes on from what was copied, and everything since is as if it had not been.
//!
//! The bytes are the product's own, and so is what a restore makes of them. What else was known when a backup was taken is kept
//! beside it: the view of the records, the second model, and what clients were told.

use super::disk::Disk;
use super::model::Model;
use super::plan::Alert;
use super::run::{Run, stream};
use super::view::View;
use pagerpal::app::backups::{refill, settle};
use pagerpal::random::ScriptedRandom;
use pagerpal::store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Backup {
    bytes: Vec<u8>,
    view: View,
    model: Model,
    newest: BTreeMap<Alert, u64>,
}

impl Run<'_> {
    /// Of nothing while nothing can be read.
    pub(super) fn back_up(&mut self) {
        let (Some(process), Some(opinion)) = (&self.process, &self.judge.second_opinion) else { return };
        let mut bytes = Vec::new();
        if process.app.back_up(&mut bytes, &mut |_| true).is_ok() {
            let (view, model, newest) = (self.judge.view.clone(), opinion.model.clone(), self.places.newest.clone());
            self.backup = Some(Backup { bytes, view, model, newest });
        }
    }

    pub(super) fn restore(&mut self, down_ms: u64) -> Result<(), String> {
        let Some(Backup { bytes, view, model, newest }) = self.backup.take() else { return Ok(()) };
        // Without one, another is on its way.
        if self.process.is_some() {
            self.die(down_ms, "its host is lost");
        }
        self.believe_wall();
        let of = format!("restore of {}", self.epoch);
        let random = Arc::new(ScriptedRandom::new(stream(self.plan.seed, &of).number()));
        self.disk = Disk::default();
        let head = refill(&self.disk, &bytes[..], &*random).map_err(|error| format!("S8: a backup: {error}"))?;
        self.is_as_backed_up(&view)?;
        let store = Store::on_engine(Box::new(self.disk.clone()), Arc::new(self.clock.clone()), random);
        let store = store.map_err(|error| format!("S8: a restored store: {error}"))?;
        let restored = settle(&store, &head).map_err(|error| format!("S9: a restored store: {error}"))?;
        if !restored.problems.is_empty() {
            return Err(format!("S10: after a restore: {}", restored.problems.join("; ")));
        }
        let settled = self.disk.take_fresh();
        let surroundings = self.surroundings();
        self.judge.restored(&surroundings, view, model, &settled)?;
        self.places.newest = newest;
        // What numbers got since the backup, nobody knows.
        self.post.forget_texts();
        self.trace.rare.count("a backup restored");
        if restored.held > 0 {
            self.trace.rare.count("held after a restore");
        }
        self.say(format_args!("a backup is restored: {} held, {} lost", restored.held, restored.lost_track));
        Ok(())
    }

    /// S8: what is restored is what was copied.
    fn is_as_backed_up(&self, view: &View) -> Result<(), String> {
        let mut copy = View::default();
        for changes in self.disk.take_fresh() {
            copy.take_in(&changes)?;
        }
        match view.differs_from(&copy) {
            true => Err("S8: a restored record is not as it was backed up".to_owned()),
            false => Ok(()),
        }
    }
}
