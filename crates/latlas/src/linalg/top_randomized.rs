//! The leading right singular vectors of a large shifted matrix A = X − 1mᵀ, from a few passes over its rows.
//!
//! The randomised range finder of Halko, Martinsson & Tropp (SIAM Review 53, 2011, §4.5) starts from a Gaussian
//! block Ω and powers it, (AᵀA)^q Ω, orthonormalising at each step. Only its last power is used there; here all of
//! them span the basis, the block Krylov variant of Halko, Martinsson, Shkolnisky & Tygert (SIAM J. Sci. Comput. 33,
//! 2011, §3) and Musco & Musco (NIPS 2015), which needs about the square root of the passes where the spectrum
//! decays slowly. Where it is on purpose different:
//!
//! * the number of passes is not fixed: after each, the residual ‖AᵀA v − θ v‖ of each wanted Ritz pair is divided
//!   by its eigengap, which bounds the angle to the true vector (Davis & Kahan 1970), and it stops at a tolerance;
//! * the basis is kept orthonormal in full and, when it is long, restarted from its best half
//!   (Wu & Simon, SIAM J. Matrix Anal. 22, 2000), so that memory is d × 300 at most, whatever the passes;
//! * only d-sided vectors are kept: a pass computes AᵀA·Q block by block, in f64.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rand_xoshiro::rand_core::Rng;

use super::blocks::Work;
use super::product::scatter_times;
use super::top_exact::{check, orthonormalise, signed_rows};
use super::{RowSource, TopSvd, dense};
use crate::error::{Error, Result};
use crate::run::Run;

/// How hard a randomised decomposition tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomizedOptions {
    /// Directions carried along beyond those asked for: more need fewer passes, each dearer. 5–50.
    pub oversample: usize,
    /// The most passes over the matrix, at least 1.
    pub most_passes: usize,
    /// Stop when every vector's angle to the true one is estimated below this (its sine), eigengaps below 1 % of
    /// the eigenvalue counting as 1 %.
    pub tolerance: f64,
}

impl Default for RandomizedOptions {
    fn default() -> Self {
        RandomizedOptions { oversample: 10, most_passes: 100, tolerance: 1e-5 }
    }
}

/// The widest the basis grows before it is restarted, unless the block is wider than a quarter of it.
const WIDEST: usize = 256;
/// The name of the random stream: "rsvd".
const STREAM: u64 = 0x7273_7664;

/// The `rank` leading right singular vectors of X − 1mᵀ. Where they have not converged after the most passes, the
/// best so far come back, with `error` above the tolerance. Deterministic under the run's seed at any thread count.
pub fn randomized_svd(
    source: &dyn RowSource,
    shift: &[f64],
    rank: usize,
    options: &RandomizedOptions,
    run: &Run,
) -> Result<TopSvd> {
    check(source, shift, rank)?;
    if options.most_passes == 0 {
        return Err(Error::usage(
            "a randomised decomposition needs at least one pass over the data",
        ));
    }
    let d = source.cols();
    let width = rank.saturating_add(options.oversample).min(d);
    let mut basis = Basis::new(d, width, run);
    let mut passes = 0;
    loop {
        basis.images(source, shift, run)?;
        passes += 1;
        let ritz = basis.ritz(rank)?;
        let grown =
            ritz.error > options.tolerance && passes < options.most_passes && basis.grow(&ritz);
        if !grown {
            let s = ritz.values.iter().take(rank).map(|value| value.max(0.0).sqrt()).collect();
            let mut v = Mat::zeros(d, rank);
            let y = ritz.vectors.subcols(0, rank);
            matmul(v.as_mut(), Accum::Replace, basis.q.subcols(0, basis.done), y, 1.0, Par::Seq);
            return Ok(TopSvd { s, v: signed_rows(&v, rank), passes, error: ritz.error });
        }
    }
}

/// An orthonormal basis Q of a Krylov space and its image AᵀA·Q.
struct Basis {
    /// Columns 0..len are the basis, of which 0..done have images, those from `last` the newest.
    q: Mat<f64>,
    images: Mat<f64>,
    last: usize,
    done: usize,
    len: usize,
    widest: usize,
}

/// What the basis knows of the eigenpairs of AᵀA.
struct Ritz {
    values: Vec<f64>,
    vectors: Mat<f64>,
    error: f64,
}

impl Basis {
    /// A random start of `width` directions.
    fn new(d: usize, width: usize, run: &Run) -> Self {
        let widest = WIDEST.max(4 * width).min(d);
        let mut random = run.stream(&[STREAM]);
        // One block beyond the widest, which stands there while the rest is restarted.
        let mut q = Mat::zeros(d, widest + width);
        for j in 0..width {
            loop {
                for i in 0..d {
                    q[(i, j)] = normal(&mut random);
                }
                if orthonormalise(&mut q, j) {
                    break;
                }
            }
        }
        Basis { q, images: Mat::zeros(d, widest), last: 0, done: 0, len: width, widest }
    }

    /// One pass: the images of the columns that have none.
    fn images(&mut self, source: &dyn RowSource, shift: &[f64], run: &Run) -> Result<()> {
        let work = Work::new(run, "decomposing", source.rows() as u64, "rows")?;
        let fresh = self.q.subcols(self.done, self.len - self.done);
        let images = scatter_times(source, shift, fresh, &work)?;
        self.images.subcols_mut(self.done, self.len - self.done).copy_from(images);
        (self.last, self.done) = (self.done, self.len);
        Ok(())
    }

    /// Rayleigh–Ritz, and the largest estimated error of the first `rank` vectors.
    fn ritz(&self, rank: usize) -> Result<Ritz> {
        let (m, q, images) =
            (self.done, self.q.subcols(0, self.done), self.images.subcols(0, self.done));
        let mut h = Mat::zeros(m, m);
        matmul(h.as_mut(), Accum::Replace, q.transpose(), images, 1.0, Par::Seq);
        let symmetric = Mat::from_fn(m, m, |i, j| f64::midpoint(h[(i, j)], h[(j, i)]));
        let (values, vectors) = dense::eigen(symmetric.as_ref())?;
        let y = vectors.subcols(0, rank);
        let mut residual = images * y;
        let qy = q * y;
        let mut error: f64 = 0.0;
        for j in 0..rank {
            let value = values[j];
            for i in 0..residual.nrows() {
                residual[(i, j)] -= value * qy[(i, j)];
            }
            let above = if j > 0 { values[j - 1] - value } else { f64::INFINITY };
            let below = value - values.get(j + 1).copied().unwrap_or(0.0);
            let gap = above.min(below).max(0.01 * value);
            // Below the rounding of f64 against the largest, an eigenvalue is zero and any direction does.
            if value > values[0] * 1e-13 {
                error = error.max(residual.col(j).norm_l2() / gap);
            }
        }
        Ok(Ritz { values, vectors, error })
    }

    /// Adds what the newest images hold that the basis does not, restarting it first if it is full; false if they
    /// hold nothing more, and the basis is as good as it gets.
    fn grow(&mut self, ritz: &Ritz) -> bool {
        for j in self.last..self.done {
            if self.len == self.q.nrows() {
                break;
            }
            let image = self.images.col(j).to_owned();
            self.q.col_mut(self.len).copy_from(image);
            self.len += usize::from(orthonormalise(&mut self.q, self.len));
        }
        if self.len > self.widest {
            self.restart(ritz);
        }
        self.len > self.done
    }

    /// Keeps the best half of the Ritz vectors, whose images are the same combinations of the images, and the
    /// newest block behind them: it spans what all their residuals have outside the basis.
    fn restart(&mut self, ritz: &Ritz) {
        let (keep, fresh) = (self.widest / 2, self.len - self.done);
        let y = ritz.vectors.subcols(0, keep);
        let q = self.q.subcols(0, self.done) * y;
        let images = self.images.subcols(0, self.done) * y;
        let newest = self.q.subcols(self.done, fresh).to_owned();
        self.q.subcols_mut(0, keep).copy_from(q);
        self.q.subcols_mut(keep, fresh).copy_from(newest);
        self.images.subcols_mut(0, keep).copy_from(images);
        (self.done, self.len) = (keep, keep + fresh);
    }
}

/// A standard normal number (Box & Muller).
pub(super) fn normal(random: &mut impl Rng) -> f64 {
    // 53 bits, shifted by half a step so that the logarithm never sees zero.
    let mut uniform = || ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let radius = (-2.0 * uniform().ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform()).cos()
}
