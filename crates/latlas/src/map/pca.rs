//! Principal component analysis (Pearson 1901; Hotelling 1933).
//!
//! The rows x₁ … xₙ with mean m are projected on the k unit vectors v along which Σᵢ ((xᵢ − m)·v)² is largest, each
//! orthogonal to the ones before: the leading right singular vectors of X − 1mᵀ. With singular values s the variance
//! along v is s² / (n − 1). `docs/pca.md` says which solver is used when.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{FieldRows, Placement};
use crate::error::{Error, Result};
use crate::linalg::{
    Matrix, RandomizedOptions, RowSource, column_moments, exact_svd, project, randomized_svd,
};
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
#[derive(Debug, Clone, PartialEq)]
pub struct PcaFit {
    /// The position of each row along each component, `rows × dims`.
    pub coords: Matrix,
    /// The components (loadings) as rows of unit length, `dims × cols`; the largest absolute loading of each is positive.
    pub components: Matrix,
    /// The variance along each component (divisor n − 1), largest first.
    pub explained_variance: Vec<f64>,
    /// Its share of the total variance, in [0, 1].
    pub explained_variance_ratio: Vec<f64>,
    /// The scree: that share of more components, at least those asked for. The exact solver knows up to 20 at no cost.
    pub scree: Vec<f64>,
    /// What was subtracted from each column: its mean, or zeros.
    pub mean: Vec<f64>,
    /// The solver that was used: never `Auto`.
    pub solver: Solver,
    /// How many passes over the data the components took.
    pub passes: usize,
    /// An estimate of the largest error of a component, as the sine of its angle to the true one; 0 where exact.
    pub error: f64,
}

/// Up to this many dimensions (or items) a full eigendecomposition costs less than the passes it saves.
const EXACT_UP_TO: usize = 1000;
/// So many shares of the variance are told where they cost nothing.
const SCREE: usize = 20;
/// Loadings are stored with a map up to so many numbers, and the mean beside them: they place new items.
const MOST_LOADINGS: usize = 20_000;
/// A component further than this from the true one is warned about.
const CONVERGED: f64 = 1e-4;
/// A share of the variance below this is rounding.
const NOTHING: f64 = 1e-12;

impl Pca {
    /// The principal components of a matrix of at least 3 rows that are not all equal.
    pub fn fit(&self, data: &dyn RowSource, run: &Run) -> Result<PcaFit> {
        self.fit_rows(data, "are equal", run)
    }

    /// `constant` is what is wrong with vectors that are all the same.
    fn fit_rows(&self, data: &dyn RowSource, constant: &str, run: &Run) -> Result<PcaFit> {
        let (n, d) = (data.rows(), data.cols());
        if n < 3 {
            return Err(Error::data(format!(
                "a map needs at least 3 items, here {} {n}",
                if n == 1 { "is" } else { "are" }
            )));
        }
        if self.dims == 0 || self.dims > d {
            return Err(Error::usage(format!(
                "{} dimensions asked of vectors with {d}",
                self.dims
            ))
            .help(format!("ask for 1 to {d}")));
        }
        let moments = column_moments(data, run)?;
        if moments.constant {
            return Err(Error::data(format!(
                "all {n} vectors {constant}: there is nothing to lay out"
            ))
            .help("check that the right field or columns were read"));
        }
        let (mean, total) = if self.center {
            (moments.mean, moments.squares)
        } else {
            let offset: f64 = moments.mean.iter().map(|m| m * m).sum();
            (vec![0.0; d], moments.squares + n as f64 * offset)
        };
        let solver = match self.solver {
            Solver::Auto if n.min(d) <= EXACT_UP_TO => Solver::Exact,
            Solver::Auto => Solver::Randomised,
            chosen => chosen,
        };
        let top = if solver == Solver::Exact {
            exact_svd(data, &mean, self.dims.max(SCREE.min(d)), run)?
        } else {
            let (oversample, most_passes) = (self.oversample, self.power_iterations);
            let options =
                RandomizedOptions { oversample, most_passes, ..RandomizedOptions::default() };
            randomized_svd(data, &mean, self.dims, &options, run)?
        };
        let squares: Vec<f64> = top.s.iter().map(|s| s * s).collect();
        let scree: Vec<f64> = squares.iter().map(|s| (s / total).clamp(0.0, 1.0)).collect();
        let mut components = top.v.into_vec();
        components.truncate(self.dims * d);
        let components = Matrix::new(self.dims, d, components)?;
        let variance = squares[..self.dims].iter().map(|s| s / (n as f64 - 1.0));
        let fit = PcaFit {
            coords: project(data, &mean, &components, run)?,
            components,
            explained_variance: variance.collect(),
            explained_variance_ratio: scree[..self.dims].to_vec(),
            scree,
            mean,
            solver,
            passes: top.passes,
            error: top.error,
        };
        fit.warn(run);
        Ok(fit)
    }

    /// Lays out the live items of a space. Under a cosine geometry each vector is scaled to unit length first, so
    /// that the map shows what the metric sees; `params` says so.
    pub fn layout(&self, space: &Space, field: &str, run: &Run) -> Result<Placement> {
        let data = FieldRows::live(space, field)?.as_measured();
        let constant = if data.is_unit() { "point the same way" } else { "are equal" };
        let fit = self.fit_rows(&data, constant, run)?;
        let mut params = match serde_json::to_value(self) {
            Ok(Value::Object(params)) => params,
            _ => Map::new(),
        };
        params.insert("unit_length".to_owned(), json!(data.is_unit()));
        let mut figures = Map::new();
        figures.insert("explained_variance".to_owned(), json!(fit.explained_variance));
        figures.insert("explained_variance_ratio".to_owned(), json!(fit.explained_variance_ratio));
        figures.insert("scree".to_owned(), json!(fit.scree));
        if fit.components.as_slice().len() <= MOST_LOADINGS {
            let loadings: Vec<&[f32]> = fit.components.iter_rows().collect();
            figures.insert("loadings".to_owned(), json!(loadings));
            figures.insert("mean".to_owned(), json!(fit.mean));
        }
        figures.insert("solver".to_owned(), json!(fit.solver));
        if fit.solver == Solver::Randomised {
            figures.insert("passes".to_owned(), json!(fit.passes));
            figures.insert("component_error".to_owned(), json!(fit.error));
        }
        Ok(Placement {
            method: "pca",
            field: field.to_owned(),
            rows: data.into_rows(),
            coords: fit.coords,
            explained: fit.explained_variance_ratio,
            params,
            figures,
        })
    }
}

impl PcaFit {
    /// Tells what a reader of the map should know.
    fn warn(&self, run: &Run) {
        if self.error > CONVERGED {
            run.progress.warn(&format!(
                "the components have not converged after {} passes: they may be off by {:.1e}; raise power_iterations or oversample",
                self.passes, self.error
            ));
        }
        let flat = self.explained_variance_ratio.iter().position(|&share| share < NOTHING);
        if let Some(axis) = flat {
            run.progress.warn(&format!(
                "the vectors vary along {axis} direction{} only: what lies beyond on the map is rounding",
                if axis == 1 { "" } else { "s" }
            ));
        }
    }
}
