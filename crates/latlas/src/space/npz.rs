//! NumPy's `.npz`: a zip archive of `.npy` files, stored or deflated (`numpy.savez`, `numpy.savez_compressed`,
//! `scipy.sparse.save_npz`).
//!
//! Read from the archive's directory at its end (PKWARE APPNOTE 6.3, §4.3), zip64 included; encrypted entries, other
//! compressions and archives in several parts are refused. Sizes are checked before anything is allocated, and contents
//! against their CRC-32.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::error::{Error, Result};

/// Deflate makes at most 1032 bytes of one.
const MOST_RATIO: u64 = 1032;
/// The most entries that are looked at.
const MOST_ENTRIES: u64 = 1 << 16;

/// What the directory says of an entry.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    deflated: bool,
    crc: u32,
    packed: u64,
    size: u64,
    header: u64,
}

/// An archive of arrays.
#[derive(Debug, Clone)]
pub struct Npz<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
}

impl<'a> Npz<'a> {
    /// Reads the directory.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let (count, start) = directory(bytes).ok_or_else(|| wrong("it has no directory"))?;
        if count > MOST_ENTRIES {
            return Err(wrong("it claims more entries than can be"));
        }
        let mut entries = Vec::new();
        let mut at = usize::try_from(start).map_err(|_| wrong("its directory lies beyond it"))?;
        for _ in 0..count {
            let (entry, next) =
                entry(bytes, at).ok_or_else(|| wrong("its directory is damaged"))??;
            entries.push(entry);
            at = next;
        }
        Ok(Npz { bytes, entries })
    }

    /// The names of its arrays.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.name.strip_suffix(".npy").unwrap_or(&e.name))
    }

    /// Whether it has an array of this name.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|other| other == name)
    }

    /// The bytes of an array, a `.npy` file. An error names those there are if it is not among them.
    pub fn array(&self, name: &str) -> Result<Vec<u8>> {
        let at = self.names().position(|other| other == name);
        let entry = at.map(|at| &self.entries[at]).ok_or_else(|| {
            let names: Vec<&str> = self.names().take(20).collect();
            Error::data(format!(".npz without an array '{name}'"))
                .help(format!("it has: {}", names.join(", ")))
        })?;
        let damaged = || Error::data(format!(".npz: its array '{name}' is damaged"));
        let packed = content(self.bytes, entry).ok_or_else(damaged)?;
        if !entry.deflated {
            if entry.size != entry.packed || crc(packed) != entry.crc {
                return Err(damaged());
            }
            return Ok(packed.to_vec());
        }
        if entry.size > entry.packed.saturating_mul(MOST_RATIO) {
            return Err(damaged());
        }
        let mut out = Vec::new();
        let read = DeflateDecoder::new(packed).take(entry.size + 1).read_to_end(&mut out);
        if read.is_err() || out.len() as u64 != entry.size || crc(&out) != entry.crc {
            return Err(damaged());
        }
        Ok(out)
    }
}

fn wrong(what: &str) -> Error {
    Error::data(format!("no readable .npz file: {what}"))
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A little-endian number of N bytes at a place.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
    Some(u64::from_le_bytes(wide))
}

/// How many entries there are and where their directory begins.
fn directory(bytes: &[u8]) -> Option<(u64, u64)> {
    const END: usize = 22;
    let last = bytes.len().checked_sub(END)?;
    // A comment of up to 65,535 bytes may follow.
    let first = last.saturating_sub(usize::from(u16::MAX));
    let end = (first..=last).rev().find(|&at| bytes[at..].starts_with(b"PK\x05\x06"))?;
    let (count, start) = (number::<2>(bytes, end + 10)?, number::<4>(bytes, end + 16)?);
    if count != u64::from(u16::MAX) && start != u64::from(u32::MAX) {
        return Some((count, start));
    }
    let locator = end.checked_sub(20)?;
    if !bytes[locator..].starts_with(b"PK\x06\x07") {
        return Some((count, start));
    }
    let wide = usize::try_from(number::<8>(bytes, locator + 8)?).ok()?;
    if !bytes.get(wide..)?.starts_with(b"PK\x06\x06") {
        return None;
    }
    Some((number::<8>(bytes, wide.checked_add(32)?)?, number::<8>(bytes, wide.checked_add(48)?)?))
}

/// The entry of the directory at a place, and where the next one is.
fn entry(bytes: &[u8], at: usize) -> Option<Result<(Entry, usize)>> {
    if !bytes.get(at..)?.starts_with(b"PK\x01\x02") {
        return None;
    }
    let (flags, method) = (number::<2>(bytes, at + 8)?, number::<2>(bytes, at + 10)?);
    let crc = number::<4>(bytes, at + 16)? as u32;
    let (mut packed, mut size) = (number::<4>(bytes, at + 20)?, number::<4>(bytes, at + 24)?);
    let lengths = [28, 30, 32].map(|i| number::<2>(bytes, at + i));
    let [name, extra, comment] = [lengths[0]?, lengths[1]?, lengths[2]?].map(|n| n as usize);
    let mut header = number::<4>(bytes, at + 42)?;
    let name_at = at + 46;
    let extra_at = name_at + name;
    let text = String::from_utf8_lossy(bytes.get(name_at..extra_at)?).into_owned();
    // Numbers that are too large for 32 bits stand in an extra field, in this order.
    let mut field = extra_at;
    while field + 4 <= extra_at + extra {
        let (id, len) = (number::<2>(bytes, field)?, number::<2>(bytes, field + 2)? as usize);
        if id == 1 {
            let mut place = field + 4;
            for value in [&mut size, &mut packed, &mut header] {
                if *value == u64::from(u32::MAX) && place + 8 <= field + 4 + len {
                    *value = number::<8>(bytes, place)?;
                    place += 8;
                }
            }
        }
        field += 4 + len;
    }
    let next = extra_at + extra + comment;
    let deflated = match (flags & 1, method) {
        (0, 0) => false,
        (0, 8) => true,
        (1, _) => return Some(Err(wrong(&format!("its entry '{text}' is encrypted")))),
        _ => {
            let what = format!("its entry '{text}' is compressed by method {method}");
            return Some(Err(wrong(&what).help("write it with numpy.savez")));
        }
    };
    Some(Ok((Entry { name: text, deflated, crc, packed, size, header }, next)))
}

/// The bytes of an entry as they are stored.
fn content<'a>(bytes: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let at = usize::try_from(entry.header).ok()?;
    if !bytes.get(at..)?.starts_with(b"PK\x03\x04") {
        return None;
    }
    let (name, extra) = (number::<2>(bytes, at + 26)?, number::<2>(bytes, at + 28)?);
    let start = at + 30 + name as usize + extra as usize;
    bytes.get(start..start.checked_add(usize::try_from(entry.packed).ok()?)?)
}
