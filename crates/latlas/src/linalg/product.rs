//! Products with a matrix that is streamed over. Every row is shifted first, xᵢ − m, so that centring costs no copy.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

use super::blocks::{Work, block_rows, fold};
use super::{Matrix, RowSource};
use crate::error::Result;
use crate::run::Run;

/// The scatter matrix Σᵢ (xᵢ − m)(xᵢ − m)ᵀ, `cols × cols` row after row, summed in f64. Costs n·d² multiplications
/// and d² numbers for each of up to 16 lanes.
pub fn scatter(source: &dyn RowSource, shift: &[f64], run: &Run) -> Result<Vec<f64>> {
    let lower = scatter_lower(source, shift, run)?;
    let d = source.cols();
    Ok((0..d * d)
        .map(|at| lower[(usize::max(at / d, at % d), usize::min(at / d, at % d))])
        .collect())
}

/// The lower triangle of the scatter matrix; what stands above it means nothing.
pub(super) fn scatter_lower(source: &dyn RowSource, shift: &[f64], run: &Run) -> Result<Mat<f64>> {
    let d = source.cols();
    let work = Work::new(run, "correlating", source.rows() as u64, "rows")?;
    let start = || (Mat::zeros(d, d), Vec::new());
    let lanes = fold(
        source,
        d * d * 8,
        &work,
        start,
        |(sum, wide): &mut (Mat<f64>, Vec<f64>), rows, block| {
            let x = shifted(block, shift, wide, rows.len());
            let (lower, all) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular::matmul(
                sum.as_mut(),
                lower,
                Accum::Add,
                x.transpose(),
                all,
                x,
                all,
                1.0,
                Par::Seq,
            );
        },
    )?;
    Ok(sum_in_order(lanes.into_iter().map(|lane| lane.0), d, d))
}

/// A lane's sum, and room for a block and its product.
type Lane = (Mat<f64>, Vec<f64>, Mat<f64>);

/// Σᵢ (xᵢ − m)(xᵢ − m)ᵀ·Q for a thin Q, without the scatter matrix itself.
pub(super) fn scatter_times(
    source: &dyn RowSource,
    shift: &[f64],
    q: MatRef<'_, f64>,
    work: &Work,
) -> Result<Mat<f64>> {
    let (d, l) = (q.nrows(), q.ncols());
    let start = || (Mat::zeros(d, l), Vec::new(), Mat::zeros(0, 0));
    let lanes = fold(source, d * l * 8, work, start, |(sum, wide, xq): &mut Lane, rows, block| {
        let x = shifted(block, shift, wide, rows.len());
        if xq.nrows() != rows.len() {
            *xq = Mat::zeros(rows.len(), l);
        }
        matmul(xq.as_mut(), Accum::Replace, x, q, 1.0, Par::Seq);
        matmul(sum.as_mut(), Accum::Add, x.transpose(), xq.as_ref(), 1.0, Par::Seq);
    })?;
    Ok(sum_in_order(lanes.into_iter().map(|lane| lane.0), d, l))
}

/// The coordinates of each row along given directions: (xᵢ − m)·vⱼ, `rows × directions.rows()`. The directions are
/// rows of the dimension of the source; sums run in f64.
pub fn project(
    source: &dyn RowSource,
    shift: &[f64],
    directions: &Matrix,
    run: &Run,
) -> Result<Matrix> {
    let v = Mat::from_fn(source.cols(), directions.rows(), |i, j| f64::from(directions.row(j)[i]));
    project_onto(source, shift, v.as_ref(), run)
}

/// [`project`] along the columns of an f64 matrix.
pub(super) fn project_onto(
    source: &dyn RowSource,
    shift: &[f64],
    v: MatRef<'_, f64>,
    run: &Run,
) -> Result<Matrix> {
    let (rows, d, r) = (source.rows(), source.cols(), v.ncols());
    let mut out = Matrix::zeros(rows, r);
    if rows == 0 || r == 0 {
        return Ok(out);
    }
    let (size, work) = (block_rows(d), Work::new(run, "projecting", rows as u64, "rows")?);
    work.pool.install(|| {
        let blocks = out.as_mut_slice().par_chunks_mut(size * r).enumerate();
        blocks.for_each_init(Default::default, |(scratch, wide), (block, out)| {
            if work.cancelled() {
                return;
            }
            let count = out.len() / r;
            let block = source.block(block * size..block * size + count, scratch);
            let mut xv = Mat::zeros(count, r);
            matmul(
                xv.as_mut(),
                Accum::Replace,
                shifted(block, shift, wide, count),
                v,
                1.0,
                Par::Seq,
            );
            for (i, out) in out.chunks_exact_mut(r).enumerate() {
                out.iter_mut().enumerate().for_each(|(j, out)| *out = xv[(i, j)] as f32);
            }
            work.advance(count as u64);
        });
    });
    work.finish()?;
    Ok(out)
}

/// The block as f64 with `shift` taken from each row.
pub(super) fn shifted<'a>(
    block: &[f32],
    shift: &[f64],
    wide: &'a mut Vec<f64>,
    rows: usize,
) -> MatRef<'a, f64> {
    wide.clear();
    wide.reserve(block.len());
    for row in block.chunks_exact(shift.len()) {
        wide.extend(row.iter().zip(shift).map(|(&x, shift)| f64::from(x) - shift));
    }
    MatRef::from_row_major_slice(wide, rows, shift.len())
}

fn sum_in_order(parts: impl Iterator<Item = Mat<f64>>, rows: usize, cols: usize) -> Mat<f64> {
    let mut sum = Mat::zeros(rows, cols);
    for part in parts {
        sum += part;
    }
    sum
}
