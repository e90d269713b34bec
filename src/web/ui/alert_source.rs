//! `/alert-sources/{id}`: one source, how to set its sender up, and what it sent lately.

use crate::app::alert_sources::{self, NewSigning};
use crate::app::{AppError, policies, sealed};
use crate::domain::alert_source::{AlertSource, TopicState};
use crate::domain::id::AlertSourceId;
use crate::ingest::Kind;
use crate::secret::Secret;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, PathId, QueryFields, SignedIn};
use crate::web::sns;
use crate::web::ui::alert_sources::{Tile, basics, choices, kind_title, kinds, mapped, severities, state, urgencies};
use crate::web::ui::clock::When;
use crate::web::ui::escalation_policies::calls;
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::ladder::{Asked, Ladder, played};
use crate::web::ui::prose::{self, Block, Span};
use crate::web::ui::shell::Shell;
use crate::web::ui::source_events::{Heard, Turnings, heard};
use crate::web::ui::{Desk, Link, Pill, Sight, page as drawn, refused, to};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/alert_source.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    name: String,
    kind: &'static str,
    team: Link,
    policy: Link,
    state: Pill,
    is_active: bool,
    key_tail: String,
    /// The whole key, in the one answer that shows it.
    new_key: Option<String>,
    topics: Vec<Topic>,
    setup: Vec<Block>,
    heard: Heard,
    /// Whom an alert would page right now.
    pages: String,
    /// Asked for by *Preview*: what a test would do.
    preview: Option<Ladder>,
    topic_form: Form,
    signing: Option<Signature>,
    signing_form: Form,
    form: Form,
    kinds: Vec<Tile>,
    teams: Vec<Choice>,
    policies: Vec<Choice>,
    severities: Vec<Choice>,
    urgencies: Vec<Choice>,
}

/// What is known of the sender's signatures; on the pages of sources that can have them.
struct Signature {
    is_set: bool,
    /// Why the secret has to be entered again; empty if it can be read.
    unreadable: String,
}

/// A topic that waits for Confirm.
struct Topic {
    arn: String,
    asked: When,
}

/// What the page shows besides the record.
#[derive(Default)]
struct Extra {
    new_key: Option<String>,
    refused: Option<Form>,
    preview: bool,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
    query: QueryFields,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, Extra { preview: query.optional("preview").is_some(), ..Extra::default() }).await
}

/// The page with the key of a source that was just made, or just got a new one.
pub async fn with_key(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: AlertSourceId,
    key: String,
) -> Result<Response, WebError> {
    show(web, signed_in, id, Extra { new_key: Some(key), ..Extra::default() }).await
}

pub async fn edit(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let before = web.read(move |read| alert_sources::one(read, id)).await?;
        let (actor, basics) = (signed_in.actor, basics(&form, Some(&before))?);
        web.edit(actor, &form, move |tx| alert_sources::edit(tx, &actor, id, &basics)).await
    };
    match refused(done.await)? {
        Ok(()) => Ok(to(path(id))),
        Err(refusal) => {
            let refused = Some(Form::refused("source", &form.0.0, refusal));
            show(&web, &signed_in, id, Extra { refused, ..Extra::default() }).await
        }
    }
}

pub async fn regenerate_key(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
) -> Result<Response, WebError> {
    let key = alert_sources::new_key(web.app.random_bytes());
    let (actor, kept) = (signed_in.actor, key.clone());
    web.write(move |tx| alert_sources::regenerate_key(tx, &actor, id, &kept)).await?;
    with_key(&web, &signed_in, id, key).await
}

pub async fn activate(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    id: PathId<AlertSourceId>,
) -> Result<Response, WebError> {
    set_active(web, signed_in, id, true).await
}

pub async fn deactivate(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    id: PathId<AlertSourceId>,
) -> Result<Response, WebError> {
    set_active(web, signed_in, id, false).await
}

async fn set_active(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
    active: bool,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    web.write(move |tx| alert_sources::set_active(tx, &actor, id, active)).await?;
    Ok(to(path(id)))
}

/// On to the incident that the test opened: that is where one sees whether it pages.
pub async fn test_alert(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
) -> Result<Response, WebError> {
    let actor = signed_in.actor;
    let results = web.write(move |tx| alert_sources::send_test_alert(tx, &actor, id)).await?;
    let incident = results.iter().find_map(|result| result.incident);
    Ok(to(incident.map_or(path(id), |(_, number)| format!("/incidents/{number}"))))
}

/// An admin's word that this topic may send here.
pub async fn confirm_topic(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
    form: FormBody,
) -> Result<Response, WebError> {
    match refused(sns::confirm(&web, signed_in.actor, id, form.text("topic")).await)? {
        Ok(()) => Ok(to(path(id))),
        Err(refusal) => {
            let refused = Some(Form::refused("topic", &form.0.0, refusal));
            show(&web, &signed_in, id, Extra { refused, ..Extra::default() }).await
        }
    }
}

/// The secret of Grafana's signatures, or none any more.
pub async fn set_signing(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<AlertSourceId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let new = form.optional("remove").is_none().then(|| NewSigning {
        secret: Secret::new(form.verbatim("signing_secret").to_owned()),
        timestamp_header: form.optional("timestamp_header").map(str::to_owned),
    });
    let (actor, vault, nonce) = (signed_in.actor, web.app.vault.clone(), web.app.random_bytes());
    let done = web.write(move |tx| alert_sources::set_signing(tx, &actor, &vault, nonce, id, new.as_ref())).await;
    match refused(done)? {
        Ok(()) => Ok(to(path(id))),
        Err(refusal) => {
            let fields = form.0.0.iter().filter(|(name, _)| name != "signing_secret").cloned().collect::<Vec<_>>();
            let refused = Some(Form::refused("signing", &fields, refusal));
            show(&web, &signed_in, id, Extra { refused, ..Extra::default() }).await
        }
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: AlertSourceId, extra: Extra) -> Result<Response, WebError> {
    let base_url = web.settings.base_url.clone();
    let desk = Desk { web, signed_in, section: "/alert-sources" };
    let status = extra.refused.as_ref().map_or(StatusCode::OK, Form::status);
    let turned = Turnings::of(web, signed_in, id);
    let page = desk.look(move |sight, shell| shown(sight, shell, id, extra, &turned, base_url.as_deref())).await?;
    drawn(status, &page)
}

fn shown(
    sight: &Sight<'_>,
    shell: Shell,
    id: AlertSourceId,
    extra: Extra,
    turned: &Turnings,
    base_url: Option<&str>,
) -> Result<Page, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let source = alert_sources::one(read, id)?;
    let heard = heard(sight, id, turned)?;
    let pages = calls(sight, &policies::one(read, source.policy)?)?;
    let preview = extra.preview.then(|| played(sight, source.policy, &Asked::default())).transpose()?;
    let (teams, policies) = choices(sight)?;
    let topics = source.topics.iter().filter_map(|topic| match &topic.state {
        TopicState::Pending { asked_at, .. } => Some(Topic { arn: topic.arn.clone(), asked: reader.when(*asked_at) }),
        TopicState::Confirmed => None,
    });
    let as_it_is = Form::blank("source")
        .with("name", &source.name)
        .with("kind", &source.kind)
        .with("team", source.team)
        .with("policy", source.policy)
        .with("default_severity", source.default_severity.word())
        .with("urgency", source.urgency.word())
        .with("severity_map", mapped(&source.severity_map))
        .with("auto_resolve_minutes", source.auto_resolve_minutes.map_or(String::new(), |minutes| minutes.to_string()))
        .of_version(id, source.version, path(id));
    let setup = prose::blocks(&set_up(kind_of(&source.kind), base_url, extra.new_key.as_deref()));
    Ok(Page {
        shell,
        setup,
        base: path(id),
        kind: kind_title(&source.kind),
        team: Link::new(format!("/teams/{}", source.team), names.team(source.team)),
        policy: Link::new(format!("/escalation-policies/{}", source.policy), names.policy(source.policy)),
        state: state(&source, !heard.events.is_empty(), heard.turned.len()),
        pages,
        preview,
        heard,
        is_active: source.active,
        key_tail: source.key_tail.clone(),
        new_key: extra.new_key,
        topics: topics.collect(),
        signing: signature(sight, &source),
        signing_form: Form::chosen(&extra.refused, Form::blank("signing"), &[]),
        topic_form: Form::chosen(&extra.refused, Form::blank("topic"), &[]),
        form: Form::chosen(&extra.refused, as_it_is, &[]),
        kinds: kinds(),
        teams,
        policies,
        severities: severities(),
        urgencies: urgencies(),
        name: source.name,
    })
}

fn signature(sight: &Sight<'_>, source: &AlertSource) -> Option<Signature> {
    let secret = alert_sources::signing_secret(&sight.app.vault, source);
    let is_set = secret.is_some();
    let unreadable = secret.and_then(Result::err).map_or_else(String::new, sealed::signing_sentence);
    (is_set || source.kind == Kind::Grafana.word()).then_some(Signature { is_set, unreadable })
}

fn kind_of(word: &str) -> Kind {
    Kind::from_path(word).unwrap_or(Kind::Generic)
}

fn path(id: AlertSourceId) -> String {
    format!("/alert-sources/{id}")
}

/// The manual of a kind with this server's address filled in, and the key while it is shown. `KEY` stays `KEY` later: the
/// key is not known any more.
pub fn set_up(kind: Kind, base_url: Option<&str>, key: Option<&str>) -> String {
    let text = match kind {
        Kind::Generic => include_str!("../../../assets/setup/generic.md"),
        Kind::Alertmanager => include_str!("../../../assets/setup/alertmanager.md"),
        Kind::Grafana => include_str!("../../../assets/setup/grafana.md"),
        Kind::CloudWatch => include_str!("../../../assets/setup/cloudwatch.md"),
    };
    let base_url = base_url.unwrap_or("https://PAGERPAL_BASE_URL");
    let host = base_url.split_once("://").map_or(base_url, |(_, host)| host);
    let text = text.replace("BASE", &format!("{base_url}/api/v1/webhooks")).replace("HOST", host);
    match key {
        Some(key) => text.replace("KEY", key),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_up_instructions_name_this_server_and_no_key() {
        for kind in Kind::ALL {
            let text = set_up(kind, Some("https://pager.example.com"), None);
            let url = match kind {
                Kind::CloudWatch => "https://sns:KEY@pager.example.com/api/v1/webhooks/cloudwatch".to_owned(),
                _ => format!("https://pager.example.com/api/v1/webhooks/{}", kind.word()),
            };
            assert!(text.contains(&url), "{text}");
            assert!(!text.contains("BASE") && !text.contains("HOST"), "{text}");
            let shown = set_up(kind, Some("https://pager.example.com"), Some("0a1b"));
            assert!(shown.contains("0a1b") && !shown.contains("KEY"), "{shown}");
        }
        assert!(set_up(Kind::Generic, None, None).contains("PAGERPAL_BASE_URL"));
    }
}
