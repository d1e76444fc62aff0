//! Streams of plain bytes out of files that may be compressed, tallied as they are read.
//!
//! Compression is recognised by the first bytes, never by the name: gzip (RFC 1952, any number of members) and
//! Zstandard (RFC 8878, any number of frames). Memory stays bounded whatever the file says: a frame that asks
//! for a window above 128 MiB (`zstd --long=28` and up) is refused.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};

/// What one read asks of the disk or the decompressor.
const BLOCK: usize = 128 << 10;
/// Log₂ of the largest window a Zstandard frame may ask for.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a stream was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// It was not.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// What was read from a file as it lies on the disk, before decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// How many bytes.
    pub bytes: u64,
    /// Their XXH3 (64 bits, seed 0).
    pub xxh3: u64,
}

/// A file, or standard input, as a stream of plain bytes.
///
/// The `io::Error`s of its reads become errors of this library by [`read_error`].
pub struct Stream {
    inner: Box<dyn BufRead + Send>,
    tally: Arc<Mutex<Tally>>,
    compression: Compression,
    size: Option<u64>,
}

impl Stream {
    /// Opens a file, or standard input for "-".
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::over(io::stdin(), path);
        }
        let file = File::open(path).map_err(|e| Error::io("read", path, &e))?;
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
        let mut stream = Self::over(file, path)?;
        stream.size = size;
        Ok(stream)
    }

    /// A stream over any reader; `path` is what errors call it.
    pub fn over(reader: impl Read + Send + 'static, path: &Path) -> Result<Self> {
        let tally = Arc::new(Mutex::new(Tally { bytes: 0, hash: Xxh3::new() }));
        let mut reader = Tallied { inner: reader, tally: Arc::clone(&tally) };
        let mut head = Vec::with_capacity(4);
        (&mut reader).take(4).read_to_end(&mut head).map_err(|e| Error::io("read", path, &e))?;
        let compression = compression(&head);
        let plain = BufReader::with_capacity(BLOCK, Cursor::new(head).chain(reader));
        let inner: Box<dyn BufRead + Send> = match compression {
            Compression::None => Box::new(plain),
            Compression::Gzip => Box::new(BufReader::with_capacity(
                BLOCK,
                flate2::bufread::MultiGzDecoder::new(plain),
            )),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(plain)
                    .map_err(|e| read_error(path, &e))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|e| read_error(path, &e))?;
                Box::new(BufReader::with_capacity(BLOCK, decoder))
            }
        };
        Ok(Stream { inner, tally, compression, size: None })
    }

    /// How the file is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The size of the file on the disk; `None` for pipes.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// What has been taken from the disk so far: the whole file once the stream has ended.
    pub fn digest(&self) -> Digest {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).digest()
    }

    /// A handle that tells the digest after the stream has been given away.
    pub fn tally(&self) -> impl Fn() -> Digest + Send + Sync + use<> {
        let tally = Arc::clone(&self.tally);
        move || tally.lock().unwrap_or_else(PoisonError::into_inner).digest()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }
    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
    }
}

/// Opens a file (or standard input, for "-") as a stream of plain bytes; gzip and Zstandard are recognised by
/// their first bytes and decompressed on the way.
pub fn open_stream(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    Ok(Box::new(Stream::open(path)?))
}

/// What an error met while reading a [`Stream`] means: damaged data are the file's fault (exit code 3), all
/// else is the machine's (exit code 4).
pub fn read_error(path: impl AsRef<Path>, cause: &io::Error) -> Error {
    let path: PathBuf = path.as_ref().to_path_buf();
    match cause.kind() {
        _ if cause.raw_os_error().is_some() => Error::io("read", path, cause),
        io::ErrorKind::UnexpectedEof => Error::data(format!(
            "{}: the file ends in the middle of its compressed data",
            path.display()
        ))
        .help("it was cut short: copy, download or write it again"),
        _ => Error::data(format!("{}: the compressed data are damaged: {cause}", path.display()))
            .help("test it with 'gzip -t' or 'zstd -t'; if that fails too, get the file again"),
    }
}

fn compression(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, 0x08, ..] => Compression::Gzip,
        // A frame, or a skippable frame before one.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::None,
    }
}

struct Tally {
    bytes: u64,
    hash: Xxh3,
}

impl Tally {
    fn digest(&self) -> Digest {
        Digest { bytes: self.bytes, xxh3: self.hash.digest() }
    }
}

struct Tallied<R> {
    inner: R,
    tally: Arc<Mutex<Tally>>,
}

impl<R: Read> Read for Tallied<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.bytes += read as u64;
        tally.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use std::io::Write;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> (Result<Vec<u8>>, Digest) {
        let path = Path::new("in.bin");
        let mut stream = match Stream::over(Cursor::new(bytes), path) {
            Ok(stream) => stream,
            Err(e) => return (Err(e), Digest { bytes: 0, xxh3: 0 }),
        };
        let mut out = Vec::new();
        let result = stream.read_to_end(&mut out).map_err(|e| read_error(path, &e));
        (result.map(|_| out), stream.digest())
    }

    #[test]
    fn members_and_frames_are_joined_and_raw_bytes_are_tallied() {
        let one = b"the first part\n".repeat(20_000);
        let two = b"and the second\n".to_vec();
        let both = [one.clone(), two.clone()].concat();
        for packed in [
            both.clone(),
            [gz(&one), gz(&two)].concat(),
            [zstd::encode_all(&one[..], 1).unwrap(), zstd::encode_all(&two[..], 3).unwrap()]
                .concat(),
        ] {
            let (text, digest) = read(packed.clone());
            assert_eq!(text.unwrap(), both);
            assert_eq!(
                digest,
                Digest { bytes: packed.len() as u64, xxh3: xxhash_rust::xxh3::xxh3_64(&packed) }
            );
        }
    }

    #[test]
    fn short_and_empty_files_are_plain() {
        for bytes in [&b""[..], b"a", b"\x1f\x8b", b"\x28\xb5\x2f"] {
            assert_eq!(read(bytes.to_vec()).0.unwrap(), bytes);
        }
    }

    #[test]
    fn a_truncated_or_damaged_stream_is_an_error_naming_the_file() {
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 7).to_le_bytes())
            .collect();
        for packed in [gz(&text), zstd::encode_all(&text[..], 1).unwrap()] {
            for cut in [5, packed.len() / 2, packed.len() - 1] {
                let error = read(packed[..cut].to_vec()).0.unwrap_err();
                assert_eq!(error.kind(), Kind::Data, "{error}");
                assert!(error.message().starts_with("in.bin: "), "{error}");
            }
        }
        // gzip carries a checksum of the text.
        let mut damaged = gz(&text);
        let end = damaged.len() - 6;
        damaged[end] ^= 0x55;
        assert_eq!(read(damaged).0.unwrap_err().kind(), Kind::Data);
    }

    #[test]
    fn a_frame_that_wants_too_much_memory_is_refused() {
        // Magic, no content size, window descriptor of exponent 31 (2 GiB and more).
        let error =
            read([&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8][..], &[0; 40]].concat()).0.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{error}");
    }
}
