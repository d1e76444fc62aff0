//! One vector against rows that lie scattered: what searching a graph is made of.
//!
//! Rows lie one behind the other in a table, each padded to whole cache lines; which of them are compared is told by
//! number. The machine is asked for the rows of the next few while those before are compared.
//!
//! A *byte row* of `stride` bytes holds i8 numbers cᵢ, zeros, and in its last four bytes an i32 *bias* b. With a query of
//! u8 numbers qᵢ = pᵢ + 128, zero where the bias is, the kernels give b − Σ qᵢcᵢ in whole numbers: with
//! b = ½Σcᵢ² + 128·Σcᵢ that is ½‖p − c‖² − ½‖p‖². All sets of kernels give the same bits.
//!
//! A *bit row* of [`bit_stride`] words of 32 bits holds two f32, *half* h and *factor* f, then the signs of B numbers, a set
//! bit where one is not negative, and zeros. With a query of whole numbers qᵢ in units of a step the kernels give
//! h − f·step·Σ ±qᵢ: what h and f are to be says whoever makes the rows. All sets give the same bits here too.

#![expect(unsafe_code, reason = "calls functions compiled for CPU features that were detected")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;

use super::set::allowed;

/// Bytes of a cache line, of which byte rows are whole multiples.
pub const LINE: usize = 64;
/// Numbers of a cache line, of which rows of f32 are whole multiples.
pub const NUMBERS: usize = 16;

type Squared = unsafe fn(&[f32], &[f32], &[u32], &mut [f32]);
type Bytes = unsafe fn(&[u8], &[i8], &[u32], &mut [f32]);
type Bits = unsafe fn(&BitQuery, &[u32], &[u32], &mut [f32]);

/// Words of a bit row before its signs.
const CONSTANTS: usize = 2;
/// Numbers that bit rows are whole multiples of.
pub const SIGNS: usize = 64;

/// Words of a bit row of so many numbers: where it is less than a line, a power of two, so that none lies on two lines.
pub fn bit_stride(numbers: usize) -> usize {
    let words = CONSTANTS + numbers.div_ceil(32);
    if words <= NUMBERS { words.next_power_of_two() } else { words.next_multiple_of(NUMBERS) }
}

/// A query as bit rows are compared with it: numbers of a byte, −127 to 127, in units of a step.
#[derive(Debug, Clone)]
pub struct BitQuery {
    numbers: Vec<i8>,
    step: f32,
    sum: i32,
}

impl BitQuery {
    /// These numbers, rounded to a 127th of the largest. Panics unless there are a multiple of [`SIGNS`].
    pub fn new(numbers: &[f32]) -> Self {
        assert!(numbers.len().is_multiple_of(SIGNS), "{} signs fill no words", numbers.len());
        let most = numbers.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let step = if most.is_normal() { most / 127.0 } else { 1.0 };
        let whole = |x: &f32| (x / step).round_ties_even().clamp(-127.0, 127.0) as i8;
        let numbers: Vec<i8> = numbers.iter().map(whole).collect();
        let sum = numbers.iter().map(|&q| i32::from(q)).sum();
        BitQuery { numbers, step, sum }
    }

    /// What a row gives, of which the numbers with a set bit add up to `set`.
    #[inline]
    fn rank(&self, row: &[u32], set: i32) -> f32 {
        let product = set.wrapping_mul(2).wrapping_sub(self.sum) as f32 * self.step;
        f32::from_bits(row[0]) - f32::from_bits(row[1]) * product
    }
}

/// The kernels of one instruction set.
#[derive(Clone, Copy)]
pub struct Scattered {
    name: &'static str,
    squared: Squared,
    bytes: Bytes,
    bits: Bits,
}

impl Scattered {
    /// The fastest kernels that this machine runs, unless others are forced by `LATLAS_KERNELS` (see [`super`]).
    pub fn detect() -> Self {
        let mut all = Self::all();
        all.retain(|kernels| allowed(kernels.name));
        all.pop().unwrap_or_else(Self::scalar)
    }

    /// All kernels that this machine runs, the scalar ones first, the fastest last.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::scalar()];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            all.push(Scattered {
                name: "avx2+fma",
                squared: avx2::squared,
                bytes: avx2::bytes,
                bits: avx2::bits,
            });
            if std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512vnni")
            {
                all.push(Scattered {
                    name: "avx512f",
                    squared: avx512::squared,
                    bytes: avx512::bytes,
                    bits: avx512::bits,
                });
            }
        }
        all
    }

    fn scalar() -> Self {
        Scattered {
            name: "scalar",
            squared: scalar::squared,
            bytes: scalar::bytes,
            bits: scalar::bits,
        }
    }

    /// The instruction set: "avx512f", "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// outᵢ ← ‖query − row nodesᵢ‖² for rows of the query's length. Panics unless that length is a multiple of
    /// [`NUMBERS`], all rows exist, and there is one place for each.
    #[inline]
    pub fn squared(&self, query: &[f32], rows: &[f32], nodes: &[u32], out: &mut [f32]) {
        fits(query.len(), NUMBERS, rows.len(), nodes, out);
        // SAFETY: this set runs on this machine; the row of every node lies within `rows`, in whole lines.
        unsafe { (self.squared)(query, rows, nodes, out) }
    }

    /// outᵢ ← the bias of byte row nodesᵢ less its product with the query, a whole number rounded once to f32. Panics
    /// unless the query's length is a multiple of [`LINE`], all rows exist, and there is one place for each.
    #[inline]
    pub fn bytes(&self, query: &[u8], rows: &[i8], nodes: &[u32], out: &mut [f32]) {
        fits(query.len(), LINE, rows.len(), nodes, out);
        // SAFETY: this set runs on this machine; the row of every node lies within `rows`, in whole lines.
        unsafe { (self.bytes)(query, rows, nodes, out) }
    }

    /// outᵢ ← the half of bit row nodesᵢ less its factor times its product with the query. Panics unless all rows exist, and
    /// there is one place for each.
    #[inline]
    pub fn bits(&self, query: &BitQuery, rows: &[u32], nodes: &[u32], out: &mut [f32]) {
        exist(bit_stride(query.numbers.len()), rows.len(), nodes, out);
        // SAFETY: this set runs on this machine; the row of every node lies within `rows`, with a bit for each number.
        unsafe { (self.bits)(query, rows, nodes, out) }
    }
}

#[inline]
fn fits(stride: usize, unit: usize, len: usize, nodes: &[u32], out: &[f32]) {
    assert!(stride > 0 && stride.is_multiple_of(unit), "rows of {stride} are no whole lines");
    exist(stride, len, nodes, out);
}

#[inline]
fn exist(stride: usize, len: usize, nodes: &[u32], out: &[f32]) {
    assert!(nodes.len() == out.len(), "{} rows, room for {}", nodes.len(), out.len());
    let rows = len / stride;
    let highest = nodes.iter().copied().max().map_or(0, |node| node as usize + 1);
    assert!(highest <= rows, "row {highest} of {rows}");
}

/// Asks the machine to have these numbers in its cache soon.
#[inline]
pub fn ahead<T>(row: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(LINE / size_of::<T>()) {
        // SAFETY: a prefetch reads nothing and never faults, wherever it points.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run;
    use rand_xoshiro::rand_core::Rng;

    /// Every set gives what is computed in 64 bits: exactly for bytes, to within rounding for floats, in any order and at
    /// any number of rows.
    #[test]
    fn all_sets_agree_with_wide_arithmetic() {
        let mut random = run::stream(1, &[]);
        for lines in [1, 2, 3, 13] {
            let count = 23;
            let stride = lines * LINE;
            let query: Vec<u8> = (0..stride)
                .map(|i| if i < stride - 4 { random.next_u64() as u8 } else { 0 })
                .collect();
            let rows: Vec<i8> = (0..count * stride).map(|_| random.next_u64() as i8).collect();
            let floats: Vec<f32> = rows.iter().map(|&x| f32::from(x) / 7.0).collect();
            let asked: Vec<f32> = query.iter().map(|&x| f32::from(x) / 9.0 - 12.0).collect();
            for taken in [0, 1, 3, 4, 5, 8, 11] {
                let nodes: Vec<u32> =
                    (0..taken).map(|_| (random.next_u64() % count as u64) as u32).collect();
                for set in Scattered::all() {
                    let mut out = vec![0.0; taken];
                    set.bytes(&query, &rows, &nodes, &mut out);
                    for (&node, &found) in nodes.iter().zip(&out) {
                        let row = &rows[node as usize * stride..][..stride];
                        let product: i64 =
                            query.iter().zip(row).map(|(&q, &c)| i64::from(q) * i64::from(c)).sum();
                        let true_one = (i64::from(scalar::bias(row)) - product) as i32 as f32;
                        assert_eq!(found, true_one, "{}, {lines} lines, {taken} rows", set.name());
                    }
                    set.squared(&asked, &floats, &nodes, &mut out);
                    for (&node, &found) in nodes.iter().zip(&out) {
                        let row = &floats[node as usize * stride..][..stride];
                        let off = |(&q, &x): (&f32, &f32)| (f64::from(q) - f64::from(x)).powi(2);
                        let true_one: f64 = asked.iter().zip(row).map(off).sum();
                        let close = (f64::from(found) / true_one - 1.0).abs() < 1e-5;
                        assert!(close, "{}: {found}, not {true_one}", set.name());
                    }
                }
            }
        }
    }

    #[test]
    fn all_sets_agree_on_bits() {
        let mut random = run::stream(2, &[]);
        for numbers in [64, 128, 448, 512, 832] {
            let (count, stride) = (9, bit_stride(numbers));
            let asked: Vec<f32> =
                (0..numbers).map(|_| random.next_u32() as i32 as f32 / 3e8).collect();
            let query = BitQuery::new(&asked);
            let mut rows: Vec<u32> = (0..count * stride).map(|_| random.next_u32()).collect();
            for row in rows.chunks_exact_mut(stride) {
                row[0] = 0.75_f32.to_bits();
                row[1] = 0.5_f32.to_bits();
            }
            let nodes = [3, 0, 8, 8, 1, 7, 2];
            let mut of_scalar = [0.0; 7];
            Scattered::scalar().bits(&query, &rows, &nodes, &mut of_scalar);
            for (&node, found) in nodes.iter().zip(of_scalar) {
                let row = &rows[node as usize * stride + CONSTANTS..];
                let signed = asked.iter().enumerate().map(|(i, &x)| {
                    if row[i / 32] >> (i % 32) & 1 == 1 { f64::from(x) } else { -f64::from(x) }
                });
                let true_one = 0.75 - 0.5 * signed.sum::<f64>();
                // Each number is off by half a step at most.
                let most = 0.25 * f64::from(query.step) * numbers as f64;
                assert!((f64::from(found) - true_one).abs() < most, "{found}, not {true_one}");
            }
            for set in Scattered::all() {
                let mut out = [0.0; 7];
                set.bits(&query, &rows, &nodes, &mut out);
                assert_eq!(out, of_scalar, "{}, {numbers} numbers", set.name());
            }
        }
    }

    #[test]
    #[should_panic(expected = "row 5 of 4")]
    fn a_row_that_does_not_exist_is_refused() {
        Scattered::detect().squared(&[0.0; 16], &[0.0; 64], &[1, 4], &mut [0.0; 2]);
    }
}
