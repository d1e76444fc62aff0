//! The trait of all metrics.

/// A distance between vectors of f32, split so that a search does only the work that changes between rows.
///
/// `prepare` is computed once a row and kept, `rank` is computed for every pair, `distance` only for the few pairs
/// that are answered. The laws (`tests/metric.rs`): distance(rank(a, b)) is symmetric, ≥ 0, and 0 for a = b (but
/// see [`super::Cosine`] for zero vectors); a smaller rank is a smaller distance; NaN in either vector gives NaN.
/// Both vectors must have the same length (panics otherwise) and components whose squares neither overflow nor
/// vanish in f32, about 1e−15 to 1e15 or 0.
pub trait Metric: Copy + Send + Sync {
    /// The name used on the command line and in files.
    const NAME: &'static str;

    /// Whether d(a, c) ≤ d(a, b) + d(b, c) holds.
    const TRIANGLE: bool;

    /// The number that `rank` wants to know of each vector, for instance its norm.
    fn prepare(&self, a: &[f32]) -> f32;

    /// A number that orders pairs as their distances do. `pa` and `pb` are what `prepare` gave.
    fn rank(&self, a: &[f32], pa: f32, b: &[f32], pb: f32) -> f32;

    /// The distance that belongs to a rank.
    fn distance(&self, rank: f32) -> f32;

    /// The distance of two vectors met for the first time.
    fn between(&self, a: &[f32], b: &[f32]) -> f32 {
        self.distance(self.rank(a, self.prepare(a), b, self.prepare(b)))
    }
}
