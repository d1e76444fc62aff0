//! NEON: dot products, squared distances and updates. The blocked kernels use the scalar twins, whose lanes the
//! compiler turns into NEON by itself.
#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers; bounds are argued at each"
)]

use std::arch::aarch64::{
    vaddq_f32, vaddvq_f32, vdupq_n_f32, vfmaq_f32, vfmaq_n_f32, vld1q_f32, vmulq_n_f32, vst1q_f32,
    vsubq_f32,
};

use super::Set;

/// The NEON set, if this CPU has it (every aarch64 CPU that runs an operating system does).
pub(super) fn detect() -> Option<Set> {
    let present = std::arch::is_aarch64_feature_detected!("neon");
    present.then_some(Set {
        name: "neon",
        dot,
        squared_l2,
        axpy,
        scaled_add,
        dot_rows,
        l2_rows,
        ..Set::SCALAR
    })
}

const WIDTH: usize = 4;

/// Four sums at a time hide the latency of FMA; the tail is summed one by one.
#[inline]
#[target_feature(enable = "neon")]
fn pair<const L2: bool>(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let mut sums = [vdupq_n_f32(0.0); 4];
    let mut i = 0;
    while i + WIDTH <= n {
        // SAFETY: i + 4 ≤ n, the length of both slices.
        let (x, y) = unsafe { (vld1q_f32(a.as_ptr().add(i)), vld1q_f32(b.as_ptr().add(i))) };
        let sum = &mut sums[i / WIDTH % 4];
        *sum = if L2 {
            let difference = vsubq_f32(x, y);
            vfmaq_f32(*sum, difference, difference)
        } else {
            vfmaq_f32(*sum, x, y)
        };
        i += WIDTH;
    }
    let vector = vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
    let tail =
        a[i..n].iter().zip(&b[i..n]).map(|(x, y)| if L2 { (x - y) * (x - y) } else { x * y });
    vector + tail.sum::<f32>()
}

#[target_feature(enable = "neon")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    pair::<false>(a, b)
}

#[target_feature(enable = "neon")]
fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    pair::<true>(a, b)
}

#[target_feature(enable = "neon")]
fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = pair::<false>(query, &rows[i * query.len()..(i + 1) * query.len()]);
    }
}

#[target_feature(enable = "neon")]
fn l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = pair::<true>(query, &rows[i * query.len()..(i + 1) * query.len()]);
    }
}

#[target_feature(enable = "neon")]
fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    scaled_add(alpha, x, 1.0, y);
}

#[target_feature(enable = "neon")]
fn scaled_add(alpha: f32, x: &[f32], beta: f32, y: &mut [f32]) {
    let n = x.len().min(y.len());
    let mut i = 0;
    while i + WIDTH <= n {
        // SAFETY: i + 4 ≤ n, the length of both slices; y is borrowed mutably, so they do not overlap.
        unsafe {
            let scaled = vmulq_n_f32(vld1q_f32(y.as_ptr().add(i)), beta);
            vst1q_f32(
                y.as_mut_ptr().add(i),
                vfmaq_n_f32(scaled, vld1q_f32(x.as_ptr().add(i)), alpha),
            );
        }
        i += WIDTH;
    }
    for (y, x) in y[i..n].iter_mut().zip(&x[i..n]) {
        *y = beta * *y + alpha * x;
    }
}
