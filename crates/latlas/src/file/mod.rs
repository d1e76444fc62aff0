//! Layer 0: files. Mapped bytes, streams that decompress, atomic publishing, locks, and the faults that
//! tests inject into all of them. Everything that touches a disk goes through here.

use std::io::BufRead;
use std::path::Path;

use crate::error::Result;

/// Immutable bytes, mapped from a file or owned; cheap to clone.
///
/// A mapped file must not be shortened by another program while it is open: the system answers a read past
/// its new end with SIGBUS. Latlas itself never changes a file after publishing it. `Bytes::read` avoids maps.
#[derive(Clone)]
pub struct Bytes {
    _todo: (),
}

impl Bytes {
    /// Maps a file.
    pub fn map(_path: &Path) -> Result<Self> {
        todo!()
    }
    /// Reads a whole file into memory of our own.
    pub fn read(_path: &Path) -> Result<Self> {
        todo!()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(_: Vec<u8>) -> Self {
        todo!()
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        todo!()
    }
}

/// Opens a file (or standard input, for "-") as a stream of plain bytes; `.gz` and `.zst` are recognised by
/// their first bytes and decompressed on the way.
pub fn open_stream(_path: &Path) -> Result<Box<dyn BufRead + Send>> {
    todo!()
}
