//! AVX-512: sixteen numbers at a time, or 64 bytes by VNNI; four rows side by side, so that their sums do not wait for each
//! other. (No closures or `map` over registers: what is not inlined is compiled for the plain machine.)
#![expect(unsafe_code, reason = "vector loads through pointers; bounds are argued at each")]

use std::arch::x86_64::{
    __m128, __m128i, __m512, __m512i, _mm_add_epi32, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32,
    _mm_movehl_ps, _mm_shuffle_ps, _mm_storeu_ps, _mm_storeu_si128, _mm_unpackhi_epi32,
    _mm_unpackhi_epi64, _mm_unpackhi_ps, _mm_unpacklo_epi32, _mm_unpacklo_epi64, _mm_unpacklo_ps,
    _mm256_add_epi32, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128,
    _mm256_castsi256_si128, _mm256_extractf128_ps, _mm256_extracti128_si256, _mm512_castps_pd,
    _mm512_castps512_ps256, _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extractf64x4_pd,
    _mm512_extracti64x4_epi64, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_maskz_set1_epi8, _mm512_reduce_add_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_sub_ps,
};

use super::scalar::bias;
use super::{BitQuery, CONSTANTS, LINE, NUMBERS, SIGNS, ahead, bit_stride};

/// Rows that are compared side by side.
const SIDE: usize = 4;

#[target_feature(enable = "avx512f")]
pub(super) fn squared(query: &[f32], rows: &[f32], nodes: &[u32], out: &mut [f32]) {
    let stride = query.len();
    let row = |node: u32| &rows[node as usize * stride..][..stride];
    let (groups, rest) = nodes.as_chunks::<SIDE>();
    let whole = groups.len() * SIDE;
    nodes.iter().take(SIDE).for_each(|&node| ahead(row(node)));
    for (g, group) in groups.iter().enumerate() {
        for &next in nodes.iter().skip((g + 1) * SIDE).take(SIDE) {
            ahead(row(next));
        }
        let four = [row(group[0]), row(group[1]), row(group[2]), row(group[3])];
        let mut sums = [_mm512_setzero_ps(); SIDE];
        for at in (0..stride).step_by(NUMBERS) {
            // SAFETY: query and rows have `stride` numbers, a multiple of 16, and `at` is one below it.
            unsafe {
                let q = _mm512_loadu_ps(query.as_ptr().add(at));
                for (sum, row) in sums.iter_mut().zip(four) {
                    let off = _mm512_sub_ps(q, _mm512_loadu_ps(row.as_ptr().add(at)));
                    *sum = _mm512_fmadd_ps(off, off, *sum);
                }
            }
        }
        let out = &mut out[g * SIDE..][..SIDE];
        // SAFETY: four places.
        unsafe { _mm_storeu_ps(out.as_mut_ptr(), four_sums(sums)) };
    }
    for (&node, out) in rest.iter().zip(&mut out[whole..]) {
        let row = row(node);
        let mut sum = _mm512_setzero_ps();
        for at in (0..stride).step_by(NUMBERS) {
            // SAFETY: as above.
            unsafe {
                let q = _mm512_loadu_ps(query.as_ptr().add(at));
                let off = _mm512_sub_ps(q, _mm512_loadu_ps(row.as_ptr().add(at)));
                sum = _mm512_fmadd_ps(off, off, sum);
            }
        }
        *out = one_sum(sum);
    }
}

/// The sum of the numbers of each of four registers, in the same order as `one_sum` adds them.
#[inline]
#[target_feature(enable = "avx512f")]
fn four_sums(sums: [__m512; SIDE]) -> __m128 {
    let [a, b, c, d] = sums;
    let (a, b, c, d) = (quarter(a), quarter(b), quarter(c), quarter(d));
    // Pairs: lanes 0 + 2 and 1 + 3 of each, then both.
    let (ab, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
    let (cd, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
    let (ab, cd) = (_mm_add_ps(ab, ab_high), _mm_add_ps(cd, cd_high));
    // ab = a02 b02 a13 b13.
    _mm_add_ps(_mm_shuffle_ps::<0b01_00_01_00>(ab, cd), _mm_shuffle_ps::<0b11_10_11_10>(ab, cd))
}

/// The sum of the numbers of a register.
#[inline]
#[target_feature(enable = "avx512f")]
fn one_sum(sum: __m512) -> f32 {
    let four = quarter(sum);
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

/// Four sums of four numbers each.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarter(sum: __m512) -> __m128 {
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(sum)));
    let half = _mm256_add_ps(_mm512_castps512_ps256(sum), high);
    _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn bytes(query: &[u8], rows: &[i8], nodes: &[u32], out: &mut [f32]) {
    let stride = query.len();
    let row = |node: u32| &rows[node as usize * stride..][..stride];
    let (groups, rest) = nodes.as_chunks::<SIDE>();
    let whole = groups.len() * SIDE;
    nodes.iter().take(SIDE).for_each(|&node| ahead(row(node)));
    for (g, group) in groups.iter().enumerate() {
        for &next in nodes.iter().skip((g + 1) * SIDE).take(SIDE) {
            ahead(row(next));
        }
        let four = [row(group[0]), row(group[1]), row(group[2]), row(group[3])];
        let mut sums = [_mm512_setzero_si512(); SIDE];
        for at in (0..stride).step_by(LINE) {
            // SAFETY: query and rows have `stride` bytes, a multiple of 64, and `at` is one below it.
            unsafe {
                let q = _mm512_loadu_si512(query.as_ptr().add(at).cast());
                for (sum, row) in sums.iter_mut().zip(four) {
                    let c = _mm512_loadu_si512(row.as_ptr().add(at).cast());
                    *sum = _mm512_dpbusd_epi32(*sum, q, c);
                }
            }
        }
        let mut products = [0_i32; SIDE];
        // SAFETY: four places.
        unsafe { _mm_storeu_si128(products.as_mut_ptr().cast(), four_products(sums)) };
        for ((out, product), row) in out[g * SIDE..].iter_mut().zip(products).zip(four) {
            *out = bias(row).wrapping_sub(product) as f32;
        }
    }
    for (&node, out) in rest.iter().zip(&mut out[whole..]) {
        let row = row(node);
        let mut sum = _mm512_setzero_si512();
        for at in (0..stride).step_by(LINE) {
            // SAFETY: as above.
            unsafe {
                let q = _mm512_loadu_si512(query.as_ptr().add(at).cast());
                let c = _mm512_loadu_si512(row.as_ptr().add(at).cast());
                sum = _mm512_dpbusd_epi32(sum, q, c);
            }
        }
        *out = bias(row).wrapping_sub(_mm512_reduce_add_epi32(sum)) as f32;
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn bits(query: &BitQuery, rows: &[u32], nodes: &[u32], out: &mut [f32]) {
    let (numbers, stride) = (&*query.numbers, bit_stride(query.numbers.len()));
    let row = |node: u32| &rows[node as usize * stride..][..stride];
    let (groups, rest) = nodes.as_chunks::<SIDE>();
    let whole = groups.len() * SIDE;
    nodes.iter().take(SIDE).for_each(|&node| ahead(row(node)));
    for (g, group) in groups.iter().enumerate() {
        for &next in nodes.iter().skip((g + 1) * SIDE).take(SIDE) {
            ahead(row(next));
        }
        let four = [row(group[0]), row(group[1]), row(group[2]), row(group[3])];
        let mut sums = [_mm512_setzero_si512(); SIDE];
        for at in (0..numbers.len()).step_by(SIGNS) {
            // SAFETY: a multiple of 64 numbers, of which `at` is one below it, and a row has a bit for each behind its
            // constants.
            unsafe {
                let q = _mm512_loadu_si512(numbers.as_ptr().add(at).cast());
                for (sum, row) in sums.iter_mut().zip(four) {
                    let signs = row.as_ptr().add(CONSTANTS + at / 32).cast::<[u8; 8]>();
                    let set = _mm512_maskz_set1_epi8(u64::from_le_bytes(*signs), 1);
                    *sum = _mm512_dpbusd_epi32(*sum, set, q);
                }
            }
        }
        let mut set = [0_i32; SIDE];
        // SAFETY: four places.
        unsafe { _mm_storeu_si128(set.as_mut_ptr().cast(), four_products(sums)) };
        for ((out, set), row) in out[g * SIDE..].iter_mut().zip(set).zip(four) {
            *out = query.rank(row, set);
        }
    }
    for (&node, out) in rest.iter().zip(&mut out[whole..]) {
        let row = row(node);
        let mut sum = _mm512_setzero_si512();
        for at in (0..numbers.len()).step_by(SIGNS) {
            // SAFETY: as above.
            unsafe {
                let q = _mm512_loadu_si512(numbers.as_ptr().add(at).cast());
                let signs = row.as_ptr().add(CONSTANTS + at / 32).cast::<[u8; 8]>();
                let set = _mm512_maskz_set1_epi8(u64::from_le_bytes(*signs), 1);
                sum = _mm512_dpbusd_epi32(sum, set, q);
            }
        }
        *out = query.rank(row, _mm512_reduce_add_epi32(sum));
    }
}

/// Four sums of four numbers each.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarter_of_products(sum: __m512i) -> __m128i {
    let high = _mm512_extracti64x4_epi64::<1>(sum);
    let half = _mm256_add_epi32(_mm512_castsi512_si256(sum), high);
    _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
}

/// The sum of the numbers of each of four registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn four_products(sums: [__m512i; SIDE]) -> __m128i {
    let [a, b, c, d] = sums;
    let (a, b, c, d) = (
        quarter_of_products(a),
        quarter_of_products(b),
        quarter_of_products(c),
        quarter_of_products(d),
    );
    let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd))
}
