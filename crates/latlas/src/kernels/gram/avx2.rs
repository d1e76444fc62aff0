//! AVX2 + FMA: a tile is 4 rows × 1 panel. Eight sums hide the latency of FMA; 8 FMAs follow 6 loads.
#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers; bounds are argued at each"
)]

use std::arch::x86_64::{
    _CMP_LE_OQ, _mm256_add_ps, _mm256_cmp_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps,
    _mm256_movemask_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::super::panels::LANES;
use super::Line;

/// Rows of a tile: a quarter of a panel.
const ROWS: usize = 4;
const WIDTH: usize = 8;

#[target_feature(enable = "avx2,fma")]
pub(super) fn products(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    let (stride, panel) = (b.len() / dim, dim * LANES);
    for (p, b) in b.chunks_exact(panel).enumerate() {
        for (i, a) in a.chunks_exact(panel).enumerate() {
            for first in (0..LANES).step_by(ROWS) {
                let at = (i * LANES + first) * stride + p * LANES;
                tile(a, first, b, dim, stride, &mut out[at..]);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn tile(a: &[f32], first: usize, b: &[f32], dim: usize, stride: usize, out: &mut [f32]) {
    // Shapes are checked once a tile, so that nothing below can reach outside the slices.
    assert!(
        first + ROWS <= LANES
            && a.len() >= dim * LANES
            && b.len() >= dim * LANES
            && out.len() >= (ROWS - 1) * stride + LANES
    );
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    for j in 0..dim {
        // SAFETY: j < dim, and b holds dim × 16 numbers.
        let lanes = unsafe {
            let at = b.as_ptr().add(j * LANES);
            [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(WIDTH))]
        };
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: j < dim and first + r < 16, and a holds dim × 16 numbers.
            let x = _mm256_set1_ps(unsafe { *a.get_unchecked(j * LANES + first + r) });
            sums[0] = _mm256_fmadd_ps(x, lanes[0], sums[0]);
            sums[1] = _mm256_fmadd_ps(x, lanes[1], sums[1]);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        // SAFETY: r < 4, and out holds 3 × stride + 16 numbers.
        unsafe {
            let at = out.as_mut_ptr().add(r * stride);
            _mm256_storeu_ps(at, sums[0]);
            _mm256_storeu_ps(at.add(WIDTH), sums[1]);
        }
    }
}

/// Eight places at a time; most hold nothing, which one comparison shows.
#[target_feature(enable = "avx2,fma")]
pub(super) fn close(line: &Line<'_>, hits: &mut [u32]) -> usize {
    let (own, bound) = (_mm256_set1_ps(line.own), _mm256_set1_ps(line.bound));
    let lanes = |numbers: &[f32], i: usize| {
        let numbers = &numbers[i..i + WIDTH];
        // SAFETY: the slice holds exactly 8 numbers.
        unsafe { _mm256_loadu_ps(numbers.as_ptr()) }
    };
    let mut found = 0;
    for i in (0..line.dots.len()).step_by(WIDTH) {
        let distances =
            _mm256_sub_ps(_mm256_add_ps(own, lanes(line.halves, i)), lanes(line.dots, i));
        let limits = _mm256_max_ps(bound, lanes(line.bounds, i));
        let mut mask = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(distances, limits));
        while mask != 0 {
            hits[found] = i as u32 + mask.trailing_zeros();
            found += 1;
            mask &= mask - 1;
        }
    }
    found
}
