//! Graphs of neighbours, ready ones (`.npz`) and kept ones (`.knn`): any bytes give an error or lists of neighbours.
#![no_main]

use latlas::Run;
use latlas::file::Bytes;
use latlas::index::Graph;
use latlas::space::GraphLists;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    if kind == 0
        && let Ok(graph) = Graph::from_npz(bytes, &Run::silent(1))
    {
        for i in 0..graph.len() {
            assert!(graph.neighbours(i).iter().all(|&j| (j as usize) < graph.len() && j as usize != i));
        }
    }
    if kind != 0
        && let Ok(lists) = GraphLists::from_bytes(Bytes::from(bytes.to_vec()))
        && lists.check().is_ok()
    {
        let (neighbours, distances) = (lists.neighbours().to_vec(), lists.distances().to_vec());
        Graph::new(lists.k(), neighbours, distances).unwrap();
    }
});
