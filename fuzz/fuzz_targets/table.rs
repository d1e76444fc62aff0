//! CSV, TSV and JSON Lines as tables, with kinds, ids and vectors inferred; the first byte chooses.
#![no_main]
mod common;

use latlas::Run;
use latlas::data::{Format, OnBad, ReaderOptions, Sources, table};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, text @ ..] = bytes else { return };
    let path = common::file("table");
    std::fs::write(&path, text).unwrap();
    let format = Some([Format::Csv, Format::Tsv, Format::Jsonl][*choice as usize % 3]);
    let on_bad = if *choice < 128 { OnBad::Stop } else { OnBad::Skip };
    let options = ReaderOptions { format, on_bad, ..ReaderOptions::default() };
    if let Ok(table) = table(&Sources::file(&path), &options, &Run::silent(1)) {
        assert!(table.items.columns().iter().all(|c| c.values.len() == table.items.len()));
        assert!(table.vectors.is_none_or(|m| m.rows() == table.items.len()));
    }
});
