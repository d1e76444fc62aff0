//! Layer 4: the Space: ids, vectors, geometry, columns, maps and provenance; the only artefact that is saved.
//! `docs/format.md` is the byte-level specification of its directory.

mod builder;
mod edit;
pub mod formats;
mod manifest;

use arrow_array::StringArray;
use std::path::Path;

use crate::error::Result;
use crate::geometry::Geometry;
use crate::items::{ColumnKind, Items};
use crate::linalg::Matrix;

pub use builder::SpaceBuilder;
pub use edit::Edit;
pub use manifest::{MapAbout, Provenance};

/// An item's place within one generation of one Space; the string id is what lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub u32);

impl Row {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An opened (or just learned) Space. Never changes; cheap to clone.
#[derive(Clone)]
pub struct Space {
    _todo: (),
}

impl Space {
    /// Opens a space by mapping its files, in time independent of the number of vectors. Verifies the manifest's
    /// checksum and every file's length and header, not every byte (that is `check`).
    pub fn open(_path: &Path) -> Result<Self> {
        todo!()
    }
    /// Like `open`, with all files read into memory: safe against programs that shorten files.
    pub fn open_owned(_path: &Path) -> Result<Self> {
        todo!()
    }
    /// Starts a new space in memory; `kind` names what it was learned by or from ("word2vec", "import").
    pub fn builder(kind: &str, items: Items) -> SpaceBuilder {
        SpaceBuilder::new(kind, items)
    }
    /// Publishes this space at `path` atomically: a killed writer leaves what was there before. An existing space
    /// there is replaced as its next generation; a path that holds something else is refused.
    pub fn save(&self, _path: &Path) -> Result<()> {
        todo!()
    }
    /// Takes the writer's lock on the space at `path`; a second writer gets an error naming the first.
    pub fn edit(path: &Path) -> Result<Edit> {
        Edit::begin(path)
    }

    /// The kind given to the builder.
    pub fn kind(&self) -> &str {
        todo!()
    }
    /// The number of live items.
    pub fn count(&self) -> usize {
        todo!()
    }
    /// The number of rows, deleted ones included: every `Row` is below it.
    pub fn rows(&self) -> usize {
        todo!()
    }
    /// Whether a row exists and has not been deleted.
    pub fn is_live(&self, _row: Row) -> bool {
        todo!()
    }
    /// The live rows in order.
    pub fn live(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        todo!()
    }
    /// The live row of an id, if there is one.
    pub fn get(&self, _id: &str) -> Option<Row> {
        todo!()
    }
    /// The live row of an id, or an error of kind `Nothing` that suggests the closest ids.
    pub fn find(&self, _id: &str) -> Result<Row> {
        todo!()
    }
    /// The live ids closest in spelling (case and accents first, then edit distance), best first.
    pub fn similar_ids(&self, _id: &str, _most: usize) -> Vec<String> {
        todo!()
    }
    /// The id of a row ("" for bytes that a corrupt file makes unreadable).
    pub fn id(&self, _row: Row) -> &str {
        todo!()
    }

    /// The vector fields, "main" first.
    pub fn fields(&self) -> &[FieldAbout] {
        todo!()
    }
    /// A vector field by name; `Usage` error naming those there are.
    pub fn field(&self, _name: &str) -> Result<Field> {
        todo!()
    }
    /// The names and kinds of the metadata columns.
    pub fn columns(&self) -> &[(String, ColumnKind)] {
        todo!()
    }
    /// Ids and the named columns (all if `None`) of the live rows, in row order; an unknown name is an error with the closest one.
    pub fn items(&self, _columns: Option<&[&str]>) -> Result<Items> {
        todo!()
    }
    /// The maps stored with the space.
    pub fn maps(&self) -> &[MapAbout] {
        todo!()
    }
    /// A stored map's table (`id`, `x`, `y`, …): with `None` the newest. A stale map (built on other rows) is an error that says how to rebuild it.
    pub fn map(&self, _name: Option<&str>) -> Result<(MapAbout, Items)> {
        todo!()
    }
    /// How this space came to be, oldest first.
    pub fn provenance(&self) -> &[Provenance] {
        todo!()
    }
    /// What was measured while learning: {"loss":[…], "words_per_second":…}.
    pub fn metrics(&self) -> &serde_json::Map<String, serde_json::Value> {
        todo!()
    }
    /// The generation, 1 for a space saved for the first time, 0 for one never saved.
    pub fn generation(&self) -> u64 {
        todo!()
    }
}

/// What is known about a vector field without reading it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FieldAbout {
    /// "main", or what the model adds: "output", "mu", …
    pub name: String,
    /// The number of components of each vector.
    pub dim: usize,
    /// How the numbers are stored.
    pub dtype: Dtype,
    /// How distance is measured.
    pub geometry: Geometry,
}

/// How the numbers of a field are stored on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floats, little-endian.
    F32,
    /// 16-bit floats, little-endian.
    F16,
}

/// The vectors of one field: segments in row order. Owns what it needs (Arc inside); cheap to clone.
#[derive(Clone)]
pub struct Field {
    _todo: (),
}

/// A run of consecutive rows of a field.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Stored as f32: usable in place.
    F32(&'a [f32]),
    /// Stored as f16: to be widened.
    F16(&'a [half::f16]),
}

impl Field {
    /// Name, dimension, dtype and geometry.
    pub fn about(&self) -> &FieldAbout {
        todo!()
    }
    /// The dimension.
    pub fn dim(&self) -> usize {
        self.about().dim
    }
    /// The number of rows, deleted ones included.
    pub fn rows(&self) -> usize {
        todo!()
    }
    /// The segments: first row, and their numbers row after row.
    pub fn segments(&self) -> Box<dyn Iterator<Item = (Row, Rows<'_>)> + '_> {
        todo!()
    }
    /// Copies (and widens) one vector; panics if `out` has another length or the row does not exist.
    pub fn read(&self, _row: Row, _out: &mut [f32]) {
        todo!()
    }
    /// Copies (and widens) the vectors of these rows into a matrix.
    pub fn gather(&self, _rows: &[Row]) -> Matrix {
        todo!()
    }
}

/// Used by readers of maps and tables: the ids as an Arrow array, in row order.
pub type Ids = StringArray;
