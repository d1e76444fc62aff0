//! Documents out of files.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::arrays::{is_text, normalised, show};
use super::columnar::Columnar;
use super::documents::source;
use super::input::{Input, Invalid, open};
use super::records::{Bad, find_column, tidy_names};
use super::roles::Roles;
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
pub(super) struct Receiver<'a> {
    run: &'a Run<'a>,
    each: &'a mut dyn FnMut(Piece<'_>) -> Result<()>,
    pub(super) number: u64,
    pending: usize,
    done: u64,
    total: Option<u64>,
}

impl Receiver<'_> {
    pub(super) fn give(
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
