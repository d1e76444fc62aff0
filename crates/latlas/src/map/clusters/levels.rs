//! Coarser and coarser groups of clusters, each level within the next: what a map is labelled by from afar.
//!
//! Clusters are merged two at a time, those first whose union adds least to the squared distances to its mean (Ward 1963):
//!
//! ```text
//! Δ(A, B) = |A| |B| / (|A| + |B|) · ‖mean(A) − mean(B)‖²
//! ```
//!
//! by chains of nearest neighbours (Murtagh 1983), in O(c²·d) for c clusters. Points in no cluster take no part. It is the
//! same for all methods, so that levels of different methods can be compared; clusters of HDBSCAN's own tree, or of other
//! resolutions of Leiden, need not be unions of those that were chosen.

use super::{Clusters, NONE};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::run::{Run, Step};

/// A level has this part of the clusters of the one below it, and no level is made of so few clusters.
const PART: usize = 4;
const FEW: usize = 8;

/// Levels above the clusters, the finest first: of each, which group every cluster belongs to, numbered from 0. Empty where
/// there are at most eight clusters; else the last has at most eight groups.
pub fn levels(clusters: &Clusters, vectors: &Matrix, run: &Run) -> Result<Vec<Vec<u32>>> {
    let mut targets = Vec::new();
    let mut count = clusters.len();
    while count > FEW {
        count = count.div_ceil(PART);
        targets.push(count);
    }
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let merges = ward(means(clusters, vectors), &clusters.sizes, run)?;
    let mut union = super::union::Union::new(clusters.len());
    let mut merges = merges.into_iter();
    let mut left = clusters.len();
    let mut found = Vec::with_capacity(targets.len());
    for target in targets {
        while left > target
            && let Some((_, a, b)) = merges.next()
        {
            left -= usize::from(union.join(a, b).is_some());
        }
        let roots: Vec<u32> = (0..clusters.len() as u32).map(|c| union.find(c)).collect();
        // By size of the group in points, as `Clusters::grouped` will number them.
        let mut seen: Vec<(usize, usize, u32)> = Vec::new();
        for (c, &root) in roots.iter().enumerate() {
            match seen.iter_mut().find(|(_, _, known)| *known == root) {
                Some((size, ..)) => *size += clusters.sizes[c],
                None => seen.push((clusters.sizes[c], c, root)),
            }
        }
        seen.sort_by_key(|&(size, first, _)| (std::cmp::Reverse(size), first));
        let number = |root: &u32| seen.iter().position(|(_, _, known)| known == root).unwrap_or(0);
        found.push(roots.iter().map(|root| number(root) as u32).collect());
    }
    Ok(found)
}

/// The mean of each cluster.
fn means(clusters: &Clusters, vectors: &Matrix) -> Vec<Vec<f64>> {
    let mut means = vec![vec![0.0; vectors.cols()]; clusters.len()];
    for (row, &label) in vectors.iter_rows().zip(&clusters.labels) {
        if label != NONE {
            let size = clusters.sizes[label as usize] as f64;
            let mean = &mut means[label as usize];
            mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x) / size);
        }
    }
    means
}

/// All merges, the cheapest first: what each adds, and a cluster of either side.
fn ward(mut means: Vec<Vec<f64>>, sizes: &[usize], run: &Run) -> Result<Vec<(f64, u32, u32)>> {
    let mut sizes: Vec<f64> = sizes.iter().map(|&size| size as f64).collect();
    let mut alive: Vec<usize> = (0..means.len()).collect();
    let (mut merges, mut chain) = (Vec::with_capacity(means.len()), Vec::new());
    while alive.len() > 1 {
        let Some(&top) = chain.last() else {
            chain.push(alive[0]);
            continue;
        };
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        let cost = |other: usize| {
            let pairs = means[top].iter().zip(&means[other]);
            let square: f64 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
            square * sizes[top] * sizes[other] / (sizes[top] + sizes[other])
        };
        // The one before is preferred among equals: else a chain could go in circles.
        let mut nearest = before.map(|other| (cost(other), other));
        for &other in alive.iter().filter(|&&other| other != top) {
            let cost = cost(other);
            if nearest.is_none_or(|(least, _)| cost < least) {
                nearest = Some((cost, other));
            }
        }
        let Some((cost, other)) = nearest else { break };
        if Some(other) != before {
            chain.push(other);
            continue;
        }
        // Each is the other's nearest.
        chain.truncate(chain.len() - 2);
        let (keep, gone) = (top.min(other), top.max(other));
        let (a, b) = (sizes[keep], sizes[gone]);
        let theirs = std::mem::take(&mut means[gone]);
        let ours = &mut means[keep];
        ours.iter_mut().zip(theirs).for_each(|(x, y)| *x = (*x * a + y * b) / (a + b));
        sizes[keep] = a + b;
        alive.retain(|&c| c != gone);
        merges.push((cost, keep as u32, gone as u32));
        run.report(&Step {
            stage: "grouping clusters",
            done: merges.len() as u64,
            total: Some(means.len() as u64 - 1),
            unit: "clusters",
            detail: String::new(),
        })?;
    }
    merges.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(merges)
}
