//! Random organisations: documents with everything that may be in one, each the same for the same seed.

use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::alert_source::UrgencyRule;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::time::Timestamp;
use pagerpal::exchange::document::*;
use std::collections::BTreeMap;

/// A small generator of our own keeps a run repeatable by its seed.
struct Random {
    state: u64,
    /// Ends every name, so that several may stand beside each other.
    mark: String,
}

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % n
    }

    /// For places where no space may be.
    fn plain_mark(&self) -> String {
        self.mark.replace(' ', "-")
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    /// Some of them, in their order, one at least.
    fn some<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let mut some: Vec<T> = all.iter().filter(|_| self.chance(40)).cloned().collect();
        if some.is_empty() {
            some.push(self.of(all));
        }
        some
    }
}

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
const NOTES: [&str; 4] = ["", "on leave", "Grüße, „später“", "a\\b \"c\""];

fn hour(hours: i64) -> Instant {
    Instant(Timestamp::from_second(crate::house::START + hours * 3600))
}

pub fn document(seed: u64) -> Document {
    document_named(seed, "")
}

/// The same with another ending of every name and address.
pub fn document_named(seed: u64, mark: &str) -> Document {
    let mut r = Random { state: seed, mark: mark.to_owned() };
    let users: Vec<User> = (0..4 + r.below(8)).map(|number| user(&mut r, number)).collect();
    let people: Vec<String> = users.iter().map(called).collect();
    let teams: Vec<Team> = (0..1 + r.below(3))
        .map(|number| Team { name: format!("Team {number} ü{mark}"), members: r.some(&people) })
        .collect();
    let team_names: Vec<String> = teams.iter().map(|team| team.name.clone()).collect();
    let schedules: Vec<Schedule> =
        (0..1 + r.below(4)).map(|number| schedule(&mut r, number, &team_names, &people)).collect();
    let schedule_names: Vec<String> = schedules.iter().map(|schedule| schedule.name.clone()).collect();
    let policies: Vec<Policy> =
        (0..1 + r.below(3)).map(|number| policy(&mut r, number, &people, &schedule_names, &team_names)).collect();
    let policy_names: Vec<String> = policies.iter().map(|policy| policy.name.clone()).collect();
    let sources: Vec<AlertSource> =
        (0..1 + r.below(4)).map(|number| source(&mut r, number, &team_names, &policy_names)).collect();
    let source_names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let maintenance = (0..1 + r.below(4)).map(|_| window(&mut r, &team_names, &source_names)).collect();
    let version = VERSION;
    Document {
        pagerpal_export: version,
        users,
        teams,
        schedules,
        escalation_policies: policies,
        alert_sources: sources,
        maintenance,
    }
}

fn called(user: &User) -> String {
    user.email.clone().or(user.known_as.clone()).unwrap_or_else(|| user.name.clone())
}

fn user(r: &mut Random, number: u64) -> User {
    let email = r.chance(70).then(|| format!("person{number}{}@example.test", r.plain_mark()));
    // Those without an address share few names.
    let name = if email.is_some() {
        format!("Person {}{}", r.below(4), r.mark)
    } else {
        format!("Hugo {}{}", r.below(2), r.mark)
    };
    let channels = [Channel::Sms, Channel::WhatsApp, Channel::Email];
    let contacts: Vec<Contact> = (0..r.below(4))
        .map(|place| {
            let channel = r.of(&channels);
            let address = match channel {
                Channel::Email => format!("box{place}@example.test"),
                _ => format!("+4915100{number:03}{place}"),
            };
            let verified_at = r.chance(30).then(|| hour(-100));
            Contact { channel: Word(channel), address, enabled: r.chance(80), verified_at }
        })
        .collect();
    let words: Vec<String> =
        contacts.iter().map(|contact| format!("{} {}", contact.channel.0.word(), contact.address)).collect();
    let mut rules = Rules::default();
    if !words.is_empty() && r.chance(60) {
        let steps = (0..1 + r.below(3)).map(|step| Step { contact: r.of(&words), after_minutes: step as u8 * 7 });
        rules.high = steps.collect();
        rules.low = vec![Step { contact: r.of(&words), after_minutes: 3 }];
    }
    let active = r.chance(85);
    let spans = [
        Activity { from: hour(-9000), to: Some(hour(-8000)) },
        Activity { from: hour(-7000), to: (!active).then(|| hour(-10)) },
    ];
    let login = email.as_ref().filter(|_| r.chance(50)).map(|_| {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$MTYgYnl0ZXMgb2Ygc2FsdA$2/d5kuDHXBcM1p1yTHXDh6xKCK0Iwdz6Ab5ItgFIfvI";
        Login { password_hash: hash.to_owned(), changed_at: hour(-50) }
    });
    User {
        known_as: email.is_none().then(|| format!("hugo-{number}{}", r.mark)),
        name,
        email,
        role: Word(r.of(&Role::ALL)),
        zone: r.of(&ZONES).to_owned(),
        active,
        activity: spans[r.below(2) as usize..].to_vec(),
        contacts: Some(contacts),
        rules: Some(rules),
        login,
    }
}

fn schedule(r: &mut Random, number: u64, teams: &[String], people: &[String]) -> Schedule {
    let calendars: Vec<Calendar> = (0..r.below(3))
        .map(|place| Calendar {
            name: format!("Calendar {place}"),
            zone: r.of(&ZONES).to_owned(),
            url: r.chance(70).then(|| format!("https://calendar.example.net/{number}/{place}.ics")),
        })
        .collect();
    let mut layers: Vec<Layer> = (0..r.below(4)).map(|_| rotation(r, people)).collect();
    let mut covers = Vec::new();
    for calendar in &calendars {
        match r.below(3) {
            0 => covers.push(calendar.name.clone()),
            1 => layers.push(Layer {
                name: calendar.name.clone(),
                zone: None,
                rotation: None,
                calendar: Some(calendar.name.clone()),
            }),
            _ => {}
        }
    }
    let mut at = -200;
    let entries = (0..r.below(6))
        .map(|_| {
            let start = at + r.below(50) as i64;
            at = start + 1 + r.below(30) as i64;
            let note = r.of(&NOTES).to_owned();
            Entry { person: r.of(people), start: hour(start), end: hour(at), note }
        })
        .collect();
    Schedule {
        name: format!("Schedule {number}{}", r.mark),
        team: r.of(teams),
        zone: r.of(&ZONES).to_owned(),
        fallback: r.chance(50).then(|| r.of(people)),
        calendars,
        layers,
        covers,
        entries,
        overrides: overrides(r, people),
    }
}

fn overrides(r: &mut Random, people: &[String]) -> Vec<Override> {
    let mut all = Vec::new();
    for _ in 0..r.below(6) {
        let start = r.below(400) as i64 - 100;
        let (one, other) = (r.of(people), r.of(people));
        let make = |person: &String, instead_of: Option<&String>, start: i64, swapped_with_next| Override {
            person: person.clone(),
            instead_of: instead_of.cloned(),
            start: hour(start),
            end: hour(start + 12),
            note: String::new(),
            swapped_with_next,
        };
        if r.chance(30) && one != other {
            all.push(make(&one, Some(&other), start, true));
            all.push(make(&other, Some(&one), start + 24, false));
        } else {
            let instead_of = r.chance(50).then_some(&other);
            all.push(make(&one, instead_of, start, false));
        }
    }
    all
}

fn rotation(r: &mut Random, people: &[String]) -> Layer {
    let version = |r: &mut Random, from: i64| {
        let slots = (0..1 + r.below(4)).map(|_| r.some(people).into_iter().take(5).collect()).collect();
        let window = |days: &[&str]| Window {
            days: days.iter().map(|day| (*day).to_owned()).collect(),
            start: "18:00".to_owned(),
            end: "08:30".to_owned(),
            extra_days: 0,
        };
        let count = 1 + r.below(5) as u16;
        let (cadence, windows) = match r.below(6) {
            0 => (Cadence::Hours(count), vec![]),
            1 => (Cadence::Days(count), vec![window(&["mon", "tue", "sun"]), window(&["sat"])]),
            2 => (Cadence::Weeks(count), vec![]),
            3 => (Cadence::Months(count), vec![]),
            4 => (Cadence::Windows(count), vec![window(&["fri"])]),
            _ => (Cadence::Cron("0 9 * * 1".to_owned()), vec![window(&["mon", "wed"])]),
        };
        RotationVersion { effective_from: hour(from), anchor: "2026-03-02T09:15".to_owned(), cadence, slots, windows }
    };
    let mut versions = vec![version(r, -5000)];
    if r.chance(50) {
        versions.push(version(r, -20));
    }
    if r.chance(30) {
        versions.push(version(r, 300));
    }
    // Two layers may have the same name.
    let name = format!("Layer {}", r.below(3));
    Layer { name, zone: r.chance(50).then(|| r.of(&ZONES).to_owned()), rotation: Some(versions), calendar: None }
}

fn policy(r: &mut Random, number: u64, people: &[String], schedules: &[String], teams: &[String]) -> Policy {
    let level = |r: &mut Random, number: u8| {
        let mut recipients = vec![Recipient::Schedule(r.of(schedules))];
        if r.chance(50) {
            recipients.push(Recipient::Team(r.of(teams)));
        }
        recipients.extend(r.some(people).into_iter().take(3).map(Recipient::User));
        Level { number, delay_minutes: 1 + r.below(90) as u16, recipients }
    };
    Policy {
        name: format!("Policy {number}{}", r.mark),
        levels: (0..r.below(4)).map(|place| level(r, place as u8 * 3 + 1)).collect(),
        repeat: r.below(10) as u8,
        last_resort: if r.chance(50) { r.some(people).into_iter().take(10).collect() } else { vec![] },
        repage_minutes: 5 + r.below(100) as u16,
        ack_timeout_minutes: r.chance(40).then_some(45),
    }
}

fn source(r: &mut Random, number: u64, teams: &[String], policies: &[String]) -> AlertSource {
    let kind = r.of(&["generic", "alertmanager", "grafana", "cloudwatch"]).to_owned();
    let mark = r.mark.clone();
    let digest = |what: &str| pagerpal::hex::hex(&pagerpal::app::sha256(what.as_bytes()));
    let heartbeats = (0..r.below(3))
        .map(|place| Heartbeat {
            name: format!("job-{place}"),
            interval_minutes: 5 + r.below(2000) as u32,
            grace_minutes: 1 + r.below(30) as u32,
            address_sha256: r.chance(50).then(|| digest(&format!("address {number} {place}{mark}"))),
        })
        .collect();
    AlertSource {
        name: format!("Source {number}{}", r.mark),
        team: r.of(teams),
        escalation_policy: r.of(policies),
        active: r.chance(80),
        default_severity: Word(r.of(&Severity::ALL)),
        severity_map: BTreeMap::from([("page".to_owned(), Word(r.of(&Severity::ALL)))]),
        one_incident_per_alert: r.chance(50),
        insufficient_data_triggers: r.chance(50),
        urgency: Word(r.of(&UrgencyRule::ALL)),
        auto_resolve_minutes: r.chance(30).then_some(60),
        topics: if r.chance(30) { vec!["arn:aws:sns:eu-central-1:1:a".to_owned()] } else { vec![] },
        heartbeats,
        key: r.chance(60).then(|| Key { sha256: digest(&format!("key {number}{mark}")), last_four: "beef".to_owned() }),
        signing: (kind == "grafana" && r.chance(60)).then(|| Signing {
            secret: "signed and sealed".to_owned(),
            timestamp_header: r.chance(50).then(|| "x-time".to_owned()),
        }),
        kind,
    }
}

fn window(r: &mut Random, teams: &[String], sources: &[String]) -> Maintenance {
    let (team, alert_sources) = if r.chance(50) { (Some(r.of(teams)), vec![]) } else { (None, r.some(sources)) };
    let start = r.below(200) as i64 - 10;
    let once = r.chance(60).then(|| Span { start: hour(start), end: hour(start.max(0) + 20) });
    let again = once.is_none().then(|| Again { pattern: "30 2 * * 0".to_owned(), minutes: 90 });
    let labels = if once.is_some() && r.chance(50) {
        vec!["service=checkout".to_owned(), "cluster!=prod".to_owned()]
    } else {
        vec![]
    };
    Maintenance {
        name: format!("Window {}{}", r.below(3), r.mark),
        team,
        alert_sources,
        zone: r.of(&ZONES).to_owned(),
        once,
        again,
        labels,
    }
}
