//! A new point on a map that stays as it is.
//!
//! Its memberships in the neighbourhoods of mapped points are those of the fuzzy graph ([`super::fuzzy`]), in one direction: nobody on
//! the map looks at it. It begins at their weighted mean, is pulled by links that are due by their strength, and pushed by mapped points
//! drawn at random, with steps from a quarter of `learning_rate` down to 0, a third as many epochs as the map took.

use super::Umap;
use super::curve::Curve;
use super::forces::Forces;
use super::fuzzy::Fuzziness;
use super::optimise::PASSES;
use super::turns::{Draws, due};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::map::place::{Newcomer, Place, positions};

/// The share of epochs, and of the learning rate, that a new point gets.
const EPOCHS: f64 = 1.0 / 3.0;
const RATE: f64 = 0.25;

impl Umap {
    /// What places points on this map.
    pub(in crate::map) fn placing(&self, map: &Matrix) -> Result<Box<dyn Place>> {
        self.check()?;
        Ok(if self.dims == 2 {
            Box::new(Placing::<2>::new(self, map))
        } else {
            Box::new(Placing::<3>::new(self, map))
        })
    }
}

/// A map at rest.
struct Placing<const D: usize> {
    at: Vec<[f32; D]>,
    fuzziness: Fuzziness,
    forces: Forces,
    passes: u64,
    rate: f64,
    negatives: usize,
}

impl<const D: usize> Placing<D> {
    fn new(umap: &Umap, map: &Matrix) -> Self {
        let curve = Curve::fit(umap.spread, umap.min_dist);
        let epochs = (umap.epochs_for(map.rows()) as f64 * EPOCHS).ceil() as u64;
        Placing {
            at: positions(map),
            fuzziness: umap.fuzziness(map.rows()),
            forces: Forces::new(curve.a, curve.b, umap.repulsion_strength),
            passes: epochs * PASSES,
            rate: umap.learning_rate * RATE,
            negatives: umap.negative_sample_rate,
        }
    }
}

impl<const D: usize> Place for Placing<D> {
    fn neighbours(&self) -> usize {
        self.fuzziness.neighbours.saturating_sub(1)
    }

    fn place(&self, new: &Newcomer<'_>, out: &mut [f32]) {
        let strengths = self.fuzziness.memberships(new.distances);
        if strengths.is_empty() {
            // Everything is too far to be a neighbour: it stands by what is nearest.
            out.copy_from_slice(&self.at[new.neighbours[0] as usize]);
            return;
        }
        let mut mean = [0.0_f64; D];
        for (&j, &strength) in new.neighbours.iter().zip(&strengths) {
            for (sum, &x) in mean.iter_mut().zip(&self.at[j as usize]) {
                *sum += f64::from(strength) * f64::from(x);
            }
        }
        let total: f64 = strengths.iter().map(|&strength| f64::from(strength)).sum();
        let mut y = mean.map(|sum| (sum / total) as f32);
        let rate = |&strength: &f32| {
            (f64::from(strength) * 2.0_f64.powi(32)).min(f64::from(u32::MAX)) as u32
        };
        let rates: Vec<u32> = strengths.iter().map(rate).collect();
        for pass in 0..self.passes {
            let step = (self.rate * (1.0 - pass as f64 / self.passes as f64)) as f32;
            let pushes = (self.negatives + (pass % PASSES) as usize) / PASSES as usize;
            let mut draws = Draws::new(new.key, pass as usize);
            for (&j, &rate) in new.neighbours.iter().zip(&rates) {
                if due(pass as u32 + 1, rate) {
                    let to = &self.at[j as usize];
                    self.forces.link(&mut y, to, None, pushes, step, || {
                        self.at[draws.next(self.at.len())]
                    });
                }
            }
        }
        out.copy_from_slice(&y);
    }
}
