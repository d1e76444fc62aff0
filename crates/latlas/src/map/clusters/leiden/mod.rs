//! Leiden: communities of the graph of neighbours, each of them well connected (Traag, Waltman & van Eck, Scientific Reports
//! 9, 2019).
//!
//! Points i and j are linked if either is among the k nearest of the other, with the Jaccard index of their
//! neighbourhoods, themselves included, as weight (shared nearest neighbours: Jarvis & Patrick 1973; Levine et al. 2015).
//! The weight has no unit, so that dense and sparse regions weigh alike, whatever the metric. Maximised is
//!
//! ```text
//! H = Σ_C [ w(C) − γ′ S(C)² / 2 ]
//!
//! modularity            S(C) = Σ_{i ∈ C} kᵢ    γ′ = γ / 2m    Q = H / m       (Newman & Girvan 2004; Reichardt & Bornholdt 2006)
//! constant Potts model  S(C) = |C|             γ′ = γ                          (Traag, Van Dooren & Nesterov 2011)
//! ```
//!
//! with w(C) the weight of the links inside of C, kᵢ that of all links of i, m that of all. A round is three steps, each on
//! the result of the one before, until nothing merges any more:
//!
//! 1. points move to the community of largest gain, those whose neighbours moved being looked at again (`moves.rs`);
//! 2. each community is built anew from single points that merge only where they are well connected, one of the possible
//!    merges being drawn with probability ∝ exp(ΔH / θ) (`refine.rs`); so that no community falls apart;
//! 3. what merged becomes a point of the next network (`network.rs`).
//!
//! Rounds are repeated from what the last one found while H grows. All of it runs on one thread, in an order drawn under the
//! seed. `docs/clusters.md` says why no crate was taken for it.

mod moves;
mod network;
mod refine;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{Cluster, Clusters};
use crate::error::{Error, Result};
use crate::map::layout::Points;
use crate::run::{Run, Step};
use network::Network;

/// Options of Leiden.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Leiden {
    /// What is maximised.
    pub objective: Objective,
    /// γ, more than 0. Larger: more and smaller communities. About 1 for modularity; the density of links that a community
    /// must reach, far below 1, for the constant Potts model.
    pub resolution: f64,
    /// How many neighbours of each point make the graph. More: fewer and larger communities. 10 to 30.
    pub neighbours: usize,
    /// θ, more than 0: how freely merges are drawn in the second step. Larger: freer, and slower.
    pub randomness: f64,
    /// The most rounds.
    pub rounds: usize,
}

/// What Leiden maximises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Objective {
    /// Links inside beyond what is expected from how linked the points are. Small communities merge in large networks.
    Modularity,
    /// Links inside beyond γ a pair of points: the same scale in networks of any size.
    Cpm,
}

impl Default for Leiden {
    fn default() -> Self {
        Leiden {
            objective: Objective::Modularity,
            resolution: 1.0,
            neighbours: 15,
            randomness: 0.01,
            rounds: 10,
        }
    }
}

/// The name of the random streams: "leiden".
const STREAM: u64 = 0x6c65_6964_656e_0000;

impl Cluster for Leiden {
    fn method(&self) -> &'static str {
        "leiden"
    }

    fn neighbours(&self, _: usize) -> usize {
        self.neighbours
    }

    fn cluster(&self, points: Points<'_>, run: &Run) -> Result<Clusters> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        if !positive(self.resolution) || !positive(self.randomness) || self.rounds == 0 {
            return Err(Error::usage(format!(
                "resolution {}, randomness {}, rounds {}: out of range",
                self.resolution, self.randomness, self.rounds
            ))
            .help("the first two are more than 0, the last is at least 1"));
        }
        if self.neighbours == 0 {
            return Err(Error::usage("a graph of 0 neighbours has no communities"));
        }
        let n = points.vectors.rows();
        let network = Network::of(points.graph, n, self.objective, run)?;
        let links: f64 = network.weight();
        let gamma = match self.objective {
            Objective::Cpm => self.resolution,
            Objective::Modularity if links > 0.0 => self.resolution / (2.0 * links),
            Objective::Modularity => 0.0, // one point, no links
        };
        let labels = self.communities(&network, gamma, run)?;
        let h = network.quality(&labels, gamma);
        let mut figures = Map::new();
        let quality = match self.objective {
            // γ |C| (|C| − 1) / 2 is what the model subtracts.
            Objective::Cpm => h + gamma * n as f64 / 2.0,
            Objective::Modularity => h / links.max(f64::MIN_POSITIVE),
        };
        figures.insert("quality".to_owned(), json!(quality));
        let strength = network.inside(&labels);
        Ok(Clusters::new(self.method(), &labels, strength, figures))
    }

    fn thinned(&self, _: usize, share: f64) -> Box<dyn Cluster> {
        // Of the neighbours that far away, this share is left.
        let neighbours = (self.neighbours as f64 * share).round().max(2.0) as usize;
        Box::new(Leiden { neighbours, ..self.clone() })
    }
}

impl Leiden {
    /// Rounds from single points, while H grows.
    fn communities(&self, network: &Network, gamma: f64, run: &Run) -> Result<Vec<u32>> {
        let mut labels: Vec<u32> = (0..network.len() as u32).collect();
        let mut best = network.quality(&labels, gamma);
        for round in 0..self.rounds as u64 {
            let found = self.round(network, &labels, gamma, round, run)?;
            let quality = network.quality(&found, gamma);
            // A difference of rounding is none.
            let grows = quality > best + 1e-9 * best.abs();
            if quality >= best {
                (labels, best) = (found, quality);
            }
            if !grows {
                break;
            }
        }
        Ok(labels)
    }

    /// The three steps in turn, from these communities.
    fn round(
        &self,
        base: &Network,
        labels: &[u32],
        gamma: f64,
        round: u64,
        run: &Run,
    ) -> Result<Vec<u32>> {
        let mut random = run.stream(&[STREAM, round]);
        let mut coarse: Option<Network> = None;
        let mut community = network::numbered(labels).0;
        // The node that each point has become part of.
        let mut node: Vec<u32> = (0..base.len() as u32).collect();
        loop {
            let network = coarse.as_ref().unwrap_or(base);
            run.report(&Step {
                stage: "finding communities",
                done: round,
                total: Some(self.rounds as u64),
                unit: "rounds",
                detail: format!("{} nodes", network.len()),
            })?;
            moves::move_nodes(network, &mut community, gamma, &mut random);
            let (renumbered, count) = network::numbered(&community);
            community = renumbered;
            let refined = if count == network.len() {
                None
            } else {
                let refined =
                    refine::refine(network, &community, gamma, self.randomness, &mut random);
                let (refined, parts) = network::numbered(&refined);
                (parts < network.len()).then_some((refined, parts))
            };
            let Some((refined, parts)) = refined else {
                return Ok(node.iter().map(|&node| community[node as usize]).collect());
            };
            for node in &mut node {
                *node = refined[*node as usize];
            }
            let mut above = vec![0; parts];
            for (&part, &community) in refined.iter().zip(&community) {
                above[part as usize] = community;
            }
            coarse = Some(network.merged(&refined, parts));
            community = above;
        }
    }
}
