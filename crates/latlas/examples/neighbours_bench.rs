//! Times graphs of nearest neighbours over an .npy matrix, for `bench/compare/neighbours.py`:
//!
//! ```text
//! cargo run --release -p latlas --example neighbours_bench -- vectors.npy cosine|euclidean
//! ```
//!
//! Reads `{"threads": N, "options": {…}, "show": [points]}` from standard input, a line at a time (`options` are those of
//! `NeighbourOptions`), and answers each with one line of JSON: the seconds taken, the recall measured on 1000 points
//! outside of that time if `"recall": true`, and the neighbours of the points to show.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use latlas::error::{Error, Result};
use latlas::file::Bytes;
use latlas::geometry::Geometry;
use latlas::index::{Graph, NeighbourOptions};
use latlas::run::Run;
use latlas::space::npy;
use serde::Deserialize;

/// One line of the input.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Question {
    threads: usize,
    options: NeighbourOptions,
    show: Vec<usize>,
    recall: bool,
}

impl Default for Question {
    fn default() -> Self {
        let options = NeighbourOptions::default();
        Question { threads: 1, options, show: Vec::new(), recall: false }
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, geometry] = &args[..] else {
        return Err(Error::usage("neighbours_bench VECTORS.npy cosine|euclidean"));
    };
    let geometry: Geometry = serde_json::from_value(geometry.as_str().into())
        .map_err(|e| Error::usage(format!("{geometry}: {e}")))?;
    let points = npy::matrix(&Bytes::map(Path::new(vectors))?)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Error::io("read", "-", &e))?;
        let question: Question =
            serde_json::from_str(&line).map_err(|e| Error::usage(format!("{line}: {e}")))?;
        let run = Run { threads: question.threads, ..Run::silent(42) };
        let options = NeighbourOptions { recall_sample: 0, ..question.options };
        let start = Instant::now();
        let graph = Graph::of(&points, geometry, &options, &run)?;
        let seconds = start.elapsed().as_secs_f64();
        let recall = if question.recall {
            Some(graph.measured(&points, geometry, 1000, &run)?)
        } else {
            None
        };
        let shown: Vec<&[u32]> = question.show.iter().map(|&i| graph.neighbours(i)).collect();
        let json = serde_json::json!({ "seconds": seconds, "recall": recall, "neighbours": shown });
        writeln!(out, "{json}")
            .and_then(|()| out.flush())
            .map_err(|e| Error::io("write", "-", &e))?;
    }
    Ok(())
}
