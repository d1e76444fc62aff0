//! Changing a space: each change writes new files and publishes a new generation of `space.json`.

use arrow_array::{ArrayRef, Float64Array, Int64Array, UInt32Array};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::changes::{Overlay, logged_at};
use super::deleted::Deleted;
use super::draft::Draft;
use super::graph::{self, GraphAbout, StoredGraph};
use super::index::{INDEX, IndexAbout, StoredIndex};
use super::layout::{LOCK, README};
use super::manifest::{self, ColumnAbout, DeletedAbout, Manifest, StoredMap};
use super::save;
use super::{MapAbout, Provenance, Row, Space, open, table};
use crate::error::{Error, Result};
use crate::file::{Lock, SectionWriter};
use crate::items::{Column, ColumnKind, Items};

/// What the step is called that tells of changes from the log.
const CHANGES: &str = "changes";

/// A writer's hold on a space on disk: the lock, the space as it will be, and the files written for that. Nothing
/// is visible to readers until `publish`; dropping it leaves the space as it was.
#[derive(Debug)]
pub struct Edit {
    dir: PathBuf,
    /// The next generation, as far as it is known.
    manifest: Manifest,
    /// The rows of the generation before; what stale maps keep.
    old_rows: u64,
    space: Space,
    draft: Draft,
    /// Changes of the log that have become part of it.
    took_up: usize,
    _lock: Lock, // released last
}

impl Edit {
    pub(super) fn begin(path: &Path) -> Result<Self> {
        open::read_manifest(path)?; // before a lock file is made in what may be no space
        let lock = Lock::take(&path.join(LOCK), path)?;
        let mut manifest = open::read_manifest(path)?;
        let space = open::load(path, manifest.clone(), false)?;
        let logged = logged_at(path, manifest.logged(), &space)?.unwrap_or_default();
        let old_rows = manifest.rows_generation;
        manifest.generation += 1;
        manifest.log = None;
        let draft = Draft::new(path, manifest.next_file);
        let dir = path.to_owned();
        let mut edit =
            Edit { dir, manifest, old_rows, space: space.clone(), draft, took_up: 0, _lock: lock };
        if !logged.changes.is_empty() {
            let mut overlay = Overlay::new(space);
            for change in &logged.changes {
                overlay.make(change)?;
            }
            edit.take_up(&overlay)?;
        }
        Ok(edit)
    }

    /// How many changes of the space's log have become part of this edit: its next publication has them.
    pub fn took_up(&self) -> usize {
        self.took_up
    }

    /// Makes the changes of an overlay part of what will be published. They are told of as one step, however often.
    pub(super) fn take_up(&mut self, overlay: &Overlay) -> Result<()> {
        self.delete(&overlay.gone())?;
        if let Some(added) = overlay.added()? {
            self.append(&added)?;
        }
        self.took_up += overlay.changes();
        let steps = &mut self.manifest.provenance;
        if steps.last().is_none_or(|step| step.action != CHANGES) {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            steps.push(Provenance { action: CHANGES.to_owned(), version, ..Provenance::default() });
        }
        if let Some(step) = steps.last_mut() {
            let before = step.options.get(CHANGES).and_then(serde_json::Value::as_u64);
            let all = before.unwrap_or(0) + overlay.changes() as u64;
            step.options.insert(CHANGES.to_owned(), all.into());
        }
        Ok(())
    }

    /// The space as it will be published, changes so far included.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Appends all live items of another space as a new segment: same field names and dims; columns are matched by
    /// name, missing ones stay empty. An id that is live already is an error naming it.
    pub fn append(&mut self, other: &Space) -> Result<()> {
        let called = other.called();
        for field in &self.manifest.fields {
            let theirs = other.fields().iter().find(|f| f.name == field.name);
            let theirs = theirs.ok_or_else(|| {
                Error::data(format!("{called} has no vector field '{}'", field.name))
            })?;
            if theirs.dim != field.dim {
                return Err(Error::data(format!(
                    "field '{}' of {called} has dimension {}, that of {} {}",
                    field.name,
                    theirs.dim,
                    self.space.called(),
                    field.dim
                )));
            }
        }
        if let Some(row) = other.live().find(|&row| self.space.get(other.id(row)).is_some()) {
            return Err(Error::data(format!(
                "id '{}' is in {} already",
                other.id(row),
                self.space.called()
            ))
            .help("delete it first, or give the new items other ids"));
        }
        let rows = self.manifest.rows() + other.count() as u64;
        if rows > manifest::MOST_ROWS {
            return Err(manifest::too_many(rows));
        }
        if other.count() == 0 {
            return Ok(());
        }
        let theirs = other.items(None)?;
        let mut columns = Vec::new();
        for column in theirs.columns() {
            columns.push(self.fit(column)?);
        }
        let theirs = Items::trusted(theirs.ids().clone(), columns);
        let segment = self.draft.segment(other, &self.manifest.fields, &theirs)?;
        self.manifest.count += segment.rows;
        self.manifest.segments.push(segment);
        if let Some(deleted) = self.manifest.deleted.take() {
            let flags: Vec<bool> = (0..rows as u32)
                .map(|row| row < self.space.rows() as u32 && !self.space.is_live(Row(row)))
                .collect();
            let file = self.draft.bytes("deleted", "bits", &Deleted::encode(&flags))?;
            self.manifest.deleted = Some(DeletedAbout { rows: deleted.rows, file });
        }
        self.rows_changed();
        self.reload()
    }

    /// A column of new items as this space has it; notes it if it is new.
    fn fit(&mut self, column: &Column) -> Result<Column> {
        let Some(known) = self.manifest.columns.iter().find(|c| c.name == column.name) else {
            self.manifest
                .columns
                .push(ColumnAbout { name: column.name.clone(), kind: column.kind });
            return Ok(column.clone());
        };
        let values: Option<ArrayRef> = match (known.kind, column.kind) {
            (ours, theirs) if ours == theirs => Some(column.values.clone()),
            (ColumnKind::Text, ColumnKind::Category) | (ColumnKind::Category, ColumnKind::Text) => {
                Some(column.values.clone())
            }
            (ColumnKind::Number, ColumnKind::Integer) => {
                let whole = column.values.as_any().downcast_ref::<Int64Array>();
                whole.map(|whole| {
                    Arc::new(whole.iter().map(|x| x.map(|x| x as f64)).collect::<Float64Array>())
                        as ArrayRef
                })
            }
            _ => None,
        };
        let values = values.ok_or_else(|| {
            Error::data(format!(
                "column '{}' is {} here, but {} in the new items",
                column.name,
                known.kind.name(),
                column.kind.name()
            ))
            .help(format!(
                "say what it is: --type {}={}",
                column.name,
                known.kind.name()
            ))
        })?;
        Ok(Column { name: column.name.clone(), kind: known.kind, values })
    }

    /// Marks rows as deleted.
    pub fn delete(&mut self, rows: &[Row]) -> Result<()> {
        if let Some(row) = rows.iter().find(|row| row.index() >= self.space.rows()) {
            return Err(Error::usage(format!(
                "row {} of {} does not exist",
                row.0,
                self.space.rows()
            )));
        }
        let mut flags: Vec<bool> =
            (0..self.space.rows() as u32).map(|row| !self.space.is_live(Row(row))).collect();
        for row in rows {
            flags[row.index()] = true;
        }
        let deleted = flags.iter().filter(|&&d| d).count() as u64;
        if deleted == (self.space.rows() - self.space.count()) as u64 {
            return Ok(());
        }
        let file = self.draft.bytes("deleted", "bits", &Deleted::encode(&flags))?;
        self.manifest.count = flags.len() as u64 - deleted;
        self.manifest.deleted = Some(DeletedAbout { rows: deleted, file });
        self.rows_changed();
        self.reload()
    }

    /// Adds or replaces columns; row i of each belongs to the i-th live item.
    pub fn set_columns(&mut self, columns: Vec<Column>) -> Result<()> {
        let mut checked = Items::trusted(self.space.items(Some(&[]))?.ids().clone(), Vec::new());
        for column in columns {
            checked = checked.with_column(column)?;
        }
        let mut live = 0_u32; // how many live items come before the segment
        for (i, segment) in self.space.0.segments.iter().enumerate() {
            let old = segment.items.read(segment.rows, None)?;
            let place = |row: usize| {
                let here = self.space.is_live(Row((segment.first + row) as u32));
                live += u32::from(here);
                here.then(|| live - 1)
            };
            let places: UInt32Array = (0..segment.rows).map(place).collect();
            let mut merged: Vec<Column> = old
                .columns()
                .iter()
                .filter(|c| checked.column(&c.name).is_none())
                .cloned()
                .collect();
            for column in checked.columns() {
                let values = arrow_select::take::take(&column.values, &places, None)
                    .map_err(|e| Error::data(e.to_string()))?;
                merged.push(Column { values, ..column.clone() });
            }
            self.manifest.segments[i].items =
                self.draft.items(&Items::trusted(old.ids().clone(), merged))?;
        }
        for column in checked.columns() {
            match self.manifest.columns.iter_mut().find(|c| c.name == column.name) {
                Some(known) => known.kind = column.kind,
                None => self
                    .manifest
                    .columns
                    .push(ColumnAbout { name: column.name.clone(), kind: column.kind }),
            }
        }
        self.reload()
    }

    /// Stores a map of the live items: a table `id, x, y(, z), …` in any order of ids, with its parameters and
    /// figures as JSON. A map of that name is replaced.
    pub fn set_map(&mut self, name: &str, table: &Items, about: serde_json::Value) -> Result<()> {
        manifest::name(name, "map")?;
        for axis in ["x", "y"] {
            if table.column(axis).is_none_or(|c| c.kind != ColumnKind::Number) {
                return Err(Error::usage(format!("map '{name}' has no numbers '{axis}'")));
            }
        }
        let ids = table.ids();
        let place: std::collections::HashMap<&str, u32> = ids.iter().flatten().zip(0..).collect();
        let missing = |id: &str| Error::data(format!("map '{name}' does not place item '{id}'"));
        let order = self.space.live().map(|row| {
            let id = self.space.id(row);
            place.get(id).copied().ok_or_else(|| missing(id))
        });
        let order: UInt32Array = order.collect::<Result<Vec<u32>>>()?.into();
        if table.len() != self.space.count() {
            return Err(Error::data(format!(
                "map '{name}' places {} items, of {} in the space",
                table.len(),
                self.space.count()
            )));
        }
        let file = self.draft.map(name, &table::take(table, &order)?)?;
        let map =
            MapAbout { name: name.to_owned(), generation: self.manifest.rows_generation, about };
        self.manifest.maps.retain(|m| m.map.name != name);
        self.manifest.maps.push(StoredMap { map, file });
        self.reload()
    }

    /// Removes a stored map.
    pub fn remove_map(&mut self, name: &str) -> Result<()> {
        let before = self.manifest.maps.len();
        self.manifest.maps.retain(|m| m.map.name != name);
        if self.manifest.maps.len() == before {
            return Err(Error::nothing(format!("{} has no map '{name}'", self.space.called())));
        }
        self.reload()
    }

    /// Stores the k nearest neighbours of all live items under the vectors of a field: places among the live items, k for
    /// each, closest first, and their distances. A graph of that name is replaced; `about.generation` is set here.
    pub fn set_graph(
        &mut self,
        mut about: GraphAbout,
        neighbours: &[u32],
        distances: &[f32],
    ) -> Result<()> {
        manifest::name(&about.name, "graph")?;
        let field = self.space.field(&about.field)?;
        if field.about().geometry != about.geometry {
            return Err(Error::usage(format!(
                "graph '{}' is not of the geometry of field '{}'",
                about.name, about.field
            )));
        }
        graph::check_lists(about.k, neighbours, distances)?;
        let items = neighbours.len().checked_div(about.k).unwrap_or(0);
        if items != self.space.count() {
            return Err(Error::data(format!(
                "graph '{}' is of {items} items, of {} in the space",
                about.name,
                self.space.count()
            )));
        }
        let file = self.draft.graph(&about.name, about.k, neighbours, distances)?;
        about.generation = self.manifest.rows_generation;
        self.manifest.graphs.retain(|g| g.graph.name != about.name);
        self.manifest.graphs.push(StoredGraph { graph: about, file });
        self.reload()
    }

    /// Removes a stored graph of neighbours.
    pub fn remove_graph(&mut self, name: &str) -> Result<()> {
        let before = self.manifest.graphs.len();
        self.manifest.graphs.retain(|g| g.graph.name != name);
        if self.manifest.graphs.len() == before {
            return Err(Error::nothing(format!(
                "{} has no graph of neighbours '{name}'",
                self.space.called()
            )));
        }
        self.reload()
    }

    /// Stores an index of the vectors of a field, whose sections `write` writes. One of that name is replaced. Rows may have been
    /// added and deleted since it was built; an error of kind `Data` if they have moved.
    pub fn set_index(
        &mut self,
        about: IndexAbout,
        write: impl FnOnce(&mut SectionWriter<'_>) -> Result<()>,
    ) -> Result<()> {
        manifest::name(&about.name, "index")?;
        self.space.field(&about.field)?;
        if !self.space.holds(&about) {
            return Err(Error::data(format!(
                "index '{}' is not of the rows of {}, or was built before they were moved",
                about.name,
                self.space.called()
            )));
        }
        let file = self.draft.index(&about.name, |out| {
            let mut writer = SectionWriter::begin(out, INDEX)?;
            write(&mut writer)?;
            writer.end()
        })?;
        self.manifest.indexes.retain(|i| i.index.name != about.name);
        self.manifest.indexes.push(StoredIndex { index: about, file });
        self.reload()
    }

    /// Removes a stored index.
    pub fn remove_index(&mut self, name: &str) -> Result<()> {
        let before = self.manifest.indexes.len();
        self.manifest.indexes.retain(|i| i.index.name != name);
        if self.manifest.indexes.len() == before {
            return Err(Error::nothing(format!("{} has no index '{name}'", self.space.called())));
        }
        self.reload()
    }

    /// Rewrites the space as one segment without deleted rows. Rows move, so what others remember by row is stale, and
    /// indexes go; maps and graphs are in the order of the live items, and stay as they are.
    pub fn compact(&mut self) -> Result<()> {
        let whole = self.draft.whole(&self.space)?;
        let stale: Vec<StoredMap> =
            self.manifest.maps.iter().filter(|m| !self.space.is_fresh(&m.map)).cloned().collect();
        let stale_graphs: Vec<StoredGraph> = self
            .manifest
            .graphs
            .iter()
            .filter(|g| !self.space.has_rows_of(g.graph.generation))
            .cloned()
            .collect();
        let (generation, fresh, fresh_graphs) =
            (self.manifest.generation, whole.maps, whole.graphs);
        let model = self.manifest.model.take(); // its files stay as they are
        self.manifest = Manifest {
            generation,
            rows_generation: generation,
            maps: stale,
            graphs: stale_graphs,
            indexes: Vec::new(),
            model,
            ..whole
        };
        self.manifest.maps.extend(fresh.into_iter().map(|mut m| {
            m.map.generation = generation;
            m
        }));
        self.manifest.graphs.extend(fresh_graphs.into_iter().map(|mut g| {
            g.graph.generation = generation;
            g
        }));
        self.reload()
    }

    /// Puts another space in this one's place.
    pub(super) fn replace(&mut self, other: &Space) -> Result<()> {
        let generation = self.manifest.generation;
        self.manifest = self.draft.whole(other)?;
        self.manifest.model = self.draft.model(other.0.model.as_ref())?;
        (self.manifest.generation, self.manifest.rows_generation) = (generation, generation);
        self.manifest.maps.iter_mut().for_each(|m| m.map.generation = generation);
        self.manifest.graphs.iter_mut().for_each(|g| g.graph.generation = generation);
        Ok(())
    }

    /// Publishes the next generation and gives the new space.
    pub fn publish(mut self, step: Provenance) -> Result<Space> {
        self.manifest.provenance.push(step);
        self.close(|_| ())
    }

    /// Publishes what was changed so far and goes on, holding the lock all the while. For what stands by itself and
    /// tells how it was made, such as a graph of neighbours: it is no step of the history.
    pub fn publish_so_far(mut self) -> Result<Edit> {
        self.space = self.put_out()?;
        self.manifest = self.space.0.manifest.clone();
        self.old_rows = self.manifest.rows_generation;
        self.manifest.generation += 1;
        self.took_up = 0;
        self.draft = Draft::new(&self.dir, self.manifest.next_file);
        Ok(self)
    }

    pub(super) fn close(mut self, last_touch: impl FnOnce(&mut Manifest)) -> Result<Space> {
        last_touch(&mut self.manifest);
        self.put_out()
    }

    fn put_out(&mut self) -> Result<Space> {
        self.manifest.next_file = self.draft.next_file();
        if !self.dir.join(README).exists() {
            save::write_readme(&self.dir)?;
        }
        save::publish_manifest(&self.dir, &self.manifest, &mut self.draft)?;
        let space = Space::open(&self.dir)?;
        save::sweep(&self.dir, &self.manifest);
        Ok(space)
    }

    /// Maps and graphs built so far are of other rows than those to be published.
    fn rows_changed(&mut self) {
        let generation = self.manifest.generation;
        if self.manifest.rows_generation == generation {
            let old = self.old_rows;
            self.manifest
                .maps
                .iter_mut()
                .filter(|m| m.map.generation == generation)
                .for_each(|m| m.map.generation = old);
            self.manifest
                .graphs
                .iter_mut()
                .filter(|g| g.graph.generation == generation)
                .for_each(|g| g.graph.generation = old);
        }
        self.manifest.rows_generation = generation;
    }

    fn reload(&mut self) -> Result<()> {
        self.manifest.next_file = self.draft.next_file();
        self.space = open::load(&self.dir, self.manifest.clone(), false)?;
        Ok(())
    }
}
