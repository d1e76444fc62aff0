//! AVX2 + FMA: several queries against panels of rows (see [`super::Panels`]).
//!
//! A tile is 6 queries × 16 rows: 12 sums, two registers of rows and one broadcast query component fill 15 of the
//! 16 vector registers, and 12 FMAs follow 8 loads, so arithmetic is what limits it. A panel of 16 rows stays in
//! the first-level cache while all queries pass over it.
#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers; bounds are argued at each"
)]

use std::arch::x86_64::*;

use super::panels::LANES;
use super::x86::step;

const TILE: usize = 6;

#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_panels(queries: &[f32], panels: &[f32], dim: usize, out: &mut [f32]) {
    blocks::<false>(queries, panels, dim, out);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn l2_panels(queries: &[f32], panels: &[f32], dim: usize, out: &mut [f32]) {
    blocks::<true>(queries, panels, dim, out);
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn blocks<const L2: bool>(queries: &[f32], panels: &[f32], dim: usize, out: &mut [f32]) {
    let stride = panels.len() / dim;
    for (p, panel) in panels.chunks_exact(dim * LANES).enumerate() {
        for (tile, out) in queries.chunks(TILE * dim).zip(out.chunks_mut(TILE * stride)) {
            let out = &mut out[p * LANES..];
            match tile.len() / dim {
                6 => sums::<6, L2>(tile, panel, dim, stride, out),
                5 => sums::<5, L2>(tile, panel, dim, stride, out),
                4 => sums::<4, L2>(tile, panel, dim, stride, out),
                3 => sums::<3, L2>(tile, panel, dim, stride, out),
                2 => sums::<2, L2>(tile, panel, dim, stride, out),
                1 => sums::<1, L2>(tile, panel, dim, stride, out),
                _ => {}
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn sums<const Q: usize, const L2: bool>(
    tile: &[f32],
    panel: &[f32],
    dim: usize,
    stride: usize,
    out: &mut [f32],
) {
    // Shapes are checked once a tile, so that nothing below can reach outside the slices.
    assert!(
        tile.len() >= Q * dim
            && panel.len() >= dim * LANES
            && out.len() >= (Q - 1) * stride + LANES
    );
    let mut sums = [[_mm256_setzero_ps(); 2]; Q];
    for j in 0..dim {
        // SAFETY: j < dim, and the panel holds dim × 16 numbers.
        let rows = unsafe {
            let at = panel.as_ptr().add(j * LANES);
            [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))]
        };
        for (q, sums) in sums.iter_mut().enumerate() {
            // SAFETY: q < Q and j < dim, and the tile holds Q × dim numbers.
            let query = _mm256_set1_ps(unsafe { *tile.get_unchecked(q * dim + j) });
            sums[0] = step::<L2>(query, rows[0], sums[0]);
            sums[1] = step::<L2>(query, rows[1], sums[1]);
        }
    }
    for (q, sums) in sums.iter().enumerate() {
        // SAFETY: q ≤ Q − 1, and out holds (Q − 1) × stride + 16 numbers.
        unsafe {
            let at = out.as_mut_ptr().add(q * stride);
            _mm256_storeu_ps(at, sums[0]);
            _mm256_storeu_ps(at.add(8), sums[1]);
        }
    }
}
