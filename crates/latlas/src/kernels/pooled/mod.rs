//! Racing rows whose sum or mean is the input of a linear model, as in fastText: the rows of a word's n-grams, or of a
//! text's words, against output rows.
//!
//! A step is taken in three parts, so that what is the same for many outputs is done once: [`Pooled::gather`] the input
//! rows into a vector h, step h against outputs ([`Pooled::logistic`], or [`Pooled::dots`] and [`Pooled::pull`] with
//! gradients of one's own), and [`Pooled::spread`] the error over the input rows. Between the first and the last,
//! h and its error are the worker's own numbers.

#![expect(
    unsafe_code,
    reason = "racing rows cannot be references; everything behind a checked row number"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;
#[cfg(test)]
mod tests;

use super::logistic::logistic;
use super::racing::RacingRows;

/// Numbers in a block: what the kernels take at a time. A row's numbers beyond its dimension are zero and stay zero.
const BLOCK: usize = 8;
/// The output rows that one pass takes together.
const GROUP: usize = 8;

/// A worker's own vector, padded with zeros to whole blocks.
#[derive(Debug, Clone)]
pub struct Hidden(Vec<[f32; BLOCK]>);

impl Hidden {
    /// Zeros of this dimension.
    pub fn new(dim: usize) -> Self {
        Hidden(vec![[0.0; BLOCK]; dim.max(1).div_ceil(BLOCK)])
    }

    /// Its numbers and the padding.
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_flattened()
    }

    /// Sets all numbers to zero.
    pub fn clear(&mut self) {
        self.0.fill([0.0; BLOCK]);
    }

    /// Multiplies all numbers.
    pub fn scale(&mut self, scale: f32) {
        self.0.as_flattened_mut().iter_mut().for_each(|x| *x *= scale);
    }

    /// Adds another of the same dimension, times `scale`.
    #[inline]
    pub fn add(&mut self, scale: f32, other: &Hidden) {
        assert_eq!(self.0.len(), other.0.len(), "vectors of two dimensions");
        for (x, y) in self.0.iter_mut().zip(&other.0) {
            for (x, y) in x.iter_mut().zip(y) {
                *x += scale * y;
            }
        }
    }
}

/// Room for the rows of one call.
#[derive(Default)]
pub struct Pointers(Vec<*mut f32>);

/// How a logistic step goes.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// The learning rate of observed outputs.
    pub observed: f32,
    /// The learning rate of noise: that of observed ones, times how many draws each stands for.
    pub noise: f32,
}

type Gather = unsafe fn(rows: &[*mut f32], scale: f32, h: *mut f32, blocks: usize);
type Spread = unsafe fn(error: *const f32, scale: f32, rows: &[*mut f32], blocks: usize);
type Dots = unsafe fn(h: *const f32, rows: &[*mut f32], out: &mut [f32; GROUP], blocks: usize);
type Pull =
    unsafe fn(h: *const f32, rows: &[*mut f32], g: &[f32; GROUP], error: *mut f32, blocks: usize);

/// The kernels of one instruction set, chosen once.
#[derive(Clone, Copy)]
pub struct Pooled {
    name: &'static str,
    /// h ← scale·Σ rows.
    gather: Gather,
    /// Each row ← row + scale·error.
    spread: Spread,
    /// Up to `GROUP` products h·row.
    dots: Dots,
    /// error ← error + Σₖ gₖ·rowₖ, then rowₖ ← rowₖ + gₖ·h, for up to `GROUP` rows.
    pull: Pull,
}

impl Pooled {
    /// The fastest kernels that this machine runs; the scalar ones where they are forced (see [`super::set_name`]).
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if super::set_name() != "scalar"
            && std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("fma")
        {
            return Pooled {
                name: "avx2+fma",
                gather: avx2::gather,
                spread: avx2::spread,
                dots: avx2::dots,
                pull: avx2::pull,
            };
        }
        Self::scalar()
    }

    /// The scalar twins.
    pub fn scalar() -> Self {
        Pooled {
            name: "scalar",
            gather: scalar::gather,
            spread: scalar::spread,
            dots: scalar::dots,
            pull: scalar::pull,
        }
    }

    /// The instruction set: "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// h ← scale·(sum of these rows). A row that stands twice counts twice.
    pub fn gather(
        &self,
        (input, rows): (&RacingRows, &[u32]),
        scale: f32,
        h: &mut Hidden,
        pointers: &mut Pointers,
    ) {
        let blocks = blocks(input, h);
        pointers.set(input, rows);
        // SAFETY: `blocks` and `set` checked dimensions and row numbers, `detect` the instruction set.
        unsafe { (self.gather)(&pointers.0, scale, h.0.as_mut_ptr().cast(), blocks) }
    }

    /// Each of these rows ← row + scale·error. A row that stands twice moves twice.
    pub fn spread(
        &self,
        error: &Hidden,
        scale: f32,
        (input, rows): (&RacingRows, &[u32]),
        pointers: &mut Pointers,
    ) {
        let blocks = blocks(input, error);
        pointers.set(input, rows);
        // SAFETY: as in `gather`.
        unsafe { (self.spread)(error.0.as_ptr().cast(), scale, &pointers.0, blocks) }
    }

    /// A step of logistic regression of h against output rows, the first `observed` of which have label 1 and the others
    /// label 0: error ← error + Σₖ gₖ·oₖ and oₖ ← oₖ + gₖ·h with gₖ = αₖ·(labelₖ − σ(h·oₖ)). Returns the sum of
    /// −ln σ(±h·oₖ) before, noise weighted as its rate. Up to eight outputs are measured before any of them moves;
    /// further ones, eight by eight.
    pub fn logistic(
        &self,
        h: &Hidden,
        (output, rows): (&RacingRows, &[u32]),
        observed: usize,
        rates: Rates,
        error: &mut Hidden,
    ) -> f32 {
        let blocks = blocks(output, h);
        assert_eq!(h.0.len(), error.0.len(), "vectors of two dimensions");
        let weight = if rates.observed > 0.0 { rates.noise / rates.observed } else { 1.0 };
        let (x, e) = (h.0.as_ptr().cast::<f32>(), error.0.as_mut_ptr().cast::<f32>());
        let mut loss = 0.0;
        let mut left = observed;
        for group in rows.chunks(GROUP) {
            let mut places = [std::ptr::null_mut(); GROUP];
            places.iter_mut().zip(group).for_each(|(place, &row)| *place = output.at(row));
            let places = &places[..group.len()];
            let mut g = [0.0; GROUP];
            // SAFETY: as in `gather`; `error` is the caller's own.
            unsafe { (self.dots)(x, places, &mut g, blocks) };
            let mut losses = [0.0; GROUP];
            for k in 0..GROUP {
                let (label, alpha, weight) =
                    if k < left { (1.0, rates.observed, 1.0) } else { (0.0, rates.noise, weight) };
                let (sigma, term) = logistic(g[k], label);
                g[k] = alpha * (label - sigma);
                losses[k] = if k < group.len() { weight * term } else { 0.0 };
            }
            left = left.saturating_sub(GROUP);
            loss += losses.iter().sum::<f32>();
            // SAFETY: as above.
            unsafe { (self.pull)(x, places, &g, e, blocks) };
        }
        loss
    }

    /// The products of h with these rows, in order, into `out`, which must be as long.
    pub fn dots(&self, h: &Hidden, (output, rows): (&RacingRows, &[u32]), out: &mut [f32]) {
        let blocks = blocks(output, h);
        assert_eq!(rows.len(), out.len(), "rows and room for their products");
        for (group, out) in rows.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
            let mut places = [std::ptr::null_mut(); GROUP];
            places.iter_mut().zip(group).for_each(|(place, &row)| *place = output.at(row));
            let mut dots = [0.0; GROUP];
            // SAFETY: as in `gather`.
            unsafe {
                (self.dots)(h.0.as_ptr().cast(), &places[..group.len()], &mut dots, blocks);
            }
            out.copy_from_slice(&dots[..group.len()]);
        }
    }

    /// error ← error + Σₖ gₖ·oₖ and oₖ ← oₖ + gₖ·h, one `g` a row.
    pub fn pull(
        &self,
        h: &Hidden,
        (output, rows): (&RacingRows, &[u32]),
        g: &[f32],
        error: &mut Hidden,
    ) {
        let blocks = blocks(output, h);
        assert!(rows.len() == g.len() && h.0.len() == error.0.len(), "one gradient a row");
        for (group, g) in rows.chunks(GROUP).zip(g.chunks(GROUP)) {
            let mut places = [std::ptr::null_mut(); GROUP];
            places.iter_mut().zip(group).for_each(|(place, &row)| *place = output.at(row));
            let mut gradients = [0.0; GROUP];
            gradients[..g.len()].copy_from_slice(g);
            let e = error.0.as_mut_ptr().cast();
            // SAFETY: as in `gather`; `error` is the caller's own.
            unsafe {
                (self.pull)(h.0.as_ptr().cast(), &places[..group.len()], &gradients, e, blocks);
            }
        }
    }
}

/// Asks the machine to have these rows in its cache soon, to be written.
#[inline]
pub fn prefetch(rows: &RacingRows, numbers: &[u32]) {
    for &row in numbers {
        rows.prefetch(row);
    }
}

impl Pointers {
    #[inline]
    fn set(&mut self, rows: &RacingRows, numbers: &[u32]) {
        self.0.clear();
        self.0.extend(numbers.iter().map(|&row| rows.at(row)));
    }
}

// SAFETY: the pointers are set anew from checked row numbers by every call, and never read between two calls.
unsafe impl Send for Pointers {}

/// The blocks of both; panics if their dimensions differ.
#[inline]
fn blocks(rows: &RacingRows, h: &Hidden) -> usize {
    let blocks = rows.dim().div_ceil(BLOCK);
    assert_eq!(blocks, h.0.len(), "rows and a vector of two dimensions");
    blocks
}
