//! What surrounds every page: navigation, who is signed in, and the strips that say what keeps PagerPal from paging.

use crate::app::oncall;
use crate::app::system::Alarm;
use crate::domain::access::{Action, Role, may};
use crate::domain::preferences::Preferences;
use crate::web::ui::clock::{Reader, list};
use crate::web::ui::names::Names;

/// Where a signed-in person finds things, in this order.
const NAV: [(&str, &str); 13] = [
    ("/dashboard", "Dashboard"),
    ("/incidents", "Incidents"),
    ("/on-call", "On-call"),
    ("/schedules", "Schedules"),
    ("/teams", "Teams"),
    ("/users", "Users"),
    ("/escalation-policies", "Escalation policies"),
    ("/alert-sources", "Alert sources"),
    ("/heartbeats", "Heartbeats"),
    ("/maintenance", "Maintenance"),
    ("/reports", "Reports"),
    (AUDIT, "Audit"),
    ("/settings", "Settings"),
];

/// The one section that only admins may see.
const AUDIT: &str = "/audit";

/// How many of them fit the bar of a narrow screen; the rest is behind "More".
const NAV_IN_BAR: usize = 3;

#[derive(Clone, Debug)]
pub struct Shell {
    /// The path of the section this page belongs to.
    pub section: &'static str,
    pub account: Account,
    /// "on call until Mon 09:00", when the reader is.
    pub duty: Option<Duty>,
    pub strips: Vec<Strip>,
    /// What was known when the page was drawn: where its stream of facts begins.
    pub at: String,
    /// When that was, in seconds, for clocks that are wrong in the browser.
    pub now: i64,
    /// Whether there is a pretend phone to look at.
    pub is_demo: bool,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub role: Role,
    pub zone: String,
    pub preferences: Preferences,
    /// The session's token; every form carries it.
    pub csrf: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duty {
    pub words: String,
    /// For what.
    pub schedules: String,
}

impl Duty {
    pub fn new(duties: &[oncall::Duty], names: &Names, reader: &Reader) -> Option<Duty> {
        let first = duties.first()?;
        let words = match first.until {
            Some(until) => format!("on call until {}", reader.clock(until)),
            None => "on call".to_owned(),
        };
        let schedules: Vec<&str> = duties.iter().map(|duty| names.schedule(duty.schedule)).collect();
        Some(Duty { words, schedules: list(&schedules) })
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strip {
    /// `red`: a page may not arrive. `amber`: something to know.
    pub class: &'static str,
    pub text: String,
}

impl Strip {
    pub fn new((alarm, text): (Alarm, String)) -> Strip {
        let class = match alarm {
            Alarm::Red => "red",
            Alarm::Amber => "amber",
        };
        Strip { class, text }
    }
}

impl Shell {
    pub fn nav(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> + use<> {
        let is_admin = self.may_configure();
        NAV.iter().filter(move |(href, _)| *href != AUDIT || is_admin)
    }

    pub fn nav_in_bar(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> + use<> {
        self.nav().take(NAV_IN_BAR)
    }

    pub fn nav_behind_more(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> + use<> {
        self.nav().skip(NAV_IN_BAR)
    }

    pub fn csrf(&self) -> &str {
        &self.account.csrf
    }

    pub fn may_work(&self) -> bool {
        may(self.account.role, Action::WorkOnIncidents)
    }

    pub fn may_configure(&self) -> bool {
        may(self.account.role, Action::Configure)
    }
}
