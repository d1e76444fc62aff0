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
    /// `auto` is exact up to this many points. Exact search takes time ∝ n²·d, cells take a small share of that.
    pub exact_up_to: usize,
    /// Cells only: how far a point looks beyond its own cell, as a share of the distance of its k-th nearest there.
    /// More: a higher recall, in time ∝ about its cube; at 1 next to nothing is missed. 0.15–0.5.
    pub reach: f64,
    /// Cells only: the most points of other cells that a point is compared with, those of the likeliest cells. It bounds
    /// the time where points have no near neighbours to speak of, at some recall.
    pub compared: usize,
    /// Cells only: the recall is measured on this many points, against all others; below 2 it is not measured.
    pub recall_sample: usize,
}

/// How neighbours are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NeighbourMethod {
    /// Exact up to `exact_up_to` points, else by cells.
    Auto,
    /// Every pair of points is compared; nothing is missed.
    Exact,
    /// Each point is compared with those of its own cell and of the cells that may hold nearer ones. Misses a few.
    Cells,
}

impl Default for NeighbourOptions {
    fn default() -> Self {
        NeighbourOptions {
            k: 15,
            method: NeighbourMethod::Auto,
            exact_up_to: 20_000,
            reach: 0.3,
            compared: 16_384,
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
            NeighbourMethod::Auto => NeighbourMethod::Cells,
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
        if !(0.0..=1.0).contains(&self.reach) {
            return Err(Error::usage(format!("reach = {} is out of range", self.reach))
                .help("take 0 to 1: 0.3 misses a few in a thousand"));
        }
        if self.compared == 0 {
            return Err(Error::usage("compared = 0 leaves nothing to compare with")
                .help("take 1000 and more"));
        }
        Ok(())
    }
}
