//! Where points stand at first by the graph alone: its slowest vibrations (Laplacian eigenmaps, Belkin & Niyogi 2003).
//!
//! With W the fuzzy graph and D its row sums, the eigenvectors of the smallest eigenvalues of the normalised Laplacian
//! L = I − D^(−½)·W·D^(−½), but for the trivial one, D^(½)·1. Those are the leading ones of
//!
//! ```text
//! M = I − L/2 − u·uᵀ,    u = D^(½)·1 / ‖D^(½)·1‖
//! ```
//!
//! which has no negative eigenvalue, so that its leading singular vectors are wanted: those come from products with M
//! alone. Each connected part of the graph has vibrations of its own; parts are laid out by themselves, each around its
//! mean along the principal components and within a third of the way to the next.

use rayon::ThreadPool;
use rayon::prelude::*;

use super::links::Links;
use crate::error::Result;
use crate::linalg::blocks::pool;
use crate::linalg::{Matrix, Operator, RandomizedOptions, operator_svd};
use crate::run::Run;

/// How long is looked for eigenvectors, and how far off they may be.
const SEARCH: RandomizedOptions =
    RandomizedOptions { oversample: 8, most_passes: 300, tolerance: 1e-4 };
const GOOD_ENOUGH: f64 = 1e-2;
/// More parts than this are not laid out one by one.
const MOST_PARTS: usize = 500;
/// A part smaller than this stays as the principal components have it.
const LEAST_PART: usize = 16;
/// Points that one thread works on at a time.
const CHUNK: usize = 1024;

/// Positions by the slowest vibrations. `beside` is where points stand otherwise: parts of the graph are placed by it.
/// An `Err` of the inner result says why there are none.
pub(super) fn spectral(
    links: &Links,
    beside: &Matrix,
    run: &Run<'_>,
) -> Result<Result<Matrix, String>> {
    let dims = beside.cols();
    let parts = parts(links);
    if let [whole] = parts.as_slice() {
        if whole.len() < LEAST_PART {
            return Ok(Err(format!("{} points are too few", whole.len())));
        }
        return Ok(vibrations(links, dims, run)?.ok_or_else(|| NOT_FOUND.to_owned()));
    }
    if parts.len() > MOST_PARTS {
        return Ok(Err(format!("the graph has {} parts", parts.len())));
    }
    let centres: Vec<Vec<f64>> = parts.iter().map(|part| mean(beside, part)).collect();
    let mut out = beside.clone();
    for (i, part) in parts.iter().enumerate() {
        let apart = |other: &Vec<f64>| {
            centres[i].iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        let others = centres.iter().enumerate().filter(|(j, _)| *j != i);
        let room = others.map(|(_, other)| apart(other)).fold(f64::INFINITY, f64::min) / 3.0;
        let own = if part.len() < LEAST_PART {
            None
        } else {
            vibrations(&within(links, part)?, dims, run)?
        };
        let Some(own) = own else { continue };
        let all: Vec<u32> = (0..part.len() as u32).collect();
        let middle = mean(&own, &all);
        let off = |y: &[f32]| -> f64 {
            y.iter().zip(&middle).map(|(&y, m)| (f64::from(y) - m).powi(2)).sum::<f64>().sqrt()
        };
        let radius = own.iter_rows().map(off).fold(0.0, f64::max);
        let scale = if radius > 0.0 { room / radius } else { 0.0 };
        for (&point, y) in part.iter().zip(own.iter_rows()) {
            let place = out.row_mut(point as usize).iter_mut().zip(y);
            for (((out, &y), middle), centre) in place.zip(&middle).zip(&centres[i]) {
                *out = (centre + (f64::from(y) - middle) * scale) as f32;
            }
        }
    }
    Ok(Ok(out))
}

const NOT_FOUND: &str = "the eigenvectors did not converge";

/// The connected parts of a graph, each by rising point, the one with the first point first.
pub(super) fn parts(links: &Links) -> Vec<Vec<u32>> {
    let mut seen = vec![false; links.points()];
    let mut parts = Vec::new();
    let mut todo = Vec::new();
    for first in 0..links.points() {
        if seen[first] {
            continue;
        }
        seen[first] = true;
        let mut part = vec![first as u32];
        todo.push(first as u32);
        while let Some(point) = todo.pop() {
            for (other, _) in links.row(point as usize) {
                if !seen[other as usize] {
                    seen[other as usize] = true;
                    part.push(other);
                    todo.push(other);
                }
            }
        }
        part.sort_unstable();
        parts.push(part);
    }
    parts
}

/// The graph of a part, whose points are numbered anew.
fn within(links: &Links, part: &[u32]) -> Result<Links> {
    let one = pool(&Run::silent(0))?;
    Ok(Links::build(part.len(), &one, |point, out| {
        let links = links.row(part[point] as usize);
        // Whoever is linked is in the same part.
        let number = |other: u32| part.binary_search(&other).unwrap_or(0) as u32;
        out.extend(links.map(|(other, weight)| (number(other), weight)));
    }))
}

fn mean(positions: &Matrix, points: &[u32]) -> Vec<f64> {
    let mut sums = vec![0.0; positions.cols()];
    for &point in points {
        for (sum, &x) in sums.iter_mut().zip(positions.row(point as usize)) {
            *sum += f64::from(x);
        }
    }
    sums.into_iter().map(|sum| sum / points.len() as f64).collect()
}

/// The leading eigenvectors of M of a connected graph; `None` if they were not found.
fn vibrations(links: &Links, dims: usize, run: &Run<'_>) -> Result<Option<Matrix>> {
    let degrees: Vec<f64> = (0..links.points())
        .map(|point| links.row(point).map(|(_, weight)| f64::from(weight)).sum())
        .collect();
    let total = degrees.iter().sum::<f64>().sqrt();
    let walk = Walk {
        links,
        inverse: degrees.iter().map(|degree| (1.0 / degree.sqrt()) as f32).collect(),
        trivial: degrees.iter().map(|degree| degree.sqrt() / total).collect(),
        pool: pool(run)?,
    };
    let found = operator_svd(&walk, dims, &SEARCH, run)?;
    Ok((found.error <= GOOD_ENOUGH && found.s.iter().all(|&s| s > 0.0)).then_some(found.v))
}

/// M, as products with it.
struct Walk<'a> {
    links: &'a Links,
    /// 1/√degree of each point.
    inverse: Vec<f32>,
    /// u.
    trivial: Vec<f64>,
    pool: ThreadPool,
}

impl Operator for Walk<'_> {
    fn rows(&self) -> usize {
        self.links.points()
    }

    fn cols(&self) -> usize {
        self.links.points()
    }

    fn times(&self, x: &Matrix, _: &Run<'_>) -> Result<Matrix> {
        let width = x.cols();
        let mut along = vec![0.0; width];
        for (row, u) in x.iter_rows().zip(&self.trivial) {
            along.iter_mut().zip(row).for_each(|(sum, &x)| *sum += u * f64::from(x));
        }
        let mut out = Matrix::zeros(x.rows(), width);
        let one = |point: usize, out: &mut [f32]| {
            for (other, weight) in self.links.row(point) {
                let weight = weight * self.inverse[other as usize];
                for (out, &x) in out.iter_mut().zip(x.row(other as usize)) {
                    *out += weight * x;
                }
            }
            let (scale, u) = (self.inverse[point], self.trivial[point]);
            for ((out, &x), along) in out.iter_mut().zip(x.row(point)).zip(&along) {
                *out = 0.5 * (x + scale * *out) - (u * along) as f32;
            }
        };
        self.pool.install(|| {
            let rows = out.as_mut_slice().par_chunks_mut(width).enumerate();
            rows.with_min_len(CHUNK).for_each(|(point, out)| one(point, out));
        });
        Ok(out)
    }

    fn transposed_times(&self, y: &Matrix, run: &Run<'_>) -> Result<Matrix> {
        self.times(y, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring: its slowest vibrations are a cosine and a sine, a circle.
    #[test]
    fn a_ring_becomes_a_circle() {
        const N: usize = 60;
        let run = Run::silent(5);
        let one = pool(&run).unwrap();
        let ring = Links::build(N, &one, |i, out| {
            out.extend([((i + 1) % N, 1.0), ((i + N - 1) % N, 1.0)].map(|(j, w)| (j as u32, w)));
        });
        let found = spectral(&ring, &Matrix::zeros(N, 2), &run).unwrap().unwrap();
        let radii: Vec<f32> = found.iter_rows().map(|y| y[0].hypot(y[1])).collect();
        let expected = (2.0 / N as f32).sqrt();
        assert!(radii.iter().all(|r| (r / expected - 1.0).abs() < 0.02), "{radii:?}");
        let step = |i: usize| {
            let (a, b) = (found.row(i), found.row((i + 1) % N));
            (a[0] - b[0]).hypot(a[1] - b[1])
        };
        let arc = expected * std::f32::consts::TAU / N as f32;
        assert!((0..N).all(|i| (step(i) / arc - 1.0).abs() < 0.1));
    }

    #[test]
    fn parts_are_laid_out_apart() {
        const N: usize = 40;
        let run = Run::silent(5);
        let one = pool(&run).unwrap();
        // Two rings, of the even and of the odd points.
        let rings = Links::build(N, &one, |i, out| {
            out.extend([((i + 2) % N, 1.0), ((i + N - 2) % N, 1.0)].map(|(j, w)| (j as u32, w)));
        });
        let found = parts(&rings);
        assert_eq!(found.len(), 2);
        assert!(found[0].iter().all(|i| i % 2 == 0) && found[1].len() == 20);
        let beside =
            Matrix::new(N, 2, (0..N).flat_map(|i| [(i % 2) as f32 * 8.0, 1.0]).collect()).unwrap();
        let laid = spectral(&rings, &beside, &run).unwrap().unwrap();
        for (i, y) in laid.iter_rows().enumerate() {
            let centre = (i % 2) as f32 * 8.0;
            assert!(((y[0] - centre).hypot(y[1] - 1.0) - 8.0 / 3.0).abs() < 0.1, "{y:?}");
        }
    }
}
