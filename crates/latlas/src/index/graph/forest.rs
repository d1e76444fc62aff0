//! Random-projection trees (Dasgupta & Freund, STOC 2008): points that fall into one leaf are likely to be near.
//!
//! A node's points are ordered along the difference of two of them, drawn at random, and cut in the middle, so that leaves
//! are all of about one size whatever the data, thousands of copies of one point included. (Trees with a cut midway
//! between the two points follow clusters better, but need not end.)

use std::ops::Range;

use rayon::prelude::*;

use super::lists::{entry, point_of};
use crate::kernels;

/// A node of more points is ordered by several threads, its halves by one each.
const MANY: usize = 8192;
/// How often two points are drawn again that are the same.
const DRAWS: u64 = 4;

/// A number that depends on both in no simple way (the finaliser of SplitMix64: Steele, Lea & Flood, 2014).
#[inline]
pub(super) fn mixed(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(23) ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// All points in the order of a tree's leaves, which [`leaves`] tells. To be called in the pool that is to work.
pub(super) fn tree(rows: &[f32], dim: usize, leaf: usize, key: u64) -> Vec<u32> {
    let n = rows.len() / dim;
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut margins = vec![0; n];
    split(rows, dim, leaf, key, &mut order, &mut margins);
    order
}

/// Where the leaves of a tree of `n` points lie in its order.
pub(super) fn leaves(n: usize, leaf: usize) -> Vec<Range<usize>> {
    fn halve(range: Range<usize>, leaf: usize, out: &mut Vec<Range<usize>>) {
        if range.len() <= leaf {
            return out.push(range);
        }
        let middle = range.start + range.len() / 2;
        halve(range.start..middle, leaf, out);
        halve(middle..range.end, leaf, out);
    }
    let mut out = Vec::new();
    halve(0..n, leaf, &mut out);
    out
}

fn split(rows: &[f32], dim: usize, leaf: usize, key: u64, order: &mut [u32], margins: &mut [u64]) {
    let n = order.len();
    if n <= leaf {
        return;
    }
    let row = |point: u32| &rows[point as usize * dim..][..dim];
    let direction = direction(order, key, row);
    let margin = |&point: &u32| entry(kernels::dot(&direction, row(point)), point);
    if n > MANY {
        let chunk = MANY / 8;
        let parts = order.par_chunks(chunk).zip(margins.par_chunks_mut(chunk));
        parts.for_each(|(points, margins)| {
            points.iter().zip(margins).for_each(|(point, out)| *out = margin(point));
        });
    } else {
        order.iter().zip(&mut *margins).for_each(|(point, out)| *out = margin(point));
    }
    margins.select_nth_unstable(n / 2);
    order.iter_mut().zip(&*margins).for_each(|(point, &margin)| *point = point_of(margin));
    let (order_low, order_high) = order.split_at_mut(n / 2);
    let (low, high) = margins.split_at_mut(n / 2);
    let mut first = || split(rows, dim, leaf, mixed(key, 1), order_low, low);
    let mut second = || split(rows, dim, leaf, mixed(key, 2), order_high, high);
    if n > MANY {
        rayon::join(first, second);
    } else {
        first();
        second();
    }
}

/// The difference of two of these points, drawn again where they are the same.
fn direction<'a>(points: &[u32], key: u64, row: impl Fn(u32) -> &'a [f32]) -> Vec<f32> {
    let n = points.len() as u64;
    let mut difference = Vec::new();
    for draw in 0..DRAWS {
        let a = mixed(key, 3 + 2 * draw) % n;
        let b = (a + 1 + mixed(key, 4 + 2 * draw) % (n - 1)) % n;
        let (a, b) = (row(points[a as usize]), row(points[b as usize]));
        difference = a.iter().zip(b).map(|(a, b)| a - b).collect();
        if difference.iter().any(|&x| x != 0.0) {
            break;
        }
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_hold_every_point_once_and_near_ones_together() {
        // Two far groups, numbered alternately, and many copies of one point.
        let n = 1000;
        let rows: Vec<f32> = (0..n)
            .flat_map(|i| if i % 2 == 0 { [100.0, 0.0] } else { [(i % 20) as f32 * 1e-3, 1.0] })
            .collect();
        let order = tree(&rows, 2, 60, 7);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..n as u32).collect::<Vec<_>>());
        let leaves = leaves(n, 60);
        assert_eq!((leaves[0].start, leaves[leaves.len() - 1].end), (0, n));
        assert!(leaves.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(leaves.iter().all(|leaf| (30..=60).contains(&leaf.len())));
        let mixed = |leaf: &&Range<usize>| {
            let even = order[(*leaf).clone()].iter().filter(|&&point| point % 2 == 0).count();
            even > 0 && even < leaf.len()
        };
        // Only the first cut can part the groups; all others are within one.
        assert_eq!(leaves.iter().filter(mixed).count(), 0);
    }
}
