//! Backups that nobody has to think of: taken in turn, kept for a while, and proven each night.
//!
//! When the next one is due follows from the files that are there, so a restart neither skips one nor takes one more. A
//! backup that fails is tried again each minute, and a proof that fails stands until a later one succeeds; of either,
//! admins hear by message at most once in six hours, and every page says so.

use super::{BackupError, Head, RestoreError, Restored, Taken, Watch, encryption, head, take_into};
use crate::age::{Identity, Recipient};
use crate::app::deliveries::tell_admins;
use crate::app::{App, AppError, Lane, change};
use crate::domain::access::{self, Action};
use crate::domain::actor::Actor;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::backup::files;

pub use crate::store::backup::files::Note;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What the configuration says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub every_secs: i64,
    pub directory: PathBuf,
    /// For the database that a backup is restored into each night.
    pub scratch: PathBuf,
    pub keep: usize,
    pub keep_daily: usize,
    /// To whom they are encrypted; to nobody: not at all.
    pub recipients: Vec<Recipient>,
}

/// A failed one is tried again after this.
const AGAIN_SECS: i64 = 60;
const TOLD_SECS: i64 = 6 * 3600;

/// What is known of the backups; on the status board.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// The files have been looked at since the process started.
    pub looked: bool,
    pub last: Option<Last>,
    pub kept: usize,
    /// Since when none could be taken, and why.
    pub failing: Option<(Timestamp, String)>,
    tried_at: Option<Timestamp>,
    /// The last proof, which is kept beside the backups.
    pub proof: Option<Note>,
    told_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct Last {
    pub taken_at: Timestamp,
    pub file: PathBuf,
    /// On the disk, packed.
    pub bytes: u64,
    /// Opens it, if this process encrypted it.
    pub identity: Option<Identity>,
}

impl Condition {
    /// When the next one is taken. A clock that was set back makes it now, and not after years.
    pub fn due(&self, every_secs: i64, now: Timestamp) -> Timestamp {
        let next = match &self.last {
            Some(last) if last.taken_at <= now => last.taken_at.plus_secs(every_secs),
            _ => now,
        };
        let again = self.tried_at.filter(|_| self.failing.is_some()).map(|at| at.plus_secs(AGAIN_SECS));
        again.map_or(next, |again| again.max(next))
    }

    /// What is wrong, for the strip on every page.
    pub fn warnings(&self) -> Vec<String> {
        let failing = self.failing.as_ref().map(|(since, why)| format!("No backup can be taken since {since}: {why}."));
        let proof = self.proof.as_ref().and_then(|proof| {
            let problem = proof.problem.as_ref()?;
            Some(format!("The backup {} could not be restored: {problem}.", proof.file))
        });
        failing.into_iter().chain(proof).collect()
    }
}

/// One look: takes a backup if it is due. Answers when to look again. `watch` may end it, when the process does.
pub fn round(app: &App, plan: &Plan, watch: &mut Watch<'_>) -> Result<Timestamp, AppError> {
    if !app.board.backups().looked {
        let found = look(&plan.directory);
        app.board.backups_change(|condition| *condition = found);
    }
    let now = app.now();
    if app.board.backups().due(plan.every_secs, now) <= now && !take(app, plan, watch) {
        return Ok(now);
    }
    tell(app, now)?;
    Ok(app.board.backups().due(plan.every_secs, now))
}

/// Takes one; the board says what came of it. False: the process ends, and the next one takes it.
fn take(app: &App, plan: &Plan, watch: &mut Watch<'_>) -> bool {
    // A person and the clock may want one in the same second, which is the file's name.
    let _turn = app.board.backup_turn();
    let now = app.now();
    let (recipients, identity) = encryption::with_proof(&plan.recipients, &*app.random);
    let taken = match take_into(app, &plan.directory, &recipients, watch) {
        Err(BackupError::Stopped) => return false,
        Err(error) => Err(error.to_string()),
        Ok((taken, file)) => finish(plan, &taken, file),
    };
    app.board.backups_change(|condition| {
        condition.tried_at = Some(now);
        match taken {
            Ok((last, kept)) => {
                condition.last = Some(Last { identity, ..last });
                (condition.kept, condition.failing) = (kept, None);
            }
            Err(why) => {
                let since = condition.failing.as_ref().map_or(now, |(since, _)| *since);
                condition.failing = Some((since, why));
            }
        }
    });
    true
}

/// An admin does not want to wait until the next is due. What came of it is on the board.
pub fn take_now(app: &App, actor: &Actor) -> Result<(), AppError> {
    let plan = plan_for(app, actor)?;
    take(app, plan, &mut |_| true);
    let actor = *actor;
    app.write(Lane::People, move |tx| change::audit(tx, &actor, "backup.taken", "database", "by hand".to_owned()))
}

/// A backup for an admin to take along, which the audit log knows before the first byte leaves. It holds password hashes, names
/// and numbers.
pub fn hand_out(app: &App, actor: &Actor, name: &str) -> Result<File, AppError> {
    let plan = plan_for(app, actor)?;
    let missing = || Refusal::not_found("backup");
    let listed = files::list(&plan.directory).unwrap_or_default();
    let path = listed.into_iter().find(|path| path.file_name().is_some_and(|known| known == name));
    let file = File::open(path.ok_or_else(missing)?).map_err(|_| missing())?;
    let (actor, said) = (*actor, name.to_owned());
    app.write(Lane::People, move |tx| change::audit(tx, &actor, "backup.downloaded", "database", said.clone()))?;
    Ok(file)
}

fn plan_for<'a>(app: &'a App, actor: &Actor) -> Result<&'a Plan, AppError> {
    access::require(actor, Action::Configure)?;
    let sentence = "No backups are kept here (BACKUP_INTERVAL=off). Use `pagerpal backup` on the machine.";
    Ok(app.backup_plan.as_ref().ok_or_else(|| Refusal::conflict("backups_off", sentence))?)
}

/// Those that are kept, the newest first: the file's name and its bytes.
pub fn kept(plan: &Plan) -> Vec<(String, u64)> {
    let kept = files::list(&plan.directory)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|path| Some((path.file_name()?.to_string_lossy().into_owned(), path.metadata().ok()?.len())));
    kept.collect()
}

/// What the files say; what cannot be read is as good as not there.
pub fn look(directory: &Path) -> Condition {
    let listed = files::list(directory).unwrap_or_default();
    let last = listed.iter().find_map(|file| {
        // What was encrypted by an earlier process says no more than its name.
        let taken_at = match head(File::open(file).ok()?) {
            Ok(Head { taken_at, .. }) => taken_at,
            Err(_) => files::taken_at(file).filter(|_| files::is_encrypted(file))?,
        };
        Some(Last { taken_at, file: file.clone(), bytes: file.metadata().ok()?.len(), identity: None })
    });
    Condition { looked: true, kept: listed.len(), last, proof: files::note(directory), ..Condition::default() }
}

fn finish(plan: &Plan, taken: &Taken, file: PathBuf) -> Result<(Last, usize), String> {
    let kept = prune(plan).map_err(|error| format!("old ones cannot be removed: {error}"))?;
    if !taken.left_out.is_empty() {
        return Err(format!("{} damaged records are not in {}", taken.left_out.len(), file.display()));
    }
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    Ok((Last { taken_at: taken.head.taken_at, file, bytes, identity: None }, kept))
}

fn prune(plan: &Plan) -> io::Result<usize> {
    files::prune(&plan.directory, plan.keep, plan.keep_daily)?;
    Ok(files::list(&plan.directory)?.len())
}

/// Restores the newest backup aside and verifies it; the verdict is kept beside it. A problem is a verdict, too. One that an
/// earlier process encrypted cannot be read here any more, so another one is taken first.
pub fn prove_newest(app: &App, plan: &Plan) -> Result<Option<Note>, AppError> {
    let newest = || files::list(&plan.directory).unwrap_or_default().into_iter().next();
    let is_closed = |file: &PathBuf| files::is_encrypted(file) && identity(app, file).is_none();
    if newest().is_some_and(|file| is_closed(&file)) {
        take(app, plan, &mut |_| true);
    }
    let Some(file) = newest() else { return Ok(None) };
    let problem = match prove(app, plan, &file) {
        Ok(Restored { problems, .. }) if problems.is_empty() => None,
        Ok(Restored { problems, .. }) => Some(problems.join(" ")),
        Err(error) => Some(error.to_string()),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let now = app.now();
    let mut note = Note { file: name, at: now, problem };
    if let Err(error) = files::keep_note(&plan.directory, &note) {
        note.problem = note.problem.or_else(|| Some(format!("the verdict cannot be written down: {error}")));
    }
    app.board.backups_change(|condition| condition.proof = Some(note.clone()));
    tell(app, now)?;
    Ok(Some(note))
}

fn prove(app: &App, plan: &Plan, file: &Path) -> Result<Restored, RestoreError> {
    app.prove(File::open(file)?, identity(app, file).as_slice(), &plan.scratch)
}

fn identity(app: &App, file: &Path) -> Option<Identity> {
    app.board.backups().last.filter(|last| last.file == file)?.identity
}

/// Admins hear of what is wrong, if they have not lately. Once all is well, the next trouble is told at once.
fn tell(app: &App, now: Timestamp) -> Result<(), AppError> {
    let condition = app.board.backups();
    let warnings = condition.warnings();
    let is_told = condition.told_at.is_some_and(|at| !now.is_past(at, TOLD_SECS));
    let told_at = match (warnings.is_empty(), is_told) {
        (true, _) => None,
        (false, true) => return Ok(()),
        (false, false) => {
            let words = warnings.join(" ");
            app.write(Lane::People, move |tx| tell_admins(tx, |_, _| true, &words))?;
            Some(now)
        }
    };
    app.board.backups_change(|condition| condition.told_at = told_at);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_is_due_by_the_last_and_a_failed_one_a_minute_later() {
        let at = Timestamp::from_second;
        let check = |last: Option<i64>, failed: Option<i64>, now: i64, expected: i64| {
            let condition = Condition {
                last: last.map(|taken_at| Last {
                    taken_at: at(taken_at),
                    file: PathBuf::new(),
                    bytes: 0,
                    identity: None,
                }),
                failing: failed.map(|since| (at(since), "the disk is full".to_owned())),
                tried_at: failed.map(at),
                ..Condition::default()
            };
            assert_eq!(condition.due(900, at(now)), at(expected), "{last:?} {failed:?} {now}");
        };
        check(None, None, 5000, 5000);
        check(Some(4900), None, 5000, 5800);
        check(Some(1000), None, 5000, 1900);
        // The clock was set back.
        check(Some(9000), None, 5000, 5000);
        check(Some(1000), Some(4990), 5000, 5050);
        check(None, Some(4990), 5000, 5050);
    }
}
