//! The options of word2vec, what they do, and what is allowed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::learn::ranges::{real, whole};

/// Learns vectors of words by negative sampling (skip-gram or CBOW).
///
/// ```
/// use latlas::learn::{Architecture, Word2Vec};
/// let learner = Word2Vec { dim: 200, architecture: Architecture::Cbow, ..Default::default() };
/// assert_eq!(learner.start_alpha(), 0.05);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own, named like gensim's"
)]
pub struct Word2Vec {
    /// Which of the two models. Skip-gram is better on small corpora and rare words, CBOW several times faster.
    pub architecture: Architecture,
    /// Numbers in a vector, 1 to 65,536. Time and memory grow with it; 100 suits millions of words, 300 billions.
    pub dim: usize,
    /// How often the corpus is read. Small corpora gain from more; above 20 little changes.
    pub epochs: u32,
    /// The farthest context, in words to each side, 1 to 10,000. Wide windows bring topics, narrow ones syntax.
    pub window: usize,
    /// What is minimised: negative sampling, or the hierarchical softmax.
    pub loss: Loss,
    /// Noise words for each pair, 1 to 1,000. 5 for large corpora, up to 20 for small ones; time grows with it.
    pub negative: usize,
    /// Whether the context words of a window share its noise words.
    pub negatives: Negatives,
    /// The relative frequency above which words are thinned out; 0 keeps all. Smaller is faster and favours rare words.
    pub sample: f64,
    /// The learning rate at the start; by default 0.025 for skip-gram and 0.05 for CBOW.
    pub alpha: Option<f64>,
    /// The learning rate at the end; by default a tenth of that at the start. Lower fits the last text read less.
    pub min_alpha: Option<f64>,
    /// The power of a word's count in the noise distribution, -2 to 2: 1 draws by frequency, 0 evenly.
    pub ns_exponent: f64,
    /// Whether windows reach less far than `window`, at random, which weights near words more.
    pub shrink_windows: bool,
    /// How much more; only where `shrink_windows`.
    pub window_weighting: Weighting,
    /// CBOW: whether h is the mean of the context vectors, each moved by the whole gradient of h; else their sum, each
    /// moved by its share of it.
    pub cbow_mean: bool,
    /// Whether the space keeps the output vectors too, as field "output". Not for the hierarchical softmax, whose
    /// output vectors are no words'.
    pub keep_output: bool,
    /// Whether results are the same whatever the number of threads: training then works on one.
    pub deterministic: bool,
}

/// What tells a centre word from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Negative sampling: the word against a few noise words.
    #[default]
    Ns,
    /// Hierarchical softmax: the word's path down a Huffman tree. Half as fast.
    Hs,
}

/// Which noise words the context words of one window meet (skip-gram with negative sampling).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Negatives {
    /// All the same: several times faster, at equal quality.
    #[default]
    Shared,
    /// Each its own, as in the authors' program.
    Independent,
}

/// How likely a window is to reach a word at distance d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// (window − d + 1)/window, as in the authors' program.
    #[default]
    Linear,
    /// 1/d, as in GloVe: near words count for more still.
    Harmonic,
}

/// The two models of the first paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Each context word predicts the centre word by itself.
    #[default]
    SkipGram,
    /// The mean of the context words predicts the centre word.
    Cbow,
}

impl FromStr for Architecture {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "skip-gram" | "skipgram" | "sg" => Ok(Architecture::SkipGram),
            "cbow" => Ok(Architecture::Cbow),
            _ => Err(Error::usage(format!("no architecture '{name}'")).help("skip-gram or cbow")),
        }
    }
}

impl Default for Word2Vec {
    fn default() -> Self {
        Word2Vec {
            architecture: Architecture::SkipGram,
            dim: 100,
            epochs: 5,
            window: 5,
            loss: Loss::Ns,
            negative: 5,
            negatives: Negatives::Shared,
            sample: 1e-3,
            alpha: None,
            min_alpha: None,
            ns_exponent: 0.75,
            shrink_windows: true,
            window_weighting: Weighting::Linear,
            cbow_mean: true,
            keep_output: false,
            deterministic: false,
        }
    }
}

impl Word2Vec {
    /// The learning rate at the start that is in force.
    pub fn start_alpha(&self) -> f64 {
        self.alpha.unwrap_or(match self.architecture {
            Architecture::SkipGram => 0.025,
            Architecture::Cbow => 0.05,
        })
    }

    /// The learning rate at the end that is in force.
    pub fn end_alpha(&self) -> f64 {
        self.min_alpha.unwrap_or(self.start_alpha() / 10.0)
    }

    /// Refuses what cannot be learned with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dim", self.dim, 1, 65_536)?;
        whole("epochs", self.epochs as usize, 1, 100_000)?;
        whole("window", self.window, 1, 10_000)?;
        whole("negative", self.negative, 1, 1_000)?;
        real("sample", self.sample, 0.0, 1.0)?;
        real("alpha", self.start_alpha(), 1e-9, 10.0)?;
        real("min_alpha", self.end_alpha(), 0.0, self.start_alpha())?;
        real("ns_exponent", self.ns_exponent, -2.0, 2.0)?;
        if self.keep_output && self.loss == Loss::Hs {
            return Err(Error::usage("keep_output: under loss=hs output vectors are no words'")
                .help("take loss=ns, or leave keep_output"));
        }
        Ok(())
    }

    /// The options with every default filled in, for provenance.
    pub(super) fn in_force(&self) -> Map<String, Value> {
        let (alpha, min_alpha) = (Some(self.start_alpha()), Some(self.end_alpha()));
        let filled = Word2Vec { alpha, min_alpha, ..self.clone() };
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
        let good = Word2Vec::default();
        good.check().unwrap();
        let bad = [
            ("dim", Word2Vec { dim: 0, ..good.clone() }),
            ("epochs", Word2Vec { epochs: 0, ..good.clone() }),
            ("window", Word2Vec { window: 0, ..good.clone() }),
            ("negative", Word2Vec { negative: 0, ..good.clone() }),
            ("sample", Word2Vec { sample: f64::NAN, ..good.clone() }),
            ("alpha", Word2Vec { alpha: Some(-1.0), ..good.clone() }),
            ("min_alpha", Word2Vec { min_alpha: Some(0.5), ..good.clone() }),
            ("ns_exponent", Word2Vec { ns_exponent: f64::INFINITY, ..good.clone() }),
        ];
        for (name, options) in bad {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
    }

    #[test]
    fn an_unknown_option_is_refused_and_known_ones_are_read() {
        let read: Word2Vec = serde_json::from_str(r#"{"dim": 7, "architecture": "cbow"}"#).unwrap();
        assert_eq!(
            read,
            Word2Vec { dim: 7, architecture: Architecture::Cbow, ..Default::default() }
        );
        assert!(serde_json::from_str::<Word2Vec>(r#"{"dims": 7}"#).is_err());
    }
}
