//! The options of GloVe, what they do, and what is allowed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::items::relations::{Cooccurrences, Weighting};
use crate::learn::ranges::{real, whole};

/// Learns vectors of words from how often they stand together.
///
/// ```
/// use latlas::learn::Glove;
/// let learner = Glove { dim: 200, x_max: 10.0, ..Default::default() };
/// assert_eq!(learner.epochs, 25);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Glove {
    /// Numbers in a vector, 1 to 65,536. Time and memory grow with it; 100 suits millions of words, 300 billions.
    pub dim: usize,
    /// The farthest context that counts, 1 to 10,000. Time and links grow with it; wide windows bring topics, narrow ones
    /// syntax. The authors' program takes 15, the paper 10.
    pub window: usize,
    /// What a context counts for by its distance.
    pub weighting: Weighting,
    /// Whether contexts to both sides count, or only those that come after.
    pub symmetric: bool,
    /// Bytes of memory to count in; the result is the same.
    pub memory: u64,
    /// How often all links are gone through. The paper takes 50 below 300 dimensions and 100 from there on; small
    /// corpora are learned by heart earlier.
    pub epochs: u32,
    /// Links from this weight on count fully, lighter ones less: 100 for billions of words, 10 for millions.
    pub x_max: f64,
    /// The power by which lighter links count less, 0 to 5: 1 nearly ignores rare pairs, 0 counts all alike.
    pub alpha: f64,
    /// The size of vectors' first steps, 1e-6 to 10; AdaGrad shortens later ones by itself. Of biases it is 1.
    pub eta: f64,
    /// Every gradient is cut to ± this, 1e-9 to 1e6. Reached only where training would run away; with it no number ever
    /// overflows.
    pub grad_clip: f64,
    /// Which vectors are the result.
    pub vectors: Vectors,
    /// Whether context vectors are kept as the field "output", and the biases as columns `bias` and `output_bias`.
    pub keep_context: bool,
    /// Whether the sums of squared gradients are kept too, as fields "gradsq" and "output_gradsq" and columns
    /// `bias_gradsq` and `output_bias_gradsq`: then a training that goes on has steps as short as at the end of this one.
    pub keep_gradsq: bool,
}

/// What becomes of a word's two vectors, w as a word and w̃ as a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vectors {
    /// w + w̃, as in the paper: a little better than either.
    #[default]
    Sum,
    /// w alone: right where links have a direction (counts that are not symmetric).
    Word,
    /// w and behind it w̃: twice the dimension.
    Both,
}

impl FromStr for Vectors {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "sum" => Ok(Vectors::Sum),
            "word" => Ok(Vectors::Word),
            "both" => Ok(Vectors::Both),
            _ => Err(Error::usage(format!("no vectors '{name}'")).help("sum, word or both")),
        }
    }
}

impl Default for Glove {
    fn default() -> Self {
        let counting = Cooccurrences::default();
        Glove {
            dim: 100,
            window: counting.window,
            weighting: counting.weighting,
            symmetric: counting.symmetric,
            memory: counting.memory,
            epochs: 25,
            x_max: 100.0,
            alpha: 0.75,
            eta: 0.05,
            grad_clip: 100.0,
            vectors: Vectors::Sum,
            keep_context: false,
            keep_gradsq: false,
        }
    }
}

impl Glove {
    /// How its counts are made.
    pub fn counting(&self) -> Cooccurrences {
        Cooccurrences {
            window: self.window,
            weighting: self.weighting,
            symmetric: self.symmetric,
            memory: self.memory,
        }
    }

    /// Refuses what cannot be learned with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dim", self.dim, 1, 65_536)?;
        whole("epochs", self.epochs as usize, 1, 100_000)?;
        real("x_max", self.x_max, 1e-30, 1e30)?;
        real("alpha", self.alpha, 0.0, 5.0)?;
        real("eta", self.eta, 1e-6, 10.0)?;
        real("grad_clip", self.grad_clip, 1e-9, 1e6)?;
        self.counting().check()
    }

    /// The options of the training, for provenance; how it was counted is known of the counts.
    pub(super) fn in_force(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut options)) = serde_json::to_value(self) else { return Map::new() };
        options
            .retain(|name, _| !["window", "weighting", "symmetric", "memory"].contains(&&**name));
        options
    }

    /// The options as far as training depends on them: what is made of the vectors may be changed on the way.
    pub(super) fn trained_by(&self) -> Map<String, Value> {
        let mut options = self.in_force();
        options.retain(|name, _| !["vectors", "keep_context", "keep_gradsq"].contains(&&**name));
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_is_out_of_range_is_named() {
        let options = Glove::default;
        for (wrong, said) in [
            (Glove { dim: 0, ..options() }, "dim 0 is out of range"),
            (Glove { epochs: 0, ..options() }, "epochs 0 is out of range"),
            (Glove { x_max: 0.0, ..options() }, "x_max 0 is out of range"),
            (Glove { alpha: -1.0, ..options() }, "alpha -1 is out of range"),
            (Glove { eta: f64::NAN, ..options() }, "eta NaN is out of range"),
            (Glove { grad_clip: f64::INFINITY, ..options() }, "grad_clip inf is out of range"),
        ] {
            let error = wrong.check().unwrap_err();
            assert_eq!((error.kind(), error.message()), (Kind::Usage, said));
        }
        options().check().unwrap();
    }
}
