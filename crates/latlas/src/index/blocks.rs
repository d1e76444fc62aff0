//! The vectors behind an exact index: where they are, in what blocks they are read, and what is known of each row.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::geometry::Measure;
use crate::kernels;
use crate::linalg::Matrix;
use crate::space::{Field, Row, Rows};

/// Rows whose norms lie outside this range (zero aside) could overflow or vanish when squared in f32. They are left
/// to the f64 path, see [`Vectors::odd`].
pub(super) const TAME: Range<f64> = 1e-15..1e15;

/// The numbers themselves.
#[derive(Clone)]
pub(super) enum Source {
    Field(Field),
    Matrix(Arc<Matrix>),
}

impl Source {
    pub(super) fn rows(&self) -> usize {
        match self {
            Source::Field(field) => field.rows(),
            Source::Matrix(matrix) => matrix.rows(),
        }
    }

    pub(super) fn dim(&self) -> usize {
        match self {
            Source::Field(field) => field.dim(),
            Source::Matrix(matrix) => matrix.cols(),
        }
    }

    /// Copies (and widens) one row.
    pub(super) fn read(&self, row: Row, out: &mut [f32]) {
        match self {
            Source::Field(field) => field.read(row, out),
            Source::Matrix(matrix) => out.copy_from_slice(matrix.row(row.index())),
        }
    }

    /// Calls `each` with consecutive blocks of whole rows: the first row's number, and the numbers row after row,
    /// in place where they are f32. Blocks depend on the data's shape alone.
    pub(super) fn for_each_block(&self, mut each: impl FnMut(usize, &[f32])) {
        let dim = self.dim().max(1);
        let block = block_rows(dim) * dim;
        let mut cut = |first: usize, numbers: &[f32]| {
            for (i, rows) in numbers.chunks(block).enumerate() {
                each(first + i * block / dim, rows);
            }
        };
        match self {
            Source::Matrix(matrix) => cut(0, matrix.as_slice()),
            Source::Field(field) => {
                let mut wide = Vec::new();
                for (first, rows) in field.segments() {
                    match rows {
                        Rows::F32(numbers) => cut(first.index(), numbers),
                        Rows::F16(halves) => {
                            for (i, halves) in halves.chunks(block).enumerate() {
                                wide.clear();
                                wide.extend(halves.iter().map(|h| h.to_f32()));
                                cut(first.index() + i * block / dim, &wide);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many rows of `dim` numbers make a block: about 64 KiB, a multiple of the kernels' panels.
fn block_rows(dim: usize) -> usize {
    (16_384 / dim).clamp(kernels::LANES, 1024).next_multiple_of(kernels::LANES)
}

/// The vectors of an index with what a search wants to know of every row.
pub(super) struct Vectors {
    pub(super) source: Source,
    pub(super) measure: Measure,
    /// 1/‖row‖, 0 for zero rows; only under cosine.
    pub(super) inverse_norms: Vec<f32>,
    /// Rows that f32 arithmetic cannot rank (too long, too short, NaN), in order. Searches skip them at first and
    /// then measure each in f64.
    pub(super) odd: Vec<Row>,
    /// The longest norm of a row that is not odd.
    pub(super) longest: f32,
}

impl Vectors {
    /// Reads every row once, in parallel.
    pub(super) fn new(source: Source, measure: Measure, threads: usize) -> Result<Self> {
        let (rows, dim) = (source.rows(), source.dim());
        if u32::try_from(rows).is_err() {
            return Err(Error::data(format!(
                "{rows} rows are more than the {} an index can hold",
                u32::MAX
            )));
        }
        let mut squared = vec![0.0_f32; rows];
        match &source {
            Source::Matrix(matrix) => norms(matrix.as_slice(), dim, &mut squared, threads)?,
            Source::Field(field) => {
                for (first, numbers) in field.segments() {
                    let out = &mut squared[first.index()..];
                    match numbers {
                        Rows::F32(numbers) => norms(numbers, dim, out, threads)?,
                        Rows::F16(halves) => {
                            // A block at a time: the wide copy of a whole segment may not fit.
                            let mut wide = Vec::new();
                            let block = 64 * block_rows(dim.max(1));
                            for (halves, out) in
                                halves.chunks(block * dim.max(1)).zip(out.chunks_mut(block))
                            {
                                wide.clear();
                                wide.extend(halves.iter().map(|h| h.to_f32()));
                                norms(&wide, dim, out, threads)?;
                            }
                        }
                    }
                }
            }
        }
        let mut vectors =
            Vectors { source, measure, inverse_norms: Vec::new(), odd: Vec::new(), longest: 0.0 };
        let tame = (TAME.start * TAME.start) as f32..(TAME.end * TAME.end) as f32;
        let mut row = vec![0.0; dim];
        for (i, squared) in squared.iter_mut().enumerate() {
            if tame.contains(squared) {
                vectors.longest = vectors.longest.max(*squared);
                *squared = 1.0 / squared.sqrt();
                continue;
            }
            let id = Row(i as u32);
            vectors.source.read(id, &mut row);
            if row.iter().any(|&x| x != 0.0) {
                vectors.odd.push(id);
            }
            *squared = 0.0;
        }
        vectors.longest = vectors.longest.sqrt();
        if measure == Measure::Cosine {
            vectors.inverse_norms = squared;
        }
        Ok(vectors)
    }

    pub(super) fn dim(&self) -> usize {
        self.source.dim()
    }

    /// The ranks of consecutive rows starting at `first` for a point as [`Vectors::probe`] prepares it.
    pub(super) fn ranks(&self, probe: &[f32], first: usize, rows: &[f32], out: &mut [f32]) {
        match self.measure {
            Measure::Euclidean => kernels::l2_rows(probe, rows, out),
            Measure::Dot => kernels::dot_rows(probe, rows, out),
            Measure::Cosine => {
                kernels::dot_rows(probe, rows, out);
                for (rank, scale) in out.iter_mut().zip(&self.inverse_norms[first..]) {
                    *rank *= scale;
                }
            }
        }
    }

    /// The point as the kernels want it, so that a smaller rank is closer: −p/‖p‖ for cosine, −p for the dot product,
    /// p for Euclidean distance. `None` if f32 arithmetic cannot rank by it.
    pub(super) fn probe(&self, point: &[f32]) -> Option<Vec<f32>> {
        let norm = point.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        let tame = norm == 0.0 || TAME.contains(&norm);
        match self.measure {
            Measure::Cosine if norm == 0.0 => Some(vec![0.0; point.len()]),
            Measure::Cosine => Some(point.iter().map(|&x| (-f64::from(x) / norm) as f32).collect()),
            Measure::Dot => tame.then(|| point.iter().map(|x| -x).collect()),
            Measure::Euclidean => tame.then(|| point.to_vec()),
        }
    }

    /// A rank that no row can exceed if its true distance is at most that of a row of this rank.
    ///
    /// With u = 2⁻²⁴, a sum of d products in any order is off by at most γ·Σ|aᵢbᵢ|, γ ≈ d·u (Higham, Accuracy and
    /// Stability of Numerical Algorithms, 2nd ed., §3.1), and a few more u for scaling and rounding the answer. Under
    /// cosine Σ|aᵢbᵢ| ≤ 1 and the norms are off by as much again; squared differences are off relative to their sum.
    pub(super) fn window(&self, rank: f32, probe: &[f32]) -> f32 {
        let (d, u) = (self.dim() as f64, 2.0_f64.powi(-24));
        let gamma = (d + 12.0) * u;
        let rank = f64::from(rank);
        let margin = match self.measure {
            Measure::Cosine => 4.0 * gamma,
            Measure::Dot => {
                let length = f64::from(kernels::dot(probe, probe)).sqrt();
                2.0 * gamma * (length * f64::from(self.longest) + rank.abs())
                    + f64::from(f32::MIN_POSITIVE) * d
            }
            Measure::Euclidean => 3.0 * gamma * rank + f64::from(f32::MIN_POSITIVE) * d,
        };
        // One more ulp, as the sum is rounded to f32.
        ((rank + margin) as f32).next_up()
    }
}

/// ‖row‖² of every row.
fn norms(numbers: &[f32], dim: usize, out: &mut [f32], threads: usize) -> Result<()> {
    if dim == 0 {
        return Ok(());
    }
    let each = |rows: &[f32], out: &mut [f32]| {
        for (row, out) in rows.chunks_exact(dim).zip(out) {
            *out = kernels::dot(row, row);
        }
    };
    let chunk = 4096;
    if threads <= 1 || numbers.len() <= chunk * dim {
        each(numbers, out);
    } else {
        pool(threads)?.install(|| {
            numbers
                .par_chunks(chunk * dim)
                .zip(out.par_chunks_mut(chunk))
                .for_each(|(rows, out)| each(rows, out));
        });
    }
    Ok(())
}

/// Threads for one computation.
pub(crate) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build().map_err(|cause| {
        Error::usage(format!("cannot start {threads} threads: {cause}"))
            .help("ask for fewer --threads")
    })
}
