//! The rows of a text, as a classifier takes them.

use super::{FastTextModel, Finding, LINE_END};
use crate::data::{Tokenizer, Tokens, hash, word_ngrams};

/// Room for taking a text apart.
#[derive(Debug, Default)]
pub struct TextFinding {
    tokens: Tokens,
    hashes: Vec<u32>,
    word: Finding,
    /// The rows of the text.
    pub found: Finding,
}

impl FastTextModel {
    /// Finds the rows of a text: those of its words, in the vocabulary or not, of the end of the text, and of its runs
    /// of words. The text is cut into words as those were that the model was learned from.
    pub fn find_text(&self, text: &str, room: &mut TextFinding) {
        let TextFinding { tokens, hashes, word, found } = room;
        found.rows.clear();
        found.count = 0;
        hashes.clear();
        tokens.clear();
        let config = self.config();
        let tokenizer = config.tokenizer.unwrap_or(Tokenizer::Whitespace);
        tokenizer.tokens(config.lowercase, text, tokens);
        for token in tokens.iter().chain([LINE_END]) {
            self.find(token, word);
            found.rows.extend(&word.rows);
            found.count += word.count;
            hashes.push(hash(token.as_bytes()));
        }
        word_ngrams(hashes, config.word_ngrams as usize, config.buckets, |bucket| {
            self.take(bucket, &mut found.rows, &mut found.count);
        });
    }
}
