//! Where points stand before the first step, for methods that move them from there.

use std::ops::Range;

use super::faithfulness::sample;
use crate::error::{Error, Result};
use crate::linalg::{
    Matrix, RandomizedOptions, RowSource, column_moments, exact_svd, project, randomized_svd,
};
use crate::run::Run;

/// Up to here an exact decomposition takes less time than reading the vectors again and again.
const EXACT_UP_TO: usize = 200;
/// Rows on which the directions of wider vectors are found: so many tell the leading ones well enough.
const SAMPLE: usize = 16_384;

/// Positions along the leading principal components, n × `dims`, to the accuracy that a beginning needs; axes that the
/// vectors do not have are zero. `None` where there are none: fewer than 3 points, or all of them equal. Numbers that
/// are not finite are errors.
pub(super) fn principal(
    vectors: &dyn RowSource,
    dims: usize,
    run: &Run<'_>,
) -> Result<Option<Matrix>> {
    let (n, d) = (vectors.rows(), vectors.cols());
    if n == 0 || d == 0 {
        return Ok(None);
    }
    let moments = column_moments(vectors, run)?;
    if n < 3 || moments.constant {
        return Ok(None);
    }
    let axes = dims.min(d);
    let top = if n.min(d) <= EXACT_UP_TO {
        exact_svd(vectors, &moments.mean, axes, run)?
    } else {
        let options = RandomizedOptions { oversample: 6, most_passes: 8, tolerance: 1e-2 };
        let some = Drawn { of: vectors, rows: sample(n, SAMPLE, run) };
        randomized_svd(&some, &moments.mean, axes, &options, run)?
    };
    let found = project(vectors, &moments.mean, &top.v, run)?;
    if axes == dims {
        return Ok(Some(found));
    }
    let mut padded = Matrix::zeros(n, dims);
    for i in 0..n {
        padded.row_mut(i)[..axes].copy_from_slice(found.row(i));
    }
    Ok(Some(padded))
}

/// Some of the rows.
struct Drawn<'a> {
    of: &'a dyn RowSource,
    rows: Vec<usize>,
}

impl RowSource for Drawn<'_> {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cols(&self) -> usize {
        self.of.cols()
    }

    fn block<'a>(&'a self, range: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        let mut one = Vec::new();
        scratch.clear();
        for &row in &self.rows[range] {
            scratch.extend_from_slice(self.of.block(row..row + 1, &mut one));
        }
        scratch
    }
}

/// Refuses a given start that is none: not a row for each point, not of 2 or 3 dimensions as asked, not finite.
pub(super) fn check_start(start: &Matrix, points: usize, dims: usize) -> Result<()> {
    if (start.rows(), start.cols()) != (points, dims) {
        return Err(Error::data(format!(
            "a start of {} × {} for {points} points in {dims} dimensions",
            start.rows(),
            start.cols()
        )));
    }
    match start.as_slice().iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Error::data(format!(
            "the start of point {}, component {}: not finite",
            at / dims + 1,
            at % dims + 1
        ))),
        None => Ok(()),
    }
}

/// The least and the greatest number of each column; both 0 where there is no row.
pub(super) fn extent(matrix: &Matrix) -> Vec<(f32, f32)> {
    let mut extent: Vec<(f32, f32)> = matrix.iter_rows().next().map_or_else(
        || vec![(0.0, 0.0); matrix.cols()],
        |row| row.iter().map(|&x| (x, x)).collect(),
    );
    for row in matrix.iter_rows() {
        for ((least, greatest), &x) in extent.iter_mut().zip(row) {
            (*least, *greatest) = (least.min(x), greatest.max(x));
        }
    }
    extent
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::Rng;

    #[test]
    fn axes_are_those_of_most_variance_and_missing_ones_are_zero() {
        let mut random = crate::run::stream(1, &[]);
        let mut wide = Matrix::zeros(400, 300);
        for i in 0..400 {
            for (j, x) in wide.row_mut(i).iter_mut().enumerate() {
                let noise = (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
                *x = if j == 7 { 60.0 * noise } else { noise };
            }
        }
        let run = Run::silent(1);
        let axes = principal(&wide, 2, &run).unwrap().unwrap();
        let along: f64 = axes
            .iter_rows()
            .zip(wide.iter_rows())
            .map(|(y, x)| f64::from(y[0]) * f64::from(x[7]))
            .sum();
        let (own, there) = (squares(&axes, 0), squares(&wide, 7));
        assert!(along.abs() / (own * there).sqrt() > 0.999);

        let line = Matrix::new(5, 1, vec![1.0, 2.0, 3.0, 4.0, 9.0]).unwrap();
        let axes = principal(&line, 3, &run).unwrap().unwrap();
        assert_eq!((axes.rows(), axes.cols()), (5, 3));
        assert!(axes.iter_rows().all(|y| y[1] == 0.0 && y[2] == 0.0));
        assert!(principal(&Matrix::zeros(5, 2), 2, &run).unwrap().is_none());
        assert!(principal(&Matrix::zeros(2, 2), 2, &run).unwrap().is_none());
    }

    fn squares(matrix: &Matrix, column: usize) -> f64 {
        let mean = matrix.iter_rows().map(|x| f64::from(x[column])).sum::<f64>() / 400.0;
        matrix.iter_rows().map(|x| (f64::from(x[column]) - mean).powi(2)).sum()
    }

    #[test]
    fn a_start_has_to_fit() {
        check_start(&Matrix::zeros(4, 2), 4, 2).unwrap();
        for (rows, cols) in [(3, 2), (4, 3)] {
            assert!(check_start(&Matrix::zeros(rows, cols), 4, 2).is_err());
        }
        let start = Matrix::new(2, 2, vec![0.0, 1.0, 2.0, f32::NAN]).unwrap();
        let error = check_start(&start, 2, 2).unwrap_err();
        assert_eq!(error.to_string(), "the start of point 2, component 2: not finite");
    }
}
