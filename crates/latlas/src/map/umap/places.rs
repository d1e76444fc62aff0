//! Where points lie in memory, and the links between them.
//!
//! Points are numbered by slice and, within it, along a curve through the places where they begin (Morton's), so that
//! neighbours on the map are neighbours in memory.

use std::ops::Range;

use rand_xoshiro::rand_core::Rng;

use super::links::Links;
use crate::linalg::Matrix;
use crate::map::start::extent;
use crate::run::Run;

/// Groups of points that see each other's moves within a pass.
const SLICES: usize = 8;
/// The name of the random streams: "umap".
pub(super) const STREAM: u64 = 0x756d_6170;

/// The links that pull, by place.
pub(super) struct Springs {
    pub(super) starts: Vec<usize>,
    pub(super) targets: Vec<u32>,
    /// How often a link is due in a pass, in units of 2⁻³².
    pub(super) rates: Vec<u32>,
}

impl Springs {
    /// The links that are due at least once in all epochs.
    pub(super) fn new(links: &Links, order: &[u32], places: &[u32], epochs: u64) -> Self {
        let strongest = links.strongest();
        let least = strongest / epochs.max(1) as f32;
        let mut springs = Springs { starts: vec![0], targets: Vec::new(), rates: Vec::new() };
        for &point in order {
            for (other, weight) in links.row(point as usize).filter(|&(_, w)| w >= least) {
                springs.targets.push(places[other as usize]);
                let rate = f64::from(weight) / f64::from(strongest) * 2.0_f64.powi(32);
                springs.rates.push(rate.min(f64::from(u32::MAX)) as u32);
            }
            springs.starts.push(springs.targets.len());
        }
        springs
    }

    /// The links of a place: where they pull to, and their rates.
    #[inline]
    pub(super) fn of(&self, place: usize) -> impl ExactSizeIterator<Item = (u32, u32)> {
        let range = self.starts[place]..self.starts[place + 1];
        self.targets[range.clone()].iter().copied().zip(self.rates[range].iter().copied())
    }
}

/// SplitMix64's finaliser.
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The point of each place, and the places of each slice.
pub(super) fn order(start: &Matrix, run: &Run<'_>) -> (Vec<u32>, Vec<Range<usize>>) {
    let key = run.stream(&[STREAM, u64::MAX]).next_u64();
    let extent = extent(start);
    let mut keyed: Vec<(u8, u64, u32)> = start
        .iter_rows()
        .enumerate()
        .map(|(point, y)| {
            let slice = (mix(key ^ point as u64) >> 32) as usize % SLICES;
            (slice as u8, morton(y, &extent), point as u32)
        })
        .collect();
    keyed.sort_unstable();
    let mut slices = Vec::with_capacity(SLICES);
    let mut first = 0;
    for slice in 0..SLICES {
        let end = keyed.partition_point(|&(other, ..)| usize::from(other) <= slice);
        slices.push(first..end);
        first = end;
    }
    (keyed.into_iter().map(|(.., point)| point).collect(), slices)
}

/// The number of a position along Morton's curve: the bits of its coordinates, in turn.
fn morton(y: &[f32], extent: &[(f32, f32)]) -> u64 {
    const BITS: u32 = 16;
    let cell = |(&y, &(least, greatest)): (&f32, &(f32, f32))| {
        let width = greatest - least;
        let share = if width > 0.0 { (y - least) / width } else { 0.0 };
        (share * (1_u64 << BITS) as f32).min(((1_u64 << BITS) - 1) as f32) as u64
    };
    let cells: Vec<u64> = y.iter().zip(extent).map(cell).collect();
    (0..BITS)
        .rev()
        .fold(0, |code, bit| cells.iter().fold(code, |code, cell| code << 1 | cell >> bit & 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_a_place_in_one_slice() {
        let start =
            Matrix::new(500, 2, (0..1000).map(|i| (i * 37 % 101) as f32).collect()).unwrap();
        let (order, slices) = order(&start, &Run::silent(3));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..500).collect::<Vec<u32>>());
        assert_eq!(
            slices.iter().cloned().flatten().collect::<Vec<_>>(),
            (0..500).collect::<Vec<_>>()
        );
        assert!(slices.iter().all(|slice| slice.len() > 30), "{slices:?}");
    }

    #[test]
    fn morton_codes_interleave_bits() {
        let extent = [(0.0, 65536.0), (0.0, 65536.0)];
        assert_eq!(morton(&[0.0, 1.0], &extent), 1);
        assert_eq!(morton(&[1.0, 0.0], &extent), 2);
        assert_eq!(morton(&[3.0, 2.0], &extent), 0b1110);
        assert_eq!(morton(&[65536.0, 65536.0], &extent), (1 << 32) - 1);
        assert_eq!(morton(&[5.0, 5.0], &[(5.0, 5.0), (5.0, 5.0)]), 0);
    }
}
