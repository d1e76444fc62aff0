//! fastText models, plain or compressed: read as a space, and used on a word and a text.
#![no_main]
mod common;

use latlas::Run;
use latlas::learn::classifier::{Labeller, Room};
use latlas::space::fasttext::{FastTextModel, Finding};
use latlas::space::formats::{Format, ImportOptions, read_bytes};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    common::vectors(bytes, Format::FasttextBin);
    let options = ImportOptions::default();
    let read = read_bytes("fuzz", bytes.to_vec(), Format::FasttextBin, &options, &Run::silent(1));
    let Ok(space) = read else { return };
    let model = FastTextModel::of(&space).unwrap().expect("a model");
    let (mut finding, mut vector) = (Finding::default(), vec![0.0; model.config().dim]);
    model.find("unheard", &mut finding);
    model.mean(&finding, &mut vector);
    if let Ok(labeller) = Labeller::new(model) {
        assert!(labeller.predict("one two", 3, 0.0, &mut Room::default()).len() <= 3);
    }
});
