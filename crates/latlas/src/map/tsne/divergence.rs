//! KL(P‖Q) = Σ pᵢⱼ (ln pᵢⱼ + ln(1 + ‖yᵢ − yⱼ‖²)) + ln Z, since the pᵢⱼ add up to 1.

use rayon::prelude::*;

use crate::kernels::attract::Links;

/// Points that a thread takes at a time.
const CHUNK: usize = 1024;

/// The divergence for a given Z, in f64 but for the differences of positions. Runs on the pool it is called in.
pub(super) fn divergence<const D: usize>(links: &Links, at: &[[f32; D]], z: f64) -> f64 {
    let sums: Vec<f64> = at
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, own)| {
            let mut sum = 0.0;
            for (i, own) in (chunk * CHUNK..).zip(own) {
                let (targets, weights) = links.of(i);
                for (&j, &p) in targets.iter().zip(weights).filter(|(_, p)| **p > 0.0) {
                    let other = &at[j as usize];
                    let squared: f32 = own.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
                    let p = f64::from(p);
                    sum += p * (p * (1.0 + f64::from(squared))).ln();
                }
            }
            sum
        })
        .collect();
    sums.into_iter().sum::<f64>() + z.ln()
}
