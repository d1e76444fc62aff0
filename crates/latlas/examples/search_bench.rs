//! Times exact searches over an .npy matrix, for `bench/compare/search.py`:
//!
//! ```text
//! cargo run --release -p latlas --example search_bench -- vectors.npy queries.npy cosine|euclidean|dot [K]
//! ```
//!
//! Reads "one", "batch THREADS" or "knn THREADS" from standard input, a line at a time, and answers each with one
//! line of JSON: the seconds taken and, for the first two, the rows found and their distances.

use std::io::{BufRead, Write};
use std::time::Instant;

use latlas::error::{Error, Result};
use latlas::geometry::Measure;
use latlas::index::{Exact, Hit, Index, Query};
use latlas::linalg::Matrix;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, queries, measure, rest @ ..] = &args[..] else {
        return Err(Error::usage("search_bench VECTORS.npy QUERIES.npy cosine|euclidean|dot [K]"));
    };
    let number =
        |text: &String| text.parse().map_err(|_| Error::usage(format!("'{text}' is no number")));
    let k = rest.first().map_or(Ok(10), number)?;
    let measure: Measure = measure.parse()?;
    let queries = npy(queries)?;
    let index = Exact::over(npy(vectors)?, measure)?;
    let q = Query::nearest(k);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Error::io("read", "-", &e))?;
        let (what, threads) = line.split_once(' ').unwrap_or((&line, "1"));
        let threads = threads.parse().unwrap_or(1);
        let start = Instant::now();
        let answer = match what {
            "one" => queries
                .iter_rows()
                .map(|point| index.search(point, &q))
                .collect::<Result<Vec<_>>>()?,
            "batch" => index.search_batch(&queries, &q, threads)?,
            "knn" => {
                index.knn(k, threads)?;
                Vec::new()
            }
            _ => return Err(Error::usage(format!("'{line}' is neither one, batch nor knn"))),
        };
        let seconds = start.elapsed().as_secs_f64();
        let column = |of: fn(&Hit) -> f64| -> Vec<Vec<f64>> {
            answer.iter().map(|hits| hits.iter().map(of).collect()).collect()
        };
        let json = serde_json::json!({
            "seconds": seconds,
            "rows": column(|hit| f64::from(hit.row.0)),
            "distances": column(|hit| f64::from(hit.distance)),
        });
        writeln!(out, "{json}")
            .and_then(|()| out.flush())
            .map_err(|e| Error::io("write", "-", &e))?;
    }
    Ok(())
}

/// A little-endian f32 matrix as NumPy writes it.
fn npy(path: &str) -> Result<Matrix> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, &e))?;
    let bad = || {
        Error::data(format!("{path}: not an .npy file of version 1, C order, <f4, two dimensions"))
    };
    let length =
        bytes.get(8..10).map(|b| usize::from(b[0]) + 256 * usize::from(b[1])).ok_or_else(bad)?;
    let header =
        bytes.get(10..10 + length).and_then(|h| std::str::from_utf8(h).ok()).ok_or_else(bad)?;
    if !header.contains("'<f4'") || !header.contains("'fortran_order': False") {
        return Err(bad());
    }
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .ok_or_else(bad)?
        .0;
    let sides: Vec<usize> = shape.split(',').filter_map(|side| side.trim().parse().ok()).collect();
    let [rows, cols] = sides[..] else { return Err(bad()) };
    let numbers =
        bytes[10 + length..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Matrix::new(rows, cols, numbers.collect())
}
