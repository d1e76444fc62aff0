//! Immutable bytes, mapped or owned.
#![expect(
    unsafe_code,
    reason = "mapping a file is unsafe: another program may change it; see `Bytes`"
)]

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};

#[cfg(target_endian = "big")]
compile_error!(
    "Latlas uses little-endian numbers in files in place, and this machine is big-endian"
);

/// As much as Linux at most maps around a page of a file that is read: all pages that it keeps together, since version
/// 6.18; 64 kB before.
const AROUND: usize = 1 << 21;

/// Immutable bytes, mapped from a file or owned; cheap to clone. They start at a multiple of 8, so that numbers
/// in them can be used in place.
///
/// A mapped file must not be shortened by another program while it is open: the system answers a read past
/// its new end with SIGBUS. Latlas itself never changes a file after publishing it. [`Bytes::read`] avoids maps.
#[derive(Clone)]
pub struct Bytes(Source);

#[derive(Clone)]
enum Source {
    Mapped(Arc<memmap2::Mmap>),
    /// The allocator gave an address that is a multiple of 8.
    Plain(Arc<Vec<u8>>),
    /// Whole words, of which the first `len` bytes count.
    Words(Arc<Vec<u64>>, usize),
}

impl Bytes {
    /// Maps a file.
    pub fn map(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io("open", path, &e))?;
        let about = file.metadata().map_err(|e| Error::io("open", path, &e))?;
        if about.is_dir() {
            return Err(Error::io("open", path, &std::io::Error::from(ErrorKind::IsADirectory)));
        }
        if about.len() == 0 || !about.is_file() {
            return Self::read(path); // a map of nothing, or of a pipe, is refused by the system
        }
        // SAFETY: the map is read-only and private to this value. That no one shortens or rewrites the file
        // meanwhile is the documented duty of whoever owns the directory; Latlas never changes a published file.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io("map", path, &e))?;
        Ok(Bytes(Source::Mapped(Arc::new(map))))
    }

    /// Reads a whole file into memory of our own.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(|e| Error::io("open", path, &e))?;
        let len = file.metadata().map_err(|e| Error::io("read", path, &e))?.len();
        let too_long =
            || Error::data(format!("{} is longer than this machine's memory", path.display()));
        let len = usize::try_from(len).map_err(|_| too_long())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| too_long())?;
        file.read_to_end(&mut bytes).map_err(|e| Error::io("read", path, &e))?;
        Ok(Self::from(bytes))
    }

    /// Tells the system that a range is not needed for a while: its pages of a mapped file, and some pages around it,
    /// leave this process's memory, and are read again where they are needed. A pass over a file then takes no memory
    /// to speak of.
    pub fn release(&self, range: std::ops::Range<usize>) {
        #[cfg(unix)]
        if let Source::Mapped(map) = &self.0 {
            // A page that is read brings its neighbours along, those that were let go before among them.
            let start = range.start.saturating_sub(AROUND).min(map.len());
            let range = start..range.end.saturating_add(AROUND).min(map.len());
            // SAFETY: the map is of a file and read-only: a page that has been let go is read from the file again,
            // with the same content.
            let _ = unsafe {
                map.unchecked_advise_range(
                    memmap2::UncheckedAdvice::DontNeed,
                    range.start,
                    range.len(),
                )
            };
        }
        #[cfg(not(unix))]
        let _ = range;
    }

    /// Whether these are pages of a file rather than memory of our own.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Source::Mapped(_))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.as_ptr().align_offset(8) == 0 {
            return Bytes(Source::Plain(Arc::new(bytes)));
        }
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(&bytes);
        Bytes(Source::Words(Arc::new(words), bytes.len()))
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Mapped(map) => map,
            Source::Plain(bytes) => bytes,
            Source::Words(words, len) => &bytemuck::cast_slice::<u64, u8>(words)[..*len],
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({}{})", self.len(), if self.is_mapped() { ", mapped" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_read_and_owned_bytes_are_the_same_and_aligned() {
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 1, 7, 8, 4095, 4096, 4097] {
            let path = dir.path().join(len.to_string());
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            for bytes in [
                Bytes::map(&path).unwrap(),
                Bytes::read(&path).unwrap(),
                Bytes::from(content.clone()),
            ] {
                assert_eq!(&*bytes, &content[..]);
                assert!(len == 0 || bytes.as_ptr().align_offset(8) == 0);
            }
        }
    }

    #[test]
    fn what_was_released_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        let content: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        for bytes in [Bytes::map(&path).unwrap(), Bytes::read(&path).unwrap()] {
            for range in [0..100_000, 5000..5001, 70_000..usize::MAX, 7..7, 100_000..100_001] {
                bytes.release(range);
                assert_eq!(&*bytes, &content[..]);
            }
        }
    }

    #[test]
    fn a_directory_is_no_file() {
        let error = Bytes::map(std::env::temp_dir().as_path()).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Io);
    }
}
