//! Who meets whom: the points of a cell meet each other, and then those that may look for nearer ones there.
//!
//! Whatever lies in the cell of the centre b is on b's side of the plane halfway between b and a, the point's own
//! centre. The point x is so far from that plane:
//!
//! ```text
//! g(x, b) = (‖x − b‖² − ‖x − a‖²) / 2‖a − b‖
//! ```
//!
//! so that nothing in b's cell is nearer to x than g. With r the distance of the k-th nearest in its own cell, x visits
//! the cells of g ≤ ρ·r. With a reach ρ of 1 nothing would be missed, if every point were in the cell of its nearest
//! centre; but hardly a neighbour lies straight across the plane, so that far less will do (`docs/neighbours.md`). A pair meets if either visits the
//! other's cell, and is then of use to both.

use rayon::prelude::*;

use super::cells::{Cells, State};
use super::meetings::Meeting;
use crate::error::Result;
use crate::kernels;
use crate::kernels::gram::Line;
use crate::linalg::blocks::Work;

/// How far points look.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// ρ.
    pub(super) share: f32,
    /// The most points that a point is compared with on its visits, those of the likeliest cells.
    pub(super) most: usize,
    /// The same for a point that has not met k others at home, and so looks anywhere.
    pub(super) lost: usize,
}

/// Lets all points meet those that may be near.
pub(super) fn meet(state: &State<'_>, cells: &Cells, reach: Reach, work: &Work<'_>) -> Result<()> {
    let found: Vec<Vec<Visit>> = work.pool.install(|| {
        let each = (0..cells.len()).into_par_iter().with_max_len(1);
        let found = each.map_init(Default::default, |(meeting, own): &mut (Meeting, Own), cell| {
            if work.cancelled() {
                return Vec::new();
            }
            meeting.within(state, cells, cell);
            work.advance(cells.ranges[cell].len() as u64);
            own.visits(state, cells, cell, reach, meeting)
        });
        found.collect()
    });
    work.finish()?;
    let visitors = Visitors::new(cells, found);
    work.pool.install(|| {
        (0..cells.len()).into_par_iter().with_max_len(1).for_each_init(
            Meeting::default,
            |meeting, cell| {
                if !work.cancelled() {
                    meeting.visited(state, cells, cell, &visitors);
                    work.advance(cells.ranges[cell].len() as u64);
                }
            },
        );
    });
    work.finish()
}

/// The cell that is visited, and the place of the visitor.
type Visit = (u32, u32);

/// The visitors of every cell.
pub(super) struct Visitors {
    starts: Vec<usize>,
    places: Vec<u32>,
}

impl Visitors {
    /// From the visits of the points of every cell, in order.
    fn new(cells: &Cells, found: Vec<Vec<Visit>>) -> Self {
        let mut starts = vec![0_usize; cells.len() + 1];
        for &(cell, _) in found.iter().flatten() {
            starts[cell as usize + 1] += 1;
        }
        for cell in 0..cells.len() {
            starts[cell + 1] += starts[cell];
        }
        let mut next = starts.clone();
        let mut places = vec![0_u32; starts[cells.len()]];
        for visits in found {
            for (cell, place) in visits {
                let at = &mut next[cell as usize];
                places[*at] = place;
                *at += 1;
            }
        }
        Visitors { starts, places }
    }

    /// The places of those that visit a cell, in order.
    pub(super) fn of(&self, cell: usize) -> &[u32] {
        &self.places[self.starts[cell]..self.starts[cell + 1]]
    }

    /// Those of them that come from some places.
    pub(super) fn from(&self, cell: usize, places: &std::ops::Range<usize>) -> &[u32] {
        let all = self.of(cell);
        let until = |place: usize| all.partition_point(|&visitor| (visitor as usize) < place);
        &all[until(places.start)..until(places.end)]
    }
}

/// What a thread needs to choose visits.
#[derive(Default)]
struct Own {
    dots: Vec<f32>,
    /// ‖a − b‖ of every other centre b.
    apart: Vec<f32>,
    /// ½‖b‖² − ½‖a‖², NaN where there is none to visit.
    rise: Vec<f32>,
    limits: Vec<f32>,
    hits: Vec<u32>,
    near: Vec<(f32, u32)>,
}

impl Own {
    /// The visits of the points of a cell, which have met each other; they stand in `meeting`.
    fn visits(
        &mut self,
        state: &State<'_>,
        cells: &Cells,
        cell: usize,
        reach: Reach,
        meeting: &Meeting,
    ) -> Vec<Visit> {
        let (dim, centres) = (state.dim, &cells.centres);
        let places = centres.halves.len();
        self.apart.clear();
        self.apart.resize(places, 0.0);
        let own = &centres.rows[cell * dim..][..dim];
        kernels::l2_rows(own, &centres.rows, &mut self.apart[..cells.len()]);
        self.apart.iter_mut().for_each(|apart| *apart = apart.sqrt());
        self.rise.clear();
        self.rise.extend(centres.halves.iter().map(|half| half - centres.halves[cell]));
        self.rise[cell] = f32::NAN;
        self.hits.resize(places, 0);
        let mut visits = Vec::new();
        for block in meeting.blocks(cells.ranges[cell].len()) {
            self.dots.resize(block.places() * places, 0.0);
            state.gram.products(&block.panels, &centres.panels, dim, &mut self.dots);
            let dots = std::mem::take(&mut self.dots);
            for (i, (&place, dots)) in
                block.members.iter().zip(dots.chunks_exact(places)).enumerate()
            {
                let bound = state.bound(place as usize);
                // A smaller D is mostly rounding: these are copies, and nothing is nearer.
                let noise = (state.wide as f32 + 16.0).sqrt() * f32::EPSILON * block.halves[i];
                if bound > noise {
                    self.look(state, cells, bound, dots, dots[cell], reach);
                    visits.extend(self.near.iter().map(|&(_, other)| (other, place)));
                }
            }
            self.dots = dots;
        }
        visits
    }

    /// Puts into `near` the cells that a point visits, whose product with its own centre is `along`.
    fn look(
        &mut self,
        state: &State<'_>,
        cells: &Cells,
        bound: f32,
        dots: &[f32],
        along: f32,
        reach: Reach,
    ) {
        self.near.clear();
        let (far, most) = if bound.is_finite() {
            (reach.share * (2.0 * bound).sqrt(), reach.most)
        } else {
            (f32::INFINITY, reach.lost)
        };
        // Pieces of one cell share their centre, and lie on no side of a plane.
        let limit = |&apart: &f32| if apart > 0.0 { far * apart } else { f32::INFINITY };
        self.limits.clear();
        self.limits.extend(self.apart.iter().map(limit));
        let (rise, limits) = (&self.rise, &self.limits);
        let line =
            Line { dots, own: along, bound: f32::NEG_INFINITY, halves: rise, bounds: limits };
        let count = state.gram.close(&line, &mut self.hits);
        let mut points = 0;
        for &other in &self.hits[..count] {
            let apart = self.apart[other as usize];
            let gap = if apart > 0.0 { line.distance(other as usize) / apart } else { 0.0 };
            self.near.push((gap, other));
            points += cells.ranges[other as usize].len();
        }
        if points > most {
            self.near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut points = 0;
            let until = self.near.iter().position(|&(_, other)| {
                points += cells.ranges[other as usize].len();
                points > most
            });
            // The last is visited as a whole, so that there is one.
            self.near.truncate(until.map_or(self.near.len(), |until| until + 1));
        }
    }
}
