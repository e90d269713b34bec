//! `/alert-sources`: the list, and making one.

use crate::app::alert_sources::{self, Basics, new_key};
use crate::app::{AppError, policies, teams};
use crate::domain::Severity;
use crate::domain::alert_source::{AlertSource, UrgencyRule};
use crate::domain::policy::Policy;
use crate::domain::refusal::Refusal;
use crate::ingest::Kind;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, SignedIn};
use crate::web::ui::alert_source;
use crate::web::ui::clock::When;
use crate::web::ui::escalation_policies::calls;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Pill, Sight, page as drawn, refused};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/alert_sources.html", askama = rinja)]
struct AlertSources {
    shell: Shell,
    sources: Vec<Row>,
}

struct Row {
    href: String,
    name: String,
    kind: &'static str,
    team: String,
    policy: String,
    last: Option<When>,
    state: Pill,
}

#[derive(Template)]
#[template(path = "templates/alert_source_new.html", askama = rinja)]
struct NewAlertSource {
    shell: Shell,
    form: Form,
    kinds: Vec<Tile>,
    teams: Vec<Choice>,
    policies: Vec<Choice>,
    severities: Vec<Choice>,
    urgencies: Vec<Choice>,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/alert-sources" };
    let at_the_door = Arc::clone(&web);
    let page = desk
        .look(move |sight, shell| {
            let row = |source: AlertSource| {
                let events = alert_sources::recent_events(sight.read, source.id)?;
                Ok(Row {
                    href: format!("/alert-sources/{}", source.id),
                    kind: kind_title(&source.kind),
                    team: sight.names.team(source.team).to_owned(),
                    policy: sight.names.policy(source.policy).to_owned(),
                    last: events.first().map(|event| sight.reader.when(event.last_at)),
                    state: state(
                        &source,
                        !events.is_empty(),
                        at_the_door.refusals.lately(source.id, false, sight.reader.now).len(),
                    ),
                    name: source.name,
                })
            };
            let sources = alert_sources::all(sight.read)?.into_iter().map(row).collect::<Result<_, AppError>>()?;
            Ok(AlertSources { shell, sources })
        })
        .await?;
    drawn(StatusCode::OK, &page)
}

pub async fn new(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let form = Form::blank("source").with("kind", Kind::Alertmanager.word()).with("default_severity", "error");
    new_page(&web, &signed_in, form).await
}

async fn new_page(web: &Arc<Web>, signed_in: &SignedIn, form: Form) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/alert-sources" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let (teams, policies) = choices(sight)?;
            Ok(NewAlertSource {
                shell,
                form,
                kinds: kinds(),
                teams,
                policies,
                severities: severities(),
                urgencies: urgencies(),
            })
        })
        .await?;
    drawn(status, &page)
}

/// Answered with the page itself, not with a redirect: this answer is the only place where the key is ever shown, and
/// it is kept nowhere. Sending the form again is refused, because the name is taken.
pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let key = new_key(web.app.random_bytes());
    let done = async {
        let (actor, basics, key) = (signed_in.actor, basics(&form, None)?, key.clone());
        web.write(move |tx| alert_sources::create(tx, &actor, &basics, &key)).await
    };
    match refused(done.await)? {
        Ok(id) => alert_source::with_key(&web, &signed_in, id, key).await,
        Err(refusal) => new_page(&web, &signed_in, Form::refused("source", &form.0.0, refusal)).await,
    }
}

/// What the form says; what it has no field for stays as it is.
pub fn basics(form: &Fields, before: Option<&AlertSource>) -> Result<Basics, Refusal> {
    let word = form.text("default_severity");
    let default_severity = Severity::from_word(word)
        .ok_or_else(|| Refusal::invalid("severity_unknown", "default_severity", "Choose one of the list."))?;
    let kind = Kind::from_path(form.text("kind"))
        .ok_or_else(|| Refusal::invalid("kind_unknown", "kind", "Choose one of the list."))?;
    Ok(Basics {
        name: form.text("name").to_owned(),
        kind: kind.word().to_owned(),
        team: form.id("team")?,
        policy: form.id("policy")?,
        default_severity,
        severity_map: match form.all("severity_map").next() {
            Some(text) => severity_map(text)?,
            None => before.map(|source| source.severity_map.clone()).unwrap_or_default(),
        },
        one_incident_per_alert: before.is_some_and(|source| source.one_incident_per_alert),
        insufficient_data_triggers: before.is_some_and(|source| source.insufficient_data_triggers),
        urgency: urgency(form)?,
        auto_resolve_minutes: form.optional_number("auto_resolve_minutes")?,
    })
}

fn urgency(form: &Fields) -> Result<UrgencyRule, Refusal> {
    let unknown = || Refusal::invalid("urgency_unknown", "urgency", "Choose one of the list.");
    let rule = form.optional("urgency").map(|word| UrgencyRule::from_word(word).ok_or_else(unknown));
    Ok(rule.transpose()?.unwrap_or(UrgencyRule::BySeverity))
}

pub fn urgencies() -> Vec<Choice> {
    let words = |rule| match rule {
        UrgencyRule::BySeverity => "By severity: info is low, the others are high",
        UrgencyRule::AlwaysHigh => "Always high",
        UrgencyRule::AlwaysLow => "Always low",
    };
    UrgencyRule::ALL.into_iter().map(|rule| Choice::new(rule.word(), words(rule))).collect()
}

/// Teams and policies to choose from.
pub fn choices(sight: &Sight<'_>) -> Result<(Vec<Choice>, Vec<Choice>), AppError> {
    let teams = teams::all(sight.read)?.into_iter().map(|team| Choice::new(team.id, team.name)).collect();
    let policy = |policy: Policy| {
        let now = calls(sight, &policy)?;
        Ok(Choice::new(policy.id, format!("{} (would page {now} now)", policy.name)))
    };
    let policies = policies::all(sight.read)?.into_iter().map(policy).collect::<Result<_, AppError>>()?;
    Ok((teams, policies))
}

/// A kind to choose, with two letters in the place of a logo.
pub struct Tile {
    pub value: &'static str,
    pub title: &'static str,
    pub letters: &'static str,
}

pub fn kinds() -> Vec<Tile> {
    let letters = |kind| match kind {
        Kind::Generic => "{}",
        Kind::Alertmanager => "Am",
        Kind::Grafana => "Gr",
        Kind::CloudWatch => "Cw",
    };
    Kind::ALL.into_iter().map(|kind| Tile { value: kind.word(), title: kind.title(), letters: letters(kind) }).collect()
}

/// The sender's words for severities, one on a line.
pub fn mapped(map: &BTreeMap<String, Severity>) -> String {
    map.iter().map(|(word, severity)| format!("{word} = {}", severity.word())).collect::<Vec<_>>().join("\n")
}

fn severity_map(text: &str) -> Result<BTreeMap<String, Severity>, Refusal> {
    let mut map = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let pair = line.split_once('=').map(|(word, severity)| (word.trim(), Severity::from_word(severity.trim())));
        let Some((word, Some(severity))) = pair.filter(|(word, _)| !word.is_empty() && word.len() <= WORD_AT_MOST)
        else {
            let sentence = format!("Write each line as page = critical, with critical, error, warning or info: {line}");
            return Err(Refusal::invalid("severity_map", "severity_map", sentence));
        };
        map.insert(word.to_owned(), severity);
    }
    if map.len() > WORDS_AT_MOST {
        let sentence = format!("Write at most {WORDS_AT_MOST} lines.");
        return Err(Refusal::invalid("severity_map", "severity_map", sentence));
    }
    Ok(map)
}

const WORDS_AT_MOST: usize = 50;
/// Bytes of one word.
const WORD_AT_MOST: usize = 100;

pub fn severities() -> Vec<Choice> {
    Severity::ALL.into_iter().map(|severity| Choice::new(severity.word(), severity.word())).collect()
}

pub fn kind_title(word: &str) -> &'static str {
    Kind::from_path(word).map_or("Unknown sender", Kind::title)
}

/// `refused` are requests of its own that were turned away in the last minutes.
pub fn state(source: &AlertSource, was_heard: bool, refused: usize) -> Pill {
    let (class, text) = match () {
        () if !source.active => ("", "inactive"),
        () if refused > 0 => ("bad", "rejecting"),
        () if !was_heard => ("warn", "never received"),
        () => ("good", "receiving"),
    };
    Pill { class, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_senders_words_read_back_as_they_are_shown() {
        let map = severity_map("page = critical\r\n\n ticket=warning ").expect("two lines");
        assert_eq!(mapped(&map), "page = critical\nticket = warning");
        for wrong in ["page", "page = loud", "= critical"] {
            assert_eq!(severity_map(wrong).map_err(|refusal| refusal.field), Err(Some("severity_map")), "{wrong}");
        }
    }
}
