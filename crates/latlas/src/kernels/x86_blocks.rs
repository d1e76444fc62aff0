//! AVX2 + FMA: several queries against panels of rows (see [`super::Panels`]).
//!
//! A tile is 6 queries × 16 rows: 12 sums, two registers of rows and one broadcast query component fill 15 of the
//! 16 vector registers, and 12 FMAs follow 8 loads, so arithmetic is what limits it. A panel of 16 rows stays in
//! the first-level cache while all queries pass over it.
#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers; bounds are argued at each"
)]

use std::arch::x86_64::{
    __m256, _mm256_loadu_ps, _mm256_mul_ps, _mm256_permute2f128_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

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

/// Packs 16 whole rows side by side: 8 × 8 blocks are transposed in registers, the last components one by one.
#[target_feature(enable = "avx2,fma")]
pub(super) fn pack(rows: &[f32], dim: usize, scales: &[f32; LANES], panel: &mut [f32]) {
    assert!(rows.len() >= LANES * dim && panel.len() >= LANES * dim);
    let whole = dim / 8 * 8;
    for half in [0, 8] {
        for j in (0..whole).step_by(8) {
            let mut block = [_mm256_setzero_ps(); 8];
            for (r, vector) in block.iter_mut().enumerate() {
                let row = half + r;
                // SAFETY: row < 16 and j + 8 ≤ dim, and there are 16 rows of dim numbers.
                let numbers = unsafe { _mm256_loadu_ps(rows.as_ptr().add(row * dim + j)) };
                *vector = _mm256_mul_ps(numbers, _mm256_set1_ps(scales[row]));
            }
            for (c, lanes) in transpose(block).into_iter().enumerate() {
                // SAFETY: j + c < dim and half + 8 ≤ 16, and the panel holds dim × 16 numbers.
                unsafe { _mm256_storeu_ps(panel.as_mut_ptr().add((j + c) * LANES + half), lanes) };
            }
        }
    }
    for j in whole..dim {
        for (lane, scale) in scales.iter().enumerate() {
            panel[j * LANES + lane] = rows[lane * dim + j] * scale;
        }
    }
}

/// Row r, column c of the result is row c, column r of the block.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn transpose(v: [__m256; 8]) -> [__m256; 8] {
    // Pairs of rows, then fours, then the halves of the registers.
    let pairs = |i: usize| (_mm256_unpacklo_ps(v[i], v[i + 1]), _mm256_unpackhi_ps(v[i], v[i + 1]));
    let [(a, b), (c, d), (e, f), (g, h)] = [pairs(0), pairs(2), pairs(4), pairs(6)];
    let fours =
        |x: __m256, y: __m256| (_mm256_shuffle_ps::<0x44>(x, y), _mm256_shuffle_ps::<0xee>(x, y));
    let [(t0, t1), (t2, t3), (t4, t5), (t6, t7)] =
        [fours(a, c), fours(b, d), fours(e, g), fours(f, h)];
    [
        _mm256_permute2f128_ps::<0x20>(t0, t4),
        _mm256_permute2f128_ps::<0x20>(t1, t5),
        _mm256_permute2f128_ps::<0x20>(t2, t6),
        _mm256_permute2f128_ps::<0x20>(t3, t7),
        _mm256_permute2f128_ps::<0x31>(t0, t4),
        _mm256_permute2f128_ps::<0x31>(t1, t5),
        _mm256_permute2f128_ps::<0x31>(t2, t6),
        _mm256_permute2f128_ps::<0x31>(t3, t7),
    ]
}
