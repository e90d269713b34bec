//! Rotations and claims in words.

use crate::domain::entry::{Entry, Override};
use crate::domain::id::UserId;
use crate::domain::oncall::{Calendar, Claim, GapReason, People, Place, Source, Verdict, inactive_since};
use crate::domain::rotation::{Cadence, Version, Window};
use crate::domain::time::Timestamp;
use crate::web::ui::clock::{Reader, list};
use crate::web::ui::names::Names;

/// "weekly, Monday 09:00, Ana then Bo, only Mon to Fri 09:00 to 17:00".
pub fn rotation(version: &Version, names: &Names, reader: &Reader) -> String {
    let mut words = format!("{}, {}", cadence(version, reader), slots(&version.slots, names));
    if !version.windows.is_empty() {
        let windows: Vec<String> = version.windows.iter().map(|one| window(one, reader)).collect();
        words.push_str(&format!(", only {}", list(&windows)));
    }
    words
}

fn cadence(version: &Version, reader: &Reader) -> String {
    let anchor = version.anchor.to_datetime();
    let (time, weekday) = (reader.written(anchor, "%H:%M"), anchor.strftime("%A"));
    match &version.cadence {
        Cadence::Hours(1) => format!("hourly, from {time}"),
        Cadence::Hours(n) => format!("every {n} hours, from {time}"),
        Cadence::Days(1) => format!("daily, {time}"),
        Cadence::Days(n) => format!("every {n} days, {time}"),
        Cadence::Weeks(1) => format!("weekly, {weekday} {time}"),
        Cadence::Weeks(n) => format!("every {n} weeks, {weekday} {time}"),
        Cadence::Months(1) => format!("monthly, on day {}, {time}", anchor.day()),
        Cadence::Months(n) => format!("every {n} months, on day {}, {time}", anchor.day()),
        Cadence::Windows(1) => "a turn per window".to_owned(),
        Cadence::Windows(n) => format!("a turn of {n} windows"),
        Cadence::Cron(pattern) => format!("by the pattern {pattern}"),
    }
}

pub fn slots(slots: &[Vec<UserId>], names: &Names) -> String {
    let marked = |slot: &Vec<UserId>| list(&slot.iter().map(|user| names.marked(*user)).collect::<Vec<_>>());
    slots.iter().map(marked).collect::<Vec<_>>().join(" then ")
}

fn window(window: &Window, reader: &Reader) -> String {
    let time = |minutes: u16| reader.minutes(minutes);
    let later = match (window.extra_days, window.end <= window.start) {
        (0, false) => String::new(),
        (0, true) => " the next day".to_owned(),
        (days, wraps) => format!(" {} days later", u16::from(days) + u16::from(wraps)),
    };
    format!("{} {} to {}{later}", window.days.words(), time(window.start), time(window.end))
}

/// Through what somebody is on call: "rotation Weekly, in the place of Ana".
pub fn through(place: &Place, calendar: &Calendar, names: &Names) -> String {
    let instead = place.replaced.map(|(_, user)| format!(", in the place of {}", names.user(user)));
    let layer = match place.claim {
        Source::Layer(id) => calendar.schedule.layers.iter().find(|layer| layer.id == id),
        _ => None,
    };
    let name = layer.map(|layer| format!(" {}", layer.name)).unwrap_or_default();
    format!("{}{name}{}", place.claim.word(), instead.unwrap_or_default())
}

pub fn gap(reason: Option<GapReason>) -> &'static str {
    match reason {
        None | Some(GapReason::NoClaim) => "because nothing claims this time",
        Some(GapReason::OutsideWindows) => "outside of the rotations' windows",
        Some(GapReason::Unmatched) => "because an imported event names none of our users",
        Some(GapReason::AllInactive) => "because whoever is named is deactivated",
    }
}

/// One claim on an instant, in words.
pub struct ClaimWords {
    pub what: String,
    pub who: String,
    pub verdict: String,
    pub wins: bool,
}

pub fn claims(
    claims: &[Claim],
    calendar: &Calendar,
    people: &People,
    names: &Names,
    reader: &Reader,
    at: Timestamp,
) -> Vec<ClaimWords> {
    let winner = claims.iter().find(|claim| claim.verdict == Verdict::OnCall);
    let winner = winner.map_or(String::new(), |claim| claim.source.word().to_owned());
    let one = |claim: &Claim| {
        let who = |place: &Place| match place.replaced {
            Some((_, from)) => format!("{} in the place of {}", names.marked(place.user), names.user(from)),
            None => names.marked(place.user),
        };
        let mut verdict = verdict(claim, &winner, people, reader, at);
        if claim.recorded_afterwards {
            verdict.push_str("; recorded afterwards");
        }
        ClaimWords {
            what: what(claim, calendar, reader),
            who: list(&claim.places.iter().map(who).collect::<Vec<_>>()),
            verdict,
            wins: claim.verdict == Verdict::OnCall,
        }
    };
    claims.iter().map(one).collect()
}

fn verdict(claim: &Claim, winner: &str, people: &People, reader: &Reader, at: Timestamp) -> String {
    match claim.verdict {
        Verdict::OnCall => "on call".to_owned(),
        Verdict::Shadowed => format!("shadowed by the {winner} above"),
        Verdict::Inactive => {
            let since = claim.places.iter().filter_map(|place| inactive_since(people, place.user, at)).max();
            let since = since.map(|since| format!(" since {}", reader.exactly(since).text)).unwrap_or_default();
            match claim.source {
                Source::Override(_) => format!("ignored: its person is deactivated{since}"),
                _ => format!("deactivated{since}"),
            }
        }
        Verdict::OutsideWindows => "outside of its windows".to_owned(),
        Verdict::BeforeAnchor => "has not begun".to_owned(),
        Verdict::Unmatched => "names none of our users".to_owned(),
    }
}

fn what(claim: &Claim, calendar: &Calendar, reader: &Reader) -> String {
    let between = |from, to| format!("{} to {}", reader.exactly(from).text, reader.exactly(to).text);
    let noted = |note: &str| if note.is_empty() { String::new() } else { format!(", “{note}”") };
    match claim.source {
        Source::Override(id) => {
            let of = |o: &Override| format!("Override, {}{}", between(o.span.start, o.span.end), noted(&o.note));
            calendar.overrides.iter().find(|o| o.id == id).map_or("Override".to_owned(), of)
        }
        Source::Entry(id) => {
            let of = |e: &Entry| format!("Entry, {}{}", between(e.span.start, e.span.end), noted(&e.note));
            calendar.entries.iter().find(|entry| entry.id == id).map_or("Entry".to_owned(), of)
        }
        Source::Layer(id) => {
            let name = calendar.schedule.layers.iter().find(|layer| layer.id == id).map_or("", |layer| &layer.name);
            let turn = claim.turn.filter(|_| claim.verdict != Verdict::OutsideWindows);
            let turn = turn.map(|turn| format!(", turn {}", between(turn.start, turn.end))).unwrap_or_default();
            format!("Layer {name}{turn}")
        }
        Source::ImportedCover(_) => "Imported calendar".to_owned(),
        Source::Fallback => "Fallback".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::names::Names as Known;
    use crate::domain::id::Id;
    use crate::domain::rotation::{Civil, Weekdays};

    #[test]
    fn rotations_are_said_in_words() {
        let mut known = Known::default();
        known.users.insert(UserId::new(1), "Ana".into());
        known.users.insert(UserId::new(2), "Bo".into());
        let (names, reader) = (Names(known), Reader::new(Timestamp::MIN, "UTC"));
        let version = |cadence, windows| Version {
            effective_from: Timestamp::MIN,
            anchor: Civil::of("2026-06-01T09:00".parse().expect("a civil time")),
            cadence,
            slots: vec![vec![UserId::new(1)], vec![UserId::new(2), UserId::new(1)]],
            windows,
        };
        let weekend = Window { days: Weekdays(0b1_0000), start: 18 * 60, end: 8 * 60, extra_days: 2 };
        let office = Window { days: Weekdays(0b1_1111), start: 9 * 60, end: 17 * 60, extra_days: 0 };
        let table = [
            (Cadence::Weeks(1), vec![], "weekly, Monday 09:00, Ana then Bo and Ana"),
            (Cadence::Hours(12), vec![], "every 12 hours, from 09:00, Ana then Bo and Ana"),
            (Cadence::Days(1), vec![office], "daily, 09:00, Ana then Bo and Ana, only Mon to Fri 09:00 to 17:00"),
            (
                Cadence::Windows(1),
                vec![weekend],
                "a turn per window, Ana then Bo and Ana, only Fri 18:00 to 08:00 3 days later",
            ),
        ];
        for (cadence, windows, expected) in table {
            assert_eq!(rotation(&version(cadence, windows), &names, &reader), expected);
        }
    }
}
