//! Streaming over rows in parallel with results that do not depend on the number of threads: rows are cut into
//! lanes by the data's size alone, each lane is folded in order by one thread, and lanes are merged in order.

use rayon::prelude::*;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::RowSource;
use crate::error::{Error, Result};
use crate::run::{Run, Step};

/// Numbers in a block: as f64 it fills a megabyte, about what a core's second-level cache holds.
const BLOCK_NUMBERS: usize = 1 << 17;
/// The most lanes, and the most bytes that the accumulators of all lanes may take together.
const MOST_LANES: usize = 16;
const MOST_BYTES: usize = 128 << 20;

/// The rows of a block for this many columns.
pub(crate) fn block_rows(cols: usize) -> usize {
    (BLOCK_NUMBERS / cols.max(1)).clamp(256, 4096)
}

/// A pool of the threads that a run allows.
pub(crate) fn pool(run: &Run) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(run.threads.max(1)).build().map_err(|e| {
        Error::new(crate::error::Kind::Io, format!("cannot start {} threads: {e}", run.threads))
    })
}

/// Folds all blocks of `source` into one accumulator a lane, `bytes` being the size of one. `step` gets the
/// accumulator, the block's rows and their numbers. The accumulators come back in the order of the rows.
pub(crate) fn fold<A: Send>(
    source: &dyn RowSource,
    bytes: usize,
    work: &Work,
    start: impl Fn() -> A + Sync,
    step: impl Fn(&mut A, Range<usize>, &[f32]) + Sync,
) -> Result<Vec<A>> {
    let (rows, size) = (source.rows(), block_rows(source.cols()));
    let lanes = rows.div_ceil(size).min(MOST_LANES).min(MOST_BYTES / bytes.max(1)).max(1);
    let blocks = rows.div_ceil(size).div_ceil(lanes);
    let folded = work.pool.install(|| {
        (0..lanes)
            .into_par_iter()
            .map(|lane| {
                let (mut acc, mut scratch) = (start(), Vec::new());
                for block in lane * blocks..(lane + 1) * blocks {
                    let range = (block * size).min(rows)..((block + 1) * size).min(rows);
                    if range.is_empty() || work.cancelled() {
                        break;
                    }
                    let count = range.len() as u64;
                    step(&mut acc, range.clone(), source.block(range, &mut scratch));
                    work.advance(count);
                }
                acc
            })
            .collect()
    });
    work.finish()?;
    Ok(folded)
}

/// Work that several threads do: their pool, how far they are, and whether to stop.
pub(crate) struct Work<'a> {
    pub(crate) pool: rayon::ThreadPool,
    run: &'a Run<'a>,
    stage: &'static str,
    unit: &'static str,
    total: u64,
    done: AtomicU64,
    stopped: AtomicBool,
    /// Holds the next mark to report at; a lock, since progress is told from one thread at a time.
    next: Mutex<u64>,
}

impl<'a> Work<'a> {
    /// Work of `total` units under this run.
    pub(crate) fn new(
        run: &'a Run<'a>,
        stage: &'static str,
        total: u64,
        unit: &'static str,
    ) -> Result<Self> {
        let (done, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Work { pool: pool(run)?, run, stage, unit, total, done, stopped, next: Mutex::new(0) })
    }

    /// Counts units as done, and tells so about a hundred times in all.
    pub(crate) fn advance(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        if let Ok(mut next) = self.next.try_lock()
            && done >= *next
        {
            let total = self.total;
            *next = done + total / 100;
            let (stage, unit) = (self.stage, self.unit);
            let step = Step {
                stage,
                done: done.min(total),
                total: Some(total),
                unit,
                detail: String::new(),
            };
            if self.run.report(&step).is_err() {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether the user cancelled: what is left may be skipped, the result will not be used.
    pub(crate) fn cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// An error if the user cancelled.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.cancelled() {
            Err(Error::interrupted(format!("interrupted while {}", self.stage)))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Matrix;
    use crate::run::{Progress, Silent};
    use std::ops::ControlFlow;

    #[test]
    fn lanes_cover_every_row_once_and_in_order() {
        for rows in [0, 1, 4095, 4096, 4097, 70_001] {
            let matrix = Matrix::new(rows, 1, (0..rows).map(|i| i as f32).collect()).unwrap();
            let run = Run { seed: 1, threads: 3, progress: &Silent, checkpoint: None };
            let work = Work::new(&run, "testing", rows as u64, "rows").unwrap();
            let lanes = fold(&matrix, 8, &work, Vec::new, |seen: &mut Vec<f32>, _, block| {
                seen.extend(block);
            })
            .unwrap();
            assert_eq!(lanes.concat(), matrix.as_slice());
        }
    }

    #[test]
    fn cancelling_is_an_error() {
        struct No;
        impl Progress for No {
            fn report(&self, _: &Step) -> ControlFlow<()> {
                ControlFlow::Break(())
            }
        }
        let matrix = Matrix::zeros(10_000, 2);
        let run = Run { seed: 1, threads: 1, progress: &No, checkpoint: None };
        let work = Work::new(&run, "testing", 10_000, "rows").unwrap();
        let error = fold(&matrix, 8, &work, || (), |(), _, _| ()).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Interrupted);
    }
}
