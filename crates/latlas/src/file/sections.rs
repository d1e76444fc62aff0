//! One file of several named arrays, written in one pass and used in place.
//!
//! A *section file* begins with 64 bytes (magic, version), holds its sections one after the other, each from a
//! multiple of 64 on, and ends with a directory that names them, and 64 bytes that say where the directory is.
//! Whoever writes need not know the sizes beforehand; a file that was cut short has no end and is refused. Every
//! section has a checksum. `docs/format.md` holds the bytes.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use bytemuck::Pod;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::{Bytes, NewFile};
use crate::error::{Error, Result};

/// What every section begins at a multiple of.
const ALIGN: u64 = 64;
const HEAD: u64 = 64;
const FOOT: usize = 64;
/// How the last 64 bytes begin.
const END: &[u8; 8] = b"latlas\0E";
const NAME: usize = 16;
const ENTRY: usize = NAME + 24;
/// The most sections of one file.
const MOST: usize = 64;
/// Bytes that are checked at once, and let go of before the next.
const BLOCK: usize = 4 << 20;

/// What a section file is: how it begins, what messages call it, and the newest version that is known.
#[derive(Debug, Clone, Copy)]
pub struct SectionKind {
    /// The first eight bytes.
    pub magic: &'static [u8; 8],
    /// "relations file", say.
    pub name: &'static str,
    /// Files of a higher version are refused.
    pub version: u64,
}

/// Writes a section file, front to back.
pub struct SectionWriter<'a> {
    file: &'a mut NewFile,
    entries: Vec<(String, Range<u64>, u64)>,
    open: Option<(String, u64, Xxh3Default)>,
}

impl<'a> SectionWriter<'a> {
    /// Begins a file of this kind in an empty file.
    pub fn begin(file: &'a mut NewFile, kind: SectionKind) -> Result<Self> {
        let mut head = [0; HEAD as usize];
        head[..8].copy_from_slice(kind.magic);
        head[8..16].copy_from_slice(&kind.version.to_le_bytes());
        let mut writer = SectionWriter { file, entries: Vec::new(), open: None };
        writer.put(&head)?;
        Ok(writer)
    }

    /// Begins a section, ending the one before. `name` has 1 to 16 ASCII bytes.
    pub fn section(&mut self, name: &str) -> Result<()> {
        self.close()?;
        self.open = Some((name.to_owned(), self.file.written(), Xxh3Default::new()));
        Ok(())
    }

    /// Writes bytes of the section that has begun.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((_, _, hash)) = &mut self.open {
            hash.update(bytes);
        }
        self.put(bytes)
    }

    /// A whole section.
    pub fn whole(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.section(name)?;
        self.write(bytes)
    }

    /// Writes the directory and the end. The file itself is still to be finished.
    pub fn end(mut self) -> Result<()> {
        self.close()?;
        let at = self.file.written();
        let mut directory = Vec::with_capacity(self.entries.len() * ENTRY);
        for (name, range, hash) in &self.entries {
            let mut padded = [0; NAME];
            for (to, from) in padded.iter_mut().zip(name.bytes()) {
                *to = from;
            }
            directory.extend_from_slice(&padded);
            for number in [range.start, range.end - range.start, *hash] {
                directory.extend_from_slice(&number.to_le_bytes());
            }
        }
        let mut foot = [0; FOOT];
        foot[..8].copy_from_slice(END);
        foot[8..16].copy_from_slice(&at.to_le_bytes());
        foot[16..24].copy_from_slice(&(self.entries.len() as u64).to_le_bytes());
        foot[24..32].copy_from_slice(&xxh3_64(&directory).to_le_bytes());
        self.put(&directory)?;
        self.put(&foot)
    }

    fn close(&mut self) -> Result<()> {
        if let Some((name, start, hash)) = self.open.take() {
            let end = self.file.written();
            self.entries.push((name, start..end, hash.digest()));
            let padding = [0; ALIGN as usize];
            self.put(&padding[..(end.next_multiple_of(ALIGN) - end) as usize])?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| self.file.blame(&e))
    }
}

/// An open section file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sections {
    bytes: Bytes,
    entries: Vec<Entry>,
    name: &'static str,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    range: Range<usize>,
    hash: u64,
}

impl Sections {
    /// Maps a file of this kind. Its head, end and directory are verified, nothing else is read.
    pub fn open(path: &Path, kind: SectionKind) -> Result<Self> {
        Self::from_bytes(Bytes::map(path)?, kind).map_err(|e| e.context(path.display()))
    }

    /// Whether a file begins as one of this kind; `false` for one that cannot be read.
    pub fn is(path: &Path, kind: SectionKind) -> bool {
        let mut magic = [0; 8];
        let read = std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
        read.is_ok() && magic == *kind.magic
    }

    /// A file of this kind in memory.
    pub fn from_bytes(bytes: Bytes, kind: SectionKind) -> Result<Self> {
        let name = kind.name;
        let wrong = |what: &str| Err(Error::data(format!("{name}: {what}")));
        if bytes.get(..8) != Some(kind.magic) {
            return wrong("it does not begin as one");
        }
        match u64_at(&bytes, 8) {
            Some(version) if version == kind.version => {}
            Some(newer) if newer > kind.version => {
                return Err(Error::data(format!(
                    "{name}: version {newer} is newer than this latlas"
                ))
                .help("install a newer latlas"));
            }
            _ => return wrong("it has no version that ever was"),
        }
        let cut = || {
            Err(Error::data(format!("{name}: it has no end"))
                .help("it was cut short: copy or make it again"))
        };
        let Some(foot) = bytes.len().checked_sub(FOOT).filter(|&foot| foot >= HEAD as usize) else {
            return cut();
        };
        if bytes.get(foot..foot + 8) != Some(END) {
            return cut();
        }
        let number = |i: usize| u64_at(&bytes, foot + i).unwrap_or(u64::MAX);
        let (at, count) = (number(8), number(16));
        // At most 64 entries, so nothing below can overflow or allocate much.
        if count > MOST as u64 || at.checked_add(count * ENTRY as u64) != Some(foot as u64) {
            return wrong("its end does not fit its length");
        }
        let directory = bytes.get(at as usize..foot).unwrap_or_default();
        if xxh3_64(directory) != number(24) {
            return wrong("its directory is damaged");
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(count as usize);
        let mut free = HEAD;
        for entry in directory.chunks_exact(ENTRY) {
            let (name_bytes, numbers) = entry.split_at(NAME);
            let [start, len, hash] = [0, 8, 16].map(|i| u64_at(numbers, i).unwrap_or(u64::MAX));
            let end = start.checked_add(len).filter(|&end| end <= at);
            let (Some(end), true) = (end, start >= free && start.is_multiple_of(ALIGN)) else {
                return wrong("a section of it lies where none can be");
            };
            free = end;
            let used = name_bytes.iter().position(|&b| b == 0).unwrap_or(NAME);
            let name = String::from_utf8_lossy(&name_bytes[..used]).into_owned();
            if entries.iter().any(|e| e.name == name) {
                return wrong("a section of it stands twice");
            }
            entries.push(Entry { name, range: start as usize..end as usize, hash });
        }
        Ok(Sections { bytes, entries, name })
    }

    /// Where a section lies; an error if there is none.
    pub fn range(&self, name: &str) -> Result<Range<usize>> {
        self.find(name).map(|entry| entry.range.clone())
    }

    /// Whether there is such a section.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|e| e.name == name)
    }

    /// A section as numbers, which must fill it.
    pub fn numbers<T: Pod>(&self, name: &str) -> Result<&[T]> {
        let range = self.range(name)?;
        bytemuck::try_cast_slice(self.bytes.get(range).unwrap_or_default()).map_err(|_| {
            Error::data(format!("{}: its section '{name}' is no whole number of values", self.name))
        })
    }

    /// The whole file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What messages call such a file.
    pub fn kind(&self) -> &'static str {
        self.name
    }

    /// A number that differs when the content of a section does: its checksum.
    pub fn fingerprint(&self, name: &str) -> Result<u64> {
        self.find(name).map(|entry| entry.hash)
    }

    /// Reads every byte of every section; an error names the one that is damaged.
    pub fn check(&self) -> Result<()> {
        for Entry { name, range, hash } in &self.entries {
            let mut digest = Xxh3Default::new();
            for start in range.clone().step_by(BLOCK) {
                let block = start..(start + BLOCK).min(range.end);
                digest.update(self.bytes.get(block.clone()).unwrap_or_default());
                self.bytes.release(block);
            }
            if digest.digest() != *hash {
                return Err(Error::data(format!("{}: its section '{name}' is damaged", self.name))
                    .help("copy or make the file again"));
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<&Entry> {
        self.entries
            .iter()
            .find(|e| e.name == name)
            .ok_or_else(|| Error::data(format!("{}: it has no section '{name}'", self.name)))
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: SectionKind = SectionKind { magic: b"latlas\0T", name: "test file", version: 1 };

    fn written(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = NewFile::create(&path).unwrap();
        let mut writer = SectionWriter::begin(&mut file, KIND).unwrap();
        for (name, bytes) in sections {
            writer.section(name).unwrap();
            // In two parts, as those do who do not know how much will come.
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            writer.write(head).unwrap();
            writer.write(tail).unwrap();
        }
        writer.end().unwrap();
        file.finish().unwrap();
        std::fs::read(path).unwrap()
    }

    fn open(bytes: Vec<u8>) -> Result<Sections> {
        Sections::from_bytes(Bytes::from(bytes), KIND)
    }

    fn example() -> Vec<u8> {
        written(&[
            ("numbers", vec![1, 0, 0, 0, 2, 0, 0, 0]),
            ("none", vec![]),
            ("odd", vec![7; 65]),
        ])
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..9)) {
            let names: Vec<String> = (0..parts.len()).map(|i| format!("part {i}")).collect();
            let sections: Vec<(&str, Vec<u8>)> =
                names.iter().map(String::as_str).zip(parts.iter().cloned()).collect();
            let read = open(written(&sections)).unwrap();
            read.check().unwrap();
            for (name, part) in names.iter().zip(&parts) {
                prop_assert_eq!(read.numbers::<u8>(name).unwrap(), &part[..]);
                prop_assert!(read.range(name).unwrap().start.is_multiple_of(64));
            }
            prop_assert!(!read.has("part 9") && read.range("part 9").is_err());
        }

        #[test]
        fn any_bytes_give_an_error_or_sections(mut bytes in prop::collection::vec(any::<u8>(), 0..400), keep in 0..500_usize) {
            let good = example();
            let keep = keep.min(bytes.len()).min(good.len());
            bytes[..keep].copy_from_slice(&good[..keep]);
            if let Ok(sections) = open(bytes) {
                let _ = (sections.check(), sections.numbers::<u32>("numbers").map(<[u32]>::len));
            }
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let good = example();
        let at = |name| open(good.clone()).unwrap().range(name).unwrap();
        let padding = at("numbers").end..at("odd").start;
        for place in 0..good.len() {
            let cut = open(good[..place].to_vec());
            assert_eq!(cut.unwrap_err().kind(), crate::error::Kind::Data, "cut at {place}");
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[place] ^= 1 << bit;
                let found = open(bytes).and_then(|s| s.check()).is_err();
                let free = place < 16
                    || at("numbers").contains(&place)
                    || at("odd").contains(&place)
                    || place >= good.len() - 3 * ENTRY - FOOT && place < good.len() - 32;
                assert!(found || !free, "bit {bit} of byte {place}");
                assert!(!(found && padding.contains(&place)), "padding holds nothing");
            }
        }
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut bytes = example();
        bytes[8] = 9;
        let error = open(bytes).unwrap_err();
        assert_eq!(error.message(), "test file: version 9 is newer than this latlas");
        assert!(open(b"latlas\0X".to_vec()).is_err());
    }
}
