//! A table of phrases: what is accepted can be written and read again, and applied.
#![no_main]
mod common;

use latlas::data::Phrases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = common::file("phrases.tsv");
    std::fs::write(&path, bytes).unwrap();
    let Ok(phrases) = Phrases::read(&path) else { return };
    let words: Vec<&str> = phrases.iter().flat_map(|phrase| phrase.words.iter().map(String::as_str)).collect();
    assert!(phrases.apply(&words).len() <= words.len());
    phrases.save(&path).unwrap();
    assert_eq!(Phrases::read(&path).unwrap(), phrases);
});
