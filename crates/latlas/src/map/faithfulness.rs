//! How far a layout may be trusted: trustworthiness, continuity and neighbours kept.
//!
//! With n points, r(i, j) the rank of j among the neighbours of i in truth, r̂(i, j) that on the map, and U the
//! points among the k nearest on the map but not in truth, V the reverse (Venna & Kaski, ICANN 2001, equations 1–2):
//!
//! ```text
//! trustworthiness = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ U(i)} (r(i, j) − k)
//! continuity      = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ V(i)} (r̂(i, j) − k)
//! neighbours kept = 1 / (n k) · Σᵢ |Nₖ(i) ∩ N̂ₖ(i)|
//! ```
//!
//! for k < n / 2. On a map with the items in random places, each k nearest are k random others, whose expectations
//! are exact: E = 1 − (n−1−k)(n−k) / ((n−1)(2n−3k−1)) for the first two and k / (n−1) for the last.

use rand_xoshiro::rand_core::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::distances::{Distances, FlatDistances, nearest, ranks};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::linalg::blocks::Work;
use crate::linalg::{Matrix, RowSource};
use crate::run::Run;

/// What is measured, and on how many points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaithfulnessOptions {
    /// The neighbourhood sizes, the leading one first. Lowered below half the number of items, with a warning.
    pub ks: Vec<usize>,
    /// Up to this many items every point is measured; beyond it, a sample.
    pub all_up_to: usize,
    /// The size of the sample. Each sampled point is still measured against all points.
    pub sample: usize,
}

impl Default for FaithfulnessOptions {
    fn default() -> Self {
        FaithfulnessOptions { ks: vec![10, 30], all_up_to: 20_000, sample: 4_000 }
    }
}

/// How far a layout may be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// How many items the layout has.
    pub items: usize,
    /// How many of them were measured.
    pub sampled: usize,
    /// The figures for each neighbourhood size asked for, in that order.
    pub at: Vec<AtK>,
    /// The measured points, by row; figures for the leading neighbourhood size.
    pub points: Vec<PointFaithfulness>,
}

/// The figures for one neighbourhood size.
#[derive(Debug, Clone, PartialEq)]
pub struct AtK {
    /// The size that was asked for.
    pub asked: usize,
    /// The size that was used: smaller where there are too few items.
    pub k: usize,
    /// Whether what is close on the map is close in truth, 1 at best.
    pub trustworthiness: Estimate,
    /// Whether what is close in truth is close on the map, 1 at best.
    pub continuity: Estimate,
    /// The mean share of the k nearest that are among the k nearest on the map, in [0, 1].
    pub neighbours_kept: Estimate,
    /// What a layout that puts the items in random places is expected to get.
    pub null: NullValues,
}

/// A mean and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean over the measured points.
    pub value: f64,
    /// Its standard error from sampling; 0 where every point was measured.
    pub standard_error: f64,
}

/// What a random layout gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NullValues {
    /// Expected trustworthiness.
    pub trustworthiness: f64,
    /// Expected continuity.
    pub continuity: f64,
    /// Expected neighbours kept: k / (n − 1).
    pub neighbours_kept: f64,
}

/// The figures of one point for the leading neighbourhood size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointFaithfulness {
    /// The row of the layout.
    pub row: usize,
    /// The share of its k nearest that are among its k nearest on the map.
    pub neighbours_kept: f64,
    /// Its own trustworthiness: 1 − its part of the penalty, scaled so that the mean over points is the whole.
    pub trustworthiness: f64,
}

/// The name of the random stream of the sample: "sample".
const STREAM: u64 = 0x0073_616d_706c_6500;
/// Distances held at a time by a thread.
const DISTANCES: usize = 1 << 22;

/// Measures the layout `low` of the rows of `high`, whose distances are those of `geometry`; those of `low` are
/// Euclidean. Costs a distance from each measured point to every other, and about 16 MB a thread. The same at any
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
    let rows =
        if n <= options.all_up_to { (0..n).collect() } else { sample(n, options.sample, run) };
    let truth = Distances::new(high, geometry, run)?;
    let flat = FlatDistances::new(low, run).map_err(|e| e.context("the layout"))?;
    let work = Work::new(run, "measuring the map", rows.len() as u64, "items")?;
    let group = (DISTANCES / n).clamp(4, 64);
    let measured: Vec<Vec<Penalty>> = work.pool.install(|| {
        let groups = rows.par_chunks(group).map_init(
            Default::default,
            |(high, low): &mut (Vec<f32>, Vec<f32>), points| {
                if work.cancelled() {
                    return Vec::new();
                }
                truth.from(points, high);
                let penalties =
                    points.iter().zip(high.chunks_exact(n)).flat_map(|(&point, high)| {
                        flat.from(point, low);
                        penalties(high, low, &ks)
                    });
                let penalties = penalties.collect();
                work.advance(points.len() as u64);
                penalties
            },
        );
        groups.collect()
    });
    work.finish()?;
    let measured = measured.concat();

    let whole = |penalty: u64, k: usize| 1.0 - 2.0 * penalty as f64 / (k as f64 * worst(n, k));
    let at = ks.iter().enumerate().map(|(i, &k)| {
        let of = |value: &dyn Fn(&Penalty) -> f64| {
            estimate(&measured.iter().skip(i).step_by(ks.len()).map(value).collect::<Vec<f64>>(), n)
        };
        AtK {
            asked: options.ks[i],
            k,
            trustworthiness: of(&|p| whole(p.intruders, k)),
            continuity: of(&|p| whole(p.missing, k)),
            neighbours_kept: of(&|p| f64::from(p.kept) / k as f64),
            null: null(n, k),
        }
    });
    let leading = measured.iter().step_by(ks.len());
    let points = rows.iter().zip(leading).map(|(&row, p)| PointFaithfulness {
        row,
        neighbours_kept: f64::from(p.kept) / ks[0] as f64,
        trustworthiness: whole(p.intruders, ks[0]),
    });
    Ok(Faithfulness { items: n, sampled: rows.len(), at: at.collect(), points: points.collect() })
}

impl Faithfulness {
    /// The figures as scripts read them: `{k, items, sampled, trustworthiness, continuity, neighbours_kept_10, …,
    /// standard_error: {…}, null: {…}}`. Trustworthiness and continuity are those of the leading size; where a size
    /// had to be lowered, `lowered` says to what.
    pub fn to_json(&self) -> Value {
        let figures = |pick: &dyn Fn(&AtK) -> [f64; 3]| {
            let mut out = Map::new();
            if let Some([trustworthiness, continuity, _]) = self.at.first().map(pick) {
                out.insert("trustworthiness".to_owned(), json!(trustworthiness));
                out.insert("continuity".to_owned(), json!(continuity));
            }
            for at in &self.at {
                out.insert(format!("neighbours_kept_{}", at.asked), json!(pick(at)[2]));
            }
            out
        };
        let estimates = |at: &AtK| [at.trustworthiness, at.continuity, at.neighbours_kept];
        let mut out = Map::new();
        out.insert("k".to_owned(), json!(self.at.first().map(|at| at.k)));
        out.insert("items".to_owned(), json!(self.items));
        out.insert("sampled".to_owned(), json!(self.sampled));
        out.extend(figures(&|at| estimates(at).map(|estimate| estimate.value)));
        let errors = figures(&|at| estimates(at).map(|estimate| estimate.standard_error));
        out.insert("standard_error".to_owned(), Value::Object(errors));
        let null =
            figures(&|at| [at.null.trustworthiness, at.null.continuity, at.null.neighbours_kept]);
        out.insert("null".to_owned(), Value::Object(null));
        let lowered: Map<String, Value> = self
            .at
            .iter()
            .filter(|at| at.k != at.asked)
            .map(|at| (at.asked.to_string(), json!(at.k)))
            .collect();
        if !lowered.is_empty() {
            out.insert("lowered".to_owned(), Value::Object(lowered));
        }
        Value::Object(out)
    }
}

/// What one point adds for one k.
#[derive(Clone, Copy)]
struct Penalty {
    /// Σ (r − k) over the points that are close on the map only.
    intruders: u64,
    /// Σ (r̂ − k) over the points that are close in truth only.
    missing: u64,
    kept: u32,
}

/// The penalties of one point for each k, from its distances to all points in truth and on the map.
fn penalties(high: &[f32], low: &[f32], ks: &[usize]) -> Vec<Penalty> {
    let most = ks.iter().copied().max().unwrap_or(0);
    let (near_high, near_low) = (nearest(high, most), nearest(low, most));
    let (in_truth, on_map) =
        (ranks(high, &near_low, &near_high), ranks(low, &near_high, &near_low));
    let beyond = |ranks: &[u32], k: usize| -> u64 {
        ranks[..k].iter().map(|&rank| u64::from(rank).saturating_sub(k as u64)).sum()
    };
    let penalty = |&k: &usize| Penalty {
        intruders: beyond(&in_truth, k),
        missing: beyond(&on_map, k),
        kept: in_truth[..k].iter().map(|&rank| u32::from(rank as usize <= k)).sum(),
    };
    ks.iter().map(penalty).collect()
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
fn sample(n: usize, size: usize, run: &Run) -> Vec<usize> {
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

/// 2n − 3k − 1, of which k/2 is the most a point can be penalised.
fn worst(n: usize, k: usize) -> f64 {
    2.0 * n as f64 - 3.0 * k as f64 - 1.0
}

/// The expectations on a map with the items in random places.
fn null(n: usize, k: usize) -> NullValues {
    let (points, near) = (n as f64, k as f64);
    let expected = 1.0 - (points - 1.0 - near) * (points - near) / ((points - 1.0) * worst(n, k));
    NullValues {
        trustworthiness: expected,
        continuity: expected,
        neighbours_kept: near / (points - 1.0),
    }
}

/// The mean of a sample drawn without replacement from n, and its standard error.
fn estimate(values: &[f64], n: usize) -> Estimate {
    let m = values.len() as f64;
    let value = values.iter().sum::<f64>() / m;
    let variance = values.iter().map(|x| (x - value).powi(2)).sum::<f64>() / (m - 1.0);
    Estimate { value, standard_error: (variance / m * (1.0 - m / n as f64)).max(0.0).sqrt() }
}
