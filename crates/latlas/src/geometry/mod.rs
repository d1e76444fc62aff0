//! Layer 2: distances. One metric a file; the enums are matched once, at the door.
//!
//! | | distance | zero vector |
//! |---|---|---|
//! | [`Euclidean`] | ‖a−b‖ | a point like any other |
//! | [`Cosine`] | 1 − cos(a, b), in [0, 2] | distance 1 to everything, itself included |
//! | [`Measure::Dot`] | −a·b: for searching only, it is no metric | similarity 0 to everything |
//!
//! Everywhere a smaller distance is closer, ties are ordered by row, and NaN ranks last.

mod cosine;
mod euclidean;
mod measure;
mod metric;

use serde::{Deserialize, Serialize};

pub use cosine::Cosine;
pub use euclidean::Euclidean;
pub use measure::Measure;
pub use metric::Metric;

/// How distance is measured in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Geometry {
    /// ‖a−b‖.
    Euclidean,
    /// 1 − cos(a, b), in [0, 2]; a zero vector has distance 1 to everything.
    Cosine,
}

impl Geometry {
    /// What a search in this geometry measures by.
    pub fn measure(self) -> Measure {
        match self {
            Geometry::Euclidean => Measure::Euclidean,
            Geometry::Cosine => Measure::Cosine,
        }
    }
}
