//! How far a layout may be trusted: trustworthiness, continuity and neighbours kept.

use serde::{Deserialize, Serialize};

use crate::error::Result;
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

/// Measures the layout `low` of the rows of `high`; distances are Euclidean in both (unit rows make them those of
/// the cosine).
pub fn faithfulness(
    _high: &dyn RowSource,
    _low: &Matrix,
    _options: &FaithfulnessOptions,
    _run: &Run,
) -> Result<Faithfulness> {
    todo!()
}
