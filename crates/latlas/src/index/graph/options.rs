//! How a graph of nearest neighbours is computed.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Neighbours of all points together, at most: a graph of them takes 8 GiB, and what is made of it several times that.
const MOST: usize = 1 << 30;

/// How many neighbours, and how they are found. `docs/neighbours.md` says what each choice costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeighbourOptions {
    /// How many neighbours each point gets, at least 1 and at most one less than there are points.
    pub k: usize,
    /// How they are found.
    pub method: NeighbourMethod,
    /// `auto` is exact up to this many points. Exact search takes time ∝ n², descent about ∝ n·log n.
    pub exact_up_to: usize,
    /// Descent only: the random-projection trees it starts from. More: a better start, each tree a pass over the
    /// points a level. 4–16.
    pub trees: usize,
    /// Descent only: the most points of a leaf, which are all compared with each other. 32–1024.
    pub leaf: usize,
    /// Descent only: how many neighbours of a point are introduced to each other in a round. More: fewer rounds
    /// and a higher recall, in time ∝ its square. 10–60.
    pub candidates: usize,
    /// Descent only: the most rounds.
    pub rounds: usize,
    /// Descent only: it ends when a round changes no more than this share of all neighbours. Lower: a higher
    /// recall, by more rounds. 10⁻⁴–10⁻².
    pub tolerance: f64,
    /// Descent only: the recall is measured on this many points, against all others; below 2 it is not measured.
    pub recall_sample: usize,
}

/// How neighbours are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NeighbourMethod {
    /// Exact up to `exact_up_to` points, else by descent.
    Auto,
    /// Every pair of points is compared; nothing is missed.
    Exact,
    /// NN-descent: neighbours of neighbours, from a start by random-projection trees. Misses a few.
    Descent,
}

impl Default for NeighbourOptions {
    fn default() -> Self {
        NeighbourOptions {
            k: 15,
            method: NeighbourMethod::Auto,
            exact_up_to: 100_000,
            trees: 12,
            leaf: 256,
            candidates: 40,
            rounds: 20,
            tolerance: 2e-3,
            recall_sample: 500,
        }
    }
}

impl NeighbourOptions {
    /// `k` neighbours, all else as it comes.
    pub fn nearest(k: usize) -> Self {
        NeighbourOptions { k, ..Self::default() }
    }

    /// The method for so many points: never `Auto`.
    pub fn resolved(&self, points: usize) -> NeighbourMethod {
        match self.method {
            NeighbourMethod::Auto if points <= self.exact_up_to => NeighbourMethod::Exact,
            NeighbourMethod::Auto => NeighbourMethod::Descent,
            chosen => chosen,
        }
    }

    /// Refuses what cannot be done with so many points, naming the largest k that can.
    pub(super) fn check(&self, points: usize) -> Result<()> {
        if points < 2 {
            return Err(Error::data(format!(
                "neighbours are looked for among at least 2 points, here {} {points}",
                if points == 1 { "is" } else { "are" }
            )));
        }
        if u32::try_from(points).is_err() {
            return Err(Error::data(format!(
                "{points} points are more than the {} a graph can hold",
                u32::MAX
            )));
        }
        if self.k == 0 || self.k >= points {
            return Err(Error::usage(format!(
                "{} neighbours asked of {points} points, itself left out",
                self.k
            ))
            .help(format!("ask for k = 1 to {}", points - 1)));
        }
        if self.k > MOST / points {
            return Err(Error::usage(format!(
                "{} neighbours of each of {points} points are more than a graph holds",
                self.k
            ))
            .help(format!("at most {} do: ask for fewer, or a lower perplexity", MOST / points)));
        }
        let ranges = [
            ("trees", self.trees, 1..=256),
            ("leaf", self.leaf, 8..=4096),
            ("candidates", self.candidates, 2..=256),
            ("rounds", self.rounds, 0..=1000),
        ];
        for (name, value, range) in ranges {
            if !range.contains(&value) {
                return Err(Error::usage(format!("{name} = {value} is out of range"))
                    .help(format!("take {} to {}", range.start(), range.end())));
            }
        }
        if !(0.0..=1.0).contains(&self.tolerance) {
            return Err(Error::usage(format!(
                "tolerance = {} is no share of the neighbours",
                self.tolerance
            ))
            .help("take 0 to 1"));
        }
        Ok(())
    }
}
