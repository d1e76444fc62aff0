//! What a search may measure by: every metric, and the dot product.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Cosine, Euclidean, Metric};
use crate::error::{Error, Result};
use crate::kernels;

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
        match self {
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

/// ‖a‖ in f64.
fn norm(a: &[f32]) -> f64 {
    sum(a, a, |x, y| x * y).sqrt()
}

/// Σ term(aᵢ, bᵢ) in four interleaved sums, which the compiler can keep in vector registers.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let tail: f64 =
        a4.remainder().iter().zip(b4.remainder()).map(|(&x, &y)| term(x.into(), y.into())).sum();
    for (x, y) in a4.zip(b4) {
        for lane in 0..4 {
            sums[lane] += term(x[lane].into(), y[lane].into());
        }
    }
    sums[0] + sums[1] + (sums[2] + sums[3]) + tail
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
