//! What a reader reads: plain bytes, wherever they come from, counted, hashed and bounded on the way.

use std::io::{self, BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use xxhash_rust::xxh3::Xxh3Default;

use crate::error::{Error, Result};
use crate::file::{self, Bytes};

/// Compressed content may unfold to this much freely; beyond it, to `BOMB_RATIO` times the file's size. Text of
/// vectors shrinks to a third, a matrix of zeros to a thousandth.
const BOMB_FREE: u64 = 1 << 30;
const BOMB_RATIO: u64 = 1000;

/// How much of the beginning is looked at to guess a format.
const HEAD: u64 = 1 << 16;

/// A stream of plain bytes with a name.
pub(super) struct Source {
    /// The path as given, for messages.
    pub(super) name: String,
    path: Option<PathBuf>,
    /// What has been looked at and not yet taken, from `at` on; then `rest`.
    front: Vec<u8>,
    at: usize,
    rest: Box<dyn BufRead + Send>,
    /// The number of plain bytes, where it is known before reading: a file that is not compressed.
    length: Option<u64>,
    /// The number of bytes on the disk, of a compressed file.
    packed: Option<u64>,
    taken: u64,
    hash: Xxh3Default,
}

impl Source {
    /// Opens a path, "-" being standard input.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::io("read", path, &io::ErrorKind::IsADirectory.into()));
        }
        let stream = file::open_stream(path)?;
        let (mut length, mut packed) = (None, None);
        if let Ok(about) = std::fs::metadata(path)
            && about.is_file()
            && path != Path::new("-")
        {
            *if is_packed(path) { &mut packed } else { &mut length } = Some(about.len());
        }
        Ok(Source {
            name: path.display().to_string(),
            path: Some(path.to_owned()),
            front: Vec::new(),
            at: 0,
            rest: stream,
            length,
            packed,
            taken: 0,
            hash: Xxh3Default::new(),
        })
    }

    /// Bytes in memory.
    pub(super) fn of_bytes(name: &str, bytes: Vec<u8>) -> Self {
        Source {
            name: name.to_owned(),
            path: None,
            length: Some(bytes.len() as u64),
            front: Vec::new(),
            at: 0,
            rest: Box::new(Cursor::new(bytes)),
            packed: None,
            taken: 0,
            hash: Xxh3Default::new(),
        }
    }

    /// The first bytes, at most 64 KiB, without taking them. To be asked before anything is read.
    pub(super) fn head(&mut self) -> Result<&[u8]> {
        let read = Read::take(&mut self.rest, HEAD).read_to_end(&mut self.front);
        read.map_err(|e| self.blame(&e))?;
        Ok(&self.front)
    }

    /// How many plain bytes are still to come, where that is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        self.length.map(|length| length.saturating_sub(self.taken))
    }

    /// An error of reading as one that names the file: the machine's, or the data's where the content itself is
    /// broken (a damaged archive).
    pub(super) fn blame(&self, error: &io::Error) -> Error {
        if error.raw_os_error().is_some() {
            return Error::io("read", &self.name, error);
        }
        Error::data(format!("{}: {error}", self.name)).help("is the file complete?")
    }

    /// An error about the content.
    pub(super) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::data(format!("{}: {message}", self.name))
    }

    /// Appends the next `count` bytes, or as many as there are; tells how many came. Memory grows with what is
    /// really there.
    pub(super) fn append(&mut self, buffer: &mut Vec<u8>, count: u64) -> Result<usize> {
        Read::take(&mut *self, count).read_to_end(buffer).map_err(|e| self.blame(&e))
    }

    /// All of it at once: mapped where that can be.
    pub(super) fn whole(mut self) -> Result<(Bytes, Value)> {
        let bytes = match &self.path {
            Some(path) if self.length.is_some() && self.taken == 0 => Bytes::map(path)?,
            _ => {
                let mut bytes = Vec::new();
                self.read_to_end(&mut bytes).map_err(|e| self.blame(&e))?;
                Bytes::from(bytes)
            }
        };
        self.hash = Xxh3Default::new();
        self.hash.update(&bytes);
        self.taken = bytes.len() as u64;
        Ok((bytes, self.about()))
    }

    /// What has been read, for provenance.
    pub(super) fn about(&self) -> Value {
        json!({ "path": self.name, "bytes": self.taken, "xxh3": format!("{:016x}", self.hash.digest()) })
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let count = there.len().min(out.len());
        out[..count].copy_from_slice(&there[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(packed) = self.packed
            && self.taken > BOMB_FREE.max(packed.saturating_mul(BOMB_RATIO))
        {
            return Err(io::Error::other(format!(
                "unpacks to more than {BOMB_RATIO} times its size: refused"
            )));
        }
        if self.at < self.front.len() { Ok(&self.front[self.at..]) } else { self.rest.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        self.taken += count as u64;
        if self.at < self.front.len() {
            let end = (self.at + count).min(self.front.len());
            self.hash.update(&self.front[self.at..end]);
            self.at = end;
            return;
        }
        if let Ok(there) = self.rest.fill_buf() {
            self.hash.update(&there[..count.min(there.len())]);
        }
        self.rest.consume(count);
    }
}

/// Whether a file starts like gzip or Zstandard, which `file::open_stream` unpacks.
fn is_packed(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && (magic[..2] == [0x1f, 0x8b] || magic == [0x28, 0xb5, 0x2f, 0xfd])
}
