//! The options of paragraph vectors, what they do, and what is allowed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::learn::ranges::{real, whole};
use crate::learn::word2vec::Loss;

/// Learns vectors of documents (paragraph vectors).
///
/// ```
/// use latlas::learn::{Doc2Vec, Doc2VecModel};
/// let learner = Doc2Vec { dim: 50, model: Doc2VecModel::PvDm, ..Default::default() };
/// assert!(learner.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Doc2Vec {
    /// Which of the two models. PV-DBOW is faster; PV-DM was better on single sentences, and learns words beside.
    pub model: Doc2VecModel,
    /// Numbers in a vector, 1 to 65,536. Time and memory grow with it; short documents need few.
    pub dim: usize,
    /// How often the corpus is read. A document is met once an epoch, so that small corpora want 20 to 100.
    pub epochs: u32,
    /// The farthest context, in words to each side, 1 to 10,000: PV-DM, and PV-DBOW with words.
    pub window: usize,
    /// What is minimised: negative sampling, or the hierarchical softmax of the paper, which has no noise.
    pub loss: Loss,
    /// Noise words for each word, 1 to 1,000. 5 for large corpora, up to 20 for small ones; time grows with it. Negative
    /// sampling only.
    pub negative: usize,
    /// The relative frequency above which words are thinned out; 0 keeps all.
    pub sample: f64,
    /// The learning rate at the start.
    pub alpha: f64,
    /// The learning rate at the end; by default a tenth of that at the start.
    pub min_alpha: Option<f64>,
    /// The power of a word's count in the noise distribution, -2 to 2: 1 draws by frequency, 0 evenly.
    pub ns_exponent: f64,
    /// PV-DM: whether the vectors of document and contexts are averaged, or else added up.
    pub dm_mean: bool,
    /// PV-DBOW: whether word vectors are learned beside, by skip-gram: some times slower, and words and documents
    /// become comparable.
    pub dbow_words: bool,
    /// How often a new document is read to place it; by default as often as the corpus was.
    pub infer_epochs: Option<u32>,
}

/// The two models of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doc2VecModel {
    /// The document predicts each of its words (distributed bag of words).
    #[default]
    PvDbow,
    /// Document and context words together predict the word in their midst (distributed memory).
    PvDm,
}

impl FromStr for Doc2VecModel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "pv-dbow" | "dbow" => Ok(Doc2VecModel::PvDbow),
            "pv-dm" | "dm" => Ok(Doc2VecModel::PvDm),
            _ => Err(Error::usage(format!("no model '{name}'")).help("pv-dbow or pv-dm")),
        }
    }
}

impl Default for Doc2Vec {
    fn default() -> Self {
        Doc2Vec {
            model: Doc2VecModel::PvDbow,
            dim: 100,
            epochs: 20,
            window: 5,
            loss: Loss::Ns,
            negative: 5,
            sample: 1e-3,
            alpha: 0.025,
            min_alpha: None,
            ns_exponent: 0.75,
            dm_mean: true,
            dbow_words: false,
            infer_epochs: None,
        }
    }
}

impl Doc2Vec {
    /// The learning rate at the end that is in force.
    pub fn end_alpha(&self) -> f64 {
        self.min_alpha.unwrap_or(self.alpha / 10.0)
    }

    /// How often a new document is read.
    pub fn epochs_of_inference(&self) -> u32 {
        self.infer_epochs.unwrap_or(self.epochs)
    }

    /// Whether words have input vectors.
    pub(super) fn has_words(&self) -> bool {
        self.model == Doc2VecModel::PvDm || self.dbow_words
    }

    /// Refuses what cannot be learned with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dim", self.dim, 1, 65_536)?;
        whole("epochs", self.epochs as usize, 1, 100_000)?;
        whole("infer_epochs", self.epochs_of_inference() as usize, 1, 100_000)?;
        whole("window", self.window, 1, 10_000)?;
        whole("negative", self.negative, 1, 1_000)?;
        real("sample", self.sample, 0.0, 1.0)?;
        real("alpha", self.alpha, 1e-9, 10.0)?;
        real("min_alpha", self.end_alpha(), 0.0, self.alpha)?;
        real("ns_exponent", self.ns_exponent, -2.0, 2.0)
    }

    /// How many output vectors there are for so many words: theirs, or those of the inner nodes of the tree.
    pub(super) fn outputs(&self, words: usize) -> usize {
        match self.loss {
            Loss::Ns => words,
            Loss::Hs => words.saturating_sub(1),
        }
    }

    /// The options with every default filled in, for provenance and the model.
    pub(super) fn in_force(&self) -> Map<String, Value> {
        let filled = Doc2Vec {
            min_alpha: Some(self.end_alpha()),
            infer_epochs: Some(self.epochs_of_inference()),
            ..self.clone()
        };
        match serde_json::to_value(filled) {
            Ok(Value::Object(options)) => options,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn options_out_of_range_are_usage_errors_that_name_them() {
        let good = Doc2Vec::default();
        good.check().unwrap();
        let bad = [
            ("dim", Doc2Vec { dim: 0, ..good.clone() }),
            ("epochs", Doc2Vec { epochs: 0, ..good.clone() }),
            ("infer_epochs", Doc2Vec { infer_epochs: Some(0), ..good.clone() }),
            ("window", Doc2Vec { window: 0, ..good.clone() }),
            ("negative", Doc2Vec { negative: 0, ..good.clone() }),
            ("sample", Doc2Vec { sample: f64::NAN, ..good.clone() }),
            ("alpha", Doc2Vec { alpha: -1.0, ..good.clone() }),
            ("min_alpha", Doc2Vec { min_alpha: Some(0.5), ..good.clone() }),
            ("ns_exponent", Doc2Vec { ns_exponent: f64::INFINITY, ..good.clone() }),
        ];
        for (name, options) in bad {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
    }
}
