//! `ids-000N.idx`: id → row and row → id of one segment, used in place so that opening reads no ids.
//!
//! Little-endian: 64 bytes of header (magic, version, n, length of the text, slots), then `offsets: u64[n + 1]`
//! into the text, `table: u32[slots]` (row + 1, 0 for a free slot; linear probing from `hash · slots >> 64`, hash =
//! xxh3 of the id, seed 0), then the text: the ids one after the other, UTF-8. Slots are n + n/2 + 1, so two
//! thirds of them are taken and a look-up probes about two (Knuth, TAOCP vol. 3, §6.4: ½(1 + 1/(1 − α))).

use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

use super::manifest::MOST_ROWS;
use crate::error::{Error, Result};
use crate::file::Bytes;

const MAGIC: &[u8; 8] = b"latlasID";
const VERSION: u64 = 1;
const HEADER: usize = 64;

/// The ids of one segment. Whatever the bytes are, a look-up gives an answer, never a panic.
#[derive(Debug, Clone)]
pub struct IdTable {
    bytes: Bytes,
    /// Where in `bytes` the table lies.
    at: Range<usize>,
    rows: usize,
    slots: usize,
    text_at: usize,
}

impl IdTable {
    /// The bytes of the table of these ids, which must be unique.
    pub fn encode<'a>(ids: impl ExactSizeIterator<Item = &'a str> + Clone) -> Result<Vec<u8>> {
        let rows = ids.len();
        if rows as u64 > MOST_ROWS {
            return Err(super::manifest::too_many(rows as u64));
        }
        let slots = rows + rows / 2 + 1;
        let text: usize = ids.clone().map(str::len).sum();
        let mut bytes = Vec::with_capacity(HEADER + (rows + 1) * 8 + slots * 4 + text);
        bytes.extend_from_slice(MAGIC);
        for number in [VERSION, rows as u64, text as u64, slots as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.resize(HEADER, 0);
        let mut end = 0_u64;
        bytes.extend_from_slice(&end.to_le_bytes());
        for id in ids.clone() {
            end += id.len() as u64;
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        let mut table = vec![0_u32; slots];
        for (row, id) in ids.clone().enumerate() {
            let mut slot = first_slot(id, slots);
            while table[slot] != 0 {
                slot = (slot + 1) % slots;
            }
            table[slot] = row as u32 + 1;
        }
        for entry in table {
            bytes.extend_from_slice(&entry.to_le_bytes());
        }
        ids.for_each(|id| bytes.extend_from_slice(id.as_bytes()));
        Ok(bytes)
    }

    /// A table over these bytes; checks its header against their length, and reads nothing else.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        let all = 0..bytes.len();
        Self::within(bytes, all)
    }

    /// A table over a part of these bytes; it need not be aligned.
    pub(super) fn within(bytes: Bytes, at: Range<usize>) -> Result<Self> {
        let wrong = |what: &str| Error::data(format!("id table: {what}"));
        let part = bytes.get(at.clone()).unwrap_or_default();
        if part.len() < HEADER || part[..8] != *MAGIC {
            return Err(wrong("it does not begin as one"));
        }
        let number = |i: usize| u64_at(part, 8 + 8 * i).unwrap_or(u64::MAX);
        match number(0) {
            VERSION => {}
            newer if newer > VERSION => {
                return Err(wrong(&format!("version {newer} is newer than this latlas"))
                    .help("install a newer latlas"));
            }
            _ => return Err(wrong("it has no version that ever was")),
        }
        let (rows, text, slots) = (number(1), number(2), number(3));
        if rows > MOST_ROWS {
            return Err(wrong(&format!("it claims {rows} rows")));
        }
        if slots <= rows || slots > rows * 4 + 4 {
            return Err(wrong(&format!("it claims {slots} slots for {rows} rows")));
        }
        let text_at = HEADER as u64 + (rows + 1) * 8 + slots * 4; // below 2^36 by the two checks above
        if text_at.checked_add(text) != Some(part.len() as u64) {
            return Err(wrong(&format!(
                "its header does not fit its length of {} bytes",
                part.len()
            )));
        }
        let (rows, slots, text_at) = (rows as usize, slots as usize, text_at as usize);
        Ok(IdTable { bytes, at, rows, slots, text_at })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The id of a row of this segment; "" if there is none or its bytes are damaged.
    pub fn id(&self, row: usize) -> &str {
        self.raw(row).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// The row of an id within this segment.
    pub fn row(&self, id: &str) -> Option<u32> {
        let first = first_slot(id, self.slots);
        for probe in 0..self.slots {
            let slot = (first + probe) % self.slots;
            let row = self.entry(slot)?.checked_sub(1)?; // a free slot ends the search
            if self.raw(row as usize) == Some(id.as_bytes()) {
                return Some(row);
            }
        }
        None
    }

    /// Reads everything: every id is UTF-8, stands at its place, and is found again under its own row.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::data(format!("id table: {what}")));
        let text = self.bytes().len() - self.text_at;
        if self.end(0) != Some(0) || self.end(self.rows) != Some(text as u64) {
            return wrong("its offsets do not span its text".into());
        }
        for row in 0..self.rows {
            let Some(bytes) = self.raw(row) else { return wrong(format!("row {row} has no id")) };
            let Ok(id) = std::str::from_utf8(bytes) else {
                return wrong(format!("the id of row {row} is not UTF-8"));
            };
            if self.row(id) != Some(row as u32) {
                return wrong(format!("id '{id}' of row {row} is not found under it"));
            }
        }
        let taken = (0..self.slots).filter(|&slot| self.entry(slot) != Some(0)).count();
        if taken != self.rows {
            return wrong(format!("{taken} slots are taken for {} rows", self.rows));
        }
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.at.clone()).unwrap_or_default()
    }

    fn raw(&self, row: usize) -> Option<&[u8]> {
        if row >= self.rows {
            return None;
        }
        let (start, end) = (self.end(row)?, self.end(row + 1)?);
        self.bytes()
            .get(self.text_at..)?
            .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    fn end(&self, i: usize) -> Option<u64> {
        u64_at(self.bytes(), HEADER + 8 * i)
    }

    fn entry(&self, slot: usize) -> Option<u32> {
        let at = HEADER + (self.rows + 1) * 8 + slot * 4;
        Some(u32::from_le_bytes(self.bytes().get(at..at + 4)?.try_into().ok()?))
    }
}

fn first_slot(id: &str, slots: usize) -> usize {
    ((u128::from(xxh3_64(id.as_bytes())) * slots as u128) >> 64) as usize
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(ids: &[String]) -> IdTable {
        let bytes = IdTable::encode(ids.iter().map(String::as_str)).unwrap();
        IdTable::from_bytes(Bytes::from(bytes)).unwrap()
    }

    proptest! {
        #[test]
        fn every_id_is_found_and_no_other(ids in prop::collection::hash_set(".{0,9}", 0..200), other in ".{0,9}") {
            let ids: Vec<String> = ids.into_iter().collect();
            let table = table(&ids);
            table.check().unwrap();
            for (row, id) in ids.iter().enumerate() {
                prop_assert_eq!(table.row(id), Some(row as u32));
                prop_assert_eq!(table.id(row), id);
            }
            prop_assert_eq!(table.row(&other).is_some(), ids.contains(&other));
            prop_assert_eq!(table.id(ids.len()), "");
        }

        #[test]
        fn any_bytes_give_an_error_or_answers(mut bytes in prop::collection::vec(any::<u8>(), 0..300), keep in 0..65_usize) {
            let good = IdTable::encode(["a", "bc", "", "déf"].into_iter()).unwrap();
            let keep = keep.min(bytes.len()).min(good.len());
            bytes[..keep].copy_from_slice(&good[..keep]);
            if let Ok(table) = IdTable::from_bytes(Bytes::from(bytes)) {
                let _ = (table.row("bc"), table.row("zz"), table.check());
                (0..table.rows().min(99)).for_each(|row| drop(table.id(row).to_owned()));
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_survived() {
        let good = IdTable::encode(["a", "bc", "", "déf"].into_iter()).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                if let Ok(table) = IdTable::from_bytes(Bytes::from(bytes)) {
                    let _ = (table.row("bc"), table.row("zz"), table.id(3), table.check());
                }
            }
        }
    }

    #[test]
    fn a_header_that_lies_about_its_size_is_refused() {
        let mut bytes = IdTable::encode(["a", "bc"].into_iter()).unwrap();
        for (at, claim) in [
            (16, u64::MAX),
            (16, MOST_ROWS),
            (24, u64::MAX),
            (24, 1 << 40),
            (32, u64::MAX),
            (32, 0),
        ] {
            let old: Vec<u8> = bytes[at..at + 8].to_vec();
            bytes[at..at + 8].copy_from_slice(&claim.to_le_bytes());
            assert!(IdTable::from_bytes(Bytes::from(bytes.clone())).is_err(), "{claim} at {at}");
            bytes[at..at + 8].copy_from_slice(&old);
        }
    }
}
