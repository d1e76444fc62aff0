//! Bodies of requests: any bytes give an error or a body, and items that are given fit the space or are refused. The first byte says which body.
#![no_main]

use latlas::Space;
use latlas::geometry::Geometry;
use latlas::items::{ColumnKind, Filter, Items, json};
use latlas::linalg::Matrix;
use latlas::space::Given;
use latlas_server::bodies::{DeleteBody, EmbeddingsBody, ProbeBody, PutBody, SearchBody};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else { return };
    match which % 5 {
        0 => {
            let columns = [("year".to_owned(), ColumnKind::Integer)];
            if let Ok(SearchBody { filter: Some(filter), .. }) = serde_json::from_slice(body) {
                let _ = Filter::parse(&filter, &columns);
            }
        }
        1 => {
            if let Ok(PutBody { points }) = serde_json::from_slice(body) {
                put(points);
            }
        }
        2 => drop(serde_json::from_slice::<DeleteBody>(body)),
        3 => drop(serde_json::from_slice::<ProbeBody>(body)),
        _ => drop(serde_json::from_slice::<EmbeddingsBody>(body)),
    }
});

fn put(points: Vec<latlas_server::bodies::Point>) {
    let mut items = Items::from_ids(["a"]).unwrap();
    for (name, kind) in [("year", ColumnKind::Integer), ("seen", ColumnKind::Time), ("tags", ColumnKind::List)] {
        items = items.with_column(json::column(name, kind, None, &[None]).unwrap()).unwrap();
    }
    let vectors = Matrix::new(1, 2, vec![1.0; 2]).unwrap();
    let space = Space::builder("fuzz", items).field("main", Geometry::Cosine, vectors).build().unwrap();
    let given = points.into_iter().map(|point| {
        let mut vectors = point.vectors;
        vectors.extend(point.vector.map(|vector| ("main".to_owned(), vector)));
        Given { id: point.id, vectors, columns: point.columns }
    });
    let given: Vec<Given> = given.collect();
    if let Ok(points) = space.points(&given) {
        assert_eq!(points.len(), given.len());
    }
}
