//! Logs of changes (`.wal`): any bytes give an error or changes that can be made.
#![no_main]

use latlas::Space;
use latlas::geometry::Geometry;
use latlas::items::{ColumnKind, Items, json};
use latlas::linalg::Matrix;
use latlas::space::read_log;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let year = json::column("n", ColumnKind::Number, None, &[None, None, None]).unwrap();
    let lang = json::column("lang", ColumnKind::Category, None, &[None, None, None]).unwrap();
    let items = Items::from_ids(["cat", "dog", "şey"]).unwrap();
    let items = items.with_column(lang).unwrap().with_column(year).unwrap();
    let vectors = Matrix::new(3, 3, vec![0.5; 9]).unwrap();
    let space = Space::builder("fuzz", items).field("main", Geometry::Cosine, vectors);
    let space = space.build().unwrap();
    if let Ok(logged) = read_log(bytes, 1, &space) {
        assert!(logged.torn <= bytes.len() && logged.changes.len() <= bytes.len());
    }
});
