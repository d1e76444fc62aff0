//! Principal component analysis.

use serde::{Deserialize, Serialize};

use super::Layout;
use crate::error::Result;
use crate::linalg::{Matrix, RowSource};
use crate::run::Run;
use crate::space::Space;

/// Options of a principal component analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pca {
    /// How many components, 1 to the dimension of the vectors; a map takes 2 or 3.
    pub dims: usize,
    /// How they are computed.
    pub solver: Solver,
    /// Randomised only: how many directions are carried along beyond `dims`. More: fewer passes, each dearer. 5–50.
    pub oversample: usize,
    /// Randomised only: the most passes over the data. It stops as soon as the components have converged, and
    /// says so where they have not.
    pub power_iterations: usize,
    /// Whether the mean is subtracted first. Without, the axes are those of the second moment about the origin.
    pub center: bool,
}

impl Default for Pca {
    fn default() -> Self {
        Pca { dims: 2, solver: Solver::Auto, oversample: 10, power_iterations: 100, center: true }
    }
}

/// How components are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Solver {
    /// Exact up to 1000 dimensions or 1000 items, else randomised.
    Auto,
    /// The eigenvectors of the covariance matrix, or of the Gram matrix where there are fewer items than dimensions.
    Exact,
    /// Randomised block Krylov iteration, to a stated residual.
    Randomised,
}

/// The principal components of a matrix.
#[derive(Debug, Clone)]
pub struct PcaFit {
    /// The position of each row along each component, `rows × dims`.
    pub coords: Matrix,
    /// The components (loadings) as rows of unit length, `dims × cols`; the largest absolute loading of each is positive.
    pub components: Matrix,
    /// The variance along each component (divisor n − 1), largest first.
    pub explained_variance: Vec<f64>,
    /// Its share of the total variance, in [0, 1].
    pub explained_variance_ratio: Vec<f64>,
    /// What was subtracted from each column: its mean, or zeros.
    pub mean: Vec<f64>,
    /// The solver that was used: never `Auto`.
    pub solver: Solver,
    /// How many passes over the data the components took.
    pub passes: usize,
    /// An upper estimate of the largest error of a component, as the sine of its angle to the true one; 0 where exact.
    pub error: f64,
}

impl Pca {
    /// The principal components of a matrix.
    pub fn fit(&self, _data: &dyn RowSource, _run: &Run) -> Result<PcaFit> {
        todo!()
    }

    /// Lays out the live items of a space. Under a cosine geometry each vector is scaled to unit length first, so
    /// that the map shows what the metric sees.
    pub fn layout(&self, _space: &Space, _field: &str, _run: &Run) -> Result<Layout> {
        todo!()
    }
}
