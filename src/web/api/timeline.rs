//! `GET /api/v1/incidents/{reference}/timeline?limit=50&cursor=…`: everything that happened to an incident, in the order it
//! happened. `kind` is for programs, `detail` the page's sentence for people.

use crate::app::incidents::{self, Lines};
use crate::app::{AppError, Read};
use crate::domain::timeline::{DeliveryNews, Handover, Happened, TimelineEntry, Weight};
use crate::web::Web;
use crate::web::api::actor::ActorView;
use crate::web::api::fields::{cursor_at, place_of};
use crate::web::api::{Instant, List, Page, Reference};
use crate::web::error::WebError;
use crate::web::extract::Caller;
use crate::web::ui::clock::Reader;
use crate::web::ui::names::Names;
use crate::web::ui::timeline::line;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct TimelineEntryView {
    /// 1, 2, 3 …: the order comes from here, not from the time.
    number: u32,
    at: Instant,
    /// What happened, in one word, such as `level_entered`.
    kind: &'static str,
    /// `info`, `warning` or `critical`.
    weight: &'static str,
    actor: ActorView,
    /// Whose action it was, if somebody else recorded it.
    acting_as: Option<Reference>,
    /// In words, with clock times in the zone of whoever asks.
    detail: String,
}

pub async fn of_incident(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path(reference): Path<String>,
    page: Page,
) -> Result<List<TimelineEntryView>, WebError> {
    let (limit, cursor) = (page.limit, cursor_at(page.cursor.as_ref())?);
    let read = move |read: &Read<'_>| {
        let lines = incidents::timeline(read, &reference, limit, cursor)?;
        Ok((lines, read.now()))
    };
    let (Lines { entries, next, names }, now) = web.read(read).await?;
    let (names, reader) = (Names(names), Reader::new(now, &caller.user.zone));
    let data = entries.iter().map(|entry| TimelineEntryView::of(entry, &names, &reader)).collect();
    Ok(List::page(data, next.as_ref().map(place_of), &page))
}

/// All of it, with clock times in UTC.
pub(super) fn whole(read: &Read<'_>, reference: &str) -> Result<Vec<TimelineEntryView>, AppError> {
    let reader = Reader::new(read.now(), "UTC");
    let (mut views, mut after) = (Vec::new(), None);
    loop {
        let Lines { entries, next, names } = incidents::timeline(read, reference, ENTRIES, after)?;
        let names = Names(names);
        views.extend(entries.iter().map(|entry| TimelineEntryView::of(entry, &names, &reader)));
        after = next;
        if after.is_none() {
            return Ok(views);
        }
    }
}

/// Read at once.
const ENTRIES: usize = 1_000;

impl TimelineEntryView {
    fn of(entry: &TimelineEntry, names: &Names, reader: &Reader) -> TimelineEntryView {
        let by = &entry.by;
        let acting_as = by.acting_as.filter(|person| Some(*person) != by.actor.user_id());
        TimelineEntryView {
            number: entry.seq,
            at: entry.at.into(),
            kind: kind(&entry.what),
            weight: match entry.what.weight() {
                Weight::Info => "info",
                Weight::Warning => "warning",
                Weight::Critical => "critical",
            },
            actor: ActorView::of(&by.actor, &names.0),
            acting_as: acting_as.map(|user| Reference::new(user, names.0.users.get(&user))),
            detail: line(entry, names, reader).sentence,
        }
    }
}

fn kind(what: &Happened) -> &'static str {
    match what {
        Happened::Created { .. } => "created",
        Happened::EventAppended { .. } => "alert_repeated",
        Happened::SeverityChanged { .. } => "severity_changed",
        Happened::LevelEntered { .. } => "level_entered",
        Happened::LevelSkipped { .. } => "level_skipped",
        Happened::NoCoverage => "no_coverage",
        Happened::CoverageReturned => "coverage_returned",
        Happened::LastResortPaged { .. } => "last_resort_paged",
        Happened::Exhausted => "exhausted",
        Happened::Acknowledged { .. } => "acknowledged",
        Happened::AckAdded => "acknowledged_too",
        Happened::Escalated { .. } => "escalated",
        Happened::Resolved { .. } => "resolved",
        Happened::Reopened => "reopened",
        Happened::UserDeactivated { .. } => "user_deactivated",
        Happened::Note { .. } => "note",
        Happened::Warning { .. } => "warning",
        Happened::Delivery { what, .. } => delivery_kind(what),
        Happened::HandoffPaged { .. } => "handoff_paged",
        Happened::Unacknowledged => "unacknowledged",
        Happened::AckTimedOut => "acknowledgement_timed_out",
        Happened::Snoozed { .. } => "snoozed",
        Happened::SnoozeEnded => "snooze_ended",
        Happened::Reassigned { to: Handover::Users(_) } => "given_to_users",
        Happened::Reassigned { to: Handover::Policy(_) } => "given_to_policy",
        Happened::Held { .. } => "held",
        Happened::HoldEnded => "hold_ended",
        Happened::PolicyChanged { .. } => "policy_changed",
        Happened::SeveritySet { .. } => "severity_set",
        Happened::AutoResolved { .. } => "auto_resolved",
    }
}

fn delivery_kind(news: &DeliveryNews) -> &'static str {
    match news {
        DeliveryNews::Sent => "delivery_accepted",
        DeliveryNews::Failed { .. } => "delivery_failed",
        DeliveryNews::Exhausted { .. } => "delivery_exhausted",
        DeliveryNews::Suppressed => "delivery_suppressed",
        DeliveryNews::Withdrawn { .. } => "delivery_withdrawn",
        DeliveryNews::Retried => "delivery_retried",
        DeliveryNews::Crossed => "delivery_crossed",
        DeliveryNews::Delivered => "delivery_delivered",
        DeliveryNews::HeldBack { .. } => "delivery_held_back",
        DeliveryNews::NoReceipt => "delivery_unconfirmed",
    }
}
