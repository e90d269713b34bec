//! The audit log as admins read it: the newest first, narrowed by who, what and when. What is written is `change`'s.

use crate::app::{AppError, Cursor, change};
use crate::domain::actor::{Actor, Who};
use crate::domain::audit::AuditEntry;
use crate::domain::id::{AlertSourceId, UserId};
use crate::domain::time::Timestamp;
use crate::store::keys::{self, Span};
use crate::store::{Read, Record, Take};
use std::str::FromStr;

/// What of the log is asked for; everything, if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub actor: Option<By>,
    /// A whole action, `policy.saved`, or what it is about, `policy`.
    pub action: Option<String>,
    /// The id of what was changed.
    pub object: Option<String>,
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

/// Whose doing it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    User(UserId),
    Source(AlertSourceId),
    System,
    CommandLine,
    Unknown,
}

/// The text is none of those that [`By`] is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAnActor;

impl FromStr for By {
    type Err = NotAnActor;

    fn from_str(text: &str) -> Result<By, NotAnActor> {
        let id = || text.parse().map(By::User).or_else(|_| text.parse().map(By::Source));
        match text {
            "system" => Ok(By::System),
            "command_line" => Ok(By::CommandLine),
            "unknown" => Ok(By::Unknown),
            _ => id().map_err(|_| NotAnActor),
        }
    }
}

/// Part of the log, and how to go on.
#[derive(Clone, Debug)]
pub struct Page {
    pub entries: Vec<AuditEntry>,
    pub next: Option<Cursor>,
}

/// Entries that one question looks at: a filter that matches next to nothing is answered in parts.
const LOOKED_AT: usize = 10_000;
const STEP: usize = 500;

/// At most `limit` entries, and fewer if so many were looked at before. For admins.
pub fn page(
    read: &impl Read,
    actor: &Actor,
    asked: &Asked,
    limit: usize,
    cursor: Option<Cursor>,
) -> Result<Page, AppError> {
    change::begin(actor)?;
    let (mut entries, mut next): (Vec<AuditEntry>, _) = (Vec::new(), cursor);
    for _ in 0..LOOKED_AT / STEP {
        let found = read.scan_table::<AuditEntry>(&Span::all(), Take::last(STEP).after(next))?;
        for entry in found.items.into_iter().filter(|entry| asked.holds(entry)) {
            if entries.len() == limit {
                let last = entries.last().map(|last| Cursor(keys::encode(&last.key())));
                return Ok(Page { entries, next: last });
            }
            entries.push(entry);
        }
        next = found.next;
        if next.is_none() {
            break;
        }
    }
    Ok(Page { entries, next })
}

impl Asked {
    fn holds(&self, entry: &AuditEntry) -> bool {
        let by = match entry.actor.who {
            Who::User { id, .. } => By::User(id),
            Who::Source(id) => By::Source(id),
            Who::System => By::System,
            Who::CommandLine => By::CommandLine,
            Who::Unknown => By::Unknown,
        };
        let is_about = |asked: &String| {
            let rest = entry.action.strip_prefix(asked.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.actor.is_none_or(|asked| asked == by)
            && self.action.as_ref().is_none_or(is_about)
            && self.object.as_ref().is_none_or(|asked| *asked == entry.object)
            && self.since.is_none_or(|since| since <= entry.at)
            && self.until.is_none_or(|until| entry.at < until)
    }
}
