//! `/escalation-policies`: the list, and making one with its first level.

use crate::app::policies::{self, Basics};
use crate::app::{AppError, alert_sources, context, schedules, teams, users};
use crate::domain::id::UserId;
use crate::domain::policy::{Level, Policy, REPAGE_MINUTES_DEFAULT, REPEAT_DEFAULT, Recipient};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, SignedIn};
use crate::web::ui::clock::{count, list};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Sight, active_people, page as drawn, refused, to};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/escalation_policies.html", askama = rinja)]
struct Policies {
    shell: Shell,
    policies: Vec<Row>,
}

struct Row {
    href: String,
    name: String,
    levels: usize,
    /// Whom the first level would call now.
    calls: String,
    used_by: String,
}

#[derive(Template)]
#[template(path = "templates/escalation_policy_new.html", askama = rinja)]
struct NewPolicy {
    shell: Shell,
    form: Form,
    slots: Slots,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/escalation-policies" };
    let page = desk
        .look(|sight, shell| {
            let sources = alert_sources::all(sight.read)?;
            let row = |policy: Policy| {
                let used = sources.iter().filter(|source| source.policy == policy.id).count();
                Ok(Row {
                    href: format!("/escalation-policies/{}", policy.id),
                    levels: policy.levels.len(),
                    calls: calls(sight, &policy)?,
                    used_by: if used == 0 { "nothing".to_owned() } else { count(used, "source") },
                    name: policy.name,
                })
            };
            let policies = policies::all(sight.read)?.into_iter().map(row).collect::<Result<_, AppError>>()?;
            Ok(Policies { shell, policies })
        })
        .await?;
    drawn(StatusCode::OK, &page)
}

fn calls(sight: &Sight<'_>, policy: &Policy) -> Result<String, AppError> {
    let now = sight.reader.now;
    let context = context::for_policy(sight.read, policy.id, BTreeSet::new(), now)?;
    let first = policy.levels.iter().map(|level| context.people_of(level, now).0).find(|called| !called.is_empty());
    let people: Vec<UserId> = match first {
        Some(called) => called.iter().map(|called| called.user).collect(),
        None => context.last_resort(now).0,
    };
    let people: Vec<&str> = people.iter().map(|user| sight.names.user(*user)).collect();
    Ok(if people.is_empty() { "nobody".to_owned() } else { list(&people) })
}

pub async fn new(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    new_page(&web, &signed_in, Form::blank("policy").with("number", 1).with("delay", 5)).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics, levels) = (signed_in.actor, Basics::named(form.text("name")), [level(&form)?]);
        web.write(move |tx| policies::create(tx, &actor, &basics, &levels)).await
    };
    match refused(done.await)? {
        Ok(id) => Ok(to(format!("/escalation-policies/{id}"))),
        Err(refusal) => new_page(&web, &signed_in, Form::refused("policy", &form.0.0, refusal)).await,
    }
}

async fn new_page(web: &Arc<Web>, signed_in: &SignedIn, form: Form) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/escalation-policies" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let slots = Slots { chosen: with_blanks(form.values("recipients")), choices: recipients(sight)? };
            Ok(NewPolicy { shell, form, slots })
        })
        .await?;
    drawn(status, &page)
}

impl NewPolicy {
    /// What it starts with besides its first level.
    fn defaults(&self) -> String {
        let again = count(usize::from(REPEAT_DEFAULT), "more time");
        format!(
            "If nobody answers, the ladder is climbed {again}, then the last resort is paged every \
             {REPAGE_MINUTES_DEFAULT} minutes. Both can be changed after saving."
        )
    }
}

/// Selects of one field: one for each that is chosen, and some to choose more.
pub struct Slots {
    pub chosen: Vec<String>,
    pub choices: Vec<Choice>,
}

const RECIPIENTS_AT_MOST: usize = 10;

/// The chosen ones and two empty places, at least three in all.
pub fn with_blanks<'a>(chosen: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut slots: Vec<String> = chosen.filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let wanted = (slots.len() + 2).clamp(3, RECIPIENTS_AT_MOST.max(slots.len()));
    slots.resize(wanted, String::new());
    slots
}

/// Everything a level may name. People who became inactive are among them, marked, so that what is saved stays visible.
pub fn recipients(sight: &Sight<'_>) -> Result<Vec<Choice>, AppError> {
    let schedules = schedules::all(sight.read)?.into_iter();
    let schedules =
        schedules.map(|s| Choice::new(spelled(&Recipient::Schedule(s.id)), format!("Schedule: {}", s.name)));
    let teams = teams::all(sight.read)?.into_iter();
    let teams = teams.map(|team| Choice::new(spelled(&Recipient::Team(team.id)), format!("Team: {}", team.name)));
    let mut choices: Vec<Choice> = schedules.chain(teams).collect();
    choices.extend(people(sight)?);
    Ok(choices)
}

/// Everybody by name, the inactive last and marked.
pub fn people(sight: &Sight<'_>) -> Result<Vec<Choice>, AppError> {
    let users = users::all(sight.read)?;
    let mut choices = active_people(&users);
    let inactive = users.iter().filter(|user| !user.is_active());
    choices.extend(inactive.map(|user| Choice::new(user.id, sight.names.marked(user.id))));
    Ok(choices)
}

/// A recipient as a form writes it: ids say what they are of.
pub fn spelled(recipient: &Recipient) -> String {
    match recipient {
        Recipient::User(id) => id.to_string(),
        Recipient::Schedule(id) => id.to_string(),
        Recipient::Team(id) => id.to_string(),
    }
}

fn recipient(text: &str) -> Result<Recipient, Refusal> {
    let user = text.parse().map(Recipient::User);
    let schedule = || text.parse().map(Recipient::Schedule);
    let team = || text.parse().map(Recipient::Team);
    let found = user.or_else(|_| schedule()).or_else(|_| team());
    found.map_err(|_| Refusal::invalid("unknown", "recipients", "Choose one that is on the list."))
}

/// The level that a form describes. Each recipient counts once.
pub fn level(form: &Fields) -> Result<Level, Refusal> {
    let mut recipients = Vec::new();
    for text in form.all("recipients").filter(|text| !text.is_empty()) {
        let recipient = recipient(text)?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(Level { number: form.number("number")?, delay_minutes: form.number("delay")?, recipients })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Id, ScheduleId, TeamId};

    #[test]
    fn a_recipient_reads_back_what_a_form_writes() {
        for one in
            [Recipient::User(UserId::new(7)), Recipient::Schedule(ScheduleId::new(7)), Recipient::Team(TeamId::new(7))]
        {
            assert_eq!(recipient(&spelled(&one)), Ok(one));
        }
        assert!(recipient("src_7").is_err());
    }

    #[test]
    fn there_is_always_a_place_for_another_recipient_until_ten() {
        let check = |chosen: usize, slots: usize| {
            let chosen = vec!["usr_1"; chosen];
            assert_eq!(with_blanks(chosen.into_iter()).len(), slots);
        };
        check(0, 3);
        check(2, 4);
        check(9, 10);
        check(10, 10);
    }
}
