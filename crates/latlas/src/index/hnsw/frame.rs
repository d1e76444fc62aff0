//! The frame in which an index compares: every measure as Euclidean distance.
//!
//! | measure | a vector x | a query q |
//! |---|---|---|
//! | Euclidean | x | q |
//! | cosine | (x/‖x‖, 0), a zero vector (0, 1) | (q/‖q‖, 0) |
//! | dot | (x, √(M² − ‖x‖²))/M, M the longest norm | (q/‖q‖, 0) |
//!
//! Then ‖·‖ orders as the measure does: ½‖q − x‖² is 1 − cos (1 for zero vectors), and 1 − q·x/M for the dot product
//! (Bachrach et al., Speeding up the Xbox recommender system using a Euclidean transformation for inner-product spaces,
//! RecSys 2014). Last, the mean of all vectors is moved to the origin, and their mean square made 1.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::geometry::Measure;
use crate::linalg::{RowSource, column_moments};
use crate::run::Run;

/// How vectors and queries come into the frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) measure: Measure,
    /// Components of a vector.
    pub(super) dim: usize,
    /// Whether there is one more in the frame.
    pub(super) extra: bool,
    /// M.
    longest: f64,
    /// What the mean square is divided by.
    scale: f64,
    /// The mean, one number a component of the frame.
    #[serde(skip)]
    pub(super) mean: Vec<f32>,
}

impl Frame {
    /// The frame of these vectors, which are read twice.
    pub(super) fn new(source: &dyn RowSource, measure: Measure, run: &Run) -> Result<Self> {
        let mut frame = Frame {
            measure,
            dim: source.cols(),
            extra: false,
            longest: 1.0,
            scale: 1.0,
            mean: Vec::new(),
        };
        if measure != Measure::Euclidean {
            let (mut longest, mut zero, mut scratch) = (0.0_f64, false, Vec::new());
            for start in (0..source.rows()).step_by(BLOCK) {
                let range = start..source.rows().min(start + BLOCK);
                for row in source.block(range, &mut scratch).chunks_exact(frame.dim.max(1)) {
                    let norm = squares(row).sqrt();
                    longest = longest.max(norm);
                    zero |= norm == 0.0;
                }
            }
            frame.longest = if longest > 0.0 { longest } else { 1.0 };
            frame.extra = zero || measure == Measure::Dot;
        }
        let moments = column_moments(&Framed { source, rows: None, frame: &frame }, run)?;
        let spread = (moments.squares / source.rows() as f64).sqrt();
        let mean = moments.mean.iter().map(|&m| m as f32).collect();
        let scale = if spread.is_finite() && spread > 0.0 { 1.0 / spread } else { 1.0 };
        Ok(Frame { scale, mean, ..frame })
    }

    /// ½d² in the frame, of a distance as the graph of neighbours has it (see [`layers`](super::layers)).
    pub(super) fn half_squared(&self, distance: f64) -> f64 {
        let half = match self.measure {
            Measure::Cosine => distance,
            _ => 0.5 * distance * distance,
        };
        // Distances of the dot product's frame are in it already.
        if self.measure == Measure::Dot { half } else { half * self.scale * self.scale }
    }

    /// Components in the frame.
    pub(super) fn cols(&self) -> usize {
        self.dim + usize::from(self.extra)
    }

    /// Writes a vector as it stands in the frame.
    pub(super) fn place(&self, row: &[f32], out: &mut [f32]) {
        let (own, rest) = out.split_at_mut(self.dim);
        match self.measure {
            Measure::Euclidean => own.copy_from_slice(row),
            Measure::Cosine => {
                let norm = squares(row).sqrt();
                let by = if norm > 0.0 { 1.0 / norm } else { 0.0 };
                scaled(row, by, own);
                rest.fill(if norm > 0.0 { 0.0 } else { 1.0 });
            }
            Measure::Dot => {
                scaled(row, 1.0 / self.longest, own);
                let left = 1.0 - squares(row) / (self.longest * self.longest);
                rest.fill(left.max(0.0).sqrt() as f32);
            }
        }
        self.centre(out);
    }

    /// Writes a query as it stands in the frame; `false` if all vectors are equally far from it.
    pub(super) fn ask(&self, point: &[f32], out: &mut [f32]) -> bool {
        let (own, rest) = out.split_at_mut(self.dim);
        let mut placed = true;
        if self.measure == Measure::Euclidean {
            own.copy_from_slice(point);
        } else {
            let norm = squares(point).sqrt();
            placed = norm > 0.0;
            scaled(point, if placed { 1.0 / norm } else { 0.0 }, own);
            rest.fill(0.0);
        }
        self.centre(out);
        placed
    }

    fn centre(&self, out: &mut [f32]) {
        if !self.mean.is_empty() {
            for (x, mean) in out.iter_mut().zip(&self.mean) {
                *x = ((f64::from(*x) - f64::from(*mean)) * self.scale) as f32;
            }
        }
    }
}

/// Rows that are read together.
pub(super) const BLOCK: usize = 256;

fn scaled(row: &[f32], by: f64, out: &mut [f32]) {
    for (out, &x) in out.iter_mut().zip(row) {
        *out = (f64::from(x) * by) as f32;
    }
}

/// Σ x² in f64, in eight interleaved sums.
fn squares(x: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    let (whole, rest) = x.as_chunks::<8>();
    for x in whole {
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()
}

/// Vectors as they stand in a frame: all of them, or some.
pub(super) struct Framed<'a> {
    pub(super) source: &'a dyn RowSource,
    /// Which ones, in which order.
    pub(super) rows: Option<&'a [u32]>,
    pub(super) frame: &'a Frame,
}

impl RowSource for Framed<'_> {
    fn rows(&self) -> usize {
        self.rows.map_or(self.source.rows(), <[u32]>::len)
    }

    fn cols(&self) -> usize {
        self.frame.cols()
    }

    fn block<'a>(&'a self, range: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        let (dim, cols) = (self.frame.dim, self.cols());
        scratch.resize(range.len() * cols, 0.0);
        let mut read = Vec::new();
        match self.rows {
            None => {
                let rows = self.source.block(range, &mut read).chunks_exact(dim.max(1));
                for (row, out) in rows.zip(scratch.chunks_exact_mut(cols.max(1))) {
                    self.frame.place(row, out);
                }
            }
            Some(rows) => {
                for (&row, out) in rows[range].iter().zip(scratch.chunks_exact_mut(cols.max(1))) {
                    let row = row as usize;
                    self.frame.place(self.source.block(row..row + 1, &mut read), out);
                }
            }
        }
        scratch
    }

    fn row_name(&self, row: usize) -> String {
        self.source.row_name(self.rows.map_or(row, |rows| rows[row] as usize))
    }
}

/// Some of the vectors, as they are.
pub(super) struct Chosen<'a> {
    pub(super) source: &'a dyn RowSource,
    pub(super) rows: &'a [u32],
}

impl RowSource for Chosen<'_> {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cols(&self) -> usize {
        self.source.cols()
    }

    fn block<'a>(&'a self, range: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        let at = |row: u32| row as usize..row as usize + 1;
        if let &[row] = &self.rows[range.clone()] {
            return self.source.block(at(row), scratch);
        }
        let mut read = Vec::new();
        scratch.clear();
        for &row in &self.rows[range] {
            scratch.extend_from_slice(self.source.block(at(row), &mut read));
        }
        scratch
    }

    fn prefetch(&self, row: usize) {
        self.source.prefetch(self.rows[row] as usize);
    }

    fn row_name(&self, row: usize) -> String {
        self.source.row_name(self.rows[row] as usize)
    }
}
