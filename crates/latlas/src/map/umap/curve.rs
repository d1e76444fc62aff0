//! The curve that turns distances on the map into similarities: ψ(d) = 1 / (1 + a·d^(2b)).
//!
//! a and b are fitted, by least squares at 300 distances from 0 to 3·spread, to what the options say the curve should
//! be: 1 up to `min_dist`, and exp(−(d − min_dist)/spread) beyond (McInnes, Healy & Melville 2018, definition 11). The
//! fit is Levenberg and Marquardt's, in units of the spread: a in units of the map is a·spread^(−2b).

/// Distances at which the two curves are compared.
const SAMPLES: usize = 300;
/// More steps than any fit takes.
const MOST_STEPS: usize = 1000;

/// The two numbers of the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    pub(super) a: f64,
    pub(super) b: f64,
}

impl Curve {
    /// The curve nearest to what is wanted; `spread` positive, `min_dist` from 0 to `spread`.
    pub(super) fn fit(spread: f64, min_dist: f64) -> Self {
        let plateau = min_dist / spread;
        let sample = |i: usize| {
            let d = 3.0 * i as f64 / (SAMPLES - 1) as f64;
            (d, if d < plateau { 1.0 } else { (plateau - d).exp() })
        };
        let samples: Vec<(f64, f64)> = (0..SAMPLES).map(sample).collect();
        let squares = |curve: Curve| -> f64 {
            samples.iter().map(|&(d, wanted)| (wanted - curve.at(d)).powi(2)).sum()
        };
        let mut curve = Curve { a: 1.0, b: 1.0 };
        let (mut error, mut damping) = (squares(curve), 1e-3);
        for _ in 0..MOST_STEPS {
            let step = curve.step(&samples, damping);
            let next = Curve { a: curve.a + step.a, b: curve.b + step.b };
            let squares = squares(next);
            if next.a > 0.0 && next.b > 0.0 && squares <= error {
                (curve, error, damping) = (next, squares, (damping / 10.0).max(1e-12));
                if step.a.abs() <= 1e-12 * curve.a && step.b.abs() <= 1e-12 * curve.b {
                    break;
                }
            } else {
                damping *= 10.0;
                if damping > 1e12 {
                    // No direction lowers the sum any more: rounding is all that is left.
                    break;
                }
            }
        }
        Curve { a: curve.a * spread.powf(-2.0 * curve.b), b: curve.b }
    }

    /// The similarity at a distance.
    pub(super) fn at(self, d: f64) -> f64 {
        1.0 / (1.0 + self.a * d.powf(2.0 * self.b))
    }

    /// The step δ of (JᵀJ + λ·diag JᵀJ)·δ = Jᵀr, for J the derivatives of ψ by a and b, and r what is missing.
    fn step(self, samples: &[(f64, f64)], damping: f64) -> Curve {
        let (mut aa, mut ab, mut bb, mut ar, mut br) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(d, wanted) in &samples[1..] {
            let (power, psi) = (d.powf(2.0 * self.b), self.at(d));
            let by_a = -power * psi * psi;
            let by_b = 2.0 * self.a * d.ln() * by_a;
            let rest = wanted - psi;
            aa += by_a * by_a;
            ab += by_a * by_b;
            bb += by_b * by_b;
            ar += by_a * rest;
            br += by_b * rest;
        }
        let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = aa * bb - ab * ab;
        Curve { a: (bb * ar - ab * br) / determinant, b: (aa * br - ab * ar) / determinant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy's `curve_fit`, as umap-learn 0.5 calls it.
    #[test]
    fn it_agrees_with_the_reference() {
        for (spread, min_dist, a, b) in [
            (1.0, 0.1, 1.576_943_460_2, 0.895_060_878_0),
            (1.0, 0.5, 0.583_030_020_5, 1.334_166_992_4),
            (1.0, 0.0, 1.932_808_397_5, 0.790_494_973_8),
        ] {
            let curve = Curve::fit(spread, min_dist);
            assert!((curve.a - a).abs() < 1e-4 && (curve.b - b).abs() < 1e-4, "{curve:?}");
        }
    }

    /// A search that knows no derivatives, over ever smaller neighbourhoods of the best so far.
    #[test]
    fn it_is_the_least_sum_of_squares() {
        for (spread, min_dist) in [(1.0, 0.1), (1.0, 1.0), (2.5, 0.3), (0.2, 0.01), (50.0, 1.0)] {
            let squares = |a: f64, b: f64| -> f64 {
                (0..300)
                    .map(|i| {
                        let d = 3.0 * spread * f64::from(i) / 299.0;
                        let wanted =
                            if d < min_dist { 1.0 } else { (-(d - min_dist) / spread).exp() };
                        (wanted - 1.0 / (1.0 + a * d.powf(2.0 * b))).powi(2)
                    })
                    .sum()
            };
            let (mut a, mut b, mut width) = (spread.powf(-2.0), 1.0, 0.5_f64);
            while width > 1e-9 {
                let mut best = (squares(a, b), a, b);
                for (i, j) in (-2..=2).flat_map(|i| (-2..=2).map(move |j| (i, j))) {
                    let (a, b) =
                        (a * (f64::from(i) * width).exp(), b * (f64::from(j) * width).exp());
                    let found = squares(a, b);
                    if found < best.0 {
                        best = (found, a, b);
                    }
                }
                if (best.1, best.2) == (a, b) {
                    width *= 0.7;
                }
                (_, a, b) = best;
            }
            let curve = Curve::fit(spread, min_dist);
            assert!(
                (curve.a / a - 1.0).abs() < 1e-4 && (curve.b - b).abs() < 1e-4,
                "{curve:?} {a} {b}"
            );
        }
    }
}
