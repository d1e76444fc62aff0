//! The sets of kernels and the one in force.
#![expect(unsafe_code, reason = "calls functions compiled for CPU features that were detected")]

use std::ffi::OsString;
use std::sync::OnceLock;

use super::panels::LANES;
use super::{Panels, scalar};

type Pair = unsafe fn(&[f32], &[f32]) -> f32;
type Norms = unsafe fn(&[f32], &[f32]) -> (f32, f32, f32);
type Rows = unsafe fn(&[f32], &[f32], &mut [f32]);
type Blocks = unsafe fn(&[f32], &[f32], usize, &mut [f32]);

/// A set of kernels for one kind of CPU. The free functions of this module use [`Set::active`]; tests and
/// benchmarks go through [`Set::all`].
///
/// Every set in existence runs on this machine, and every method checks lengths before it calls a kernel: the
/// safety of all kernels rests on these two sentences.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    pub(super) name: &'static str,
    pub(super) dot: Pair,
    pub(super) squared_l2: Pair,
    pub(super) dot_and_norms: Norms,
    pub(super) axpy: unsafe fn(f32, &[f32], &mut [f32]),
    pub(super) scaled_add: unsafe fn(f32, &[f32], f32, &mut [f32]),
    pub(super) dot_rows: Rows,
    pub(super) l2_rows: Rows,
    pub(super) dot_panels: Blocks,
    pub(super) l2_panels: Blocks,
    pub(super) pack: unsafe fn(&[f32], usize, &[f32; LANES], &mut [f32]),
    pub(super) any_within: unsafe fn(&[f32], f32) -> bool,
}

impl Set {
    /// The twins of all others; runs everywhere.
    pub const SCALAR: Set = Set {
        name: "scalar",
        dot: scalar::dot,
        squared_l2: scalar::squared_l2,
        dot_and_norms: scalar::dot_and_norms,
        axpy: scalar::axpy,
        scaled_add: scalar::scaled_add,
        dot_rows: scalar::dot_rows,
        l2_rows: scalar::l2_rows,
        dot_panels: scalar::dot_panels,
        l2_panels: scalar::l2_panels,
        pack: scalar::pack,
        any_within: scalar::any_within,
    };

    /// The set in force: the fastest for this machine that the environment variable `LATLAS_KERNELS` allows
    /// ("scalar", "avx2", or anything else for all). Decided at the first call and never again.
    #[inline]
    pub fn active() -> &'static Set {
        static ACTIVE: OnceLock<Set> = OnceLock::new();
        ACTIVE.get_or_init(|| {
            let mut sets = Set::all();
            sets.retain(|set| allowed(set.name));
            sets.pop().unwrap_or(Set::SCALAR)
        })
    }

    /// Every set that runs on this machine, the scalar one first, the fastest last.
    pub fn all() -> Vec<Set> {
        let mut sets = vec![Set::SCALAR];
        #[cfg(target_arch = "x86_64")]
        sets.extend(super::x86::detect());
        #[cfg(target_arch = "aarch64")]
        sets.extend(super::neon::detect());
        sets
    }

    /// "scalar", "avx2+fma" or "neon".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// See [`super::dot`].
    #[inline]
    pub fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        same_length(a, b);
        // SAFETY: this set runs on this machine, and the lengths are equal.
        unsafe { (self.dot)(a, b) }
    }

    /// See [`super::squared_l2`].
    #[inline]
    pub fn squared_l2(&self, a: &[f32], b: &[f32]) -> f32 {
        same_length(a, b);
        // SAFETY: this set runs on this machine, and the lengths are equal.
        unsafe { (self.squared_l2)(a, b) }
    }

    /// See [`super::cosine`].
    #[inline]
    pub fn cosine(&self, a: &[f32], b: &[f32]) -> f32 {
        same_length(a, b);
        // SAFETY: this set runs on this machine, and the lengths are equal.
        let (product, aa, bb) = unsafe { (self.dot_and_norms)(a, b) };
        if aa == 0.0 || bb == 0.0 {
            // A zero vector has no direction; NaN in the other one still shows.
            return 0.0 * product;
        }
        (product / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0)
    }

    /// See [`super::axpy`].
    #[inline]
    pub fn axpy(&self, alpha: f32, x: &[f32], y: &mut [f32]) {
        same_length(x, y);
        // SAFETY: this set runs on this machine, and the lengths are equal.
        unsafe { (self.axpy)(alpha, x, y) }
    }

    /// See [`super::scaled_add`].
    #[inline]
    pub fn scaled_add(&self, alpha: f32, x: &[f32], beta: f32, y: &mut [f32]) {
        same_length(x, y);
        // SAFETY: this set runs on this machine, and the lengths are equal.
        unsafe { (self.scaled_add)(alpha, x, beta, y) }
    }

    /// See [`super::dot_rows`].
    #[inline]
    pub fn dot_rows(&self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        whole_rows(query, rows, out);
        // SAFETY: this set runs on this machine, and there is one whole row for each number of `out`.
        unsafe { (self.dot_rows)(query, rows, out) }
    }

    /// See [`super::l2_rows`].
    #[inline]
    pub fn l2_rows(&self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        whole_rows(query, rows, out);
        // SAFETY: this set runs on this machine, and there is one whole row for each number of `out`.
        unsafe { (self.l2_rows)(query, rows, out) }
    }

    /// See [`super::dot_panels`].
    pub fn dot_panels(&self, queries: &[f32], panels: &Panels, out: &mut [f32]) {
        if whole_blocks(queries, panels, out) {
            // SAFETY: this set runs on this machine; the panels are whole, and `out` holds their rows for each query.
            unsafe { (self.dot_panels)(queries, panels.data(), panels.dim(), out) }
        }
    }

    /// See [`super::l2_panels`].
    pub fn l2_panels(&self, queries: &[f32], panels: &Panels, out: &mut [f32]) {
        if whole_blocks(queries, panels, out) {
            // SAFETY: this set runs on this machine; the panels are whole, and `out` holds their rows for each query.
            unsafe { (self.l2_panels)(queries, panels.data(), panels.dim(), out) }
        }
    }

    /// Packs 16 rows into one panel, see [`Panels::pack`].
    pub(super) fn pack(&self, rows: &[f32], dim: usize, scales: &[f32; LANES], panel: &mut [f32]) {
        let whole = LANES.checked_mul(dim) == Some(rows.len()) && panel.len() == rows.len();
        assert!(whole, "{} numbers are not {LANES} rows of {dim}", rows.len());
        // SAFETY: this set runs on this machine; both slices hold 16 × dim numbers.
        unsafe { (self.pack)(rows, dim, scales, panel) }
    }

    /// See [`super::any_within`].
    #[inline]
    pub fn any_within(&self, values: &[f32], bound: f32) -> bool {
        // SAFETY: this set runs on this machine; any length will do.
        unsafe { (self.any_within)(values, bound) }
    }
}

/// Whether `LATLAS_KERNELS`, as it was at the first call, lets kernels of this name run.
pub(super) fn allowed(name: &str) -> bool {
    static FORCED: OnceLock<Option<OsString>> = OnceLock::new();
    match FORCED.get_or_init(|| std::env::var_os("LATLAS_KERNELS")) {
        Some(forced) if forced == "scalar" => name == "scalar",
        Some(forced) if forced == "avx2" => name != "avx512f",
        _ => true,
    }
}

#[inline]
fn same_length(a: &[f32], b: &[f32]) {
    assert!(a.len() == b.len(), "vectors of {} and {} numbers", a.len(), b.len());
}

#[inline]
fn whole_rows(query: &[f32], rows: &[f32], out: &[f32]) {
    let whole = query.len().checked_mul(out.len()) == Some(rows.len());
    assert!(whole, "{} numbers are not {} rows of {}", rows.len(), out.len(), query.len());
}

/// Whether there is anything to do; panics if the shapes do not fit.
fn whole_blocks(queries: &[f32], panels: &Panels, out: &[f32]) -> bool {
    if panels.rows() == 0 || queries.is_empty() {
        assert!(out.is_empty(), "room for {} products where there are none", out.len());
        return false;
    }
    let dim = panels.dim();
    assert!(queries.len().is_multiple_of(dim), "{} numbers are no queries of {dim}", queries.len());
    let products = (queries.len() / dim).checked_mul(panels.stride());
    assert!(
        products == Some(out.len()),
        "room for {} products of {} queries with {} rows",
        out.len(),
        queries.len() / dim,
        panels.stride()
    );
    true
}
