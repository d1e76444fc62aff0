//! k-means: n rows into k clusters, each row to the nearest of k centres.
//!
//! Minimised over centres c₁ … c_k and labels a is the inertia
//!
//! ```text
//! Σᵢ ‖xᵢ − c_a(i)‖²
//! ```
//!
//! by Lloyd's two steps in turn (Lloyd 1982): each row to its nearest centre; each centre to the mean of its rows. The
//! result is a local minimum, so first centres matter: they are drawn by greedy k-means++ (Arthur & Vassilvitskii
//! 2007, §2.2 with several candidates a draw, each row with probability ∝ D², its squared distance to the centres so
//! far). `restarts` of all this are tried and the best is kept.
//!
//! **Spherical** k-means (Dhillon & Modha 2001) is the same on rows and centres of length 1, where
//! ‖x − c‖² = 2 (1 − cos): clusters of directions. A zero row has no direction; it is equally far from all centres,
//! gets a label and moves none.
//!
//! How it is made fast:
//! - ‖x − c‖² = ‖x‖² + (‖c‖² − 2 x·c); the part in brackets ranks the centres, and is one product of the row, made
//!   one longer by a 1, with the centre (−2c, ‖c‖²). Rows by hundreds are multiplied with packed centres
//!   ([`kernels::dot_panels`](crate::kernels::dot_panels)).
//! - Bounds (Hamerly 2010): for each row an upper bound of the distance to its own centre and a lower bound to all
//!   others. Both follow the centres as they move, by the triangle inequality; while the first is below the second the
//!   row cannot change and is not looked at.
//! - Sums of clusters change by the rows that move.
//!
//! Where it differs, on purpose: rows are shifted by their mean and scaled to a mean square of 1 before anything is
//! multiplied, so that neither a common offset nor a large unit costs digits; a cluster that loses its last row is
//! given the row that lies farthest from its centre; k-means++ runs on a sample of at most 16 rows a cluster (16,384 at
//! least), since drawing each of thousands of centres by a pass over millions of rows would cost more than all the rest.
//!
//! The result is a function of data, options and seed: not of the number of threads.

mod lloyd;
mod seeding;
mod view;

use serde::{Deserialize, Serialize};

use super::blocks::Work;
use super::{Matrix, RowSource};
use crate::error::{Error, Result};
use crate::run::Run;
use view::View;

/// What is clustered into how many clusters, and how hard it is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeansOptions {
    /// The number of clusters, from 1 to the number of rows. Time grows with it.
    pub k: usize,
    /// Whether only directions count: clusters by cosine instead of Euclidean distance.
    pub spherical: bool,
    /// How often all of it is done from other first centres, the lowest inertia winning. More: a better minimum, in
    /// proportionally more time. 10 for a few hundred rows; 1 does for many.
    pub restarts: usize,
    /// The most iterations of a start. Most data settle in 10 to 50; what has not settled by then is near its minimum.
    pub max_iterations: usize,
    /// A start ends when its centres' squared moves sum to no more than this share of the mean variance of a column
    /// (0: when no row moves any more). Higher: fewer iterations, a slightly higher inertia.
    pub tolerance: f64,
}

impl Default for KMeansOptions {
    /// As in scikit-learn: 8 clusters, 300 iterations, tolerance 10⁻⁴, one start.
    fn default() -> Self {
        KMeansOptions { k: 8, spherical: false, restarts: 1, max_iterations: 300, tolerance: 1e-4 }
    }
}

/// Rows in clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    /// The centres, `k × cols`: means of the clusters' rows, of length 1 where `spherical`.
    pub centers: Matrix,
    /// The cluster of each row, in 0..k: the nearest centre, of equally near ones the first.
    pub labels: Vec<u32>,
    /// How many rows each cluster has; 0 where there are fewer different rows than clusters.
    pub sizes: Vec<usize>,
    /// Σ of squared distances of all rows to their centres (of rows scaled to length 1, where `spherical`).
    pub inertia: f64,
    /// How many iterations the best start took.
    pub iterations: usize,
    /// Whether the best start ended by `tolerance` rather than by `max_iterations`.
    pub converged: bool,
}

/// Clusters the rows of `source`. O(n·k·d) an iteration at worst, far less once most rows stay where they are;
/// memory of 12 bytes a row and of up to 16 sums of k × d numbers (128 MB at most, one set at least).
///
/// Errors: no rows or columns, fewer rows than `k`, numbers that are not finite (row named), options out of range.
pub fn kmeans(source: &dyn RowSource, options: &KMeansOptions, run: &Run) -> Result<KMeans> {
    let n = source.rows();
    if options.k == 0 || options.k > n || u32::try_from(options.k).is_err() {
        let rows = if n == 1 { "row" } else { "rows" };
        return Err(Error::usage(format!("{n} {rows} cannot make {} clusters", options.k))
            .help(format!("k may be 1 to {}", n.max(1))));
    }
    if options.restarts == 0
        || options.max_iterations == 0
        || options.tolerance.is_nan()
        || options.tolerance < 0.0
    {
        return Err(Error::usage(format!(
            "restarts {}, max_iterations {}, tolerance {}: out of range",
            options.restarts, options.max_iterations, options.tolerance
        ))
        .help("the first two are at least 1, the last is 0 or more"));
    }
    let view = View::new(source, options.spherical, run)?;
    let passes = (options.restarts as u64).saturating_mul(options.max_iterations as u64 + 2);
    let work = Work::new(run, "clustering", passes.saturating_mul(n as u64), "rows")?;
    let mut best: Option<KMeans> = None;
    for restart in 0..options.restarts as u64 {
        let mut random = run.stream(&[STREAM, restart]);
        let first = seeding::centers(&view, options.k, &mut random, &work)?;
        let found = lloyd::descend(&view, first, options, &work)?;
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            best = Some(found);
        }
    }
    best.ok_or_else(|| Error::usage("no start was made"))
}

/// The name of the random streams: "kmeans".
const STREAM: u64 = 0x006b_6d65_616e_7300;
