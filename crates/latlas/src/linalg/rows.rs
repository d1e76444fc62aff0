//! Rows that are read in blocks: what lets an algorithm stream over a matrix in memory, a mapped file of f16 or a
//! normalised view without copying the whole.

use std::ops::Range;

use super::Matrix;
use crate::kernels;

/// A matrix of f32 that is read a block of rows at a time, from several threads at once.
pub trait RowSource: Sync {
    /// The number of rows.
    fn rows(&self) -> usize;

    /// The number of columns.
    fn cols(&self) -> usize;

    /// The rows of a range, row after row, unpadded: in place where they lie so, else written to `scratch`.
    /// Panics if the range goes beyond `rows()`.
    fn block<'a>(&'a self, range: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32];

    /// Asks the machine to have a row in its cache soon, where it lies as `block` gives it; else nothing happens.
    fn prefetch(&self, _row: usize) {}

    /// What a message calls a row; counts from 1 unless the source knows better.
    fn row_name(&self, row: usize) -> String {
        format!("row {}", row + 1)
    }
}

impl RowSource for Matrix {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn cols(&self) -> usize {
        self.cols()
    }

    fn block<'a>(&'a self, range: Range<usize>, _: &'a mut Vec<f32>) -> &'a [f32] {
        &self.as_slice()[range.start * self.cols()..range.end * self.cols()]
    }

    fn prefetch(&self, row: usize) {
        kernels::prefetch(self.row(row));
    }
}
