//! Keeping the place of a training, so that a killed one can go on.
//!
//! The numbers of a [`checkpoint`] are the rows of each matrix, f32. Random streams are named by epoch and chunk and need
//! no saving.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Job, Model, Place, Tally};
use crate::error::{Error, Result};
use crate::file::{self, checkpoint};
use crate::run::{Checkpoint, Run};

/// Everything but the vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    job: Job,
    /// Rows and dimension of each matrix.
    shapes: Vec<(usize, usize)>,
    chunk: u64,
    losses: Vec<Tally>,
}

/// Keeps checkpoints, as often as the run asks.
pub(super) struct Keeper<'a> {
    job: &'a Job,
    keeper: checkpoint::Keeper<'a>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(job: &'a Job, run: &'a Run<'a>) -> Self {
        let newest = run.checkpoint.as_ref().and_then(|place| newest(place, job));
        Keeper { job, keeper: checkpoint::Keeper::new(run, &job.learner, "training", newest) }
    }

    /// When the next checkpoint is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.keeper.due()
    }

    /// Writes a checkpoint. One that cannot be written is told once and does not end the training.
    pub(super) fn keep<M: Model>(&mut self, place: &mut Place<M>) {
        self.keeper.keep(|path| write(path, self.job, place));
    }

    /// Adds to an interruption what was kept, and how to go on.
    pub(super) fn explain(&self, error: Error) -> Error {
        match self.keeper.kept() {
            Some(dir) => Error::interrupted(format!(
                "{}; its place is kept in {}",
                error.message(),
                dir.display()
            ))
            .help("the same command with --resume goes on from there"),
            None => error,
        }
    }
}

/// The place to go on from, if the run asks for it and there is one. What is damaged or belongs to another training
/// is named in a warning. A run that does not resume removes what it finds.
pub(super) fn resume<M: Model>(
    job: &Job,
    unit: &str,
    blank: &impl Fn() -> Result<M>,
    run: &Run<'_>,
) -> Result<Option<Place<M>>> {
    let Some(checkpoint) = &run.checkpoint else { return Ok(None) };
    if !checkpoint.resume {
        file::create_dir(&checkpoint.dir)?;
        for path in files(checkpoint, job).iter().filter(|path| path.exists()) {
            file::remove(path)?;
        }
        return Ok(None);
    }
    let mut model = blank()?;
    let shapes = shapes(&mut model);
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for path in files(checkpoint, job).into_iter().filter(|path| path.exists()) {
        match peek(&path, job, &shapes) {
            Ok(opened) => found.push((opened.head.chunk, path)),
            Err(why) => run.progress.warn(&format!("checkpoint not used: {why}")),
        }
    }
    found.sort();
    for (_, path) in found.into_iter().rev() {
        // What a damaged file half filled is filled anew by the next one.
        match read(&path, job, &mut model) {
            Ok((chunk, losses)) => {
                let place = Place { model, chunk, losses };
                run.progress.note(&format!(
                    "going on after {} {unit}, from {}",
                    place.units(),
                    path.display()
                ));
                return Ok(Some(place));
            }
            Err(why) => run.progress.warn(&format!("checkpoint not used: {why}")),
        }
    }
    run.progress.warn(&format!(
        "no checkpoint to go on from in {}: training starts anew",
        checkpoint.dir.display()
    ));
    file::create_dir(&checkpoint.dir)?;
    Ok(None)
}

/// The two files.
pub(super) fn files(place: &Checkpoint, job: &Job) -> [PathBuf; 2] {
    checkpoint::files(place, &job.learner)
}

fn shapes(model: &mut impl Model) -> Vec<(usize, usize)> {
    model.matrices().iter().map(|matrix| (matrix.rows(), matrix.dim())).collect()
}

/// Which of the two files is the newest checkpoint of this training, by its state alone.
fn newest(place: &Checkpoint, job: &Job) -> Option<usize> {
    let chunk = |path: &PathBuf| -> Option<u64> {
        let state = checkpoint::open::<State>(path).ok()?.head;
        (state.job == *job).then_some(state.chunk)
    };
    let [a, b] = files(place, job).each_ref().map(chunk);
    if a.is_none() && b.is_none() { None } else { Some(usize::from(b > a)) }
}

pub(super) fn write<M: Model>(path: &Path, job: &Job, place: &mut Place<M>) -> Result<()> {
    let Place { model, chunk, losses } = place;
    let shapes = shapes(model);
    let state = State { job: job.clone(), shapes, chunk: *chunk, losses: losses.clone() };
    checkpoint::write(path, &state, |put| {
        for rows in model.matrices() {
            for row in 0..rows.rows() {
                put(little_endian(rows.row_mut(row)))?;
            }
        }
        Ok(())
    })
}

/// The numbers as the file has them. Every machine that we build for is little-endian.
fn little_endian(row: &mut [f32]) -> &mut [u8] {
    const { assert!(cfg!(target_endian = "little"), "f32 rows are written as they lie in memory") };
    bytemuck::cast_slice_mut(row)
}

/// A checkpoint, if it is of this training.
fn peek(path: &Path, job: &Job, shapes: &[(usize, usize)]) -> Result<checkpoint::Opened<State>> {
    let opened = checkpoint::open::<State>(path)?;
    let state = &opened.head;
    // All matrices: known before any of it is read.
    let body = state.shapes.iter().try_fold(0u64, |sum, &(rows, dim)| {
        sum.checked_add((rows as u64).checked_mul(dim as u64)?.checked_mul(4)?)
    });
    if body != Some(opened.body) {
        return Err(checkpoint::damaged(path, "its length does not fit its head"));
    }
    let name = path.display();
    let (was, is) = (&state.job, job);
    if was.learner != is.learner || was.options != is.options || was.epochs != is.epochs {
        return Err(Error::data(format!("{name} was made with other options")));
    }
    if was.seed != is.seed {
        return Err(Error::data(format!(
            "{name} was made with seed {} instead of {}",
            was.seed, is.seed
        )));
    }
    if was != is || state.shapes != shapes {
        return Err(Error::data(format!("{name} was made from other data")));
    }
    if state.losses.len() != job.epochs as usize {
        return Err(Error::data(format!(
            "{name} is damaged: it counts {} epochs",
            state.losses.len()
        )));
    }
    Ok(opened)
}

/// Reads a checkpoint of this training into the model and checks every byte of it: the next chunk, and the losses.
fn read(path: &Path, job: &Job, model: &mut impl Model) -> Result<(u64, Vec<Tally>)> {
    let mut opened = peek(path, job, &shapes(model))?;
    for rows in model.matrices() {
        for row in 0..rows.rows() {
            opened.fill(little_endian(rows.row_mut(row)))?;
        }
    }
    let state = opened.end()?;
    Ok((state.chunk, state.losses))
}
