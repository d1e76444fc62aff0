//! What a fastText model is made of, before it is one.

use super::{FAMILY, FastTextConfig, VERSION};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::space::Model;

/// All of a model.
#[derive(Debug)]
pub struct Parts {
    /// How it was learned.
    pub config: FastTextConfig,
    /// The vocabulary and its counts, most frequent first.
    pub words: (Vec<String>, Vec<u64>),
    /// The labels of a classifier and their counts, most frequent first; none for vectors of words.
    pub labels: (Vec<String>, Vec<u64>),
    /// The rows of words, then those of n-grams.
    pub input: Matrix,
    /// What the rows of n-grams belong to.
    pub owners: Owners,
    /// The rows of outputs.
    pub output: Matrix,
}

/// What the rows of n-grams belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owners {
    /// Every bucket has a row.
    AllBuckets,
    /// These buckets have one, ascending.
    Buckets(Vec<u32>),
    /// Each of these n-grams has its own.
    Ngrams(Vec<String>),
}

impl Owners {
    /// How many rows of n-grams there are, of so many buckets.
    pub fn rows(&self, buckets: u32) -> usize {
        match self {
            Owners::AllBuckets => buckets as usize,
            Owners::Buckets(buckets) => buckets.len(),
            Owners::Ngrams(ngrams) => ngrams.len(),
        }
    }
}

impl Parts {
    /// The model; an error if the parts do not fit together, or a number is none.
    pub fn into_model(self) -> Result<Model> {
        let Parts { config, words, labels, input, owners, output } = self;
        let config = serde_json::to_value(config)
            .map_err(|e| Error::data(format!("the configuration of a fastText model: {e}")))?;
        let mut model = Model::builder(FAMILY, VERSION, config)
            .names("words", words.0.iter().map(String::as_str))?
            .tensor("counts", &[words.1.len()], words.1)
            .matrix("input", input)
            .matrix("output", output);
        if !labels.0.is_empty() {
            let count = labels.1.len();
            model = model.names("labels", labels.0.iter().map(String::as_str))?.tensor(
                "label_counts",
                &[count],
                labels.1,
            );
        }
        model = match owners {
            Owners::AllBuckets => model,
            Owners::Buckets(buckets) => model.tensor("buckets", &[buckets.len()], buckets),
            Owners::Ngrams(ngrams) => model.names("ngrams", ngrams.iter().map(String::as_str))?,
        };
        let model = model.build()?;
        super::FastTextModel::new(model.clone())?;
        Ok(model)
    }
}
