//! How near each neighbour is to a point, as a probability: p(j|i) ∝ exp(−βᵢ·dᵢⱼ²).
//!
//! With e = d² − min d², S = Σ exp(−β·e) and E, V the mean and variance of e under p, the entropy of p and its
//! derivative are
//!
//! ```text
//! H(β) = ln S + β·E,      dH/d(ln β) = −β²·V
//! ```
//!
//! H falls with β, from ln k to the logarithm of how many neighbours are nearest of all. H = ln(perplexity) is solved by Newton's steps in
//! ln β, kept within the bracket found so far; a step that leaves it is a bisection.

use rayon::prelude::*;

use crate::error::Result;
use crate::geometry::Geometry;
use crate::index::Graph;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// Points that a thread takes at a time.
const CHUNK: usize = 256;
/// The entropy is met to this.
const TOLERANCE: f64 = 1e-7;
/// More steps than any bracket of f64 needs.
const MOST_STEPS: usize = 200;

/// p(j|i) of the first k neighbours of each point, the mean over perplexities, point after point.
pub(super) fn conditional(
    graph: &Graph,
    k: usize,
    geometry: Geometry,
    perplexities: &[f64],
    run: &Run<'_>,
) -> Result<Vec<f32>> {
    let n = graph.len();
    let work = Work::new(run, "weighing neighbours", n as u64, "points")?;
    let mut out = vec![0.0_f32; n * k];
    work.pool.install(|| {
        out.par_chunks_mut(CHUNK * k).enumerate().for_each_init(
            || (Vec::new(), vec![0.0; k]),
            |(squared, sums), (chunk, out)| {
                if work.cancelled() {
                    return;
                }
                for (i, out) in (chunk * CHUNK..).zip(out.chunks_exact_mut(k)) {
                    squared.clear();
                    squared.extend(graph.distances(i)[..k].iter().map(|&d| square(d, geometry)));
                    sums.fill(0.0);
                    for &perplexity in perplexities {
                        add_weights(squared, perplexity, sums);
                    }
                    let share = 1.0 / perplexities.len() as f64;
                    out.iter_mut().zip(&*sums).for_each(|(out, p)| *out = (p * share) as f32);
                }
                work.advance((out.len() / k) as u64);
            },
        );
    });
    work.finish()?;
    Ok(out)
}

/// d², as Euclidean distance between what the geometry compares.
pub(super) fn square(distance: f32, geometry: Geometry) -> f64 {
    let d = f64::from(distance);
    match geometry {
        Geometry::Euclidean => d * d,
        Geometry::Cosine => 2.0 * d,
    }
}

/// Adds p(j|i) to `sums`, from squared distances, nearest first.
pub(super) fn add_weights(squared: &[f64], perplexity: f64, sums: &mut [f64]) {
    let nearest = squared.first().copied().unwrap_or(0.0);
    let ties = squared.iter().take_while(|&&d| d <= nearest).count();
    if ties as f64 >= perplexity {
        // No β makes these differ, nor the others count.
        sums[..ties].iter_mut().for_each(|sum| *sum += 1.0 / ties as f64);
        return;
    }
    let beta = precision(squared, nearest, perplexity);
    let weight = |d: &f64| (-beta * (d - nearest)).exp();
    let total: f64 = squared.iter().map(weight).sum();
    sums.iter_mut().zip(squared).for_each(|(sum, d)| *sum += weight(d) / total);
}

/// The β of this perplexity; there is one, since fewer neighbours than that are nearest of all.
fn precision(squared: &[f64], nearest: f64, perplexity: f64) -> f64 {
    let target = perplexity.ln();
    let mean = squared.iter().map(|d| d - nearest).sum::<f64>() / squared.len() as f64;
    let mut log = -mean.ln();
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..MOST_STEPS {
        let beta = log.exp();
        let (mut s, mut first, mut second) = (0.0, 0.0, 0.0);
        for d in squared {
            let e = beta * (d - nearest);
            let w = (-e).exp();
            s += w;
            first += e * w;
            second += e * e * w;
        }
        // In units of 1/β, so that β²·V is this variance.
        let mean = first / s;
        let excess = s.ln() + mean - target;
        if excess.abs() <= TOLERANCE {
            break;
        }
        if excess > 0.0 {
            low = log;
        } else {
            high = log;
        }
        let newton = log + excess / (second / s - mean * mean);
        log = if newton > low && newton < high && (newton - log).abs() < 4.0 {
            newton
        } else if low.is_finite() && high.is_finite() {
            f64::midpoint(low, high)
        } else {
            log + excess.signum()
        };
        if high - low < 1e-14 * log.abs() {
            break;
        }
    }
    log.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entropy(weights: &[f64]) -> f64 {
        weights.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum()
    }

    #[test]
    fn the_perplexity_is_met_at_any_scale() {
        for scale in [1e-30, 1e-4, 1.0, 1e30] {
            for perplexity in [1.5, 5.0, 29.9] {
                let squared: Vec<f64> =
                    (0..90).map(|i| scale * (1.0 + f64::from(i * i % 97 + i))).collect();
                let mut squared = squared;
                squared.sort_by(f64::total_cmp);
                let mut weights = vec![0.0; 90];
                add_weights(&squared, perplexity, &mut weights);
                assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                let found = entropy(&weights).exp();
                assert!((found / perplexity - 1.0).abs() < 1e-6, "{found}, not {perplexity}");
                assert!(weights.windows(2).all(|pair| pair[0] >= pair[1]));
            }
        }
    }

    #[test]
    fn neighbours_that_are_all_nearest_share_alike() {
        let mut squared = vec![0.0; 60];
        squared.extend([1.0; 30]);
        let mut weights = vec![0.0; 90];
        add_weights(&squared, 30.0, &mut weights);
        assert!(weights[..60].iter().all(|&p| p == 1.0 / 60.0) && weights[60..] == [0.0; 30]);
        // Twenty equal ones are fewer than thirty: the others count, too.
        let squared: Vec<f64> = (0..90).map(|i| f64::from(i32::max(i - 19, 0))).collect();
        let mut weights = vec![0.0; 90];
        add_weights(&squared, 30.0, &mut weights);
        assert!((entropy(&weights).exp() - 30.0).abs() < 1e-4 && weights[30] > 0.0);
    }
}
