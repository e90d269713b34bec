//! Automatic backups: how often, where to, and which are kept.

use super::keys;
use super::reader::{Absent, Reader};
use crate::age::Recipient;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backups {
    /// `None`: none are taken.
    pub interval: Option<Duration>,
    pub directory: PathBuf,
    pub keep: u32,
    pub keep_daily: u32,
    /// To whom backups are encrypted; to nobody: not at all.
    pub recipients: Vec<Recipient>,
}

pub(super) fn read(reader: &mut Reader, data_dir: Option<&Path>) -> Result<Backups, Absent> {
    let interval = reader.read(&keys::BACKUP_INTERVAL);
    let own = data_dir.unwrap_or(Path::new(".")).join("backups");
    let shown = own.display().to_string();
    let directory = reader.read_or(&keys::BACKUP_DIR, own, shown);
    let keep = reader.read(&keys::BACKUP_KEEP);
    let keep_daily = reader.read(&keys::BACKUP_KEEP_DAILY);
    let recipients = reader.read(&keys::BACKUP_RECIPIENTS).unwrap_or_default();
    Ok(Backups { interval: interval?, directory, keep: keep?, keep_daily: keep_daily?, recipients })
}
