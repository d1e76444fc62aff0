//! The files of a generation to come, and the numbers they get.

use half::f16;
use half::slice::HalfFloatSliceExt;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::graph::{self, GraphLists, StoredGraph};
use super::ids::IdTable;
use super::layout::{self, GRAPHS, INDEX, MAPS, MODEL};
use super::manifest::{
    self, ColumnAbout, FileAbout, Manifest, SegmentAbout, StoredMap, StoredModel,
};
use super::save::put;
use super::{Dtype, FieldAbout, Model, Rows, Space, builder, npy, table};
use crate::error::Result;
use crate::file::{self, NewFile, Written};
use crate::items::Items;

/// Files being written for a generation to come; dropped before [`Draft::keep`], it removes them.
#[derive(Debug)]
pub(super) struct Draft {
    dir: PathBuf,
    /// The number that the next group of files gets.
    next: u64,
    written: Vec<PathBuf>,
}

impl Draft {
    /// `next` is what the manifest says; a killed writer may have used it and more.
    pub(super) fn new(dir: &Path, next: u64) -> Self {
        let used = layout::listing(dir).iter().filter_map(|name| manifest::number_of(name)).max();
        Draft {
            dir: dir.to_owned(),
            next: next.max(used.map_or(0, |n| n + 1)),
            written: Vec::new(),
        }
    }

    pub(super) fn next_file(&self) -> u64 {
        self.next
    }

    /// The files are part of a published generation now.
    pub(super) fn keep(&mut self) {
        self.written.clear();
    }

    /// One space as the manifest of one segment of its live items, with the maps and graphs that are not stale. Its model is
    /// left to the caller, who may have its files already.
    pub(super) fn whole(&mut self, space: &Space) -> Result<Manifest> {
        let from = &space.0.manifest;
        let items = space.items(None)?;
        let columns = items
            .columns()
            .iter()
            .map(|c| ColumnAbout { name: c.name.clone(), kind: c.kind })
            .collect();
        let segment = self.segment(space, &from.fields, &items)?;
        let mut maps = Vec::new();
        for about in space.maps().iter().filter(|m| space.is_fresh(m)) {
            let (map, items) = space.map(Some(&about.name))?;
            let file = self.map(&map.name, &items)?;
            maps.push(StoredMap { map, file });
        }
        let mut graphs = Vec::new();
        for about in space.graphs().iter().filter(|g| space.has_rows_of(g.generation)) {
            let file = self.graph_copy(&about.name, &space.graph(&about.name)?)?;
            graphs.push(StoredGraph { graph: about.clone(), file });
        }
        Ok(Manifest {
            count: segment.rows,
            next_file: self.next,
            log: None,
            columns,
            segments: vec![segment],
            deleted: None,
            maps,
            graphs,
            indexes: Vec::new(),
            model: None,
            ..from.clone()
        })
    }

    /// The live rows of `space` as a segment with these fields; `items` are theirs.
    pub(super) fn segment(
        &mut self,
        space: &Space,
        fields: &[FieldAbout],
        items: &Items,
    ) -> Result<SegmentAbout> {
        let number = self.number();
        let rows = space.count();
        // First the ids, last removed: vectors without ids beside them may be someone else's.
        let ids = items.ids();
        let ids = IdTable::encode((0..rows).map(|row| ids.value(row)))?;
        let ids = self.file("ids", "idx", number, |out| put(out, &ids))?;
        let mut files = BTreeMap::new();
        for about in fields {
            let file =
                self.file(&about.name, "npy", number, |out| write_vectors(out, space, about))?;
            files.insert(about.name.clone(), file);
        }
        let items = self.file("items", "parquet", number, |out| table::write(out, items))?;
        Ok(SegmentAbout { rows: rows as u64, items, ids, fields: files })
    }

    pub(super) fn items(&mut self, items: &Items) -> Result<FileAbout> {
        let number = self.number();
        self.file("items", "parquet", number, |out| table::write(out, items))
    }

    pub(super) fn map(&mut self, name: &str, items: &Items) -> Result<FileAbout> {
        file::create_dir(&self.dir.join(MAPS))?;
        let number = self.number();
        self.file(&format!("{MAPS}/{name}"), "parquet", number, |out| table::write(out, items))
    }

    pub(super) fn graph(
        &mut self,
        name: &str,
        k: usize,
        neighbours: &[u32],
        distances: &[f32],
    ) -> Result<FileAbout> {
        self.graph_file(name, |out| graph::write(out, k, neighbours, distances))
    }

    fn graph_copy(&mut self, name: &str, lists: &GraphLists) -> Result<FileAbout> {
        self.graph_file(name, |out| put(out, lists.bytes()))
    }

    fn graph_file(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut NewFile) -> Result<()>,
    ) -> Result<FileAbout> {
        file::create_dir(&self.dir.join(GRAPHS))?;
        let number = self.number();
        self.file(&format!("{GRAPHS}/{name}"), "knn", number, write)
    }

    /// An index, whose sections are written by `write`. Copies of a space go without: rows may move.
    pub(super) fn index(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut NewFile) -> Result<()>,
    ) -> Result<FileAbout> {
        file::create_dir(&self.dir.join(INDEX))?;
        let number = self.number();
        self.file(&format!("{INDEX}/{name}"), "hnsw", number, write)
    }

    /// The files of a model, if there is one.
    pub(super) fn model(&mut self, model: Option<&Model>) -> Result<Option<StoredModel>> {
        let Some(model) = model else { return Ok(None) };
        file::create_dir(&self.dir.join(MODEL))?;
        let number = self.number();
        let config = model.config_bytes()?;
        let config =
            self.file(&format!("{MODEL}/config"), "json", number, |out| put(out, &config))?;
        let tensors = self.file(&format!("{MODEL}/model"), "safetensors", number, |out| {
            model.write_tensors(out)
        })?;
        Ok(Some(StoredModel { config, tensors }))
    }

    pub(super) fn bytes(&mut self, stem: &str, extension: &str, bytes: &[u8]) -> Result<FileAbout> {
        let number = self.number();
        self.file(stem, extension, number, |out| put(out, bytes))
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn file(
        &mut self,
        stem: &str,
        extension: &str,
        number: u64,
        write: impl FnOnce(&mut NewFile) -> Result<()>,
    ) -> Result<FileAbout> {
        let name = format!("{stem}-{number:04}.{extension}");
        let path = self.dir.join(&name);
        let mut out = NewFile::create(&path)?;
        self.written.push(path);
        write(&mut out)?;
        let written: Written = out.finish()?;
        Ok(FileAbout::new(name, written))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.written.iter().for_each(|path| drop(fs::remove_file(path))); // garbage at worst, swept later
    }
}

/// The live vectors of `space` in the field `about.name`, stored as `about.dtype`.
fn write_vectors(out: &mut NewFile, space: &Space, about: &FieldAbout) -> Result<()> {
    let field = space.field(&about.name)?;
    put(out, &npy::header(about.dtype, space.count(), about.dim))?;
    let rows_at_once = ((1 << 18) / about.dim).max(1);
    let mut wide = Vec::new();
    let mut narrow: Vec<f16> = Vec::new();
    for (first, rows) in field.segments() {
        let n = rows.len() / about.dim;
        let mut row = 0;
        while row < n {
            let live = |row: usize| space.is_live(super::Row((first.index() + row) as u32));
            if !live(row) {
                row += 1;
                continue;
            }
            let end = (row..n.min(row + rows_at_once))
                .find(|&r| !live(r))
                .unwrap_or(n.min(row + rows_at_once));
            let numbers = match rows {
                Rows::F32(numbers) => &numbers[row * about.dim..end * about.dim],
                Rows::F16(numbers) => {
                    wide.resize((end - row) * about.dim, 0.0);
                    numbers[row * about.dim..end * about.dim].convert_to_f32_slice(&mut wide);
                    &wide[..]
                }
            };
            if let Some(bad) = builder::misfit(numbers, about.dtype) {
                let at = first.index() + row + bad / about.dim;
                let id = space.id(super::Row(at as u32)).to_owned();
                return Err(builder::refused(
                    &about.name,
                    at,
                    &id,
                    bad % about.dim,
                    numbers[bad],
                    about.dtype,
                ));
            }
            match about.dtype {
                Dtype::F32 => put(out, bytemuck::cast_slice(numbers))?,
                Dtype::F16 => {
                    narrow.resize(numbers.len(), f16::ZERO);
                    narrow.convert_from_f32_slice(numbers);
                    put(out, bytemuck::cast_slice(&narrow))?;
                }
            }
            row = end;
        }
    }
    Ok(())
}
