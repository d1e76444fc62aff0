//! How far a layout may be trusted: trustworthiness, continuity and neighbours kept; missing and false neighbours;
//! triplets and Spearman's ρ for what is far.
//!
//! With n points, r(i, j) the rank of j among the neighbours of i in truth, r̂(i, j) that on the map, and U the
//! points among the k nearest on the map but not in truth, V the reverse (Venna & Kaski, ICANN 2001, equations 1–2):
//!
//! ```text
//! trustworthiness  = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ U(i)} (r(i, j) − k)
//! continuity       = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ V(i)} (r̂(i, j) − k)
//! neighbours kept  = 1 / (n k) · Σᵢ |Nₖ(i) ∩ N̂ₖ(i)|
//! missing          = 1 / (n k) · Σᵢ |{j ∈ Nₖ(i): r̂(i, j) > reach}|        reach = min(3k, (n − 1 + k) / 2)
//! false neighbours = 1 / (n k) · Σᵢ |{j ∈ N̂ₖ(i): r(i, j) > reach}|
//! ```
//!
//! for k < n / 2. On a map with the items in random places, each k nearest are k random others, whose expectations
//! are exact: E = 1 − (n−1−k)(n−k) / ((n−1)(2n−3k−1)) for the first two, k / (n−1) for the third and
//! (n−1−reach) / (n−1) for the last two. `at_large.rs` says what is asked of distances at large.

mod at_large;
mod figures;
mod local;
mod torn;

use rand_xoshiro::rand_core::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::distances::{Buffers, Distances, FlatDistances};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::linalg::blocks::Work;
use crate::linalg::{Matrix, RowSource};
use crate::run::Run;
use at_large::{Draw, Drawn};
use local::{Penalty, penalties, worst};

pub use figures::{AtK, AtLarge, Estimate, Faithfulness, NullValues, PointFaithfulness};
pub use local::reach;
pub use torn::{NeighboursOf, Ranked, Torn, neighbours_of, torn};

/// What is measured, and on how many points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaithfulnessOptions {
    /// The neighbourhood sizes, the leading one first. Lowered below half the number of items, with a warning.
    pub ks: Vec<usize>,
    /// Up to this many items every point is measured; beyond it, a sample.
    pub all_up_to: usize,
    /// The size of the sample. Each sampled point is still measured against all points; where that would take more than
    /// 4·10¹¹ products, it is smaller, down to 1,000.
    pub sample: usize,
    /// How many triplets are drawn in all, evenly from the measured points; all of a point's where it has no more. The
    /// error falls with the root of it.
    pub triplets: usize,
    /// How many pairs are drawn in all, likewise.
    pub pairs: usize,
}

impl Default for FaithfulnessOptions {
    fn default() -> Self {
        FaithfulnessOptions {
            ks: vec![10, 30],
            all_up_to: 20_000,
            sample: 2_000,
            triplets: 200_000,
            pairs: 200_000,
        }
    }
}

/// The name of the random stream of the sample: "sample".
const STREAM: u64 = 0x0073_616d_706c_6500;
/// Distances held at a time by a thread.
const DISTANCES: usize = 1 << 25;
/// Points that are compared with all others together, at most: reading all others costs as much as a few dozen.
const GROUP: usize = 128;
/// Products of numbers that a sample may take: 2,000 points among half a million of 50 dimensions. A smaller sample
/// serves beyond, down to the least.
const PRODUCTS: usize = 50_000_000_000;
const LEAST_SAMPLE: usize = 1000;

/// Measures the layout `low` of the rows of `high`, whose distances are those of `geometry`; those of `low` are
/// Euclidean. Costs a distance from each measured point to every other, and up to 128 MB a thread. The same at any
/// number of threads.
pub fn faithfulness(
    high: &dyn RowSource,
    geometry: Geometry,
    low: &Matrix,
    options: &FaithfulnessOptions,
    run: &Run,
) -> Result<Faithfulness> {
    let n = low.rows();
    let ks = check(high, n, options, run)?;
    let rows = if n <= options.all_up_to {
        (0..n).collect()
    } else {
        let affordable = (PRODUCTS / n / high.cols().max(1)).max(LEAST_SAMPLE);
        sample(n, options.sample.min(affordable), run)
    };
    let draw = Draw::new(n, rows.len(), options.triplets, options.pairs);
    let truth = Distances::new(high, geometry, run)?;
    let flat = FlatDistances::new(low, run).map_err(|e| e.context("the layout"))?;
    let work = Work::new(run, "measuring the map", rows.len() as u64, "items")?;
    let group = (DISTANCES / n).clamp(4, GROUP);
    let seed = run.seed;
    let groups: Vec<Vec<(Vec<Penalty>, Drawn)>> = work.pool.install(|| {
        let groups = rows.par_chunks(group).map_init(
            Default::default,
            |(buffers, high, low): &mut (Buffers, Vec<f32>, Vec<f32>), points| {
                if work.cancelled() {
                    return Vec::new();
                }
                truth.from(points, buffers, high);
                let measured = points.iter().zip(high.chunks_exact(n)).map(|(&point, high)| {
                    flat.from(point, low);
                    (penalties(high, low, &ks), draw.point(point, high, low, seed))
                });
                let measured = measured.collect();
                work.advance(points.len() as u64);
                measured
            },
        );
        groups.collect()
    });
    work.finish()?;
    let (measured, drawn): (Vec<Vec<Penalty>>, Vec<Drawn>) = groups.into_iter().flatten().unzip();

    let whole = |penalty: u64, k: usize| 1.0 - 2.0 * penalty as f64 / (k as f64 * worst(n, k));
    let at = ks.iter().enumerate().map(|(i, &k)| {
        let of = |value: &dyn Fn(&Penalty) -> f64| {
            Estimate::of_mean(&measured.iter().map(|at| value(&at[i])).collect::<Vec<f64>>(), n)
        };
        AtK {
            asked: options.ks[i],
            k,
            reach: reach(n, k),
            trustworthiness: of(&|p| whole(p.intruders, k)),
            continuity: of(&|p| whole(p.torn, k)),
            neighbours_kept: of(&|p| f64::from(p.kept) / k as f64),
            missing: of(&|p| f64::from(p.missing) / k as f64),
            false_neighbours: of(&|p| f64::from(p.false_neighbours) / k as f64),
            null: NullValues::of(n, k),
        }
    });
    let points = rows.iter().zip(&measured).map(|(&row, at)| PointFaithfulness {
        row,
        neighbours_kept: f64::from(at[0].kept) / ks[0] as f64,
        trustworthiness: whole(at[0].intruders, ks[0]),
        missing: at[0].missing,
        false_neighbours: at[0].false_neighbours,
    });
    Ok(Faithfulness {
        items: n,
        sampled: rows.len(),
        at: at.collect(),
        at_large: draw.figures(&drawn),
        points: points.collect(),
    })
}

/// The neighbourhood sizes that are used: those asked for, lowered below n / 2.
fn check(
    high: &dyn RowSource,
    n: usize,
    options: &FaithfulnessOptions,
    run: &Run,
) -> Result<Vec<usize>> {
    if high.rows() != n {
        return Err(Error::data(format!("a layout of {n} positions for {} vectors", high.rows())));
    }
    if n < 3 {
        return Err(Error::data(format!(
            "neighbours are compared among at least 3 items, not {n}"
        )));
    }
    if u32::try_from(n).is_err() {
        return Err(Error::data(format!("{n} items are more than a space can hold")));
    }
    if options.ks.is_empty() || options.ks.contains(&0) {
        return Err(Error::usage(
            "faithfulness is measured for at least one neighbourhood size, each at least 1",
        ));
    }
    if options.sample < 2 {
        return Err(Error::usage(format!(
            "a sample of {} has no error; take at least 2",
            options.sample
        )));
    }
    if options.triplets == 0 || options.pairs == 0 {
        return Err(Error::usage("at least one triplet and one pair have to be drawn"));
    }
    let most = (n - 1) / 2;
    let large: Vec<String> =
        options.ks.iter().filter(|&&k| k > most).map(usize::to_string).collect();
    if !large.is_empty() {
        run.progress.warn(&format!(
            "{n} items are too few for the {} nearest: faithfulness is measured with the {most} nearest instead",
            large.join(" and ")
        ));
    }
    Ok(options.ks.iter().map(|&k| k.min(most)).collect())
}

/// `size` of 0..n in order, each set equally likely (Knuth, TAOCP 2, §3.4.2, algorithm S).
pub(super) fn sample(n: usize, size: usize, run: &Run) -> Vec<usize> {
    let mut random = run.stream(&[STREAM]);
    let mut wanted = size.min(n) as u64;
    let mut chosen = Vec::with_capacity(size.min(n));
    for row in 0..n {
        // Lemire's multiplication: uniform below what is left, to 2⁻³².
        let draw = (u128::from(random.next_u64()) * (n - row) as u128) >> 64;
        if draw < u128::from(wanted) {
            chosen.push(row);
            wanted -= 1;
        }
    }
    chosen
}
