//! t-SNE: t-distributed stochastic neighbour embedding (van der Maaten & Hinton, JMLR 9, 2008).
//!
//! Neighbours in truth are turned into probabilities P, positions yᵢ on the map into probabilities Q, and the
//! positions are moved until the second tell as little apart from the first as they can:
//!
//! ```text
//! p(j|i) ∝ exp(−βᵢ·dᵢⱼ²), with βᵢ such that the entropy of p(·|i) is ln(perplexity)      (equation 1)
//! pᵢⱼ    = (p(j|i) + p(i|j)) / 2n
//! qᵢⱼ    = wᵢⱼ / Z,   wᵢⱼ = 1 / (1 + ‖yᵢ − yⱼ‖²),   Z = Σ_{k≠l} w_kl                     (equation 4)
//! C      = KL(P‖Q) = Σ pᵢⱼ ln(pᵢⱼ / qᵢⱼ)                                                 is minimised
//! ∂C/∂yᵢ = 4·( Σⱼ pᵢⱼ wᵢⱼ (yᵢ − yⱼ) − 1/Z · Σⱼ wᵢⱼ² (yᵢ − yⱼ) )                          (equation 5)
//! ```
//!
//! The first sum, attraction, runs over near neighbours alone (3·perplexity each: van der Maaten, JMLR 15, 2014, §4.1). The
//! second, repulsion, runs over all pairs: summed out for few points, by a tree of cells (§4.2 there), or in the plane by
//! convolution on a grid (Linderman, Rachh, Hoskins, Steinerberger & Kluger, Nature Methods 16, 2019).
//!
//! | symbol | here |
//! |---|---|
//! | perplexity | `perplexity`; of several the p(j\|i) are averaged (Kobak & Berens, Nature Communications 10, 2019) |
//! | exaggeration: P is multiplied by it | `early_exaggeration` for `early_iterations`, `exaggeration` from then on |
//! | learning rate η | `learning_rate`; by itself n/exaggeration (Belkina et al., Nature Communications 10, 2019) |
//! | momentum α | `early_momentum`, `momentum` |
//!
//! Different on purpose:
//! - As in bhtsne, FIt-SNE and openTSNE the factor 4 is left to the learning rate.
//! - The grid interpolates by cubic B-splines, and convolves one charge with three kernels, not four charges with one: nothing is
//!   subtracted that is nearly equal, which is what lets it run in f32 ([`field`]).
//! - Under the cosine d² = 2·(1 − cos), the squared distance of the vectors at unit length, not its square.
//! - The same bits at any number of threads: every number has one owner, and sums are added in an order of their own.
//!
//! The method page is `docs/tsne.md`.

mod affinities;
mod convolution;
mod descent;
mod divergence;
mod exact;
mod field;
mod joint;
mod options;
mod order;
mod place;
mod start;
mod tree;

#[cfg(test)]
mod tests;

pub use options::{Repulsion, Tsne};

use super::{Layout, Points, Settling, Tether};
use crate::error::{Error, Result};
use crate::run::Run;
use descent::Descent;
use exact::Exact;
use field::Field;
use tree::Tree;

/// Up to this many points everybody is everybody's neighbour: P is exact.
const ALL_NEIGHBOURS: usize = 500;
/// Up to this many points summing out all pairs costs less than any shortcut.
const ALL_PAIRS: usize = 2000;

/// What pushes points apart: fills in Σⱼ wᵢⱼ² (yᵢ − yⱼ) for each point i and returns Z. Runs on the pool it is called in.
trait Repel<const D: usize>: Send + Sync {
    fn repel(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64;

    /// The same, as exact as it would be with this share of its spacing or θ.
    fn like(&self, share: f64) -> Box<dyn Repel<D>>;

    /// What it has chosen on the way and goes by from call to call.
    fn chosen(&self) -> [f64; 2] {
        [0.0; 2]
    }

    /// Goes on with what was chosen; `false` if that cannot have been.
    fn choose(&mut self, chosen: [f64; 2]) -> bool {
        chosen == [0.0; 2]
    }
}

impl Layout for Tsne {
    fn method(&self) -> &'static str {
        "tsne"
    }

    fn neighbours(&self, points: usize) -> usize {
        let others = points.saturating_sub(1);
        let widest = self.perplexity.iter().copied().fold(1.0, f64::max);
        let wanted = (3.0 * widest).ceil() as usize;
        if points <= ALL_NEIGHBOURS { others } else { wanted.min(others) }
    }

    fn fits(&self, points: usize) -> Result<()> {
        self.check(points)
    }

    fn begin<'a>(&'a self, points: Points<'a>, run: &Run<'_>) -> Result<Box<dyn Settling + 'a>> {
        self.begin_with(points, None, run)
    }

    fn begin_tethered<'a>(
        &'a self,
        points: Points<'a>,
        tether: Tether<'_>,
        run: &Run<'_>,
    ) -> Result<Box<dyn Settling + 'a>> {
        self.begin_with(points, Some(tether), run)
    }
}

impl Tsne {
    /// As it goes on from a map that has settled: the start keeps its size, and the early iterations fall away.
    #[must_use]
    pub fn going_on(self) -> Self {
        let iterations = self.iterations.saturating_sub(self.early_iterations).max(1);
        Tsne { start_scale: 0.0, early_iterations: 0, iterations, ..self }
    }

    /// Everything before the first step.
    fn begin_with<'a>(
        &'a self,
        points: Points<'a>,
        tether: Option<Tether<'_>>,
        run: &Run<'_>,
    ) -> Result<Box<dyn Settling + 'a>> {
        let (n, graph) = (points.vectors.rows(), points.graph);
        self.check(n)?;
        if graph.len() != n {
            return Err(Error::data(format!("a graph of {} points for {n} vectors", graph.len())));
        }
        let k = self.neighbours(n);
        if graph.k() < k {
            let fits = graph.k() / 3;
            let error = Error::usage(format!(
                "a graph of {} neighbours a point, where this perplexity needs {k}",
                graph.k()
            ));
            return Err(if fits == 0 || n <= ALL_NEIGHBOURS {
                error.help(format!("give a graph of {k} neighbours"))
            } else {
                error.help(format!("its neighbours suffice for a perplexity of {fits}"))
            });
        }
        let start = start::start(&points, self, run)?;
        let plane: Vec<[f32; 2]> = start.iter_rows().map(|point| [point[0], point[1]]).collect();
        let order = order::along_a_curve(&plane);
        let conditional =
            affinities::conditional(graph, k, points.geometry, &self.perplexity, run)?;
        let links = joint::links(graph, k, &conditional, &order, run)?;
        drop(conditional);
        let choice = match self.repulsion {
            Repulsion::Auto if n <= ALL_PAIRS => Repulsion::Exact,
            Repulsion::Auto if self.dims == 2 => Repulsion::Fft,
            Repulsion::Auto => Repulsion::Tree,
            chosen => chosen,
        };
        Ok(if self.dims == 2 {
            let repel: Box<dyn Repel<2>> = match choice {
                Repulsion::Exact => Box::new(Exact),
                Repulsion::Tree => Box::new(Tree::<2>::new(self.theta)),
                Repulsion::Auto | Repulsion::Fft => Box::new(Field::new(self.spacing)),
            };
            let descent = Descent::new(self, choice, links, &order, &start, repel, run)?;
            Box::new(descent.tethered(tether))
        } else {
            let repel: Box<dyn Repel<3>> = match choice {
                Repulsion::Exact => Box::new(Exact),
                _ => Box::new(Tree::<3>::new(self.theta)),
            };
            let descent = Descent::new(self, choice, links, &order, &start, repel, run)?;
            Box::new(descent.tethered(tether))
        })
    }
}
