//! Runs of u32 ids in one flat array, owned or mapped: sentences, walks, baskets, visits.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::file::Bytes;

/// Sequences of ids, each closed by [`Sequences::END`]. Cheap to clone.
#[derive(Clone)]
pub struct Sequences(Ids);

#[derive(Clone)]
enum Ids {
    Owned(Arc<Vec<u32>>),
    /// Checked on entry: aligned, and a whole number of ids.
    Mapped(Bytes, Range<usize>),
}

impl Sequences {
    /// Stands behind the last id of each sequence; never an id itself.
    pub const END: u32 = u32::MAX;

    /// Sequences in memory; every sequence must be closed by `END`.
    pub fn from_vec(ids: Vec<u32>) -> Result<Self> {
        closed(&ids)?;
        Ok(Sequences(Ids::Owned(Arc::new(ids))))
    }

    /// Sequences in a file of little-endian u32, as a corpus is encoded.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        let all = 0..bytes.len();
        Self::within(bytes, all)
    }

    /// Sequences in a part of a file, which must lie in it.
    pub fn within(bytes: Bytes, range: Range<usize>) -> Result<Self> {
        let part = bytes.get(range.clone()).unwrap_or_default();
        let ids: &[u32] = bytemuck::try_cast_slice(part).map_err(|_| {
            Error::data(format!("encoded corpus: {} bytes are no whole number of ids", part.len()))
        })?;
        closed(ids)?;
        Ok(Sequences(Ids::Mapped(bytes, range)))
    }

    /// All ids and `END`s.
    pub fn as_slice(&self) -> &[u32] {
        match &self.0 {
            Ids::Owned(ids) => ids,
            Ids::Mapped(bytes, range) => {
                bytemuck::cast_slice(bytes.get(range.clone()).unwrap_or_default())
            }
        }
    }

    /// Lets the memory of a range go where the ids are mapped; reading them again reads the file.
    pub fn release(&self, range: Range<usize>) {
        if let Ids::Mapped(bytes, part) = &self.0 {
            let byte = |id: usize| id.saturating_mul(4).saturating_add(part.start).min(part.end);
            bytes.release(byte(range.start)..byte(range.end));
        }
    }

    /// The sequences, one after the other, without their `END`.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.as_slice().split_inclusive(|&id| id == Self::END).map(|s| &s[..s.len() - 1])
    }

    /// Cuts the array into ranges of whole sequences, each of at least `size` ids but the last. Depends on the
    /// data alone, never on threads.
    pub fn chunks(&self, size: usize) -> Vec<Range<usize>> {
        let ids = self.as_slice();
        let mut chunks = Vec::with_capacity(ids.len() / size.max(1) + 1);
        let mut start = 0;
        while start < ids.len() {
            let mut end = (start + size.max(1)).min(ids.len());
            while ids[end - 1] != Self::END {
                end += 1;
            }
            chunks.push(start..end);
            // One look at each chunk must not bring the whole file into memory.
            self.release(start..end);
            start = end;
        }
        chunks
    }
}

fn closed(ids: &[u32]) -> Result<()> {
    match ids.last() {
        Some(&last) if last != Sequences::END => {
            Err(Error::data("encoded corpus: its last sequence has no end"))
        }
        _ => Ok(()),
    }
}
