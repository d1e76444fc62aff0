//! How much of the truth an index finds, and how fast, at rising effort.

use std::time::Instant;

use rand_xoshiro::rand_core::Rng;

use super::super::Exact;
use super::super::query::{Hit, Index, Query};
use super::Hnsw;
use crate::error::Result;
use crate::run::{Run, Step};
use crate::space::{Row, Space};

/// The name of the random stream: "trial".
const STREAM: u64 = 0x0074_7269_616c;
/// Efforts that are tried, as multiples of k.
const EFFORTS: [usize; 9] = [1, 2, 4, 6, 10, 16, 32, 64, 128];
/// The recall that an index is to reach of its own.
pub(super) const GOOD: f64 = 0.99;
/// Products of numbers that finding the truth may take, and the items that ask, at least and at most.
const PRODUCTS: f64 = 5e10;
const ASKING: (usize, usize) = (100, 1000);

/// What a sample of searches found at one effort.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Trial {
    /// What is kept on the way.
    pub effort: usize,
    /// The share of the true k nearest that were found.
    pub recall: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// How many searches a second one thread does.
    pub per_second: f64,
}

impl Hnsw {
    /// Tries the index on a sample of the items of its space, each asking for its k nearest others, at efforts that rise until
    /// nearly all are found; and how many exact searches a second one thread does.
    pub fn trials(
        &self,
        space: &Space,
        field: &str,
        k: usize,
        run: &Run,
    ) -> Result<(Vec<Trial>, f64)> {
        let rows: Vec<Row> = space.live().collect();
        let k = k.min(rows.len().saturating_sub(1));
        if k == 0 {
            return Ok((Vec::new(), 0.0));
        }
        let each = rows.len() as f64 * self.dim() as f64;
        let asking = ((PRODUCTS / each) as usize).clamp(ASKING.0, ASKING.1).min(rows.len());
        let mut random = run.stream(&[STREAM]);
        let asking: Vec<Row> =
            (0..asking).map(|_| rows[(random.next_u64() % rows.len() as u64) as usize]).collect();
        let points = space.field(field)?.gather(&asking);
        let exact = Exact::with_threads(space, field, Some(self.measure()), run.threads)?;
        let step = |done: usize| Step {
            stage: "trying the index",
            done: done as u64,
            total: Some(EFFORTS.len() as u64 + 1),
            unit: "efforts",
            detail: String::new(),
        };
        run.report(&step(0))?;
        // One more than asked: itself is among them, and left out.
        let truth = exact.search_batch(&points, &Query::nearest(k + 1), run.threads)?;
        let begun = Instant::now();
        let few = asking.len().min(20);
        for (i, &row) in asking.iter().take(few).enumerate() {
            exact.search(points.row(i), &Query::nearest(k).excluding([row]))?;
        }
        let exact_speed = few as f64 / begun.elapsed().as_secs_f64().max(1e-9);
        let mut trials: Vec<Trial> = Vec::new();
        for (i, effort) in EFFORTS.map(|times| times * k).into_iter().enumerate() {
            run.report(&step(i + 1))?;
            let begun = Instant::now();
            let mut answers = Vec::with_capacity(asking.len());
            for (i, &row) in asking.iter().enumerate() {
                let q = Query::nearest(k).excluding([row]).with_effort(effort);
                answers.push(self.search(points.row(i), &q)?);
            }
            let seconds = begun.elapsed().as_secs_f64();
            let shares = answers.iter().zip(&truth).zip(&asking);
            let shares: Vec<f64> =
                shares.map(|((found, truth), &own)| share(found, truth, own, k)).collect();
            let n = shares.len() as f64;
            let recall = shares.iter().sum::<f64>() / n;
            let spread = shares.iter().map(|share| (share - recall).powi(2)).sum::<f64>();
            trials.push(Trial {
                effort,
                recall,
                standard_error: (spread / n / (n - 1.0).max(1.0)).sqrt(),
                per_second: n / seconds.max(1e-9),
            });
            if recall > 0.9995 || effort >= rows.len() {
                break;
            }
        }
        Ok((trials, exact_speed))
    }
}

/// The share of the k nearest others that were found; one as near as the k-th is as good.
fn share(found: &[Hit], truth: &[Hit], own: Row, k: usize) -> f64 {
    let others = truth.iter().filter(|hit| hit.row != own).take(k);
    let farthest = others.last().map_or(f32::INFINITY, |hit| hit.distance);
    found.iter().filter(|hit| hit.distance <= farthest).count() as f64 / k as f64
}

/// The least effort that finds [`GOOD`], or the one that finds most.
pub(super) fn chosen(trials: &[Trial]) -> Option<&Trial> {
    trials.iter().find(|trial| trial.recall >= GOOD).or(trials.last())
}
