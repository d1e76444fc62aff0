//! Opening: every file of one generation, in time independent of the number of vectors.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use super::changes::{Overlay, logged_at};
use super::deleted::Deleted;
use super::field::Vectors;
use super::graph::GraphLists;
use super::ids::IdTable;
use super::index;
use super::layout::MANIFEST;
use super::manifest::{self, FileAbout, MOST_BYTES, Manifest, StoredModel};
use super::model::MOST_CONFIG;
use super::table::Table;
use super::{Field, FieldAbout, Inner, Model, Segment, Space, npy};
use crate::error::{Error, Result};
use crate::file::Bytes;

/// A writer may publish while we open; after this many generations in a row something else is wrong.
const MOST_ATTEMPTS: usize = 100;

/// A space with the changes that lie over it.
pub(super) fn open(path: &Path, owned: bool) -> Result<Space> {
    let mut manifest = read_manifest(path)?;
    for _ in 0..MOST_ATTEMPTS {
        let opened = load(path, manifest.clone(), owned)
            .and_then(|space| Ok((logged_at(path, manifest.logged(), &space)?, space)));
        if let Ok((Some(logged), space)) = opened {
            let mut overlay = Overlay::new(space);
            for change in &logged.changes {
                overlay.make(change)?;
            }
            return overlay.space();
        }
        // A file of this generation, or its log, may be gone because a newer generation is there.
        let newer = read_manifest(path)?;
        if newer.generation == manifest.generation {
            return opened.map(|(_, space)| space);
        }
        manifest = newer;
    }
    Err(Error::data(format!("{} changes faster than it can be opened", path.display())))
}

/// `space.json`, read and verified.
pub(super) fn read_manifest(path: &Path) -> Result<Manifest> {
    let at = path.join(MANIFEST);
    let file = match File::open(&at) {
        Ok(file) => file,
        Err(e) if path.is_file() => {
            let _ = e;
            return Err(Error::data(format!("{} is a file, not a space", path.display()))
                .help("latlas convert makes a space of vectors in a file"));
        }
        Err(e) if e.kind() == ErrorKind::NotFound && path.is_dir() => {
            return Err(Error::data(format!(
                "{} is a folder without a space.json, not a space",
                path.display()
            )));
        }
        Err(e) => return Err(Error::io("open", path, &e)),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read", &at, &e))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::data(format!("{} is longer than any space.json", at.display())));
    }
    manifest::parse(&bytes).map_err(|e| e.context(path.display()))
}

/// Opens the files that a manifest names.
pub(super) fn load(path: &Path, manifest: Manifest, owned: bool) -> Result<Space> {
    let mut segments = Vec::with_capacity(manifest.segments.len());
    let mut vectors: Vec<Vec<(usize, Vectors)>> =
        manifest.fields.iter().map(|_| Vec::new()).collect();
    let mut first = 0;
    for about in &manifest.segments {
        let rows = usize::try_from(about.rows).map_err(|_| manifest::too_many(about.rows))?;
        let ids = part(path, &about.ids, owned, IdTable::from_bytes)?;
        if ids.rows() != rows {
            return Err(damaged(
                path,
                &about.ids,
                &format!("{} rows, where space.json says {rows}", ids.rows()),
            ));
        }
        let items = part(path, &about.items, owned, |bytes| Table::stored(bytes, &about.items))?;
        for (field, parts) in manifest.fields.iter().zip(&mut vectors) {
            let file = about
                .fields
                .get(&field.name)
                .ok_or_else(|| Error::data(format!("no file for field '{}'", field.name)))?;
            parts.push((rows, part(path, file, owned, |bytes| vectors_in(bytes, field, rows))?));
        }
        segments.push(Segment { first, rows, ids, items });
        first += rows;
    }
    let fields = manifest
        .fields
        .iter()
        .zip(vectors)
        .map(|(about, parts)| Field::new(about.clone(), parts))
        .collect();
    let deleted = match &manifest.deleted {
        None => None,
        Some(about) => Some(part(path, &about.file, owned, |bytes| {
            Deleted::from_bytes(bytes, first as u64, about.rows)
        })?),
    };
    let map_tables = manifest
        .maps
        .iter()
        .map(|m| part(path, &m.file, owned, |bytes| Table::stored(bytes, &m.file)));
    let map_tables = map_tables.collect::<Result<_>>()?;
    let graphs = manifest.graphs.iter().map(|g| part(path, &g.file, owned, GraphLists::from_bytes));
    let graphs = graphs.collect::<Result<_>>()?;
    let indexes = manifest.indexes.iter().map(|i| part(path, &i.file, owned, index::open));
    let indexes = indexes.collect::<Result<_>>()?;
    let model = manifest.model.as_ref().map(|about| model(path, about, owned)).transpose()?;
    let maps = manifest.maps.iter().map(|m| m.map.clone()).collect();
    let graph_abouts = manifest.graphs.iter().map(|g| g.graph.clone()).collect();
    let index_abouts = manifest.indexes.iter().map(|i| i.index.clone()).collect();
    let columns = manifest.columns.iter().map(|c| (c.name.clone(), c.kind)).collect();
    Ok(Space(Arc::new(Inner {
        path: Some(path.to_owned()),
        manifest,
        segments,
        fields,
        columns,
        deleted,
        maps,
        map_tables,
        graph_abouts,
        graphs,
        index_abouts,
        indexes,
        model,
        changes: 0,
        known_as: None,
    })))
}

/// The model: its configuration is read and verified, its tensors are mapped.
fn model(path: &Path, about: &StoredModel, owned: bool) -> Result<Model> {
    let config = part(path, &about.config, owned, |bytes| {
        if bytes.len() as u64 > MOST_CONFIG {
            return Err(Error::data("it is longer than any configuration"));
        }
        if about.config.matches(&bytes) {
            Ok(bytes)
        } else {
            Err(Error::data("its checksum does not match"))
        }
    })?;
    part(path, &about.tensors, owned, |bytes| Model::stored_in(&config, bytes, &about.tensors))
}

/// Opens one file, checks its length, and hands it on; what then goes wrong is told with the file's name.
fn part<T>(
    dir: &Path,
    about: &FileAbout,
    owned: bool,
    read: impl FnOnce(Bytes) -> Result<T>,
) -> Result<T> {
    let at = dir.join(&about.file);
    let bytes = if owned { Bytes::read(&at) } else { Bytes::map(&at) }?;
    if bytes.len() as u64 != about.bytes {
        return Err(damaged(
            dir,
            about,
            &format!("{} bytes, where space.json says {}", bytes.len(), about.bytes),
        ));
    }
    read(bytes).map_err(|e| damaged(dir, about, e.message()))
}

/// The numbers of a `.npy` file that must hold `rows` vectors of this field.
pub(super) fn vectors_in(bytes: Bytes, field: &FieldAbout, rows: usize) -> Result<Vectors> {
    let header = npy::parse(&bytes)?;
    let (dtype, shape) = (npy::descr(field.dtype), [rows, field.dim]);
    if header.dtype != dtype || header.fortran || header.shape != shape {
        let found = format!(
            "dtype '{}', shape {:?}",
            header.dtype.chars().take(40).collect::<String>(),
            header.shape
        );
        return Err(Error::data(format!("{found}, where space.json says '{dtype}', {shape:?}")));
    }
    if header.file_len()? != bytes.len() || header.start % 8 != 0 {
        return Err(Error::data(format!("{} bytes do not hold its shape {shape:?}", bytes.len())));
    }
    Ok(Vectors::File(bytes, header.start))
}

fn damaged(dir: &Path, about: &FileAbout, what: &str) -> Error {
    Error::data(format!("{} is damaged: {what}", dir.join(&about.file).display()))
        .help("latlas check names all that is wrong; restore the space from a copy")
}
