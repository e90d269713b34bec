//! What a new installation needs before it can be relied on, in the order it is best done: on the dashboard of whoever
//! may configure, until all of it is done.
//!
//! It looks at what is there, so nothing is ticked by hand and a step that is undone comes back. Whether the machine is
//! fit for production is another question, which `/settings` answers.

use crate::app::oncall::OnCall;
use crate::app::{App, AppError, Read, alert_sources, policies, teams, users};
use crate::domain::access::Role;

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub done: bool,
    pub text: &'static str,
    /// Where it is done. Empty for what the machine's configuration says.
    pub href: &'static str,
}

/// What the steps depend on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Found {
    team: bool,
    covered: bool,
    policy: bool,
    heard: bool,
    proved: bool,
    sending: bool,
    base_url: bool,
    second_admin: bool,
}

/// Every step, or none once all are done.
pub fn steps(app: &App, read: &Read<'_>, on_call: &[OnCall]) -> Result<Vec<Step>, AppError> {
    let steps = steps_of(found(app, read, on_call)?);
    Ok(if steps.iter().all(|step| step.done) { vec![] } else { steps })
}

fn found(app: &App, read: &Read<'_>, on_call: &[OnCall]) -> Result<Found, AppError> {
    let people = users::all(read)?;
    let active = || people.iter().filter(|user| user.is_active());
    let mut heard = false;
    for source in alert_sources::all(read)? {
        heard = heard || !alert_sources::recent_events(read, source.id)?.is_empty();
    }
    Ok(Found {
        team: !teams::all(read)?.is_empty(),
        covered: !on_call.is_empty() && on_call.iter().all(|on_call| on_call.gap.is_none()),
        policy: policies::all(read)?.iter().any(|policy| policy.levels.len() > 1 && !policy.last_resort.is_empty()),
        heard,
        proved: active().flat_map(|user| &user.contacts).any(|contact| contact.verified_at.is_some()),
        sending: app.switches().sending && app.board.channels().values().any(|state| state.provider.is_some()),
        base_url: app.settings.base_url.is_some(),
        second_admin: active().filter(|user| user.role == Role::Admin && user.login.is_some()).count() > 1,
    })
}

fn steps_of(found: Found) -> Vec<Step> {
    let step = |done, text, href| Step { done, text, href };
    vec![
        step(found.team, "A team that alerts can belong to", "/teams"),
        step(found.covered, "A schedule with somebody on call at every hour of the next 14 days", "/schedules"),
        step(found.policy, "An escalation policy with two levels and a last resort", "/escalation-policies"),
        step(found.heard, "An alert source that something was heard from", "/alert-sources"),
        step(found.proved, "A contact method that was tried: send yourself a code", "/me"),
        step(found.sending, "Sending on, with a provider (NOTIFICATION_SENDING_ENABLED, INFOBIP_* or SMTP_*)", ""),
        step(found.base_url, "The address people reach this at (PAGERPAL_BASE_URL), for links in messages", ""),
        step(found.second_admin, "A second admin who can sign in", "/users"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_ticked_by_what_it_is_about() {
        let none = Found::default();
        assert!(steps_of(none).iter().all(|step| !step.done));
        let each = [
            Found { team: true, ..none },
            Found { covered: true, ..none },
            Found { policy: true, ..none },
            Found { heard: true, ..none },
            Found { proved: true, ..none },
            Found { sending: true, ..none },
            Found { base_url: true, ..none },
            Found { second_admin: true, ..none },
        ];
        for (place, found) in each.into_iter().enumerate() {
            let done: Vec<usize> =
                steps_of(found).iter().enumerate().filter(|(_, step)| step.done).map(|(place, _)| place).collect();
            assert_eq!(done, [place]);
        }
    }
}
