//! Building a Space in memory.

use serde_json::Value;

use super::{Dtype, Provenance, Space};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::items::Items;
use crate::linalg::Matrix;

/// Collects the parts of a new Space; `build` checks that they fit together.
pub struct SpaceBuilder {
    _todo: (),
}

impl SpaceBuilder {
    pub(super) fn new(_kind: &str, _items: Items) -> Self {
        todo!()
    }
    /// Adds a vector field stored as f32; row i belongs to item i.
    #[must_use]
    pub fn field(self, _name: &str, _geometry: Geometry, _vectors: Matrix) -> Self {
        todo!()
    }
    /// Stores all fields as this dtype (f32 unless called).
    #[must_use]
    pub fn dtype(self, _dtype: Dtype) -> Self {
        todo!()
    }
    /// Says how the space came to be; may be called more than once.
    #[must_use]
    pub fn provenance(self, _step: Provenance) -> Self {
        todo!()
    }
    /// Records a measurement.
    #[must_use]
    pub fn metric(self, _name: &str, _value: Value) -> Self {
        todo!()
    }
    /// Records something that must not take part in "same seed, same bytes": wall time, host, threads.
    #[must_use]
    pub fn run_fact(self, _name: &str, _value: Value) -> Self {
        todo!()
    }
    /// The space: an error names the row and column of a NaN or infinity, a field of the wrong length, or a missing "main".
    pub fn build(self) -> Result<Space> {
        todo!()
    }
}
