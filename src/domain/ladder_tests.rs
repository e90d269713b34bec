//! Ladders as small tables: the policy in a line, the rungs as they come.

use super::*;
use crate::domain::access::Role;
use crate::domain::entry::{Entry, Interval};
use crate::domain::escalation::SourceRules;
use crate::domain::id::{EntryId, Id, ScheduleId, TeamId};
use crate::domain::incident::testing;
use crate::domain::oncall::Calendar;
use crate::domain::policy::Recipient;
use crate::domain::schedule::Schedule;
use crate::domain::user::{Activity, ContactMethod, Rules, Step, User};
use std::collections::BTreeMap;

const ANA: u64 = 1;
const BO: u64 = 2;
const ROOT: u64 = 9;
/// 2026-06-01 10:00 UTC.
const NOON: i64 = 1_780_308_000;

fn method(number: u64, channel: Channel) -> ContactMethod {
    let verified_at = Some(Timestamp::MIN);
    let id = ContactId::new(number);
    ContactMethod { id, channel, address: String::new(), enabled: true, verified_at, verification: None }
}

fn person(number: u64, role: Role) -> User {
    User {
        id: UserId::new(number),
        name: ["", "ana", "bo", "", "", "", "", "", "", "root"][number as usize].to_owned(),
        email: None,
        role,
        login: None,
        zone: "UTC".to_owned(),
        activity: vec![Activity { from: Timestamp::MIN, to: None }],
        contacts: vec![method(number * 10, Channel::Sms), method(number * 10 + 1, Channel::Email)],
        rules: Rules::default(),
        created_at: Timestamp::MIN,
        version: 1,
    }
}

/// Levels of `(number, delay, recipients)`; Ana, Bo and the admin Root are there, all by SMS and email.
fn context(repeat: u8, levels: &[(u8, u16, &[Recipient])]) -> Context {
    let level = |&(number, delay_minutes, recipients): &(u8, u16, &[Recipient])| Level {
        number,
        delay_minutes,
        recipients: recipients.to_vec(),
    };
    let policy = testing::policy(repeat, levels.iter().map(level).collect());
    let people = [(ANA, Role::Responder), (BO, Role::Responder), (ROOT, Role::Admin)];
    let people = people.map(|(number, role)| (UserId::new(number), person(number, role))).into();
    let (calendars, teams) = (BTreeMap::new(), BTreeMap::new());
    Context { policy, people, calendars, teams, source: SourceRules::NONE, hold: None }
}

fn user(number: u64) -> Recipient {
    Recipient::User(UserId::new(number))
}

fn someone(context: &mut Context, number: u64) -> &mut User {
    context.people.get_mut(&UserId::new(number)).expect("a person of the context")
}

/// "10:00 level 1: ana by Sms 10:00".
fn told(context: &Context, urgency: Urgency, at: i64) -> Vec<String> {
    let clock = |at: Timestamp| at.to_string()[11..16].to_owned();
    let page = |page: &Page| {
        let calls: Vec<String> =
            page.calls.iter().map(|call| format!("{:?} {}", call.channel, clock(call.at))).collect();
        let hints: String = page.hints.iter().map(|hint| format!(" !{hint:?}")).collect();
        format!("{} by {}{hints}", context.people[&page.user].name, calls.join(", "))
    };
    let pages = |people: &[Page]| people.iter().map(page).collect::<Vec<_>>().join("; ");
    let line = |rung: &Rung| {
        let what = match &rung.what {
            What::Level { number, people, hints, .. } => {
                let hints: String = hints.iter().map(|hint| format!(" !{hint:?}")).collect();
                format!("level {number}: {}{hints}", pages(people))
            }
            What::Skipped { number, reasons } => format!("level {number} skipped: {reasons:?}"),
            What::LastResort { people, because, chosen, every_minutes } => {
                format!("{because:?}, {chosen:?} every {every_minutes}: {}", pages(people))
            }
        };
        format!("{} {}{what}", clock(rung.at), if rung.cycle == 0 { "" } else { "again " })
    };
    ladder(context, urgency, Timestamp::from_second(at)).iter().map(line).collect()
}

fn check(context: &Context, expected: &[&str]) {
    assert_eq!(told(context, Urgency::High, NOON), expected);
}

#[test]
fn levels_and_cycles_are_climbed_up_to_the_last_resort() {
    check(
        &context(1, &[(1, 5, &[user(ANA)]), (7, 15, &[user(BO)])]),
        &[
            "10:00 level 1: ana by Sms 10:00, Email 10:00",
            "10:05 level 7: bo by Sms 10:05, Email 10:05",
            "10:20 again level 1: ana by Sms 10:20, Email 10:20",
            "10:25 again level 7: bo by Sms 10:25, Email 10:25",
            "10:40 again Exhausted, Admins every 30: root by Sms 10:40, Email 10:40",
        ],
    );
}

#[test]
fn a_level_without_anybody_takes_no_time() {
    let mut context = context(0, &[(1, 5, &[user(ANA)]), (2, 5, &[user(BO)])]);
    someone(&mut context, ANA).deactivate(Timestamp::from_second(NOON));
    check(
        &context,
        &[
            "10:00 level 1 skipped: [Inactive { user: usr_1 }]",
            "10:00 level 2: bo by Sms 10:00, Email 10:00",
            "10:05 Exhausted, Admins every 30: root by Sms 10:05, Email 10:05",
        ],
    );
    someone(&mut context, BO).contacts.clear();
    check(
        &context,
        &[
            "10:00 level 1 skipped: [Inactive { user: usr_1 }]",
            "10:00 level 2 skipped: [NoContactMethod { user: usr_2 }]",
            "10:00 NoCoverage, Admins every 30: root by Sms 10:00, Email 10:00",
        ],
    );
}

#[test]
fn a_handoff_on_the_way_shows_the_incoming_person() {
    let id = ScheduleId::new(1);
    let mut context = context(1, &[(1, 30, &[Recipient::Schedule(id)])]);
    let hours = |from: i64, to: i64| Interval {
        start: Timestamp::from_second(NOON + from * 60),
        end: Timestamp::from_second(NOON + to * 60),
    };
    let entry = |number: u64, span: Interval| Entry {
        id: EntryId::new(number),
        schedule: id,
        user: UserId::new(number),
        span,
        note: String::new(),
        author: None,
        recorded_at: Timestamp::MIN,
    };
    let schedule = Schedule {
        id,
        team: TeamId::new(1),
        name: "primary".to_owned(),
        zone: "UTC".to_owned(),
        layers: vec![],
        imported_covers: vec![],
        fallback: None,
        revision: 1,
        revised_at: Timestamp::MIN,
        created_at: Timestamp::MIN,
        version: 1,
    };
    let entries = vec![entry(ANA, hours(-60, 30)), entry(BO, hours(30, 60))];
    context.calendars.insert(id, Calendar { schedule, entries, overrides: vec![], imported: BTreeMap::new() });
    check(
        &context,
        &[
            "10:00 level 1: ana by Sms 10:00, Email 10:00",
            "10:30 again level 1: bo by Sms 10:30, Email 10:30",
            "11:00 again NoCoverage, Admins every 30: root by Sms 11:00, Email 11:00",
        ],
    );
    let at = |minutes: i64| Timestamp::from_second(NOON + 60 * minutes);
    let empty = |from, until| {
        empty_stretch(&context, &context.policy.levels[0], at(from), at(until)).expect("a range of minutes")
    };
    assert_eq!(empty(0, 60), None);
    assert_eq!(empty(0, 90), Some(Interval { start: at(60), end: at(90) }));
    assert_eq!(empty(70, 90), Some(Interval { start: at(70), end: at(90) }));
}

#[test]
fn personal_rules_say_when_each_call_rings() {
    let mut context = context(0, &[(1, 5, &[user(ANA)])]);
    let step = |number: u64, after_minutes: u8| Step { contact: ContactId::new(number), after_minutes };
    someone(&mut context, ANA).rules =
        Rules { high: vec![step(11, 0), step(10, 6), step(77, 9)], low: vec![step(11, 2)] };
    let ana = "10:00 level 1: ana by Email 10:00, Sms 10:06 !NeverRings !AfterNextLevel(Sms)";
    let root = "10:05 Exhausted, Admins every 30: root by Sms 10:05, Email 10:05";
    check(&context, &[ana, root]);
    let low = ["10:00 level 1: ana by Email 10:02", root];
    assert_eq!(told(&context, Urgency::Low, NOON), low, "the last resort is woken by the rules of high urgency");
}

#[test]
fn what_may_surprise_is_said() {
    let mut context = context(0, &[(1, 5, &[user(ANA)]), (2, 5, &[user(ANA)])]);
    let ana = someone(&mut context, ANA);
    ana.contacts.remove(0);
    ana.contacts[0].verified_at = None;
    ana.zone = "Pacific/Auckland".to_owned();
    let levels = &told(&context, Urgency::High, NOON)[..2];
    let night = "ana by Email 10:00 !Unverified(Email) !OnlyMailAtNight";
    assert_eq!(levels[0], format!("10:00 level 1: {night}"), "22:00 in Auckland");
    assert_eq!(levels[1], format!("10:05 level 2: {} !NobodyNew", night.replace("10:00", "10:05")));
}

#[test]
fn mail_alone_is_no_surprise_by_day_or_where_nothing_is_urgent() {
    let mut context = context(0, &[(1, 5, &[user(ANA)])]);
    let ana = someone(&mut context, ANA);
    ana.contacts.remove(0);
    let rung = |context: &Context, urgency| told(context, urgency, NOON).remove(0);
    assert_eq!(rung(&context, Urgency::High), "10:00 level 1: ana by Email 10:00");
    someone(&mut context, ANA).zone = "Pacific/Auckland".to_owned();
    assert_eq!(rung(&context, Urgency::Low), "10:00 level 1: ana by Email 10:00");
    assert_eq!(rung(&context, Urgency::High), "10:00 level 1: ana by Email 10:00 !OnlyMailAtNight");
    // With a number beside it, somebody is woken; a call with the next level's is not after it.
    let ana = someone(&mut context, ANA);
    ana.contacts.push(method(12, Channel::Sms));
    let step = |number: u64, after_minutes: u8| Step { contact: ContactId::new(number), after_minutes };
    ana.rules = Rules { high: vec![step(11, 0), step(12, 5)], low: vec![] };
    assert_eq!(rung(&context, Urgency::High), "10:00 level 1: ana by Email 10:00, Sms 10:05");
}
