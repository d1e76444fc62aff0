//! Text (plain or TSV; the first byte chooses) to a corpus: every id stands in the vocabulary.
#![no_main]
mod common;

use latlas::Run;
use latlas::data::{CorpusOptions, Format, ReaderOptions, Sources, Tokenizer, documents, encode};
use latlas::items::Sequences;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, text @ ..] = bytes else { return };
    let path = common::file("corpus");
    std::fs::write(&path, text).unwrap();
    let format = Some(if choice % 2 == 0 { Format::Text } else { Format::Tsv });
    let tokenizer = if choice & 2 == 0 { Tokenizer::Words } else { Tokenizer::Whitespace };
    let (run, sources) = (Run::silent(1), Sources::file(&path));
    let reader = ReaderOptions { format, ..ReaderOptions::default() };
    let options = CorpusOptions { tokenizer, min_count: 1, ..CorpusOptions::default() };
    let Ok(documents) = documents(&sources, &reader, &run) else { return };
    if let Ok(corpus) = encode(documents, &options, &path.with_file_name(""), None, &run) {
        let ids = corpus.sequences.as_slice().iter().filter(|id| **id != Sequences::END);
        assert_eq!(ids.clone().count() as u64, corpus.vocabulary.tokens());
        assert!(ids.into_iter().all(|id| (*id as usize) < corpus.vocabulary.len()));
    }
});
