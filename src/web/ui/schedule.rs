//! `/schedules/{id}`: who is on call now and in the next two weeks, and the entries and overrides that make it so.
//!
//! All times of this page are the schedule's, shown and typed. What is typed becomes an instant by the one rule of
//! `domain::time`; a time that the clocks skip is refused with its neighbours, because nobody means it.

use crate::app::{AppError, oncall, schedules, users};
use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{EntryId, OverrideId, ScheduleId, UserId};
use crate::domain::oncall::{Place, Segment};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, earliest_at_or_after, zone_named};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::names::Names;
use crate::web::ui::schedules::{AHEAD_SECS, basics, choices};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Link, Sight, active_people, page as drawn, refused, to, zones};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/schedule.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    team: Link,
    zone: String,
    now_person: Option<String>,
    now_words: String,
    shifts: Vec<Shift>,
    entries: Vec<Placed>,
    overrides: Vec<Placed>,
    active: Vec<Choice>,
    /// Whom an override may stand in for; the first choice is "whoever it is".
    replaced: Vec<Choice>,
    teams: Vec<Choice>,
    people: Vec<Choice>,
    zones: Vec<String>,
    form: Form,
    entry_form: Form,
    override_form: Form,
}

/// A stretch of the schedule as it comes out.
struct Shift {
    from: When,
    to: When,
    person: Option<String>,
    through: String,
}

/// An entry or override as it was put there.
struct Placed {
    person: String,
    mode: String,
    from: When,
    to: When,
    note: String,
    remove: String,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, basics(&form)?);
        web.write(move |tx| schedules::edit(tx, &actor, id, &basics)).await
    };
    answer(&web, &signed_in, id, done.await, "schedule", &form).await
}

pub async fn delete(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    match refused(web.write(move |tx| schedules::delete(tx, &actor, id)).await)? {
        Ok(()) => Ok(to("/schedules")),
        Err(refusal) => answer(&web, &signed_in, id, Err(refusal.into()), "delete", &form).await,
    }
}

pub async fn add_entry(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, user, note) = (signed_in.actor, form.id("user")?, form.text("note").to_owned());
        let span = span(&web, id, &form).await?;
        web.write(move |tx| schedules::add_entry(tx, &actor, id, user, span, &note).map(drop)).await
    };
    answer(&web, &signed_in, id, done.await, "entry", &form).await
}

pub async fn add_override(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, user, note) = (signed_in.actor, form.id("user")?, form.text("note").to_owned());
        let from: Option<UserId> = form.optional_id("from")?;
        let mode = from.map_or(OverrideMode::Cover, |from| OverrideMode::Replace { from });
        let span = span(&web, id, &form).await?;
        web.write(move |tx| schedules::add_override(tx, &actor, id, user, mode, span, &note).map(drop)).await
    };
    answer(&web, &signed_in, id, done.await, "override", &form).await
}

pub async fn remove_entry(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path((_, entry)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (entry, actor): (EntryId, _) = (entry.parse().map_err(|_| WebError::NotFound)?, signed_in.actor);
    let schedule = web.write(move |tx| schedules::remove_entry(tx, &actor, entry)).await?;
    Ok(to(format!("/schedules/{schedule}")))
}

pub async fn remove_override(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path((_, entry)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (entry, actor): (OverrideId, _) = (entry.parse().map_err(|_| WebError::NotFound)?, signed_in.actor);
    let schedule = web.write(move |tx| schedules::remove_override(tx, &actor, entry)).await?;
    Ok(to(format!("/schedules/{schedule}")))
}

/// The typed times, read in the schedule's zone.
async fn span(web: &Arc<Web>, id: ScheduleId, form: &Fields) -> Result<Interval, WebError> {
    let schedule = web.read(move |read| schedules::one(read, id)).await?;
    let start = local_time(&schedule.zone, form.text("start"), "start")?;
    Ok(Interval { start, end: local_time(&schedule.zone, form.text("end"), "end")? })
}

fn local_time(zone_name: &str, typed: &str, field: &'static str) -> Result<Timestamp, Refusal> {
    let unreadable = || Refusal::invalid("time_form", field, "Write the time as 2026-11-24T09:00.");
    let local: DateTime = typed.parse().map_err(|_| unreadable())?;
    let zone = zone_named(zone_name).unwrap_or(TimeZone::UTC);
    let instant = earliest_at_or_after(&zone, local);
    if let AmbiguousOffset::Gap { before, after } = zone.to_ambiguous_timestamp(local).offset() {
        let reads = |offset: jiff::tz::Offset| offset.to_datetime(instant.to_jiff()).strftime("%H:%M").to_string();
        let sentence = format!(
            "{} does not exist on {} in {zone_name}: clocks jump from {} to {}. Choose one of these.",
            local.strftime("%H:%M"),
            local.strftime("%-d %b"),
            reads(before),
            reads(after)
        );
        return Err(Refusal::invalid("time_in_gap", field, sentence));
    }
    Ok(instant)
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    done: Result<(), WebError>,
    form_name: &'static str,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(()) => Ok(to(format!("/schedules/{id}"))),
        Err(refusal) => show(web, signed_in, id, Some(Form::refused(form_name, &form.0.0, refusal))).await,
    }
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    refused: Option<Form>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/schedules" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, refused)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: ScheduleId, refused: Option<Form>) -> Result<Page, AppError> {
    let Sight { read, names, .. } = *sight;
    let now = sight.reader.now;
    let (calendar, _, segments) = oncall::rendered(read, id, now, now.plus_secs(AHEAD_SECS))?;
    let schedule = &calendar.schedule;
    let reader = &Reader::new(now, &schedule.zone);
    let base = format!("/schedules/{id}");
    let mode = |mode: OverrideMode| match mode {
        OverrideMode::Cover => "covers".to_owned(),
        OverrideMode::Replace { from } => format!("stands in for {}", names.user(from)),
    };
    let placed = |user: UserId, mode: String, span: &Interval, note: &str, remove: String| Placed {
        person: names.marked(user),
        mode,
        from: reader.exactly(span.start),
        to: reader.exactly(span.end),
        note: note.to_owned(),
        remove,
    };
    let entry = |entry: &Entry| {
        placed(entry.user, String::new(), &entry.span, &entry.note, format!("{base}/entries/{}/remove", entry.id))
    };
    let override_ =
        |o: &Override| placed(o.user, mode(o.mode), &o.span, &o.note, format!("{base}/overrides/{}/remove", o.id));
    let on_call = oncall::on_schedule(read, id, now)?;
    let active = active_people(&users::all(read)?);
    let mut replaced = vec![Choice::new("", "whoever is on call, gaps included")];
    replaced.extend(active.clone());
    let (teams, people) = choices(sight)?;
    let form = Form::blank("schedule")
        .with("name", &schedule.name)
        .with("team", schedule.team)
        .with("zone", &schedule.zone)
        .with("fallback", schedule.fallback.map(|user| user.to_string()).unwrap_or_default());
    Ok(Page {
        shell,
        name: schedule.name.clone(),
        team: Link::new(format!("/teams/{}", schedule.team), names.team(schedule.team)),
        zone: schedule.zone.clone(),
        now_person: names.places(&on_call.places),
        now_words: match (on_call.until, names.people(on_call.next)) {
            (Some(until), Some(next)) => format!("until {}, then {next}", reader.clock(until)),
            (Some(until), None) => format!("until {}, then nobody", reader.clock(until)),
            (None, _) => String::new(),
        },
        shifts: segments.iter().map(|segment| shift(segment, names, reader)).collect(),
        entries: calendar.entries.iter().map(entry).collect(),
        overrides: calendar.overrides.iter().map(override_).collect(),
        active,
        replaced,
        teams,
        people,
        zones: zones(),
        form: Form::chosen(&refused, form, &["delete"]),
        entry_form: Form::chosen(&refused, Form::blank("entry"), &[]),
        override_form: Form::chosen(&refused, Form::blank("override"), &[]),
        base,
    })
}

fn shift(segment: &Segment, names: &Names, reader: &Reader) -> Shift {
    let through = |place: &Place| {
        let instead = place.replaced.map(|(_, user)| format!(", in the place of {}", names.user(user)));
        format!("{}{}", place.claim.word(), instead.unwrap_or_default())
    };
    Shift {
        from: reader.exactly(segment.start),
        to: reader.exactly(segment.end),
        person: names.places(&segment.places),
        through: segment.places.first().map(through).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_times_are_read_in_the_schedules_zone() {
        let check = |zone: &str, typed: &str, expected: Result<&str, &str>| {
            let read = local_time(zone, typed, "start").map(|instant| instant.to_string());
            let read = read.map_err(|refusal| refusal.sentence);
            assert_eq!(read.as_ref().map(String::as_str).map_err(String::as_str), expected, "{typed} in {zone}");
        };
        check("Europe/Berlin", "2026-11-24T09:00", Ok("2026-11-24T08:00:00Z"));
        check("America/New_York", "2026-11-01T01:30", Ok("2026-11-01T05:30:00Z"));
        let gap =
            "02:30 does not exist on 8 Mar in America/New_York: clocks jump from 02:00 to 03:00. Choose one of these.";
        check("America/New_York", "2026-03-08T02:30", Err(gap));
        check("UTC", "tomorrow", Err("Write the time as 2026-11-24T09:00."));
    }
}
