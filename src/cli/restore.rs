//! `restore`: makes the database of a backup, beside whatever is there, and puts it in its place when it is proven.

use crate::age::NotOpened;
use crate::app::backups::{self, RestoreError, Restored, Scratch, Unusable};
use crate::cli::open::{self, say};
use crate::cli::progress::{Bar, stopped_by_interrupt};
use crate::cli::{Exit, Global, RestoreArgs, answer, backup};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::incident::RESTORE_HOLD_MINUTES;
use crate::random::SystemRandom;
use crate::store::rebuild::take_place;
use serde_json::json;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn run(config: &Config, global: &Global, args: &RestoreArgs) -> Exit {
    let identities = match backup::identities(args.identity.as_deref()) {
        Ok(identities) => identities,
        Err(exit) => return exit,
    };
    let input = match backup::read(&args.file) {
        Ok(input) => input,
        Err(exit) => return exit,
    };
    if let Err(exit) = open::make_data_dir(config) {
        return exit;
    }
    let place = config.data_dir.join(open::FILE_NAME);
    let is_taken = place.exists();
    if is_taken && !args.replace && !args.dry_run {
        let sentence = format!(
            "{} is there already. Choose an empty directory with --data-dir, or use --replace, which keeps the old \
             database aside.",
            place.display()
        );
        return say(Exit::InUse, &sentence);
    }
    let scratch = config.data_dir.join("restore.new");
    let scratch = match Scratch::new(&scratch) {
        Ok(scratch) => scratch,
        Err(error) => return say(Exit::NotPermitted, &format!("{} cannot be made: {error}.", scratch.display())),
    };
    let clock = Arc::new(SystemClock::new());
    let mut bar = Bar::new("Restoring", global.progress, stopped_by_interrupt());
    let mut watch = |progress| bar.step(progress);
    let random = Arc::new(SystemRandom);
    let restored = backups::restore(input, &identities, &scratch.file(), clock.clone(), random, &mut watch);
    bar.end();
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => return refused(&args.file, &error),
    };
    if args.dry_run {
        tell(&restored, "It can be restored, and nothing was changed.");
        return answer(global, &told(&restored, None, None), "");
    }
    let aside = is_taken.then(|| aside(&place, &*clock));
    give_to_owner(&config.data_dir, &scratch.file());
    if let Err(error) = take_place(&scratch.file(), &place, aside.as_deref()) {
        return say(open::exit_of(&error), &error.to_string());
    }
    tell(&restored, &format!("Restored to {}.", place.display()));
    if let Some(aside) = &aside {
        eprintln!("The database that was there is {} now.", aside.display());
    }
    answer(global, &told(&restored, Some(&place), aside.as_deref()), &format!("{}\n", place.display()))
}

fn aside(place: &Path, clock: &dyn Clock) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(format!(".replaced-{}", clock.now().to_string().replace(':', "-")));
    PathBuf::from(name)
}

/// Restored by root, the file must still be the service's. Nobody else may give files away, and then it is ours anyway.
fn give_to_owner(directory: &Path, file: &Path) {
    if let Ok(owner) = std::fs::metadata(directory) {
        let _ = chown(file, Some(owner.uid()), Some(owner.gid()));
    }
}

fn tell(restored: &Restored, outcome: &str) {
    let Restored { head, records, held, lost_track, problems, .. } = restored;
    eprintln!("The backup of {} ({records} records, lineage {}) is sound. {outcome}", head.taken_at, head.lineage);
    if *held > 0 {
        eprintln!(
            "{held} open incidents are held for {RESTORE_HOLD_MINUTES} minutes before they page anybody; an admin can \
             resume them sooner under Settings."
        );
    }
    if *lost_track > 0 {
        eprintln!(
            "{lost_track} messages were on their way: it is unknown whether they arrived, and they are not sent again."
        );
    }
    eprintln!("Web sessions are not in backups: everybody signs in again.");
    for problem in problems {
        eprintln!("As in the original: {problem}");
    }
}

/// For programs: what was restored, where to, and where the database that was there is now.
fn told(restored: &Restored, place: Option<&Path>, aside: Option<&Path>) -> serde_json::Value {
    let Restored { head, records, held, lost_track, problems, .. } = restored;
    json!({
        "database": place,
        "replaced": aside,
        "taken_at": head.taken_at.to_string(),
        "lineage": head.lineage,
        "records": records,
        "held": held,
        "lost_track": lost_track,
        "problems": problems,
    })
}

/// Says why, and how a script should take it.
pub fn refused(file: &Path, error: &RestoreError) -> Exit {
    let exit = match error {
        RestoreError::Unusable(Unusable::Newer { .. }) => Exit::SchemaNewer,
        RestoreError::Unusable(Unusable::Unreadable(_)) | RestoreError::Disk(_) | RestoreError::App(_) => Exit::Failed,
        RestoreError::Encrypted | RestoreError::NotOpened(NotOpened::OtherKey) => Exit::NotPermitted,
        RestoreError::NotOpened(NotOpened::Unreadable(_)) => Exit::Failed,
        RestoreError::Unusable(_) | RestoreError::Unsound(_) | RestoreError::NotOpened(_) => Exit::VerificationFailed,
        RestoreError::File(error) => open::exit_of(error),
        RestoreError::Stopped => Exit::Interrupted,
    };
    say(exit, &format!("{} cannot be used: {error}.", file.display()))
}
