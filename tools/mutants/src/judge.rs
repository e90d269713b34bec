//! Runs the tests with one change after the other.
//!
//! Each change has processes of its own, with a limit of memory and one of time, so that what never ends harms nobody. Quick
//! tests are asked first, slower ones only while none has noticed anything.

use crate::change::Mutant;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Changes at a time, unless HANDS says otherwise.
const HANDS: usize = 2;
/// KiB of address space: several times what any test needs.
const MEMORY: u32 = 3_000_000;
/// A test may take so many times longer than without a change, and `GRACE` on top.
const PATIENCE: u32 = 10;
const GRACE: Duration = Duration::from_secs(4);
/// The first tests of a change take together about so long, the next ones four times that, and so on.
const FIRST: Duration = Duration::from_millis(100);
/// Nights dealt by chance: like the simulation they would find much, and for each change they would take as long as all else.
const NOT_ASKED: &str = "scenarios::chance::";

pub enum Verdict {
    /// The test that noticed it.
    Noticed(String),
    /// How many tests came by it and noticed nothing.
    Missed(usize),
}

pub struct Judge {
    package: PathBuf,
    binary: PathBuf,
    /// Quick ones first.
    tests: Vec<(Duration, String)>,
    /// By change, the places in `tests` of those that come by it.
    reached: BTreeMap<u32, Vec<usize>>,
}

impl Judge {
    /// Runs every test once with nothing changed, to see how long it takes and which changes it comes by.
    pub fn new(package: &Path, binary: PathBuf) -> io::Result<Judge> {
        let mut judge = Judge { package: package.to_owned(), binary, tests: Vec::new(), reached: BTreeMap::new() };
        let list = Command::new(&judge.binary).args(["--list", "--format=terse"]).output()?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let names: Vec<&str> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.starts_with(NOT_ASKED)).collect();
        if names.len() == list.lines().filter(|line| line.ends_with(": test")).count() {
            return Err(Error::other(format!("no test is called {NOT_ASKED}… any more")));
        }
        let mut timed = side_by_side(&names, |place, name| judge.come_by(place, name))?;
        timed.sort();
        for (time, name, numbers) in timed.into_iter().filter(|(_, _, numbers)| !numbers.is_empty()) {
            for number in numbers {
                judge.reached.entry(number).or_default().push(judge.tests.len());
            }
            judge.tests.push((time, name));
        }
        Ok(judge)
    }

    /// How many tests come by any change.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// `missed` hears at once of what nobody noticed.
    pub fn judge(&self, mutants: &[&Mutant], missed: &(dyn Fn(&Mutant, usize) + Sync)) -> io::Result<Vec<Verdict>> {
        side_by_side(mutants, |place, mutant| {
            if place % 100 == 99 {
                eprintln!("{} of {}", place + 1, mutants.len());
            }
            let verdict = self.verdict(mutant)?;
            if let Verdict::Missed(tests) = verdict {
                missed(mutant, tests);
            }
            Ok(verdict)
        })
    }

    fn come_by(&self, place: usize, name: &str) -> io::Result<(Duration, String, Vec<u32>)> {
        let log = self.package.join(format!("reached.{place}.log"));
        let _ = fs::remove_file(&log);
        let begun = Instant::now();
        let status = self.command(&[name], &log.with_extension("out"))?.env("MUTANT_REACHED", &log).status()?;
        if !status.success() {
            return Err(Error::other(format!("{name} fails although nothing is changed")));
        }
        let time = begun.elapsed();
        let numbers = fs::read_to_string(&log).unwrap_or_default();
        let numbers = numbers.lines().filter_map(|number| number.parse().ok()).collect();
        fs::remove_file(log.with_extension("out"))?;
        let _ = fs::remove_file(&log);
        Ok((time, name.to_owned(), numbers))
    }

    fn verdict(&self, mutant: &Mutant) -> io::Result<Verdict> {
        let tests = self.reached.get(&mutant.number).map(Vec::as_slice).unwrap_or_default();
        let mut rest = tests;
        let mut budget = FIRST;
        while !rest.is_empty() {
            let mut time = Duration::ZERO;
            let fits = rest.iter().take_while(|test| {
                time += self.tests[**test].0;
                time <= budget
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            if let Some(by) = self.noticed(mutant, now)? {
                return Ok(Verdict::Noticed(by));
            }
            (rest, budget) = (later, budget * 4);
        }
        Ok(Verdict::Missed(tests.len()))
    }

    /// Which of these tests notices it.
    fn noticed(&self, mutant: &Mutant, tests: &[usize]) -> io::Result<Option<String>> {
        let names: Vec<&str> = tests.iter().map(|test| self.tests[*test].1.as_str()).collect();
        let usual: Duration = tests.iter().map(|test| self.tests[*test].0).sum();
        let out = self.package.join(format!("mutant.{}.out", mutant.number));
        let mut child = self.command(&names, &out)?.env("MUTANT", mutant.number.to_string()).spawn()?;
        let ended = has_passed(&mut child, usual * PATIENCE + GRACE)?;
        let said = fs::read_to_string(&out)?;
        fs::remove_file(&out)?;
        let failed = said.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
        Ok(match ended {
            Some(true) => None,
            Some(false) => Some(failed.unwrap_or("the end of its process").to_owned()),
            None => Some("a test that does not end".to_owned()),
        })
    }

    fn command(&self, tests: &[&str], out: &Path) -> io::Result<Command> {
        let limited = format!("ulimit -v {MEMORY} && exec nice -n 10 \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited, "sh"]).arg(&self.binary);
        command.args(["--exact", "--test-threads=1"]).args(tests).current_dir(&self.package);
        // The same cases each time, and none made smaller that nobody reads.
        command.env("PROPTEST_RNG_SEED", "1").env("PROPTEST_MAX_SHRINK_ITERS", "0");
        command.env("PROPTEST_FAILURE_PERSISTENCE", "off").env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(File::create(out)?).stderr(Stdio::null());
        Ok(command)
    }
}

/// `None` if it had to be ended.
fn has_passed(child: &mut Child, limit: Duration) -> io::Result<Option<bool>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(Duration::from_millis(3));
    }
}

/// As many at a time as there are hands; answers in the same order.
fn side_by_side<A: Sync, B: Send>(all: &[A], of: impl Fn(usize, &A) -> io::Result<B> + Sync) -> io::Result<Vec<B>> {
    let hands = std::env::var("HANDS").ok().and_then(|hands| hands.parse().ok()).unwrap_or(HANDS);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(place) else { return };
                    let answer = of(place, one);
                    if answer.is_err() {
                        next.store(all.len(), Ordering::Relaxed);
                    }
                    done.lock().expect("nobody panics with it").insert(place, answer);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics with it").into_values().collect()
}
