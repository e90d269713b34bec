//! The history as lines of JSON, which `pagerpal export --history` writes: each line is one incident as the API answers it,
//! with its messages, and with its whole timeline. The oldest is first, and all of them are of one instant.

use super::Instant;
use super::incidents::{OneView, view_one};
use super::timeline::{TimelineEntryView, whole};
use crate::app::{App, AppError, incidents};
use crate::domain::access::Role;
use serde::Serialize;
use std::io::{self, Write};

/// Of the lines; the first one says it.
const VERSION: u32 = 1;
/// How many incidents are looked up at a time.
const PAGE: usize = 100;

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    incident: OneView,
    timeline: Vec<TimelineEntryView>,
}

#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    #[error(transparent)]
    App(#[from] AppError),
    #[error("{0}")]
    Write(#[from] io::Error),
}

/// Answers how many incidents there were.
pub fn write(app: &App, out: &mut dyn Write) -> Result<u64, NotWritten> {
    let mut failed = None;
    let written = app.read(|read| {
        let mut written = 0;
        let mut tell = |line: serde_json::Value| {
            let told = writeln!(out, "{line}").map_err(|error| failed = Some(error));
            // Ends the reading; `failed` is what is told.
            told.map_err(|()| AppError::Unavailable("the history cannot be written".to_owned()))
        };
        tell(serde_json::json!({ "pagerpal_history": VERSION, "exported_at": Instant::from(read.now()) }))?;
        let mut after = None;
        loop {
            let page = incidents::page(read, PAGE, after)?;
            for incident in &page.items {
                let reference = incident.id.to_string();
                let line =
                    Line { incident: view_one(read, &reference, Role::Admin)?.1, timeline: whole(read, &reference)? };
                tell(serde_json::to_value(line).map_err(|error| AppError::Internal(error.to_string()))?)?;
                written += 1;
            }
            after = page.next;
            if after.is_none() {
                return Ok(written);
            }
        }
    });
    match failed {
        Some(error) => Err(NotWritten::Write(error)),
        None => Ok(written?),
    }
}
