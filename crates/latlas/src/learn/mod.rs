//! Layer 6: learners. One paper, one folder or file: an options struct with `learn(&data, &run) -> Space`.

pub mod classifier;
pub mod doc2vec;
pub mod documents;
mod earlier;
pub mod fasttext;
pub mod glove;
mod huffman;
pub mod means;
pub mod phrases;
pub(crate) mod ranges;
mod sampler;
pub mod svd;
mod training;
pub mod word2vec;
mod words;

use crate::error::Result;
use crate::run::Run;
use crate::space::{Registry, Space};

pub use classifier::Classifier;
pub use doc2vec::{Doc2Vec, Doc2VecModel, DocumentCorpus};
pub use fasttext::FastText;
pub use glove::{Glove, GloveContinuation, Vectors};
pub use means::{Means, MeansMethod};
pub use phrases::{Scoring, Word2Phrase};
pub use svd::Svd;
pub use word2vec::{Architecture, Continuation, Loss, Negatives, Weighting, Word2Vec};

/// Something that learns a Space from data of its kind. The options are the learner; there is no other state.
pub trait Learn {
    /// What it reads.
    type Data: ?Sized;
    /// Learns a space. Options are checked first (`Usage` errors); cancelling through `run.progress` keeps a
    /// checkpoint where `run.checkpoint` names a place and gives an error of kind `Interrupted`.
    fn learn(&self, data: &Self::Data, run: &Run<'_>) -> Result<Space>;
}

/// Makes the encoders of this library's learners known to a registry.
pub fn register(registry: &mut Registry) {
    crate::space::fasttext::register(registry);
    doc2vec::register(registry);
    means::register(registry);
}
