//! Relations as a matrix that multiplies thin dense ones.
//!
//! Each row of a result is summed in one order, by one thread, so the bytes are the same at any thread count. The
//! product with the transpose reads the rows once for each range of targets, whose sums stay in the cache
//! meanwhile: no transposed copy is needed.

use std::ops::Range;

use rayon::prelude::*;

use super::Relations;
use crate::error::Result;
use crate::kernels::Set;
use crate::linalg::blocks::Work;
use crate::linalg::{Matrix, Operator};
use crate::run::Run;

/// The most targets of a range: so many sums of 100 numbers fill about a megabyte.
const RANGE: usize = 2048;
/// The fewest ranges, for the threads to share.
const FEWEST: u64 = 64;
/// Rows that one thread takes at a time.
const ROWS: usize = 256;

impl Operator for Relations {
    fn rows(&self) -> usize {
        self.sources()
    }

    fn cols(&self) -> usize {
        self.targets()
    }

    fn times(&self, x: &Matrix, run: &Run) -> Result<Matrix> {
        let dim = x.cols();
        let mut out = Matrix::zeros(self.sources(), dim);
        let work = Work::new(run, "decomposing", self.sources() as u64, "rows")?;
        let set = Set::active();
        work.pool.install(|| {
            let blocks = out.as_mut_slice().par_chunks_mut((ROWS * dim).max(1)).enumerate();
            blocks.for_each(|(block, out)| {
                if work.cancelled() {
                    return;
                }
                for (i, out) in out.chunks_exact_mut(dim).enumerate() {
                    let (targets, weights) = self.row((block * ROWS + i) as u32);
                    for (&target, &weight) in targets.iter().zip(weights) {
                        set.axpy(weight as f32, x.row(target as usize), out);
                    }
                }
                work.advance((out.len() / dim) as u64);
            });
        });
        work.finish()?;
        Ok(out)
    }

    fn transposed_times(&self, y: &Matrix, run: &Run) -> Result<Matrix> {
        let dim = y.cols();
        let mut out = Matrix::zeros(self.targets(), dim);
        let work = Work::new(run, "decomposing", self.targets() as u64, "rows")?;
        let set = Set::active();
        let mut parts = Vec::new();
        let mut rest = out.as_mut_slice();
        for range in self.ranges() {
            let (part, tail) = rest.split_at_mut(range.len() * dim);
            parts.push((range, part));
            rest = tail;
        }
        work.pool.install(|| {
            parts.into_par_iter().for_each(|(range, out)| {
                if work.cancelled() {
                    return;
                }
                let first = range.start;
                for source in 0..self.sources() as u32 {
                    let (targets, weights) = self.row(source);
                    let start = targets.partition_point(|&target| (target as usize) < first);
                    let links = targets[start..].iter().zip(&weights[start..]);
                    for (&target, &weight) in
                        links.take_while(|(target, _)| (**target as usize) < range.end)
                    {
                        let at = (target as usize - first) * dim;
                        set.axpy(weight as f32, y.row(source as usize), &mut out[at..at + dim]);
                    }
                }
                work.advance(range.len() as u64);
            });
        });
        work.finish()?;
        Ok(out)
    }
}

impl Relations {
    /// Ranges of targets with about as many links each, at most `RANGE` targets, covering all.
    fn ranges(&self) -> Vec<Range<usize>> {
        let mut links = vec![0_u64; self.targets()];
        for source in 0..self.sources() as u32 {
            self.row(source).0.iter().for_each(|&target| links[target as usize] += 1);
        }
        let most = self.links() / FEWEST + 1;
        let mut ranges = Vec::new();
        let (mut start, mut sum) = (0, 0);
        for (target, &count) in links.iter().enumerate() {
            if target > start && (sum + count > most || target - start == RANGE) {
                ranges.push(start..target);
                (start, sum) = (target, 0);
            }
            sum += count;
        }
        if start < links.len() {
            ranges.push(start..links.len());
        }
        ranges
    }
}
