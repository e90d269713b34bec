//! Deals schedules: everything a schedule may hold, crowded around the instant at which a clock changes.

use pagerpal::domain::access::Role;
use pagerpal::domain::entry::{Entry, Interval, Override, OverrideMode};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::id::{EntryId, Id, ImportId, LayerId, OverrideId, ScheduleId, TeamId, UserId};
use pagerpal::domain::oncall::{Calendar, ImportedShift, People};
use pagerpal::domain::rotation::{Cadence, Civil, Version, Weekdays, Window};
use pagerpal::domain::schedule::{Layer, Schedule, Turns};
use pagerpal::domain::time::{Timestamp, zone_named};
use pagerpal::domain::user::{Activity, Rules, User};
use std::collections::BTreeMap;

/// Zones, and years in which their clocks change in ways worth a night's work.
const YEARS: &[(&str, i16)] = &[
    ("Europe/Berlin", 2026),
    ("America/New_York", 2026),
    ("Europe/London", 2027),
    ("Australia/Lord_Howe", 2026),  // half an hour
    ("Australia/Sydney", 2026),     // summer over the turn of the year
    ("Pacific/Chatham", 2026),      // at 02:45
    ("Antarctica/Troll", 2026),     // two hours
    ("Antarctica/Casey", 2020),     // three hours, for no season
    ("America/Nuuk", 2026),         // a gap up to midnight, over the end of a day
    ("America/Scoresbysund", 2024), // its standard time changes with it
    ("Africa/Cairo", 2026),         // a gap at midnight
    ("Asia/Beirut", 2026),          // the same
    ("America/Havana", 2026),       // a gap at midnight, a fold up to it
    ("America/Santiago", 2026),     // the same
    ("Atlantic/Azores", 2026),      // the same
    ("America/St_Johns", 2010),     // at 00:01
    ("Africa/Casablanca", 2026),    // for Ramadan
    ("Africa/El_Aaiun", 2031),      // the same, twice in a year
    ("Europe/Dublin", 2026),        // winter time is the exception
    ("Asia/Tehran", 2021),          // at midnight, half-hour offset
    ("Asia/Gaza", 2026),
    ("Asia/Amman", 2021),
    ("America/Asuncion", 2023),
    ("America/Sao_Paulo", 2018),
    ("America/Caracas", 2016), // half an hour for good
    ("Asia/Pyongyang", 2018),  // half an hour up to midnight
    ("Europe/Istanbul", 2015),
    ("Europe/Volgograd", 2018),   // for good, forward
    ("Europe/Moscow", 2014),      // for good, back
    ("Europe/Lisbon", 1992),      // summer time and zone at once
    ("Pacific/Apia", 2011),       // a day that never was
    ("Pacific/Fakaofo", 2011),    // the same
    ("Pacific/Kwajalein", 1993),  // the same, the other way round
    ("Pacific/Kiritimati", 1994), // the same, at the turn of a year
    ("Pacific/Norfolk", 2019),
    ("Pacific/Fiji", 2020),
    ("America/Sitka", 1983), // nine zones' change in one night
    ("America/Indiana/Knox", 2006),
    ("Asia/Kathmandu", 1985), // a quarter of an hour, in the last second of a year
    ("Asia/Singapore", 1981), // half an hour, the same second
    ("Asia/Kolkata", 2026),   // never
    ("Asia/Tokyo", 2026),     // never
    ("Europe/Kiev", 2026),    // a link
    ("America/New_York", 2099),
];

/// A night to look at.
pub struct Change {
    pub zone: &'static str,
    pub at: Timestamp,
}

/// Every change of the years above; one ordinary noon where the clocks never change.
pub fn changes() -> Vec<Change> {
    let mut found = Vec::new();
    for &(name, year) in YEARS {
        let zone = zone_named(name).expect("a zone of the bundled database");
        let instant = |year| jiff::civil::date(year, 1, 2).to_zoned(zone.clone()).expect("a day").timestamp();
        let (first, last) = (instant(year), instant(year + 1));
        let in_year = zone.following(first).take_while(|change| change.timestamp() < last);
        let before = found.len();
        found.extend(in_year.map(|change| Change { zone: name, at: Timestamp::from_jiff(change.timestamp()) }));
        if found.len() == before {
            found.push(Change { zone: name, at: Timestamp::from_jiff(first).plus_minutes(66 * 1440) });
        }
    }
    found
}

pub struct Dealt {
    pub name: String,
    pub calendar: Calendar,
    pub people: People,
    pub span: Interval,
    /// To be answered one by one, besides the borders of the product's own segments.
    pub instants: Vec<Timestamp>,
}

pub const NAMES: [&str; 7] = ["Ana", "Bo", "Caro", "Dana", "Eli", "Finn", "Gus"];

/// The same seed deals the same schedule.
pub fn schedule(change: &Change, seed: u64) -> Dealt {
    let zone = zone_named(change.zone).expect("a zone of the bundled database");
    let minute = |at: Timestamp| Civil::of(at.in_zone(&zone)).0;
    // What the clock shows as it changes: before, as if it went on, and after.
    let (before, after) = (minute(change.at.plus_secs(-1)) + 1, minute(change.at));
    let dice = Jitter::seeded(seed ^ (change.at.as_second() as u64) << 8);
    Dealer { dice, change: change.at, local: after, hot: [before, after, (before + after) / 2] }.schedule(change, seed)
}

struct Dealer {
    dice: Jitter,
    change: Timestamp,
    /// The change on the clock of the schedule's zone.
    local: i64,
    /// Minutes around which things happen.
    hot: [i64; 3],
}

const DAY: i64 = 1440;

impl Dealer {
    fn schedule(mut self, change: &Change, seed: u64) -> Dealt {
        let people = self.people();
        let imported: BTreeMap<ImportId, Vec<ImportedShift>> =
            [1, 2].map(|number| (ImportId::new(number), self.shifts())).into();
        let layers = (0..self.among(&[0, 1, 1, 1, 2, 2, 3])).map(|number| self.layer(number)).collect();
        let schedule = Schedule {
            id: ScheduleId::new(1),
            team: TeamId::new(1),
            name: "dealt".to_owned(),
            zone: change.zone.to_owned(),
            layers,
            imported_covers: if self.chance(15) { vec![ImportId::new(1)] } else { vec![] },
            fallback: self.chance(35).then(|| self.user()),
            revision: 1,
            revised_at: Timestamp::MIN,
            created_at: Timestamp::MIN,
            version: 1,
        };
        let calendar = Calendar { schedule, entries: self.entries(), overrides: self.overrides(), imported };
        let days = self.among(&[1, 1, 2, 2, 3, 3, 10]);
        let start = self.change.plus_minutes(-days * DAY - self.number(900)).plus_secs(self.second());
        let end = self.change.plus_minutes(days * DAY + self.number(900)).plus_secs(self.second());
        let instants = self.instants(start, end);
        let name = format!("{} {} seed {seed}", change.zone, change.at);
        Dealt { name, calendar, people, span: Interval { start, end }, instants }
    }

    /// Most are always active; some leave, return or arrive around the change.
    fn people(&mut self) -> People {
        let mut people = People::new();
        for (number, name) in NAMES.iter().enumerate() {
            let span = self.span();
            let activity = match self.number(20) {
                0..=12 => vec![Activity { from: Timestamp::MIN, to: None }],
                13..=15 => {
                    vec![Activity { from: Timestamp::MIN, to: Some(span.start) }, Activity { from: span.end, to: None }]
                }
                16 | 17 => vec![Activity { from: Timestamp::MIN, to: Some(span.start) }],
                _ => vec![Activity { from: span.start, to: None }],
            };
            let id = UserId::new(number as u64 + 1);
            let user = User {
                id,
                name: (*name).to_owned(),
                email: None,
                role: Role::Responder,
                login: None,
                zone: "UTC".to_owned(),
                activity,
                contacts: vec![],
                rules: Rules::default(),
                created_at: Timestamp::MIN,
                version: 1,
            };
            people.insert(id, user);
        }
        people
    }

    fn layer(&mut self, number: i64) -> Layer {
        let elsewhere = self.chance(25).then(|| YEARS[self.number(YEARS.len() as i64) as usize].0.to_owned());
        let turns = if self.chance(15) {
            Turns::Imported(ImportId::new(2))
        } else {
            let mut versions = vec![self.version(Timestamp::MIN)];
            for _ in 0..self.among(&[0, 0, 0, 1, 1, 2]) {
                let after = versions.last().map_or(Timestamp::MIN, |last: &Version| last.effective_from);
                let from = self.instant().max(after.plus_secs(1));
                versions.push(self.version(from));
            }
            Turns::Rotation(versions)
        };
        Layer { id: LayerId::new(number as u64 + 1), name: format!("layer {number}"), zone: elsewhere, turns }
    }

    fn version(&mut self, effective_from: Timestamp) -> Version {
        let cadence = match self.number(6) {
            0 => Cadence::Hours(self.among(&[1, 1, 2, 3, 6, 8, 12, 13, 24, 168]) as u16),
            1 => Cadence::Days(self.among(&[1, 1, 1, 2, 3, 7]) as u16),
            2 => Cadence::Weeks(self.among(&[1, 1, 2]) as u16),
            3 => Cadence::Months(self.among(&[1, 1, 2, 3]) as u16),
            4 => Cadence::Windows(self.among(&[1, 1, 2, 5]) as u16),
            _ => Cadence::Cron(self.pattern()),
        };
        let days_before = match cadence {
            Cadence::Months(_) => self.among(&[2, 20, 29, 31, 60, 120, 400]),
            Cadence::Weeks(_) => self.among(&[0, 7, 14, 5, 9, 70]),
            _ => self.among(&[-1, 0, 0, 1, 2, 3, 5, 8, 13, 30]),
        };
        let windows = match (&cadence, self.number(8)) {
            (Cadence::Windows(_), _) => vec![self.lone_window()],
            (_, 0..=3) => vec![],
            (_, 4 | 5) => vec![self.window()],
            (_, more) => (4..more).map(|_| self.window()).collect(),
        };
        let slots = (0..self.among(&[1, 2, 2, 3, 3, 4, 7])).map(|_| self.slot()).collect();
        let anchor = Civil((self.local.div_euclid(DAY) - days_before) * DAY + self.minute_of_day());
        let version = Version { effective_from, anchor, cadence, slots, windows };
        assert!(version.clone().checked().is_ok(), "people may save what is dealt here: {version:?}");
        version
    }

    fn slot(&mut self) -> Vec<UserId> {
        let mut slot = vec![self.user()];
        if self.chance(25) {
            let second = self.user();
            slot.extend((second != slot[0]).then_some(second));
        }
        slot
    }

    /// Fixed minute and hour, matches at least an hour apart.
    fn pattern(&mut self) -> String {
        let (time, month) = (self.minute_of_day(), Civil(self.local).to_datetime().month());
        let (minute, hour, day) = (time % 60, time / 60, Civil(self.local).to_datetime().day());
        let other = (hour + 1 + self.number(22)) % 24;
        match self.number(9) {
            0 | 1 => format!("{minute} {hour} * * *"),
            2 => format!("{minute} {},{} * * *", hour.min(other), hour.max(other)),
            3 => format!("{minute} {hour} * * 1-5"),
            4 => format!("{minute} {hour} * * MON,THU"),
            5 => format!("{minute} {hour} 1,15,{day} * *"),
            6 => format!("{minute} {hour} {}-{day} * *", (day - 3).max(1)),
            7 => format!("{minute} {hour} * {month} 0"),
            _ => format!("{minute} {hour} {day} * 3"),
        }
    }

    fn window(&mut self) -> Window {
        let days = match self.number(5) {
            0 | 1 => 0b111_1111,
            2 => 0b001_1111,
            _ => 1 + self.number(127) as u8,
        };
        let (start, end) = (self.minute_of_day() as u16, self.minute_of_day() as u16);
        Window { days: Weekdays(days), start, end, extra_days: self.among(&[0, 0, 0, 0, 0, 1, 2, 6]) as u8 }
    }

    /// One that does not overlap itself, for a turn per window: longer than a day only if it opens once a week.
    fn lone_window(&mut self) -> Window {
        let window = self.window();
        let days = if window.extra_days > 0 { 1 << self.number(7) } else { window.days.0 };
        Window { days: Weekdays(days), ..window }
    }

    /// By start, some touching, none overlapping.
    fn entries(&mut self) -> Vec<Entry> {
        let mut from = self.change.plus_minutes(-self.number(3 * DAY));
        let mut entries = Vec::new();
        for number in 0..self.among(&[0, 0, 1, 2, 3, 4]) {
            let start = from.plus_minutes(self.among(&[0, 0, 15, 60, 540, 1441]));
            let end = start.plus_minutes(self.among(&[1, 30, 60, 480, 720, 1440])).plus_secs(self.second());
            let span = Interval { start, end };
            from = end;
            let id = EntryId::new(number as u64 + 1);
            let (schedule, user) = (ScheduleId::new(1), self.user());
            entries.push(Entry {
                id,
                schedule,
                user,
                span,
                note: String::new(),
                author: None,
                recorded_at: Timestamp::MIN,
            });
        }
        entries
    }

    fn overrides(&mut self) -> Vec<Override> {
        let mut overrides = Vec::new();
        for number in 0..self.among(&[0, 0, 1, 1, 2, 3, 5]) {
            let mode = match self.chance(50) {
                true => OverrideMode::Cover,
                false => OverrideMode::Replace { from: self.user() },
            };
            overrides.push(Override {
                id: OverrideId::new(number as u64 + 1),
                schedule: ScheduleId::new(1),
                user: self.user(),
                mode,
                span: self.span(),
                note: String::new(),
                author: None,
                recorded_at: Timestamp::MIN,
            });
        }
        // Nobody promises their order.
        let turned = self.number(overrides.len() as i64) as usize;
        overrides.rotate_left(turned);
        overrides
    }

    fn shifts(&mut self) -> Vec<ImportedShift> {
        let mut shifts: Vec<ImportedShift> = (0..self.among(&[1, 2, 3, 5]))
            .map(|_| ImportedShift {
                span: self.span(),
                users: match self.number(4) {
                    0 => vec![],
                    _ => self.slot(),
                },
                text: "shift".to_owned(),
            })
            .collect();
        shifts.sort_by_key(|shift| (shift.span.start, shift.span.end));
        shifts
    }

    fn instants(&mut self, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
        let around = [-7200, -3600, -1800, -60, -1, 0, 1, 60, 1800, 3600, 7200];
        let mut instants: Vec<Timestamp> = around.into_iter().map(|secs| self.change.plus_secs(secs)).collect();
        instants.extend((0..10).map(|_| self.instant()));
        instants.extend((0..15).map(|_| start.plus_secs(self.number(end.secs_since(start)))));
        instants.retain(|at| start <= *at && *at < end);
        instants
    }

    fn span(&mut self) -> Interval {
        let (one, other) = (self.instant(), self.instant());
        let start = one.min(other);
        Interval { start, end: one.max(other).max(start.plus_secs(1)) }
    }

    /// Near the change: minutes or days off, seldom between two minutes.
    fn instant(&mut self) -> Timestamp {
        let minutes = match self.number(5) {
            0 | 1 => 15 * (self.number(25) - 12),
            2 | 3 => 30 * (self.number(97) - 48),
            _ => self.number(8 * DAY) - 4 * DAY,
        };
        self.change.plus_minutes(minutes).plus_secs(self.second())
    }

    fn second(&mut self) -> i64 {
        if self.chance(10) { self.number(60) } else { 0 }
    }

    /// Mostly one that the change touches.
    fn minute_of_day(&mut self) -> i64 {
        let minute = match self.number(10) {
            0..=5 => self.among(&self.hot.clone()) + self.among(&[-90, -60, -45, -30, -15, -1, 0, 0, 0, 1, 15, 30, 60]),
            6..=8 => self.among(&[0, 8 * 60, 9 * 60, 17 * 60, 20 * 60, 22 * 60]),
            _ => self.number(DAY),
        };
        minute.rem_euclid(DAY)
    }

    fn user(&mut self) -> UserId {
        UserId::new(self.dice.below(NAMES.len() as u64) + 1)
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.number(100) < percent
    }

    fn among(&mut self, choices: &[i64]) -> i64 {
        choices[self.number(choices.len() as i64) as usize]
    }

    /// 0 up to but not including `n`.
    fn number(&mut self, n: i64) -> i64 {
        self.dice.below(n as u64) as i64
    }
}
