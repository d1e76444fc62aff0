//! Layer 9: how good a space is, as numbers that scripts can hold it to.

pub mod words;

use serde::{Deserialize, Serialize};

/// One figure of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The suite: "words".
    pub suite: String,
    /// What was measured: the file's name without its extension, then "/section" where the figure is of a part.
    pub name: String,
    /// The figure: accuracy in [0, 1] for analogies, Spearman's ρ in [−1, 1] for similarities.
    pub value: f64,
    /// How many questions or pairs it rests on.
    pub n: usize,
    /// The share of the file's questions or pairs that could be asked, in [0, 1].
    pub coverage: f64,
}
