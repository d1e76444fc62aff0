//! Layer 9: how good a space is, as numbers that scripts can hold it to.

pub mod stability;
pub mod words;

use serde::{Deserialize, Serialize};

/// One figure of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The suite: "words", "stability".
    pub suite: String,
    /// What was measured: the file's name without its extension, then "/section" where the figure is of a part.
    pub name: String,
    /// The figure: accuracy in [0, 1] for analogies and outliers, Spearman's ρ in [−1, 1] for similarities, purity and
    /// normalised mutual information in [0, 1] for categories, Jaccard's index in [0, 1] for neighbours.
    pub value: f64,
    /// How many questions, pairs or words it rests on.
    pub n: usize,
    /// The share of the file's questions, pairs or words that could be asked, in [0, 1].
    pub coverage: f64,
    /// What the figure would be by chance.
    pub null: Null,
}

/// The figure of a space that knows nothing: its expectation, and how much it varies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// The expectation.
    pub value: f64,
    /// The standard deviation.
    pub sd: f64,
}

impl Null {
    /// Of the mean of `n` answers that are right with probability `p` each.
    fn share(p: f64, n: usize) -> Self {
        Null { value: p, sd: (p * (1.0 - p) / n.max(1) as f64).sqrt() }
    }

    /// Mean and standard deviation of these values.
    fn of(values: &[f64]) -> Self {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Null { value: mean, sd: square.sqrt() }
    }
}
