//! Layer 3: readers. Files, folders, patterns and standard input become items or a corpus.

mod corpus;

pub use corpus::{Corpus, Vocabulary};
