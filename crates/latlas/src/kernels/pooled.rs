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

use super::logistic::logistic;
use super::racing::RacingRows;

/// Numbers in a block: what the kernels take at a time. A row's numbers beyond its dimension are zero and stay zero.
const BLOCK: usize = 8;
/// The output rows that one pass takes together.
const GROUP: usize = 8;

/// Numbers in a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 16;

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

/// Asks the machine to have these rows in its cache soon.
#[inline]
pub fn prefetch(rows: &RacingRows, numbers: &[u32]) {
    #[cfg(target_arch = "x86_64")]
    for &row in numbers {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = rows.at(row);
        for line in (0..rows.dim()).step_by(LINE) {
            // SAFETY: a prefetch reads nothing; and this is within the row.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (rows, numbers);
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

mod scalar {
    use super::{BLOCK, GROUP};

    /// # Safety
    /// Every pointer points to `blocks` blocks; rows may race, `h` is the caller's own.
    pub(super) unsafe fn gather(rows: &[*mut f32], scale: f32, h: *mut f32, blocks: usize) {
        for i in 0..blocks * BLOCK {
            // SAFETY: the caller's promise.
            let sum: f32 = rows.iter().map(|row| unsafe { row.add(i).read() }).sum();
            // SAFETY: the caller's promise.
            unsafe { h.add(i).write(scale * sum) };
        }
    }

    /// # Safety
    /// As `gather`.
    pub(super) unsafe fn spread(error: *const f32, scale: f32, rows: &[*mut f32], blocks: usize) {
        for row in rows {
            for i in 0..blocks * BLOCK {
                // SAFETY: the caller's promise.
                unsafe { row.add(i).write(row.add(i).read() + scale * error.add(i).read()) };
            }
        }
    }

    /// # Safety
    /// As `gather`; there are at most `GROUP` rows.
    pub(super) unsafe fn dots(
        h: *const f32,
        rows: &[*mut f32],
        out: &mut [f32; GROUP],
        blocks: usize,
    ) {
        for (dot, row) in out.iter_mut().zip(rows) {
            // SAFETY: the caller's promise.
            *dot =
                (0..blocks * BLOCK).map(|i| unsafe { h.add(i).read() * row.add(i).read() }).sum();
        }
    }

    /// # Safety
    /// As `dots`; `error` is the caller's own.
    pub(super) unsafe fn pull(
        h: *const f32,
        rows: &[*mut f32],
        g: &[f32; GROUP],
        error: *mut f32,
        blocks: usize,
    ) {
        for (&g, row) in g.iter().zip(rows) {
            for i in 0..blocks * BLOCK {
                // SAFETY: the caller's promise.
                unsafe {
                    let o = row.add(i).read();
                    error.add(i).write(error.add(i).read() + g * o);
                    row.add(i).write(o + g * h.add(i).read());
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, GROUP};
    use std::arch::x86_64::{
        __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
        _mm256_permute2f128_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
    };

    /// Runs `$tile::<B>(…, first block, …)` over tiles of eight blocks and one of what is left.
    macro_rules! tiles {
        ($blocks:expr, $tile:ident, $($argument:expr),*) => {{
            let mut at = 0;
            while at + 8 <= $blocks {
                $tile::<8>(at * BLOCK, $($argument),*);
                at += 8;
            }
            match $blocks - at {
                0 => {}
                1 => $tile::<1>(at * BLOCK, $($argument),*),
                2 => $tile::<2>(at * BLOCK, $($argument),*),
                3 => $tile::<3>(at * BLOCK, $($argument),*),
                4 => $tile::<4>(at * BLOCK, $($argument),*),
                5 => $tile::<5>(at * BLOCK, $($argument),*),
                6 => $tile::<6>(at * BLOCK, $($argument),*),
                _ => $tile::<7>(at * BLOCK, $($argument),*),
            }
        }};
    }

    /// # Safety
    /// The machine has AVX2 and FMA. Every pointer points to `blocks` blocks; rows may race, `h` is the caller's own.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn gather(rows: &[*mut f32], scale: f32, h: *mut f32, blocks: usize) {
        // SAFETY: the caller's promise; tiles stay within the blocks.
        unsafe { tiles!(blocks, gather_tile, rows, scale, h) }
    }

    /// `B` blocks of all rows: their sums stay in registers.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn gather_tile<const B: usize>(at: usize, rows: &[*mut f32], scale: f32, h: *mut f32) {
        let mut sums = [_mm256_setzero_ps(); B];
        for row in rows {
            for (b, sum) in sums.iter_mut().enumerate() {
                // SAFETY: within the blocks of a row.
                *sum = _mm256_add_ps(*sum, unsafe { _mm256_loadu_ps(row.add(at + b * BLOCK)) });
            }
        }
        let scale = _mm256_set1_ps(scale);
        for (b, sum) in sums.into_iter().enumerate() {
            // SAFETY: within the blocks of `h`.
            unsafe { _mm256_storeu_ps(h.add(at + b * BLOCK), _mm256_mul_ps(scale, sum)) };
        }
    }

    /// # Safety
    /// As `gather`.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn spread(error: *const f32, scale: f32, rows: &[*mut f32], blocks: usize) {
        // SAFETY: the caller's promise; tiles stay within the blocks.
        unsafe { tiles!(blocks, spread_tile, error, scale, rows) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn spread_tile<const B: usize>(
        at: usize,
        error: *const f32,
        scale: f32,
        rows: &[*mut f32],
    ) {
        let wide = _mm256_set1_ps(scale);
        let mut moves = [_mm256_setzero_ps(); B];
        for (b, part) in moves.iter_mut().enumerate() {
            // SAFETY: within the blocks of `error`.
            *part = _mm256_mul_ps(wide, unsafe { _mm256_loadu_ps(error.add(at + b * BLOCK)) });
        }
        for row in rows {
            for (b, part) in moves.iter().enumerate() {
                // SAFETY: within the blocks of a row.
                unsafe {
                    let place = row.add(at + b * BLOCK);
                    _mm256_storeu_ps(place, _mm256_add_ps(_mm256_loadu_ps(place), *part));
                }
            }
        }
    }

    /// Calls `$kernel::<K>` with `$rows` as an array of `K`.
    macro_rules! by_count {
        ($kernel:ident, $rows:expr, $($argument:expr),*) => {
            match $rows.len() {
                0 => {}
                1 => $kernel::<1>($rows, $($argument),*),
                2 => $kernel::<2>($rows, $($argument),*),
                3 => $kernel::<3>($rows, $($argument),*),
                4 => $kernel::<4>($rows, $($argument),*),
                5 => $kernel::<5>($rows, $($argument),*),
                6 => $kernel::<6>($rows, $($argument),*),
                7 => $kernel::<7>($rows, $($argument),*),
                _ => $kernel::<8>($rows, $($argument),*),
            }
        };
    }

    /// # Safety
    /// As `gather`; there are at most `GROUP` rows.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn dots(
        h: *const f32,
        rows: &[*mut f32],
        out: &mut [f32; GROUP],
        blocks: usize,
    ) {
        // SAFETY: the caller's promise; the count is the rows' own.
        unsafe { by_count!(dots_of, rows, h, out, blocks) }
    }

    /// h is read once for all `K` products.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn dots_of<const K: usize>(
        rows: &[*mut f32],
        h: *const f32,
        out: &mut [f32; GROUP],
        blocks: usize,
    ) {
        let mut places = [std::ptr::null_mut::<f32>(); K];
        places.copy_from_slice(&rows[..K]);
        let mut sums = [_mm256_setzero_ps(); GROUP];
        for i in (0..blocks * BLOCK).step_by(BLOCK) {
            // SAFETY: within the blocks of a row and of `h`.
            unsafe {
                let x = _mm256_loadu_ps(h.add(i));
                for k in 0..K {
                    sums[k] = _mm256_fmadd_ps(x, _mm256_loadu_ps(places[k].add(i)), sums[k]);
                }
            }
        }
        // SAFETY: eight numbers into an array of eight.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), across(sums)) };
    }

    /// # Safety
    /// As `dots`; `error` is the caller's own.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn pull(
        h: *const f32,
        rows: &[*mut f32],
        g: &[f32; GROUP],
        error: *mut f32,
        blocks: usize,
    ) {
        // SAFETY: the caller's promise; the count is the rows' own.
        unsafe { by_count!(pull_of, rows, h, g, error, blocks) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn pull_of<const K: usize>(
        rows: &[*mut f32],
        h: *const f32,
        g: &[f32; GROUP],
        error: *mut f32,
        blocks: usize,
    ) {
        let mut places = [std::ptr::null_mut::<f32>(); K];
        places.copy_from_slice(&rows[..K]);
        let mut wide = [_mm256_setzero_ps(); K];
        for k in 0..K {
            wide[k] = _mm256_set1_ps(g[k]);
        }
        for i in (0..blocks * BLOCK).step_by(BLOCK) {
            // SAFETY: within the blocks of a row, of `h` and of `error`.
            unsafe {
                let x = _mm256_loadu_ps(h.add(i));
                let mut e = _mm256_loadu_ps(error.add(i));
                for k in 0..K {
                    let o = _mm256_loadu_ps(places[k].add(i));
                    e = _mm256_fmadd_ps(wide[k], o, e);
                    _mm256_storeu_ps(places[k].add(i), _mm256_fmadd_ps(wide[k], x, o));
                }
                _mm256_storeu_ps(error.add(i), e);
            }
        }
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

    fn assert_close(numbers: &[f32], expected: &[f64], what: &str) {
        for (x, y) in numbers.iter().zip(expected) {
            assert!((f64::from(*x) - y).abs() < 1e-4, "{what}: {x} instead of {y}");
        }
    }

    fn assert_rows(racing: &mut RacingRows, plain: &[Vec<f64>]) {
        for (i, row) in plain.iter().enumerate() {
            assert_close(racing.row(i), row, &format!("row {i}"));
        }
    }

    #[test]
    fn a_step_in_its_parts_equals_the_equations_in_f64() {
        for kernels in [Pooled::detect(), Pooled::scalar()] {
            for dim in [1, 7, 8, 9, 16, 63, 64, 65, 100, 300] {
                for count in [1, 2, 7, 8, 9, 21] {
                    let (mut input, mut x) = random(9, dim, 1);
                    let (mut output, mut o) = random(25, dim, 2);
                    let chosen: Vec<u32> = (0..count).map(|k| (k * 7) % 25).collect();
                    let observed = (count as usize).div_ceil(2);
                    let rows = [4, 0, 8, 4];
                    let mut pointers = Pointers::default();
                    let (mut h, mut error) = (Hidden::new(dim), Hidden::new(dim));

                    kernels.gather((&input, &rows), 0.25, &mut h, &mut pointers);
                    let mean: Vec<f64> = (0..dim)
                        .map(|d| rows.iter().map(|&r| x[r as usize][d]).sum::<f64>() / 4.0)
                        .collect();
                    assert_close(h.as_slice(), &mean, "mean");

                    let rates = Rates { observed: 0.3, noise: 0.6 };
                    let loss =
                        kernels.logistic(&h, (&output, &chosen), observed, rates, &mut error);
                    let (mut expected, mut moves) = (0.0, vec![0.0; dim]);
                    for (place, group) in chosen.chunks(GROUP).enumerate() {
                        let dots: Vec<f64> = group
                            .iter()
                            .map(|&k| o[k as usize].iter().zip(&mean).map(|(o, h)| o * h).sum())
                            .collect();
                        for (k, (&row, dot)) in group.iter().zip(dots).enumerate() {
                            let is_observed = place * GROUP + k < observed;
                            let (label, alpha) = if is_observed { (1.0, 0.3) } else { (0.0, 0.6) };
                            let sigma = 1.0 / (1.0 + (-dot).exp());
                            expected -=
                                if is_observed { sigma.ln() } else { 2.0 * (1.0 - sigma).ln() };
                            let g = alpha * (label - sigma);
                            for (d, o) in o[row as usize].iter_mut().enumerate() {
                                moves[d] += g * *o;
                                *o += g * mean[d];
                            }
                        }
                    }
                    assert!((f64::from(loss) - expected).abs() < 1e-4 * expected.max(1.0));
                    assert_close(error.as_slice(), &moves, "error");
                    assert_rows(&mut output, &o);

                    kernels.spread(&error, 0.5, (&input, &rows), &mut pointers);
                    for row in rows {
                        x[row as usize].iter_mut().zip(&moves).for_each(|(x, m)| *x += 0.5 * m);
                    }
                    assert_rows(&mut input, &x);
                }
            }
        }
    }

    #[test]
    fn products_and_pulls_with_gradients_of_ones_own() {
        for kernels in [Pooled::detect(), Pooled::scalar()] {
            for (dim, count) in [(1, 1), (20, 3), (100, 17)] {
                let (mut output, mut o) = random(20, dim, 3);
                let (input, x) = random(1, dim, 4);
                let rows: Vec<u32> = (0..count).collect();
                let g: Vec<f32> = (0..count).map(|k| 0.1 * k as f32 - 0.3).collect();
                let (mut h, mut error) = (Hidden::new(dim), Hidden::new(dim));
                kernels.gather((&input, &[0]), 1.0, &mut h, &mut Pointers::default());
                let mut dots = vec![0.0; count as usize];
                kernels.dots(&h, (&output, &rows), &mut dots);
                let expected: Vec<f64> =
                    o.iter().map(|o| o.iter().zip(&x[0]).map(|(o, x)| o * x).sum()).collect();
                assert_close(&dots, &expected, "products");
                kernels.pull(&h, (&output, &rows), &g, &mut error);
                let mut moves = vec![0.0; dim];
                for (row, &g) in o.iter_mut().zip(&g) {
                    for (d, o) in row.iter_mut().enumerate() {
                        moves[d] += f64::from(g) * *o;
                        *o += f64::from(g) * x[0][d];
                    }
                }
                assert_close(error.as_slice(), &moves, "error");
                assert_rows(&mut output, &o);
            }
        }
    }

    #[test]
    fn a_row_that_does_not_exist_panics_and_reads_nothing() {
        let rows = RacingRows::zeros(2, 8).unwrap();
        let result = std::panic::catch_unwind(|| {
            Pooled::detect().gather(
                (&rows, &[2]),
                1.0,
                &mut Hidden::new(8),
                &mut Pointers::default(),
            );
        });
        assert!(result.is_err());
    }
}
