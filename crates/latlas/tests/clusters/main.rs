//! Clusters: planted ones are found, definitions hold word for word, and odd input has a defined answer.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod hdbscan;
mod judged;
mod leiden;
mod planted;

use std::collections::HashMap;
use std::sync::Arc;

use latlas::geometry::Geometry;
use latlas::linalg::Matrix;
use latlas::map::clusters::{Cluster, Clusters, clusters};
use latlas::{Run, run};
use rand_xoshiro::rand_core::Rng;

/// Uniform numbers in [−1, 1).
fn uniform(seed: u64) -> impl FnMut() -> f32 {
    let mut random = run::stream(seed, &[]);
    move || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn matrix(cols: usize, numbers: Vec<f32>) -> Arc<Matrix> {
    Arc::new(Matrix::new(numbers.len() / cols, cols, numbers).unwrap())
}

/// `k` round clusters of `each` rows about random corners, row i in cluster i mod k, and `noise` rows about everywhere.
fn mixture(k: usize, each: usize, noise: usize, dim: usize, seed: u64) -> (Arc<Matrix>, Vec<u32>) {
    let mut uniform = uniform(seed);
    let corners: Vec<f32> = (0..k * dim).map(|_| 10.0 * uniform()).collect();
    // The mean of three, which is near to a Gaussian.
    let mut bell = || (uniform() + uniform() + uniform()) / 1.5;
    let mut numbers = Vec::new();
    for i in 0..k * each {
        let corner = &corners[i % k * dim..(i % k + 1) * dim];
        numbers.extend(corner.iter().map(|x| x + bell()));
    }
    numbers.extend((0..noise * dim).map(|_| 9.0 * bell()));
    let truth = (0..k * each).map(|i| (i % k) as u32).chain((0..noise).map(|i| (k + i) as u32));
    (matrix(dim, numbers), truth.collect())
}

fn find(method: &dyn Cluster, vectors: &Arc<Matrix>) -> Clusters {
    clusters(method, vectors, Geometry::Euclidean, &Run::silent(1)).unwrap()
}

/// The adjusted Rand index (Hubert & Arabie 1985): 1 for the same partition, 0 expected by chance.
fn adjusted_rand(a: &[u32], b: &[u32]) -> f64 {
    let pairs = |counts: HashMap<(u32, u32), f64>| -> f64 {
        counts.values().map(|n| n * (n - 1.0) / 2.0).sum()
    };
    let count = |key: &dyn Fn(usize) -> (u32, u32)| {
        let mut counts = HashMap::new();
        (0..a.len()).for_each(|i| *counts.entry(key(i)).or_default() += 1.0);
        pairs(counts)
    };
    let both = count(&|i| (a[i], b[i]));
    let (first, second) = (count(&|i| (a[i], 0)), count(&|i| (b[i], 0)));
    let n = a.len() as f64;
    let expected = first * second / (n * (n - 1.0) / 2.0);
    (both - expected) / (f64::midpoint(first, second) - expected)
}
