//! The graph of nearest neighbours: what maps, clusters and probes are built from.

use super::Neighbours;
use crate::error::{Error, Result};

/// The k nearest neighbours of each of n points, itself left out.
///
/// Points are numbered 0…n−1: the live rows of a space, in order. Neighbours stand closest first, ties by number;
/// distances are those of the geometry (‖a−b‖, or 1 − cos).
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    k: usize,
    neighbours: Vec<u32>,
    distances: Vec<f32>,
}

impl Graph {
    /// A graph from lists of k, one behind the other. A data error, naming the point, if the lists do not fit, a
    /// neighbour does not exist, is the point itself or stands twice, or a distance is negative, not finite or
    /// smaller than the one before it.
    pub fn new(k: usize, neighbours: Vec<u32>, distances: Vec<f32>) -> Result<Self> {
        let n = if k == 0 { 0 } else { neighbours.len() / k };
        if neighbours.len() != distances.len() || n * k != neighbours.len() {
            return Err(Error::data(format!(
                "{} neighbours and {} distances are no lists of {k}",
                neighbours.len(),
                distances.len()
            )));
        }
        let graph = Graph { k, neighbours, distances };
        let mut seen = Vec::new();
        for i in 0..n {
            let wrong = |what: String| Err(Error::data(format!("neighbours of point {i}: {what}")));
            seen.clear();
            seen.extend_from_slice(graph.neighbours(i));
            seen.sort_unstable();
            if let Some(&other) = seen.iter().find(|&&j| j as usize >= n) {
                return wrong(format!("point {other} of {n}"));
            }
            if seen.binary_search(&(i as u32)).is_ok() {
                return wrong("itself".to_owned());
            }
            if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
                return wrong(format!("point {} twice", pair[0]));
            }
            let distances = graph.distances(i);
            if let Some(d) = distances.iter().find(|d| !d.is_finite() || **d < 0.0) {
                return wrong(format!("a distance of {d}"));
            }
            if distances.windows(2).any(|pair| pair[0] > pair[1]) {
                return wrong("not closest first".to_owned());
            }
        }
        Ok(graph)
    }

    /// How many neighbours each point has.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        if self.k == 0 { 0 } else { self.neighbours.len() / self.k }
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
        }
    }
}
