//! Deeds for several incidents at once: the boxes of the list, and the bar below it.
//!
//! What became of it stands in the address that the answer leads to, as numbers; the sentence is made of what those
//! incidents are by then: "3 acknowledged, 1 was already resolved (#1840)."

use crate::app::incidents::{self, Became, Deed};
use crate::app::{AppError, Read};
use crate::domain::incident::Status;
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, QueryFields, SignedIn};
use crate::web::ui::clock::list;
use crate::web::ui::form::Form;
use crate::web::ui::fragment::Fragment;
use crate::web::ui::incidents::show;
use crate::web::ui::{refused, to};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// As many as a list shows.
const AT_ONCE: usize = 200;

pub async fn acknowledge(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    fragment: Fragment,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, fragment, form, "acknowledged", Deed::Acknowledge).await
}

pub async fn resolve(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    fragment: Fragment,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, fragment, form, "resolved", Deed::Resolve).await
}

async fn act(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    fragment: Fragment,
    form: FormBody,
    word: &'static str,
    deed: Deed,
) -> Result<Response, WebError> {
    let done = async {
        let (numbers, acting_as) = (chosen(&form)?, form.optional_id("acting_as")?);
        let actor = signed_in.actor;
        web.write(move |tx| incidents::act_on_each(tx, &actor, &numbers, acting_as, &deed)).await
    };
    let (back, refusal) = match refused(done.await)? {
        Ok(outcomes) => (back(&form, word, &outcomes), None),
        Err(refusal) => (form.text("back").to_owned(), Some(Form::refused("bulk", &form.0.0, refusal))),
    };
    if refusal.is_none() && fragment == Fragment::Page {
        return Ok(to(format!("/incidents?{back}")));
    }
    show(&web, &signed_in, QueryFields(Fields::parse(back.as_bytes())), refusal, fragment).await
}

fn chosen(form: &Fields) -> Result<Vec<u64>, Refusal> {
    let mut numbers: Vec<u64> = form.all("number").filter_map(|number| number.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() || numbers.len() > AT_ONCE {
        let sentence = format!("Tick 1 to {AT_ONCE} incidents of the list first.");
        return Err(Refusal::invalid("none_chosen", "number", sentence));
    }
    Ok(numbers)
}

/// The list that the reader came from, with what was done.
fn back(form: &Fields, word: &str, outcomes: &[(u64, Became)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(form.text("back").as_bytes()) {
        if !OUTCOME.contains(&name.as_ref()) {
            query.append_pair(&name, &value);
        }
    }
    let done = outcomes.iter().filter(|(_, became)| *became == Became::Done).count();
    query.append_pair("did", word).append_pair("done", &done.to_string());
    let left = outcomes.iter().filter(|(_, became)| *became == Became::Left).map(|(number, _)| number.to_string());
    let left: Vec<String> = left.collect();
    if !left.is_empty() {
        query.append_pair("left", &left.join(","));
    }
    query.finish()
}

/// What an outcome is called in the address of the list.
pub const OUTCOME: [&str; 3] = ["did", "done", "left"];

/// In a sentence; empty when the address tells of none.
pub fn outcome(read: &Read<'_>, query: &QueryFields) -> Result<String, AppError> {
    let word = match query.text("did") {
        "acknowledged" => "acknowledged",
        "resolved" => "resolved",
        _ => return Ok(String::new()),
    };
    let done: usize = query.text("done").parse().unwrap_or_default();
    let (mut resolved, mut taken) = (Vec::new(), Vec::new());
    for number in query.text("left").split(',').filter_map(|number| number.parse::<u64>().ok()).take(AT_ONCE) {
        match incidents::find(read, &number.to_string())?.status {
            Status::Resolved => resolved.push(format!("#{number}")),
            Status::Triggered | Status::Acknowledged => taken.push(format!("#{number}")),
        }
    }
    let left = [(resolved, "resolved"), (taken, "acknowledged")];
    let left = left.iter().filter(|(numbers, _)| !numbers.is_empty()).map(|(numbers, state)| {
        let was = if numbers.len() == 1 { "was" } else { "were" };
        format!(", {} {was} already {state} ({})", numbers.len(), list(numbers))
    });
    Ok(format!("{done} {word}{}.", left.collect::<String>()))
}
