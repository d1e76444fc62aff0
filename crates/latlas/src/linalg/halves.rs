//! A dense row-major matrix of 16-bit floats: vectors on their way to a space that stores them so.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::Matrix;
use crate::error::{Error, Result};

/// `rows` × `cols` numbers, row after row, unpadded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Halves {
    rows: usize,
    cols: usize,
    data: Vec<f16>,
}

impl Halves {
    /// A matrix over `data`, which must hold `rows * cols` numbers.
    pub fn new(rows: usize, cols: usize, data: Vec<f16>) -> Result<Self> {
        if rows.checked_mul(cols) != Some(data.len()) {
            return Err(Error::data(format!(
                "a matrix of {rows} × {cols} cannot hold {} numbers",
                data.len()
            )));
        }
        Ok(Halves { rows, cols, data })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns: the dimension of each row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All numbers, row after row.
    pub fn as_slice(&self) -> &[f16] {
        &self.data
    }

    /// The numbers.
    pub fn into_vec(self) -> Vec<f16> {
        self.data
    }

    /// The same numbers, twice as wide.
    pub fn widened(&self) -> Result<Matrix> {
        let mut wide = vec![0.0; self.data.len()];
        self.data.convert_to_f32_slice(&mut wide);
        Matrix::new(self.rows, self.cols, wide)
    }

    /// Those rows that are to be kept, in place.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut kept = 0;
        for row in (0..self.rows.min(keep.len())).filter(|&row| keep[row]) {
            self.data.copy_within(row * self.cols..(row + 1) * self.cols, kept * self.cols);
            kept += 1;
        }
        self.data.truncate(kept * self.cols);
        self.rows = kept;
    }
}
