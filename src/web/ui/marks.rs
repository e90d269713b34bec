//! Severity and status as a shape, a word and a sentence. Colour repeats what these say and never says it alone.

use crate::domain::Severity;
use crate::domain::incident::{Incident, Phase, Status};
use crate::domain::time::Timestamp;
use crate::web::ui::clock::{Reader, duration};
use crate::web::ui::names::Names;

/// `class` names the colour, `shape` a symbol of glyphs.svg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeverityMark {
    pub class: &'static str,
    pub shape: &'static str,
    pub word: &'static str,
}

/// A test alert is marked as one whatever severity it was sent with.
pub fn severity(severity: Severity, is_test: bool) -> SeverityMark {
    let (class, shape, word) = match severity {
        _ if is_test => ("test", "dashed", "TEST"),
        Severity::Critical => ("critical", "octagon", "CRIT"),
        Severity::Error => ("error", "triangle", "ERROR"),
        Severity::Warning => ("warning", "diamond", "WARN"),
        Severity::Info => ("info", "ring", "INFO"),
    };
    SeverityMark { class, shape, word }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusMark {
    pub class: &'static str,
    pub shape: &'static str,
    pub sentence: String,
}

/// Whom the incident's timer will call ("Bo", "last resort"), and when.
pub type NextCall = (String, Timestamp);

pub fn status(incident: &Incident, next: Option<&NextCall>, names: &Names, reader: &Reader) -> StatusMark {
    let at = |words: &str| next.map_or(String::new(), |(_, due)| format!("{words} {}", reader.clock(*due)));
    let (class, shape, sentence) = match (incident.status, incident.ladder.phase) {
        (Status::Triggered, Phase::Climbing) => {
            let calls = match next {
                None => String::new(),
                Some((who, _)) if who.is_empty() => at(". Next call at"),
                Some((who, _)) => at(&format!(". Calls {} at", whom(who))),
            };
            ("triggered", "bell", format!("Needs someone{calls}"))
        }
        (Status::Triggered, Phase::Exhausted) => {
            let again = at("; last resort again at");
            ("triggered", "bell-up", format!("Everyone was called{again}"))
        }
        (Status::Triggered, Phase::NoCoverage) => {
            let again = at("; looked at again at");
            ("triggered", "bell-up", format!("No level reaches anybody{again}"))
        }
        (Status::Triggered, Phase::Held) => ("held", "bell-off", format!("Held{}", at(" until"))),
        (Status::Acknowledged, _) => {
            let since = incident.taken_at.map_or(0, |at| reader.now.secs_since(at));
            let who = match incident.assignee {
                Some(user) => format!("{} has it", names.marked(user)),
                None => "Acknowledged at its source".to_owned(),
            };
            let nap = incident.snooze.map(|snooze| format!(" · snoozed until {}", reader.clock(snooze.until)));
            ("acknowledged", "half", format!("{who} · {}{}", duration(since), nap.unwrap_or_default()))
        }
        (Status::Resolved, _) => {
            let took = incident.resolved_at.map_or(0, |at| at.secs_since(incident.created_at));
            let how = match incident.resolved_by {
                Some(user) => format!("Resolved by {}", names.user(user)),
                None => "Recovered by itself".to_owned(),
            };
            ("resolved", "check", format!("{how} · {}", duration(took)))
        }
    };
    StatusMark { class, shape, sentence }
}

/// "last resort" is a role and takes its article; people do not.
pub fn whom(who: &str) -> String {
    if who == "last resort" { "the last resort".to_owned() } else { who.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Snooze;
    use crate::web::ui::samples;

    #[test]
    fn severities_differ_in_shape_and_word_not_only_in_colour() {
        let mut marks: Vec<SeverityMark> = Severity::ALL.into_iter().map(|s| severity(s, false)).collect();
        marks.push(severity(Severity::Critical, true));
        for (index, mark) in marks.iter().enumerate() {
            let others = &marks[index + 1..];
            assert!(others.iter().all(|other| other.shape != mark.shape && other.word != mark.word), "{mark:?}");
        }
    }

    fn check(change: impl FnOnce(&mut Incident), next: Option<(i64, &str)>, class: &str, sentence: &str) {
        let reader = samples::reader();
        let mut incident = samples::incident();
        change(&mut incident);
        let next = next.map(|(secs, who)| (who.to_owned(), reader.now.plus_secs(secs)));
        let mark = status(&incident, next.as_ref(), &samples::names(), &reader);
        assert_eq!((mark.class, mark.sentence.as_str()), (class, sentence));
    }

    #[test]
    fn a_status_says_what_happens_next_or_who_has_it() {
        use samples::{ana, dana};
        check(|_| {}, Some((300, "Bo")), "triggered", "Needs someone. Calls Bo at 03:19");
        check(|_| {}, Some((300, "last resort")), "triggered", "Needs someone. Calls the last resort at 03:19");
        check(|_| {}, Some((300, "")), "triggered", "Needs someone. Next call at 03:19");
        check(|_| {}, None, "triggered", "Needs someone");
        let exhausted = |incident: &mut Incident| incident.ladder.phase = Phase::Exhausted;
        check(exhausted, Some((2100, "")), "triggered", "Everyone was called; last resort again at 03:49");
        let no_coverage = |incident: &mut Incident| incident.ladder.phase = Phase::NoCoverage;
        check(no_coverage, Some((900, "")), "triggered", "No level reaches anybody; looked at again at 03:29");
        let taken = |by| {
            move |incident: &mut Incident| {
                incident.status = Status::Acknowledged;
                incident.assignee = by;
                incident.taken_at = Some(samples::reader().now.plus_minutes(-12));
            }
        };
        check(taken(Some(ana())), None, "acknowledged", "Ana has it · 12 min");
        check(taken(Some(dana())), None, "acknowledged", "Dana (inactive) has it · 12 min");
        let snoozed = |incident: &mut Incident| {
            taken(Some(ana()))(incident);
            incident.snooze = Some(Snooze { until: samples::reader().now.plus_minutes(60), by: Some(ana()) });
        };
        check(snoozed, None, "acknowledged", "Ana has it · 12 min · snoozed until 04:14");
        let held = |incident: &mut Incident| incident.ladder.phase = Phase::Held;
        check(held, Some((900, "Bo")), "held", "Held until 03:29");
        check(taken(None), None, "acknowledged", "Acknowledged at its source · 12 min");
        let over = |by| {
            move |incident: &mut Incident| {
                incident.status = Status::Resolved;
                incident.resolved_by = by;
                incident.resolved_at = Some(incident.created_at.plus_minutes(34));
            }
        };
        check(over(Some(ana())), None, "resolved", "Resolved by Ana · 34 min");
        check(over(None), None, "resolved", "Recovered by itself · 34 min");
    }
}
