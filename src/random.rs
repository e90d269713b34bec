//! The only caller of the host's randomness, and its scripted double.
//!
//! Keys, tokens and seeds come from here. Decisions never do: they get a seeded [`Jitter`] as a value.

use crate::domain::given::Jitter;
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;
use std::sync::{Mutex, PoisonError};

pub trait Random: Send + Sync {
    fn fill(&self, out: &mut [u8]);

    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }
}

/// The operating system's generator: fit for keys and tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// Panics if the system has no randomness to give. To go on would mean tokens that can be guessed.
    fn fill(&self, out: &mut [u8]) {
        let mut filled = 0;
        while filled < out.len() {
            match rustix::rand::getrandom(&mut out[filled..], GetRandomFlags::empty()) {
                Ok(bytes) => filled += bytes,
                Err(Errno::INTR) => {}
                Err(error) => panic!("Linux gives randomness to every process once it has booted: {error}"),
            }
        }
    }
}

/// The same bytes for the same seed, for tests and the simulation. Never for secrets.
#[derive(Debug)]
pub struct ScriptedRandom(Mutex<Jitter>);

impl ScriptedRandom {
    pub fn new(seed: u64) -> ScriptedRandom {
        ScriptedRandom(Mutex::new(Jitter::seeded(seed)))
    }
}

impl Random for ScriptedRandom {
    fn fill(&self, out: &mut [u8]) {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(8) {
            let drawn = stream.number().to_be_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripted_bytes_follow_from_the_seed_and_system_bytes_do_not_repeat() {
        let scripted = |seed| ScriptedRandom::new(seed).number();
        assert_eq!(scripted(1), scripted(1));
        assert_ne!(scripted(1), scripted(2));

        let draw = |random: &dyn Random| {
            let mut bytes = [0u8; 19];
            random.fill(&mut bytes);
            bytes
        };
        assert_ne!(draw(&SystemRandom), draw(&SystemRandom));
        assert_ne!(draw(&ScriptedRandom::new(3))[16..], [0; 3], "a last, short piece is filled too");
    }
}
