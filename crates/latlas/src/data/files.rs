//! Documents out of files.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::arrays::{is_text, normalised, show};
use super::columnar::Columnar;
use super::documents::source;
use super::input::{Input, Invalid, Sniff, open};
use super::records::{Bad, Record, find_column, tidy_names};
use super::{DocumentId, Documents, Format, Piece, ReaderOptions, Sources, Unit, visit_text};
use crate::error::{Error, Kind, Result};
use crate::file::read_error;
use crate::run::{Run, Step};

/// Bytes of text between two reports.
const REPORT: usize = 1 << 20;

/// The documents of files, see [`documents`].
pub struct FileDocuments<'a> {
    sources: &'a Sources,
    options: &'a ReaderOptions,
    run: &'a Run<'a>,
}

/// The documents of these files: lines, paragraphs or whole files of plain text, rows of everything else. The
/// files are read when the documents are visited, and each visit reads them again.
///
/// Ids are those of the id column, paths (`--id path`, and wherever the unit is a file) or numbers that go on from
/// file to file. Rows without text are no documents.
pub fn documents<'a>(
    sources: &'a Sources,
    options: &'a ReaderOptions,
    run: &'a Run<'a>,
) -> Result<FileDocuments<'a>> {
    if let Some(label) = &options.encoding {
        super::encoding(label)?;
    }
    Ok(FileDocuments { sources, options, run })
}

impl Documents for FileDocuments<'_> {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        let mut bad = Bad::new(self.options);
        let mut invalid = Invalid::default();
        let mut notes = HashSet::new();
        let mut read = Vec::new();
        let mut to = Receiver {
            run: self.run,
            each,
            number: 0,
            pending: 0,
            done: 0,
            total: self.sources.size(),
        };
        for path in self.sources.paths() {
            let opened = open(path, self.options)?;
            let digest = if matches!(opened.format, Format::Parquet | Format::Arrow) {
                let mut file = Columnar::new(path, opened)?;
                batches(&mut file, path, self.options, &mut to)?;
                file.digest
            } else {
                let mut input = match Input::new(path, opened, self.options) {
                    Err(e) if e.kind() == Kind::Data => {
                        bad.meet(e)?;
                        continue;
                    }
                    opened => opened?,
                };
                let roles =
                    (input.format != Format::Text).then(|| Roles::new(&input.sniff, self.options));
                let description =
                    input.describe() + &roles.as_ref().map(Roles::describe).unwrap_or_default();
                if notes.insert(description.clone()) {
                    self.run.progress.note(&format!("reading {} {description}", path.display()));
                }
                match roles {
                    None => text(&mut input, self.options, &mut to)?,
                    Some(mut roles) => rows(&mut input, &mut roles, &mut bad, &mut to)?,
                }
                input.check(&mut invalid)?;
                input.digest()
            };
            to.done += digest.bytes;
            read.push(source(&path.display().to_string(), digest.bytes, digest.xxh3));
        }
        invalid.tell(self.run);
        bad.tell(self.run);
        Ok(read)
    }
}

/// Whom documents are given to, and how far the reading is.
struct Receiver<'a> {
    run: &'a Run<'a>,
    each: &'a mut dyn FnMut(Piece<'_>) -> Result<()>,
    number: u64,
    pending: usize,
    done: u64,
    total: Option<u64>,
}

impl Receiver<'_> {
    fn give(
        &mut self,
        id: DocumentId<'_>,
        text: &str,
        end: bool,
        read: &dyn Fn() -> u64,
    ) -> Result<()> {
        (self.each)(Piece { id, text, end })?;
        self.pending += text.len() + 1;
        if self.pending >= REPORT {
            self.pending = 0;
            let done = self.done + read();
            self.run.report(&Step {
                stage: "reading",
                done,
                total: self.total,
                unit: "bytes",
                detail: String::new(),
            })?;
        }
        Ok(())
    }
}

fn text(input: &mut Input, options: &ReaderOptions, to: &mut Receiver<'_>) -> Result<()> {
    let path = input.path.clone();
    let name = path.display().to_string();
    let by_path = match options.id.as_deref() {
        None => options.unit == Unit::File,
        Some("path") => true,
        Some("row") => false,
        Some(column) => {
            return Err(Error::usage(format!(
                "{name} is plain text and has no column '{column}' for ids"
            ))
            .help("use --id path or --id row, or name its --format"));
        }
    };
    // Within one file, more than one document cannot all be called by its path.
    let numbered = by_path && options.unit != Unit::File;
    let (tally, reader) = input.split();
    let mut within = 0;
    let mut open = false;
    let done = visit_text(reader, options.unit, &mut |(text, end)| {
        if !open {
            to.number += 1;
            within += 1;
        }
        open = !end;
        let read = || tally().bytes;
        if numbered {
            to.give(DocumentId::Name(&format!("{name}:{within}")), text, end, &read)
        } else if by_path {
            to.give(DocumentId::Name(&name), text, end, &read)
        } else {
            to.give(DocumentId::Number(to.number), text, end, &read)
        }
    });
    done.map_err(|e| read_error(&path, &e))?
}

fn rows(input: &mut Input, roles: &mut Roles, bad: &mut Bad, to: &mut Receiver<'_>) -> Result<()> {
    let path = input.path.clone();
    let mut names = Vec::new();
    input.rows(bad, &mut |row, read| {
        if names.len() != row.names.len() {
            names = row.names.to_vec();
            roles.resolve(row.names);
        }
        roles.document(row, &path, to, read)
    })?;
    roles.found(&names, &path)
}

/// The rows of a columnar file: its text column must be one of text.
fn batches(
    file: &mut Columnar,
    path: &Path,
    options: &ReaderOptions,
    to: &mut Receiver<'_>,
) -> Result<()> {
    let names = tidy_names(file.schema.fields().iter().map(|f| f.name().clone()));
    let schema = file.schema.clone();
    let texts = || {
        let text = |at: &usize| {
            is_text(schema.field(*at).data_type()) && names.get(*at).is_some_and(|n| n != "id")
        };
        (0..names.len()).filter(text)
    };
    let text = match &options.text {
        Some(name) => find_column(&names, name, path)?,
        None => match (
            names.iter().position(|n| n.eq_ignore_ascii_case("text")),
            texts().next(),
            texts().nth(1),
        ) {
            (Some(at), ..) | (None, Some(at), None) => at,
            (None, None, _) => {
                return Err(Error::data(format!("{} has no column of text", path.display()))
                    .help(format!("its columns are {}", names.join(", "))));
            }
            (None, Some(_), Some(_)) => {
                let shown: Vec<&str> =
                    texts().filter_map(|at| names.get(at)).map(String::as_str).collect();
                return Err(Error::usage(format!(
                    "{} has several columns of text",
                    path.display()
                ))
                .help(format!("choose one with --text: {}", shown.join(", "))));
            }
        },
    };
    let id = match options.id.as_deref() {
        Some("path" | "row") => None,
        Some(name) => Some(find_column(&names, name, path)?),
        None => names.iter().position(|name| name == "id"),
    };
    let name = |at: usize| names.get(at).map_or("?", String::as_str);
    to.run.progress.note(&format!(
        "reading {} as columns {}; the text of a row is column '{}', its id is {}",
        path.display(),
        names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(" "),
        name(text),
        id.map_or("its number".to_string(), |at| format!("column '{}'", name(at)))
    ));
    let mut row_in_file = 0;
    while let Some(batch) = file.next()? {
        let column = |at: usize| match normalised(batch.column(at)) {
            Ok(Some((_, values))) => Ok(values),
            Ok(None) => {
                Err(Error::data(format!("{}: column '{}' holds no text", path.display(), name(at))))
            }
            Err(e) => Err(Error::data(format!("{}: column '{}': {e}", path.display(), name(at)))),
        };
        let texts = column(text)?;
        let ids = id.map(column).transpose()?;
        for row in 0..batch.num_rows() {
            to.number += 1;
            row_in_file += 1;
            let Some(text) = show(&texts, row) else { continue };
            let read = || 0;
            match (&ids, options.id.as_deref()) {
                (Some(ids), _) => {
                    let id = show(ids, row).ok_or_else(|| {
                        Error::data(format!(
                            "{}, row {row_in_file}: no value in the id column",
                            path.display()
                        ))
                        .help("--id row numbers the rows instead")
                    })?;
                    to.give(DocumentId::Name(&id), &text, true, &read)?;
                }
                (None, Some("path")) => {
                    let id = format!("{}:{row_in_file}", path.display());
                    to.give(DocumentId::Name(&id), &text, true, &read)?;
                }
                (None, _) => to.give(DocumentId::Number(to.number), &text, true, &read)?,
            }
        }
    }
    Ok(())
}

/// Which columns ids and texts come from.
pub(super) struct Roles {
    id: Role,
    text: Option<String>,
    text_at: Option<usize>,
    id_at: Option<usize>,
}

/// Where ids come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// A column, given or guessed.
    Column(String),
    /// The path.
    Path,
    /// The number.
    Row,
}

impl Roles {
    pub(super) fn new(sniff: &Sniff, options: &ReaderOptions) -> Self {
        let id = match options.id.as_deref() {
            Some("path") => Role::Path,
            Some("row") => Role::Row,
            Some(column) => Role::Column(column.to_string()),
            None if sniff.names.iter().any(|name| name == "id") => Role::Column("id".to_string()),
            None => Role::Row,
        };
        let text = options.text.clone().or_else(|| guess_text(sniff, &id));
        Roles { id, text, text_at: None, id_at: None }
    }

    pub(super) fn describe(&self) -> String {
        let id = match &self.id {
            Role::Column(name) => format!("column '{name}'"),
            Role::Path => "its path".to_string(),
            Role::Row => "its number".to_string(),
        };
        let text = self.text.as_deref().unwrap_or("?");
        format!("; the text of a row is column '{text}', its id is {id}")
    }

    fn resolve(&mut self, names: &[String]) {
        let find = |wanted: &str| find_column(names, wanted, Path::new("")).ok();
        self.text_at = self.text.as_deref().and_then(find);
        self.id_at = if let Role::Column(name) = &self.id { find(name) } else { None };
    }

    fn document(
        &self,
        row: Record<'_>,
        path: &Path,
        to: &mut Receiver<'_>,
        read: &dyn Fn() -> u64,
    ) -> Result<()> {
        let value =
            |at: Option<usize>| at.and_then(|at| row.cells.get(at)).and_then(|cell| cell.text());
        to.number += 1;
        let Some(text) = value(self.text_at) else { return self.missing(row, path) };
        match &self.id {
            Role::Row => to.give(DocumentId::Number(to.number), text, true, read),
            Role::Path => to.give(
                DocumentId::Name(&format!("{}:{}", path.display(), row.line)),
                text,
                true,
                read,
            ),
            Role::Column(name) => {
                let id = value(self.id_at).ok_or_else(|| {
                    if self.id_at.is_none() && !row.names.is_empty() {
                        find_column(row.names, name, path)
                            .err()
                            .unwrap_or_else(|| Error::data("no id"))
                    } else {
                        Error::data(format!(
                            "{}, line {}: no value in the id column '{name}'",
                            path.display(),
                            row.line
                        ))
                        .help("--id row numbers the rows instead")
                    }
                })?;
                to.give(DocumentId::Name(id), text, true, read)
            }
        }
    }

    /// A row without text is no document; a column that does not exist is an error, at once where all columns
    /// are known.
    fn missing(&self, row: Record<'_>, path: &Path) -> Result<()> {
        match (&self.text, self.text_at) {
            (Some(text), None)
                if !row.names.is_empty()
                    && path.as_os_str() != ""
                    && row.cells.len() == row.names.len() =>
            {
                // JSON may bring the key later; `found` looks again at the end.
                if Format::by_name(path) == Some(Format::Jsonl) {
                    Ok(())
                } else {
                    find_column(row.names, text, path).map(drop)
                }
            }
            _ => Ok(()),
        }
    }

    /// At the end of a file: whether the text column was there.
    fn found(&self, names: &[String], path: &Path) -> Result<()> {
        match &self.text {
            Some(text) if !names.is_empty() => find_column(names, text, path).map(drop),
            _ => Ok(()),
        }
    }
}

/// The column called `text`, else the one with the longest values.
pub(super) fn guess_text(sniff: &Sniff, id: &Role) -> Option<String> {
    if let Some(name) = sniff.names.iter().find(|name| name.eq_ignore_ascii_case("text")) {
        return Some(name.clone());
    }
    let free =
        |name: &&String| !matches!(id, Role::Column(id) if *name == id) || sniff.names.len() == 1;
    let (_, name) = sniff
        .lengths
        .iter()
        .zip(&sniff.names)
        .filter(|(_, name)| free(name))
        .max_by_key(|(length, _)| **length)?;
    Some(name.clone())
}
