//! `deleted-000N.bits`: the rows that no longer count.
//!
//! Little-endian: magic, version, rows, deleted rows (8 bytes each), then one bit a row, lowest bit first, padded to whole u64.

use crate::error::{Error, Result};
use crate::file::Bytes;

const MAGIC: &[u8; 8] = b"latlasDB";
const VERSION: u64 = 1;
const HEADER: usize = 32;

/// A set of rows.
#[derive(Debug, Clone)]
pub(super) struct Deleted {
    bytes: Bytes,
}

impl Deleted {
    /// The bytes of the file; `flags` has one entry a row.
    pub(super) fn encode(flags: &[bool]) -> Vec<u8> {
        let deleted = flags.iter().filter(|&&d| d).count();
        let word = |flags: &[bool]| {
            flags.iter().enumerate().fold(0_u64, |word, (i, &d)| word | u64::from(d) << i)
        };
        let words: Vec<u64> = flags.chunks(64).map(word).collect();
        Self::encode_words(&words, flags.len(), deleted)
    }

    /// The bytes of the file; `words` has a bit a row, and no others set.
    pub(super) fn encode_words(words: &[u64], rows: usize, deleted: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + 8 * words.len());
        bytes.extend_from_slice(MAGIC);
        for number in [VERSION, rows as u64, deleted as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Checks the header against what `space.json` says, and the length; reads nothing else.
    pub(super) fn from_bytes(bytes: Bytes, rows: u64, deleted: u64) -> Result<Self> {
        let wrong = |what: String| Err(Error::data(format!("deleted rows: {what}")));
        if bytes.len() < HEADER || bytes[..8] != *MAGIC {
            return wrong("the file does not begin as one".into());
        }
        let (words, _) = bytes[8..HEADER].as_chunks::<8>();
        let found: Vec<u64> = words.iter().map(|&w| u64::from_le_bytes(w)).collect();
        if found[0] > VERSION {
            return wrong(format!("version {} is newer than this latlas", found[0]));
        }
        if found != [VERSION, rows, deleted] {
            return wrong(format!(
                "{} of {} rows, where space.json says {deleted} of {rows}",
                found[2], found[1]
            ));
        }
        if bytes.len() as u64 != HEADER as u64 + rows.div_ceil(64) * 8 {
            return wrong(format!("{} bytes for {rows} rows", bytes.len()));
        }
        Ok(Deleted { bytes })
    }

    pub(super) fn contains(&self, row: usize) -> bool {
        self.bytes.get(HEADER + row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    }

    /// How many rows it really holds.
    pub(super) fn count(&self) -> u64 {
        self.bytes[HEADER..].iter().map(|byte| u64::from(byte.count_ones())).sum()
    }
}
