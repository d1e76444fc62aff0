//! The scalar twins.

use super::super::panels::LANES;
use super::Line;

/// Row after row of `a`, panel after panel of `b`.
pub(super) fn products(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    let stride = b.len() / dim;
    for (i, out) in out.chunks_exact_mut(stride.max(1)).enumerate() {
        let panel = &a[i / LANES * LANES * dim..];
        for (b, out) in b.chunks_exact(dim * LANES).zip(out.chunks_exact_mut(LANES)) {
            let mut sums = [0.0; LANES];
            for (j, lanes) in b.chunks_exact(LANES).enumerate() {
                let x = panel[j * LANES + i % LANES];
                for (sum, y) in sums.iter_mut().zip(lanes) {
                    *sum += x * y;
                }
            }
            out.copy_from_slice(&sums);
        }
    }
}

/// Place after place.
pub(super) fn close(line: &Line<'_>, hits: &mut [u32]) -> usize {
    let mut found = 0;
    for j in 0..line.dots.len() {
        if line.distance(j) <= line.bound.max(line.bounds[j]) {
            hits[found] = j as u32;
            found += 1;
        }
    }
    found
}
