//! `log-NNNN.wal`: the changes since generation NNNN, a journal of one record each. `docs/format.md` holds the bytes.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::given::Shape;
use super::{Change, Points};
use crate::error::{Error, Result};
use crate::file::Bytes;
use crate::file::journal::{self, Journal, JournalKind};
use crate::items::json;
use crate::linalg::Matrix;
use crate::space::{Row, Space};

/// What a log is.
const LOG: JournalKind = JournalKind { magic: b"latlasLG", name: "log", version: 1 };
/// How the records of each kind of change begin.
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// What a log is about.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    generation: u64,
    fields: Vec<(String, usize)>,
}

/// What a log holds.
#[derive(Debug, Default)]
pub struct Logged {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Bytes at its end that are no whole change: of a writer that was killed, and that no one was promised.
    pub torn: usize,
}

/// The name of the log of the changes since a generation.
pub(in crate::space) fn log_name(generation: u64) -> String {
    format!("log-{generation:04}.wal")
}

/// An empty log of the changes since a generation of a space.
pub(super) fn create(dir: &Path, generation: u64, shape: &Shape) -> Result<Journal> {
    let about = About::of(generation, shape);
    let about = serde_json::to_vec(&about).map_err(|e| Error::data(e.to_string()))?;
    Journal::create(&dir.join(log_name(generation)), LOG, &about)
}

/// The log of the changes since a generation; `None` if there is none.
pub(in crate::space) fn at(dir: &Path, generation: u64, space: &Space) -> Result<Option<Logged>> {
    let path = dir.join(log_name(generation));
    let bytes = match Bytes::read(&path) {
        Ok(bytes) => bytes,
        Err(_) if !path.exists() => return Ok(None),
        Err(error) => return Err(error),
    };
    let logged = read(&bytes, generation, space).map_err(|e| {
        e.context(path.display())
            .help("restore the space from a copy, or move the log away to lose the changes in it")
    })?;
    Ok(Some(logged))
}

/// The changes in the bytes of a log of a generation of a space.
pub fn read(bytes: &[u8], generation: u64, space: &Space) -> Result<Logged> {
    let journaled = journal::read(bytes, LOG)?;
    let shape = space.shape()?;
    let about: About = serde_json::from_slice(journaled.about)
        .map_err(|e| Error::data(format!("what it is about: {e}")))?;
    if about != About::of(generation, &shape) {
        return Err(Error::data("it is of another generation, or of other vectors"));
    }
    let changes = journaled.records.iter().enumerate().map(|(at, record)| {
        decode(record, &shape)
            .ok_or_else(|| Error::data("it cannot be read"))
            .and_then(|change| change)
            .map_err(|e| e.context(format!("change {}", at + 1)))
    });
    Ok(Logged { changes: changes.collect::<Result<_>>()?, torn: journaled.torn })
}

impl About {
    fn of(generation: u64, shape: &Shape) -> Self {
        let fields = shape.fields.iter().map(|field| (field.name.clone(), field.dim)).collect();
        About { generation, fields }
    }
}

/// A change as a record.
pub(super) fn encode(change: &Change) -> Result<Vec<u8>> {
    match change {
        Change::Put(Points(space)) => {
            let items = space.items(None)?;
            let mut columns = Map::new();
            for column in items.columns() {
                let values = (0..items.len()).map(|at| json::value(column, at)).collect();
                columns.insert(column.name.clone(), values);
            }
            let columns = serde_json::to_vec(&columns).map_err(|e| Error::data(e.to_string()))?;
            let ids: Vec<&str> = items.ids().iter().flatten().collect();
            let mut record = strings(PUT, &ids);
            record.extend_from_slice(&(columns.len() as u32).to_le_bytes());
            record.extend_from_slice(&columns);
            let rows: Vec<Row> = space.live().collect();
            for about in space.fields() {
                let vectors = space.field(&about.name)?.gather(&rows);
                record.extend_from_slice(bytemuck::cast_slice(vectors.as_slice()));
            }
            Ok(record)
        }
        Change::Delete(ids) => {
            Ok(strings(DELETE, &ids.iter().map(String::as_str).collect::<Vec<_>>()))
        }
    }
}

fn strings(kind: u8, ids: &[&str]) -> Vec<u8> {
    let mut record = vec![kind];
    record.extend_from_slice(&(ids.len() as u32).to_le_bytes());
    for id in ids {
        record.extend_from_slice(&(id.len() as u32).to_le_bytes());
        record.extend_from_slice(id.as_bytes());
    }
    record
}

/// The change that a record holds; `None` for bytes that hold none.
fn decode(record: &[u8], shape: &Shape) -> Option<Result<Change>> {
    let left = &mut &*record;
    let kind = *take(left, 1)?.first()?;
    let count = number(take(left, 4)?)?;
    if count > record.len() / 4 {
        return None;
    }
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let len = number(take(left, 4)?)?;
        ids.push(std::str::from_utf8(take(left, len)?).ok()?);
    }
    match kind {
        DELETE if left.is_empty() => {
            Some(Ok(Change::Delete(ids.into_iter().map(str::to_owned).collect())))
        }
        PUT => {
            let len = number(take(left, 4)?)?;
            let columns: Map<String, Value> = serde_json::from_slice(take(left, len)?).ok()?;
            let mut vectors = Vec::with_capacity(shape.fields.len());
            for field in &shape.fields {
                let bytes = take(left, count.checked_mul(field.dim)?.checked_mul(4)?)?;
                let (numbers, _) = bytes.as_chunks::<4>();
                let numbers = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                vectors.push(Matrix::new(count, field.dim, numbers).ok()?);
            }
            let mut given = Vec::with_capacity(columns.len());
            for (name, values) in &columns {
                let values = values.as_array().filter(|values| values.len() == count)?;
                given.push((name.as_str(), values.iter().map(Some).collect()));
            }
            left.is_empty().then(|| shape.together(&ids, vectors, &given).map(Change::Put))
        }
        _ => None,
    }
}

/// The next bytes.
fn take<'a>(left: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, rest) = left.split_at_checked(n)?;
    *left = rest;
    Some(taken)
}

fn number(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}
