//! First centres by greedy k-means++.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use rayon::prelude::*;

use super::view::View;
use crate::error::Result;
use crate::kernels::{self, LANES, Panels};
use crate::linalg::Matrix;
use crate::linalg::blocks::Work;

/// Rows that are drawn from: so many for each cluster, and no fewer than this.
const ROWS_A_CLUSTER: usize = 16;
const FEWEST_ROWS: usize = 16_384;
/// Rows of which one thread updates the distances at a time; sums are taken by chunk, in order.
const CHUNK: usize = 2_048;

/// `k` rows of the view, far apart. Each is the best of 2 + ln k candidates: the one that leaves the lowest Σ D².
pub(super) fn centers(
    view: &View,
    k: usize,
    random: &mut Xoshiro256PlusPlus,
    work: &Work,
) -> Result<Matrix> {
    let (n, d) = (view.rows(), view.cols());
    let rows = sample(view, n.min(k.saturating_mul(ROWS_A_CLUSTER).max(FEWEST_ROWS)), random);
    let m = rows.len() / d;
    let row = |i: usize| &rows[i * d..(i + 1) * d];
    let candidates = (2 + (k as f64).ln() as usize).min(LANES);
    let mut centers = Matrix::zeros(k, d);
    let mut panels = Panels::new();
    // D² of each row, and its sum over each chunk.
    let mut squares = vec![f32::INFINITY; m];
    let mut sums: Vec<f64> = Vec::new();
    let mut tried = Vec::new();
    for c in 0..k {
        tried.clear();
        if c == 0 {
            tried.push(below(random, m));
        } else {
            tried.extend((0..candidates).map(|_| draw(&squares, &sums, random)));
        }
        let packed: Vec<f32> = tried.iter().flat_map(|&i| row(i)).copied().collect();
        panels.pack(&packed, d, |_| 1.0);
        // Σ D² by chunk, were each candidate taken.
        let by_chunk: Vec<[f64; LANES]> = work.pool.install(|| {
            let chunks = rows.par_chunks(CHUNK * d).zip(squares.par_chunks(CHUNK));
            chunks.map(|(rows, squares)| potentials(rows, squares, &panels)).collect()
        });
        let total = |candidate: usize| by_chunk.iter().map(|sums| sums[candidate]).sum::<f64>();
        let totals: Vec<f64> = (0..tried.len()).map(total).collect();
        let best = (0..tried.len()).min_by(|&a, &b| totals[a].total_cmp(&totals[b])).unwrap_or(0);
        let center = row(tried[best]);
        centers.row_mut(c).copy_from_slice(center);
        sums = by_chunk.iter().map(|sums| sums[best]).collect();
        work.pool.install(|| {
            let chunks = rows.par_chunks(CHUNK * d).zip(squares.par_chunks_mut(CHUNK));
            chunks.for_each(|(rows, squares)| {
                let mut distances = vec![0.0; squares.len()];
                kernels::l2_rows(center, rows, &mut distances);
                squares.iter_mut().zip(distances).for_each(|(s, d)| *s = s.min(d));
            });
        });
        if work.cancelled() {
            break;
        }
    }
    work.advance(n as u64);
    work.finish()?;
    Ok(centers)
}

/// Σ min(D², ‖x − candidate‖²) over some rows for each candidate.
fn potentials(rows: &[f32], squares: &[f32], panels: &Panels) -> [f64; LANES] {
    let d = panels.dim();
    let mut sums = [0.0; LANES];
    let mut distances = vec![0.0; 64 * panels.stride()];
    for (rows, squares) in rows.chunks(64 * d).zip(squares.chunks(64)) {
        let distances = &mut distances[..squares.len() * panels.stride()];
        kernels::l2_panels(rows, panels, distances);
        for (distances, &square) in distances.chunks_exact(panels.stride()).zip(squares) {
            for (sum, &distance) in sums.iter_mut().zip(distances) {
                *sum += f64::from(distance.min(square));
            }
        }
    }
    sums
}

/// A row with probability ∝ D²; any row where all D² are 0.
fn draw(squares: &[f32], sums: &[f64], random: &mut Xoshiro256PlusPlus) -> usize {
    let total: f64 = sums.iter().sum();
    let mut left = uniform(random) * total;
    if total <= 0.0 {
        return below(random, squares.len());
    }
    let mut last = 0; // what rounding at the end falls back on
    for (chunk, &sum) in sums.iter().enumerate() {
        if left >= sum {
            left -= sum;
            continue;
        }
        let start = chunk * CHUNK;
        for (i, &square) in squares[start..].iter().take(CHUNK).enumerate() {
            if square > 0.0 {
                last = start + i;
            }
            left -= f64::from(square);
            if left < 0.0 && square > 0.0 {
                return start + i;
            }
        }
    }
    last
}

/// `m` rows, one from each of m equal stretches of the data, or all.
fn sample(view: &View, m: usize, random: &mut Xoshiro256PlusPlus) -> Vec<f32> {
    let (n, mut scratch, mut rows) = (view.rows(), Vec::new(), Vec::with_capacity(m * view.cols()));
    if m == n {
        view.append(0..n, &mut scratch, &mut rows);
        return rows;
    }
    let edge = |i: usize| (i as u128 * n as u128 / m as u128) as usize;
    for i in 0..m {
        let row = edge(i) + below(random, edge(i + 1) - edge(i));
        view.append(row..row + 1, &mut scratch, &mut rows);
    }
    rows
}

/// In [0, 1).
fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// In 0..n, n > 0.
fn below(random: &mut Xoshiro256PlusPlus, n: usize) -> usize {
    ((u128::from(random.next_u64()) * n as u128) >> 64) as usize
}
