//! Use cases: each loads what a decision needs, lets `domain` decide, and applies the answer, in one transaction.
//!
//! A use case that writes is a function of a [`Write`] and plain values. It checks access first, whoever calls it; it does
//! no I/O, takes no lock and draws no randomness, because it may run twice. Keys, tokens and password hashes are made
//! outside and passed in. A use case that reads is a function of a [`Read`]. Callers go through [`App::write`] and
//! [`App::read`] and never see a table.

pub mod alert_sources;
pub mod apply;
pub mod audit;
pub mod audit_log;
pub mod auth;
pub mod backups;
pub mod change;
pub mod checks;
pub mod context;
pub mod deliveries;
pub mod emergency;
pub mod error;
pub mod facts;
pub mod feeds;
pub mod heartbeats;
pub mod imports;
pub mod incidents;
pub mod inspect;
pub mod intake;
pub mod invitations;
pub mod maintenance;
pub mod names;
pub mod oncall;
pub mod passes;
pub mod pings;
pub mod policies;
pub mod preferences;
pub mod publication;
pub mod repeats;
pub mod replies;
pub mod reports;
pub mod schedules;
pub mod sealed;
pub mod sessions;
pub mod setup;
pub mod sign_ins;
pub mod sign_on;
pub mod start;
pub mod storms;
pub mod support;
pub mod system;
pub mod teams;
pub mod timers;
pub mod tokens;
pub mod transfer;
pub mod upkeep;
pub mod users;

use crate::secret::Secret;
pub use crate::store::{Cursor, Lane, ReadTx as Read, Tx as Write};
pub use error::AppError;

use crate::clock::{Clock, ClockStep};
use crate::domain::clock_mark::ClockMark;
use crate::domain::id::{IncidentId, UserId};
use crate::domain::time::Timestamp;
use crate::random::Random;
use crate::store::{Status, Store, Verified};
use crate::vault::Vault;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How many records of a kind a list may hold. Beyond it lists are cut; a pager for more people than this has other
/// troubles first.
pub const MANY: usize = 10_000;

/// What the process was told at its start and use cases have to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// False is safe mode: decided and recorded, nothing leaves.
    pub sending_enabled: bool,
    pub retry_enabled: bool,
    pub escalation_enabled: bool,
    /// Without a trailing slash; messages carry no link without it.
    pub base_url: Option<String>,
    pub link_key: passes::LinkKey,
}

/// The part of them that holds until the process ends.
#[derive(Clone, Debug)]
pub struct Lasting {
    pub base_url: Option<String>,
    pub link_key: passes::LinkKey,
}

/// The part of them that the operator may change meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Switches {
    /// False is safe mode.
    pub sending: bool,
    pub retry: bool,
    pub escalation: bool,
}

/// The store with the settings and the status board: what every door and every worker shares.
pub struct App {
    store: Store,
    random: Arc<dyn Random>,
    pub settings: Lasting,
    switches: RwLock<Switches>,
    /// Seals what the store keeps of secrets. Nobody's until `serve` puts the installation's in: no other command needs one.
    pub vault: Vault,
    /// When backups are taken by themselves; `None`: never, which is every command's but `serve`'s.
    pub backup_plan: Option<backups::automatic::Plan>,
    /// The address of an outside watcher that hears each minute that paging works; `None`: nobody does.
    pub watcher: Option<Secret<String>>,
    /// What the machine says for the checklist; `None`: nobody looks.
    pub host: Option<Box<dyn checks::Host>>,
    pub board: system::Board,
    /// The clock of this start, or a step of it, that may not be saved yet.
    pub owed: timers::Owed,
    /// For when nothing can be saved.
    pub emergency: emergency::Desk,
    /// Of the process that serves, for when its database does not open; `None`: it is open.
    pub files: Option<emergency::Files>,
}

impl App {
    pub fn new(store: Store, random: Arc<dyn Random>, settings: Settings) -> App {
        let Settings { sending_enabled, retry_enabled, escalation_enabled, base_url, link_key } = settings;
        let switches = Switches { sending: sending_enabled, retry: retry_enabled, escalation: escalation_enabled };
        App {
            store,
            random,
            settings: Lasting { base_url, link_key },
            switches: RwLock::new(switches),
            vault: Vault::new(b""),
            backup_plan: None,
            watcher: None,
            host: None,
            board: system::Board::default(),
            owed: timers::Owed::default(),
            emergency: emergency::Desk::default(),
            files: None,
        }
    }

    /// As they are now: asked anew for each decision, and never kept.
    pub fn switches(&self) -> Switches {
        *self.switches.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes effect with whatever is decided next. Who sleeps has to be woken.
    pub fn switch(&self, switches: Switches) {
        let before = std::mem::replace(&mut *self.switches.write().unwrap_or_else(PoisonError::into_inner), switches);
        self.board.switched(self.now(), before, switches);
    }

    /// Waits for the commit. Not for async code: that goes through [`App::write_then`].
    pub fn write<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let (answer, settled) = self.store.write(lane, self.after_what_is_owed(work))?;
        self.emergency.has_settled(settled);
        Ok(answer)
    }

    /// `done` hears the answer after the commit, on the write thread: it should hand it on and return.
    pub fn write_then<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
        done: impl FnOnce(Result<T, AppError>) + Send + 'static,
    ) {
        let emergency = self.emergency.clone();
        self.store.write_then(lane, self.after_what_is_owed(work), move |answer| {
            done(answer.map(|(answer, settled)| {
                emergency.has_settled(settled);
                answer
            }));
        });
    }

    /// A step of the clock, and who took what while nothing could be saved, go before everything else.
    fn after_what_is_owed<T>(
        &self,
        work: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> impl Fn(&mut Write<'_>) -> Result<(T, BTreeMap<IncidentId, UserId>), AppError> + Send + 'static {
        let settle = self.settle();
        move |tx| {
            let settled = settle(tx)?;
            Ok((work(tx)?, settled))
        }
    }

    /// Answers who took what, to be remembered as saved once it is.
    fn settle(&self) -> impl Fn(&mut Write<'_>) -> Result<BTreeMap<IncidentId, UserId>, AppError> + Send + 'static {
        let (owed, emergency) = (self.owed.clone(), self.emergency.clone());
        move |tx| {
            owed.settle(tx)?;
            emergency.settle(tx)
        }
    }

    /// One committed state; never waits for a write.
    pub fn read<T>(&self, work: impl FnOnce(&Read<'_>) -> Result<T, AppError>) -> Result<T, AppError> {
        self.store.read(work)
    }

    pub fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    pub fn clock(&self) -> &dyn Clock {
        self.store.clock()
    }

    /// The clock takes a step over, which moves elapsed time by so many seconds in all. Whoever writes next sees to that first.
    pub fn adopt(&self, step: ClockStep, moved_secs: i64) {
        self.store.between_batches(|| {
            self.clock().adopt(step);
            self.owed.set(Some(ClockMark { at: self.now(), moved_secs }));
            self.emergency.shift(step.secs());
        });
    }

    /// Random bytes, for keys and tokens.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    pub fn store_status(&self) -> Status {
        self.store.status()
    }

    /// Recomputes every index, checks every checksum and walks the chain of the audit log. Reads everything.
    pub fn verify(&self) -> Result<Verified, AppError> {
        let mut verified = self.store.verify()?;
        verified.problems.extend(self.read(audit::verify)?.problem());
        self.board.has_verified(system::Inspection { at: self.now(), problems: verified.problems.clone() });
        Ok(verified)
    }

    /// After failed commits: opens the file again and proves that it can be written.
    pub fn try_again(&self) -> Result<(), AppError> {
        Ok(self.store.try_again()?)
    }

    /// False after a start whose database does not open.
    pub fn is_open(&self) -> bool {
        self.store.is_open()
    }

    /// Names this history of the data in message ids.
    pub fn lineage(&self) -> &str {
        self.store.lineage()
    }

    /// Calls back after a commit has failed, on the write thread: something that may help the next.
    pub fn on_failure(&self, relief: Box<dyn Fn() + Send + Sync>) {
        self.store.on_failure(relief);
    }
}

/// How keys and tokens are kept: they have 128 random bits or more, so a plain digest cannot be guessed back.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}
