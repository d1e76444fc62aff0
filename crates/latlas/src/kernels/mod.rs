//! Layer 0: slices to numbers. Every kernel has a scalar twin that is always compiled and is what the fast
//! ones are tested against (`tests/kernels.rs`); which set runs is decided once, at the first call.
//!
//! | kernel | computes |
//! |---|---|
//! | [`dot`], [`squared_l2`], [`cosine`] | one number of two vectors |
//! | [`axpy`], [`scaled_add`] | a vector, in place |
//! | [`dot_rows`], [`l2_rows`] | one query against many rows, bound by memory bandwidth |
//! | [`Panels`] with [`dot_panels`], [`l2_panels`] | several queries against many rows, bound by arithmetic |
//! | [`gram`] | many rows against many rows, and which of them are close |
//! | [`scattered`] | one vector against rows told by number |
//! | [`TopK`] | the k smallest of a stream of ranks |
//! | [`wide`] | nothing of its own: runs safe loops, compiled for each instruction set |
//!
//! The environment variable `LATLAS_KERNELS`, read at the first call, forces a set: `scalar`, or `avx2` where there is
//! AVX-512 too (which [`hogwild`] has kernels for). Sums are taken in another order by each set, so their last bits
//! differ; within a set every result is reproducible.
//! Mismatched lengths panic with both lengths named; they never become a read out of range.

pub mod adagrad;
pub mod attract;
pub mod gram;
pub mod hogwild;
mod logistic;
mod panels;
pub mod pooled;
mod racing;
pub mod scalar;
pub mod scattered;
mod set;
mod topk;
pub mod wide;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_blocks;

pub use panels::{LANES, Panels};
pub use racing::prefetch;
pub use set::Set;
pub use topk::TopK;

/// The name of the kernel set in force, for provenance: "avx2+fma", "neon" or "scalar".
pub fn set_name() -> &'static str {
    Set::active().name()
}

/// Σ aᵢ·bᵢ. Panics if the lengths differ.
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    Set::active().dot(a, b)
}

/// Σ (aᵢ−bᵢ)². Panics if the lengths differ.
#[inline]
pub fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    Set::active().squared_l2(a, b)
}

/// Cosine similarity in [−1, 1]; 0 where either is a zero vector, NaN where a component is. Meant for components
/// whose squares neither overflow nor vanish in f32 (about 1e−15 to 1e15). Panics if the lengths differ.
#[inline]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    Set::active().cosine(a, b)
}

/// y ← y + αx. Panics if the lengths differ.
#[inline]
pub fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    Set::active().axpy(alpha, x, y);
}

/// y ← βy + αx. Panics if the lengths differ.
#[inline]
pub fn scaled_add(alpha: f32, x: &[f32], beta: f32, y: &mut [f32]) {
    Set::active().scaled_add(alpha, x, beta, y);
}

/// outᵢ ← Σⱼ queryⱼ·rowsᵢⱼ for row-major `rows` of the query's length. Panics unless `rows` holds
/// exactly `out.len()` rows.
pub fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    Set::active().dot_rows(query, rows, out);
}

/// outᵢ ← Σⱼ (queryⱼ−rowsᵢⱼ)². Panics unless `rows` holds exactly `out.len()` rows of the query's length.
pub fn l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    Set::active().l2_rows(query, rows, out);
}

/// The dot products of every query with every packed row: query q, row r goes to `out[q * panels.stride() + r]`.
/// `queries` is row-major, of the panels' dimension. Places from `panels.rows()` to the stride are padding.
/// Panics unless `out` holds `panels.stride()` numbers a query.
pub fn dot_panels(queries: &[f32], panels: &Panels, out: &mut [f32]) {
    Set::active().dot_panels(queries, panels, out);
}

/// The squared Euclidean distances of every query to every packed row, laid out as in [`dot_panels`].
pub fn l2_panels(queries: &[f32], panels: &Panels, out: &mut [f32]) {
    Set::active().l2_panels(queries, panels, out);
}

/// Whether any value is ≤ `bound`; NaN never is.
#[inline]
pub fn any_within(values: &[f32], bound: f32) -> bool {
    Set::active().any_within(values, bound)
}
