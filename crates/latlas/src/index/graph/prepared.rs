//! All numbers of points that are compared by their fronts first: copied side by side where they are not too large, read from where they lie where they
//! are.
//!
//! Points that are read are prepared in f32 each time they are wanted, x ← s·(x − m) or x ← x/‖x‖: an offset that is
//! common to all of them cancels, and what is found is measured in f64 at the end.

use rayon::prelude::*;

use super::points::Points;
use crate::geometry::Measure;
use crate::linalg::blocks::Work;

/// Numbers that are copied at most: 1 GiB, and as much again while they are put in order.
pub(super) const MOST_HELD: usize = 1 << 28;
/// Points that a thread takes at a time.
const BLOCK: usize = 256;

/// Rows that can be asked for by place.
pub(super) enum Prepared<'a> {
    /// They are the fronts that points are compared by.
    Fronts,
    /// All of them, row after row.
    Held(Vec<f32>),
    /// To be read.
    Read { points: &'a Points<'a>, shift: Vec<f32>, scales: Vec<f32> },
}

impl<'a> Prepared<'a> {
    /// The rows of the points in this order, at most so many numbers copied. `halves` has ½‖x‖² of each place.
    pub(super) fn new(points: &'a Points<'a>, order: &[u32], most: usize, work: &Work<'_>) -> Self {
        let (n, dim) = (points.len(), points.dim());
        if n.saturating_mul(dim) <= most {
            let mut rows = vec![0.0; n * dim];
            work.pool.install(|| {
                rows.par_chunks_mut(BLOCK * dim).zip(order.par_chunks(BLOCK)).for_each_init(
                    Vec::new,
                    |scratch, (out, order)| {
                        for (out, &point) in out.chunks_exact_mut(dim).zip(order) {
                            let point = point as usize;
                            points.write(point..point + 1, scratch, out, &mut [0.0]);
                        }
                    },
                );
            });
            return Prepared::Held(rows);
        }
        let (shift, scale) = points.moved();
        let mut scales = vec![scale; n];
        if points.measure == Measure::Cosine {
            work.pool.install(|| {
                scales.par_iter_mut().zip(order).for_each_init(
                    Vec::new,
                    |scratch, (scale, &point)| {
                        let point = point as usize;
                        let numbers = points.source.block(point..point + 1, scratch);
                        let squares =
                            numbers.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
                        *scale = if squares > 0.0 { (1.0 / squares.sqrt()) as f32 } else { 0.0 };
                    },
                );
            });
        }
        Prepared::Read { points, shift, scales }
    }

    /// Appends the row of a place, which has this point, if it has to be read.
    #[inline]
    pub(super) fn append(
        &self,
        place: usize,
        point: usize,
        scratch: &mut Vec<f32>,
        out: &mut Vec<f32>,
    ) {
        if let Prepared::Read { points, shift, scales } = self {
            let numbers = points.source.block(point..point + 1, scratch);
            moved(numbers, shift, scales[place], out);
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
