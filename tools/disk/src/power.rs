//! Power cuts: the application works until the power goes, the store is opened again, more cuts fall into that, and then
//! every row must be as it was after the last confirmed action or after the one that was under way.
//!
//! What that is says a *twin*: a second application over the engine in memory, which is asked for the same under the same
//! clock and seed. It must also give the same answers. How a store is opened is the caller's ([`Opening`]), so that a wrong
//! way of doing it can be shown to be found.

use crate::contents::Contents;
use crate::disk::{CHANGES, Disk, SYNCS, Trouble};
use crate::work::{Action, Done, Host, Site};
use pagerpal::app::{App, AppError};
use pagerpal::domain::given::Jitter;
use pagerpal::store::Store;
use pagerpal::store::engine::map::MapEngine;
use pagerpal::store::engine::{self, Changes, Engine, Snapshot};
use std::fmt;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the store lies on every disk.
pub const PATH: &str = "/data/pagerpal.redb";

/// A life of a store goes through so many power cuts; the next begins with an empty disk.
const CUTS_IN_A_LIFE: u64 = 60;

/// Opens the store on this disk, or makes it.
pub type Opening = dyn Fn(&Disk, &Host) -> Result<Store, String>;

/// As the product does it.
pub fn as_the_product(disk: &Disk, host: &Host) -> Result<Store, String> {
    Store::open(disk.place(PATH), host.clock(), host.random()).map_err(|error| error.to_string())
}

/// What was done and seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub lives: u64,
    pub actions: u64,
    pub syncs: u64,
    /// All power cuts; and of these, those while a store was made, opened again, or closed.
    pub cuts: u64,
    pub cuts_while_made: u64,
    pub cuts_while_opening: u64,
    /// Stores that opened after a cut and were compared.
    pub recoveries: u64,
    /// The action under way was not there, or was.
    pub undone: u64,
    pub done: u64,
    pub sectors_lost: u64,
    pub sectors_torn: u64,
    pub lengths_lost: u64,
    pub names_lost: u64,
    /// On a disk that lies: stores that were refused, that came back older than was confirmed, and that lost nothing.
    pub refused: u64,
    pub older: u64,
    pub unharmed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.lives += other.lives;
        self.actions += other.actions;
        self.syncs += other.syncs;
        self.cuts += other.cuts;
        self.cuts_while_made += other.cuts_while_made;
        self.cuts_while_opening += other.cuts_while_opening;
        self.recoveries += other.recoveries;
        self.undone += other.undone;
        self.done += other.done;
        self.sectors_lost += other.sectors_lost;
        self.sectors_torn += other.sectors_torn;
        self.lengths_lost += other.lengths_lost;
        self.names_lost += other.names_lost;
        self.refused += other.refused;
        self.older += other.older;
        self.unharmed += other.unharmed;
    }
}

/// A promise that was broken, and how to see it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    pub seed: u64,
    /// How many cuts it took.
    pub cuts: u64,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "seed {}, cut {}: {}", self.seed, self.cuts, self.what)
    }
}

/// Plays one life of a store, from an empty disk through power cuts; the same seed is the same life.
pub fn live(seed: u64, opening: &Opening) -> Result<Tally, Broken> {
    let mut life = Life::new(seed, opening);
    let lived = life.be_born().and_then(|()| {
        while life.tally.cuts < CUTS_IN_A_LIFE {
            life.work_until_the_power_goes()?;
        }
        life.look_closely()
    });
    life.end(lived)
}

/// Plays a short life on a disk whose syncs are lies, sometimes or always, and cuts the power once. What comes back must be
/// refused, or be a state that once was.
pub fn live_with_lies(seed: u64, opening: &Opening) -> Result<Tally, Broken> {
    let mut life = Life::new(seed, opening);
    let lived = life.work_on_lies();
    life.end(lived)
}

struct Life<'o> {
    seed: u64,
    opening: &'o Opening,
    disk: Disk,
    host: Host,
    chance: Jitter,
    site: Site,
    real: Option<App>,
    twin: App,
    tally: Tally,
}

impl<'o> Life<'o> {
    fn new(seed: u64, opening: &'o Opening) -> Life<'o> {
        let host = Host::new();
        host.random.seed(seed);
        let twin = host.app(Store::in_memory(host.clock(), host.random()));
        let (disk, chance) = (Disk::new(seed), Jitter::seeded(seed.wrapping_mul(31)));
        let tally = Tally { lives: 1, ..Tally::default() };
        Life { seed, opening, disk, host, chance, site: Site::default(), real: None, twin, tally }
    }

    fn end(mut self, lived: Result<(), String>) -> Result<Tally, Broken> {
        self.tally.syncs = self.disk.syncs();
        match lived {
            Ok(()) => Ok(self.tally),
            Err(what) => Err(Broken { seed: self.seed, cuts: self.tally.cuts, what }),
        }
    }

    /// A first start, whose power goes once, twice or never.
    fn be_born(&mut self) -> Result<(), String> {
        while self.tally.cuts_while_made < 3 && self.chance.below(4) > 0 {
            self.disk.plan(CHANGES, 1 + self.chance.below(40), Trouble::Cut);
            let opened = self.open();
            if !self.disk.is_off() {
                // It was made before the power went; that shall be another life's death.
                self.disk.heal();
                opened.map_err(|why| format!("a first start failed: {why}"))?;
                break;
            }
            drop(opened);
            self.tally.cuts_while_made += 1;
            self.lose_power();
        }
        self.come_back(&[Contents::of(&self.twin).map_err(words)?]).map(drop)
    }

    fn work_until_the_power_goes(&mut self) -> Result<(), String> {
        // Between the two syncs of a commit lie all its writes, and after the second the commit is there: half of the cuts
        // come with a sync.
        let (operations, most) = match self.chance.below(2) {
            0 => (CHANGES, [12, 60, 250][self.chance.below(3) as usize]),
            _ => (SYNCS, [4, 12, 40][self.chance.below(3) as usize]),
        };
        self.disk.plan(operations, 1 + self.chance.below(most), Trouble::Cut);
        let mut under_way = None;
        for action in [Action::ReleaseClaims, Action::CatchUp] {
            if !self.disk.is_off() && under_way.is_none() {
                under_way = self.act_on_both(action)?;
            }
        }
        while !self.disk.is_off() && under_way.is_none() {
            if self.chance.below(40) == 0 {
                self.restart()?;
            } else {
                under_way = self.act()?;
            }
        }
        self.real = None;
        self.lose_power();
        let mut possible = vec![Contents::of(&self.twin).map_err(words)?];
        let mut answer = None;
        if let Some((seed, action)) = &under_way {
            let states;
            (answer, states) = self.would_be(&possible[0], *seed, action)?;
            possible.extend(states);
        }
        let place = self.come_back(&possible)?;
        self.site.restart();
        if possible.len() > 1 {
            *(if place == 0 { &mut self.tally.undone } else { &mut self.tally.done }) += 1;
        }
        if place > 0 {
            self.twin = self.twin_of(&possible[place])?;
        }
        if let (Some((_, action)), Some(done)) = (&under_way, &answer)
            && place + 1 == possible.len()
        {
            self.site.learn(action, done);
        }
        if self.tally.recoveries.is_multiple_of(16) {
            self.look_closely()?;
        }
        Ok(())
    }

    /// One action on both. Answers it, and its seed, if nobody knows what became of it.
    fn act(&mut self) -> Result<Option<(u64, Action)>, String> {
        let (later, action) = self.site.deal(&mut self.chance);
        self.host.clock.advance(later);
        self.act_on_both(action)
    }

    fn act_on_both(&mut self, action: Action) -> Result<Option<(u64, Action)>, String> {
        let seed = self.chance.number();
        let real = self.real.as_ref().ok_or("no store is open")?;
        self.host.random.seed(seed);
        let answer = self.site.perform(real, &action);
        if let Err(AppError::Unavailable(why)) = &answer {
            return match self.disk.was_hit() {
                true => Ok(Some((seed, action))),
                false => Err(format!("without any trouble: {why}")),
            };
        }
        self.host.random.seed(seed);
        let expected = self.site.perform(&self.twin, &action);
        if format!("{answer:?}") != format!("{expected:?}") {
            return Err(format!("{action:?} was answered {answer:?}, but {expected:?} in memory"));
        }
        match answer {
            Ok(done) => self.site.learn(&action, &done),
            Err(AppError::Internal(bug)) => return Err(format!("{action:?}: {bug}")),
            Err(_) => {}
        }
        self.tally.actions += 1;
        Ok(None)
    }

    /// What an action would answer, and the state after each of its commits.
    fn would_be(&self, before: &Contents, seed: u64, action: &Action) -> Result<(Option<Done>, Vec<Contents>), String> {
        let states = Arc::<Mutex<Vec<Contents>>>::default();
        let engine = filled(before)?;
        let other = self.app_on(Watched { engine, states: Arc::clone(&states) })?;
        self.host.random.seed(seed);
        let done = self.site.perform(&other, action).ok();
        let states = std::mem::take(&mut *states.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((done, states))
    }

    fn twin_of(&self, contents: &Contents) -> Result<App, String> {
        self.app_on(filled(contents)?)
    }

    fn app_on(&self, engine: impl Engine + 'static) -> Result<App, String> {
        let store = Store::on_engine(Box::new(engine), self.host.clock(), self.host.random());
        Ok(self.host.app(store.map_err(|error| error.to_string())?))
    }

    /// A clean end and a start, into which the power may go.
    fn restart(&mut self) -> Result<(), String> {
        self.real = None;
        self.site.restart();
        match self.open() {
            Ok(real) => self.real = Some(real),
            Err(_) if self.disk.is_off() => self.tally.cuts_while_opening += 1,
            Err(why) => return Err(format!("it does not open: {why}")),
        }
        Ok(())
    }

    fn open(&self) -> Result<App, String> {
        // The lineage of a newborn follows from this.
        self.host.random.seed(self.seed);
        Ok(self.host.app((self.opening)(&self.disk, &self.host)?))
    }

    fn lose_power(&mut self) {
        let scar = self.disk.lose_power();
        self.tally.cuts += 1;
        self.tally.sectors_lost += scar.lost;
        self.tally.sectors_torn += scar.torn;
        self.tally.lengths_lost += scar.lengths_lost;
        self.tally.names_lost += scar.names_lost;
    }

    /// Opens what is left, through up to three more cuts, and answers which of the possible states it is.
    fn come_back(&mut self, possible: &[Contents]) -> Result<usize, String> {
        for _ in 0..[0, 0, 1, 1, 2, 3][self.chance.below(6) as usize] {
            self.disk.plan(CHANGES, 1 + self.chance.below(12), Trouble::Cut);
            let opened = self.open();
            if !self.disk.is_off() {
                self.disk.heal();
                opened.map_err(|why| format!("it does not open: {why}"))?;
                continue;
            }
            drop(opened);
            self.tally.cuts_while_opening += 1;
            self.lose_power();
        }
        let real = self.open().map_err(|why| format!("it does not open: {why}"))?;
        let found = Contents::of(&real).map_err(words)?;
        let Some(place) = possible.iter().rposition(|state| *state == found) else {
            let (before, last) = (found.difference(&possible[0]), possible.last().map(|last| found.difference(last)));
            return Err(format!("what came back is neither. Before: {before}. After: {last:?}"));
        };
        self.real = Some(real);
        self.tally.recoveries += 1;
        Ok(place)
    }

    /// What the product thinks of its data, and a reader that is not the product's.
    fn look_closely(&mut self) -> Result<(), String> {
        let real = self.real.as_ref().ok_or("no store is open")?;
        let problems = real.verify().map_err(words)?.problems;
        if !problems.is_empty() {
            return Err(format!("it does not verify: {}", problems.join(" ")));
        }
        let expected = Contents::of(&self.twin).map_err(words)?;
        let found = Contents::of_file(&Disk::with(0, &self.disk.files()), PATH)?;
        match found == expected {
            true => Ok(()),
            false => Err(format!("another reader finds something else: {}", found.difference(&expected))),
        }
    }

    fn work_on_lies(&mut self) -> Result<(), String> {
        self.real = Some(self.open()?);
        let founding = 3 + self.chance.below(12);
        let mut states = vec![Contents::of(&self.twin).map_err(words)?.digest()];
        for _ in 0..founding {
            self.act()?;
            states.push(Contents::of(&self.twin).map_err(words)?.digest());
        }
        self.disk.lie([200, 500, 1000][self.chance.below(3) as usize]);
        self.disk.plan(CHANGES, 1 + self.chance.below(120), Trouble::Cut);
        let mut under_way = None;
        while !self.disk.is_off() && under_way.is_none() {
            under_way = self.act()?;
            states.push(Contents::of(&self.twin).map_err(words)?.digest());
        }
        self.real = None;
        let confirmed = states.len() - 1;
        if let Some((seed, action)) = &under_way {
            let before = Contents::of(&self.twin).map_err(words)?;
            states.extend(self.would_be(&before, *seed, action)?.1.iter().map(Contents::digest));
        }
        self.lose_power();
        self.disk.lie(0);
        let Ok(real) = self.open() else {
            self.tally.refused += 1;
            return Ok(());
        };
        let found = Contents::of(&real).map_err(words)?.digest();
        match states.iter().rposition(|state| *state == found) {
            Some(place) if place < confirmed => self.tally.older += 1,
            Some(_) => self.tally.unharmed += 1,
            None => return Err("after lies of the disk it came back as it never was".to_owned()),
        }
        Ok(())
    }
}

fn words(error: AppError) -> String {
    error.to_string()
}

fn filled(contents: &Contents) -> Result<MapEngine, String> {
    let engine = MapEngine::default();
    let filled = engine.snapshot().and_then(|empty| engine.commit(&*empty, &contents.changes()));
    filled.map(|()| engine).map_err(|error| error.to_string())
}

/// An engine in memory that keeps every state it was in.
struct Watched {
    engine: MapEngine,
    states: Arc<Mutex<Vec<Contents>>>,
}

impl Engine for Watched {
    fn snapshot(&self) -> engine::Result<Box<dyn Snapshot>> {
        self.engine.snapshot()
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> engine::Result<()> {
        self.engine.commit(read_from, changes)?;
        let now = Contents::of_snapshot(&*self.engine.snapshot()?)?;
        self.states.lock().unwrap_or_else(PoisonError::into_inner).push(now);
        Ok(())
    }
}
