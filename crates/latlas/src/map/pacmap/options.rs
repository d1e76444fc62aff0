//! The options of PaCMAP, what they do, and what is allowed.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learn::ranges::{real, whole};

/// Lays points out by near, mid-near and further pairs: the large picture and the neighbourhoods (PaCMAP).
///
/// ```
/// use latlas::map::Pacmap;
/// assert_eq!(Pacmap::default().neighbours_for(70_000), 23);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pacmap {
    /// The dimensions of the map: 2 or 3.
    pub dims: usize,
    /// Near pairs of each point; by default 10, and above 10,000 points 10 + 15·(log₁₀ n − 4), or all there are. More
    /// keeps larger neighbourhoods together, at the cost of detail and time.
    pub neighbours: Option<usize>,
    /// Mid-near pairs for each near one. More favours the large picture.
    pub mid_near_ratio: f64,
    /// Further pairs for each near one. More spreads the map out.
    pub further_ratio: f64,
    /// How often the map is gone over: two ninths for the large picture, two to go over to neighbourhoods, the rest to
    /// work these out.
    pub iterations: usize,
    /// The size of a step (Adam's).
    pub learning_rate: f64,
}

impl Default for Pacmap {
    fn default() -> Self {
        Pacmap {
            dims: 2,
            neighbours: None,
            mid_near_ratio: 0.5,
            further_ratio: 2.0,
            iterations: 450,
            learning_rate: 1.0,
        }
    }
}

/// Neighbours looked at beyond those wanted: near pairs are chosen by another distance.
const BEYOND: usize = 50;

impl Pacmap {
    /// The near pairs of each of so many points: what was asked for, or the default as far as there are points.
    pub fn neighbours_for(&self, points: usize) -> usize {
        let usual = if points <= 10_000 {
            10
        } else {
            (10.0 + 15.0 * ((points as f64).log10() - 4.0)).round() as usize
        };
        self.neighbours.unwrap_or(usual.min(points.saturating_sub(1)))
    }

    /// How many neighbours near pairs are chosen from.
    pub(super) fn candidates_for(&self, points: usize) -> usize {
        (self.neighbours_for(points) + BEYOND).min(points.saturating_sub(1))
    }

    /// Refuses what cannot be laid out with: a `Usage` error naming the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        whole("dims", self.dims, 2, 3)?;
        if let Some(neighbours) = self.neighbours {
            whole("neighbours", neighbours, 1, 10_000)?;
        }
        whole("iterations", self.iterations, 9, 100_000)?;
        real("mid_near_ratio", self.mid_near_ratio, 0.0, 100.0)?;
        real("further_ratio", self.further_ratio, 0.0, 100.0)?;
        real("learning_rate", self.learning_rate, 1e-6, 100.0)
    }

    /// [`Pacmap::check`], and whether there are as many points as were asked for.
    pub(super) fn check_for(&self, points: usize) -> Result<()> {
        self.check()?;
        match self.neighbours {
            Some(neighbours) if neighbours >= points => Err(Error::usage(format!(
                "neighbours {neighbours}: there are only {points} points"
            ))
            .help(match points {
                0 | 1 => "leave neighbours out".to_owned(),
                _ => format!("neighbours may be at most {} here", points - 1),
            })),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn options_out_of_range_are_usage_errors_that_name_them() {
        let good = Pacmap::default();
        good.check_for(1).unwrap();
        let bad = [
            ("dims", Pacmap { dims: 1, ..good.clone() }),
            ("neighbours", Pacmap { neighbours: Some(0), ..good.clone() }),
            ("neighbours", Pacmap { neighbours: Some(30), ..good.clone() }),
            ("iterations", Pacmap { iterations: 8, ..good.clone() }),
            ("mid_near_ratio", Pacmap { mid_near_ratio: -0.5, ..good.clone() }),
            ("further_ratio", Pacmap { further_ratio: f64::NAN, ..good.clone() }),
            ("learning_rate", Pacmap { learning_rate: 0.0, ..good }),
        ];
        for (name, options) in bad {
            let error = options.check_for(30).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().starts_with(name), "{error}");
        }
        assert_eq!(Pacmap::default().candidates_for(20), 19);
    }
}
