//! Storage on the page of settings: how large, how much room, whether it is sound; the backups, one more, and one to take along.

use crate::app::backups::automatic::{self, Condition, Last, Note};
use crate::app::{App, AppError};
use crate::bridge::Lane;
use crate::domain::checks::facts::Machine;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::live::Streamed;
use crate::web::ui::clock::Reader;
use crate::web::ui::{Fact, to};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Backups that are listed; the others are counted.
const SHOWN: usize = 10;
const PIECE: usize = 256 * 1024;

pub struct Storage {
    pub facts: Vec<Fact>,
    pub backups: Vec<Backup>,
    /// Beside those listed.
    pub more: usize,
    pub is_automatic: bool,
}

pub struct Backup {
    pub name: String,
    pub size: String,
    /// "restored aside and verified", or why not; empty if it has not been tried.
    pub result: String,
    pub is_bad: bool,
}

pub fn shown(app: &App, machine: Option<&Machine>, reader: &Reader) -> Storage {
    let mut facts = Vec::new();
    if let Some(Machine { database_bytes, disks, .. }) = machine {
        facts.extend(database_bytes.map(|bytes| Fact::good(format!("The database takes {}", size(bytes)))));
        facts.extend(disks.iter().map(|disk| {
            Fact::good(format!("{} of {} are free at {}", size(disk.free_bytes), size(disk.size_bytes), disk.place))
        }));
    }
    facts.push(match app.board.verified() {
        Some(verified) if verified.problems.is_empty() => {
            Fact::good(format!("Every record and index was found sound {}", reader.when(verified.at).text))
        }
        Some(verified) => {
            let (count, at) = (verified.problems.len(), reader.when(verified.at).text);
            Fact::bad(format!("{count} problems were found {at}: {}", verified.problems.join(" ")))
        }
        None => Fact::off("Every record and index is looked at each night; not yet since the start"),
    });
    let Some(plan) = &app.backup_plan else {
        facts.push(Fact::off("No backups are taken by themselves (BACKUP_INTERVAL)"));
        return Storage { facts, backups: vec![], more: 0, is_automatic: false };
    };
    let Condition { last, kept, failing, proof, .. } = app.board.backups();
    let directory = plan.directory.display();
    if let Some((since, why)) = failing {
        facts.push(Fact::bad(format!("No backup can be taken since {}: {why}", reader.when(since).text)));
    }
    facts.push(match last {
        Some(Last { taken_at, bytes, .. }) => {
            let taken = reader.when(taken_at).text;
            Fact::good(format!("Last backup {taken}, {}; {kept} are kept in {directory}", size(bytes)))
        }
        None => Fact::off(format!("No backup has been taken yet; they go to {directory}")),
    });
    facts.push(if plan.recipients.is_empty() {
        Fact::off("Backups are not encrypted (BACKUP_RECIPIENTS): whoever has one reads names, numbers and hashes")
    } else {
        let recipients: Vec<String> = plan.recipients.iter().map(ToString::to_string).collect();
        Fact::good(format!("Backups are encrypted for {}; this machine cannot read them back", recipients.join(", ")))
    });
    facts.push(match &proof {
        Some(Note { file, at, problem: None }) => {
            Fact::good(format!("{file} was restored aside and verified {}", reader.when(*at).text))
        }
        Some(Note { file, at, problem: Some(problem) }) => {
            Fact::bad(format!("{file} could not be restored {}: {problem}", reader.when(*at).text))
        }
        None => Fact::off("None has been restored aside yet; each night the newest is"),
    });
    let all = automatic::kept(plan);
    let backup = |(name, bytes): &(String, u64)| {
        let tried = proof.as_ref().filter(|note| note.file == *name);
        Backup {
            size: size(*bytes),
            is_bad: tried.is_some_and(|note| note.problem.is_some()),
            result: match tried {
                Some(Note { problem: None, .. }) => "restored aside and verified".to_owned(),
                Some(Note { problem: Some(problem), .. }) => format!("could not be restored: {problem}"),
                None => String::new(),
            },
            name: name.clone(),
        }
    };
    let backups = all.iter().take(SHOWN).map(backup).collect();
    Storage { facts, backups, more: all.len().saturating_sub(SHOWN), is_automatic: true }
}

/// "38 kB", "1.2 GB".
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes < 1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        bytes if bytes < 1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        bytes => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

pub async fn back_up(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.ask(move |app| automatic::take_now(app, &actor)).await?;
    Ok(to("/settings#storage"))
}

pub async fn download(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Result<Response, WebError> {
    let (actor, wanted) = (signed_in.actor, name.clone());
    let (file, bytes) = web
        .ask(move |app| {
            let file = automatic::hand_out(app, &actor, &wanted)?;
            let bytes = file.metadata().map_err(|error| AppError::Internal(format!("{wanted}: {error}")))?.len();
            Ok((file, bytes))
        })
        .await?;
    let (out, body) = mpsc::channel(4);
    let bridge = web.bridge.clone();
    tokio::spawn(async move {
        // A reader that is gone ends it; one that was cut off sees that bytes are missing.
        let _ = bridge.run(Lane::People, move || send(file, &out)).await;
    });
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::new(Streamed(body))).into_response())
}

fn send(mut file: File, out: &mpsc::Sender<Bytes>) {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return,
            Ok(len) if out.blocking_send(Bytes::copy_from_slice(&piece[..len])).is_ok() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "a backup could not be read to its end");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_two_figures_and_a_unit() {
        assert_eq!(
            [0, 1, 999_999, 1_250_000, 38_000_000_000].map(size),
            ["0 kB", "1 kB", "1000 kB", "1.2 MB", "38.0 GB"]
        );
    }
}
