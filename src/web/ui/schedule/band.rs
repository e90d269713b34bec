//! The weeks of a schedule as stripes, drawn here as SVG: what comes out on top, and below it the layers, entries and
//! overrides that it comes from.
//!
//! Places are percentages of the width, so the drawing fits every screen while its words keep their size. Every block
//! carries its name as text and says the rest on asking; the list below the drawing says the same in full.

use crate::domain::entry::Interval;
use crate::domain::id::{Id, UserId};
use crate::domain::oncall::{Calendar, People, Segment, final_schedule};
use crate::domain::refusal::Refusal;
use crate::domain::rotation::Civil;
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::web::ui::clock::Reader;
use crate::web::ui::names::Names;
use jiff::ToSpan;
use jiff::civil::Date;

pub struct Band {
    pub rows: Vec<Row>,
    pub days: Vec<Day>,
    /// Where now is; `None` outside of what is drawn.
    pub now: Option<String>,
}

pub struct Row {
    pub name: String,
    pub blocks: Vec<Block>,
}

pub struct Block {
    pub x: String,
    pub width: String,
    pub class: String,
    pub text: String,
    /// "Ana, Mon 23 Nov 09:00 to Wed 25 Nov 18:00".
    pub title: String,
    /// To why it is so; not on blocks that are too narrow for a finger, which the list tells as well.
    pub href: Option<String>,
}

pub struct Day {
    pub x: String,
    pub width: String,
    /// Empty where labels would run into each other.
    pub text: String,
    /// Whether a narrow screen has room for the label.
    pub fits_narrow: bool,
}

/// What a band is drawn with.
pub struct Drawing<'a> {
    /// The page that explains an instant, for blocks to lead to.
    pub base: Option<&'a str>,
    pub span: Interval,
    pub reader: &'a Reader,
    pub names: &'a Names,
}

/// Days of the schedule's own clock, from 00:00 to 00:00.
pub fn span_of_days(reader: &Reader, from: Date, days: i64) -> Interval {
    let midnight = |date: Date| Civil::of(date.to_datetime(jiff::civil::Time::midnight())).instant(&reader.zone);
    Interval { start: midnight(from), end: midnight(from.saturating_add(days.days())) }
}

/// In per cent: 24 px of the narrowest screen.
const LINKED_SHARE: f64 = 9.0;

impl Drawing<'_> {
    pub fn band(&self, calendar: &Calendar, people: &People, segments: &[Segment]) -> Result<Band, Refusal> {
        let mut rows = vec![Row { name: "On call".to_owned(), blocks: self.segments(segments, true) }];
        for layer in &calendar.schedule.layers {
            let alone = Calendar {
                schedule: Schedule {
                    layers: vec![layer.clone()],
                    imported_covers: vec![],
                    fallback: None,
                    ..calendar.schedule.clone()
                },
                entries: vec![],
                overrides: vec![],
                imported: calendar.imported.clone(),
            };
            let segments = final_schedule(&alone, people, self.span.start, self.span.end)?;
            rows.push(Row { name: layer.name.clone(), blocks: self.segments(&segments, false) });
        }
        let entries = calendar.entries.iter().filter(|entry| entry.span.overlaps(&self.span));
        let blocks = entries.map(|entry| self.block(entry.span, Some(&[entry.user]), "")).collect();
        rows.push(Row { name: "Entries".to_owned(), blocks });
        let mut overrides: Vec<_> = calendar.overrides.iter().filter(|o| o.span.overlaps(&self.span)).collect();
        // The newest is drawn last, and so on top.
        overrides.sort_by_key(|o| o.id);
        let blocks = overrides.into_iter().map(|o| self.block(o.span, Some(&[o.user]), "over")).collect();
        rows.push(Row { name: "Overrides".to_owned(), blocks });
        rows.retain(|row| !row.blocks.is_empty());
        let now = self.span.contains(self.reader.now).then(|| self.at(self.reader.now));
        Ok(Band { rows, days: self.days(), now })
    }

    /// What comes out on top, and nothing of what it is made of.
    pub fn line(&self, name: String, segments: &[Segment]) -> Band {
        let now = self.span.contains(self.reader.now).then(|| self.at(self.reader.now));
        Band { rows: vec![Row { name, blocks: self.segments(segments, true) }], days: self.days(), now }
    }

    fn segments(&self, segments: &[Segment], with_gaps: bool) -> Vec<Block> {
        let shown = segments.iter().filter(|segment| with_gaps || !segment.places.is_empty());
        let block = |segment: &Segment| {
            let users: Vec<UserId> = segment.places.iter().map(|place| place.user).collect();
            let class = if segment.places.iter().any(|place| place.replaced.is_some()) { "over" } else { "" };
            let span = Interval { start: segment.start, end: segment.end };
            self.block(span, (!users.is_empty()).then_some(&users), class)
        };
        shown.map(block).collect()
    }

    fn block(&self, span: Interval, users: Option<&[UserId]>, class: &str) -> Block {
        let start = span.start.max(self.span.start);
        let share = 100.0 * span.end.min(self.span.end).secs_since(start) as f64 / self.length();
        let text = users.and_then(|users| self.names.people(users.iter().copied())).unwrap_or("nobody".to_owned());
        let hue = users.map_or("gap".to_owned(), |users| format!("hue{}", users[0].number() % 4));
        let (from, to) = (self.reader.exactly(span.start).text, self.reader.exactly(span.end).text);
        let asked = start.max(self.reader.now.min(span.end.plus_secs(-60)));
        let why = |base: &str| format!("{base}?at={}#why", self.reader.input(asked));
        Block {
            href: self.base.filter(|_| share >= LINKED_SHARE).map(why),
            x: self.at(start),
            width: format!("{share:.3}%"),
            class: format!("{hue} {class}").trim_end().to_owned(),
            title: format!("{text}, {from} to {to}"),
            text,
        }
    }

    fn days(&self) -> Vec<Day> {
        let mut days = Vec::new();
        let (wide, narrow) = if self.length() > 16.0 * 86_400.0 { (2, 6) } else { (1, 2) };
        let mut date = self.span.start.in_zone(&self.reader.zone).date();
        // At most so many fit; a day that the clocks skip has no width and no label.
        for number in 0..62 {
            let day = span_of_days(self.reader, date, 1);
            if day.start >= self.span.end {
                break;
            }
            let block = self.block(day, None, "");
            // The rest of a day that has begun before the band may be too short for its label.
            let fits = number % wide == 0 && day.start >= self.span.start;
            let text = if fits { date.strftime("%a %-d").to_string() } else { String::new() };
            days.push(Day { x: block.x, width: block.width, text, fits_narrow: number % narrow == 0 });
            date = date.saturating_add(1.day());
        }
        days
    }

    fn at(&self, at: Timestamp) -> String {
        format!("{:.3}%", 100.0 * at.secs_since(self.span.start) as f64 / self.length())
    }

    fn length(&self) -> f64 {
        self.span.end.secs_since(self.span.start).max(1) as f64
    }
}
