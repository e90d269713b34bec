//! Local times that people type: read in the zone they name, refused where the clocks skip them, asked about where the
//! clocks show them twice.
//!
//! A field `start` comes with a select `start_pass` once its time is ambiguous: of a time that comes twice the first pass is
//! preset, of one that never comes both neighbours are offered, and sending the form again with it answers the question.
//! An answer counts only while its question still stands.

use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, Typed, typed, zone_named};
use crate::web::extract::Fields;
use crate::web::ui::clock::Reader;
use crate::web::ui::form::{Choice, Form};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The instant in `field`; `pass` is the field of the answer to which of the two passes is meant.
pub fn instant(form: &Fields, field: &'static str, pass: &str, zone_name: &str) -> Result<Timestamp, Refusal> {
    let unreadable = || Refusal::invalid("time_form", field, "Write the time as 2026-11-24T09:00.");
    let local: DateTime = form.text(field).parse().map_err(|_| unreadable())?;
    let found = typed(&zone(zone_name)?, local);
    if let (Typed::Fold { .. }, None) = (found, form.optional(pass)) {
        let sentence = format!(
            "{} comes twice on {} in {zone_name}: clocks go back then. Choose which one, and send again.",
            local.strftime("%H:%M"),
            local.strftime("%-d %b")
        );
        return Err(Refusal::invalid("time_in_fold", field, sentence));
    }
    if let Typed::Gap { before, after } = found
        && let Some(neighbour) = [before, after].into_iter().find(|neighbour| written(*neighbour) == form.text(pass))
    {
        return typed(&zone(zone_name)?, neighbour).instant(neighbour, zone_name, field, false);
    }
    found.instant(local, zone_name, field, form.text(pass) == SECOND)
}

/// As a `datetime-local` input writes it.
pub fn written(local: DateTime) -> String {
    local.strftime("%Y-%m-%dT%H:%M").to_string()
}

const FIRST: &str = "first";
const SECOND: &str = "second";

/// What to ask beside a field whose time comes twice or never on the reader's clock; empty for every other time.
pub fn passes(form: &Form, field: &str, reader: &Reader) -> Vec<Choice> {
    let zone = &reader.zone;
    let Ok(local) = form.value(field).parse::<DateTime>() else { return vec![] };
    let (first, second) = match typed(zone, local) {
        Typed::Once(_) => return vec![],
        Typed::Gap { before, after } => {
            let neighbour = |at: DateTime| Choice::new(written(at), reader.written(at, "%H:%M on %-d %b"));
            return vec![Choice::new("", "choose"), neighbour(before), neighbour(after)];
        }
        Typed::Fold { first, second } => (first, second),
    };
    let in_words = |which: &str, instant: Timestamp| {
        let zoned = instant.to_jiff().to_zoned(zone.clone());
        format!("the {which} time, {} {}", reader.written(zoned.datetime(), "%H:%M"), zoned.strftime("%Z, UTC%:z"))
    };
    vec![Choice::new(FIRST, in_words("first", first)), Choice::new(SECOND, in_words("second", second))]
}

/// Which of two passes an instant is in, as the select has it; empty for an instant that is read once.
pub fn pass_of(at: Timestamp, zone: &TimeZone) -> &'static str {
    match typed(zone, at.in_zone(zone)) {
        Typed::Fold { second, .. } if second == at => SECOND,
        Typed::Fold { .. } => FIRST,
        _ => "",
    }
}

fn zone(name: &str) -> Result<TimeZone, Refusal> {
    let sentence = format!("{name} is not a place. Choose one, such as America/New_York.");
    zone_named(name).ok_or_else(|| Refusal::invalid("zone_unknown", "zone", sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, local: &str, pass: &str, expected: Result<&str, &str>) {
        let fields = vec![("start".to_owned(), local.to_owned()), ("start_pass".to_owned(), pass.to_owned())];
        let read = instant(&Fields(fields), "start", "start_pass", zone);
        let read = read.map(|instant| instant.to_string()).map_err(|refusal| refusal.code);
        assert_eq!(read.as_deref().map_err(|code| *code), expected, "{local} in {zone}, {pass}");
    }

    #[test]
    fn a_typed_time_is_read_in_its_zone_and_asked_about_if_it_comes_twice() {
        let new_york = "America/New_York";
        check("Europe/Berlin", "2026-11-24T09:00", "", Ok("2026-11-24T08:00:00Z"));
        check(new_york, "2026-11-01T01:30", "", Err("time_in_fold"));
        check(new_york, "2026-11-01T01:30", "first", Ok("2026-11-01T05:30:00Z"));
        check(new_york, "2026-11-01T01:30", "second", Ok("2026-11-01T06:30:00Z"));
        check(new_york, "2026-03-08T02:30", "first", Err("time_in_gap"));
        check(new_york, "2026-03-08T02:30", "2026-03-08T01:59", Ok("2026-03-08T06:59:00Z"));
        check(new_york, "2026-03-08T02:30", "2026-03-08T03:00", Ok("2026-03-08T07:00:00Z"));
        check(new_york, "2026-03-09T02:30", "2026-03-08T03:00", Ok("2026-03-09T06:30:00Z"));
        check("UTC", "tomorrow", "", Err("time_form"));
        check("EST", "2026-11-24T09:00", "", Err("zone_unknown"));
    }

    #[test]
    fn only_a_time_that_comes_twice_or_never_is_asked_about() {
        let asked = |zone: &str, local: &str| -> Vec<String> {
            let form = Form::blank("window").with("start", local);
            passes(&form, "start", &Reader::new(Timestamp::MIN, zone)).into_iter().map(|choice| choice.label).collect()
        };
        assert_eq!(
            asked("America/New_York", "2026-11-01T01:30"),
            ["the first time, 01:30 EDT, UTC-04:00", "the second time, 01:30 EST, UTC-05:00"]
        );
        assert_eq!(asked("America/New_York", "2026-03-08T02:30"), ["choose", "01:59 on 8 Mar", "03:00 on 8 Mar"]);
        assert!(asked("America/New_York", "2026-11-01T02:30").is_empty());
        assert!(asked("EST", "2026-11-01T01:30").is_empty() && asked("UTC", "").is_empty());
    }
}
