//! Maps on which dense is dense and sparse is sparse: densMAP (Narayan, Berger & Cho 2021).
//!
//! With μ the strengths of links, d the distances of vectors, δ those on the map and φ = 1/(1 + a·δ^(2b)), the local
//! radius of a point in truth and on the map is
//!
//! ```text
//! ρᵢ = ln Σⱼ μᵢⱼ·dᵢⱼ² / Σⱼ μᵢⱼ        rᵢ = ln Σⱼ φᵢⱼ·δᵢⱼ² / Σⱼ φᵢⱼ
//! ```
//!
//! over its links, and in the last epochs λ·Corr(ρ, r) is raised as well (equations 6 to 9 of the paper's methods). r and its
//! moments are measured before every epoch. A link's gradient is spread over the steps in which it is due, hence by 1/μ;
//! with R the standardised ρ, S = var r + `shift` and ψ = a·b·δ^(2b−2)·φ it is
//!
//! ```text
//! λ·Σμ/(μᵢⱼ·√S·n) · 2·(wᵢ·ṙᵢ + wⱼ·ṙⱼ)·(yᵢ − yⱼ)
//! wᵢ = Rᵢ − cov(R, r)·(rᵢ − r̄)/S,    ṙᵢ = φ/Σφᵢ·((1 − b·(1 − φ))·e^(−rᵢ) + ψ)
//! ```
//!
//! each coordinate cut to ±4. Sums over links count both directions, as in the authors' program.

use rayon::ThreadPool;
use rayon::prelude::*;

use super::curve::Curve;
use super::forces::power;
use super::links::Links;
use super::places::Springs;
use crate::index::Graph;

/// What keeps logarithms finite.
const EPSILON: f64 = 1e-8;
/// The longest step along an axis, and the least squared distance.
const LONGEST: f32 = 4.0;
const NEAR: f32 = 1e-12;
/// Points that one thread works on at a time.
const CHUNK: usize = 1024;

/// How densities are kept: options of the same names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Keeping {
    pub(super) lambda: f64,
    pub(super) fraction: f64,
    pub(super) shift: f64,
}

/// Local radii, in truth and on the map. All by place.
pub(super) struct Density {
    keeping: Keeping,
    curve: Curve,
    /// R: standardised logarithms of local radii in truth.
    wanted: Vec<f32>,
    /// Σμ over all links, in units of the strongest.
    total: f64,
    /// Measured before an epoch: r, 1/Σφ, and w.
    radii: Vec<f32>,
    inverse: Vec<f32>,
    weights: Vec<f32>,
    /// λ·Σμ/(√S·n).
    scale: f32,
}

/// ρ of every point, in their own order: ln of the mean squared distance, links weighted by their strength.
pub(super) fn radii(links: &Links, graph: &Graph, least: f32) -> Vec<f64> {
    let distance = |from: usize, to: u32| {
        let at = graph.neighbours(from).iter().position(|&other| other == to)?;
        Some(f64::from(graph.distances(from)[at]))
    };
    let radius = |point: usize| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (other, weight) in links.row(point).filter(|&(_, weight)| weight >= least) {
            let d = distance(point, other).or_else(|| distance(other as usize, point as u32));
            sum += f64::from(weight) * d.unwrap_or(0.0).powi(2);
            weights += f64::from(weight);
        }
        (EPSILON + if weights > 0.0 { sum / weights } else { 0.0 }).ln()
    };
    (0..links.points()).map(radius).collect()
}

/// The mean and the standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
}

impl Density {
    /// Ready to be measured; `radii` by place.
    pub(super) fn new(keeping: Keeping, curve: Curve, radii: &[f64], springs: &Springs) -> Self {
        let (mean, deviation) = moments(radii);
        let standard = |&radius: &f64| {
            if deviation > 0.0 { ((radius - mean) / deviation) as f32 } else { 0.0 }
        };
        let n = radii.len();
        let total = springs.rates.iter().map(|&rate| share(rate)).sum();
        Density {
            keeping,
            curve,
            wanted: radii.iter().map(standard).collect(),
            total,
            radii: vec![0.0; n],
            inverse: vec![0.0; n],
            weights: vec![0.0; n],
            scale: 0.0,
        }
    }

    /// Whether an epoch is one of the last, in which densities count.
    pub(super) fn counts(&self, epoch: u64, epochs: u64) -> bool {
        (epoch + 1) as f64 / epochs as f64 > 1.0 - self.keeping.fraction
    }

    /// Measures where the points stand.
    pub(super) fn measure<const D: usize>(
        &mut self,
        at: &[[f32; D]],
        springs: &Springs,
        pool: &ThreadPool,
    ) {
        let (a, b) = (self.curve.a as f32, self.curve.b as f32);
        let sums = |place: usize| {
            let (mut squares, mut phis) = (0.0, 0.0);
            for (target, _) in springs.of(place) {
                let d2 = squared(&at[place], &at[target as usize]);
                let phi = 1.0 / (1.0 + a * power(d2.clamp(NEAR, 1e12), b));
                squares += f64::from(phi * d2);
                phis += f64::from(phi);
            }
            (squares, phis)
        };
        let sums: Vec<(f64, f64)> =
            pool.install(|| (0..at.len()).into_par_iter().with_min_len(CHUNK).map(sums).collect());
        let radius = |&(squares, phis): &(f64, f64)| {
            (EPSILON + if phis > 0.0 { squares / phis } else { 0.0 }).ln()
        };
        let radii: Vec<f64> = sums.iter().map(radius).collect();
        let (mean, deviation) = moments(&radii);
        let n = radii.len() as f64;
        let spread = deviation * deviation + self.keeping.shift;
        let together = radii.iter().zip(&self.wanted).map(|(r, &wanted)| r * f64::from(wanted));
        let covariance = together.sum::<f64>() / (n - 1.0).max(1.0);
        for (place, (&radius, &(_, phis))) in radii.iter().zip(&sums).enumerate() {
            self.radii[place] = radius as f32;
            self.inverse[place] = if phis > 0.0 { (0.5 / phis) as f32 } else { 0.0 };
            let weight = f64::from(self.wanted[place]) - covariance * (radius - mean) / spread;
            self.weights[place] = weight as f32;
        }
        self.scale = (self.keeping.lambda * self.total / (spread.sqrt() * n)) as f32;
    }

    /// What the link of two places does to the first, at `y`; `rate` as in [`Springs`].
    #[inline]
    pub(super) fn force<const D: usize>(
        &self,
        y: &[f32; D],
        other: &[f32; D],
        (place, target): (usize, usize),
        rate: u32,
    ) -> [f32; D] {
        let (a, b) = (self.curve.a as f32, self.curve.b as f32);
        let d2 = squared(y, other).clamp(NEAR, 1e12);
        let u = a * power(d2, b);
        let phi = 1.0 / (1.0 + u);
        let slope = b * u / d2 * phi;
        let end = |i: usize| {
            let change = (1.0 - b * (1.0 - phi)) * (-self.radii[i]).exp() + slope;
            self.weights[i] * phi * self.inverse[i] * change
        };
        let coefficient = 2.0 * self.scale / share(rate) as f32 * (end(place) + end(target));
        let mut force = *y;
        for (force, other) in force.iter_mut().zip(other) {
            *force = (coefficient * (*force - other)).clamp(-LONGEST, LONGEST);
        }
        force
    }

    /// Corr(ρ, r), as of the last measurement.
    pub(super) fn correlation(&self) -> f64 {
        let found: Vec<f64> = self.radii.iter().map(|&r| f64::from(r)).collect();
        let wanted: Vec<f64> = self.wanted.iter().map(|&r| f64::from(r)).collect();
        let ((a, sa), (b, sb)) = (moments(&found), moments(&wanted));
        let sum: f64 = found.iter().zip(&wanted).map(|(x, y)| (x - a) * (y - b)).sum();
        if sa * sb > 0.0 { sum / (sa * sb * found.len() as f64) } else { 0.0 }
    }
}

/// A rate in units of 2⁻³² as a share.
fn share(rate: u32) -> f64 {
    f64::from(rate) / 2.0_f64.powi(32)
}

fn squared<const D: usize>(a: &[f32; D], b: &[f32; D]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::Rng;

    /// The force of all links on a point against differences of λ·Corr in its own terms.
    #[test]
    fn forces_raise_the_correlation() {
        const N: usize = 30;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let mut random = crate::run::stream(5, &[]);
        let mut uniform = || (random.next_u32() >> 8) as f32 / (1 << 24) as f32;
        let mut at: Vec<[f32; 2]> = (0..N).map(|_| [3.0 * uniform(), 3.0 * uniform()]).collect();
        let radii: Vec<f64> = (0..N).map(|_| f64::from(uniform())).collect();
        // Everyone is linked with everyone.
        let rates = vec![1 << 31; N * (N - 1)];
        let targets =
            (0..N).flat_map(|i| (0..N as u32).filter(move |&j| j as usize != i)).collect();
        let starts = (0..=N).map(|i| i * (N - 1)).collect();
        let springs = Springs { starts, targets, rates };
        let curve = Curve { a: 1.577, b: 0.895 };
        let keeping = Keeping { lambda: 2.0, fraction: 0.3, shift: 0.1 };
        let mut density = Density::new(keeping, curve, &radii, &springs);
        density.measure(&at, &springs, &pool);
        let before = density.correlation();
        for _ in 0..200 {
            density.measure(&at, &springs, &pool);
            let seen = at.clone();
            for (i, y) in at.iter_mut().enumerate() {
                for (target, rate) in springs.of(i) {
                    let j = target as usize;
                    let force = density.force(&seen[i], &seen[j], (i, j), rate);
                    y.iter_mut().zip(force).for_each(|(y, force)| *y += 1e-3 * force);
                }
            }
        }
        density.measure(&at, &springs, &pool);
        let after = density.correlation();
        assert!(after > before + 0.3 && after > 0.5, "{before} to {after}");
        assert!(density.counts(70, 100) && !density.counts(69, 100));
    }

    #[test]
    fn radii_are_mean_squared_distances() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let graph = Graph::new(1, vec![1, 0, 1], vec![2.0, 2.0, 3.0]).unwrap();
        let links = Links::build(3, &pool, |i, out| {
            out.extend(
                [vec![(1_u32, 1.0_f32)], vec![(0, 1.0), (2, 0.5)], vec![(1, 0.5)]][i].iter(),
            );
        });
        let found = radii(&links, &graph, 0.0);
        for (found, expected) in found.iter().zip([4.0_f64, (4.0 + 4.5) / 1.5, 9.0]) {
            assert!((found - expected.ln()).abs() < 1e-6, "{found}");
        }
    }
}
