//! The part of `/users/{id}` about notification rules: in which order a person's contact methods are used, in words for
//! everybody and as a form for whom they concern.

use super::answer;
use crate::app::users;
use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::refusal::Refusal;
use crate::domain::rules::{LATEST_MINUTES, STEPS};
use crate::domain::user::{ContactMethod, Rules as Kept, Step, User};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::deliveries::shown_address;
use crate::web::ui::form::{Choice, Form};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// What the template takes.
pub struct Rules {
    pub lists: Vec<List>,
    pub choices: Vec<Choice>,
    pub form: Form,
}

pub struct List {
    pub field: &'static str,
    pub title: &'static str,
    /// What happens while it is empty.
    pub preset: &'static str,
    /// The steps in words.
    pub words: Vec<String>,
    /// Its steps as fields, and some empty ones to add to it.
    pub rows: Vec<Row>,
}

pub struct Row {
    pub contact: String,
    pub after: String,
}

/// Empty rows of a list's form.
const SPARE: usize = 2;

pub fn shown(user: &User, seen_as: Role, refused: &Option<Form>) -> Rules {
    let form = Form::chosen(refused, Form::blank("rules"), &[]);
    let named = |contact: &ContactMethod| {
        let off = if contact.enabled { "" } else { " (off)" };
        format!("{} {}{off}", contact.channel.title(), shown_address(contact.channel, &contact.address, seen_as))
    };
    let words = |step: &Step| {
        let contact = user.contact(step.contact).map_or("a removed method".to_owned(), named);
        match step.after_minutes {
            0 => format!("at once: {contact}"),
            minutes => format!("after {minutes} min: {contact}"),
        }
    };
    let list = |field, title, preset, steps: &[Step]| {
        let mut rows: Vec<Row> = match form.summary() {
            Some(_) => typed(&form, field),
            None => steps.iter().map(Row::of).collect(),
        };
        for _ in 0..SPARE.min(STEPS - rows.len().min(STEPS)) {
            rows.push(Row { contact: String::new(), after: String::new() });
        }
        List { field, title, preset, words: steps.iter().map(words).collect(), rows }
    };
    let high_preset = "Every contact method that is on, at once.";
    let low_preset = "By email, or by the first contact method that is on if there is no email.";
    let lists = vec![
        list("high", "High urgency: critical, error, warning", high_preset, &user.rules.high),
        list("low", "Low urgency: info", low_preset, &user.rules.low),
    ];
    let mut choices = vec![Choice::new("", "no step")];
    choices.extend(user.contacts.iter().map(|contact| Choice::new(contact.id, named(contact))));
    Rules { lists, choices, form }
}

impl Row {
    fn of(step: &Step) -> Row {
        Row { contact: step.contact.to_string(), after: step.after_minutes.to_string() }
    }
}

/// The rows as they were typed, without the empty ones.
fn typed(form: &Form, field: &str) -> Vec<Row> {
    let (contacts, afters) = (format!("{field}_contact"), format!("{field}_after"));
    let rows = form.values(&contacts).zip(form.values(&afters));
    let rows = rows.map(|(contact, after)| Row { contact: contact.to_owned(), after: after.to_owned() });
    rows.filter(|row| !row.contact.is_empty()).collect()
}

pub async fn set(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let rules = Kept { high: steps(&form, "high")?, low: steps(&form, "low")? };
        let actor = signed_in.actor;
        web.write(move |tx| users::set_rules(tx, &actor, id, &rules)).await
    };
    answer(&web, &signed_in, id, done.await, "rules", &form).await
}

/// A row without a contact method is no step; one without a delay comes at once.
fn steps(form: &Fields, field: &'static str) -> Result<Vec<Step>, Refusal> {
    let (contacts, afters) = (format!("{field}_contact"), format!("{field}_after"));
    let rows = form.all(&contacts).zip(form.all(&afters)).filter(|(contact, _)| !contact.is_empty());
    let step = |(contact, after): (&str, &str)| {
        let unknown = |_| Refusal::invalid("contact_unknown", field, "Choose contact methods of the list.");
        let after = if after.trim().is_empty() { "0" } else { after.trim() };
        let range = |_| {
            let sentence = format!("Write delays as whole minutes from 0 to {LATEST_MINUTES}.");
            Refusal::invalid("rule_range", field, sentence)
        };
        Ok(Step { contact: contact.parse().map_err(unknown)?, after_minutes: after.parse().map_err(range)? })
    };
    rows.map(step).collect()
}
