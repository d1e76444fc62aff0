//! How much of the truth a graph holds.

use rand_xoshiro::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::Graph;
use super::measured::{Measured, Scratch};
use super::points::Points;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::linalg::RowSource;
use crate::run::Run;

/// The name of the random stream of the sample: "recall".
const STREAM: u64 = 0x0000_7265_6361_6c6c;

/// The mean share of the true k nearest that a graph holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// The mean over the sampled points, in [0, 1].
    pub value: f64,
    /// Its standard error from sampling; 0 where every point was measured.
    pub standard_error: f64,
    /// How many points were measured.
    pub sampled: usize,
}

impl Graph {
    /// How much of the truth this graph of `points` holds: on a sample of the points (all, if there are no more), the share
    /// of their neighbours that are no farther than the true k-th nearest. Costs a comparison of each sampled point
    /// with every other.
    pub fn measured(
        &self,
        points: &dyn RowSource,
        geometry: Geometry,
        sample: usize,
        run: &Run,
    ) -> Result<Recall> {
        let n = points.rows();
        if n != self.len() {
            return Err(Error::data(format!("a graph of {} points for {n} vectors", self.len())));
        }
        if sample < 2 {
            return Err(Error::usage(format!(
                "a sample of {sample} has no error; take at least 2"
            )));
        }
        let members = sampled(n, sample, run);
        let points = Points::new(points, geometry, run)?;
        let measured = Measured { points: &points, k: self.k };
        let truth = measured.of_some(&members, run)?;
        let mut scratch = Scratch::default();
        let shares: Vec<f64> = members
            .iter()
            .zip(truth)
            .map(|(&point, truth)| {
                let kth = truth.last().map_or(0.0, |near| near.0);
                let own = self.neighbours(point as usize);
                let own = measured.measure(point, own, false, &mut scratch);
                own.iter().filter(|near| near.0 <= kth).count() as f64 / self.k as f64
            })
            .collect();
        let m = shares.len() as f64;
        let value = shares.iter().sum::<f64>() / m;
        let variance = shares.iter().map(|x| (x - value).powi(2)).sum::<f64>() / (m - 1.0);
        let error = (variance / m * (1.0 - m / n as f64)).max(0.0).sqrt();
        Ok(Recall { value, standard_error: error, sampled: members.len() })
    }
}

/// `size` of 0..n in order, each set equally likely (Knuth, TAOCP 2, §3.4.2, algorithm S).
fn sampled(n: usize, size: usize, run: &Run) -> Vec<u32> {
    let mut random = run.stream(&[STREAM]);
    let mut wanted = size.min(n) as u64;
    let mut chosen = Vec::with_capacity(size.min(n));
    for point in 0..n {
        // Lemire's multiplication: uniform below what is left, to 2⁻³².
        let draw = (u128::from(random.next_u64()) * (n - point) as u128) >> 64;
        if draw < u128::from(wanted) {
            chosen.push(point as u32);
            wanted -= 1;
        }
    }
    chosen
}
