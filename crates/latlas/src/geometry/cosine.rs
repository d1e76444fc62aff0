//! 1 − cos(a, b).

use super::Metric;
use crate::kernels;

/// d(a, b) = 1 − a·b / (‖a‖‖b‖), in [0, 2]. Symmetric; 0 between vectors of one direction; not a metric in the
/// strict sense, as the triangle inequality fails (it holds for √d and for the angle). A zero vector has no
/// direction: it has distance 1 to everything, itself included, as an unrelated direction would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cosine;

impl Metric for Cosine {
    const NAME: &'static str = "cosine";
    const TRIANGLE: bool = false;

    /// 1/‖a‖, and 0 for the zero vector.
    fn prepare(&self, a: &[f32]) -> f32 {
        let squared = kernels::dot(a, a);
        if squared == 0.0 { 0.0 } else { 1.0 / squared.sqrt() }
    }

    /// −cos(a, b); the norms are multiplied first, which keeps it symmetric to the bit.
    fn rank(&self, a: &[f32], pa: f32, b: &[f32], pb: f32) -> f32 {
        -kernels::dot(a, b) * (pa * pb)
    }

    fn distance(&self, rank: f32) -> f32 {
        (1.0 + rank).clamp(0.0, 2.0)
    }
}
