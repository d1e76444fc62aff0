//! What all learners by stochastic gradient descent on shared matrices have in common: workers take chunks of the data
//! in turn, one thread keeps the books, reports and keeps checkpoints.
//!
//! A learner says what its matrices are ([`Model`]) and what one chunk of its data does to them ([`Training`]); how
//! text is cut into chunks and the learning rate falls ([`Schedule`]), how chunks are handed out, how a user cancels and
//! how a killed training goes on is here, once.

mod checkpoint;
mod handout;
mod schedule;
mod sessions;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::kernels::hogwild::RacingRows;
use crate::run::Run;

#[cfg(test)]
pub(super) use schedule::CHUNK;
pub(super) use schedule::Schedule;

/// The matrices that are trained.
pub(super) trait Model: Sync {
    /// All of them, always in the same order: what a checkpoint holds.
    fn matrices(&mut self) -> Vec<&mut RacingRows>;
}

/// One training: the data, cut into chunks, and what a chunk does.
pub(super) trait Training: Sync {
    /// What is trained.
    type Model: Model;
    /// A worker's own room.
    type Scratch;
    /// What is counted while reading: "words", "links".
    const UNIT: &'static str;
    /// What the learning rate is called among the options.
    const RATE: &'static str;

    /// The chunks of one epoch, at least 1.
    fn chunks(&self) -> u64;
    /// How much there is to read in one epoch, in `UNIT`s.
    fn units(&self) -> u64;
    /// How many chunks may be worked on at once. They are taken in order; with a number n here, chunks 0 to n − 1 of
    /// the whole training are all finished before chunk n is begun, and so on: what chunks that touch the same rows
    /// need in order to give the same bytes with any number of threads. By default all, and rows may race.
    fn side_by_side(&self) -> u64 {
        u64::MAX
    }
    /// Room for one worker.
    fn scratch(&self) -> Self::Scratch;
    /// The learning rate at the beginning of a chunk, for whoever watches.
    fn rate(&self, epoch: u64, chunk: u64) -> f64;
    /// Trains on one chunk. Random numbers come from streams named by (epoch, chunk), so that it does not matter
    /// who works on it.
    fn chunk(
        &self,
        model: &Self::Model,
        epoch: u64,
        chunk: u64,
        scratch: &mut Self::Scratch,
    ) -> Result<Tally>;
}

/// What a part of the training added up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// The sum of the losses of all terms.
    pub loss: f64,
    /// How many terms that were.
    pub terms: u64,
    /// What was read, in the training's unit: words, those left out by subsampling included.
    pub units: u64,
}

impl Tally {
    /// The mean loss of a term; 0 where there was none.
    pub(super) fn mean(&self) -> f64 {
        if self.terms == 0 { 0.0 } else { self.loss / self.terms as f64 }
    }

    fn add(&mut self, other: Tally) {
        self.loss += other.loss;
        self.terms += other.terms;
        self.units += other.units;
    }
}

/// What must be the same for a checkpoint to be of this training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    /// "word2vec": also the name of threads and files.
    pub learner: String,
    pub epochs: u32,
    options: Value,
    seed: u64,
    /// The fingerprint of the data.
    data: u64,
}

impl Job {
    /// The job of a learner with these options on data of this fingerprint.
    pub(super) fn new(
        learner: &str,
        epochs: u32,
        options: &impl Serialize,
        data: u64,
        run: &Run<'_>,
    ) -> Result<Self> {
        let options = serde_json::to_value(options)
            .map_err(|e| Error::usage(format!("the options of {learner}: {e}")))?;
        Ok(Job { learner: learner.into(), epochs, options, seed: run.seed, data })
    }
}

/// Where a training stands between two sessions.
struct Place<M> {
    model: M,
    /// The next chunk, counted through all epochs.
    chunk: u64,
    /// For each epoch.
    losses: Vec<Tally>,
}

impl<M> Place<M> {
    fn beginning(model: M, epochs: u32) -> Self {
        Place { model, chunk: 0, losses: vec![Tally::default(); epochs as usize] }
    }

    fn units(&self) -> u64 {
        self.losses.iter().map(|epoch| epoch.units).sum()
    }
}

/// A finished training.
pub(super) struct Trained<M> {
    pub model: M,
    /// For each epoch.
    pub losses: Vec<Tally>,
    /// What was read since this program began: less than all where it went on from a checkpoint.
    pub units_this_time: u64,
    /// Whether it did.
    pub resumed: bool,
}

/// Trains to the end: from a checkpoint of this job if the run asks for it and there is one, else from the beginning,
/// with the first values that `first` gives. Keeps checkpoints as the run asks; an error of kind `Interrupted` if the
/// user cancels.
pub(super) fn train<T: Training>(
    training: &T,
    job: &Job,
    first: impl Fn() -> Result<T::Model>,
    run: &Run<'_>,
) -> Result<Trained<T::Model>> {
    let place = match checkpoint::resume(job, T::UNIT, &first, run)? {
        Some(place) => place,
        None => Place::beginning(first()?, job.epochs),
    };
    sessions::go_on(training, job, place, run)
}
