//! Products of many rows with many rows, and the search for small distances among them: what graphs of nearest
//! neighbours are made of.
//!
//! Rows stand in panels as [`Panels`](super::Panels) packs them: [`LANES`] rows side by side, component by component, on
//! both sides of the product. With h = ½‖x‖² the products give D = hᵢ + hⱼ − xᵢ·xⱼ = ½‖xᵢ − xⱼ‖². Within a set of
//! kernels xᵢ·xⱼ has the same bits as xⱼ·xᵢ, in tiles of any shape: a sum runs over the components in order.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;

use super::panels::LANES;
use super::set::{Set, allowed};

/// One row of products, and what is known of both sides.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// xᵢ·xⱼ for all j, a multiple of [`LANES`] of them.
    pub dots: &'a [f32],
    /// hᵢ.
    pub own: f32,
    /// D up to here is of interest to i.
    pub bound: f32,
    /// hⱼ of all j; NaN for places that hold no row.
    pub halves: &'a [f32],
    /// D up to here is of interest to j.
    pub bounds: &'a [f32],
}

impl Line<'_> {
    /// D of the j-th place, to the bit as [`Gram::close`] computes it.
    #[inline]
    pub fn distance(&self, j: usize) -> f32 {
        (self.own + self.halves[j]) - self.dots[j]
    }
}

type Products = unsafe fn(&[f32], &[f32], usize, &mut [f32]);
type Close = unsafe fn(&Line<'_>, &mut [u32]) -> usize;

/// The kernels of one instruction set.
#[derive(Clone, Copy)]
pub struct Gram {
    name: &'static str,
    products: Products,
    close: Close,
}

impl Gram {
    /// The fastest kernels that this machine runs, unless others are forced by `LATLAS_KERNELS` (see [`super`]).
    pub fn detect() -> Self {
        let mut all = Self::all();
        all.retain(|kernels| allowed(kernels.name));
        all.pop().unwrap_or_else(Self::scalar)
    }

    /// All kernels that this machine runs, the scalar ones first, the fastest last.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::scalar()];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            all.push(Gram { name: "avx2+fma", products: avx2::products, close: avx2::close });
            if std::is_x86_feature_detected!("avx512f") {
                all.push(Gram {
                    name: "avx512f",
                    products: avx512::products,
                    close: avx512::close,
                });
            }
        }
        all
    }

    fn scalar() -> Self {
        Gram { name: "scalar", products: scalar::products, close: scalar::close }
    }

    /// The instruction set: "avx512f", "avx2+fma" or "scalar".
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Packs row-major rows of `dim` numbers into panels, the last one padded with zeros. Panics unless `panels` is
    /// exactly what they fill.
    pub fn pack(&self, rows: &[f32], dim: usize, panels: &mut [f32]) {
        let fits = dim > 0
            && rows.len().is_multiple_of(dim)
            && panels.len() == (rows.len() / dim).next_multiple_of(LANES) * dim;
        assert!(fits, "{} numbers do not fill panels of {}", rows.len(), panels.len());
        for (rows, panel) in rows.chunks(LANES * dim).zip(panels.chunks_exact_mut(LANES * dim)) {
            if rows.len() == panel.len() {
                Set::active().pack(rows, dim, &[1.0; LANES], panel);
            } else {
                panel.fill(0.0);
                for (r, row) in rows.chunks_exact(dim).enumerate() {
                    for (lanes, x) in panel.chunks_exact_mut(LANES).zip(row) {
                        lanes[r] = *x;
                    }
                }
            }
        }
    }

    /// The products of every row of the panels `a` with every row of the panels `b`: row i with row j goes to
    /// `out[i * rows of b + j]`, padding included. Panics if the shapes do not fit.
    #[expect(unsafe_code, reason = "calls kernels for CPU features that were detected")]
    pub fn products(&self, a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
        let panel = dim * LANES;
        let fits = panel > 0
            && a.len().is_multiple_of(panel)
            && b.len().is_multiple_of(panel)
            && (a.len() / dim).checked_mul(b.len() / dim) == Some(out.len());
        assert!(
            fits,
            "{} × {} numbers of dimension {dim} do not make {} products",
            a.len(),
            b.len(),
            out.len()
        );
        // SAFETY: this set runs on this machine; both sides are whole panels, and `out` holds their products.
        unsafe { (self.products)(a, b, dim, out) }
    }

    /// Writes to `hits` the places of a line, in order, where D ≤ the larger of both bounds, and says how many there are.
    /// Panics if the line's parts differ in length, are no multiple of [`LANES`], or `hits` is shorter.
    #[expect(unsafe_code, reason = "calls kernels for CPU features that were detected")]
    pub fn close(&self, line: &Line<'_>, hits: &mut [u32]) -> usize {
        let n = line.dots.len();
        let fits = n.is_multiple_of(LANES)
            && line.halves.len() == n
            && line.bounds.len() == n
            && hits.len() >= n;
        assert!(fits, "{n} products, {} halves, {} bounds", line.halves.len(), line.bounds.len());
        // SAFETY: this set runs on this machine; the parts of the line have one length, a multiple of the lanes.
        unsafe { (self.close)(line, hits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_set_gives_the_products(
            (dim, rows) in (1..300_usize, 1..40_usize).prop_flat_map(|(dim, n)| (Just(dim), prop::collection::vec(-2.0..2.0_f32, n * dim))),
            split in 1..4_usize,
        ) {
            let n = (rows.len() / dim).next_multiple_of(LANES);
            for gram in Gram::all() {
                let mut panels = vec![0.0; n * dim];
                gram.pack(&rows, dim, &mut panels);
                let mut out = vec![f32::NAN; n * n];
                gram.products(&panels, &panels, dim, &mut out);
                for (i, a) in rows.chunks_exact(dim).enumerate() {
                    for (j, b) in rows.chunks_exact(dim).enumerate() {
                        let exact: f64 = a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                        let size: f64 = a.iter().zip(b).map(|(&x, &y)| f64::from(x * y).abs()).sum();
                        let off = (f64::from(out[i * n + j]) - exact).abs();
                        prop_assert!(off <= (dim as f64 + 2.0) * 2.0_f64.powi(-24) * size + 1e-37, "{} at {i}, {j}", gram.name());
                        prop_assert_eq!(out[i * n + j].to_bits(), out[j * n + i].to_bits());
                    }
                }
                // Fewer panels on one side: the same bits.
                let some = (split * LANES).min(n);
                let mut part = vec![f32::NAN; n * some];
                gram.products(&panels, &panels[..some * dim], dim, &mut part);
                for (whole, part) in out.chunks_exact(n).zip(part.chunks_exact(some)) {
                    prop_assert_eq!(&whole[..some], part);
                }
            }
        }

        #[test]
        fn every_set_finds_the_close_ones(
            places in prop::collection::vec((-1.0..1.0_f32, 0.0..2.0_f32, -1.0..1.0_f32, 0..9_u8), 0..200),
            own in 0.0..2.0_f32, bound in -1.0..1.0_f32,
        ) {
            let n = places.len().next_multiple_of(LANES);
            let mut halves = vec![f32::NAN; n];
            let (mut dots, mut bounds) = (vec![0.0; n], vec![f32::INFINITY; n]);
            for (j, &(dot, half, other, kind)) in places.iter().enumerate() {
                dots[j] = dot;
                halves[j] = half;
                bounds[j] = match kind {
                    0 => f32::INFINITY,
                    1 => f32::NEG_INFINITY,
                    2 => (own + half) - dot, // a tie
                    _ => other,
                };
            }
            let line = Line { dots: &dots, own, bound, halves: &halves, bounds: &bounds };
            let expected: Vec<u32> = (0..n).filter(|&j| {
                let d = line.distance(j);
                d <= bound || d <= bounds[j]
            }).map(|j| j as u32).collect();
            prop_assert!(expected.iter().all(|&j| (j as usize) < places.len()));
            for gram in Gram::all() {
                let mut hits = vec![0; n];
                let found = gram.close(&line, &mut hits);
                prop_assert_eq!(&hits[..found], &expected[..], "{}", gram.name());
            }
        }
    }
}
