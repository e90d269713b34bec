//! Who is on call when, in words and as a strip, for pages that are about people and teams rather than one schedule.

use crate::app::oncall::{self, Shift};
use crate::app::{AppError, Read};
use crate::domain::entry::Interval;
use crate::domain::id::{ScheduleId, UserId};
use crate::web::ui::Sight;
use crate::web::ui::clock::Reader;
use crate::web::ui::names::Names;
use crate::web::ui::schedule::band::{Band, Drawing, span_of_days};

/// How far ahead somebody's shifts are looked for.
pub const AHEAD_DAYS: i64 = 30;
const STRIP_DAYS: i64 = 14;

/// Everybody's shifts from now on.
pub fn ahead(read: &Read<'_>, reader: &Reader) -> Result<Vec<Shift>, AppError> {
    let end = reader.now.plus_secs(AHEAD_DAYS * 86_400);
    oncall::shifts(read, Interval { start: reader.now, end })
}

/// "now, until Mon 09:00", "Tue 1 Dec 09:00"; on which schedule.
pub fn next(shifts: &[Shift], user: UserId, names: &Names, reader: &Reader) -> Option<(String, String)> {
    let shift = shifts.iter().find(|shift| shift.user == user)?;
    let when = if shift.runs || shift.span.start <= reader.now {
        format!("now, until {}", reader.clock(shift.span.end))
    } else {
        reader.clock(shift.span.start)
    };
    Some((when, names.schedule(shift.schedule).to_owned()))
}

/// The next two weeks of a schedule on the reader's clock, gaps included.
pub fn strip(sight: &Sight<'_>, schedule: ScheduleId) -> Result<Band, AppError> {
    let Sight { read, names, reader, .. } = *sight;
    let span = span_of_days(reader, reader.now.in_zone(&reader.zone).date(), STRIP_DAYS);
    let (calendar, _, segments) = oncall::rendered(read, schedule, span.start, span.end)?;
    Ok(Drawing { base: None, span, reader, names }.line(calendar.schedule.name, &segments))
}
