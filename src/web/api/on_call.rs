//! Who is on call, for programs: now, at an instant, between two, and why. `why` is the claim that put somebody there, as
//! words and ids.

use crate::app::names::{self, Names};
use crate::app::{AppError, Read, oncall, schedules};
use crate::domain::id::{ScheduleId, UserId};
use crate::domain::oncall::{Claim, GapReason, Place, Segment, Source, Verdict, gaps as gaps_of};
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::api::{Instant, List, Page, Params, Reference, Wrong, by_name, instant_of};
use crate::web::error::WebError;
use crate::web::extract::PathId;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One schedule's answer at an instant.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OnCallView {
    schedule: Reference,
    team: Reference,
    at: Instant,
    /// Empty: nobody.
    on_call: Vec<OnCallPersonView>,
    /// When nobody is on call: who is next, and when.
    next: Option<NextView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OnCallPersonView {
    user: Reference,
    since: Instant,
    /// `null` if it goes on for longer than is looked ahead.
    until: Option<Instant>,
    next: Vec<Reference>,
    why: WhyView,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NextView {
    at: Instant,
    users: Vec<Reference>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WhyView {
    /// `override`, `normal entry`, `rotation`, `imported calendar`, `fallback`.
    source: &'static str,
    /// Of the override, entry, layer or import; the fallback has none.
    id: Option<String>,
    /// An override that stands in, and whom for.
    replaced: Option<ReplacedView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReplacedView {
    #[serde(rename = "override")]
    by: String,
    user: Reference,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct SegmentView {
    start: Instant,
    end: Instant,
    /// Empty: nobody.
    users: Vec<Reference>,
    why: Vec<WhyView>,
    /// Why nobody is on call: `no_claim`, `outside_windows`, `unmatched`, `all_inactive`.
    gap: Option<&'static str>,
    fallback_only: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ClaimView {
    source: &'static str,
    id: Option<String>,
    users: Vec<Reference>,
    /// `on_call`, `shadowed`, `inactive`, `outside_windows`, `before_anchor`, `unmatched`.
    verdict: &'static str,
    turn_start: Option<Instant>,
    turn_end: Option<Instant>,
    recorded_afterwards: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtParams {
    /// An instant; now if it is left out.
    at: Option<String>,
}

impl AtParams {
    fn instant(&self, web: &Web) -> Result<Timestamp, WebError> {
        Ok(self.at.as_deref().map(|text| instant_of(text, "at")).transpose()?.unwrap_or(web.app.now()))
    }
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeParams {
    from: String,
    /// At most 2 years later.
    to: String,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AheadParams {
    /// 30 or 90; 30 if it is left out.
    days: Option<u8>,
}

/// `?at=`, now if it is left out.
pub async fn everywhere(State(web): State<Arc<Web>>, page: Page<AtParams>) -> Result<List<OnCallView>, WebError> {
    let at = page.filter.instant(&web)?;
    let read = move |read: &Read<'_>| {
        let names = names::all(read)?;
        let all = schedules::all(read)?.into_iter();
        all.map(|schedule| Ok((by_name(&schedule.name, schedule.id), answer(read, &names, schedule.id, at)?))).collect()
    };
    let all: Vec<(String, OnCallView)> = web.read(read).await?;
    Ok(List::cut(all, |(place, _)| place.clone(), &page, |(_, view)| view))
}

/// As [`everywhere`], of one schedule.
pub async fn of_schedule(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    Params(asked): Params<AtParams>,
) -> Result<Json<OnCallView>, WebError> {
    let at = asked.instant(&web)?;
    web.read(move |read| answer(read, &names::all(read)?, id, at)).await.map(Json)
}

/// `?at=`: every claim on the instant, highest first, with its verdict.
pub async fn explain(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page<AtParams>,
) -> Result<List<ClaimView>, WebError> {
    let at = page.filter.instant(&web)?;
    let read = move |read: &Read<'_>| {
        let names = names::all(read)?;
        let claims = oncall::answered(read, id, at)?.claims;
        Ok(claims.iter().map(|claim| ClaimView::of(claim, &names)).collect::<Vec<_>>())
    };
    List::in_order(web.read(read).await?, &page)
}

/// `?from=&to=`, at most 2 years: segments that partition the range.
pub async fn final_schedule(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page<RangeParams>,
) -> Result<List<SegmentView>, WebError> {
    let mut wrong = Wrong::default();
    let RangeParams { from, to } = &page.filter;
    let range = (wrong.take(instant_of(from, "from")), wrong.take(instant_of(to, "to")));
    let (Some(from), Some(to)) = range else { return Err(wrong.into()) };
    let read = move |read: &Read<'_>| Ok((oncall::rendered(read, id, from, to)?.2, names::all(read)?));
    let (segments, names) = web.read(read).await?;
    let views = segments.iter().map(|segment| SegmentView::of(segment, &names)).collect();
    List::in_order(views, &page)
}

/// `?days=30` or `90`: the stretches ahead that nobody has, and those that only the fallback has.
pub async fn gaps(
    State(web): State<Arc<Web>>,
    PathId(id): PathId<ScheduleId>,
    page: Page<AheadParams>,
) -> Result<List<SegmentView>, WebError> {
    let days = match page.filter.days {
        None | Some(30) => 30,
        Some(90) => 90,
        Some(_) => return Err(WebError::BadRequest("Gaps are looked for 30 or 90 days ahead.")),
    };
    let now = web.app.now();
    let read = move |read: &Read<'_>| {
        let (calendar, people) = oncall::calendar(read, id, now)?;
        Ok((gaps_of(&calendar, &people, now, now.plus_secs(days * 86_400))?, names::all(read)?))
    };
    let (segments, names) = web.read(read).await?;
    let views = segments.iter().map(|segment| SegmentView::of(segment, &names)).collect();
    List::in_order(views, &page)
}

fn answer(read: &Read<'_>, names: &Names, id: ScheduleId, at: Timestamp) -> Result<OnCallView, AppError> {
    let answer = oncall::answered(read, id, at)?;
    let schedule = &answer.calendar.schedule;
    let person = |on_call: &crate::domain::oncall::OnCall| OnCallPersonView {
        user: user(on_call.place.user, names),
        since: on_call.since.into(),
        until: (!on_call.open_ended).then(|| on_call.until.into()),
        next: on_call.next.iter().map(|next| user(*next, names)).collect(),
        why: WhyView::of(&on_call.place, names),
    };
    Ok(OnCallView {
        schedule: Reference::new(id, Some(&schedule.name)),
        team: Reference::new(schedule.team, names.teams.get(&schedule.team)),
        at: at.into(),
        on_call: answer.on_call.iter().map(person).collect(),
        next: answer.after_gap.map(|(at, next)| NextView {
            at: at.into(),
            users: next.into_iter().map(|next| user(next, names)).collect(),
        }),
    })
}

fn user(id: UserId, names: &Names) -> Reference {
    Reference::new(id, names.users.get(&id))
}

fn id_text(source: Source) -> Option<String> {
    match source {
        Source::Override(id) => Some(id.to_string()),
        Source::Entry(id) => Some(id.to_string()),
        Source::Layer(id) => Some(id.to_string()),
        Source::ImportedCover(id) => Some(id.to_string()),
        Source::Fallback => None,
    }
}

impl WhyView {
    fn of(place: &Place, names: &Names) -> WhyView {
        let replaced = place.replaced.map(|(by, from)| ReplacedView { by: by.to_string(), user: user(from, names) });
        WhyView { source: place.claim.word(), id: id_text(place.claim), replaced }
    }
}

impl SegmentView {
    pub(super) fn of(segment: &Segment, names: &Names) -> SegmentView {
        SegmentView {
            start: segment.start.into(),
            end: segment.end.into(),
            users: segment.places.iter().map(|place| user(place.user, names)).collect(),
            why: segment.places.iter().map(|place| WhyView::of(place, names)).collect(),
            gap: segment.gap.map(|reason| match reason {
                GapReason::NoClaim => "no_claim",
                GapReason::OutsideWindows => "outside_windows",
                GapReason::Unmatched => "unmatched",
                GapReason::AllInactive => "all_inactive",
            }),
            fallback_only: segment.fallback,
        }
    }
}

impl ClaimView {
    fn of(claim: &Claim, names: &Names) -> ClaimView {
        ClaimView {
            source: claim.source.word(),
            id: id_text(claim.source),
            users: claim.places.iter().map(|place| user(place.user, names)).collect(),
            verdict: match claim.verdict {
                Verdict::OnCall => "on_call",
                Verdict::Shadowed => "shadowed",
                Verdict::Inactive => "inactive",
                Verdict::OutsideWindows => "outside_windows",
                Verdict::BeforeAnchor => "before_anchor",
                Verdict::Unmatched => "unmatched",
            },
            turn_start: claim.turn.map(|turn| turn.start.into()),
            turn_end: claim.turn.map(|turn| turn.end.into()),
            recorded_afterwards: claim.recorded_afterwards,
        }
    }
}
