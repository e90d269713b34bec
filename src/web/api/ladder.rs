//! `GET /api/v1/escalation-policies/{id}/ladder`: who would be woken, when and how.
//!
//! `?at=2026-03-02T03:16:00Z&urgency=low`: an alert then, or now; high urgency if nothing is said.

use crate::app::names::Names;
use crate::app::{names, policies};
use crate::domain::Urgency;
use crate::domain::id::PolicyId;
use crate::domain::ladder::{Because, Call, Hint, LevelHint, Page, Rung, What};
use crate::domain::refusal::Refusal;
use crate::domain::timeline::{LastResort, SkipReason};
use crate::web::Web;
use crate::web::api::{Instant, Params, Reference, instant_of};
use crate::web::error::WebError;
use crate::web::extract::PathId;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct LadderView {
    at: Instant,
    urgency: &'static str,
    data: Vec<RungView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RungView {
    at: Instant,
    cycle: u8,
    /// `level`, `skipped` or `last_resort`.
    kind: &'static str,
    level: Option<u8>,
    people: Vec<RungPersonView>,
    reasons: Vec<ReasonView>,
    hints: Vec<&'static str>,
    /// Of the last resort: `exhausted` or `no_coverage`.
    because: Option<&'static str>,
    /// Of the last resort: `policy`, `admins` or `nobody`.
    chosen: Option<&'static str>,
    repeats_after_seconds: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RungPersonView {
    user: Reference,
    calls: Vec<CallView>,
    hints: Vec<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CallView {
    at: Instant,
    channel: &'static str,
}

/// Why somebody is not paged, or nobody is.
#[derive(Debug, Serialize, JsonSchema)]
struct ReasonView {
    code: &'static str,
    /// The user, schedule or team it is about.
    about: Option<Reference>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderParams {
    /// When the alert comes; now if it is left out.
    at: Option<String>,
    /// `high` or `low`; high if it is left out.
    urgency: Option<String>,
}

pub async fn get(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<PolicyId>,
    Params(asked): Params<LadderParams>,
) -> Result<Json<LadderView>, WebError> {
    let at = asked.at.as_deref().map(|text| instant_of(text, "at")).transpose()?;
    let urgency = asked.urgency()?;
    let view = web.read(move |read| {
        let at = at.unwrap_or(read.now());
        let rungs = policies::ladder(read, id, urgency, at)?;
        let names = names::all(read)?;
        let data = rungs.iter().map(|rung| rung_view(rung, &names)).collect();
        Ok(LadderView { at: at.into(), urgency: urgency_word(urgency), data })
    });
    Ok(Json(view.await?))
}

impl LadderParams {
    fn urgency(&self) -> Result<Urgency, Refusal> {
        match self.urgency.as_deref() {
            None | Some("high") => Ok(Urgency::High),
            Some("low") => Ok(Urgency::Low),
            Some(_) => Err(Refusal::invalid("unknown", "urgency", "Urgency is high or low.")),
        }
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

fn person_view(page: &Page, names: &Names) -> RungPersonView {
    let call = |call: &Call| CallView { at: call.at.into(), channel: call.channel.word() };
    let hint = |hint: &Hint| match hint {
        Hint::NeverRings => "never_rings",
        Hint::Unverified(_) => "unverified",
        Hint::OnlyMailAtNight => "only_mail_at_night",
        Hint::AfterNextLevel(_) => "after_next_level",
    };
    RungPersonView {
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
