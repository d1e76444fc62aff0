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
        let mut bytes = MAGIC.to_vec();
        let deleted = flags.iter().filter(|&&d| d).count();
        for number in [VERSION, flags.len() as u64, deleted as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for word in flags.chunks(64) {
            let word =
                word.iter().enumerate().fold(0_u64, |word, (i, &d)| word | u64::from(d) << i);
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
