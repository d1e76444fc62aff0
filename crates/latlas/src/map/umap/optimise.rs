//! The epochs: stochastic gradient descent that gives the same bits on any number of threads.
//!
//! umap-learn walks over the links; a link that is due pulls both its ends together and pushes the first from a few
//! random points. Threads that do so race for the same points. Here each **point** is moved by one thread alone, its
//! owner, from what it finds:
//!
//! * a link is due as often as there, w/max w times an epoch, but its ends are moved by their own owners. As both
//!   directions of a link move both ends, an end is pulled twice: an epoch has two **passes**, in each of which a point is
//!   pulled once by every link that is due, and pushed by half of `negative_sample_rate` (rounded down, then up);
//! * points are dealt into eight slices at random, and a pass works on one slice after the other. What a point sees
//!   of its own slice is where it stood before the slice began; all other slices are as they are now. So it is nearly
//!   Gauss and Seidel's order, which settles where moving all points at once (Jacobi's) would swing;
//! * within its turn a point moves at once with every link, as in the original;
//! * a tethered point is drawn back at the end of its turn, by the implicit step y ← (y + λη·a)/(1 + λη) of λ‖y − a‖², which
//!   no strength makes swing;
//! * whether a link is due is arithmetic: in pass t it is if t·rate crosses a whole number. Random numbers are named by
//!   seed, pass and point. Nothing depends on who works on what.

use std::ops::Range;
use std::sync::OnceLock;

use rand_xoshiro::rand_core::Rng;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::curve::Curve;
use super::density::{Density, Keeping, radii};
use super::forces::Forces;
use super::links::Links;
use super::places::{STREAM, Springs, order};
use super::turns::{Hands, Tethers, Turns};
use crate::error::Result;
use crate::index::Graph;
use crate::linalg::Matrix;
use crate::linalg::blocks::pool;
use crate::map::Tether;
use crate::map::kept::{Parts, Place};
use crate::run::Run;

/// Passes in an epoch.
pub(super) const PASSES: u64 = 2;
/// Points that one thread moves at a time.
const CHUNK: usize = 256;

/// How points are moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) epochs: u64,
    pub(super) learning_rate: f64,
    pub(super) negatives: usize,
    pub(super) curve: Curve,
    pub(super) repulsion_strength: f64,
    /// Whether, and how, densities are kept.
    pub(super) keeping: Option<Keeping>,
}

/// Points on their way, in D dimensions.
pub(super) struct Moving<const D: usize> {
    schedule: Schedule,
    forces: Forces,
    pool: ThreadPool,
    /// The number here of each point: its place.
    places: Vec<u32>,
    /// The places of each slice.
    slices: Vec<Range<usize>>,
    springs: Springs,
    density: Option<Density>,
    tether: Option<Tethers<D>>,
    /// Where the point of each place stands.
    at: Vec<[f32; D]>,
    /// Room for a slice.
    moved: Vec<[f32; D]>,
    epoch: u64,
    /// The positions as others see them, made when asked for.
    shown: OnceLock<Matrix>,
}

impl<const D: usize> Moving<D> {
    /// Ready for the first epoch, from `start` of D columns.
    pub(super) fn new(
        links: &Links,
        graph: &Graph,
        start: &Matrix,
        schedule: Schedule,
        run: &Run<'_>,
    ) -> Result<Self> {
        let (n, curve) = (start.rows(), schedule.curve);
        let (order, slices) = order(start, run);
        let mut places = vec![0; n];
        for (place, &point) in order.iter().enumerate() {
            places[point as usize] = place as u32;
        }
        let springs = Springs::new(links, &order, &places, schedule.epochs);
        let position = |&point: &u32| {
            let mut y = [0.0; D];
            y.copy_from_slice(start.row(point as usize));
            y
        };
        let at: Vec<[f32; D]> = order.iter().map(position).collect();
        let moved = vec![[0.0; D]; slices.iter().map(Range::len).max().unwrap_or(0)];
        let density = schedule.keeping.map(|keeping| {
            let truth = radii(links, graph, links.strongest() / schedule.epochs.max(1) as f32);
            let truth: Vec<f64> = order.iter().map(|&point| truth[point as usize]).collect();
            Density::new(keeping, curve, &truth, &springs)
        });
        let forces = Forces::new(curve.a, curve.b, schedule.repulsion_strength);
        let (pool, shown) = (pool(run)?, OnceLock::new());
        Ok(Moving {
            schedule,
            forces,
            pool,
            places,
            slices,
            springs,
            density,
            tether: None,
            at,
            moved,
            epoch: 0,
            shown,
        })
    }

    /// Draws points back to where the tether says.
    pub(super) fn tethered(mut self, tether: Option<Tether<'_>>) -> Self {
        self.tether = tether.map(|tether| {
            let mut to = vec![None; self.places.len()];
            for (point, &place) in self.places.iter().enumerate() {
                to[place as usize] = tether.of(point);
            }
            Tethers { to, strength: tether.strength as f32 }
        });
        self
    }

    /// How many links pull, both directions counted.
    pub(super) fn springs(&self) -> usize {
        self.springs.targets.len()
    }

    /// How far densities are those of the vectors; `None` where they do not count.
    pub(super) fn density_correlation(&self) -> Option<f64> {
        self.density.as_ref().map(Density::correlation)
    }

    /// Epochs done, and all of them.
    pub(super) fn epochs(&self) -> (u64, u64) {
        (self.epoch, self.schedule.epochs)
    }

    /// One epoch.
    pub(super) fn epoch(&mut self, run: &Run<'_>) {
        let Moving {
            schedule,
            forces,
            pool,
            slices,
            springs,
            density,
            tether,
            at,
            moved,
            epoch,
            ..
        } = self;
        let (first, all) = (*epoch * PASSES, schedule.epochs * PASSES);
        let (springs, forces, tether) = (&*springs, &*forces, tether.as_ref());
        let density = match density {
            Some(density) if density.counts(*epoch, schedule.epochs) => {
                density.measure(at, springs, pool);
                Some(&*density)
            }
            _ => None,
        };
        pool.install(|| {
            for pass in first..first + PASSES {
                let turns = Turns {
                    springs,
                    forces,
                    density,
                    tether,
                    // Pass 0 would find every link due.
                    pass: pass as u32 + 1,
                    negatives: (schedule.negatives + (pass % PASSES) as usize) / PASSES as usize,
                    rate: (schedule.learning_rate * (1.0 - pass as f64 / all as f64)) as f32,
                    key: run.stream(&[STREAM, pass]).next_u64(),
                };
                for slice in slices.iter() {
                    let (seen, moved) = (at.as_slice(), &mut moved[..slice.len()]);
                    moved.par_chunks_mut(CHUNK).enumerate().for_each_init(
                        Hands::default,
                        |hands, (chunk, moved)| {
                            turns.take(seen, slice.start + chunk * CHUNK, moved, hands);
                        },
                    );
                    at[slice.clone()].copy_from_slice(moved);
                }
            }
        });
        *epoch += 1;
        self.shown = OnceLock::new();
    }

    /// Epoch, and positions place by place: all else is made of links and start, and measured before each epoch.
    pub(super) fn keep(&self) -> Vec<u8> {
        Place::default().number(self.epoch).numbers(self.at.as_flattened()).done()
    }

    pub(super) fn restore(&mut self, kept: &[u8]) -> Result<()> {
        let mut parts = Parts(kept);
        self.epoch = parts.step(self.schedule.epochs)?;
        parts.finite(self.at.as_flattened_mut())?;
        self.shown = OnceLock::new();
        parts.end()
    }

    /// Where the points stand, in their own order.
    pub(super) fn coords(&self) -> &Matrix {
        self.shown.get_or_init(|| {
            let mut coords = Matrix::zeros(self.places.len(), D);
            for (out, &place) in coords.as_mut_slice().chunks_exact_mut(D).zip(&self.places) {
                out.copy_from_slice(&self.at[place as usize]);
            }
            coords
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::turns::due;
    use super::*;

    fn schedule(epochs: u64) -> Schedule {
        Schedule {
            epochs,
            learning_rate: 1.0,
            negatives: 5,
            curve: Curve { a: 1.577, b: 0.895 },
            repulsion_strength: 1.0,
            keeping: None,
        }
    }

    /// Three points in a line: 0 and 1 fully linked, 1 and 2 at a fourth of it.
    fn line(threads: usize) -> Moving<2> {
        let run = Run { threads, ..Run::silent(9) };
        let links = Links::build(3, &pool(&run).unwrap(), |i, out| {
            out.extend(
                [vec![(1_u32, 0.8_f32)], vec![(0, 0.8), (2, 0.2)], vec![(1, 0.2)]][i].iter(),
            );
        });
        let start = Matrix::new(3, 2, vec![0.0, 0.0, 5.0, 0.0, 9.0, 1.0]).unwrap();
        let graph = Graph::new(0, Vec::new(), Vec::new()).unwrap();
        Moving::new(&links, &graph, &start, schedule(100), &run).unwrap()
    }

    #[test]
    fn links_are_due_in_proportion_to_their_strength() {
        let moving = line(1);
        let due = |rate: u32| (1..=200).filter(|&pass| due(pass, rate)).count();
        let mut counts: Vec<usize> = moving.springs.rates.iter().map(|&rate| due(rate)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [50, 50, 199, 199]);
    }

    #[test]
    fn what_is_linked_comes_together_whatever_the_threads() {
        let settle = |threads| {
            let mut moving = line(threads);
            let run = Run { threads, ..Run::silent(9) };
            while moving.epochs().0 < 100 {
                moving.epoch(&run);
            }
            moving.coords().clone()
        };
        let coords = settle(1);
        assert_eq!(coords, settle(2));
        let apart = |i: usize, j: usize| {
            let (a, b) = (coords.row(i), coords.row(j));
            (a[0] - b[0]).hypot(a[1] - b[1])
        };
        assert!(apart(0, 1) < apart(0, 2) && apart(0, 1) < 3.0, "{coords:?}");
    }
}
