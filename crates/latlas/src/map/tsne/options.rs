//! The options of t-SNE, and what is refused.

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

/// Options of t-SNE.
///
/// ```
/// use latlas::map::{Layout, Tsne};
/// let tsne = Tsne { perplexity: vec![50.0], ..Tsne::default() };
/// assert_eq!(tsne.neighbours(70_000), 150);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tsne {
    /// Dimensions of the map, 2 or 3. In three, repulsion goes by a tree, which takes many times as long.
    pub dims: usize,
    /// How many neighbours a point minds, roughly: 5 to 50. Small ones show fine structure and tear large groups apart;
    /// time and memory grow with it. Several are averaged: a large one beside 30 keeps more of the whole in order.
    #[serde(deserialize_with = "one_or_more")]
    pub perplexity: Vec<f64>,
    /// How many iterations in all, the early ones included. 750 suit most data; large ones may need 1000.
    pub iterations: u64,
    /// How many of them are exaggerated early. Too few leave groups in several pieces.
    pub early_iterations: u64,
    /// How much attraction is multiplied by at first, at least 1: it draws each group together while it can still move.
    pub early_exaggeration: f64,
    /// How much attraction is multiplied by after that, at least 1. 1 is t-SNE; up to 4 groups become denser and stand in a truer
    /// order, as with UMAP; fine structure goes.
    pub exaggeration: f64,
    /// The length of steps; `None` takes the number of points over the exaggeration in force. Too short leaves the map
    /// unfinished, too long makes it fly apart.
    pub learning_rate: Option<f64>,
    /// The share of a step that is taken again at the next, in the early iterations, 0 to below 1.
    pub early_momentum: f64,
    /// The same, after that.
    pub momentum: f64,
    /// No step is longer than this; 0 is no bound. It holds back single points that would be flung far out.
    pub max_step: f64,
    /// The standard deviation of the first axis at the start: small, so that the start gives the order and not the
    /// shape. 0 leaves a start that was given as it is.
    pub start_scale: f64,
    /// How repulsion is summed.
    pub repulsion: Repulsion,
    /// Tree only: cells that look smaller than this are taken for a point, 0 to 1. Larger is faster and coarser; 0 is exact.
    pub theta: f64,
    /// FFT only: the distance between nodes of the grid, 0.1 to 1. Time grows with its inverse squared; above 0.7 the
    /// divergence suffers.
    pub spacing: f64,
    /// Stop as soon as 50 iterations lower the divergence by less than this share of it; 0 never does.
    pub min_improvement: f64,
}

/// How the repulsion of all pairs is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Repulsion {
    /// Exact up to 2000 points; beyond, FFT in two dimensions and a tree in three.
    Auto,
    /// Pair by pair: time grows with the square of the points.
    Exact,
    /// By a tree of cells (Barnes & Hut 1986): n·log n.
    Tree,
    /// By convolution on a grid, in two dimensions: n, and the area of the map.
    Fft,
}

impl Repulsion {
    /// Its name among the options.
    pub fn name(self) -> &'static str {
        match self {
            Repulsion::Auto => "auto",
            Repulsion::Exact => "exact",
            Repulsion::Tree => "tree",
            Repulsion::Fft => "fft",
        }
    }
}

impl Default for Tsne {
    fn default() -> Self {
        Tsne {
            dims: 2,
            perplexity: vec![30.0],
            iterations: 750,
            early_iterations: 250,
            early_exaggeration: 12.0,
            exaggeration: 1.0,
            learning_rate: None,
            early_momentum: 0.5,
            momentum: 0.8,
            max_step: 5.0,
            start_scale: 1e-4,
            repulsion: Repulsion::Auto,
            theta: 0.5,
            spacing: 0.5,
            min_improvement: 0.0,
        }
    }
}

impl Tsne {
    /// Refuses what no map of so many points can be made with: an error that names the option, its value and what is allowed.
    pub fn check(&self, points: usize) -> Result<()> {
        let refuse = |name: &str, value: &dyn std::fmt::Display, range: &str| {
            Err(Error::usage(format!("{name} {value} is out of range"))
                .help(format!("{name} may be {range}")))
        };
        if points < 3 {
            return Err(Error::data(format!(
                "a map needs at least 3 items, here {} {points}",
                if points == 1 { "is" } else { "are" }
            )));
        }
        if !(2..=3).contains(&self.dims) {
            return refuse("dims", &self.dims, "2 or 3");
        }
        if !(1..=16).contains(&self.perplexity.len()) {
            let count = self.perplexity.len();
            return Err(Error::usage(format!("{count} perplexities, not 1 to 16")));
        }
        for &perplexity in &self.perplexity {
            if !(perplexity.is_finite() && perplexity >= 1.0) {
                return refuse("perplexity", &perplexity, "1 or more; 5 to 50 is usual");
            }
            if perplexity >= points as f64 - 1.0 {
                let (most, sensible) = (points - 2, ((points - 1) / 3).max(1));
                return Err(Error::usage(format!(
                    "a perplexity of {perplexity} does not fit {points} items"
                ))
                .help(format!("at most {most} does; {sensible} is sensible")));
            }
        }
        if !(1..=1_000_000).contains(&self.iterations) {
            return refuse("iterations", &self.iterations, "1 to 1000000");
        }
        if self.early_iterations > self.iterations {
            return refuse("early_iterations", &self.early_iterations, "at most iterations");
        }
        for (name, value) in
            [("early_exaggeration", self.early_exaggeration), ("exaggeration", self.exaggeration)]
        {
            if !(1.0..=1000.0).contains(&value) {
                return refuse(name, &value, "1 to 1000");
            }
        }
        for (name, value) in [("early_momentum", self.early_momentum), ("momentum", self.momentum)]
        {
            if !(0.0..1.0).contains(&value) {
                return refuse(name, &value, "0 to below 1");
            }
        }
        if let Some(rate) = self.learning_rate
            && !(rate > 0.0 && rate <= 1e38)
        {
            return refuse("learning_rate", &rate, "above 0, to 1e38");
        }
        for (name, value) in [("max_step", self.max_step), ("start_scale", self.start_scale)] {
            if !(0.0..=1e6).contains(&value) {
                return refuse(name, &value, "0 to 1e6");
            }
        }
        if !(0.0..=1.0).contains(&self.theta) {
            return refuse("theta", &self.theta, "0 to 1");
        }
        if !(0.1..=1.0).contains(&self.spacing) {
            return refuse("spacing", &self.spacing, "0.1 to 1");
        }
        if !(0.0..1.0).contains(&self.min_improvement) {
            return refuse("min_improvement", &self.min_improvement, "0 to below 1");
        }
        if self.repulsion == Repulsion::Fft && self.dims != 2 {
            return Err(Error::usage("repulsion by FFT is for maps of two dimensions")
                .help("leave repulsion at auto"));
        }
        Ok(())
    }
}

/// A number, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number, or a list of numbers")]
    enum OneOrMore {
        One(f64),
        More(Vec<f64>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}
