//! Which incidents a list shows.

use crate::domain::Severity;
use crate::domain::id::{AlertSourceId, TeamId, UserId};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::time::Timestamp;
use std::collections::BTreeSet;

/// Of a text that is looked for, in characters.
pub const LONGEST_TEXT: usize = 200;

/// All parts must hold. A part that is `None` asks for nothing; an empty set lets nothing through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    pub statuses: Option<BTreeSet<Status>>,
    pub severities: Option<BTreeSet<Severity>>,
    pub teams: Option<BTreeSet<TeamId>>,
    pub sources: Option<BTreeSet<AlertSourceId>>,
    pub assignee: Option<Assignee>,
    /// Opened then or later.
    pub since: Option<Timestamp>,
    /// Opened before.
    pub until: Option<Timestamp>,
    pub text: Option<Words>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assignee {
    Nobody,
    User(UserId),
}

/// What is looked for: every word, in any order, whatever its case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words(Vec<String>);

/// Over [`LONGEST_TEXT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl Words {
    /// `None` for blank text.
    pub fn of(text: &str) -> Result<Option<Words>, TooLong> {
        if text.chars().count() > LONGEST_TEXT {
            return Err(TooLong);
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        Ok((!words.is_empty()).then_some(Words(words)))
    }

    /// The words that stand in none of these texts.
    fn missing_in<'a>(&'a self, texts: &[String]) -> Vec<&'a str> {
        let stands = |word: &str| texts.iter().any(|text| text.contains(word));
        self.0.iter().map(String::as_str).filter(|word| !stands(word)).collect()
    }
}

/// What the record of an incident says about a filter, before anything else of it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    Shown,
    Hidden,
    /// Its details decide: a word may stand there.
    AskDetails,
}

impl Filter {
    /// In the order of [`Status::ALL`].
    pub fn wanted_statuses(&self) -> Vec<Status> {
        let is_wanted = |status: &Status| self.statuses.as_ref().is_none_or(|wanted| wanted.contains(status));
        Status::ALL.into_iter().filter(is_wanted).collect()
    }

    /// Everything but the text, which needs more than the incident's own record.
    pub fn judge(&self, incident: &Incident) -> Judged {
        let assignee = match self.assignee {
            None => true,
            Some(Assignee::Nobody) => incident.assignee.is_none(),
            Some(Assignee::User(user)) => incident.assignee == Some(user),
        };
        let holds = assignee
            && is_in(self.statuses.as_ref(), &incident.status)
            && is_in(self.severities.as_ref(), &incident.severity)
            && is_in(self.teams.as_ref(), &incident.team)
            && is_in(self.sources.as_ref(), &incident.source)
            && self.since.is_none_or(|since| incident.created_at >= since)
            && self.until.is_none_or(|until| incident.created_at < until);
        match &self.text {
            _ if !holds => Judged::Hidden,
            Some(words) if !words.missing_in(&own_texts(incident)).is_empty() => Judged::AskDetails,
            _ => Judged::Shown,
        }
    }

    /// Whether the words that stand nowhere in its record stand in its details: the text, and names and values of labels.
    pub fn holds_with(&self, incident: &Incident, details: Option<&IncidentDetails>) -> bool {
        let mut texts = own_texts(incident);
        if let Some(details) = details {
            texts.push(details.details.to_lowercase());
            texts.extend(details.labels.iter().map(|(name, value)| format!("{name}={value}").to_lowercase()));
        }
        self.text.as_ref().is_none_or(|words| words.missing_in(&texts).is_empty())
    }
}

fn is_in<T: Ord>(wanted: Option<&BTreeSet<T>>, value: &T) -> bool {
    wanted.is_none_or(|wanted| wanted.contains(value))
}

fn own_texts(incident: &Incident) -> Vec<String> {
    vec![incident.title.to_lowercase(), incident.external_id.to_lowercase(), format!("#{}", incident.number)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Urgency;
    use crate::domain::id::{Id, IncidentId, PolicyId};
    use crate::domain::incident::Ladder;

    fn incident() -> Incident {
        let at = Timestamp::from_second(1_800_000_000);
        Incident {
            id: IncidentId::new(1),
            number: 1842,
            source: AlertSourceId::new(2),
            team: TeamId::new(3),
            policy: PolicyId::new(4),
            external_id: "disk-db1".into(),
            title: "Disk full on DB-1".into(),
            severity: Severity::Critical,
            severity_reported: Severity::Critical,
            urgency: Urgency::High,
            status: Status::Acknowledged,
            snooze: None,
            hold: None,
            assignee: Some(UserId::new(5)),
            ackers: vec![],
            event_count: 1,
            created_at: at,
            last_event_at: at,
            taken_at: Some(at),
            resolved_at: None,
            resolved_by: None,
            previous: None,
            reopen_count: 0,
            ladder: Ladder::at_the_bottom(0, 0),
            generation: 0,
            timeline_len: 0,
            appended_seq: None,
            last_trigger_at: None,
            recovery: None,
            is_test: false,
            version: 1,
        }
    }

    #[test]
    fn an_incident_is_shown_if_every_part_holds() {
        let at = incident().created_at;
        let check = |filter: Filter, expected| assert_eq!(filter.judge(&incident()), expected, "{filter:?}");
        check(Filter::default(), Judged::Shown);
        let statuses = |status| Some(BTreeSet::from([status]));
        check(Filter { statuses: statuses(Status::Acknowledged), ..Filter::default() }, Judged::Shown);
        check(Filter { statuses: statuses(Status::Resolved), ..Filter::default() }, Judged::Hidden);
        let both = Some(BTreeSet::from([Severity::Info, Severity::Critical]));
        check(Filter { severities: both.clone(), ..Filter::default() }, Judged::Shown);
        check(Filter { severities: Some(BTreeSet::new()), ..Filter::default() }, Judged::Hidden);
        check(Filter { severities: both, teams: Some(BTreeSet::new()), ..Filter::default() }, Judged::Hidden);
        check(Filter { sources: Some([AlertSourceId::new(2)].into()), ..Filter::default() }, Judged::Shown);
        check(Filter { assignee: Some(Assignee::User(UserId::new(5))), ..Filter::default() }, Judged::Shown);
        check(Filter { assignee: Some(Assignee::User(UserId::new(6))), ..Filter::default() }, Judged::Hidden);
        check(Filter { assignee: Some(Assignee::Nobody), ..Filter::default() }, Judged::Hidden);
        check(Filter { since: Some(at), until: Some(at.plus_secs(1)), ..Filter::default() }, Judged::Shown);
        check(Filter { until: Some(at), ..Filter::default() }, Judged::Hidden);
        check(Filter { since: Some(at.plus_secs(1)), ..Filter::default() }, Judged::Hidden);
    }

    #[test]
    fn every_word_must_stand_somewhere() {
        let details = IncidentDetails {
            incident: IncidentId::new(1),
            details: "97 % of /var".into(),
            labels: [("service".to_owned(), "Checkout".to_owned())].into(),
            links: vec![],
        };
        let check = |text: &str, judged, with: bool| {
            let filter = Filter { text: Words::of(text).expect("short"), ..Filter::default() };
            assert_eq!(filter.judge(&incident()), judged, "{text}");
            assert_eq!(filter.holds_with(&incident(), Some(&details)), with, "{text}");
        };
        check("", Judged::Shown, true);
        check("full DISK", Judged::Shown, true);
        check("#1842 db1", Judged::Shown, true);
        check("disk /VAR", Judged::AskDetails, true);
        check("service=checkout", Judged::AskDetails, true);
        check("disk memory", Judged::AskDetails, false);
        assert_eq!(Words::of(&"x".repeat(201)), Err(TooLong));
    }

    #[test]
    fn a_list_asks_for_the_statuses_it_shows() {
        let filter = |wanted: Option<&[Status]>| Filter {
            statuses: wanted.map(|wanted| wanted.iter().copied().collect()),
            ..Filter::default()
        };
        assert_eq!(filter(None).wanted_statuses(), Status::ALL);
        let some = [Status::Resolved, Status::Triggered];
        assert_eq!(filter(Some(&some)).wanted_statuses(), [Status::Triggered, Status::Resolved]);
        assert_eq!(filter(Some(&[])).wanted_statuses(), []);
        let text = |chars| Words::of(&"x".repeat(chars)).is_ok();
        assert_eq!([LONGEST_TEXT, LONGEST_TEXT + 1].map(text), [true, false]);
    }
}
