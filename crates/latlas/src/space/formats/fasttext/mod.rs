//! fastText's `.bin`, version 12: vectors of words and all that places other words, as the official program and gensim
//! read and write it.
//!
//! ```text
//! i32 793712314 · i32 12                                                magic, version
//! i32 × 12: dim, window, epochs, min count, negative, word n-grams, loss, model, buckets, min n, max n, update rate
//! f64 sample
//! i32 entries, words, labels · i64 tokens · i64 pruned (−1: none)       dictionary
//! entries times:  name 0x00 · i64 count · i8 type (0 word, 1 label)     words first, then labels, by count
//! pruned times:  i32 bucket, row                                        the buckets that have a row
//! u8 quantised · i64 rows · i64 dim · f32 …                             input: words, then buckets
//! u8 quantised · i64 rows · i64 dim · f32 …                             output: words or labels
//! ```
//! All little-endian; a quantised matrix (`.ftz`, read only) is described in `quantised`. Loss: 1 hierarchical softmax, 2 negative sampling, 3 softmax, 4 one-vs-all. Model: 1 CBOW,
//! 2 skip-gram, 3 supervised. The n-grams of words are not in it: they follow from the words (`data::Ngrams`).

mod quantised;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

use crate::space::fasttext::{Loss, Task};

/// The first four bytes of every model.
const MAGIC: i32 = 793_712_314;
/// The only version there has been since 2017.
const VERSION: i32 = 12;
/// The types of entries of the dictionary.
const WORD: u8 = 0;
const LABEL: u8 = 1;

/// The codes of losses and models.
const LOSSES: [(i32, Loss); 4] = [(1, Loss::Hs), (2, Loss::Ns), (3, Loss::Softmax), (4, Loss::Ova)];
const TASKS: [(i32, Task); 3] = [(1, Task::Cbow), (2, Task::SkipGram), (3, Task::Supervised)];

/// Whether a file that begins like this is a fastText model.
pub(super) fn is_model(head: &[u8]) -> bool {
    head.starts_with(&MAGIC.to_le_bytes())
}
