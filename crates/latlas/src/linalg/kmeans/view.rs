//! The rows as they are clustered: shifted and scaled, or of length 1.

use std::ops::Range;

use crate::error::Result;
use crate::linalg::{RowSource, column_moments};
use crate::run::Run;

/// Rows x′ = (x − m)·s with mean square 1 (so that no f32 product is out of range), or x/‖x‖.
pub(super) struct View<'a> {
    source: &'a dyn RowSource,
    shift: Vec<f64>,
    scale: f64,
    unit: bool,
}

impl<'a> View<'a> {
    /// Reads all rows once. Errors as [`column_moments`].
    pub(super) fn new(source: &'a dyn RowSource, unit: bool, run: &Run) -> Result<Self> {
        let moments = column_moments(source, run)?;
        if unit {
            return Ok(View { source, shift: vec![0.0; source.cols()], scale: 1.0, unit });
        }
        let spread = (moments.squares / source.rows() as f64).sqrt();
        let scale = if spread > 0.0 { 1.0 / spread } else { 1.0 };
        Ok(View { source, shift: moments.mean, scale, unit })
    }

    pub(super) fn rows(&self) -> usize {
        self.source.rows()
    }

    pub(super) fn cols(&self) -> usize {
        self.source.cols()
    }

    pub(super) fn is_unit(&self) -> bool {
        self.unit
    }

    /// Appends rows of a range to `out`, `cols` numbers each.
    pub(super) fn append(&self, range: Range<usize>, scratch: &mut Vec<f32>, out: &mut Vec<f32>) {
        let rows = self.source.block(range, scratch);
        out.reserve(rows.len());
        for row in rows.chunks_exact(self.cols()) {
            if self.unit {
                let norm = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
                let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
                out.extend(row.iter().map(|&x| (f64::from(x) * scale) as f32));
            } else {
                let shifted = row.iter().zip(&self.shift);
                out.extend(shifted.map(|(&x, shift)| ((f64::from(x) - shift) * self.scale) as f32));
            }
        }
    }

    /// A point of the view in the source's coordinates.
    pub(super) fn back(&self, point: &[f32], out: &mut [f32]) {
        for ((out, &x), shift) in out.iter_mut().zip(point).zip(&self.shift) {
            *out = (f64::from(x) / self.scale + shift) as f32;
        }
    }

    /// A sum of squared distances of the view in the source's units.
    pub(super) fn squares_back(&self, squares: f64) -> f64 {
        squares / (self.scale * self.scale)
    }
}
