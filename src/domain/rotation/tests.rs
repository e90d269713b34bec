//! Counting turns and windows, as tables.

use super::*;
use crate::domain::id::Id;
use crate::domain::time::zone_named;

fn civil(text: &str) -> Civil {
    Civil::of(text.parse().expect("a civil time"))
}

fn version(anchor: &str, cadence: Cadence, windows: &[Window]) -> Version {
    let anchor = civil(anchor);
    let slots = vec![vec![UserId::new(1)], vec![UserId::new(2)]];
    Version { effective_from: Timestamp::MIN, anchor, cadence, slots, windows: windows.to_vec() }
}

#[test]
fn civil_time_counts_minutes_and_drops_seconds() {
    assert_eq!(civil("1970-01-01T00:00"), Civil(0));
    assert_eq!(civil("1970-01-02T00:01:59"), Civil(1441));
    assert_eq!(Civil(-1).to_datetime().to_string(), "1969-12-31T23:59:00");
    for far in [i64::MIN, Civil::MIN.0, Civil::MAX.0, i64::MAX] {
        let clamped = Civil(far).to_datetime();
        assert_eq!(Civil::of(clamped).0, far.clamp(Civil::MIN.0, Civil::MAX.0));
    }
}

#[test]
fn weekdays_are_said_in_runs() {
    let words = |days: &[u8]| Weekdays::from_list(days.iter().copied()).words();
    assert_eq!(words(&[0, 1, 2, 3, 4]), "Mon to Fri");
    assert_eq!(words(&[5, 6]), "Sat and Sun");
    assert_eq!(words(&[0, 2, 4]), "Mon, Wed and Fri");
    assert_eq!(words(&[0, 1, 2, 6]), "Mon to Wed and Sun");
    assert_eq!(words(&[0, 1, 2, 3, 4, 5, 6, 9]), "every day");
    assert_eq!(words(&[]), "no day");
}
