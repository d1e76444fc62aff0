//! The scalar twin, in the order of the equation.

use super::Links;

/// fᵢ of the points from `first` on, as many as `out` has room for.
pub(super) fn pull(links: &Links, first: usize, at: &[f32], out: &mut [f32]) {
    for (i, out) in (first..).zip(out.chunks_exact_mut(2)) {
        let (own_x, own_y) = (at[2 * i], at[2 * i + 1]);
        let (mut pull_x, mut pull_y) = (0.0, 0.0);
        let (targets, weights) = links.of(i);
        for (&j, &weight) in targets.iter().zip(weights) {
            let (x, y) = (own_x - at[2 * j as usize], own_y - at[2 * j as usize + 1]);
            let pull = weight / (1.0 + x * x + y * y);
            pull_x += pull * x;
            pull_y += pull * y;
        }
        out.copy_from_slice(&[pull_x, pull_y]);
    }
}
