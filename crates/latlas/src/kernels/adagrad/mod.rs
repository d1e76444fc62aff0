//! AdaGrad on vectors and biases of two sides, one link after the other: the inner loop of GloVe.
//!
//! A link between source u and target v with ln x and weight f = min(1, (x/xₘₐₓ)^α) has the loss ½ f d², where
//!
//! ```text
//! d = u·v + a + b − ln x          (a, b: the biases)
//! g = clip(f d v),   u ← u − g/√(η⁻² + h),   h ← h + g²       and likewise v
//! g = clip(f d),     a ← a − g/√(1 + h),     h ← h + g²       and likewise b
//! ```
//!
//! h is the sum of the squared gradients that a number has had (Duchi, Hazan & Singer 2011). The authors' program keeps
//! 1 + η²h; that is the same step, but in 32 bits 1 + 10⁻⁸ is 1, and small gradients would never be counted.
//!
//! A row of [`Factors`] is a bias, a one and the vector (on the other side: a one, a bias and the vector), padded to
//! whole lines, and then as many sums h: so that one product over whole rows is u·v + a + b, and a bias is moved in
//! the same stroke as a vector, only from another start.

#![expect(unsafe_code, reason = "calls kernels through pointers to rows that were checked")]

mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use bytemuck::{Pod, Zeroable};

use super::logistic::exp_of_negative;
use super::racing::RacingRows;
use crate::error::Result;

/// What stands beside h for biases.
const BIAS_START: f32 = 1.0;
/// Numbers in a cache line, and the most that a kernel takes at a time.
const LINE: usize = 16;

/// One link, as it lies in files: rows of two [`Factors`], and ln x.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Link {
    /// The row among the sources.
    pub source: u16,
    /// The row among the targets.
    pub target: u16,
    /// ln x.
    pub log: f32,
}

/// How links are weighed and steps are taken.
#[derive(Debug, Clone, Copy)]
pub struct Descent {
    /// η, the size of the first step; of biases it is 1.
    pub eta: f32,
    /// Each gradient is cut to ± this.
    pub clip: f32,
    /// ln xₘₐₓ, from where on links weigh 1.
    pub log_max: f32,
    /// α, the power of a link's weight.
    pub alpha: f32,
}

impl Descent {
    /// f for a link of this ln x, within 1e-6 of it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it must take on the caller's target features")]
    fn weight(&self, log: f32) -> f32 {
        exp_of_negative((self.alpha * (self.log_max - log)).max(0.0))
    }

    /// What stands beside h for vectors: η⁻². For biases it is [`BIAS_START`].
    fn start(&self) -> f32 {
        1.0 / (self.eta * self.eta)
    }
}

/// The two sides of a link, which differ in where the bias lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Bias, one, vector.
    Source,
    /// One, bias, vector.
    Target,
}

impl Side {
    fn bias(self) -> usize {
        usize::from(self == Side::Target)
    }
}

/// Vectors with biases and their sums of squared gradients.
pub struct Factors {
    rows: RacingRows,
    dim: usize,
    side: Side,
}

impl Factors {
    /// Vectors, biases and sums of zero; an error where the machine has no such memory.
    pub fn zeros(rows: usize, dim: usize, side: Side) -> Result<Self> {
        let width = dim.saturating_add(2).saturating_add(LINE - 1) / LINE * LINE;
        let mut rows = RacingRows::zeros(rows, width.saturating_mul(2))?;
        for row in 0..rows.rows() {
            rows.row_mut(row)[1 - side.bias()] = 1.0;
        }
        Ok(Factors { rows, dim, side })
    }

    /// Bytes of a row of this dimension.
    pub fn row_bytes(dim: usize) -> usize {
        (dim + 2).next_multiple_of(LINE) * 8
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// A row's vector.
    pub fn vector_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.rows.row_mut(row)[2..2 + self.dim]
    }

    /// A row's bias.
    pub fn bias_mut(&mut self, row: usize) -> &mut f32 {
        &mut self.rows.row_mut(row)[self.side.bias()]
    }

    /// The sums of squared gradients of a row's vector, none below zero.
    pub fn gradsq_mut(&mut self, row: usize) -> &mut [f32] {
        let from = self.width() + 2;
        &mut self.rows.row_mut(row)[from..from + self.dim]
    }

    /// The sum of squared gradients of a row's bias, not below zero.
    pub fn bias_gradsq_mut(&mut self, row: usize) -> &mut f32 {
        let at = self.width() + self.side.bias();
        &mut self.rows.row_mut(row)[at]
    }

    /// Everything, as a checkpoint keeps it.
    pub fn matrix(&mut self) -> &mut RacingRows {
        &mut self.rows
    }

    /// Numbers of half a row.
    fn width(&self) -> usize {
        self.rows.dim() / 2
    }
}

/// What a kernel works on. `sources` and `targets` point to rows of 2 × `width` numbers, as many as any link names.
struct Tile<'a> {
    sources: *mut f32,
    targets: *mut f32,
    width: usize,
    links: &'a [Link],
    descent: &'a Descent,
}

type Kernel = unsafe fn(&Tile<'_>) -> f64;

/// The kernels of one instruction set.
#[derive(Clone, Copy)]
pub struct Adagrad {
    name: &'static str,
    kernel: Kernel,
}

impl Adagrad {
    /// The fastest kernels that this machine runs; the scalar ones where they are forced (see [`super::set_name`]).
    pub fn detect() -> Self {
        if super::set_name() == "scalar" {
            return Self::all()[0];
        }
        *Self::all().last().unwrap_or(&Adagrad { name: "scalar", kernel: scalar::tile })
    }

    /// All that run on this machine, the scalar ones first, the fastest last.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Adagrad { name: "scalar", kernel: scalar::tile }];
        #[cfg(target_arch = "x86_64")]
        {
            if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                all.push(Adagrad { name: "avx2+fma", kernel: x86::tile_avx2 });
            }
            if std::is_x86_feature_detected!("avx512f") {
                all.push(Adagrad { name: "avx512", kernel: x86::tile_avx512 });
            }
        }
        all
    }

    /// The instruction set: "avx512", "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Takes one step for each link, in order; the sum of their losses, each as it was before its step. Panics if a
    /// link names a row that there is not, or the two sides do not fit together.
    pub fn step(
        &self,
        sources: &mut Factors,
        targets: &mut Factors,
        links: &[Link],
        descent: &Descent,
    ) -> f64 {
        let width = sources.width();
        let highest = |of: fn(&Link) -> u16| links.iter().map(of).fold(0, u16::max) as usize;
        assert!(
            targets.width() == width && sources.side != targets.side,
            "factors of two dimensions or of one side"
        );
        if links.is_empty() {
            return 0.0;
        }
        let (source, target) = (highest(|l| l.source), highest(|l| l.target));
        assert!(
            source < sources.rows() && target < targets.rows(),
            "a link from {source} to {target} among {} and {} rows",
            sources.rows(),
            targets.rows()
        );
        // SAFETY: rows lie one behind the other, since 2 × width is whole lines; every row that a link names was
        // checked; `&mut` excludes every other access; `all` detected the instruction set.
        unsafe {
            (self.kernel)(&Tile {
                sources: sources.rows.at(0),
                targets: targets.rows.at(0),
                width,
                links,
                descent,
            })
        }
    }
}

#[cfg(test)]
mod tests;
