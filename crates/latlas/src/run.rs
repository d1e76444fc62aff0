//! What every long computation is given: a seed, threads, someone to tell, and where to keep its place.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// The circumstances of a computation. Same seed, same data, one thread: same result.
#[derive(Clone)]
pub struct Run<'a> {
    /// Where all randomness comes from.
    pub seed: u64,
    /// How many threads may work, at least 1.
    pub threads: usize,
    /// Who is told how far the work is, and may cancel it.
    pub progress: &'a dyn Progress,
    /// Where to keep the place of a long computation, so that it can be resumed; `None` keeps nothing.
    pub checkpoint: Option<Checkpoint>,
}

/// Where and how often a long computation keeps its place.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// A folder of the computation's own, on the disk of its result. Removed when the result is published.
    pub dir: PathBuf,
    /// The time between two checkpoints.
    pub every: Duration,
    /// Whether to go on from a checkpoint found there. Without one the computation starts anew, and says so.
    pub resume: bool,
}

/// Someone who is told about progress. Called from one thread at a time, a few times a second.
pub trait Progress: Sync {
    /// Told where the work stands; answering `Break` cancels it at the next safe place.
    fn report(&self, step: &Step) -> ControlFlow<()>;
    /// Told what a user should know about the result, once: skipped rows, guesses, missing glyphs.
    fn warn(&self, message: &str) {
        let _ = message;
    }
    /// Told what a user may like to know: what was guessed, what was chosen.
    fn note(&self, message: &str) {
        let _ = message;
    }
}

/// Where the work stands.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// What is being done, as a verb: "reading", "training".
    pub stage: &'static str,
    /// How much of it is done, in `unit`s.
    pub done: u64,
    /// How much there is, where that is known.
    pub total: Option<u64>,
    /// What is counted: "words", "bytes", "rows".
    pub unit: &'static str,
    /// A few more words for the line: "epoch 2/5 · loss 2.31".
    pub detail: String,
}

/// Tells no one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Run<'static> {
    /// One thread, this seed, no progress, no checkpoints: what tests and examples want.
    pub fn silent(seed: u64) -> Self {
        Run { seed, threads: 1, progress: &Silent, checkpoint: None }
    }
}

impl Run<'_> {
    /// The random stream for one piece of the work, named by numbers (epoch, chunk, …). Streams of
    /// different names are independent, and a piece's stream does not depend on who works on it.
    pub fn stream(&self, name: &[u64]) -> Xoshiro256PlusPlus {
        stream(self.seed, name)
    }

    /// Reports a step; an error of kind `Interrupted` if the user cancelled.
    pub fn report(&self, step: &Step) -> Result<()> {
        match self.progress.report(step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                Err(Error::interrupted(format!("interrupted while {}", step.stage)))
            }
        }
    }
}

/// The random stream of a seed and a name, see [`Run::stream`].
pub fn stream(seed: u64, name: &[u64]) -> Xoshiro256PlusPlus {
    // SplitMix64's finaliser over the name, so that (1, 2) and (2, 1) are unrelated.
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let state = name.iter().fold(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)), |state, &part| {
        mix(state.rotate_left(23) ^ part.wrapping_add(0x9e37_79b9_7f4a_7c15))
    });
    Xoshiro256PlusPlus::seed_from_u64(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::Rng;

    #[test]
    fn streams_are_stable_and_differ_by_name() {
        let first = |name: &[u64]| stream(42, name).next_u64();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
        assert_ne!(first(&[1]), first(&[1, 0]));
    }
}
