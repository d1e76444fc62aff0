//! What a reader reads: plain bytes, wherever they come from, counted and bounded on the way.

use std::io::{self, BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::file::{Bytes, Compression, Digest, Stream, read_error};

/// Compressed content may unfold to this much freely; beyond it, to `BOMB_RATIO` times what was read from the disk.
/// Text of vectors shrinks to a third, a matrix of zeros to a thousandth.
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
    rest: Stream,
    /// The number of plain bytes, where it is known before reading: a file that is not compressed.
    length: Option<u64>,
    taken: u64,
}

impl Source {
    /// Opens a path, "-" being standard input.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::io("read", path, &io::ErrorKind::IsADirectory.into()));
        }
        let stream = Stream::open(path)?;
        let length = stream.size().filter(|_| stream.compression() == Compression::None);
        Ok(Self::of_stream(path.display().to_string(), Some(path.to_owned()), stream, length))
    }

    /// Bytes in memory.
    pub(super) fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Self> {
        let length = bytes.len() as u64;
        let stream = Stream::over(Cursor::new(bytes), Path::new(name))?;
        let length = (stream.compression() == Compression::None).then_some(length);
        Ok(Self::of_stream(name.to_owned(), None, stream, length))
    }

    fn of_stream(name: String, path: Option<PathBuf>, rest: Stream, length: Option<u64>) -> Self {
        Source { name, path, front: Vec::new(), at: 0, rest, length, taken: 0 }
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

    /// An error of reading as one that names the file.
    pub(super) fn blame(&self, error: &io::Error) -> Error {
        if self.is_bomb() {
            return self
                .error(format!("unpacks to more than {BOMB_RATIO} times its size"))
                .help("if that is meant, unpack it first");
        }
        read_error(&self.name, error)
    }

    fn is_bomb(&self) -> bool {
        self.rest.compression() != Compression::None
            && self.taken > BOMB_FREE
            && self.taken / BOMB_RATIO > self.rest.digest().bytes
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

    /// All of it at once: mapped where that can be. With it comes what was read, for provenance.
    pub(super) fn whole(mut self) -> Result<(Bytes, Value)> {
        match &self.path {
            Some(path) if self.length.is_some() && self.taken == 0 => {
                let bytes = Bytes::map(path)?;
                let xxh3 = xxhash_rust::xxh3::xxh3_64(&bytes);
                let about = self.describe(Digest { bytes: bytes.len() as u64, xxh3 });
                Ok((bytes, about))
            }
            _ => {
                let mut bytes = Vec::new();
                self.read_to_end(&mut bytes).map_err(|e| self.blame(&e))?;
                Ok((Bytes::from(bytes), self.about()))
            }
        }
    }

    /// What has been read, for provenance.
    pub(super) fn about(&self) -> Value {
        self.describe(self.rest.digest())
    }

    fn describe(&self, digest: Digest) -> Value {
        json!({ "path": self.name, "bytes": digest.bytes, "xxh3": format!("{:016x}", digest.xxh3) })
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
        if self.is_bomb() {
            return Err(io::Error::other("unpacks to too much"));
        }
        if self.at < self.front.len() { Ok(&self.front[self.at..]) } else { self.rest.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        self.taken += count as u64;
        if self.at < self.front.len() {
            self.at = (self.at + count).min(self.front.len());
        } else {
            self.rest.consume(count);
        }
    }
}
