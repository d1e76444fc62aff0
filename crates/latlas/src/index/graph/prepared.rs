//! Points as NN-descent compares them, in the order of its first tree: copied side by side where they are not too large,
//! read from where they lie where they are.
//!
//! Points that are read are prepared in f32 each time they are wanted, x ← s·(x − m) or x ← x/‖x‖: an offset that is
//! common to all of them cancels, and what is found is measured in f64 at the end. Their trees grow on a sketch, the
//! products with [`SKETCH`] vectors of random signs, which keeps distances to some tenths (Johnson & Lindenstrauss 1984;
//! Achlioptas, J. Computer and System Sciences 66, 2003): who is near falls into one leaf as often.

use rayon::prelude::*;

use super::forest::mixed;
use super::points::Points;
use crate::geometry::Measure;
use crate::kernels;
use crate::linalg::blocks::Work;

/// Numbers that are copied at most: 1 GiB, and as much again while they are put in order.
pub(super) const MOST_HELD: usize = 1 << 28;
/// Numbers of a sketch.
const SKETCH: usize = 64;
/// Points that a thread takes at a time.
const BLOCK: usize = 256;

/// Rows that can be asked for by place.
pub(super) enum Prepared<'a> {
    /// All of them, row after row.
    Held(Vec<f32>),
    /// To be read; `order` has the point of each place, `sketch` its sketch.
    Read {
        points: &'a Points<'a>,
        shift: Vec<f32>,
        scales: Vec<f32>,
        order: Vec<u32>,
        sketch: Vec<f32>,
    },
}

impl<'a> Prepared<'a> {
    /// In the points' own order, with ½‖x‖² of each.
    pub(super) fn new(
        points: &'a Points<'a>,
        most: usize,
        key: u64,
        work: &Work<'_>,
    ) -> (Self, Vec<f32>) {
        let (n, dim) = (points.len(), points.dim());
        if n.saturating_mul(dim) <= most {
            let (rows, halves) = points.rows(work);
            return (Prepared::Held(rows), halves);
        }
        let signs: Vec<f32> = (0..SKETCH * dim)
            .map(|i| if mixed(key, i as u64) & 1 == 0 { 1.0 } else { -1.0 })
            .collect();
        let (shift, scale) = points.moved();
        let mut scales = vec![scale; n];
        let (mut sketch, mut halves) = (vec![0.0; n * SKETCH], vec![0.0; n]);
        let each = sketch
            .par_chunks_mut(BLOCK * SKETCH)
            .zip(halves.par_chunks_mut(BLOCK))
            .zip(scales.par_chunks_mut(BLOCK));
        work.pool.install(|| {
            each.enumerate().for_each_init(
                Default::default,
                |(scratch, row): &mut (Vec<f32>, Vec<f32>), (block, ((sketch, halves), scales))| {
                    if work.cancelled() {
                        return;
                    }
                    let first = block * BLOCK;
                    let numbers = points.source.block(first..first + halves.len(), scratch);
                    let each = numbers.chunks_exact(dim).zip(sketch.chunks_exact_mut(SKETCH));
                    for ((numbers, sketch), (half, scale)) in
                        each.zip(halves.iter_mut().zip(&mut *scales))
                    {
                        let squares =
                            |x: &[f32]| x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
                        if points.measure == Measure::Cosine {
                            let norm = squares(numbers).sqrt();
                            *scale = if norm > 0.0 { (1.0 / norm) as f32 } else { 0.0 };
                        }
                        row.clear();
                        moved(numbers, &shift, *scale, row);
                        *half = if points.measure == Measure::Cosine {
                            0.5
                        } else {
                            (0.5 * squares(row)) as f32
                        };
                        for (out, signs) in sketch.iter_mut().zip(signs.chunks_exact(dim)) {
                            *out = kernels::dot(row, signs);
                        }
                    }
                    work.advance(halves.len() as u64);
                },
            );
        });
        let order = (0..n as u32).collect();
        (Prepared::Read { points, shift, scales, order, sketch }, halves)
    }

    /// The same rows in this order of places.
    pub(super) fn ordered(self, dim: usize, new: &[u32]) -> Self {
        match self {
            Prepared::Held(rows) => Prepared::Held(gathered(&rows, dim, new)),
            Prepared::Read { points, shift, scales, order, sketch } => Prepared::Read {
                points,
                shift,
                scales: gathered(&scales, 1, new),
                order: new.iter().map(|&old| order[old as usize]).collect(),
                sketch: gathered(&sketch, SKETCH, new),
            },
        }
    }

    /// What trees grow on: rows, and how many numbers each has.
    pub(super) fn sketch(&self, dim: usize) -> (&[f32], usize) {
        match self {
            Prepared::Held(rows) => (rows, dim),
            Prepared::Read { sketch, .. } => (sketch, SKETCH),
        }
    }

    /// Appends the row of a place.
    #[inline]
    pub(super) fn append(
        &self,
        place: u32,
        dim: usize,
        scratch: &mut Vec<f32>,
        out: &mut Vec<f32>,
    ) {
        let at = place as usize;
        match self {
            Prepared::Held(rows) => out.extend_from_slice(&rows[at * dim..(at + 1) * dim]),
            Prepared::Read { points, shift, scales, order, .. } => {
                let point = order[at] as usize;
                let numbers = points.source.block(point..point + 1, scratch);
                moved(numbers, shift, scales[at], out);
            }
        }
    }
}

/// Appends s·(x − m).
#[inline]
fn moved(numbers: &[f32], shift: &[f32], scale: f32, out: &mut Vec<f32>) {
    if shift.is_empty() {
        out.extend(numbers.iter().map(|x| x * scale));
    } else {
        out.extend(numbers.iter().zip(shift).map(|(x, shift)| (x - shift) * scale));
    }
}

fn gathered(rows: &[f32], dim: usize, order: &[u32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len());
    for &old in order {
        out.extend_from_slice(&rows[old as usize * dim..][..dim]);
    }
    out
}
