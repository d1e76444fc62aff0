//! Where the points stand before the first step.

use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;

use super::Tsne;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::map::{Pca, Points, Solver};
use crate::run::{Progress, Run, Step};

/// The name of the random stream: "jitter".
const STREAM: u64 = 0x6a69_7474_6572;
/// Positions are shaken by up to this share of their scale, so that no two are on one spot.
const JITTER: f64 = 0.01;
/// Up to this many dimensions principal components are computed exactly.
const EXACT_UP_TO: usize = 256;

/// The positions given, or else principal components, with the first axis at the scale asked for.
pub(super) fn start(points: &Points<'_>, options: &Tsne, run: &Run<'_>) -> Result<Matrix> {
    let (n, dims) = (points.vectors.rows(), options.dims);
    let mut at = match points.start {
        Some(start) if (start.rows(), start.cols()) != (n, dims) => {
            return Err(Error::data(format!(
                "a start of {} × {} numbers for {n} points in {dims} dimensions",
                start.rows(),
                start.cols()
            )));
        }
        Some(start) if start.as_slice().iter().any(|x| !x.is_finite()) => {
            return Err(Error::data("the start holds a number that is not finite"));
        }
        Some(start) => start.clone(),
        None => principal(points, dims, run)?,
    };
    if options.start_scale == 0.0 {
        return Ok(at);
    }
    let column = || at.iter_rows().map(|point| f64::from(point[0]));
    let mean = column().sum::<f64>() / n as f64;
    let deviation = (column().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    let scale = if deviation > 0.0 { options.start_scale / deviation } else { 0.0 };
    let mut random = run.stream(&[STREAM]);
    for x in at.as_mut_slice() {
        let shaken = (random.next_u32() >> 8) as f64 / f64::from(1 << 23) - 1.0;
        *x = (f64::from(*x) * scale + JITTER * options.start_scale * shaken) as f32;
    }
    Ok(at)
}

/// The leading principal components; axes beyond the dimension of the vectors are 0.
fn principal(points: &Points<'_>, dims: usize, run: &Run<'_>) -> Result<Matrix> {
    let (n, d) = (points.vectors.rows(), points.vectors.cols());
    let solver = if d <= EXACT_UP_TO { Solver::Exact } else { Solver::Randomised };
    let muted = Run { progress: &Muted(run.progress), ..run.clone() };
    let fit = Pca { dims: dims.min(d), solver, ..Pca::default() }.fit(points.vectors, &muted)?;
    let mut at = Matrix::zeros(n, dims);
    for (i, point) in fit.coords.iter_rows().enumerate() {
        at.row_mut(i)[..point.len()].copy_from_slice(point);
    }
    Ok(at)
}

/// What PCA warns of matters for a map, not for a start.
struct Muted<'a>(&'a dyn Progress);

impl Progress for Muted<'_> {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        self.0.report(step)
    }
}
