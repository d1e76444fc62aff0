//! Saving: the files of a generation, then `space.json`, in an order that survives a kill at every point.

use half::f16;
use half::slice::HalfFloatSliceExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::ids::IdTable;
use super::layout::{self, LOCK, MANIFEST, MANIFEST_TMP, MAPS, README, README_TEXT};
use super::manifest::{self, ColumnAbout, FileAbout, Manifest, SegmentAbout, StoredMap};
use super::{Dtype, Edit, FieldAbout, Rows, Space, builder, npy, table};
use crate::error::{Error, Result};
use crate::file::{self, Lock, NewFile, Written};
use crate::items::Items;

/// What takes part in a saved space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Leaves out hosts and absolute paths, so that the space can be given away.
    pub portable: bool,
}

pub(super) fn save(space: &Space, target: &Path, options: &SaveOptions) -> Result<()> {
    if target.file_name().is_none() {
        return Err(Error::usage(format!("'{}' is no name for a space", target.display()))
            .help("name a new folder: en.space"));
    }
    loop {
        if target.join(MANIFEST).exists() {
            let mut edit = Edit::begin(target)?;
            edit.replace(space)?;
            return edit.close(|manifest| portable(manifest, options)).map(drop);
        }
        if fresh(space, target, options)? {
            return Ok(());
        } // else another writer was first
    }
}

/// Writes a space that is not there yet into `TARGET.tmp`, whose lock it holds, and renames that folder. False if
/// another writer has published at the target meanwhile.
fn fresh(space: &Space, target: &Path, options: &SaveOptions) -> Result<bool> {
    refuse_what_is_no_space(target)?;
    let parent = file::parent(target);
    if !parent.is_dir() {
        return Err(Error::io("write", target, &ErrorKind::NotFound.into())
            .help(format!("make the folder {} first", parent.display())));
    }
    let dir = layout::draft_dir(target);
    file::create_dir(&dir)?;
    let stray = layout::listing(&dir).into_iter().find(|name| !left_by_a_writer(name));
    if let Some(stray) = stray {
        return Err(Error::new(
            crate::Kind::Io,
            format!("{} is in the way: it holds {stray}", dir.display()),
        )
        .help("move it elsewhere, or save under another name"));
    }
    let lock = Lock::take(&dir.join(LOCK), target)?;
    if target.join(MANIFEST).exists() {
        drop(lock);
        let _ = fs::remove_dir_all(&dir);
        return Ok(false);
    }
    let moved = fill(space, &dir, options).and_then(|()| move_into_place(&dir, target));
    if moved.is_err() {
        let _ = fs::remove_dir_all(&dir); // garbage at worst: the next writer sweeps it
    }
    moved.and_then(|()| file::sync_dir(parent)).map_err(|e| e.context(target.display()))?;
    drop(lock);
    Ok(true)
}

fn move_into_place(dir: &Path, target: &Path) -> Result<()> {
    if cfg!(windows) {
        let _ = fs::remove_dir(target); // Windows renames onto nothing; it is empty, as was seen above
    }
    file::rename(dir, target)
}

fn fill(space: &Space, dir: &Path, options: &SaveOptions) -> Result<()> {
    for name in layout::listing(dir) {
        if !matches!(name.as_str(), LOCK | "maps/") {
            file::remove(&dir.join(name))?; // what a killed writer left
        }
    }
    let mut draft = Draft::new(dir, 1);
    let mut manifest = draft.whole(space)?;
    (manifest.generation, manifest.rows_generation) = (1, 1);
    manifest.maps.iter_mut().for_each(|m| m.map.generation = 1);
    portable(&mut manifest, options);
    write_readme(dir)?;
    let mut out = NewFile::create(&dir.join(MANIFEST))?;
    put(&mut out, &manifest.to_bytes()?)?;
    out.finish()?;
    draft.keep();
    sync(dir)
}

/// Publishes a manifest in the folder of an existing space; its files, the draft's among them, are on the disk.
pub(super) fn publish_manifest(dir: &Path, manifest: &Manifest, draft: &mut Draft) -> Result<()> {
    let temporary = dir.join(MANIFEST_TMP);
    if temporary.exists() {
        file::remove(&temporary)?;
    }
    let mut out = NewFile::create(&temporary)?;
    put(&mut out, &manifest.to_bytes()?)?;
    out.finish()?;
    sync(dir)?; // the new files' names before the name that refers to them
    file::rename(&temporary, &dir.join(MANIFEST))
        .inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    draft.keep(); // whatever fails now, the new generation is there
    file::sync_dir(dir)
}

pub(super) fn write_readme(dir: &Path) -> Result<()> {
    let mut out = NewFile::create(&dir.join(README))?;
    readme(&mut out)?;
    out.finish().map(drop)
}

pub(super) fn readme(out: &mut NewFile) -> Result<()> {
    put(out, README_TEXT.as_bytes())
}

fn sync(dir: &Path) -> Result<()> {
    if dir.join(MAPS).is_dir() {
        file::sync_dir(&dir.join(MAPS))?;
    }
    file::sync_dir(dir)
}

/// Removes what no generation refers to: the files of earlier ones (readers that have them open keep them), and what
/// killed writers left. That one cannot be removed does no harm; gives the names that were.
pub(super) fn sweep(dir: &Path, manifest: &Manifest) -> Vec<String> {
    let kept = |name: &str| manifest.files().any(|f| f.file == name);
    let garbage =
        layout::listing(dir).into_iter().filter(|name| layout::is_ours(name) && !kept(name));
    garbage.filter(|name| file::remove(&dir.join(name)).is_ok()).collect()
}

pub(super) fn left_by_a_writer(name: &str) -> bool {
    layout::is_ours(name) || matches!(name, LOCK | MANIFEST | README | "maps/")
}

fn refuse_what_is_no_space(target: &Path) -> Result<()> {
    let Ok(about) = fs::metadata(target) else { return Ok(()) };
    let why = if !about.is_dir() {
        "is a file"
    } else if fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none()) {
        return Ok(());
    } else {
        "is a folder that holds something else than a space"
    };
    Err(Error::usage(format!("{} {why}; it is left as it is", target.display()))
        .help("save under another name"))
}

/// Leaves out hosts and absolute paths.
fn portable(manifest: &mut Manifest, options: &SaveOptions) {
    if !options.portable {
        return;
    }
    manifest.run.clear();
    for step in &mut manifest.provenance {
        step.options.values_mut().chain(&mut step.sources).for_each(shorten);
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if Path::new(&*text).is_absolute() || text.contains(":\\") => {
            let name = text.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            *text = name;
        }
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Object(map) => map.values_mut().for_each(shorten),
        _ => {}
    }
}

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

    /// One space as the manifest of one segment of its live items, with the maps that are not stale.
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
        Ok(Manifest {
            count: segment.rows,
            next_file: self.next,
            columns,
            segments: vec![segment],
            deleted: None,
            maps,
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
        let mut files = BTreeMap::new();
        for about in fields {
            let file =
                self.file(&about.name, "npy", number, |out| write_vectors(out, space, about))?;
            files.insert(about.name.clone(), file);
        }
        let ids = items.ids();
        let ids = IdTable::encode((0..rows).map(|row| ids.value(row)))?;
        let ids = self.file("ids", "idx", number, |out| put(out, &ids))?;
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

fn put(out: &mut NewFile, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(|e| out.blame(&e))
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
