//! AVX2 + FMA: pairs of vectors and one vector against rows.
//!
//! Tails shorter than a register are read by masked loads, which touch no byte outside the slice. Unaligned loads
//! throughout: on every CPU with AVX2 they cost nothing where the data happens to be aligned.
#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers; bounds are argued at each"
)]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LE_OQ, _MM_HINT_T0, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32,
    _mm_movehdup_ps, _mm_movehl_ps, _mm_prefetch, _mm256_add_ps, _mm256_castps256_ps128,
    _mm256_cmp_ps, _mm256_cmpgt_epi32, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_hadd_ps,
    _mm256_loadu_ps, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_movemask_ps, _mm256_mul_ps,
    _mm256_or_ps, _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32,
    _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::Set;
use super::x86_blocks::{dot_panels, l2_panels, pack};

/// The AVX2 + FMA set, if this CPU has both.
pub(super) fn detect() -> Option<Set> {
    let present = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    present.then_some(Set {
        name: "avx2+fma",
        dot,
        squared_l2,
        dot_and_norms,
        axpy,
        scaled_add,
        dot_rows,
        l2_rows,
        dot_panels,
        l2_panels,
        pack,
        any_within,
    })
}

const WIDTH: usize = 8;

/// sum + q·x, or sum + (q−x)².
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn step<const L2: bool>(q: __m256, x: __m256, sum: __m256) -> __m256 {
    if L2 {
        let difference = _mm256_sub_ps(q, x);
        _mm256_fmadd_ps(difference, difference, sum)
    } else {
        _mm256_fmadd_ps(q, x, sum)
    }
}

/// All lanes set for the first `n` < 8 lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn first_lanes(n: usize) -> __m256i {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lane)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum_lanes(v: __m256) -> f32 {
    let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
}

#[target_feature(enable = "avx2,fma")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    pair::<false>(a, b)
}

#[target_feature(enable = "avx2,fma")]
fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    pair::<true>(a, b)
}

/// Four sums at a time hide the four cycles that one FMA takes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn pair<const L2: bool>(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (a.as_ptr(), b.as_ptr());
    let mut sums = [_mm256_setzero_ps(); 4];
    let mut i = 0;
    while i + 4 * WIDTH <= n {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let at = i + lane * WIDTH;
            // SAFETY: at + 8 ≤ i + 32 ≤ n, the length of both slices.
            let (x, y) = unsafe { (_mm256_loadu_ps(a.add(at)), _mm256_loadu_ps(b.add(at))) };
            *sum = step::<L2>(x, y, *sum);
        }
        i += 4 * WIDTH;
    }
    let mut lane = 0;
    while i + WIDTH <= n {
        // SAFETY: i + 8 ≤ n, the length of both slices.
        let (x, y) = unsafe { (_mm256_loadu_ps(a.add(i)), _mm256_loadu_ps(b.add(i))) };
        sums[lane] = step::<L2>(x, y, sums[lane]);
        lane += 1;
        i += WIDTH;
    }
    if i < n {
        let mask = first_lanes(n - i);
        // SAFETY: the mask lets through n − i lanes only, all inside both slices.
        let (x, y) =
            unsafe { (_mm256_maskload_ps(a.add(i), mask), _mm256_maskload_ps(b.add(i), mask)) };
        sums[3] = step::<L2>(x, y, sums[3]);
    }
    sum_lanes(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])))
}

#[target_feature(enable = "avx2,fma")]
fn dot_and_norms(a: &[f32], b: &[f32]) -> (f32, f32, f32) {
    let n = a.len().min(b.len());
    let (a, b) = (a.as_ptr(), b.as_ptr());
    let (mut ab, mut aa, mut bb) = (_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps());
    let mut i = 0;
    while i < n {
        let (x, y) = if i + WIDTH <= n {
            // SAFETY: i + 8 ≤ n, the length of both slices.
            unsafe { (_mm256_loadu_ps(a.add(i)), _mm256_loadu_ps(b.add(i))) }
        } else {
            let mask = first_lanes(n - i);
            // SAFETY: the mask lets through n − i lanes only, all inside both slices.
            unsafe { (_mm256_maskload_ps(a.add(i), mask), _mm256_maskload_ps(b.add(i), mask)) }
        };
        ab = _mm256_fmadd_ps(x, y, ab);
        aa = _mm256_fmadd_ps(x, x, aa);
        bb = _mm256_fmadd_ps(y, y, bb);
        i += WIDTH;
    }
    (sum_lanes(ab), sum_lanes(aa), sum_lanes(bb))
}

#[target_feature(enable = "avx2,fma")]
fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    let n = x.len().min(y.len());
    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
    let alpha = _mm256_set1_ps(alpha);
    let mut i = 0;
    while i + WIDTH <= n {
        // SAFETY: i + 8 ≤ n, the length of both slices; y is borrowed mutably, so they do not overlap.
        unsafe {
            let sum = _mm256_fmadd_ps(alpha, _mm256_loadu_ps(x.add(i)), _mm256_loadu_ps(y.add(i)));
            _mm256_storeu_ps(y.add(i), sum);
        }
        i += WIDTH;
    }
    if i < n {
        let mask = first_lanes(n - i);
        // SAFETY: the mask lets through n − i lanes only, all inside both slices.
        unsafe {
            let sum = _mm256_fmadd_ps(
                alpha,
                _mm256_maskload_ps(x.add(i), mask),
                _mm256_maskload_ps(y.add(i), mask),
            );
            _mm256_maskstore_ps(y.add(i), mask, sum);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn scaled_add(alpha: f32, x: &[f32], beta: f32, y: &mut [f32]) {
    let n = x.len().min(y.len());
    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
    let (alpha, beta) = (_mm256_set1_ps(alpha), _mm256_set1_ps(beta));
    let mut i = 0;
    while i + WIDTH <= n {
        // SAFETY: i + 8 ≤ n, the length of both slices; y is borrowed mutably, so they do not overlap.
        unsafe {
            let scaled = _mm256_mul_ps(beta, _mm256_loadu_ps(y.add(i)));
            _mm256_storeu_ps(y.add(i), _mm256_fmadd_ps(alpha, _mm256_loadu_ps(x.add(i)), scaled));
        }
        i += WIDTH;
    }
    if i < n {
        let mask = first_lanes(n - i);
        // SAFETY: the mask lets through n − i lanes only, all inside both slices.
        unsafe {
            let scaled = _mm256_mul_ps(beta, _mm256_maskload_ps(y.add(i), mask));
            let sum = _mm256_fmadd_ps(alpha, _mm256_maskload_ps(x.add(i), mask), scaled);
            _mm256_maskstore_ps(y.add(i), mask, sum);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    rows_with::<false>(query, rows, out);
}

#[target_feature(enable = "avx2,fma")]
fn l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    rows_with::<true>(query, rows, out);
}

/// Eight rows at a time: one load of the query serves eight rows, eight independent sums hide the latency of FMA,
/// and their lanes are added by one transposing tree. Memory is what limits it, so it asks for rows ahead.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn rows_with<const L2: bool>(query: &[f32], rows: &[f32], out: &mut [f32]) {
    const AHEAD: usize = 4096;
    let dim = query.len();
    let whole = dim / WIDTH * WIDTH;
    let q = query.as_ptr();
    let mask = first_lanes(dim - whole);
    let mut groups = out.chunks_exact_mut(8);
    let mut first = 0;
    for group in &mut groups {
        let base = rows[first * dim..(first + 8) * dim].as_ptr();
        let mut sums = [_mm256_setzero_ps(); 8];
        let mut i = 0;
        while i < whole {
            // SAFETY: i + 8 ≤ whole ≤ dim.
            let query = unsafe { _mm256_loadu_ps(q.add(i)) };
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: base points at 8 rows of dim numbers, r < 8 and i + 8 ≤ dim.
                let row = unsafe { _mm256_loadu_ps(base.add(r * dim + i)) };
                *sum = step::<L2>(query, row, *sum);
            }
            i += WIDTH;
        }
        if whole < dim {
            // SAFETY: the mask lets through dim − whole lanes only, all inside the query.
            let query = unsafe { _mm256_maskload_ps(q.add(whole), mask) };
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the mask lets through dim − whole lanes only, all inside row r of the 8 at base.
                let row = unsafe { _mm256_maskload_ps(base.add(r * dim + whole), mask) };
                *sum = step::<L2>(query, row, *sum);
            }
        }
        let mut line = 0;
        while line < 8 * dim {
            // A prefetch reads nothing and never faults, wherever it points.
            _mm_prefetch::<_MM_HINT_T0>(base.wrapping_add(8 * dim + AHEAD / 4 + line).cast());
            line += 16;
        }
        // SAFETY: a group holds exactly 8 numbers.
        unsafe { _mm256_storeu_ps(group.as_mut_ptr(), transpose_sum(&sums)) };
        first += 8;
    }
    for out in groups.into_remainder() {
        *out = pair::<L2>(query, &rows[first * dim..(first + 1) * dim]);
        first += 1;
    }
}

/// Lane i of the result is the sum of the lanes of the i-th vector.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn transpose_sum(v: &[__m256; 8]) -> __m256 {
    let low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    let high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    _mm256_add_ps(
        _mm256_permute2f128_ps::<0x20>(low, high),
        _mm256_permute2f128_ps::<0x31>(low, high),
    )
}

#[target_feature(enable = "avx2,fma")]
fn any_within(values: &[f32], bound: f32) -> bool {
    let limit = _mm256_set1_ps(bound);
    let mut chunks = values.chunks_exact(WIDTH);
    let mut within = _mm256_setzero_ps();
    for chunk in &mut chunks {
        // SAFETY: a chunk holds exactly 8 numbers.
        let v = unsafe { _mm256_loadu_ps(chunk.as_ptr()) };
        within = _mm256_or_ps(within, _mm256_cmp_ps::<_CMP_LE_OQ>(v, limit));
    }
    _mm256_movemask_ps(within) != 0 || chunks.remainder().iter().any(|&v| v <= bound)
}
