//! Builds graph indexes of an .npy matrix and times searches in them, for `bench/compare/index.py` and `filters.py`:
//!
//! ```text
//! cargo run --release -p latlas --example index_bench -- vectors.npy queries.npy cosine|euclidean|dot [K]
//! ```
//!
//! Reads "ready", "build THREADS [OPTIONS as JSON]", "search EFFORT" or "allow FILE" from standard input, a line at a time, and answers
//! each with one line of JSON: the seconds taken, and of searches (one after the other, on one thread) the rows found. "allow" lets
//! later searches answer only the rows of a file of numbers of 32 bits.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use latlas::error::{Error, Result};
use latlas::geometry::Measure;
use latlas::index::{Bitmap, Hnsw, HnswOptions, Index, Query};
use latlas::linalg::Matrix;
use latlas::space::npy;
use latlas::{Row, Run, Silent};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, queries, measure, rest @ ..] = &args[..] else {
        return Err(Error::usage("index_bench VECTORS.npy QUERIES.npy cosine|euclidean|dot [K]"));
    };
    let number =
        |text: &str| text.parse().map_err(|_| Error::usage(format!("'{text}' is no number")));
    let k = rest.first().map_or(Ok(10), |text| number(text))?;
    let measure: Measure = measure.parse()?;
    let (vectors, queries) = (Arc::new(matrix(vectors)?), matrix(queries)?);
    let (mut index, mut filter) = (None, None);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Error::io("read", "-", &e))?;
        let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let start = Instant::now();
        let answer = match (what, &index) {
            ("ready", _) => Vec::new(),
            ("build", _) => {
                let (threads, options) = rest.split_once(' ').unwrap_or((rest, "{}"));
                let options: HnswOptions =
                    serde_json::from_str(options).map_err(|e| Error::usage(e.to_string()))?;
                let run = Run {
                    seed: 42,
                    threads: number(threads)?,
                    progress: &Silent,
                    checkpoint: None,
                };
                index = Some(Hnsw::over(vectors.clone(), measure, &options, &run)?);
                Vec::new()
            }
            ("search", Some(index)) => {
                let q = Query { filter: filter.clone(), ..Query::nearest(k) };
                let q = q.with_effort(number(rest)?);
                queries
                    .iter_rows()
                    .map(|point| index.search(point, &q))
                    .collect::<Result<Vec<_>>>()?
            }
            ("allow", _) => {
                let bytes = std::fs::read(rest).map_err(|e| Error::io("read", rest, &e))?;
                let rows = bytes.as_chunks::<4>().0.iter().map(|&row| Row(u32::from_le_bytes(row)));
                filter = Some(Arc::new(Bitmap::of(vectors.rows(), rows)));
                Vec::new()
            }
            _ => {
                return Err(Error::usage(format!("'{line}' is not ready, build, search or allow")));
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let rows: Vec<Vec<u32>> =
            answer.iter().map(|hits| hits.iter().map(|hit| hit.row.0).collect()).collect();
        let json = serde_json::json!({
            "seconds": seconds,
            "precision": index.as_ref().map(Hnsw::precision),
            "rows": rows,
        });
        writeln!(out, "{json}")
            .and_then(|()| out.flush())
            .map_err(|e| Error::io("write", "-", &e))?;
    }
    Ok(())
}

fn matrix(path: &str) -> Result<Matrix> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, &e))?;
    npy::matrix(&bytes).map_err(|e| e.context(path))
}
