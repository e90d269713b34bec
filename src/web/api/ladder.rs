//! `GET /api/v1/escalation-policies/{id}/ladder`: who would be woken, when and how.
//!
//! `?at=2026-03-02T03:16:00Z&urgency=low`: an alert then, or now; high urgency if nothing is said.

use crate::app::names::Names;
use crate::app::{names, policies};
use crate::domain::Urgency;
use crate::domain::id::PolicyId;
use crate::domain::ladder::{Because, Call, Hint, LevelHint, Page, Rung, What};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{LastResort, SkipReason};
use crate::web::Web;
use crate::web::api::{Instant, Reference};
use crate::web::error::WebError;
use crate::web::extract::{PathId, QueryFields};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct LadderView {
    at: Instant,
    urgency: &'static str,
    data: Vec<RungView>,
}

#[derive(Debug, Serialize)]
struct RungView {
    at: Instant,
    cycle: u8,
    /// `level`, `skipped` or `last_resort`.
    kind: &'static str,
    level: Option<u8>,
    people: Vec<PersonView>,
    reasons: Vec<ReasonView>,
    hints: Vec<&'static str>,
    /// Of the last resort: `exhausted` or `no_coverage`.
    because: Option<&'static str>,
    /// Of the last resort: `policy`, `admins` or `nobody`.
    chosen: Option<&'static str>,
    repeats_after_seconds: Option<u32>,
}

#[derive(Debug, Serialize)]
struct PersonView {
    user: Reference,
    calls: Vec<CallView>,
    hints: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct CallView {
    at: Instant,
    channel: &'static str,
}

/// Why somebody is not paged, or nobody is.
#[derive(Debug, Serialize)]
struct ReasonView {
    code: &'static str,
    /// The user, schedule or team it is about.
    about: Option<Reference>,
}

pub async fn get(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<PolicyId>,
    query: QueryFields,
) -> Result<Json<LadderView>, WebError> {
    let (at, urgency) = (asked_at(&query)?, asked_urgency(&query)?);
    let view = web.read(move |read| {
        let at = at.unwrap_or(read.now());
        let rungs = policies::ladder(read, id, urgency, at)?;
        let names = names::all(read)?;
        let data = rungs.iter().map(|rung| rung_view(rung, &names)).collect();
        Ok(LadderView { at: at.into(), urgency: urgency_word(urgency), data })
    });
    Ok(Json(view.await?))
}

fn asked_at(query: &QueryFields) -> Result<Option<Timestamp>, Refusal> {
    let sentence = "Give an instant of RFC 3339 in whole seconds, such as 2026-03-02T03:16:00Z.";
    let refused = || Refusal::invalid("instant_form", "at", sentence);
    let Some(text) = query.optional("at") else { return Ok(None) };
    let instant: jiff::Timestamp = text.parse().map_err(|_| refused())?;
    if instant.subsec_nanosecond() != 0 {
        return Err(refused());
    }
    Ok(Some(Timestamp::from_jiff(instant)))
}

fn asked_urgency(query: &QueryFields) -> Result<Urgency, Refusal> {
    match query.optional("urgency") {
        None | Some("high") => Ok(Urgency::High),
        Some("low") => Ok(Urgency::Low),
        Some(_) => Err(Refusal::invalid("unknown", "urgency", "Urgency is high or low.")),
    }
}

fn urgency_word(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::High => "high",
        Urgency::Low => "low",
    }
}

fn rung_view(rung: &Rung, names: &Names) -> RungView {
    let people = |people: &[Page]| people.iter().map(|page| person_view(page, names)).collect();
    let reasons = |reasons: &[SkipReason]| reasons.iter().map(|reason| reason_view(reason, names)).collect();
    let blank = RungView {
        at: rung.at.into(),
        cycle: rung.cycle,
        kind: "level",
        level: None,
        people: vec![],
        reasons: vec![],
        hints: vec![],
        because: None,
        chosen: None,
        repeats_after_seconds: None,
    };
    match &rung.what {
        What::Level { number, people: called, left_out, hints } => RungView {
            level: Some(*number),
            people: people(called),
            reasons: reasons(left_out),
            hints: hints.iter().map(|LevelHint::NobodyNew| "nobody_new").collect(),
            ..blank
        },
        What::Skipped { number, reasons: why } => {
            RungView { kind: "skipped", level: Some(*number), reasons: reasons(why), ..blank }
        }
        What::LastResort { people: called, chosen, because, every_minutes } => RungView {
            kind: "last_resort",
            people: people(called),
            because: Some(match because {
                Because::Exhausted => "exhausted",
                Because::NoCoverage => "no_coverage",
            }),
            chosen: Some(match chosen {
                LastResort::Policy => "policy",
                LastResort::Admins => "admins",
                LastResort::Nobody => "nobody",
            }),
            repeats_after_seconds: Some(u32::from(*every_minutes) * 60),
            ..blank
        },
    }
}

fn person_view(page: &Page, names: &Names) -> PersonView {
    let call = |call: &Call| CallView { at: call.at.into(), channel: call.channel.word() };
    let hint = |hint: &Hint| match hint {
        Hint::NeverRings => "never_rings",
        Hint::Unverified(_) => "unverified",
        Hint::OnlyMailAtNight => "only_mail_at_night",
        Hint::AfterNextLevel(_) => "after_next_level",
    };
    PersonView {
        user: Reference::new(page.user, names.users.get(&page.user)),
        calls: page.calls.iter().map(call).collect(),
        hints: page.hints.iter().map(hint).collect(),
    }
}

fn reason_view(reason: &SkipReason, names: &Names) -> ReasonView {
    let user = |user| Some(Reference::new(user, names.users.get(&user)));
    let (code, about) = match *reason {
        SkipReason::Inactive { user: id } => ("inactive", user(id)),
        SkipReason::NoContactMethod { user: id } => ("no_contact_method", user(id)),
        SkipReason::NobodyOnCall { schedule } => {
            ("nobody_on_call", Some(Reference::new(schedule, names.schedules.get(&schedule))))
        }
        SkipReason::TeamEmpty { team } => ("team_empty", Some(Reference::new(team, names.teams.get(&team)))),
        SkipReason::Missing => ("missing", None),
    };
    ReasonView { code, about }
}
