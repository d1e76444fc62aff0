//! What is left of relations when chance is taken off.
//!
//! | transform | weight of a link | source |
//! |---|---|---|
//! | PPMI | max(0, ln(X · Σ / (s · t)) − ln k) | Church & Hanks 1990; Levy, Goldberg & Dagan 2015, §2.1, 3.2 |
//! | tf-idf | X · ln(n / df) | Spärck Jones 1972 |
//!
//! X is the weight of the link, s that of its source, added up, and t that of its target to the power of `smoothing`;
//! Σ is the sum of all t, k is `shift`. n is the number of sources, df of those that a target is linked to. Links that are left with
//! nothing are dropped.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::draft::{self, Rows};
use super::ordered::in_order;
use super::{Relations, Shape};
use crate::error::{Error, Result};
use crate::run::{Run, Step};

/// Links that a task should have at most, one row apart.
const TASK: u64 = 1 << 18;

/// Positive pointwise mutual information, in nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ppmi {
    /// k ≥ 1: how many negative samples a link has to stand against. ln k is taken off, so higher keeps fewer links.
    pub shift: f64,
    /// The power of targets' weights, 0 to 1: below 1 rare targets count as less rare, which would else score highest.
    pub smoothing: f64,
}

impl Default for Ppmi {
    fn default() -> Self {
        Ppmi { shift: 1.0, smoothing: 1.0 }
    }
}

impl Ppmi {
    /// Refuses what has no meaning: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        if !(1.0..=1e6).contains(&self.shift) {
            return Err(Error::usage(format!("shift {} is out of range", self.shift))
                .help("shift may be 1 to 1000000"));
        }
        if !(0.0..=1.0).contains(&self.smoothing) {
            return Err(Error::usage(format!("smoothing {} is out of range", self.smoothing))
                .help("smoothing may be 0 to 1"));
        }
        Ok(())
    }

    /// The relations with each weight replaced. A weight below 0 is an error. `scratch` is a folder for the result,
    /// which must last as long as it does; without one it is held in memory.
    pub fn apply(
        &self,
        relations: &Relations,
        scratch: Option<&Path>,
        run: &Run<'_>,
    ) -> Result<Relations> {
        self.check()?;
        let mut negative = None;
        relations.each_row(|source, _, weights| {
            if weights.iter().any(|&weight| weight < 0.0) {
                negative.get_or_insert(source);
            }
        });
        if let Some(source) = negative {
            return Err(Error::data(format!(
                "source {source} has a link of negative weight: information is of counts"
            )));
        }
        let (sources, targets) = relations.sums();
        let targets: Vec<f64> = targets.iter().map(|sum| sum.powf(self.smoothing)).collect();
        let all: f64 = targets.iter().sum();
        let shift = self.shift.ln();
        let information = |source: u32, target: u32, weight: f64| {
            let expected = sources[source as usize] * targets[target as usize] / all;
            (weight / expected).ln() - shift
        };
        map(relations, scratch.map(|folder| (folder, "ppmi.rel")), run, information)
    }
}

/// Term frequency times inverse document frequency, where sources are documents and targets terms. `scratch` is a
/// folder for the result, which must last as long as it does; without one it is held in memory.
pub fn tf_idf(relations: &Relations, scratch: Option<&Path>, run: &Run<'_>) -> Result<Relations> {
    let mut documents = vec![0_u64; relations.targets()];
    relations.each_row(|_, targets, _| {
        for &target in targets {
            documents[target as usize] += 1;
        }
    });
    let n = relations.sources() as f64;
    let rarity: Vec<f64> = documents.iter().map(|&df| (n / df as f64).ln()).collect();
    map(relations, scratch.map(|folder| (folder, "tf-idf.rel")), run, |_, target, weight| {
        weight * rarity[target as usize]
    })
}

/// Replaces each weight, and drops the link where it comes out as nothing: not above 0.
fn map(
    relations: &Relations,
    scratch: Option<(&Path, &str)>,
    run: &Run<'_>,
    weight: impl Fn(u32, u32, f64) -> f64 + Sync,
) -> Result<Relations> {
    let shape = Shape { unit: 0, ..relations.shape };
    let tasks = tasks(relations);
    let work = |(): &mut (), task: usize| {
        let mut rows = Rows::default();
        for source in tasks[task].clone() {
            let begun = rows.targets.len();
            let (targets, weights) = relations.row(source as u32);
            for (&target, &old) in targets.iter().zip(weights) {
                let new = weight(source as u32, target, old);
                if new > 0.0 {
                    rows.push(target, new);
                }
            }
            rows.end_row(begun);
        }
        rows
    };
    draft::make(shape, scratch, |sink| {
        in_order(
            tasks.len(),
            run.threads,
            || (),
            work,
            |task, rows| {
                sink.take(&rows)?;
                relations.release(tasks[task].clone());
                run.report(&Step {
                    stage: "weighing",
                    done: tasks[task].end as u64,
                    total: Some(shape.sources),
                    unit: "rows",
                    detail: String::new(),
                })
            },
        )
    })
}

/// Ranges of rows of at most `TASK` links, unless one row has more.
fn tasks(relations: &Relations) -> Vec<Range<usize>> {
    let offsets = relations.offsets();
    let mut tasks = Vec::new();
    let mut start = 0;
    while start < relations.sources() {
        let most = offsets[start] + TASK;
        let rows = offsets[start + 1..].partition_point(|&end| end <= most);
        let end = start + rows.max(1);
        tasks.push(start..end);
        start = end;
    }
    tasks
}
