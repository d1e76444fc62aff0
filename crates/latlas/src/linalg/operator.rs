//! The leading singular vectors of a matrix that is known by its products alone: large, sparse, or never written down.
//!
//! The randomised subspace iteration of Halko, Martinsson & Tropp (SIAM Review 53, 2011, §4.4–4.5): a block X of
//! orthonormal columns is multiplied by AᵀA and made orthonormal again, until it spans the leading right singular
//! vectors. Different on purpose:
//!
//! * each step takes β times the block before off, X' = orth(AᵀA·X − β·P), with β = θ²/4 for the smallest value θ of the block: the
//!   Chebyshev recurrence in the form of De Sa, He, Mitliagkas, Ré & Xu (AISTATS 2018), which needs about the square root of the
//!   steps where the spectrum decays slowly, as it does for words;
//! * it stops when the residuals ‖AᵀA·x − θ·x‖ of the wanted vectors, relative to θ, are below a tolerance;
//! * blocks are orthonormalised through their Gram matrix, summed in f64. Its eigenvectors also turn the block
//!   towards the singular vectors, so that residuals can be measured column by column.
//!
//! Unlike [`randomized_svd`](super::randomized_svd) it keeps no basis beyond the block: three blocks of f32 are all the
//! memory, which matters where both sides of the matrix are long.

use faer::{Mat, MatRef};

use super::product::{project_onto, scatter};
use super::top_randomized::normal;
use super::{Matrix, RandomizedOptions, dense};
use crate::error::{Error, Result};
use crate::run::Run;

/// A matrix A of `rows × cols` that multiplies thin dense matrices.
pub trait Operator: Sync {
    /// The number of rows of A.
    fn rows(&self) -> usize;
    /// The number of columns of A.
    fn cols(&self) -> usize;
    /// A·X for X of `cols` rows: the same bytes at any thread count.
    fn times(&self, x: &Matrix, run: &Run) -> Result<Matrix>;
    /// Aᵀ·Y for Y of `rows` rows: the same bytes at any thread count.
    fn transposed_times(&self, y: &Matrix, run: &Run) -> Result<Matrix>;
}

/// Leading singular values and vectors: A ≈ U·diag(s)·Vᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorSvd {
    /// Left singular vectors as columns, `rows × rank`. Of a singular value of zero the column is zero.
    pub u: Matrix,
    /// Singular values, largest first.
    pub s: Vec<f64>,
    /// Right singular vectors as columns, `cols × rank`, each with its largest absolute number positive.
    pub v: Matrix,
    /// How often A or Aᵀ was multiplied by a block.
    pub passes: usize,
    /// The largest residual ‖AᵀA·v − s²·v‖/s² of the vectors at the last look.
    pub error: f64,
}

/// The name of the random stream: "opsvd".
const STREAM: u64 = 0x6f_7073_7664;

/// The `rank` leading singular values and vectors of A. Where they have not converged after the most passes, the best so far
/// come back, with `error` above the tolerance. Deterministic under the run's seed at any thread count.
pub fn operator_svd(
    a: &dyn Operator,
    rank: usize,
    options: &RandomizedOptions,
    run: &Run,
) -> Result<OperatorSvd> {
    let (rows, cols) = (a.rows(), a.cols());
    if rank == 0 || rank > rows.min(cols) {
        return Err(Error::usage(format!(
            "a matrix of {rows} × {cols} has no {rank} singular vectors"
        ))
        .help(format!("ask for 1 to {}", rows.min(cols))));
    }
    let width = rank.saturating_add(options.oversample).min(rows).min(cols);
    let mut block = orthonormal(&random(cols, width, run), run)?.0;
    let mut before: Option<Matrix> = None;
    let (mut passes, mut error) = (0, f64::INFINITY);
    // The last two passes are for the vectors themselves.
    while passes + 3 < options.most_passes {
        let mut image = a.transposed_times(&a.times(&block, run)?, run)?;
        passes += 2;
        let values = quotients(&block, &image);
        error = residual(&block, &image, &values, rank);
        if error <= options.tolerance {
            break;
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min).max(0.0);
        if let Some(before) = &before {
            let beta = (least * least / 4.0) as f32;
            for (x, &p) in image.as_mut_slice().iter_mut().zip(before.as_slice()) {
                *x -= beta * p;
            }
        }
        let (next, turn) = orthonormal(&image, run)?;
        // The block before goes through the same change of basis, so that the recurrence goes on.
        before = Some(turned(&block, turn.as_ref(), run)?);
        block = next;
    }
    let image = a.times(&block, run)?;
    finish(&block, &image, rank, run).map(|svd| OperatorSvd { passes: passes + 1, error, ..svd })
}

/// Rayleigh–Ritz on a block X and its image A·X.
fn finish(block: &Matrix, image: &Matrix, rank: usize, run: &Run) -> Result<OperatorSvd> {
    let (values, vectors) = eigen(image, run)?;
    let s: Vec<f64> = values.iter().take(rank).map(|value| value.max(0.0).sqrt()).collect();
    let mut v = turned(block, vectors.subcols(0, rank), run)?;
    let rounding = s.first().copied().unwrap_or(0.0) * 1e-6;
    let reciprocal = |j: usize| if s[j] > rounding { 1.0 / s[j] } else { 0.0 };
    let turn = Mat::from_fn(block.cols(), rank, |i, j| vectors[(i, j)] * reciprocal(j));
    let mut u = turned(image, turn.as_ref(), run)?;
    let signs = signs(&v);
    for matrix in [&mut u, &mut v] {
        for row in matrix.as_mut_slice().chunks_exact_mut(rank) {
            row.iter_mut().zip(&signs).for_each(|(x, sign)| *x *= sign);
        }
    }
    Ok(OperatorSvd { u, s, v, passes: 0, error: 0.0 })
}

fn random(rows: usize, cols: usize, run: &Run) -> Matrix {
    let mut random = run.stream(&[STREAM]);
    let mut matrix = Matrix::zeros(rows, cols);
    matrix.as_mut_slice().iter_mut().for_each(|x| *x = normal(&mut random) as f32);
    matrix
}

/// An orthonormal basis of the columns of a matrix T, ordered by their size, and the M with basis = T·M = T·E·diag(1/√λ),
/// λ and E being the eigenvalues and eigenvectors of TᵀT. Directions in which T has nothing but rounding come out as zero
/// columns: the rank of A is below the block's width.
fn orthonormal(t: &Matrix, run: &Run) -> Result<(Matrix, Mat<f64>)> {
    let (values, vectors) = eigen(t, run)?;
    let least = values.first().copied().unwrap_or(0.0) * 1e-13;
    let scale = |value: f64| if value > least { 1.0 / value.sqrt() } else { 0.0 };
    let turn = Mat::from_fn(t.cols(), t.cols(), |i, j| vectors[(i, j)] * scale(values[j]));
    Ok((turned(t, turn.as_ref(), run)?, turn))
}

/// Eigenvalues and eigenvectors of the Gram matrix of the columns.
fn eigen(t: &Matrix, run: &Run) -> Result<(Vec<f64>, Mat<f64>)> {
    let gram = scatter(t, &vec![0.0; t.cols()], run)?;
    dense::eigen(MatRef::from_row_major_slice(&gram, t.cols(), t.cols()))
}

/// T·M.
fn turned(t: &Matrix, turn: MatRef<'_, f64>, run: &Run) -> Result<Matrix> {
    project_onto(t, &vec![0.0; t.cols()], turn, run)
}

/// The Rayleigh quotients of the columns.
fn quotients(block: &Matrix, image: &Matrix) -> Vec<f64> {
    let mut sums = vec![0.0; block.cols()];
    for (block, image) in block.iter_rows().zip(image.iter_rows()) {
        for ((sum, &x), &z) in sums.iter_mut().zip(block).zip(image) {
            *sum += f64::from(x) * f64::from(z);
        }
    }
    sums
}

/// The largest of ‖z − θ·x‖/θ among the first `rank` columns; those of value zero have none.
fn residual(block: &Matrix, image: &Matrix, values: &[f64], rank: usize) -> f64 {
    let mut squares = vec![0.0; values.len()];
    for (block, image) in block.iter_rows().zip(image.iter_rows()) {
        for (((sum, &x), &z), &value) in squares.iter_mut().zip(block).zip(image).zip(values) {
            let off = f64::from(z) - value * f64::from(x);
            *sum += off * off;
        }
    }
    let largest = values.iter().copied().fold(0.0, f64::max);
    let errors = squares.iter().zip(values).take(rank);
    errors
        .filter(|(_, value)| **value > largest * 1e-9)
        .map(|(square, value)| square.sqrt() / value)
        .fold(0.0, f64::max)
}

/// The sign of the largest absolute number of each column.
fn signs(matrix: &Matrix) -> Vec<f32> {
    let mut largest = vec![0.0_f32; matrix.cols()];
    for row in matrix.iter_rows() {
        for (largest, &x) in largest.iter_mut().zip(row) {
            if x.abs() > largest.abs() {
                *largest = x;
            }
        }
    }
    largest.iter().map(|&x| if x < 0.0 { -1.0 } else { 1.0 }).collect()
}
