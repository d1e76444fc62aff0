//! Vectors as text: the first byte chooses among word2vec, GloVe and projector.
#![no_main]
mod common;

use latlas::space::formats::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let [choice, text @ ..] = bytes {
        common::vectors(text, [Format::Word2vec, Format::Glove, Format::Projector][*choice as usize % 3]);
    }
});
