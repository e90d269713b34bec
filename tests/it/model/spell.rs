//! Spells a schedule and the product's answers for the model: names, civil times and instants as people write them, none
//! of the numbers they are stored as.

use crate::model::deal::{Dealt, NAMES};
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::id::{Id, UserId};
use pagerpal::domain::oncall::{self, GapReason, Place, Segment, Source};
use pagerpal::domain::rotation::{Cadence, Version, Window};
use pagerpal::domain::schedule::{Layer, Turns};
use pagerpal::domain::time::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Answers of how long somebody stays on call, for each schedule.
const RUNS: usize = 6;

pub fn line(dealt: &Dealt) -> Value {
    let (calendar, people, span) = (&dealt.calendar, &dealt.people, dealt.span);
    let segments = oncall::final_schedule(calendar, people, span.start, span.end).expect("drawn");
    let borders = segments.iter().flat_map(|segment| [-1, 0, 1].map(|secs| segment.start.plus_secs(secs)));
    let instants: BTreeSet<Timestamp> = dealt.instants.iter().copied().chain(borders).collect();
    let answers = instants.iter().map(|at| {
        let places: Vec<Value> = oncall::on_call(calendar, people, *at).iter().map(place).collect();
        json!({"at": at.to_string(), "places": places})
    });
    let runs = dealt.instants.iter().take(RUNS).flat_map(|at| oncall::answer(calendar, people, *at).into_iter().map(move |answer| {
        let (since, until) = (answer.since.to_string(), answer.until.to_string());
        json!({"at": at.to_string(), "user": user(answer.place.user), "since": since, "until": until, "next": users(answer.next)})
    }));
    let activity = people.values().map(|someone| {
        let spans =
            someone.activity.iter().map(|span| json!([span.from.to_string(), span.to.map(|to| to.to_string())]));
        (someone.name.clone(), spans.collect())
    });
    let imports = calendar.imported.iter().map(|(id, shifts)| {
        let shifts =
            shifts.iter().map(|shift| json!({"span": pair(shift.span), "users": users(shift.users.iter().copied())}));
        (id.to_string(), shifts.collect())
    });
    let entries =
        calendar.entries.iter().map(|e| json!({"id": e.id.number(), "user": user(e.user), "span": pair(e.span)}));
    let overrides = calendar.overrides.iter().map(|o| {
        let replaces = match o.mode {
            OverrideMode::Cover => None,
            OverrideMode::Replace { from } => Some(user(from)),
        };
        json!({"id": o.id.number(), "user": user(o.user), "replaces": replaces, "span": pair(o.span)})
    });
    let schedule = &calendar.schedule;
    json!({
        "name": dealt.name,
        "zone": schedule.zone,
        "layers": schedule.layers.iter().map(layer).collect::<Vec<_>>(),
        "imported_covers": schedule.imported_covers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "imports": imports.collect::<Map<_, _>>(),
        "fallback": schedule.fallback.map(user),
        "entries": entries.collect::<Vec<_>>(),
        "overrides": overrides.collect::<Vec<_>>(),
        "people": activity.collect::<Map<_, _>>(),
        "start": span.start.to_string(),
        "end": span.end.to_string(),
        "answers": answers.collect::<Vec<_>>(),
        "segments": segments.iter().map(segment).collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(),
    })
}

fn layer(layer: &Layer) -> Value {
    match &layer.turns {
        Turns::Rotation(versions) => {
            let versions: Vec<Value> = versions.iter().map(version).collect();
            json!({"id": layer.id.number(), "zone": layer.zone, "versions": versions})
        }
        Turns::Imported(import) => json!({"id": layer.id.number(), "zone": layer.zone, "imported": import.to_string()}),
    }
}

fn version(version: &Version) -> Value {
    let cadence = match &version.cadence {
        Cadence::Hours(n) => json!({"hours": n}),
        Cadence::Days(n) => json!({"days": n}),
        Cadence::Weeks(n) => json!({"weeks": n}),
        Cadence::Months(n) => json!({"months": n}),
        Cadence::Windows(n) => json!({"windows": n}),
        Cadence::Cron(pattern) => json!({"cron": pattern}),
    };
    json!({
        "effective_from": version.effective_from.to_string(),
        "anchor": version.anchor.to_datetime().strftime("%Y-%m-%dT%H:%M").to_string(),
        "cadence": cadence,
        "slots": version.slots.iter().map(|slot| users(slot.iter().copied())).collect::<Vec<_>>(),
        "windows": version.windows.iter().map(window).collect::<Vec<_>>(),
    })
}

fn window(window: &Window) -> Value {
    let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let days: Vec<&str> = (0..7).filter(|day| window.days.0 & (1 << day) != 0).map(|day| names[day]).collect();
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    json!({"days": days, "start": time(window.start), "end": time(window.end), "extra_days": window.extra_days})
}

fn place(place: &Place) -> Value {
    let replaced = place.replaced.map(|(by, _)| format!("override {}", by.number()));
    json!({"user": user(place.user), "claim": claim(place.claim), "replaced": replaced})
}

fn segment(segment: &Segment) -> Value {
    let gap = segment.gap.map(|gap| match gap {
        GapReason::NoClaim => "no claim",
        GapReason::OutsideWindows => "outside windows",
        GapReason::Unmatched => "unmatched",
        GapReason::AllInactive => "all inactive",
    });
    json!({
        "start": segment.start.to_string(),
        "end": segment.end.to_string(),
        "users": users(segment.places.iter().map(|place| place.user)),
        "claim": segment.places.first().map(|place| claim(place.claim)),
        "gap": gap,
        "fallback": segment.fallback,
        "clipped_start": segment.clipped_start,
        "clipped_end": segment.clipped_end,
    })
}

fn claim(source: Source) -> String {
    match source {
        Source::Override(id) => format!("override {}", id.number()),
        Source::Entry(id) => format!("entry {}", id.number()),
        Source::Layer(id) => format!("layer {}", id.number()),
        Source::ImportedCover(id) => format!("imported cover {id}"),
        Source::Fallback => "fallback".to_owned(),
    }
}

fn user(id: UserId) -> &'static str {
    NAMES[id.number() as usize - 1]
}

fn users(ids: impl IntoIterator<Item = UserId>) -> Vec<&'static str> {
    ids.into_iter().map(user).collect()
}

fn pair(span: Interval) -> [String; 2] {
    [span.start.to_string(), span.end.to_string()]
}
