//! AVX2 + FMA, and AVX-512. Square roots are the machine's estimates and one Newton step, within 3e-7 of the truth;
//! estimates differ between makers of CPUs, so that results repeat on one kind of CPU.

use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T0, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehdup_ps,
    _mm_movehl_ps, _mm_prefetch, _mm256_add_ps, _mm256_and_ps, _mm256_blend_ps,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_extractf128_ps, _mm256_fmadd_ps,
    _mm256_fnmadd_ps, _mm256_load_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_rsqrt_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_store_ps,
    _mm512_add_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_load_ps, _mm512_mask_mov_ps,
    _mm512_maskz_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_reduce_add_ps, _mm512_rsqrt14_ps,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_store_ps,
};

use super::{BIAS_START, LINE, Link, Tile};

/// What is asked for ahead: a third of the smallest L1 cache in use.
const AHEAD_BYTES: usize = 16 << 10;

/// The number of links between asking for rows and using them.
fn ahead(width: usize) -> usize {
    (AHEAD_BYTES / (width * 16)).clamp(1, 8)
}

/// The two rows of a link.
///
/// # Safety
/// The link is one of the tile's.
#[inline]
unsafe fn rows(tile: &Tile<'_>, link: &Link) -> (*mut f32, *mut f32) {
    // SAFETY: the tile holds every row that its links name.
    unsafe {
        (
            tile.sources.add(usize::from(link.source) * 2 * tile.width),
            tile.targets.add(usize::from(link.target) * 2 * tile.width),
        )
    }
}

/// Asks for the rows of a link.
#[inline]
fn prefetch(tile: &Tile<'_>, link: &Link) {
    // SAFETY: within the rows of one of the tile's links; a prefetch reads nothing.
    unsafe {
        let (u, v) = rows(tile, link);
        for i in (0..2 * tile.width).step_by(LINE) {
            _mm_prefetch::<_MM_HINT_T0>(u.add(i).cast());
            _mm_prefetch::<_MM_HINT_T0>(v.add(i).cast());
        }
    }
}

/// # Safety
/// As [`Tile`] says, nobody else uses the rows, and the CPU has the features.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn tile_avx512(tile: &Tile<'_>) -> f64 {
    const STEP: usize = 16;
    let width = tile.width;
    let ahead = ahead(width);
    let (high, low) = (_mm512_set1_ps(tile.descent.clip), _mm512_set1_ps(-tile.descent.clip));
    let start = _mm512_set1_ps(tile.descent.start());
    let first_start = _mm512_mask_mov_ps(start, 0b11, _mm512_set1_ps(BIAS_START));
    let mut loss = 0.0;
    for (i, link) in tile.links.iter().enumerate() {
        if let Some(next) = tile.links.get(i + ahead) {
            prefetch(tile, next);
        }
        // SAFETY: the rows hold 2 × width numbers, width is a multiple of 16, and rows begin on lines of 64 bytes.
        unsafe {
            let (u, v) = rows(tile, link);
            let mut sums = [_mm512_setzero_ps(); 2];
            for j in (0..width).step_by(STEP) {
                let k = j / STEP % 2;
                sums[k] =
                    _mm512_fmadd_ps(_mm512_load_ps(u.add(j)), _mm512_load_ps(v.add(j)), sums[k]);
            }
            let d = _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1])) - link.log;
            let e = tile.descent.weight(link.log) * d;
            loss += 0.5 * f64::from(e) * f64::from(d);
            let e = _mm512_set1_ps(e);
            // The ones beside the biases stay what they are.
            let (mut moved_u, mut moved_v, mut begun) = (!2, !1, first_start);
            for j in (0..width).step_by(STEP) {
                let (x, y) = (_mm512_load_ps(u.add(j)), _mm512_load_ps(v.add(j)));
                let (h, k) = (_mm512_load_ps(u.add(width + j)), _mm512_load_ps(v.add(width + j)));
                let g = _mm512_maskz_max_ps(moved_u, _mm512_min_ps(_mm512_mul_ps(e, y), high), low);
                let f = _mm512_maskz_max_ps(moved_v, _mm512_min_ps(_mm512_mul_ps(e, x), high), low);
                let (r, s) = (root_512(_mm512_add_ps(h, begun)), root_512(_mm512_add_ps(k, begun)));
                _mm512_store_ps(u.add(j), _mm512_fnmadd_ps(g, r, x));
                _mm512_store_ps(v.add(j), _mm512_fnmadd_ps(f, s, y));
                _mm512_store_ps(u.add(width + j), _mm512_fmadd_ps(g, g, h));
                _mm512_store_ps(v.add(width + j), _mm512_fmadd_ps(f, f, k));
                (moved_u, moved_v, begun) = (!0, !0, start);
            }
        }
    }
    loss
}

/// 1/√x.
#[inline]
#[target_feature(enable = "avx512f")]
fn root_512(x: __m512) -> __m512 {
    let r = _mm512_rsqrt14_ps(x);
    let half = _mm512_mul_ps(_mm512_mul_ps(x, r), _mm512_set1_ps(0.5));
    _mm512_mul_ps(r, _mm512_fnmadd_ps(half, r, _mm512_set1_ps(1.5)))
}

/// # Safety
/// As [`Tile`] says, nobody else uses the rows, and the CPU has the features.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn tile_avx2(tile: &Tile<'_>) -> f64 {
    const STEP: usize = 8;
    let width = tile.width;
    let ahead = ahead(width);
    let (high, low) = (_mm256_set1_ps(tile.descent.clip), _mm256_set1_ps(-tile.descent.clip));
    let start = _mm256_set1_ps(tile.descent.start());
    let first_start = _mm256_blend_ps::<0b11>(start, _mm256_set1_ps(BIAS_START));
    let all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    let but_second = _mm256_castsi256_ps(_mm256_setr_epi32(-1, 0, -1, -1, -1, -1, -1, -1));
    let but_first = _mm256_castsi256_ps(_mm256_setr_epi32(0, -1, -1, -1, -1, -1, -1, -1));
    let mut loss = 0.0;
    for (i, link) in tile.links.iter().enumerate() {
        if let Some(next) = tile.links.get(i + ahead) {
            prefetch(tile, next);
        }
        // SAFETY: the rows hold 2 × width numbers, width is a multiple of 16, and rows begin on lines of 64 bytes.
        unsafe {
            let (u, v) = rows(tile, link);
            let mut sums = [_mm256_setzero_ps(); 2];
            for j in (0..width).step_by(STEP) {
                let k = j / STEP % 2;
                sums[k] =
                    _mm256_fmadd_ps(_mm256_load_ps(u.add(j)), _mm256_load_ps(v.add(j)), sums[k]);
            }
            let d = sum_256(_mm256_add_ps(sums[0], sums[1])) - link.log;
            let e = tile.descent.weight(link.log) * d;
            loss += 0.5 * f64::from(e) * f64::from(d);
            let e = _mm256_set1_ps(e);
            // The ones beside the biases stay what they are.
            let (mut moved_u, mut moved_v, mut begun) = (but_second, but_first, first_start);
            for j in (0..width).step_by(STEP) {
                let (x, y) = (_mm256_load_ps(u.add(j)), _mm256_load_ps(v.add(j)));
                let (h, k) = (_mm256_load_ps(u.add(width + j)), _mm256_load_ps(v.add(width + j)));
                let g = _mm256_max_ps(_mm256_min_ps(_mm256_mul_ps(e, y), high), low);
                let f = _mm256_max_ps(_mm256_min_ps(_mm256_mul_ps(e, x), high), low);
                let (g, f) = (_mm256_and_ps(g, moved_u), _mm256_and_ps(f, moved_v));
                let (r, s) = (root_256(_mm256_add_ps(h, begun)), root_256(_mm256_add_ps(k, begun)));
                _mm256_store_ps(u.add(j), _mm256_fnmadd_ps(g, r, x));
                _mm256_store_ps(v.add(j), _mm256_fnmadd_ps(f, s, y));
                _mm256_store_ps(u.add(width + j), _mm256_fmadd_ps(g, g, h));
                _mm256_store_ps(v.add(width + j), _mm256_fmadd_ps(f, f, k));
                (moved_u, moved_v, begun) = (all, all, start);
            }
        }
    }
    loss
}

/// 1/√x.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn root_256(x: __m256) -> __m256 {
    let r = _mm256_rsqrt_ps(x);
    let half = _mm256_mul_ps(_mm256_mul_ps(x, r), _mm256_set1_ps(0.5));
    _mm256_mul_ps(r, _mm256_fnmadd_ps(half, r, _mm256_set1_ps(1.5)))
}

/// The sum of eight numbers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum_256(x: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}
