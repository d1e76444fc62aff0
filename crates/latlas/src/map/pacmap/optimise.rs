//! The iterations: Adam over all pairs at once. Every point sums up the gradient of its own pairs, in their order, from
//! where all points stood before, so that the bits do not depend on the number of threads.
//!
//! With v = yᵢ − yⱼ and d̃ = ‖v‖² + 1, the three losses and their gradients by yᵢ are (Wang et al. 2021, §4.2, eq. 15)
//!
//! ```text
//! near      w·d̃/(10 + d̃)        w·20·v/(10 + d̃)²
//! mid-near  w·d̃/(10000 + d̃)     w·20000·v/(10000 + d̃)²
//! further   w·1/(1 + d̃)         −w·2·v/(1 + d̃)²
//! ```

use rayon::ThreadPool;
use rayon::prelude::*;

use super::pairs::{Chosen, Pairs};
use crate::error::Result;
use crate::kernels::wide::{Width, Work};
use crate::linalg::Matrix;
use crate::linalg::blocks::pool;
use crate::map::kept::{Parts, Place};
use crate::run::Run;

/// Pairs whose forces are computed side by side.
const LANES: usize = 8;
/// Points that one thread moves at a time.
const CHUNK: usize = 256;
/// Adam's constants (Kingma & Ba 2015), with the authors' ε.
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-7;
/// What stands beside d̃ below the line.
pub(super) const NEAR: f32 = 10.0;
const MID_NEAR: f32 = 10_000.0;
pub(super) const FURTHER: f32 = 1.0;

/// How much each kind of pair counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weights {
    pub(super) near: f32,
    pub(super) mid_near: f32,
    pub(super) further: f32,
}

impl Weights {
    /// The weights of iteration `i` out of `all`: two ninths in which mid-near pairs fall from 1000 to 3, two ninths at
    /// 3, and none of them after that.
    pub(super) fn of(i: usize, all: usize) -> Self {
        let phase = all * 2 / 9;
        if i < phase {
            let share = i as f32 / phase as f32;
            Weights { near: 2.0, mid_near: (1.0 - share) * 1000.0 + share * 3.0, further: 1.0 }
        } else if i < 2 * phase {
            Weights { near: 3.0, mid_near: 3.0, further: 1.0 }
        } else {
            Weights { near: 1.0, mid_near: 0.0, further: 1.0 }
        }
    }
}

/// Adam's two moments of the gradient of a point.
#[derive(Debug, Clone, Copy)]
struct State<const D: usize> {
    first: [f32; D],
    second: [f32; D],
}

/// Points on their way, in D dimensions.
pub(super) struct Moving<const D: usize> {
    pairs: Chosen,
    pool: ThreadPool,
    learning_rate: f64,
    at: Matrix,
    moved: Matrix,
    states: Vec<State<D>>,
    done: usize,
    all: usize,
}

impl<const D: usize> Moving<D> {
    /// Ready for the first of `all` iterations, from `at` of D columns.
    pub(super) fn new(
        pairs: Chosen,
        at: Matrix,
        learning_rate: f64,
        all: usize,
        run: &Run<'_>,
    ) -> Result<Self> {
        let states = vec![State { first: [0.0; D], second: [0.0; D] }; at.rows()];
        let (pool, moved) = (pool(run)?, at.clone());
        Ok(Moving { pairs, pool, learning_rate, at, moved, states, done: 0, all })
    }

    /// Iterations done, and all of them.
    pub(super) fn iterations(&self) -> (usize, usize) {
        (self.done, self.all)
    }

    /// Where the points stand.
    pub(super) fn coords(&self) -> &Matrix {
        &self.at
    }

    /// Iteration, positions, and both moments of each.
    pub(super) fn keep(&self) -> Vec<u8> {
        let place = Place::default().number(self.done as u64).numbers(self.at.as_slice());
        self.states
            .iter()
            .fold(place, |place, state| place.numbers(&state.first).numbers(&state.second))
            .done()
    }

    pub(super) fn restore(&mut self, kept: &[u8]) -> Result<()> {
        let mut parts = Parts(kept);
        self.done = parts.step(self.all as u64)? as usize;
        parts.finite(self.at.as_mut_slice())?;
        for state in &mut self.states {
            parts.finite(&mut state.first)?;
            parts.finite(&mut state.second)?;
        }
        parts.end()
    }

    /// One iteration.
    pub(super) fn iterate(&mut self) {
        let Moving { pairs, pool, at, moved, states, .. } = self;
        let (pairs, at) = (&*pairs, &*at);
        let weights = Weights::of(self.done, self.all);
        let t = (self.done + 1) as i32;
        let unbiased = (1.0 - f64::from(BETA2).powi(t)).sqrt() / (1.0 - f64::from(BETA1).powi(t));
        let rate = (self.learning_rate * unbiased) as f32;
        pool.install(|| {
            let chunks = moved.as_mut_slice().par_chunks_mut(CHUNK * D);
            chunks.zip(states.par_chunks_mut(CHUNK)).enumerate().for_each(
                |(chunk, (moved, states))| {
                    let (first, weights) = (chunk * CHUNK, &weights);
                    Width::widest().run(Chunk { pairs, at, weights, rate, first, moved, states });
                },
            );
        });
        std::mem::swap(&mut self.at, &mut self.moved);
        self.done += 1;
    }

    /// The mean loss of a near and of a further pair; 0 where there is none.
    pub(super) fn losses(&self) -> (f64, f64) {
        let mean = |pairs: &Pairs, loss: &dyn Fn(f64) -> f64| {
            let one = |i: usize, j: u32| {
                let (a, b) = (self.at.row(i), self.at.row(j as usize));
                loss(1.0 + a.iter().zip(b).map(|(&a, &b)| f64::from(a - b).powi(2)).sum::<f64>())
            };
            let all = (0..self.at.rows()).flat_map(|i| pairs.of(i).iter().map(move |&j| one(i, j)));
            if pairs.len() == 0 { 0.0 } else { all.sum::<f64>() / (2 * pairs.len()) as f64 }
        };
        (
            mean(&self.pairs.near, &|d| d / (10.0 + d)),
            mean(&self.pairs.further, &|d| 1.0 / (1.0 + d)),
        )
    }
}

/// An iteration of the points from `first` on.
struct Chunk<'a, const D: usize> {
    pairs: &'a Chosen,
    at: &'a Matrix,
    weights: &'a Weights,
    rate: f32,
    first: usize,
    moved: &'a mut [f32],
    states: &'a mut [State<D>],
}

impl<const D: usize> Work for Chunk<'_, D> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for each width")]
    fn run(self) {
        let Chunk { pairs, at, weights, rate, first, moved, states } = self;
        for ((point, moved), state) in (first..).zip(moved.chunks_exact_mut(D)).zip(states) {
            let gradient = gradient::<D>(pairs, at, point, weights);
            for axis in 0..D {
                let (m, v) = (&mut state.first[axis], &mut state.second[axis]);
                *m += (1.0 - BETA1) * (gradient[axis] - *m);
                *v += (1.0 - BETA2) * (gradient[axis] * gradient[axis] - *v);
                moved[axis] = at.row(point)[axis] - rate * *m / (v.sqrt() + EPSILON);
            }
        }
    }
}

/// The gradient of the loss by the position of a point.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled for each width")]
fn gradient<const D: usize>(
    pairs: &Chosen,
    at: &Matrix,
    point: usize,
    weights: &Weights,
) -> [f32; D] {
    let near = pulls::<D>(pairs.near.of(point), at, point, NEAR);
    let further = pulls::<D>(pairs.further.of(point), at, point, FURTHER);
    let mut sum = [0.0; D];
    for axis in 0..D {
        sum[axis] = weights.near * 2.0 * NEAR * near[axis] - weights.further * 2.0 * further[axis];
    }
    if weights.mid_near > 0.0 {
        let mid_near = pulls::<D>(pairs.mid_near.of(point), at, point, MID_NEAR);
        for axis in 0..D {
            sum[axis] += weights.mid_near * 2.0 * MID_NEAR * mid_near[axis];
        }
    }
    sum
}

/// Σ v/(`soft` + d̃)² over the pairs of a point.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled for each width")]
fn pulls<const D: usize>(others: &[u32], at: &Matrix, point: usize, soft: f32) -> [f32; D] {
    let at = at.as_slice();
    let place = |i: usize| -> [f32; D] {
        let mut y = [0.0; D];
        y.copy_from_slice(&at[i * D..i * D + D]);
        y
    };
    let own = place(point);
    let mut sums = [[0.0_f32; LANES]; D];
    for others in others.chunks(LANES) {
        // A lane that is left over holds the point itself, which pulls at nothing.
        let mut there = [own; LANES];
        for (there, &other) in there.iter_mut().zip(others) {
            *there = place(other as usize);
        }
        let mut apart = [[0.0; LANES]; D];
        let mut below = [soft + 1.0; LANES];
        for axis in 0..D {
            for lane in 0..LANES {
                let v = own[axis] - there[lane][axis];
                apart[axis][lane] = v;
                below[lane] += v * v;
            }
        }
        let share = below.map(|below| 1.0 / (below * below));
        for axis in 0..D {
            for lane in 0..LANES {
                sums[axis][lane] += apart[axis][lane] * share[lane];
            }
        }
    }
    sums.map(|lanes| {
        let pairs = [0, 1, 2, 3].map(|lane| lanes[lane] + lanes[lane + 4]);
        (pairs[0] + pairs[1]) + (pairs[2] + pairs[3])
    })
}

#[cfg(test)]
mod tests {
    use super::super::pairs::Counts;
    use super::*;
    use crate::geometry::Measure;
    use crate::index::{Exact, Graph};
    use rand_xoshiro::rand_core::Rng;

    fn noise(rows: usize, cols: usize) -> Matrix {
        let mut random = crate::run::stream(7, &[cols as u64]);
        let data = (0..rows * cols).map(|_| (random.next_u32() >> 8) as f32 / 1e6).collect();
        Matrix::new(rows, cols, data).unwrap()
    }

    #[test]
    fn weights_have_three_phases() {
        assert_eq!(Weights::of(0, 450), Weights { near: 2.0, mid_near: 1000.0, further: 1.0 });
        assert_eq!(Weights::of(50, 450).mid_near, 501.5);
        assert_eq!(Weights::of(100, 450), Weights { near: 3.0, mid_near: 3.0, further: 1.0 });
        assert_eq!(Weights::of(200, 450), Weights { near: 1.0, mid_near: 0.0, further: 1.0 });
    }

    /// The gradient against differences of the loss, in f64, at a point and along an axis each.
    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (vectors, at) = (noise(40, 4), noise(40, 2));
        let index = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
        let graph = Graph::from(&index.knn(20, 1).unwrap());
        let run = Run::silent(1);
        let counts = Counts { near: 4, mid_near: 3, further: 9 };
        let pairs = Chosen::new(&vectors, &graph, counts, &run).unwrap();
        let weights = Weights { near: 2.0, mid_near: 40.0, further: 1.5 };
        let loss = |moved: usize, y: [f64; 2]| -> f64 {
            let place = |i: usize| {
                if i == moved { y } else { [0, 1].map(|axis| f64::from(at.row(i)[axis])) }
            };
            let sum = |pairs: &Pairs, loss: &dyn Fn(f64) -> f64| -> f64 {
                (0..40)
                    .flat_map(|i| pairs.of(i).iter().map(move |&j| (i, j as usize)))
                    .map(|(i, j)| {
                        let (a, b) = (place(i), place(j));
                        loss(1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2))
                    })
                    .sum()
            };
            // Every pair is there in both directions.
            0.5 * (2.0 * sum(&pairs.near, &|d| d / (10.0 + d))
                + 40.0 * sum(&pairs.mid_near, &|d| d / (10_000.0 + d))
                + 1.5 * sum(&pairs.further, &|d| 1.0 / (1.0 + d)))
        };
        for point in [0, 7, 39] {
            let own = [0, 1].map(|axis| f64::from(at.row(point)[axis]));
            let found = gradient::<2>(&pairs, &at, point, &weights);
            for axis in 0..2 {
                let at = |by: f64| {
                    let mut y = own;
                    y[axis] += by;
                    loss(point, y)
                };
                let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
                let error = (f64::from(found[axis]) - expected).abs();
                assert!(error < 1e-4 * expected.abs().max(1.0), "{} {expected}", found[axis]);
            }
        }
    }
}
