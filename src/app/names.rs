//! Names for ids, for everything that is shown to a person.

use crate::app::AppError;
use crate::domain::effect::Reason;
use crate::domain::id::{AlertSourceId, PolicyId, ScheduleId, TeamId, UserId};
use crate::domain::incident::{Incident, Phase};
use crate::domain::notification::Notification;
use crate::domain::oncall::{Place, Source};
use crate::domain::policy::Policy;
use crate::domain::schedule::Schedule;
use crate::domain::team::Team;
use crate::domain::timeline::Via;
use crate::domain::user::User;
use crate::store::{Read, alert_sources, policies, schedules, teams, users};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Names {
    pub users: BTreeMap<UserId, String>,
    pub inactive: Vec<UserId>,
    pub teams: BTreeMap<TeamId, String>,
    pub schedules: BTreeMap<ScheduleId, String>,
    pub policies: BTreeMap<PolicyId, String>,
    pub sources: BTreeMap<AlertSourceId, String>,
}

pub fn all(read: &impl Read) -> Result<Names, AppError> {
    let people = users::users_all(read, super::MANY)?;
    Ok(Names {
        inactive: people.iter().filter(|user| !user.is_active()).map(|user| user.id).collect(),
        users: people.into_iter().map(|user| (user.id, user.name)).collect(),
        teams: teams::teams_all(read, super::MANY)?.into_iter().map(|team| (team.id, team.name)).collect(),
        schedules: schedules::schedules_all(read, super::MANY)?.into_iter().map(|s| (s.id, s.name)).collect(),
        policies: policies::policies_all(read, super::MANY)?.into_iter().map(|p| (p.id, p.name)).collect(),
        sources: alert_sources::alert_sources_all(read, super::MANY)?.into_iter().map(|s| (s.id, s.name)).collect(),
    })
}

/// "Why me?" in one sentence, from what was kept when the decision was made.
pub fn why(read: &impl Read, notification: &Notification, policy: Option<&Policy>) -> Result<String, AppError> {
    let policy = policy.map_or("(missing policy)", |policy| &policy.name);
    let step = match notification.reason {
        Reason::Page { level: Some(level) } => format!("Level {level} of {policy}"),
        Reason::Page { level: None } => policy.to_owned(),
        Reason::Test | Reason::Code | Reason::Answer => return Ok("You asked for it".to_owned()),
        Reason::Invitation => return Ok("You are invited".to_owned()),
        Reason::Account => return Ok("It is your account".to_owned()),
        Reason::Notice => return Ok("You are an admin".to_owned()),
        Reason::Update(_) => return Ok("You were paged for this incident".to_owned()),
    };
    let schedule = |id: ScheduleId| -> Result<String, AppError> {
        Ok(read.get_sound::<Schedule>(id)?.map_or("(missing schedule)".to_owned(), |schedule| schedule.name))
    };
    let team = |id: TeamId| -> Result<String, AppError> {
        Ok(read.get_sound::<Team>(id)?.map_or("(missing team)".to_owned(), |team| team.name))
    };
    Ok(match notification.via {
        Via::Named => format!("{step}: you are named there"),
        Via::Schedule { schedule: id, place } => {
            format!("{step}: schedule {}, {}", schedule(id)?, claim_words(&place))
        }
        Via::TeamSchedule { team: team_id, schedule: id, place } => {
            let (team, schedule) = (team(team_id)?, schedule(id)?);
            format!("{step}: team {team}, schedule {schedule}, {}", claim_words(&place))
        }
        Via::TeamMember { team: id } => format!("{step}: team {}, which has no schedule, so all are paged", team(id)?),
        Via::LastResort => match covered_by(read, notification)? {
            Some(people) => format!("{policy}: last resort, to know that {people} can be reached again and was called"),
            None => format!("{policy}: last resort, nobody else could be reached"),
        },
        Via::Handed => "Somebody gave it to you".to_owned(),
        Via::HadTaken => "You had taken it, and it is open again".to_owned(),
    })
}

/// Who else is paged in the same visit: a level, when it came to have somebody again.
fn covered_by(read: &impl Read, notification: &Notification) -> Result<Option<String>, AppError> {
    let Some(id) = notification.incident else { return Ok(None) };
    let Some(incident) = read.get::<Incident>(id)? else { return Ok(None) };
    let ladder = &incident.ladder;
    if ladder.phase != Phase::Climbing || ladder.visit != notification.visit {
        return Ok(None);
    }
    let mut people = Vec::new();
    for user in &ladder.paged {
        people.extend(read.get_sound::<User>(*user)?.map(|user| user.name));
    }
    Ok(Some(people.join(", ")))
}

fn claim_words(place: &Place) -> &'static str {
    match place.claim {
        _ if place.replaced.is_some() => "by an override",
        Source::Override(_) => "by an override",
        Source::Entry(_) => "by your entry",
        Source::Layer(_) => "by your turn in its rotation",
        Source::ImportedCover(_) => "by an imported calendar",
        Source::Fallback => "as its fallback",
    }
}
