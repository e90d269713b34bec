//! `/incidents/{number or id}`: the whole story of one incident, and the forms of what people do to it.
//!
//! Two forms: the deeds of the first minute, all buttons of one form, and the rarer ones that need a field. In the second
//! the first button belongs to the one field in which Enter submits. What becomes of a press is said in
//! [`incident_deeds`](super::incident_deeds).

use crate::app::incidents::{self, Story};
use crate::app::storms::Swallowed;
use crate::app::{AppError, context, policies, users};
use crate::domain::effect::Reason;
use crate::domain::escalation::Context;
use crate::domain::id::IncidentId;
use crate::domain::incident::{Incident, Phase, Status};
use crate::domain::policy::Level;
use crate::domain::timeline::Called;
use crate::domain::user::User;
use crate::domain::{event, storm};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::alert_sources::severities;
use crate::web::ui::clock::{Reader, When, count, list};
use crate::web::ui::deliveries::{self, about};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::marks::{NextCall, SeverityMark, StatusMark, severity, status, whom};
use crate::web::ui::names::Names;
use crate::web::ui::shell::Shell;
use crate::web::ui::timeline::{self, Step, why};
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
    labels: Vec<(String, String)>,
    links: Vec<AlertLink>,
    log: Vec<deliveries::Row>,
    timeline: Vec<timeline::Line>,
    last_time: Option<LastTime>,
    storm: Option<Storm>,
}

/// One rung of the ladder as it is now.
struct LevelLine {
    class: &'static str,
    shape: &'static str,
    title: String,
    people: String,
    state: String,
}

/// Why one person was paged.
struct Why {
    person: String,
    about: String,
    steps: Vec<Step>,
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

/// What the Escalate button would do, and what it was looking at.
struct Escalate {
    expected_level: u8,
    button: String,
    sentence: String,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(reference): Path<String>,
    fragment: Fragment,
) -> Result<Response, WebError> {
    show(&web, &signed_in, reference, None, fragment).await
}

pub(super) async fn show(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    reference: String,
    refused: Option<Form>,
    fragment: Fragment,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/incidents" };
    let status = refused.as_ref().map_or(StatusCode::OK, Form::status);
    let page = desk
        .look(move |sight, shell| {
            let story = incidents::story(sight.read, &reference)?;
            let context = context::for_incident(sight.read, &story.incident, sight.reader.now)?;
            let actions = match shell.may_work() {
                true => Some(actions(sight, &story.incident, &context, refused)?),
                false => None,
            };
            Ok(Page { shell, story: shown(sight, story, &context)?, actions })
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
    let choice = |user: &User| {
        let you = if user.id == sight.viewer.id { " (you)" } else { "" };
        Choice::new(user.id, format!("{}{you}", user.name))
    };
    let is_open = incident.status != Status::Resolved;
    let level = |level: &Level| Choice::new(level.number, format!("Level {}", level.number));
    let fresh = |name| Form::blank(name).with("acting_as", sight.viewer.id);
    Ok(Actions {
        base: format!("/incidents/{}", incident.number),
        form: Form::chosen(&refused, fresh("act"), &[]),
        more: Form::chosen(&refused, fresh("more").with("severity", incident.severity.word()), &[]),
        people: incidents::acting_choices(sight.read)?.iter().map(choice).collect(),
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

fn shown(sight: &Sight<'_>, story: Story, context: &Context) -> Result<Shown, AppError> {
    let Sight { names, reader, viewer, .. } = *sight;
    let incident = &story.incident;
    let last_time = last_time(sight, incident)?;
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
        levels: levels(incident, context, story.next.as_ref(), names, reader),
        why: pages,
        details: details.map(|details| details.details.clone()).unwrap_or_default(),
        labels: details.map(|details| details.labels.clone().into_iter().collect()).unwrap_or_default(),
        links: details.map(|details| details.links.iter().map(alert_link).collect()).unwrap_or_default(),
        log: log.collect(),
        timeline: story.timeline.iter().map(|entry| timeline::line(entry, names, reader)).collect(),
        last_time,
        storm: story.storm.as_ref().map(|swallowed| storm_of(swallowed, reader)),
    })
}

fn last_time(sight: &Sight<'_>, incident: &Incident) -> Result<Option<LastTime>, AppError> {
    let found = incidents::last_time(sight.read, incident)?;
    Ok(found.map(|(previous, note)| {
        let mark = status(&previous, None, sight.names, sight.reader);
        let text = format!("#{}, {}", previous.number, mark.sentence);
        LastTime { incident: Link::new(format!("/incidents/{}", previous.number), text), note }
    }))
}

/// Only web addresses become links, whatever a record says.
fn alert_link(link: &event::Link) -> AlertLink {
    let text = if link.text.is_empty() { link.href.clone() } else { link.text.clone() };
    if link.is_web() {
        return AlertLink { href: Some(link.href.trim().to_owned()), text };
    }
    AlertLink { href: None, text: format!("{text} {}", link.href) }
}

fn levels(
    incident: &Incident,
    context: &Context,
    next: Option<&NextCall>,
    names: &Names,
    reader: &Reader,
) -> Vec<LevelLine> {
    let is_climbing = incident.status == Status::Triggered && incident.ladder.phase == Phase::Climbing;
    let current = incident.ladder.level;
    let mut lines: Vec<LevelLine> = Vec::new();
    for level in &context.policy.levels {
        let people = reached(&context.people_of(level, reader.now).0, names);
        let is_current = current == Some(level.number);
        let state = match incident.ladder.entered_at {
            Some(at) if is_current => format!("called {}", reader.when(at).text),
            _ if current.is_some_and(|current| level.number < current) => "called before".to_owned(),
            _ => String::new(),
        };
        let (class, shape) = if is_current && is_climbing { ("warning", "bell") } else { ("info", "dot") };
        let title = format!("Level {}", level.number);
        lines.push(LevelLine { class, shape, title, people, state });
    }
    let (people, _) = context.last_resort(reader.now);
    let people: Vec<&str> = people.iter().map(|user| names.user(*user)).collect();
    let people = if people.is_empty() { "nobody can be paged".to_owned() } else { list(&people) };
    let is_calling =
        incident.status == Status::Triggered && matches!(incident.ladder.phase, Phase::Exhausted | Phase::NoCoverage);
    let (class, shape) = if is_calling { ("critical", "bell-up") } else { ("info", "dot") };
    let repeats = match context.policy.repeat {
        0 => String::new(),
        n => format!("after climbing again {}", count(usize::from(n), "time")),
    };
    lines.push(LevelLine { class, shape, title: "Last resort".to_owned(), people, state: repeats });
    if let Some((who, due)) = next {
        let state = format!("at {}", reader.clock(*due));
        let (class, shape, title) = ("info", "again", "Next call".to_owned());
        lines.push(LevelLine { class, shape, title, people: whom(who), state });
    }
    lines
}

fn reached(called: &[Called], names: &Names) -> String {
    let people: Vec<&str> = called.iter().map(|called| names.user(called.user)).collect();
    if people.is_empty() { "reaches nobody now".to_owned() } else { list(&people) }
}

/// The next level that has somebody, past the end from the bottom, as the deed itself will choose.
fn would_escalate(incident: &Incident, context: &Context, reader: &Reader) -> Escalate {
    let current = incident.ladder.level;
    let reaches = |above: Option<u8>| {
        let mut levels = context.policy.levels_above(above);
        levels.find_map(|level| {
            let called = context.people_of(level, reader.now).0;
            (!called.is_empty()).then_some((level.number, called))
        })
    };
    let name = |user| context.people.get(&user).map_or("somebody", |user| user.name.as_str());
    let expected_level = current.unwrap_or(0);
    let Some((level, called)) = reaches(current).or_else(|| reaches(None)) else {
        let (people, _) = context.last_resort(reader.now);
        let people: Vec<&str> = people.into_iter().map(name).collect();
        let who = if people.is_empty() { "nobody, for nobody can be paged".to_owned() } else { list(&people) };
        let sentence = format!("Escalate calls the last resort now: {who}.");
        return Escalate { expected_level, button: "Page the last resort now".to_owned(), sentence };
    };
    let people: Vec<&str> = called.iter().map(|called| name(called.user)).collect();
    let passed: Vec<&str> =
        incident.ladder.paged.iter().map(|user| name(*user)).filter(|who| !people.contains(who)).collect();
    let over = match passed.as_slice() {
        [] => String::new(),
        [_] => format!("; {} is passed over", list(&passed)),
        _ => format!("; {} are passed over", list(&passed)),
    };
    let sentence = format!("Escalate calls {} (level {level}) now{over}.", list(&people));
    Escalate { expected_level, button: format!("Page {} now", list(&people)), sentence }
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
                shown.labels = vec![("\"onload".into(), "<svg>".into())];
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
