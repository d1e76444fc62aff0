//! One fused step of logistic regression on racing rows: an input row against an observed output row and noise rows.

#![expect(
    unsafe_code,
    reason = "racing rows cannot be references; everything behind a checked row number"
)]

use super::logistic::logistic;
pub use super::racing::RacingRows;

/// Numbers in a block: what the kernels take at a time. A row's numbers beyond its dimension are zero and stay zero.
const BLOCK: usize = 8;
/// The number of output rows that one pass takes together.
const GROUP: usize = 8;

/// Room for one worker's hidden vector, its error and the rows of a step.
pub struct Scratch {
    hidden: Vec<[f32; BLOCK]>,
    error: Vec<[f32; BLOCK]>,
    rows: Vec<*mut f32>,
}

impl Scratch {
    /// Room for vectors of this dimension.
    pub fn new(dim: usize) -> Self {
        let blocks = vec![[0.0; BLOCK]; dim.max(1).div_ceil(BLOCK)];
        Scratch { hidden: blocks.clone(), error: blocks, rows: Vec::new() }
    }
}

/// What a step needs besides rows.
#[derive(Clone, Copy)]
struct Shape {
    /// Blocks in a row.
    blocks: usize,
    /// The learning rate.
    alpha: f32,
}

/// The kernels of one instruction set, chosen once.
#[derive(Clone, Copy)]
pub struct Hogwild {
    name: &'static str,
    /// `error` ← Σₖ gₖ·oₖ and oₖ ← oₖ + gₖ·h over the rows `o`; returns the loss before. The first row is the
    /// observed one (label 1), the others are noise (label 0); gₖ = α·(labelₖ − σ(h·oₖ)).
    step: unsafe fn(h: *const f32, error: *mut f32, outputs: &[*mut f32], shape: Shape) -> f32,
    /// y ← y + αx.
    add: unsafe fn(x: *const f32, y: *mut f32, shape: Shape),
}

impl Hogwild {
    /// The fastest kernels that this machine runs; the scalar ones where they are forced (see [`super::set_name`]).
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if super::set_name() != "scalar"
            && std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("fma")
        {
            return Hogwild { name: "avx2+fma", step: avx2::step, add: avx2::add };
        }
        Self::scalar()
    }

    /// The scalar twins.
    pub fn scalar() -> Self {
        Hogwild { name: "scalar", step: scalar::step, add: scalar::add }
    }

    /// The instruction set: "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One input row against its observed output row (the first of `outputs`) and noise rows (the others): moves
    /// all of them one step of size `alpha` up the gradient of ln σ(h·o₀) + Σₖ ln σ(−h·oₖ), and returns minus that
    /// sum as it was before. Up to eight outputs are measured before any of them moves; further ones, eight by eight.
    pub fn step_one(
        &self,
        (input, row): (&RacingRows, u32),
        (output, outputs): (&RacingRows, &[u32]),
        alpha: f32,
        scratch: &mut Scratch,
    ) -> f32 {
        let shape = shape(input, output, alpha, scratch);
        if outputs.is_empty() {
            return 0.0;
        }
        let h = input.at(row);
        scratch.rows.clear();
        scratch.rows.extend(outputs.iter().map(|&o| output.at(o)));
        let error = scratch.error.as_mut_ptr().cast::<f32>();
        // SAFETY: `shape` checked that rows and scratch hold `blocks` blocks, `at` checked the row numbers, and
        // `detect` the instruction set.
        unsafe {
            let loss = (self.step)(h, error, &scratch.rows, shape);
            (self.add)(error, h, Shape { alpha: 1.0, ..shape });
            loss
        }
    }

    /// Like `step_one` with the mean of several input rows as h; each of them moves by the whole gradient of h.
    pub fn step_mean(
        &self,
        (input, rows): (&RacingRows, &[u32]),
        (output, outputs): (&RacingRows, &[u32]),
        alpha: f32,
        scratch: &mut Scratch,
    ) -> f32 {
        let shape = shape(input, output, alpha, scratch);
        if outputs.is_empty() || rows.is_empty() {
            return 0.0;
        }
        scratch.rows.clear();
        scratch.rows.extend(outputs.iter().map(|&o| output.at(o)));
        scratch.hidden.fill([0.0; BLOCK]);
        let h = scratch.hidden.as_mut_ptr().cast::<f32>();
        let error = scratch.error.as_mut_ptr().cast::<f32>();
        let share = Shape { alpha: 1.0 / rows.len() as f32, ..shape };
        // SAFETY: as in `step_one`.
        unsafe {
            for &row in rows {
                (self.add)(input.at(row), h, share);
            }
            let loss = (self.step)(h, error, &scratch.rows, shape);
            for &row in rows {
                (self.add)(error, input.at(row), Shape { alpha: 1.0, ..shape });
            }
            loss
        }
    }
}

/// The blocks that all of them hold; panics if their dimensions differ.
#[inline]
fn shape(input: &RacingRows, output: &RacingRows, alpha: f32, scratch: &Scratch) -> Shape {
    let blocks = input.dim().div_ceil(BLOCK);
    assert!(
        output.dim() == input.dim()
            && scratch.error.len() == blocks
            && scratch.hidden.len() == blocks
    );
    Shape { blocks, alpha }
}

/// The gradients of a group of measured dot products, and their loss. `observed`: the first is the observed one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must take on the caller's target features")]
fn gradients(dots: &mut [f32; GROUP], used: usize, observed: bool, alpha: f32) -> f32 {
    let mut labels = [0.0; GROUP];
    labels[0] = if observed { 1.0 } else { 0.0 };
    let mut losses = [0.0; GROUP];
    for k in 0..GROUP {
        let (sigma, loss) = logistic(dots[k], labels[k]);
        dots[k] = alpha * (labels[k] - sigma);
        losses[k] = if k < used { loss } else { 0.0 };
    }
    losses.iter().sum()
}

mod scalar {
    use super::{BLOCK, GROUP, Shape, gradients};

    /// # Safety
    /// Every pointer points to `shape.blocks` blocks; rows may race, `error` is the caller's own.
    pub(super) unsafe fn step(
        h: *const f32,
        error: *mut f32,
        outputs: &[*mut f32],
        shape: Shape,
    ) -> f32 {
        let numbers = shape.blocks * BLOCK;
        let mut loss = 0.0;
        // SAFETY: the caller's promise; `i < numbers` throughout.
        unsafe {
            for i in 0..numbers {
                error.add(i).write(0.0);
            }
            for (place, group) in outputs.chunks(GROUP).enumerate() {
                let mut dots = [0.0; GROUP];
                for (dot, &o) in dots.iter_mut().zip(group) {
                    for i in 0..numbers {
                        *dot += h.add(i).read() * o.add(i).read();
                    }
                }
                loss += gradients(&mut dots, group.len(), place == 0, shape.alpha);
                for (&g, &o) in dots.iter().zip(group) {
                    for i in 0..numbers {
                        error.add(i).write(error.add(i).read() + g * o.add(i).read());
                        o.add(i).write(o.add(i).read() + g * h.add(i).read());
                    }
                }
            }
        }
        loss
    }

    /// # Safety
    /// As `step`.
    pub(super) unsafe fn add(x: *const f32, y: *mut f32, shape: Shape) {
        for i in 0..shape.blocks * BLOCK {
            // SAFETY: the caller's promise.
            unsafe { y.add(i).write(y.add(i).read() + shape.alpha * x.add(i).read()) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, GROUP, Shape, gradients};
    use std::arch::x86_64::{
        __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps,
        _mm256_permute2f128_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
    };

    /// # Safety
    /// The machine has AVX2 and FMA. Every pointer points to `shape.blocks` blocks; rows may race, `error` is the
    /// caller's own.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn step(
        h: *const f32,
        error: *mut f32,
        outputs: &[*mut f32],
        shape: Shape,
    ) -> f32 {
        let mut loss = 0.0;
        let mut first = true;
        for rows in outputs.chunks(GROUP) {
            // SAFETY: the caller's promise; the length is the group's.
            loss += unsafe {
                match rows.len() {
                    1 => group::<1>(h, error, rows, first, shape),
                    2 => group::<2>(h, error, rows, first, shape),
                    3 => group::<3>(h, error, rows, first, shape),
                    4 => group::<4>(h, error, rows, first, shape),
                    5 => group::<5>(h, error, rows, first, shape),
                    6 => group::<6>(h, error, rows, first, shape),
                    7 => group::<7>(h, error, rows, first, shape),
                    _ => group::<8>(h, error, rows, first, shape),
                }
            };
            first = false;
        }
        loss
    }

    /// `K` outputs at once: h is read once for all their dot products, and once for all their updates.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn group<const K: usize>(
        h: *const f32,
        error: *mut f32,
        rows: &[*mut f32],
        first: bool,
        shape: Shape,
    ) -> f32 {
        let mut outputs = [std::ptr::null_mut::<f32>(); K];
        outputs.copy_from_slice(rows);
        let mut sums = [_mm256_setzero_ps(); GROUP];
        for i in (0..shape.blocks * BLOCK).step_by(BLOCK) {
            // SAFETY: within the blocks of a row.
            unsafe {
                let x = _mm256_loadu_ps(h.add(i));
                for k in 0..K {
                    sums[k] = _mm256_fmadd_ps(x, _mm256_loadu_ps(outputs[k].add(i)), sums[k]);
                }
            }
        }
        let mut dots = [0.0; GROUP];
        // SAFETY: eight numbers into an array of eight.
        unsafe { _mm256_storeu_ps(dots.as_mut_ptr(), across(sums)) };
        let loss = gradients(&mut dots, K, first, shape.alpha);
        let mut g = [_mm256_setzero_ps(); K];
        for k in 0..K {
            g[k] = _mm256_set1_ps(dots[k]);
        }
        for i in (0..shape.blocks * BLOCK).step_by(BLOCK) {
            // SAFETY: within the blocks of a row and of `error`.
            unsafe {
                let x = _mm256_loadu_ps(h.add(i));
                let mut e = if first { _mm256_setzero_ps() } else { _mm256_loadu_ps(error.add(i)) };
                for k in 0..K {
                    let o = _mm256_loadu_ps(outputs[k].add(i));
                    e = _mm256_fmadd_ps(g[k], o, e);
                    _mm256_storeu_ps(outputs[k].add(i), _mm256_fmadd_ps(g[k], x, o));
                }
                _mm256_storeu_ps(error.add(i), e);
            }
        }
        loss
    }

    /// The sum of each of eight vectors.
    #[target_feature(enable = "avx2,fma")]
    fn across(v: [__m256; GROUP]) -> __m256 {
        let low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
        let high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
        _mm256_add_ps(
            _mm256_permute2f128_ps::<0x20>(low, high),
            _mm256_permute2f128_ps::<0x31>(low, high),
        )
    }

    /// # Safety
    /// As `step`.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn add(x: *const f32, y: *mut f32, shape: Shape) {
        let alpha = _mm256_set1_ps(shape.alpha);
        for i in (0..shape.blocks * BLOCK).step_by(BLOCK) {
            // SAFETY: the caller's promise.
            unsafe {
                let sum =
                    _mm256_fmadd_ps(alpha, _mm256_loadu_ps(x.add(i)), _mm256_loadu_ps(y.add(i)));
                _mm256_storeu_ps(y.add(i), sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::stream;
    use rand_xoshiro::rand_core::Rng;

    /// Rows of uniform numbers in [−½, ½), and the same numbers in f64.
    fn random(rows: usize, dim: usize, name: u64) -> (RacingRows, Vec<Vec<f64>>) {
        let mut numbers = stream(7, &[name]);
        let mut racing = RacingRows::zeros(rows, dim).unwrap();
        let mut plain = Vec::new();
        for i in 0..rows {
            for x in racing.row_mut(i) {
                *x = (numbers.next_u32() >> 8) as f32 / 16_777_216.0 - 0.5;
            }
            plain.push(racing.row(i).iter().map(|&x| f64::from(x)).collect());
        }
        (racing, plain)
    }

    /// The step as the equations have it, one output after the other's measurement, in f64.
    fn reference(
        h: &[f64],
        outputs: &mut [Vec<f64>],
        chosen: &[u32],
        alpha: f64,
    ) -> (f64, Vec<f64>) {
        let (mut loss, mut error) = (0.0, vec![0.0; h.len()]);
        for (place, group) in chosen.chunks(GROUP).enumerate() {
            let dots: Vec<f64> = group
                .iter()
                .map(|&k| outputs[k as usize].iter().zip(h).map(|(o, h)| o * h).sum())
                .collect();
            for (k, (&row, dot)) in group.iter().zip(dots).enumerate() {
                let label = if place == 0 && k == 0 { 1.0 } else { 0.0 };
                let sigma = 1.0 / (1.0 + (-dot).exp());
                loss -= if label == 1.0 { sigma.ln() } else { (1.0 - sigma).ln() };
                let g = alpha * (label - sigma);
                for (i, o) in outputs[row as usize].iter_mut().enumerate() {
                    error[i] += g * *o;
                    *o += g * h[i];
                }
            }
        }
        (loss, error)
    }

    fn assert_close(racing: &mut RacingRows, plain: &[Vec<f64>]) {
        for (i, row) in plain.iter().enumerate() {
            for (x, y) in racing.row(i).iter().zip(row) {
                assert!((f64::from(*x) - y).abs() < 1e-5, "row {i}: {x} instead of {y}");
            }
        }
    }

    #[test]
    fn a_step_equals_the_equations_in_f64() {
        for kernels in [Hogwild::detect(), Hogwild::scalar()] {
            for dim in [1, 2, 7, 8, 9, 15, 16, 17, 100, 300] {
                for count in [1, 2, 6, 8, 9, 17, 21] {
                    let (mut input, mut h) = random(5, dim, 1);
                    let (mut output, mut o) = random(25, dim, 2);
                    let chosen: Vec<u32> = (0..count).map(|k| (k * 7) % 25).collect();
                    let mut scratch = Scratch::new(dim);

                    let loss = kernels.step_one((&input, 3), (&output, &chosen), 0.3, &mut scratch);
                    let (expected, error) = reference(&h[3], &mut o, &chosen, 0.3);
                    h[3].iter_mut().zip(error).for_each(|(h, e)| *h += e);
                    assert!(
                        (f64::from(loss) - expected).abs() < 1e-4 * expected,
                        "{loss} instead of {expected}"
                    );

                    let loss = kernels.step_mean(
                        (&input, &[4, 0, 1]),
                        (&output, &chosen),
                        0.3,
                        &mut scratch,
                    );
                    let mean: Vec<f64> =
                        (0..dim).map(|i| (h[4][i] + h[0][i] + h[1][i]) / 3.0).collect();
                    let (expected, error) = reference(&mean, &mut o, &chosen, 0.3);
                    for row in [4, 0, 1] {
                        h[row].iter_mut().zip(&error).for_each(|(h, e)| *h += e);
                    }
                    assert!(
                        (f64::from(loss) - expected).abs() < 1e-4 * expected,
                        "{loss} instead of {expected}"
                    );

                    assert_close(&mut input, &h);
                    assert_close(&mut output, &o);
                }
            }
        }
    }

    #[test]
    fn what_lies_behind_the_dimension_stays_zero() {
        let (input, _) = random(2, 9, 1);
        let (output, _) = random(9, 9, 2);
        let all: Vec<u32> = (0..9).collect();
        Hogwild::detect().step_one((&input, 1), (&output, &all), 0.5, &mut Scratch::new(9));
        for rows in [&input, &output] {
            for row in 0..rows.rows() as u32 {
                for i in 9..rows.stride {
                    // SAFETY: within the stride of a row, and nobody writes.
                    assert_eq!(unsafe { rows.at(row).add(i).read() }, 0.0);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "row 9 of 9")]
    fn a_row_that_does_not_exist_is_refused() {
        let rows = RacingRows::zeros(9, 4).unwrap();
        Hogwild::detect().step_one((&rows, 0), (&rows, &[1, 9]), 0.5, &mut Scratch::new(4));
    }
}
