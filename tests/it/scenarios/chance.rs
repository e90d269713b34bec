//! Nights that nobody wrote: deeds, alerts, edits and time in any order. The inspector looks after every step, and in the
//! end everything is over and nothing waits.

use super::Stage;
use pagerpal::clock::Clock;
use std::path::Path;

const NIGHTS: u64 = 24;
const STEPS: usize = 80;

const STAGE: &str = "person root admin sms\nperson alice sms email\n\
    schedule primary  alice 00:00-01:00  bob 01:00-01:30  carol 02:00-30:00\n\
    policy payments  1: schedule:primary, 5m  2: bob alice, 10m  4: dana, 3m  repeat 1  timeout 20m  repage 10m\n\
    policy network  1: erin, 5m  last root\n\
    source network resolves after 40m\n";

/// `?` is one of two alerts, `%` one of five people.
const LINES: &[&str] = &[
    "alert payments ? warning \"Disk filling\"",
    "alert payments ? critical \"Disk full\"",
    "alert payments ? info \"Disk in use\"",
    "recover payments ?",
    "takes payments ?",
    "% acknowledges ?",
    "% acknowledges ?",
    "% unacknowledges ?",
    "% snoozes ? 15m",
    "% snoozes ? 2h",
    "% resolves ?",
    "% reopens ?",
    "% escalates ?",
    "% escalates ? to 2",
    "% escalates ? seen at 1",
    "% reassigns ? to %",
    "% reassigns ? to bob carol",
    "% reassigns ? to policy network",
    "% sets ? to info",
    "% sets ? to critical",
    "% notes ? \"looking\"",
    "% removes sms",
    "% regains sms",
    "% is deactivated",
    "% is reactivated",
    "restored",
    "clock +1h",
    "source payments moves to network",
    "source payments moves to payments",
    "source payments resolves after 10m",
    "source payments resolves never",
    "policy payments  1: schedule:primary, 5m  3: dana, 10m  repeat 0",
    "policy payments  1: schedule:primary, 2m  2: bob alice, 10m  4: dana, 3m  repeat 1  timeout 20m",
];

/// A small generator is enough, and its nights stay the same for ever.
struct Dice(u64);

impl Dice {
    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn whatever_happens_in_a_night_every_incident_waits_for_what_it_should() {
    let (mut done, mut sent) = (0, 0);
    for night in 0..NIGHTS {
        let mut dice = Dice(night);
        let mut stage = Stage::empty(false, Path::new(&format!("night {night}")));
        for line in STAGE.lines() {
            stage.set(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        let mut told = Vec::new();
        for _ in 0..STEPS {
            let later = stage.world.clock.now().plus_secs([0, 1, 60, 300, 1200, 5400][dice.below(6) as usize]);
            stage.world.run_until(later);
            let mut line = dice.one_of(LINES).to_owned();
            while line.contains('?') {
                line = line.replacen('?', dice.one_of(&["disk", "net"]), 1);
            }
            while line.contains('%') {
                line = line.replacen('%', dice.one_of(&["alice", "bob", "carol", "dana", "erin"]), 1);
            }
            let id = line.split_whitespace().nth(2).filter(|word| ["disk", "net"].contains(word)).map(str::to_owned);
            if id.is_some_and(|id| {
                !line.starts_with("alert") && !stage.incidents().iter().any(|(_, other, _)| *other == id)
            }) {
                continue;
            }
            told.push(line.clone());
            done += usize::from(stage.act(&line).is_ok());
            let problems = stage.world.read(pagerpal::app::inspect::inspect);
            assert!(problems.is_empty(), "night {night}: {problems:#?} after\n{}", told.join("\n"));
        }
        for (number, ..) in stage.incidents() {
            stage.resolve(number);
        }
        let next =
            stage.world.read(|read| pagerpal::app::timers::next_due(read, pagerpal::domain::effect::Ring::Escalation));
        assert_eq!(next, None, "night {night}: a timer of something resolved after\n{}", told.join("\n"));
        sent += stage.world.sent.len();
    }
    // A play in which nothing happens proves nothing.
    assert!(done > 500 && sent > 300, "{done} deeds, {sent} messages");
}
