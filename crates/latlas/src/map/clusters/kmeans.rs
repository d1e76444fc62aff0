//! k-means as a way to cluster a space; [`linalg::kmeans`](crate::linalg::kmeans) says what is minimised and how.
//!
//! Under the cosine it is the spherical one. A point's strength is 1 − d₁/d₂, d₁ and d₂ its distances to the nearest and
//! the second nearest centre: 1 at a centre, 0 halfway between two (the simplified silhouette of Hruschka, de Castro &
//! Campello 2004).
//!
//! Mini-batches (Sculley 2010) are left out: rows whose bounds say that they stay where they are are not read again, so
//! that later passes cost little, and the result is a minimum instead of near one.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{Cluster, Clusters};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::linalg::blocks::Work;
use crate::linalg::{KMeansOptions, Matrix, kmeans};
use crate::map::layout::Points;
use crate::run::Run;

/// Options of k-means clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// How many clusters, from 1 to the number of points.
    pub k: usize,
    /// How often it is begun anew, the best being kept. More: a lower inertia, in proportionally more time.
    pub restarts: usize,
    /// The most iterations of a start.
    pub max_iterations: usize,
}

impl Default for KMeans {
    fn default() -> Self {
        KMeans { k: 8, restarts: 10, max_iterations: 300 }
    }
}

/// Points whose strength one thread computes at a time.
const CHUNK: usize = 256;

impl Cluster for KMeans {
    fn method(&self) -> &'static str {
        "kmeans"
    }

    fn neighbours(&self, _: usize) -> usize {
        0
    }

    fn cluster(&self, points: Points<'_>, run: &Run) -> Result<Clusters> {
        let options = KMeansOptions {
            k: self.k,
            spherical: points.geometry == Geometry::Cosine,
            restarts: self.restarts,
            max_iterations: self.max_iterations,
            ..KMeansOptions::default()
        };
        let found = kmeans(points.vectors, &options, run)?;
        let strength = strength(points, &found.centers, run)?;
        let mut figures = Map::new();
        figures.insert("inertia".to_owned(), json!(found.inertia));
        figures.insert("iterations".to_owned(), json!(found.iterations));
        figures.insert("converged".to_owned(), json!(found.converged));
        Ok(Clusters::new(self.method(), &found.labels, strength, figures))
    }

    /// As many clusters, as far as there are points.
    fn thinned(&self, points: usize, share: f64) -> Box<dyn Cluster> {
        let most = ((points as f64 * share).round() as usize).max(1);
        Box::new(KMeans { k: self.k.min(most), ..self.clone() })
    }
}

/// 1 − d₁/d₂ of each point; 1 where there is one centre only.
fn strength(points: Points<'_>, centers: &Matrix, run: &Run) -> Result<Vec<f32>> {
    let (n, measure) = (points.vectors.rows(), points.geometry.measure());
    let work = Work::new(run, "measuring clusters", n as u64, "points")?;
    let mut strength = vec![1.0; n];
    work.pool.install(|| {
        strength.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, strength)| {
            if work.cancelled() {
                return;
            }
            let (first, mut scratch) = (chunk * CHUNK, Vec::new());
            let rows = points.vectors.block(first..first + strength.len(), &mut scratch);
            for (row, strength) in rows.chunks_exact(centers.cols()).zip(strength.iter_mut()) {
                let (mut nearest, mut second) = (f64::INFINITY, f64::INFINITY);
                for center in centers.iter_rows() {
                    let distance = measure.exact(row, center);
                    second = second.min(distance.max(nearest));
                    nearest = nearest.min(distance);
                }
                if second.is_finite() {
                    *strength = if second > 0.0 { (1.0 - nearest / second) as f32 } else { 0.0 };
                }
            }
            work.advance(strength.len() as u64);
        });
    });
    work.finish()?;
    Ok(strength)
}
