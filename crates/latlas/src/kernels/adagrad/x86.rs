//! AVX2 + FMA, and AVX-512. Square roots are the machine's estimates and one Newton step, within 3e-7 of the truth;
//! estimates differ between makers of CPUs, so that results repeat on one kind of CPU.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

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

/// The kernel of one instruction set, from a module of what its registers can do.
macro_rules! kernel {
    ($name:ident, $lanes:ident, $features:literal) => {
        /// # Safety
        /// As [`Tile`] says, nobody else uses the rows, and the CPU has the features.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(tile: &Tile<'_>) -> f64 {
            use $lanes as lanes;
            let width = tile.width;
            let ahead = ahead(width);
            let clip = lanes::all(tile.descent.clip);
            let start = lanes::all(tile.descent.start());
            let first_start = lanes::first_two(lanes::all(BIAS_START), start);
            let mut loss = 0.0;
            for (i, link) in tile.links.iter().enumerate() {
                if let Some(next) = tile.links.get(i + ahead) {
                    prefetch(tile, next);
                }
                // SAFETY: rows hold 2 × width numbers, width is a multiple of 16, and rows begin on lines of 64 bytes.
                unsafe {
                    let (u, v) = rows(tile, link);
                    let mut sums = [lanes::all(0.0); 2];
                    for j in (0..width).step_by(lanes::COUNT) {
                        let k = j / lanes::COUNT % 2;
                        sums[k] = lanes::plus_product(
                            sums[k],
                            lanes::load(u.add(j)),
                            lanes::load(v.add(j)),
                        );
                    }
                    let d = lanes::sum(lanes::add(sums[0], sums[1])) - link.log;
                    let e = tile.descent.weight(link.log) * d;
                    loss += 0.5 * f64::from(e) * f64::from(d);
                    let e = lanes::all(e);
                    // The ones beside the biases stay what they are.
                    let (mut moved_u, mut moved_v) = (lanes::but_second(), lanes::but_first());
                    let mut begun = first_start;
                    for j in (0..width).step_by(lanes::COUNT) {
                        let (x, y) = (lanes::load(u.add(j)), lanes::load(v.add(j)));
                        let (h, k) = (lanes::load(u.add(width + j)), lanes::load(v.add(width + j)));
                        let g = lanes::clipped_product(e, y, clip, moved_u);
                        let f = lanes::clipped_product(e, x, clip, moved_v);
                        let r = lanes::inverse_root(lanes::add(h, begun));
                        let s = lanes::inverse_root(lanes::add(k, begun));
                        lanes::store(u.add(j), lanes::minus_product(x, g, r));
                        lanes::store(v.add(j), lanes::minus_product(y, f, s));
                        lanes::store(u.add(width + j), lanes::plus_product(h, g, g));
                        lanes::store(v.add(width + j), lanes::plus_product(k, f, f));
                        (moved_u, moved_v, begun) = (lanes::every(), lanes::every(), start);
                    }
                }
            }
            loss
        }
    };
}

kernel!(tile_avx512, sixteen, "avx512f");
kernel!(tile_avx2, eight, "avx2,fma");

/// Sixteen lanes: AVX-512.
mod sixteen {
    use std::arch::x86_64::{
        __m512, __mmask16, _mm512_add_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_load_ps,
        _mm512_mask_mov_ps, _mm512_maskz_max_ps, _mm512_min_ps, _mm512_mul_ps,
        _mm512_reduce_add_ps, _mm512_rsqrt14_ps, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_store_ps, _mm512_sub_ps,
    };

    pub(super) const COUNT: usize = 16;

    /// This number in every lane.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn all(x: f32) -> __m512 {
        _mm512_set1_ps(x)
    }

    /// # Safety
    /// A whole register of numbers is there, on a boundary of as many bytes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { _mm512_load_ps(from) }
    }

    /// # Safety
    /// As `load`, and they are nobody else's.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn store(to: *mut f32, x: __m512) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_store_ps(to, x) }
    }

    /// a + b.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn add(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(a, b)
    }

    /// a + b·c, rounded once.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn plus_product(a: __m512, b: __m512, c: __m512) -> __m512 {
        _mm512_fmadd_ps(b, c, a)
    }

    /// a − b·c, rounded once.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn minus_product(a: __m512, b: __m512, c: __m512) -> __m512 {
        _mm512_fnmadd_ps(b, c, a)
    }

    /// The first two lanes of one, the others of another.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn first_two(first: __m512, others: __m512) -> __m512 {
        _mm512_mask_mov_ps(others, 0b11, first)
    }

    /// All lanes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn every() -> __mmask16 {
        !0
    }

    /// All lanes but the first.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn but_first() -> __mmask16 {
        !1
    }

    /// All lanes but the second.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn but_second() -> __mmask16 {
        !2
    }

    /// a·b cut to ± `clip`; 0 in lanes that do not move.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn clipped_product(a: __m512, b: __m512, clip: __m512, moved: __mmask16) -> __m512 {
        let low = _mm512_sub_ps(_mm512_setzero_ps(), clip);
        _mm512_maskz_max_ps(moved, _mm512_min_ps(_mm512_mul_ps(a, b), clip), low)
    }

    /// The sum of all lanes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn sum(x: __m512) -> f32 {
        _mm512_reduce_add_ps(x)
    }

    /// 1/√x.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn inverse_root(x: __m512) -> __m512 {
        let r = _mm512_rsqrt14_ps(x);
        let half = _mm512_mul_ps(_mm512_mul_ps(x, r), _mm512_set1_ps(0.5));
        _mm512_mul_ps(r, _mm512_fnmadd_ps(half, r, _mm512_set1_ps(1.5)))
    }
}

/// Eight lanes: AVX2 and FMA.
mod eight {
    use std::arch::x86_64::{
        __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehdup_ps, _mm_movehl_ps,
        _mm256_add_ps, _mm256_and_ps, _mm256_blend_ps, _mm256_castps256_ps128, _mm256_castsi256_ps,
        _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_load_ps, _mm256_max_ps,
        _mm256_min_ps, _mm256_mul_ps, _mm256_rsqrt_ps, _mm256_set1_epi32, _mm256_set1_ps,
        _mm256_setr_epi32, _mm256_setzero_ps, _mm256_store_ps, _mm256_sub_ps,
    };

    pub(super) const COUNT: usize = 8;

    /// This number in every lane.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn all(x: f32) -> __m256 {
        _mm256_set1_ps(x)
    }

    /// # Safety
    /// A whole register of numbers is there, on a boundary of as many bytes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: the caller's promise.
        unsafe { _mm256_load_ps(from) }
    }

    /// # Safety
    /// As `load`, and they are nobody else's.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn store(to: *mut f32, x: __m256) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_store_ps(to, x) }
    }

    /// a + b.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn add(a: __m256, b: __m256) -> __m256 {
        _mm256_add_ps(a, b)
    }

    /// a + b·c, rounded once.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn plus_product(a: __m256, b: __m256, c: __m256) -> __m256 {
        _mm256_fmadd_ps(b, c, a)
    }

    /// a − b·c, rounded once.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn minus_product(a: __m256, b: __m256, c: __m256) -> __m256 {
        _mm256_fnmadd_ps(b, c, a)
    }

    /// The first two lanes of one, the others of another.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn first_two(first: __m256, others: __m256) -> __m256 {
        _mm256_blend_ps::<0b11>(others, first)
    }

    /// All lanes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn every() -> __m256 {
        _mm256_castsi256_ps(_mm256_set1_epi32(-1))
    }

    /// All lanes but the first.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn but_first() -> __m256 {
        _mm256_castsi256_ps(_mm256_setr_epi32(0, -1, -1, -1, -1, -1, -1, -1))
    }

    /// All lanes but the second.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn but_second() -> __m256 {
        _mm256_castsi256_ps(_mm256_setr_epi32(-1, 0, -1, -1, -1, -1, -1, -1))
    }

    /// a·b cut to ± `clip`; 0 in lanes that do not move.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn clipped_product(a: __m256, b: __m256, clip: __m256, moved: __m256) -> __m256 {
        let low = _mm256_sub_ps(_mm256_setzero_ps(), clip);
        let cut = _mm256_max_ps(_mm256_min_ps(_mm256_mul_ps(a, b), clip), low);
        _mm256_and_ps(cut, moved)
    }

    /// The sum of all lanes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn sum(x: __m256) -> f32 {
        let four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }

    /// 1/√x.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn inverse_root(x: __m256) -> __m256 {
        let r = _mm256_rsqrt_ps(x);
        let half = _mm256_mul_ps(_mm256_mul_ps(x, r), _mm256_set1_ps(0.5));
        _mm256_mul_ps(r, _mm256_fnmadd_ps(half, r, _mm256_set1_ps(1.5)))
    }
}
