//! A corpus ready to be learned from: a vocabulary and its encoded sequences.

use serde_json::Value;

use crate::items::Sequences;

/// The words that were kept, most frequent first, ties by spelling; a word's place is its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// The words.
    pub words: Vec<String>,
    /// How often each stands in the corpus.
    pub counts: Vec<u64>,
}

impl Vocabulary {
    /// How many words were kept.
    pub fn len(&self) -> usize {
        self.words.len()
    }
    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
    /// How many tokens the kept words stand for.
    pub fn tokens(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Text as learners read it.
#[derive(Clone)]
pub struct Corpus {
    /// The words.
    pub vocabulary: Vocabulary,
    /// The text as ids into `vocabulary`, unknown words left out, sequences of at most 10,000 ids.
    pub sequences: Sequences,
    /// What was read, for provenance: paths as given, bytes, xxh3 of the content.
    pub sources: Vec<Value>,
    /// How the text was tokenised and the vocabulary cut, for provenance.
    pub options: serde_json::Map<String, Value>,
    /// A number that differs when the corpus does; a checkpoint remembers it.
    pub fingerprint: u64,
}
