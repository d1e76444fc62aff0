//! The writer's lock: held by the system for as long as the process lives, so a kill leaves none.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::fault::strike;
use crate::error::{Error, Kind, Result};

/// An exclusive lock on a file made for that purpose, until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock `path`, creating its file if need be. If another process (or another part of this one)
    /// has it, the error says that `what` is being written, and by whom.
    pub fn take(path: &Path, what: &Path) -> Result<Self> {
        loop {
            let open = || {
                strike()?;
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
            };
            let mut file = open().map_err(|e| Error::io("lock", what, &e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(&mut file, what)),
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", what, &e)),
            }
            let lock = Lock { file, path: path.to_owned() };
            if lock.still_at(path) {
                lock.sign();
                return Ok(lock);
            } // else its folder was renamed or removed between our opening and our locking it
        }
    }

    /// Whether `path` still names the file that is locked.
    pub fn still_at(&self, path: &Path) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            match (self.file.metadata(), std::fs::metadata(path)) {
                (Ok(held), Ok(there)) => held.dev() == there.dev() && held.ino() == there.ino(),
                _ => false,
            }
        }
        #[cfg(not(unix))]
        {
            path.exists() // a folder with an open file in it cannot be renamed there
        }
    }

    /// Where the lock's file was when it was taken.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes who holds it, for the other's message only: that this fails (a full disk) changes nothing.
    fn sign(&self) {
        let mut file = &self.file;
        let text = format!("process {} on {}\n", std::process::id(), host());
        let _ = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
    }
}

impl Drop for Lock {
    /// Closing alone would not do while a process that was forked meanwhile has a copy of the handle.
    fn drop(&mut self) {
        let _ = self.file.set_len(0); // a space that is given away names no host
        let _ = self.file.unlock();
    }
}

fn taken(file: &mut File, what: &Path) -> Error {
    let mut who = String::new();
    let read = file.rewind().and_then(|()| Read::by_ref(file).take(300).read_to_string(&mut who));
    let who =
        if read.is_ok() && who.starts_with("process ") { who.trim() } else { "another process" };
    Error::new(Kind::Io, format!("{} is being written by {who}", what.display()))
        .help("wait until it has finished, or write elsewhere")
}

/// This machine's name, as far as it can be known without asking the network.
pub fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let named = named
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let first = Lock::take(&path, Path::new("en.space")).unwrap();
        let error = Lock::take(&path, Path::new("en.space")).unwrap_err();
        let me = format!("en.space is being written by process {} on ", std::process::id());
        assert!(error.message().starts_with(&me), "{error}");
        assert_eq!(error.kind(), Kind::Io);
        drop(first);
        Lock::take(&path, Path::new("en.space")).unwrap();
    }
}
