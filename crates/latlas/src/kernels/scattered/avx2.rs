//! AVX2: eight numbers at a time, or sixteen bytes widened to sixteen bits each, whose products cannot overflow.
#![expect(unsafe_code, reason = "vector loads through pointers; bounds are argued at each")]

use std::arch::x86_64::{
    __m256, __m256i, _mm_add_epi32, _mm_add_ps, _mm_add_ss, _mm_cvtsi128_si32, _mm_cvtss_f32,
    _mm_loadu_si128, _mm_movehl_ps, _mm_shuffle_epi32, _mm_shuffle_ps, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_si256, _mm256_castps256_ps128, _mm256_castsi256_si128,
    _mm256_cmpeq_epi8, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_extractf128_ps,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sub_ps,
};

use super::scalar::bias;
use super::{BitQuery, CONSTANTS, ahead, bit_stride};

/// Rows that the machine is asked for ahead.
const AHEAD: usize = 3;

#[target_feature(enable = "avx2,fma")]
pub(super) fn squared(query: &[f32], rows: &[f32], nodes: &[u32], out: &mut [f32]) {
    let stride = query.len();
    let row = |node: u32| &rows[node as usize * stride..][..stride];
    for (i, (&node, out)) in nodes.iter().zip(out).enumerate() {
        if let Some(&next) = nodes.get(i + AHEAD) {
            ahead(row(next));
        }
        let row = row(node);
        let mut sums = [_mm256_setzero_ps(); 2];
        for at in (0..stride).step_by(16) {
            for (half, sum) in sums.iter_mut().enumerate() {
                // SAFETY: query and row have `stride` numbers, a multiple of 16, and `at` is one below it.
                unsafe {
                    let q = _mm256_loadu_ps(query.as_ptr().add(at + 8 * half));
                    let x = _mm256_loadu_ps(row.as_ptr().add(at + 8 * half));
                    let off = _mm256_sub_ps(q, x);
                    *sum = _mm256_fmadd_ps(off, off, *sum);
                }
            }
        }
        *out = total(_mm256_add_ps(sums[0], sums[1]));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn total(sum: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn bytes(query: &[u8], rows: &[i8], nodes: &[u32], out: &mut [f32]) {
    let stride = query.len();
    let row = |node: u32| &rows[node as usize * stride..][..stride];
    for (i, (&node, out)) in nodes.iter().zip(out).enumerate() {
        if let Some(&next) = nodes.get(i + AHEAD) {
            ahead(row(next));
        }
        let row = row(node);
        let mut sums = [_mm256_setzero_si256(); 2];
        for at in (0..stride).step_by(32) {
            for (half, sum) in sums.iter_mut().enumerate() {
                // SAFETY: query and row have `stride` bytes, a multiple of 64, and `at` is a multiple of 32 below it.
                let (q, c) = unsafe {
                    (
                        _mm_loadu_si128(query.as_ptr().add(at + 16 * half).cast()),
                        _mm_loadu_si128(row.as_ptr().add(at + 16 * half).cast()),
                    )
                };
                let products = _mm256_madd_epi16(_mm256_cvtepu8_epi16(q), _mm256_cvtepi8_epi16(c));
                *sum = _mm256_add_epi32(*sum, products);
            }
        }
        let product = whole(_mm256_add_epi32(sums[0], sums[1]));
        *out = bias(row).wrapping_sub(product) as f32;
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn bits(query: &BitQuery, rows: &[u32], nodes: &[u32], out: &mut [f32]) {
    let (numbers, stride) = (&*query.numbers, bit_stride(query.numbers.len()));
    let row = |node: u32| &rows[node as usize * stride..][..stride];
    // Byte i of a register takes byte i / 8 of a word, and of that bit i % 8.
    let spread = _mm256_setr_epi8(
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3,
        3, 3,
    );
    let own = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let (one, ones) = (_mm256_set1_epi8(1), _mm256_set1_epi16(1));
    for (i, (&node, out)) in nodes.iter().zip(out).enumerate() {
        if let Some(&next) = nodes.get(i + AHEAD) {
            ahead(row(next));
        }
        let row = row(node);
        let mut sum = _mm256_setzero_si256();
        for (at, &word) in (0..numbers.len()).step_by(32).zip(&row[CONSTANTS..]) {
            // SAFETY: a multiple of 64 numbers, and `at` is a multiple of 32 below it.
            let q = unsafe { _mm256_loadu_si256(numbers.as_ptr().add(at).cast()) };
            let word = _mm256_shuffle_epi8(_mm256_set1_epi32(word as i32), spread);
            let set = _mm256_cmpeq_epi8(_mm256_and_si256(word, own), own);
            let pairs = _mm256_maddubs_epi16(_mm256_and_si256(set, one), q);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        *out = query.rank(row, whole(sum));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn whole(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<1>(two)))
}
