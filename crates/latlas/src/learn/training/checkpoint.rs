//! Keeping the place of a training, so that a killed one can go on.
//!
//! Two files, `LEARNER-a.part` and `LEARNER-b.part`, are written in turn, each published whole; so whatever dies at
//! whatever moment, one of them is the place of at most one checkpoint ago. Random streams are named by epoch and
//! chunk and need no saving. Layout, little-endian:
//!
//! ```text
//! "LATLASC1" · u64 n · n bytes of JSON (`State`) · the rows of each matrix, f32 · u64 xxh3 of all before
//! ```

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use xxhash_rust::xxh3::Xxh3Default;

use super::{Job, Model, Place, Tally};
use crate::error::{Error, Result};
use crate::file;
use crate::run::{Checkpoint, Run};

const MAGIC: &[u8; 8] = b"LATLASC1";
/// The longest JSON that is read: an epoch takes some 100 bytes of it.
const LONGEST_STATE: u64 = 1 << 24;

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
    run: &'a Run<'a>,
    last: Instant,
    /// Which of the two files is written next.
    turn: usize,
    /// Whether the last checkpoint could not be written.
    failed: bool,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(job: &'a Job, run: &'a Run<'a>) -> Self {
        // The newest must survive the first writing: begin with the other.
        let turn =
            run.checkpoint.as_ref().map_or(0, |place| usize::from(newest(place, job) == Some(0)));
        Keeper { job, run, last: Instant::now(), turn, failed: false }
    }

    /// When the next checkpoint is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.run.checkpoint.as_ref().and_then(|place| self.last.checked_add(place.every))
    }

    /// Writes a checkpoint. One that cannot be written is told once and does not end the training.
    pub(super) fn keep<M: Model>(&mut self, place: &mut Place<M>) {
        let Some(checkpoint) = &self.run.checkpoint else { return };
        match write(&files(checkpoint, self.job)[self.turn], self.job, place) {
            Ok(()) => {
                self.turn = 1 - self.turn;
                self.failed = false;
            }
            Err(error) => {
                if !self.failed {
                    self.run
                        .progress
                        .warn(&format!("no checkpoint was kept: {error}; training goes on"));
                }
                self.failed = true;
            }
        }
        self.last = Instant::now();
    }

    /// Adds to an interruption what was kept, and how to go on.
    pub(super) fn explain(&self, error: Error) -> Error {
        match &self.run.checkpoint {
            Some(place) if !self.failed => Error::interrupted(format!(
                "{}; its place is kept in {}",
                error.message(),
                place.dir.display()
            ))
            .help("the same command with --resume goes on from there"),
            _ => error,
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
            Ok(state) => found.push((state.chunk, path)),
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
pub(super) fn files(checkpoint: &Checkpoint, job: &Job) -> [PathBuf; 2] {
    ["a", "b"].map(|turn| checkpoint.dir.join(format!("{}-{turn}.part", job.learner)))
}

fn shapes(model: &mut impl Model) -> Vec<(usize, usize)> {
    model.matrices().iter().map(|matrix| (matrix.rows(), matrix.dim())).collect()
}

/// Which of the two files is the newest checkpoint of this training, by its state alone.
fn newest(checkpoint: &Checkpoint, job: &Job) -> Option<usize> {
    let chunk = |path: &PathBuf| -> Option<u64> {
        let (state, ..) = open(path).ok()?;
        (state.job == *job).then_some(state.chunk)
    };
    let [a, b] = files(checkpoint, job).each_ref().map(chunk);
    if a.is_none() && b.is_none() { None } else { Some(usize::from(b > a)) }
}

pub(super) fn write<M: Model>(path: &Path, job: &Job, place: &mut Place<M>) -> Result<()> {
    let Place { model, chunk, losses } = place;
    let shapes = shapes(model);
    let state = State { job: job.clone(), shapes, chunk: *chunk, losses: losses.clone() };
    let state = serde_json::to_vec(&state).map_err(|e| Error::data(format!("checkpoint: {e}")))?;
    file::publish(path, |file| {
        let mut hash = Xxh3Default::new();
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            file.write_all(bytes).map_err(|e| Error::io("write", path, &e))
        };
        put(MAGIC)?;
        put(&(state.len() as u64).to_le_bytes())?;
        put(&state)?;
        for rows in model.matrices() {
            for row in 0..rows.rows() {
                put(little_endian(rows.row_mut(row)))?;
            }
        }
        let digest = hash.digest();
        file.write_all(&digest.to_le_bytes()).map_err(|e| Error::io("write", path, &e))
    })
    .map(|_| ())
}

/// The numbers as the file has them. Every machine that we build for is little-endian.
fn little_endian(row: &mut [f32]) -> &mut [u8] {
    const { assert!(cfg!(target_endian = "little"), "f32 rows are written as they lie in memory") };
    bytemuck::cast_slice_mut(row)
}

/// A checkpoint's state, its reader behind it, and what was hashed so far.
fn open(path: &Path) -> Result<(State, BufReader<File>, Xxh3Default)> {
    let io = |e: std::io::Error| Error::io("read", path, &e);
    let damaged = |what: &str| Error::data(format!("{} is damaged: {what}", path.display()));
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut head = [0; 16];
    reader.read_exact(&mut head).map_err(|_| damaged("it is too short"))?;
    let (magic, size) = head.split_at(8);
    if magic != MAGIC {
        return Err(Error::data(format!("{} is no checkpoint of this version", path.display())));
    }
    let size = size.try_into().map_or(u64::MAX, u64::from_le_bytes);
    if size > LONGEST_STATE.min(length) {
        return Err(damaged("its head has an impossible size"));
    }
    let mut json = vec![0; size as usize];
    reader.read_exact(&mut json).map_err(|_| damaged("it is too short"))?;
    let state: State =
        serde_json::from_slice(&json).map_err(|_| damaged("its head cannot be read"))?;
    // All matrices and the checksum: known before any of it is read.
    let body = state.shapes.iter().try_fold(0u64, |sum, &(rows, dim)| {
        sum.checked_add((rows as u64).checked_mul(dim as u64)?.checked_mul(4)?)
    });
    if body.and_then(|n| n.checked_add(16 + size + 8)) != Some(length) {
        return Err(damaged("its length does not fit its head"));
    }
    let mut hash = Xxh3Default::new();
    hash.update(&head);
    hash.update(&json);
    Ok((state, reader, hash))
}

/// The state of a checkpoint, if it is of this training.
fn peek(path: &Path, job: &Job, shapes: &[(usize, usize)]) -> Result<State> {
    let (state, ..) = open(path)?;
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
    Ok(state)
}

/// Reads a checkpoint of this training into the model and checks every byte of it: the next chunk, and the losses.
fn read(path: &Path, job: &Job, model: &mut impl Model) -> Result<(u64, Vec<Tally>)> {
    peek(path, job, &shapes(model))?;
    let (state, mut reader, mut hash) = open(path)?;
    let io = |e: std::io::Error| Error::io("read", path, &e);
    for rows in model.matrices() {
        for row in 0..rows.rows() {
            let bytes = little_endian(rows.row_mut(row));
            reader.read_exact(bytes).map_err(io)?;
            hash.update(bytes);
        }
    }
    let mut digest = [0; 8];
    reader.read_exact(&mut digest).map_err(io)?;
    if u64::from_le_bytes(digest) != hash.digest() {
        return Err(Error::data(format!(
            "{} is damaged: its checksum does not fit",
            path.display()
        )));
    }
    Ok((state.chunk, state.losses))
}
