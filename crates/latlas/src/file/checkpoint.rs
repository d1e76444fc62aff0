//! Keeping the place of a long computation, so that a killed one can go on.
//!
//! Two files, `NAME-a.part` and `NAME-b.part`, are written in turn, each published whole; so whatever dies at whatever
//! moment, one of them is the place of at most one checkpoint ago. Layout, little-endian:
//!
//! ```text
//! "LATLASC1" · u64 n · n bytes of JSON (of what it is the place) · numbers · u64 xxh3 of all before
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use xxhash_rust::xxh3::Xxh3Default;

use super::publish;
use crate::error::{Error, Result};
use crate::run::{Checkpoint, Run};

const MAGIC: &[u8; 8] = b"LATLASC1";
/// The longest JSON that is read.
const LONGEST_HEAD: u64 = 1 << 24;

/// Keeps checkpoints in two files in turn, as often as the run asks.
pub(crate) struct Keeper<'a> {
    run: &'a Run<'a>,
    files: Option<[PathBuf; 2]>,
    /// What goes on where a checkpoint cannot be written: "training".
    of: &'static str,
    last: Instant,
    /// Which of the two files is written next.
    turn: usize,
    /// Whether the last checkpoint could not be written.
    failed: bool,
}

impl<'a> Keeper<'a> {
    /// `newest` is the file that holds the newest place: it must survive the first writing.
    pub(crate) fn new(
        run: &'a Run<'a>,
        name: &str,
        of: &'static str,
        newest: Option<usize>,
    ) -> Self {
        let files = run.checkpoint.as_ref().map(|checkpoint| files(checkpoint, name));
        let turn = usize::from(newest == Some(0));
        Keeper { run, files, of, last: Instant::now(), turn, failed: false }
    }

    /// When the next checkpoint is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.run.checkpoint.as_ref().and_then(|place| self.last.checked_add(place.every))
    }

    /// Writes a checkpoint. One that cannot be written is told once and ends nothing.
    pub(crate) fn keep(&mut self, write: impl FnOnce(&Path) -> Result<()>) {
        let Some(files) = &self.files else { return };
        match write(&files[self.turn]) {
            Ok(()) => {
                self.turn = 1 - self.turn;
                self.failed = false;
            }
            Err(error) => {
                if !self.failed {
                    let of = self.of;
                    self.run
                        .progress
                        .warn(&format!("no checkpoint was kept: {error}; {of} goes on"));
                }
                self.failed = true;
            }
        }
        self.last = Instant::now();
    }

    /// Where the place is kept; `None` if the run keeps none, or the last one could not be written.
    pub(crate) fn kept(&self) -> Option<&'a Path> {
        self.run.checkpoint.as_ref().filter(|_| !self.failed).map(|place| place.dir.as_path())
    }
}

/// The two files.
pub(crate) fn files(checkpoint: &Checkpoint, name: &str) -> [PathBuf; 2] {
    ["a", "b"].map(|turn| checkpoint.dir.join(format!("{name}-{turn}.part")))
}

/// Writes a checkpoint: of what it is, and the numbers that `body` puts behind that.
pub(crate) fn write(
    path: &Path,
    head: &impl Serialize,
    body: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let head = serde_json::to_vec(head).map_err(|e| Error::data(format!("checkpoint: {e}")))?;
    publish(path, |file| {
        let mut hash = Xxh3Default::new();
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            file.write_all(bytes).map_err(|e| Error::io("write", path, &e))
        };
        put(MAGIC)?;
        put(&(head.len() as u64).to_le_bytes())?;
        put(&head)?;
        body(&mut put)?;
        let digest = hash.digest();
        file.write_all(&digest.to_le_bytes()).map_err(|e| Error::io("write", path, &e))
    })
    .map(|_| ())
}

/// A checkpoint whose head has been read.
pub(crate) struct Opened<H> {
    /// Of what it is.
    pub(crate) head: H,
    /// How many bytes of numbers stand behind that.
    pub(crate) body: u64,
    path: PathBuf,
    reader: BufReader<File>,
    hash: Xxh3Default,
}

/// Opens a checkpoint and reads its head; nothing is allocated beyond the length of the file.
pub(crate) fn open<H: DeserializeOwned>(path: &Path) -> Result<Opened<H>> {
    let io = |e: std::io::Error| Error::io("read", path, &e);
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut start = [0; 16];
    reader.read_exact(&mut start).map_err(|_| damaged(path, "it is too short"))?;
    let (magic, size) = start.split_at(8);
    if magic != MAGIC {
        return Err(Error::data(format!("{} is no checkpoint of this version", path.display())));
    }
    let size = size.try_into().map_or(u64::MAX, u64::from_le_bytes);
    if size > LONGEST_HEAD.min(length) {
        return Err(damaged(path, "its head has an impossible size"));
    }
    let mut json = vec![0; size as usize];
    reader.read_exact(&mut json).map_err(|_| damaged(path, "it is too short"))?;
    let head =
        serde_json::from_slice(&json).map_err(|_| damaged(path, "its head cannot be read"))?;
    let Some(body) = length.checked_sub(16 + size + 8) else {
        return Err(damaged(path, "it is too short"));
    };
    let mut hash = Xxh3Default::new();
    hash.update(&start);
    hash.update(&json);
    Ok(Opened { head, body, path: path.to_owned(), reader, hash })
}

impl<H> Opened<H> {
    /// Reads the next numbers.
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.reader.read_exact(out).map_err(|e| Error::io("read", &self.path, &e))?;
        self.hash.update(out);
        Ok(())
    }

    /// Whether all that was read is what was written. To be asked when everything has been read.
    pub(crate) fn end(mut self) -> Result<H> {
        let mut digest = [0; 8];
        self.reader.read_exact(&mut digest).map_err(|e| Error::io("read", &self.path, &e))?;
        if u64::from_le_bytes(digest) != self.hash.digest() {
            return Err(damaged(&self.path, "its checksum does not fit"));
        }
        Ok(self.head)
    }
}

/// The error of a file that is not as it was written.
pub(crate) fn damaged(path: &Path, what: &str) -> Error {
    Error::data(format!("{} is damaged: {what}", path.display()))
}
