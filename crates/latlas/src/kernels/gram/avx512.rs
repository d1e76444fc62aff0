//! AVX-512: a tile is 8 rows × 3 panels. 24 sums, three registers of rows and one broadcast component fill 28 of the 32
//! registers, and 24 FMAs follow 11 loads. Components are taken 128 at a time, so that three panels of them (24 KiB)
//! stay in the first-level cache while all rows of the other side pass over them.
#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers; bounds are argued at each"
)]

use std::arch::x86_64::{
    _CMP_LE_OQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};
use std::ops::Range;

use super::super::panels::LANES;
use super::Line;

/// Rows of a tile: half a panel.
const ROWS: usize = 8;
/// Panels of a tile.
const WIDE: usize = 3;
/// Components at a time.
const DEPTH: usize = 128;

#[target_feature(enable = "avx512f")]
pub(super) fn products(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    let (stride, panel) = (b.len() / dim, dim * LANES);
    for first in (0..dim).step_by(DEPTH) {
        let depth = first..dim.min(first + DEPTH);
        for (group, b) in b.chunks(WIDE * panel).enumerate() {
            for (i, a) in a.chunks_exact(panel).enumerate() {
                for half in [0, ROWS] {
                    let at = (i * LANES + half) * stride + group * WIDE * LANES;
                    let (out, depth) = (&mut out[at..], depth.clone());
                    match b.len() / panel {
                        3 => tile::<3>(a, half, b, dim, depth, stride, out),
                        2 => tile::<2>(a, half, b, dim, depth, stride, out),
                        1 => tile::<1>(a, half, b, dim, depth, stride, out),
                        _ => {}
                    }
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn tile<const P: usize>(
    a: &[f32],
    half: usize,
    b: &[f32],
    dim: usize,
    depth: Range<usize>,
    stride: usize,
    out: &mut [f32],
) {
    // Shapes are checked once a tile, so that nothing below can reach outside the slices.
    assert!(
        depth.end <= dim
            && half + ROWS <= LANES
            && a.len() >= dim * LANES
            && b.len() >= P * dim * LANES
            && out.len() >= (ROWS - 1) * stride + P * LANES
    );
    let mut sums = [[_mm512_setzero_ps(); P]; ROWS];
    if depth.start > 0 {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (p, sum) in sums.iter_mut().enumerate() {
                // SAFETY: r < 8 and p < P, and out holds 7 × stride + P × 16 numbers.
                *sum = unsafe { _mm512_loadu_ps(out.as_ptr().add(r * stride + p * LANES)) };
            }
        }
    }
    for j in depth {
        let mut lanes = [_mm512_setzero_ps(); P];
        for (p, lanes) in lanes.iter_mut().enumerate() {
            // SAFETY: p < P and j < dim, and b holds P panels of dim × 16 numbers.
            *lanes = unsafe { _mm512_loadu_ps(b.as_ptr().add((p * dim + j) * LANES)) };
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: j < dim and half + r < 16, and a holds dim × 16 numbers.
            let x = _mm512_set1_ps(unsafe { *a.get_unchecked(j * LANES + half + r) });
            for (sum, &lanes) in sums.iter_mut().zip(&lanes) {
                *sum = _mm512_fmadd_ps(x, lanes, *sum);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (p, &sum) in sums.iter().enumerate() {
            // SAFETY: r < 8 and p < P, and out holds 7 × stride + P × 16 numbers.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(r * stride + p * LANES), sum) };
        }
    }
}

/// Sixteen places at a time; most hold nothing, which one comparison shows.
#[target_feature(enable = "avx512f")]
pub(super) fn close(line: &Line<'_>, hits: &mut [u32]) -> usize {
    let (own, bound) = (_mm512_set1_ps(line.own), _mm512_set1_ps(line.bound));
    let lanes = |numbers: &[f32], i: usize| {
        let numbers = &numbers[i..i + LANES];
        // SAFETY: the slice holds exactly 16 numbers.
        unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
    };
    let mut found = 0;
    for i in (0..line.dots.len()).step_by(LANES) {
        let distances =
            _mm512_sub_ps(_mm512_add_ps(own, lanes(line.halves, i)), lanes(line.dots, i));
        let limits = _mm512_max_ps(bound, lanes(line.bounds, i));
        let mut mask = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(distances, limits);
        while mask != 0 {
            hits[found] = i as u32 + mask.trailing_zeros();
            found += 1;
            mask &= mask - 1;
        }
    }
    found
}
