//! Relations, counts and encoded corpora: any bytes give an error, or links and ids within range.
#![no_main]

use latlas::data::{Corpus, Counts};
use latlas::file::Bytes;
use latlas::items::Relations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = Bytes::from(bytes.to_vec());
    if let Ok(relations) = Relations::from_bytes(bytes.clone()) {
        for (source, target, weight) in relations.iter() {
            assert!((source as usize) < relations.sources() && (target as usize) < relations.targets());
            assert!(weight.is_finite());
        }
    }
    if let Ok(counts) = Counts::from_bytes(bytes.clone()) {
        assert_eq!(counts.vocabulary.len(), counts.relations.sources());
    }
    if let Ok(corpus) = Corpus::from_bytes(bytes) {
        let words = corpus.vocabulary.len();
        assert!(corpus.sequences.iter().flatten().all(|&id| (id as usize) < words));
    }
});
