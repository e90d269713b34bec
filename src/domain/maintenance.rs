//! Maintenance windows and silences: when the alerts of some sources open incidents that page nobody yet.
//!
//! A window covers sources or a team, once or again and again. A *silence* is a window that labels narrow; it comes once
//! and lasts a week at most. Both act on new incidents only: what is open stays as it is, and what is still open when the
//! window ends is paged then.

use crate::domain::entry::Interval;
use crate::domain::id::{AlertSourceId, MaintenanceId, TeamId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::rotation::cron::Matches;
use crate::domain::rotation::{Civil, reading_at};
use crate::domain::time::{Timestamp, zone_named};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Maintenance {
    pub id: MaintenanceId,
    pub name: String,
    pub scope: Scope,
    pub occurs: Occurs,
    /// A name of the zone database: where its times were typed, and where a pattern is read.
    pub zone: String,
    /// All must hold; some make it a silence.
    pub matchers: Vec<Matcher>,
    pub author: Option<UserId>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// Every source of the team, as it is when an alert comes.
    Team(TeamId),
    Sources(Vec<AlertSourceId>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Occurs {
    Once(Interval),
    /// From each match of a fixed cron pattern, for so long by the clock of elapsed time.
    Again {
        pattern: String,
        /// 1 to 10080: seven days.
        minutes: u16,
        /// Somebody ended it early: what had begun by then was over then.
        ended_at: Option<Timestamp>,
    },
}

/// What one label must be. An absent label is an empty one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Matcher {
    pub label: String,
    /// False: anything but the value.
    pub equals: bool,
    pub value: String,
}

/// The longest silence, and the longest occurrence of a recurring window.
pub const LONGEST_MINUTES: u16 = 7 * 24 * 60;

/// Clocks are never set by more than this: an occurrence that runs began at most so much more of the wall clock ago than it
/// lasts.
const CLOCK_CHANGE_MINUTES: i64 = 25 * 60;

/// Label matchers a silence may have.
pub const MATCHERS: usize = 10;

impl Scope {
    /// As a person chooses: a team, or single sources.
    pub fn chosen(team: Option<TeamId>, sources: Vec<AlertSourceId>) -> Result<Scope, Refusal> {
        match team {
            Some(_) if !sources.is_empty() => {
                let sentence =
                    "Choose a team or single alert sources, not both: a team's window covers all its sources.";
                Err(Refusal::invalid("scope_both", "scope", sentence))
            }
            Some(team) => Ok(Scope::Team(team)),
            None => Ok(Scope::Sources(sources)),
        }
    }
}

impl Matcher {
    pub fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.label).map_or("", String::as_str);
        (value == self.value) == self.equals
    }

    /// One per line, `severity=info` or `cluster!=prod`; empty lines count for nothing.
    pub fn parse_all(text: &str) -> Result<Vec<Matcher>, Refusal> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let matchers: Vec<Matcher> = lines.map(Matcher::parse).collect::<Result<_, _>>()?;
        if matchers.len() > MATCHERS {
            let sentence = format!("A silence has at most {MATCHERS} label matchers.");
            return Err(Refusal::invalid("matcher_range", "matchers", sentence));
        }
        Ok(matchers)
    }

    fn parse(line: &str) -> Result<Matcher, Refusal> {
        let refusal = || {
            let sentence = "Write one label on each line, as service=checkout or cluster!=prod.";
            Refusal::invalid("matcher_form", "matchers", sentence)
        };
        let (label, value) = line.split_once('=').ok_or_else(refusal)?;
        // A space before the `=` changes nothing: written back without it, the line must not mean the opposite.
        let label = label.trim_end();
        let (label, equals) = label.strip_suffix('!').map_or((label, true), |label| (label, false));
        let (label, value) = (label.trim(), value.trim());
        // `=~` is how others begin a regular expression; taken as text it would match nothing, silently.
        if label.is_empty() || label.ends_with('~') || value.starts_with('~') || line.chars().count() > 300 {
            return Err(refusal());
        }
        Ok(Matcher { label: label.to_owned(), equals, value: value.to_owned() })
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}{}{}", self.label, if self.equals { "=" } else { "!=" }, self.value)
    }
}

impl Maintenance {
    /// What a person may set, `now` being when they do.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        let Some(zone) = zone_named(&self.zone) else {
            let sentence = format!("{} is not a place. Choose one, such as America/New_York.", self.zone);
            return Err(Refusal::invalid("zone_unknown", "zone", sentence));
        };
        if matches!(&self.scope, Scope::Sources(sources) if sources.is_empty()) {
            let sentence = "Choose a team or at least one alert source: a window over nothing holds nothing back.";
            return Err(Refusal::invalid("scope_empty", "scope", sentence));
        }
        match &self.occurs {
            Occurs::Once(span) => {
                let span = Interval::checked(span.start, span.end)?;
                let is_long = span.end.secs_since(span.start) > i64::from(LONGEST_MINUTES) * 60;
                if is_long && !self.matchers.is_empty() {
                    let sentence = "A silence lasts at most 7 days. End it sooner, or leave the labels away: that makes \
                                    it a maintenance window.";
                    return Err(Refusal::invalid("silence_range", "end", sentence));
                }
                Ok(())
            }
            Occurs::Again { .. } if !self.matchers.is_empty() => {
                let sentence = "Only a window that comes once can be narrowed by labels. Leave the labels away, or enter a \
                                start and an end.";
                Err(Refusal::invalid("silence_once", "matchers", sentence))
            }
            Occurs::Again { pattern, minutes, .. } => {
                if !(1..=LONGEST_MINUTES).contains(minutes) {
                    let sentence = "A recurring window lasts from 1 minute to 7 days, which are 10080 minutes.";
                    return Err(Refusal::invalid("duration_range", "minutes", sentence));
                }
                let matches = Matches::parse(pattern, reading_at(&zone, now));
                if matches.is_some_and(|matches| matches.are_sound()) {
                    return Ok(());
                }
                let sentence = "Use five fields with fixed minute and hour, matching within five years and at least one hour \
                                apart.";
                Err(Refusal::invalid("cron_pattern", "pattern", sentence))
            }
        }
    }

    pub fn is_silence(&self) -> bool {
        !self.matchers.is_empty()
    }

    /// Until when it holds back a new incident of this source and team, if it does.
    pub fn holds(
        &self,
        source: AlertSourceId,
        team: TeamId,
        labels: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let is_meant = match &self.scope {
            Scope::Team(meant) => *meant == team,
            Scope::Sources(meant) => meant.contains(&source),
        };
        if !is_meant || !self.matchers.iter().all(|matcher| matcher.holds(labels)) {
            return None;
        }
        self.running(now).map(|span| span.end)
    }

    /// The occurrence that runs now; of several that overlap the one that ends last, which is the one begun last.
    pub fn running(&self, now: Timestamp) -> Option<Interval> {
        let span = match &self.occurs {
            Occurs::Once(span) => *span,
            Occurs::Again { pattern, minutes, ended_at } => {
                let zone = self.place();
                let reading = reading_at(&zone, now);
                let matches = Matches::parse(pattern, Civil(reading.0 - i64::from(*minutes) - CLOCK_CHANGE_MINUTES))?;
                let start = matches.number(matches.count(reading).checked_sub(1)?)?.instant(&zone);
                let whole = start.plus_minutes(i64::from(*minutes));
                let end = ended_at.filter(|ended| start <= *ended).map_or(whole, |ended| whole.min(ended));
                Interval { start, end }
            }
        };
        span.contains(now).then_some(span)
    }

    /// What begins after `now`, in order, at most `count`.
    pub fn upcoming(&self, now: Timestamp, count: usize) -> Vec<Interval> {
        match &self.occurs {
            Occurs::Once(span) => Some(*span).filter(|span| now < span.start).into_iter().take(count).collect(),
            Occurs::Again { pattern, minutes, .. } => {
                let zone = self.place();
                let reading = reading_at(&zone, now);
                let Some(matches) = Matches::parse(pattern, reading) else { return vec![] };
                let civil = std::iter::successors(matches.after(reading), |last| matches.after(*last));
                // Two in one gap begin together.
                let mut last = now;
                let starts = civil.map(|civil| civil.instant(&zone)).filter(|start| {
                    let is_next = *start > last;
                    last = last.max(*start);
                    is_next
                });
                let occurrence = |start: Timestamp| Interval { start, end: start.plus_minutes(i64::from(*minutes)) };
                starts.take(count).map(occurrence).collect()
            }
        }
    }

    /// When nothing of it can run any more.
    pub fn last_end(&self) -> Timestamp {
        match &self.occurs {
            Occurs::Once(span) => span.end,
            Occurs::Again { .. } => Timestamp::MAX,
        }
    }

    /// Ends what runs now; what has not begun stays. False if nothing runs.
    pub fn end(&mut self, now: Timestamp) -> bool {
        if self.running(now).is_none() {
            return false;
        }
        match &mut self.occurs {
            Occurs::Once(span) => span.end = now,
            Occurs::Again { ended_at, .. } => *ended_at = Some(now),
        }
        true
    }

    /// The zone of its times. It was checked; a database of zones that lost it since reads as UTC.
    pub fn place(&self) -> TimeZone {
        zone_named(&self.zone).unwrap_or(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().expect("an instant"))
    }

    fn window(occurs: Occurs, zone: &str) -> Maintenance {
        Maintenance {
            id: MaintenanceId::new(1),
            name: "Database upgrade".to_owned(),
            scope: Scope::Team(TeamId::new(5)),
            occurs,
            zone: zone.to_owned(),
            matchers: vec![],
            author: None,
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    fn once(start: &str, end: &str) -> Occurs {
        Occurs::Once(Interval { start: at(start), end: at(end) })
    }

    fn again(pattern: &str, minutes: u16) -> Occurs {
        Occurs::Again { pattern: pattern.to_owned(), minutes, ended_at: None }
    }

    fn holds(window: &Maintenance, now: &str) -> Option<String> {
        let (source, team) = (AlertSourceId::new(10), TeamId::new(5));
        window.holds(source, team, &BTreeMap::new(), at(now)).map(|end| end.to_string())
    }

    #[test]
    fn a_window_holds_from_its_start_until_before_its_end() {
        let window = window(once("2026-06-02T10:00:00Z", "2026-06-02T12:00:00Z"), "UTC");
        assert_eq!(holds(&window, "2026-06-02T09:59:59Z"), None);
        assert_eq!(holds(&window, "2026-06-02T10:00:00Z").as_deref(), Some("2026-06-02T12:00:00Z"));
        assert_eq!(holds(&window, "2026-06-02T11:59:59Z").as_deref(), Some("2026-06-02T12:00:00Z"));
        assert_eq!(holds(&window, "2026-06-02T12:00:00Z"), None);
    }

    #[test]
    fn a_window_holds_the_sources_and_the_team_it_names() {
        let (ours, other) = (AlertSourceId::new(10), AlertSourceId::new(11));
        let mut window = window(once("2026-06-02T10:00:00Z", "2026-06-02T12:00:00Z"), "UTC");
        let check = |window: &Maintenance, source, team, expected: bool| {
            let held = window.holds(source, TeamId::new(team), &BTreeMap::new(), at("2026-06-02T11:00:00Z"));
            assert_eq!(held.is_some(), expected, "{source} {team}");
        };
        check(&window, other, 5, true);
        check(&window, other, 6, false);
        window.scope = Scope::Sources(vec![ours]);
        check(&window, ours, 6, true);
        check(&window, other, 5, false);
    }

    #[test]
    fn a_recurring_window_lasts_elapsed_time_from_each_match() {
        // Clocks go back on 25 October at 03:00 to 02:00: four hours from 01:00 end at 04:00, not at 05:00.
        let nightly = window(again("0 1 * * *", 240), "Europe/Berlin");
        assert_eq!(holds(&nightly, "2026-10-24T22:59:59Z"), None);
        assert_eq!(holds(&nightly, "2026-10-24T23:00:00Z").as_deref(), Some("2026-10-25T03:00:00Z"));
        assert_eq!(holds(&nightly, "2026-10-25T02:59:59Z").as_deref(), Some("2026-10-25T03:00:00Z"));
        assert_eq!(holds(&nightly, "2026-10-25T03:00:00Z"), None);
        // The hour after the fold: 02:30 is read twice, and the window comes once.
        let once_only = window(again("30 2 * * *", 20), "Europe/Berlin");
        assert_eq!(holds(&once_only, "2026-10-25T00:30:00Z").as_deref(), Some("2026-10-25T00:50:00Z"));
        assert_eq!(holds(&once_only, "2026-10-25T01:30:00Z"), None);
        let starts: Vec<String> =
            once_only.upcoming(at("2026-10-25T01:10:00Z"), 1).iter().map(|span| span.start.to_string()).collect();
        assert_eq!(starts, ["2026-10-26T01:30:00Z"]);
        // In the night clocks go forward 02:30 does not come: the window begins with the jump.
        let at_half_past = window(again("30 2 * * *", 30), "Europe/Berlin");
        assert_eq!(holds(&at_half_past, "2026-03-29T01:00:00Z").as_deref(), Some("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn of_overlapping_occurrences_the_last_decides() {
        let daily_for_two_days = window(again("0 0 * * *", 2 * 24 * 60), "UTC");
        assert_eq!(holds(&daily_for_two_days, "2026-06-02T12:00:00Z").as_deref(), Some("2026-06-04T00:00:00Z"));
        let weekly_for_a_week = window(again("0 8 * * 1", LONGEST_MINUTES), "UTC");
        assert_eq!(holds(&weekly_for_a_week, "2026-06-08T07:59:59Z").as_deref(), Some("2026-06-08T08:00:00Z"));
        assert_eq!(holds(&weekly_for_a_week, "2026-06-08T08:00:00Z").as_deref(), Some("2026-06-15T08:00:00Z"));
    }

    #[test]
    fn ending_one_early_leaves_what_comes_later() {
        let mut nightly = window(again("0 1 * * *", 240), "UTC");
        assert!(!nightly.end(at("2026-06-02T00:00:00Z")), "nothing runs");
        assert!(nightly.end(at("2026-06-02T02:00:00Z")));
        assert_eq!(holds(&nightly, "2026-06-02T02:00:00Z"), None);
        assert_eq!(holds(&nightly, "2026-06-03T01:00:00Z").as_deref(), Some("2026-06-03T05:00:00Z"));
        let starts: Vec<String> =
            nightly.upcoming(at("2026-06-02T02:00:00Z"), 2).iter().map(|span| span.start.to_string()).collect();
        assert_eq!(starts, ["2026-06-03T01:00:00Z", "2026-06-04T01:00:00Z"]);

        let mut upgrade = window(once("2026-06-02T10:00:00Z", "2026-06-02T12:00:00Z"), "UTC");
        assert!(upgrade.end(at("2026-06-02T11:00:00Z")));
        assert_eq!((holds(&upgrade, "2026-06-02T11:00:00Z"), upgrade.last_end()), (None, at("2026-06-02T11:00:00Z")));
    }

    #[test]
    fn a_silence_holds_what_all_its_labels_say() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
        };
        let matchers = Matcher::parse_all("service = checkout\n\ncluster!=prod\n").expect("two matchers");
        let held = |pairs: &[(&str, &str)]| matchers.iter().all(|matcher| matcher.holds(&labels(pairs)));
        assert!(held(&[("service", "checkout"), ("cluster", "test")]));
        assert!(held(&[("service", "checkout")]), "an absent label is not prod");
        assert!(!held(&[("service", "checkout"), ("cluster", "prod")]));
        assert!(!held(&[("cluster", "test")]));
        for wrong in ["checkout", "=x", "service=~check.*", "!=x"] {
            assert!(Matcher::parse_all(wrong).is_err(), "{wrong}");
        }
        assert!(Matcher::parse_all(&"a=b\n".repeat(MATCHERS + 1)).is_err());
    }

    #[test]
    fn what_a_window_may_not_be_is_said() {
        let now = at("2026-06-02T00:00:00Z");
        let check = |window: &Maintenance, expected: Result<(), &str>| {
            assert_eq!(window.check(now).map_err(|refusal| refusal.code), expected, "{window:?}");
        };
        let week = once("2026-06-02T00:00:00Z", "2026-06-09T00:00:00Z");
        let longer = once("2026-06-02T00:00:00Z", "2026-06-09T00:01:00Z");
        let silence =
            |occurs| Maintenance { matchers: Matcher::parse_all("a=b").expect("one"), ..window(occurs, "UTC") };
        check(&silence(week), Ok(()));
        check(&silence(longer.clone()), Err("silence_range"));
        check(&silence(again("0 1 * * *", 60)), Err("silence_once"));
        check(&window(longer.clone(), "UTC"), Ok(()));
        check(&window(longer.clone(), "EST"), Err("zone_unknown"));
        check(&window(once("2026-06-02T00:00:00Z", "2026-06-02T00:00:00Z"), "UTC"), Err("entry_range"));
        check(&window(again("0 1 * * *", LONGEST_MINUTES), "UTC"), Ok(()));
        check(&window(again("0 1 * * *", LONGEST_MINUTES + 1), "UTC"), Err("duration_range"));
        check(&window(again("0 1 * * *", 0), "UTC"), Err("duration_range"));
        check(&window(again("*/5 * * * *", 60), "UTC"), Err("cron_pattern"));
        check(&Maintenance { scope: Scope::Sources(vec![]), ..window(longer, "UTC") }, Err("scope_empty"));
    }

    #[test]
    fn a_window_is_over_a_team_or_over_sources() {
        let (team, source) = (TeamId::new(5), AlertSourceId::new(10));
        assert_eq!(Scope::chosen(Some(team), vec![]), Ok(Scope::Team(team)));
        assert_eq!(Scope::chosen(None, vec![source]), Ok(Scope::Sources(vec![source])));
        let both = Scope::chosen(Some(team), vec![source]).map_err(|refusal| refusal.code);
        assert_eq!(both, Err("scope_both"));
    }

    #[test]
    fn a_label_is_shown_as_it_is_written() {
        let lines = "a=b\ncluster!=prod\nempty=";
        let shown: Vec<String> =
            Matcher::parse_all(lines).expect("three").iter().map(|matcher| matcher.to_string()).collect();
        assert_eq!(shown.join("\n"), lines);
        let longest = format!("a={}", "x".repeat(298));
        assert!(Matcher::parse_all(&longest).is_ok() && Matcher::parse_all(&format!("{longest}x")).is_err());
        assert_eq!(Matcher::parse_all("a ! = b"), Matcher::parse_all("a!=b"), "spaces mean nothing");
        assert!(Matcher::parse_all("a~=b").is_err(), "no regular expressions, from either side");
        assert_eq!(Matcher::parse_all(&"a=b\n".repeat(MATCHERS)).map(|all| all.len()), Ok(MATCHERS));
        let plain = window(once("2026-06-02T10:00:00Z", "2026-06-02T12:00:00Z"), "UTC");
        let silence = Maintenance { matchers: Matcher::parse_all("a=b").expect("one"), ..plain.clone() };
        assert_eq!((plain.is_silence(), silence.is_silence()), (false, true));
        assert_eq!(
            (holds(&plain, "2026-06-02T11:00:00Z").is_some(), holds(&silence, "2026-06-02T11:00:00Z")),
            (true, None)
        );
    }

    #[test]
    fn a_window_tells_what_comes_and_when_it_is_over() {
        let plain = window(once("2026-06-02T10:00:00Z", "2026-06-02T12:00:00Z"), "UTC");
        let comes = |window: &Maintenance, now: &str, count| window.upcoming(at(now), count).len();
        assert_eq!(comes(&plain, "2026-06-02T09:59:59Z", 3), 1);
        assert_eq!(comes(&plain, "2026-06-02T10:00:00Z", 3), 0, "it runs");
        assert_eq!(comes(&plain, "2026-06-02T09:59:59Z", 0), 0);
        let nightly = window(again("30 2 * * *", 60), "Europe/Berlin");
        assert_eq!(comes(&nightly, "2026-06-02T00:00:00Z", 3), 3);
        assert_eq!((plain.last_end(), nightly.last_end()), (at("2026-06-02T12:00:00Z"), Timestamp::MAX));
        // 02:30 and 02:45 do not come in the night that clocks go forward: both begin with the jump, as one.
        let often = window(again("30,45 2 29 3 *", 5), "Europe/Berlin");
        let starts: Vec<String> =
            often.upcoming(at("2026-03-28T12:00:00Z"), 2).iter().map(|span| span.start.to_string()).collect();
        assert_eq!(starts[0], "2026-03-29T01:00:00Z");
        assert_ne!(starts[1], starts[0]);
        // What runs ends now; ended once, it does not run until it comes again.
        let mut ended = window(again("0 1 * * *", 240), "UTC");
        assert!(ended.end(at("2026-06-02T01:00:00Z")), "in its first second");
        assert_eq!(holds(&ended, "2026-06-02T01:00:00Z"), None);
        assert!(!ended.end(at("2026-06-02T01:30:00Z")));
    }
}
