//! word2vec binary, plain or compressed.
#![no_main]
mod common;

use latlas::space::formats::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::vectors(bytes, Format::Word2vecBin));
