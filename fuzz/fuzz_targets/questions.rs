//! Question files of all kinds, asked of a small space: figures are numbers, and rest on no more than the file asks.
#![no_main]
mod common;

use latlas::Run;
use latlas::eval::words::{Options, evaluate};
use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = common::file("questions.txt");
    std::fs::write(&path, bytes).unwrap();
    let vectors = Matrix::new(6, 2, (0..12).map(|i| (i * 5 % 7) as f32).collect()).unwrap();
    let items = Items::from_ids(["a", "b", "c", "d", "e", "f"]).unwrap();
    let space = latlas::Space::builder("fuzz", items).field("main", Geometry::Cosine, vectors).build().unwrap();
    if let Ok((_, scores)) = evaluate(&space, &path, &Options::default(), &Run::silent(1)) {
        assert!(scores.iter().all(|s| s.value.is_finite() && s.n > 0 && s.coverage <= 1.0));
    }
});
