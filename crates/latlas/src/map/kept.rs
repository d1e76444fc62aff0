//! Keeping the place of a map that settles, so that an interrupted one goes on to the very same bytes.
//!
//! A checkpoint holds of what map it is ([`Job`]), the step, and what [`Settling::keep`] gives. Everything else is computed
//! again: the graph of neighbours from the space that keeps it, links and first positions from that.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Instant;
use xxhash_rust::xxh3::Xxh3Default;

use super::{Points, Settling};
use crate::error::{Error, Result};
use crate::file::{self, checkpoint};
use crate::linalg::RowSource;
use crate::linalg::blocks::{Work, fold};
use crate::run::{Checkpoint, Run};

/// No method keeps more for a point, and beside all points.
const MOST_BYTES: (u64, u64) = (256, 4096);

/// What must be the same for a checkpoint to be of this map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    method: String,
    params: Map<String, Value>,
    seed: u64,
    points: u64,
    /// The fingerprint of the vectors, their neighbours and the start that was given.
    data: u64,
}

/// Of what a checkpoint is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    job: Job,
    step: u64,
}

impl Job {
    /// The job of a method with these options on these points.
    pub(super) fn new(
        method: &str,
        params: &Map<String, Value>,
        points: &Points<'_>,
        run: &Run<'_>,
    ) -> Result<Self> {
        Ok(Job {
            method: method.to_owned(),
            params: params.clone(),
            seed: run.seed,
            points: points.vectors.rows() as u64,
            data: fingerprint(points, run)?,
        })
    }

    /// Refuses a checkpoint of another job, and says in what it differs.
    fn check(&self, was: &Self, path: &Path) -> Result<()> {
        let refuse = |why: String| {
            Err(Error::usage(format!("{} was made {why}", path.display()))
                .help("make the map as it was begun, or leave --resume out to begin anew"))
        };
        if was.method != self.method {
            return refuse(format!("by {}", was.method));
        }
        let keys = self.params.keys().chain(was.params.keys());
        let of = |params: &Map<String, Value>, key: &str| {
            params.get(key).map_or_else(|| "none".to_owned(), Value::to_string)
        };
        for key in keys {
            let (before, now) = (of(&was.params, key), of(&self.params, key));
            if before != now {
                // What a target is known by says nothing to anyone.
                return refuse(if before.len() + now.len() > 60 {
                    format!("with another {key}")
                } else {
                    format!("with {key} {before} instead of {now}")
                });
            }
        }
        if was.seed != self.seed {
            return refuse(format!("with seed {} instead of {}", was.seed, self.seed));
        }
        if was != self {
            return refuse("from other vectors, neighbours or first positions".to_owned());
        }
        Ok(())
    }
}

/// A number that differs for other points.
fn fingerprint(points: &Points<'_>, run: &Run<'_>) -> Result<u64> {
    let source: &dyn RowSource = points.vectors;
    let work = Work::new(run, "identifying the vectors", source.rows() as u64, "rows")?;
    let lanes = fold(source, 1024, &work, Xxh3Default::new, |hash, _, block| {
        hash.update(bytemuck::cast_slice(block));
    })?;
    let mut hash = Xxh3Default::new();
    let mut put = |numbers: &[u64]| hash.update(bytemuck::cast_slice(numbers));
    put(&[source.rows() as u64, source.cols() as u64, points.graph.k() as u64]);
    put(&lanes.iter().map(Xxh3Default::digest).collect::<Vec<_>>());
    for i in 0..points.graph.len() {
        hash.update(bytemuck::cast_slice(points.graph.neighbours(i)));
        hash.update(bytemuck::cast_slice(points.graph.distances(i)));
    }
    if let Some(start) = points.start {
        hash.update(bytemuck::cast_slice(start.as_slice()));
    }
    Ok(hash.digest())
}

/// Keeps the places of one map, as often as the run asks.
pub(super) struct Keeper<'a> {
    job: Job,
    keeper: checkpoint::Keeper<'a>,
}

impl<'a> Keeper<'a> {
    /// Ready to keep places; if the run resumes, `settling` is put to the newest one first.
    ///
    /// A usage error names what a checkpoint was made with if that is something else; a data error what is damaged, if nothing
    /// sound is left. Where there is none at all a warning says so, and the map begins anew.
    pub(super) fn begin(
        job: Job,
        checkpoint: &Checkpoint,
        settling: &mut dyn Settling,
        run: &'a Run<'a>,
    ) -> Result<Self> {
        file::create_dir(&checkpoint.dir)?;
        let files = checkpoint::files(checkpoint, &job.method);
        let mut newest = None;
        if checkpoint.resume {
            newest = resume(&job, &files, settling, run)?;
            if newest.is_none() {
                run.progress.warn(&format!(
                    "no checkpoint to go on from in {}: the map begins anew",
                    checkpoint.dir.display()
                ));
            }
        } else {
            for path in files.iter().filter(|path| path.exists()) {
                file::remove(path)?;
            }
        }
        let keeper = checkpoint::Keeper::new(run, &job.method, "the map", newest);
        Ok(Keeper { job, keeper })
    }

    /// Keeps the place if it is time.
    pub(super) fn keep_if_due(&mut self, settling: &dyn Settling) {
        if self.keeper.due().is_some_and(|due| Instant::now() >= due) {
            self.keep(settling);
        }
    }

    /// Keeps the place; says whether it is kept.
    pub(super) fn keep(&mut self, settling: &dyn Settling) -> bool {
        let Some(bytes) = settling.keep() else { return false };
        let head = Head { job: self.job.clone(), step: settling.steps().0 };
        self.keeper.keep(|path| checkpoint::write(path, &head, |put| put(&bytes)));
        self.keeper.kept().is_some()
    }
}

/// Puts `settling` to the newest place that is kept; which of the two files held it.
fn resume(
    job: &Job,
    files: &[PathBuf; 2],
    settling: &mut dyn Settling,
    run: &Run<'_>,
) -> Result<Option<usize>> {
    let (mut found, mut damaged) = (Vec::new(), None);
    for (turn, path) in files.iter().enumerate().filter(|(_, path)| path.exists()) {
        match read(path, job.points) {
            Ok((head, bytes)) => {
                job.check(&head.job, path)?;
                found.push((head.step, turn, bytes));
            }
            Err(why) => damaged = Some(why),
        }
    }
    let newest = found.into_iter().max_by_key(|(step, turn, _)| (*step, *turn));
    let Some((step, turn, bytes)) = newest else {
        return match damaged {
            None => Ok(None),
            Some(why) => Err(why.help("leave --resume out to begin anew")),
        };
    };
    if let Some(why) = damaged {
        run.progress.warn(&format!("checkpoint not used: {why}"));
    }
    settling.restore(&bytes).map_err(|e| {
        checkpoint::damaged(&files[turn], e.message()).help("leave --resume out to begin anew")
    })?;
    run.progress.note(&format!(
        "going on after {step} of {} steps, from {}",
        settling.steps().1,
        files[turn].display()
    ));
    Ok(Some(turn))
}

/// A whole checkpoint of a map of so many points, every byte of it checked.
fn read(path: &Path, points: u64) -> Result<(Head, Vec<u8>)> {
    let mut opened = checkpoint::open::<Head>(path)?;
    let most = points.saturating_mul(MOST_BYTES.0).saturating_add(MOST_BYTES.1);
    // That of a map of other points is told by its head.
    if opened.body > most && opened.head.job.points == points {
        return Err(checkpoint::damaged(path, "its length does not fit its head"));
    }
    let mut bytes = vec![0; opened.body.min(most) as usize];
    opened.fill(&mut bytes)?;
    if opened.body > most {
        return Ok((opened.head, bytes));
    }
    Ok((opened.end()?, bytes))
}

/// Bytes of a place, put together.
#[derive(Default)]
pub(super) struct Place(Vec<u8>);

impl Place {
    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn numbers<T: bytemuck::NoUninit>(mut self, numbers: &[T]) -> Self {
        self.0.extend_from_slice(bytemuck::cast_slice(numbers));
        self
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Bytes of a place, taken apart again.
pub(super) struct Parts<'a>(pub(super) &'a [u8]);

impl Parts<'_> {
    pub(super) fn number(&mut self) -> Result<u64> {
        let mut number = [0_u64];
        self.numbers(&mut number)?;
        Ok(number[0])
    }

    /// Fills in numbers of any kind.
    pub(super) fn numbers<T: bytemuck::AnyBitPattern + bytemuck::NoUninit>(
        &mut self,
        out: &mut [T],
    ) -> Result<()> {
        let out: &mut [u8] = bytemuck::cast_slice_mut(out);
        let Some((here, rest)) = self.0.split_at_checked(out.len()) else {
            return Err(Error::data("it is too short"));
        };
        out.copy_from_slice(here);
        self.0 = rest;
        Ok(())
    }

    /// Fills in coordinates, which are finite.
    pub(super) fn finite(&mut self, out: &mut [f32]) -> Result<()> {
        self.numbers(out)?;
        if out.iter().all(|x| x.is_finite()) {
            Ok(())
        } else {
            Err(Error::data("a number in it is not finite"))
        }
    }

    /// How many of `all` steps were made.
    pub(super) fn step(&mut self, all: u64) -> Result<u64> {
        let step = self.number()?;
        if step <= all {
            Ok(step)
        } else {
            Err(Error::data(format!("it stands at step {step} of {all}")))
        }
    }

    pub(super) fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::data("it is too long")) }
    }
}
