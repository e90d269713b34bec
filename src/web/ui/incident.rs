//! `/incidents/{number or id}`: the whole story of one incident, and the forms of what people do to it.
//!
//! Two forms: the deeds of the first minute, all buttons of one form, and the rarer ones that need a field. In the second
//! the first button belongs to the one field in which Enter submits. What becomes of a press is said in
//! [`incident_deeds`](super::incident_deeds).

use crate::app::incidents::{self, Story};
use crate::app::storms::Swallowed;
use crate::app::{AppError, alert_sources, context, policies, users};
use crate::domain::effect::Reason;
use crate::domain::escalation::Context;
use crate::domain::id::{IncidentId, UserId};
use crate::domain::incident::{Incident, Status};
use crate::domain::policy::Level;
use crate::domain::source_event::SourceEvent;
use crate::domain::time::Timestamp;
use crate::domain::{event, storm};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use crate::web::ui::alert_sources::severities;
use crate::web::ui::calling::{Calls, Escalate, LevelLine, would_escalate};
use crate::web::ui::clock::{Reader, When, count};
use crate::web::ui::deliveries::{self, about};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::incidents::acting_as;
use crate::web::ui::marks::{SeverityMark, StatusMark, severity, status};
use crate::web::ui::shell::Shell;
use crate::web::ui::timeline::{self, Kind, Step, why};
use crate::web::ui::{Desk, Link, Sight};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/incident.html", blocks = ["main"], askama = rinja)]
struct Page {
    shell: Shell,
    story: Shown,
    actions: Option<Actions>,
}

/// What is asked for besides the incident.
#[derive(Default)]
pub(super) struct Asked {
    pub refused: Option<Form>,
    /// Somebody did something that had been done already.
    pub late: bool,
    pub kind: Kind,
}

/// What everybody may see of an incident.
struct Shown {
    id: IncidentId,
    number: u64,
    title: String,
    mark: SeverityMark,
    status: StatusMark,
    opened: When,
    last_event: When,
    count: u64,
    external_id: String,
    team: Link,
    source: Link,
    policy: Link,
    levels: Vec<LevelLine>,
    why: Vec<Why>,
    details: String,
    labels: Vec<Label>,
    links: Vec<AlertLink>,
    raw: Option<Raw>,
    /// "Bo resolved this 5 s ago.": for whoever came too late.
    late: String,
    kinds: Vec<KindChip>,
    log: Vec<deliveries::Row>,
    timeline: Vec<timeline::Line>,
    last_time: Option<LastTime>,
    storm: Option<Storm>,
}

/// Why one person was paged.
struct Why {
    person: String,
    about: String,
    steps: Vec<Step>,
}

/// A label of the alert; it leads to the open incidents that have it, too.
struct Label {
    name: String,
    value: String,
    href: String,
}

/// The last request that was about this incident, as it came.
struct Raw {
    when: When,
    body: String,
}

/// Which lines of the timeline are shown.
struct KindChip {
    href: String,
    title: &'static str,
    is_current: bool,
}

/// A link of the alert. Without `href` it is text: its address is none that a browser should follow.
struct AlertLink {
    href: Option<String>,
    text: String,
}

/// The last resolved incident of the same alert.
struct LastTime {
    /// "#1840, Resolved by Ana · 34 min".
    incident: Link,
    /// "3 times before".
    times: String,
    /// What was written down last.
    note: Option<String>,
}

/// The forms of all deeds.
struct Actions {
    base: String,
    form: Form,
    more: Form,
    people: Vec<Choice>,
    is_open: bool,
    /// Somebody has it, so it can be given back.
    is_taken: bool,
    escalate: Option<Escalate>,
    levels: Vec<Choice>,
    /// People who can be paged, and the other policies.
    heirs: Vec<Choice>,
    severities: Vec<Choice>,
    /// When "tomorrow" is, in words.
    tomorrow: String,
}

/// What a storm incident stands for.
struct Storm {
    sentence: String,
    lines: Vec<StormLine>,
}

struct StormLine {
    external_id: String,
    title: String,
    when: When,
    is_struck: bool,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(reference): Path<String>,
    query: QueryFields,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let late = query.optional("late").is_some();
    let asked = Asked { refused: None, late, kind: Kind::read(query.text("show")) };
    show(&web, &signed_in, reference, asked, fragment).await
}

pub(super) async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    reference: String,
    asked: Asked,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/incidents" };
    let status = asked.refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk
        .look(move |sight, shell| {
            let story = incidents::story(sight.read, &reference)?;
            let context = context::for_incident(sight.read, &story.incident, sight.reader.now)?;
            let actions = match shell.may_work() {
                true => Some(actions(sight, &story.incident, &context, asked.refused)?),
                false => None,
            };
            let story = shown(sight, story, &context, asked.late, asked.kind)?;
            Ok(Page { shell, story, actions })
        })
        .await?;
    fragment::answer(fragment, status, &page, &page.as_main())
}

fn actions(
    sight: &Sight<'_>,
    incident: &Incident,
    context: &Context,
    refused: Option<Form>,
) -> Result<Actions, AppError> {
    let is_open = incident.status != Status::Resolved;
    let level = |level: &Level| Choice::new(level.number, format!("Level {}", level.number));
    let fresh = |name| Form::blank(name).with("acting_as", sight.viewer.id);
    Ok(Actions {
        base: format!("/incidents/{}", incident.number),
        form: Form::chosen(&refused, fresh("act"), &[]),
        more: Form::chosen(&refused, fresh("more").with("severity", incident.severity.word()), &[]),
        people: acting_as(sight)?,
        is_open,
        is_taken: incident.status == Status::Acknowledged,
        escalate: is_open.then(|| would_escalate(incident, context, sight.reader)),
        levels: context.policy.levels.iter().map(level).collect(),
        heirs: heirs(sight, incident)?,
        severities: severities(),
        tomorrow: sight.reader.clock(sight.reader.tomorrow_at(MORNING)),
    })
}

/// When tomorrow begins, for a snooze.
pub(super) const MORNING: i8 = 9;

fn heirs(sight: &Sight<'_>, incident: &Incident) -> Result<Vec<Choice>, AppError> {
    let mut heirs = vec![Choice::new("", "Choose")];
    let people = users::all(sight.read)?;
    let people = people.iter().filter(|user| user.is_pageable_at(sight.reader.now));
    heirs.extend(people.map(|user| Choice::new(user.id, &user.name)));
    let policies = policies::all(sight.read)?;
    let others = policies.iter().filter(|policy| policy.id != incident.policy);
    heirs.extend(others.map(|policy| Choice::new(policy.id, format!("Policy {}", policy.name))));
    Ok(heirs)
}

fn storm_of(swallowed: &Swallowed, reader: &Reader) -> Storm {
    let sentence = match swallowed.counts {
        None => String::new(),
        Some((lines, firing, 0)) => {
            format!("{} without an incident of their own, {firing} still firing.", count(lines as usize, "alert"))
        }
        Some((lines, firing, more)) => format!(
            "{} without an incident of their own, {firing} still firing, and {more} more that are not listed: resolve \
             this by hand when all is well.",
            count(lines as usize, "alert")
        ),
    };
    let line = |line: &storm::StormLine| StormLine {
        external_id: line.external_id.clone(),
        title: line.title.clone(),
        when: reader.when(line.struck_at.unwrap_or(line.at)),
        is_struck: line.struck_at.is_some(),
    };
    Storm { sentence, lines: swallowed.lines.iter().map(line).collect() }
}

fn shown(sight: &Sight<'_>, story: Story, context: &Context, is_late: bool, kind: Kind) -> Result<Shown, AppError> {
    let Sight { names, reader, viewer, .. } = *sight;
    let incident = &story.incident;
    let last_time = last_time(sight, incident)?;
    let raw = raw(sight, incident)?;
    let told = &story.notifications;
    let levels = Calls { incident, context, told, next: story.next_call.as_ref(), names, reader }.levels();
    let log = story.notifications.iter().flat_map(|(notification, deliveries)| {
        let row = |delivery| deliveries::row(notification, delivery, incident, viewer.role, names, reader);
        deliveries.iter().map(row)
    });
    // One line a person, for the newest page they got.
    let mut pages: Vec<Why> = Vec::new();
    for (notification, _) in &story.notifications {
        let person = names.marked(notification.user);
        if let Reason::Page { level } = notification.reason
            && pages.iter().all(|why| why.person != person)
        {
            let steps = why(&notification.via, level, incident, names);
            pages.push(Why { person, about: about(notification.reason, notification.via), steps });
        }
    }
    let details = story.details.as_ref();
    Ok(Shown {
        id: incident.id,
        number: incident.number,
        title: incident.title.clone(),
        mark: severity(incident.severity, incident.is_test),
        status: status(incident, story.next.as_ref(), names, reader),
        opened: reader.when(incident.created_at),
        last_event: reader.when(incident.last_event_at),
        count: incident.event_count,
        external_id: incident.external_id.clone(),
        team: Link::new(format!("/teams/{}", incident.team), names.team(incident.team)),
        source: Link::new(format!("/alert-sources/{}", incident.source), names.source(incident.source)),
        policy: Link::new(format!("/escalation-policies/{}", incident.policy), names.policy(incident.policy)),
        levels,
        why: pages,
        details: details.map(|details| details.details.clone()).unwrap_or_default(),
        labels: details.map(|details| details.labels.iter().map(label).collect()).unwrap_or_default(),
        links: details.map(|details| alert_links(&details.links)).unwrap_or_default(),
        raw,
        late: if is_late { too_late(sight, incident) } else { String::new() },
        kinds: Kind::ALL.map(|one| kind_chip(one, kind, incident.number)).into(),
        log: log.collect(),
        timeline: timeline::lines(&story.timeline, kind, names, reader),
        last_time,
        storm: story.storm.as_ref().map(|swallowed| storm_of(swallowed, reader)),
    })
}

fn last_time(sight: &Sight<'_>, incident: &Incident) -> Result<Option<LastTime>, AppError> {
    let found = incidents::last_time(sight.read, incident)?;
    let times = match incidents::times_before(sight.read, incident)? {
        incidents::TIMES_COUNTED => format!("{} times before or more", incidents::TIMES_COUNTED),
        times => format!("{} before", count(times, "time")),
    };
    Ok(found.map(|(previous, note)| {
        let mark = status(&previous, None, sight.names, sight.reader);
        let text = format!("#{}, {}", previous.number, mark.sentence);
        LastTime { incident: Link::new(format!("/incidents/{}", previous.number), text), times, note }
    }))
}

/// Of the last requests of its source that are kept, the newest that was about it.
fn raw(sight: &Sight<'_>, incident: &Incident) -> Result<Option<Raw>, AppError> {
    let events = alert_sources::recent_events(sight.read, incident.source)?;
    let is_own = |event: &SourceEvent| {
        event.results.iter().any(|result| result.incident.is_some_and(|(id, _)| id == incident.id))
    };
    let event = events.into_iter().find(|event| is_own(event) && !event.body.is_empty());
    Ok(event.map(|event| Raw { when: sight.reader.when(event.last_at), body: event.body }))
}

/// Said to whoever pressed a button when it had been done already.
fn too_late(sight: &Sight<'_>, incident: &Incident) -> String {
    let Sight { names, reader, .. } = *sight;
    let ago = |at: Timestamp| reader.when(at).text;
    let who =
        |user: Option<UserId>, else_who: &str| user.map_or(else_who.to_owned(), |user| names.user(user).to_owned());
    match (incident.status, incident.resolved_at, incident.taken_at) {
        (Status::Resolved, Some(at), _) => {
            format!("{} resolved this {}.", who(incident.resolved_by, "Its alert source"), ago(at))
        }
        (Status::Acknowledged, _, Some(at)) => format!("{} took this {}.", who(incident.assignee, "Somebody"), ago(at)),
        _ => String::new(),
    }
}

fn label((name, value): (&String, &String)) -> Label {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", &format!("{name}={value}")).finish();
    Label { name: name.clone(), value: value.clone(), href: format!("/incidents?{query}") }
}

fn kind_chip(kind: Kind, current: Kind, number: u64) -> KindChip {
    let query = if kind == Kind::All { String::new() } else { format!("?show={}", kind.word()) };
    let href = format!("/incidents/{number}{query}#timeline");
    KindChip { href, title: kind.title(), is_current: kind == current }
}

/// Runbooks first.
fn alert_links(links: &[event::Link]) -> Vec<AlertLink> {
    let is_runbook =
        |link: &event::Link| [&link.text, &link.href].iter().any(|text| text.to_lowercase().contains("runbook"));
    let mut links: Vec<&event::Link> = links.iter().collect();
    links.sort_by_key(|link| !is_runbook(link));
    links.into_iter().map(alert_link).collect()
}

/// Only web addresses become links, whatever a record says.
fn alert_link(link: &event::Link) -> AlertLink {
    let text = if link.text.is_empty() { link.href.clone() } else { link.text.clone() };
    if link.is_web() {
        return AlertLink { href: Some(link.href.trim().to_owned()), text };
    }
    AlertLink { href: None, text: format!("{text} {}", link.href) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use crate::domain::access::Role;
    use crate::web::ui::samples;

    fn story(change: impl FnOnce(&mut Shown)) -> Shown {
        let (names, reader, incident) = (samples::names(), samples::reader(), samples::incident());
        let notification = samples::notification();
        let mut shown = Shown {
            id: incident.id,
            number: 1842,
            title: incident.title.clone(),
            mark: severity(Severity::Critical, false),
            status: status(&incident, Some(&("Bo".into(), reader.now.plus_minutes(5))), &names, &reader),
            opened: reader.when(incident.created_at),
            last_event: reader.when(incident.last_event_at),
            count: 14,
            external_id: incident.external_id.clone(),
            team: Link::new("/teams/team_a", "Payments"),
            source: Link::new("/alert-sources/src_d", "alertmanager-prod"),
            policy: Link::new("/escalation-policies/pol_c", "Payments 24×7"),
            levels: vec![],
            raw: None,
            late: String::new(),
            kinds: vec![],
            why: vec![],
            details: "disk full".into(),
            labels: vec![],
            links: vec![],
            log: vec![deliveries::row(
                &notification,
                &samples::delivery(),
                &incident,
                Role::Responder,
                &names,
                &reader,
            )],
            timeline: vec![],
            last_time: None,
            storm: None,
        };
        change(&mut shown);
        shown
    }

    fn drawn(story: Shown, role: Role) -> String {
        let shell = samples::shell("/incidents", role);
        let escalate = Escalate { expected_level: 1, button: "Page Bo now".into(), sentence: "Calls Bo.".into() };
        let people = vec![Choice::new(samples::ana(), "Ana (you)"), Choice::new(samples::bo(), "Bo")];
        let form = Form::blank("act").with("acting_as", samples::bo());
        let more = Form::blank("more");
        let base = "/incidents/1842".to_owned();
        let levels = vec![Choice::new(1, "Level 1")];
        let (heirs, severities, tomorrow) = (people.clone(), severities(), "Wed 09:00".to_owned());
        let (is_open, is_taken, escalate) = (true, true, Some(escalate));
        let actions =
            Actions { base, form, more, people, is_open, is_taken, escalate, levels, heirs, severities, tomorrow };
        let actions = shell.may_work().then_some(actions);
        Page { shell, story, actions }.render().expect("the page is drawn")
    }

    #[test]
    fn one_form_serves_every_action_and_keeps_who_acts() {
        let page = drawn(story(|_| {}), Role::Responder);
        assert!(page.contains("<option value=\"usr_2\" selected>Bo</option>"), "{page}");
        assert!(page.contains("name=\"expected_level\" value=\"1\""), "{page}");
        assert!(page.contains("form=\"act\" formaction=\"/incidents/1842/deliveries/dlv_69/retry\""), "{page}");
        assert!(page.contains("401 Invalid login details"), "{page}");
    }

    #[test]
    fn a_viewer_gets_no_form_at_all() {
        let mut shown = story(|_| {});
        shown.log.clear();
        let page = drawn(shown, Role::Viewer);
        assert_eq!(page.matches("<form").count(), 1, "only the one to sign out: {page}");
    }

    #[test]
    fn a_storm_lists_the_alerts_it_stands_for() {
        let line = |external_id: &str, struck_at| storm::StormLine {
            storm: samples::incident().id,
            external_id: external_id.to_owned(),
            title: format!("{external_id} is gone"),
            at: samples::reader().now,
            struck_at,
        };
        let lines = vec![line("core", None), line("edge", Some(samples::reader().now.plus_minutes(-1)))];
        let swallowed = |counts| Swallowed { lines: lines.clone(), counts };
        let page = |counts| {
            let storm = storm_of(&swallowed(counts), &samples::reader());
            drawn(story(|shown| shown.storm = Some(storm)), Role::Viewer)
        };
        let small = page(Some((2, 1, 0)));
        assert!(small.contains("2 alerts without an incident of their own, 1 still firing."), "{small}");
        assert!(small.contains("core is gone") && small.contains(">over "), "{small}");
        let large = page(Some((10_000, 1, 17)));
        assert!(large.contains("17 more that are not listed: resolve this by hand"), "{large}");
    }

    #[test]
    fn hostile_alerts_stay_text() {
        let hostile = event::Link { href: "javascript:alert(1)".into(), text: "runbook".into() };
        let fine = event::Link { href: "https://wiki.example.com/?a=1&b=\"2".into(), text: "<b>wiki</b>".into() };
        let page = drawn(
            story(|shown| {
                shown.title = "<script>alert(1)</script>".into();
                shown.details = "</pre><img src=x onerror=alert(1)>".into();
                shown.labels = vec![label((&"\"onload".into(), &"<svg>".into()))];
                shown.links = vec![alert_link(&hostile), alert_link(&fine)];
            }),
            Role::Responder,
        );
        for markup in ["<script>", "<img src=x", "href=\"javascript:", "<b>wiki", "b=\"2"] {
            assert!(!page.contains(markup), "{markup} got through: {page}");
        }
        assert!(page.contains("rel=\"noopener noreferrer nofollow\""), "{page}");
    }
}
