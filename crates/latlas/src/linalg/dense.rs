//! Exact decompositions of matrices that fit in memory several times over.

use faer::{Mat, MatRef, Side};

use super::Matrix;
use crate::error::{Error, Result};

/// A singular value decomposition A = U·diag(s)·Vᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// The left singular vectors as columns, `rows × min(rows, cols)`.
    pub u: Matrix,
    /// The singular values, largest first.
    pub s: Vec<f64>,
    /// The right singular vectors as columns, `cols × min(rows, cols)`.
    pub v: Matrix,
}

/// The thin QR decomposition of a matrix: Q with orthonormal columns (`rows × min(rows, cols)`) and R upper
/// triangular with A = Q·R (Householder). Empty matrices and numbers that are not finite are errors.
pub fn thin_qr(a: &Matrix) -> Result<(Matrix, Matrix)> {
    let qr = widen(a)?.qr();
    Ok((narrow(qr.compute_thin_Q().as_ref()), narrow(qr.thin_R())))
}

/// The eigenvalues of a symmetric matrix, largest first, and its unit eigenvectors as columns in that order. Only
/// the lower triangle is read.
pub fn symmetric_eigen(a: &Matrix) -> Result<(Vec<f64>, Matrix)> {
    if a.rows() != a.cols() {
        return Err(Error::data(format!(
            "a matrix of {} × {} has no eigenvectors",
            a.rows(),
            a.cols()
        )));
    }
    let (values, vectors) = eigen(widen(a)?.as_ref())?;
    Ok((values, narrow(vectors.as_ref())))
}

/// The singular value decomposition of a matrix, all of it.
pub fn svd(a: &Matrix) -> Result<Svd> {
    let svd = widen(a)?.thin_svd().map_err(|_| no_convergence(a.rows(), a.cols()))?;
    let s = svd.S().column_vector().iter().copied().collect();
    Ok(Svd { u: narrow(svd.U()), s, v: narrow(svd.V()) })
}

/// Eigenvalues, largest first, and eigenvectors of a symmetric f64 matrix, of which the lower triangle is read.
pub(super) fn eigen(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let eigen =
        a.self_adjoint_eigen(Side::Lower).map_err(|_| no_convergence(a.nrows(), a.ncols()))?;
    let values: Vec<f64> = eigen.S().column_vector().iter().rev().copied().collect();
    let (n, u) = (a.nrows(), eigen.U());
    Ok((values, Mat::from_fn(n, n, |i, j| u[(i, n - 1 - j)])))
}

pub(super) fn no_convergence(rows: usize, cols: usize) -> Error {
    Error::data(format!("the decomposition of a matrix of {rows} × {cols} did not converge"))
        .help("look for extreme values among its numbers")
}

fn widen(a: &Matrix) -> Result<Mat<f64>> {
    if a.rows() == 0 || a.cols() == 0 {
        return Err(Error::data(format!(
            "a matrix of {} × {} has no decomposition",
            a.rows(),
            a.cols()
        )));
    }
    if let Some(at) = a.as_slice().iter().position(|x| !x.is_finite()) {
        return Err(Error::data(format!(
            "row {}, column {}: not finite",
            at / a.cols() + 1,
            at % a.cols() + 1
        )));
    }
    Ok(Mat::from_fn(a.rows(), a.cols(), |i, j| f64::from(a.row(i)[j])))
}

/// As a row-major f32 matrix.
pub(super) fn narrow(a: MatRef<'_, f64>) -> Matrix {
    let mut out = Matrix::zeros(a.nrows(), a.ncols());
    for i in 0..a.nrows() {
        for (j, out) in out.row_mut(i).iter_mut().enumerate() {
            *out = a[(i, j)] as f32;
        }
    }
    out
}
