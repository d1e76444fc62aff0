//! Files of ids, and the dump of a corpus: written in one go, cleanly refused when the disk is full.

use std::io::Write;
use std::path::Path;

use crate::error::Result;
use crate::file::{self, NewFile, Written};

/// Bytes written at once.
const BLOCK: usize = 1 << 18;

/// A file of little-endian u32, replaced if it is there.
pub(super) struct Scratch {
    file: NewFile,
    buffer: Vec<u8>,
}

impl Scratch {
    pub(super) fn create(path: &Path) -> Result<Self> {
        if path.exists() {
            file::remove(path)?;
        }
        Ok(Scratch { file: NewFile::create(path)?, buffer: Vec::with_capacity(BLOCK) })
    }

    pub(super) fn put(&mut self, id: u32) -> Result<()> {
        self.buffer.extend_from_slice(&id.to_le_bytes());
        if self.buffer.len() >= BLOCK { spill(&mut self.buffer, &mut self.file) } else { Ok(()) }
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<Written> {
        spill(&mut self.buffer, &mut self.file)?;
        self.file.finish_scratch()
    }
}

/// Words with spaces between them, one sequence a line.
pub(super) struct Dump<'a> {
    file: &'a mut NewFile,
    buffer: Vec<u8>,
}

impl<'a> Dump<'a> {
    pub(super) fn new(file: &'a mut NewFile) -> Self {
        Dump { file, buffer: Vec::with_capacity(BLOCK) }
    }

    pub(super) fn word(&mut self, word: &str, first: bool) {
        if !first {
            self.buffer.push(b' ');
        }
        self.buffer.extend_from_slice(word.as_bytes());
    }

    pub(super) fn line(&mut self) -> Result<()> {
        self.buffer.push(b'\n');
        if self.buffer.len() >= BLOCK / 2 { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        spill(&mut self.buffer, self.file)
    }
}

fn spill(buffer: &mut Vec<u8>, file: &mut NewFile) -> Result<()> {
    file.write_all(buffer).map_err(|e| file.blame(&e))?;
    buffer.clear();
    Ok(())
}
