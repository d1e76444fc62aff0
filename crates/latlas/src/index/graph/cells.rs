//! The graph by cells: points around one centre make a cell, and every point is compared with those of its own and of
//! the cells that may hold nearer ones ([`visits`](super::visits)). It misses few, and how many is measured.
//!
//! Points are renumbered in the order of their cells, so that what is compared lies side by side. Everything that is chosen
//! depends on the points, options and seed; lists end with the least of what they are offered, in any order. So the
//! graph is the same at any number of threads.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rand_xoshiro::rand_core::Rng;

use super::NeighbourOptions;
use super::centres::{Centres, Levels};
use super::fronts::Fronts;
use super::lists::{Lists, Shared};
use super::measured::{Measured, fill};
use super::points::Points;
use super::prepared::{MOST_HELD, Prepared};
use super::visits::{self, Reach};
use crate::error::Result;
use crate::kernels::gram::Gram;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// The name of the random stream: "cells".
const STREAM: u64 = 0x0000_0063_656c_6c73;
/// How many candidates more than asked for are kept.
const SPARE: usize = 4;
/// A cell of so many times the mean size is cut into pieces: copies of one point by the thousand need not all meet.
const LARGE: usize = 8;
/// Cells, for each root of a point: more make visits shorter, and the choice of them longer.
const CELLS: f64 = 1.5;
/// A point that has not met k others at home is compared with so many times the points of a mean cell.
const LOST: usize = 8;
/// Points in a cell, in the mean, at least.
const FEWEST: usize = 64;

/// The lists of nearly the k nearest of every point: neighbours and distances, list after list.
pub(super) fn in_cells(
    points: &Points<'_>,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<(Vec<u32>, Vec<f32>)> {
    in_cells_holding(MOST_HELD, points, options, run)
}

/// With at most so many numbers copied.
fn in_cells_holding(
    most: usize,
    points: &Points<'_>,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<(Vec<u32>, Vec<f32>)> {
    let (n, k) = (points.len(), options.k);
    let key = run.stream(&[STREAM]).next_u64();
    // Going down to the cells, meeting within them, and visits.
    let work = Work::new(run, "finding neighbours", 3 * n as u64, "points")?;
    let fronts = Fronts::new(points, run, &work)?;
    work.finish()?;
    let count = ((CELLS * (n as f64).sqrt()) as usize).min(n / FEWEST).max(1);
    let gram = Gram::detect();
    let levels = Levels::new(&gram, &fronts, count, key, &work);
    let (cells, order) =
        Cells::new(&gram, &levels, &levels.assign(&gram, &fronts, &work), fronts.dim);
    work.finish()?;
    let state = State::new(points, fronts, order, &cells, (k + SPARE).min(n - 1), most, &work);
    work.finish()?;
    let lost = (LOST * n / cells.len()).max(4 * k);
    let reach = Reach { share: options.reach as f32, most: options.compared, lost };
    visits::meet(&state, &cells, reach, &work)?;
    let measured = Measured { points, k };
    let State { order, halves, lists, .. } = state;
    let (mut neighbours, mut distances, short) =
        measured.of_all(lists, Some(&order), &halves, run)?;
    // Points that have not met k others.
    let short: Vec<u32> = short.into_iter().map(|(point, _)| point).collect();
    if !short.is_empty() {
        for (&point, near) in short.iter().zip(measured.of_some(&short, run)?) {
            let at = point as usize * k;
            fill(&near, &mut neighbours[at..at + k], &mut distances[at..at + k]);
        }
    }
    Ok((neighbours, distances))
}

/// Which places belong to which cell.
pub(super) struct Cells {
    /// The places of each; none is empty.
    pub(super) ranges: Vec<Range<usize>>,
    /// The cell of each place.
    pub(super) of: Vec<u32>,
    pub(super) centres: Centres,
}

impl Cells {
    /// The cells of points that are assigned to these centres, and the point of each place.
    fn new(gram: &Gram, levels: &Levels, assigned: &[u32], dim: usize) -> (Self, Vec<u32>) {
        let n = assigned.len();
        let mut next = vec![0_usize; levels.rows().count() + 1];
        for &cell in assigned {
            next[cell as usize + 1] += 1;
        }
        for i in 1..next.len() {
            next[i] += next[i - 1];
        }
        let large = LARGE * n.div_ceil(next.len() - 1);
        let (mut ranges, mut rows, mut of) = (Vec::new(), Vec::new(), Vec::with_capacity(n));
        for (ends, centre) in next.windows(2).zip(levels.rows()) {
            let size = ends[1] - ends[0];
            let pieces = size.div_ceil(large);
            for piece in 0..pieces {
                let at = |piece: usize| ends[0] + size * piece / pieces;
                let range = at(piece)..at(piece + 1);
                of.resize(range.end, ranges.len() as u32);
                ranges.push(range);
                rows.extend_from_slice(centre);
            }
        }
        let mut order = vec![0_u32; n];
        for (point, &cell) in assigned.iter().enumerate() {
            let place = &mut next[cell as usize];
            order[*place] = point as u32;
            *place += 1;
        }
        (Cells { ranges, of, centres: Centres::new(gram, rows, dim) }, order)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }
}

/// Points in the order of their cells, and the nearest of each so far.
pub(super) struct State<'a> {
    pub(super) gram: Gram,
    /// The numbers of a front, and all fronts.
    pub(super) dim: usize,
    pub(super) fronts: Vec<f32>,
    /// All numbers of points that are compared by fronts first, and how many.
    pub(super) rows: Prepared<'a>,
    pub(super) wide: usize,
    pub(super) halves: Vec<f32>,
    /// The point of each place.
    pub(super) order: Vec<u32>,
    /// A lock a cell.
    pub(super) lists: Shared,
    /// The bits of D up to which others are of interest to each place, as of some moment. It only falls, so what it
    /// keeps away would not have stayed in the list.
    bounds: Vec<AtomicU32>,
}

impl<'a> State<'a> {
    fn new(
        points: &'a Points<'a>,
        fronts: Fronts,
        order: Vec<u32>,
        cells: &Cells,
        kept: usize,
        most: usize,
        work: &Work<'_>,
    ) -> Self {
        let dim = fronts.dim;
        let (whole, (fronts, halves)) = (fronts.whole, fronts.ordered(&order, work));
        let rows = if whole { Prepared::Fronts } else { Prepared::new(points, &order, most, work) };
        State {
            gram: Gram::detect(),
            dim,
            fronts,
            rows,
            wide: points.dim(),
            halves,
            lists: Shared::new(cells.ranges.iter().map(Range::len), kept),
            bounds: order.iter().map(|_| AtomicU32::new(f32::INFINITY.to_bits())).collect(),
            order,
        }
    }

    /// The front of a place.
    pub(super) fn front(&self, place: usize) -> &[f32] {
        &self.fronts[place * self.dim..][..self.dim]
    }

    /// D up to which others are of interest to the point of a place.
    pub(super) fn bound(&self, place: usize) -> f32 {
        f32::from_bits(self.bounds[place].load(Ordering::Relaxed))
    }

    /// Takes over what the lists of the places from `first` on say about that.
    pub(super) fn look(&self, first: usize, lists: &Lists) {
        for (own, bound) in self.bounds[first..][..lists.len()].iter().zip(lists.bounds()) {
            own.store(bound.to_bits(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::index::Graph;
    use crate::linalg::Matrix;

    /// Points that are read each time they are wanted have the neighbours that copied ones have, but for a few.
    #[test]
    fn points_need_not_be_held() {
        let mut random = crate::run::stream(2, &[]);
        let mut number = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let (n, dim) = (5000, 260);
        let centres: Vec<f32> = (0..12 * dim).map(|_| 3.0 * number()).collect();
        let data = (0..n * dim).map(|i| 100.0 + centres[i / dim % 12 * dim + i % dim] + number());
        let vectors = Matrix::new(n, dim, data.collect()).unwrap();
        for geometry in [Geometry::Euclidean, Geometry::Cosine] {
            let options = NeighbourOptions { recall_sample: 0, ..NeighbourOptions::nearest(10) };
            let found = |most: usize, threads: usize| {
                let run = Run { threads, ..Run::silent(4) };
                let points = Points::new(&vectors, geometry, &run).unwrap();
                let (neighbours, distances) =
                    in_cells_holding(most, &points, &options, &run).unwrap();
                Graph::new(10, neighbours, distances).unwrap()
            };
            let read = found(0, 1);
            assert_eq!(read, found(0, 2));
            for graph in [&read, &found(usize::MAX, 2)] {
                let recall = graph.measured(&vectors, geometry, n, &Run::silent(1)).unwrap();
                assert!(recall.value > 0.97, "{geometry:?}: {recall:?}");
            }
        }
    }
}
