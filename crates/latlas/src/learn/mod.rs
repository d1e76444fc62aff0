//! Layer 6: learners. One paper, one folder or file: an options struct with `learn(&data, &run) -> Space`.

pub mod phrases;
mod sampler;
pub mod svd;
mod training;
pub mod word2vec;

use crate::error::Result;
use crate::run::Run;
use crate::space::Space;

pub use phrases::{Scoring, Word2Phrase};
pub use svd::Svd;
pub use word2vec::{Architecture, Word2Vec};

/// Something that learns a Space from data of its kind. The options are the learner; there is no other state.
pub trait Learn {
    /// What it reads.
    type Data: ?Sized;
    /// Learns a space. Options are checked first (`Usage` errors); cancelling through `run.progress` keeps a
    /// checkpoint where `run.checkpoint` names a place and gives an error of kind `Interrupted`.
    fn learn(&self, data: &Self::Data, run: &Run<'_>) -> Result<Space>;
}
