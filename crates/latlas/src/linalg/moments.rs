//! Means and spread of the columns of a matrix, in one pass.

use super::RowSource;
use super::blocks::{Work, fold};
use crate::error::{Error, Result};
use crate::run::Run;

/// First and second moments of the rows of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The mean of each column.
    pub mean: Vec<f64>,
    /// Σᵢ ‖xᵢ − mean‖², the n-fold total variance.
    pub squares: f64,
    /// Whether all rows are equal to within the rounding of f32: no row differs from the first by more than
    /// 3·10⁻⁷ of its length.
    pub constant: bool,
}

/// The moments of `source`. No rows, no columns, a NaN or an infinity are errors that name the place.
///
/// Sums run over differences from the first row, so that a large common offset costs no digits.
pub fn column_moments(source: &dyn RowSource, run: &Run) -> Result<Moments> {
    let (rows, cols) = (source.rows(), source.cols());
    if rows == 0 || cols == 0 {
        return Err(Error::data(format!("a matrix of {rows} × {cols} has no mean")));
    }
    let mut scratch = Vec::new();
    let first: Vec<f64> = source.block(0..1, &mut scratch).iter().map(|&x| f64::from(x)).collect();
    let near = 1e-13 * first.iter().map(|x| x * x).sum::<f64>();
    let work = Work::new(run, "averaging", rows as u64, "rows")?;
    let start = || (vec![0.0; cols], vec![0.0; cols], true);
    let lanes = fold(source, cols * 16, &work, start, |(sums, squares, constant), _, block| {
        for row in block.chunks_exact(cols) {
            let mut distance = 0.0;
            for (((sum, square), &x), first) in
                sums.iter_mut().zip(squares.iter_mut()).zip(row).zip(&first)
            {
                let x = f64::from(x) - first;
                *sum += x;
                *square += x * x;
                if *constant {
                    distance += x * x;
                }
            }
            *constant = *constant && distance <= near;
        }
    })?;
    let (mut sums, mut squares, mut constant) = start();
    for (lane_sums, lane_squares, lane_constant) in lanes {
        sums.iter_mut().zip(lane_sums).for_each(|(sum, lane)| *sum += lane);
        squares.iter_mut().zip(lane_squares).for_each(|(square, lane)| *square += lane);
        constant &= lane_constant;
    }
    if sums.iter().any(|sum| !sum.is_finite()) {
        return Err(not_finite(source));
    }
    let n = rows as f64;
    let about_mean =
        squares.iter().zip(&sums).map(|(square, sum)| (square - sum * sum / n).max(0.0)).sum();
    let mean = sums.iter().zip(&first).map(|(sum, first)| first + sum / n).collect();
    Ok(Moments { mean, squares: if constant { 0.0 } else { about_mean }, constant })
}

/// The error that names the first number that is not finite.
fn not_finite(source: &dyn RowSource) -> Error {
    let mut scratch = Vec::new();
    for row in 0..source.rows() {
        let numbers = source.block(row..row + 1, &mut scratch);
        if let Some(col) = numbers.iter().position(|x| !x.is_finite()) {
            let what = if numbers[col].is_nan() { "not a number" } else { "an infinity" };
            return Error::data(format!("{}, component {}: {what}", source.row_name(row), col + 1));
        }
    }
    Error::data("the matrix holds a number that is not finite")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Matrix;

    #[test]
    fn a_large_offset_costs_no_digits() {
        let rows = 10_000;
        let data = (0..rows).flat_map(|i| [1e6 + (i % 2) as f32, 3.0]).collect();
        let moments =
            column_moments(&Matrix::new(rows, 2, data).unwrap(), &Run::silent(1)).unwrap();
        assert_eq!(moments.mean, [1_000_000.5, 3.0]);
        assert_eq!(moments.squares, rows as f64 / 4.0);
        assert!(!moments.constant);
    }

    #[test]
    fn bad_numbers_are_named() {
        let mut matrix = Matrix::zeros(5000, 3);
        matrix.row_mut(4321)[2] = f32::NAN;
        let error = column_moments(&matrix, &Run::silent(1)).unwrap_err();
        assert_eq!(error.to_string(), "row 4322, component 3: not a number");
        assert!(column_moments(&Matrix::zeros(0, 3), &Run::silent(1)).is_err());
    }

    #[test]
    fn rows_that_differ_by_rounding_are_constant() {
        let same = Matrix::new(3, 2, vec![1.0, 2.0, 1.0 + f32::EPSILON, 2.0, 1.0, 2.0]).unwrap();
        assert!(column_moments(&same, &Run::silent(1)).unwrap().constant);
        let other = Matrix::new(3, 2, vec![1.0, 2.0, 1.00001, 2.0, 1.0, 2.0]).unwrap();
        assert!(!column_moments(&other, &Run::silent(1)).unwrap().constant);
    }
}
