//! What is kept of how a fastText model was learned: all that placing words and writing the official format take.

use serde::{Deserialize, Serialize};

use crate::data::{Ngrams, Tokenizer};

/// What a model was learned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Vectors of words: the mean of all words around predicts a word.
    Cbow,
    /// Vectors of words: each word predicts those around it.
    SkipGram,
    /// Classification of texts.
    Supervised,
}

/// What a model was learned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Negative sampling: outputs against a few drawn by chance.
    Ns,
    /// Hierarchical softmax: outputs as leaves of a Huffman tree, a logistic regression at each inner node.
    Hs,
    /// All outputs against each other: their probabilities sum to one.
    Softmax,
    /// One against all: a logistic regression for each output, so that a text may have several labels.
    Ova,
}

/// The configuration of a fastText model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastTextConfig {
    /// What it was learned for.
    pub task: Task,
    /// What it was learned by.
    pub loss: Loss,
    /// Numbers in a vector.
    pub dim: usize,
    /// The farthest context, in words.
    pub window: u32,
    /// How often the text was read.
    pub epochs: u32,
    /// Words that stood less often were left out.
    pub min_count: u32,
    /// Noise outputs for each observed one.
    pub negative: u32,
    /// Words of the longest run of words that has a row; 1 for single words.
    pub word_ngrams: u32,
    /// Buckets that n-grams are hashed into; 0 where they are not.
    pub buckets: u32,
    /// Characters of the shortest n-gram.
    pub min_n: u32,
    /// Characters of the longest n-gram; 0 for none.
    pub max_n: u32,
    /// The frequency above which words were thinned out.
    pub sample: f64,
    /// Words read between two updates of the learning rate (the official program's).
    pub lr_update_rate: u32,
    /// Words of the text.
    pub tokens: u64,
    /// What stands before labels in a text, and in the official format.
    #[serde(default)]
    pub label_prefix: String,
    /// How words are found in a text, where that is known: models of the official program know white space alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
    /// Whether "Word" is taken for "word".
    #[serde(default)]
    pub lowercase: bool,
    /// Whether buckets without a row are left out of the mean (a pruned model); else they count as rows of zeros.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pruned: bool,
}

impl FastTextConfig {
    /// Which n-grams a word has.
    pub fn ngrams(&self) -> Ngrams {
        Ngrams { min: self.min_n as usize, max: self.max_n as usize }
    }
}
