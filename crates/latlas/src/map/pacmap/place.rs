//! A new point on a map that stays as it is: near pairs with the nearest mapped points, further pairs with others drawn at random, and
//! the weights of the last phase, in which neighbourhoods are worked out ([`super::optimise`] has the losses).
//!
//! It begins at the median of its near points. These are the nearest by distance: unlike those of the map they are not weighed
//! by the scale of the other end.

use super::Pacmap;
use super::optimise::{FURTHER, NEAR};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::map::place::{Newcomer, Place, Slope, lowest, median, positions};
use rand_xoshiro::rand_core::Rng;

impl Pacmap {
    /// What places points on this map.
    pub(in crate::map) fn placing(&self, map: &Matrix) -> Result<Box<dyn Place>> {
        self.check()?;
        let near = self.neighbours_for(map.rows()).clamp(1, map.rows());
        let further = (self.further_ratio * near as f64).round() as usize;
        Ok(if self.dims == 2 {
            Box::new(Placing::<2> { at: positions(map), near, further })
        } else {
            Box::new(Placing::<3> { at: positions(map), near, further })
        })
    }
}

/// A map at rest.
struct Placing<const D: usize> {
    at: Vec<[f32; D]>,
    near: usize,
    further: usize,
}

impl<const D: usize> Place for Placing<D> {
    fn neighbours(&self) -> usize {
        self.near
    }

    fn place(&self, new: &Newcomer<'_>, out: &mut [f32]) {
        let near = &new.neighbours[..self.near.min(new.neighbours.len())];
        let near: Vec<([f32; D], f64)> = near.iter().map(|&j| (self.at[j as usize], 1.0)).collect();
        let mut random = crate::run::stream(new.key, &[]);
        let mut draw = || ((u64::from(random.next_u32()) * self.at.len() as u64) >> 32) as u32;
        let mut further = Vec::with_capacity(self.further);
        // A few draws more than wanted, as those that are near do not count; on small maps all may be.
        for _ in 0..2 * self.further {
            let other = draw();
            if further.len() < self.further && !new.neighbours.contains(&other) {
                further.push(self.at[other as usize]);
            }
        }
        let y = lowest(median(&near), |y| {
            let mut slope = Slope { value: 0.0, gradient: [0.0; D], curvature: 0.0 };
            let off = |other: &[f32; D]| -> ([f64; D], f64) {
                let off: [f64; D] = std::array::from_fn(|d| y[d] - f64::from(other[d]));
                (off, 1.0 + off.iter().map(|x| x * x).sum::<f64>())
            };
            for (other, _) in &near {
                let (off, d) = off(other);
                let below = f64::from(NEAR) + d;
                let pull = 2.0 * f64::from(NEAR) / (below * below);
                slope.value += d / below;
                slope.curvature += pull;
                slope.gradient.iter_mut().zip(off).for_each(|(sum, x)| *sum += pull * x);
            }
            for other in &further {
                let (off, d) = off(other);
                let below = f64::from(FURTHER) + d;
                slope.value += 1.0 / below;
                let push = 2.0 / (below * below);
                slope.gradient.iter_mut().zip(off).for_each(|(sum, x)| *sum -= push * x);
            }
            slope
        });
        out.copy_from_slice(&y.map(|x| x as f32));
    }
}
