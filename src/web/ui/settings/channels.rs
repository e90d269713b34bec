//! Channels on the page of settings: whether each works, the last messages with what the provider said, and a test to oneself.

use super::show;
use crate::app::{AppError, checks, users};
use crate::domain::contact::Channel;
use crate::domain::refusal::Refusal;
use crate::domain::throttle::ChannelTrouble;
use crate::domain::timeline::Via;
use crate::domain::user::{ContactMethod, User};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, SignedIn};
use crate::web::ui::clock::{Reader, When};
use crate::web::ui::dashboard::channel_facts;
use crate::web::ui::deliveries::{about, attempt_words, shown_address, state};
use crate::web::ui::form::Form;
use crate::web::ui::{Fact, Sight, refused, to};
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

/// Messages that are listed.
const SHOWN: usize = 20;

pub struct Channels {
    pub facts: Vec<Fact>,
    pub tests: Vec<TestButton>,
    pub messages: Vec<Message>,
}

/// A test to the reader's own address.
pub struct TestButton {
    pub action: String,
    pub channel: &'static str,
    /// `None`: the reader has none for it.
    pub address: Option<String>,
}

pub struct Message {
    pub when: When,
    pub to: String,
    pub what: String,
    pub class: &'static str,
    pub shape: &'static str,
    pub state: String,
    /// What the provider said last.
    pub words: String,
}

pub fn shown(sight: &Sight<'_>) -> Result<Channels, AppError> {
    let Sight { app, read, names, reader, viewer } = *sight;
    let mut facts = channel_facts(app, reader);
    let troubles = crate::app::system::troubles(app)?;
    facts.extend(troubles.iter().map(|trouble| trouble_fact(trouble, reader)));
    // In safe mode a test is recorded with its text, so one can be asked for before anything is set up.
    let is_up = |channel: Channel| {
        let provider = app.board.channels().get(&channel).and_then(|state| state.provider);
        provider.is_some() || !app.switches().sending
    };
    let test = |channel: Channel| TestButton {
        action: format!("/settings/channels/{}/test", channel.word()),
        channel: channel.title(),
        address: own(viewer, channel).map(|contact| shown_address(channel, &contact.address, viewer.role)),
    };
    let messages = checks::last_deliveries(read, SHOWN)?.into_iter().map(|delivery| {
        let (class, shape, state) = state(&delivery, reader);
        let address = shown_address(delivery.channel, &delivery.address, viewer.role);
        Message {
            when: reader.when(delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.claimed_at)),
            to: format!("{}, {} {address}", names.marked(delivery.user), delivery.channel.title()),
            what: about(delivery.reason, Via::Named),
            class,
            shape,
            state,
            words: delivery.attempts.last().map(|attempt| attempt_words(attempt, &delivery)).unwrap_or_default(),
        }
    });
    Ok(Channels {
        facts,
        tests: Channel::ALL.into_iter().filter(|channel| is_up(*channel)).map(test).collect(),
        messages: messages.collect(),
    })
}

/// The contact method that a test goes to: the first that is on, a proved one before others.
fn own(user: &User, channel: Channel) -> Option<&ContactMethod> {
    let on = || user.contacts.iter().filter(move |contact| contact.channel == channel && contact.enabled);
    on().find(|contact| contact.verified_at.is_some()).or_else(|| on().next())
}

fn trouble_fact(trouble: &ChannelTrouble, reader: &Reader) -> Fact {
    let ChannelTrouble { channel, told_at, why } = trouble;
    let why = if why.is_empty() { "the reason was not kept" } else { why };
    Fact::bad(format!(
        "{} worked for nobody, as admins were told {}: {why}",
        channel.title(),
        reader.when(*told_at).text
    ))
}

pub async fn send_test(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(channel): Path<String>,
    form: FormBody,
) -> Result<Response, WebError> {
    let channel = Channel::from_word(&channel).ok_or_else(|| Refusal::not_found("channel"))?;
    let actor = signed_in.actor;
    let id = signed_in.user.id;
    let sent = web.write(move |tx| {
        let user = users::one(tx, id)?;
        let contact = own(&user, channel).map(|contact| contact.id).ok_or_else(|| {
            let sentence = format!("You have no contact method for {} that is on. Add one under Me.", channel.title());
            Refusal::conflict("contact_off", sentence)
        })?;
        users::send_test(tx, &actor, id, contact)
    });
    match refused(sent.await)? {
        Ok(()) => Ok(to("/settings#channels")),
        Err(refusal) => show(&web, &signed_in, Some(Form::refused("test", &form.0.0, refusal))).await,
    }
}
