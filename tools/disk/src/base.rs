//! A store with something in it, to begin from again and again.

use crate::contents::Contents;
use crate::disk::Disk;
use crate::power::{PATH, as_the_product};
use crate::work::{Action, Done, Host, Site};
use pagerpal::app::{App, AppError};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::time::Timestamp;
use pagerpal::store::Store;
use pagerpal::store::engine::Engine;
use pagerpal::store::engine::map::MapEngine;
use std::path::PathBuf;

pub struct Base {
    /// After a clean end.
    pub closed: Vec<(PathBuf, Vec<u8>)>,
    /// As a kill would leave it.
    pub killed: Vec<(PathBuf, Vec<u8>)>,
    pub contents: Contents,
    pub site: Site,
    pub now: Timestamp,
}

impl Base {
    /// A store to which so many things have happened, these last.
    pub fn grown(seed: u64, actions: usize, last: &[Action]) -> Base {
        let host = Host::new();
        let disk = Disk::new(seed);
        let mut chance = Jitter::seeded(seed);
        let mut site = Site::default();
        let app = host.app(as_the_product(&disk, &host).expect("a new store"));
        for nth in 0..actions + last.len() {
            let (later, action) = match nth.checked_sub(actions) {
                Some(nth) => (0, last[nth].clone()),
                None => site.deal(&mut chance),
            };
            host.clock.advance(later);
            match site.perform(&app, &action) {
                Ok(done) => site.learn(&action, &done),
                Err(AppError::Refused(_)) => {}
                Err(error) => panic!("{action:?}: {error}"),
            }
        }
        let contents = Contents::of(&app).expect("its rows");
        let (killed, now) = (disk.files(), app.now());
        drop(app);
        Base { closed: disk.files(), killed, contents, site, now }
    }

    pub fn host(&self) -> Host {
        let host = Host::new();
        host.clock.set(self.now);
        host
    }

    /// The bytes of the store's file after a clean end.
    pub fn file(&self) -> &[u8] {
        let (_, bytes) = self.closed.iter().find(|(path, _)| path.to_str() == Some(PATH)).expect("the store's file");
        bytes
    }
}

/// An application over an engine in memory that holds just this.
pub fn in_memory(contents: &Contents, host: &Host) -> App {
    let engine = MapEngine::default();
    let filled = engine.snapshot().and_then(|empty| engine.commit(&*empty, &contents.changes()));
    filled.expect("memory does not fail");
    host.app(Store::on_engine(Box::new(engine), host.clock(), host.random()).expect("memory does not fail"))
}

/// What an action answers on a store of this content, and what the store holds then.
pub fn would_be(contents: &Contents, site: &Site, host: &Host, action: &Action) -> (Result<Done, AppError>, Contents) {
    let app = in_memory(contents, host);
    host.random.seed(SEED);
    let answer = site.perform(&app, action);
    (answer, Contents::of(&app).expect("memory does not fail"))
}

/// Of the randomness of whatever is done once.
pub const SEED: u64 = 77;

/// An application over an engine in memory into which nothing was written yet.
pub fn newborn(host: &Host) -> App {
    host.app(Store::in_memory(host.clock(), host.random()))
}
