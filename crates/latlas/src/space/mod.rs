//! Layer 4: the Space: ids, vectors, geometry, columns, maps and provenance; the only artefact that is saved.
//! `docs/format.md` is the byte-level specification of its directory.

mod builder;
mod changes;
mod check;
mod deleted;
mod draft;
mod edit;
mod encoder;
pub mod fasttext;
mod field;
pub mod formats;
mod graph;
#[doc(hidden)] // public for fuzzing
pub mod ids;
mod index;
mod layout;
mod lookup;
#[doc(hidden)] // public for fuzzing
pub mod manifest;
mod model;
pub mod npy;
pub mod npz;
mod open;
mod repair;
mod save;
mod similar;
mod table;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::file::Sections;
use crate::items::{ColumnKind, Items};

use deleted::Deleted;
use ids::IdTable;
use manifest::Manifest;
use table::Table;

pub use builder::SpaceBuilder;
#[doc(hidden)] // public for fuzzing
pub use changes::read_log;
pub use changes::{Change, Changed, Given, Points, Writer};
pub use check::{CheckReport, Problem, check};
pub use edit::Edit;
pub use encoder::{Encoder, ItemBatch, Modality, Placement, Registry, VectorBatch, encode_all};
pub use field::{Dtype, Field, FieldAbout, Rows};
pub(crate) use graph::check_lists;
pub use graph::{GraphAbout, GraphLists};
pub(crate) use index::INDEX;
pub use index::IndexAbout;
pub use layout::{sweep_work, work_dir};
pub use manifest::{MapAbout, Provenance};
pub use model::{
    Model, ModelAbout, ModelBuilder, NumberType, Numbers, Tensor, TensorAbout, Values,
};
pub use save::SaveOptions;
pub use texts::{TextPlace, TextReading, place_text};

/// An item's place within one generation of one Space; the string id is what lasts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Row(pub u32);

impl Row {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An opened (or just learned) Space. Never changes; cheap to clone.
#[derive(Debug, Clone)]
pub struct Space(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    /// Where it was opened; `None` in memory.
    path: Option<PathBuf>,
    /// What `space.json` says; of a space in memory, what it would say, without files.
    manifest: Manifest,
    segments: Vec<Segment>,
    fields: Vec<Field>,
    columns: Vec<(String, ColumnKind)>,
    deleted: Option<Deleted>,
    /// As in the manifest, and the tables.
    maps: Vec<MapAbout>,
    map_tables: Vec<Table>,
    /// As in the manifest, and the lists.
    graph_abouts: Vec<GraphAbout>,
    graphs: Vec<GraphLists>,
    /// As in the manifest, and the files.
    index_abouts: Vec<IndexAbout>,
    indexes: Vec<Sections>,
    model: Option<Model>,
    /// Changes that lie over the generation.
    changes: usize,
    /// What messages call it instead of its path.
    known_as: Option<String>,
}

/// A run of rows that were written together.
#[derive(Debug, Clone)]
struct Segment {
    first: usize,
    rows: usize,
    ids: IdTable,
    items: Table,
}

impl Space {
    /// Opens a space by mapping its files, in time independent of the number of vectors. Verifies the manifest's
    /// checksum and every file's length and header, not every byte (that is `check`).
    pub fn open(path: &Path) -> Result<Self> {
        open::open(path, false)
    }

    /// Like `open`, with all files read into memory: safe against programs that shorten files.
    pub fn open_owned(path: &Path) -> Result<Self> {
        open::open(path, true)
    }

    /// Starts a new space in memory; `kind` names what it was learned by or from ("word2vec", "import").
    pub fn builder(kind: &str, items: Items) -> SpaceBuilder {
        SpaceBuilder::new(kind, items)
    }

    /// Publishes this space at `path` atomically: a killed writer leaves what was there before. An existing space
    /// there is replaced as its next generation; a path that holds something else is refused.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_with(path, &SaveOptions::default())
    }

    /// `save`, with a say in what is left out.
    pub fn save_with(&self, path: &Path, options: &SaveOptions) -> Result<()> {
        save::save(self, path, *options)
    }

    /// Takes the writer's lock on the space at `path`; a second writer gets an error naming the first.
    pub fn edit(path: &Path) -> Result<Edit> {
        Edit::begin(path)
    }

    /// Where this space was opened; `None` for one in memory.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The same space, which messages call by this name instead of by its path: for readers whom the path does not concern.
    #[must_use]
    pub fn known_as(&self, name: &str) -> Self {
        Space(Arc::new(Inner { known_as: Some(name.to_owned()), ..Inner::clone(&self.0) }))
    }

    /// The kind given to the builder.
    pub fn kind(&self) -> &str {
        &self.0.manifest.kind
    }

    /// The number of live items.
    pub fn count(&self) -> usize {
        self.0.manifest.count as usize
    }

    /// The number of rows, deleted ones included: every `Row` is below it.
    pub fn rows(&self) -> usize {
        self.0.segments.last().map_or(0, |s| s.first + s.rows)
    }

    /// Whether a row exists and has not been deleted.
    pub fn is_live(&self, row: Row) -> bool {
        row.index() < self.rows()
            && !self.0.deleted.as_ref().is_some_and(|d| d.contains(row.index()))
    }

    /// The live rows in order.
    pub fn live(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        let rows = (0..self.rows() as u32).map(Row);
        match &self.0.deleted {
            None => Box::new(rows),
            Some(deleted) => Box::new(rows.filter(|row| !deleted.contains(row.index()))),
        }
    }

    /// The live row of an id, if there is one.
    pub fn get(&self, id: &str) -> Option<Row> {
        // An id deleted in one segment may live on in a later one.
        let rows =
            self.0.segments.iter().rev().filter_map(|s| Some(Row(s.first as u32 + s.ids.row(id)?)));
        { rows }.find(|&row| self.is_live(row))
    }

    /// The live row of an id, or an error of kind `Nothing` that suggests the closest ids.
    pub fn find(&self, id: &str) -> Result<Row> {
        self.get(id).ok_or_else(|| similar::unknown(self, id))
    }

    /// The live ids closest in spelling (case and accents first, then edit distance), best first.
    pub fn similar_ids(&self, id: &str, most: usize) -> Vec<String> {
        similar::ids(self, id, most)
    }

    /// The id of a row ("" for bytes that a corrupt file makes unreadable, and for a row that does not exist).
    pub fn id(&self, row: Row) -> &str {
        self.segment(row).map_or("", |s| s.ids.id(row.index() - s.first))
    }

    /// The vector fields, "main" first.
    pub fn fields(&self) -> &[FieldAbout] {
        &self.0.manifest.fields
    }

    /// A vector field by name; `Usage` error naming those there are.
    pub fn field(&self, name: &str) -> Result<Field> {
        self.0.fields.iter().find(|f| f.about().name == name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.fields().iter().map(|f| f.name.as_str()).collect();
            Error::usage(format!("there is no vector field '{name}'"))
                .help(format!("this space has: {}", names.join(", ")))
        })
    }

    /// The names and kinds of the metadata columns.
    pub fn columns(&self) -> &[(String, ColumnKind)] {
        &self.0.columns
    }

    /// Ids and the named columns (all if `None`) of the live rows, in row order; an unknown name is an error with the closest one.
    pub fn items(&self, columns: Option<&[&str]>) -> Result<Items> {
        table::items(self, columns)
    }

    /// The maps stored with the space, oldest first.
    pub fn maps(&self) -> &[MapAbout] {
        &self.0.maps
    }

    /// Whether a stored map was built on the rows as they are now.
    pub fn is_fresh(&self, map: &MapAbout) -> bool {
        self.has_rows_of(map.generation)
    }

    /// Whether the rows are those of this generation: what was built on them then is not stale.
    pub fn has_rows_of(&self, generation: u64) -> bool {
        generation == self.0.manifest.rows_generation
    }

    /// The graphs of nearest neighbours stored with the space, oldest first; stale ones among them.
    pub fn graphs(&self) -> &[GraphAbout] {
        &self.0.graph_abouts
    }

    /// The lists of a stored graph, whose bytes have not been checked. An error of kind `Nothing` if there is none of
    /// that name, or it was built on other rows than those of now.
    pub fn graph(&self, name: &str) -> Result<GraphLists> {
        let called = self.called();
        let at = self.0.graph_abouts.iter().position(|g| g.name == name);
        let at = at.ok_or_else(|| {
            Error::nothing(format!("{called} has no graph of neighbours '{name}'"))
        })?;
        let lists = &self.0.graphs[at];
        if !self.has_rows_of(self.0.graph_abouts[at].generation) {
            return Err(Error::nothing(format!(
                "graph '{name}' of {called} was built before items were added or deleted"
            )));
        }
        if lists.len() != self.count() {
            return Err(Error::data(format!(
                "graph '{name}' of {called} is of {} items, not of {}",
                lists.len(),
                self.count()
            ))
            .help("latlas check --repair drops it"));
        }
        Ok(lists.clone())
    }

    /// A stored map's table (`id`, `x`, `y`, …), rows in the order of the live items: with `None` the newest. A
    /// stale map (built on other rows) is an error that says how to rebuild it.
    pub fn map(&self, name: Option<&str>) -> Result<(MapAbout, Items)> {
        table::map(self, name)
    }

    /// A stored map's table as it was made, stale or not: rows are the items of then, in their order. With `None` the
    /// newest.
    pub fn earlier_map(&self, name: Option<&str>) -> Result<(MapAbout, Items)> {
        table::earlier_map(self, name)
    }

    /// The xxh3 of a stored map's table, as 16 hexadecimal digits; `None` if there is no such map on disk.
    pub fn map_hash(&self, name: &str) -> Option<&str> {
        let maps = self.0.manifest.maps.iter();
        { maps }.find(|m| m.map.name == name).map(|m| m.file.xxh3.as_str())
    }

    /// Whether an item of the same id was deleted before this one came; what was known of that id then may not be of it.
    pub fn came_again(&self, row: Row) -> bool {
        let earlier = self.0.segments.iter().take_while(|s| s.first + s.rows <= row.index());
        let id = self.id(row);
        { earlier }.any(|segment| segment.ids.row(id).is_some())
    }

    /// What its encoder needs beside the items, if that was kept.
    pub fn model(&self) -> Option<Model> {
        self.0.model.clone()
    }

    /// How this space came to be, oldest first.
    pub fn provenance(&self) -> &[Provenance] {
        &self.0.manifest.provenance
    }

    /// What was measured while learning: {"loss":[…], "words_per_second":…}.
    pub fn metrics(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0.manifest.metrics
    }

    /// What takes no part in "same seed, same bytes": host, times, threads.
    pub fn run_facts(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0.manifest.run
    }

    /// The generation, 1 for a space saved for the first time, 0 for one never saved.
    pub fn generation(&self) -> u64 {
        self.0.manifest.generation
    }

    /// How many changes were made since this generation was published, and are in its log: a [`Writer`]'s. They count, and the
    /// next [`Edit`] makes them part of what it publishes.
    pub fn changes(&self) -> usize {
        self.0.changes
    }

    /// The generation whose log holds the changes since this one: another after a repair.
    fn logged(&self) -> u64 {
        self.0.manifest.logged()
    }

    /// The bytes of all files of this generation but `space.json`; 0 in memory.
    pub fn bytes(&self) -> u64 {
        self.0.manifest.files().map(|f| f.bytes).sum()
    }

    /// How many segments the rows are in; `compact` makes them one.
    pub fn segments(&self) -> usize {
        self.0.segments.len()
    }

    fn segment(&self, row: Row) -> Option<&Segment> {
        let after = self.0.segments.partition_point(|s| s.first <= row.index());
        self.0.segments[..after].last().filter(|s| row.index() < s.first + s.rows)
    }

    /// How messages call it.
    fn called(&self) -> String {
        let path = || self.path().map(|path| path.display().to_string());
        self.0.known_as.clone().or_else(path).unwrap_or_else(|| "this space".into())
    }
}
