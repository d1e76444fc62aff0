//! The scalar twins: short, obviously right, always compiled, and what the fast ones are tested against.

/// Σ aᵢ·bᵢ. The slices must have equal lengths.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Σ (aᵢ−bᵢ)².
pub fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// Cosine similarity in [−1, 1]; 0 where either is a zero vector.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
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
