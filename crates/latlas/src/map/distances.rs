//! Exact rows of distances and ranks: from one point to all others.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use std::ops::Range;

use crate::error::Result;
use crate::geometry::Geometry;
use crate::kernels::wide::{self, Width};
use crate::linalg::blocks::{Work, block_rows, fold};
use crate::linalg::{Matrix, RowSource, column_moments};
use crate::run::Run;

/// Distances that are looked at together.
const CHUNK: usize = 32;

/// A set of points whose squared distances are asked for many at a time. Points are centred and scaled to a mean
/// square of 1 (no rank changes, no square overflows), or to unit length under the cosine. ‖a−b‖² is computed as
/// ‖a‖² + ‖b‖² − 2a·b in f64 and then rounded to f32: the cancellation, 10⁻¹⁶ of the squared radius of the data,
/// stays below what f32 vectors can tell apart.
pub(super) struct Distances<'a> {
    source: &'a dyn RowSource,
    shift: Vec<f64>,
    /// What each row is multiplied by.
    scale: Vec<f64>,
    /// Its squared norm after that; 1 for every row under the cosine, zero vectors included, which puts these at
    /// distance 1 from everything.
    squared: Vec<f64>,
}

impl<'a> Distances<'a> {
    /// Reads all points once; numbers that are not finite are errors.
    pub(super) fn new(source: &'a dyn RowSource, geometry: Geometry, run: &Run) -> Result<Self> {
        let (n, d) = (source.rows(), source.cols());
        let moments = column_moments(source, run)?;
        let (shift, common) = match geometry {
            Geometry::Euclidean => {
                let scale = (n as f64 / moments.squares).sqrt();
                (moments.mean, Some(if scale.is_finite() { scale } else { 1.0 }))
            }
            Geometry::Cosine => (vec![0.0; d], None),
        };
        let work = Work::new(run, "measuring", n as u64, "rows")?;
        let norms = fold(source, 8, &work, Vec::new, |norms: &mut Vec<f64>, _, block| {
            norms.extend(block.chunks_exact(d).map(|row| {
                row.iter().zip(&shift).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum::<f64>()
            }));
        })?
        .concat();
        let (scale, squared) = if let Some(scale) = common {
            (vec![scale; n], norms.iter().map(|norm| norm * scale * scale).collect())
        } else {
            let inverse = |norm: &f64| if *norm > 0.0 { 1.0 / norm.sqrt() } else { 0.0 };
            (norms.iter().map(inverse).collect(), vec![1.0; n])
        };
        Ok(Distances { source, shift, scale, squared })
    }

    /// Squared distances from each of `points` to all points, one row of `out` a point; to itself infinite.
    pub(super) fn from(&self, points: &[usize], buffers: &mut Buffers, out: &mut Vec<f32>) {
        let (n, d, p) = (self.source.rows(), self.source.cols(), points.len());
        let Buffers { scratch, wide, own, dots } = buffers;
        own.clear();
        for &point in points {
            self.read(point..point + 1, scratch, wide);
            own.extend_from_slice(wide);
        }
        let own = MatRef::from_row_major_slice(own, p, d);
        out.resize(p * n, 0.0);
        let size = block_rows(d).min(1024);
        dots.resize(p * size, 0.0);
        for start in (0..n).step_by(size) {
            let rows = start..(start + size).min(n);
            self.read(rows.clone(), scratch, wide);
            let block = MatRef::from_row_major_slice(wide, rows.len(), d);
            let dots = &mut dots[..p * rows.len()];
            let into = MatMut::from_row_major_slice_mut(dots, p, rows.len());
            matmul(into, Accum::Replace, own, block.transpose(), 1.0, Par::Seq);
            for ((i, &point), dots) in points.iter().enumerate().zip(dots.chunks_exact(rows.len()))
            {
                let (own, out) = (self.squared[point], &mut out[i * n..][rows.clone()]);
                for ((out, squared), dot) in
                    out.iter_mut().zip(&self.squared[rows.clone()]).zip(dots)
                {
                    *out = (own + squared - 2.0 * dot).max(0.0) as f32;
                }
            }
        }
        for (i, &point) in points.iter().enumerate() {
            out[i * n + point] = f32::INFINITY;
        }
    }

    /// A block of rows as f64, shifted and scaled.
    fn read(&self, rows: Range<usize>, scratch: &mut Vec<f32>, wide: &mut Vec<f64>) {
        let block = self.source.block(rows.clone(), scratch);
        wide.resize(block.len(), 0.0);
        Width::widest().run(Moved { block, shift: &self.shift, scale: &self.scale[rows], wide });
    }
}

/// What a thread needs to compute distances.
#[derive(Default)]
pub(super) struct Buffers {
    scratch: Vec<f32>,
    wide: Vec<f64>,
    own: Vec<f64>,
    dots: Vec<f64>,
}

/// Rows that are shifted and scaled.
struct Moved<'a> {
    block: &'a [f32],
    shift: &'a [f64],
    scale: &'a [f64],
    wide: &'a mut [f64],
}

impl wide::Work for Moved<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "`Width::run` compiles what is inlined")]
    #[inline(always)]
    fn run(self) {
        let d = self.shift.len();
        let rows = self.block.chunks_exact(d).zip(self.wide.chunks_exact_mut(d));
        for ((row, out), &scale) in rows.zip(self.scale) {
            for ((out, &x), &shift) in out.iter_mut().zip(row).zip(self.shift) {
                *out = (f64::from(x) - shift) * scale;
            }
        }
    }
}

/// Points of few dimensions, column after column, whose distances are summed directly.
pub(super) struct FlatDistances {
    columns: Vec<Vec<f32>>,
}

impl FlatDistances {
    /// Centres the points and scales them to a mean square of 1.
    pub(super) fn new(points: &Matrix, run: &Run) -> Result<Self> {
        let moments = column_moments(points, run)?;
        let scale = (points.rows() as f64 / moments.squares).sqrt();
        let scale = if scale.is_finite() { scale } else { 1.0 };
        let column = |(j, mean): (usize, &f64)| {
            points.iter_rows().map(|point| ((f64::from(point[j]) - mean) * scale) as f32).collect()
        };
        Ok(FlatDistances { columns: moments.mean.iter().enumerate().map(column).collect() })
    }

    /// Squared distances from one point to all points; to itself infinite.
    pub(super) fn from(&self, point: usize, out: &mut Vec<f32>) {
        for (first, column) in self.columns.iter().enumerate() {
            let own = column[point];
            if first == 0 {
                out.clear();
                out.extend(column.iter().map(|x| (x - own) * (x - own)));
            } else {
                out.iter_mut().zip(column).for_each(|(out, x)| *out += (x - own) * (x - own));
            }
        }
        out[point] = f32::INFINITY;
    }
}

/// The k closest, closest first, ties by row.
pub(super) fn nearest(distances: &[f32], k: usize) -> Vec<u32> {
    let mut best: Vec<(f32, u32)> = Vec::with_capacity(k + 1);
    let mut worst = f32::INFINITY;
    for (chunk, distances) in distances.chunks(CHUNK).enumerate() {
        // Most chunks hold nothing closer, which their least, found without branches, shows fastest.
        let least =
            distances.iter().fold(f32::INFINITY, |least, &x| if x < least { x } else { least });
        if best.len() == k && least >= worst {
            continue;
        }
        for (i, &distance) in distances.iter().enumerate() {
            if distance < worst || best.len() < k && distance == worst {
                let at = best.partition_point(|&(other, _)| other <= distance);
                best.insert(at, (distance, (chunk * CHUNK + i) as u32));
                best.truncate(k);
                if best.len() == k {
                    worst = best[k - 1].0;
                }
            }
        }
    }
    best.into_iter().map(|(_, row)| row).collect()
}

/// The rank of each target among all distances, 1 for the closest, ties by row. `known` are the closest rows in
/// order, whose ranks need no counting.
pub(super) fn ranks(distances: &[f32], targets: &[u32], known: &[u32]) -> Vec<u32> {
    let known = |target: u32| known.iter().position(|&row| row == target);
    let farthest = targets
        .iter()
        .filter(|&&target| known(target).is_none())
        .map(|&target| distances[target as usize])
        .fold(f32::NEG_INFINITY, f32::max);
    let count = |distances: &[f32], (before, own): (usize, f32)| {
        Width::widest().run(Nearer { distances, before, own })
    };
    // Whoever is farther than all of them has no part in their ranks. Where that is most, the others are put together.
    let part = count(distances, (distances.len(), farthest)) as usize;
    let mut within = (Vec::new(), Vec::new());
    let apart = farthest > f32::NEG_INFINITY && part < distances.len() / 4;
    if apart {
        for (row, &x) in distances.iter().enumerate().filter(|(_, x)| **x <= farthest) {
            within.0.push(x);
            within.1.push(row as u32);
        }
    }
    let rank = |&target: &u32| {
        let own = distances[target as usize];
        known(target).map_or_else(
            || {
                // The target itself is among those before, and makes its rank begin at 1.
                if apart {
                    let before = within.1.partition_point(|&row| row <= target);
                    count(&within.0, (before, own))
                } else {
                    count(distances, (target as usize + 1, own))
                }
            },
            |at| at as u32 + 1,
        )
    };
    targets.iter().map(rank).collect()
}

/// How many distances are below `own`, or equal to it and among the first `before`.
struct Nearer<'a> {
    distances: &'a [f32],
    before: usize,
    own: f32,
}

impl wide::Work for Nearer<'_> {
    type Output = u32;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width")]
    fn run(self) -> u32 {
        let (before, behind) = self.distances.split_at(self.before);
        let as_near: u32 = before.iter().map(|&x| u32::from(x <= self.own)).sum();
        let nearer: u32 = behind.iter().map(|&x| u32::from(x < self.own)).sum();
        as_near + nearer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_ordered_by_row() {
        let distances = [2.0, 1.0, f32::INFINITY, 1.0, 0.5, 2.0];
        assert_eq!(nearest(&distances, 5), [4, 1, 3, 0, 5]);
        assert_eq!(ranks(&distances, &[5, 0, 3, 1, 4], &[]), [5, 4, 3, 2, 1]);
        assert_eq!(ranks(&distances, &[5, 1], &nearest(&distances, 3)), [5, 2]);
    }
}
