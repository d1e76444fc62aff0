//! Writing files so that a reader, a kill or a full disk never meets half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3Default;

use super::fault::strike;
use crate::error::{Error, Result};

/// The length and the xxh3 of a file that has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its length in bytes.
    pub bytes: u64,
    /// The 64-bit xxh3 (seed 0) of its content.
    pub xxh3: u64,
}

/// A file being written: buffered, hashed on the way, on the disk once [`NewFile::finish`] has returned. Dropping
/// it unfinished removes it.
pub struct NewFile {
    file: Option<File>,
    path: PathBuf,
    buffer: Vec<u8>,
    hash: Xxh3Default,
    bytes: u64,
    /// The first thing that went wrong, for a message that names the file whatever wraps it on the way up.
    failed: Option<(&'static str, io::ErrorKind)>,
}

const BUFFER: usize = 1 << 18;

impl NewFile {
    /// Starts a file that must not exist yet.
    pub fn create(path: &Path) -> Result<Self> {
        let create = || {
            strike()?;
            OpenOptions::new().write(true).create_new(true).open(path)
        };
        let file = create().map_err(|e| Error::io("create", path, &e))?;
        Ok(NewFile {
            file: Some(file),
            path: path.to_owned(),
            buffer: Vec::with_capacity(BUFFER),
            hash: Xxh3Default::new(),
            bytes: 0,
            failed: None,
        })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes have been written so far.
    pub fn written(&self) -> u64 {
        self.bytes
    }

    /// The error for a write that failed, told by something that writes for us: the disk's own if there is one.
    pub fn blame(&self, otherwise: &dyn std::fmt::Display) -> Error {
        match self.failed {
            Some((doing, kind)) => Error::io(doing, &self.path, &kind.into()),
            None => Error::data(format!("cannot write {}: {otherwise}", self.path.display())),
        }
    }

    /// Writes what is buffered, waits until the disk has it, and closes.
    pub fn finish(mut self) -> Result<Written> {
        let done = self.spill().and_then(|()| self.sync());
        done.map_err(|e| self.blame(&e))?;
        self.file = None;
        Ok(Written { bytes: self.bytes, xxh3: self.hash.digest() })
    }

    /// Writes what is buffered and closes without waiting for the disk: for scratch files, which need not outlive
    /// this process.
    pub fn finish_scratch(mut self) -> Result<Written> {
        self.spill().map_err(|e| self.blame(&e))?;
        self.file = None;
        Ok(Written { bytes: self.bytes, xxh3: self.hash.digest() })
    }

    fn spill(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let done = self.put(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        done
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotConnected.into()) };
        let done = match strike() {
            Ok(()) => file.write_all(bytes),
            Err(fault) => file.write_all(&bytes[..bytes.len() / 2]).and(Err(fault)),
        };
        done.inspect_err(|e| self.failed = Some(("write", e.kind())))
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotConnected.into()) };
        strike()
            .and_then(|()| file.sync_all())
            .inspect_err(|e| self.failed = Some(("write", e.kind())))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER {
            self.spill()?;
        }
        if bytes.len() >= BUFFER {
            self.put(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // `finish` writes the rest; a flush asked for on the way has no reader to serve
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.path); // garbage at worst, swept later
        }
    }
}

/// Writes a file by way of `PATH.tmp` and puts it in its place at once: whoever looks sees the old file, or the
/// new one. The folder must exist.
pub fn publish(path: &Path, write: impl FnOnce(&mut NewFile) -> Result<()>) -> Result<Written> {
    if path.is_dir() {
        return Err(
            Error::usage(format!("{} is a folder", path.display())).help("name a file to write")
        );
    }
    let temporary = with_suffix(path, ".tmp");
    if temporary.exists() {
        remove(&temporary)?;
    }
    let mut file = NewFile::create(&temporary)?;
    write(&mut file).map_err(|e| if file.failed.is_some() { file.blame(&e) } else { e })?;
    let written = file.finish()?;
    rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    sync_dir(parent(path))?;
    Ok(written)
}

/// Renames a file or folder in one step.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    strike().and_then(|()| fs::rename(from, to)).map_err(|e| Error::io("write", to, &e))
}

/// Waits until the disk has a folder's list of names.
pub fn sync_dir(path: &Path) -> Result<()> {
    let sync = || {
        strike()?;
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) } // elsewhere folders cannot be synced
    };
    sync().map_err(|e| Error::io("write", path, &e))
}

/// Creates a folder in an existing one; one that is there already is fine.
pub fn create_dir(path: &Path) -> Result<()> {
    match strike().and_then(|()| fs::create_dir(path)) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done.map_err(|e| Error::io("create", path, &e)),
    }
}

/// Removes a file.
pub fn remove(path: &Path) -> Result<()> {
    strike().and_then(|()| fs::remove_file(path)).map_err(|e| Error::io("remove", path, &e))
}

/// The folder that a path lies in ("." for a bare name).
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `path` with something put behind its last name: `en.space` + `.work`. Trailing slashes do not count.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Fault, arm, disarm};
    use super::*;

    #[test]
    fn publishing_gives_the_old_file_or_the_new_one_whatever_fails() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        let new: Vec<u8> = (0..BUFFER * 2 + 5).map(|i| i as u8).collect();
        let write = || {
            publish(&path, |file| {
                file.write_all(&new[..3])
                    .and_then(|()| file.write_all(&new[3..]))
                    .map_err(|e| file.blame(&e))
            })
        };
        for n in 0.. {
            std::fs::write(&path, b"old").unwrap();
            arm(n, Fault::Fail(io::ErrorKind::StorageFull));
            let done = write();
            let operations = disarm();
            let found = std::fs::read(&path).unwrap();
            assert!(found == b"old" || found == new, "operation {n}");
            if operations <= n {
                assert_eq!(done.unwrap().xxh3, xxhash_rust::xxh3::xxh3_64(&new));
                assert!(
                    n > 4,
                    "create, writes, fsync, rename and fsync of the folder were not all met"
                );
                break;
            }
            let error = done.unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Io, "{error}");
            assert!(!with_suffix(&path, ".tmp").exists(), "operation {n} left its temporary file");
        }
    }

    #[test]
    fn suffixes_go_behind_the_last_name() {
        assert_eq!(with_suffix(Path::new("a/en.space/"), ".work"), Path::new("a/en.space.work"));
        assert_eq!(parent(Path::new("en.space")), Path::new("."));
    }
}
