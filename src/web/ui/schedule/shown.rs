//! The schedule's page, made of one committed state.

use super::Asked;
use super::band::{Band, Drawing, span_of_days};
use super::forms::{OTHER, PLAIN};
use super::words::{self, ClaimWords};
use crate::app::schedules::Thought;
use crate::app::{AppError, oncall, policies, users};
use crate::domain::entry::{Entry, Interval, Override, OverrideMode};
use crate::domain::id::{LayerId, ScheduleId, UserId};
use crate::domain::oncall::{Calendar, Segment, gaps};
use crate::domain::policy::{Policy, Recipient};
use crate::domain::rotation::Civil;
use crate::domain::schedule::{Layer, Turns};
use crate::domain::time::Timestamp;
use crate::web::extract::Fields;
use crate::web::ui::clock::{Reader, When, duration, list};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::names::Names;
use crate::web::ui::notices::notices;
use crate::web::ui::schedules::choices;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Link, Sight, active_people, typed, zones};
use jiff::ToSpan;
use jiff::civil::Date;
use rinja::Template;

#[derive(Template)]
#[template(path = "templates/schedule.html", askama = rinja)]
pub struct Page {
    shell: Shell,
    base: String,
    name: String,
    team: Link,
    zone: String,
    notices: Vec<&'static str>,
    /// Empty: nobody.
    now: Vec<OnCallLine>,
    nobody_words: String,
    band: Band,
    /// What is worth a look before it goes wrong.
    hints: Vec<String>,
    /// The list is what was asked for.
    is_list: bool,
    /// To everybody's times, and to the reader's own.
    whose: [Link; 2],
    only_me: bool,
    thought: Option<Thinking>,
    weeks: Vec<Link>,
    weeks_shown: i64,
    for_paper: bool,
    shifts: Vec<Shift>,
    gaps: Vec<String>,
    why_form: Form,
    claims: Vec<ClaimWords>,
    claims_at: String,
    layers: Vec<LayerLine>,
    entries: Vec<Placed>,
    overrides: Vec<Placed>,
    active: Vec<Choice>,
    /// Whom an override may stand in for; the first choice is "whoever it is".
    replaced: Vec<Choice>,
    teams: Vec<Choice>,
    people: Vec<Choice>,
    zones: Vec<String>,
    form: Form,
    entry_form: Moments,
    override_form: Moments,
    swap_form: Moments,
}

/// What an override would do, in words.
struct Thinking {
    before: Vec<String>,
    after: Vec<String>,
    warnings: Vec<String>,
}

/// Somebody who is on call now.
struct OnCallLine {
    person: String,
    words: String,
    through: String,
}

/// A stretch of the schedule as it comes out.
struct Shift {
    from: When,
    to: When,
    person: Option<String>,
    through: String,
}

struct LayerLine {
    name: String,
    /// What it says in force, and what it will say.
    words: Vec<String>,
    /// `None` for an imported calendar, which is edited elsewhere.
    edit: Option<String>,
    base: String,
    up: Option<usize>,
    down: Option<usize>,
}

/// An entry or override as it was put there.
struct Placed {
    person: String,
    mode: String,
    from: When,
    to: When,
    note: String,
    remove: String,
    /// The form to change it, and where it goes; entries only.
    change: Option<(String, Moments, Vec<Choice>)>,
}

/// A form with a start and an end, and what has to be asked about them.
struct Moments {
    form: Form,
    /// Somebody came to fill it in, or it came back.
    is_open: bool,
    asks: Vec<(&'static str, &'static str, Vec<Choice>)>,
}

impl Moments {
    fn new(form: Form, reader: &Reader) -> Moments {
        let asked = form.summary().is_some();
        let ask = |(field, pass)| (field, pass, typed::passes(&form, field, reader));
        let asks = PLAIN.into_iter().chain(OTHER).filter(|_| asked).map(ask).filter(|ask| !ask.2.is_empty());
        Moments { asks: asks.collect(), is_open: asked, form }
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn passes(&self, field: &str) -> Option<&(&'static str, &'static str, Vec<Choice>)> {
        self.asks.iter().find(|ask| ask.0 == field)
    }
}

const GAP_DAYS: i64 = 30;

pub fn shown(sight: &Sight<'_>, shell: Shell, id: ScheduleId, asked: Asked) -> Result<Page, AppError> {
    let Sight { read, names, .. } = *sight;
    let now = sight.reader.now;
    let answer = oncall::answered(read, id, now)?;
    let schedule = &answer.calendar.schedule;
    let reader = &sight.reader.there(&schedule.zone);
    let (from, weeks) = range(&asked.query, reader);
    let span = span_of_days(reader, from, weeks * 7);
    let (calendar, people, segments) = oncall::rendered(read, id, span.start, span.end)?;
    let base = format!("/schedules/{id}");
    let segments_now = oncall::rendered(read, id, now, now.plus_secs(GAP_DAYS * 86_400))?.2;
    let (why_form, at) = why(&asked, &schedule.zone);
    let explained = at.map(|at| Ok::<_, AppError>((at, oncall::answered(read, id, at)?))).transpose()?;
    let (claims, claims_at) = match &explained {
        Some((at, then)) => {
            let claims = words::claims(&then.claims, &then.calendar, &then.people, names, reader, *at);
            (claims, reader.exactly(*at).text)
        }
        None => (words::claims(&answer.claims, &answer.calendar, &answer.people, names, reader, now), "now".to_owned()),
    };
    let gap_list = gaps(&answer.calendar, &answer.people, now, now.plus_secs(GAP_DAYS * 86_400))?;
    let all_users = users::all(read)?;
    let active = active_people(&all_users);
    let mut replaced = vec![Choice::new("", "whoever is on call, gaps included")];
    replaced.extend(active.clone());
    let (teams, people_choices) = choices(sight)?;
    let form = Form::blank("schedule")
        .with("name", &schedule.name)
        .with("team", schedule.team)
        .with("zone", &schedule.zone)
        .with("fallback", schedule.fallback.map(|user| user.to_string()).unwrap_or_default())
        .of_version(id, schedule.version, &base);
    let lists = Lists { base: &base, names, reader, version: schedule.version, asked: &asked, active: &active };
    let ahead = |span: &Interval| span.end > now;
    let entries = answer.calendar.entries.iter().filter(|entry| ahead(&entry.span));
    let mut overrides: Vec<&Override> = answer.calendar.overrides.iter().filter(|o| ahead(&o.span)).collect();
    overrides.sort_by_key(|o| (o.span.start, o.id));
    let chosen = |name: &'static str| {
        let wanted = asked.query.text("do") == name || asked.refused.as_ref().is_some_and(|form| form.name == name);
        let form = Form::chosen(&asked.refused, snapped(name, &asked.query, &segments_now, reader), &[]);
        let moments = Moments::new(form, reader);
        Moments { is_open: moments.is_open || wanted, ..moments }
    };
    let only_me = asked.query.text("whose") == "me";
    let is_own = |segment: &&Segment| !only_me || segment.places.iter().any(|place| place.user == sight.viewer.id);
    let range_query = format!("{base}?from={from}&weeks={weeks}&view=list");
    Ok(Page {
        shell,
        name: schedule.name.clone(),
        team: Link::new(format!("/teams/{}", schedule.team), names.team(schedule.team)),
        zone: schedule.zone.clone(),
        notices: notices(&asked.query),
        now: answer.on_call.iter().map(|on_call| on_call_line(on_call, &answer.calendar, names, reader)).collect(),
        nobody_words: match &answer.after_gap {
            Some((at, next)) => {
                let next = names.people(next.iter().copied()).unwrap_or_default();
                format!("until {}, then {next}", reader.clock(*at))
            }
            None => "and nobody is ahead".to_owned(),
        },
        hints: hints(sight, &answer.calendar, reader)?,
        is_list: only_me || asked.query.text("view") == "list",
        whose: [
            Link::new(format!("{range_query}#list"), "Everybody"),
            Link::new(format!("{range_query}&whose=me#list"), "Only me"),
        ],
        only_me,
        thought: asked.thought.as_ref().map(|thought| thinking(thought, sight, reader)),
        band: Drawing { base: Some(&base), span, reader, names }.band(&calendar, &people, &segments)?,
        weeks: week_links(&base, from, weeks),
        weeks_shown: weeks,
        for_paper: asked.query.optional("print").is_some(),
        shifts: segments.iter().filter(is_own).map(|segment| shift(segment, &calendar, names, reader)).collect(),
        gaps: gap_list.iter().map(|gap| gap_words(gap, reader)).collect(),
        why_form,
        claims,
        claims_at,
        layers: layer_lines(schedule.layers.as_slice(), &base, names, reader),
        entries: entries.enumerate().map(|(place, entry)| lists.entry(place, entry)).collect(),
        overrides: overrides.into_iter().map(|o| lists.over(o, &answer.calendar)).collect(),
        teams,
        people: people_choices,
        zones: zones(),
        form: Form::chosen(&asked.refused, form, &["delete"]),
        entry_form: chosen("entry"),
        override_form: chosen("override"),
        swap_form: chosen("swap"),
        active: active.clone(),
        replaced,
        base: base.clone(),
    })
}

/// A fresh form; an override's times may be those of the shift that runs or comes, or of the night.
fn snapped(name: &'static str, query: &Fields, ahead: &[Segment], reader: &Reader) -> Form {
    let form = Form::blank(name);
    let span = match (name, query.text("snap")) {
        ("override", "shift") => ahead
            .iter()
            .find(|segment| !segment.places.is_empty())
            .map(|segment| Interval { start: segment.start, end: segment.end }),
        ("override", "tonight") => {
            let today = reader.now.in_zone(&reader.zone).date();
            let at = |date: Date, hour: i8| Civil::of(date.at(hour, 0, 0, 0)).instant(&reader.zone);
            Some(Interval { start: at(today, EVENING), end: at(today.saturating_add(1.day()), MORNING) })
        }
        _ => None,
    };
    match span {
        Some(span) => form.with("start", reader.input(span.start)).with("end", reader.input(span.end)),
        None => form,
    }
}

/// What "tonight" means on the schedule's clock.
const EVENING: i8 = 18;
const MORNING: i8 = 9;

fn hints(sight: &Sight<'_>, calendar: &Calendar, reader: &Reader) -> Result<Vec<String>, AppError> {
    let Sight { read, names, .. } = *sight;
    let schedule = &calendar.schedule;
    let mut hints = Vec::new();
    let named = |policy: &Policy| {
        let is_ours = |recipient: &Recipient| {
            *recipient == Recipient::Schedule(schedule.id) || *recipient == Recipient::Team(schedule.team)
        };
        policy.levels.iter().any(|level| level.recipients.iter().any(is_ours))
    };
    if !policies::all(read)?.iter().any(named) {
        hints.push("No escalation policy names this schedule or its team, so nobody is paged by it.".to_owned());
    }
    let ahead = |span: &Interval| span.end > reader.now;
    let claims = calendar.entries.iter().map(|entry| (entry.user, entry.span));
    let claims: Vec<(UserId, Interval)> = claims.chain(calendar.overrides.iter().map(|o| (o.user, o.span))).collect();
    for (user, span) in claims.iter().filter(|(_, span)| ahead(span)) {
        if names.0.inactive.contains(user) {
            let from = reader.exactly(span.start).text;
            hints.push(format!("{} is deactivated and still entered from {from}.", names.user(*user)));
        }
    }
    for entry in calendar.entries.iter().filter(|entry| ahead(&entry.span)) {
        let long = entry.span.end.secs_since(entry.span.start);
        if long > LONG_SHIFT_SECS {
            let (who, from) = (names.user(entry.user), reader.exactly(entry.span.start).text);
            hints.push(format!("{who} has a shift of {} from {from}.", duration(long)));
        }
    }
    Ok(hints)
}

const LONG_SHIFT_SECS: i64 = 7 * 86_400;

fn thinking(thought: &Thought, sight: &Sight<'_>, reader: &Reader) -> Thinking {
    let names = sight.names;
    let line = |segment: &Segment| {
        let who = names.places(&segment.places).unwrap_or("nobody".to_owned());
        format!("{who}, {}", reader.span(segment.start, segment.end))
    };
    let mut warnings = Vec::new();
    if !thought.elsewhere.is_empty() {
        let schedules: Vec<&str> = thought.elsewhere.iter().map(|id| names.schedule(*id)).collect();
        warnings.push(format!("The cover is on call elsewhere meanwhile: {}.", list(&schedules)));
    }
    if !thought.is_pageable {
        warnings.push("The cover cannot be paged: no contact method is switched on.".to_owned());
    }
    if thought.beats_another {
        warnings.push("Another override has a part of this time. The newest override wins.".to_owned());
    }
    let lines = |segments: &[Segment]| segments.iter().map(line).collect();
    Thinking { before: lines(&thought.before), after: lines(&thought.after), warnings }
}

/// Which days are drawn: from today, or the day that was asked for, 1, 2 or 4 weeks.
fn range(query: &Fields, reader: &Reader) -> (Date, i64) {
    let today = reader.now.in_zone(&reader.zone).date();
    let from: Date = query.text("from").parse().unwrap_or(today);
    let weeks = query.text("weeks").parse().ok().filter(|weeks| [1, 2, 4].contains(weeks)).unwrap_or(2);
    // Years that an instant can name.
    let from = if (1971..2198).contains(&from.year()) { from } else { today };
    (from, weeks)
}

fn week_links(base: &str, from: Date, weeks: i64) -> Vec<Link> {
    let to = |from: Date, weeks: i64, text: &str| Link::new(format!("{base}?from={from}&weeks={weeks}"), text);
    let mut links = vec![to(from.saturating_sub((weeks * 7).days()), weeks, "Earlier")];
    links.push(Link::new(format!("{base}?weeks={weeks}"), "Today"));
    links.push(to(from.saturating_add((weeks * 7).days()), weeks, "Later"));
    for (number, text) in [(1, "1 week"), (2, "2 weeks"), (4, "4 weeks")] {
        links.extend((number != weeks).then(|| to(from, number, text)));
    }
    links.push(Link::new(format!("{base}?from={from}&weeks={weeks}&view=list#list"), "List"));
    links
}

/// The form that asks about an instant, and the instant if it can be read.
fn why(asked: &Asked, zone: &str) -> (Form, Option<Timestamp>) {
    let text = asked.query.text("at");
    if text.is_empty() {
        return (Form::blank("why"), None);
    }
    match typed::instant(&asked.query, "at", "at_pass", zone) {
        Ok(at) => (Form::blank("why").with("at", text), Some(at)),
        Err(refusal) => (Form::refused("why", &asked.query.0.0, refusal), None),
    }
}

fn on_call_line(
    on_call: &crate::domain::oncall::OnCall,
    calendar: &Calendar,
    names: &Names,
    reader: &Reader,
) -> OnCallLine {
    let next = names.people(on_call.next.iter().copied()).unwrap_or("nobody".to_owned());
    let until = match on_call.open_ended {
        true => "for over a year to come".to_owned(),
        false => format!("until {}, then {next}", reader.clock(on_call.until)),
    };
    OnCallLine {
        person: names.marked(on_call.place.user),
        words: format!("since {}, {until}", reader.clock(on_call.since)),
        through: words::through(&on_call.place, calendar, names),
    }
}

fn shift(segment: &Segment, calendar: &Calendar, names: &Names, reader: &Reader) -> Shift {
    let through = segment.places.first().map(|place| words::through(place, calendar, names));
    Shift {
        from: reader.exactly(segment.start),
        to: reader.exactly(segment.end),
        person: names.places(&segment.places),
        through: through.unwrap_or_else(|| words::gap(segment.gap).to_owned()),
    }
}

fn gap_words(gap: &Segment, reader: &Reader) -> String {
    let when = match gap.clipped_end {
        true => format!("from {} on", reader.exactly(gap.start).text),
        false => {
            let long = duration(gap.end.secs_since(gap.start));
            format!("{} ({long})", reader.span(gap.start, gap.end))
        }
    };
    match (gap.fallback, gap.gap) {
        (true, _) => format!("{when}: the fallback only"),
        (false, reason) => format!("{when}: nobody, {}", words::gap(reason)),
    }
}

fn layer_lines(layers: &[Layer], base: &str, names: &Names, reader: &Reader) -> Vec<LayerLine> {
    let count = layers.len();
    let line = |(place, layer): (usize, &Layer)| {
        let of = |id: LayerId| format!("{base}/layers/{id}");
        let mut words = Vec::new();
        if let Turns::Rotation(versions) = &layer.turns {
            let begun = versions.iter().skip(1).filter(|version| version.effective_from <= reader.now).count();
            for (number, version) in versions.iter().enumerate().skip(begun) {
                let said = words::rotation(version, names, reader);
                let ahead = version.effective_from > reader.now;
                let from =
                    if ahead { format!("from {}: ", reader.clock(version.effective_from)) } else { String::new() };
                let zone = layer.zone.as_deref().filter(|_| number == begun).map(|zone| format!(" ({zone})"));
                words.push(format!("{from}{said}{}", zone.unwrap_or_default()));
            }
        } else {
            words.push("an imported calendar".to_owned());
        }
        LayerLine {
            name: layer.name.clone(),
            edit: matches!(layer.turns, Turns::Rotation(_)).then(|| of(layer.id)),
            base: of(layer.id),
            up: place.checked_sub(1),
            down: (place + 1 < count).then_some(place + 1),
            words,
        }
    };
    layers.iter().enumerate().map(line).collect()
}

struct Lists<'a> {
    base: &'a str,
    names: &'a Names,
    reader: &'a Reader,
    version: u64,
    asked: &'a Asked,
    active: &'a [Choice],
}

impl Lists<'_> {
    fn entry(&self, place: usize, entry: &Entry) -> Placed {
        let base = format!("{}/entries/{}", self.base, entry.id);
        let filled = Form::blank("change")
            .with("user", entry.user)
            .with("start", self.reader.input(entry.span.start))
            .with("start_pass", typed::pass_of(entry.span.start, &self.reader.zone))
            .with("end", self.reader.input(entry.span.end))
            .with("end_pass", typed::pass_of(entry.span.end, &self.reader.zone))
            .with("note", &entry.note)
            .of_version(entry.schedule, self.version, self.base);
        let refused = if self.asked.entry == Some(entry.id) { &self.asked.refused } else { &None };
        let form = Form::chosen(refused, filled, &[]).at_place(place + 1);
        let mut people = self.active.to_vec();
        if people.iter().all(|choice| choice.value != entry.user.to_string()) {
            people.insert(0, Choice::new(entry.user, self.names.marked(entry.user)));
        }
        let change = Some((base.clone(), Moments::new(form, self.reader), people));
        self.placed(entry.user, String::new(), &entry.span, &entry.note, format!("{base}/remove"), change)
    }

    fn over(&self, o: &Override, calendar: &Calendar) -> Placed {
        let swap = if calendar.overrides.iter().any(|other| o.is_swapped_with(other)) { "swap: " } else { "" };
        let mode = match o.mode {
            OverrideMode::Cover => "covers".to_owned(),
            OverrideMode::Replace { from } => format!("{swap}stands in for {}", self.names.user(from)),
        };
        self.placed(o.user, mode, &o.span, &o.note, format!("{}/overrides/{}/remove", self.base, o.id), None)
    }

    fn placed(
        &self,
        user: UserId,
        mode: String,
        span: &Interval,
        note: &str,
        remove: String,
        change: Option<(String, Moments, Vec<Choice>)>,
    ) -> Placed {
        let (from, to) = (self.reader.exactly(span.start), self.reader.exactly(span.end));
        Placed { person: self.names.marked(user), mode, from, to, note: note.to_owned(), remove, change }
    }
}
