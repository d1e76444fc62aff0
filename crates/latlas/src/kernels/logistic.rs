//! The logistic function and its loss together, from one exponential; written without branches so that a loop over
//! it becomes SIMD under whatever instruction set the caller is compiled for.

/// (σ(x), −ln σ(x)) for label 1 and (σ(x), −ln σ(−x)) for label 0, each within 2e-6.
///
/// With e = exp(−|x|): σ(|x|) = 1/(1+e), and −ln σ(z) = ln(1+e) + max(−z, 0). The exponential is 2ⁿ times a
/// polynomial of the rest; ln(1+e) = 2·artanh(e/(2+e)) as its series.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must take on the caller's target features")]
pub(crate) fn logistic(x: f32, label: f32) -> (f32, f32) {
    let e = exp_of_negative(x.abs());
    let near = 1.0 / (1.0 + e);
    let sigma = if x >= 0.0 { near } else { e * near };
    let s = e / (2.0 + e);
    let s2 = s * s;
    let ln1p =
        2.0 * s * (1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0)))));
    let z = x * (2.0 * label - 1.0);
    (sigma, ln1p + if z < 0.0 { -z } else { 0.0 })
}

/// σ(x) alone, as [`logistic`] gives it.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must take on the caller's target features")]
pub(crate) fn sigma(x: f32) -> f32 {
    let e = exp_of_negative(x.abs());
    let near = 1.0 / (1.0 + e);
    if x >= 0.0 { near } else { e * near }
}

/// exp(−a) for a ≥ 0 (and for NaN, something finite), relative error below 1e-6; at most e⁻⁸⁰ beyond 80.
#[inline(always)]
pub(super) fn exp_of_negative(a: f32) -> f32 {
    /// 1.5·2²³: adding it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let a = -if a < 80.0 { a } else { 80.0 };
    let shifted = a * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (a - n * 0.693_145_75) - n * 1.428_606_8e-6;
    let p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0)))));
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    p * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_equals_the_definition() {
        for i in -4000..=4000 {
            let x = i as f32 * 0.0153;
            let wide = f64::from(x);
            let (sigma, seen) = logistic(x, 1.0);
            let (_, unseen) = logistic(x, 0.0);
            let softplus = |z: f64| (-z.abs()).exp().ln_1p() + z.max(0.0);
            assert_eq!(sigma, super::sigma(x));
            assert!((f64::from(sigma) - 1.0 / (1.0 + (-wide).exp())).abs() < 1e-6, "σ({x})");
            assert!(
                (f64::from(seen) - softplus(-wide)).abs() < 2e-6 * softplus(-wide).max(1.0),
                "{x}"
            );
            assert!(
                (f64::from(unseen) - softplus(wide)).abs() < 2e-6 * softplus(wide).max(1.0),
                "{x}"
            );
        }
        for x in [f32::INFINITY, 1e30, 200.0, 80.0] {
            assert_eq!(logistic(x, 1.0).0, 1.0);
            assert!(logistic(-x, 1.0).0 < 1e-30 + f32::EPSILON);
        }
    }
}
