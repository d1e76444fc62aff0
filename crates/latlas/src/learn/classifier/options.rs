//! The options of the classifier, what they do, and what is allowed.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learn::fasttext::{buckets, lengths};
use crate::learn::ranges::{real, whole};
use crate::space::fasttext::Loss;

/// Learns to put labels on texts.
///
/// ```
/// use latlas::learn::Classifier;
/// let learner = Classifier { word_ngrams: 2, epochs: 10, ..Default::default() };
/// learner.check().unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Classifier {
    /// Numbers in a vector, 1 to 65,536. Few suffice for few labels: 10 to 100.
    pub dim: usize,
    /// How often the texts are read. Small collections gain from 10 to 50.
    pub epochs: u32,
    /// What is minimised: softmax for labels that exclude each other, hs (hierarchical softmax) for very many of them,
    /// ova (one against all) where a text may have several, ns (negative sampling) as a faster stand-in for softmax.
    pub loss: Loss,
    /// Words of the longest run of words that is a feature; 1: single words. Word order counts from 2 on.
    pub word_ngrams: usize,
    /// Characters of the shortest n-gram of a word.
    pub min_n: usize,
    /// Characters of the longest n-gram of a word; 0: none. Helps with misspelt and inflected words.
    pub max_n: usize,
    /// Rows that n-grams, of words and of characters, are hashed into. Fewer: less memory, more that share one.
    pub buckets: usize,
    /// Words that stand less often are left out.
    pub min_count: u64,
    /// Noise labels for each text, 1 to 1,000. Negative sampling only.
    pub negative: usize,
    /// The learning rate at the start; it falls to 0. Lower for many epochs.
    pub alpha: f64,
}

impl Default for Classifier {
    fn default() -> Self {
        Classifier {
            dim: 100,
            epochs: 5,
            loss: Loss::Softmax,
            word_ngrams: 1,
            min_n: 0,
            max_n: 0,
            buckets: 2_000_000,
            min_count: 1,
            negative: 5,
            alpha: 0.1,
        }
    }
}

impl Classifier {
    /// Whether any feature is hashed into a bucket.
    pub(super) fn hashes(&self) -> bool {
        self.word_ngrams > 1 || self.max_n > 0
    }

    /// Refuses what cannot be learned with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dim", self.dim, 1, 65_536)?;
        whole("epochs", self.epochs as usize, 1, 100_000)?;
        whole("word_ngrams", self.word_ngrams, 1, 255)?;
        whole("negative", self.negative, 1, 1_000)?;
        real("alpha", self.alpha, 1e-9, 100.0)?;
        lengths(self.min_n, self.max_n)?;
        if self.hashes() {
            buckets(self.buckets)?;
        }
        if self.min_count == 0 {
            return Err(Error::usage("min_count 0 is out of range").help("1 keeps every word"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn options_out_of_range_are_usage_errors_that_name_them() {
        let good = Classifier::default();
        good.check().unwrap();
        Classifier { buckets: 0, ..good.clone() }.check().unwrap();
        let bad = [
            ("dim", Classifier { dim: 0, ..good.clone() }),
            ("epochs", Classifier { epochs: 0, ..good.clone() }),
            ("word_ngrams", Classifier { word_ngrams: 0, ..good.clone() }),
            ("alpha", Classifier { alpha: f64::NAN, ..good.clone() }),
            ("min_n", Classifier { min_n: 4, max_n: 3, ..good.clone() }),
            ("buckets", Classifier { buckets: 0, word_ngrams: 2, ..good.clone() }),
            ("min_count", Classifier { min_count: 0, ..good.clone() }),
        ];
        for (name, options) in bad {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
    }
}
