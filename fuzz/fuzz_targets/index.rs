//! Files of indexes (`.hnsw`): any bytes give an error or an index whose answers are rows of the space.
#![no_main]

use latlas::Space;
use latlas::file::Bytes;
use latlas::geometry::Geometry;
use latlas::index::{Hnsw, Index, Query};
use latlas::items::Items;
use latlas::linalg::Matrix;

const ROWS: usize = 40;
const DIM: usize = 3;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let ids: Vec<String> = (0..ROWS).map(|i| i.to_string()).collect();
    let numbers = (0..ROWS * DIM).map(|i| (i * i % 17) as f32).collect();
    let vectors = Matrix::new(ROWS, DIM, numbers).unwrap();
    let space = Space::builder("fuzz", Items::from_ids(&ids).unwrap());
    let space = space.field("main", Geometry::Euclidean, vectors).build().unwrap();
    if let Ok(index) = Hnsw::from_bytes(&space, "main", Bytes::from(bytes.to_vec())) {
        for effort in [1, 20] {
            let q = Query::nearest(5).with_effort(effort);
            for hit in index.search(&[1.0, -2.0, 300.0], &q).unwrap() {
                assert!(space.is_live(hit.row));
            }
        }
    }
});
