//! Whether distances keep their order, near and far: triplets and rank correlation.
//!
//! Of each measured point i a few pairs (j, l) and a few partners j are drawn, or all where there are no more, so that
//! the distances computed for the neighbourhoods serve twice.
//!
//! - **Triplets** (Wang, Huang, Rudin & Shaposhnik, JMLR 22, 2021): of those with d(i, j) < d(i, l), the share with
//!   d̂(i, j) < d̂(i, l). A tie on the map counts half; a triplet that is tied in truth has no order and is left out, so
//!   that a copy gets 1 and random places ½, whatever the ties.
//! - **Spearman's ρ**: the correlation of the ranks of d(i, j) and d̂(i, j) over pairs, ties sharing their mean rank.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use super::figures::{AtLarge, Estimate};
use crate::run::stream;

/// The name of the random streams: "at large".
const STREAM: u64 = 0x6174_206c_6172_6765;

/// How much is drawn of each of `measured` points among n.
#[derive(Clone, Copy)]
pub(super) struct Draw {
    n: usize,
    measured: usize,
    triplets: usize,
    pairs: usize,
}

/// What was drawn of one point.
pub(super) struct Drawn {
    /// Triplets with an order, and twice those that kept it.
    ordered: u32,
    kept_twice: u32,
    /// Distances in truth and on the map.
    pairs: Vec<[f32; 2]>,
}

impl Draw {
    pub(super) fn new(n: usize, measured: usize, triplets: usize, pairs: usize) -> Self {
        let each = |total: usize| total.div_ceil(measured);
        Draw { n, measured, triplets: each(triplets), pairs: each(pairs) }
    }

    /// Whether all triplets of a point are looked at.
    fn every_triplet(self) -> bool {
        (self.n as u128 - 1) * (self.n as u128 - 2) / 2 <= self.triplets as u128
    }

    /// Whether all partners of a point are looked at.
    fn every_pair(self) -> bool {
        self.n - 1 <= self.pairs
    }

    /// The triplets and pairs of one point, from its distances to all points in truth and on the map.
    pub(super) fn point(self, point: usize, high: &[f32], low: &[f32], seed: u64) -> Drawn {
        let mut random = stream(seed, &[STREAM, point as u64]);
        let mut drawn = Drawn { ordered: 0, kept_twice: 0, pairs: Vec::new() };
        // The others are numbered 0..n−1, in order.
        let other = |i: usize| if i < point { i } else { i + 1 };
        if self.every_triplet() {
            for j in 0..self.n - 1 {
                (0..j).for_each(|l| drawn.triplet(high, low, other(j), other(l)));
            }
        } else {
            for _ in 0..self.triplets {
                let j = below(&mut random, self.n - 1);
                let l = below(&mut random, self.n - 2);
                drawn.triplet(high, low, other(j), other(if l < j { l } else { l + 1 }));
            }
        }
        let mut pair = |i: usize| drawn.pairs.push([high[other(i)], low[other(i)]]);
        if self.every_pair() {
            (0..self.n - 1).for_each(&mut pair);
        } else {
            (0..self.pairs).for_each(|_| pair(below(&mut random, self.n - 1)));
        }
        drawn
    }

    /// The figures, from what was drawn of all measured points in order.
    pub(super) fn figures(self, drawn: &[Drawn]) -> AtLarge {
        let pairs: Vec<[f32; 2]> = drawn.iter().flat_map(|point| &point.pairs).copied().collect();
        let whole = self.every_pair() && self.measured == self.n;
        let value = correlation(&pairs);
        let standard_error = if whole { value * 0.0 } else { error_of_rank(value, pairs.len()) };
        AtLarge { triplets: self.triplets(drawn), spearman: Estimate { value, standard_error } }
    }

    /// The share of ordered triplets that keep their order: a ratio of sums over points, drawn without replacement
    /// (Cochran, Sampling Techniques, 3rd ed., equation 6.9; without the correction for a finite number of points where
    /// triplets of these are drawn, which makes the error a little too large rather than too small).
    fn triplets(self, drawn: &[Drawn]) -> Estimate {
        let ordered: f64 = drawn.iter().map(|point| f64::from(point.ordered)).sum();
        let kept: f64 = drawn.iter().map(|point| f64::from(point.kept_twice) / 2.0).sum();
        let value = kept / ordered;
        let residual = |point: &Drawn| {
            (f64::from(point.kept_twice) / 2.0 - value * f64::from(point.ordered)).powi(2)
        };
        let m = drawn.len() as f64;
        let unseen = if self.every_triplet() { 1.0 - m / self.n as f64 } else { 1.0 };
        let variance = drawn.iter().map(residual).sum::<f64>() * m / (m - 1.0) * unseen;
        Estimate { value, standard_error: variance.max(0.0).sqrt() / ordered }
    }
}

impl Drawn {
    fn triplet(&mut self, high: &[f32], low: &[f32], j: usize, l: usize) {
        if high[j] != high[l] {
            self.ordered += 1;
            self.kept_twice += if low[j] == low[l] {
                1
            } else {
                2 * u32::from((high[j] < high[l]) == (low[j] < low[l]))
            };
        }
    }
}

/// Spearman's ρ; NaN where one side is constant.
fn correlation(pairs: &[[f32; 2]]) -> f64 {
    let [a, b] = [0, 1].map(|side| mean_ranks(pairs, side));
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// The rank of each, from 1; equals share the mean of theirs.
fn mean_ranks(pairs: &[[f32; 2]], side: usize) -> Vec<f64> {
    let mut order: Vec<u32> = (0..pairs.len() as u32).collect();
    let value = |i: u32| pairs[i as usize][side];
    order.sort_unstable_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
    let mut ranks = vec![0.0; pairs.len()];
    let mut start = 0;
    for equals in order.chunk_by(|&a, &b| value(a) == value(b)) {
        let end = start + equals.len();
        for &i in equals {
            ranks[i as usize] = f64::midpoint(start as f64 + 1.0, end as f64);
        }
        start = end;
    }
    ranks
}

/// The standard error of ρ over n pairs, through Fisher's z (Bonett & Wright, Psychometrika 65, 2000).
fn error_of_rank(rho: f64, n: usize) -> f64 {
    (1.0 - rho * rho) * ((1.0 + rho * rho / 2.0) / (n as f64 - 3.0).max(1.0)).sqrt()
}

/// In 0..n, n > 0.
fn below(random: &mut Xoshiro256PlusPlus, n: usize) -> usize {
    ((u128::from(random.next_u64()) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy 1.16: `spearmanr([1, 2, 2, 5, 7], [3, 1, 4, 4, 9]).statistic` is 0.7631578947368421.
    #[test]
    fn ties_share_their_mean_rank() {
        let pairs = [[1.0, 3.0], [2.0, 1.0], [2.0, 4.0], [5.0, 4.0], [7.0, 9.0]];
        assert_eq!(mean_ranks(&pairs, 0), [1.0, 2.5, 2.5, 4.0, 5.0]);
        assert!((correlation(&pairs) - 0.763_157_894_736_842_1).abs() < 1e-12);
        assert!(correlation(&[[1.0, 2.0], [1.0, 3.0]]).is_nan());
    }

    #[test]
    fn a_triplet_counts_by_its_order() {
        let mut drawn = Drawn { ordered: 0, kept_twice: 0, pairs: Vec::new() };
        let (high, low) = ([1.0, 2.0, 2.0, 3.0], [5.0, 6.0, 5.0, 1.0]);
        for (j, l, ordered, kept_twice) in
            [(0, 1, 1, 2), (1, 0, 2, 4), (1, 2, 2, 4), (0, 2, 3, 5), (3, 0, 4, 5)]
        {
            drawn.triplet(&high, &low, j, l);
            assert_eq!((drawn.ordered, drawn.kept_twice), (ordered, kept_twice));
        }
    }
}
