//! How far clusters would be found again in other data of the kind (Hennig, Computational Statistics & Data Analysis 52,
//! 2007).
//!
//! From the points, subsamples are drawn and clustered alike. Of a cluster C and a subsample S, the most similar cluster
//! found in it counts,
//!
//! ```text
//! J(C) = max_D |C ∩ S ∩ D| / |(C ∩ S) ∪ D|
//! ```
//!
//! averaged over the subsamples that hold points of C. Above ¾ a cluster is a stable one; at ½ or below it dissolved. Its null
//! is the same with the labels found in each subsample handed out anew at random: what clusters of those sizes share by
//! chance, which is much for a large one.
//!
//! Halves without replacement (Hennig's "subset" scheme) rather than bootstrap samples: points drawn twice would be
//! duplicates, which are infinitely dense.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rand_xoshiro::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::{Cluster, Clusters, NONE, clusters};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::linalg::Matrix;
use crate::run::{Progress, Run, Step};

/// How clusters are asked for their stability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StabilityOptions {
    /// How many subsamples, at least 1. More: steadier figures, in proportionally more time.
    pub resamples: usize,
    /// Which share of the points each has, more than 0 and less than 1. Less: a harder test.
    pub share: f64,
}

impl Default for StabilityOptions {
    fn default() -> Self {
        StabilityOptions { resamples: 20, share: 0.5 }
    }
}

/// The stability of each cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Stability {
    /// The mean of J for each cluster, in [0, 1]; NaN for one that no subsample held points of.
    pub jaccard: Vec<f64>,
    /// What is expected by chance.
    pub null: Vec<f64>,
    /// How many subsamples there were.
    pub resamples: usize,
}

/// The name of the random streams: "resample".
const STREAM: u64 = 0x7265_7361_6d70_6c65;

/// Clusters subsamples of the vectors by the same method, and compares. Costs as much as `resamples` times clustering a
/// share of the points.
pub fn stability(
    method: &dyn Cluster,
    vectors: &Matrix,
    geometry: Geometry,
    found: &Clusters,
    options: &StabilityOptions,
    run: &Run,
) -> Result<Stability> {
    let n = vectors.rows();
    let size = (n as f64 * options.share).round() as usize;
    if options.resamples == 0 || !(options.share > 0.0 && options.share < 1.0) {
        return Err(Error::usage(format!(
            "{} resamples of a share of {}: out of range",
            options.resamples, options.share
        ))
        .help("at least one, of more than 0 and less than 1"));
    }
    if found.labels.len() != n {
        return Err(Error::data(format!("clusters of {} points for {n}", found.labels.len())));
    }
    let mut sums = vec![[0.0; 2]; found.len()];
    let mut held = vec![0_u32; found.len()];
    let thinned = method.thinned(n, options.share);
    for resample in 0..options.resamples as u64 {
        let quiet = Quiet { outer: run, done: resample, total: options.resamples as u64 };
        let mut random = run.stream(&[STREAM, resample]);
        let mut below = |n: usize| ((u128::from(random.next_u64()) * n as u128) >> 64) as usize;
        let chosen = sample(n, size, &mut below);
        let inner = Run {
            seed: below(usize::MAX) as u64,
            threads: run.threads,
            progress: &quiet,
            checkpoint: None,
        };
        run.report(&quiet.step())?;
        if chosen.is_empty() {
            continue;
        }
        let numbers: Vec<f32> = chosen.iter().flat_map(|&i| vectors.row(i)).copied().collect();
        let part = Matrix::new(chosen.len(), vectors.cols(), numbers)?;
        let again = clusters(&*thinned, &part, geometry, &inner)?;
        let labels: Vec<u32> = chosen.iter().map(|&i| found.labels[i]).collect();
        let mut mixed = again.labels.clone();
        for i in (1..mixed.len()).rev() {
            mixed.swap(i, below(i + 1));
        }
        let (real, chance) = (best(&labels, &again.labels), best(&labels, &mixed));
        // Both list the clusters of `labels`, in order.
        for ((c, real), (_, chance)) in real.into_iter().zip(chance) {
            sums[c as usize][0] += real;
            sums[c as usize][1] += chance;
            held[c as usize] += 1;
        }
    }
    let mean = |side: usize| {
        sums.iter().zip(&held).map(|(sums, &held)| sums[side] / f64::from(held)).collect()
    };
    Ok(Stability { jaccard: mean(0), null: mean(1), resamples: options.resamples })
}

/// Each cluster of `a`, in order, with its largest Jaccard index with one of `b`.
fn best(a: &[u32], b: &[u32]) -> Vec<(u32, f64)> {
    let mut sizes: [HashMap<u32, u64>; 2] = [HashMap::new(), HashMap::new()];
    let mut both: HashMap<(u32, u32), u64> = HashMap::new();
    for (&a, &b) in a.iter().zip(b) {
        for (sizes, label) in sizes.iter_mut().zip([a, b]) {
            if label != NONE {
                *sizes.entry(label).or_default() += 1;
            }
        }
        if a != NONE && b != NONE {
            *both.entry((a, b)).or_default() += 1;
        }
    }
    let mut found: Vec<(u32, f64)> = sizes[0].keys().map(|&c| (c, 0.0)).collect();
    found.sort_unstable_by_key(|&(c, _)| c);
    for (&(c, d), &both) in &both {
        let index = both as f64 / (sizes[0][&c] + sizes[1][&d] - both) as f64;
        if let Ok(at) = found.binary_search_by_key(&c, |&(c, _)| c) {
            found[at].1 = found[at].1.max(index);
        }
    }
    found
}

/// `size` of 0..n in order, each set equally likely (Knuth, TAOCP 2, §3.4.2, algorithm S).
fn sample(n: usize, size: usize, below: &mut impl FnMut(usize) -> usize) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(size);
    for i in 0..n {
        if below(n - i) < size - chosen.len() {
            chosen.push(i);
        }
    }
    chosen
}

/// Warnings of subsamples are no news; their progress is that of the whole.
struct Quiet<'a> {
    outer: &'a Run<'a>,
    done: u64,
    total: u64,
}

impl Quiet<'_> {
    fn step(&self) -> Step {
        Step {
            stage: "clustering subsamples",
            done: self.done,
            total: Some(self.total),
            unit: "subsamples",
            detail: String::new(),
        }
    }
}

impl Progress for Quiet<'_> {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        self.outer.progress.report(&self.step())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_cluster_counts() {
        let (a, b) = ([0, 0, 0, 1, 1, NONE], [5, 5, 7, 7, 7, 7]);
        // {0 1 2} and {0 1}: 2/3; {3 4} and {2 3 4 5}: 2/4.
        assert_eq!(best(&a, &b), [(0, 2.0 / 3.0), (1, 0.5)]);
        assert_eq!(best(&a, &[NONE; 6]), [(0, 0.0), (1, 0.0)]);
    }
}
