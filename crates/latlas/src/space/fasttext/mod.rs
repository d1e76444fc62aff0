//! The model of a fastText space: rows of words and of their n-grams, of which the vector of any word is the mean.
//!
//! Family "fasttext", version 1. Its tensors:
//!
//! | tensor | holds |
//! |---|---|
//! | `words` | the vocabulary, most frequent first: a table of names |
//! | `counts` | u64: how often each stands in the text |
//! | `labels`, `label_counts` | those of a classifier |
//! | `input` | f32: a row for each word, then one for each n-gram |
//! | `buckets` | u32, ascending: the buckets that the rows of n-grams belong to; all of them where it is missing |
//! | `ngrams` | instead of `buckets`, where each n-gram has a row of its own: a table of names |
//! | `output` | f32: a row for each word, label or inner node of the tree |
//!
//! A bucket without a row counts as a row of zeros: it was never trained. In a pruned model it does not count.

mod config;
mod encoder;
mod huffman;
mod parts;
mod text;

use super::ids::IdTable;
use super::{Model, Space, Values};
use crate::data::hash;
use crate::error::{Error, Result};
use crate::kernels::axpy;

pub use config::{FastTextConfig, Loss, Task};
pub use encoder::register;
pub use huffman::Huffman;
pub use parts::{Owners, Parts};
pub use text::TextFinding;

/// The family of these models.
pub const FAMILY: &str = "fasttext";
/// The version of the layout above.
const VERSION: u32 = 1;
/// The word that stands for the end of a line; it has no n-grams.
pub const LINE_END: &str = "</s>";

/// A fastText model, used in place. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FastTextModel {
    model: Model,
    config: FastTextConfig,
    words: IdTable,
    labels: Option<IdTable>,
    ngrams: Option<IdTable>,
}

/// Room for looking up the rows of a word.
#[derive(Debug, Clone, Default)]
pub struct Finding {
    marked: Vec<u8>,
    /// The rows that were found.
    pub rows: Vec<u32>,
    /// How many there are, those without a row counted unless the model is pruned: what the sum of the rows is
    /// divided by.
    pub count: usize,
}

impl FastTextModel {
    /// The fastText model of a space; `None` if it has no model or one of another family.
    pub fn of(space: &Space) -> Result<Option<Self>> {
        match space.model() {
            Some(model) if model.about().family == FAMILY => Self::new(model).map(Some),
            _ => Ok(None),
        }
    }

    /// Checks that the parts of a model fit together, without reading its numbers.
    pub fn new(model: Model) -> Result<Self> {
        let about = model.about();
        if about.family != FAMILY || about.version != VERSION {
            return Err(Error::data(format!(
                "a model of family '{}', version {}, where '{FAMILY}', version {VERSION}, is due",
                about.family, about.version
            ))
            .help("a newer latlas may read it"));
        }
        let config: FastTextConfig = model.config_as()?;
        let has = |name: &str| model.tensors().any(|tensor| tensor.name == name);
        let names = |name: &str| has(name).then(|| model.names(name)).transpose();
        let words = model.names("words")?;
        let (labels, ngrams) = (names("labels")?, names("ngrams")?);
        model.tensor("counts")?.u64_of(&[words.rows()])?;
        if let Some(labels) = &labels {
            model.tensor("label_counts")?.u64_of(&[labels.rows()])?;
        }
        let subwords = match (&ngrams, has("buckets")) {
            (Some(ngrams), false) => ngrams.rows(),
            (None, true) => match model.tensor("buckets")?.values() {
                Values::U32(buckets) => buckets.len(),
                _ => return Err(Error::data("tensor 'buckets' does not hold u32")),
            },
            (None, false) => config.buckets as usize,
            (Some(_), true) => {
                return Err(Error::data("a model has both tensors, 'ngrams' and 'buckets'"));
            }
        };
        let outputs = labels.as_ref().map_or(words.rows(), IdTable::rows);
        model.tensor("input")?.f32_of(&[words.rows() + subwords, config.dim])?;
        model.tensor("output")?.f32_of(&[outputs, config.dim])?;
        Ok(FastTextModel { model, config, words, labels, ngrams })
    }

    /// How it was learned.
    pub fn config(&self) -> &FastTextConfig {
        &self.config
    }

    /// The vocabulary, most frequent first.
    pub fn words(&self) -> &IdTable {
        &self.words
    }

    /// How often each word stands in the text.
    pub fn counts(&self) -> &[u64] {
        self.numbers("counts")
    }

    /// The labels of a classifier, most frequent first.
    pub fn labels(&self) -> Option<&IdTable> {
        self.labels.as_ref()
    }

    /// How often each label stands.
    pub fn label_counts(&self) -> &[u64] {
        self.numbers("label_counts")
    }

    /// The rows of words, then those of n-grams.
    pub fn input(&self) -> &[f32] {
        self.model.tensor("input").and_then(|tensor| tensor.f32()).unwrap_or_default()
    }

    /// The rows of outputs.
    pub fn output(&self) -> &[f32] {
        self.model.tensor("output").and_then(|tensor| tensor.f32()).unwrap_or_default()
    }

    /// The buckets that the rows of n-grams belong to; `None` where every bucket has a row, or each n-gram its own.
    pub fn buckets(&self) -> Option<&[u32]> {
        match self.model.tensor("buckets").ok()?.values() {
            Values::U32(buckets) => Some(buckets),
            _ => None,
        }
    }

    /// The n-grams, where each has a row of its own.
    pub fn ngrams(&self) -> Option<&IdTable> {
        self.ngrams.as_ref()
    }

    /// An input row.
    pub fn row(&self, row: u32) -> &[f32] {
        let start = row as usize * self.config.dim;
        self.input().get(start..start + self.config.dim).unwrap_or_default()
    }

    /// Finds the rows of a word: its own if it is in the vocabulary, then those of its n-grams. Says whether it is.
    pub fn find(&self, word: &str, finding: &mut Finding) -> bool {
        finding.rows.clear();
        finding.count = 0;
        let own = self.words.row(word);
        if let Some(own) = own {
            finding.rows.push(own);
            finding.count = 1;
        }
        if word != LINE_END {
            self.find_ngrams(word, finding);
        }
        own.is_some()
    }

    fn find_ngrams(&self, word: &str, finding: &mut Finding) {
        let Finding { marked, rows, count } = finding;
        let ngrams = self.config.ngrams();
        if let Some(known) = &self.ngrams {
            ngrams.each(word.as_bytes(), marked, |ngram| {
                let row = std::str::from_utf8(ngram).ok().and_then(|ngram| known.row(ngram));
                if let Some(row) = row {
                    rows.push(self.words.rows() as u32 + row);
                    *count += 1;
                }
            });
        } else if self.config.buckets > 0 {
            ngrams.each(word.as_bytes(), marked, |ngram| {
                self.take(hash(ngram) % self.config.buckets, rows, count);
            });
        }
    }

    /// Adds the row of a bucket, if it has one, and counts it.
    fn take(&self, bucket: u32, rows: &mut Vec<u32>, count: &mut usize) {
        let row = self.bucket(bucket);
        rows.extend(row);
        *count += usize::from(row.is_some() || !self.config.pruned);
    }

    /// The row of a bucket, if it has one.
    pub fn bucket(&self, bucket: u32) -> Option<u32> {
        let place = match self.buckets() {
            Some(buckets) => buckets.binary_search(&bucket).ok()? as u32,
            None => bucket,
        };
        Some(self.words.rows() as u32 + place)
    }

    /// Writes the mean of the found rows into `vector`, zeros where there are none.
    pub fn mean(&self, finding: &Finding, vector: &mut [f32]) {
        vector.fill(0.0);
        for &row in &finding.rows {
            axpy(1.0 / finding.count as f32, self.row(row), vector);
        }
    }

    fn numbers(&self, name: &str) -> &[u64] {
        self.model.tensor(name).and_then(|tensor| tensor.u64()).unwrap_or_default()
    }
}
