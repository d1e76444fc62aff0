//! AVX2 + FMA: eight links at a time.
//!
//! Points come as 64-bit loads, not by a gather, which is slower on every CPU that has it in microcode. Their order within
//! the two registers is such that one horizontal addition leaves the squared distances in the order of the weights.

use std::arch::x86_64::{
    __m128, __m256, _mm_add_ps, _mm_castps_si128, _mm_movehl_ps, _mm_storel_epi64, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_div_ps, _mm256_extractf128_ps,
    _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set_epi64x,
    _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setzero_ps, _mm256_sub_ps, _mm256_unpackhi_ps,
    _mm256_unpacklo_ps,
};

use super::{GROUP, Links};

/// The two coordinates of a point as they lie in memory.
///
/// # Safety
/// `at` has two numbers of each point up to this one.
#[inline]
unsafe fn point(at: *const f32, point: u32) -> i64 {
    // SAFETY: the caller's promise; the read needs no alignment.
    unsafe { at.add(2 * point as usize).cast::<i64>().read_unaligned() }
}

/// # Safety
/// The CPU has the features; `at` has two numbers of each point that a link goes to and of the points from `first` on, as many
/// as `out` has pairs.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn pull(links: &Links, first: usize, at: &[f32], out: &mut [f32]) {
    let base = at.as_ptr();
    let one = _mm256_set1_ps(1.0);
    for (i, out) in (first..).zip(out.chunks_exact_mut(2)) {
        // SAFETY: the caller's promise for points from `first` on.
        let own = _mm256_castsi256_ps(_mm256_set1_epi64x(unsafe { point(base, i as u32) }));
        let (mut near, mut far) = (_mm256_setzero_ps(), _mm256_setzero_ps());
        let (targets, weights) = links.of(i);
        for (j, weights) in targets.chunks_exact(GROUP).zip(weights.chunks_exact(GROUP)) {
            // SAFETY: every link goes to a point that `at` has.
            let (a, b) = unsafe {
                (
                    four(
                        point(base, j[0]),
                        point(base, j[1]),
                        point(base, j[4]),
                        point(base, j[5]),
                    ),
                    four(
                        point(base, j[2]),
                        point(base, j[3]),
                        point(base, j[6]),
                        point(base, j[7]),
                    ),
                )
            };
            let (a, b) = (_mm256_sub_ps(own, a), _mm256_sub_ps(own, b));
            let squared = _mm256_hadd_ps(_mm256_mul_ps(a, a), _mm256_mul_ps(b, b));
            // SAFETY: a group holds eight weights.
            let weights = unsafe { _mm256_loadu_ps(weights.as_ptr()) };
            let pull = _mm256_div_ps(weights, _mm256_add_ps(one, squared));
            near = _mm256_fmadd_ps(_mm256_unpacklo_ps(pull, pull), a, near);
            far = _mm256_fmadd_ps(_mm256_unpackhi_ps(pull, pull), b, far);
        }
        let sum = pairs(_mm256_add_ps(near, far));
        // SAFETY: `out` is a chunk of two numbers, 64 bits; the store needs no alignment.
        unsafe { _mm_storel_epi64(out.as_mut_ptr().cast(), _mm_castps_si128(sum)) };
    }
}

/// Four points in a register, the first in the lowest lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn four(a: i64, b: i64, c: i64, d: i64) -> __m256 {
    _mm256_castsi256_ps(_mm256_set_epi64x(d, c, b, a))
}

/// The sum of the four pairs, in the lowest two lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn pairs(v: __m256) -> __m128 {
    let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    _mm_add_ps(half, _mm_movehl_ps(half, half))
}
