//! ‖a − b‖.

use super::Metric;
use crate::kernels;

/// d(a, b) = ‖a − b‖, ranked by its square. Computed from the differences, not from norms and a dot product, so
/// that close pairs of long vectors keep their relative accuracy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Euclidean;

impl Metric for Euclidean {
    const NAME: &'static str = "euclidean";
    const TRIANGLE: bool = true;

    /// Nothing: 0.
    fn prepare(&self, _: &[f32]) -> f32 {
        0.0
    }

    /// ‖a − b‖².
    fn rank(&self, a: &[f32], _: f32, b: &[f32], _: f32) -> f32 {
        kernels::squared_l2(a, b)
    }

    fn distance(&self, rank: f32) -> f32 {
        rank.sqrt()
    }
}
