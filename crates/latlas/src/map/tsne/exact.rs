//! Repulsion pair by pair, and Z likewise.

use rayon::prelude::*;

use super::Repel;
use crate::linalg::blocks::Work;

/// Pairs that are looked at side by side.
const LANES: usize = 16;
/// Points whose sums run in f32; beyond, the sum of such sums runs in f64.
const RUN: usize = 4096;
/// Points that a thread takes at a time.
const CHUNK: usize = 64;

/// All pairs.
pub(super) struct Exact;

impl<const D: usize> Repel<D> for Exact {
    fn repel(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64 {
        let columns = columns(at);
        let chunks = out.par_chunks_mut(CHUNK).zip(at.par_chunks(CHUNK)).map(|(out, own)| {
            let mut sum = 0.0;
            for (out, own) in out.iter_mut().zip(own) {
                let mut force = [0.0_f64; D];
                for start in (0..at.len()).step_by(RUN) {
                    let behind = start..(start + RUN).min(at.len());
                    let part = sums(&columns, own, behind);
                    sum += f64::from(part.0);
                    force.iter_mut().zip(part.1).for_each(|(f, part)| *f += f64::from(part));
                }
                *out = force.map(|f| f as f32);
                // Its own place, where w = 1.
                sum -= 1.0;
            }
            sum
        });
        chunks.collect::<Vec<f64>>().into_iter().sum()
    }

    fn like(&self, _: f64) -> Box<dyn Repel<D>> {
        Box::new(Exact)
    }
}

/// Z = Σ_{k≠l} 1 / (1 + ‖y_k − y_l‖²), each pair once and counted twice. Runs on the pool it is called in.
pub(super) fn partition<const D: usize>(at: &[[f32; D]], work: &Work<'_>) -> f64 {
    let columns = columns(at);
    let chunks: Vec<f64> = at
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, own)| {
            let mut sum = 0.0;
            if work.cancelled() {
                return sum;
            }
            for (i, own) in (chunk * CHUNK..).zip(own) {
                for start in (i + 1..at.len()).step_by(RUN) {
                    let behind = start..(start + RUN).min(at.len());
                    sum += f64::from(sums(&columns, own, behind).0);
                }
            }
            work.advance(own.len() as u64);
            sum
        })
        .collect();
    2.0 * chunks.into_iter().sum::<f64>()
}

/// The coordinates, axis after axis.
fn columns<const D: usize>(at: &[[f32; D]]) -> [Vec<f32>; D] {
    std::array::from_fn(|axis| at.iter().map(|point| point[axis]).collect())
}

/// Σ w and Σ w²·(y − yⱼ) over a range of points.
#[inline]
fn sums<const D: usize>(
    columns: &[Vec<f32>; D],
    own: &[f32; D],
    range: std::ops::Range<usize>,
) -> (f32, [f32; D]) {
    let (mut weights, mut forces) = ([0.0_f32; LANES], [[0.0_f32; LANES]; D]);
    let whole = range.len() / LANES * LANES;
    for first in (range.start..range.start + whole).step_by(LANES) {
        let (mut off, mut weight) = ([[0.0_f32; LANES]; D], [1.0_f32; LANES]);
        for axis in 0..D {
            let others = &columns[axis][first..first + LANES];
            for lane in 0..LANES {
                off[axis][lane] = own[axis] - others[lane];
                weight[lane] += off[axis][lane] * off[axis][lane];
            }
        }
        for lane in 0..LANES {
            weight[lane] = 1.0 / weight[lane];
            weights[lane] += weight[lane];
            weight[lane] *= weight[lane];
        }
        for axis in 0..D {
            for lane in 0..LANES {
                forces[axis][lane] += weight[lane] * off[axis][lane];
            }
        }
    }
    let (mut sum, mut force) = (weights.iter().sum::<f32>(), forces.map(|f| f.iter().sum::<f32>()));
    let apart = |j: usize| -> [f32; D] { std::array::from_fn(|axis| own[axis] - columns[axis][j]) };
    for off in (range.start + whole..range.end).map(apart) {
        let weight = 1.0 / (1.0 + off.iter().map(|x| x * x).sum::<f32>());
        sum += weight;
        force.iter_mut().zip(off).for_each(|(f, off)| *f += weight * weight * off);
    }
    (sum, force)
}
