//! A new point on a map that stays as it is (Poličar, Stražar & Zupan, Machine Learning 112, 2021; openTSNE's `transform`).
//!
//! Its p(j|i) to the nearest mapped points is calibrated to the map's own perplexity, and the divergence of this one row is lowered:
//!
//! ```text
//! qⱼ = wⱼ / Z,   wⱼ = 1 / (1 + ‖y − yⱼ‖²),   Z = Σⱼ wⱼ over all mapped points
//! C  = ρ · Σⱼ pⱼ ln(1 + ‖y − yⱼ‖²) + ln Z                       ρ the map's `exaggeration`
//! ∂C/∂y = 2ρ · Σⱼ pⱼ wⱼ (y − yⱼ) − 2/Z · Σⱼ wⱼ² (y − yⱼ)
//! ```
//!
//! from the weighted median of its neighbours. Sums over all mapped points go by the tree of cells, which is built once.

use super::affinities::{add_weights, square};
use super::tree::Tree;
use super::{ALL_PAIRS, Tsne};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::linalg::Matrix;
use crate::map::Layout;
use crate::map::place::{Newcomer, Place, Slope, lowest, median, positions};

impl Tsne {
    /// What places points on this map.
    pub(in crate::map) fn placing(
        &self,
        map: &Matrix,
        geometry: Geometry,
    ) -> Result<Box<dyn Place>> {
        self.check(map.rows())?;
        Ok(if self.dims == 2 {
            Box::new(Placing::<2>::new(self, map, geometry))
        } else {
            Box::new(Placing::<3>::new(self, map, geometry))
        })
    }
}

/// A map at rest.
struct Placing<const D: usize> {
    at: Vec<[f32; D]>,
    tree: Tree<D>,
    neighbours: usize,
    perplexities: Vec<f64>,
    exaggeration: f64,
    geometry: Geometry,
}

impl<const D: usize> Placing<D> {
    fn new(tsne: &Tsne, map: &Matrix, geometry: Geometry) -> Self {
        let at: Vec<[f32; D]> = positions(map);
        // Few points are summed out: no cell counts as one.
        let theta = if map.rows() <= ALL_PAIRS { 0.0 } else { tsne.theta };
        Placing {
            tree: Tree::over(theta, &at),
            at,
            neighbours: tsne.neighbours(map.rows()),
            perplexities: tsne.perplexity.clone(),
            exaggeration: tsne.exaggeration,
            geometry,
        }
    }
}

impl<const D: usize> Place for Placing<D> {
    fn neighbours(&self) -> usize {
        self.neighbours
    }

    fn place(&self, new: &Newcomer<'_>, out: &mut [f32]) {
        let squared: Vec<f64> = new.distances.iter().map(|&d| square(d, self.geometry)).collect();
        let mut p = vec![0.0; squared.len()];
        for &perplexity in &self.perplexities {
            add_weights(&squared, perplexity, &mut p);
        }
        let share = 1.0 / self.perplexities.len() as f64;
        let near: Vec<([f32; D], f64)> =
            new.neighbours.iter().zip(&p).map(|(&j, p)| (self.at[j as usize], p * share)).collect();
        let y = lowest(median(&near), |y| {
            let own = y.map(|x| x as f32);
            let (z, push) = self.tree.walk(&own);
            let mut slope = Slope { value: z.ln(), gradient: [0.0; D], curvature: 0.0 };
            for (other, p) in &near {
                let off: [f64; D] = std::array::from_fn(|d| y[d] - f64::from(other[d]));
                let below = 1.0 + off.iter().map(|x| x * x).sum::<f64>();
                let weight = self.exaggeration * p;
                slope.value += weight * below.ln();
                slope.curvature += 2.0 * weight / below;
                for (sum, x) in slope.gradient.iter_mut().zip(off) {
                    *sum += 2.0 * weight / below * x;
                }
            }
            for (sum, push) in slope.gradient.iter_mut().zip(push) {
                *sum -= 2.0 * f64::from(push) / z;
            }
            slope
        });
        out.copy_from_slice(&y.map(|x| x as f32));
    }
}
