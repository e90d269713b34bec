//! `/api/v1/schedules/{id}/layers`: rotations as programs write them, and the order of the layers.
//!
//! A rotation keeps its versions. A `PUT` makes the next one, from `effective_from` on, which is the next handoff if it is
//! left out; what is in force stays. Every answer is the whole schedule.

use crate::app::schedules;
use crate::domain::id::{LayerId, ScheduleId, UserId};
use crate::domain::layer::Draft;
use crate::domain::refusal::Refusal;
use crate::domain::rotation::{Cadence, Civil, Version, Window, Words};
use crate::domain::schedule::{Layer, Turns};
use crate::web::Web;
use crate::web::api::schedules::{Changed, after};
use crate::web::api::{IfMatch, Instant, Wrong, id_at, ids_of, instant_of};
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody, PathId, PathIds};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct LayerView {
    id: String,
    name: String,
    zone: String,
    /// The calendar from elsewhere that it follows, if it is no rotation.
    import: Option<String>,
    /// The oldest first; the first counts from its anchor.
    versions: Vec<RotationVersion>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RotationVersion {
    effective_from: Instant,
    /// A reading of the zone's clocks, without offset: it recurs.
    anchor: String,
    cadence: RotationCadence,
    /// Ids of users, the deactivated included.
    slots: Vec<Vec<String>>,
    windows: Vec<RotationWindow>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RotationCadence {
    /// `hours`, `days`, `weeks`, `months`, `windows`, `cron`.
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RotationWindow {
    /// `mon` to `sun`: the days on which it begins.
    days: Vec<String>,
    /// `09:00`.
    start: String,
    /// At or before `start` it is on the next day.
    end: String,
    #[serde(default)]
    extra_days: u8,
}

/// A whole rotation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    zone: String,
    effective_from: Option<String>,
    #[serde(default)]
    anchor: String,
    cadence: RotationCadence,
    #[serde(default)]
    slots: Vec<Vec<String>>,
    #[serde(default)]
    windows: Vec<RotationWindow>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    /// 0 is the top.
    position: usize,
}

impl LayerView {
    pub fn of(layer: &Layer, schedule_zone: &str) -> LayerView {
        let (import, versions) = match &layer.turns {
            Turns::Rotation(versions) => (None, versions.iter().map(RotationVersion::of).collect()),
            Turns::Imported(import) => (Some(import.to_string()), vec![]),
        };
        let zone = layer.zone.clone().unwrap_or_else(|| schedule_zone.to_owned());
        LayerView { id: layer.id.to_string(), name: layer.name.clone(), zone, import, versions }
    }
}

impl RotationVersion {
    fn of(version: &Version) -> RotationVersion {
        RotationVersion {
            effective_from: version.effective_from.into(),
            anchor: version.anchor.to_datetime().strftime("%Y-%m-%dT%H:%M").to_string(),
            cadence: RotationCadence::of(&version.cadence),
            slots: version.slots.iter().map(|slot| ids_of(slot)).collect(),
            windows: version.windows.iter().map(RotationWindow::of).collect(),
        }
    }
}

impl RotationCadence {
    fn of(cadence: &Cadence) -> RotationCadence {
        let (unit, count) = match cadence {
            Cadence::Hours(count) => ("hours", count),
            Cadence::Days(count) => ("days", count),
            Cadence::Weeks(count) => ("weeks", count),
            Cadence::Months(count) => ("months", count),
            Cadence::Windows(count) => ("windows", count),
            Cadence::Cron(pattern) => {
                return RotationCadence { unit: "cron".to_owned(), count: None, pattern: Some(pattern.clone()) };
            }
        };
        RotationCadence { unit: unit.to_owned(), count: Some((*count).into()), pattern: None }
    }

    fn read(&self) -> Result<Cadence, Refusal> {
        // What no rotation counts to is out of range, which its own check says.
        let count = self.count.map_or(1, |count| u16::try_from(count).unwrap_or(u16::MAX));
        Ok(match self.unit.as_str() {
            "hours" => Cadence::Hours(count),
            "days" => Cadence::Days(count),
            "weeks" => Cadence::Weeks(count),
            "months" => Cadence::Months(count),
            "windows" => Cadence::Windows(count),
            "cron" => Cadence::Cron(self.pattern.clone().unwrap_or_default()),
            _ => {
                let sentence = "A unit is hours, days, weeks, months, windows or cron.";
                return Err(Refusal::invalid("unknown", "cadence", sentence));
            }
        })
    }
}

impl RotationWindow {
    fn of(window: &Window) -> RotationWindow {
        let Words { days, start, end } = window.words();
        RotationWindow { days, start, end, extra_days: window.extra_days }
    }

    fn read(&self) -> Result<Window, Refusal> {
        Window::of_words(&self.days, &self.start, &self.end, self.extra_days)
    }
}

impl RotationBody {
    pub(super) fn draft(self) -> Result<Draft, WebError> {
        let mut wrong = Wrong::default();
        let anchor = self.anchor.parse::<jiff::civil::DateTime>().map_err(|_| {
            Refusal::invalid("time_form", "anchor", "Write the anchor as 2026-11-24T09:00, without an offset.")
        });
        let anchor = wrong.take(anchor);
        let from = self.effective_from.as_deref().map(|text| instant_of(text, "effective_from")).transpose();
        let (from, cadence) = (wrong.take(from), wrong.take(self.cadence.read()));
        let slot = |(place, slot): (usize, &Vec<String>)| {
            let inside = format!("slots/{place}");
            let user = |(number, text): (usize, &String)| wrong.take_at(&inside, id_at(text, number));
            let users: Vec<Option<UserId>> = slot.iter().enumerate().map(user).collect();
            users.into_iter().collect::<Option<Vec<UserId>>>()
        };
        let slots: Vec<Option<Vec<UserId>>> = self.slots.iter().enumerate().map(slot).collect();
        let windows = wrong.take(self.windows.iter().map(RotationWindow::read).collect());
        let whole = (anchor, from, cadence, slots.into_iter().collect(), windows);
        let (Some(anchor), Some(from), Some(cadence), Some(slots), Some(windows)) = whole else {
            return Err(wrong.into());
        };
        Ok(Draft { from, anchor: Civil::of(anchor), cadence, slots, windows, name: self.name, zone: self.zone })
    }
}

type Answer = Result<Changed, WebError>;

pub async fn create(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathId(id): PathId<ScheduleId>,
    JsonBody(body): JsonBody<RotationBody>,
) -> Answer {
    let draft = body.draft()?;
    let saved = web.write(move |tx| schedules::add_layer(tx, &actor, id, &draft)).await.map_err(in_json)?;
    after(&web, id, saved).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, layer): PathIds<ScheduleId, LayerId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<RotationBody>,
) -> Answer {
    let draft = body.draft()?;
    let edit = web.write(move |tx| {
        expected.check(schedules::one(tx, id)?.version)?;
        schedules::edit_layer(tx, &actor, id, layer, &draft)
    });
    let saved = edit.await.map_err(in_json)?;
    after(&web, id, saved).await
}

pub async fn place(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, layer): PathIds<ScheduleId, LayerId>,
    JsonBody(MoveBody { position }): JsonBody<MoveBody>,
) -> Answer {
    let saved = web.write(move |tx| schedules::move_layer(tx, &actor, id, layer, position)).await?;
    after(&web, id, saved).await
}

pub async fn remove(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    PathIds(id, layer): PathIds<ScheduleId, LayerId>,
    IfMatch(expected): IfMatch,
) -> Answer {
    let remove = web.write(move |tx| {
        expected.check(schedules::one(tx, id)?.version)?;
        schedules::remove_layer(tx, &actor, id, layer)
    });
    let saved = remove.await?;
    after(&web, id, saved).await
}

/// Refusals name fields of the form; here two of them are members of other names.
pub(super) fn in_json(error: WebError) -> WebError {
    match error {
        WebError::Refused(refusal) => {
            let field = refusal.field.map(|field| match field {
                "from" => "effective_from",
                "cron" => "cadence/pattern",
                other => other,
            });
            WebError::Refused(Refusal { field, ..refusal })
        }
        other => other,
    }
}
