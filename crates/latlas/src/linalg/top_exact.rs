//! The leading right singular vectors of a shifted matrix, exactly: by the eigenvectors of its d × d scatter matrix,
//! or of the n × n Gram matrix where that is the smaller one.
//!
//! Squaring the matrix halves the digits of small singular values; in f64 over f32 data that leaves every
//! component above 10⁻⁷ of the largest exact to f32.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use super::product::{scatter_lower, shifted};
use super::{Matrix, RowSource, dense};
use crate::error::{Error, Result};
use crate::run::Run;

/// The leading singular values and right singular vectors of a shifted matrix X − 1mᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct TopSvd {
    /// The singular values, largest first.
    pub s: Vec<f64>,
    /// The right singular vectors as rows of unit length, `rank × cols`; of each the largest absolute number (the
    /// first of them) is positive. The left ones are [`project`](super::project) of the matrix on these, over `s`.
    pub v: Matrix,
    /// Passes over the matrix.
    pub passes: usize,
    /// An estimate of the largest error of a vector, the sine of its angle to the true one where its eigenvalue lies
    /// at least 1 % from its neighbours; 0 for an exact decomposition.
    pub error: f64,
}

/// The largest side of a scatter or Gram matrix: half a gigabyte in f64.
const MOST_SIDE: usize = 8192;

/// The `rank` leading right singular vectors of X − 1mᵀ by a full eigendecomposition of the smaller of its two
/// squares. `rank` beyond the columns, or both sides above 8192, are errors of the caller.
pub fn exact_svd(source: &dyn RowSource, shift: &[f64], rank: usize, run: &Run) -> Result<TopSvd> {
    let (n, d) = (source.rows(), source.cols());
    check(source, shift, rank)?;
    if n.min(d) > MOST_SIDE {
        return Err(Error::usage(format!(
            "an exact decomposition of {n} × {d} numbers needs a side of at most {MOST_SIDE}"
        ))
        .help("use the randomised solver"));
    }
    let (values, vectors) =
        if n < d { by_gram(source, shift, rank)? } else { by_scatter(source, shift, run)? };
    let s = values.iter().take(rank).map(|value| value.max(0.0).sqrt()).collect();
    Ok(TopSvd { s, v: signed_rows(&vectors, rank), passes: 1, error: 0.0 })
}

/// What every solver asks of its input.
pub(super) fn check(source: &dyn RowSource, shift: &[f64], rank: usize) -> Result<()> {
    let (n, d) = (source.rows(), source.cols());
    if n == 0 || d == 0 {
        return Err(Error::data(format!("a matrix of {n} × {d} has no singular vectors")));
    }
    if shift.len() != d {
        return Err(Error::data(format!("a shift of {} numbers for rows of {d}", shift.len())));
    }
    if rank == 0 || rank > d {
        return Err(Error::usage(format!(
            "{rank} components asked of vectors with {d} dimensions"
        ))
        .help(format!("ask for 1 to {d}")));
    }
    Ok(())
}

fn by_scatter(source: &dyn RowSource, shift: &[f64], run: &Run) -> Result<(Vec<f64>, Mat<f64>)> {
    dense::eigen(scatter_lower(source, shift, run)?.as_ref())
}

/// The eigenvectors u of X·Xᵀ give v = Xᵀu / s; where s vanishes, unit vectors orthogonal to the others.
fn by_gram(source: &dyn RowSource, shift: &[f64], rank: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let (n, d) = (source.rows(), source.cols());
    let (mut scratch, mut wide) = (Vec::new(), Vec::new());
    let x = shifted(source.block(0..n, &mut scratch), shift, &mut wide, n);
    let mut gram = Mat::zeros(n, n);
    matmul(gram.as_mut(), Accum::Replace, x, x.transpose(), 1.0, Par::Seq);
    let (mut values, u) = dense::eigen(gram.as_ref())?;
    values.resize(n.max(rank), 0.0);
    let mut v = Mat::zeros(d, rank);
    let given = rank.min(n);
    matmul(
        v.as_mut().subcols_mut(0, given),
        Accum::Replace,
        x.transpose(),
        u.subcols(0, given),
        1.0,
        Par::Seq,
    );
    let floor = values[0].max(0.0) * 1e-14;
    let mut unit = 0;
    for j in 0..rank {
        if values[j] <= floor {
            values[j] = 0.0;
            v.col_mut(j).fill(0.0);
        }
        while !orthonormalise(&mut v, j) {
            v.col_mut(j).fill(0.0);
            v[(unit, j)] = 1.0;
            unit += 1;
        }
    }
    Ok((values, v))
}

/// Makes column j a unit vector orthogonal to the columns before it; false if nothing of it is left.
pub(super) fn orthonormalise(v: &mut Mat<f64>, j: usize) -> bool {
    let before = v.col(j).norm_l2();
    // Twice is enough (Kahan; Parlett, The Symmetric Eigenvalue Problem, §6.9).
    for _ in 0..2 {
        let (done, mut rest) = v.as_mut().split_at_col_mut(j);
        let overlap = done.as_ref().transpose() * rest.as_ref().col(0);
        let parallel = done.as_ref() * overlap;
        let mut column = rest.as_mut().col_mut(0);
        column -= parallel;
    }
    let norm = v.col(j).norm_l2();
    if norm.is_nan() || norm <= before * 1e-10 {
        return false;
    }
    for row in 0..v.nrows() {
        v[(row, j)] /= norm;
    }
    true
}

/// The first columns as rows, each with its largest absolute number positive.
pub(super) fn signed_rows(columns: &Mat<f64>, rank: usize) -> Matrix {
    let mut v = dense::narrow(columns.as_ref().subcols(0, rank).transpose());
    for j in 0..rank {
        let row = v.row_mut(j);
        let largest = row
            .iter()
            .fold(0.0, |largest: f32, &x| if x.abs() > largest.abs() { x } else { largest });
        if largest < 0.0 {
            for x in row {
                *x = -*x;
            }
        }
    }
    v
}
