//! AVX2 and FMA: eight numbers at a time, the products of two inputs with six outputs in registers at once.

use super::gradients::{ROOM, repeated};
use super::{BLOCK, GROUP, Shape, Window, prefetch_to_write};
use std::arch::x86_64::{
    __m256, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps,
    _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_div_ps,
    _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_permute2f128_ps, _mm256_set_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
    _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

/// # Safety
/// The machine has AVX2 and FMA. Every pointer points to `shape.blocks` blocks; rows may race, `error` is the
/// caller's own. There is a label for each output.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn step(
    h: *const f32,
    error: *mut f32,
    outputs: &[*mut f32],
    labels: &[f32],
    shape: Shape,
) -> f32 {
    let mut loss = 0.0;
    let mut first = true;
    for (rows, labels) in outputs.chunks(GROUP).zip(labels.chunks(GROUP)) {
        // SAFETY: the caller's promise; the length is the group's.
        loss += unsafe {
            match rows.len() {
                1 => group::<1>(h, error, rows, labels, first, shape),
                2 => group::<2>(h, error, rows, labels, first, shape),
                3 => group::<3>(h, error, rows, labels, first, shape),
                4 => group::<4>(h, error, rows, labels, first, shape),
                5 => group::<5>(h, error, rows, labels, first, shape),
                6 => group::<6>(h, error, rows, labels, first, shape),
                7 => group::<7>(h, error, rows, labels, first, shape),
                _ => group::<8>(h, error, rows, labels, first, shape),
            }
        };
        first = false;
    }
    loss
}

/// `K` outputs at once: h is read once for all their products, and once for all their moves.
#[target_feature(enable = "avx2,fma")]
unsafe fn group<const K: usize>(
    h: *const f32,
    error: *mut f32,
    rows: &[*mut f32],
    labels: &[f32],
    first: bool,
    shape: Shape,
) -> f32 {
    let mut outputs = [std::ptr::null_mut::<f32>(); K];
    outputs.copy_from_slice(rows);
    let mut sums = [[_mm256_setzero_ps(); K]; 1];
    for d in (0..shape.blocks * BLOCK).step_by(BLOCK) {
        // SAFETY: within the blocks of a row.
        unsafe {
            let x = _mm256_loadu_ps(h.add(d));
            for k in 0..K {
                sums[0][k] = _mm256_fmadd_ps(x, _mm256_loadu_ps(outputs[k].add(d)), sums[0][k]);
            }
        }
    }
    let (mut dots, mut wanted) = ([0.0; 16], [0.0; 16]);
    wanted[..K].copy_from_slice(labels);
    // SAFETY: at most eight numbers into an array of sixteen.
    unsafe { store_sums(&sums, dots.as_mut_ptr()) };
    // SAFETY: both hold whole registers.
    let loss = unsafe { gradients(dots.as_mut_ptr(), wanted.as_ptr(), K, shape) };
    let mut g = [_mm256_setzero_ps(); K];
    for k in 0..K {
        g[k] = _mm256_set1_ps(dots[k]);
    }
    for d in (0..shape.blocks * BLOCK).step_by(BLOCK) {
        // SAFETY: within the blocks of a row and of `error`.
        unsafe {
            let x = _mm256_loadu_ps(h.add(d));
            let mut e = if first { _mm256_setzero_ps() } else { _mm256_loadu_ps(error.add(d)) };
            for k in 0..K {
                let o = _mm256_loadu_ps(outputs[k].add(d));
                e = _mm256_fmadd_ps(g[k], o, e);
                _mm256_storeu_ps(outputs[k].add(d), _mm256_fmadd_ps(g[k], x, o));
            }
            _mm256_storeu_ps(error.add(d), e);
        }
    }
    loss
}

/// # Safety
/// The machine has AVX2 and FMA. Every pointer of `window` points to `shape.blocks` blocks; rows may race.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn window(window: &Window<'_>, shape: Shape) -> f32 {
    // SAFETY: the caller's promise; the number is that of the outputs.
    unsafe {
        match window.outputs.len() {
            1 => of::<1>(window, shape),
            2 => of::<2>(window, shape),
            3 => of::<3>(window, shape),
            4 => of::<4>(window, shape),
            5 => of::<5>(window, shape),
            _ => of::<6>(window, shape),
        }
    }
}

/// A window of `N` outputs.
#[target_feature(enable = "avx2,fma")]
unsafe fn of<const N: usize>(window: &Window<'_>, shape: Shape) -> f32 {
    let mut outputs = [std::ptr::null_mut::<f32>(); N];
    outputs.copy_from_slice(window.outputs);
    let inputs = window.inputs;
    let (mut g, mut wanted) = ([0.0f32; ROOM], [0.0f32; ROOM]);
    repeated(window.labels, inputs.len(), &mut wanted);
    for start in (0..inputs.len()).step_by(2) {
        let inputs = &inputs[start..inputs.len().min(start + 2)];
        // SAFETY: the caller's promise; at most 16 inputs have 16·N products, and there is room for a register more.
        unsafe {
            let g = g.as_mut_ptr().add(start * N);
            match inputs.len() {
                1 => products::<1, N>(inputs, &outputs, g, shape),
                _ => products::<2, N>(inputs, &outputs, g, shape),
            }
        }
    }
    // SAFETY: both have room for whole registers.
    let loss = unsafe { gradients(g.as_mut_ptr(), wanted.as_ptr(), inputs.len() * N, shape) };
    for d in (0..shape.blocks * BLOCK).step_by(BLOCK) {
        let (mut old, mut moved) = ([_mm256_setzero_ps(); N], [_mm256_setzero_ps(); N]);
        // SAFETY: within the blocks of a row, and of the N·inputs gradients.
        unsafe {
            for k in 0..N {
                old[k] = _mm256_loadu_ps(outputs[k].add(d));
            }
            // Half of a cache line each time round.
            for &row in if d % (2 * BLOCK) == 0 { window.ahead } else { &[] } {
                prefetch_to_write(row.wrapping_add(d));
            }
            let mut g = g.as_ptr();
            for input in inputs {
                let before = _mm256_loadu_ps(input.add(d));
                let mut after = before;
                for k in 0..N {
                    let g = _mm256_set1_ps(*g.add(k));
                    after = _mm256_fmadd_ps(g, old[k], after);
                    moved[k] = _mm256_fmadd_ps(g, before, moved[k]);
                }
                _mm256_storeu_ps(input.add(d), after);
                g = g.add(N);
            }
            // Read again: a row that stands here twice has moved by now.
            for k in 0..N {
                let o = outputs[k].add(d);
                _mm256_storeu_ps(o, _mm256_add_ps(_mm256_loadu_ps(o), moved[k]));
            }
        }
    }
    loss
}

/// The products of `T` inputs with `N` outputs, to `g[input · N + output]`.
#[target_feature(enable = "avx2,fma")]
unsafe fn products<const T: usize, const N: usize>(
    inputs: &[*mut f32],
    outputs: &[*mut f32; N],
    g: *mut f32,
    shape: Shape,
) {
    let mut rows = [std::ptr::null_mut::<f32>(); T];
    rows.copy_from_slice(inputs);
    let mut sums = [[_mm256_setzero_ps(); N]; T];
    for d in (0..shape.blocks * BLOCK).step_by(BLOCK) {
        // SAFETY: within the blocks of a row.
        unsafe {
            let mut x = [_mm256_setzero_ps(); T];
            for t in 0..T {
                x[t] = _mm256_loadu_ps(rows[t].add(d));
            }
            for k in 0..N {
                let o = _mm256_loadu_ps(outputs[k].add(d));
                for t in 0..T {
                    sums[t][k] = _mm256_fmadd_ps(x[t], o, sums[t][k]);
                }
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { store_sums(&sums, g) };
}

/// `products[j]` ← α·(`labels[j]` − σ(`products[j]`)) for j below `used`; returns the loss, or 0 if not measured.
/// [`logistic`](super::super::logistic) has the formulas.
///
/// # Safety
/// Both have room for whole registers; what stands there behind `used` is changed and not counted.
#[target_feature(enable = "avx2,fma")]
unsafe fn gradients(products: *mut f32, labels: *const f32, used: usize, shape: Shape) -> f32 {
    let (one, zero) = (_mm256_set1_ps(1.0), _mm256_setzero_ps());
    let alpha = _mm256_set1_ps(shape.alpha);
    let mut losses = zero;
    for j in (0..used).step_by(BLOCK) {
        // SAFETY: the caller's promise.
        let (x, label) =
            unsafe { (_mm256_loadu_ps(products.add(j)), _mm256_loadu_ps(labels.add(j))) };
        let e = exp_of_negative(_mm256_andnot_ps(_mm256_set1_ps(-0.0), x));
        let near = _mm256_div_ps(one, _mm256_add_ps(one, e));
        let sigma = _mm256_blendv_ps(near, _mm256_mul_ps(e, near), x);
        // SAFETY: the caller's promise.
        unsafe {
            _mm256_storeu_ps(products.add(j), _mm256_mul_ps(alpha, _mm256_sub_ps(label, sigma)));
        };
        if shape.measured {
            let s = _mm256_div_ps(e, _mm256_add_ps(_mm256_set1_ps(2.0), e));
            let s2 = _mm256_mul_ps(s, s);
            let mut series = _mm256_set1_ps(1.0 / 9.0);
            for term in [1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
                series = _mm256_fmadd_ps(series, s2, _mm256_set1_ps(term));
            }
            // −z of the loss: x for label 0, −x for label 1.
            let wrong = _mm256_mul_ps(x, _mm256_fnmadd_ps(_mm256_set1_ps(2.0), label, one));
            let loss = _mm256_fmadd_ps(_mm256_add_ps(s, s), series, _mm256_max_ps(wrong, zero));
            let places = _mm256_set_ps(7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0);
            let counted = _mm256_cmp_ps::<_CMP_LT_OQ>(places, _mm256_set1_ps((used - j) as f32));
            losses = _mm256_add_ps(losses, _mm256_and_ps(counted, loss));
        }
    }
    let mut sums = [0.0; BLOCK];
    // SAFETY: eight numbers into an array of eight.
    unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), losses) };
    sums.iter().sum()
}

/// exp(−a) for a ≥ 0; e⁻⁸⁰ beyond 80.
#[target_feature(enable = "avx2,fma")]
fn exp_of_negative(a: __m256) -> __m256 {
    /// 1.5·2²³: adding it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let round = _mm256_set1_ps(ROUND);
    let a = _mm256_sub_ps(_mm256_setzero_ps(), _mm256_min_ps(a, _mm256_set1_ps(80.0)));
    let shifted = _mm256_fmadd_ps(a, _mm256_set1_ps(std::f32::consts::LOG2_E), round);
    let n = _mm256_sub_ps(shifted, round);
    let r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693_145_75), a);
    let r = _mm256_fnmadd_ps(n, _mm256_set1_ps(1.428_606_8e-6), r);
    let mut p = _mm256_set1_ps(1.0 / 120.0);
    for term in [1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(term));
    }
    let exponent = _mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(127));
    _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
}

/// The sum of each register, in order, to `out`, eight at a time: up to seven numbers behind them become zero.
///
/// # Safety
/// `out` has room for the next multiple of eight.
#[target_feature(enable = "avx2,fma")]
unsafe fn store_sums<const T: usize, const N: usize>(sums: &[[__m256; N]; T], out: *mut f32) {
    for start in (0..T * N).step_by(BLOCK) {
        let mut quads = [_mm256_setzero_ps(); 2];
        for (q, quad) in quads.iter_mut().enumerate() {
            let mut v = [_mm256_setzero_ps(); 4];
            for (j, v) in v.iter_mut().enumerate() {
                let p = start + q * 4 + j;
                if p < T * N {
                    *v = sums[p / N][p % N];
                }
            }
            *quad = within_lanes(v);
        }
        let [p, q] = quads;
        let across = _mm256_add_ps(
            _mm256_permute2f128_ps::<0x20>(p, q),
            _mm256_permute2f128_ps::<0x31>(p, q),
        );
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(out.add(start), across) };
    }
}

/// In each lane of four: the sums of the four registers' lanes, in order.
#[target_feature(enable = "avx2,fma")]
fn within_lanes([a, b, c, d]: [__m256; 4]) -> __m256 {
    let ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    _mm256_add_ps(_mm256_shuffle_ps::<0x44>(ab, cd), _mm256_shuffle_ps::<0xee>(ab, cd))
}

/// # Safety
/// As `step`; `h` is the caller's own.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn gather(rows: &[*mut f32], weight: f32, h: *mut f32, blocks: usize) {
    let weight = _mm256_set1_ps(weight);
    for d in (0..blocks * BLOCK).step_by(BLOCK) {
        let mut sum = _mm256_setzero_ps();
        for row in rows {
            // SAFETY: the caller's promise.
            sum = _mm256_add_ps(sum, unsafe { _mm256_loadu_ps(row.add(d)) });
        }
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(h.add(d), _mm256_mul_ps(weight, sum)) };
    }
}

/// # Safety
/// As `step`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn spread(error: *const f32, weight: f32, rows: &[*mut f32], blocks: usize) {
    let weight = _mm256_set1_ps(weight);
    for d in (0..blocks * BLOCK).step_by(BLOCK) {
        // SAFETY: the caller's promise.
        let part = _mm256_mul_ps(weight, unsafe { _mm256_loadu_ps(error.add(d)) });
        for row in rows {
            // SAFETY: the caller's promise.
            unsafe {
                let at = row.add(d);
                _mm256_storeu_ps(at, _mm256_add_ps(_mm256_loadu_ps(at), part));
            }
        }
    }
}
