//! Changing a space: each change writes new files and publishes a new generation of `space.json`.

use std::path::Path;

use super::{Provenance, Row, Space};
use crate::error::Result;
use crate::items::{Column, Items};

/// A writer's hold on a space on disk: the lock, the space as it is, and what will change. Nothing is visible to
/// readers until `publish`; dropping it leaves the space as it was.
pub struct Edit {
    _todo: (),
}

impl Edit {
    pub(super) fn begin(_path: &Path) -> Result<Self> {
        todo!()
    }
    /// The space as it was when the edit began.
    pub fn space(&self) -> &Space {
        todo!()
    }
    /// Appends all live items of another space as a new segment: same field names and dims; columns are matched by
    /// name, missing ones stay empty. An id that is live already is an error naming it.
    pub fn append(&mut self, _other: &Space) -> Result<()> {
        todo!()
    }
    /// Marks rows as deleted.
    pub fn delete(&mut self, _rows: &[Row]) -> Result<()> {
        todo!()
    }
    /// Adds or replaces columns; row i of each belongs to the i-th live item.
    pub fn set_columns(&mut self, _columns: Vec<Column>) -> Result<()> {
        todo!()
    }
    /// Stores a map of the live items: a table `id, x, y(, z), …` in any order of ids, with its parameters and
    /// figures as JSON. A map of that name is replaced.
    pub fn set_map(
        &mut self,
        _name: &str,
        _table: &Items,
        _about: serde_json::Value,
    ) -> Result<()> {
        todo!()
    }
    /// Rewrites the space as one segment without deleted rows.
    pub fn compact(&mut self) -> Result<()> {
        todo!()
    }
    /// Publishes the next generation and gives the new space.
    pub fn publish(self, _step: Provenance) -> Result<Space> {
        todo!()
    }
}
