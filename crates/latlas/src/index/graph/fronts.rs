//! What points are compared by first: of wide points their coordinates along the leading directions and the length of
//! what is left, of others all of their numbers.
//!
//! Let p be the projection of x on some orthonormal directions and ρ = ‖x − p‖. Then
//!
//! ```text
//! xᵢ·xⱼ = pᵢ·pⱼ + ρᵢρⱼ·cos θ,   θ the angle between the two rests,
//! ```
//!
//! and as cos θ ≤ 1, D(i, j) ≥ hᵢ + hⱼ − (pᵢ·pⱼ + ρᵢρⱼ): who is too far by its front is so by all numbers, and only for the others
//! all are multiplied (as partial distances in Bei & Gray, IEEE Trans. Communications 33, 1985, and a search by the Karhunen–Loève
//! transform in McNames, IEEE Trans. PAMI 23, 2001). Rests in hundreds of dimensions hardly ever point one way: with [`ALIKE`]
//! in place of 1 next to nothing is lost, and half as many are left to multiply.

use rand_xoshiro::rand_core::Rng;
use rayon::prelude::*;

use super::points::Points;
use super::random::drawn;
use crate::error::Result;
use crate::kernels::LANES;
use crate::kernels::gram::Gram;
use crate::linalg::blocks::Work;
use crate::linalg::{Matrix, RandomizedOptions, randomized_svd};
use crate::run::Run;

/// Points of fewer numbers are compared by all of them.
const WIDE: usize = 256;
/// The numbers of a front.
const FRONT: usize = 128;
/// How far rests may point one way: the cosine.
const ALIKE: f32 = 0.7;
/// Points that the directions are found on.
const SAMPLE: usize = 4096;
/// The name of the random stream of the sample: "fronts".
const STREAM: u64 = 0x6672_6f6e_7473;
/// Points that are prepared together.
const BLOCK: usize = 256;

/// The fronts of all points, row after row.
pub(super) struct Fronts {
    pub(super) dim: usize,
    pub(super) rows: Vec<f32>,
    /// ½‖x‖² of each point, all numbers counted.
    pub(super) halves: Vec<f32>,
    /// Whether they are the points themselves.
    pub(super) whole: bool,
}

impl Fronts {
    pub(super) fn new(points: &Points<'_>, run: &Run, work: &Work<'_>) -> Result<Self> {
        if points.dim() < WIDE || points.len() < SAMPLE {
            let (rows, halves) = points.rows(work);
            return Ok(Fronts { dim: points.dim(), rows, halves, whole: true });
        }
        let directions = directions(points, run)?;
        Ok(projected(points, &directions, work))
    }

    /// The fronts and halves in this order.
    pub(super) fn ordered(self, order: &[u32], work: &Work<'_>) -> (Vec<f32>, Vec<f32>) {
        let mut rows = vec![0.0; self.rows.len()];
        let chunk = BLOCK * self.dim;
        work.pool.install(|| {
            rows.par_chunks_mut(chunk).zip(order.par_chunks(BLOCK)).for_each(|(out, order)| {
                for (out, &point) in out.chunks_exact_mut(self.dim).zip(order) {
                    out.copy_from_slice(&self.rows[point as usize * self.dim..][..self.dim]);
                }
            });
        });
        let halves = order.iter().map(|&point| self.halves[point as usize]).collect();
        (rows, halves)
    }
}

/// The leading directions of a sample of prepared points, about the origin: a mean that all points have is one of them.
fn directions(points: &Points<'_>, run: &Run) -> Result<Matrix> {
    let dim = points.dim();
    let key = run.stream(&[STREAM]).next_u64();
    let mut sample = drawn(points.len(), SAMPLE, key);
    sample.sort_unstable();
    let (mut numbers, mut scratch) = (vec![0.0; SAMPLE * dim], Vec::new());
    for (&point, out) in sample.iter().zip(numbers.chunks_exact_mut(dim)) {
        let point = point as usize;
        points.write(point..point + 1, &mut scratch, out, &mut [0.0]);
    }
    let sample = Matrix::new(SAMPLE, dim, numbers)?;
    // Roughly will do: any orthonormal directions give a bound.
    let options = RandomizedOptions { oversample: 1, most_passes: 3, tolerance: 0.0 };
    Ok(randomized_svd(&sample, &vec![0.0; dim], FRONT - 1, &options, run)?.v)
}

fn projected(points: &Points<'_>, directions: &Matrix, work: &Work<'_>) -> Fronts {
    let (n, dim, gram) = (points.len(), points.dim(), Gram::detect());
    let mut across = vec![0.0; FRONT * dim];
    gram.pack(directions.as_slice(), dim, &mut across);
    let (mut rows, mut halves) = (vec![0.0; n * FRONT], vec![0.0; n]);
    work.pool.install(|| {
        let each = rows.par_chunks_mut(BLOCK * FRONT).zip(halves.par_chunks_mut(BLOCK));
        each.enumerate().for_each_init(Own::default, |own, (block, (rows, halves))| {
            if work.cancelled() {
                return;
            }
            let range = block * BLOCK..block * BLOCK + halves.len();
            let places = range.len().next_multiple_of(LANES);
            own.rows.resize(range.len() * dim, 0.0);
            points.write(range, &mut own.scratch, &mut own.rows, halves);
            own.panels.resize(places * dim, 0.0);
            gram.pack(&own.rows, dim, &mut own.panels);
            own.dots.resize(places * FRONT, 0.0);
            gram.products(&own.panels, &across, dim, &mut own.dots);
            let each = rows.chunks_exact_mut(FRONT).zip(own.dots.chunks_exact(FRONT));
            for ((front, dots), half) in each.zip(halves) {
                front.copy_from_slice(dots);
                let along: f32 = dots[..FRONT - 1].iter().map(|x| x * x).sum();
                front[FRONT - 1] = (ALIKE * (2.0 * *half - along).max(0.0)).sqrt();
            }
        });
    });
    Fronts { dim: FRONT, rows, halves, whole: false }
}

/// What a thread needs to project points.
#[derive(Default)]
struct Own {
    scratch: Vec<f32>,
    rows: Vec<f32>,
    panels: Vec<f32>,
    dots: Vec<f32>,
}
