//! Vectors of words by factoring what their co-occurrences say beyond chance.
//!
//! Levy, Goldberg & Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings", TACL 3,
//! 2015 (\[1\]); Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014 (\[2\]).
//!
//! M is the matrix of shifted positive pointwise mutual information of words and contexts (\[1\], §2.1, 3.2):
//!
//! ```text
//! M(w, c) = max(0, ln( P(w, c) / (P(w)·P_α(c)) ) − ln k),    P_α(c) ∝ #(c)^α
//! ```
//!
//! Minimised is ‖M − W·Cᵀ‖² among matrices of rank `dim`: by the truncated singular value decomposition M ≈ U·S·Vᵀ. The
//! vectors are W = U·S^p, and where contexts are added W + C with C = V·S^p (\[1\], §3.3).
//!
//! | symbol | here |
//! |---|---|
//! | k, α | `shift`, `smoothing` |
//! | p | `exponent` |
//! | #(w, c) | counted within `window`, near words by `weighting` more |
//!
//! Different on purpose:
//! - The decomposition is a randomised one that stops at a tolerance (`linalg::operator_svd`), not a Lanczos run to
//!   full precision: further digits do not show in the neighbours.
//! - Near contexts weigh more by 1/d, or as word2vec's windows weigh them on average, by exact sums instead of by drawing.
//!
//! The result does not depend on the number of threads. The method page is `docs/svd.md`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::data::Counts;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::items::relations::{Cooccurrences, Ppmi, Weighting};
use crate::learn::Learn;
use crate::learn::words::items;
use crate::linalg::{Matrix, OperatorSvd, RandomizedOptions, operator_svd};
use crate::run::Run;
use crate::space::{Provenance, Space};

/// Learns vectors of words from co-occurrence counts: PPMI and a truncated SVD.
///
/// ```
/// use latlas::learn::Svd;
/// let learner = Svd { dim: 200, window: 5, ..Default::default() };
/// assert_eq!(learner.counting().window, 5);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Svd {
    /// Numbers in a vector, 1 to 65,536, at most the number of words. Time grows with it; 100 suits millions of words, 500 billions.
    pub dim: usize,
    /// The farthest context that counts, 1 to 10,000. 5 to 15 for small corpora, 2 to 5 for large ones.
    pub window: usize,
    /// What a context counts for by its distance.
    pub weighting: Weighting,
    /// The power of contexts' counts, 0 to 1. Below 1 rare contexts count less: better analogies, worse rare words.
    pub smoothing: f64,
    /// k ≥ 1, as in negative sampling: more than 1 keeps only what is clearly above chance; often worse here.
    pub shift: f64,
    /// The power p of the singular values, 0 to 1. 1 is the best fit of M; at 0 to ½ vectors are better.
    pub exponent: f64,
    /// Whether a word's vector as a context is added to it.
    pub add_context: bool,
    /// The most passes over the matrix, at least 3. More give the smallest directions more exactly; time grows with it.
    pub passes: usize,
    /// Bytes of memory to count in; the result is the same.
    pub memory: u64,
}

impl Default for Svd {
    fn default() -> Self {
        let counting = Cooccurrences::default();
        Svd {
            dim: 100,
            window: counting.window,
            weighting: counting.weighting,
            smoothing: 1.0,
            shift: 1.0,
            exponent: 0.5,
            add_context: false,
            passes: 21,
            memory: counting.memory,
        }
    }
}

/// Directions carried along beyond `dim`: those at the edge converge slowest.
const OVERSAMPLE: usize = 10;
/// Where the decomposition stops: the residual of the worst vector, relative to its value.
const TOLERANCE: f64 = 0.01;

impl Svd {
    /// How its counts are made.
    pub fn counting(&self) -> Cooccurrences {
        Cooccurrences {
            window: self.window,
            weighting: self.weighting,
            symmetric: true,
            memory: self.memory,
        }
    }

    /// Refuses what cannot be learned with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse = |name: &str, value: &dyn std::fmt::Display, range: &str| {
            Err(Error::usage(format!("{name} {value} is out of range"))
                .help(format!("{name} may be {range}")))
        };
        if !(1..=65_536).contains(&self.dim) {
            return refuse("dim", &self.dim, "1 to 65536");
        }
        if !(0.0..=1.0).contains(&self.exponent) {
            return refuse("exponent", &self.exponent, "0 to 1");
        }
        if !(3..=10_000).contains(&self.passes) {
            return refuse("passes", &self.passes, "3 to 10000");
        }
        self.counting().check()?;
        self.ppmi().check()
    }

    fn ppmi(&self) -> Ppmi {
        Ppmi { shift: self.shift, smoothing: self.smoothing }
    }
}

impl Learn for Svd {
    type Data = Counts;

    /// Learns a space of the counted words: field "main" with cosine geometry, column `count`, metrics `explained` (the
    /// share of ‖M‖² that the kept directions hold), `links` (of M), `residual` and `passes`. `window`, `weighting` and
    /// `memory` do not matter here: the counts are made.
    fn learn(&self, counts: &Counts, run: &Run<'_>) -> Result<Space> {
        self.learn_in(counts, None, run)
    }
}

impl Svd {
    /// [`Svd::learn`] with M in a file of the folder `scratch`, instead of in memory.
    pub fn learn_in(
        &self,
        counts: &Counts,
        scratch: Option<&Path>,
        run: &Run<'_>,
    ) -> Result<Space> {
        self.check()?;
        let words = &counts.vocabulary;
        if self.dim > words.len() {
            return Err(Error::usage(format!(
                "dim {} is more than the {} words that there are",
                self.dim,
                words.len()
            ))
            .help("ask for fewer dimensions, or give more text"));
        }
        let information = self.ppmi().apply(&counts.relations, scratch, run)?;
        let links = information.links();
        if links == 0 {
            return Err(Error::data(
                "no two words stand next to each other more often than by chance",
            )
            .help("give longer sequences of words (--unit), more text, or a smaller shift"));
        }
        let mut all = 0.0;
        information.each_row(|_, _, weights| all += weights.iter().map(|w| w * w).sum::<f64>());
        let options = RandomizedOptions {
            oversample: OVERSAMPLE,
            most_passes: self.passes,
            tolerance: TOLERANCE,
        };
        let svd = operator_svd(&information, self.dim, &options, run)?;
        drop(information);
        let kept: f64 = svd.s.iter().map(|s| s * s).sum();
        let (residual, passes) = (svd.error, svd.passes);
        Space::builder("svd", items(words)?)
            .field("main", Geometry::Cosine, self.vectors(svd))
            .provenance(self.provenance(counts, run))
            .metric("explained", json!(kept / all))
            .metric("links", json!(links))
            .metric("residual", json!(residual))
            .metric("passes", json!(passes))
            .run_fact("threads", json!(run.threads))
            .build()
    }

    /// U·S^p, and V·S^p added to it if so wished.
    fn vectors(&self, svd: OperatorSvd) -> Matrix {
        let OperatorSvd { u: mut vectors, s, v, .. } = svd;
        if self.add_context {
            for (x, y) in vectors.as_mut_slice().iter_mut().zip(v.as_slice()) {
                *x += y;
            }
        }
        let scale: Vec<f32> = s.iter().map(|s| s.powf(self.exponent) as f32).collect();
        for row in vectors.as_mut_slice().chunks_exact_mut(scale.len()) {
            row.iter_mut().zip(&scale).for_each(|(x, scale)| *x *= scale);
        }
        vectors
    }

    fn provenance(&self, counts: &Counts, run: &Run<'_>) -> Provenance {
        let mut options = counts.about.options.clone();
        let own = match serde_json::to_value(self) {
            Ok(Value::Object(own)) => own,
            _ => Map::new(),
        };
        options.extend(own);
        options.remove("memory");
        options.extend(counts.about.counting.clone()); // what was in force, not what was asked for
        Provenance {
            action: "learn svd".into(),
            options,
            seed: Some(run.seed),
            sources: counts.about.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), crate::kernels::set_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn options_out_of_range_are_usage_errors_that_name_them() {
        let good = Svd::default();
        good.check().unwrap();
        let bad = [
            ("dim", Svd { dim: 0, ..good.clone() }),
            ("window", Svd { window: 0, ..good.clone() }),
            ("smoothing", Svd { smoothing: f64::NAN, ..good.clone() }),
            ("shift", Svd { shift: 0.5, ..good.clone() }),
            ("exponent", Svd { exponent: -1.0, ..good.clone() }),
            ("passes", Svd { passes: 2, ..good.clone() }),
        ];
        for (name, options) in bad {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
    }
}
