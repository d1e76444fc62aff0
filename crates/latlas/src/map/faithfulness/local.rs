//! What one point adds to the figures of its neighbourhood.

use crate::map::distances::{nearest, ranks};

/// What one point adds for one k.
#[derive(Clone, Copy)]
pub(super) struct Penalty {
    /// Σ (r − k) over the points that are close on the map only.
    pub(super) intruders: u64,
    /// Σ (r̂ − k) over the points that are close in truth only.
    pub(super) torn: u64,
    /// How many are close in both.
    pub(super) kept: u32,
    /// How many are close in truth, and beyond reach on the map.
    pub(super) missing: u32,
    /// How many are close on the map, and beyond reach in truth.
    pub(super) false_neighbours: u32,
}

/// The penalties of one point for each k, from its distances to all points in truth and on the map.
pub(super) fn penalties(high: &[f32], low: &[f32], ks: &[usize]) -> Vec<Penalty> {
    let most = ks.iter().copied().max().unwrap_or(0);
    let (near_high, near_low) = (nearest(high, most), nearest(low, most));
    let (in_truth, on_map) =
        (ranks(high, &near_low, &near_high), ranks(low, &near_high, &near_low));
    let above = |ranks: &[u32], k: usize| -> u64 {
        ranks[..k].iter().map(|&rank| u64::from(rank).saturating_sub(k as u64)).sum()
    };
    let within = |ranks: &[u32], k: usize, reach: usize| -> u32 {
        ranks[..k].iter().map(|&rank| u32::from(rank as usize <= reach)).sum()
    };
    let penalty = |&k: &usize| Penalty {
        intruders: above(&in_truth, k),
        torn: above(&on_map, k),
        kept: within(&in_truth, k, k),
        missing: k as u32 - within(&on_map, k, reach(high.len(), k)),
        false_neighbours: k as u32 - within(&in_truth, k, reach(high.len(), k)),
    };
    ks.iter().map(penalty).collect()
}

/// The rank among n points beyond which one of the k nearest counts as missing or false. Not k: with one limit for both,
/// each point would miss as many as it has false ones, and the next but k-th would count as much as the farthest.
pub fn reach(n: usize, k: usize) -> usize {
    (3 * k).min(usize::midpoint(k, n - 1))
}

/// 2n − 3k − 1, of which k/2 is the most a point can be penalised.
pub(super) fn worst(n: usize, k: usize) -> f64 {
    2.0 * n as f64 - 3.0 * k as f64 - 1.0
}
