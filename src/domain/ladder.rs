//! The ladder: who would be woken, when and how, if an alert opened an incident at some instant and nobody answered.
//!
//! It plays the climb of `turn.rs` forward with the same functions that decide in earnest, [`Context::people_of`] and
//! [`plan`], each level at its own instant: a handoff on the way shows the incoming person. It ends with the last resort,
//! which is paged again and again. What may surprise stands beside as a [`Hint`]. What cannot be known is left out:
//! acknowledgements, failed sends, edits.

use crate::domain::Urgency;
use crate::domain::contact::Channel;
use crate::domain::effect::Reason;
use crate::domain::entry::Interval;
use crate::domain::escalation::Context;
use crate::domain::id::{ContactId, UserId};
use crate::domain::notification::plan;
use crate::domain::oncall::final_schedule;
use crate::domain::policy::Level;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, zone_named};
use crate::domain::timeline::{LastResort, SkipReason, Via};
use std::collections::BTreeSet;

/// One step of the ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    pub at: Timestamp,
    /// 0 on the first way up.
    pub cycle: u8,
    pub what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    Level {
        number: u8,
        people: Vec<Page>,
        /// Why others it names are not paged.
        left_out: Vec<SkipReason>,
        hints: Vec<LevelHint>,
    },
    /// Nobody can be paged there: the next level is entered in the same second.
    Skipped { number: u8, reasons: Vec<SkipReason> },
    /// Nobody took it: these are paged, and again every so many minutes.
    LastResort { people: Vec<Page>, chosen: LastResort, because: Because, every_minutes: u16 },
}

/// Why the last resort is paged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Because {
    /// Every level was called in vain, in every cycle.
    Exhausted,
    /// No level has anybody at this instant. The first level is called as soon as one has.
    NoCoverage,
}

/// A person who is paged at a rung.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    pub user: UserId,
    pub via: Via,
    /// By time. Never empty: somebody without a method that is on is left out.
    pub calls: Vec<Call>,
    pub hints: Vec<Hint>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    pub at: Timestamp,
    pub contact: ContactId,
    pub channel: Channel,
}

/// What a careful reader would want to know about how a person is paged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hint {
    /// A step of their rules names a method that is off or gone: this call never rings.
    NeverRings,
    /// It was never proven that messages arrive there.
    Unverified(Channel),
    /// High urgency, between 22:00 and 08:00 where they live, and mail is all there is: it may wake nobody.
    OnlyMailAtNight,
    /// This call comes only after the next level has been called.
    AfterNextLevel(Channel),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LevelHint {
    /// Everybody here was called by the level before: climbing wakes nobody new.
    NobodyNew,
}

/// From the opening of an incident at `at` to the last resort.
pub fn ladder(context: &Context, urgency: Urgency, at: Timestamp) -> Vec<Rung> {
    let mut rungs = Vec::new();
    let (mut now, mut cycle, mut above) = (at, 0, None);
    let mut before: Vec<UserId> = Vec::new();
    loop {
        if let Some((level, rung)) = climb(context, urgency, now, cycle, above, &mut rungs) {
            rungs.push(with_nobody_new(rung, &mut before));
            above = Some(level.number);
            now = now.plus_minutes(level.delay_minutes.into());
            continue;
        }
        let is_covered = context.policy.levels.iter().any(|level| !context.people_of(level, now).0.is_empty());
        if is_covered && cycle < context.policy.repeat {
            (cycle, above) = (cycle + 1, None);
            continue;
        }
        let because = if is_covered { Because::Exhausted } else { Because::NoCoverage };
        let (users, chosen) = context.last_resort(now);
        // The last resort is paged as loudly as can be, whatever the incident's urgency.
        let page = |user| page(context, user, Via::LastResort, Urgency::High, now, None);
        let people = users.into_iter().map(page).collect();
        let every_minutes = context.policy.repage_minutes;
        rungs.push(Rung { at: now, cycle, what: What::LastResort { people, chosen, because, every_minutes } });
        return rungs;
    }
}

/// The first stretch in which a level reaches nobody; its end is `until` where that comes first.
pub fn empty_stretch(
    context: &Context,
    level: &Level,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<Interval>, Refusal> {
    // Whom a level reaches changes with the schedules and else stays as it is.
    let mut changes = BTreeSet::from([from]);
    for calendar in context.calendars.values() {
        changes.extend(final_schedule(calendar, &context.people, from, until)?.iter().map(|segment| segment.start));
    }
    let is_empty = |at: &Timestamp| context.people_of(level, *at).0.is_empty();
    let Some(start) = changes.iter().copied().find(is_empty) else { return Ok(None) };
    let end = changes.range(start..).copied().find(|at| !is_empty(at)).unwrap_or(until);
    Ok(Some(Interval { start, end }))
}

/// The first level above a number that has somebody, past those that have not.
fn climb<'c>(
    context: &'c Context,
    urgency: Urgency,
    now: Timestamp,
    cycle: u8,
    above: Option<u8>,
    rungs: &mut Vec<Rung>,
) -> Option<(&'c Level, Rung)> {
    for level in context.policy.levels_above(above) {
        let (called, reasons) = context.people_of(level, now);
        if called.is_empty() {
            rungs.push(Rung { at: now, cycle, what: What::Skipped { number: level.number, reasons } });
            continue;
        }
        let next = now.plus_minutes(level.delay_minutes.into());
        let people = called.into_iter().map(|called| page(context, called.user, called.via, urgency, now, Some(next)));
        let what = What::Level { number: level.number, people: people.collect(), left_out: reasons, hints: Vec::new() };
        return Some((level, Rung { at: now, cycle, what }));
    }
    None
}

fn with_nobody_new(mut rung: Rung, before: &mut Vec<UserId>) -> Rung {
    if let What::Level { people, hints, .. } = &mut rung.what {
        let now: Vec<UserId> = people.iter().map(|page| page.user).collect();
        if now.iter().all(|user| before.contains(user)) {
            hints.push(LevelHint::NobodyNew);
        }
        *before = now;
    }
    rung
}

fn page(
    context: &Context,
    id: UserId,
    via: Via,
    urgency: Urgency,
    now: Timestamp,
    next_level: Option<Timestamp>,
) -> Page {
    let mut page = Page { user: id, via, calls: Vec::new(), hints: Vec::new() };
    let Some(user) = context.people.get(&id) else { return page };
    let planned = plan(user, Reason::Page { level: None }, urgency);
    let rules = match urgency {
        Urgency::High => &user.rules.high,
        Urgency::Low => &user.rules.low,
    };
    if rules.iter().any(|step| user.contact(step.contact).is_none_or(|contact| !contact.enabled)) {
        page.hints.push(Hint::NeverRings);
    }
    for step in &planned {
        let (contact, at) = (step.contact, now.plus_minutes(step.after_minutes.into()));
        page.calls.push(Call { at, contact: contact.id, channel: contact.channel });
        if contact.verified_at.is_none() {
            page.hints.push(Hint::Unverified(contact.channel));
        }
        if next_level.is_some_and(|next| at > next) {
            page.hints.push(Hint::AfterNextLevel(contact.channel));
        }
    }
    let only_mail = planned.iter().all(|step| step.contact.channel == Channel::Email);
    if urgency == Urgency::High && only_mail && is_night(&user.zone, now) {
        page.hints.push(Hint::OnlyMailAtNight);
    }
    page
}

/// 22:00 to 08:00 on the clock of a zone; of one that is not known, UTC's.
fn is_night(zone: &str, at: Timestamp) -> bool {
    let zone = zone_named(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    !(8..22).contains(&at.in_zone(&zone).hour())
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
