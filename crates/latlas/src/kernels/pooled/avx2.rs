//! AVX2 and FMA: sums of up to eight blocks stay in registers.

use super::{BLOCK, GROUP};
use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_permute2f128_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

/// Runs `$tile::<B>(…, first block, …)` over tiles of eight blocks and one of what is left.
macro_rules! tiles {
    ($blocks:expr, $tile:ident, $($argument:expr),*) => {{
        let mut at = 0;
        while at + 8 <= $blocks {
            $tile::<8>(at * BLOCK, $($argument),*);
            at += 8;
        }
        match $blocks - at {
            0 => {}
            1 => $tile::<1>(at * BLOCK, $($argument),*),
            2 => $tile::<2>(at * BLOCK, $($argument),*),
            3 => $tile::<3>(at * BLOCK, $($argument),*),
            4 => $tile::<4>(at * BLOCK, $($argument),*),
            5 => $tile::<5>(at * BLOCK, $($argument),*),
            6 => $tile::<6>(at * BLOCK, $($argument),*),
            _ => $tile::<7>(at * BLOCK, $($argument),*),
        }
    }};
}

/// # Safety
/// The machine has AVX2 and FMA. Every pointer points to `blocks` blocks; rows may race, `h` is the caller's own.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn gather(rows: &[*mut f32], scale: f32, h: *mut f32, blocks: usize) {
    // SAFETY: the caller's promise; tiles stay within the blocks.
    unsafe { tiles!(blocks, gather_tile, rows, scale, h) }
}

/// `B` blocks of all rows: their sums stay in registers.
#[target_feature(enable = "avx2,fma")]
unsafe fn gather_tile<const B: usize>(at: usize, rows: &[*mut f32], scale: f32, h: *mut f32) {
    let mut sums = [_mm256_setzero_ps(); B];
    for row in rows {
        for (b, sum) in sums.iter_mut().enumerate() {
            // SAFETY: within the blocks of a row.
            *sum = _mm256_add_ps(*sum, unsafe { _mm256_loadu_ps(row.add(at + b * BLOCK)) });
        }
    }
    let scale = _mm256_set1_ps(scale);
    for (b, sum) in sums.into_iter().enumerate() {
        // SAFETY: within the blocks of `h`.
        unsafe { _mm256_storeu_ps(h.add(at + b * BLOCK), _mm256_mul_ps(scale, sum)) };
    }
}

/// # Safety
/// As `gather`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn spread(error: *const f32, scale: f32, rows: &[*mut f32], blocks: usize) {
    // SAFETY: the caller's promise; tiles stay within the blocks.
    unsafe { tiles!(blocks, spread_tile, error, scale, rows) }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn spread_tile<const B: usize>(at: usize, error: *const f32, scale: f32, rows: &[*mut f32]) {
    let wide = _mm256_set1_ps(scale);
    let mut moves = [_mm256_setzero_ps(); B];
    for (b, part) in moves.iter_mut().enumerate() {
        // SAFETY: within the blocks of `error`.
        *part = _mm256_mul_ps(wide, unsafe { _mm256_loadu_ps(error.add(at + b * BLOCK)) });
    }
    for row in rows {
        for (b, part) in moves.iter().enumerate() {
            // SAFETY: within the blocks of a row.
            unsafe {
                let place = row.add(at + b * BLOCK);
                _mm256_storeu_ps(place, _mm256_add_ps(_mm256_loadu_ps(place), *part));
            }
        }
    }
}

/// Calls `$kernel::<K>` with `$rows` as an array of `K`.
macro_rules! by_count {
    ($kernel:ident, $rows:expr, $($argument:expr),*) => {
        match $rows.len() {
            0 => {}
            1 => $kernel::<1>($rows, $($argument),*),
            2 => $kernel::<2>($rows, $($argument),*),
            3 => $kernel::<3>($rows, $($argument),*),
            4 => $kernel::<4>($rows, $($argument),*),
            5 => $kernel::<5>($rows, $($argument),*),
            6 => $kernel::<6>($rows, $($argument),*),
            7 => $kernel::<7>($rows, $($argument),*),
            _ => $kernel::<8>($rows, $($argument),*),
        }
    };
}

/// # Safety
/// As `gather`; there are at most `GROUP` rows.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn dots(h: *const f32, rows: &[*mut f32], out: &mut [f32; GROUP], blocks: usize) {
    // SAFETY: the caller's promise; the count is the rows' own.
    unsafe { by_count!(dots_of, rows, h, out, blocks) }
}

/// h is read once for all `K` products.
#[target_feature(enable = "avx2,fma")]
unsafe fn dots_of<const K: usize>(
    rows: &[*mut f32],
    h: *const f32,
    out: &mut [f32; GROUP],
    blocks: usize,
) {
    let mut places = [std::ptr::null_mut::<f32>(); K];
    places.copy_from_slice(&rows[..K]);
    let mut sums = [_mm256_setzero_ps(); GROUP];
    for i in (0..blocks * BLOCK).step_by(BLOCK) {
        // SAFETY: within the blocks of a row and of `h`.
        unsafe {
            let x = _mm256_loadu_ps(h.add(i));
            for k in 0..K {
                sums[k] = _mm256_fmadd_ps(x, _mm256_loadu_ps(places[k].add(i)), sums[k]);
            }
        }
    }
    // SAFETY: eight numbers into an array of eight.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), across(sums)) };
}

/// # Safety
/// As `dots`; `error` is the caller's own.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn pull(
    h: *const f32,
    rows: &[*mut f32],
    g: &[f32; GROUP],
    error: *mut f32,
    blocks: usize,
) {
    // SAFETY: the caller's promise; the count is the rows' own.
    unsafe { by_count!(pull_of, rows, h, g, error, blocks) }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn pull_of<const K: usize>(
    rows: &[*mut f32],
    h: *const f32,
    g: &[f32; GROUP],
    error: *mut f32,
    blocks: usize,
) {
    let mut places = [std::ptr::null_mut::<f32>(); K];
    places.copy_from_slice(&rows[..K]);
    let mut wide = [_mm256_setzero_ps(); K];
    for k in 0..K {
        wide[k] = _mm256_set1_ps(g[k]);
    }
    for i in (0..blocks * BLOCK).step_by(BLOCK) {
        // SAFETY: within the blocks of a row, of `h` and of `error`.
        unsafe {
            let x = _mm256_loadu_ps(h.add(i));
            let mut e = _mm256_loadu_ps(error.add(i));
            for k in 0..K {
                let o = _mm256_loadu_ps(places[k].add(i));
                e = _mm256_fmadd_ps(wide[k], o, e);
                _mm256_storeu_ps(places[k].add(i), _mm256_fmadd_ps(wide[k], x, o));
            }
            _mm256_storeu_ps(error.add(i), e);
        }
    }
}

/// The sum of each of eight vectors.
#[target_feature(enable = "avx2,fma")]
fn across(v: [__m256; GROUP]) -> __m256 {
    let low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    let high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    _mm256_add_ps(
        _mm256_permute2f128_ps::<0x20>(low, high),
        _mm256_permute2f128_ps::<0x31>(low, high),
    )
}
