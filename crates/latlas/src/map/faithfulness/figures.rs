//! What is known of a layout once it is measured, and how scripts read it.

use serde_json::{Map, Value, json};

use super::local::{reach, worst};

/// How far a layout may be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// How many items the layout has.
    pub items: usize,
    /// How many of them were measured.
    pub sampled: usize,
    /// The figures for each neighbourhood size asked for, in that order.
    pub at: Vec<AtK>,
    /// The figures over all distances, near and far.
    pub at_large: AtLarge,
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
    /// The rank beyond which a neighbour counts as missing or false: 3k, less where there are few items.
    pub reach: usize,
    /// Whether what is close on the map is close in truth, 1 at best.
    pub trustworthiness: Estimate,
    /// Whether what is close in truth is close on the map, 1 at best.
    pub continuity: Estimate,
    /// The mean share of the k nearest that are among the k nearest on the map, in [0, 1].
    pub neighbours_kept: Estimate,
    /// The mean share of the k nearest that are beyond `reach` on the map, in [0, 1], 0 at best.
    pub missing: Estimate,
    /// The mean share of the k nearest on the map that are beyond `reach` in truth, in [0, 1], 0 at best.
    pub false_neighbours: Estimate,
    /// What a layout that puts the items in random places is expected to get.
    pub null: NullValues,
}

/// The figures over all distances. Both are NaN where distances have no order to keep: all equal, in truth or on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtLarge {
    /// The share of triplets (i, j, l) with d(i, j) < d(i, l) that are so on the map too; ties there count half.
    pub triplets: Estimate,
    /// Spearman's ρ between the distances of pairs in truth and on the map, in [−1, 1].
    pub spearman: Estimate,
}

impl AtLarge {
    /// What a layout that puts the items in random places is expected to get of the triplets.
    pub const NULL_TRIPLETS: f64 = 0.5;
    /// The ρ that it is expected to get.
    pub const NULL_SPEARMAN: f64 = 0.0;
}

/// A mean and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean over the measured points.
    pub value: f64,
    /// Its standard error from sampling; 0 where everything was measured.
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
    /// Expected missing neighbours: (n − 1 − reach) / (n − 1).
    pub missing: f64,
    /// Expected false neighbours, as many.
    pub false_neighbours: f64,
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
    /// How many of its k nearest are beyond `reach` on the map: it was torn off them.
    pub missing: u32,
    /// How many of its k nearest on the map are beyond `reach` in truth: it was only put beside them.
    pub false_neighbours: u32,
}

impl Faithfulness {
    /// The figures as scripts read them: `{k, items, sampled, trustworthiness, continuity, neighbours_kept_10, …,
    /// missing_10, …, false_neighbours_10, …, triplets, spearman, standard_error: {…}, null: {…}}`. Trustworthiness and
    /// continuity are those of the leading size; where a size had to be lowered, `lowered` says to what.
    pub fn to_json(&self) -> Value {
        let figures = |pick: &dyn Fn(&AtK) -> [f64; 5], at_large: [f64; 2]| {
            let mut out = Map::new();
            if let Some([trustworthiness, continuity, ..]) = self.at.first().map(pick) {
                out.insert("trustworthiness".to_owned(), json!(trustworthiness));
                out.insert("continuity".to_owned(), json!(continuity));
            }
            for (place, name) in
                ["neighbours_kept", "missing", "false_neighbours"].iter().enumerate()
            {
                for at in &self.at {
                    out.insert(format!("{name}_{}", at.asked), json!(pick(at)[2 + place]));
                }
            }
            out.insert("triplets".to_owned(), json!(at_large[0]));
            out.insert("spearman".to_owned(), json!(at_large[1]));
            out
        };
        let estimates = |at: &AtK| {
            [at.trustworthiness, at.continuity, at.neighbours_kept, at.missing, at.false_neighbours]
        };
        let at_large = [self.at_large.triplets, self.at_large.spearman];
        let mut out = Map::new();
        out.insert("k".to_owned(), json!(self.at.first().map(|at| at.k)));
        out.insert("items".to_owned(), json!(self.items));
        out.insert("sampled".to_owned(), json!(self.sampled));
        let value = |estimate: Estimate| estimate.value;
        out.extend(figures(&|at| estimates(at).map(value), at_large.map(value)));
        let error = |estimate: Estimate| estimate.standard_error;
        let errors = figures(&|at| estimates(at).map(error), at_large.map(error));
        out.insert("standard_error".to_owned(), Value::Object(errors));
        let null = figures(&|at| at.null.all(), [AtLarge::NULL_TRIPLETS, AtLarge::NULL_SPEARMAN]);
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

impl NullValues {
    /// The expectations on a map with the items in random places.
    pub(super) fn of(n: usize, k: usize) -> Self {
        let (points, near) = (n as f64, k as f64);
        let expected =
            1.0 - (points - 1.0 - near) * (points - near) / ((points - 1.0) * worst(n, k));
        let beyond = (n - 1 - reach(n, k)) as f64 / (points - 1.0);
        NullValues {
            trustworthiness: expected,
            continuity: expected,
            neighbours_kept: near / (points - 1.0),
            missing: beyond,
            false_neighbours: beyond,
        }
    }

    fn all(&self) -> [f64; 5] {
        [
            self.trustworthiness,
            self.continuity,
            self.neighbours_kept,
            self.missing,
            self.false_neighbours,
        ]
    }
}

impl Estimate {
    /// The mean of a sample drawn without replacement from n, and its standard error.
    pub(super) fn of_mean(values: &[f64], n: usize) -> Self {
        let m = values.len() as f64;
        let value = values.iter().sum::<f64>() / m;
        let variance = values.iter().map(|x| (x - value).powi(2)).sum::<f64>() / (m - 1.0);
        Estimate { value, standard_error: (variance / m * (1.0 - m / n as f64)).max(0.0).sqrt() }
    }
}
