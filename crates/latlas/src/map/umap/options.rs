//! The options of UMAP, what they do, and what is allowed.

use serde::{Deserialize, Serialize};

use super::density::Keeping;
use super::fuzzy::Fuzziness;
use crate::error::{Error, Result};
use crate::learn::ranges::{real, whole};

/// Lays points out so that those with overlapping neighbourhoods stand together (UMAP).
///
/// ```
/// use latlas::map::{Init, Umap};
/// let method = Umap { neighbours: Some(30), min_dist: 0.0, init: Init::Spectral, ..Default::default() };
/// assert_eq!(method.epochs_for(70_000), 200);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Umap {
    /// The dimensions of the map: 2 or 3.
    pub dims: usize,
    /// k: how many points make a neighbourhood, the point itself counted; by default 15, or all where there are
    /// fewer. Small shows fine texture and tears what is thin, large shows the whole at the cost of detail and time.
    /// 2 to the number of points; 5–100.
    pub neighbours: Option<usize>,
    /// How close points may come on the map, 0 to `spread`. 0 packs clusters tight, 0.5 spreads them evenly.
    pub min_dist: f64,
    /// The size of a neighbourhood on the map: its unit of length, in effect.
    pub spread: f64,
    /// How often the map is gone over; by default 500, and 200 above 10,000 points; 200 more for densMAP. Time grows
    /// with it.
    pub epochs: Option<usize>,
    /// The size of the first steps, falling to 0 in a straight line.
    pub learning_rate: f64,
    /// Random points that a point is pushed away from, for each neighbour that it is pulled to. More is slower, and
    /// truer to the curve of `min_dist`.
    pub negative_sample_rate: usize,
    /// How much a push counts against a pull. More opens gaps.
    pub repulsion_strength: f64,
    /// 1 links two points if either counts the other among its neighbours, 0 only if both do.
    pub set_op_mix_ratio: f64,
    /// How many nearest neighbours belong wholly. More ties the map together where density varies.
    pub local_connectivity: f64,
    /// How many neighbours count for much, as a share of log₂ `neighbours`.
    pub bandwidth: f64,
    /// The distance from which on a neighbour is none; by default there is no such distance. A point left without
    /// any stays where it began.
    pub disconnection_distance: Option<f64>,
    /// Where points stand at first, unless they are given a place.
    pub init: Init,
    /// densMAP: how much counts that what is dense in truth is dense on the map. 0 is UMAP, 2 usual; more costs
    /// neighbourhoods. 30 `neighbours` or more tell densities better.
    pub dens_lambda: f64,
    /// densMAP: the share of epochs, the last ones, in which densities count.
    pub dens_frac: f64,
    /// densMAP: what is added to the variance of local radii. More lets single radii count less.
    pub dens_var_shift: f64,
    /// With a target: how much it counts, 0 (not at all) to 1 (nothing else does).
    pub target_weight: f64,
}

/// Where points stand before the first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Init {
    /// Along the principal components: keeps the large picture, and costs next to nothing.
    #[default]
    Pca,
    /// Along the slowest vibrations of the graph (Laplacian eigenmaps); its parts, if it has several, apart.
    Spectral,
    /// Anywhere: shows what the graph alone makes of it.
    Random,
}

impl Default for Umap {
    fn default() -> Self {
        Umap {
            dims: 2,
            neighbours: None,
            min_dist: 0.1,
            spread: 1.0,
            epochs: None,
            learning_rate: 1.0,
            negative_sample_rate: 5,
            repulsion_strength: 1.0,
            set_op_mix_ratio: 1.0,
            local_connectivity: 1.0,
            bandwidth: 1.0,
            disconnection_distance: None,
            init: Init::Pca,
            dens_lambda: 0.0,
            dens_frac: 0.3,
            dens_var_shift: 0.1,
            target_weight: 0.5,
        }
    }
}

/// `neighbours` where nothing is said.
const NEIGHBOURS: usize = 15;

impl Umap {
    /// k for so many points, the point itself counted: what was asked for, or the default as far as there are points.
    pub fn neighbours_for(&self, points: usize) -> usize {
        self.neighbours.unwrap_or(NEIGHBOURS.min(points))
    }

    /// The epochs in force for so many points.
    pub fn epochs_for(&self, points: usize) -> usize {
        let densities = if self.dens_lambda > 0.0 { 200 } else { 0 };
        let usual = if points <= 10_000 { 500 } else { 200 };
        self.epochs.unwrap_or(usual + densities)
    }

    /// Refuses what cannot be laid out with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dims", self.dims, 2, 3)?;
        if let Some(neighbours) = self.neighbours {
            whole("neighbours", neighbours, 2, 10_000)?;
        }
        whole("epochs", self.epochs_for(0), 1, 100_000)?;
        whole("negative_sample_rate", self.negative_sample_rate, 0, 1_000)?;
        real("spread", self.spread, 1e-3, 1e3)?;
        real("min_dist", self.min_dist, 0.0, self.spread)?;
        real("learning_rate", self.learning_rate, 1e-6, 100.0)?;
        real("repulsion_strength", self.repulsion_strength, 0.0, 1e3)?;
        real("set_op_mix_ratio", self.set_op_mix_ratio, 0.0, 1.0)?;
        real("local_connectivity", self.local_connectivity, 0.0, 10_000.0)?;
        real("bandwidth", self.bandwidth, 1e-3, 1e3)?;
        if let Some(distance) = self.disconnection_distance {
            real("disconnection_distance", distance, 0.0, f64::MAX)?;
        }
        real("dens_lambda", self.dens_lambda, 0.0, 1e3)?;
        real("dens_frac", self.dens_frac, 0.0, 1.0)?;
        real("dens_var_shift", self.dens_var_shift, 1e-9, 1e3)?;
        real("target_weight", self.target_weight, 0.0, 1.0)
    }

    /// [`Umap::check`], and whether there are as many points as were asked for.
    pub(super) fn check_for(&self, points: usize) -> Result<()> {
        self.check()?;
        match self.neighbours {
            Some(neighbours) if neighbours > points => Err(Error::usage(format!(
                "neighbours {neighbours}: there are only {points} points"
            ))
            .help(format!("neighbours may be at most {points} here"))),
            _ => Ok(()),
        }
    }

    /// How densities are kept, if they are.
    pub(super) fn keeping(&self) -> Option<Keeping> {
        let (lambda, fraction, shift) = (self.dens_lambda, self.dens_frac, self.dens_var_shift);
        (lambda > 0.0).then_some(Keeping { lambda, fraction, shift })
    }

    /// What the graph of so many points is made with.
    pub(super) fn fuzziness(&self, points: usize) -> Fuzziness {
        Fuzziness {
            neighbours: self.neighbours_for(points).min(points),
            local_connectivity: self.local_connectivity,
            bandwidth: self.bandwidth,
            set_op_mix_ratio: self.set_op_mix_ratio,
            farthest: self.disconnection_distance.unwrap_or(f64::INFINITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn options_out_of_range_are_usage_errors_that_name_them() {
        let good = Umap::default();
        good.check_for(3).unwrap();
        let bad = [
            ("dims", Umap { dims: 4, ..good.clone() }),
            ("neighbours", Umap { neighbours: Some(1), ..good.clone() }),
            ("neighbours", Umap { neighbours: Some(31), ..good.clone() }),
            ("epochs", Umap { epochs: Some(0), ..good.clone() }),
            ("negative_sample_rate", Umap { negative_sample_rate: 2_000, ..good.clone() }),
            ("spread", Umap { spread: 0.0, ..good.clone() }),
            ("min_dist", Umap { min_dist: 1.5, ..good.clone() }),
            ("learning_rate", Umap { learning_rate: f64::NAN, ..good.clone() }),
            ("repulsion_strength", Umap { repulsion_strength: -1.0, ..good.clone() }),
            ("set_op_mix_ratio", Umap { set_op_mix_ratio: 1.5, ..good.clone() }),
            ("local_connectivity", Umap { local_connectivity: -1.0, ..good.clone() }),
            ("bandwidth", Umap { bandwidth: 0.0, ..good.clone() }),
            ("disconnection_distance", Umap { disconnection_distance: Some(-1.0), ..good.clone() }),
            ("dens_lambda", Umap { dens_lambda: -1.0, ..good.clone() }),
            ("dens_frac", Umap { dens_frac: 1.5, ..good.clone() }),
            ("dens_var_shift", Umap { dens_var_shift: 0.0, ..good.clone() }),
            ("target_weight", Umap { target_weight: 2.0, ..good }),
        ];
        for (name, options) in bad {
            let error = options.check_for(30).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
    }

    #[test]
    fn too_many_neighbours_are_refused_only_if_asked_for() {
        assert_eq!(Umap::default().neighbours_for(4), 4);
        let error = Umap { neighbours: Some(15), ..Umap::default() }.check_for(8).unwrap_err();
        assert_eq!(error.to_string(), "neighbours 15: there are only 8 points");
        assert_eq!(error.way_out(), Some("neighbours may be at most 8 here"));
    }
}
