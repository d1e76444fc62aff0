//! The scalar twins: short, obviously right, always compiled, and what the fast ones are tested against.
//!
//! Lengths are checked by [`super::Set`]; called directly, the twins stop at the shorter slice.

use super::panels::LANES;

/// Σ aᵢ·bᵢ.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Σ (aᵢ−bᵢ)².
pub fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// (Σ aᵢ·bᵢ, Σ aᵢ², Σ bᵢ²): what a cosine is made of.
pub fn dot_and_norms(a: &[f32], b: &[f32]) -> (f32, f32, f32) {
    (dot(a, b), dot(a, a), dot(b, b))
}

/// y ← y + αx.
pub fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += alpha * x;
    }
}

/// y ← βy + αx.
pub fn scaled_add(alpha: f32, x: &[f32], beta: f32, y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = beta * *y + alpha * x;
    }
}

/// outᵢ ← query·rowᵢ.
pub fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = dot(query, &rows[i * query.len()..(i + 1) * query.len()]);
    }
}

/// outᵢ ← ‖query − rowᵢ‖².
pub fn l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = squared_l2(query, &rows[i * query.len()..(i + 1) * query.len()]);
    }
}

/// One query against all panels (`dim` × [`LANES`] each) for every query of `dim` numbers.
pub fn dot_panels(queries: &[f32], panels: &[f32], dim: usize, out: &mut [f32]) {
    panels_with(queries, panels, dim, out, |q, x, sum| sum + q * x);
}

/// As [`dot_panels`], with squared differences.
pub fn l2_panels(queries: &[f32], panels: &[f32], dim: usize, out: &mut [f32]) {
    panels_with(queries, panels, dim, out, |q, x, sum| sum + (q - x) * (q - x));
}

fn panels_with(
    queries: &[f32],
    panels: &[f32],
    dim: usize,
    out: &mut [f32],
    step: impl Fn(f32, f32, f32) -> f32,
) {
    let stride = panels.len() / dim;
    for (query, out) in queries.chunks_exact(dim).zip(out.chunks_exact_mut(stride)) {
        for (panel, out) in panels.chunks_exact(dim * LANES).zip(out.chunks_exact_mut(LANES)) {
            let mut sums = [0.0; LANES];
            for (&q, lanes) in query.iter().zip(panel.chunks_exact(LANES)) {
                for (sum, &x) in sums.iter_mut().zip(lanes) {
                    *sum = step(q, x, *sum);
                }
            }
            out.copy_from_slice(&sums);
        }
    }
}

/// Packs [`LANES`] whole rows side by side, row r multiplied by `scales[r]`.
pub fn pack(rows: &[f32], dim: usize, scales: &[f32; LANES], panel: &mut [f32]) {
    for (j, lanes) in panel.chunks_exact_mut(LANES).enumerate() {
        for (r, lane) in lanes.iter_mut().enumerate() {
            *lane = rows[r * dim + j] * scales[r];
        }
    }
}

/// Whether any value is ≤ `bound`.
pub fn any_within(values: &[f32], bound: f32) -> bool {
    values.iter().any(|&v| v <= bound)
}
