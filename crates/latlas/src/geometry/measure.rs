//! What a search may measure by: every metric, and the dot product.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Cosine, Euclidean, Metric};
use crate::error::{Error, Result};
use crate::kernels;
use crate::kernels::wide::{Width, Work};

/// What a search measures by. `Dot` is no metric (a vector need not be closest to itself), so no space has it as
/// its geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Measure {
    /// 1 − cos(a, b), see [`Cosine`].
    Cosine,
    /// ‖a−b‖, see [`Euclidean`].
    Euclidean,
    /// −a·b: the largest dot product is closest.
    Dot,
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 3] = [Measure::Cosine, Measure::Euclidean, Measure::Dot];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Cosine => Cosine::NAME,
            Measure::Euclidean => Euclidean::NAME,
            Measure::Dot => "dot",
        }
    }

    /// The distance in f32, by the kernels. Panics if the lengths differ.
    pub fn distance(self, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Measure::Cosine => Cosine.between(a, b),
            Measure::Euclidean => Euclidean.between(a, b),
            Measure::Dot => -kernels::dot(a, b),
        }
    }

    /// The distance in f64, with no intermediate result out of range for any finite f32: what answers are ordered
    /// by and checked against. Cosine is computed as ½‖a/‖a‖ − b/‖b‖‖², which keeps its relative accuracy for
    /// nearly parallel vectors where 1 − cos does not. Panics if the lengths differ.
    pub fn exact(self, a: &[f32], b: &[f32]) -> f64 {
        assert!(a.len() == b.len(), "vectors of {} and {} numbers", a.len(), b.len());
        Width::widest().run(Exactly { measure: self, a, b })
    }

    /// How alike two vectors of this distance are, larger being more alike: the cosine, 1/(1+d) for Euclidean
    /// distance, the dot product.
    pub fn similarity(self, distance: f64) -> f64 {
        match self {
            Measure::Cosine => 1.0 - distance,
            Measure::Euclidean => 1.0 / (1.0 + distance),
            Measure::Dot => -distance,
        }
    }
}

/// A distance in f64, compiled for each width of registers, with the same bits at all.
struct Exactly<'a> {
    measure: Measure,
    a: &'a [f32],
    b: &'a [f32],
}

impl Work for Exactly<'_> {
    type Output = f64;

    #[expect(clippy::inline_always, reason = "`Width::run` compiles what is inlined")]
    #[inline(always)]
    fn run(self) -> f64 {
        let (a, b) = (self.a, self.b);
        match self.measure {
            Measure::Cosine => {
                let (na, nb) = (norm(a), norm(b));
                if na == 0.0 || nb == 0.0 {
                    // No direction: distance 1, unless the other one is NaN.
                    return 1.0 + 0.0 * (na + nb);
                }
                let (ia, ib) = (1.0 / na, 1.0 / nb);
                0.5 * sum(a, b, |x, y| {
                    let difference = x * ia - y * ib;
                    difference * difference
                })
            }
            Measure::Euclidean => sum(a, b, |x, y| (x - y) * (x - y)).sqrt(),
            Measure::Dot => -sum(a, b, |x, y| x * y),
        }
    }
}

/// ‖a‖ in f64.
#[expect(clippy::inline_always, reason = "`Width::run` compiles what is inlined")]
#[inline(always)]
fn norm(a: &[f32]) -> f64 {
    sum(a, a, |x, y| x * y).sqrt()
}

/// Σ term(aᵢ, bᵢ) in sixteen interleaved sums, which the compiler keeps in vector registers.
#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    const SUMS: usize = 16;
    let mut sums = [0.0; SUMS];
    let (whole_a, whole_b) = (a.chunks_exact(SUMS), b.chunks_exact(SUMS));
    let mut tail = 0.0;
    for (&x, &y) in whole_a.remainder().iter().zip(whole_b.remainder()) {
        tail += term(x.into(), y.into());
    }
    for (x, y) in whole_a.zip(whole_b) {
        for lane in 0..SUMS {
            sums[lane] += term(x[lane].into(), y[lane].into());
        }
    }
    let mut half = SUMS / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0] + tail
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = match name.to_ascii_lowercase().as_str() {
            "cosine" | "cos" | "angular" => Some(Measure::Cosine),
            "euclidean" | "l2" => Some(Measure::Euclidean),
            "dot" | "ip" | "inner" => Some(Measure::Dot),
            _ => None,
        };
        known.ok_or_else(|| {
            let closest = Measure::ALL
                .into_iter()
                .max_by(|a, b| {
                    strsim::jaro_winkler(a.name(), name)
                        .total_cmp(&strsim::jaro_winkler(b.name(), name))
                })
                .filter(|m| strsim::jaro_winkler(m.name(), name) > 0.7);
            Error::usage(format!("no metric is called '{name}'")).help(match closest {
                Some(measure) => {
                    format!("did you mean {measure}? There are cosine, euclidean and dot")
                }
                None => "there are cosine, euclidean and dot".to_owned(),
            })
        })
    }
}
