//! The ladder as a list: what `domain::ladder` plays, in a reader's words and on a reader's clock.

use crate::app::{AppError, policies};
use crate::domain::Urgency;
use crate::domain::id::{PolicyId, UserId};
use crate::domain::ladder::{self, Because, Call, Hint, LevelHint, Page, What};
use crate::domain::time::{Timestamp, earliest_at_or_after};
use crate::domain::timeline::{Called, LastResort};
use crate::web::extract::QueryFields;
use crate::web::ui::Sight;
use crate::web::ui::clock::{Reader, When, duration};
use crate::web::ui::timeline::{called_person, skip_reason};
use std::collections::BTreeMap;

/// What the reader wants to see: `?at=2026-03-02T03:16&urgency=low`. What cannot be read means now, and high.
#[derive(Clone, Default, Debug)]
pub struct Asked {
    at: Option<jiff::civil::DateTime>,
    low: bool,
}

pub struct Ladder {
    /// For the field that asks for another instant.
    pub input: String,
    pub is_low: bool,
    pub is_now: bool,
    pub starts: When,
    pub rungs: Vec<Rung>,
}

/// One step, with the names it resolves to at its instant.
pub struct Rung {
    pub class: &'static str,
    pub shape: &'static str,
    /// After the incident was opened: "5:00", "2 h 10 min".
    pub after: String,
    /// How long after the rung before, in five steps: the drawing is true to time, as far as a page can be.
    pub wait: usize,
    pub at: When,
    pub title: String,
    /// Each with the ways they are paged.
    pub people: Vec<String>,
    pub problems: Vec<String>,
    pub hints: Vec<String>,
}

impl Asked {
    pub fn read(query: &QueryFields) -> Asked {
        Asked { at: query.text("at").parse().ok(), low: query.text("urgency") == "low" }
    }
}

pub fn played(sight: &Sight<'_>, id: PolicyId, asked: &Asked) -> Result<Ladder, AppError> {
    let reader = sight.reader;
    let start = asked.at.map_or(reader.now, |local| earliest_at_or_after(&reader.zone, local));
    let urgency = if asked.low { Urgency::Low } else { Urgency::High };
    let played = policies::ladder(sight.read, id, urgency, start)?;
    let is_last = |rung: &&ladder::Rung| matches!(rung.what, What::LastResort { .. });
    let first_way = played.iter().filter(|rung| rung.cycle == 0 && !is_last(rung));
    let again = played.iter().find(|rung| rung.cycle > 0 && !is_last(rung));
    let last = played.iter().filter(is_last);
    let mut rungs: Vec<Rung> = Vec::new();
    let mut before = start;
    for rung in first_way.chain(again).chain(last) {
        let told = match rung.cycle {
            cycle if cycle > 0 && !is_last(&rung) => described_again(sight, &played),
            _ => described(sight, rung.at, &rung.what),
        };
        let (class, shape, title, people, problems, hints) = told;
        let (after, wait) = (minutes(rung.at.secs_since(start)), wait(rung.at.secs_since(before)));
        before = rung.at;
        rungs.push(Rung { class, shape, after, wait, at: time_of(reader, rung.at), title, people, problems, hints });
    }
    let (input, starts, is_now) = (reader.input(start), reader.exactly(start), asked.at.is_none());
    Ok(Ladder { input, is_low: asked.low, is_now, starts, rungs })
}

type Described = (&'static str, &'static str, String, Vec<String>, Vec<String>, Vec<String>);

/// "20:00"; over an hour and a half in words.
fn minutes(secs: i64) -> String {
    if secs <= 90 * 60 { format!("{}:{:02}", secs / 60, secs % 60) } else { duration(secs) }
}

fn wait(secs: i64) -> usize {
    [60, 5 * 60, 15 * 60, 60 * 60].iter().filter(|step| secs >= **step).count()
}

/// All later ways up in one rung, with whom they call instead of those of the first.
fn described_again(sight: &Sight<'_>, played: &[ladder::Rung]) -> Described {
    let called = |rung: &ladder::Rung| match &rung.what {
        What::Level { number, people, .. } => Some((*number, people.iter().map(|page| page.user).collect::<Vec<_>>())),
        What::Skipped { .. } | What::LastResort { .. } => None,
    };
    let first: BTreeMap<u8, Vec<UserId>> = played.iter().filter(|rung| rung.cycle == 0).filter_map(called).collect();
    let mut known = first.clone();
    let mut hints = Vec::new();
    for rung in played.iter().filter(|rung| rung.cycle > 0) {
        let Some((level, users)) = called(rung) else { continue };
        if known.insert(level, users.clone()).as_ref() != Some(&users) {
            let people = sight.names.people(users).unwrap_or_default();
            hints.push(format!("From {} level {level} calls {people}.", sight.reader.clock(rung.at)));
        }
    }
    let rounds = played.iter().filter(|rung| called(rung).is_some()).map(|rung| rung.cycle).max().unwrap_or(0);
    let times = match rounds {
        0 | 1 => "once more".to_owned(),
        2 => "twice more".to_owned(),
        more => format!("{more} times more"),
    };
    let from = played.iter().find(|rung| rung.cycle > 0).and_then(called).map_or(1, |(level, _)| level);
    ("info", "again", format!("Again from level {from}, {times}"), vec![], vec![], hints)
}

fn described(sight: &Sight<'_>, at: Timestamp, what: &What) -> Described {
    let names = sight.names;
    let people = |pages: &[Page]| pages.iter().map(|page| person(sight, page, at)).collect::<Vec<_>>();
    match what {
        What::Level { number, people: pages, left_out, hints } => {
            let problems = left_out.iter().map(|reason| format!("Not reached: {}.", skip_reason(reason, names)));
            let nobody_new = |LevelHint::NobodyNew: &LevelHint| "Nobody here is new: the level before called the same.";
            let mut said: Vec<String> = hints.iter().map(nobody_new).map(str::to_owned).collect();
            said.extend(pages.iter().flat_map(|page| hints_of(sight, page)));
            ("info", "bell", format!("Level {number}"), people(pages), problems.collect(), said)
        }
        What::Skipped { number, reasons } => {
            let reasons: Vec<String> = reasons.iter().map(|reason| skip_reason(reason, names)).collect();
            let problem = format!("Skipped at once: {}.", reasons.join("; "));
            ("warning", "warn", format!("Level {number}"), vec![], vec![problem], vec![])
        }
        What::LastResort { people: pages, chosen, because, every_minutes } => {
            let mut hints = vec![format!("Paged every {every_minutes} min until somebody takes it.")];
            if *chosen == LastResort::Admins {
                hints.push("No last resort of the policy can be paged, so all admins are.".to_owned());
            }
            hints.extend(pages.iter().flat_map(|page| hints_of(sight, page)));
            let mut problems = Vec::new();
            if *because == Because::NoCoverage {
                problems.push("No level has anybody then. The first is called as soon as one has.".to_owned());
            }
            if *chosen == LastResort::Nobody {
                let sentence = "Nobody can be paged: no last resort and no admin has a contact method.";
                return ("critical", "warn", "Last resort".to_owned(), vec![], vec![sentence.to_owned()], vec![]);
            }
            ("info", "bell-up", "Last resort".to_owned(), people(pages), problems, hints)
        }
    }
}

/// "Ana (entry on primary): SMS, Email; WhatsApp after 5 min".
fn person(sight: &Sight<'_>, page: &Page, at: Timestamp) -> String {
    let name = called_person(&Called { user: page.user, via: page.via }, sight.names);
    let mut by_delay: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for Call { at: rings, channel, .. } in &page.calls {
        by_delay.entry(rings.secs_since(at)).or_default().push(channel.title());
    }
    let ways: Vec<String> = by_delay.into_iter().map(|(delay, channels)| said(delay, &channels)).collect();
    format!("{name}: {}", ways.join("; "))
}

fn said(delay: i64, channels: &[&str]) -> String {
    let channels = channels.join(", ");
    if delay == 0 { channels } else { format!("{channels} after {}", duration(delay)) }
}

fn hints_of(sight: &Sight<'_>, page: &Page) -> Vec<String> {
    let name = sight.names.user(page.user);
    let sentence = |hint: &Hint| match hint {
        Hint::NeverRings => format!("{name}: a step of the rules never rings, its method is off or gone."),
        Hint::Unverified(channel) => format!("{name}: {} is not verified yet.", channel.title()),
        Hint::OnlyMailAtNight => format!("{name}: only mail, at night. It may wake nobody."),
        Hint::AfterNextLevel(channel) => {
            format!("{name}: {} comes only after the next level is called.", channel.title())
        }
    };
    page.hints.iter().map(sentence).collect()
}

/// The text is the clock alone where the day is today's.
fn time_of(reader: &Reader, at: Timestamp) -> When {
    When { text: reader.clock(at), ..reader.exactly(at) }
}
