//! The options of fastText, what they do, and what is allowed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::Ngrams;
use crate::error::{Error, Result};
use crate::learn::ranges::{real, whole};
use crate::learn::word2vec::{Architecture, Loss, Negatives};

/// The most buckets: what the official format can count, and 40 GB of vectors of dimension 100.
const MOST_BUCKETS: usize = 100_000_000;
/// The longest n-gram that may be asked for.
const LONGEST_NGRAM: usize = 255;

/// Learns vectors of words and of their character n-grams.
///
/// ```
/// use latlas::learn::{Architecture, FastText};
/// let learner = FastText { dim: 200, max_n: 5, ..Default::default() };
/// assert_eq!(learner.architecture, Architecture::SkipGram);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FastText {
    /// Skip-gram: a word's n-grams predict each word around it. CBOW: those of all words around predict the word.
    pub architecture: Architecture,
    /// Numbers in a vector, 1 to 65,536. Time and memory grow with it.
    pub dim: usize,
    /// How often the corpus is read. Small corpora gain from more.
    pub epochs: u32,
    /// The farthest context, in words to each side, 1 to 10,000. Wide windows bring topics, narrow ones syntax.
    pub window: usize,
    /// What is minimised: negative sampling, or the hierarchical softmax.
    pub loss: Loss,
    /// Noise words for each pair, 1 to 1,000. Negative sampling only.
    pub negative: usize,
    /// Whether the pairs of a window share noise words: faster, a little worse. Negative sampling and skip-gram only.
    pub negatives: Negatives,
    /// The relative frequency above which words are thinned out; 0 keeps all. Smaller is faster and favours rare words.
    pub sample: f64,
    /// The learning rate at the start.
    pub alpha: f64,
    /// The learning rate at the end.
    pub min_alpha: f64,
    /// The power of a word's count in the noise distribution, -2 to 2: 1 draws by frequency, 0 evenly.
    pub ns_exponent: f64,
    /// Characters of the shortest n-gram, the marks `<` and `>` around a word counted.
    pub min_n: usize,
    /// Characters of the longest n-gram; 0 for none, which is word2vec. Longer ones cost time and memory.
    pub max_n: usize,
    /// Whether n-grams share rows.
    pub subwords: Subwords,
    /// Rows that n-grams are hashed into. Fewer: less memory, more n-grams that share one. Hashed n-grams only.
    pub buckets: usize,
    /// N-grams that stand less often in the text have no row. Exact n-grams only.
    pub ngram_min_count: u64,
}

/// How n-grams get their rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subwords {
    /// By a hash into `buckets` rows, as in the official program: n-grams may meet in one.
    #[default]
    Hashed,
    /// One row for every n-gram that is frequent enough. No collisions; has no place in the official format.
    Exact,
}

impl Default for FastText {
    fn default() -> Self {
        FastText {
            architecture: Architecture::SkipGram,
            dim: 100,
            epochs: 5,
            window: 5,
            loss: Loss::Ns,
            negative: 5,
            negatives: Negatives::Independent,
            sample: 1e-4,
            alpha: 0.05,
            min_alpha: 0.0,
            ns_exponent: 0.5,
            min_n: 3,
            max_n: 6,
            subwords: Subwords::Hashed,
            buckets: 2_000_000,
            ngram_min_count: 5,
        }
    }
}

impl FastText {
    /// Which n-grams a word has.
    pub fn ngrams(&self) -> Ngrams {
        Ngrams { min: self.min_n, max: self.max_n }
    }

    /// Refuses what cannot be learned with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dim", self.dim, 1, 65_536)?;
        whole("epochs", self.epochs as usize, 1, 100_000)?;
        whole("window", self.window, 1, 10_000)?;
        whole("negative", self.negative, 1, 1_000)?;
        real("sample", self.sample, 0.0, 1.0)?;
        real("alpha", self.alpha, 1e-9, 10.0)?;
        real("min_alpha", self.min_alpha, 0.0, self.alpha)?;
        real("ns_exponent", self.ns_exponent, -2.0, 2.0)?;
        lengths(self.min_n, self.max_n)?;
        if self.max_n > 0 && self.subwords == Subwords::Hashed {
            buckets(self.buckets)?;
        }
        Ok(())
    }

    /// The options for provenance.
    pub(super) fn in_force(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(options)) => options,
            _ => Map::new(),
        }
    }
}

/// Refuses lengths of n-grams that make no sense together.
pub(in crate::learn) fn lengths(min_n: usize, max_n: usize) -> Result<()> {
    whole("max_n", max_n, 0, LONGEST_NGRAM)?;
    if max_n > 0 && !(1..=max_n).contains(&min_n) {
        return Err(Error::usage(format!("min_n {min_n} is out of range")).help(format!(
            "min_n may be 1 to max_n, which is {max_n}; max_n=0 learns without n-grams"
        )));
    }
    Ok(())
}

/// Refuses a number of buckets that n-grams have no place in.
pub(in crate::learn) fn buckets(buckets: usize) -> Result<()> {
    whole("buckets", buckets, 1, MOST_BUCKETS).map_err(|error| {
        if buckets > 0 {
            return error;
        }
        error.help(format!(
            "n-grams need rows: buckets may be 1 to {MOST_BUCKETS}; max_n=0 learns without n-grams"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn options_out_of_range_are_usage_errors_that_name_them() {
        let good = FastText::default();
        good.check().unwrap();
        FastText { max_n: 0, min_n: 0, buckets: 0, ..good.clone() }.check().unwrap();
        let bad = [
            ("dim", FastText { dim: 0, ..good.clone() }),
            ("window", FastText { window: 0, ..good.clone() }),
            ("negative", FastText { negative: 0, ..good.clone() }),
            ("sample", FastText { sample: f64::NAN, ..good.clone() }),
            ("alpha", FastText { alpha: -1.0, ..good.clone() }),
            ("min_alpha", FastText { min_alpha: 0.5, ..good.clone() }),
            ("min_n", FastText { min_n: 7, ..good.clone() }),
            ("min_n", FastText { min_n: 0, ..good.clone() }),
            ("max_n", FastText { max_n: 1000, ..good.clone() }),
            ("buckets", FastText { buckets: 0, ..good.clone() }),
        ];
        for (name, options) in bad {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
    }

    #[test]
    fn an_unknown_option_is_refused_and_known_ones_are_read() {
        let read: FastText =
            serde_json::from_str(r#"{"subwords": "exact", "loss": "hs"}"#).unwrap();
        assert_eq!(read.subwords, Subwords::Exact);
        assert!(serde_json::from_str::<FastText>(r#"{"minn": 7}"#).is_err());
    }
}
