//! What the writers have in common: the live vectors of a field, names that fit a format, and atomic files.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use rayon::prelude::*;

use super::options::ExportOptions;
use crate::error::{Error, Result};
use crate::file::{self, NewFile};
use crate::run::{Run, Step};
use crate::space::{Dtype, Field, Row, Space};

/// Rows formatted by one task, and tasks between two writes. Fixed, so that bytes do not depend on threads.
const TASK: usize = 128;
const BATCH: usize = 64 * TASK;

/// The vectors of one field, live items only.
pub(super) struct Vectors<'a> {
    pub(super) space: &'a Space,
    pub(super) field: Field,
    pub(super) rows: Vec<Row>,
}

impl<'a> Vectors<'a> {
    pub(super) fn new(space: &'a Space, field: &str) -> Result<Self> {
        let field = space.field(field)?;
        Ok(Vectors { space, field, rows: space.live().collect() })
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn dim(&self) -> usize {
        self.field.dim()
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.field.about().dtype
    }

    /// Each id and vector in order.
    pub(super) fn each(
        &self,
        run: &Run,
        mut take: impl FnMut(&str, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let mut vector = vec![0.0; self.dim()];
        for (place, &row) in self.rows.iter().enumerate() {
            if place % BATCH == 0 {
                self.report(place, run)?;
            }
            self.field.read(row, &mut vector);
            take(self.space.id(row), &vector)?;
        }
        Ok(())
    }

    /// A line for each item, made in parallel and written in order. `line` is given the place among the live items.
    pub(super) fn lines(
        &self,
        out: &mut dyn Write,
        run: &Run,
        line: impl Fn(usize, &str, &[f32], &mut Vec<u8>) + Sync,
    ) -> Result<()> {
        let pool = super::pool(run)?;
        for (batch, rows) in self.rows.chunks(BATCH).enumerate() {
            self.report(batch * BATCH, run)?;
            let texts = || {
                rows.par_chunks(TASK)
                    .enumerate()
                    .map(|(task, rows)| {
                        let mut text = Vec::with_capacity(rows.len() * (self.dim() + 1) * 12);
                        let mut vector = vec![0.0; self.dim()];
                        for (i, &row) in rows.iter().enumerate() {
                            self.field.read(row, &mut vector);
                            line(
                                batch * BATCH + task * TASK + i,
                                self.space.id(row),
                                &vector,
                                &mut text,
                            );
                        }
                        text
                    })
                    .collect::<Vec<Vec<u8>>>()
            };
            for text in pool.install(texts) {
                put(out, &text)?;
            }
        }
        Ok(())
    }

    /// The numbers alone, as little-endian f32 or f16, whichever the field is kept in.
    pub(super) fn numbers(&self, out: &mut dyn Write, run: &Run) -> Result<()> {
        let mut bytes = Vec::with_capacity(1 << 17);
        let half = self.dtype() == Dtype::F16;
        self.each(run, |_, vector| {
            if half {
                bytes.extend(vector.iter().flat_map(|&x| half::f16::from_f32(x).to_le_bytes()));
            } else {
                bytes.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
            }
            if bytes.len() > 1 << 16 {
                put(out, &bytes)?;
                bytes.clear();
            }
            Ok(())
        })?;
        put(out, &bytes)
    }

    fn report(&self, done: usize, run: &Run) -> Result<()> {
        let total = Some(self.count() as u64);
        run.report(&Step {
            stage: "writing",
            done: done as u64,
            total,
            unit: "vectors",
            ..Step::default()
        })
    }
}

/// Ids as formats without quoting can hold them: no spaces, not empty, still unique.
pub(super) struct Names(Option<String>);

impl Names {
    /// Checks all ids before anything is written.
    pub(super) fn check(
        vectors: &Vectors<'_>,
        options: &ExportOptions,
        format: &str,
    ) -> Result<Self> {
        let names = Names(options.replace_spaces.clone());
        if let Some(stand_in) =
            options.replace_spaces.as_deref().filter(|s| s.is_empty() || s.contains(blank))
        {
            return Err(Error::usage(format!("'{stand_in}' cannot stand for a space"))
                .help("for example --replace-spaces _"));
        }
        let odd = |id: &str| id.is_empty() || id.contains(blank);
        let mut changed = false;
        for &row in &vectors.rows {
            let id = vectors.space.id(row);
            if !odd(id) {
                continue;
            }
            if options.replace_spaces.is_none() || id.is_empty() {
                let what = if id.is_empty() { "an empty id" } else { "an id with spaces" };
                return Err(Error::data(format!("{format} cannot hold {what}, as of row {} ('{id}')", row.0))
                    .help("write them as _: --replace-spaces _, or choose another format (parquet, csv, safetensors)"));
            }
            changed = true;
        }
        if changed {
            let mut seen = HashSet::with_capacity(vectors.count());
            for &row in &vectors.rows {
                let id = vectors.space.id(row);
                if !seen.insert(names.fit(id)) {
                    return Err(Error::data(format!("with its spaces replaced, id '{id}' is like another"))
                        .help("choose another --replace-spaces, or another format (parquet, csv, safetensors)"));
                }
            }
        }
        Ok(names)
    }

    /// The id as it is written.
    pub(super) fn fit<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Some(stand_in) if id.contains(blank) => Cow::Owned(id.replace(blank, stand_in)),
            _ => Cow::Borrowed(id),
        }
    }
}

/// The separators of word2vec's tools, which know ASCII only.
fn blank(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == '\x0b' || letter == '\0'
}

/// Writes, or says that it could not; `file::publish` puts the file's name to the error.
pub(super) fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(|e| Error::io("write", "the output", &e))
}

/// Publishes one file, compressed where its name ends in `.gz` or `.zst`.
pub(super) fn publish(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    file::publish(path, |file| pack(path, file, write)).map(drop)
}

/// Publishes two files that belong together, `main` last. A kill leaves the old pair, no `main`, or the new pair.
pub(super) fn publish_pair(
    beside: &Path,
    write_beside: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    main: &Path,
    write_main: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    for path in [beside, main] {
        if path.is_dir() {
            return Err(Error::usage(format!("{} is a folder", path.display()))
                .help("name a file to write"));
        }
    }
    let temporary = |path: &Path| file::with_suffix(path, ".tmp");
    let _sweep = Sweep(vec![temporary(beside), temporary(main)]);
    write_new(&temporary(beside), beside, write_beside)?;
    write_new(&temporary(main), main, write_main)?;
    if main.exists() {
        file::remove(main)?;
        file::sync_dir(file::parent(main))?;
    }
    file::rename(&temporary(beside), beside)?;
    file::sync_dir(file::parent(beside))?;
    file::rename(&temporary(main), main)?;
    file::sync_dir(file::parent(main))
}

fn write_new(
    temporary: &Path,
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    if temporary.exists() {
        file::remove(temporary)?;
    }
    let mut file = NewFile::create(temporary)?;
    pack(path, &mut file, write)
        .map_err(|e| if e.kind() == crate::error::Kind::Io { file.blame(&e) } else { e })?;
    file.finish().map(drop)
}

/// Removes what is left of temporary files.
struct Sweep(Vec<std::path::PathBuf>);

impl Drop for Sweep {
    fn drop(&mut self) {
        for path in &self.0 {
            drop(std::fs::remove_file(path));
        }
    }
}

fn pack(
    path: &Path,
    file: &mut NewFile,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let failed = |e: std::io::Error| Error::io("write", path, &e);
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => {
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
            write(&mut packed)?;
            packed.finish().map(drop).map_err(failed)
        }
        Some("zst") => {
            let mut packed = zstd::Encoder::new(file, 0).map_err(failed)?;
            write(&mut packed)?;
            packed.finish().map(drop).map_err(failed)
        }
        _ => write(file),
    }
}
