//! The deeds of an incident's page.
//!
//! A refused deed draws the page again as it is by then, with the sentence: "Bo resolved this" is news, not an error page.

use crate::app::incidents::{self, Deed};
use crate::domain::Severity;
use crate::domain::id::DeliveryId;
use crate::domain::incident::Incident;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::timeline::Handover;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, SignedIn};
use crate::web::ui::clock::Reader;
use crate::web::ui::form::Form;
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::incident::{Asked, MORNING, show};
use crate::web::ui::{refused, to};
use crate::web::{Web, emergency};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use std::sync::Arc;

type Drawn = Result<Response, WebError>;

/// Who pressed the button, and whether a script did it for them.
pub struct Who {
    signed_in: SignedIn,
    fragment: Fragment,
}

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Who, WebError> {
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        let Ok(fragment) = Fragment::from_request_parts(parts, state).await;
        Ok(Who { signed_in, fragment })
    }
}

pub async fn acknowledge(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "act", |_, _| Ok(Deed::Acknowledge)).await
}

pub async fn unacknowledge(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "act", |_, _| Ok(Deed::Unacknowledge)).await
}

pub async fn snooze(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "more", |form, reader| Ok(Deed::Snooze { until: snooze_until(form, reader)? })).await
}

pub async fn resolve(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "act", |_, _| Ok(Deed::Resolve)).await
}

pub async fn reopen(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "act", |_, _| Ok(Deed::Reopen)).await
}

pub async fn escalate(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    let deed =
        |form: &Fields, _: &Reader| Ok(Deed::Escalate { expected_level: form.optional_number("expected_level")? });
    act(web, who, path, form, "act", deed).await
}

pub async fn escalate_to(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    let deed = |form: &Fields, _: &Reader| {
        let expected_level = form.optional_number("expected_level")?;
        Ok(Deed::EscalateTo { expected_level, level: form.number("level")? })
    };
    act(web, who, path, form, "more", deed).await
}

pub async fn reassign(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "more", |form, _| Ok(Deed::Reassign(heir(form)?))).await
}

pub async fn set_severity(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    let deed = |form: &Fields, _: &Reader| {
        let severity = Severity::from_word(form.text("severity"));
        let unknown = || Refusal::invalid("unknown", "severity", "Choose one that is on the list.");
        Ok(Deed::SetSeverity(severity.ok_or_else(unknown)?))
    };
    act(web, who, path, form, "more", deed).await
}

pub async fn note(web: State<Arc<Web>>, who: Who, path: Path<String>, form: FormBody) -> Drawn {
    act(web, who, path, form, "more", |form, _| Ok(Deed::Note(form.text("note").to_owned()))).await
}

/// A button's time (`15`, `60` minutes, `tomorrow`), else what was typed.
fn snooze_until(form: &Fields, reader: &Reader) -> Result<Timestamp, Refusal> {
    match form.optional("for") {
        Some("tomorrow") => Ok(reader.tomorrow_at(MORNING)),
        Some(_) => Ok(reader.now.plus_minutes(form.number::<u16>("for")?.into())),
        None => reader.typed(form.text("until"), "until"),
    }
}

/// People by their ids, or one policy by its own.
fn heir(form: &Fields) -> Result<Handover, Refusal> {
    let chosen: Vec<&str> = form.all("to").filter(|text| !text.is_empty()).collect();
    if let [policy] = chosen.as_slice()
        && let Ok(policy) = policy.parse()
    {
        return Ok(Handover::Policy(policy));
    }
    let unknown = |_| Refusal::invalid("unknown", "to", "Choose one that is on the list.");
    let users: Result<Vec<_>, Refusal> = chosen.iter().map(|text| text.parse().map_err(unknown)).collect();
    Ok(Handover::Users(users?))
}

/// The incident as it is now, and whether what was asked for had been done before.
struct Done {
    incident: Incident,
    is_late: bool,
}

async fn act(
    State(web): State<Arc<Web>>,
    who: Who,
    Path(reference): Path<String>,
    form: FormBody,
    form_name: &'static str,
    deed: impl Fn(&Fields, &Reader) -> Result<Deed, Refusal>,
) -> Drawn {
    let done = async {
        let reader = Reader::new(web.app.now(), &who.signed_in.user.zone);
        let (deed, acting_as) = (deed(&form, &reader)?, form.optional_id("acting_as")?);
        let (actor, asked, wanted) = (who.signed_in.actor, reference.clone(), deed.clone());
        let write = web.write(move |tx| {
            let before = incidents::find(tx, &asked)?.version;
            let incident = incidents::act(tx, &actor, &asked, acting_as, wanted.clone())?;
            let is_late = matches!(wanted, Deed::Acknowledge | Deed::Resolve) && incident.version == before;
            Ok(Done { incident, is_late })
        });
        emergency::noted(&web, actor, &reference, acting_as, &deed, write.await)
    };
    answer(&web, &who, &reference, &form, form_name, done.await).await
}

pub async fn retry(
    State(web): State<Arc<Web>>,
    who: Who,
    Path((reference, delivery)): Path<(String, String)>,
    form: FormBody,
) -> Drawn {
    let delivery: DeliveryId = delivery.parse().map_err(|_| WebError::NotFound)?;
    let done = async {
        let (actor, acting_as) = (who.signed_in.actor, form.optional_id("acting_as")?);
        let retry = web.write(move |tx| incidents::retry(tx, &actor, delivery, acting_as)).await?;
        Ok(Done { incident: retry, is_late: false })
    };
    answer(&web, &who, &reference, &form, "act", done.await).await
}

async fn answer(
    web: &Arc<Web>,
    who: &Who,
    reference: &str,
    form: &FormBody,
    form_name: &'static str,
    done: Result<Done, WebError>,
) -> Drawn {
    match refused(done)? {
        Ok(Done { incident, is_late }) => match who.fragment {
            Fragment::Page if is_late => Ok(to(format!("/incidents/{}?late=1", incident.number))),
            Fragment::Page => Ok(to(format!("/incidents/{}", incident.number))),
            Fragment::Main => {
                let asked = Asked { late: is_late, ..Asked::default() };
                show(web, &who.signed_in, reference.to_owned(), asked, who.fragment).await
            }
            Fragment::Nothing => Ok(fragment::done()),
        },
        Err(refusal) => {
            let asked = Asked { refused: Some(Form::refused(form_name, &form.0.0, refusal)), ..Asked::default() };
            show(web, &who.signed_in, reference.to_owned(), asked, who.fragment).await
        }
    }
}
