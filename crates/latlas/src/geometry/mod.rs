//! Layer 2: distances. One metric a file; the enum is matched once, at the door.

use serde::{Deserialize, Serialize};

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
