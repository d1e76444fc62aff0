//! Lloyd's iterations with Hamerly's bounds.

use rayon::prelude::*;

use super::view::View;
use super::{KMeans, KMeansOptions};
use crate::error::Result;
use crate::kernels::{self, Panels};
use crate::linalg::Matrix;
use crate::linalg::blocks::Work;

/// Rows multiplied together, and centres that pass by them while they stay in a second-level cache.
const ROWS: usize = 240;
const CENTERS: usize = 512;
/// The most lanes, and the most bytes that the sums of all lanes may take together.
const MOST_LANES: usize = 16;
const MOST_BYTES: usize = 128 << 20;
/// Above one by more than the rounding of an f32 sum: a bound that is multiplied by it stays one.
const UP: f32 = 1.0 + 4.0 * f32::EPSILON;
/// A row before its first label.
const NONE: u32 = u32::MAX;

/// What is known of the rows: their labels, and bounds of their distance to their own centre and to any other.
struct Rows {
    labels: Vec<u32>,
    upper: Vec<f32>,
    lower: Vec<f32>,
}

/// The same for the rows of one lane.
struct Lane<'a> {
    first: usize,
    labels: &'a mut [u32],
    upper: &'a mut [f32],
    lower: &'a mut [f32],
}

/// By how much the rows that move change the clusters.
struct Moves {
    sums: Vec<f64>,
    counts: Vec<i64>,
    moved: usize,
}

/// Centres, packed for products.
struct Centers {
    at: Matrix,
    /// (−2c, ‖c‖²), by groups.
    panels: Vec<Panels>,
    /// The longest ‖c‖.
    longest: f32,
    /// How far each centre moved last.
    moves: Vec<f32>,
}

/// Two steps in turn from these centres, until `options` say it is enough.
pub(super) fn descend(
    view: &View,
    first: Matrix,
    options: &KMeansOptions,
    work: &Work,
) -> Result<KMeans> {
    let (n, d, k) = (view.rows(), view.cols(), options.k);
    let mut rows =
        Rows { labels: vec![NONE; n], upper: vec![f32::INFINITY; n], lower: vec![0.0; n] };
    let mut sums = vec![0.0; k * d];
    let mut counts = vec![0_i64; k];
    let mut centers = Centers::new(first);
    let (mut iterations, mut converged, mut settled) = (0, false, false);
    while iterations < options.max_iterations {
        iterations += 1;
        let moved = assign(view, &mut rows, &centers, &mut sums, &mut counts, work)?;
        if moved == 0 {
            (converged, settled) = (true, true);
            break;
        }
        let filled = fill(view, &mut rows, &mut sums, &mut counts);
        let moves = update(&mut centers, &sums, &counts, view.is_unit());
        if !filled && moves * d as f64 <= options.tolerance {
            converged = true;
            break;
        }
    }
    if !settled {
        // Labels follow the last move of the centres.
        assign(view, &mut rows, &centers, &mut sums, &mut counts, work)?;
    }
    let inertia = inertia(view, &rows.labels, &centers.at, work)?;
    let mut at = Matrix::zeros(k, d);
    for c in 0..k {
        view.back(centers.at.row(c), at.row_mut(c));
    }
    let sizes = counts.iter().map(|&count| usize::try_from(count).unwrap_or(0)).collect();
    Ok(KMeans { centers: at, labels: rows.labels, sizes, inertia, iterations, converged })
}

impl Centers {
    fn new(at: Matrix) -> Self {
        let moves = vec![0.0; at.rows()];
        let mut centers = Centers { at, panels: Vec::new(), longest: 0.0, moves };
        centers.pack();
        centers
    }

    fn pack(&mut self) {
        let d = self.at.cols();
        let groups = self.at.rows().div_ceil(CENTERS);
        self.panels.resize_with(groups, Panels::new);
        let mut long = Vec::with_capacity(CENTERS * (d + 1));
        self.longest = 0.0;
        for (group, panels) in self.at.as_slice().chunks(CENTERS * d).zip(&mut self.panels) {
            long.clear();
            for center in group.chunks_exact(d) {
                let square: f64 = center.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                self.longest = self.longest.max(square.sqrt() as f32);
                long.extend(center.iter().map(|x| -2.0 * x));
                long.push(square as f32);
            }
            panels.pack(&long, d + 1, |_| 1.0);
        }
    }

    /// The farthest move of a centre other than `label`.
    fn farthest(&self) -> impl Fn(u32) -> f32 + use<> {
        let (mut first, mut second) = ((0.0, NONE), 0.0);
        for (c, &moved) in (0..).zip(&self.moves) {
            if moved > first.0 {
                second = first.0;
                first = (moved, c);
            } else if moved > second {
                second = moved;
            }
        }
        move |label| if label == first.1 { second } else { first.0 }
    }
}

/// Every row to its nearest centre. Gives the number of rows that moved; sums and counts follow them.
fn assign(
    view: &View,
    rows: &mut Rows,
    centers: &Centers,
    sums: &mut [f64],
    counts: &mut [i64],
    work: &Work,
) -> Result<usize> {
    let n = view.rows();
    let size = lane_rows(n, sums.len());
    let lanes = rows
        .labels
        .chunks_mut(size)
        .zip(rows.upper.chunks_mut(size))
        .zip(rows.lower.chunks_mut(size))
        .enumerate()
        .map(|(i, ((labels, upper), lower))| Lane { first: i * size, labels, upper, lower });
    let lanes: Vec<Lane> = lanes.collect();
    let moves: Vec<Moves> = work
        .pool
        .install(|| lanes.into_par_iter().map(|lane| lane.assign(view, centers, work)).collect());
    work.finish()?;
    let mut moved = 0;
    for lane in moves.iter().filter(|lane| lane.moved > 0) {
        sums.iter_mut().zip(&lane.sums).for_each(|(sum, by)| *sum += by);
        counts.iter_mut().zip(&lane.counts).for_each(|(count, by)| *count += by);
        moved += lane.moved;
    }
    Ok(moved)
}

/// Rows of a lane: whole blocks, and no more lanes than their sums have room.
fn lane_rows(n: usize, numbers: usize) -> usize {
    let lanes = MOST_LANES.min(MOST_BYTES / (numbers * 8).max(1)).max(1);
    n.div_ceil(ROWS).div_ceil(lanes).max(1) * ROWS
}

impl Lane<'_> {
    fn assign(self, view: &View, centers: &Centers, work: &Work) -> Moves {
        let (d, k) = (centers.at.cols(), centers.at.rows());
        let mut moves = Moves { sums: Vec::new(), counts: Vec::new(), moved: 0 };
        let farthest = centers.farthest();
        let gamma = (d + 12) as f32 * f32::EPSILON;
        let (mut scratch, mut numbers) = (Vec::new(), Vec::new());
        let (mut open, mut queries, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        for start in (0..self.labels.len()).step_by(ROWS) {
            let block = start..self.labels.len().min(start + ROWS);
            if work.cancelled() {
                break;
            }
            open.clear();
            for i in block.clone() {
                let label = self.labels[i];
                if label != NONE {
                    self.upper[i] = (self.upper[i] + centers.moves[label as usize]) * UP;
                    self.lower[i] = (self.lower[i] - farthest(label)).max(0.0) / UP;
                }
                if label == NONE || self.upper[i] >= self.lower[i] {
                    open.push(i);
                }
            }
            work.advance(block.len() as u64);
            if open.is_empty() {
                continue;
            }
            numbers.clear();
            view.append(
                self.first + block.start..self.first + block.end,
                &mut scratch,
                &mut numbers,
            );
            let row = |i: usize| &numbers[(i - block.start) * d..(i - block.start + 1) * d];
            let distance =
                |i: usize, c: u32| kernels::squared_l2(row(i), centers.at.row(c as usize)).sqrt();
            // A tight upper bound closes many of them.
            open.retain(|&i| {
                let label = self.labels[i];
                if label == NONE {
                    return true;
                }
                self.upper[i] = distance(i, label) * (1.0 + gamma);
                self.upper[i] >= self.lower[i]
            });
            queries.clear();
            for &i in &open {
                queries.extend_from_slice(row(i));
                queries.push(1.0);
            }
            let mut nearest = vec![Nearest::default(); open.len()];
            for (g, panels) in centers.panels.iter().enumerate() {
                ranks.resize(open.len() * panels.stride(), 0.0);
                kernels::dot_panels(&queries, panels, &mut ranks);
                for (nearest, ranks) in nearest.iter_mut().zip(ranks.chunks_exact(panels.stride()))
                {
                    nearest.meet((g * CENTERS) as u32, &ranks[..panels.rows()]);
                }
            }
            for (&i, nearest) in open.iter().zip(&nearest) {
                let square = kernels::dot(row(i), row(i));
                // What rounding may have added to a rank.
                let margin = 2.0 * gamma * (square.sqrt() + centers.longest).powi(2);
                self.upper[i] = distance(i, nearest.label) * (1.0 + gamma);
                self.lower[i] = (square + nearest.second - margin).max(0.0).sqrt() / UP;
                if self.labels[i] != nearest.label {
                    if moves.moved == 0 {
                        (moves.sums, moves.counts) = (vec![0.0; k * d], vec![0; k]);
                    }
                    moves.shift(self.labels[i], -1.0, row(i));
                    moves.shift(nearest.label, 1.0, row(i));
                    self.labels[i] = nearest.label;
                    moves.moved += 1;
                }
            }
        }
        moves
    }
}

impl Moves {
    /// Adds a row to a cluster, or takes it away.
    fn shift(&mut self, label: u32, sign: f64, row: &[f32]) {
        if label != NONE {
            let c = label as usize;
            let sums = &mut self.sums[c * row.len()..(c + 1) * row.len()];
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += sign * f64::from(x));
            self.counts[c] += sign as i64;
        }
    }
}

/// The nearest centre met so far, and the rank of the second.
#[derive(Clone)]
struct Nearest {
    rank: f32,
    label: u32,
    second: f32,
}

impl Default for Nearest {
    fn default() -> Self {
        Nearest { rank: f32::INFINITY, label: 0, second: f32::INFINITY }
    }
}

impl Nearest {
    fn meet(&mut self, first: u32, ranks: &[f32]) {
        const CHUNK: usize = 64;
        for (i, chunk) in ranks.chunks(CHUNK).enumerate() {
            if !kernels::any_within(chunk, self.second) {
                continue;
            }
            for (j, &rank) in chunk.iter().enumerate() {
                if rank < self.rank {
                    self.second = self.rank;
                    (self.rank, self.label) = (rank, first + (i * CHUNK + j) as u32);
                } else if rank < self.second {
                    self.second = rank;
                }
            }
        }
    }
}

/// Gives each empty cluster the row that lies farthest from its centre, as far as there are such rows.
fn fill(view: &View, rows: &mut Rows, sums: &mut [f64], counts: &mut [i64]) -> bool {
    let empty: Vec<usize> = (0..counts.len()).filter(|&c| counts[c] == 0).collect();
    if empty.is_empty() {
        return false;
    }
    let d = view.cols();
    let mut far: Vec<usize> = (0..rows.labels.len()).filter(|&i| rows.upper[i] > 0.0).collect();
    far.sort_unstable_by(|&a, &b| rows.upper[b].total_cmp(&rows.upper[a]).then(a.cmp(&b)));
    let mut far = far.into_iter();
    let (mut scratch, mut row) = (Vec::new(), Vec::new());
    let mut filled = false;
    for c in empty {
        let Some(i) = far.find(|&i| counts[rows.labels[i] as usize] > 1) else { break };
        row.clear();
        view.append(i..i + 1, &mut scratch, &mut row);
        let old = rows.labels[i] as usize;
        for (j, &x) in row.iter().enumerate() {
            sums[old * d + j] -= f64::from(x);
            sums[c * d + j] += f64::from(x);
        }
        counts[old] -= 1;
        counts[c] += 1;
        rows.labels[i] = c as u32;
        // It is where its centre will be; of the others nothing is known. The centre's own move is added to the upper
        // bound, which keeps it one.
        (rows.upper[i], rows.lower[i]) = (0.0, 0.0);
        filled = true;
    }
    filled
}

/// Every centre to the mean of its rows; one without rows stays. Gives Σ of the squared moves.
fn update(centers: &mut Centers, sums: &[f64], counts: &[i64], unit: bool) -> f64 {
    let d = centers.at.cols();
    let mut total = 0.0;
    for (c, &count) in counts.iter().enumerate() {
        let sum = &sums[c * d..(c + 1) * d];
        let length =
            if unit { sum.iter().map(|x| x * x).sum::<f64>().sqrt() } else { count as f64 };
        centers.moves[c] = 0.0;
        if count <= 0 || length <= 1e-12 {
            continue;
        }
        let mut square = 0.0;
        for (old, sum) in centers.at.row_mut(c).iter_mut().zip(sum) {
            let new = (sum / length) as f32;
            square += (f64::from(new) - f64::from(*old)).powi(2);
            *old = new;
        }
        centers.moves[c] = square.sqrt() as f32 * UP;
        total += square;
    }
    centers.pack();
    total
}

/// Σ ‖x − c‖² in f64, lane by lane, in the source's units.
fn inertia(view: &View, labels: &[u32], centers: &Matrix, work: &Work) -> Result<f64> {
    let (n, d) = (view.rows(), view.cols());
    let size = lane_rows(n, 0);
    let lanes: Vec<usize> = (0..n).step_by(size).collect();
    let sums: Vec<f64> = work.pool.install(|| {
        let sum_of_lane = |start: usize| {
            let (mut scratch, mut numbers, mut sum) = (Vec::new(), Vec::new(), 0.0);
            for block in (start..n.min(start + size)).step_by(ROWS) {
                let end = n.min(start + size).min(block + ROWS);
                numbers.clear();
                view.append(block..end, &mut scratch, &mut numbers);
                for (row, &label) in numbers.chunks_exact(d).zip(&labels[block..end]) {
                    let pairs = row.iter().zip(centers.row(label as usize));
                    sum += pairs.map(|(&x, &c)| (f64::from(x) - f64::from(c)).powi(2)).sum::<f64>();
                }
                work.advance((end - block) as u64);
            }
            sum
        };
        lanes.into_par_iter().map(sum_of_lane).collect()
    });
    work.finish()?;
    Ok(view.squares_back(sums.into_iter().sum()))
}
