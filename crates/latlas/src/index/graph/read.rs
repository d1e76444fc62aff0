//! Graphs that were computed elsewhere: scikit-learn, pynndescent, faiss and the like.
//!
//! | file | holds |
//! |---|---|
//! | `.npz` of `indices` and `distances` | two arrays [n, k]: the neighbours of each point, and how far they are |
//! | `.npz` of a SciPy sparse matrix (CSR) | row i: the distances of i to its neighbours (`scipy.sparse.save_npz`) |
//! | table: Parquet, Arrow, CSV, … | columns `source`, `target`, `distance`, one row a link |
//!
//! Points are numbered from 0 in the order of the live items. Lists may come in any order and hold the point itself, which
//! is left out; what else is wrong with them is refused by [`Graph::new`].

use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};

use super::Graph;
use crate::data::{ReaderOptions, Sources, table};
use crate::error::{Error, Result};
use crate::file::Bytes;
use crate::items::ColumnKind;
use crate::run::Run;
use crate::space::npy;
use crate::space::npz::Npz;

impl Graph {
    /// Reads a ready graph of so many points. Where lists differ in length, the nearest of each are kept, as many as the
    /// shortest has, and a warning says so.
    pub fn read(path: &Path, points: usize, run: &Run) -> Result<Graph> {
        let npz = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"));
        let graph = if npz {
            Self::from_npz(&Bytes::map(path)?, run)
        } else {
            links_of(path, points, run)?.graph(run)
        };
        let graph = graph.map_err(|e| e.context(path.display()))?;
        if graph.len() != points {
            return Err(Error::data(format!(
                "{}: a graph of {} points, for {points} items",
                path.display(),
                graph.len()
            ))
            .help("its points are the live items of the space, in order"));
        }
        Ok(graph)
    }

    /// A ready graph out of the bytes of an `.npz` file.
    pub fn from_npz(bytes: &[u8], run: &Run) -> Result<Graph> {
        let npz = Npz::new(bytes)?;
        if npz.has("indptr") { sparse(&npz)?.graph(run) } else { dense(&npz)?.graph(run) }
    }
}

/// Links, those of point i in the places `starts[i]` to `starts[i + 1]`.
struct Links {
    starts: Vec<usize>,
    others: Vec<u32>,
    distances: Vec<f32>,
}

impl Links {
    fn graph(self, run: &Run) -> Result<Graph> {
        let n = self.starts.len().saturating_sub(1);
        if n < 2 {
            return Err(Error::data(format!("a graph of {n} points has no neighbours")));
        }
        let list = |i: usize| {
            let range = self.starts[i]..self.starts[i + 1];
            let others = &self.others[range.clone()];
            let links = others.iter().copied().zip(self.distances[range].iter().copied());
            links.filter(move |&(other, _)| other as usize != i)
        };
        let lengths = || (0..n).map(|i| (list(i).count(), i));
        let (Some((k, least)), Some((most, _))) = (lengths().min(), lengths().max()) else {
            return Err(Error::data("a graph without points"));
        };
        if k == 0 {
            return Err(Error::data(format!("neighbours of point {least}: none")));
        }
        if k < most {
            run.progress.warn(&format!(
                "the points have {k} to {most} neighbours: the nearest {k} of each are kept"
            ));
        }
        let (mut neighbours, mut distances) =
            (Vec::with_capacity(n * k), Vec::with_capacity(n * k));
        let mut sorted: Vec<(u32, f32)> = Vec::new();
        for i in 0..n {
            sorted.clear();
            sorted.extend(list(i));
            sorted.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            neighbours.extend(sorted[..k].iter().map(|link| link.0));
            // One zero: −0 is no negative distance.
            distances.extend(sorted[..k].iter().map(|link| link.1 + 0.0));
        }
        Graph::new(k, neighbours, distances)
    }
}

/// A number of a point, if it is one.
fn point(number: i64, of: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| {
        let error = Error::data(format!("neighbours of point {of}: point {number}"));
        if number < 0 {
            error.help("a search that came up short left it: look again")
        } else {
            error
        }
    })
}

/// Arrays `indices` and `distances`.
fn dense(npz: &Npz<'_>) -> Result<Links> {
    let (indices, [n, k]) =
        npy::integers(&npz.array("indices")?).map_err(|e| e.context("indices"))?;
    let distances = npy::matrix(&npz.array("distances")?).map_err(|e| e.context("distances"))?;
    if (distances.rows(), distances.cols()) != (n, k) {
        return Err(Error::data(format!(
            "indices of shape [{n}, {k}] and distances of shape [{}, {}]",
            distances.rows(),
            distances.cols()
        )));
    }
    let others = indices.iter().enumerate().map(|(i, &number)| point(number, i / k.max(1)));
    Ok(Links {
        starts: (0..=n).map(|i| i * k).collect(),
        others: others.collect::<Result<_>>()?,
        distances: distances.as_slice().to_vec(),
    })
}

/// The parts of a sparse matrix in compressed rows.
fn sparse(npz: &Npz<'_>) -> Result<Links> {
    let numbers = |name: &str| {
        npy::integers(&npz.array(name)?).map(|(numbers, _)| numbers).map_err(|e| e.context(name))
    };
    if npz.has("format") {
        let format = npz.array("format")?;
        // Three letters, as bytes or as UTF-32.
        let letters: Vec<u8> = format.iter().rev().copied().filter(|&b| b != 0).take(3).collect();
        if letters != *b"rsc" {
            return Err(Error::data("a sparse matrix that is not in compressed rows (csr)")
                .help("in SciPy: scipy.sparse.save_npz(path, matrix.tocsr())"));
        }
    }
    let (starts, indices) = (numbers("indptr")?, numbers("indices")?);
    let data = npy::matrix(&npz.array("data")?).map_err(|e| e.context("data"))?;
    let rising = starts.first() == Some(&0)
        && starts.windows(2).all(|pair| pair[0] <= pair[1])
        && starts.last() == Some(&(indices.len() as i64));
    if !rising || data.as_slice().len() != indices.len() {
        return Err(Error::data(format!(
            "indptr, indices and data do not fit: {} rows, {} columns, {} numbers",
            starts.len().saturating_sub(1),
            indices.len(),
            data.as_slice().len()
        )));
    }
    let starts: Vec<usize> = starts.iter().map(|&start| start as usize).collect();
    let mut others = Vec::with_capacity(indices.len());
    for (i, range) in starts.windows(2).enumerate() {
        for &number in &indices[range[0]..range[1]] {
            others.push(point(number, i)?);
        }
    }
    Ok(Links { starts, others, distances: data.as_slice().to_vec() })
}

/// A table of links between `points` points.
fn links_of(path: &Path, points: usize, run: &Run) -> Result<Links> {
    let columns = ["source", "target", "distance"];
    let kinds = [ColumnKind::Integer, ColumnKind::Integer, ColumnKind::Number];
    let options = ReaderOptions {
        id: Some("row".into()),
        keep: columns.map(str::to_owned).to_vec(),
        types: columns.map(str::to_owned).into_iter().zip(kinds).collect(),
        ..ReaderOptions::default()
    };
    let links = table(&Sources::file(path), &options, run)?.items;
    let column = |name: &str| {
        let column = links.column(name).filter(|column| column.values.null_count() == 0);
        column.ok_or_else(|| {
            Error::data(format!("{}: no column '{name}' without gaps", path.display()))
                .help("a table of links has the columns source, target and distance")
        })
    };
    let number = |name: &str| Ok::<_, Error>(column(name)?.values.as_primitive::<Int64Type>());
    let (sources, targets) = (number("source")?.values(), number("target")?.values());
    let distances = column("distance")?.values.as_primitive::<Float64Type>().values();
    let place = |number: i64, row: usize| {
        usize::try_from(number).ok().filter(|&point| point < points).ok_or_else(|| {
            Error::data(format!(
                "{}, row {}: point {number}, of {points} that are numbered from 0",
                path.display(),
                row + 1
            ))
        })
    };
    let mut starts = vec![0; points + 1];
    for (row, &source) in sources.iter().enumerate() {
        starts[place(source, row)? + 1] += 1;
    }
    for i in 0..points {
        starts[i + 1] += starts[i];
    }
    let mut free = starts.clone();
    let (mut others, mut lengths) = (vec![0; sources.len()], vec![0.0; sources.len()]);
    for (row, ((&source, &target), &distance)) in
        sources.iter().zip(targets.iter()).zip(distances.iter()).enumerate()
    {
        let at = &mut free[place(source, row)?];
        (others[*at], lengths[*at]) = (place(target, row)? as u32, distance as f32);
        *at += 1;
    }
    Ok(Links { starts, others, distances: lengths })
}
