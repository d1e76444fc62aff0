//! Workers run in sessions. A session ends when the data is used up, when a checkpoint is due or when the user
//! cancels; then every chunk that was begun has been finished and no worker runs, so the place of the work is the
//! matrices and the number of the next chunk.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::handout::Handout;
use super::{Job, Place, Tally, Trained, Training, checkpoint};
use crate::error::{Error, Kind, Result};
use crate::run::{Run, Step};

/// The time between two reports.
const TICK: Duration = Duration::from_millis(200);

/// What all workers share, and none changes.
struct Work<'a, T> {
    training: &'a T,
    job: &'a Job,
    run: &'a Run<'a>,
    /// Chunks of an epoch.
    chunks: u64,
    /// Chunks of all epochs.
    total: u64,
}

/// Trains from `place` to the end, keeping checkpoints as the run asks.
pub(super) fn go_on<T: Training>(
    training: &T,
    job: &Job,
    mut place: Place<T::Model>,
    run: &Run<'_>,
) -> Result<Trained<T::Model>> {
    let chunks = training.chunks().max(1);
    let total = chunks.saturating_mul(u64::from(job.epochs));
    let work = Work { training, job, run, chunks, total };
    let before = place.units();
    let resumed = place.chunk > 0;
    let mut keeper = checkpoint::Keeper::new(job, run);
    while place.chunk < total {
        match work.session(&mut place, keeper.due()) {
            Ok(()) => keeper.keep(&mut place),
            Err(error) if error.kind() == Kind::Interrupted => {
                keeper.keep(&mut place);
                return Err(keeper.explain(error));
            }
            Err(error) => return Err(error),
        }
    }
    let units_this_time = place.units() - before;
    Ok(Trained { model: place.model, losses: place.losses, units_this_time, resumed })
}

impl<T: Training> Work<'_, T> {
    /// Runs workers until the data is used up or `until` has come; an error of kind `Interrupted` if the user
    /// cancelled. Whatever the outcome, `place` is where the work stands.
    fn session(&self, place: &mut Place<T::Model>, until: Option<Instant>) -> Result<()> {
        let Place { model, chunk, losses } = place;
        let model = &*model;
        let threads = (self.run.threads.max(1) as u64).min(self.total - *chunk);
        // Groups that wait for each other must be taken in order.
        let in_order = self.training.side_by_side() < u64::MAX;
        let classes = if in_order { 1 } else { threads };
        let handout = Handout::new(self.chunks, *chunk, self.total, classes);
        let finished = Finished::from(*chunk);
        let outcome = thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let mut outcome = Ok(());
            for number in 0..threads {
                let sender = sender.clone();
                let (handout, finished) = (&handout, &finished);
                let worker = thread::Builder::new().name(self.job.learner.clone());
                if let Err(cause) = worker.spawn_scoped(scope, move || {
                    self.work(model, number, handout, finished, &sender);
                }) {
                    handout.stop();
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
                        handout.stop();
                        outcome = Err(error);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    // Every worker has gone.
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if until.is_some_and(|until| Instant::now() >= until) {
                    handout.stop();
                }
                if outcome.is_ok() && reported.is_none_or(|last| last.elapsed() >= TICK) {
                    reported = Some(Instant::now());
                    outcome = self.run.report(&self.step(handout.next(), losses));
                    if outcome.is_err() {
                        handout.stop();
                    }
                }
            }
            outcome
        });
        *chunk = handout.next();
        outcome
    }

    /// One worker: takes chunks until there is none left. What it has taken it finishes.
    fn work(
        &self,
        model: &T::Model,
        worker: u64,
        handout: &Handout,
        finished: &Finished,
        done: &Sender<(usize, Result<Tally>)>,
    ) {
        let mut scratch = self.training.scratch();
        let side_by_side = self.training.side_by_side().max(1);
        while let Some(number) = handout.take(worker) {
            let (epoch, chunk) = (number / self.chunks, number % self.chunks);
            let tally = {
                // Dropped, and so counted, even where the work panics: the others must not wait for ever.
                let _one = finished.wait_for(number / side_by_side * side_by_side);
                self.training.chunk(model, epoch, chunk, &mut scratch)
            };
            let tally = tally.and_then(|tally| {
                if tally.loss.is_finite() {
                    Ok(tally)
                } else {
                    Err(Error::data(format!(
                        "training diverged in epoch {}: its loss is no number",
                        epoch + 1
                    ))
                    .help(format!("try a smaller {}", T::RATE)))
                }
            });
            let failed = tally.is_err();
            // The receiver outlives all workers, but for a panic.
            if done.send((epoch as usize, tally)).is_err() || failed {
                break;
            }
        }
    }

    fn step(&self, next: u64, losses: &[Tally]) -> Step {
        let number = next.min(self.total.saturating_sub(1));
        let epoch = number / self.chunks;
        let rate = self.training.rate(epoch, number % self.chunks);
        // The epoch that has begun may have no finished chunk yet.
        let loss = losses
            .iter()
            .take(epoch as usize + 1)
            .rev()
            .find(|tally| tally.terms > 0)
            .map_or(0.0, Tally::mean);
        Step {
            stage: "training",
            done: losses.iter().map(|tally| tally.units).sum(),
            total: Some(self.training.units().saturating_mul(u64::from(self.job.epochs))),
            unit: T::UNIT,
            detail: format!(
                "epoch {}/{} · loss {loss:.3} · {} {rate:.4}",
                epoch + 1,
                self.job.epochs,
                T::RATE
            ),
        }
    }
}

/// How many chunks are finished, those of earlier sessions included.
struct Finished {
    count: Mutex<u64>,
    more: Condvar,
}

/// A chunk at work; counted as finished when dropped.
struct One<'a>(&'a Finished);

impl Finished {
    fn from(count: u64) -> Self {
        Finished { count: Mutex::new(count), more: Condvar::new() }
    }

    /// Waits until at least `count` chunks are finished; chunks are taken in order, so these are the first ones.
    fn wait_for(&self, count: u64) -> One<'_> {
        let guard = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.more
                .wait_while(guard, |finished| *finished < count)
                .unwrap_or_else(PoisonError::into_inner),
        );
        One(self)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.more.notify_all();
    }
}
