//! The graph of nearest neighbours: what maps, clusters and probes are built from.
//!
//! ```text
//! points ──every pair (pairs), or those that may be near (cells, visits, meetings)──▶ candidates in f32 ──measured in f64──▶ Graph
//! ```
//!
//! `docs/neighbours.md` says what is computed how, and what it costs.

mod build;
mod cells;
mod centres;
mod fronts;
mod lists;
mod measured;
mod meetings;
mod options;
mod pairs;
mod points;
mod prepared;
mod random;
mod read;
mod recall;
mod stored;
mod visits;

use super::Neighbours;
use crate::error::Result;
use crate::space::check_lists;

pub use build::neighbours;
pub use options::{NeighbourMethod, NeighbourOptions};
pub use recall::Recall;
pub use stored::keep_neighbours;

/// The k nearest neighbours of each of n points, itself left out.
///
/// Points are numbered 0…n−1: the live rows of a space, in order. Neighbours stand closest first, ties by number;
/// distances are those of the geometry (‖a−b‖, or 1 − cos).
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    k: usize,
    neighbours: Vec<u32>,
    distances: Vec<f32>,
    recall: Option<Recall>,
}

impl Graph {
    /// A graph from lists of k, one behind the other. A data error, naming the point, if the lists do not fit, a
    /// neighbour does not exist, is the point itself or stands twice, or a distance is negative, not finite or
    /// smaller than the one before it.
    pub fn new(k: usize, neighbours: Vec<u32>, distances: Vec<f32>) -> Result<Self> {
        check_lists(k, &neighbours, &distances)?;
        Ok(Graph { k, neighbours, distances, recall: None })
    }

    /// As [`Graph::new`], of lists that are known to fit.
    pub(super) fn trusted(k: usize, neighbours: Vec<u32>, distances: Vec<f32>) -> Self {
        Graph { k, neighbours, distances, recall: None }
    }

    /// The graph of the `k` nearest of each point; this one if it has no more.
    #[must_use]
    pub fn first(self, k: usize) -> Self {
        if k >= self.k {
            return self;
        }
        let cut = |from: usize| from * self.k..from * self.k + k;
        Graph {
            k,
            neighbours: (0..self.len()).flat_map(|i| &self.neighbours[cut(i)]).copied().collect(),
            distances: (0..self.len()).flat_map(|i| &self.distances[cut(i)]).copied().collect(),
            recall: None,
        }
    }

    /// How much of the truth it holds, where that was measured; an exact graph holds all of it.
    pub fn recall(&self) -> Option<Recall> {
        self.recall
    }

    /// How many neighbours each point has.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.neighbours.len().checked_div(self.k).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.neighbours.is_empty()
    }

    /// The neighbours of a point, closest first. Panics if there is no such point.
    pub fn neighbours(&self, point: usize) -> &[u32] {
        &self.neighbours[point * self.k..(point + 1) * self.k]
    }

    /// Their distances.
    pub fn distances(&self, point: usize) -> &[f32] {
        &self.distances[point * self.k..(point + 1) * self.k]
    }
}

impl From<&Neighbours> for Graph {
    fn from(all: &Neighbours) -> Self {
        let number = |row| all.rows().binary_search(&row).map_or(u32::MAX, |i| i as u32);
        let hits = || all.iter().flatten();
        Graph {
            k: all.k(),
            neighbours: hits().map(|hit| number(hit.row)).collect(),
            // Rounding may leave a cosine distance just below zero.
            distances: hits().map(|hit| hit.distance.max(0.0)).collect(),
            recall: None,
        }
    }
}
