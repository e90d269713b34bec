//! `/schedules/{id}/layers/…`: setting up a rotation, and changing it from its next handoff on.
//!
//! One form with a row per turn and per window. A button adds a row, another draws what would come of it; neither changes
//! anything. A turn is removed by choosing nobody, a window by clearing its days.

use super::band::{Band, Drawing};
use super::forms::ids;
use super::words;
use crate::app::schedules::{self, Preview};
use crate::app::{AppError, users};
use crate::domain::entry::Interval;
use crate::domain::id::{LayerId, ScheduleId, UserId};
use crate::domain::layer::Draft;
use crate::domain::refusal::Refusal;
use crate::domain::rotation::{Cadence, Civil, Weekdays, Window};
use crate::domain::time::zone_named;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::clock::Reader;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::notices::to_with;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, active_people, page as drawn, refused, typed, zones};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/rotation.html", askama = rinja)]
struct Page {
    shell: Shell,
    schedule: String,
    name: String,
    action: String,
    /// An edit: it has a time from which it holds, and its zone stays.
    is_edit: bool,
    form: Form,
    from_passes: Vec<Choice>,
    units: Vec<Choice>,
    turns: Vec<TurnRow>,
    windows: Vec<WindowRow>,
    people: Vec<Choice>,
    zones: Vec<String>,
    preview: Option<Drawn>,
}

struct TurnRow {
    number: usize,
    field: String,
    /// Who is chosen, and one more empty place while there is room.
    chosen: Vec<String>,
}

struct WindowRow {
    number: usize,
    field: String,
    /// Number, name, ticked.
    days: Vec<(u8, &'static str, bool)>,
    start: String,
    end: String,
    extra: String,
    /// For what somebody else made of them meanwhile.
    day_field: String,
    day_choices: Vec<Choice>,
    fields: [String; 3],
}

struct Drawn {
    first: String,
    band: Band,
}

const PREVIEW_DAYS: i64 = 28;
const IN_A_TURN: usize = 5;
const MOST_ROWS: usize = 100;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const UNITS: [(&str, &str); 6] = [
    ("weeks", "weeks"),
    ("days", "days"),
    ("hours", "hours"),
    ("months", "months"),
    ("windows", "windows, as set below"),
    ("cron", "a cron pattern"),
];

pub async fn new(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, None, None, StatusCode::OK).await
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (id, layer) = ids(&path)?;
    show(&web, &signed_in, id, Some(layer), None, StatusCode::OK).await
}

pub async fn create(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    submit(&web, &signed_in, id, None, form).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (id, layer) = ids(&path)?;
    submit(&web, &signed_in, id, Some(layer), form).await
}

pub async fn place(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (id, layer): (ScheduleId, LayerId) = ids(&path)?;
    let (actor, to) = (signed_in.actor, form.number("to")?);
    let saved = web.write(move |tx| schedules::move_layer(tx, &actor, id, layer, to)).await?;
    Ok(to_with(format!("/schedules/{id}"), &saved.warnings))
}

pub async fn remove(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (id, layer): (ScheduleId, LayerId) = ids(&path)?;
    let actor = signed_in.actor;
    let saved = web.write(move |tx| schedules::remove_layer(tx, &actor, id, layer)).await?;
    Ok(to_with(format!("/schedules/{id}"), &saved.warnings))
}

async fn submit(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    layer: Option<LayerId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let again = |form: &Form| show(web, signed_in, id, layer, Some(form.clone()), form.status());
    let shown = Form::filled("rotation", form.0.0.iter().map(|(name, value)| (name.as_str(), value.clone())).collect());
    match form.text("do") {
        "add_turn" => {
            let next = rows(&shown, "slot").min(MOST_ROWS - 1);
            return again(&shown.and(&format!("slot{next}"), "")).await;
        }
        "add_window" => {
            let next = rows(&shown, "start_of").min(MOST_ROWS - 1);
            return again(&shown.and(&format!("start_of{next}"), "")).await;
        }
        _ => {}
    }
    let zone = web.read(move |read| Ok(zone_in_force(&schedules::one(read, id)?, layer))).await?;
    let preview = form.text("do") == "preview";
    let done = async {
        let draft = draft(&form, zone.as_deref())?;
        let actor = signed_in.actor;
        if preview {
            let now = web.app.now();
            let end = now.plus_secs(PREVIEW_DAYS * 86_400);
            web.read(move |read| schedules::preview(read, id, layer, &draft, now, end)).await.map(Err)
        } else {
            let write = web.edit(actor, &form, move |tx| match layer {
                None => schedules::add_layer(tx, &actor, id, &draft),
                Some(layer) => schedules::edit_layer(tx, &actor, id, layer, &draft),
            });
            write.await.map(Ok)
        }
    };
    match refused(done.await)? {
        Ok(Ok(saved)) => Ok(to_with(format!("/schedules/{id}"), &saved.warnings)),
        Ok(Err(preview)) => show_with(web, signed_in, id, layer, Some(shown), StatusCode::OK, Some(preview)).await,
        Err(refusal) => again(&Form::refused("rotation", &form.0.0, refusal)).await,
    }
}

/// The zone of a layer that has begun, which nobody can type another for.
fn zone_in_force(schedule: &crate::domain::schedule::Schedule, layer: Option<LayerId>) -> Option<String> {
    let layer = layer.and_then(|layer| schedules::layer(schedule, layer).ok())?.1;
    Some(layer.zone.clone().unwrap_or_else(|| schedule.zone.clone()))
}

fn draft(form: &Fields, zone: Option<&str>) -> Result<Draft, Refusal> {
    let zone = form.optional("zone").or(zone).unwrap_or("").to_owned();
    let count = form.number::<u64>("cadence").map(|count| u16::try_from(count).unwrap_or(u16::MAX));
    let cadence = match form.text("unit") {
        "cron" => Cadence::Cron(form.text("cron").to_owned()),
        "hours" => Cadence::Hours(count?),
        "days" => Cadence::Days(count?),
        "weeks" => Cadence::Weeks(count?),
        "months" => Cadence::Months(count?),
        "windows" => Cadence::Windows(count?),
        _ => return Err(Refusal::invalid("unknown", "unit", "Choose one that is on the list.")),
    };
    let local = form.text("anchor").parse().map_err(|_| time_form("anchor"))?;
    let from = match form.optional("from") {
        None => None,
        Some(_) => Some(typed::instant(form, "from", "from_pass", &zone)?),
    };
    let mut slots = Vec::new();
    for row in 0..MOST_ROWS {
        let field = format!("slot{row}");
        let people = form.all(&field).filter(|id| !id.is_empty());
        let unknown = |_| Refusal::invalid("unknown", "slots", "Choose one that is on the list.");
        let slot: Vec<UserId> = people.map(|id| id.parse().map_err(unknown)).collect::<Result<_, _>>()?;
        slots.extend((!slot.is_empty()).then_some(slot));
    }
    let windows = (0..MOST_ROWS).filter_map(|row| window(form, row).transpose()).collect::<Result<_, _>>()?;
    let name = form.text("name").to_owned();
    Ok(Draft { name, zone, from, anchor: Civil::of(local), cadence, slots, windows })
}

/// `None` for a row without any day.
fn window(form: &Fields, row: usize) -> Result<Option<Window>, Refusal> {
    let days = Weekdays::from_list(form.all(&format!("day{row}")).filter_map(|day| day.parse().ok()));
    if days == Weekdays::NONE {
        return Ok(None);
    }
    let minutes = |field: String| {
        let time: Result<jiff::civil::Time, _> = form.text(&field).parse();
        let minutes = time.map(|time| i32::from(time.hour()) * 60 + i32::from(time.minute()));
        let sentence = "Give every window a start and an end, such as 09:00 and 17:00.";
        minutes.map(|minutes| minutes as u16).map_err(|_| Refusal::invalid("window_range", "windows", sentence))
    };
    let extra = form.text(&format!("extra{row}"));
    // What is no small number is out of range, which the rotation's own check says.
    let extra_days = if extra.is_empty() { 0 } else { extra.parse().unwrap_or(u8::MAX) };
    let (start, end) = (minutes(format!("start_of{row}"))?, minutes(format!("end_of{row}"))?);
    Ok(Some(Window { days, start, end, extra_days }))
}

fn time_form(field: &'static str) -> Refusal {
    Refusal::invalid("time_form", field, "Write the time as 2026-11-24T09:00.")
}

fn filled(draft: &Draft, is_edit: bool) -> Form {
    let (unit, count, pattern) = match &draft.cadence {
        Cadence::Hours(count) => ("hours", *count, ""),
        Cadence::Days(count) => ("days", *count, ""),
        Cadence::Weeks(count) => ("weeks", *count, ""),
        Cadence::Months(count) => ("months", *count, ""),
        Cadence::Windows(count) => ("windows", *count, ""),
        Cadence::Cron(pattern) => ("cron", 1, pattern.as_str()),
    };
    let mut form = Form::blank("rotation")
        .with("name", &draft.name)
        .with("zone", &draft.zone)
        .with("unit", unit)
        .with("cadence", count)
        .with("cron", pattern)
        .with("anchor", typed::written(draft.anchor.to_datetime()));
    if let Some(from) = draft.from.filter(|_| is_edit) {
        let zone = zone_named(&draft.zone).unwrap_or(TimeZone::UTC);
        form = form.with("from", typed::written(from.in_zone(&zone))).with("from_pass", typed::pass_of(from, &zone));
    }
    for (row, slot) in draft.slots.iter().enumerate() {
        form = slot.iter().fold(form, |form, user| form.and(&format!("slot{row}"), user));
    }
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    for (row, window) in draft.windows.iter().enumerate() {
        form = window.days.list().into_iter().fold(form, |form, day| form.and(&format!("day{row}"), day));
        form = form
            .with(&format!("start_of{row}"), time(window.start))
            .with(&format!("end_of{row}"), time(window.end))
            .with(&format!("extra{row}"), window.extra_days);
    }
    form
}

/// How many rows of a kind the form has.
fn rows(form: &Form, field: &str) -> usize {
    (0..MOST_ROWS).rev().find(|row| form.values(&format!("{field}{row}")).next().is_some()).map_or(0, |row| row + 1)
}

async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    layer: Option<LayerId>,
    form: Option<Form>,
    status: StatusCode,
) -> Result<Response, WebError> {
    show_with(web, signed_in, id, layer, form, status, None).await
}

async fn show_with(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    layer: Option<LayerId>,
    form: Option<Form>,
    status: StatusCode,
    preview: Option<Preview>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/schedules" };
    let page = desk.look(move |sight, shell| shown(sight, shell, id, layer, form, preview)).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: ScheduleId,
    layer: Option<LayerId>,
    form: Option<Form>,
    preview: Option<Preview>,
) -> Result<Page, AppError> {
    let schedule = schedules::one(sight.read, id)?;
    let now = sight.reader.now;
    let preset = match layer {
        None => {
            let tomorrow = Reader::new(now.plus_secs(86_400), &schedule.zone);
            let morning = tomorrow.now.in_zone(&tomorrow.zone).date().at(9, 0, 0, 0);
            Draft {
                name: "Rotation".to_owned(),
                zone: schedule.zone.clone(),
                from: None,
                anchor: Civil::of(morning),
                cadence: Cadence::Weeks(1),
                slots: vec![],
                windows: vec![],
            }
        }
        Some(layer) => {
            let layer = schedules::layer(&schedule, layer)?.1;
            Draft::of(layer, &schedule.zone, now).ok_or_else(|| Refusal::not_found("rotation"))?
        }
    };
    let as_it_is = filled(&preset, layer.is_some());
    let as_it_is = match layer {
        Some(_) => as_it_is.of_version(id, schedule.version, format!("/schedules/{id}")),
        None => as_it_is,
    };
    let form = Form::chosen(&form, as_it_is, &[]);
    let mut people = vec![Choice::new("", "nobody")];
    let all = users::all(sight.read)?;
    people.extend(active_people(&all));
    let kept = preset.slots.iter().flatten().filter(|user| all.iter().any(|u| u.id == **user && !u.is_active()));
    people.extend(kept.map(|user| Choice::new(user, sight.names.marked(*user))));
    let turn = |row: usize| {
        let field = format!("slot{row}");
        let mut chosen: Vec<String> = form.values(&field).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        if chosen.len() < IN_A_TURN {
            chosen.push(String::new());
        }
        TurnRow { number: row + 1, field, chosen }
    };
    let window = |row: usize| WindowRow {
        number: row + 1,
        field: row.to_string(),
        days: (0..7_u8).map(|day| (day, DAYS[usize::from(day)], has_day(&form, row, day))).collect(),
        start: form.value(&format!("start_of{row}")).to_owned(),
        end: form.value(&format!("end_of{row}")).to_owned(),
        extra: form.value(&format!("extra{row}")).to_owned(),
        day_field: format!("day{row}"),
        day_choices: DAYS.iter().enumerate().map(|(day, name)| Choice::new(day, *name)).collect(),
        fields: ["start_of", "end_of", "extra"].map(|field| format!("{field}{row}")),
    };
    let base = format!("/schedules/{id}");
    let reader = sight.reader.there(&schedule.zone);
    Ok(Page {
        shell,
        action: layer.map_or(format!("{base}/layers"), |layer| format!("{base}/layers/{layer}")),
        schedule: base,
        name: schedule.name,
        is_edit: layer.is_some(),
        from_passes: typed::passes(&form, "from", &reader.there(&preset.zone)),
        units: UNITS.iter().map(|(value, label)| Choice::new(value, *label)).collect(),
        turns: (0..rows(&form, "slot").max(2)).map(turn).collect(),
        windows: (0..rows(&form, "start_of")).map(window).collect(),
        people,
        zones: zones(),
        preview: preview.map(|preview| as_drawn(&preview, sight, &reader)).transpose()?,
        form,
    })
}

fn has_day(form: &Form, row: usize, day: u8) -> bool {
    form.values(&format!("day{row}")).any(|value| value == day.to_string())
}

fn as_drawn(preview: &Preview, sight: &Sight<'_>, reader: &Reader) -> Result<Drawn, AppError> {
    let end = reader.now.plus_secs(PREVIEW_DAYS * 86_400);
    let drawing = Drawing { base: None, span: Interval { start: reader.now, end }, reader, names: sight.names };
    let first = preview.first.as_ref().map(|(from, users)| {
        format!("{} is first, from {}.", words::slots(std::slice::from_ref(users), sight.names), reader.clock(*from))
    });
    Ok(Drawn {
        first: first.unwrap_or("No turn of it ever begins.".to_owned()),
        band: drawing.band(&preview.calendar, &preview.people, &preview.segments)?,
    })
}
