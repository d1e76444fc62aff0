//! Training: workers take chunks of text in turn, one thread keeps the books, reports and keeps checkpoints.
//!
//! Workers run in sessions. A session ends when the text is used up, when a checkpoint is due or when the user
//! cancels; then every chunk that was begun has been finished and no worker runs, so the place of the work is the two
//! matrices and the number of the next chunk.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::steps::{Hands, Lesson};
use super::windows::{Drawing, Windows};
use super::{Word2Vec, checkpoint};
use crate::data::Corpus;
use crate::error::{Error, Kind, Result};
use crate::items::Sequences;
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::run::{Run, Step};

/// Ids in a chunk, at least: some 50 ms of work, the longest that a checkpoint or a cancel waits.
const CHUNK: usize = 10_000;
/// The time between two reports.
const TICK: Duration = Duration::from_millis(200);

/// The two matrices.
pub(super) struct Model {
    /// h of the head comment: the vectors that are the result.
    pub input: RacingRows,
    /// o of the head comment.
    pub output: RacingRows,
}

/// What a part of the training added up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Minus the sum of ln σ over all terms.
    pub loss: f64,
    /// How many terms that were.
    pub terms: u64,
    /// Words read, those left out by subsampling included.
    pub words: u64,
}

impl Tally {
    /// The mean loss of a term, in nats; 0 where there was none.
    pub(super) fn mean(&self) -> f64 {
        if self.terms == 0 { 0.0 } else { self.loss / self.terms as f64 }
    }

    fn add(&mut self, other: Tally) {
        self.loss += other.loss;
        self.terms += other.terms;
        self.words += other.words;
    }
}

/// Where the training stands between two sessions.
pub(super) struct Place {
    pub model: Model,
    /// The next chunk, counted through all epochs.
    pub chunk: u64,
    /// For each epoch.
    pub losses: Vec<Tally>,
}

impl Place {
    pub(super) fn beginning(model: Model, epochs: u32) -> Self {
        Place { model, chunk: 0, losses: vec![Tally::default(); epochs as usize] }
    }

    fn words(&self) -> u64 {
        self.losses.iter().map(|epoch| epoch.words).sum()
    }
}

/// A finished training.
pub(super) struct Trained {
    pub model: Model,
    /// For each epoch.
    pub losses: Vec<Tally>,
    /// Words read since this program began: fewer than all where it went on from a checkpoint.
    pub tokens_this_time: u64,
}

/// What all workers share, and none changes.
struct Work<'a> {
    options: &'a Word2Vec,
    text: &'a Sequences,
    chunks: Vec<Range<usize>>,
    drawing: Drawing,
    kernels: Hogwild,
    run: &'a Run<'a>,
    /// Chunks of all epochs.
    total: u64,
    /// Words of all epochs.
    total_words: u64,
}

/// Trains from `place` to the end, keeping checkpoints as the run asks.
pub(super) fn train(
    options: &Word2Vec,
    corpus: &Corpus,
    mut place: Place,
    kernels: Hogwild,
    run: &Run<'_>,
) -> Result<Trained> {
    let chunks = corpus.sequences.chunks(CHUNK);
    let work = Work {
        options,
        text: &corpus.sequences,
        total: chunks.len() as u64 * u64::from(options.epochs),
        total_words: corpus.vocabulary.tokens().saturating_mul(u64::from(options.epochs)),
        chunks,
        drawing: Drawing::new(options, &corpus.vocabulary),
        kernels,
        run,
    };
    let words_before = place.words();
    let mut keeper = checkpoint::Keeper::new(options, corpus, run);
    while place.chunk < work.total {
        match work.session(&mut place, keeper.due()) {
            Ok(()) => keeper.keep(&mut place),
            Err(error) if error.kind() == Kind::Interrupted => {
                keeper.keep(&mut place);
                return Err(keeper.explain(error));
            }
            Err(error) => return Err(error),
        }
    }
    if place.losses.iter().all(|epoch| epoch.terms == 0) {
        return Err(Error::data("no two words stand next to each other: nothing to learn from")
            .help(
                "give longer sequences of words (--unit), a lower --min-count, or --set sample=0",
            ));
    }
    let tokens_this_time = place.words() - words_before;
    Ok(Trained { model: place.model, losses: place.losses, tokens_this_time })
}

impl Work<'_> {
    /// Runs workers until the text is used up or `until` has come; an error of kind `Interrupted` if the user
    /// cancelled. Whatever the outcome, `place` is where the work stands.
    fn session(&self, place: &mut Place, until: Option<Instant>) -> Result<()> {
        let Place { model, chunk, losses } = place;
        let model = &*model;
        let threads = (self.run.threads.max(1) as u64).min(self.total - *chunk);
        let next = AtomicU64::new(*chunk);
        let stop = AtomicBool::new(false);
        let outcome = thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let mut outcome = Ok(());
            for _ in 0..threads {
                let sender = sender.clone();
                let (next, stop) = (&next, &stop);
                let worker = thread::Builder::new().name("word2vec".into());
                if let Err(cause) =
                    worker.spawn_scoped(scope, move || self.work(model, next, stop, &sender))
                {
                    stop.store(true, Ordering::Relaxed);
                    outcome = Err(Error::new(
                        Kind::Io,
                        format!("cannot start {threads} threads: {cause}"),
                    ));
                    break;
                }
            }
            drop(sender);
            let mut reported: Option<Instant> = None;
            loop {
                match receiver.recv_timeout(TICK) {
                    Ok((epoch, Ok(tally))) => losses[epoch].add(tally),
                    Ok((_, Err(error))) => {
                        stop.store(true, Ordering::Relaxed);
                        outcome = Err(error);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    // Every worker has gone.
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if until.is_some_and(|until| Instant::now() >= until) {
                    stop.store(true, Ordering::Relaxed);
                }
                if outcome.is_ok() && reported.is_none_or(|last| last.elapsed() >= TICK) {
                    reported = Some(Instant::now());
                    outcome = self.run.report(&self.step(next.load(Ordering::Relaxed), losses));
                    if outcome.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
            outcome
        });
        *chunk = next.into_inner().min(self.total);
        outcome
    }

    /// One worker: takes chunks until there is none left or it is told to stop.
    fn work(
        &self,
        model: &Model,
        next: &AtomicU64,
        stop: &AtomicBool,
        done: &Sender<(usize, Result<Tally>)>,
    ) {
        let mut hands = Hands::new(self.options);
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.total {
                break;
            }
            let tally = self.chunk(number, model, &mut hands);
            let failed = tally.is_err();
            let epoch = (number / self.chunks.len() as u64) as usize;
            // The receiver outlives all workers, but for a panic.
            if done.send((epoch, tally)).is_err() || failed {
                break;
            }
        }
    }

    /// Trains on one chunk.
    fn chunk(&self, number: u64, model: &Model, hands: &mut Hands) -> Result<Tally> {
        let count = self.chunks.len() as u64;
        let (epoch, chunk) = (number / count, number % count);
        let range = self.chunks[chunk as usize].clone();
        let random = self.run.stream(&[epoch, chunk]);
        let windows = Windows::new(&self.drawing, self.text, range.clone(), random);
        let lesson = Lesson { options: self.options, kernels: self.kernels, model };
        let tally = lesson.learn(windows, self.alpha(epoch, &range), hands)?;
        if !tally.loss.is_finite() {
            return Err(Error::data(format!(
                "training diverged in epoch {}: its loss is no number",
                epoch + 1
            ))
            .help("try a smaller alpha"));
        }
        // Until the next epoch; or else the whole corpus would come to count as this program's memory.
        self.text.release(range);
        Ok(tally)
    }

    /// The learning rate at the first and behind the last id of a chunk.
    fn alpha(&self, epoch: u64, range: &Range<usize>) -> (f64, f64) {
        let ids = self.text.as_slice().len() as f64;
        let (start, end) = (self.options.start_alpha(), self.options.end_alpha());
        let at = |place: usize| {
            let done = (epoch as f64 + place as f64 / ids) / f64::from(self.options.epochs);
            start + (end - start) * done
        };
        (at(range.start), at(range.end))
    }

    fn step(&self, next: u64, losses: &[Tally]) -> Step {
        let count = (self.chunks.len() as u64).max(1);
        let number = next.min(self.total.saturating_sub(1));
        let epoch = number / count;
        let alpha = self.alpha(epoch, &self.chunks[(number % count) as usize]).0;
        // The epoch that has begun may have no finished chunk yet.
        let loss = losses
            .iter()
            .take(epoch as usize + 1)
            .rev()
            .find(|tally| tally.terms > 0)
            .map_or(0.0, Tally::mean);
        Step {
            stage: "training",
            done: losses.iter().map(|tally| tally.words).sum(),
            total: Some(self.total_words),
            unit: "words",
            detail: format!(
                "epoch {}/{} · loss {loss:.3} · alpha {alpha:.4}",
                epoch + 1,
                self.options.epochs
            ),
        }
    }
}
