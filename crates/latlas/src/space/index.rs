//! `index/NAME-NNNN.hnsw`: a graph index of the vectors of a field, kept with the space.
//!
//! `docs/format.md` holds the bytes. This file knows only that it is a section file and what it was made of; what its
//! sections mean is for [`index::Hnsw`](crate::index::Hnsw).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::manifest::FileAbout;
use super::{Row, Space};
use crate::error::{Error, Result};
use crate::file::{Bytes, SectionKind, Sections};
use crate::geometry::Measure;

/// What a file of an index is.
pub(crate) const INDEX: SectionKind = SectionKind { magic: b"latlasHW", name: "index", version: 1 };

/// What is known about a stored index without reading it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexAbout {
    /// Its name: that of the vector field, unless told otherwise.
    pub name: String,
    /// The vector field it is of.
    pub field: String,
    /// What distance is measured by.
    pub measure: Measure,
    /// The rows there were when it was built; those that were added since are not in it.
    pub rows: u64,
    /// The files of the field's vectors it was built on. While these come first in the space, their rows are where they were.
    pub built_on: Vec<String>,
    /// How it was built and what it was measured to find: options, seed, recall.
    pub about: Map<String, Value>,
}

/// A stored index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredIndex {
    /// What it is.
    #[serde(flatten)]
    pub index: IndexAbout,
    /// Where it is.
    pub file: FileAbout,
}

/// Opens the file of an index; its directory is verified, not its bytes.
pub(super) fn open(bytes: Bytes) -> Result<Sections> {
    Sections::from_bytes(bytes, INDEX)
}

impl Space {
    /// The indexes stored with the space, oldest first; stale ones among them.
    pub fn indexes(&self) -> &[IndexAbout] {
        &self.0.index_abouts
    }

    /// The files of a field's vectors, in row order.
    pub(crate) fn files_of(&self, field: &str) -> Vec<String> {
        let segments = self.0.manifest.segments.iter();
        segments.filter_map(|s| s.fields.get(field).map(|file| file.file.clone())).collect()
    }

    /// Whether the rows that an index was built on are where they were: they may have been deleted since, and others
    /// added, but not moved.
    pub fn holds(&self, index: &IndexAbout) -> bool {
        let files = self.files_of(&index.field);
        !index.built_on.is_empty()
            && files.starts_with(&index.built_on)
            && index.rows <= self.rows() as u64
    }

    /// How many live rows were added since an index was built.
    pub fn added_since(&self, index: &IndexAbout) -> usize {
        let first = index.rows.min(self.rows() as u64) as u32;
        (first..self.rows() as u32).filter(|&row| self.is_live(Row(row))).count()
    }

    /// The file of a stored index, whose bytes have not been checked. An error of kind `Nothing` if there is none of that
    /// name, or its rows have moved.
    pub(crate) fn index_file(&self, name: &str) -> Result<Sections> {
        let called = self.called();
        let at = self.indexes().iter().position(|index| index.name == name);
        let at = at.ok_or_else(|| Error::nothing(format!("{called} has no index '{name}'")))?;
        if !self.holds(&self.indexes()[at]) {
            return Err(Error::nothing(format!(
                "index '{name}' of {called} was built before its rows were moved"
            ))
            .help("latlas index builds it again"));
        }
        Ok(self.0.indexes[at].clone())
    }
}
