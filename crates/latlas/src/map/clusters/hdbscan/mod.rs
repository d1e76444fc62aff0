//! HDBSCAN: dense regions of any shape, and the points that belong to none (Campello, Moulavi & Sander, PAKDD 2013;
//! McInnes & Healy, ICDMW 2017).
//!
//! With core(i) the distance of i to its `min_samples`-th nearest other point, points are told apart by their mutual
//! reachability
//!
//! ```text
//! d*(i, j) = max(core(i), core(j), d(i, j))
//! ```
//!
//! which pushes what is sparse away from everything. Its minimum spanning tree (`spanning.rs`) gives the components of
//! {d* ≤ h} for every h at once: a tree of merges (`merges.rs`). Read from the top, with density λ = 1/h, a component that
//! falls into two or more parts of `min_cluster_size` points splits into new clusters; one that loses less has shrunk
//! (`condensed.rs`). Chosen are the disjoint clusters of largest total excess of mass
//!
//! ```text
//! S(C) = Σ_{i ∈ C} (λᵢ − λ_birth(C)),   λᵢ the density at which i leaves C
//! ```
//!
//! or the leaves of that tree. A point's strength is λᵢ / λ_death(C), 1 for those there till the end.
//!
//! Where it differs, on purpose: merges of exactly equal height happen at once, so that the result does not depend on which
//! of several spanning trees was found (the usual binary tree orders them at will); a height of 0 (duplicates) counts as
//! half of the least other height, so that densities stay finite; where a single cluster of everything is allowed and
//! wins, all points belong to it, each with its strength.

mod condensed;
mod merges;
mod spanning;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{Cluster, Clusters, NONE};
use crate::error::{Error, Result};
use crate::map::layout::Points;
use crate::run::Run;
use condensed::Condensed;
use merges::Merges;

/// Options of HDBSCAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hdbscan {
    /// The fewest points that make a cluster, at least 2. Larger: fewer and larger clusters. `None`: half the square root
    /// of the number of points, 5 at least.
    pub min_cluster_size: Option<usize>,
    /// Which neighbour tells how dense it is about a point, at least 1. Larger: smoother densities, more points in none.
    /// `None`: as `min_cluster_size`, 10 at most.
    pub min_samples: Option<usize>,
    /// Which clusters of the tree are taken.
    pub selection: Selection,
    /// Whether all points may be one cluster. Without, there are at least two or none.
    pub allow_single_cluster: bool,
    /// Up to so many points the spanning tree is exact, in time that grows with their square; beyond, it runs along the
    /// graph of neighbours.
    pub exact_up_to: usize,
}

/// Which clusters of the condensed tree are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Selection {
    /// Those of largest excess of mass: clusters that last.
    Eom,
    /// The leaves: as many and as small as there are.
    Leaf,
}

impl Default for Hdbscan {
    fn default() -> Self {
        Hdbscan {
            min_cluster_size: None,
            min_samples: None,
            selection: Selection::Eom,
            allow_single_cluster: false,
            exact_up_to: 20_000,
        }
    }
}

/// How many neighbours the spanning tree may run along beyond `exact_up_to`.
const ALONG: usize = 30;

impl Hdbscan {
    /// The sizes in force for so many points.
    fn sizes(&self, points: usize) -> (usize, usize) {
        let auto = || ((points as f64).sqrt() / 2.0).round().max(5.0) as usize;
        let cluster = self.min_cluster_size.unwrap_or_else(auto);
        (cluster, self.min_samples.unwrap_or_else(|| cluster.min(10)))
    }
}

impl Cluster for Hdbscan {
    fn method(&self) -> &'static str {
        "hdbscan"
    }

    fn neighbours(&self, points: usize) -> usize {
        let (_, samples) = self.sizes(points);
        if points > self.exact_up_to { samples.max(ALONG) } else { samples }
    }

    fn cluster(&self, points: Points<'_>, run: &Run) -> Result<Clusters> {
        let n = points.vectors.rows();
        let (least, samples) = self.sizes(n);
        if least < 2 || samples == 0 {
            return Err(Error::usage(format!(
                "min_cluster_size {least}, min_samples {samples}: out of range"
            ))
            .help("the first is at least 2, the second at least 1"));
        }
        let mut figures = Map::new();
        figures.insert("min_cluster_size".to_owned(), json!(least));
        figures.insert("min_samples".to_owned(), json!(samples));
        if n < least {
            run.progress.warn(&format!(
                "a cluster has {least} points or more, here {}: none was looked for",
                if n == 1 { "is 1".to_owned() } else { format!("are {n}") }
            ));
            return Ok(Clusters::new(self.method(), &vec![NONE; n], vec![0.0; n], figures));
        }
        // n ≥ least ≥ 2, so there is a neighbour.
        let samples = samples.min(n - 1);
        let graph = points.graph;
        if graph.len() != n || graph.k() < samples {
            return Err(Error::usage(format!(
                "a graph of {} neighbours of {} points, where {samples} of {n} are asked for",
                graph.k(),
                graph.len()
            )));
        }
        let core: Vec<f32> = (0..n).map(|i| graph.distances(i)[samples - 1]).collect();
        let tree = if n <= self.exact_up_to {
            spanning::exact(points, &core, run)?
        } else {
            spanning::along(points, &core, run)?
        };
        let condensed = Condensed::new(&Merges::new(n, tree), least);
        let chosen = condensed.choose(self.selection, self.allow_single_cluster);
        let (labels, strength) = condensed.labels(&chosen);
        figures.insert("exact".to_owned(), json!(n <= self.exact_up_to));
        Ok(Clusters::new(self.method(), &labels, strength, figures))
    }

    fn thinned(&self, points: usize, share: f64) -> Box<dyn Cluster> {
        let (cluster, samples) = self.sizes(points);
        let fewer = |size: usize| (size as f64 * share).round() as usize;
        Box::new(Hdbscan {
            min_cluster_size: Some(fewer(cluster).max(2)),
            min_samples: Some(fewer(samples).max(1)),
            ..self.clone()
        })
    }
}
