//! A file that is only ever added to: records with checksums, each on the disk before its writer goes on.
//!
//! ```text
//! head    magic (8 bytes), version (u64), length of what it is about (u64), xxh3 of that (u64); what it is about
//! record  length (u32), xxh3 with the record's place in the file as its seed (u64), the record
//! ```
//! Little-endian, nothing between records. A writer that was killed leaves the beginning of a record at the end, which no one was
//! promised: it is passed over. What is wrong before a record that is whole is damage, and an error.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::fault::strike;
use super::publish::publish;
use crate::error::{Error, Kind, Result};

const HEAD: usize = 32;
const RECORD: usize = 12;
/// Bytes that are hashed at most in the search for a whole record behind one that is not, for each byte of the file; what a
/// killed writer leaves takes far fewer.
const SEARCHED: usize = 64;

/// What a journal is: how it begins, what messages call it, and the newest version that is known.
#[derive(Debug, Clone, Copy)]
pub struct JournalKind {
    /// The first eight bytes.
    pub magic: &'static [u8; 8],
    /// "log of changes", say.
    pub name: &'static str,
    /// Files of a higher version are refused.
    pub version: u64,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    len: u64,
    /// What is behind `len` is not known any more: nothing may be added.
    broken: bool,
}

/// What stands in a journal.
#[derive(Debug, PartialEq, Eq)]
pub struct Journaled<'a> {
    /// What it is about, as it was created with.
    pub about: &'a [u8],
    /// The records that are whole.
    pub records: Vec<&'a [u8]>,
    /// Bytes at the end that are no whole record.
    pub torn: usize,
}

impl Journal {
    /// Makes an empty journal, which is on the disk when this returns. One that is there is replaced.
    pub fn create(path: &Path, kind: JournalKind, about: &[u8]) -> Result<Self> {
        publish(path, |out| {
            let mut head = kind.magic.to_vec();
            for number in [kind.version, about.len() as u64, xxh3_64(about)] {
                head.extend_from_slice(&number.to_le_bytes());
            }
            out.write_all(&head).and_then(|()| out.write_all(about)).map_err(|e| out.blame(&e))
        })?;
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(|e| Error::io("open", path, &e))?;
        let len = (HEAD + about.len()) as u64;
        Ok(Journal { file, path: path.to_owned(), len, broken: false })
    }

    /// Adds records; they are on the disk when this returns. After an error none of them is in the journal, as far as that can
    /// be had; where it cannot, every later call is an error too.
    pub fn append(&mut self, records: &[Vec<u8>]) -> Result<()> {
        if self.broken {
            return Err(Error::new(
                Kind::Io,
                format!(
                    "cannot write {}: an earlier write failed, and could not be undone",
                    self.path.display()
                ),
            )
            .help("look after the disk, and start again"));
        }
        let mut bytes = Vec::with_capacity(records.iter().map(|r| RECORD + r.len()).sum());
        for record in records {
            let len = u32::try_from(record.len())
                .ok()
                .filter(|&len| len > 0)
                .ok_or_else(|| Error::data(format!("a change of {} bytes", record.len())))?;
            let place = self.len + bytes.len() as u64;
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(&xxh3_64_with_seed(record, place).to_le_bytes());
            bytes.extend_from_slice(record);
        }
        let written = match strike() {
            Ok(()) => self.file.write_all(&bytes),
            Err(fault) => self.file.write_all(&bytes[..bytes.len() / 2]).and(Err(fault)),
        };
        let synced = written.and_then(|()| strike()).and_then(|()| self.file.sync_data());
        if let Err(cause) = synced {
            let undone = strike().and_then(|()| self.file.set_len(self.len));
            self.broken = undone.and_then(|()| self.file.sync_all()).is_err();
            return Err(Error::io("write", &self.path, &cause));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.len
    }
}

/// Reads a journal from its bytes.
pub fn read(bytes: &[u8], kind: JournalKind) -> Result<Journaled<'_>> {
    let wrong = |what: &str| Error::data(format!("{}: {what}", kind.name));
    if bytes.get(..8) != Some(kind.magic) {
        return Err(wrong("it does not begin as one"));
    }
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 8).and_then(|b| <[u8; 8]>::try_from(b).ok());
        bytes.map_or(u64::MAX, u64::from_le_bytes)
    };
    match number(8) {
        version if version == kind.version => {}
        newer if newer > kind.version && newer < 1 << 32 => {
            return Err(wrong(&format!("version {newer} is newer than this latlas"))
                .help("install a newer latlas"));
        }
        _ => return Err(wrong("it has no version that ever was")),
    }
    let end = usize::try_from(number(16)).ok().and_then(|len| len.checked_add(HEAD));
    let about = end.and_then(|end| bytes.get(HEAD..end));
    let about = about.filter(|about| xxh3_64(about) == number(24));
    let about = about.ok_or_else(|| wrong("its head is damaged"))?;
    let mut at = HEAD + about.len();
    let mut records = Vec::new();
    while let Some(record) = record_at(bytes, at) {
        records.push(record);
        at += RECORD + record.len();
    }
    if let Some(later) = whole_record_after(bytes, at) {
        return Err(wrong(&format!(
            "it is damaged between byte {at} and byte {later}, where a whole record follows"
        )));
    }
    Ok(Journaled { about, records, torn: bytes.len() - at })
}

/// The record that begins at a byte, if it is whole.
fn record_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let (head, rest) = bytes.get(at..)?.split_at_checked(RECORD)?;
    let (len, sum) = head.split_at(4);
    let len = u32::from_le_bytes(len.try_into().ok()?) as usize;
    let record = rest.get(..len).filter(|_| len > 0)?;
    let sum = u64::from_le_bytes(sum.try_into().ok()?);
    (xxh3_64_with_seed(record, at as u64) == sum).then_some(record)
}

/// Where a whole record begins behind this byte, if one does. A file made to be slow is as good as damaged.
fn whole_record_after(bytes: &[u8], at: usize) -> Option<usize> {
    let mut left = bytes.len().saturating_mul(SEARCHED);
    for later in at + 1..bytes.len().saturating_sub(RECORD) {
        let len = bytes.get(later..later + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        let len = len.map_or(0, u32::from_le_bytes) as usize;
        if len > bytes.len() - later {
            continue;
        }
        left = match left.checked_sub(len) {
            Some(left) => left,
            None => return Some(later),
        };
        if record_at(bytes, later).is_some() {
            return Some(later);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Fault, arm, disarm};
    use super::*;
    use std::io::ErrorKind;

    const KIND: JournalKind = JournalKind { magic: b"latlas\0J", name: "journal", version: 1 };

    fn example(dir: &Path) -> (PathBuf, Vec<Vec<u8>>) {
        let path = dir.join("log-0001.wal");
        let mut journal = Journal::create(&path, KIND, b"about").unwrap();
        let records: Vec<Vec<u8>> = (1..6_u8).map(|n| vec![n; 7 * n as usize]).collect();
        journal.append(&records[..2]).unwrap();
        journal.append(&records[2..]).unwrap();
        assert_eq!(journal.bytes(), std::fs::metadata(&path).unwrap().len());
        (path, records)
    }

    #[test]
    fn what_was_added_is_read_and_a_beginning_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, records) = example(dir.path());
        let bytes = std::fs::read(path).unwrap();
        let found = read(&bytes, KIND).unwrap();
        assert_eq!((found.about, found.torn), (&b"about"[..], 0));
        assert_eq!(found.records, records);
        let last = bytes.len() - RECORD - records[4].len();
        for cut in last..bytes.len() {
            let found = read(&bytes[..cut], KIND).unwrap();
            assert_eq!((found.records.len(), found.torn), (4, cut - last));
        }
        for cut in 0..HEAD + 5 {
            assert!(read(&bytes[..cut], KIND).is_err());
        }
    }

    #[test]
    fn every_flip_before_the_last_record_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (path, records) = example(dir.path());
        let good = std::fs::read(path).unwrap();
        let last = good.len() - RECORD - records[4].len();
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[place] ^= 1 << bit;
                match read(&bytes, KIND) {
                    Err(_) => {}
                    Ok(found) => assert!(place >= last && found.records.len() == 4, "{place}"),
                }
            }
        }
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        for n in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let (path, records) = example(dir.path());
            let mut journal = Journal::create(&path, KIND, b"about").unwrap();
            journal.append(&records[..1]).unwrap();
            arm(n, Fault::Fail(ErrorKind::StorageFull));
            let done = journal.append(&records[1..2]);
            disarm();
            assert_eq!(done.is_ok(), n == 2, "operation {n}");
            journal.append(&records[3..4]).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let mut wanted = vec![&records[0][..], &records[3]];
            if n == 2 {
                wanted.insert(1, &records[1]);
            }
            assert_eq!(read(&bytes, KIND).unwrap().records, wanted);
        }
    }

    #[test]
    fn bytes_made_to_be_slow_are_not() {
        let mut bytes = KIND.magic.to_vec();
        for number in [1, 0, xxh3_64(b"")] {
            bytes.extend_from_slice(&u64::to_le_bytes(number));
        }
        // Every byte could begin a record of half the file.
        (0..1 << 18).for_each(|_| bytes.extend_from_slice(&[0, 0, 2, 0]));
        assert!(read(&bytes, KIND).is_err());
    }
}
