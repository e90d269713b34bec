//! Opens the database for a command, or says in one sentence why not.

use crate::app::passes::LinkKey;
use crate::app::{App, Settings};
use crate::cli::Exit;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::random::SystemRandom;
use crate::store::Store;
use crate::store::engine::OpenError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Opened {
    pub app: App,
    pub path: PathBuf,
}

pub const FILE_NAME: &str = "pagerpal.redb";

/// The database of the data directory; both are made if they are not there.
pub fn open(config: &Config) -> Result<Opened, Exit> {
    if let Err(error) = make_private(&config.data_dir) {
        let sentence = format!(
            "The data directory {} cannot be made: {error}. Set DATA_DIR to a directory this user may write.",
            config.data_dir.display()
        );
        return Err(say(Exit::NotPermitted, &sentence));
    }
    open_file(config, &config.data_dir.join(FILE_NAME))
}

pub fn open_file(config: &Config, path: &Path) -> Result<Opened, Exit> {
    let random = Arc::new(SystemRandom);
    let store = Store::open(path, Arc::new(SystemClock::new()), random.clone()).map_err(|error| {
        let exit = match &error {
            OpenError::InUse { .. } => Exit::InUse,
            OpenError::ReadOnly { .. } => Exit::NotPermitted,
            OpenError::NewerFormat { .. } | OpenError::OlderFormat { .. } => Exit::SchemaNewer,
            OpenError::Corrupt { .. } => Exit::VerificationFailed,
            OpenError::Failed { .. } => Exit::DatabaseUnreachable,
        };
        say(exit, &error.to_string())
    })?;
    let settings = Settings {
        sending_enabled: config.notification_sending_enabled,
        retry_enabled: config.notification_retry_worker_enabled,
        escalation_enabled: config.escalation_worker_enabled,
        base_url: config.base_url.as_ref().map(|url| url.as_str().to_owned()),
        // Nobody's: only `serve` sends messages, and it puts the real one in.
        link_key: LinkKey::new(b""),
    };
    Ok(Opened { app: App::new(store, random, settings), path: path.to_owned() })
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Why a command ends, on standard error.
pub fn say(exit: Exit, sentence: &str) -> Exit {
    eprintln!("pagerpal: {sentence}");
    exit
}
