//! `/escalation-policies`: the list, and making one with its first level.

use crate::app::policies::{self, Basics};
use crate::app::{AppError, alert_sources, context, schedules, teams, users};
use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::policy::{Level, Policy, REPAGE_MINUTES_DEFAULT, REPEAT_DEFAULT, Recipient};
use crate::domain::refusal::Refusal;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, QueryFields, SignedIn};
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
    starts: [Start; 3],
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
    starts: [Start; 3],
    first: Slots,
    second: Slots,
    last_resort: Slots,
}

/// What most teams begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Solo,
    Pair,
    Team,
}

impl Start {
    const ALL: [Start; 3] = [Start::Solo, Start::Pair, Start::Team];

    fn read(word: &str) -> Option<Start> {
        Start::ALL.into_iter().find(|start| start.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Start::Solo => "solo",
            Start::Pair => "pair",
            Start::Team => "team",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Start::Solo => "Solo",
            Start::Pair => "Pair",
            Start::Team => "Team with backup",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Start::Solo => "One person, called again until they answer.",
            Start::Pair => "One person, and after 5 minutes the other.",
            Start::Team => "Whoever is on call, and after 5 minutes somebody who stands behind them.",
        }
    }

    /// The form as it would be filled in by whoever reads it: with him, and with the first of what is there.
    fn form(self, sight: &Sight<'_>) -> Result<Form, AppError> {
        let me = sight.viewer.id;
        let people = users::all(sight.read)?;
        let other = people.iter().find(|user| user.id != me && user.is_active() && user.role > Role::Viewer);
        let other = other.map(|user| user.id.to_string()).unwrap_or_default();
        let on_call = match (schedules::all(sight.read)?.first(), teams::all(sight.read)?.first()) {
            (Some(schedule), _) => schedule.id.to_string(),
            (None, Some(team)) => team.id.to_string(),
            (None, None) => me.to_string(),
        };
        let form = blank();
        Ok(match self {
            Start::Solo => form.with("recipients", me).with("last_resort", me),
            Start::Pair => {
                let form = form.with("recipients", me).with("recipients_2", &other);
                form.and("last_resort", me).and("last_resort", other)
            }
            Start::Team => form.with("recipients", on_call).with("recipients_2", me).with("last_resort", me),
        })
    }
}

fn blank() -> Form {
    Form::blank("policy").with("number", 1).with("delay", 5).with("delay_2", 10)
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
            Ok(Policies { shell, policies, starts: Start::ALL })
        })
        .await?;
    drawn(StatusCode::OK, &page)
}

/// Whom an alert would page right now.
pub fn calls(sight: &Sight<'_>, policy: &Policy) -> Result<String, AppError> {
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

pub async fn new(State(web): State<Arc<Web>>, signed_in: SignedIn, query: QueryFields) -> Result<Response, WebError> {
    new_page(&web, &signed_in, blank(), Start::read(query.text("start"))).await
}

pub async fn create(State(web): State<Arc<Web>>, signed_in: SignedIn, form: FormBody) -> Result<Response, WebError> {
    let done = async {
        let actor = signed_in.actor;
        let basics = Basics { last_resort: last_resort(&form)?, ..Basics::named(form.text("name")) };
        let first = level(&form)?;
        let second = second_level(&form, first.number)?;
        let levels: Vec<Level> = std::iter::once(first).chain(second).collect();
        web.write(move |tx| policies::create(tx, &actor, &basics, &levels)).await
    };
    match refused(done.await)? {
        Ok(id) => Ok(to(format!("/escalation-policies/{id}"))),
        Err(refusal) => new_page(&web, &signed_in, Form::refused("policy", &form.0.0, refusal), None).await,
    }
}

async fn new_page(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    form: Form,
    start: Option<Start>,
) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/escalation-policies" };
    let status = form.status();
    let page = desk
        .look(move |sight, shell| {
            let form = start.map_or(Ok(form), |start| start.form(sight))?;
            let slots = |field: &str, choices: Vec<Choice>| Slots { chosen: with_blanks(form.values(field)), choices };
            let choices = recipients(sight)?;
            Ok(NewPolicy {
                shell,
                starts: Start::ALL,
                first: slots("recipients", choices.clone()),
                second: slots("recipients_2", choices),
                last_resort: slots("last_resort", people(sight)?),
                form,
            })
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

/// The people of the last resort, each once.
pub fn last_resort(form: &Fields) -> Result<Vec<UserId>, Refusal> {
    let mut last_resort: Vec<UserId> = Vec::new();
    for text in form.all("last_resort").filter(|text| !text.is_empty()) {
        let unknown = || Refusal::invalid("unknown", "last_resort", "Choose one that is on the list.");
        let user = text.parse().map_err(|_| unknown())?;
        if !last_resort.contains(&user) {
            last_resort.push(user);
        }
    }
    Ok(last_resort)
}

/// The level above the first, if the form names anybody for it.
fn second_level(form: &Fields, first: u8) -> Result<Option<Level>, Refusal> {
    let recipients = recipients_in(form, "recipients_2")?;
    if recipients.is_empty() {
        return Ok(None);
    }
    Ok(Some(Level { number: first.saturating_add(1), delay_minutes: form.number("delay_2")?, recipients }))
}

/// The level that a form describes.
pub fn level(form: &Fields) -> Result<Level, Refusal> {
    let recipients = recipients_in(form, "recipients")?;
    Ok(Level { number: form.number("number")?, delay_minutes: form.number("delay")?, recipients })
}

/// Each counts once.
fn recipients_in(form: &Fields, field: &str) -> Result<Vec<Recipient>, Refusal> {
    let mut recipients = Vec::new();
    for text in form.all(field).filter(|text| !text.is_empty()) {
        let recipient = recipient(text)?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
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
