//! `/api/v1/incidents/{reference}/notifications` and `/api/v1/notifications/{id}`: who was told what, why, and every attempt
//! with the provider's own words. "Accepted" is not "delivered", and neither word is used for the other.

use crate::app::incidents::{self, Told};
use crate::app::names::Names;
use crate::domain::access::Role;
use crate::domain::delivery::{Attempt, Delivery, Outcome, State as At};
use crate::domain::effect::{Reason, UpdateKind};
use crate::domain::id::{NotificationId, ScheduleId, TeamId};
use crate::domain::oncall::{Place, Source};
use crate::domain::receipt::Fate;
use crate::domain::timeline::Via;
use crate::web::Web;
use crate::web::api::fields::IncidentReference;
use crate::web::api::{Instant, List, Page, Reference};
use crate::web::error::WebError;
use crate::web::extract::{Caller, PathId};
use crate::web::ui::deliveries::shown_address;
use axum::Json;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// One message to one person about one thing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotificationView {
    id: String,
    /// Null for tests, codes and answers, which are about no incident.
    incident: Option<IncidentReference>,
    user: Reference,
    /// `page`, `update_acknowledged`, `update_resolved`, `test`, `code`, `answer` or `notice`.
    reason: &'static str,
    /// Of a page: the level that called; null for the last resort and for what was given by hand.
    level: Option<u8>,
    urgency: &'static str,
    why: WhyView,
    created_at: Instant,
    /// One for each channel, in the order they were queued.
    deliveries: Vec<DeliveryView>,
}

/// The way from a level to the person, as it was when it was walked.
#[derive(Debug, Serialize, JsonSchema)]
struct WhyView {
    /// "Level 1 of Payments 24×7: you are named there".
    detail: String,
    /// `named`, `schedule`, `team_schedule`, `team_member`, `last_resort`, `handed` or `had_taken`.
    via: &'static str,
    policy: Option<Reference>,
    team: Option<Reference>,
    schedule: Option<Reference>,
    /// The claim on the schedule: `override`, `normal entry`, `rotation`, `imported calendar`, `fallback`.
    claim: Option<&'static str>,
    /// Of the override, entry, layer or import; the fallback has none.
    claim_id: Option<String>,
    /// In whose place an override put the person.
    in_place_of: Option<Reference>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DeliveryView {
    id: String,
    channel: &'static str,
    /// Masked for viewers.
    address: String,
    /// `queued`, `sending`, `retrying`, `accepted`, `at operator`, `delivered`, `failed`, `exhausted`, `suppressed` or
    /// `withdrawn`.
    state: &'static str,
    /// When it leaves, if it waits for that.
    due_at: Option<Instant>,
    /// Of a withdrawn one.
    withdrawn_because: Option<String>,
    /// Its number may get no more texts for now.
    is_held_back: bool,
    created_at: Instant,
    attempts: Vec<AttemptView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AttemptView {
    /// The same number is the same message to the provider.
    message_number: u32,
    started_at: Instant,
    finished_at: Option<Instant>,
    /// `accepted`, `ambiguous`, `temporary`, `permanent`, `muted` or `duplicate`; null while it is being sent.
    outcome: Option<&'static str>,
    /// The provider's own words.
    text: Option<String>,
    /// What the provider reported later: `on_its_way`, `at_operator`, `delivered` or `refused`.
    receipt: Option<&'static str>,
}

/// The newest first.
pub async fn of_incident(
    State(web): State<Arc<Web>>,
    caller: Caller,
    Path(reference): Path<String>,
    page: Page,
) -> Result<List<NotificationView>, WebError> {
    let (told, names) = web.read(move |read| incidents::told(read, &reference)).await?;
    let views = told.iter().map(|told| NotificationView::of(told, &names, caller.user.role));
    List::in_order(views.collect(), &page)
}

/// One that is about no incident is its person's own business, and an admin's.
pub async fn one(
    State(web): State<Arc<Web>>,
    caller: Caller,
    PathId(id): PathId<NotificationId>,
) -> Result<Json<NotificationView>, WebError> {
    let (told, names) = web.read(move |read| incidents::told_once(read, &caller.actor, id)).await?;
    Ok(Json(NotificationView::of(&told, &names, caller.user.role)))
}

impl NotificationView {
    pub fn of(told: &Told, names: &Names, reader: Role) -> NotificationView {
        let Told { notification, deliveries, incident, why } = told;
        let policy = incident.as_ref().map(|incident| incident.policy);
        let (reason, level) = match notification.reason {
            Reason::Page { level } => ("page", level),
            Reason::Update(UpdateKind::Acknowledged) => ("update_acknowledged", None),
            Reason::Update(UpdateKind::Resolved) => ("update_resolved", None),
            Reason::Test => ("test", None),
            Reason::Code => ("code", None),
            Reason::Answer => ("answer", None),
            Reason::Notice => ("notice", None),
            Reason::Invitation => ("invitation", None),
            Reason::Account => ("account", None),
        };
        NotificationView {
            id: notification.id.to_string(),
            incident: incident.as_ref().map(|incident| IncidentReference::new(incident.id, incident.number)),
            user: Reference::new(notification.user, names.users.get(&notification.user)),
            reason,
            level,
            urgency: notification.urgency.word(),
            why: WhyView {
                policy: policy.map(|id| Reference::new(id, names.policies.get(&id))),
                ..WhyView::of(&notification.via, why, names)
            },
            created_at: notification.created_at.into(),
            deliveries: deliveries.iter().map(|delivery| DeliveryView::of(delivery, reader)).collect(),
        }
    }
}

impl WhyView {
    fn of(via: &Via, detail: &str, names: &Names) -> WhyView {
        let team = |id: &TeamId| Some(Reference::new(*id, names.teams.get(id)));
        let schedule = |id: &ScheduleId| Some(Reference::new(*id, names.schedules.get(id)));
        let plain = |via| WhyView {
            detail: detail.to_owned(),
            via,
            policy: None,
            team: None,
            schedule: None,
            claim: None,
            claim_id: None,
            in_place_of: None,
        };
        let claimed = |why: WhyView, place: &Place| WhyView {
            claim: Some(place.claim.word()),
            claim_id: claim_id(place.claim),
            in_place_of: place.replaced.map(|(_, user)| Reference::new(user, names.users.get(&user))),
            ..why
        };
        match via {
            Via::Named => plain("named"),
            Via::LastResort => plain("last_resort"),
            Via::Handed => plain("handed"),
            Via::HadTaken => plain("had_taken"),
            Via::TeamMember { team: id } => WhyView { team: team(id), ..plain("team_member") },
            Via::Schedule { schedule: id, place } => {
                claimed(WhyView { schedule: schedule(id), ..plain("schedule") }, place)
            }
            Via::TeamSchedule { team: of, schedule: id, place } => {
                claimed(WhyView { team: team(of), schedule: schedule(id), ..plain("team_schedule") }, place)
            }
        }
    }
}

fn claim_id(claim: Source) -> Option<String> {
    match claim {
        Source::Override(id) => Some(id.to_string()),
        Source::Entry(id) => Some(id.to_string()),
        Source::Layer(id) => Some(id.to_string()),
        Source::ImportedCover(id) => Some(id.to_string()),
        Source::Fallback => None,
    }
}

impl DeliveryView {
    fn of(delivery: &Delivery, reader: Role) -> DeliveryView {
        let (due_at, withdrawn_because) = match &delivery.state {
            At::Queued { due } | At::Retrying { due } => (Some((*due).into()), None),
            At::Withdrawn { reason } => (None, Some(reason.clone())),
            _ => (None, None),
        };
        DeliveryView {
            id: delivery.id.to_string(),
            channel: delivery.channel.word(),
            address: shown_address(delivery.channel, &delivery.address, reader),
            state: delivery.state.word(),
            due_at,
            withdrawn_because,
            is_held_back: delivery.held_back,
            created_at: delivery.created_at.into(),
            attempts: delivery.attempts.iter().map(AttemptView::of).collect(),
        }
    }
}

impl AttemptView {
    fn of(attempt: &Attempt) -> AttemptView {
        let answer = attempt.answer.as_ref();
        AttemptView {
            message_number: attempt.message_number,
            started_at: attempt.claimed_at.into(),
            finished_at: attempt.finished_at.map(Instant::from),
            outcome: answer.map(|answer| outcome(&answer.outcome)),
            text: answer.map(|answer| answer.text.clone()),
            receipt: attempt.receipt.as_ref().map(|receipt| match receipt.fate {
                Fate::OnItsWay => "on_its_way",
                Fate::AtOperator => "at_operator",
                Fate::Delivered => "delivered",
                Fate::Refused(_) => "refused",
            }),
        }
    }
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Ambiguous => "ambiguous",
        Outcome::Temporary { .. } | Outcome::TemporaryOnce => "temporary",
        Outcome::Permanent { .. } => "permanent",
        Outcome::Muted => "muted",
        Outcome::Duplicate => "duplicate",
    }
}
