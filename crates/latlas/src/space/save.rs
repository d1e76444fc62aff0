//! Saving: the files of a generation, then `space.json`, in an order that survives a kill at every point.

use serde_json::Value;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::draft::Draft;
use super::layout::{
    self, FOLDERS, GRAPHS, INDEX, LOCK, MANIFEST, MANIFEST_TMP, MAPS, MODEL, README, README_TEXT,
};
use super::manifest::Manifest;
use super::{Edit, Space};
use crate::error::{Error, Result};
use crate::file::{self, Lock, NewFile};

/// What takes part in a saved space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Leaves out hosts and absolute paths, so that the space can be given away.
    pub portable: bool,
}

pub(super) fn save(space: &Space, target: &Path, options: SaveOptions) -> Result<()> {
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
fn fresh(space: &Space, target: &Path, options: SaveOptions) -> Result<bool> {
    refuse_what_is_no_space(target)?;
    let parent = file::parent(target);
    if !parent.is_dir() {
        return Err(Error::io("write", target, &ErrorKind::NotFound.into())
            .help(format!("make the folder {} first", parent.display())));
    }
    let dir = layout::draft_dir(target);
    file::create_dir(&dir)?;
    if !layout::is_draft(&dir) {
        let names = layout::listing(&dir);
        let stray = layout::stranger(&names).or(names.first()).map_or("files", |name| name);
        return Err(Error::new(
            crate::error::Kind::Io,
            format!("{} is in the way: it holds {stray}", dir.display()),
        )
        .help("move it elsewhere, or save under another name"));
    }
    let lock = match Lock::take(&dir.join(LOCK), target) {
        Err(_) if !dir.exists() => return Ok(false), // another writer has just renamed it
        lock => lock?,
    };
    if target.join(MANIFEST).exists() {
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

fn fill(space: &Space, dir: &Path, options: SaveOptions) -> Result<()> {
    for name in layout::listing(dir) {
        if name != LOCK && !FOLDERS.contains(&name.as_str()) {
            file::remove(&dir.join(name))?; // what a killed writer left
        }
    }
    let mut draft = Draft::new(dir, 1);
    let mut manifest = draft.whole(space)?;
    manifest.model = draft.model(space.0.model.as_ref())?;
    manifest.next_file = draft.next_file();
    (manifest.generation, manifest.rows_generation) = (1, 1);
    manifest.maps.iter_mut().for_each(|m| m.map.generation = 1);
    manifest.graphs.iter_mut().for_each(|g| g.graph.generation = 1);
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
    for folder in [MAPS, MODEL, GRAPHS, INDEX].map(|name| dir.join(name)) {
        if folder.is_dir() {
            file::sync_dir(&folder)?;
        }
    }
    file::sync_dir(dir)
}

/// Removes what no generation refers to: the files of earlier ones (readers that have them open keep them), and what
/// killed writers left. That one cannot be removed does no harm.
pub(super) fn sweep(dir: &Path, manifest: &Manifest) {
    for name in layout::garbage(dir, manifest) {
        let _ = file::remove(&dir.join(name));
    }
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
fn portable(manifest: &mut Manifest, options: SaveOptions) {
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

pub(super) fn put(out: &mut NewFile, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(|e| out.blame(&e))
}
