//! Clusters: points that belong together, found among the vectors themselves and not on a map, where what is far apart
//! may lie side by side.
//!
//! ```text
//! vectors ──graph──▶ Graph ──Cluster──▶ Clusters ──▶ stability · names · levels ──▶ columns of the items
//! ```
//!
//! A method is an options struct and a [`Cluster`]: [`Hdbscan`] (dense regions, the rest in none), [`Leiden`] (communities
//! of the graph of neighbours), [`KMeans`] (so many balls). `docs/clusters.md` says which to take when. All give the same
//! clusters at any number of threads.

mod hdbscan;
mod kmeans;
mod leiden;
mod levels;
mod names;
mod stability;
mod union;

use serde_json::{Map, Value};

use super::layout::Points;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::index::{Graph, NeighbourOptions};
use crate::linalg::{Matrix, column_moments};
use crate::run::Run;

pub use hdbscan::{Hdbscan, Selection};
pub use kmeans::KMeans;
pub use leiden::{Leiden, Objective};
pub use levels::levels;
pub use names::{by_members, by_words};
pub use stability::{Stability, StabilityOptions, stability};

/// The label of a point that belongs to no cluster.
pub const NONE: u32 = u32::MAX;

/// A way to find clusters. The same points, options and seed give the same clusters, with any number of threads.
pub trait Cluster: Sync {
    /// Its name: "hdbscan", "leiden", "kmeans".
    fn method(&self) -> &'static str;

    /// How many neighbours of each of so many points it wants to know; 0 if it asks for none.
    fn neighbours(&self, points: usize) -> usize;

    /// The clusters of these points, of which there is at least one.
    fn cluster(&self, points: Points<'_>, run: &Run) -> Result<Clusters>;

    /// The same for a random share of so many points: sizes that are counted in points shrink with it.
    fn thinned(&self, points: usize, share: f64) -> Box<dyn Cluster>;
}

/// Points in clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// The method: "hdbscan".
    pub method: &'static str,
    /// The cluster of each point, numbered from 0 by falling size, those of equal size by their first point; [`NONE`] for
    /// a point in none.
    pub labels: Vec<u32>,
    /// How firmly each point belongs to its cluster, in [0, 1]; 0 for a point in none. What it measures is the method's.
    pub strength: Vec<f32>,
    /// How many points each cluster has, at least 1.
    pub sizes: Vec<usize>,
    /// What else the method says: sizes in force, quality.
    pub figures: Map<String, Value>,
}

impl Clusters {
    /// Clusters from any labels, which are numbered anew.
    fn new(
        method: &'static str,
        labels: &[u32],
        strength: Vec<f32>,
        figures: Map<String, Value>,
    ) -> Self {
        let (labels, sizes) = by_size(labels);
        Clusters { method, labels, strength, sizes, figures }
    }

    /// The number of clusters.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// How many points belong to none.
    pub fn in_none(&self) -> usize {
        self.labels.len() - self.sizes.iter().sum::<usize>()
    }

    /// The points of each cluster, in order.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members: Vec<Vec<u32>> =
            self.sizes.iter().map(|&size| Vec::with_capacity(size)).collect();
        for (&label, point) in self.labels.iter().zip(0..) {
            if label != NONE {
                members[label as usize].push(point);
            }
        }
        members
    }

    /// The same points in fewer clusters: cluster c becomes part of `groups[c]`.
    #[must_use]
    pub fn grouped(&self, groups: &[u32]) -> Self {
        let group = |&label: &u32| if label == NONE { NONE } else { groups[label as usize] };
        let labels: Vec<u32> = self.labels.iter().map(group).collect();
        Clusters::new(self.method, &labels, self.strength.clone(), Map::new())
    }
}

/// Labels by falling size, ties by first appearance, and the sizes.
fn by_size(labels: &[u32]) -> (Vec<u32>, Vec<usize>) {
    let mut seen = std::collections::HashMap::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut first: Vec<u32> = Vec::with_capacity(labels.len());
    for &label in labels {
        if label == NONE {
            first.push(NONE);
            continue;
        }
        let number = *seen.entry(label).or_insert(counts.len() as u32);
        if number as usize == counts.len() {
            counts.push(0);
        }
        counts[number as usize] += 1;
        first.push(number);
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&number| (std::cmp::Reverse(counts[number]), number));
    let mut place = vec![0; counts.len()];
    order.iter().zip(0..).for_each(|(&number, at)| place[number] = at);
    let labels = first.iter().map(|&number| place.get(number as usize).copied().unwrap_or(NONE));
    (labels.collect(), order.iter().map(|&number| counts[number]).collect())
}

/// Finds the clusters of some vectors, which under the cosine are of unit length: the graph of neighbours that the method
/// asks for, and what it makes of it.
///
/// Errors: no vectors, numbers that are not finite (row named), options that do not fit.
pub fn clusters(
    method: &dyn Cluster,
    vectors: &Matrix,
    geometry: Geometry,
    run: &Run,
) -> Result<Clusters> {
    if vectors.rows() == 0 {
        return Err(Error::nothing("there is nothing to cluster"));
    }
    let graph = graph(vectors, geometry, method.neighbours(vectors.rows()), run)?;
    clusters_on(&graph, method, vectors, geometry, run)
}

/// [`clusters`] on a graph of neighbours that is there already: of these vectors, and of as many neighbours as the method
/// asks for, or all others.
pub fn clusters_on(
    graph: &Graph,
    method: &dyn Cluster,
    vectors: &Matrix,
    geometry: Geometry,
    run: &Run,
) -> Result<Clusters> {
    let n = vectors.rows();
    if n == 0 {
        return Err(Error::nothing("there is nothing to cluster"));
    }
    let wanted = method.neighbours(n).min(n - 1);
    if wanted > 0 && (graph.len() != n || graph.k() != wanted) {
        return Err(Error::data(format!(
            "a graph of {} neighbours of {} points, where {wanted} of {n} are wanted",
            graph.k(),
            graph.len()
        )));
    }
    column_moments(vectors, run)?;
    method.cluster(Points { vectors, geometry, graph, start: None }, run)
}

/// The k nearest neighbours of each vector, or all others where there are fewer.
fn graph(vectors: &Matrix, geometry: Geometry, k: usize, run: &Run) -> Result<Graph> {
    if k == 0 || vectors.rows() < 2 {
        return Graph::new(0, Vec::new(), Vec::new());
    }
    let options = NeighbourOptions::nearest(k.min(vectors.rows() - 1));
    Graph::of(vectors, geometry, &options, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_numbered_by_size() {
        let labels = [7, NONE, 3, 3, 9, 9, 7, 9];
        let found = Clusters::new("test", &labels, vec![0.0; 8], Map::new());
        assert_eq!(found.labels, [1, NONE, 2, 2, 0, 0, 1, 0]);
        assert_eq!((found.sizes.as_slice(), found.in_none()), ([3, 2, 2].as_slice(), 1));
        assert_eq!(found.members(), [vec![4, 5, 7], vec![0, 6], vec![2, 3]]);
        let pairs = found.grouped(&[0, 1, 1]);
        assert_eq!(pairs.labels, [0, NONE, 0, 0, 1, 1, 0, 1]);
    }
}
