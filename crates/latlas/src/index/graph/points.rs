//! Points as the kernels want them.
//!
//! Under Euclidean distance x ← s·(x − m), m the mean and s such that the mean square is 1: no rank changes, no square
//! overflows, and a common offset costs no digits. Under the cosine x ← x/‖x‖, zero vectors staying zero. Then
//!
//! ```text
//! D(i, j) = hᵢ + hⱼ − xᵢ·xⱼ,   h = ½‖x‖² (under the cosine ½, for zero vectors too)
//! ```
//!
//! orders as the distance does: it is ½s²‖a − b‖², or 1 − cos, which puts zero vectors at distance 1 from everything.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::Result;
use crate::geometry::{Geometry, Measure};
use crate::kernels::LANES;
use crate::kernels::gram::Gram;
use crate::kernels::wide::{self, Width};
use crate::linalg::blocks::Work;
use crate::linalg::{RowSource, column_moments};
use crate::run::Run;

/// Rows that are prepared together.
const BLOCK: usize = 256;

/// Points to be compared.
pub(super) struct Points<'a> {
    pub(super) source: &'a dyn RowSource,
    pub(super) measure: Measure,
    shift: Vec<f64>,
    scale: f64,
}

impl<'a> Points<'a> {
    /// Reads all points once; a number that is not finite is an error that names it.
    pub(super) fn new(source: &'a dyn RowSource, geometry: Geometry, run: &Run) -> Result<Self> {
        let moments = column_moments(source, run)?;
        let measure = geometry.measure();
        let (shift, scale) = match geometry {
            Geometry::Euclidean => {
                let scale = (source.rows() as f64 / moments.squares).sqrt();
                (moments.mean, if scale.is_finite() { scale } else { 1.0 })
            }
            Geometry::Cosine => (vec![0.0; source.cols()], 1.0),
        };
        Ok(Points { source, measure, shift, scale })
    }

    pub(super) fn len(&self) -> usize {
        self.source.rows()
    }

    pub(super) fn dim(&self) -> usize {
        self.source.cols()
    }

    /// What is subtracted from points (nothing under the cosine), and what they are multiplied by then.
    pub(super) fn moved(&self) -> (Vec<f32>, f32) {
        let shift = if self.measure == Measure::Cosine { &[][..] } else { &self.shift };
        (shift.iter().map(|&m| m as f32).collect(), self.scale as f32)
    }

    /// Writes prepared points one behind the other, and ½‖x‖² of each.
    pub(super) fn write(
        &self,
        range: Range<usize>,
        scratch: &mut Vec<f32>,
        out: &mut [f32],
        halves: &mut [f32],
    ) {
        let rows = self.source.block(range, scratch);
        let cosine = self.measure == Measure::Cosine;
        let (shift, scale) = (&*self.shift, self.scale);
        Width::widest().run(Written { rows, out, halves, cosine, shift, scale });
    }

    /// ½‖x‖² of one point.
    pub(super) fn half(&self, point: u32, scratch: &mut Vec<f32>) -> f32 {
        let (mut row, mut half) = (vec![0.0; self.dim()], [0.0]);
        self.write(point as usize..point as usize + 1, scratch, &mut row, &mut half);
        half[0]
    }

    /// All points, row after row, with their ½‖x‖².
    pub(super) fn rows(&self, work: &Work) -> (Vec<f32>, Vec<f32>) {
        let (n, dim) = (self.len(), self.dim());
        let (mut rows, mut halves) = (vec![0.0; n * dim], vec![0.0; n]);
        work.pool.install(|| {
            rows.par_chunks_mut(BLOCK * dim)
                .zip(halves.par_chunks_mut(BLOCK))
                .enumerate()
                .for_each_init(Vec::new, |scratch, (block, (rows, halves))| {
                    let first = block * BLOCK;
                    self.write(first..first + halves.len(), scratch, rows, halves);
                });
        });
        (rows, halves)
    }

    /// All points in panels, with their ½‖x‖², which is NaN for places that hold no point.
    pub(super) fn panels(&self, gram: &Gram, work: &Work) -> (Vec<f32>, Vec<f32>) {
        let (n, dim) = (self.len(), self.dim());
        let places = n.next_multiple_of(LANES);
        let (mut panels, mut halves) = (vec![0.0; places * dim], vec![f32::NAN; places]);
        work.pool.install(|| {
            panels
                .par_chunks_mut(BLOCK * dim)
                .zip(halves.par_chunks_mut(BLOCK))
                .enumerate()
                .for_each_init(
                    Default::default,
                    |(scratch, rows): &mut (Vec<f32>, Vec<f32>), (block, (panels, halves))| {
                        let range = block * BLOCK..n.min((block + 1) * BLOCK);
                        rows.resize(range.len() * dim, 0.0);
                        let count = range.len();
                        self.write(range, scratch, rows, &mut halves[..count]);
                        gram.pack(rows, dim, panels);
                    },
                );
        });
        (panels, halves)
    }

    /// The point's true distance to another, in f64.
    pub(super) fn exact(&self, point: &[f32], other: u32, scratch: &mut Vec<f32>) -> f64 {
        let other = other as usize;
        self.measure.exact(point, self.source.block(other..other + 1, scratch))
    }

    /// A bound on D: no point whose true distance is at most that of a point with this D has a larger one.
    ///
    /// With u = 2⁻²⁴ a computed D is off by at most g(hᵢ + hⱼ), g = (d + 16)u: a sum of d products by d·u·‖xᵢ‖‖xⱼ‖ ≤
    /// d·u·(hᵢ + hⱼ) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1), the rest by rounding
    /// of x, h, the two sums and the distance that is shown. As ‖xⱼ‖ ≤ ‖xᵢ‖ + √(2D), hⱼ ≤ 2hᵢ + 2D, so that
    /// |computed − true| ≤ g(3hᵢ + 2D) with the true D.
    pub(super) fn window(&self, distance: f32, half: f32) -> f32 {
        let g = (self.dim() as f64 + 16.0) * 2.0_f64.powi(-24);
        let (d, h) = (f64::from(distance).max(0.0), 3.0 * g * f64::from(half));
        (((d + h) * (1.0 + 5.0 * g) + h) as f32).next_up()
    }
}

/// Rows that are prepared, in f64.
struct Written<'a> {
    rows: &'a [f32],
    out: &'a mut [f32],
    halves: &'a mut [f32],
    cosine: bool,
    shift: &'a [f64],
    scale: f64,
}

impl wide::Work for Written<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "`Width::run` compiles what is inlined")]
    #[inline(always)]
    fn run(self) {
        let dim = self.shift.len();
        let each = self.rows.chunks_exact(dim).zip(self.out.chunks_exact_mut(dim)).zip(self.halves);
        for ((row, out), half) in each {
            if self.cosine {
                let norm = squares(row).sqrt();
                let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
                for (out, &x) in out.iter_mut().zip(row) {
                    *out = (f64::from(x) * scale) as f32;
                }
                *half = 0.5;
            } else {
                for ((out, &x), shift) in out.iter_mut().zip(row).zip(self.shift) {
                    *out = ((f64::from(x) - shift) * self.scale) as f32;
                }
                *half = (0.5 * squares(out)) as f32;
            }
        }
    }
}

/// Σ x² in eight interleaved sums, which the compiler keeps in vector registers.
#[inline(always)]
fn squares(x: &[f32]) -> f64 {
    const SUMS: usize = 8;
    let mut sums = [0.0; SUMS];
    let whole = x.chunks_exact(SUMS);
    let rest: f64 = whole.remainder().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    for x in whole {
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    sums.iter().sum::<f64>() + rest
}
