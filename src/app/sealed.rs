//! Sealed secrets that cannot be read any more: after a change of `SECRET_KEY`, or if somebody changed the file.
//!
//! Nothing stops for it. A calendar keeps its last good copy, a signature is not asked for, and each thing is named here:
//! in the log at start, and on its own page.

use crate::app::{AppError, alert_sources, imports};
use crate::store::{Read, Take, imports as kept};
use crate::vault::{Unreadable, Vault};

/// One sentence for each thing whose secret cannot be read.
pub fn unreadable(read: &impl Read, vault: &Vault) -> Result<Vec<String>, AppError> {
    let mut found = Vec::new();
    for source in alert_sources::all(read)? {
        if let Some(Err(why)) = alert_sources::signing_secret(vault, &source) {
            found.push(format!("Alert source {}: {}", source.name, signing_sentence(why)));
        }
    }
    for import in kept::imports_all(read, Take::first(super::MANY))? {
        if let Err(why) = imports::address(vault, import.id, &import.url) {
            found.push(format!("Calendar {} from {}: {}", import.name, import.shown_url, address_sentence(why)));
        }
    }
    Ok(found)
}

pub fn address_sentence(why: Unreadable) -> String {
    format!("The address cannot be read any more: {why}. Enter it again.")
}

pub fn signing_sentence(why: Unreadable) -> String {
    format!("The signing secret cannot be read any more: {why}. Alerts are taken by their key alone. Enter it again.")
}
