//! The part of one's own `/users/{id}` about how pages look to oneself: theme, clock, time zone, keys.

use super::show;
use crate::app::preferences::{self, Wanted};
use crate::domain::preferences::{HourCycle, Preferences, Theme};
use crate::domain::refusal::Refusal;
use crate::domain::user::User;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, SignedIn};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::{refused, to};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// What the template takes.
pub struct Shown {
    pub form: Form,
    pub themes: Vec<Choice>,
    pub hours: Vec<Choice>,
    pub keys: Vec<Choice>,
}

pub fn shown(kept: &Preferences, user: &User, refused: &Option<Form>) -> Shown {
    let as_it_is = Form::blank("preferences")
        .with("theme", kept.theme.word())
        .with("hours", kept.hours.word())
        .with("keys", if kept.keys { ON } else { OFF })
        .with("zone", &user.zone);
    let theme = |theme: Theme| match theme {
        Theme::System => "as the device",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let hours = |hours: HourCycle| match hours {
        HourCycle::H24 => "21:05",
        HourCycle::H12 => "9:05 pm",
    };
    Shown {
        form: Form::chosen(refused, as_it_is, &[]),
        themes: Theme::ALL.iter().map(|one| Choice::new(one.word(), theme(*one))).collect(),
        hours: HourCycle::ALL.iter().map(|one| Choice::new(one.word(), hours(*one))).collect(),
        keys: vec![Choice::new(ON, "on"), Choice::new(OFF, "off")],
    }
}

const ON: &str = "on";
const OFF: &str = "off";

pub async fn set(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let id = signed_in.user.id;
    let done = async {
        let (wanted, actor) = (wanted(&form)?, signed_in.actor);
        web.write(move |tx| preferences::set(tx, &actor, &wanted)).await
    };
    match refused(done.await)? {
        Ok(()) => Ok(to(format!("/users/{id}#preferences"))),
        Err(refusal) => show(&web, &signed_in, id, Some(Form::refused("preferences", &form.0.0, refusal))).await,
    }
}

fn wanted(form: &Fields) -> Result<Wanted, Refusal> {
    let unknown = |field| move || Refusal::invalid("unknown", field, "Choose one of the list.");
    let keys = match form.text("keys") {
        ON => Ok(true),
        OFF => Ok(false),
        _ => Err(unknown("keys")()),
    };
    Ok(Wanted {
        theme: Theme::from_word(form.text("theme")).ok_or_else(unknown("theme"))?,
        hours: HourCycle::from_word(form.text("hours")).ok_or_else(unknown("hours"))?,
        keys: keys?,
        zone: form.text("zone").to_owned(),
    })
}
