//! Changes over a generation in memory: rows of it that are dead, and parts that come after it.
//!
//! Each batch of items is a part, and parts of about the same size are put together, so that there are few of them
//! and an item is copied a logarithmic number of times (O'Neil et al., The Log-Structured Merge-Tree, 1996).

use std::sync::Arc;

use arrow_array::UInt32Array;

use super::{Change, Points};
use crate::error::Result;
use crate::file::Bytes;
use crate::linalg::Matrix;
use crate::space::deleted::Deleted;
use crate::space::field::Vectors;
use crate::space::{Field, Inner, Row, Segment, Space, manifest, table};

/// A part is put together with the one after it unless it is this many times as large.
const LARGER: usize = 2;

/// A generation of a space and what has been changed since.
#[derive(Debug)]
pub(in crate::space) struct Overlay {
    base: Space,
    /// One bit a row of the base, set where it is deleted.
    dead: Vec<u64>,
    parts: Vec<Part>,
    /// How many changes there were.
    changes: usize,
}

#[derive(Debug)]
struct Part {
    space: Space,
    dead: Vec<bool>,
    live: usize,
}

/// What a change did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Items that were not there before.
    pub added: usize,
    /// Items that took another's place.
    pub replaced: usize,
    /// Items that were taken away.
    pub deleted: usize,
}

impl Overlay {
    /// Nothing changed yet.
    pub(in crate::space) fn new(base: Space) -> Self {
        let mut dead = vec![0_u64; base.rows().div_ceil(64)];
        for row in (0..base.rows()).filter(|&row| !base.is_live(Row(row as u32))) {
            dead[row / 64] |= 1 << (row % 64);
        }
        Overlay { base, dead, parts: Vec::new(), changes: 0 }
    }

    /// The space without changes.
    pub(super) fn base(&self) -> &Space {
        &self.base
    }

    /// How many changes were made.
    pub(in crate::space) fn changes(&self) -> usize {
        self.changes
    }

    /// How many items were put, those that are gone again among them.
    pub(super) fn items(&self) -> usize {
        self.parts.iter().map(|part| part.dead.len()).sum()
    }

    /// Refuses changes after which there would be more rows than a space can have.
    pub(super) fn check_room(&self, changes: &[Change]) -> Result<()> {
        let put = changes.iter().map(|change| match change {
            Change::Put(points) => points.len(),
            Change::Delete(_) => 0,
        });
        let rows = (self.base.rows() + self.items() + put.sum::<usize>()) as u64;
        if rows > manifest::MOST_ROWS { Err(manifest::too_many(rows)) } else { Ok(()) }
    }

    /// Makes a change, which must fit the base.
    pub(in crate::space) fn make(&mut self, change: &Change) -> Result<Changed> {
        let mut changed = Changed::default();
        match change {
            Change::Delete(ids) => {
                changed.deleted = ids.iter().filter(|id| self.kill(id)).count();
            }
            Change::Put(points) => {
                changed.replaced = points.ids().filter(|id| self.kill(id)).count();
                changed.added = points.len() - changed.replaced;
                if !points.is_empty() {
                    let live = points.len();
                    let Points(space) = points.clone();
                    self.parts.push(Part { space, dead: vec![false; live], live });
                    self.put_together()?;
                }
            }
        }
        self.changes += 1;
        Ok(changed)
    }

    /// Takes an item away; whether it was there.
    fn kill(&mut self, id: &str) -> bool {
        for part in self.parts.iter_mut().rev() {
            if let Some(row) = part.space.get(id).filter(|row| !part.dead[row.index()]) {
                part.dead[row.index()] = true;
                part.live -= 1;
                return true;
            }
        }
        match self.base.get(id).map(Row::index) {
            Some(row) if self.dead[row / 64] >> (row % 64) & 1 == 0 => {
                self.dead[row / 64] |= 1 << (row % 64);
                true
            }
            _ => false,
        }
    }

    fn put_together(&mut self) -> Result<()> {
        while let [.., before, last] = &self.parts[..]
            && before.dead.len() <= LARGER * last.dead.len()
        {
            let space = joined(&[before, last])?;
            let live = space.count();
            self.parts.truncate(self.parts.len() - 2);
            self.parts.push(Part { space, dead: vec![false; live], live });
        }
        Ok(())
    }

    /// The rows of the base that were live, and are not any more.
    pub(in crate::space) fn gone(&self) -> Vec<Row> {
        self.base
            .live()
            .filter(|row| self.dead[row.index() / 64] >> (row.index() % 64) & 1 == 1)
            .collect()
    }

    /// The live items that came since, as a space of their own, in the order in which they came.
    pub(in crate::space) fn added(&self) -> Result<Option<Space>> {
        let parts: Vec<&Part> = self.parts.iter().filter(|part| part.live > 0).collect();
        if parts.is_empty() { Ok(None) } else { joined(&parts).map(Some) }
    }

    /// The space with all changes in it. Rows of the base stay where they are.
    pub(in crate::space) fn space(&self) -> Result<Space> {
        if self.changes == 0 {
            return Ok(self.base.clone());
        }
        let mut inner = Inner::clone(&self.base.0);
        let mut parts: Vec<Vec<(usize, Vectors)>> = inner.fields.iter().map(Field::parts).collect();
        let mut rows = self.base.rows();
        let mut dead = self.dead.clone();
        let mut count: usize =
            rows - dead.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        for part in &self.parts {
            for segment in &part.space.0.segments {
                inner.segments.push(Segment { first: rows + segment.first, ..segment.clone() });
            }
            for (field, parts) in part.space.0.fields.iter().zip(&mut parts) {
                parts.extend(field.parts());
            }
            dead.resize((rows + part.dead.len()).div_ceil(64), 0);
            for (at, _) in part.dead.iter().enumerate().filter(|(_, dead)| **dead) {
                dead[(rows + at) / 64] |= 1 << ((rows + at) % 64);
            }
            rows += part.dead.len();
            count += part.live;
        }
        if rows as u64 > manifest::MOST_ROWS {
            return Err(manifest::too_many(rows as u64));
        }
        inner.deleted = (count < rows)
            .then(|| {
                let bytes = Bytes::from(Deleted::encode_words(&dead, rows, rows - count));
                Deleted::from_bytes(bytes, rows as u64, (rows - count) as u64)
            })
            .transpose()?;
        let fields = inner.fields.iter().zip(parts);
        inner.fields =
            fields.map(|(field, parts)| Field::new(field.about().clone(), parts)).collect();
        inner.manifest.count = count as u64;
        // Maps and graphs are of other rows than those of now.
        inner.manifest.rows_generation = inner.manifest.generation + 1;
        inner.changes = self.changes;
        Ok(Space(Arc::new(inner)))
    }
}

/// The live items of parts, as one space.
fn joined(parts: &[&Part]) -> Result<Space> {
    let (mut tables, mut rows) = (Vec::new(), Vec::new());
    for part in parts {
        let live: Vec<Row> = part.space.live().filter(|row| !part.dead[row.index()]).collect();
        let places: UInt32Array = live.iter().map(|row| row.0).collect::<Vec<u32>>().into();
        tables.push(table::take(&part.space.items(None)?, &places)?);
        rows.push(live);
    }
    let mut columns: Vec<(String, crate::items::ColumnKind)> = Vec::new();
    for (name, kind) in parts.iter().flat_map(|part| part.space.columns()) {
        if !columns.iter().any(|(known, _)| known == name) {
            columns.push((name.clone(), *kind));
        }
    }
    let names: Vec<_> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    let items = table::concat(&tables, &names)?;
    let mut builder = Space::builder("points", items);
    for about in parts.iter().take(1).flat_map(|part| part.space.fields()) {
        let mut numbers = Vec::new();
        for (part, rows) in parts.iter().zip(&rows) {
            numbers.extend_from_slice(part.space.field(&about.name)?.gather(rows).as_slice());
        }
        let matrix = Matrix::new(numbers.len() / about.dim, about.dim, numbers)?;
        builder = builder.field(&about.name, about.geometry, matrix);
    }
    builder.build()
}
