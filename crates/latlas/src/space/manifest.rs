//! `space.json`: what a space is, which files make up its generation, and their checksums. `docs/format.md`
//! is its specification.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

use super::FieldAbout;
use super::graph::StoredGraph;
use super::index::StoredIndex;
use crate::error::{Error, Result};
use crate::file::Written;
use crate::items::ColumnKind;

/// What every `space.json` calls itself.
pub const FORMAT: &str = "latlas.space";
/// The newest version this build reads, and the one it writes.
pub const VERSION: u64 = 1;
/// A space holds at most this many rows, deleted ones included: rows are u32, and one number is kept free.
pub const MOST_ROWS: u64 = u32::MAX as u64 - 1;
/// The longest `space.json` that is read: provenance and metrics are small, and nothing may be allocated blindly.
pub const MOST_BYTES: u64 = 256 << 20;
/// The largest dimension of a vector field.
pub const MOST_DIM: usize = 1 << 20;

/// One step of how a space came to be. Holds nothing that differs between two runs of the same command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Provenance {
    /// The verb: "learn word2vec", "import", "add", "compact".
    pub action: String,
    /// The options in force, defaults included.
    pub options: Map<String, Value>,
    /// The seed, where randomness took part.
    pub seed: Option<u64>,
    /// What was read: paths as given, bytes, xxh3 of the content.
    pub sources: Vec<Value>,
    /// The version of Latlas and its kernel set ("0.1.0 avx2+fma").
    pub version: String,
}

/// What is known about a stored map without reading it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapAbout {
    /// Its name, "pca" unless told otherwise.
    pub name: String,
    /// The generation of the rows it was built on.
    pub generation: u64,
    /// Method, parameters, explained variance, faithfulness.
    pub about: Value,
}

/// One file of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAbout {
    /// Its name within the space's folder: `main-0001.npy`, `maps/pca-0004.parquet`.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The xxh3 (64 bits, seed 0) of its content, as 16 hexadecimal digits.
    pub xxh3: String,
}

/// A run of rows that were written together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentAbout {
    /// How many rows it has, deleted ones included.
    pub rows: u64,
    /// Ids and columns (Parquet).
    pub items: FileAbout,
    /// The table from id to row and back.
    pub ids: FileAbout,
    /// The vectors of each field (`.npy`).
    pub fields: BTreeMap<String, FileAbout>,
}

/// The rows that are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedAbout {
    /// How many they are.
    pub rows: u64,
    /// The bitmap.
    #[serde(flatten)]
    pub file: FileAbout,
}

/// A column, as far as it is known without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnAbout {
    /// Its name.
    pub name: String,
    /// What its values mean.
    pub kind: ColumnKind,
}

/// A stored map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredMap {
    /// Name, generation and figures.
    #[serde(flatten)]
    pub map: MapAbout,
    /// Where its table is.
    pub file: FileAbout,
}

/// The files of the model, if the space has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModel {
    /// Family, version and configuration (JSON).
    pub config: FileAbout,
    /// Its numbers (safetensors).
    pub tensors: FileAbout,
}

/// The whole of `space.json` but its checksum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u64,
    /// Counts the times this space has been published.
    pub generation: u64,
    /// The generation in which rows were last added, deleted or moved; what maps and indexes are built on.
    pub rows_generation: u64,
    /// The number that the next file gets; never one that was used before.
    pub next_file: u64,
    /// The generation whose log holds the changes since; this one's if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// What the space was learned by or from.
    pub kind: String,
    /// Live items.
    pub count: u64,
    /// The vector fields, "main" first.
    pub fields: Vec<FieldAbout>,
    /// The metadata columns.
    pub columns: Vec<ColumnAbout>,
    /// The segments, in row order.
    pub segments: Vec<SegmentAbout>,
    /// The deleted rows, if there are any.
    pub deleted: Option<DeletedAbout>,
    /// The maps, oldest first.
    pub maps: Vec<StoredMap>,
    /// The graphs of nearest neighbours, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graphs: Vec<StoredGraph>,
    /// The indexes for searching, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<StoredIndex>,
    /// What the encoder needs beside the items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<StoredModel>,
    /// How the space came to be, oldest first.
    pub provenance: Vec<Provenance>,
    /// What was measured.
    pub metrics: Map<String, Value>,
    /// What takes no part in "same seed, same bytes": host, times, threads.
    pub run: Map<String, Value>,
}

impl FileAbout {
    pub(super) fn new(file: String, written: Written) -> Self {
        FileAbout { file, bytes: written.bytes, xxh3: format!("{:016x}", written.xxh3) }
    }

    /// Whether these bytes are the file's.
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.bytes && format!("{:016x}", xxh3_64(bytes)) == self.xxh3
    }
}

impl Manifest {
    /// Rows of all segments, deleted ones included.
    pub(super) fn rows(&self) -> u64 {
        self.segments.iter().fold(0, |sum: u64, s| sum.saturating_add(s.rows))
    }

    /// The generation whose log holds the changes since.
    pub(super) fn logged(&self) -> u64 {
        self.log.unwrap_or(self.generation)
    }

    /// All files of this generation.
    pub(super) fn files(&self) -> impl Iterator<Item = &FileAbout> {
        let segments = self
            .segments
            .iter()
            .flat_map(|s| [&s.items, &s.ids].into_iter().chain(s.fields.values()));
        segments
            .chain(self.deleted.iter().map(|d| &d.file))
            .chain(self.maps.iter().map(|m| &m.file))
            .chain(self.graphs.iter().map(|g| &g.file))
            .chain(self.indexes.iter().map(|i| &i.file))
            .chain(self.model.iter().flat_map(|m| [&m.config, &m.tensors]))
    }

    /// The bytes of `space.json`, checksum included.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|e| Error::data(format!("space.json: {e}")))?;
        text.truncate(text.len() - 2); // the last "\n}"
        text.extend_from_slice(b",\n  ");
        let sum = seal(&text);
        text.extend_from_slice(sum.as_bytes());
        Ok(text)
    }
}

/// The end of a `space.json` whose bytes up to here are these.
fn seal(before: &[u8]) -> String {
    format!("\"checksum\": \"xxh3:{:016x}\"\n}}\n", xxh3_64(before))
}

/// Reads the bytes of a `space.json`: its version and checksum first, then that what it says hangs together.
pub fn parse(bytes: &[u8]) -> Result<Manifest> {
    const KEY: &[u8] = b"\"checksum\": ";
    let damaged = |why: String| {
        Error::data(format!("space.json is damaged: {why}"))
            .help("latlas check names what is wrong; restore the space from a copy")
    };
    let at = bytes.windows(KEY.len()).rposition(|w| w == KEY);
    let sealed = at.is_some_and(|at| bytes[at..] == *seal(&bytes[..at]).as_bytes());
    if !sealed {
        // A later version may seal itself in another way; then its version is what to say.
        if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
            version(&value)?;
        }
        return Err(damaged(if at.is_some() {
            "its checksum does not match".into()
        } else {
            "it has no checksum at its end".into()
        }));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
    version(&value)?;
    let manifest: Manifest = serde_json::from_value(value).map_err(|e| damaged(e.to_string()))?;
    consistent(&manifest).map_err(|e| damaged(e.message().to_owned()))?;
    Ok(manifest)
}

fn version(value: &Value) -> Result<()> {
    match value.get("format").and_then(Value::as_str) {
        Some(FORMAT) => {}
        other => {
            let other = other.map_or_else(
                || "no format".into(),
                |o| format!("format '{}'", o.chars().take(40).collect::<String>()),
            );
            return Err(Error::data(format!("space.json has {other}, not '{FORMAT}'")));
        }
    }
    match value.get("version").and_then(Value::as_u64) {
        Some(VERSION) => Ok(()),
        Some(newer) if newer > VERSION => Err(Error::data(format!(
            "this space has format version {newer}; latlas {} reads version {VERSION}",
            env!("CARGO_PKG_VERSION")
        ))
        .help("install a newer latlas")),
        _ => Err(Error::data("space.json names no version that ever was")),
    }
}

fn consistent(m: &Manifest) -> Result<()> {
    let wrong = |what: String| Err(Error::data(what));
    let rows = m.rows();
    if rows > MOST_ROWS {
        return Err(too_many(rows));
    }
    let deleted = m.deleted.as_ref().map_or(0, |d| d.rows);
    if deleted > rows || m.count != rows - deleted {
        return wrong(format!(
            "it counts {} items, but {rows} rows and {deleted} deleted",
            m.count
        ));
    }
    if m.fields.first().is_none_or(|f| f.name != "main") {
        return wrong("its first field is not 'main'".into());
    }
    for (i, field) in m.fields.iter().enumerate() {
        name(&field.name, "field")?;
        if field.dim == 0 || field.dim > MOST_DIM {
            return wrong(format!("field '{}' has dimension {}", field.name, field.dim));
        }
        if m.fields[..i].iter().any(|f| f.name == field.name) {
            return wrong(format!("field '{}' stands twice", field.name));
        }
        if let Some(s) = m.segments.iter().position(|s| !s.fields.contains_key(&field.name)) {
            return wrong(format!("segment {} lacks field '{}'", s + 1, field.name));
        }
    }
    if let Some(s) = m.segments.iter().position(|s| s.fields.len() != m.fields.len()) {
        return wrong(format!("segment {} has fields that the space has not", s + 1));
    }
    for (i, column) in m.columns.iter().enumerate() {
        if column.name == "id" || m.columns[..i].iter().any(|c| c.name == column.name) {
            return wrong(format!("column '{}' stands twice", column.name));
        }
    }
    for (i, map) in m.maps.iter().enumerate() {
        name(&map.map.name, "map")?;
        if m.maps[..i].iter().any(|other| other.map.name == map.map.name) {
            return wrong(format!("map '{}' stands twice", map.map.name));
        }
    }
    for (i, graph) in m.graphs.iter().enumerate() {
        name(&graph.graph.name, "graph")?;
        if m.graphs[..i].iter().any(|other| other.graph.name == graph.graph.name) {
            return wrong(format!("graph '{}' stands twice", graph.graph.name));
        }
    }
    for (i, index) in m.indexes.iter().enumerate() {
        name(&index.index.name, "index")?;
        if m.indexes[..i].iter().any(|other| other.index.name == index.index.name) {
            return wrong(format!("index '{}' stands twice", index.index.name));
        }
    }
    let mut names: Vec<&str> = m.files().map(|f| f.file.as_str()).collect();
    if let Some(bad) = names.iter().find(|n| number_of(n).is_none_or(|n| n >= m.next_file)) {
        return wrong(format!("'{bad}' is no name of a file of a space"));
    }
    names.sort_unstable();
    let mut pairs = names.iter().zip(names.iter().skip(1));
    if let Some((twice, _)) = pairs.find(|(a, b)| a == b) {
        return wrong(format!("file '{twice}' stands twice"));
    }
    Ok(())
}

pub(super) fn too_many(rows: u64) -> Error {
    Error::data(format!("{rows} rows: a space holds at most {MOST_ROWS}, deleted ones included"))
        .help("compact it, or split the items into several spaces")
}

/// Whether a field or map may be called this: the name becomes part of a file's name on any system.
pub(super) fn name(name: &str, what: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(Error::usage(format!("'{shown}' is no name for a {what}"))
        .help("use at most 64 of a-z A-Z 0-9 _ -"))
}

/// The number in the name of a file of a space; `None` if no file of a space is called this.
pub(super) fn number_of(file: &str) -> Option<u64> {
    let (folder, file) = file.split_once('/').unwrap_or(("", file));
    let (stem, extension) = file.rsplit_once('.')?;
    let (stem, number) = stem.rsplit_once('-')?;
    let known = match folder {
        "model" => matches!((stem, extension), ("config", "json") | ("model", "safetensors")),
        "graphs" => extension == "knn",
        "index" => extension == "hnsw",
        "maps" | "" => matches!(extension, "npy" | "parquet" | "idx" | "bits" | "wal"),
        _ => false,
    };
    let digits =
        number.len() >= 4 && number.len() <= 18 && number.bytes().all(|b| b.is_ascii_digit());
    (known && digits && name(stem, "file").is_ok()).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::super::Dtype;
    use super::*;
    use crate::geometry::Geometry;

    fn small() -> Manifest {
        let file = |name: &str| FileAbout { file: name.into(), bytes: 9, xxh3: "0".repeat(16) };
        Manifest {
            format: FORMAT.into(),
            version: VERSION,
            generation: 1,
            rows_generation: 1,
            next_file: 2,
            log: None,
            kind: "import".into(),
            count: 3,
            fields: vec![FieldAbout {
                name: "main".into(),
                dim: 2,
                dtype: Dtype::F32,
                geometry: Geometry::Cosine,
            }],
            columns: vec![],
            segments: vec![SegmentAbout {
                rows: 3,
                items: file("items-0001.parquet"),
                ids: file("ids-0001.idx"),
                fields: [("main".into(), file("main-0001.npy"))].into(),
            }],
            deleted: None,
            maps: vec![],
            graphs: vec![],
            indexes: vec![],
            model: None,
            provenance: vec![],
            metrics: Map::new(),
            run: Map::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = small().to_bytes().unwrap();
        assert_eq!(parse(&bytes).unwrap(), small());
        assert!(serde_json::from_slice::<Value>(&bytes).is_ok(), "it is plain JSON");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = small().to_bytes().unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                assert!(parse(&broken).is_err(), "byte {at}, bit {bit}");
            }
            assert!(parse(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn newer_versions_are_refused_by_name() {
        for seal_breaks in [false, true] {
            let mut m = small();
            m.version = 7;
            let mut bytes = m.to_bytes().unwrap();
            if seal_breaks {
                bytes.truncate(bytes.len() - 1);
            }
            let error = parse(&bytes).unwrap_err();
            assert!(error.message().contains("format version 7"), "{error}");
        }
    }

    #[test]
    fn lies_are_refused() {
        let refused = |change: &dyn Fn(&mut Manifest), says: &str| {
            let mut m = small();
            change(&mut m);
            let error = parse(&m.to_bytes().unwrap()).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        };
        refused(&|m| m.count = 4, "counts 4 items");
        refused(&|m| (m.segments[0].rows, m.count) = (1 << 32, 1 << 32), "4294967296 rows");
        refused(&|m| m.segments[0].rows = u64::MAX, "rows");
        refused(
            &|m| m.segments[0].items.file = "../../etc/passwd-0001.npy".into(),
            "no name of a file",
        );
        refused(&|m| m.segments[0].items.file = "main-0001.npy".into(), "stands twice");
        refused(&|m| m.segments[0].items.file = "items-0002.parquet".into(), "no name of a file");
        refused(&|m| m.fields[0].dim = usize::MAX, "dimension");
        refused(&|m| m.fields[0].name = "output".into(), "not 'main'");
        refused(&|m| m.segments[0].fields.clear(), "lacks field 'main'");
    }
}
