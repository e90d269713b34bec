//! Every night that once broke a promise, played again: `tests/regressions` of the repository.

use sim::plan::Plan;
use sim::run::play;
use std::fs;
use std::path::Path;

#[test]
fn what_a_night_once_broke_stays_mended_and_is_the_same_twice() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/regressions");
    let mut played = 0;
    for path in fs::read_dir(&folder).expect("a folder of plans").flatten().map(|entry| entry.path()) {
        let text = fs::read_to_string(&path).expect("a plan");
        let plan = Plan::from_lines(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        assert_eq!(Plan::from_lines(&plan.to_lines()).as_ref(), Ok(&plan), "{}", path.display());
        let report = play(&plan).unwrap_or_else(|failure| panic!("{}\n{failure}", path.display()));
        assert_eq!(play(&plan).expect("as before"), report, "S17: {}", path.display());
        assert!(report.sent > 0 && report.incidents > 0, "{}: nothing happens in it", path.display());
        played += 1;
    }
    assert!(played > 0, "no plan was played");
}
