//! Parquet and Arrow IPC (file and stream) as batches of typed columns.
//!
//! The crates that decode them trust lengths more than we do: what a hostile file claims is checked against its
//! size before they allocate, and should one of them panic all the same, that becomes an error that names the file.

use std::cell::Cell;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Format;
use super::input::Opened;
use crate::error::{Error, Result};
use crate::file::{Bytes, Compression, Digest, read_error};

thread_local! {
    /// Whether this thread is inside `guarded`.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Rows of a batch of Parquet: enough to be quick, few enough for wide rows.
const ROWS: usize = 1024;
/// A compressed file, or one from a pipe, is unpacked into memory up to this size.
const UNPACKED: u64 = 4 << 30;

/// So many batches are read before their pages are let go: a file then takes little memory, however long it is.
const RELEASE: usize = 32;
/// Bytes that are hashed before their pages are let go.
const PASS: usize = 1 << 26;

/// The hash of a file, whose pages do not stay.
fn passed_over(bytes: &Bytes) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
    for (number, part) in bytes.chunks(PASS).enumerate() {
        hash.update(part);
        bytes.release(number * PASS..number * PASS + part.len());
    }
    hash.digest()
}

/// A columnar file, ready to give batches.
pub(super) struct Columnar {
    pub(super) schema: SchemaRef,
    pub(super) digest: Digest,
    /// How many rows it has, where it says.
    pub(super) rows: Option<u64>,
    /// What it is read from, and how many batches were.
    bytes: Bytes,
    read: usize,
    batches: Box<dyn Iterator<Item = std::result::Result<RecordBatch, String>>>,
    what: &'static str,
    path: std::path::PathBuf,
}

impl Columnar {
    /// Goes on from an opened file.
    pub(super) fn new(path: &Path, opened: Opened) -> Result<Self> {
        let Opened { mut stream, head, format } = opened;
        let (bytes, digest) =
            if stream.compression() == Compression::None && stream.size().is_some() {
                let bytes = Bytes::map(path)?;
                let digest = Digest { bytes: bytes.len() as u64, xxh3: passed_over(&bytes) };
                (bytes, digest)
            } else {
                let mut bytes = head;
                (&mut stream)
                    .take(UNPACKED)
                    .read_to_end(&mut bytes)
                    .map_err(|e| read_error(path, &e))?;
                if bytes.len() as u64 >= UNPACKED {
                    return Err(Error::data(format!(
                        "{} is larger than 4 GiB when unpacked",
                        path.display()
                    ))
                    .help("unpack it into a file first"));
                }
                (Bytes::from(bytes), stream.digest())
            };
        let (schema, rows, batches) = open_columnar(bytes.clone(), format, path)?;
        let (what, path) = (format.describe(), path.to_path_buf());
        Ok(Columnar { schema, digest, rows, bytes, read: 0, batches, what, path })
    }

    /// The next batch of rows.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Columnar { batches, what, path, bytes, read, .. } = self;
        *read += 1;
        if read.is_multiple_of(RELEASE) {
            bytes.release(0..bytes.len());
        }
        match guarded(what, path, || Ok(batches.next()))? {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(e)) => Err(damaged(what, path, &e)),
        }
    }
}

/// Decodes all batches of a columnar file in memory and gives how many rows they hold: what a fuzzer drives.
pub fn check_columnar(bytes: Vec<u8>, format: Format) -> Result<usize> {
    let path = Path::new("memory");
    let (_, _, batches) = open_columnar(Bytes::from(bytes), format, path)?;
    let mut rows = 0;
    let mut batches = batches;
    while let Some(batch) = guarded(format.describe(), path, || Ok(batches.next()))? {
        rows += batch.map_err(|e| damaged(format.describe(), path, &e))?.num_rows();
    }
    Ok(rows)
}

type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, String>>>;

/// The schema, how many rows there are where that is known, and the batches.
fn open_columnar(
    bytes: Bytes,
    format: Format,
    path: &Path,
) -> Result<(SchemaRef, Option<u64>, Batches)> {
    let what = format.describe();
    guarded(what, path, || {
        if format == Format::Parquet {
            let bytes = bytes::Bytes::from_owner(bytes);
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)
                .map_err(|e| damaged(what, path, &e))?;
            let schema = SchemaRef::clone(builder.schema());
            let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
            let reader =
                builder.with_batch_size(ROWS).build().map_err(|e| damaged(what, path, &e))?;
            return Ok((
                schema,
                rows,
                Box::new(reader.map(|b| b.map_err(|e| e.to_string()))) as Batches,
            ));
        }
        if bytes.starts_with(b"ARROW1") {
            check_file(&bytes).ok_or_else(|| damaged(what, path, &"lengths beyond its end"))?;
            let reader = FileReader::try_new(Cursor::new(bytes), None)
                .map_err(|e| damaged(what, path, &e))?;
            return Ok((
                reader.schema(),
                None,
                Box::new(reader.map(|b| b.map_err(|e| e.to_string()))) as Batches,
            ));
        }
        check_stream(&bytes).ok_or_else(|| damaged(what, path, &"lengths beyond its end"))?;
        let reader =
            StreamReader::try_new(Cursor::new(bytes), None).map_err(|e| damaged(what, path, &e))?;
        Ok((
            reader.schema(),
            None,
            Box::new(reader.map(|b| b.map_err(|e| e.to_string()))) as Batches,
        ))
    })
}

/// Whether all blocks that an Arrow file lists lie within it.
fn check_file(bytes: &[u8]) -> Option<()> {
    let end = bytes.len().checked_sub(10)?;
    let length =
        usize::try_from(i32::from_le_bytes(bytes.get(end..end + 4)?.try_into().ok()?)).ok()?;
    let footer = aligned(bytes.get(end.checked_sub(length)?..end)?);
    let footer = arrow_ipc::root_as_footer(footer.get(..length)?).ok()?;
    let blocks = footer
        .recordBatches()
        .into_iter()
        .flatten()
        .chain(footer.dictionaries().into_iter().flatten());
    for block in blocks {
        let offset = u64::try_from(block.offset()).ok()?;
        let meta = u64::try_from(block.metaDataLength()).ok()?;
        let body = u64::try_from(block.bodyLength()).ok()?;
        if offset.checked_add(meta)?.checked_add(body)? > bytes.len() as u64 {
            return None;
        }
    }
    Some(())
}

/// Whether all messages of an Arrow stream lie within it.
fn check_stream(bytes: &[u8]) -> Option<()> {
    let word = |at: usize| Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let mut at = 0;
    while at < bytes.len() {
        let mut length = word(at)?;
        at += 4;
        if length == -1 {
            length = word(at)?;
            at += 4;
        }
        let length = usize::try_from(length).ok()?;
        if length == 0 {
            return Some(());
        }
        let message = aligned(bytes.get(at..at.checked_add(length)?)?);
        let message = arrow_ipc::root_as_message(message.get(..length)?).ok()?;
        let body = usize::try_from(message.bodyLength()).ok()?;
        at = at.checked_add(length)?.checked_add(body)?;
        if at > bytes.len() {
            return None;
        }
    }
    Some(())
}

/// The same bytes where a flat buffer may lie.
fn aligned(bytes: &[u8]) -> Bytes {
    Bytes::from(bytes.to_vec())
}

/// Runs what may panic on a damaged file.
fn guarded<T>(what: &str, path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    let outer = CAUGHT.replace(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    CAUGHT.set(outer);
    read.unwrap_or_else(|_| Err(damaged(what, path, &"its reader gave up")))
}

/// Whether a panic of this thread is about to become an error of ours, so that a program's panic hook need not
/// tell of it.
pub fn panic_is_caught() -> bool {
    CAUGHT.get()
}

fn damaged(what: &str, path: &Path, cause: &dyn std::fmt::Display) -> Error {
    let cause = cause.to_string();
    if cause.contains("decompression requires") {
        return Error::data(format!(
            "{}: its columns are compressed, which is not read here",
            path.display()
        ))
        .help(
            "write it as Parquet, or uncompressed: to_feather(path, compression='uncompressed')",
        );
    }
    let cause: String = cause.chars().take(200).collect();
    Error::data(format!("{} is damaged, or no {what}: {cause}", path.display()))
        .help("write or download it again")
}
