//! How a graph index is built.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What an index is made of. `docs/hnsw.md` says what each choice costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswOptions {
    /// How vectors are held for the way through the graph; answers are always measured on the vectors themselves.
    pub precision: Precision,
    /// Links of each vector at most (twice M of the paper), 4 to 256: more find more, in more memory (4 bytes each).
    pub links: usize,
    /// Nearest neighbours that links are chosen from, at least `links / 2`. More: better links, a longer build.
    pub candidates: usize,
    /// How much nearer to a chosen neighbour than to the vector itself another has to be to be left out: its distance times this.
    /// 1 to 2; more keep more links to what lies in the same direction (α of Vamana).
    pub alpha: f64,
}

/// How vectors are held for the way through the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// Bytes where these tell neighbours apart, else whole numbers.
    Auto,
    /// 32-bit floats.
    Full,
    /// One byte a component: a quarter of the memory, and several times as fast.
    Bytes,
    /// One bit a component, after a turn at random: a thirtieth of the memory. For vectors of some hundred numbers and more.
    Bits,
}

impl Precision {
    /// What vectors are held as, in a word: "floats", "bytes" or "bits".
    pub fn held_as(self) -> &'static str {
        match self {
            Precision::Auto | Precision::Full => "floats",
            Precision::Bytes => "bytes",
            Precision::Bits => "bits",
        }
    }
}

impl Default for HnswOptions {
    fn default() -> Self {
        HnswOptions { precision: Precision::Auto, links: 32, candidates: 48, alpha: 1.2 }
    }
}

impl HnswOptions {
    pub(super) fn check(&self) -> Result<()> {
        if !(4..=256).contains(&self.links) {
            return Err(Error::usage(format!("links = {} is out of range", self.links))
                .help("take 4 to 256: 32 suits most vectors"));
        }
        if self.candidates < self.links / 2 || self.candidates > 1024 {
            return Err(Error::usage(format!("candidates = {} is out of range", self.candidates))
                .help(format!("take {} to 1024: half the links, or more", self.links / 2)));
        }
        if !(1.0..=2.0).contains(&self.alpha) {
            return Err(
                Error::usage(format!("alpha = {} is out of range", self.alpha)).help("take 1 to 2")
            );
        }
        Ok(())
    }
}
