//! Files as a table of items, with vectors where the files hold some.

use std::path::Path;

use serde_json::Value;

use super::assemble::Assembly;
use super::columnar::Columnar;
use super::documents::source;
use super::input::{Input, Invalid, Opened, open};
use super::records::{Bad, Cell, Record};
use super::rows::RowTable;
use super::typed::TypedTable;
use super::{Format, ReaderOptions, Sources, Unit, visit_text};
use crate::error::{Error, Kind, Result};
use crate::file::{Digest, read_error};
use crate::items::Items;
use crate::linalg::{Halves, Matrix};
use crate::run::{Run, Step};

/// Rows between two reports.
const REPORT: usize = 4096;

/// What the files hold.
#[derive(Debug, Clone)]
pub struct Table {
    /// Ids and columns.
    pub items: Items,
    /// Row i is the vector of item i.
    pub vectors: Option<Matrix>,
    /// The same, where they are held so; `vectors` is `None` then.
    pub half_vectors: Option<Halves>,
    /// What was read, for provenance.
    pub sources: Vec<Value>,
    /// What the files call their columns, those of the id and the vector among them.
    pub(super) names: Vec<String>,
    /// What a Parquet or Arrow file written by `space::formats` says of itself, as JSON: geometry, provenance.
    pub about: Option<String>,
    /// Whether the vectors are stored as half floats.
    pub halves: bool,
}

/// Reads files as a table: rows of CSV, TSV, JSON Lines, Parquet or Arrow IPC; of plain text a table of one
/// column `text`. Several files must have the same columns and are joined one below the other.
///
/// - Ids: `--id`, else the column `id` if its values are unique, else 1, 2, …
/// - Kinds of columns are inferred from all their values, see [`crate::items::ColumnKind`]; `--type` overrules.
/// - Vectors: `--vector` or `--features`; unless told, a single column of lists of numbers, or columns that are
///   numbered without gaps behind a usual name (emb_0, emb_1, …). NaN and infinities are refused by row and
///   column; doubles that are no f32 are rounded, and their number is told.
pub fn table(sources: &Sources, options: &ReaderOptions, run: &Run) -> Result<Table> {
    let mut tables = Tables {
        options,
        run,
        rows: None,
        typed: None,
        bad: Bad::new(options),
        invalid: Invalid::default(),
    };
    let mut read = Vec::new();
    let (mut done, total) = (0, sources.size());
    for path in sources.paths() {
        let Some(digest) = tables.read(path, done, total)? else { continue };
        done += digest.bytes;
        // Columnar files have told of their rows.
        if tables.typed.is_none() {
            let (stage, unit, detail) = ("reading", "bytes", String::new());
            run.report(&Step { stage, done, total, unit, detail })?;
        }
        read.push(source(&path.display().to_string(), digest.bytes, digest.xxh3));
    }
    tables.invalid.tell(run);
    tables.bad.tell(run);
    let label = sources.paths().first().map(|p| p.display().to_string()).unwrap_or_default();
    let assembly = match (tables.rows, tables.typed) {
        (Some(rows), _) => rows.finish(),
        (None, Some(typed)) => typed.finish()?,
        (None, None) => Assembly::default(),
    };
    let (about, halves, names) = (assembly.about.clone(), assembly.halves, assembly.names.clone());
    let (items, vectors, half_vectors) = assembly.finish(options, &label, run)?;
    Ok(Table { items, vectors, half_vectors, sources: read, names, about, halves })
}

struct Tables<'a> {
    options: &'a ReaderOptions,
    run: &'a Run<'a>,
    rows: Option<RowTable<'a>>,
    typed: Option<TypedTable<'a>>,
    bad: Bad,
    invalid: Invalid,
}

impl Tables<'_> {
    /// Reads one file; `None` if it was left out.
    fn read(&mut self, path: &Path, done: u64, total: Option<u64>) -> Result<Option<Digest>> {
        let opened = open(path, self.options)?;
        let columnar = matches!(opened.format, Format::Parquet | Format::Arrow);
        if columnar && self.rows.is_some() || !columnar && self.typed.is_some() {
            return Err(Error::usage(format!(
                "{} is {}, the files before it are not",
                path.display(),
                opened.format.describe()
            ))
            .help("read files of one kind at a time"));
        }
        if columnar {
            self.columnar(path, opened).map(Some)
        } else {
            self.textual(path, opened, done, total)
        }
    }

    fn columnar(&mut self, path: &Path, opened: Opened) -> Result<Digest> {
        let format = opened.format;
        let mut file = Columnar::new(path, opened)?;
        let names: Vec<&str> =
            file.schema.fields().iter().take(12).map(|f| f.name().as_str()).collect();
        self.run.progress.note(&format!(
            "reading {} as {}, columns: {}",
            path.display(),
            format.describe(),
            names.join(" ")
        ));
        let table = self.typed.get_or_insert_with(|| TypedTable::new(self.options));
        table.begin(&file.schema, path, self.run)?;
        let (mut done, total) = (0, file.rows);
        while let Some(batch) = file.next()? {
            table.batch(&batch, path, &mut self.bad)?;
            done += batch.num_rows() as u64;
            let (stage, unit, detail) = ("reading", "rows", String::new());
            self.run.report(&Step { stage, done, total, unit, detail })?;
        }
        Ok(file.digest)
    }

    fn textual(
        &mut self,
        path: &Path,
        opened: Opened,
        done: u64,
        total: Option<u64>,
    ) -> Result<Option<Digest>> {
        let mut input = match Input::new(path, opened, self.options) {
            Err(e) if e.kind() == Kind::Data => return self.bad.meet(e).map(|()| None),
            input => input?,
        };
        self.run.progress.note(&format!("reading {} {}", path.display(), input.describe()));
        let table = self.rows.get_or_insert_with(|| RowTable::new(self.options));
        table.begin(input.format, &input.sniff);
        if input.format == Format::Text {
            lines(&mut input, self.options.unit, table, &mut self.bad)?;
        } else {
            let mut count = 0;
            let bad = &mut self.bad;
            let mut inner = Bad::new(self.options);
            input.rows(bad, &mut |row, read| {
                count += 1;
                if count % REPORT == 0 {
                    let (done, detail) = (done + read(), String::new());
                    self.run.report(&Step {
                        stage: "reading",
                        done,
                        total,
                        unit: "bytes",
                        detail,
                    })?;
                }
                table.row(row, path, &mut inner)
            })?;
            bad.join(inner);
            table.end(path)?;
        }
        input.check(&mut self.invalid)?;
        Ok(Some(input.digest()))
    }
}

/// Plain text as rows of one column.
fn lines(input: &mut Input, unit: Unit, table: &mut RowTable<'_>, bad: &mut Bad) -> Result<()> {
    let path = input.path.clone();
    let names = ["text".to_string()];
    let mut held = String::new();
    let mut line = 0;
    let (_, reader) = input.split();
    visit_text(reader, unit, &mut |(text, end)| {
        held.push_str(text);
        if end {
            line += 1;
            let cells = [Cell::Text(held.as_str().into())];
            table.row(Record { line, names: &names, cells: &cells }, &path, bad)?;
            held.clear();
        }
        Ok::<(), Error>(())
    })
    .map_err(|e| read_error(&path, &e))?
}
