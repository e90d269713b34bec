//! Opens the database for a command, or says in one sentence why not.

use crate::app::emergency::{BALLAST, Files, ROSTER};
use crate::app::passes::LinkKey;
use crate::app::{App, Settings, backups};
use crate::cli::Exit;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::random::SystemRandom;
use crate::secret::Secret;
use crate::store::engine::OpenError;
use crate::store::migrate::{self, Migrated};
use crate::store::{FORMAT, Store, tables};
use crate::vault::Vault;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Opened {
    pub app: App,
    pub path: PathBuf,
}

pub const FILE_NAME: &str = "pagerpal.redb";

/// The database of the data directory; both are made if they are not there.
pub fn open(config: &Config) -> Result<Opened, Exit> {
    make_data_dir(config)?;
    open_file(config, &config.data_dir.join(FILE_NAME))
}

/// Makes the data directory if it is not there, for this user's eyes.
pub fn make_data_dir(config: &Config) -> Result<(), Exit> {
    backups::make_private(&config.data_dir).map_err(|error| {
        let sentence = format!(
            "The data directory {} cannot be made: {error}. Set DATA_DIR to a directory this user may write.",
            config.data_dir.display()
        );
        say(Exit::NotPermitted, &sentence)
    })
}

/// Brings the file to this program's format if it is older, and says so. The old one stays aside.
pub fn bring_up_to_date(path: &Path) -> Result<Option<Migrated>, OpenError> {
    if !path.exists() {
        return Ok(None);
    }
    let Some(from) = migrate::pending(path)? else { return Ok(None) };
    let migrated = migrate::migrate(path, tables::RECORDS, from)?;
    let Migrated { records, aside, damaged, .. } = &migrated;
    eprintln!("Brought {} from format {from} to {FORMAT}: {records} records.", path.display());
    if *damaged > 0 {
        eprintln!("{damaged} records were damaged before and still are; `pagerpal verify` names them.");
    }
    eprintln!(
        "The database as it was is {}. To go back, put it in its place and start the older version.",
        aside.display()
    );
    Ok(Some(migrated))
}

/// For `serve`, which goes on without: whom the last roster names are called, and it is tried again. What an operator has to decide
/// or to put right at once is refused all the same, and so is a file that cannot be made: nobody was on call by it.
pub fn open_to_serve(config: &Config, may_migrate: bool) -> Result<App, Exit> {
    make_data_dir(config)?;
    let path = config.data_dir.join(FILE_NAME);
    let random = Arc::new(SystemRandom);
    let open = || {
        if may_migrate {
            bring_up_to_date(&path)?;
        }
        Store::open(&path, Arc::new(SystemClock::new()), random.clone())
    };
    let (store, problem) = match open() {
        Ok(store) => (store, None),
        Err(error) if is_an_emergency(&error) && path.try_exists().unwrap_or(true) => {
            let store = Store::unopened(&path, Arc::new(SystemClock::new()), random.clone(), &error);
            let store = store.map_err(|_| say(exit_of(&error), &error.to_string()))?;
            (store, Some(error.to_string()))
        }
        Err(error) => return Err(say(exit_of(&error), &error.to_string())),
    };
    let mut app = App::new(store, random, settings(config));
    app.emergency.wait_for(problem);
    let (roster, ballast) = (config.data_dir.join(ROSTER), config.data_dir.join(BALLAST));
    app.files = Some(Files { database: path, may_migrate, roster, ballast });
    Ok(app)
}

fn is_an_emergency(error: &OpenError) -> bool {
    matches!(error, OpenError::Corrupt { .. } | OpenError::Failed { .. } | OpenError::NotMigrated { .. })
}

pub fn open_file(config: &Config, path: &Path) -> Result<Opened, Exit> {
    let random = Arc::new(SystemRandom);
    let store = Store::open(path, Arc::new(SystemClock::new()), random.clone())
        .map_err(|error| say(exit_of(&error), &error.to_string()))?;
    Ok(Opened { app: App::new(store, random, settings(config)), path: path.to_owned() })
}

/// What links, addresses and sealed secrets are made with, for commands that need it. Answers it, too.
pub fn take_secret_key(config: &Config, app: &mut App) -> Result<Secret<String>, Exit> {
    let key = config.secret_key(app.random_bytes());
    let key = key.map_err(|problem| say(Exit::ConfigInvalid, &problem.to_string()))?;
    app.settings.link_key = LinkKey::new(key.expose().as_bytes());
    app.vault = Vault::new(key.expose().as_bytes());
    Ok(key)
}

/// What use cases are told of the configuration.
pub fn settings(config: &Config) -> Settings {
    Settings {
        sending_enabled: config.notification_sending_enabled,
        retry_enabled: config.notification_retry_worker_enabled,
        escalation_enabled: config.escalation_worker_enabled,
        base_url: config.base_url.as_ref().map(|url| url.as_str().to_owned()),
        // Nobody's, until [`take_secret_key`] puts the real one in.
        link_key: LinkKey::new(b""),
    }
}

pub fn exit_of(error: &OpenError) -> Exit {
    match error {
        OpenError::InUse { .. } => Exit::InUse,
        OpenError::ReadOnly { .. } => Exit::NotPermitted,
        OpenError::NewerFormat { .. } | OpenError::OlderFormat { .. } | OpenError::NotMigrated { .. } => {
            Exit::SchemaNewer
        }
        OpenError::Corrupt { .. } => Exit::VerificationFailed,
        OpenError::Failed { .. } => Exit::DatabaseUnreachable,
    }
}

/// Why a command ends, on standard error.
pub fn say(exit: Exit, sentence: &str) -> Exit {
    eprintln!("pagerpal: {sentence}");
    exit
}
